/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution without the zeros. An output row y gets something from those rows of the filter alone that
 * make y + pad - row * dilation a multiple of the stride; which ones depends on y % stride only. So the output
 * falls into stride_h * stride_w phases, and each is a convolution of stride 1 over the input, with the taps that
 * it has: one matrix product for each, see gemm.h. The filter lies as [kh, kw, co, ci], transposed, which the
 * panels' copy puts right.
 */
#include "kernels/gemm.h"
#include "kernels/image.h"

typedef struct transpose_job {
    const hy_call *call;
    hy_gemm gemm;
    hy_gemm_cut cut; /* of the largest phase, the first */
    hy_image image;
    const float *zeros;
    void *work;
} transpose_job;

static int64_t taps(const hy_call *call)
{
    return (int64_t)call->window.kernel_h * call->window.kernel_w;
}

static bool copies_input(const hy_call *call)
{
    return !hy_image_is_packed(&call->in[0]);
}

/* Scratch for a dense copy of the input, or for a pixel of zeros, which the copy has too. */
static size_t zeros_bytes(const hy_call *call)
{
    return hy_round_up((size_t)call->in[0].dims[3] * sizeof(float), HY_CACHE_LINE);
}

static size_t copy_bytes(const hy_call *call)
{
    size_t elements = copies_input(call) ? (size_t)hy_view_elements(&call->in[0]) : 0;
    return hy_round_up(elements * sizeof(float), HY_CACHE_LINE);
}

static size_t transpose_scratch(const hy_call *call, int threads)
{
    return zeros_bytes(call) + copy_bytes(call) + (size_t)threads * hy_gemm_work_size(taps(call));
}

/* The pixels of `view` that belong to a phase. */
static hy_view phase_view(const hy_view *view, const hy_window *window, int64_t phase)
{
    hy_view part = *view;
    int64_t y = phase / window->stride_w, x = phase % window->stride_w;
    part.dims[1] = view->dims[1] > y ? hy_ceil_div(view->dims[1] - y, window->stride_h) : 0;
    part.dims[2] = view->dims[2] > x ? hy_ceil_div(view->dims[2] - x, window->stride_w) : 0;
    part.strides[1] *= window->stride_h;
    part.strides[2] *= window->stride_w;
    part.offset += y * view->strides[1] + x * view->strides[2];
    return part;
}

/* The matrix's rows for pixels first .. first + work->rows - 1 of a phase: its taps and where each reads. */
static void find_rows(const transpose_job *job, hy_gemm_work *work, const hy_view *part, int64_t phase,
                      int64_t first)
{
    const hy_window *window = &job->call->window;
    const int64_t *filter = job->call->in[1].strides;
    hy_grid grid = {.batch = part->dims[0], .height = part->dims[1], .width = part->dims[2], .step_y = 1,
                    .step_x = 1};
    for (int64_t y = 0; y < window->kernel_h; y++)
        for (int64_t x = 0; x < window->kernel_w; x++) {
            int64_t from_y = phase / window->stride_w + window->pad_top - y * window->dilation_h;
            int64_t from_x = phase % window->stride_w + window->pad_left - x * window->dilation_w;
            if (from_y % window->stride_h != 0 || from_x % window->stride_w != 0)
                continue;
            hy_image_tap(&job->image, &grid, from_y / window->stride_h, from_x / window->stride_w, job->zeros,
                         first, work->rows, work->a + work->segments * HY_GEMM_BLOCK_ROWS);
            work->segment[work->segments++] = y * filter[0] + x * filter[1];
        }
}

static void transpose_task(void *argument, int64_t index, int worker)
{
    const transpose_job *job = argument;
    const hy_call *call = job->call;
    const hy_gemm_cut *cut = &job->cut;
    int64_t first = index % cut->row_blocks * cut->rows, rest = index / cut->row_blocks;
    int64_t column = rest % cut->column_blocks * cut->columns, phase = rest / cut->column_blocks;
    hy_view part = phase_view(&call->out, &call->window, phase);
    hy_gemm_work work = hy_gemm_work_at(job->work, worker, taps(call));
    work.rows = hy_min64(cut->rows, part.dims[0] * part.dims[1] * part.dims[2] - first);
    if (work.rows <= 0)
        return;
    find_rows(job, &work, &part, phase, first);
    hy_image_offsets(&part, first, work.rows, work.out);
    if (call->epilogue.residual) {
        part = phase_view(job->gemm.store.residual_view, &call->window, phase);
        hy_image_offsets(&part, first, work.rows, work.residual);
    }
    hy_gemm_block(&job->gemm, &work, column, hy_min64(column + cut->columns, call->out.dims[3]));
}

static const char *transpose_run(const hy_call *call, const void *const *in, void *out, void *scratch,
                                 hy_team *team)
{
    const hy_view *image = &call->in[0], *filter = &call->in[1];
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    transpose_job job = {.call = call, .image = hy_image_of(image, in[0])};
    job.gemm = (hy_gemm){.length = image->dims[3], .b = hy_operand(filter, in[1]), .b_k = filter->strides[3],
                         .b_n = filter->strides[2], .store = hy_store_make(call, in, out)};
    hy_view part = phase_view(&call->out, &call->window, 0);
    job.cut = hy_gemm_cut_make(part.dims[0] * part.dims[1] * part.dims[2], part.dims[3]);
    job.zeros = memset(scratch, 0, zeros_bytes(call));
    float *copy = (float *)((char *)scratch + zeros_bytes(call));
    job.work = (char *)copy + copy_bytes(call);
    if (copies_input(call))
        job.image = hy_image_copy(call, in[0], 0, 0, image->dims[1], image->dims[2], copy, team);
    int64_t phases = (int64_t)call->window.stride_h * call->window.stride_w;
    hy_team_run(team, transpose_task, &job, phases * job.cut.column_blocks * job.cut.row_blocks);
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_conv2d_transpose)[] = {
    {
        .name = "conv2d_transpose_gemm",
        .family = HY_CONV2D_TRANSPOSE,
        .isa = HY_ISA_THIS,
        .why = "takes every transposed convolution",
        .accepts = hy_gemm_accepts,
        .scratch = transpose_scratch,
        .run = transpose_run,
    },
    {0},
};
