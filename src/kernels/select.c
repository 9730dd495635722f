/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SELECT: in[0] ? in[1] : in[2], for elements of any type.
 */
#include "kernels/elementwise.h"

/* Elements are chosen as bits, so NaNs pass unchanged. */
static const char *select_1(const void *context, void *out, const void *const *in, int64_t n)
{
    const uint8_t *condition = in[0], *a = in[1], *b = in[2];
    uint8_t *y = out;
    (void)context;
    for (int64_t i = 0; i < n; i++)
        y[i] = condition[i] ? a[i] : b[i];
    return NULL;
}

static const char *select_2(const void *context, void *out, const void *const *in, int64_t n)
{
    const uint8_t *condition = in[0];
    const hy_u16 *a = in[1], *b = in[2];
    hy_u16 *y = out;
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        const uint16_t yes = a[i], no = b[i];
        y[i] = condition[i] ? yes : no;
    }
    return NULL;
}

static const char *select_4(const void *context, void *out, const void *const *in, int64_t n)
{
    const uint8_t *condition = in[0];
    const hy_i32 *a = in[1], *b = in[2];
    hy_i32 *y = out;
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        const int32_t yes = a[i], no = b[i];
        y[i] = condition[i] ? yes : no;
    }
    return NULL;
}

static const char *select_8(const void *context, void *out, const void *const *in, int64_t n)
{
    const uint8_t *condition = in[0];
    const hy_i64 *a = in[1], *b = in[2];
    hy_i64 *y = out;
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        const int64_t yes = a[i], no = b[i];
        y[i] = condition[i] ? yes : no;
    }
    return NULL;
}

static bool accepts(const hy_call *call)
{
    return call->in[0].dtype == HAYA_BOOL && call->in[1].dtype == call->out.dtype &&
           call->in[2].dtype == call->out.dtype;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    (void)scratch;
    hy_dense_function *function = select_8;
    switch (haya_dtype_size(call->out.dtype)) {
    case 1: function = select_1; break;
    case 2: function = select_2; break;
    case 4: function = select_4; break;
    default: break;
    }
    return hy_elementwise_run(call, in, out, team, function, NULL, HY_COST_MEMORY);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_select)[] = {
    {
        .name = "select",
        .family = HY_SELECT,
        .isa = HY_ISA_THIS,
        .why = "the kernel for choosing elements",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
