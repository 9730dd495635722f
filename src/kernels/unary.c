/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_UNARY: functions of one operand.
 */
#include "kernels/elementwise.h"
#include "kernels/unary_f32.h"

HY_ALWAYS_INLINE void map_f32(hy_unary op, float alpha, const char *in, char *out, int64_t n)
{
    int64_t i = 0;
    for (; i + HY_LANES <= n; i += HY_LANES)
        hy_vf_store(out + i * 4, hy_vf_unary(op, alpha, hy_vf_load(in + i * 4)));
    if (i < n)
        hy_vf_store_part(out + i * 4, hy_vf_unary(op, alpha, hy_vf_load_part(in + i * 4, n - i)), n - i);
}

void HY_ISA_SYMBOL(hy_unary_f32)(hy_unary op, float alpha, const void *in, void *out, int64_t n)
{
    switch (op) {
    case HY_RELU: map_f32(HY_RELU, alpha, in, out, n); break;
    case HY_RELU6: map_f32(HY_RELU6, alpha, in, out, n); break;
    case HY_LEAKY_RELU: map_f32(HY_LEAKY_RELU, alpha, in, out, n); break;
    case HY_ELU: map_f32(HY_ELU, alpha, in, out, n); break;
    case HY_SELU: map_f32(HY_SELU, alpha, in, out, n); break;
    case HY_SIGMOID: map_f32(HY_SIGMOID, alpha, in, out, n); break;
    case HY_TANH: map_f32(HY_TANH, alpha, in, out, n); break;
    case HY_SOFTPLUS: map_f32(HY_SOFTPLUS, alpha, in, out, n); break;
    case HY_EXP: map_f32(HY_EXP, alpha, in, out, n); break;
    case HY_LOG: map_f32(HY_LOG, alpha, in, out, n); break;
    case HY_SQRT: map_f32(HY_SQRT, alpha, in, out, n); break;
    case HY_RSQRT: map_f32(HY_RSQRT, alpha, in, out, n); break;
    case HY_SQUARE: map_f32(HY_SQUARE, alpha, in, out, n); break;
    case HY_NEG: map_f32(HY_NEG, alpha, in, out, n); break;
    case HY_ABS: map_f32(HY_ABS, alpha, in, out, n); break;
    case HY_FLOOR: map_f32(HY_FLOOR, alpha, in, out, n); break;
    case HY_CEIL: map_f32(HY_CEIL, alpha, in, out, n); break;
    case HY_ROUND: map_f32(HY_ROUND, alpha, in, out, n); break;
    case HY_IDENTITY:
    case HY_LOGICAL_NOT:
    case HY_UNARY_COUNT:
        if (in != out)
            memcpy(out, in, (size_t)n * 4);
        break;
    }
}

/* Wraps around at the limits: through unsigned, where that is defined. */
static int32_t unary_i32(hy_unary op, int32_t x)
{
    const uint32_t u = (uint32_t)x;
    switch (op) {
    case HY_RELU: return x > 0 ? x : 0;
    case HY_NEG: return (int32_t)(0 - u);
    case HY_ABS: return x < 0 ? (int32_t)(0 - u) : x;
    case HY_SQUARE: return (int32_t)(u * u);
    default: return x;
    }
}

static int64_t unary_i64(hy_unary op, int64_t x)
{
    const uint64_t u = (uint64_t)x;
    switch (op) {
    case HY_RELU: return x > 0 ? x : 0;
    case HY_NEG: return (int64_t)(0 - u);
    case HY_ABS: return x < 0 ? (int64_t)(0 - u) : x;
    case HY_SQUARE: return (int64_t)(u * u);
    default: return x;
    }
}

static const char *run_f32(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    HY_ISA_SYMBOL(hy_unary_f32)(call->unary.op, call->unary.alpha, in[0], out, n);
    return NULL;
}

static const char *run_i32(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const hy_unary op = call->unary.op;
    const hy_i32 *x = in[0];
    hy_i32 *y = out;
    for (int64_t i = 0; i < n; i++)
        y[i] = unary_i32(op, x[i]);
    return NULL;
}

static const char *run_i64(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const hy_unary op = call->unary.op;
    const hy_i64 *x = in[0];
    hy_i64 *y = out;
    for (int64_t i = 0; i < n; i++)
        y[i] = unary_i64(op, x[i]);
    return NULL;
}

static const char *run_bool(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const uint8_t *x = in[0];
    const bool negate = call->unary.op == HY_LOGICAL_NOT;
    uint8_t *y = out;
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] != 0) != negate;
    return NULL;
}

static bool accepts(const hy_call *call)
{
    const hy_unary op = call->unary.op;
    if (call->in[0].dtype != call->out.dtype)
        return false;
    switch (call->out.dtype) {
    case HAYA_FLOAT32: return op != HY_LOGICAL_NOT;
    case HAYA_INT32:
    case HAYA_INT64: return op == HY_IDENTITY || op == HY_RELU || op == HY_NEG || op == HY_ABS || op == HY_SQUARE;
    case HAYA_BOOL: return op == HY_IDENTITY || op == HY_LOGICAL_NOT;
    default: return false;
    }
}

static bool is_costly(hy_unary op)
{
    return (op >= HY_ELU && op <= HY_LOG);
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    (void)scratch;
    const hy_cost cost = is_costly(call->unary.op) ? HY_COST_COMPUTE : HY_COST_MEMORY;
    switch (call->out.dtype) {
    case HAYA_FLOAT32: return hy_elementwise_run(call, in, out, team, run_f32, call, cost);
    case HAYA_INT32: return hy_elementwise_run(call, in, out, team, run_i32, call, cost);
    case HAYA_INT64: return hy_elementwise_run(call, in, out, team, run_i64, call, cost);
    default: return hy_elementwise_run(call, in, out, team, run_bool, call, cost);
    }
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_unary)[] = {
    {
        .name = "unary",
        .family = HY_UNARY,
        .isa = HY_ISA_THIS,
        .why = "the kernel for functions of one operand",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
