/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_RESIZE, to the bit: the reference does TensorFlow's steps one element at a time.
 */
#include "buffers.h"

static float scale_of(const test_call *test, int dim)
{
    const int64_t in = test->in[0].view.dims[dim], out = test->out.view.dims[dim];
    if (test->call.resize.align_corners && out > 1)
        return (float)(in - 1) / (float)(out - 1);
    return (float)in / (float)out;
}

static int64_t nearest(const test_call *test, int dim, int64_t out)
{
    const float scale = scale_of(test, dim), y = (float)out;
    const int64_t last = test->in[0].view.dims[dim] - 1;
    float at = floorf(y * scale);
    if (test->call.resize.half_pixel_centers)
        at = floorf((y + 0.5f) * scale);
    else if (test->call.resize.align_corners)
        at = roundf(y * scale);
    return at < 0.0f ? 0 : (int64_t)at > last ? last : (int64_t)at;
}

typedef struct neighbours {
    int64_t lower, upper;
    float part;
} neighbours;

static neighbours around(const test_call *test, int dim, int64_t out)
{
    const float scale = scale_of(test, dim), y = (float)out;
    const float at = test->call.resize.half_pixel_centers ? (y + 0.5f) * scale - 0.5f : y * scale;
    const int64_t last = test->in[0].view.dims[dim] - 1;
    neighbours result = {(int64_t)floorf(at), (int64_t)ceilf(at), at - floorf(at)};
    result.lower = result.lower < 0 ? 0 : result.lower > last ? last : result.lower;
    result.upper = result.upper > last ? last : result.upper;
    return result;
}

static float bilinear(const test_call *test, int64_t n, int64_t oy, int64_t ox, int64_t c)
{
    const int64_t *dims = test->in[0].view.dims;
    const neighbours y = around(test, 1, oy), x = around(test, 2, ox);
#define PIXEL(row, column) get_f32(&test->in[0], ((n * dims[1] + (row)) * dims[2] + (column)) * dims[3] + c)
    const float tl = PIXEL(y.lower, x.lower), tr = PIXEL(y.lower, x.upper);
    const float bl = PIXEL(y.upper, x.lower), br = PIXEL(y.upper, x.upper);
#undef PIXEL
    const float top = tl + (tr - tl) * x.part, bottom = bl + (br - bl) * x.part;
    return top + (bottom - top) * y.part;
}

static void check_resized(const test_call *test, const hy_kernel *kernel)
{
    const int64_t *dims = test->out.view.dims, *from = test->in[0].view.dims;
    const bool same_size = dims[1] == from[1] && dims[2] == from[2];
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const int64_t c = i % dims[3], ox = i / dims[3] % dims[2], oy = i / dims[3] / dims[2] % dims[1];
        const int64_t n = i / dims[3] / dims[2] / dims[1];
        const int64_t y = same_size ? oy : nearest(test, 1, oy), x = same_size ? ox : nearest(test, 2, ox);
        const uint8_t *expected = element_at(&test->in[0], ((n * from[1] + y) * from[2] + x) * from[3] + c);
        const size_t width = haya_dtype_size(test->out.view.dtype);
        const bool right = test->call.resize.mode == HY_RESIZE_BILINEAR && !same_size
                               ? same_float(get_f32(&test->out, i), bilinear(test, n, oy, ox, c))
                               : memcmp(element_at(&test->out, i), expected, width) == 0;
        if (!right) {
            mismatch(test, kernel, i, *element_at(&test->out, i), *expected);
            return;
        }
    }
}

static void resize(random_state *random, hy_resize mode, int placement, test_operand in, test_operand out)
{
    test_call test = test_call_make(HY_RESIZE, 1, &in, out);
    test.call.resize.mode = mode;
    test.call.resize.align_corners = placement == 1;
    test.call.resize.half_pixel_centers = placement == 2;
    if (mode == HY_RESIZE_BILINEAR)
        fill_floats(random, &in, 10.0f);
    else
        fill_bits(random, &in);
    run_everywhere(&test, check_resized);
    test_call_free(&test);
}

static void any_size_and_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 240; round++) {
        const hy_resize mode = round % 2 ? HY_RESIZE_BILINEAR : HY_RESIZE_NEAREST;
        const haya_dtype any = (haya_dtype)(HAYA_FLOAT32 + round / 2 % HAYA_BOOL);
        const haya_dtype dtype = mode == HY_RESIZE_BILINEAR ? HAYA_FLOAT32 : any;
        const int64_t n = random_int(&random, 1, 2), channels = random_int(&random, 0, 36);
        const int64_t from[] = {n, random_int(&random, 1, 9), random_int(&random, 1, 9), channels};
        const int64_t to[] = {n, random_int(&random, 1, 14), random_int(&random, 1, 14), channels};
        const test_operand in = operand_random(&random, dtype, 4, from, true);
        resize(&random, mode, round / 2 % 3, in, operand_random(&random, dtype, 4, to, false));
    }
}

static void images_and_whole_factors(void)
{
    static const int64_t channels[] = {1, 2, 3, 4, 8, 16, 21, 32};
    random_state random = {2};
    for (int i = 0; i < 8; i++) {
        for (int placement = 0; placement < 3; placement++) {
            const test_layout layout = layout_dense(4);
            const int64_t from[] = {2, 13, 17, channels[i]}, twice[] = {2, 26, 34, channels[i]};
            for (int mode = HY_RESIZE_NEAREST; mode <= HY_RESIZE_BILINEAR; mode++) {
                resize(&random, (hy_resize)mode, placement, operand_make(HAYA_FLOAT32, 4, from, &layout, 0),
                       operand_make(HAYA_FLOAT32, 4, twice, &layout, 0));
                resize(&random, (hy_resize)mode, placement, operand_make(HAYA_FLOAT32, 4, twice, &layout, 0),
                       operand_make(HAYA_FLOAT32, 4, from, &layout, 0));
            }
        }
    }
}

/* Inf times 0 must not get in. */
static void the_same_size_is_a_copy(void)
{
    random_state random = {3};
    const test_layout layout = layout_dense(4);
    const int64_t dims[] = {1, 5, 6, 20};
    test_operand in = operand_make(HAYA_FLOAT32, 4, dims, &layout, 0);
    test_call test = test_call_make(HY_RESIZE, 1, &in, operand_make(HAYA_FLOAT32, 4, dims, &layout, 0));
    test.call.resize.mode = HY_RESIZE_BILINEAR;
    fill_floats(&random, &in, 10.0f);
    sprinkle_specials(&random, &in, 30);
    run_everywhere(&test, check_resized);
    test_call_free(&test);
}

void resize_tests(void)
{
    RUN(any_size_and_layout);
    RUN(images_and_whole_factors);
    RUN(the_same_size_is_a_copy);
}
