/* SPDX-License-Identifier: Apache-2.0
 *
 * The models' classes, their pictures, and what the models say of them.
 */
#ifndef DEMO_GALLERY_H
#define DEMO_GALLERY_H

#include "data_set.h"
#include "engine.h"
#include "inspection/verdict.h"

/* A model that knows a class. */
typedef struct judge {
    model *model;
    size_t class_index;          /* in the model's settings */
    verdict *verdicts;           /* for each picture of the class; maps and regions in the picture's pixels */

    /* Of the pictures' verdicts. */
    size_t good, good_ok;        /* good pictures, and those of them that are OK */
    size_t defects, defects_ng;  /* pictures with defects, and those of them that are NG */
    size_t unsure;               /* of all */
    double picture_auroc, pixel_auroc;
} judge;

typedef struct class {
    const char *name;
    picture_rgb color;
    data_set set;
    judge *judges;               /* in the order of the models */
    size_t judge_count;
} class;

typedef struct gallery {
    engine engine;
    class *classes;              /* in the order in which models name them */
    size_t class_count;
    size_t picture_count, run_count;
} gallery;

/* Opens the models, reads their classes' pictures below `root`, makes all verdicts, and then runs each model
   `rounds` times more on each of its pictures: after another model where the structure has more than one, and at
   once again; the two must agree to the bit. Says what is wrong and returns false. */
bool gallery_make(gallery *all, char *const *paths, size_t count, const char *root, size_t rounds);
void gallery_free(gallery *all);

#endif
