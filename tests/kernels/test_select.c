/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SELECT, element by element.
 */
#include "buffers.h"

static void check_selected(const test_call *test, const hy_kernel *kernel)
{
    const size_t width = haya_dtype_size(test->out.view.dtype);
    for (int64_t i = 0; i < element_count(&test->out); i++) {
        const uint8_t *expected = element_at(&test->in[get_integer(&test->in[0], i) ? 1 : 2], i);
        if (memcmp(element_at(&test->out, i), expected, width) != 0) {
            mismatch(test, kernel, i, *element_at(&test->out, i), *expected);
            return;
        }
    }
}

static void any_dtype_and_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 260; round++) {
        int64_t dims[HY_VIEW_RANK] = {0};
        const int rank = random_dims(&random, 2000, dims);
        const haya_dtype dtype = (haya_dtype)(HAYA_FLOAT32 + round % HAYA_BOOL);
        const test_operand in[] = {operand_random(&random, HAYA_BOOL, rank, dims, true),
                                   operand_random(&random, dtype, rank, dims, true),
                                   operand_random(&random, dtype, rank, dims, true)};
        test_call test = test_call_make(HY_SELECT, 3, in, operand_random(&random, dtype, rank, dims, false));
        for (int i = 0; i < 3; i++)
            fill_bits(&random, &in[i]);
        run_everywhere(&test, check_selected);
        test_call_free(&test);
    }
}

void select_tests(void)
{
    RUN(any_dtype_and_layout);
}
