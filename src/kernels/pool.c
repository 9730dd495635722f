/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_POOL: the maximum or the average of a window, which padding takes no part in.
 *
 * The maximum starts at the lowest finite float and passes over NaN, as TensorFlow's does on processors; of a
 * window of nothing but NaN or -Inf it is that lowest float. An average sums each row of its window, then the rows.
 *
 *     vector  channels are contiguous: the last vector overlaps the one before, or the only one is partly filled;
 *             maxima of windows inside the input take a loop of their own, and fours of few channels
 *     scalar  any strides
 */
#include <float.h>

#include "kernels/quad.h"

enum { TASK = 16384 }; /* input elements that a task looks at, at least */

typedef struct pool {
    const hy_call *call;
    const char *in;        /* element [0, 0, 0, 0] */
    char *out;
    int64_t in_step[4];    /* bytes */
    int64_t out_step[4];
    int64_t rows_of_task;  /* rows of the output, of all images */
    bool contiguous;
} pool;

/* A window's positions on the input along one dim: the first, and how many. */
typedef struct span {
    int64_t first, count;
} span;

/* Window elements base, base + dilation, ... (`kernel` of them) that are in 0 .. size - 1. */
static span clip(int64_t base, int64_t kernel, int64_t dilation, int64_t size)
{
    if (base >= 0 && base + (kernel - 1) * dilation < size)
        return (span){base, kernel};
    const int64_t skipped = base < 0 ? hy_ceil_div(-base, dilation) : 0;
    const int64_t end = base < size ? hy_min64(kernel, hy_ceil_div(size - base, dilation)) : 0;
    return (span){base + skipped * dilation, hy_max64(0, end - skipped)};
}

/* The part of a window that lies on the input: its first element, and how many rows and columns. */
typedef struct patch {
    const char *at;
    int64_t rows, columns;
    int64_t row_step, column_step; /* bytes */
} patch;

/* Of `count` channels, which is HY_LANES or the few that there are. */
HY_ALWAYS_INLINE hy_vf load_channels(const char *at, int64_t count)
{
    return count == HY_LANES ? hy_vf_load(at) : hy_vf_load_part(at, count);
}

/* x where it is greater than max, else max; so also where x is NaN. */
HY_ALWAYS_INLINE hy_vf greater(hy_vf x, hy_vf max)
{
#if HY_LANES == 16
    return (hy_vf)_mm512_max_ps((__m512)x, (__m512)max);
#elif HY_LANES == 8
    return (hy_vf)_mm256_max_ps((__m256)x, (__m256)max);
#else
    return hy_vf_select(x > max, x, max);
#endif
}

HY_ALWAYS_INLINE hy_quad greater_quad(hy_quad x, hy_quad max)
{
#if HY_LANES > 4
    return (hy_quad)_mm_max_ps((__m128)x, (__m128)max);
#else
    return greater(x, max);
#endif
}

HY_ALWAYS_INLINE hy_vf max_of_patch(const patch *w, int64_t offset, int64_t count)
{
    hy_vf max = hy_vf_splat(-FLT_MAX);
    for (int64_t row = 0; row < w->rows; row++) {
        const char *at = w->at + row * w->row_step + offset;
        for (int64_t column = 0; column < w->columns; column++, at += w->column_step) {
            max = greater(load_channels(at, count), max);
        }
    }
    return max;
}

HY_ALWAYS_INLINE hy_vf average_of_patch(const patch *w, int64_t offset, int64_t count)
{
    hy_vf sum = hy_vf_splat(0.0f);
    for (int64_t row = 0; row < w->rows; row++) {
        const char *at = w->at + row * w->row_step + offset;
        hy_vf sum_of_row = hy_vf_splat(0.0f);
        for (int64_t column = 0; column < w->columns; column++, at += w->column_step)
            sum_of_row += load_channels(at, count);
        sum += sum_of_row;
    }
    return sum / (float)(w->rows * w->columns);
}

static float max_of_channel(const patch *w, int64_t offset)
{
    float max = -FLT_MAX;
    for (int64_t row = 0; row < w->rows; row++) {
        const char *at = w->at + row * w->row_step + offset;
        for (int64_t column = 0; column < w->columns; column++, at += w->column_step) {
            const float x = *(const hy_f32 *)at;
            max = x > max ? x : max;
        }
    }
    return max;
}

static float average_of_channel(const patch *w, int64_t offset)
{
    float sum = 0.0f;
    for (int64_t row = 0; row < w->rows; row++) {
        const char *at = w->at + row * w->row_step + offset;
        float sum_of_row = 0.0f;
        for (int64_t column = 0; column < w->columns; column++, at += w->column_step)
            sum_of_row += *(const hy_f32 *)at;
        sum += sum_of_row;
    }
    return sum / (float)(w->rows * w->columns);
}

/* All channels of one output pixel. */
static void pool_pixel(const pool *p, const patch *w, char *out)
{
    const int64_t channels = p->call->out.dims[3];
    const bool max = p->call->pool.max;
    if (p->contiguous && channels >= HY_LANES) {
        for (int64_t i = 0; i < channels; i += HY_LANES) {
            const int64_t c = hy_min64(i, channels - HY_LANES) * 4;
            hy_vf_store(out + c, max ? max_of_patch(w, c, HY_LANES) : average_of_patch(w, c, HY_LANES));
        }
        return;
    }
    if (p->contiguous && channels >= HY_PART_FROM) {
        hy_vf_store_part(out, max ? max_of_patch(w, 0, channels) : average_of_patch(w, 0, channels), channels);
        return;
    }
    for (int64_t c = 0; c < channels; c++) {
        const int64_t offset = c * p->in_step[3];
        *(hy_f32 *)(out + c * p->out_step[3]) = max ? max_of_channel(w, offset) : average_of_channel(w, offset);
    }
}

HY_ALWAYS_INLINE hy_quad max_of_four(const patch *w, int64_t offset)
{
    hy_quad max = (hy_quad){0} - FLT_MAX;
    for (int64_t row = 0; row < w->rows; row++) {
        const char *at = w->at + row * w->row_step + offset;
        for (int64_t column = 0; column < w->columns; column++, at += w->column_step)
            max = greater_quad(hy_quad_load(at), max);
    }
    return max;
}

/* `count` pixels of a row, from windows that are wholly inside the input: the first is w's. */
HY_ALWAYS_INLINE void max_of_windows(const pool *p, patch w, int64_t count, char *out)
{
    const int64_t channels = p->call->out.dims[3], step = p->call->window.stride_w * p->in_step[2];
    for (int64_t i = 0; i < count; i++, w.at += step, out += p->out_step[2]) {
        if (channels < HY_LANES) {
            for (int64_t c = 0; c < channels; c += 4)
                hy_quad_store(out + c * 4, max_of_four(&w, c * 4));
            continue;
        }
        for (int64_t j = 0; j < channels; j += HY_LANES) {
            const int64_t c = hy_min64(j, channels - HY_LANES) * 4;
            hy_vf_store(out + c, max_of_patch(&w, c, HY_LANES));
        }
    }
}

/* The same with the commonest window known where it is inlined. */
static void max_of_row(const pool *p, patch w, int64_t count, char *out)
{
    if (w.rows == 2 && w.columns == 2) {
        w.rows = w.columns = 2;
        max_of_windows(p, w, count, out);
    } else {
        max_of_windows(p, w, count, out);
    }
}

static void pool_row(const pool *p, int64_t n, int64_t oy)
{
    const hy_window *w = &p->call->window;
    const int64_t *in_dims = p->call->in[0].dims;
    const int64_t columns = p->call->out.dims[2], channels = p->call->out.dims[3];
    const span rows = clip(oy * w->stride_h - w->pad_top, w->kernel_h, w->dilation_h, in_dims[1]);
    const char *in = p->in + n * p->in_step[0] + rows.first * p->in_step[1];
    char *out = p->out + n * p->out_step[0] + oy * p->out_step[1];
    patch window = {
        .rows = rows.count,
        .row_step = w->dilation_h * p->in_step[1],
        .column_step = w->dilation_w * p->in_step[2],
    };
    const bool fast = p->call->pool.max && p->contiguous && (channels >= HY_LANES || channels % 4 == 0);
    const int64_t reach = (w->kernel_w - 1) * w->dilation_w - w->pad_left;
    const int64_t inside = hy_ceil_div(w->pad_left, w->stride_w); /* the first window that begins on the input */
    const int64_t end = reach < in_dims[2] ? hy_min64(columns, (in_dims[2] - 1 - reach) / w->stride_w + 1) : 0;
    for (int64_t ox = 0; ox < columns; ox++) {
        if (fast && ox == inside && ox < end) {
            window.at = in + (ox * w->stride_w - w->pad_left) * p->in_step[2];
            window.columns = w->kernel_w;
            max_of_row(p, window, end - ox, out + ox * p->out_step[2]);
            ox = end - 1;
            continue;
        }
        const span column = clip(ox * w->stride_w - w->pad_left, w->kernel_w, w->dilation_w, in_dims[2]);
        window.at = in + column.first * p->in_step[2];
        window.columns = column.count;
        pool_pixel(p, &window, out + ox * p->out_step[2]);
    }
}

static void pool_task(void *argument, int64_t index, int worker)
{
    const pool *p = argument;
    const int64_t *dims = p->call->out.dims;
    const int64_t begin = index * p->rows_of_task, end = hy_min64(begin + p->rows_of_task, dims[0] * dims[1]);
    (void)worker;
    for (int64_t row = begin; row < end; row++)
        pool_row(p, row / dims[1], row % dims[1]);
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const int64_t *dims = call->out.dims;
    (void)scratch;
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    pool p = {
        .call = call,
        .in = (const char *)in[0] + call->in[0].offset * 4,
        .out = (char *)out + call->out.offset * 4,
    };
    for (int d = 0; d < 4; d++) {
        p.in_step[d] = call->in[0].strides[d] * 4;
        p.out_step[d] = call->out.strides[d] * 4;
    }
    p.contiguous = p.in_step[3] == 4 && p.out_step[3] == 4;
    const int64_t work_of_row = dims[2] * dims[3] * call->window.kernel_h * call->window.kernel_w;
    p.rows_of_task = hy_max64(1, TASK / work_of_row);
    hy_team_run(team, pool_task, &p, hy_ceil_div(dims[0] * dims[1], p.rows_of_task));
    return NULL;
}

static bool accepts(const hy_call *call)
{
    return call->in[0].dtype == HAYA_FLOAT32 && call->out.dtype == HAYA_FLOAT32;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_pool)[] = {
    {
        .name = "pool",
        .family = HY_POOL,
        .isa = HY_ISA_THIS,
        .why = "the kernel for maxima and averages of windows",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
