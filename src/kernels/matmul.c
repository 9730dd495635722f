/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products. B is the parameters; transposes come as strides.
 */
#include "kernels/gemm.h"

/* ---- A general one ----------------------------------------------------------------------------------------- */

typedef struct product_job {
    hy_gemm gemm;
    hy_gemm_cut cut;
    int64_t m, k, n;
    const hy_f32 *a;
    int64_t a_m, a_k;
    int64_t out_offset, out_m, residual_offset, residual_m;
    float *copy; /* [m, k]: A, where its rows are not contiguous */
    void *work;
} product_job;

static bool copies_a(const hy_call *call)
{
    return call->in[0].dims[1] > 1 && call->in[0].strides[1] != 1;
}

static size_t copy_bytes(const hy_call *call)
{
    size_t elements = copies_a(call) ? (size_t)call->in[0].dims[0] * (size_t)call->in[0].dims[1] : 0;
    return hy_round_up(elements * sizeof(float), HY_CACHE_LINE);
}

static size_t product_scratch(const hy_call *call, int threads)
{
    return copy_bytes(call) + (size_t)threads * hy_gemm_work_size(1);
}

enum { copied_rows = 64 };

static void copy_task(void *argument, int64_t index, int worker)
{
    const product_job *job = argument;
    int64_t first = index * copied_rows, last = hy_min64(first + copied_rows, job->m);
    (void)worker;
    if (job->a_m == 1) {
        hy_gemm_transpose(job->copy + first * job->k, job->k, job->a + first, job->a_k, job->k, last - first);
        return;
    }
    for (int64_t i = first; i < last; i++)
        for (int64_t k = 0; k < job->k; k++)
            job->copy[i * job->k + k] = job->a[i * job->a_m + k * job->a_k];
}

static void product_task(void *argument, int64_t index, int worker)
{
    const product_job *job = argument;
    int64_t row = index % job->cut.row_blocks * job->cut.rows;
    int64_t column = index / job->cut.row_blocks * job->cut.columns;
    hy_gemm_work work = hy_gemm_work_at(job->work, worker, 1);
    work.rows = hy_min64(job->cut.rows, job->m - row);
    work.segments = 1;
    work.segment[0] = 0;
    for (int64_t i = 0; i < work.rows; i++) {
        work.a[i] = job->a + (row + i) * job->a_m;
        work.out[i] = job->out_offset + (row + i) * job->out_m;
        work.residual[i] = job->residual_offset + (row + i) * job->residual_m;
    }
    hy_gemm_block(&job->gemm, &work, column, hy_min64(column + job->cut.columns, job->n));
}

static const char *product_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const hy_view *a = &call->in[0], *b = &call->in[1];
    product_job job = {.m = a->dims[0], .k = a->dims[1], .n = b->dims[1], .a = hy_operand(a, in[0]),
                       .a_m = a->strides[0], .a_k = a->strides[1], .out_offset = call->out.offset,
                       .out_m = call->out.strides[0]};
    if (job.m == 0 || job.n == 0)
        return NULL;
    job.gemm = (hy_gemm){.length = job.k, .b = hy_operand(b, in[1]), .b_k = b->strides[0], .b_n = b->strides[1],
                         .store = hy_store_make(call, in, out)};
    job.cut = hy_gemm_cut_make(job.m, job.n);
    job.work = (char *)scratch + copy_bytes(call);
    if (call->epilogue.residual) {
        job.residual_offset = job.gemm.store.residual_view->offset;
        job.residual_m = job.gemm.store.residual_view->strides[0];
    }
    if (copies_a(call)) {
        job.copy = scratch;
        hy_team_run(team, copy_task, &job, hy_ceil_div(job.m, copied_rows));
        job.a = job.copy;
        job.a_m = job.k;
        job.a_k = 1;
    }
    hy_team_run(team, product_task, &job, job.cut.row_blocks * job.cut.column_blocks);
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_matmul)[] = {
    {
        .name = "matmul_gemm",
        .family = HY_MATMUL,
        .isa = HY_ISA_THIS,
        .why = "takes every product",
        .accepts = hy_gemm_accepts,
        .scratch = product_scratch,
        .run = product_run,
    },
    {0},
};
