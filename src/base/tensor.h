/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes, checked sizes, and views: what graph, kernels, plan and run say about a tensor.
 */
#ifndef HAYA_BASE_TENSOR_H
#define HAYA_BASE_TENSOR_H

#include "base/error.h"

/* Checked arithmetic on sizes: false on overflow, *result untouched. Operands are >= 0. */
bool hy_mul_int64(int64_t a, int64_t b, int64_t *result);
bool hy_add_int64(int64_t a, int64_t b, int64_t *result);

/* The number of elements; -1 when the rank is unknown, a dimension is negative, or the product overflows, zeros
   left out of it (so that strides never overflow). A scalar has 1. */
int64_t hy_shape_elements(const haya_shape *shape);
/* Bytes of a dense tensor; -1 as above, and for HAYA_INVALID. */
int64_t hy_shape_bytes(const haya_shape *shape, haya_dtype dtype);
bool hy_shape_equal(const haya_shape *a, const haya_shape *b);
haya_shape hy_shape_make(int rank, const int64_t *dims);

/* Writes "[1, 256, ?, 3]" ("?" for -1; "unknown rank"), always terminated; returns `buffer`. */
char *hy_shape_print(const haya_shape *shape, char *buffer, size_t size);

#define HY_SHAPE_TEXT 200
/* A temporary for messages: HY_SHAPE(shape) */
#define HY_SHAPE(shape_pointer) hy_shape_print((shape_pointer), (char[HY_SHAPE_TEXT]){0}, HY_SHAPE_TEXT)

/* A view: how the elements of an operand lie in memory, without the pointer. Views have more dimensions than tensors,
   since a kernel may see one tensor in pieces (depth-to-space on rank 4 is a copy of rank 6). */
#define HY_VIEW_RANK 16

typedef struct hy_view {
    haya_dtype dtype;
    int32_t rank;
    int64_t dims[HY_VIEW_RANK];
    int64_t strides[HY_VIEW_RANK]; /* in elements; 0 repeats, negative goes backwards */
    int64_t offset;                /* of element [0, 0, ...], in elements, from the operand's pointer */
} hy_view;

/* Of a shape whose hy_shape_elements is not -1. */
hy_view hy_view_dense(haya_dtype dtype, const haya_shape *shape);
/* Row-major without gaps, beginning at the operand's pointer. */
bool hy_view_is_dense(const hy_view *view);
int64_t hy_view_elements(const hy_view *view); /* -1 on overflow */
hy_view hy_view_permute(const hy_view *view, const int *order); /* order[i]: the old dimension that becomes i */
/* Broadcasts to `dims`, numpy's rule, dimensions aligned at the right; false, the view untouched, when they
   don't fit. */
bool hy_view_broadcast(hy_view *view, int rank, const int64_t *dims);

#endif
