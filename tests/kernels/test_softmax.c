/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SOFTMAX against float64.
 */
#include "buffers.h"

/* The maximum of a row, NaN where there is one. */
static double row_max(const test_operand *in, int64_t first, int64_t n)
{
    double max = -(double)INFINITY;
    for (int64_t i = first; i < first + n; i++) {
        const double x = (double)get_f32(in, i);
        if (isnan(x))
            return x;
        max = x > max ? x : max;
    }
    return max;
}

static void check_softmax(const test_call *test, const hy_kernel *kernel)
{
    const int64_t n = test->out.view.dims[test->out.view.rank - 1];
    for (int64_t first = 0; first < element_count(&test->out); first += n) {
        const double max = row_max(&test->in[0], first, n);
        double sum = 0;
        for (int64_t i = first; i < first + n; i++)
            sum += exp((double)get_f32(&test->in[0], i) - max);
        for (int64_t i = first; i < first + n; i++) {
            const double d = (double)get_f32(&test->in[0], i) - max, expected = exp(d) / sum;
            const double actual = (double)get_f32(&test->out, i);
            const double tolerance = expected * RELATIVE_SOFTMAX(expected > 0 ? d : 0) + ABSOLUTE_SOFTMAX;
            score_element(actual, expected, tolerance);
            if (!(fabs(actual - expected) <= tolerance) && !(isnan(actual) && isnan(expected))) {
                mismatch(test, kernel, i, actual, expected);
                return;
            }
        }
    }
}

static void softmax(random_state *random, test_operand in, test_operand out, float size, int specials)
{
    test_call test = test_call_make(HY_SOFTMAX, 1, &in, out);
    fill_floats(random, &in, size);
    sprinkle_specials(random, &in, specials);
    run_everywhere(&test, check_softmax);
    test_call_free(&test);
}

static void rows_of_any_length_and_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 200; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        int rank = random_dims(&random, 60, dims);
        dims[rank++] = round % 80;
        const test_operand in = operand_random(&random, HAYA_FLOAT32, rank, dims, true);
        softmax(&random, in, operand_random(&random, HAYA_FLOAT32, rank, dims, false), round % 3 ? 5.0f : 60.0f,
                round % 4 == 0 ? 2 : 0);
    }
}

static void many_rows_and_long_rows(void)
{
    static const int64_t shapes[][2] = {{9000, 2}, {3001, 21}, {77, 1001}, {1, 100003}};
    random_state random = {2};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const test_layout dense = layout_dense(2);
        test_layout columns = dense; /* rows that are columns in memory */
        columns.order[0] = 1;
        columns.order[1] = 0;
        softmax(&random, operand_make(HAYA_FLOAT32, 2, shapes[i], &dense, 0),
                operand_make(HAYA_FLOAT32, 2, shapes[i], &dense, 0), 10.0f, 0);
        softmax(&random, operand_make(HAYA_FLOAT32, 2, shapes[i], &columns, 0),
                operand_make(HAYA_FLOAT32, 2, shapes[i], &dense, 0), 10.0f, 0);
    }
}

/* As TensorFlow's: one NaN or +Inf spoils its row, -Inf counts as nothing, and nothing but it gives NaN. */
static void special_rows(void)
{
    static const float rows[][3] = {{NAN, 1, 2}, {1, INFINITY, 2}, {-INFINITY, -INFINITY, -INFINITY},
                                    {-INFINITY, 0, 0}, {FLT_MAX, -FLT_MAX, 0}};
    static const float results[][3] = {{NAN, NAN, NAN}, {NAN, NAN, NAN}, {NAN, NAN, NAN},
                                       {0, 0.5f, 0.5f}, {1, 0, 0}};
    const test_layout layout = layout_dense(2);
    for (int64_t length = 3; length < 100; length += 60) { /* short rows and long ones, -Inf after the values */
        const int64_t dims[] = {5, length};
        const test_operand in = operand_make(HAYA_FLOAT32, 2, dims, &layout, 0);
        test_call test = test_call_make(HY_SOFTMAX, 1, &in, operand_make(HAYA_FLOAT32, 2, dims, &layout, 0));
        for (int64_t i = 0; i < element_count(&in); i++)
            put_f32(&in, i, i % length < 3 ? rows[i / length][i % length] : -INFINITY);
        size_t index = 0;
        for (const hy_kernel *kernel; (kernel = next_kernel(&test.call, &index));) {
            run_with_threads(kernel, &test, 1);
            for (int64_t i = 0; i < 15; i++) {
                const float actual = get_f32(&test.out, i / 3 * length + i % 3), expected = results[i / 3][i % 3];
                if (!same_float(actual, expected))
                    mismatch(&test, kernel, i, (double)actual, (double)expected);
            }
        }
        test_call_free(&test);
    }
}

void softmax_tests(void)
{
    RUN(rows_of_any_length_and_layout);
    RUN(many_rows_and_long_rows);
    RUN(special_rows);
}
