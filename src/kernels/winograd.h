/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the short convolutions share: winograd.c cuts the work and runs it, winograd_inputs.c,
 * winograd_weights.c and winograd_outputs.c transform, and winograd_transforms.h holds the transforms themselves.
 */
#ifndef HAYA_KERNELS_WINOGRAD_H
#define HAYA_KERNELS_WINOGRAD_H

#include "kernels/gemm.h"
#include "kernels/image.h"
#include "kernels/winograd_transforms.h"

enum { HY_WINOGRAD_COLUMNS = 64 }; /* output channels that are worked on together: one panel, or some */

typedef struct hy_winograd_layout {
    hy_form form;
    int pixels, products;   /* of the form, in one dimension */
    int outputs;
    int64_t ci, co, column_blocks;
    int64_t tiles_h, tiles_w, tiles;
    bool weights_first;
    int64_t block_tiles;    /* weights first: tiles of a task; else all */
    int64_t block_k;        /* input channels whose weights are transformed at once */
    int64_t v_row, v_slot;  /* strides of transformed inputs [pixel][tile][ci], in floats */
    int64_t u_slot;         /* strides of transformed weights [panel][product][k][column of the panel] */
    int64_t m_slot;         /* strides of sums [panel][product][tile][column of the panel] */
    size_t zeros, shared, worker;  /* bytes of scratch: a pixel of zeros, what all workers share, each worker's own */
} hy_winograd_layout;

typedef struct hy_winograd {
    const hy_call *call;
    hy_winograd_layout layout;
    hy_image image;
    hy_store store;
    const hy_f32 *filter;
    const hy_f32 *zeros;
    float *shared;          /* weights first: U of all channels; else V of all tiles */
    char *workers;
} hy_winograd;

#define hy_winograd_inputs HY_ISA_SYMBOL(hy_winograd_inputs)
#define hy_winograd_weights HY_ISA_SYMBOL(hy_winograd_weights)
#define hy_winograd_outputs HY_ISA_SYMBOL(hy_winograd_outputs)

/* Tiles first .. first + count - 1 to v, [pixel][tile][ci]. Rows have room for a whole last vector. */
void hy_winograd_inputs(const hy_winograd *job, int64_t first, int64_t count, float *v);

/* Input channels first .. first + count - 1 of HY_WINOGRAD_COLUMNS output channels from `column` on to u,
   [panel][product][k][column]. */
void hy_winograd_weights(const hy_winograd *job, int64_t column, int64_t first, int64_t count, float *u);

/* Tiles first .. first + count - 1 of the panel of output channels from `column` on; m: the panel's sums. */
void hy_winograd_outputs(const hy_winograd *job, int64_t first, int64_t count, const float *m, int64_t column);

#endif
