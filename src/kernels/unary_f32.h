/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_UNARY's functions on vectors of float32, for the unary kernel and as activations of other kernels.
 *
 * Only additions, multiplications, divisions, square roots and bit operations are used, so every instruction set
 * gives the same bits. Largest errors over every third float, in units in the last place: exp 1.0, log 0.9,
 * sigmoid 2.5, tanh 1.4, elu 1.0, selu 1.8, softplus 2.8, rsqrt 1.5; denormal results are within 2 units of 2^-149.
 * The other functions are rounded once. NaN gives NaN throughout, from relu and relu6 too, as in TensorFlow.
 *
 * TensorFlow's softplus takes shortcuts beyond +-13.9 that are off by up to 5e-7 relatively; not followed here.
 */
#ifndef HAYA_KERNELS_UNARY_F32_H
#define HAYA_KERNELS_UNARY_F32_H

#include <math.h>

#include "kernels/loops.h"

/* out[i] = op(in[i]), dense, any alignment; out may be in. Defined in unary.c. */
void HY_ISA_SYMBOL(hy_unary_f32)(hy_unary op, float alpha, const void *in, void *out, int64_t n);

/* The same in place. The operation is looked at once for the whole row. */
static inline void hy_unary_row(hy_unary op, float alpha, void *row, int64_t n)
{
    HY_ISA_SYMBOL(hy_unary_f32)(op, alpha, row, row, n);
}

HY_ALWAYS_INLINE hy_vi hy_vi_splat(int32_t x)
{
    return (hy_vi){0} + x;
}

HY_ALWAYS_INLINE hy_vf hy_vf_abs(hy_vf x)
{
    return (hy_vf)((hy_vi)x & hy_vi_splat(INT32_MAX));
}

/* The magnitude of x with the sign of `sign`. */
HY_ALWAYS_INLINE hy_vf hy_vf_copysign(hy_vf x, hy_vf sign)
{
    const hy_vi magnitude = hy_vi_splat(INT32_MAX);
    return (hy_vf)(((hy_vi)x & magnitude) | ((hy_vi)sign & ~magnitude));
}

/* Half to even. Adding 2^23 leaves no fraction bits; larger values, Inf and NaN have none to lose. */
HY_ALWAYS_INLINE hy_vf hy_vf_round(hy_vf x)
{
    const hy_vf big = hy_vf_splat(8388608.0f);
    const hy_vf magnitude = hy_vf_abs(x);
    const hy_vf rounded = (magnitude + big) - big;
    return hy_vf_select(magnitude < big, hy_vf_copysign(rounded, x), x);
}

HY_ALWAYS_INLINE hy_vf hy_vf_floor(hy_vf x)
{
    const hy_vf rounded = hy_vf_round(x);
    return hy_vf_select(rounded > x, rounded - 1.0f, rounded);
}

HY_ALWAYS_INLINE hy_vf hy_vf_ceil(hy_vf x)
{
    const hy_vf rounded = hy_vf_round(x);
    return hy_vf_select(rounded < x, hy_vf_copysign(rounded + 1.0f, x), rounded); /* ceil(-0.3) is -0 */
}

HY_ALWAYS_INLINE hy_vf hy_vf_sqrt(hy_vf x)
{
    hy_vf root;
    for (int i = 0; i < HY_LANES; i++)
        root[i] = __builtin_sqrtf(x[i]); /* becomes one instruction; errno is not kept */
    return root;
}

/* x = n * ln 2 + r with |r| <= ln 2 / 2 and n whole: e^x = 2^n * (1 + q), q = e^r - 1. */
typedef struct hy_vf_exponent {
    hy_vi n;
    hy_vf q;
} hy_vf_exponent;

/* For x in [-104, 89], beyond which e^x is 0 and Inf in float32; NaN leaves NaN in q. The sum with 1.5 * 2^23
   holds n in its low bits. ln 2 is taken off in two parts, the first of 10 bits so that its product with n is
   exact. */
HY_ALWAYS_INLINE hy_vf_exponent hy_vf_exp_reduce(hy_vf x)
{
    const hy_vf magic = hy_vf_splat(12582912.0f);
    const hy_vf shifted = x * 1.44269504088896341f + magic;
    const hy_vf n = shifted - magic;
    const hy_vf r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    hy_vf p = hy_vf_splat(1.9875691500e-4f); /* Cephes' expf */
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return (hy_vf_exponent){(hy_vi)shifted - (hy_vi)magic, p * (r * r) + r};
}

/* 2^n for n in -126 .. 127. */
HY_ALWAYS_INLINE hy_vf hy_vf_power_of_two(hy_vi n)
{
    return (hy_vf)((n + 127) << 23);
}

HY_ALWAYS_INLINE hy_vf hy_vf_clamp(hy_vf x, float low, float high)
{
    const hy_vf l = hy_vf_splat(low), h = hy_vf_splat(high);
    return hy_vf_select(x < l, l, hy_vf_select(x > h, h, x)); /* NaN stays */
}

/* n reaches from -150 to 128, outside the range of one factor: two of half the exponent round no more than one. */
HY_ALWAYS_INLINE hy_vf hy_vf_exp(hy_vf x)
{
    const hy_vf_exponent e = hy_vf_exp_reduce(hy_vf_clamp(x, -104.0f, 89.0f));
    const hy_vi half = e.n >> 1;
    return (e.q + 1.0f) * hy_vf_power_of_two(half) * hy_vf_power_of_two(e.n - half);
}

/* e^x for x <= 0 where results below 2^-126 don't matter: they come out as 0. */
HY_ALWAYS_INLINE hy_vf hy_vf_exp_of_negative(hy_vf x)
{
    const hy_vf_exponent e = hy_vf_exp_reduce(hy_vf_clamp(x, -88.0f, 0.0f));
    return hy_vf_select(x < hy_vf_splat(-87.3f), hy_vf_splat(0.0f), (e.q + 1.0f) * hy_vf_power_of_two(e.n));
}

/* e^x - 1 for x <= 0 without cancellation: 2^n * q + (2^n - 1). Below -25 it is -1. */
HY_ALWAYS_INLINE hy_vf hy_vf_expm1_of_negative(hy_vf x)
{
    const hy_vf_exponent e = hy_vf_exp_reduce(hy_vf_clamp(x, -25.0f, 0.0f));
    const hy_vf power = hy_vf_power_of_two(e.n);
    return power * e.q + (power - 1.0f);
}

/* Cephes' logf: x = m * 2^e with m in [sqrt(1/2), sqrt(2)). Negative x, for which the exponent would overflow as a
   signed number, are NaN in the end. */
HY_ALWAYS_INLINE hy_vf hy_vf_log(hy_vf x)
{
    typedef uint32_t unsigned_lanes __attribute__((vector_size(HY_LANES * 4)));
    const hy_vi denormal = x < hy_vf_splat(0x1p-126f);
    const hy_vf normal = hy_vf_select(denormal, x * 0x1p23f, x);
    const hy_vi bits = (hy_vi)((unsigned_lanes)normal - 0x3f3504f3u); /* of sqrt(1/2) */
    const hy_vi exponent = (bits >> 23) - (denormal & hy_vi_splat(23));
    const hy_vf f = (hy_vf)((bits & hy_vi_splat(0x7fffff)) + hy_vi_splat(0x3f3504f3)) - 1.0f;
    const hy_vf e = __builtin_convertvector(exponent, hy_vf);
    hy_vf p = hy_vf_splat(7.0376836292e-2f);
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const hy_vf square = f * f;
    hy_vf result = p * f * square + e * -2.12194440e-4f - 0.5f * square;
    result = (f + result) + e * 0.693359375f;

    const hy_vf zero = hy_vf_splat(0.0f), infinity = hy_vf_splat(INFINITY);
    result = hy_vf_select(x < infinity, result, x); /* Inf and NaN */
    result = hy_vf_select(x == zero, -infinity, result);
    return hy_vf_select(x < zero, hy_vf_splat(NAN), result);
}

/* 1 / (1 + e^-x), with e^-|x| alone so that nothing overflows. */
HY_ALWAYS_INLINE hy_vf hy_vf_sigmoid(hy_vf x)
{
    const hy_vf e = hy_vf_exp(-hy_vf_abs(x));
    const hy_vf one = hy_vf_splat(1.0f);
    return hy_vf_select(x < hy_vf_splat(0.0f), e, one) / (one + e);
}

/* Near 0 Cephes' odd polynomial, else 1 - 2 / (e^2|x| + 1); both with the sign put back. */
HY_ALWAYS_INLINE hy_vf hy_vf_tanh(hy_vf x)
{
    const hy_vf magnitude = hy_vf_abs(x);
    const hy_vf square = x * x;
    hy_vf p = hy_vf_splat(-5.70498872745e-3f);
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const hy_vf near = p * square * x + x;
    const hy_vf far = 1.0f - 2.0f / (hy_vf_exp(magnitude + magnitude) + 1.0f);
    return hy_vf_select(magnitude < hy_vf_splat(0.625f), near, hy_vf_copysign(far, x));
}

/* log(1 + e^x) = max(x, 0) + log1p(e), e = e^-|x|, and log1p(e) = 2 atanh(z), z = e / (2 + e) <= 1/3, whose series
   in z^2 has only positive terms. */
HY_ALWAYS_INLINE hy_vf hy_vf_softplus(hy_vf x)
{
    const hy_vf e = hy_vf_exp(-hy_vf_abs(x));
    const hy_vf z = e / (e + 2.0f);
    const hy_vf square = z * z;
    hy_vf p = hy_vf_splat(1.0f / 15.0f);
    p = p * square + 1.0f / 13.0f;
    p = p * square + 1.0f / 11.0f;
    p = p * square + 1.0f / 9.0f;
    p = p * square + 1.0f / 7.0f;
    p = p * square + 1.0f / 5.0f;
    p = p * square + 1.0f / 3.0f;
    const hy_vf log1p = 2.0f * (p * square * z + z);
    const hy_vf zero = hy_vf_splat(0.0f);
    return hy_vf_select(x > zero, x, zero) + log1p;
}

#define HY_SELU_SCALE 1.0507009873554804934193349852946f
#define HY_SELU_SCALE_ALPHA 1.7580993408473768599402175208123f

/* One of HY_UNARY's functions of float32; HY_LOGICAL_NOT is none. Meant for a constant `op`. */
HY_ALWAYS_INLINE hy_vf hy_vf_unary(hy_unary op, float alpha, hy_vf x)
{
    const hy_vf zero = hy_vf_splat(0.0f), six = hy_vf_splat(6.0f);
    switch (op) {
    case HY_RELU: return hy_vf_select(x <= zero, zero, x);
    case HY_RELU6: return hy_vf_select(x <= zero, zero, hy_vf_select(x > six, six, x));
    case HY_LEAKY_RELU: return hy_vf_select(x > zero, x, x * alpha);
    case HY_ELU: return hy_vf_select(x < zero, hy_vf_expm1_of_negative(x), x);
    case HY_SELU:
        return hy_vf_select(x < zero, hy_vf_expm1_of_negative(x) * HY_SELU_SCALE_ALPHA, x * HY_SELU_SCALE);
    case HY_SIGMOID: return hy_vf_sigmoid(x);
    case HY_TANH: return hy_vf_tanh(x);
    case HY_SOFTPLUS: return hy_vf_softplus(x);
    case HY_EXP: return hy_vf_exp(x);
    case HY_LOG: return hy_vf_log(x);
    case HY_SQRT: return hy_vf_sqrt(x);
    case HY_RSQRT: return 1.0f / hy_vf_sqrt(x);
    case HY_SQUARE: return x * x;
    case HY_NEG: return -x;
    case HY_ABS: return hy_vf_abs(x);
    case HY_FLOOR: return hy_vf_floor(x);
    case HY_CEIL: return hy_vf_ceil(x);
    case HY_ROUND: return hy_vf_round(x);
    case HY_IDENTITY:
    case HY_LOGICAL_NOT:
    case HY_UNARY_COUNT: break;
    }
    return x;
}

#endif
