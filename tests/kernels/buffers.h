/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of elementwise, moving, reducing and sampling kernels share, on top of reference.h: operands of
 * any dtype and broadcast, random shapes, and a runner that takes a call through every kernel, instruction set and
 * number of threads.
 */
#ifndef HAYA_TESTS_KERNELS_BUFFERS_H
#define HAYA_TESTS_KERNELS_BUFFERS_H

#include "reference.h"

#include <float.h>

/* ---- Tolerances ------------------------------------------------------------------------------------------ */

/* Kernels that move, convert or round once are held to the exact bits. The others: */

/* Functions computed by polynomials: floats between the result and the exact one's float32. unary_f32.h tells the
   errors before that rounding, which adds up to half a unit. */
#define ULP_EXP 1
#define ULP_LOG 1
#define ULP_SIGMOID 2
#define ULP_TANH 1
#define ULP_ELU 1
#define ULP_SELU 2
#define ULP_SOFTPLUS 3
#define ULP_RSQRT 1
#define ULP_POW 1        /* the C library's */

/* Sums in float64 of n floats, relative to the sum of magnitudes: 1 rounding of 2^-24 and n of 2^-53. */
#define RELATIVE_SUM(n) (0x1p-24 + (double)(n) * 0x1p-53)

/* Averages of a window, relative to the mean of magnitudes: roundings along a row, down the rows and of the
   division. */
#define RELATIVE_AVERAGE(rows, columns) ((double)((rows) + (columns) + 1) * 0x1p-24)

/* Softmax of x: e^d has the rounding of d = x - max, which is up to |d| / 2 units of 2^-23, and those of the
   exponential, of the sum and of the division. */
#define RELATIVE_SOFTMAX(d) ((fabs(d) + 4) * 0x1p-23)
#define ABSOLUTE_SOFTMAX 1e-37 /* what underflows is 0 */

/* ---- Elements -------------------------------------------------------------------------------------------- */

/* Where element number i, in row-major order of the view's dims, lies. */
TEST_HELPER uint8_t *element_at(const test_operand *operand, int64_t i)
{
    return operand->memory.data + view_index(&operand->view, i) * (int64_t)haya_dtype_size(operand->view.dtype);
}

TEST_HELPER int64_t element_count(const test_operand *operand)
{
    return hy_view_elements(&operand->view);
}

TEST_HELPER float get_f32(const test_operand *operand, int64_t i)
{
    float value;
    memcpy(&value, element_at(operand, i), 4);
    return value;
}

TEST_HELPER void put_f32(const test_operand *operand, int64_t i, float value)
{
    memcpy(element_at(operand, i), &value, 4);
}

/* int32, int64, and bool as they are. */
TEST_HELPER int64_t get_integer(const test_operand *operand, int64_t i)
{
    int32_t narrow;
    int64_t wide;
    switch (operand->view.dtype) {
    case HAYA_INT32:
        memcpy(&narrow, element_at(operand, i), 4);
        return narrow;
    case HAYA_INT64:
        memcpy(&wide, element_at(operand, i), 8);
        return wide;
    default:
        return *element_at(operand, i);
    }
}

TEST_HELPER void put_integer(const test_operand *operand, int64_t i, int64_t value)
{
    const int32_t narrow = (int32_t)value;
    switch (operand->view.dtype) {
    case HAYA_INT32: memcpy(element_at(operand, i), &narrow, 4); break;
    case HAYA_INT64: memcpy(element_at(operand, i), &value, 8); break;
    default: *element_at(operand, i) = (uint8_t)value; break;
    }
}

/* Bits at random, of any dtype; bools 0 or 1. */
TEST_HELPER void fill_bits(random_state *random, const test_operand *operand)
{
    const size_t width = haya_dtype_size(operand->view.dtype);
    for (int64_t i = 0; i < element_count(operand); i++) {
        uint64_t bits = random_bits(random);
        if (operand->view.dtype == HAYA_BOOL)
            bits &= 1;
        memcpy(element_at(operand, i), &bits, width);
    }
}

/* Floats from [-size, size]. */
TEST_HELPER void fill_floats(random_state *random, const test_operand *operand, float size)
{
    for (int64_t i = 0; i < element_count(operand); i++)
        put_f32(operand, i, random_float(random) * size);
}

/* Every so often one of the values where functions change their course. */
TEST_HELPER void sprinkle_specials(random_state *random, const test_operand *operand, int percent)
{
    static const float specials[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -2.5f, FLT_MAX,
                                     -FLT_MAX, FLT_MIN, -FLT_MIN, 1e-40f, -1e-45f};
    for (int64_t i = 0; i < element_count(operand); i++)
        if (random_chance(random, percent))
            put_f32(operand, i, specials[random_bits(random) % (sizeof specials / sizeof *specials)]);
}

/* ---- Operands -------------------------------------------------------------------------------------------- */

/* Like operand_make, with the dims of `repeated`, a bit for each, of stride 0. */
TEST_HELPER test_operand operand_repeated(haya_dtype dtype, int rank, const int64_t *dims, unsigned repeated,
                                          const test_layout *layout, int fill)
{
    int64_t stored[HY_VIEW_RANK] = {0};
    for (int d = 0; d < rank; d++)
        stored[d] = repeated >> d & 1 && dims[d] > 0 ? 1 : dims[d];
    test_operand operand = operand_make(dtype, rank, stored, layout, fill);
    for (int d = 0; d < rank; d++) {
        operand.view.dims[d] = dims[d];
        if (repeated >> d & 1)
            operand.view.strides[d] = 0;
    }
    return operand;
}

/* An operand of any layout; `broadcast`: with some of its dims repeated. */
TEST_HELPER test_operand operand_random(random_state *random, haya_dtype dtype, int rank, const int64_t *dims,
                                        bool broadcast)
{
    const test_layout layout = layout_random(random, rank);
    unsigned repeated = 0;
    if (broadcast && random_chance(random, 50))
        repeated = (unsigned)random_bits(random) & (unsigned)random_bits(random);
    if (broadcast && random_chance(random, 10))
        repeated = ~0u;
    return operand_repeated(dtype, rank, dims, repeated, &layout, 0xa5);
}

/* Dims of a random rank up to 6 and of about `most` elements at most; now and then one is 0. */
TEST_HELPER int random_dims(random_state *random, int64_t most, int64_t *dims)
{
    static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 65, 100, 257};
    const int rank = random_int(random, 0, 6);
    int64_t elements = 1;
    for (int d = 0; d < rank; d++) {
        dims[d] = sizes[random_bits(random) % (sizeof sizes / sizeof *sizes)];
        if (elements * dims[d] > most)
            dims[d] = 1 + d % 2;
        if (random_chance(random, 1))
            dims[d] = 0;
        elements *= dims[d];
    }
    return rank;
}

/* ---- Running --------------------------------------------------------------------------------------------- */

enum { OUTPUT_FILL = 0x5a };

typedef struct test_call {
    hy_call call;
    test_operand in[HY_CALL_INPUTS];
    test_operand out;
} test_call;

/* A call of the operands there are; the family's parameters are still to be set. */
TEST_HELPER test_call test_call_make(hy_family family, int inputs, const test_operand *in, test_operand out)
{
    test_call test = {.call = {.family = family, .input_count = inputs, .out = out.view}, .out = out};
    for (int i = 0; i < inputs; i++) {
        test.in[i] = in[i];
        test.call.in[i] = in[i].view;
    }
    return test;
}

TEST_HELPER void test_call_free(test_call *test)
{
    for (int i = 0; i < test->call.input_count; i++)
        operand_free(&test->in[i]);
    operand_free(&test->out);
}

/* Whether bytes outside the output's elements, of any dtype, are as they were. */
TEST_HELPER bool gaps_untouched(const test_operand *out)
{
    uint8_t *copy = malloc(out->memory.bytes + 1);
    bool untouched = true;
    memcpy(copy, out->memory.data, out->memory.bytes);
    for (int64_t i = 0; i < element_count(out); i++)
        memset(copy + (element_at(out, i) - out->memory.data), OUTPUT_FILL, haya_dtype_size(out->view.dtype));
    for (size_t i = 0; i < out->memory.bytes; i++)
        untouched = untouched && copy[i] == OUTPUT_FILL;
    free(copy);
    return untouched;
}

TEST_HELPER const char *run_with_threads(const hy_kernel *kernel, test_call *test, int threads)
{
    const void *in[HY_CALL_INPUTS];
    for (int i = 0; i < test->call.input_count; i++)
        in[i] = test->in[i].memory.data;
    memset(test->out.memory.data, OUTPUT_FILL, test->out.memory.bytes);
    return run_kernel(kernel, &test->call, in, test->out.memory.data, team_of(threads));
}

/* Looks at test->out, and reports what is wrong through mismatch(). */
typedef void check_output(const test_call *test, const hy_kernel *kernel);

/* Prints what element i is and should be, and fails. */
TEST_HELPER void mismatch(const test_call *test, const hy_kernel *kernel, int64_t i, double actual, double expected)
{
    const haya_shape shape = hy_shape_make(test->out.view.rank < HAYA_MAX_RANK ? test->out.view.rank : 0,
                                           test->out.view.dims);
    test_check(false, __FILE__, __LINE__, kernel->name);
    printf("    %s: element %lld of %s is %.9g, should be %.9g\n", hy_isa_name(kernel->isa), (long long)i,
           HY_SHAPE(&shape), actual, expected);
}

/* Runs every kernel that takes the call: the output is right, its gaps are untouched, and any number of threads
   gives the same bytes. At least one kernel must take it. */
TEST_HELPER void run_everywhere(test_call *test, check_output *check)
{
    const size_t bytes = test->out.memory.bytes;
    uint8_t *first = malloc(bytes + 1);
    size_t index = 0;
    int kernels = 0;
    for (const hy_kernel *kernel; (kernel = next_kernel(&test->call, &index)); kernels++) {
        CHECK_STR(run_with_threads(kernel, test, 1) ? "failed" : "", "");
        check(test, kernel);
        score_output(&test->out.view, test->out.memory.data);
        CHECK(gaps_untouched(&test->out));
        memcpy(first, test->out.memory.data, bytes);
        for (int threads = 2; threads <= MOST_THREADS; threads += threads < 4 ? 1 : 2) {
            run_with_threads(kernel, test, threads);
            CHECK(memcmp(first, test->out.memory.data, bytes) == 0);
        }
    }
    CHECK(kernels > 0);
    free(first);
}

/* Every kernel refuses the data with this message, whatever the threads. */
TEST_HELPER void run_refused(test_call *test, const char *message)
{
    size_t index = 0;
    int kernels = 0;
    for (const hy_kernel *kernel; (kernel = next_kernel(&test->call, &index)); kernels++)
        for (int threads = 1; threads <= MOST_THREADS; threads *= 2)
            CHECK_STR(run_with_threads(kernel, test, threads), message);
    CHECK(kernels > 0);
}

/* ---- Comparing ------------------------------------------------------------------------------------------- */

/* Floats in order, as integers: neighbours differ by 1, and +0 and -0 are both 0. */
TEST_HELPER int64_t float_rank(float x)
{
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
}

/* How many floats lie between; 0 for NaN and NaN. */
TEST_HELPER int64_t ulps_between(float a, float b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : INT64_MAX;
    const int64_t difference = float_rank(a) - float_rank(b);
    return difference < 0 ? -difference : difference;
}

/* From a float to the next one in size. */
TEST_HELPER double ulp_of(float x)
{
    return (double)nextafterf(fabsf(x), INFINITY) - (double)fabsf(x);
}

/* Equal bits, or both NaN. */
TEST_HELPER bool same_float(float a, float b)
{
    return memcmp(&a, &b, 4) == 0 || (isnan(a) && isnan(b));
}

#endif
