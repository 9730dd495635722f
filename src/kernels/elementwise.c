/* SPDX-License-Identifier: Apache-2.0
 *
 * Bringing strided views to functions on dense arrays. This only moves elements, so it is built once for all
 * instruction sets.
 *
 *     rows   the innermost dim is long: each row is a call, or several where an operand is strided or repeated
 *     flat   the innermost dim is short (three channels, say): tiles run across rows, and what is not dense as a
 *            whole is packed; an operand that is the same in every row is packed once
 */
#include <stdatomic.h>

#include "kernels/elementwise.h"

enum {
    TILE = 256,       /* elements: four tiles of 8 bytes an element take 8 KiB */
    ROWS_FROM = 64,   /* rows at least this long are calls of their own */
    MEMORY_TASK = 64, /* tiles of a task: 16 Ki elements, several microseconds of memory traffic */
    COMPUTE_TASK = 16
};

typedef struct elementwise {
    hy_loop loop;
    int inner;                     /* the last dim */
    hy_dense_function *function;
    const void *context;
    int64_t tile;                  /* elements; of whole rows in a flat walk */
    int64_t task;                  /* elements, a multiple of `tile` */
    _Atomic(const char *) failure;
} elementwise;

typedef struct tiles {
    _Alignas(64) char of[HY_LOOP_OPERANDS][TILE * 8];
} tiles;

/* A strided row: operands that are not dense go through tiles. Those that repeat one element were put there
   before. */
static const char *strided_piece(const elementwise *work, char *const *at, int64_t begin, int64_t n, tiles *tile)
{
    const hy_loop *loop = &work->loop;
    const void *from[HY_LOOP_OPERANDS];
    for (int k = 1; k < loop->operands; k++) {
        const int64_t step = loop->steps[k][work->inner];
        const int width = loop->width[k];
        from[k] = step == width ? at[k] + begin * step : tile->of[k];
        if (step != width && step != 0)
            hy_copy_strided(tile->of[k], width, at[k] + begin * step, step, n, width);
    }
    const int64_t out_step = loop->steps[0][work->inner];
    const int out_width = loop->width[0];
    char *out = at[0] + begin * out_step;
    const char *failure = work->function(work->context, out_step == out_width ? out : tile->of[0], from + 1, n);
    if (!failure && out_step != out_width)
        hy_copy_strided(out, out_step, tile->of[0], out_width, n, out_width);
    return failure;
}

/* n elements of one row, of which the operands' first lie at at[]. */
static const char *row_piece(const elementwise *work, char *const *at, int64_t n, tiles *tile)
{
    const hy_loop *loop = &work->loop;
    bool dense = true;
    for (int k = 0; k < loop->operands; k++) {
        const int64_t step = loop->steps[k][work->inner];
        dense = dense && step == loop->width[k];
        if (step == 0)
            hy_copy_strided(tile->of[k], loop->width[k], at[k], 0, hy_min64(n, TILE), loop->width[k]);
    }
    if (dense)
        return strided_piece(work, at, 0, n, tile);
    for (int64_t i = 0; i < n; i += TILE) {
        const char *failure = strided_piece(work, at, i, hy_min64(TILE, n - i), tile);
        if (failure)
            return failure;
    }
    return NULL;
}

/* Elements begin .. end - 1, row by row. */
static const char *walk_rows(const elementwise *work, int64_t begin, int64_t end, tiles *tile)
{
    const hy_loop *loop = &work->loop;
    const int64_t length = loop->dims[work->inner];
    int64_t column = begin % length;
    hy_cursor cursor;
    hy_cursor_start(&cursor, loop, work->inner, begin / length);
    while (begin < end) {
        const int64_t n = hy_min64(length - column, end - begin);
        char *at[HY_LOOP_OPERANDS];
        for (int k = 0; k < loop->operands; k++)
            at[k] = cursor.at[k] + column * loop->steps[k][work->inner];
        const char *failure = row_piece(work, at, n, tile);
        if (failure)
            return failure;
        begin += n;
        column = 0;
        hy_cursor_next(&cursor, loop, work->inner);
    }
    return NULL;
}

/* Operand k lies in the order of the walk without gaps. */
static bool is_dense(const hy_loop *loop, int k)
{
    int64_t step = loop->width[k];
    for (int d = loop->rank - 1; d >= 0; d--) {
        if (loop->steps[k][d] != step)
            return false;
        step *= loop->dims[d];
    }
    return true;
}

/* Operand k is the same in every row. */
static bool repeats_rows(const hy_loop *loop, int k)
{
    for (int d = 0; d < loop->rank - 1; d++)
        if (loop->steps[k][d] != 0)
            return false;
    return true;
}

typedef enum direction { TO_TILE, FROM_TILE } direction;

/* Moves operand k's elements begin .. begin + n - 1, begin at the start of a row, to or from a dense tile. */
static void pack(const elementwise *work, int k, int64_t begin, int64_t n, char *tile, direction way)
{
    const hy_loop *loop = &work->loop;
    const int width = loop->width[k];
    const int64_t length = loop->dims[work->inner], step = loop->steps[k][work->inner];
    hy_cursor cursor;
    hy_cursor_start(&cursor, loop, work->inner, begin / length);
    for (int64_t i = 0; i < n; i += length) {
        if (way == TO_TILE)
            hy_copy_strided(tile + i * width, width, cursor.at[k], step, length, width);
        else
            hy_copy_strided(cursor.at[k], step, tile + i * width, width, length, width);
        hy_cursor_next(&cursor, loop, work->inner);
    }
}

/* Elements begin .. end - 1, whole rows, tile by tile. */
static const char *walk_flat(const elementwise *work, int64_t begin, int64_t end, tiles *tile)
{
    const hy_loop *loop = &work->loop;
    bool dense[HY_LOOP_OPERANDS], fixed[HY_LOOP_OPERANDS];
    for (int k = 0; k < loop->operands; k++) {
        dense[k] = is_dense(loop, k);
        fixed[k] = k > 0 && !dense[k] && repeats_rows(loop, k);
        if (fixed[k])
            pack(work, k, begin, hy_min64(work->tile, end - begin), tile->of[k], TO_TILE);
    }
    for (; begin < end; begin += work->tile) {
        const int64_t n = hy_min64(work->tile, end - begin);
        const void *from[HY_LOOP_OPERANDS];
        for (int k = 1; k < loop->operands; k++) {
            from[k] = dense[k] ? loop->base[k] + begin * loop->width[k] : tile->of[k];
            if (!dense[k] && !fixed[k])
                pack(work, k, begin, n, tile->of[k], TO_TILE);
        }
        char *out = dense[0] ? loop->base[0] + begin * loop->width[0] : tile->of[0];
        const char *failure = work->function(work->context, out, from + 1, n);
        if (failure)
            return failure;
        if (!dense[0])
            pack(work, 0, begin, n, tile->of[0], FROM_TILE);
    }
    return NULL;
}

static void elementwise_task(void *argument, int64_t index, int worker)
{
    elementwise *work = argument;
    const int64_t begin = index * work->task, end = hy_min64(begin + work->task, work->loop.elements);
    const bool flat = work->loop.dims[work->inner] < ROWS_FROM;
    tiles tile;
    (void)worker;
    const char *failure = flat ? walk_flat(work, begin, end, &tile) : walk_rows(work, begin, end, &tile);
    if (failure)
        atomic_store_explicit(&work->failure, failure, memory_order_relaxed);
}

const char *hy_elementwise_run(const hy_call *call, const void *const *in, void *out, hy_team *team,
                               hy_dense_function *function, const void *context, hy_cost cost)
{
    elementwise work = {.function = function, .context = context};
    hy_loop_init_call(&work.loop, call, in, out);
    if (work.loop.elements == 0)
        return NULL;
    work.inner = work.loop.rank - 1;
    const int64_t row = work.loop.dims[work.inner];
    work.tile = row < ROWS_FROM ? TILE - TILE % row : TILE;
    work.task = work.tile * (cost == HY_COST_COMPUTE ? COMPUTE_TASK : MEMORY_TASK);
    atomic_init(&work.failure, NULL);
    hy_team_run(team, elementwise_task, &work, hy_ceil_div(work.loop.elements, work.task));
    return atomic_load_explicit(&work.failure, memory_order_relaxed);
}
