/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts, told and drawn.
 */
#ifndef CLI_VERDICT_PRINT_H
#define CLI_VERDICT_PRINT_H

#include "inspection/verdict.h"
#include "report.h"

#include <stdio.h>

/* What is judged or drawn: a class of the settings, or an output that is looked at as a map. */
typedef struct judgement {
    settings_class how;         /* its strings are the settings' or the program's */
    bool is_class;
    size_t output;              /* of the plan */
    verdict verdict;
} judgement;

void judgement_print(const judgement *j);
void judgement_json(const judgement *j, json_t *object); /* adds score, verdict and regions */
json_t *class_json(const judgement *j, const char *output);

/* Draws the map as a PNG: as a heat map, at the size of the part of the shown picture that it covers, if there is
   one, or over that picture, in which what is not of interest is dark. On failure errno says why. */
bool judgement_draw(const judgement *j, const picture *shown, const roi_area *roi, bool overlay, FILE *to);

/* The same for all judgements that are classes: the largest of their maps, which have one size, as a heat map; or
   their regions in their colours, over the picture. */
bool classes_draw(const judgement *judgements, size_t count, const picture *shown, const roi_area *roi,
                  bool overlay, FILE *to);

#endif
