/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution as a matrix product: rows are output pixels, columns output channels, and the sum runs over the
 * filter's taps and the input channels. Nothing is gathered into a matrix; see gemm.h.
 */
#include "kernels/dot.h"
#include "kernels/gemm.h"
#include "kernels/image.h"

/* How a call is computed; follows from its views alone. */
typedef struct conv_layout {
    bool copies;              /* the input is copied to a dense, padded image first */
    bool joins;               /* a segment for each row of the filter: its taps are neighbours in the copy */
    int64_t height, width;    /* of the copy: all that the window touches */
    int64_t groups, segments;
    int64_t length;           /* of a segment */
    size_t shared_bytes;      /* scratch for the copy, or for a pixel of zeros */
} conv_layout;

typedef struct conv_job {
    const hy_call *call;
    conv_layout layout;
    hy_gemm gemm;
    hy_gemm_cut cut;          /* of one group */
    hy_image image;
    hy_grid grid;
    const float *zeros;       /* NULL where nothing lies outside the image */
    void *work;
} conv_job;

/* With fewer channels than this, a segment for each tap costs more than a copy of the input. */
enum { few_channels = 8 };

static conv_layout conv_layout_of(const hy_call *call)
{
    const hy_window *window = &call->window;
    const hy_view *in = &call->in[0], *filter = &call->in[1];
    int64_t channels = filter->dims[2];
    conv_layout layout = {.groups = channels ? in->dims[3] / channels : 1};
    bool row_is_dense = filter->strides[1] == channels * filter->strides[2];
    layout.joins = layout.groups == 1 && channels < few_channels && window->kernel_w > 1 && window->dilation_w == 1
        && row_is_dense;
    layout.copies = layout.joins || (!hy_image_is_packed(in) && channels > 1);
    layout.segments = layout.joins ? window->kernel_h : window->kernel_h * window->kernel_w;
    layout.length = layout.joins ? window->kernel_w * channels : channels;
    layout.height = (call->out.dims[1] - 1) * window->stride_h + (window->kernel_h - 1) * window->dilation_h + 1;
    layout.width = (call->out.dims[2] - 1) * window->stride_w + (window->kernel_w - 1) * window->dilation_w + 1;
    int64_t shared = layout.copies ? in->dims[0] * layout.height * layout.width * in->dims[3] : channels;
    layout.shared_bytes = hy_round_up((size_t)shared * sizeof(float), HY_CACHE_LINE);
    return layout;
}

static size_t conv_scratch(const hy_call *call, int threads)
{
    if (hy_view_elements(&call->out) == 0)
        return 0;
    conv_layout layout = conv_layout_of(call);
    return layout.shared_bytes + (size_t)threads * hy_gemm_work_size(layout.segments);
}

/* The rows of the matrix for output pixels first .. first + work->rows - 1 of a group. */
static void find_rows(const conv_job *conv, hy_gemm_work *work, int64_t group, int64_t first)
{
    const hy_call *call = conv->call;
    const hy_window *window = &call->window;
    const int64_t *filter = call->in[1].strides;
    hy_image image = conv->image;
    int64_t pad_top = conv->layout.copies ? 0 : window->pad_top;
    int64_t pad_left = conv->layout.copies ? 0 : window->pad_left;
    int64_t taps = conv->layout.joins ? 1 : window->kernel_w;
    image.data += group * call->in[1].dims[2] * image.channel;
    work->segments = 0;
    for (int64_t y = 0; y < window->kernel_h; y++)
        for (int64_t x = 0; x < taps; x++, work->segments++) {
            hy_image_tap(&image, &conv->grid, y * window->dilation_h - pad_top, x * window->dilation_w - pad_left,
                         conv->zeros, first, work->rows, work->a + work->segments * HY_GEMM_BLOCK_ROWS);
            work->segment[work->segments] = y * filter[0] + x * filter[1];
        }
    hy_image_offsets(&call->out, first, work->rows, work->out);
    if (call->epilogue.residual)
        hy_image_offsets(conv->gemm.store.residual_view, first, work->rows, work->residual);
}

/* Tasks that read the same parameters are neighbours. */
static void conv_task(void *argument, int64_t index, int worker)
{
    const conv_job *conv = argument;
    const hy_gemm_cut *cut = &conv->cut;
    int64_t row_block = index % cut->row_blocks, rest = index / cut->row_blocks;
    int64_t column_block = rest % cut->column_blocks, group = rest / cut->column_blocks;
    int64_t columns = conv->call->out.dims[3] / conv->layout.groups;
    int64_t pixels = conv->grid.batch * conv->grid.height * conv->grid.width;
    hy_gemm_work work = hy_gemm_work_at(conv->work, worker, conv->layout.segments);
    work.rows = hy_min64(cut->rows, pixels - row_block * cut->rows);
    find_rows(conv, &work, group, row_block * cut->rows);
    int64_t first = column_block * cut->columns, last = hy_min64(first + cut->columns, columns);
    hy_gemm_block(&conv->gemm, &work, group * columns + first, group * columns + last);
}

static conv_job conv_prepare(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const hy_window *window = &call->window;
    const hy_view *filter = &call->in[1];
    const int64_t *dims = call->out.dims;
    conv_job conv = {.call = call, .layout = conv_layout_of(call)};
    conv.grid = (hy_grid){.batch = dims[0], .height = dims[1], .width = dims[2], .step_y = window->stride_h,
                          .step_x = window->stride_w};
    conv.gemm = (hy_gemm){.length = conv.layout.length, .b = hy_operand(filter, in[1]), .b_k = filter->strides[2],
                          .b_n = filter->strides[3], .store = hy_store_make(call, in, out)};
    conv.cut = hy_gemm_cut_make(dims[0] * dims[1] * dims[2], dims[3] / conv.layout.groups);
    conv.work = (char *)scratch + conv.layout.shared_bytes;
    if (conv.layout.copies) {
        conv.image = hy_image_copy(call, in[0], window->pad_top, window->pad_left, conv.layout.height,
                                   conv.layout.width, scratch, team);
    } else {
        conv.image = hy_image_of_call(call, in[0]);
        conv.zeros = memset(scratch, 0, conv.layout.shared_bytes);
    }
    return conv;
}

static const char *conv_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    conv_job conv = conv_prepare(call, in, out, scratch, team);
    hy_team_run(team, conv_task, &conv, conv.layout.groups * conv.cut.column_blocks * conv.cut.row_blocks);
    return NULL;
}

/* ---- Few output channels ----------------------------------------------------------------------------------- */

enum { few_outputs = 4, FEWEST_INPUTS = 8 };

static bool dot_accepts(const hy_call *call)
{
    const int64_t *filter = call->in[1].dims;
    return hy_gemm_accepts(call) && filter[3] <= few_outputs && filter[2] == call->in[0].dims[3]
        && filter[2] >= FEWEST_INPUTS && hy_image_is_packed(&call->in[0]);
}

/* The filter as [co, kh * kw * ci]. */
static size_t dot_filter_bytes(const hy_call *call)
{
    return hy_round_up((size_t)hy_view_elements(&call->in[1]) * sizeof(float), HY_CACHE_LINE);
}

static size_t dot_scratch(const hy_call *call, int threads)
{
    size_t bytes = conv_scratch(call, threads);
    return bytes ? bytes + dot_filter_bytes(call) : 0;
}

static void transpose_filter(const hy_view *view, const hy_f32 *from, float *to)
{
    for (int64_t c = 0; c < view->dims[3]; c++)
        for (int64_t y = 0; y < view->dims[0]; y++)
            for (int64_t x = 0; x < view->dims[1]; x++)
                for (int64_t k = 0; k < view->dims[2]; k++)
                    *to++ = from[y * view->strides[0] + x * view->strides[1] + k * view->strides[2]
                                 + c * view->strides[3]];
}

/* Rows of so few channels are stored as one long row. sums: [rows][channels] */
static void store_narrow(const conv_job *conv, const hy_gemm_work *work, int64_t channels)
{
    const hy_store *store = &conv->gemm.store;
    float *sums = work->sums;
    hy_store_columns columns;
    hy_store_columns_load(&columns, store, 0, channels);
    for (int64_t i = 0; i < work->rows; i++)
        for (int64_t c = 0; c < channels; c++) {
            float x = sums[i * channels + c] * columns.scale[c] + columns.shift[c];
            if (store->residual)
                x += store->residual[work->residual[i] + c * store->residual_channel];
            sums[i * channels + c] = x;
        }
    if (store->activation != HY_IDENTITY)
        hy_unary_row(store->activation, store->alpha, sums, work->rows * channels);
    for (int64_t i = 0; i < work->rows; i++)
        for (int64_t c = 0; c < channels; c++)
            store->out[work->out[i] + c * store->out_channel] = sums[i * channels + c];
}

static void dot_task(void *argument, int64_t index, int worker)
{
    const conv_job *conv = argument;
    const hy_gemm_cut *cut = &conv->cut;
    int64_t first = index * cut->rows, channels = conv->call->out.dims[3];
    hy_gemm_work work = hy_gemm_work_at(conv->work, worker, conv->layout.segments);
    work.rows = hy_min64(cut->rows, conv->grid.batch * conv->grid.height * conv->grid.width - first);
    find_rows(conv, &work, 0, first);
    hy_dot dot = {.a = work.a, .a_step = HY_GEMM_BLOCK_ROWS, .rows = work.rows, .segments = work.segments,
                  .length = conv->gemm.length, .b = conv->gemm.b, .b_column = work.segments * conv->gemm.length,
                  .columns = channels, .sums = work.sums, .row = channels, .column = 1};
    hy_dot_block(&dot);
    store_narrow(conv, &work, channels);
}

static const char *dot_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    float *filter = scratch;
    transpose_filter(&call->in[1], hy_operand(&call->in[1], in[1]), filter);
    conv_job conv = conv_prepare(call, in, out, (char *)scratch + dot_filter_bytes(call), team);
    conv.gemm.b = filter;
    hy_team_run(team, dot_task, &conv, conv.cut.row_blocks);
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_conv2d)[] = {
    {
        .name = "conv2d_dot",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "no more than 4 output channels: vectors run along input channels",
        .accepts = dot_accepts,
        .scratch = dot_scratch,
        .run = dot_run,
    },
    {
        .name = "conv2d_gemm",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "takes every convolution",
        .accepts = hy_gemm_accepts,
        .scratch = conv_scratch,
        .run = conv_run,
    },
    {0},
};
