/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_COPY against an element by element copy.
 */
#include "buffers.h"

static void check_copied(const test_call *test, const hy_kernel *kernel)
{
    const size_t width = haya_dtype_size(test->out.view.dtype);
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        if (memcmp(element_at(&test->out, i), element_at(&test->in[0], i), width) != 0) {
            mismatch(test, kernel, i, *element_at(&test->out, i), *element_at(&test->in[0], i));
            return;
        }
    }
}

static void copy_between(random_state *random, test_operand in, test_operand out)
{
    test_call test = test_call_make(HY_COPY, 1, &in, out);
    fill_bits(random, &in);
    run_everywhere(&test, check_copied);
    test_call_free(&test);
}

static void any_layout_to_any_layout(void)
{
    static const haya_dtype dtypes[] = {HAYA_UINT8, HAYA_FLOAT16, HAYA_FLOAT32, HAYA_INT64};
    random_state random = {1};
    for (int round = 0; round < 240; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 3000, dims);
        const haya_dtype dtype = dtypes[round % 4];
        const test_operand in = operand_random(&random, dtype, rank, dims, true);
        copy_between(&random, in, operand_random(&random, dtype, rank, dims, false));
    }
}

/* Dims `dims` in the output's order, which the input has in `order` in memory. */
static void transpose(random_state *random, haya_dtype dtype, int rank, const int64_t *dims, const int *order)
{
    test_layout from = layout_dense(rank);
    const test_layout to = layout_dense(rank);
    for (int d = 0; d < rank; d++)
        from.order[d] = order[d];
    const test_operand in = operand_make(dtype, rank, dims, &from, 0);
    copy_between(random, in, operand_make(dtype, rank, dims, &to, 0));
}

static void transposes_of_images(void)
{
    random_state random = {2};
    for (int channels = 1; channels <= 70; channels += channels < 4 ? 1 : 30) {
        transpose(&random, HAYA_FLOAT32, 4, (int64_t[]){2, channels, 37, 41}, (int[]){0, 2, 3, 1});
        transpose(&random, HAYA_FLOAT32, 4, (int64_t[]){2, 37, 41, channels}, (int[]){0, 3, 1, 2});
        transpose(&random, HAYA_UINT8, 4, (int64_t[]){1, 37, 41, channels}, (int[]){0, 3, 1, 2});
        transpose(&random, HAYA_FLOAT16, 3, (int64_t[]){channels, 37, 41}, (int[]){2, 1, 0});
        transpose(&random, HAYA_INT64, 3, (int64_t[]){channels, 37, 41}, (int[]){2, 0, 1});
    }
}

/* Depth to space: [n, h, w, b, b, c] in memory becomes [n, h, b, w, b, c]. */
static void views_of_more_dims_than_tensors_have(void)
{
    random_state random = {3};
    for (int channels = 1; channels <= 33; channels += 8)
        transpose(&random, HAYA_FLOAT32, 6, (int64_t[]){2, 9, 2, 10, 2, channels}, (int[]){0, 1, 3, 2, 4, 5});
}

static void large_copies_use_all_threads(void)
{
    random_state random = {4};
    const test_layout layout = layout_dense(2);
    const int64_t dims[][2] = {{1, 90001}, {5, 20001}, {20001, 5}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        const test_operand in = operand_make(HAYA_FLOAT32, 2, dims[i], &layout, 0);
        copy_between(&random, in, operand_make(HAYA_FLOAT32, 2, dims[i], &layout, 0));
        const test_operand row = operand_repeated(HAYA_FLOAT32, 2, dims[i], 1, &layout, 0);
        copy_between(&random, row, operand_make(HAYA_FLOAT32, 2, dims[i], &layout, 0));
        const test_operand column = operand_repeated(HAYA_FLOAT32, 2, dims[i], 2, &layout, 0);
        copy_between(&random, column, operand_make(HAYA_FLOAT32, 2, dims[i], &layout, 0));
        const test_operand one = operand_repeated(HAYA_FLOAT32, 2, dims[i], 3, &layout, 0);
        copy_between(&random, one, operand_make(HAYA_FLOAT32, 2, dims[i], &layout, 0));
    }
    transpose(&random, HAYA_FLOAT32, 2, (int64_t[]){517, 613}, (int[]){1, 0});
}

void copy_tests(void)
{
    RUN(any_layout_to_any_layout);
    RUN(transposes_of_images);
    RUN(views_of_more_dims_than_tensors_have);
    RUN(large_copies_use_all_threads);
}
