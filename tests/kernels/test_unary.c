/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_UNARY against the C library's functions in float64.
 */
#include "buffers.h"

static double exact(hy_unary op, double x, float alpha)
{
    switch (op) {
    case HY_RELU: return x <= 0 ? 0 : x;
    case HY_RELU6: return x <= 0 ? 0 : x > 6 ? 6 : x;
    case HY_LEAKY_RELU: return x > 0 ? x : (double)((float)x * alpha);
    case HY_SELU: /* the constants as floats, which is what TensorFlow multiplies by */
        return x < 0 ? (double)1.7580993408473768599f * expm1(x) : x * (double)1.0507009873554804935f;
    case HY_ABS: return fabs(x);
    default: return reference_unary(op, x, (double)alpha);
    }
}

/* The bound on the function's error; 0 where only the result's bits will do. */
static int64_t bound(hy_unary op)
{
    switch (op) {
    case HY_EXP: return ULP_EXP;
    case HY_LOG: return ULP_LOG;
    case HY_SIGMOID: return ULP_SIGMOID;
    case HY_TANH: return ULP_TANH;
    case HY_ELU: return ULP_ELU;
    case HY_SELU: return ULP_SELU;
    case HY_SOFTPLUS: return ULP_SOFTPLUS;
    case HY_RSQRT: return ULP_RSQRT;
    default: return 0;
    }
}

static void check_f32(const test_call *test, const hy_kernel *kernel)
{
    const hy_unary op = test->call.unary.op;
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const float actual = get_f32(&test->out, i), x = get_f32(&test->in[0], i);
        const float expected = (float)exact(op, (double)x, test->call.unary.alpha);
        score_element((double)actual, (double)expected, (double)bound(op) * ulp_of(expected));
        const bool right = bound(op) ? ulps_between(actual, expected) <= bound(op) : same_float(actual, expected);
        if (!right) {
            printf("operation %d of %.9g:\n", op, (double)x);
            mismatch(test, kernel, i, (double)actual, (double)expected);
            return;
        }
    }
}

static void any_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 200; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 2000, dims);
        const test_operand in = operand_random(&random, HAYA_FLOAT32, rank, dims, true);
        test_call test = test_call_make(HY_UNARY, 1, &in, operand_random(&random, HAYA_FLOAT32, rank, dims, false));
        test.call.unary.op = (hy_unary)(round % HY_LOGICAL_NOT);
        test.call.unary.alpha = 0.2f;
        fill_floats(&random, &in, 10.0f);
        sprinkle_specials(&random, &in, 10);
        run_everywhere(&test, check_f32);
        test_call_free(&test);
    }
}

/* Each function on floats of all magnitudes and both signs, NaNs among them, and densely where it is curved. */
static void whole_range_of_floats(void)
{
    enum { COUNT = 200000 };
    const test_layout layout = layout_dense(1);
    const int64_t dims[] = {COUNT};
    const test_operand in = operand_make(HAYA_FLOAT32, 1, dims, &layout, 0);
    test_call test = test_call_make(HY_UNARY, 1, &in, operand_make(HAYA_FLOAT32, 1, dims, &layout, 0));
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t bits = (uint32_t)((uint64_t)i * 2 * UINT32_MAX / COUNT);
        float x = (float)((double)i * 1e-3 - 150.0);
        if (i < COUNT / 2)
            memcpy(&x, &bits, 4);
        put_f32(&in, i, x);
    }
    for (hy_unary op = HY_IDENTITY; op < HY_LOGICAL_NOT; op++) {
        size_t index = 0;
        test.call.unary.op = op;
        test.call.unary.alpha = -0.3f;
        for (const hy_kernel *kernel; (kernel = next_kernel(&test.call, &index));) {
            run_with_threads(kernel, &test, 2);
            check_f32(&test, kernel);
        }
    }
    test_call_free(&test);
}

static int64_t exact_integer(hy_unary op, haya_dtype dtype, int64_t x)
{
    const uint64_t u = (uint64_t)x;
    uint64_t result = u;
    if (op == HY_LOGICAL_NOT)
        return !x;
    if (op == HY_SQUARE)
        result = u * u;
    if (op == HY_NEG || (op == HY_ABS && x < 0))
        result = 0 - u;
    if (op == HY_RELU && x < 0)
        result = 0;
    return dtype == HAYA_INT32 ? (int32_t)result : (int64_t)result;
}

static void check_integers(const test_call *test, const hy_kernel *kernel)
{
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const int64_t x = get_integer(&test->in[0], i), actual = get_integer(&test->out, i);
        const int64_t expected = exact_integer(test->call.unary.op, test->out.view.dtype, x);
        if (actual != expected) {
            mismatch(test, kernel, i, (double)actual, (double)expected);
            return;
        }
    }
}

static void integers_wrap_around(void)
{
    static const hy_unary ops[] = {HY_IDENTITY, HY_RELU, HY_NEG, HY_ABS, HY_SQUARE};
    random_state random = {2};
    for (int round = 0; round < 60; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 2000, dims);
        const haya_dtype dtype = round % 3 == 0 ? HAYA_INT32 : round % 3 == 1 ? HAYA_INT64 : HAYA_BOOL;
        const test_operand in = operand_random(&random, dtype, rank, dims, true);
        test_call test = test_call_make(HY_UNARY, 1, &in, operand_random(&random, dtype, rank, dims, false));
        test.call.unary.op = dtype == HAYA_BOOL ? HY_LOGICAL_NOT : ops[round % 5];
        fill_bits(&random, &in);
        if (element_count(&in) > 0 && dtype != HAYA_BOOL)
            put_integer(&in, 0, dtype == HAYA_INT32 ? INT32_MIN : INT64_MIN);
        run_everywhere(&test, check_integers);
        test_call_free(&test);
    }
}

/* Elementwise families may write over their input. */
static void in_place(void)
{
    random_state random = {3};
    for (int64_t n = 1; n < 600; n += 37) {
        for (int columns = 1; columns < 9; columns += 3) {
            const int64_t dims[] = {n, columns};
            test_layout layout = layout_dense(2);
            layout.gaps = columns == 4;
            test_operand in = operand_make(HAYA_FLOAT32, 2, dims, &layout, 0);
            test_call test = test_call_make(HY_UNARY, 1, &in, operand_make(HAYA_FLOAT32, 2, dims, &layout, 0));
            test.call.unary.op = HY_SIGMOID;
            fill_floats(&random, &in, 5.0f);
            size_t index = 0;
            for (const hy_kernel *kernel; (kernel = next_kernel(&test.call, &index));) {
                run_with_threads(kernel, &test, 2);
                void *memory = test.out.memory.data;
                for (int64_t i = 0; i < element_count(&in); i++)
                    put_f32(&test.out, i, get_f32(&in, i));
                run_kernel(kernel, &test.call, (const void *[]){memory}, memory, team_of(2));
                check_f32(&test, kernel);
            }
            test_call_free(&test);
        }
    }
}

void unary_tests(void)
{
    RUN(any_layout);
    RUN(whole_range_of_floats);
    RUN(integers_wrap_around);
    RUN(in_place);
}
