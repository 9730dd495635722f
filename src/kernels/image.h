/* SPDX-License-Identifier: Apache-2.0
 *
 * Where convolutions read their input and write their output: pixels found through strides, and a copy of the input
 * for those layouts that can't be read in place at speed.
 */
#ifndef HAYA_KERNELS_IMAGE_H
#define HAYA_KERNELS_IMAGE_H

#include "kernels/vec.h"

/* [n, height, width, channels]; pixel (y, x) lies at (y >> shift, x >> shift). */
typedef struct hy_image {
    const hy_f32 *data;
    int64_t height, width;              /* as it is read */
    int64_t batch, row, pixel, channel; /* strides in elements */
    int shift;                          /* 1: each pixel in memory is read as 2 x 2; else 0 */
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

/* What a convolution reads: in[0], or its enlargement. */
static inline hy_image hy_image_of_call(const hy_call *call, const void *memory)
{
    hy_image image = hy_image_of(&call->in[0], memory);
    image.shift = call->upsample2;
    image.height <<= image.shift;
    image.width <<= image.shift;
    return image;
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

/* Makes a dense image [n, height, width, channels] at `to`: what the call reads, shifted down and right by the padding
   and cut off at height and width, zeros around it. */
hy_image hy_image_copy(const hy_call *call, const void *memory, int64_t pad_top, int64_t pad_left, int64_t height,
                       int64_t width, float *to, hy_team *team);

#endif
