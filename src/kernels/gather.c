/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_GATHER: out[b, o, n, i] = in0[b, o, in1[b, n], i]. All indices are looked at before anything is read by them.
 */
#include "kernels/loops.h"

enum { TASK_BYTES = 64 * 1024 };

typedef struct gather {
    const hy_call *call;
    const char *data, *indices;
    char *out;
    int64_t rows_per_task; /* rows of i elements */
} gather;

static int64_t index_at(const hy_view *view, const char *indices, int64_t b, int64_t n)
{
    const int64_t at = view->offset + b * view->strides[0] + n * view->strides[1];
    return view->dtype == HAYA_INT32 ? ((const hy_i32 *)indices)[at] : ((const hy_i64 *)indices)[at];
}

static bool indices_fit(const hy_view *view, const char *indices, int64_t limit)
{
    for (int64_t b = 0; b < view->dims[0]; b++) {
        for (int64_t n = 0; n < view->dims[1]; n++) {
            const int64_t index = index_at(view, indices, b, n);
            if (index < 0 || index >= limit)
                return false;
        }
    }
    return true;
}

static void gather_task(void *argument, int64_t task, int worker)
{
    const gather *g = argument;
    const hy_view *from = &g->call->in[0], *to = &g->call->out;
    const int64_t count_n = to->dims[2], count_o = to->dims[1];
    const int64_t rows = to->dims[0] * count_o * count_n;
    const int64_t begin = task * g->rows_per_task, end = hy_min64(begin + g->rows_per_task, rows);
    const int width = (int)haya_dtype_size(to->dtype);
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const int64_t n = row % count_n, o = row / count_n % count_o, b = row / count_n / count_o;
        const int64_t r = index_at(&g->call->in[1], g->indices, b, n);
        const int64_t source = from->offset + b * from->strides[0] + o * from->strides[1] + r * from->strides[2];
        const int64_t target = to->offset + b * to->strides[0] + o * to->strides[1] + n * to->strides[2];
        hy_copy_strided(g->out + target * width, to->strides[3] * width, g->data + source * width,
                        from->strides[3] * width, to->dims[3], width);
    }
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const int64_t *dims = call->out.dims;
    (void)scratch;
    if (!indices_fit(&call->in[1], in[1], call->in[0].dims[2]))
        return "index out of range";
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    gather g = {call, in[0], in[1], out, 0};
    g.rows_per_task = hy_max64(1, TASK_BYTES / (dims[3] * (int64_t)haya_dtype_size(call->out.dtype)));
    hy_team_run(team, gather_task, &g, hy_ceil_div(dims[0] * dims[1] * dims[2], g.rows_per_task));
    return NULL;
}

static bool accepts(const hy_call *call)
{
    const haya_dtype indices = call->in[1].dtype;
    return call->in[0].dtype == call->out.dtype && (indices == HAYA_INT32 || indices == HAYA_INT64);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_gather)[] = {
    {
        .name = "gather",
        .family = HY_GATHER,
        .isa = HY_ISA_THIS,
        .why = "the kernel for elements picked by index",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
