/* SPDX-License-Identifier: Apache-2.0
 *
 * All kernels, and the choice among them. Each family's source is compiled once for each instruction set and
 * exports one table for each; within a table the kernels are listed best first, and the first that accepts a call
 * gets it.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#  define BUILT_FOR 3
#  define DECLARE(name)                                                                   \
      extern const hy_kernel hy_kernels_##name##_avx512[], hy_kernels_##name##_avx2[], \
          hy_kernels_##name##_portable[]
#  define TABLES(name) {hy_kernels_##name##_avx512, hy_kernels_##name##_avx2, hy_kernels_##name##_portable}
#else
#  define BUILT_FOR 1
#  define DECLARE(name) extern const hy_kernel hy_kernels_##name##_portable[]
#  define TABLES(name) {hy_kernels_##name##_portable}
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
DECLARE(conv2d);
DECLARE(conv2d_transpose);
DECLARE(depthwise);
DECLARE(pool);
DECLARE(resize);
DECLARE(gather);

/* Best instruction set first. Each table ends with an entry without a name. */
static const hy_kernel *const tables[HY_FAMILY_COUNT][BUILT_FOR] = {
    [HY_COPY] = TABLES(copy),
    [HY_CAST] = TABLES(cast),
    [HY_UNARY] = TABLES(unary),
    [HY_BINARY] = TABLES(binary),
    [HY_SELECT] = TABLES(select),
    [HY_SCALE_SHIFT] = TABLES(scale_shift),
    [HY_BATCH_NORM_FOLD] = TABLES(batch_norm_fold),
    [HY_REDUCE] = TABLES(reduce),
    [HY_SOFTMAX] = TABLES(softmax),
    [HY_MATMUL] = TABLES(matmul),
    [HY_CONV2D] = TABLES(conv2d),
    [HY_CONV2D_TRANSPOSE] = TABLES(conv2d_transpose),
    [HY_DEPTHWISE] = TABLES(depthwise),
    [HY_POOL] = TABLES(pool),
    [HY_RESIZE] = TABLES(resize),
    [HY_GATHER] = TABLES(gather),
};

const hy_kernel *hy_kernel_choose(const hy_call *call, hy_isa isa)
{
    for (int built = 0; built < BUILT_FOR; built++)
        for (const hy_kernel *kernel = tables[call->family][built]; kernel->name; kernel++)
            if (kernel->isa <= isa && (!kernel->accepts || kernel->accepts(call)))
                return kernel;
    return NULL;
}

const hy_kernel *hy_kernel_list(size_t index)
{
    for (int family = 0; family < HY_FAMILY_COUNT; family++)
        for (int built = 0; built < BUILT_FOR; built++)
            for (const hy_kernel *kernel = tables[family][built]; kernel->name; kernel++)
                if (index-- == 0)
                    return kernel;
    return NULL;
}
