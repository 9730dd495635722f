/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_BINARY. Every float32 result but powers is the exact one rounded: float64 has more than twice the digits, so
 * rounding its result to float32 gives what one operation in float32 gives.
 */
#include "buffers.h"

static double exact_f32(hy_binary op, float a, float b)
{
    const double x = (double)a, y = (double)b;
    const float difference = a - b;
    double rest;
    switch (op) {
    case HY_ADD: return x + y;
    case HY_SUB: return x - y;
    case HY_MUL: return x * y;
    case HY_DIV: return x / y;
    case HY_FLOOR_DIV: return floor((double)(float)(x / y));
    case HY_FLOOR_MOD:
        rest = fmod(x, y);
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    case HY_MAXIMUM: return isnan(x) || isnan(y) ? (double)NAN : x > y ? x : y;
    case HY_MINIMUM: return isnan(x) || isnan(y) ? (double)NAN : x < y ? x : y;
    case HY_POW: return pow(x, y);
    case HY_SQUARED_DIFFERENCE: return (double)difference * (double)difference;
    case HY_GREATER: return x > y;
    case HY_GREATER_EQUAL: return x >= y;
    case HY_LESS: return x < y;
    case HY_LESS_EQUAL: return x <= y;
    case HY_EQUAL: return x == y;
    default: return x != y;
    }
}

static void check_f32(const test_call *test, const hy_kernel *kernel)
{
    const hy_binary op = test->call.binary.op;
    const bool compares = op >= HY_GREATER;
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const float a = get_f32(&test->in[0], i), b = get_f32(&test->in[1], i);
        const float expected = (float)exact_f32(op, a, b);
        const float actual = compares ? (float)get_integer(&test->out, i) : get_f32(&test->out, i);
        score_element((double)actual, (double)expected, op == HY_POW ? ULP_POW * ulp_of(expected) : 0);
        const bool right = op == HY_POW ? ulps_between(actual, expected) <= ULP_POW : same_float(actual, expected);
        if (!right) {
            printf("operation %d of %.9g and %.9g:\n", op, (double)a, (double)b);
            mismatch(test, kernel, i, (double)actual, (double)expected);
            return;
        }
    }
}

static test_call random_call(random_state *random, hy_binary op, haya_dtype dtype, haya_dtype result)
{
    int64_t dims[HY_VIEW_RANK] = {0};
    const int rank = random_dims(random, 2000, dims);
    const test_operand in[] = {operand_random(random, dtype, rank, dims, true),
                               operand_random(random, dtype, rank, dims, true)};
    test_call test = test_call_make(HY_BINARY, 2, in, operand_random(random, result, rank, dims, false));
    test.call.binary.op = op;
    return test;
}

static void floats_of_any_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 320; round++) {
        const hy_binary op = (hy_binary)(round % HY_LOGICAL_AND);
        test_call test = random_call(&random, op, HAYA_FLOAT32, op >= HY_GREATER ? HAYA_BOOL : HAYA_FLOAT32);
        for (int i = 0; i < 2; i++) {
            fill_floats(&random, &test.in[i], 4.0f);
            sprinkle_specials(&random, &test.in[i], 15);
        }
        run_everywhere(&test, check_f32);
        test_call_free(&test);
    }
}

/* What TensorFlow gives for pairs on which rules differ between libraries. */
static void floats_as_in_tensorflow(void)
{
    static const struct { hy_binary op; float a, b, result; } cases[] = {
        {HY_MAXIMUM, NAN, 1.0f, NAN},      {HY_MAXIMUM, 1.0f, NAN, NAN},      {HY_MINIMUM, 1.0f, NAN, NAN},
        {HY_MAXIMUM, 0.0f, -0.0f, -0.0f},  {HY_MAXIMUM, -0.0f, 0.0f, 0.0f},   {HY_MINIMUM, -0.0f, 0.0f, 0.0f},
        {HY_FLOOR_DIV, -5.5f, 2.0f, -3.0f}, {HY_FLOOR_DIV, -0.0f, 3.0f, -0.0f}, {HY_FLOOR_DIV, 1.0f, 0.1f, 10.0f},
        {HY_FLOOR_DIV, -1.0f, INFINITY, -0.0f}, {HY_FLOOR_MOD, -1.0f, INFINITY, INFINITY},
        {HY_FLOOR_MOD, -5.5f, 2.0f, 0.5f}, {HY_FLOOR_MOD, 5.5f, -2.0f, -0.5f}, {HY_FLOOR_MOD, -6.0f, 2.0f, -0.0f},
        {HY_FLOOR_MOD, 1.0f, 0.0f, NAN},   {HY_FLOOR_MOD, -1.0f, 0.1f, 1.49011612e-8f},
        {HY_POW, NAN, 0.0f, 1.0f},         {HY_POW, 1.0f, NAN, 1.0f},         {HY_POW, -8.0f, 2.0f, 64.0f},
        {HY_POW, -8.0f, 0.5f, NAN},        {HY_POW, 0.0f, -1.0f, INFINITY},
    };
    const test_layout layout = layout_dense(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const test_operand in[] = {operand_make(HAYA_FLOAT32, 0, NULL, &layout, 0),
                                   operand_make(HAYA_FLOAT32, 0, NULL, &layout, 0)};
        test_call test = test_call_make(HY_BINARY, 2, in, operand_make(HAYA_FLOAT32, 0, NULL, &layout, 0));
        test.call.binary.op = cases[i].op;
        put_f32(&in[0], 0, cases[i].a);
        put_f32(&in[1], 0, cases[i].b);
        size_t index = 0;
        for (const hy_kernel *kernel; (kernel = next_kernel(&test.call, &index));) {
            run_with_threads(kernel, &test, 1);
            if (!same_float(get_f32(&test.out, 0), cases[i].result))
                mismatch(&test, kernel, (int64_t)i, (double)get_f32(&test.out, 0), (double)cases[i].result);
        }
        test_call_free(&test);
    }
}

/* In 128 bits, before the result is cut to its type. */
static __int128 exact_integer(hy_binary op, int64_t a, int64_t b)
{
    const __int128 x = a, y = b;
    unsigned __int128 power = 1;
    switch (op) {
    case HY_ADD: return x + y;
    case HY_SUB: return x - y;
    case HY_MUL: return x * y;
    case HY_DIV: return x / y;
    case HY_FLOOR_DIV: return x / y - (x % y != 0 && (x < 0) != (y < 0));
    case HY_FLOOR_MOD: return x % y + (x % y != 0 && (x < 0) != (y < 0) ? y : 0);
    case HY_MAXIMUM: return x > y ? x : y;
    case HY_MINIMUM: return x < y ? x : y;
    case HY_POW:
        for (int64_t i = 0; i < b; i++)
            power *= (unsigned __int128)x;
        return (__int128)power;
    case HY_SQUARED_DIFFERENCE: return (__int128)((unsigned __int128)(x - y) * (unsigned __int128)(x - y));
    case HY_GREATER: return x > y;
    case HY_GREATER_EQUAL: return x >= y;
    case HY_LESS: return x < y;
    case HY_LESS_EQUAL: return x <= y;
    case HY_EQUAL: return x == y;
    case HY_NOT_EQUAL: return x != y;
    case HY_LOGICAL_AND: return x && y;
    default: return x || y;
    }
}

static void check_integers(const test_call *test, const hy_kernel *kernel)
{
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const int64_t a = get_integer(&test->in[0], i), b = get_integer(&test->in[1], i);
        int64_t expected = (int64_t)exact_integer(test->call.binary.op, a, b);
        if (test->out.view.dtype == HAYA_INT32)
            expected = (int32_t)expected;
        if (get_integer(&test->out, i) != expected) {
            printf("operation %d of %lld and %lld:\n", test->call.binary.op, (long long)a, (long long)b);
            mismatch(test, kernel, i, (double)get_integer(&test->out, i), (double)expected);
            return;
        }
    }
}

static void fill_integers(random_state *random, hy_binary op, test_call *test)
{
    const int64_t lowest = test->in[0].view.dtype == HAYA_INT32 ? INT32_MIN : INT64_MIN;
    for (int which = 0; which < 2; which++) {
        const test_operand *in = &test->in[which];
        fill_bits(random, in);
        for (int64_t i = 0; i < element_count(in); i++) {
            const bool divisor = which == 1 && (op == HY_DIV || op == HY_FLOOR_DIV || op == HY_FLOOR_MOD);
            if (which == 1 && op == HY_POW)
                put_integer(in, i, random_int(random, 0, 70));
            else if (random_chance(random, 40))
                put_integer(in, i, random_int(random, -4, 4));
            else if (random_chance(random, 10))
                put_integer(in, i, random_chance(random, 50) ? lowest : ~lowest);
            if (divisor && get_integer(in, i) == 0)
                put_integer(in, i, random_chance(random, 50) ? -1 : 3);
        }
    }
}

static void integers_wrap_around(void)
{
    random_state random = {2};
    for (int round = 0; round < 320; round++) {
        const hy_binary op = (hy_binary)(round % HY_LOGICAL_AND);
        const haya_dtype dtype = round / HY_LOGICAL_AND % 2 ? HAYA_INT64 : HAYA_INT32;
        test_call test = random_call(&random, op, dtype, op >= HY_GREATER ? HAYA_BOOL : dtype);
        fill_integers(&random, op, &test);
        run_everywhere(&test, check_integers);
        test_call_free(&test);
    }
}

static void bools(void)
{
    random_state random = {3};
    for (int round = 0; round < 60; round++) {
        const hy_binary op = (hy_binary)(HY_EQUAL + round % 4);
        test_call test = random_call(&random, op, HAYA_BOOL, HAYA_BOOL);
        fill_bits(&random, &test.in[0]);
        fill_bits(&random, &test.in[1]);
        run_everywhere(&test, check_integers);
        test_call_free(&test);
    }
}

static void refuse(hy_binary op, haya_dtype dtype, int64_t operand, const char *message)
{
    const int64_t dims[] = {50000};
    const test_layout layout = layout_dense(1);
    const test_operand in[] = {operand_make(dtype, 1, dims, &layout, 1), operand_make(dtype, 1, dims, &layout, 1)};
    test_call test = test_call_make(HY_BINARY, 2, in, operand_make(dtype, 1, dims, &layout, 0));
    test.call.binary.op = op;
    put_integer(&in[1], 49998, operand);
    run_refused(&test, message);
    test_call_free(&test);
}

static void data_without_a_result_is_refused(void)
{
    for (int wide = 0; wide < 2; wide++) {
        const haya_dtype dtype = wide ? HAYA_INT64 : HAYA_INT32;
        refuse(HY_DIV, dtype, 0, "integer division by zero");
        refuse(HY_FLOOR_DIV, dtype, 0, "integer division by zero");
        refuse(HY_FLOOR_MOD, dtype, 0, "integer division by zero");
        refuse(HY_POW, dtype, -1, "negative integer exponent");
    }
}

/* A bias on three channels, a mask on one of many, and scalars: on enough elements for several tasks. */
static void broadcasts_of_images(void)
{
    random_state random = {4};
    const test_layout layout = layout_dense(4);
    static const struct { int64_t channels; unsigned repeated; } cases[] = {
        {3, 7}, {3, 8}, {3, 15}, {1, 7}, {70, 7}, {70, 8}, {257, 7}, {5, 0}, {5, 1}, {4, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t dims[] = {2, 30, 40, cases[i].channels};
        const test_operand in[] = {operand_make(HAYA_FLOAT32, 4, dims, &layout, 0),
                                   operand_repeated(HAYA_FLOAT32, 4, dims, cases[i].repeated, &layout, 0)};
        test_call test = test_call_make(HY_BINARY, 2, in, operand_make(HAYA_FLOAT32, 4, dims, &layout, 0));
        test.call.binary.op = HY_SUB;
        fill_floats(&random, &in[0], 1.0f);
        fill_floats(&random, &in[1], 1.0f);
        run_everywhere(&test, check_f32);
        test_call_free(&test);
    }
}

void binary_tests(void)
{
    RUN(floats_of_any_layout);
    RUN(floats_as_in_tensorflow);
    RUN(integers_wrap_around);
    RUN(bools);
    RUN(data_without_a_result_is_refused);
    RUN(broadcasts_of_images);
}
