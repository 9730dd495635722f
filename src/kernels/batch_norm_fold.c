/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_BATCH_NORM_FOLD: a batch norm's parameters as one scale and one shift for each channel. Computed in float64
 * and rounded once; it runs when weights are bound, on some thousand elements.
 */
#include <math.h>

#include "kernels/loops.h"

static double element(const hy_call *call, const void *const *in, int operand, int64_t i)
{
    const hy_view *view = &call->in[operand];
    const hy_f32 *data = in[operand];
    return (double)data[view->offset + i * view->strides[0]];
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    hy_f32 *y = out;
    (void)scratch;
    (void)team;
    for (int64_t i = 0; i < call->out.dims[0]; i++) {
        const double gamma = element(call, in, 0, i), variance = element(call, in, 1, i);
        double result = gamma / sqrt(variance + (double)call->batch_norm_fold.epsilon);
        if (call->batch_norm_fold.shift)
            result = element(call, in, 2, i) - element(call, in, 3, i) * result;
        y[call->out.offset + i * call->out.strides[0]] = (float)result;
    }
    return NULL;
}

static bool accepts(const hy_call *call)
{
    for (int i = 0; i < call->input_count; i++)
        if (call->in[i].dtype != HAYA_FLOAT32 || call->in[i].rank != 1)
            return false;
    return call->input_count == (call->batch_norm_fold.shift ? 4 : 2) && call->out.dtype == HAYA_FLOAT32 &&
           call->out.rank == 1;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_batch_norm_fold)[] = {
    {
        .name = "batch_norm_fold",
        .family = HY_BATCH_NORM_FOLD,
        .isa = HY_ISA_THIS,
        .why = "the kernel for folding a batch norm",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
