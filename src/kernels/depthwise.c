/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each input channel gives `multiplier` output channels of its own. Nothing is summed over
 * channels, so vectors run along them, for a few pixels of a row at a time that share the filter's values.
 */
#include "kernels/gemm.h"
#include "kernels/image.h"

enum {
    strip = 4,          /* pixels at a time */
    task_pixels = 128   /* a task has at least as many, where the output has */
};

typedef struct depthwise_job {
    const hy_call *call;
    hy_image image;         /* channels together */
    const hy_f32 *filter;   /* [kh, kw, co], the channels together */
    int64_t filter_h, filter_w;
    hy_store store;
    int64_t multiplier;
    int64_t rows, row_blocks; /* a task takes that many rows of the output, [n * oh], and a block of channels */
} depthwise_job;

/* One output row, one block of channels. */
typedef struct depthwise_row {
    const hy_f32 *in, *filter;         /* pixel [n, 0, 0] and tap [0, 0], at the block's first channel */
    int64_t y;                         /* of the input, at tap 0 */
    int64_t first, count;              /* output channels */
    int64_t channel[HY_STORE_COLUMNS]; /* with a multiplier: where each of them reads, from `in` on */
    hy_store_columns epilogue;
} depthwise_row;

/* ---- Scratch ----------------------------------------------------------------------------------------------- */

static bool copies_filter(const hy_call *call)
{
    const hy_view *filter = &call->in[1];
    return (filter->dims[3] > 1 && filter->strides[3] != 1)
        || (filter->dims[2] > 1 && filter->strides[2] != filter->dims[3]);
}

static size_t filter_bytes(const hy_call *call)
{
    size_t elements = copies_filter(call) ? (size_t)hy_view_elements(&call->in[1]) : 0;
    return hy_round_up(elements * sizeof(float), HY_CACHE_LINE);
}

static size_t depthwise_scratch(const hy_call *call, int threads)
{
    size_t elements = hy_image_is_packed(&call->in[0]) ? 0 : (size_t)hy_view_elements(&call->in[0]);
    (void)threads;
    return filter_bytes(call) + elements * sizeof(float);
}

static void copy_filter(const hy_view *view, const hy_f32 *from, float *to)
{
    for (int64_t y = 0; y < view->dims[0]; y++)
        for (int64_t x = 0; x < view->dims[1]; x++)
            for (int64_t c = 0; c < view->dims[2]; c++)
                for (int64_t m = 0; m < view->dims[3]; m++)
                    *to++ = from[y * view->strides[0] + x * view->strides[1] + c * view->strides[2]
                                 + m * view->strides[3]];
}

/* ---- Sums -------------------------------------------------------------------------------------------------- */

/* What is known of HY_LANES output channels where the functions below are inlined: all of them exist and read
   neighbours, or not all exist, or they read through row->channel. */
typedef enum lane_kind { WHOLE, PART, SPREAD } lane_kind;

/* Those channels of one input pixel, from number j of the block on. */
HY_ALWAYS_INLINE hy_vf load_pixel(const depthwise_row *row, const hy_f32 *pixel, int64_t j, lane_kind lanes)
{
    if (lanes == WHOLE)
        return hy_vf_load(pixel + j);
    if (lanes == PART)
        return hy_vf_load_part(pixel + j, row->count - j);
    float gathered[HY_LANES] = {0};
    for (int64_t i = 0; i < hy_min64(row->count - j, HY_LANES); i++)
        gathered[i] = pixel[row->channel[j + i]];
    return hy_vf_load(gathered);
}

HY_ALWAYS_INLINE hy_vf load_filter(const depthwise_row *row, const hy_f32 *tap, int64_t j, lane_kind lanes)
{
    return lanes == WHOLE ? hy_vf_load(tap + j) : hy_vf_load_part(tap + j, hy_min64(row->count - j, HY_LANES));
}

static inline bool inside(int64_t at, int64_t size)
{
    return at >= 0 && at < size;
}

/* A vector of each of `strip` pixels, all of whose taps lie inside the image's width. x: of the input, at tap 0. */
HY_ALWAYS_INLINE void sum_strip(const depthwise_job *job, const depthwise_row *row, int64_t x, int64_t j,
                                hy_vf *sums, lane_kind lanes)
{
    const hy_window *window = &job->call->window;
    const int64_t step = window->stride_w * job->image.pixel, next = window->dilation_w * job->image.pixel;
    hy_vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t ky = 0; ky < window->kernel_h; ky++) {
        int64_t in_y = row->y + ky * window->dilation_h;
        if (!inside(in_y, job->image.height))
            continue;
        const hy_f32 *in = row->in + in_y * job->image.row + x * job->image.pixel;
        const hy_f32 *tap = row->filter + ky * job->filter_h;
        for (int64_t kx = 0; kx < window->kernel_w; kx++, in += next, tap += job->filter_w) {
            hy_vf filter = load_filter(row, tap, j, lanes);
            s0 = hy_vf_fma(load_pixel(row, in, j, lanes), filter, s0);
            s1 = hy_vf_fma(load_pixel(row, in + step, j, lanes), filter, s1);
            s2 = hy_vf_fma(load_pixel(row, in + 2 * step, j, lanes), filter, s2);
            s3 = hy_vf_fma(load_pixel(row, in + 3 * step, j, lanes), filter, s3);
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One pixel, anywhere. */
HY_ALWAYS_INLINE void sum_pixel(const depthwise_job *job, const depthwise_row *row, int64_t x, int64_t j,
                                hy_vf *sums, lane_kind lanes)
{
    const hy_window *window = &job->call->window;
    hy_vf sum = {0};
    for (int64_t ky = 0; ky < window->kernel_h; ky++) {
        int64_t in_y = row->y + ky * window->dilation_h;
        if (!inside(in_y, job->image.height))
            continue;
        for (int64_t kx = 0; kx < window->kernel_w; kx++) {
            int64_t in_x = x + kx * window->dilation_w;
            if (!inside(in_x, job->image.width))
                continue;
            const hy_f32 *in = row->in + in_y * job->image.row + in_x * job->image.pixel;
            const hy_f32 *tap = row->filter + ky * job->filter_h + kx * job->filter_w;
            sum = hy_vf_fma(load_pixel(row, in, j, lanes), load_filter(row, tap, j, lanes), sum);
        }
    }
    sums[0] = sum;
}

HY_ALWAYS_INLINE void sum_pixels(const depthwise_job *job, const depthwise_row *row, int64_t pixels, int64_t x,
                                 int64_t j, hy_vf *sums, lane_kind lanes)
{
    if (pixels == strip)
        sum_strip(job, row, x, j, sums, lanes);
    else
        sum_pixel(job, row, x, j, sums, lanes);
}

/* ---- Rows -------------------------------------------------------------------------------------------------- */

static void store_pixel(const depthwise_job *job, const depthwise_row *row, const float *sums, int64_t n, int64_t y,
                        int64_t x)
{
    const hy_store *store = &job->store;
    const hy_view *out = &job->call->out, *view = store->residual_view;
    const hy_f32 *residual = NULL;
    if (store->residual)
        residual = store->residual + view->offset + n * view->strides[0] + y * view->strides[1]
            + x * view->strides[2] + row->first * store->residual_channel;
    hy_store_row(store, &row->epilogue, sums, row->count, residual,
                 store->out + out->offset + n * out->strides[0] + y * out->strides[1] + x * out->strides[2]
                     + row->first * store->out_channel);
}

static void run_row(const depthwise_job *job, const depthwise_row *row, int64_t n, int64_t y)
{
    const hy_window *window = &job->call->window;
    const int64_t width = job->call->out.dims[2];
    const int64_t reach = (strip - 1) * window->stride_w + (window->kernel_w - 1) * window->dilation_w;
    float sums[strip][HY_STORE_COLUMNS];
    for (int64_t x = 0, pixels; x < width; x += pixels) {
        int64_t in_x = x * window->stride_w - window->pad_left;
        bool whole = x + strip <= width && in_x >= 0 && in_x + reach < job->image.width;
        pixels = whole ? strip : 1;
        for (int64_t j = 0; j < row->count; j += HY_LANES) {
            hy_vf sum[strip];
            if (job->multiplier > 1)
                sum_pixels(job, row, pixels, in_x, j, sum, SPREAD);
            else if (row->count - j >= HY_LANES)
                sum_pixels(job, row, pixels, in_x, j, sum, WHOLE);
            else
                sum_pixels(job, row, pixels, in_x, j, sum, PART);
            for (int64_t i = 0; i < pixels; i++)
                hy_vf_store(sums[i] + j, sum[i]);
        }
        for (int64_t i = 0; i < pixels; i++)
            store_pixel(job, row, sums[i], n, y, x + i);
    }
}

static void depthwise_task(void *argument, int64_t index, int worker)
{
    const depthwise_job *job = argument;
    const int64_t *out = job->call->out.dims;
    int64_t first = index % job->row_blocks * job->rows, last = hy_min64(first + job->rows, out[0] * out[1]);
    depthwise_row row = {.first = index / job->row_blocks * HY_STORE_COLUMNS};
    (void)worker;
    row.count = hy_min64(HY_STORE_COLUMNS, out[3] - row.first);
    row.filter = job->filter + row.first;
    hy_store_columns_load(&row.epilogue, &job->store, row.first, row.count);
    int64_t channel = row.first / job->multiplier;
    for (int64_t j = 0; j < row.count; j++)
        row.channel[j] = (row.first + j) / job->multiplier - channel;
    for (int64_t i = first; i < last; i++) {
        int64_t n = i / out[1], y = i % out[1];
        row.in = job->image.data + n * job->image.batch + channel;
        row.y = y * job->call->window.stride_h - job->call->window.pad_top;
        run_row(job, &row, n, y);
    }
}

static const char *depthwise_run(const hy_call *call, const void *const *in, void *out, void *scratch,
                                 hy_team *team)
{
    const hy_view *image = &call->in[0], *filter = &call->in[1];
    const int64_t *dims = call->out.dims;
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    depthwise_job job = {.call = call, .image = hy_image_of(image, in[0]), .filter = hy_operand(filter, in[1]),
                         .filter_h = filter->strides[0], .filter_w = filter->strides[1],
                         .multiplier = filter->dims[3], .store = hy_store_make(call, in, out)};
    if (copies_filter(call)) {
        copy_filter(filter, job.filter, scratch);
        job.filter = scratch;
        job.filter_w = dims[3];
        job.filter_h = dims[3] * filter->dims[1];
    }
    if (!hy_image_is_packed(image))
        job.image = hy_image_copy(call, in[0], 0, 0, image->dims[1], image->dims[2],
                                  (float *)((char *)scratch + filter_bytes(call)), team);
    int64_t rows = dims[0] * dims[1];
    job.rows = hy_min64(rows, hy_ceil_div(task_pixels, dims[2]));
    job.row_blocks = hy_ceil_div(rows, job.rows);
    hy_team_run(team, depthwise_task, &job, job.row_blocks * hy_ceil_div(dims[3], HY_STORE_COLUMNS));
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_depthwise)[] = {
    {
        .name = "depthwise_direct",
        .family = HY_DEPTHWISE,
        .isa = HY_ISA_THIS,
        .why = "takes every depthwise convolution",
        .accepts = hy_gemm_accepts,
        .scratch = depthwise_scratch,
        .run = depthwise_run,
    },
    {0},
};
