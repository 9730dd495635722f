/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of few columns, or of matrices whose sums run along memory in both operands: vectors of k, added up
 * across lanes in the end.
 */
#ifndef HAYA_KERNELS_DOT_H
#define HAYA_KERNELS_DOT_H

#include "kernels/vec.h"

#define hy_dot_block HY_ISA_SYMBOL(hy_dot_block)

/* sums[i * row + j * column] = sum over s, k of a[s * a_step + i][k] * b[j * b_column + s * length + k] */
typedef struct hy_dot {
    const hy_f32 *const *a;     /* rows, found through pointers as in gemm.h */
    int64_t a_step, rows;
    int64_t segments, length;
    const hy_f32 *b;
    int64_t b_column, columns;
    float *sums;
    int64_t row, column;
} hy_dot;

void hy_dot_block(const hy_dot *dot);

#endif
