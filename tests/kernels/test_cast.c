/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_CAST between all pairs of types.
 */
#include "buffers.h"

/* ---- Reading and making elements, by arithmetic instead of bits ------------------------------------------ */

/* The value of a format of one sign bit, exponent bits and `fraction` bits below. */
static double decode_float(uint16_t bits, int exponent_bits, int fraction_bits)
{
    const int top = (1 << exponent_bits) - 1, bias = top / 2;
    const int exponent = bits >> fraction_bits & top, fraction = bits & ((1 << fraction_bits) - 1);
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == top)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

/* `x` rounded, half to even, to what that format holds. */
static double round_float(float x, int exponent_bits, int fraction_bits)
{
    const int bias = (1 << (exponent_bits - 1)) - 1;
    if (isnan(x) || isinf(x) || x == 0.0f)
        return (double)x;
    const int exponent = ilogb((double)x) < 1 - bias ? 1 - bias : ilogb((double)x);
    const double unit = ldexp(1, exponent - fraction_bits), rounded = nearbyint((double)x / unit) * unit;
    return fabs(rounded) >= ldexp(1, bias + 1) ? copysign((double)INFINITY, rounded) : rounded;
}

static bool is_float(haya_dtype dtype)
{
    return dtype >= HAYA_FLOAT32 && dtype <= HAYA_BFLOAT16;
}

static double float_value(haya_dtype dtype, const void *at)
{
    uint16_t half;
    float single;
    double value;
    memcpy(&half, at, 2);
    switch (dtype) {
    case HAYA_FLOAT16: return decode_float(half, 5, 10);
    case HAYA_BFLOAT16: return decode_float(half, 8, 7);
    case HAYA_FLOAT32: memcpy(&single, at, 4); return (double)single;
    default: memcpy(&value, at, 8); return value;
    }
}

/* An integer's or bool's; uint64 modulo 2^64. */
static int64_t integer_value(haya_dtype dtype, const void *at)
{
    uint64_t bits = 0;
    const size_t width = haya_dtype_size(dtype);
    memcpy(&bits, at, width); /* little endian, as all that haya runs on */
    switch (dtype) {
    case HAYA_INT8: return (int8_t)bits;
    case HAYA_INT16: return (int16_t)bits;
    case HAYA_INT32: return (int32_t)bits;
    default: return (int64_t)bits;
    }
}

/* ---- What is expected ------------------------------------------------------------------------------------ */

static int64_t truncated(double x, haya_dtype to)
{
    const bool through_int64 = to == HAYA_INT64 || to == HAYA_UINT32 || to == HAYA_UINT64;
    const double limit = through_int64 ? 0x1p63 : 0x1p31, whole = trunc(x);
    if (to == HAYA_UINT64 && whole >= 0x1p63)
        return whole < 0x1p64 ? (int64_t)(uint64_t)whole : 0; /* 2^63 more than the lowest int64 wraps to 0 */
    if (whole >= -limit && whole < limit)
        return (int64_t)whole;
    return through_int64 ? INT64_MIN : INT32_MIN;
}

/* Casts to floats: the value. */
static double expected_float(haya_dtype from, haya_dtype to, const void *at)
{
    double x;
    if (is_float(from)) {
        x = float_value(from, at);
    } else {
        const int64_t integer = integer_value(from, at);
        const bool is_unsigned = from == HAYA_UINT64;
        x = is_unsigned ? (double)(uint64_t)integer : (double)integer;
        if (to != HAYA_FLOAT64) /* in one rounding, not two */
            x = is_unsigned ? (double)(float)(uint64_t)integer : (double)(float)integer;
    }
    switch (to) {
    case HAYA_FLOAT64: return x;
    case HAYA_FLOAT32: return (double)(float)x;
    case HAYA_FLOAT16: return round_float((float)x, 5, 10);
    default: return round_float((float)x, 8, 7);
    }
}

/* Casts to integers: the bits. */
static uint64_t expected_bits(haya_dtype from, haya_dtype to, const void *at)
{
    uint64_t result;
    if (is_float(from))
        result = to == HAYA_BOOL ? float_value(from, at) != 0 : (uint64_t)truncated(float_value(from, at), to);
    else
        result = to == HAYA_BOOL ? integer_value(from, at) != 0 : (uint64_t)integer_value(from, at);
    const int unused = 64 - 8 * (int)haya_dtype_size(to);
    return result << unused >> unused;
}

static void check_cast(const test_call *test, const hy_kernel *kernel)
{
    const haya_dtype from = test->in[0].view.dtype, to = test->out.view.dtype;
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const void *source = element_at(&test->in[0], i), *result = element_at(&test->out, i);
        double actual, expected;
        bool right;
        if (from == to) { /* bit by bit, NaNs too */
            actual = expected = 0;
            right = memcmp(source, result, haya_dtype_size(to)) == 0;
        } else if (is_float(to)) {
            actual = float_value(to, result);
            expected = expected_float(from, to, source);
            right = memcmp(&actual, &expected, 8) == 0 || (isnan(actual) && isnan(expected));
        } else {
            uint64_t bits = 0;
            memcpy(&bits, result, haya_dtype_size(to));
            actual = (double)bits;
            expected = (double)expected_bits(from, to, source);
            right = bits == expected_bits(from, to, source);
        }
        if (!right) {
            printf("%s (%.17g) to %s:\n", haya_dtype_name(from),
                   is_float(from) ? float_value(from, source) : (double)integer_value(from, source),
                   haya_dtype_name(to));
            mismatch(test, kernel, i, actual, expected);
            return;
        }
    }
}

/* ---- Tests ----------------------------------------------------------------------------------------------- */

/* Values around the limits of all types. */
static double interesting(random_state *random)
{
    static const double limits[] = {0x1p7, 0x1p8, 0x1p15, 0x1p16, 0x1p31, 0x1p32, 0x1p63, 0x1p64, 65504, 65520, 1,
                                    0x1p-14, 0x1p-24, 0x1p-25, 0x1p-126, 0x1p-133, 3.4e38};
    double x = limits[random_bits(random) % (sizeof limits / sizeof *limits)];
    if (random_chance(random, 20))
        return random_chance(random, 50) ? (double)NAN : (double)INFINITY;
    x += (double)random_float(random) * (random_chance(random, 50) ? 2.0 : x * 1e-3);
    return random_chance(random, 50) ? x : -x;
}

static void fill_source(random_state *random, const test_operand *in)
{
    fill_bits(random, in);
    for (int64_t i = 0; i < element_count(in); i++) {
        const double x = interesting(random);
        const float single = (float)x;
        if (random_chance(random, 50) && in->view.dtype == HAYA_FLOAT32)
            memcpy(element_at(in, i), &single, 4);
        if (random_chance(random, 50) && in->view.dtype == HAYA_FLOAT64)
            memcpy(element_at(in, i), &x, 8);
    }
}

static void all_pairs_of_types(void)
{
    random_state random = {1};
    for (int from = HAYA_FLOAT32; from <= HAYA_BOOL; from++) {
        for (int to = HAYA_FLOAT32; to <= HAYA_BOOL; to++) {
            for (int round = 0; round < 2; round++) {
                int64_t dims[HY_VIEW_RANK] = {0};
                const int rank = random_dims(&random, 1500, dims);
                const test_operand in = operand_random(&random, (haya_dtype)from, rank, dims, true);
                test_call test = test_call_make(HY_CAST, 1, &in,
                                                operand_random(&random, (haya_dtype)to, rank, dims, false));
                fill_source(&random, &in);
                run_everywhere(&test, check_cast);
                test_call_free(&test);
            }
        }
    }
}

/* Every 16-bit float, and float32s all over, to and from. */
static void all_halves(void)
{
    enum { COUNT = 65536 };
    static const haya_dtype pairs[][2] = {{HAYA_FLOAT16, HAYA_FLOAT32}, {HAYA_BFLOAT16, HAYA_FLOAT32},
                                          {HAYA_FLOAT32, HAYA_FLOAT16}, {HAYA_FLOAT32, HAYA_BFLOAT16},
                                          {HAYA_FLOAT16, HAYA_BFLOAT16}};
    const test_layout layout = layout_dense(1);
    for (int p = 0; p < 5; p++) {
        const test_operand in = operand_make(pairs[p][0], 1, (int64_t[]){COUNT}, &layout, 0);
        test_call test = test_call_make(HY_CAST, 1, &in,
                                        operand_make(pairs[p][1], 1, (int64_t[]){COUNT}, &layout, 0));
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint32_t wide = i * 65537u + (i % 3 == 0 ? 0x1000u : 0u);
            const uint16_t narrow = (uint16_t)i;
            if (pairs[p][0] == HAYA_FLOAT32)
                memcpy(element_at(&in, i), &wide, 4);
            else
                memcpy(element_at(&in, i), &narrow, 2);
        }
        size_t index = 0;
        for (const hy_kernel *kernel; (kernel = next_kernel(&test.call, &index));) {
            run_with_threads(kernel, &test, 1);
            check_cast(&test, kernel);
        }
        test_call_free(&test);
    }
}

void cast_tests(void)
{
    RUN(all_pairs_of_types);
    RUN(all_halves);
}
