/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures as inputs, and outputs that are maps: one value for each pixel.
 */
#ifndef CLI_PICTURE_FILE_H
#define CLI_PICTURE_FILE_H

#include "pictures/picture.h"
#include "report.h"

#include <stdio.h>

/* What becomes of a picture's numbers: ((x * 255 / white) - mean) / deviation. */
typedef struct picture_options {
    float mean, deviation;
    float white;           /* 0: the file's own */
    bool bgr;
} picture_options;

/* Reads what is left of `from`, a picture, for an input of shape [N,height,width,channels], whose open dimensions
   are the picture's. The picture itself is kept for drawing; both are to be freed. */
exit_status picture_file_read(FILE *from, const char *file, const haya_value *input, const picture_options *options,
                              haya_tensor *tensor, picture *kept);

/* Reports a failure of the pictures' library. */
exit_status fail_picture(const picture_error *error);

/* Whether an output is a map: [1,H,W], [1,H,W,1] or [H,W], none of them empty. */
bool is_map(const haya_shape *shape);

/* The map that an output holds, as float32 values to be freed. */
exit_status map_of(const haya_tensor *tensor, const char *name, picture_map *map);

/* Writes 0..1 as a grey PNG of 8 or 16 bits, and says how many values lie outside and were cut off. On failure
   errno says why. */
bool map_write_png(FILE *to, const picture_map *map, int bits, size_t *outside);

#endif
