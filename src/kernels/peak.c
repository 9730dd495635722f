/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiply-adds in registers and nothing else: what the machine can do at most, to compare kernels with.
 */
#include "kernels/vec.h"

/* Sums that don't wait for each other: twice what hides the latency of a multiply-add on two ports, or on the four of
   large aarch64 cores, as far as there are registers. */
#if HY_NEON
#  define CHAINS 16
#else
#  define CHAINS 12
#endif

static float peak_run(int64_t rounds)
{
    /* The sums move towards 0.5 / (1 - 0.5) = 1 and are there after some rounds: no infinities, no denormals. */
    const hy_vf half = hy_vf_splat(0.5f);
    hy_vf sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = hy_vf_splat((float)i);
    for (; rounds > 0; rounds--)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = hy_vf_fma(sums[i], half, half);
    for (int i = 1; i < CHAINS; i++)
        sums[0] += sums[i];
    return sums[0][0];
}

const hy_peak HY_ISA_SYMBOL(hy_peak) = {.run = peak_run, .flops = CHAINS * HY_LANES * 2};
