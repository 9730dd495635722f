/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures and masks in the folders that MVTec AD has:
 *
 *     ROOT/CLASS/test/good/000.png
 *     ROOT/CLASS/test/scratch/000.png
 *     ROOT/CLASS/ground_truth/scratch/000_mask.png
 */
#ifndef DEMO_DATA_SET_H
#define DEMO_DATA_SET_H

#include "pictures/picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sample {
    char *path;
    char *kind;        /* the folder: "good", or a defect */
    bool good;
    picture picture;
    uint8_t *mask;     /* of the picture's size: 1 where there is a defect, else 0 */
    size_t marked;     /* how many are 1 */
} sample;

typedef struct data_set {
    sample *samples;   /* good ones first, then by the defects' and the files' names */
    size_t count;
} data_set;

/* Reads all pictures of a class's test folder. Says what is wrong and returns false where one cannot be read, where
   a defect has no mask of its picture's size or one that marks nothing, or where there are no pictures. */
bool data_set_read(const char *root, const char *class_name, data_set *set);
void data_set_free(data_set *set); /* and empties it */

#endif
