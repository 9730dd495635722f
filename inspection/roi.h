/* SPDX-License-Identifier: Apache-2.0
 *
 * The region of interest of a picture: a box, to which it is cut before anything else, or a mask, outside which
 * nothing counts. Nothing here does input or output.
 */
#ifndef HAYA_INSPECTION_ROI_H
#define HAYA_INSPECTION_ROI_H

#include "pictures/picture.h"

typedef struct roi_box {
    int left, top, width, height;
} roi_box;

/* What is wrong, in one sentence without the file. */
typedef struct roi_refusal {
    char why[192];
} roi_refusal;

/* Whether `text` is meant as a box, X,Y,W,H, and not as a file: numbers and commas alone. */
bool roi_is_box(const char *text);
bool roi_box_parse(const char *text, roi_box *box, roi_refusal *refusal);

/* That the box lies in the picture. */
bool roi_box_check(const roi_box *box, int width, int height, roi_refusal *refusal);

/* The box's part of a picture, copied. */
picture_status roi_box_cut(const roi_box *box, const picture *from, picture *to, picture_error *error);

/* A byte for each pixel of a picture: 1 inside, 0 outside. */
typedef struct roi_mask {
    int width, height;
    uint8_t *inside;
} roi_mask;

/* From a picture, in which what is not 0 in any channel is inside. Refuses one without any. On failure `mask` is
   empty. */
bool roi_mask_make(const picture *from, roi_mask *mask, roi_refusal *refusal);
void roi_mask_free(roi_mask *mask); /* and empties it */

/* How many pixels are inside. */
int64_t roi_mask_area(const roi_mask *mask);

/* Whether any pixel of the box, which lies in the mask, is inside. */
bool roi_mask_touches(const roi_mask *mask, int left, int top, int width, int height);

/* The mask for a map that covers the same picture at another size. A pixel of the map is inside where any pixel of
   the picture that it covers, if only in part, is inside: what lies in the region is never lost. */
bool roi_mask_scale(const roi_mask *mask, int width, int height, roi_mask *scaled);

/* `outside` in place of all values that are not inside; the mask has the size of the map. */
void roi_mask_apply(const roi_mask *mask, float *values, float outside);

/* What counts of a picture: of the box, which is all of the picture where there is none, what is inside of the
   mask, which is without pixels where there is none. */
typedef struct roi_area {
    roi_box box;
    roi_mask mask; /* of the picture's size */
} roi_area;

/* Makes what does not count of a picture of width x height darker, and draws a line around what does, outside of
   it. The picture lies in the canvas's top left corner. */
void roi_draw(const roi_area *roi, int width, int height, picture_canvas *canvas);

#endif
