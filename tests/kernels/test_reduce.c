/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_REDUCE against sums in long double and integers.
 */
#include "buffers.h"

/* Input elements of output element i are count ones from i * count on: the view's kept dims come first. */
static int64_t reduced_count(const test_call *test)
{
    int64_t count = 1;
    for (int d = test->call.reduce.kept; d < test->in[0].view.rank; d++)
        count *= test->in[0].view.dims[d];
    return count;
}

static float extreme_f32(const test_call *test, int64_t first, int64_t count)
{
    const bool max = test->call.reduce.op == HY_REDUCE_MAX;
    float result = max ? -INFINITY : INFINITY;
    for (int64_t i = first; i < first + count; i++) {
        const float x = get_f32(&test->in[0], i);
        if (isnan(x))
            return x;
        if (max ? x > result : x < result)
            result = x;
    }
    return result;
}

/* Sum, mean or product in long double, and how far the kernel may be off. */
static long double accumulated_f32(const test_call *test, int64_t first, int64_t count, double *tolerance)
{
    const hy_reduce op = test->call.reduce.op;
    long double result = op == HY_REDUCE_PROD ? 1 : 0, magnitude = 0;
    for (int64_t i = first; i < first + count; i++) {
        const long double x = (long double)get_f32(&test->in[0], i);
        result = op == HY_REDUCE_PROD ? result * x : result + x;
        magnitude += fabsl(x);
    }
    if (op == HY_REDUCE_PROD)
        magnitude = fabsl(result);
    if (op == HY_REDUCE_MEAN) {
        result /= count;
        magnitude /= count;
    }
    /* The rounding to float32 is relative to the result, those before to the magnitudes. */
    *tolerance = (double)fabsl(result) * 0x1p-24 + (double)magnitude * (RELATIVE_SUM(count) - 0x1p-24);
    if (*tolerance < 0x1p-149)
        *tolerance = 0x1p-149;
    return result;
}

static void check_f32(const test_call *test, const hy_kernel *kernel)
{
    const hy_reduce op = test->call.reduce.op;
    const int64_t count = reduced_count(test);
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const float actual = get_f32(&test->out, i);
        double expected, tolerance = 0;
        if (op == HY_REDUCE_MAX || op == HY_REDUCE_MIN)
            expected = (double)extreme_f32(test, i * count, count);
        else
            expected = (double)accumulated_f32(test, i * count, count, &tolerance);
        score_element((double)actual, expected, tolerance);
        const bool near = (double)actual == expected || fabs((double)actual - expected) <= tolerance ||
                          (float)expected == actual;
        if (!near && !(isnan(actual) && isnan(expected))) {
            printf("reduction %d of %lld elements:\n", op, (long long)count);
            mismatch(test, kernel, i, (double)actual, expected);
            return;
        }
    }
}

static int64_t exact_integer(const test_call *test, int64_t first, int64_t count)
{
    const hy_reduce op = test->call.reduce.op;
    const bool narrow = test->in[0].view.dtype == HAYA_INT32;
    int64_t max = narrow ? INT32_MIN : INT64_MIN, min = ~max;
    uint64_t sum = 0, product = 1;
    for (int64_t i = first; i < first + count; i++) {
        const int64_t x = get_integer(&test->in[0], i);
        max = x > max ? x : max;
        min = x < min ? x : min;
        sum += (uint64_t)x;
        product *= (uint64_t)x;
    }
    int64_t result = op == HY_REDUCE_MAX ? max : op == HY_REDUCE_MIN ? min : (int64_t)sum;
    if (op == HY_REDUCE_PROD)
        result = (int64_t)product;
    if (op == HY_REDUCE_MEAN)
        result = count ? result / count : 0;
    return narrow ? (int32_t)result : result;
}

static void check_integers(const test_call *test, const hy_kernel *kernel)
{
    const int64_t count = reduced_count(test);
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const int64_t expected = exact_integer(test, i * count, count);
        if (get_integer(&test->out, i) != expected) {
            printf("reduction %d of %lld elements:\n", test->call.reduce.op, (long long)count);
            mismatch(test, kernel, i, (double)get_integer(&test->out, i), (double)expected);
            return;
        }
    }
}

static void fill(random_state *random, const test_operand *in, hy_reduce op)
{
    if (in->view.dtype != HAYA_FLOAT32) {
        fill_bits(random, in);
        return;
    }
    for (int64_t i = 0; i < element_count(in); i++) {
        const float x = random_float(random);
        put_f32(in, i, op == HY_REDUCE_PROD ? copysignf(1.0f + fabsf(x) * 0.001f, x) : x * 100.0f);
    }
    if (random_chance(random, 20))
        sprinkle_specials(random, in, 1);
}

static void reduce(random_state *random, hy_reduce op, test_operand in, int kept)
{
    test_call test = test_call_make(HY_REDUCE, 1, &in,
                                    operand_random(random, in.view.dtype, kept, in.view.dims, false));
    test.call.reduce.op = op;
    test.call.reduce.kept = kept;
    fill(random, &in, op);
    run_everywhere(&test, in.view.dtype == HAYA_FLOAT32 ? check_f32 : check_integers);
    test_call_free(&test);
}

static void any_dims_and_layout(void)
{
    static const haya_dtype dtypes[] = {HAYA_FLOAT32, HAYA_INT32, HAYA_INT64};
    random_state random = {1};
    for (int round = 0; round < 450; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 3000, dims);
        const haya_dtype dtype = dtypes[round % 3];
        reduce(&random, (hy_reduce)(round / 3 % 5), operand_random(&random, dtype, rank, dims, true),
               random_int(&random, 0, rank));
    }
}

/* [n, h, w, c] over some dims, which the view puts last. */
static void reduce_image(random_state *random, hy_reduce op, const int64_t *dims, const int *order, int kept)
{
    test_layout layout = layout_dense(4);
    int64_t permuted[4];
    for (int d = 0; d < 4; d++) {
        permuted[d] = dims[order[d]];
        layout.order[order[d]] = d; /* the image's dim order[d] is the view's dim d */
    }
    reduce(random, op, operand_make(HAYA_FLOAT32, 4, permuted, &layout, 0), kept);
}

static void images(void)
{
    static const int64_t shapes[][4] = {{2, 7, 7, 300}, {1, 64, 64, 24}, {1, 120, 120, 3}, {1, 90, 91, 1}};
    random_state random = {2};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int op = HY_REDUCE_SUM; op <= HY_REDUCE_MAX; op++) {
            reduce_image(&random, (hy_reduce)op, shapes[i], (int[]){0, 3, 1, 2}, 2); /* over the image */
            reduce_image(&random, (hy_reduce)op, shapes[i], (int[]){0, 1, 2, 3}, 3); /* over channels */
            reduce_image(&random, (hy_reduce)op, shapes[i], (int[]){3, 0, 1, 2}, 1); /* but channels */
            reduce_image(&random, (hy_reduce)op, shapes[i], (int[]){0, 1, 2, 3}, 0); /* to one element */
        }
    }
}

static void nothing_reduces_to_the_identity(void)
{
    static const float floats[] = {0.0f, NAN, -INFINITY, INFINITY, 1.0f};
    static const int64_t integers[] = {0, 0, INT32_MIN, INT32_MAX, 1};
    const test_layout layout = layout_dense(2);
    for (int op = HY_REDUCE_SUM; op <= HY_REDUCE_PROD; op++) {
        for (int integer = 0; integer < 2; integer++) {
            const haya_dtype dtype = integer ? HAYA_INT32 : HAYA_FLOAT32;
            const test_operand in = operand_make(dtype, 2, (int64_t[]){1, 0}, &layout, 0);
            test_call test = test_call_make(HY_REDUCE, 1, &in, operand_make(dtype, 1, (int64_t[]){1}, &layout, 0));
            test.call.reduce.op = (hy_reduce)op;
            test.call.reduce.kept = 1;
            run_everywhere(&test, integer ? check_integers : check_f32);
            CHECK(integer ? get_integer(&test.out, 0) == integers[op]
                          : same_float(get_f32(&test.out, 0), floats[op]));
            test_call_free(&test);
        }
    }
}

/* A million tenths: summed one by one in float32 they would come to 100958. */
static void long_sums_stay_exact(void)
{
    const test_layout layout = layout_dense(1);
    const test_operand in = operand_make(HAYA_FLOAT32, 1, (int64_t[]){1000000}, &layout, 0);
    test_call test = test_call_make(HY_REDUCE, 1, &in, operand_make(HAYA_FLOAT32, 0, NULL, &layout, 0));
    test.call.reduce.op = HY_REDUCE_SUM;
    for (int64_t i = 0; i < element_count(&in); i++)
        put_f32(&in, i, 0.1f);
    run_everywhere(&test, check_f32);
    CHECK_NEAR((double)get_f32(&test.out, 0), 100000.0, 0.01);
    test_call_free(&test);
}

void reduce_tests(void)
{
    RUN(any_dims_and_layout);
    RUN(images);
    RUN(nothing_reduces_to_the_identity);
    RUN(long_sums_stay_exact);
}
