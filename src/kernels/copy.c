/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_COPY: elements from one view to another of the same dims. Concatenation, slices, transposes, padding, tiling
 * and depth-to-space are copies.
 *
 * What both sides have contiguous innermost is one item of `size` bytes; the other dims walk items:
 *
 *     long   items of many kilobytes: memcpy, cut in pieces
 *     block  two dims (j, i) of items at a time: i is the output's innermost, j the one that the input walks in the
 *            smallest steps; a transpose of these goes through a small square on the stack, so that both sides are
 *            touched a cache line at a time, even where lines a power of two apart fall in one set of the cache
 */
#include <stdlib.h>

#include "kernels/loops.h"
#include "kernels/quad.h"

enum {
    LONG_ITEM = 32 * 1024,   /* bytes; below that, several items make a task */
    TASK_BYTES = 64 * 1024,
    SQUARE = 16              /* items a side of a transpose's square: 4-byte items fill a line */
};

typedef struct copy {
    hy_loop loop;            /* operand 0: out, 1: in; without the dim that is part of the item */
    int64_t size;            /* bytes of an item */
    int outer;               /* dims before j and i */
    int64_t block_j, block_i;
    int64_t blocks_j, blocks_i;
    int64_t units, units_per_task;
} copy;

static void long_task(void *argument, int64_t index, int worker)
{
    const copy *c = argument;
    const int64_t pieces = hy_ceil_div(c->size, TASK_BYTES), begin = index % pieces * TASK_BYTES;
    hy_cursor cursor;
    (void)worker;
    hy_cursor_start(&cursor, &c->loop, c->loop.rank, index / pieces);
    memcpy(cursor.at[0] + begin, cursor.at[1] + begin, (size_t)hy_min64(TASK_BYTES, c->size - begin));
}

/* One line of items; `size` is a constant. */
HY_ALWAYS_INLINE void copy_line(char *out, int64_t out_step, const char *in, int64_t in_step, int64_t n,
                                size_t size)
{
    if (out_step == (int64_t)size && in_step == 0) {
        char item[64];
        memcpy(item, in, size);
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * (int64_t)size, item, size);
    } else if (out_step == (int64_t)size) {
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * (int64_t)size, in + i * in_step, size);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * out_step, in + i * in_step, size);
    }
}

typedef struct block {
    char *out;
    const char *in;
    int64_t out_j, out_i, in_j, in_i; /* steps in bytes */
    int64_t count_j, count_i;
} block;

HY_ALWAYS_INLINE void copy_block_of(const block *b, size_t size)
{
    for (int64_t j = 0; j < b->count_j; j++)
        copy_line(b->out + j * b->out_j, b->out_i, b->in + j * b->in_j, b->in_i, b->count_i, size);
}

static void copy_block(const block *b, int64_t size)
{
    switch (size) {
    case 1: copy_block_of(b, 1); break;
    case 2: copy_block_of(b, 2); break;
    case 3: copy_block_of(b, 3); break;
    case 4: copy_block_of(b, 4); break;
    case 8: copy_block_of(b, 8); break;
    case 12: copy_block_of(b, 12); break;
    case 16: copy_block_of(b, 16); break;
    case 32: copy_block_of(b, 32); break;
    case 64: copy_block_of(b, 64); break;
    default:
        for (int64_t j = 0; j < b->count_j; j++)
            for (int64_t i = 0; i < b->count_i; i++)
                memcpy(b->out + j * b->out_j + i * b->out_i, b->in + j * b->in_j + i * b->in_i, (size_t)size);
        break;
    }
}

/* The input walks j in smaller steps than i, and items are small. */
static bool crosses(const copy *c)
{
    const int i = c->outer + 1, j = c->outer;
    return llabs(c->loop.steps[1][i]) > llabs(c->loop.steps[1][j]) && c->loop.steps[1][j] != 0 && c->size <= 8;
}

/* 4 by 4 items of 4 bytes, whatever they are: nothing is computed with the floats. */
static inline void transpose_quads(char *out, int64_t out_step, const char *in, int64_t in_step)
{
    const hy_quads rows = {hy_quad_load(in), hy_quad_load(in + in_step), hy_quad_load(in + 2 * in_step),
                           hy_quad_load(in + 3 * in_step)};
    const hy_quads m = hy_quads_transpose(rows);
    hy_quad_store(out, m.r0);
    hy_quad_store(out + out_step, m.r1);
    hy_quad_store(out + 2 * out_step, m.r2);
    hy_quad_store(out + 3 * out_step, m.r3);
}

/* SQUARE by SQUARE items, contiguous along j in the input and along i in the output. */
HY_ALWAYS_INLINE void transpose_square(const block *b, size_t size)
{
    char square[SQUARE * SQUARE * 8];
    const int64_t item = (int64_t)size, row = SQUARE * item;
    for (int64_t i = 0; i < SQUARE; i++)
        memcpy(square + i * row, b->in + i * b->in_i, SQUARE * size);
    for (int64_t j = 0; j < SQUARE; j += 4) {
        for (int64_t i = 0; i < SQUARE; i += 4) {
            char *out = b->out + j * b->out_j + i * item;
            const char *in = square + i * row + j * item;
            if (size == 4)
                transpose_quads(out, b->out_j, in, row);
            else
                copy_block_of(&(block){out, in, b->out_j, item, item, row, 4, 4}, size);
        }
    }
}

static void cross_square(const block *b, int64_t size)
{
    const bool full = b->count_j == SQUARE && b->count_i == SQUARE && b->in_j == size && b->out_i == size;
    if (full && size == 4)
        transpose_square(b, 4);
    else if (full && size == 1)
        transpose_square(b, 1);
    else if (full && size == 2)
        transpose_square(b, 2);
    else if (full && size == 8)
        transpose_square(b, 8);
    else
        copy_block(b, size);
}

/* A block of a task, in squares where the two sides' innermost dims differ. */
static void copy_unit(const copy *c, const block *b)
{
    if (!crosses(c)) {
        copy_block(b, c->size);
        return;
    }
    for (int64_t j = 0; j < b->count_j; j += SQUARE) {
        for (int64_t i = 0; i < b->count_i; i += SQUARE) {
            block square = *b;
            square.out += j * b->out_j + i * b->out_i;
            square.in += j * b->in_j + i * b->in_i;
            square.count_j = hy_min64(SQUARE, b->count_j - j);
            square.count_i = hy_min64(SQUARE, b->count_i - i);
            cross_square(&square, c->size);
        }
    }
}

static void block_task(void *argument, int64_t index, int worker)
{
    const copy *c = argument;
    const hy_loop *loop = &c->loop;
    const int j = c->outer, i = c->outer + 1;
    const int64_t blocks = c->blocks_j * c->blocks_i;
    const int64_t begin = index * c->units_per_task, end = hy_min64(begin + c->units_per_task, c->units);
    hy_cursor cursor;
    (void)worker;
    hy_cursor_start(&cursor, loop, c->outer, begin / blocks);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first_j = unit % blocks / c->blocks_i * c->block_j;
        const int64_t first_i = unit % c->blocks_i * c->block_i;
        const block b = {
            .out = cursor.at[0] + first_j * loop->steps[0][j] + first_i * loop->steps[0][i],
            .in = cursor.at[1] + first_j * loop->steps[1][j] + first_i * loop->steps[1][i],
            .out_j = loop->steps[0][j], .out_i = loop->steps[0][i],
            .in_j = loop->steps[1][j], .in_i = loop->steps[1][i],
            .count_j = hy_min64(c->block_j, loop->dims[j] - first_j),
            .count_i = hy_min64(c->block_i, loop->dims[i] - first_i),
        };
        copy_unit(c, &b);
        if (unit % blocks == blocks - 1)
            hy_cursor_next(&cursor, loop, c->outer);
    }
}

/* Puts the dim that the input walks in the smallest steps before the innermost. */
static void choose_j(hy_loop *loop)
{
    const int i = loop->rank - 1;
    int best = i;
    for (int d = 0; d < loop->rank; d++)
        if (loop->steps[1][d] != 0 && llabs(loop->steps[1][d]) < llabs(loop->steps[1][best]))
            best = d;
    for (int d = best; d < i - 1; d++)
        hy_loop_swap_dims(loop, d, d + 1);
}

/* At least dims j and i; a lone dim gets a j of one. */
static void make_two_dims(hy_loop *loop)
{
    if (loop->rank != 1)
        return;
    loop->rank = 2;
    loop->dims[1] = 1;
    loop->steps[0][1] = loop->steps[1][1] = 0;
    hy_loop_swap_dims(loop, 0, 1);
}

static void plan_blocks(copy *c)
{
    hy_loop *loop = &c->loop;
    make_two_dims(loop);
    choose_j(loop);
    c->outer = loop->rank - 2;
    const int64_t items = hy_max64(1, TASK_BYTES / c->size);
    const int64_t widest = crosses(c) ? 256 : items;
    c->block_i = hy_min64(loop->dims[c->outer + 1], widest);
    c->block_j = hy_min64(loop->dims[c->outer], hy_max64(1, items / c->block_i));
    c->blocks_j = hy_ceil_div(loop->dims[c->outer], c->block_j);
    c->blocks_i = hy_ceil_div(loop->dims[c->outer + 1], c->block_i);
    c->units = hy_loop_rows(loop, c->outer) * c->blocks_j * c->blocks_i;
    c->units_per_task = hy_max64(1, items / (c->block_j * c->block_i));
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    copy c;
    hy_loop *loop = &c.loop;
    (void)scratch;
    hy_loop_init_call(loop, call, in, out);
    if (loop->elements == 0)
        return NULL;
    const int last = loop->rank - 1;
    c.size = loop->width[0];
    if (loop->steps[0][last] == c.size && loop->steps[1][last] == c.size) {
        c.size *= loop->dims[last];
        loop->rank--;
    }
    if (loop->rank == 0 || c.size >= LONG_ITEM) {
        const int64_t items = hy_loop_rows(loop, loop->rank);
        hy_team_run(team, long_task, &c, items * hy_ceil_div(c.size, TASK_BYTES));
        return NULL;
    }
    plan_blocks(&c);
    hy_team_run(team, block_task, &c, hy_ceil_div(c.units, c.units_per_task));
    return NULL;
}

static bool accepts(const hy_call *call)
{
    return call->in[0].dtype == call->out.dtype;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_copy)[] = {
    {
        .name = "copy",
        .family = HY_COPY,
        .isa = HY_ISA_THIS,
        .why = "the kernel for moving elements",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
