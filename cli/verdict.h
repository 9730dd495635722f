/* SPDX-License-Identifier: Apache-2.0
 *
 * What a map says of the inspected part: score, verdict and regions; and the pictures that show it.
 */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include "picture_file.h"

typedef struct thresholds {
    float high, low;            /* NaN: not given */
} thresholds;

typedef struct verdict {
    picture_map map;            /* its values are the verdict's; NULL: the output was not looked at */
    float score;                /* the largest value; NaN where one is not a number */
    const char *word;           /* "OK", "unsure" or "NG"; NULL without a threshold */
    float reached;              /* the threshold that the score reached, and the regions are of; else NaN */
    picture_region *regions;    /* in pixels of the shown picture; without one, of the map */
    size_t region_count;
} verdict;

/* `shown` may be NULL. */
exit_status verdict_make(const haya_tensor *tensor, const char *name, const thresholds *thresholds,
                         const picture *shown, verdict *v);
void verdict_free(verdict *v);

void verdict_print(const verdict *v, const char *name);
void verdict_json(const verdict *v, json_t *output); /* adds its keys */

/* Draws the map as a PNG: as a heat map, at the size of the shown picture if there is one, or over that picture.
   On failure errno says why. */
bool verdict_draw(const verdict *v, const picture *shown, bool overlay, FILE *to);

#endif
