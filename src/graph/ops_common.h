/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rows of the operation table share: the tables themselves, attribute lists that many rows have, and
 * helpers for build functions.
 */
#ifndef HAYA_GRAPH_OPS_COMMON_H
#define HAYA_GRAPH_OPS_COMMON_H

#include "graph/ops.h"

/* ---- Tables -------------------------------------------------------------------------------------------------- */

/* One for each ops_*.c file, its rows in strcmp order, ended by a NULL name. ops.c joins them. */
extern const hy_op hy_ops_array[], hy_ops_control[], hy_ops_conv[], hy_ops_image[], hy_ops_join[], hy_ops_math[],
    hy_ops_nn[], hy_ops_pad[], hy_ops_reduce[], hy_ops_shape[], hy_ops_slice[], hy_ops_unary[];

/* T of any type, of HY_TYPES_NUMBER, of HY_TYPES_FLOAT, and nothing else */
extern const hy_attr_def hy_attrs_t[], hy_attrs_t_number[], hy_attrs_t_float[];

/* Fallbacks that are more than a number */
#define HY_NHWC {.s = "NHWC", .count = 4}
#define HY_ONES {.ints = (const int64_t[]){1, 1, 1, 1}, .count = 4}

/* ---- Types --------------------------------------------------------------------------------------------------- */

/* Inputs first .. first + count - 1 have the type attribute `attr`, which is one of those that the row allows. */
haya_status hy_ops_inputs_have(hy_build *b, const char *attr, int first, int count);
/* Inputs first .. first + count - 1 are of this type: operations without a type attribute. */
haya_status hy_ops_inputs_are(hy_build *b, haya_dtype dtype, int first, int count);

/* ---- Shapes -------------------------------------------------------------------------------------------------- */

/* Sets the shape of output `out`; refuses more than HAYA_MAX_RANK dimensions and sizes that overflow. The
   dimensions are >= 0. */
haya_status hy_ops_set_shape(hy_build *b, int out, int rank, const int64_t *dims);
haya_status hy_ops_same_shape(hy_build *b, int out, int in); /* output's shape is that of the input */
haya_status hy_ops_rank(hy_build *b, int in, int rank);      /* refuses any other rank */
haya_status hy_ops_scalar(hy_build *b, int in);              /* refuses other than one element, rank 0 or 1 */
/* `axis` counted from the end when negative; refuses what is outside 0 .. rank - 1. */
haya_status hy_ops_axis(hy_build *b, int64_t axis, int rank, int *normal);
/* The shape that both fit by numpy's rule; false when there is none. */
bool hy_ops_broadcast(const haya_shape *x, const haya_shape *y, haya_shape *result);
/* Attribute `attr` ("N", "num_split") is `count`. */
haya_status hy_ops_count(hy_build *b, const char *attr, int count);
/* A product of dimensions of a tensor, which never overflows. */
int64_t hy_ops_product(const haya_shape *shape, int first, int end);
haya_status hy_ops_overflow(hy_build *b); /* "the result is too large" */

/* ---- Views --------------------------------------------------------------------------------------------------- */

hy_view hy_ops_in(const hy_build *b, int in);   /* dense */
hy_view hy_ops_out(const hy_build *b, int out); /* dense; its shape must be set */
hy_view hy_ops_zero(const hy_build *b, int out); /* of HY_SOURCE_ZERO, for output `out`: a scalar */
/* `size` steps along `axis`, beginning at `begin`. */
hy_view hy_ops_part(const hy_view *view, int axis, int64_t begin, int64_t size);

/* Whether data_format puts channels first ("NCHW"). Refuses other formats than that and "NHWC". */
haya_status hy_ops_channels_first(hy_build *b, bool *first);
/* The view with its channels last: unchanged, or with dimension 1 moved to the end. */
hy_view hy_ops_channels_last(const hy_view *view, bool channels_first);

/* ---- Results ------------------------------------------------------------------------------------------------- */

/* Copies `from`, a view of input `source` or HY_SOURCE_ZERO, to `to`, a view of output `target` with equal dims; no
   call where there is nothing to copy. */
haya_status hy_ops_copy(hy_build *b, int target, int32_t source, const hy_view *from, const hy_view *to);
/* A call for output 0 whose operands are inputs 0 .. count - 1, broadcast to its shape. NULL when out of memory. */
hy_build_call *hy_ops_elementwise(hy_build *b, hy_family family, int count);
/* hy_build_known with a status. */
haya_status hy_ops_known(hy_build *b, int out, void **memory);

/* ---- Windows of convolutions and pools ----------------------------------------------------------------------- */

typedef enum hy_padding { HY_PADDING_VALID, HY_PADDING_SAME, HY_PADDING_EXPLICIT } hy_padding;

/* Height at index 0, width at index 1. */
typedef struct hy_ops_window {
    bool channels_first;
    hy_padding padding;
    int64_t kernel[2], stride[2], dilation[2];
    int64_t before[2], after[2]; /* padding; SAME: set by hy_ops_window_fit */
} hy_ops_window;

/* Reads data_format and padding; explicit_paddings where the row lists it. Strides and dilations are 1, the kernel
   is left for the caller. */
haya_status hy_ops_window_read(hy_build *b, hy_ops_window *window);
/* Height and width out of four numbers in the order of data_format, the other two 1: `what` is "strides". */
haya_status hy_ops_window_numbers(hy_build *b, const hy_ops_window *window, const char *what,
                                  const int64_t *numbers, int64_t count, int64_t *values);
haya_status hy_ops_window_attr(hy_build *b, const hy_ops_window *window, const char *attr, int64_t *values);
/* sizes[i], the input's height and width -> outputs[i]; refuses windows that don't fit. */
haya_status hy_ops_window_fit(hy_build *b, hy_ops_window *window, const int64_t *sizes, int64_t *outputs);
hy_window hy_ops_window_of_call(const hy_ops_window *window);

#endif
