/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_SCALE_SHIFT: in[0] * in[1] + in[2], rounded after the product and after the sum on every instruction set.
 */
#include "kernels/elementwise.h"

static const char *scale_shift(const void *context, void *out, const void *const *in, int64_t n)
{
    const char *x = in[0], *scale = in[1], *shift = in[2];
    char *y = out;
    int64_t i = 0;
    (void)context;
    for (; i + HY_LANES <= n; i += HY_LANES)
        hy_vf_store(y + i * 4, hy_vf_load(x + i * 4) * hy_vf_load(scale + i * 4) + hy_vf_load(shift + i * 4));
    if (i < n) {
        const int64_t rest = n - i;
        hy_vf_store_part(y + i * 4, hy_vf_load_part(x + i * 4, rest) * hy_vf_load_part(scale + i * 4, rest) +
                                        hy_vf_load_part(shift + i * 4, rest), rest);
    }
    return NULL;
}

static bool accepts(const hy_call *call)
{
    for (int i = 0; i < 3; i++)
        if (call->in[i].dtype != HAYA_FLOAT32)
            return false;
    return call->out.dtype == HAYA_FLOAT32;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    (void)scratch;
    return hy_elementwise_run(call, in, out, team, scale_shift, NULL, HY_COST_MEMORY);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_scale_shift)[] = {
    {
        .name = "scale_shift",
        .family = HY_SCALE_SHIFT,
        .isa = HY_ISA_THIS,
        .why = "the kernel for a product and a sum",
        .accepts = accepts,
        .run = run,
    },
    {0},
};
