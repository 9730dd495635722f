/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products [m, k] x [k, n]. B is the parameters; transposes come as strides. A large product is computed
 * tile by tile. One with few rows costs what reading B costs, so B is read once, along memory: by parts of its rows
 * where n is contiguous, as dot products where k is.
 */
#include "kernels/dot.h"
#include "kernels/gemm.h"

typedef struct matmul_job {
    hy_gemm gemm;
    hy_gemm_cut cut;
    int64_t m, k, n;
    const hy_f32 *a;
    int64_t a_m, a_k;
    int64_t out_first, out_m, residual_first, residual_m;
    float *copy;      /* [m, k]: A, where its rows are not contiguous */
    void *work;
    float *parts;     /* matmul_rows: sums of parts of k, [part][m][n] */
    int64_t part_count;
} matmul_job;

static matmul_job matmul_prepare(const hy_call *call, const void *const *in, void *out)
{
    const hy_view *a = &call->in[0], *b = &call->in[1];
    matmul_job job = {.m = a->dims[0], .k = a->dims[1], .n = b->dims[1], .a = hy_operand(a, in[0]),
                      .a_m = a->strides[0], .a_k = a->strides[1], .out_first = call->out.offset,
                      .out_m = call->out.strides[0]};
    job.gemm = (hy_gemm){.length = job.k, .b = hy_operand(b, in[1]), .b_k = b->strides[0], .b_n = b->strides[1],
                         .store = hy_store_make(call, in, out)};
    if (call->epilogue.residual) {
        job.residual_first = job.gemm.store.residual_view->offset;
        job.residual_m = job.gemm.store.residual_view->strides[0];
    }
    return job;
}

/* sums [m][stride], of `count` columns from `column` on, at most HY_STORE_COLUMNS. */
static void store_columns(const matmul_job *job, const float *sums, int64_t stride, int64_t column, int64_t count)
{
    const hy_store *store = &job->gemm.store;
    hy_store_columns columns;
    hy_store_columns_load(&columns, store, column, count);
    for (int64_t i = 0; i < job->m; i++) {
        const hy_f32 *residual = NULL;
        if (store->residual)
            residual = store->residual + job->residual_first + i * job->residual_m
                + column * store->residual_channel;
        hy_store_row(store, &columns, sums + i * stride, count, residual,
                     store->out + job->out_first + i * job->out_m + column * store->out_channel);
    }
}

/* ---- Any product ------------------------------------------------------------------------------------------- */

static bool copies_a(const hy_call *call)
{
    return call->in[0].dims[1] > 1 && call->in[0].strides[1] != 1;
}

static size_t copy_bytes(const hy_call *call)
{
    size_t elements = copies_a(call) ? (size_t)hy_view_elements(&call->in[0]) : 0;
    return hy_round_up(elements * sizeof(float), HY_CACHE_LINE);
}

static size_t gemm_scratch(const hy_call *call, int threads)
{
    return copy_bytes(call) + (size_t)threads * hy_gemm_work_size(1);
}

enum { copied_rows = 64 };

static void copy_task(void *argument, int64_t index, int worker)
{
    const matmul_job *job = argument;
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

static void gemm_task(void *argument, int64_t index, int worker)
{
    const matmul_job *job = argument;
    int64_t row = index % job->cut.row_blocks * job->cut.rows;
    int64_t column = index / job->cut.row_blocks * job->cut.columns;
    hy_gemm_work work = hy_gemm_work_at(job->work, worker, 1);
    work.rows = hy_min64(job->cut.rows, job->m - row);
    work.segments = 1;
    work.segment[0] = 0;
    for (int64_t i = 0; i < work.rows; i++) {
        work.a[i] = job->a + (row + i) * job->a_m;
        work.out[i] = job->out_first + (row + i) * job->out_m;
        work.residual[i] = job->residual_first + (row + i) * job->residual_m;
    }
    hy_gemm_block(&job->gemm, &work, column, hy_min64(column + job->cut.columns, job->n));
}

static const char *gemm_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    matmul_job job = matmul_prepare(call, in, out);
    if (job.m == 0 || job.n == 0)
        return NULL;
    job.cut = hy_gemm_cut_make(job.m, job.n);
    job.work = (char *)scratch + copy_bytes(call);
    if (copies_a(call)) {
        job.copy = scratch;
        hy_team_run(team, copy_task, &job, hy_ceil_div(job.m, copied_rows));
        job.a = job.copy;
        job.a_m = job.k;
        job.a_k = 1;
    }
    hy_team_run(team, gemm_task, &job, job.cut.row_blocks * job.cut.column_blocks);
    return NULL;
}

/* ---- Few rows, B's rows contiguous ------------------------------------------------------------------------- */

enum {
    few_rows = 8,
    part_rows = 256,      /* of B, that a task adds up */
    part_columns = 1024
};

static bool rows_accepts(const hy_call *call)
{
    const hy_view *b = &call->in[1];
    return hy_gemm_accepts(call) && call->out.dims[0] <= few_rows && (b->strides[1] == 1 || b->dims[1] <= 1);
}

static size_t rows_scratch(const hy_call *call, int threads)
{
    int64_t parts = hy_max64(hy_ceil_div(call->in[0].dims[1], part_rows), 1);
    (void)threads;
    return (size_t)parts * (size_t)call->out.dims[0] * hy_round_up((size_t)call->out.dims[1], HY_LANES)
        * sizeof(float);
}

/* sums[i][j] += a[i][t] * b[t][j], t < rows, 4 or 1: one pass over the sums for four rows of B. */
HY_ALWAYS_INLINE void add_rows(float *sums, int64_t stride, const float a[few_rows][4], int64_t m, const hy_f32 *b,
                               int64_t b_k, int64_t columns, int rows)
{
    for (int64_t j = 0; j < columns; j += HY_LANES) {
        int64_t left = columns - j;
        hy_vf b0 = hy_vf_load_some(b + j, left), b1 = {0}, b2 = {0}, b3 = {0};
        if (rows == 4) {
            b1 = hy_vf_load_some(b + b_k + j, left);
            b2 = hy_vf_load_some(b + 2 * b_k + j, left);
            b3 = hy_vf_load_some(b + 3 * b_k + j, left);
        }
        for (int64_t i = 0; i < m; i++) {
            hy_vf sum = hy_vf_fma(hy_vf_splat(a[i][0]), b0, hy_vf_load(sums + i * stride + j));
            if (rows == 4) {
                sum = hy_vf_fma(hy_vf_splat(a[i][1]), b1, sum);
                sum = hy_vf_fma(hy_vf_splat(a[i][2]), b2, sum);
                sum = hy_vf_fma(hy_vf_splat(a[i][3]), b3, sum);
            }
            hy_vf_store(sums + i * stride + j, sum);
        }
    }
}

static int64_t part_stride(const matmul_job *job)
{
    return (int64_t)hy_round_up((size_t)job->n, HY_LANES);
}

/* One part of k, one block of columns. */
static void rows_task(void *argument, int64_t index, int worker)
{
    const matmul_job *job = argument;
    int64_t part = index % job->part_count, column = index / job->part_count * part_columns;
    int64_t columns = hy_min64(part_columns, job->n - column), stride = part_stride(job);
    int64_t k = part * part_rows, last = hy_min64(k + part_rows, job->k);
    float *sums = job->parts + part * job->m * stride + column;
    (void)worker;
    for (int64_t i = 0; i < job->m; i++)
        memset(sums + i * stride, 0, hy_round_up((size_t)columns, HY_LANES) * sizeof(float));
    while (k < last) {
        int rows = last - k >= 4 ? 4 : 1;
        const hy_f32 *b = job->gemm.b + k * job->gemm.b_k + column;
        float a[few_rows][4];
        for (int64_t i = 0; i < job->m; i++)
            for (int t = 0; t < rows; t++)
                a[i][t] = job->a[i * job->a_m + (k + t) * job->a_k];
        if (rows == 4)
            add_rows(sums, stride, a, job->m, b, job->gemm.b_k, columns, 4);
        else
            add_rows(sums, stride, a, job->m, b, job->gemm.b_k, columns, 1);
        k += rows;
    }
}

/* Adds up the parts of some columns. */
static void parts_task(void *argument, int64_t index, int worker)
{
    const matmul_job *job = argument;
    int64_t column = index * HY_STORE_COLUMNS, count = hy_min64(HY_STORE_COLUMNS, job->n - column);
    int64_t stride = part_stride(job);
    float *sums = job->parts + column;
    (void)worker;
    for (int64_t part = 1; part < job->part_count; part++)
        for (int64_t i = 0; i < job->m; i++) {
            const float *more = sums + (part * job->m + i) * stride;
            for (int64_t j = 0; j < count; j += HY_LANES)
                hy_vf_store(sums + i * stride + j, hy_vf_load(sums + i * stride + j) + hy_vf_load(more + j));
        }
    store_columns(job, sums, stride, column, count);
}

static const char *rows_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    matmul_job job = matmul_prepare(call, in, out);
    if (job.m == 0 || job.n == 0)
        return NULL;
    job.parts = scratch;
    job.part_count = hy_max64(hy_ceil_div(job.k, part_rows), 1);
    hy_team_run(team, rows_task, &job, job.part_count * hy_ceil_div(job.n, part_columns));
    hy_team_run(team, parts_task, &job, hy_ceil_div(job.n, HY_STORE_COLUMNS));
    return NULL;
}

/* ---- Few rows, B's columns contiguous ---------------------------------------------------------------------- */

static bool dot_accepts(const hy_call *call)
{
    const hy_view *a = &call->in[0], *b = &call->in[1];
    return hy_gemm_accepts(call) && a->dims[0] <= few_rows && (b->strides[0] == 1 || b->dims[0] <= 1)
        && (a->strides[1] == 1 || a->dims[1] <= 1);
}

/* The product's transpose: B's columns are the rows of the dot products, and A's rows their columns. */
static void dot_task(void *argument, int64_t index, int worker)
{
    const matmul_job *job = argument;
    const hy_f32 *rows[HY_STORE_COLUMNS];
    float sums[few_rows][HY_STORE_COLUMNS];
    int64_t column = index * HY_STORE_COLUMNS, count = hy_min64(HY_STORE_COLUMNS, job->n - column);
    (void)worker;
    for (int64_t j = 0; j < count; j++)
        rows[j] = job->gemm.b + (column + j) * job->gemm.b_n;
    hy_dot dot = {.a = rows, .rows = count, .segments = 1, .length = job->k, .b = job->a, .b_column = job->a_m,
                  .columns = job->m, .sums = sums[0], .row = 1, .column = HY_STORE_COLUMNS};
    hy_dot_block(&dot);
    store_columns(job, sums[0], HY_STORE_COLUMNS, column, count);
}

static const char *dot_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    matmul_job job = matmul_prepare(call, in, out);
    (void)scratch;
    if (job.m > 0)
        hy_team_run(team, dot_task, &job, hy_ceil_div(job.n, HY_STORE_COLUMNS));
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_matmul)[] = {
    {
        .name = "matmul_rows",
        .family = HY_MATMUL,
        .isa = HY_ISA_THIS,
        .why = "no more than 8 rows: the second matrix is read once, row by row",
        .accepts = rows_accepts,
        .scratch = rows_scratch,
        .run = rows_run,
    },
    {
        .name = "matmul_dot",
        .family = HY_MATMUL,
        .isa = HY_ISA_THIS,
        .why = "no more than 8 rows: the second matrix, transposed, is read once",
        .accepts = dot_accepts,
        .run = dot_run,
    },
    {
        .name = "matmul_gemm",
        .family = HY_MATMUL,
        .isa = HY_ISA_THIS,
        .why = "takes every product",
        .accepts = hy_gemm_accepts,
        .scratch = gemm_scratch,
        .run = gemm_run,
    },
    {0},
};
