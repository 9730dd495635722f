/* SPDX-License-Identifier: Apache-2.0
 *
 * Where convolutions read their input and write their output: pixels found through strides, and a copy of the input
 * for those layouts that can't be read in place at speed.
 */
#ifndef HAYA_KERNELS_IMAGE_H
#define HAYA_KERNELS_IMAGE_H

#include "kernels/vec.h"

/* [n, height, width, channels] */
typedef struct hy_image {
    const hy_f32 *data;
    int64_t height, width;
    int64_t batch, row, pixel, channel; /* strides in elements */
} hy_image;

/* A convolution's output pixels, [n, height, width], and which input pixel a tap of the filter reads for each of
   them: (y * step_y + offset_y, x * step_x + offset_x). */
typedef struct hy_grid {
    int64_t batch, height, width;
    int64_t step_y, step_x;
} hy_grid;

#define hy_image_offsets HY_ISA_SYMBOL(hy_image_offsets)
#define hy_image_tap HY_ISA_SYMBOL(hy_image_tap)
#define hy_image_copy HY_ISA_SYMBOL(hy_image_copy)

static inline hy_image hy_image_of(const hy_view *view, const void *memory)
{
    return (hy_image){.data = (const hy_f32 *)memory + view->offset, .height = view->dims[1],
                      .width = view->dims[2], .batch = view->strides[0], .row = view->strides[1],
                      .pixel = view->strides[2], .channel = view->strides[3]};
}

/* Channels of one pixel are neighbours in memory. */
static inline bool hy_image_is_packed(const hy_view *view)
{
    return view->strides[3] == 1 || view->dims[3] <= 1;
}

/* offsets[i]: channel 0 of pixel number first + i of `view` [n, height, width, channels], in elements. */
void hy_image_offsets(const hy_view *view, int64_t first, int64_t count, int64_t *offsets);

/* pointers[i]: what a tap reads for grid pixel number first + i; `zeros` where it lies outside the image. */
void hy_image_tap(const hy_image *image, const hy_grid *grid, int64_t offset_y, int64_t offset_x,
                  const hy_f32 *zeros, int64_t first, int64_t count, const hy_f32 **pointers);

/* Makes a dense image [n, height, width, channels] at `to`: the view, shifted down and right by the padding and cut
   off at height and width, zeros around it. */
hy_image hy_image_copy(const hy_view *view, const void *memory, int64_t pad_top, int64_t pad_left, int64_t height,
                       int64_t width, float *to, hy_team *team);

#endif
