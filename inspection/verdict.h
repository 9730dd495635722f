/* SPDX-License-Identifier: Apache-2.0
 *
 * What a map says of the inspected part: score, verdict and regions.
 */
#ifndef HAYA_INSPECTION_VERDICT_H
#define HAYA_INSPECTION_VERDICT_H

#include "map.h"
#include "roi.h"

/* In the order of severity. */
typedef enum verdict_decision { VERDICT_NONE, VERDICT_OK, VERDICT_UNSURE, VERDICT_NG } verdict_decision;

/* "OK", "unsure" or "NG"; NULL for none. */
const char *verdict_word(verdict_decision decision);

typedef struct verdict {
    picture_map map;              /* smoothed; its values are the verdict's */
    double score;                 /* NaN where a value of the map is not a number */
    verdict_decision decision;    /* unsure without a score; none without thresholds */
    float region_threshold;       /* that the regions reach; NaN where no threshold was reached */
    picture_region *regions;      /* by their peaks, largest first; in pixels of width x height */
    size_t region_count;
} verdict;

/* Judges the map of a class, which becomes the verdict's, also on failure: smooths it, and finds score, verdict
   and, where a threshold was reached, regions. Regions are told in the pixels of a picture of width x height that
   the map covers; 0: in the map's own. They are at or above the threshold that was reached or, where the score is
   an area, the one that areas are counted by. */
haya_status verdict_make(const settings_class *how, picture_map *map, int width, int height, verdict *v,
                         haya_error *error);

/* The same for a map of the part of a picture that is of interest. Of its values, those count that cover a pixel
   inside of the mask, be it only in part; the others neither smooth into these nor decide, and become 0. Regions are
   told in the pixels of the whole picture. */
haya_status verdict_make_within(const settings_class *how, picture_map *map, const roi_area *roi, verdict *v,
                                haya_error *error);

void verdict_free(verdict *v); /* and empties it */

#endif
