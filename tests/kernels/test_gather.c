/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_GATHER, element by element.
 */
#include "buffers.h"

/* out[b, o, n, i] = in0[b, o, in1[b, n], i] */
static void check_gathered(const test_call *test, const hy_kernel *kernel)
{
    const int64_t *dims = test->out.view.dims, *from = test->in[0].view.dims;
    const size_t width = haya_dtype_size(test->out.view.dtype);
    for (int64_t at = 0; at < element_count(&test->out); at++) {
        const int64_t i = at % dims[3], n = at / dims[3] % dims[2], o = at / dims[3] / dims[2] % dims[1];
        const int64_t b = at / dims[3] / dims[2] / dims[1];
        const int64_t r = get_integer(&test->in[1], b * dims[2] + n);
        const uint8_t *expected = element_at(&test->in[0], ((b * dims[1] + o) * from[2] + r) * dims[3] + i);
        if (memcmp(element_at(&test->out, at), expected, width) != 0) {
            mismatch(test, kernel, at, *element_at(&test->out, at), *expected);
            return;
        }
    }
}

static test_call random_call(random_state *random, haya_dtype dtype, haya_dtype index_dtype, int64_t inner)
{
    const int64_t b = random_int(random, 1, 3), o = random_int(random, 1, 5), r = random_int(random, 1, 40);
    const int64_t n = random_int(random, 0, 50);
    const test_operand in[] = {operand_random(random, dtype, 4, (int64_t[]){b, o, r, inner}, true),
                               operand_random(random, index_dtype, 2, (int64_t[]){b, n}, false)};
    fill_bits(random, &in[0]);
    for (int64_t i = 0; i < element_count(&in[1]); i++)
        put_integer(&in[1], i, random_int(random, 0, (int)r - 1));
    return test_call_make(HY_GATHER, 2, in, operand_random(random, dtype, 4, (int64_t[]){b, o, n, inner}, false));
}

static void any_dtype_and_layout(void)
{
    random_state random = {1};
    for (int round = 0; round < 200; round++) {
        const haya_dtype dtype = (haya_dtype)(HAYA_FLOAT32 + round % HAYA_BOOL);
        const int64_t inner = random_chance(&random, 50) ? 1 : random_int(&random, 0, 60);
        test_call test = random_call(&random, dtype, round % 2 ? HAYA_INT32 : HAYA_INT64, inner);
        run_everywhere(&test, check_gathered);
        test_call_free(&test);
    }
}

static void an_index_outside_is_refused(void)
{
    static const int64_t outside[] = {-1, 40, INT32_MAX, INT32_MIN};
    random_state random = {2};
    for (int round = 0; round < 40; round++) {
        test_call test = random_call(&random, HAYA_FLOAT32, round % 2 ? HAYA_INT32 : HAYA_INT64, 5);
        const int64_t indices = element_count(&test.in[1]);
        if (indices > 0) {
            put_integer(&test.in[1], (int64_t)(random_bits(&random) % (uint64_t)indices), outside[round % 4]);
            run_refused(&test, "index out of range");
        }
        test_call_free(&test);
    }
}

void gather_tests(void)
{
    RUN(any_dtype_and_layout);
    RUN(an_index_outside_is_refused);
}
