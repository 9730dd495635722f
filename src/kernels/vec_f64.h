/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of float64, as wide as those of float32 in vec.h, for sums of float32.
 */
#ifndef HAYA_KERNELS_VEC_F64_H
#define HAYA_KERNELS_VEC_F64_H

#include "kernels/vec.h"

#define HY_LANES_F64 (HY_LANES / 2)

typedef double hy_vd __attribute__((vector_size(HY_LANES_F64 * 8)));
typedef int64_t hy_vl __attribute__((vector_size(HY_LANES_F64 * 8)));

/* HY_LANES_F64 floats, widened. */
static inline hy_vd hy_vd_load_f32(const void *from)
{
    float v __attribute__((vector_size(HY_LANES_F64 * 4)));
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, hy_vd);
}

static inline hy_vd hy_vd_load(const void *from)
{
    hy_vd v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void hy_vd_store(void *to, hy_vd v)
{
    memcpy(to, &v, sizeof v);
}

/* mask lane all ones: a, zero: b */
static inline hy_vd hy_vd_select(hy_vl mask, hy_vd a, hy_vd b)
{
    return (hy_vd)((mask & (hy_vl)a) | (~mask & (hy_vl)b));
}

#endif
