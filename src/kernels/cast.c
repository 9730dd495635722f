/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_CAST: between any two element types, in two steps through one that holds the source exactly:
 *
 *     bool, int8 .. int32, uint8, uint16         int32
 *     int64, uint32                              int64
 *     uint64                                     uint64
 *     float16, bfloat16, float32                 float32
 *     float64                                    float64
 *
 * Integers wrap. Floats are truncated toward zero; what doesn't fit is what x86 makes of it, as in TensorFlow
 * there: int32 and int64 get their lowest value, also from NaN; uint64 takes values from 2^63 up, and negative ones
 * modulo 2^64; the narrower take the low bits of int32, and uint32 those of int64 (here TensorFlow's own results
 * differ between its vector and its scalar code). float16 and bfloat16 are rounded from float32, half to even. To
 * bool: not equal to 0, which NaN is.
 */
#include "kernels/elementwise.h"

enum { TILE = 256 }; /* elements of the intermediate type, on the stack */

typedef enum middle { MIDDLE_I32, MIDDLE_I64, MIDDLE_U64, MIDDLE_F32, MIDDLE_F64 } middle;

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* A denormal half is its 10 bits times 2^-24, exactly; others have their exponent rebased, Inf and NaN the top one.
   Chosen by masks, since compilers make no vectors of a choice with float arithmetic on one side. */
static inline float from_half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
    const uint32_t is_denormal = 0u - (magnitude < 0x0400), is_top = 0u - (magnitude >= 0x7c00);
    const uint32_t is_nan = 0u - (magnitude > 0x7c00);
    const uint32_t denormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);
    const uint32_t rebased = (magnitude << 13) + 0x38000000u + (is_top & 0x38000000u);
    return float_of(sign | (denormal & is_denormal) | ((rebased | (is_nan & 0x00400000u)) & ~is_denormal));
}

/* Results below 2^-14 are rounded by adding 0.5, whose last place is the denormals' 2^-24; others by adding just
   under half of the last place kept, and one more where that is odd. Overflow carries into Inf. */
static inline uint16_t to_half(float x)
{
    const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    const uint32_t denormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    const uint32_t normal = (magnitude - 0x38000000u + 0xfff + (magnitude >> 13 & 1)) >> 13;
    const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
    uint32_t result = magnitude < 0x38800000u ? denormal : normal;
    result = magnitude >= 0x47800000u ? 0x7c00 : result; /* 2^16 and up */
    result = magnitude > 0x7f800000u ? nan : result;
    return (uint16_t)(sign | result);
}

static inline uint16_t to_bfloat16(float x)
{
    const uint32_t bits = bits_of(x);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    const uint32_t nan = (bits >> 16 & 0x8000) | 0x7fc0;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000u ? nan : rounded);
}

static inline int32_t int32_from(double x)
{
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static inline int64_t int64_from(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

/* Values below 2^63 go through int64; others have 2^63 taken off before and put back after. */
static inline uint64_t uint64_from(double x)
{
    return x >= 0x1p63 ? (uint64_t)int64_from(x - 0x1p63) ^ 1ull << 63 : (uint64_t)int64_from(x);
}

/* Element i of `type` from the expression of x[i]. */
#define EACH(type, expression)               \
    do {                                     \
        type *y = out;                       \
        for (int64_t i = 0; i < n; i++)      \
            y[i] = (type)(expression);       \
    } while (0)

static void from_i32(haya_dtype to, void *out, const int32_t *x, int64_t n)
{
    switch (to) {
    case HAYA_FLOAT32: EACH(hy_f32, x[i]); break;
    case HAYA_FLOAT64: EACH(hy_f64, x[i]); break;
    case HAYA_FLOAT16: EACH(hy_u16, to_half((float)x[i])); break;
    case HAYA_BFLOAT16: EACH(hy_u16, to_bfloat16((float)x[i])); break;
    case HAYA_INT8:
    case HAYA_UINT8: EACH(uint8_t, x[i]); break;
    case HAYA_INT16:
    case HAYA_UINT16: EACH(hy_u16, x[i]); break;
    case HAYA_INT32:
    case HAYA_UINT32: EACH(hy_u32, x[i]); break;
    case HAYA_INT64:
    case HAYA_UINT64: EACH(hy_i64, x[i]); break;
    case HAYA_BOOL: EACH(uint8_t, x[i] != 0); break;
    case HAYA_INVALID: break;
    }
}

static void from_i64(haya_dtype to, void *out, const int64_t *x, int64_t n)
{
    switch (to) {
    case HAYA_FLOAT32: EACH(hy_f32, x[i]); break;
    case HAYA_FLOAT64: EACH(hy_f64, x[i]); break;
    case HAYA_FLOAT16: EACH(hy_u16, to_half((float)x[i])); break;
    case HAYA_BFLOAT16: EACH(hy_u16, to_bfloat16((float)x[i])); break;
    case HAYA_INT8:
    case HAYA_UINT8: EACH(uint8_t, x[i]); break;
    case HAYA_INT16:
    case HAYA_UINT16: EACH(hy_u16, x[i]); break;
    case HAYA_INT32:
    case HAYA_UINT32: EACH(hy_u32, x[i]); break;
    case HAYA_INT64:
    case HAYA_UINT64: EACH(hy_i64, x[i]); break;
    case HAYA_BOOL: EACH(uint8_t, x[i] != 0); break;
    case HAYA_INVALID: break;
    }
}

/* Only floats see the difference between uint64 and int64. */
static void from_u64(haya_dtype to, void *out, const uint64_t *x, int64_t n)
{
    switch (to) {
    case HAYA_FLOAT32: EACH(hy_f32, x[i]); break;
    case HAYA_FLOAT64: EACH(hy_f64, x[i]); break;
    case HAYA_FLOAT16: EACH(hy_u16, to_half((float)x[i])); break;
    case HAYA_BFLOAT16: EACH(hy_u16, to_bfloat16((float)x[i])); break;
    default: from_i64(to, out, (const int64_t *)x, n); break;
    }
}

static void from_f32(haya_dtype to, void *out, const float *x, int64_t n)
{
    switch (to) {
    case HAYA_FLOAT32: EACH(hy_f32, x[i]); break;
    case HAYA_FLOAT64: EACH(hy_f64, x[i]); break;
    case HAYA_FLOAT16: EACH(hy_u16, to_half(x[i])); break;
    case HAYA_BFLOAT16: EACH(hy_u16, to_bfloat16(x[i])); break;
    case HAYA_INT8:
    case HAYA_UINT8: EACH(uint8_t, int32_from((double)x[i])); break;
    case HAYA_INT16:
    case HAYA_UINT16: EACH(hy_u16, int32_from((double)x[i])); break;
    case HAYA_INT32: EACH(hy_i32, int32_from((double)x[i])); break;
    case HAYA_UINT32: EACH(hy_u32, int64_from((double)x[i])); break;
    case HAYA_INT64: EACH(hy_i64, int64_from((double)x[i])); break;
    case HAYA_UINT64: EACH(hy_u64, uint64_from((double)x[i])); break;
    case HAYA_BOOL: EACH(uint8_t, x[i] != 0.0f); break;
    case HAYA_INVALID: break;
    }
}

static void from_f64(haya_dtype to, void *out, const double *x, int64_t n)
{
    switch (to) {
    case HAYA_FLOAT32: EACH(hy_f32, x[i]); break;
    case HAYA_FLOAT64: EACH(hy_f64, x[i]); break;
    case HAYA_FLOAT16: EACH(hy_u16, to_half((float)x[i])); break;
    case HAYA_BFLOAT16: EACH(hy_u16, to_bfloat16((float)x[i])); break;
    case HAYA_INT8:
    case HAYA_UINT8: EACH(uint8_t, int32_from(x[i])); break;
    case HAYA_INT16:
    case HAYA_UINT16: EACH(hy_u16, int32_from(x[i])); break;
    case HAYA_INT32: EACH(hy_i32, int32_from(x[i])); break;
    case HAYA_UINT32: EACH(hy_u32, int64_from(x[i])); break;
    case HAYA_INT64: EACH(hy_i64, int64_from(x[i])); break;
    case HAYA_UINT64: EACH(hy_u64, uint64_from(x[i])); break;
    case HAYA_BOOL: EACH(uint8_t, x[i] != 0.0); break;
    case HAYA_INVALID: break;
    }
}

static middle middle_of(haya_dtype from)
{
    switch (from) {
    case HAYA_INT64:
    case HAYA_UINT32: return MIDDLE_I64;
    case HAYA_UINT64: return MIDDLE_U64;
    case HAYA_FLOAT16:
    case HAYA_BFLOAT16:
    case HAYA_FLOAT32: return MIDDLE_F32;
    case HAYA_FLOAT64: return MIDDLE_F64;
    default: return MIDDLE_I32;
    }
}

static void widen_to_i32(haya_dtype from, int32_t *out, const void *in, int64_t n)
{
    switch (from) {
    case HAYA_INT8: EACH(int32_t, ((const int8_t *)in)[i]); break;
    case HAYA_INT16: EACH(int32_t, ((const hy_i16 *)in)[i]); break;
    case HAYA_UINT16: EACH(int32_t, ((const hy_u16 *)in)[i]); break;
    case HAYA_INT32: EACH(int32_t, ((const hy_i32 *)in)[i]); break;
    default: EACH(int32_t, ((const uint8_t *)in)[i]); break;
    }
}

static void widen_to_i64(haya_dtype from, int64_t *out, const void *in, int64_t n)
{
    if (from == HAYA_UINT32)
        EACH(int64_t, ((const hy_u32 *)in)[i]);
    else
        EACH(int64_t, ((const hy_i64 *)in)[i]);
}

static void widen_to_f32(haya_dtype from, float *out, const void *in, int64_t n)
{
    switch (from) {
    case HAYA_FLOAT16: EACH(float, from_half(((const hy_u16 *)in)[i])); break;
    case HAYA_BFLOAT16: EACH(float, float_of((uint32_t)((const hy_u16 *)in)[i] << 16)); break;
    default: EACH(float, ((const hy_f32 *)in)[i]); break;
    }
}

#undef EACH

/* At most TILE elements. */
static void cast_tile(haya_dtype from, haya_dtype to, void *out, const void *in, int64_t n)
{
    union { int32_t i32[TILE]; int64_t i64[TILE]; uint64_t u64[TILE]; float f32[TILE]; double f64[TILE]; } wide;
    switch (middle_of(from)) {
    case MIDDLE_I32:
        widen_to_i32(from, wide.i32, in, n);
        from_i32(to, out, wide.i32, n);
        break;
    case MIDDLE_I64:
        widen_to_i64(from, wide.i64, in, n);
        from_i64(to, out, wide.i64, n);
        break;
    case MIDDLE_U64:
        memcpy(wide.u64, in, (size_t)n * 8);
        from_u64(to, out, wide.u64, n);
        break;
    case MIDDLE_F32:
        widen_to_f32(from, wide.f32, in, n);
        from_f32(to, out, wide.f32, n);
        break;
    case MIDDLE_F64:
        memcpy(wide.f64, in, (size_t)n * 8);
        from_f64(to, out, wide.f64, n);
        break;
    }
}

static const char *cast_dense(const void *context, void *out, const void *const *in, int64_t n)
{
    const hy_call *call = context;
    const haya_dtype from = call->in[0].dtype, to = call->out.dtype;
    const int64_t from_width = (int64_t)haya_dtype_size(from), to_width = (int64_t)haya_dtype_size(to);
    if (from == to && in[0] != out)
        memcpy(out, in[0], (size_t)(n * to_width));
    for (int64_t i = 0; i < n && from != to; i += TILE)
        cast_tile(from, to, (char *)out + i * to_width, (const char *)in[0] + i * from_width,
                  hy_min64(TILE, n - i));
    return NULL;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    (void)scratch;
    return hy_elementwise_run(call, in, out, team, cast_dense, call, HY_COST_MEMORY);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_cast)[] = {
    {
        .name = "cast",
        .family = HY_CAST,
        .isa = HY_ISA_THIS,
        .why = "the kernel for changing the element type",
        .run = run,
    },
    {0},
};
