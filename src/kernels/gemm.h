/* SPDX-License-Identifier: Apache-2.0
 *
 * The matrix product under convolutions and matmul:
 *
 *     out[i][j] = epilogue(sum over s, k of a[s][i][k] * b[segment[s] + k * b_k + j * b_n])
 *
 * A is never copied into a matrix. Its rows are found through pointers, one for each segment s: the taps of a
 * filter (k runs over input channels, and i over output pixels), or the one row of a plain matrix. Where a tap lies
 * in the padding its pointer leads to zeros.
 *
 * B, the parameters, is read where it lies. While a block of rows is swept, a panel of B of cache size is held in a
 * copy that the whole block shares; no other copy is made.
 */
#ifndef HAYA_KERNELS_GEMM_H
#define HAYA_KERNELS_GEMM_H

#include "kernels/epilogue.h"
#include "kernels/vec.h"

/* The tile of sums that stays in registers: rows x columns. NEON has 32 of them, as AVX-512 has: 24 hold sums, 4 a row
   of the panel, and the rest elements of A, which its multiply-add takes as a lane: 10 loads for 24 multiply-adds. */
#if HY_LANES == 16 || HY_NEON
#  define HY_GEMM_ROWS 6
#  define HY_GEMM_VECTORS 4
#elif HY_LANES == 8
#  define HY_GEMM_ROWS 6
#  define HY_GEMM_VECTORS 2
#else
#  define HY_GEMM_ROWS 4
#  define HY_GEMM_VECTORS 2
#endif
#define HY_GEMM_COLUMNS (HY_GEMM_VECTORS * HY_LANES)
#define HY_GEMM_SHORT_ROWS 4 /* of the tile for what remains of a block of rows */

/* The largest power of two with HY_GEMM_PANEL_K * columns * 4 bytes <= 16 KiB, half of the smallest L1 in use; twice
   that where the tile is so wide that its operands may as well come from L2. A constant, so that the order of sums
   depends on the instruction set alone. */
#define HY_GEMM_PANEL_K (HY_GEMM_COLUMNS == 64 ? 128 : HY_GEMM_COLUMNS == 16 ? 256 : 512)

/* Rows that share one copy of a panel: enough to make the copy cheap, few enough for their sums to stay in L2. */
#define HY_GEMM_BLOCK_ROWS 240

typedef struct hy_gemm {
    int64_t length;          /* k of one segment */
    const hy_f32 *b;
    int64_t b_k, b_n;        /* strides in elements */
    hy_store store;
} hy_gemm;

/* One block of rows, and what a worker needs to compute it. Lies in scratch. */
typedef struct hy_gemm_work {
    int64_t segments, rows;
    const hy_f32 **a;        /* [segments][HY_GEMM_BLOCK_ROWS]: k = 0 of each row */
    int64_t *segment;        /* [segments]: where each begins in b, in elements */
    int64_t *out, *residual; /* [rows]: where column 0 of each row is, in elements */
    float *panel;            /* a part of B: [k][columns] */
    float *sums;             /* [tile][row][column] */
} hy_gemm_work;

#define hy_gemm_work_size HY_ISA_SYMBOL(hy_gemm_work_size)
#define hy_gemm_work_at HY_ISA_SYMBOL(hy_gemm_work_at)
#define hy_gemm_cut_make HY_ISA_SYMBOL(hy_gemm_cut_make)
#define hy_gemm_sum_strip HY_ISA_SYMBOL(hy_gemm_sum_strip)
#define hy_gemm_sum_short_strip HY_ISA_SYMBOL(hy_gemm_sum_short_strip)
#define hy_gemm_block HY_ISA_SYMBOL(hy_gemm_block)
#define hy_gemm_transpose HY_ISA_SYMBOL(hy_gemm_transpose)

/* Scratch of one worker, a multiple of 64 bytes, and the work of worker number `worker` in it. */
size_t hy_gemm_work_size(int64_t max_segments);
hy_gemm_work hy_gemm_work_at(void *scratch, int worker, int64_t max_segments);

/* A part of k: `length` from `first` on, of each of `segments` segments. */
typedef struct hy_gemm_part {
    int64_t segment, segments, first, length;
} hy_gemm_part;

typedef struct hy_gemm_tile {
    const hy_f32 *const *a;  /* [segments][HY_GEMM_BLOCK_ROWS], at the tile's first row, the part's first segment */
    const hy_f32 *b;         /* [segments * length][columns] */
    int64_t b_stride;
    float *sums;             /* [HY_GEMM_ROWS][columns] */
    hy_gemm_part part;
    bool begin;              /* sums start at 0 */
} hy_gemm_tile;

/* What a strip calls into L2 for products to come: a line for each HY_GEMM_STEPS_CALLED steps of k, `step` bytes
   apart. Few misses can be under way at once: calls that are spread evenly cost nothing, but those in dense rows hold
   up the strip's own reads. */
typedef struct hy_gemm_ahead {
    const char *at;
    int64_t step;
} hy_gemm_ahead;

enum { HY_GEMM_STEPS_CALLED = 4 };

/* One of many products that follow each other: rows of A and panels of B that lie densely in scratch. */
typedef struct hy_gemm_strip {
    const float *a;          /* [rows][length], rows a_row apart */
    const float *b;          /* [length][HY_GEMM_COLUMNS] */
    float *sums;             /* [rows][HY_GEMM_COLUMNS] */
    int64_t a_row, length;
    int64_t columns;         /* that are wanted; the others' sums may be left as they are */
    int64_t a_ahead;         /* floats from rows of A to those that the next product reads */
    hy_gemm_ahead ahead;
    bool begin;              /* sums start at 0 */
} hy_gemm_strip;

/* sums += a b, or = a b where it begins, for HY_GEMM_ROWS rows; or for `rows` <= HY_GEMM_SHORT_ROWS, where as many as
   that are written: those beyond `rows` repeat the last. */
void hy_gemm_sum_strip(const hy_gemm_strip *strip);
void hy_gemm_sum_short_strip(const hy_gemm_strip *strip, int64_t rows);

/* How m x n is cut into tasks, by shape alone. */
typedef struct hy_gemm_cut {
    int64_t rows, row_blocks;       /* of each block, the last may have less; their number */
    int64_t columns, column_blocks;
} hy_gemm_cut;

hy_gemm_cut hy_gemm_cut_make(int64_t m, int64_t n);

/* Columns first .. last - 1 of the block of rows that `work` describes. */
void hy_gemm_block(const hy_gemm *gemm, hy_gemm_work *work, int64_t first, int64_t last);

/* to[j * to_stride + i] = from[i * from_stride + j], i < rows, j < columns */
void hy_gemm_transpose(float *to, int64_t to_stride, const hy_f32 *from, int64_t from_stride, int64_t rows,
                       int64_t columns);

/* All operands are float32. */
static inline bool hy_gemm_accepts(const hy_call *call)
{
    bool accepted = call->out.dtype == HAYA_FLOAT32;
    for (int i = 0; i < call->input_count; i++)
        accepted = accepted && call->in[i].dtype == HAYA_FLOAT32;
    return accepted;
}

static inline size_t hy_round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

#endif
