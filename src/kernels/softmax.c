/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SOFTMAX over the last dim: e^(x - max) / sum. A row with NaN or +Inf, or of nothing but -Inf, becomes NaN.
 *
 *     long   rows one by one in vectors; a strided row goes through scratch
 *     short  HY_LANES rows at once, one in each lane: class scores of a pixel are a dozen floats
 *
 * Sums of long rows run in float64, in an order that the row's length fixes.
 */
#include <math.h>

#include "kernels/loops.h"
#include "kernels/unary_f32.h"
#include "kernels/vec_f64.h"

enum {
    SHORT = 32,   /* floats of a short row, at most */
    TASK = 8192   /* floats of a task, at least */
};

typedef struct softmax {
    hy_loop loop;         /* operand 0: out, 1: in; without the last dim */
    int64_t length;       /* of a row */
    int64_t step_out, step_in;
    int64_t rows_of_task; /* of short rows a multiple of HY_LANES */
    char *scratch;        /* a row for each worker, where rows are strided */
    size_t scratch_row;
} softmax;

/* ---- Long rows ------------------------------------------------------------------------------------------- */

/* NaN where there is one: comparisons with it are false, so it stays once it is in and is let in explicitly. */
HY_ALWAYS_INLINE hy_vf max_or_nan(hy_vf max, hy_vf x)
{
    return hy_vf_select((x > max) | (x != x), x, max);
}

static float row_max(const char *x, int64_t n)
{
    const hy_vf lowest = hy_vf_splat(-INFINITY);
    hy_vf max = lowest;
    int64_t i = 0;
    for (; i + HY_LANES <= n; i += HY_LANES)
        max = max_or_nan(max, hy_vf_load(x + i * 4));
    if (i < n) {
        hy_vf last = lowest;
        memcpy(&last, x + i * 4, (size_t)(n - i) * 4);
        max = max_or_nan(max, last);
    }
    float result = max[0];
    for (int lane = 1; lane < HY_LANES; lane++)
        result = max[lane] > result || isnan(max[lane]) ? max[lane] : result;
    return result;
}

HY_ALWAYS_INLINE hy_vd widen_and_add(hy_vf x)
{
    return hy_vd_load_f32(&x) + hy_vd_load_f32((const float *)&x + HY_LANES_F64);
}

/* y = e^(x - max); the sum of y. */
static double row_exp(const char *x, char *y, int64_t n, float max)
{
    hy_vd sums = {0};
    int64_t i = 0;
    for (; i + HY_LANES <= n; i += HY_LANES) {
        const hy_vf e = hy_vf_exp_of_negative(hy_vf_load(x + i * 4) - max);
        hy_vf_store(y + i * 4, e);
        sums += widen_and_add(e);
    }
    if (i < n) {
        const hy_vf e = hy_vf_exp_of_negative(hy_vf_load_part(x + i * 4, n - i) - max);
        hy_vf_store_part(y + i * 4, e, n - i);
        sums += widen_and_add(hy_vf_load_part(y + i * 4, n - i)); /* 0 in the lanes that the row lacks */
    }
    double total = 0.0;
    for (int lane = 0; lane < HY_LANES_F64; lane++)
        total += sums[lane];
    return total;
}

static void row_divide(char *y, int64_t n, float divisor)
{
    int64_t i = 0;
    for (; i + HY_LANES <= n; i += HY_LANES)
        hy_vf_store(y + i * 4, hy_vf_load(y + i * 4) / divisor);
    if (i < n)
        hy_vf_store_part(y + i * 4, hy_vf_load_part(y + i * 4, n - i) / divisor, n - i);
}

static void softmax_row(const char *x, char *y, int64_t n)
{
    const float max = row_max(x, n);
    const double sum = row_exp(x, y, n, max);
    row_divide(y, n, (float)sum);
}

static void long_task(void *argument, int64_t index, int worker)
{
    const softmax *s = argument;
    const hy_loop *loop = &s->loop;
    const int64_t begin = index * s->rows_of_task, end = hy_min64(begin + s->rows_of_task, loop->elements);
    char *buffer = s->scratch ? s->scratch + (size_t)worker * s->scratch_row : NULL;
    hy_cursor cursor;
    hy_cursor_start(&cursor, loop, loop->rank, begin);
    for (int64_t row = begin; row < end; row++) {
        const char *x = cursor.at[1];
        if (s->step_in != 4) {
            hy_copy_strided(buffer, 4, x, s->step_in, s->length, 4);
            x = buffer;
        }
        if (s->step_out == 4) {
            softmax_row(x, cursor.at[0], s->length);
        } else {
            softmax_row(x, buffer, s->length);
            hy_copy_strided(cursor.at[0], s->step_out, buffer, 4, s->length, 4);
        }
        hy_cursor_next(&cursor, loop, loop->rank);
    }
}

/* ---- Short rows ------------------------------------------------------------------------------------------ */

typedef struct bundle {
    float at[SHORT][HY_LANES]; /* [element][row] */
} bundle;

/* Every lane by itself: what the other lanes hold doesn't matter. */
static void softmax_lanes(bundle *rows, int64_t n)
{
    hy_vf max = hy_vf_load(rows->at[0]);
    for (int64_t i = 1; i < n; i++)
        max = max_or_nan(max, hy_vf_load(rows->at[i]));
    hy_vf divisor = hy_vf_splat(0.0f); /* of at most SHORT terms: float32 does */
    for (int64_t i = 0; i < n; i++) {
        const hy_vf e = hy_vf_exp_of_negative(hy_vf_load(rows->at[i]) - max);
        hy_vf_store(rows->at[i], e);
        divisor += e;
    }
    for (int64_t i = 0; i < n; i++)
        hy_vf_store(rows->at[i], hy_vf_load(rows->at[i]) / divisor);
}

static void short_task(void *argument, int64_t index, int worker)
{
    const softmax *s = argument;
    const hy_loop *loop = &s->loop;
    const int64_t begin = index * s->rows_of_task, end = hy_min64(begin + s->rows_of_task, loop->elements);
    bundle rows = {0};
    hy_cursor from, to;
    (void)worker;
    hy_cursor_start(&from, loop, loop->rank, begin);
    to = from;
    for (int64_t row = begin; row < end; row += HY_LANES) {
        const int64_t count = hy_min64(HY_LANES, end - row);
        for (int64_t lane = 0; lane < count; lane++, hy_cursor_next(&from, loop, loop->rank))
            for (int64_t i = 0; i < s->length; i++)
                rows.at[i][lane] = *(const hy_f32 *)(from.at[1] + i * s->step_in);
        softmax_lanes(&rows, s->length);
        for (int64_t lane = 0; lane < count; lane++, hy_cursor_next(&to, loop, loop->rank))
            for (int64_t i = 0; i < s->length; i++)
                *(hy_f32 *)(to.at[0] + i * s->step_out) = rows.at[i][lane];
    }
}

/* ---- The kernel ------------------------------------------------------------------------------------------ */

static bool through_scratch(const hy_call *call)
{
    const int last = call->out.rank - 1;
    return call->out.dims[last] > SHORT && (call->in[0].strides[last] != 1 || call->out.strides[last] != 1);
}

static size_t scratch_row(const hy_call *call)
{
    return ((size_t)call->out.dims[call->out.rank - 1] * 4 + 63) / 64 * 64;
}

static size_t scratch_bytes(const hy_call *call, int threads)
{
    return through_scratch(call) ? scratch_row(call) * (size_t)threads : 0;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const int last = call->out.rank - 1;
    softmax s = {.length = call->out.dims[last]};
    hy_loop_init(&s.loop, (const hy_view *[]){&call->out, &call->in[0]}, 2, 0, last);
    if (s.loop.elements == 0 || s.length == 0)
        return NULL;
    s.loop.base[0] = (char *)out + s.loop.start[0];
    s.loop.base[1] = (char *)in[0] + s.loop.start[1];
    s.step_out = call->out.strides[last] * 4;
    s.step_in = call->in[0].strides[last] * 4;
    s.rows_of_task = s.length <= SHORT ? hy_ceil_div(TASK, s.length * HY_LANES) * HY_LANES
                                       : hy_max64(1, TASK / s.length);
    if (through_scratch(call)) {
        s.scratch = scratch;
        s.scratch_row = scratch_row(call);
    }
    hy_team_run(team, s.length <= SHORT ? short_task : long_task, &s, hy_ceil_div(s.loop.elements, s.rows_of_task));
    return NULL;
}

static bool accepts(const hy_call *call)
{
    return call->in[0].dtype == HAYA_FLOAT32 && call->out.dtype == HAYA_FLOAT32 && call->out.rank >= 1;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_softmax)[] = {
    {
        .name = "softmax",
        .family = HY_SOFTMAX,
        .isa = HY_ISA_THIS,
        .why = "the kernel for softmax",
        .accepts = accepts,
        .scratch = scratch_bytes,
        .run = run,
    },
    {0},
};
