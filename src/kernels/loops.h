/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking several views of the same dims at once, whatever their strides.
 */
#ifndef HAYA_KERNELS_LOOPS_H
#define HAYA_KERNELS_LOOPS_H

#include "kernels/vec.h"

#define HY_ALWAYS_INLINE static inline __attribute__((always_inline))

/* Beside those of vec.h. */
typedef int16_t hy_i16 __attribute__((aligned(1), may_alias));
typedef uint32_t hy_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t hy_u64 __attribute__((aligned(1), may_alias));

/* Operand 0 decides the order of the walk; where there is an output, it is that. */
#define HY_LOOP_OPERANDS 4

typedef struct hy_loop {
    int32_t operands;
    int32_t rank;                                  /* >= 1 where there are elements */
    int64_t elements;
    int64_t dims[HY_VIEW_RANK];
    int64_t steps[HY_LOOP_OPERANDS][HY_VIEW_RANK]; /* bytes; those of operand 0 are >= 0 and fall from dim to dim */
    int32_t width[HY_LOOP_OPERANDS];               /* bytes of an element */
    int64_t start[HY_LOOP_OPERANDS];               /* bytes from an operand's memory to the walk's first element */
    char *base[HY_LOOP_OPERANDS];                  /* that element; inputs are only read through it */
} hy_loop;

/* As few floats are better taken as a part of a vector than one by one, where that is an instruction. */
#define HY_PART_FROM (HY_LANES > 4 ? 2 : 4)

static inline int64_t hy_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t hy_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t hy_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline void hy_loop_swap_dims(hy_loop *loop, int a, int b)
{
    int64_t dim = loop->dims[a];
    loop->dims[a] = loop->dims[b];
    loop->dims[b] = dim;
    for (int k = 0; k < loop->operands; k++) {
        int64_t step = loop->steps[k][a];
        loop->steps[k][a] = loop->steps[k][b];
        loop->steps[k][b] = step;
    }
}

/* Lets operand 0 walk upward only: dims that go backwards are turned round for all operands. */
static inline void hy_loop_turn_upward(hy_loop *loop)
{
    for (int d = 0; d < loop->rank; d++) {
        if (loop->steps[0][d] >= 0)
            continue;
        for (int k = 0; k < loop->operands; k++) {
            loop->start[k] += (loop->dims[d] - 1) * loop->steps[k][d];
            loop->steps[k][d] = -loop->steps[k][d];
        }
    }
}

/* Largest steps of operand 0 outermost; stable, so that a walk in memory order stays as it is. */
static inline void hy_loop_sort(hy_loop *loop)
{
    for (int d = 1; d < loop->rank; d++)
        for (int e = d; e > 0 && loop->steps[0][e - 1] < loop->steps[0][e]; e--)
            hy_loop_swap_dims(loop, e - 1, e);
}

/* Joins neighbouring dims that every operand walks as one. */
static inline void hy_loop_merge(hy_loop *loop)
{
    int last = 0;
    for (int d = 1; d < loop->rank; d++) {
        bool joined = true;
        for (int k = 0; k < loop->operands; k++)
            joined = joined && loop->steps[k][last] == loop->steps[k][d] * loop->dims[d];
        if (joined) {
            loop->dims[last] *= loop->dims[d];
        } else {
            last++;
            loop->dims[last] = loop->dims[d];
        }
        for (int k = 0; k < loop->operands; k++)
            loop->steps[k][last] = loop->steps[k][d];
    }
    loop->rank = last + 1;
}

/* A loop over dims first .. end - 1 of views that agree on them, not placed in memory yet. When a dim is 0, only
   `elements` is set. */
static inline void hy_loop_init(hy_loop *loop, const hy_view *const *views, int operands, int first, int end)
{
    loop->operands = operands;
    loop->rank = 0;
    loop->elements = 1;
    for (int d = first; d < end; d++)
        loop->elements *= views[0]->dims[d];
    if (loop->elements == 0)
        return;
    for (int k = 0; k < operands; k++) {
        loop->width[k] = (int32_t)haya_dtype_size(views[k]->dtype);
        loop->start[k] = views[k]->offset * loop->width[k];
    }
    for (int d = first; d < end; d++) {
        if (views[0]->dims[d] == 1)
            continue;
        for (int k = 0; k < operands; k++)
            loop->steps[k][loop->rank] = views[k]->strides[d] * loop->width[k];
        loop->dims[loop->rank++] = views[0]->dims[d];
    }
    if (loop->rank == 0) { /* one element: a dense row of one */
        loop->rank = 1;
        loop->dims[0] = 1;
        for (int k = 0; k < operands; k++)
            loop->steps[k][0] = loop->width[k];
    }
    hy_loop_turn_upward(loop);
    hy_loop_sort(loop);
    hy_loop_merge(loop);
}

/* The loop of an elementwise call: the output first, then the inputs. */
static inline void hy_loop_init_call(hy_loop *loop, const hy_call *call, const void *const *in, void *out)
{
    const hy_view *views[HY_LOOP_OPERANDS] = {&call->out};
    for (int i = 0; i < call->input_count; i++)
        views[i + 1] = &call->in[i];
    hy_loop_init(loop, views, call->input_count + 1, 0, call->out.rank);
    if (loop->elements == 0)
        return;
    loop->base[0] = (char *)out + loop->start[0];
    for (int i = 0; i < call->input_count; i++)
        loop->base[i + 1] = (char *)in[i] + loop->start[i + 1];
}

/* A place in the walk over dims 0 .. outer - 1 of a loop, and the operands' addresses there. */
typedef struct hy_cursor {
    int64_t index[HY_VIEW_RANK];
    char *at[HY_LOOP_OPERANDS];
} hy_cursor;

static inline void hy_cursor_start(hy_cursor *cursor, const hy_loop *loop, int outer, int64_t row)
{
    for (int k = 0; k < loop->operands; k++)
        cursor->at[k] = loop->base[k];
    for (int d = outer - 1; d >= 0; d--) {
        cursor->index[d] = row % loop->dims[d];
        row /= loop->dims[d];
        for (int k = 0; k < loop->operands; k++)
            cursor->at[k] += cursor->index[d] * loop->steps[k][d];
    }
}

/* After the last row it is at the first again. */
static inline void hy_cursor_next(hy_cursor *cursor, const hy_loop *loop, int outer)
{
    for (int d = outer - 1; d >= 0; d--) {
        bool carry = ++cursor->index[d] == loop->dims[d];
        int64_t moves = carry ? 1 - loop->dims[d] : 1;
        for (int k = 0; k < loop->operands; k++)
            cursor->at[k] += moves * loop->steps[k][d];
        if (!carry)
            return;
        cursor->index[d] = 0;
    }
}

/* The product of dims 0 .. outer - 1. */
static inline int64_t hy_loop_rows(const hy_loop *loop, int outer)
{
    int64_t rows = 1;
    for (int d = 0; d < outer; d++)
        rows *= loop->dims[d];
    return rows;
}

HY_ALWAYS_INLINE void hy_copy_elements(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n,
                                       size_t width)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * to_step, from + i * from_step, width);
}

/* n elements of 1, 2, 4 or 8 bytes from one stride to another; no overlap. */
static inline void hy_copy_strided(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n,
                                   int width)
{
    if (to_step == width && from_step == width) {
        memcpy(to, from, (size_t)(n * width));
        return;
    }
    switch (width) {
    case 1: hy_copy_elements(to, to_step, from, from_step, n, 1); break;
    case 2: hy_copy_elements(to, to_step, from, from_step, n, 2); break;
    case 4: hy_copy_elements(to, to_step, from, from_step, n, 4); break;
    default: hy_copy_elements(to, to_step, from, from_step, n, 8); break;
    }
}

#endif
