/* SPDX-License-Identifier: Apache-2.0
 *
 * All kernels, and the choice among them. Each source file is compiled once for each instruction set and exports one
 * table for each. The best instruction set comes first; within it, of the kernels of a family that accept a call, the
 * one that is listed first.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#  define DECLARE(name)                                                                \
      extern const hy_kernel hy_kernels_##name##_avx512[], hy_kernels_##name##_avx2[], \
          hy_kernels_##name##_sse42[], hy_kernels_##name##_portable[]
#  define TABLES(name)                                                                 \
      hy_kernels_##name##_avx512, hy_kernels_##name##_avx2, hy_kernels_##name##_sse42, \
          hy_kernels_##name##_portable
#elif defined(__aarch64__)
#  define DECLARE(name) extern const hy_kernel hy_kernels_##name##_neon[], hy_kernels_##name##_portable[]
#  define TABLES(name) hy_kernels_##name##_neon, hy_kernels_##name##_portable
#else
#  define DECLARE(name) extern const hy_kernel hy_kernels_##name##_portable[]
#  define TABLES(name) hy_kernels_##name##_portable
#endif

DECLARE(copy);
DECLARE(cast);
DECLARE(unary);
DECLARE(binary);
DECLARE(select);
DECLARE(scale_shift);
DECLARE(batch_norm_fold);
DECLARE(reduce);
DECLARE(softmax);
DECLARE(matmul);
DECLARE(conv2d_direct);
DECLARE(winograd);
DECLARE(conv2d);
DECLARE(conv2d_transpose);
DECLARE(depthwise);
DECLARE(pool);
DECLARE(resize);
DECLARE(gather);

/* The machine's peak, for each instruction set that there is a build for. */
extern const hy_peak hy_peak_portable, hy_peak_sse42, hy_peak_avx2, hy_peak_avx512, hy_peak_neon;
static const hy_peak *const peaks[HY_ISA_COUNT] = {
    [HY_ISA_PORTABLE] = &hy_peak_portable,
#if defined(__x86_64__) || defined(_M_X64)
    [HY_ISA_SSE42] = &hy_peak_sse42,
    [HY_ISA_AVX2] = &hy_peak_avx2,
    [HY_ISA_AVX512] = &hy_peak_avx512,
#elif defined(__aarch64__)
    [HY_ISA_NEON] = &hy_peak_neon,
#endif
};

/* Each table ends with an entry without a name. */
static const hy_kernel *const tables[] = {
    TABLES(copy),
    TABLES(cast),
    TABLES(unary),
    TABLES(binary),
    TABLES(select),
    TABLES(scale_shift),
    TABLES(batch_norm_fold),
    TABLES(reduce),
    TABLES(softmax),
    TABLES(matmul),
    TABLES(conv2d_direct), /* conv2d where it pays */
    TABLES(winograd),      /* likewise */
    TABLES(conv2d),
    TABLES(conv2d_transpose),
    TABLES(depthwise),
    TABLES(pool),
    TABLES(resize),
    TABLES(gather),
};

enum { TABLE_COUNT = sizeof tables / sizeof tables[0] };

static const hy_kernel *choose_built_for(const hy_call *call, hy_isa isa)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const hy_kernel *kernel = tables[i]; kernel->name; kernel++)
            if (kernel->family == call->family && kernel->isa == isa && (!kernel->accepts || kernel->accepts(call)))
                return kernel;
    return NULL;
}

const hy_kernel *hy_kernel_choose(const hy_call *call, hy_isa isa)
{
    const hy_kernel *kernel = NULL;
    for (int level = (int)isa; level >= 0 && !kernel; level--)
        kernel = choose_built_for(call, (hy_isa)level);
    return kernel;
}

const hy_kernel *hy_kernel_list(size_t index)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const hy_kernel *kernel = tables[i]; kernel->name; kernel++)
            if (index-- == 0)
                return kernel;
    return NULL;
}

uint64_t hy_kernel_flops(const hy_kernel *kernel, const hy_call *call)
{
    return kernel->flops ? kernel->flops(call) : hy_call_flops(call);
}

const hy_peak *hy_kernel_peak(hy_isa isa)
{
    return peaks[isa];
}
