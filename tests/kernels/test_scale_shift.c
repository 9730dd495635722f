/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SCALE_SHIFT and HY_BATCH_NORM_FOLD.
 */
#include "buffers.h"

/* Rounded after the product and after the sum. */
static void check_scale_shift(const test_call *test, const hy_kernel *kernel)
{
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const float product = (float)((double)get_f32(&test->in[0], i) * (double)get_f32(&test->in[1], i));
        const float expected = (float)((double)product + (double)get_f32(&test->in[2], i));
        if (!same_float(get_f32(&test->out, i), expected)) {
            mismatch(test, kernel, i, (double)get_f32(&test->out, i), (double)expected);
            return;
        }
    }
}

static void scale_shift_of_any_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 200; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 2000, dims);
        test_operand in[3];
        for (int i = 0; i < 3; i++) {
            in[i] = operand_random(&random, HAYA_FLOAT32, rank, dims, true);
            fill_floats(&random, &in[i], 3.0f);
            sprinkle_specials(&random, &in[i], 5);
        }
        const test_operand out = operand_random(&random, HAYA_FLOAT32, rank, dims, false);
        test_call test = test_call_make(HY_SCALE_SHIFT, 3, in, out);
        run_everywhere(&test, check_scale_shift);
        test_call_free(&test);
    }
}

/* Rounded once: float64 leaves no more than the last bit in doubt. */
static void check_fold(const test_call *test, const hy_kernel *kernel)
{
    const double epsilon = (double)test->call.batch_norm_fold.epsilon;
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const double gamma = (double)get_f32(&test->in[0], i), variance = (double)get_f32(&test->in[1], i);
        double expected = gamma * (1 / sqrt(variance + epsilon));
        if (test->call.batch_norm_fold.shift)
            expected = (double)get_f32(&test->in[2], i) - (double)get_f32(&test->in[3], i) * expected;
        score_element((double)get_f32(&test->out, i), expected, ulp_of((float)expected));
        if (ulps_between(get_f32(&test->out, i), (float)expected) > 1) {
            mismatch(test, kernel, i, (double)get_f32(&test->out, i), expected);
            return;
        }
    }
}

static void batch_norms(void)
{
    random_state random = {2};
    for (int round = 0; round < 60; round++) {
        const int64_t dims[] = {random_int(&random, 0, 70)};
        const bool shift = round % 2;
        const int inputs = shift ? 4 : 2;
        test_operand in[4];
        for (int i = 0; i < inputs; i++) {
            in[i] = operand_random(&random, HAYA_FLOAT32, 1, dims, true);
            fill_floats(&random, &in[i], 2.0f);
        }
        for (int64_t i = 0; i < element_count(&in[1]); i++)
            put_f32(&in[1], i, fabsf(get_f32(&in[1], i)));
        test_call test = test_call_make(HY_BATCH_NORM_FOLD, inputs, in,
                                        operand_random(&random, HAYA_FLOAT32, 1, dims, false));
        test.call.batch_norm_fold.shift = shift;
        test.call.batch_norm_fold.epsilon = 1e-3f;
        run_everywhere(&test, check_fold);
        test_call_free(&test);
    }
}

void scale_shift_tests(void)
{
    RUN(scale_shift_of_any_layout);
    RUN(batch_norms);
}
