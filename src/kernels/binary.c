/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_BINARY: functions of two operands.
 *
 * NaN and zeros are as in TensorFlow: maximum and minimum give NaN where either operand is NaN, and the second
 * operand where both are equal (of +0 and -0); floor_mod has the divisor's sign, and a divisor of 0 gives NaN.
 */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/unary_f32.h"

static const char division_by_zero[] = "integer division by zero";
static const char negative_exponent[] = "negative integer exponent";

/* ---- float32 --------------------------------------------------------------------------------------------- */

HY_ALWAYS_INLINE hy_vf binary_vf(hy_binary op, hy_vf a, hy_vf b)
{
    switch (op) {
    case HY_ADD: return a + b;
    case HY_SUB: return a - b;
    case HY_MUL: return a * b;
    case HY_DIV: return a / b;
    case HY_FLOOR_DIV: return hy_vf_floor(a / b);
    case HY_MAXIMUM: return hy_vf_select((a > b) | (a != a), a, b);
    case HY_MINIMUM: return hy_vf_select((a < b) | (a != a), a, b);
    default: return (a - b) * (a - b); /* HY_SQUARED_DIFFERENCE */
    }
}

HY_ALWAYS_INLINE void map_f32(hy_binary op, char *out, const char *a, const char *b, int64_t n)
{
    int64_t i = 0;
    for (; i + HY_LANES <= n; i += HY_LANES)
        hy_vf_store(out + i * 4, binary_vf(op, hy_vf_load(a + i * 4), hy_vf_load(b + i * 4)));
    if (i < n) {
        const hy_vf last_a = hy_vf_load_part(a + i * 4, n - i), last_b = hy_vf_load_part(b + i * 4, n - i);
        hy_vf_store_part(out + i * 4, binary_vf(op, last_a, last_b), n - i);
    }
}

static void pow_f32(hy_f32 *out, const hy_f32 *a, const hy_f32 *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = b[i] == 2.0f ? a[i] * a[i] : powf(a[i], b[i]); /* the square is exact to the last bit too */
}

/* The remainder of truncating division, moved to the divisor's sign. */
static void floor_mod_f32(hy_f32 *out, const hy_f32 *a, const hy_f32 *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float divisor = b[i], rest = fmodf(a[i], divisor);
        out[i] = rest != 0.0f && (rest < 0.0f) != (divisor < 0.0f) ? rest + divisor : rest;
    }
}

static const char *run_f32(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const char *a = in[0], *b = in[1];
    switch (call->binary.op) {
    case HY_ADD: map_f32(HY_ADD, out, a, b, n); break;
    case HY_SUB: map_f32(HY_SUB, out, a, b, n); break;
    case HY_MUL: map_f32(HY_MUL, out, a, b, n); break;
    case HY_DIV: map_f32(HY_DIV, out, a, b, n); break;
    case HY_FLOOR_DIV: map_f32(HY_FLOOR_DIV, out, a, b, n); break;
    case HY_MAXIMUM: map_f32(HY_MAXIMUM, out, a, b, n); break;
    case HY_MINIMUM: map_f32(HY_MINIMUM, out, a, b, n); break;
    case HY_SQUARED_DIFFERENCE: map_f32(HY_SQUARED_DIFFERENCE, out, a, b, n); break;
    case HY_POW: pow_f32(out, in[0], in[1], n); break;
    default: floor_mod_f32(out, in[0], in[1], n); break;
    }
    return NULL;
}

/* ---- Integers: wrap around, through unsigned types, where that is defined -------------------------------- */

static inline int64_t truncated_quotient(int64_t a, int64_t b)
{
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* the lowest value / -1 wraps */
}

static inline int64_t floored_quotient(int64_t a, int64_t b)
{
    const int64_t quotient = truncated_quotient(a, b);
    return b != -1 && quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

static inline int64_t floored_rest(int64_t a, int64_t b)
{
    const int64_t rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static inline uint64_t power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1)
            result *= base;
    return result;
}

/* Division and powers; of int32 too, since their low 32 bits follow from 64-bit operands. The divisor is not 0, the
   exponent not negative. */
HY_ALWAYS_INLINE int64_t slow_integer(hy_binary op, int64_t a, int64_t b)
{
    switch (op) {
    case HY_DIV: return truncated_quotient(a, b);
    case HY_FLOOR_DIV: return floored_quotient(a, b);
    case HY_FLOOR_MOD: return floored_rest(a, b);
    default: return (int64_t)power((uint64_t)a, (uint64_t)b); /* HY_POW */
    }
}

/* NULL, or why b can't be the second operand. */
HY_ALWAYS_INLINE const char *refuse_integer(hy_binary op, int64_t b)
{
    if (op == HY_POW)
        return b < 0 ? negative_exponent : NULL;
    return b == 0 ? division_by_zero : NULL;
}

HY_ALWAYS_INLINE uint32_t fast_u32(hy_binary op, uint32_t a, uint32_t b)
{
    switch (op) {
    case HY_ADD: return a + b;
    case HY_SUB: return a - b;
    case HY_MUL: return a * b;
    case HY_MAXIMUM: return (int32_t)a > (int32_t)b ? a : b;
    case HY_MINIMUM: return (int32_t)a < (int32_t)b ? a : b;
    default: return (a - b) * (a - b); /* HY_SQUARED_DIFFERENCE */
    }
}

HY_ALWAYS_INLINE uint64_t fast_u64(hy_binary op, uint64_t a, uint64_t b)
{
    switch (op) {
    case HY_ADD: return a + b;
    case HY_SUB: return a - b;
    case HY_MUL: return a * b;
    case HY_MAXIMUM: return (int64_t)a > (int64_t)b ? a : b;
    case HY_MINIMUM: return (int64_t)a < (int64_t)b ? a : b;
    default: return (a - b) * (a - b); /* HY_SQUARED_DIFFERENCE */
    }
}

/* Both integer types, `wide` and `op` being constants. Returns why the data can't be computed with. */
HY_ALWAYS_INLINE const char *map_integers(hy_binary op, bool wide, void *out, const void *const *in, int64_t n)
{
    const bool slow = op == HY_DIV || op == HY_FLOOR_DIV || op == HY_FLOOR_MOD || op == HY_POW;
    const hy_u32 *a32 = in[0], *b32 = in[1];
    const hy_u64 *a64 = in[0], *b64 = in[1];
    hy_u32 *y32 = out;
    hy_u64 *y64 = out;
    for (int64_t i = 0; i < n; i++) {
        if (!slow) {
            if (wide)
                y64[i] = fast_u64(op, a64[i], b64[i]);
            else
                y32[i] = fast_u32(op, a32[i], b32[i]);
            continue;
        }
        const int64_t a = wide ? (int64_t)a64[i] : (int32_t)a32[i], b = wide ? (int64_t)b64[i] : (int32_t)b32[i];
        const char *refusal = refuse_integer(op, b);
        if (refusal)
            return refusal;
        if (wide)
            y64[i] = (uint64_t)slow_integer(op, a, b);
        else
            y32[i] = (uint32_t)slow_integer(op, a, b);
    }
    return NULL;
}

HY_ALWAYS_INLINE const char *map_integers_op(hy_binary op, bool wide, void *out, const void *const *in, int64_t n)
{
    switch (op) {
    case HY_ADD: return map_integers(HY_ADD, wide, out, in, n);
    case HY_SUB: return map_integers(HY_SUB, wide, out, in, n);
    case HY_MUL: return map_integers(HY_MUL, wide, out, in, n);
    case HY_MAXIMUM: return map_integers(HY_MAXIMUM, wide, out, in, n);
    case HY_MINIMUM: return map_integers(HY_MINIMUM, wide, out, in, n);
    case HY_SQUARED_DIFFERENCE: return map_integers(HY_SQUARED_DIFFERENCE, wide, out, in, n);
    case HY_DIV: return map_integers(HY_DIV, wide, out, in, n);
    case HY_FLOOR_DIV: return map_integers(HY_FLOOR_DIV, wide, out, in, n);
    case HY_FLOOR_MOD: return map_integers(HY_FLOOR_MOD, wide, out, in, n);
    default: return map_integers(HY_POW, wide, out, in, n);
    }
}

static const char *run_i32(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    return map_integers_op(call->binary.op, false, out, in, n);
}

static const char *run_i64(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    return map_integers_op(call->binary.op, true, out, in, n);
}

/* ---- Comparisons and logic: a byte, 0 or 1 --------------------------------------------------------------- */

/* Loops over x and y of the enclosing function with the operator in place, which the compiler makes vectors of. */
#define EACH(operator)                  \
    for (int64_t i = 0; i < n; i++)     \
        out[i] = x[i] operator y[i]

static void compare_f32(hy_binary op, uint8_t *out, const hy_f32 *x, const hy_f32 *y, int64_t n)
{
    switch (op) {
    case HY_GREATER: EACH(>); break;
    case HY_GREATER_EQUAL: EACH(>=); break;
    case HY_LESS: EACH(<); break;
    case HY_LESS_EQUAL: EACH(<=); break;
    case HY_EQUAL: EACH(==); break;
    default: EACH(!=); break;
    }
}

static void compare_i32(hy_binary op, uint8_t *out, const hy_i32 *x, const hy_i32 *y, int64_t n)
{
    switch (op) {
    case HY_GREATER: EACH(>); break;
    case HY_GREATER_EQUAL: EACH(>=); break;
    case HY_LESS: EACH(<); break;
    case HY_LESS_EQUAL: EACH(<=); break;
    case HY_EQUAL: EACH(==); break;
    default: EACH(!=); break;
    }
}

static void compare_i64(hy_binary op, uint8_t *out, const hy_i64 *x, const hy_i64 *y, int64_t n)
{
    switch (op) {
    case HY_GREATER: EACH(>); break;
    case HY_GREATER_EQUAL: EACH(>=); break;
    case HY_LESS: EACH(<); break;
    case HY_LESS_EQUAL: EACH(<=); break;
    case HY_EQUAL: EACH(==); break;
    default: EACH(!=); break;
    }
}

static void compare_bool(hy_binary op, uint8_t *out, const uint8_t *x, const uint8_t *y, int64_t n)
{
    switch (op) {
    case HY_EQUAL: EACH(==); break;
    case HY_NOT_EQUAL: EACH(!=); break;
    case HY_LOGICAL_AND: EACH(&); break;
    default: EACH(|); break;
    }
}

#undef EACH

static const char *run_compare(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const hy_binary op = call->binary.op;
    switch (call->in[0].dtype) {
    case HAYA_FLOAT32: compare_f32(op, out, in[0], in[1], n); break;
    case HAYA_INT32: compare_i32(op, out, in[0], in[1], n); break;
    case HAYA_INT64: compare_i64(op, out, in[0], in[1], n); break;
    default: compare_bool(op, out, in[0], in[1], n); break;
    }
    return NULL;
}

/* ---- The kernel ------------------------------------------------------------------------------------------ */

static bool is_comparison(hy_binary op)
{
    return op >= HY_GREATER && op <= HY_NOT_EQUAL;
}

static bool accepts(const hy_call *call)
{
    const hy_binary op = call->binary.op;
    const haya_dtype dtype = call->in[0].dtype;
    if (call->in[1].dtype != dtype)
        return false;
    if (dtype == HAYA_BOOL)
        return call->out.dtype == HAYA_BOOL && op >= HY_EQUAL && op <= HY_LOGICAL_OR;
    if (dtype != HAYA_FLOAT32 && dtype != HAYA_INT32 && dtype != HAYA_INT64)
        return false;
    return is_comparison(op) ? call->out.dtype == HAYA_BOOL : op < HY_GREATER && call->out.dtype == dtype;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const hy_binary op = call->binary.op;
    const hy_cost cost = op == HY_POW || op == HY_FLOOR_MOD ? HY_COST_COMPUTE : HY_COST_MEMORY;
    (void)scratch;
    if (op >= HY_GREATER)
        return hy_elementwise_run(call, in, out, team, run_compare, call, HY_COST_MEMORY);
    switch (call->out.dtype) {
    case HAYA_FLOAT32: return hy_elementwise_run(call, in, out, team, run_f32, call, cost);
    case HAYA_INT32: return hy_elementwise_run(call, in, out, team, run_i32, call, cost);
    default: return hy_elementwise_run(call, in, out, team, run_i64, call, cost);
    }
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_binary)[] = {
    {
        .name = "binary",
        .family = HY_BINARY,
        .isa = HY_ISA_THIS,
        .why = "the kernel for functions of two operands",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
