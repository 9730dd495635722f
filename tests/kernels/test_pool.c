/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_POOL against float64.
 */
#include "buffers.h"

/* The window's part on the input, for output element `index`: maximum, sum, sum of magnitudes and count. */
typedef struct window_values {
    double max, sum, magnitude;
    int64_t count;
} window_values;

static window_values values_of(const test_call *test, int64_t index)
{
    const int64_t *dims = test->out.view.dims, *from = test->in[0].view.dims;
    const hy_window *window = &test->call.window;
    const int64_t c = index % dims[3], ox = index / dims[3] % dims[2], oy = index / dims[3] / dims[2] % dims[1];
    const int64_t n = index / dims[3] / dims[2] / dims[1];
    window_values values = {.max = (double)-FLT_MAX};
    for (int64_t ky = 0; ky < window->kernel_h; ky++) {
        for (int64_t kx = 0; kx < window->kernel_w; kx++) {
            const int64_t y = oy * window->stride_h - window->pad_top + ky * window->dilation_h;
            const int64_t x = ox * window->stride_w - window->pad_left + kx * window->dilation_w;
            if (y < 0 || y >= from[1] || x < 0 || x >= from[2])
                continue;
            const double value = (double)get_f32(&test->in[0], ((n * from[1] + y) * from[2] + x) * from[3] + c);
            values.max = value > values.max ? value : values.max; /* passes over NaN, as TensorFlow's */
            values.sum += value;
            values.magnitude += fabs(value);
            values.count++;
        }
    }
    return values;
}

static void check_pooled(const test_call *test, const hy_kernel *kernel)
{
    const hy_window *window = &test->call.window;
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const window_values values = values_of(test, i);
        const double actual = (double)get_f32(&test->out, i), count = (double)values.count;
        const double expected = test->call.pool.max ? values.max : values.sum / count;
        const double tolerance = test->call.pool.max ? 0 : values.magnitude / count *
                                 RELATIVE_AVERAGE(window->kernel_h, window->kernel_w);
        score_element(actual, expected, tolerance);
        if (!(fabs(actual - expected) <= tolerance) && actual != expected && !(isnan(actual) && isnan(expected))) {
            mismatch(test, kernel, i, actual, expected);
            return;
        }
    }
}

/* Along one dim: a window, and an output size such that every window has something of the input. */
static int64_t random_window(random_state *random, int64_t in, int32_t *kernel, int32_t *stride, int32_t *dilation,
                             int32_t *pad)
{
    *kernel = random_int(random, 1, 5);
    *stride = random_int(random, 1, 3);
    *dilation = random_chance(random, 15) && *kernel <= in ? 2 : 1;
    if ((*kernel - 1) * *dilation >= in)
        *kernel = *dilation = 1;
    *pad = random_int(random, 0, *dilation == 1 ? *kernel - 1 : 0);
    const int64_t last = in - 1 + *pad - (*dilation == 1 ? 0 : (*kernel - 1) * *dilation);
    return 1 + random_int(random, 0, (int)(last / *stride));
}

static test_call random_call(random_state *random, int64_t channels, int most, bool dense)
{
    const int64_t n = random_int(random, 1, 2), h = random_int(random, 1, most), w = random_int(random, 1, most);
    const test_layout layout = layout_dense(4);
    hy_window window;
    const int64_t oh = random_window(random, h, &window.kernel_h, &window.stride_h, &window.dilation_h,
                                     &window.pad_top);
    const int64_t ow = random_window(random, w, &window.kernel_w, &window.stride_w, &window.dilation_w,
                                     &window.pad_left);
    const int64_t from[] = {n, h, w, channels}, to[] = {n, oh, ow, channels};
    const test_operand in = dense ? operand_make(HAYA_FLOAT32, 4, from, &layout, 0)
                                  : operand_random(random, HAYA_FLOAT32, 4, from, true);
    test_call test = test_call_make(HY_POOL, 1, &in, dense ? operand_make(HAYA_FLOAT32, 4, to, &layout, 0)
                                                           : operand_random(random, HAYA_FLOAT32, 4, to, false));
    test.call.window = window;
    fill_floats(random, &in, 10.0f);
    return test;
}

/* An average of the largest floats overflows in float32 alone, so there are none. */
static void sprinkle_for_averages(random_state *random, const test_operand *in)
{
    sprinkle_specials(random, in, 5);
    for (int64_t i = 0; i < element_count(in); i++)
        if (fabsf(get_f32(in, i)) == FLT_MAX)
            put_f32(in, i, 1.0f);
}

static void any_window_and_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 300; round++) {
        const int64_t channels = round % 4 == 0 ? 1 + round % 3 : random_int(&random, 0, 40);
        test_call test = random_call(&random, channels, 12, round % 2);
        test.call.pool.max = round / 2 % 2;
        if (round % 5 == 0 && test.call.pool.max)
            sprinkle_specials(&random, &test.in[0], 5);
        else if (round % 5 == 0)
            sprinkle_for_averages(&random, &test.in[0]);
        run_everywhere(&test, check_pooled);
        test_call_free(&test);
    }
}

static void images(void)
{
    random_state random = {2};
    for (int64_t channels = 1; channels < 70; channels += 17) {
        for (int max = 0; max < 2; max++) {
            test_call test = random_call(&random, channels, 60, true);
            test.call.pool.max = max;
            run_everywhere(&test, check_pooled);
            test_call_free(&test);
        }
    }
}

void pool_tests(void)
{
    RUN(any_window_and_layout);
    RUN(images);
}
