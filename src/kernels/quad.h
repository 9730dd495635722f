/* SPDX-License-Identifier: Apache-2.0
 *
 * Four floats, the vector that every machine has: for transposing and for sums across lanes.
 */
#ifndef HAYA_KERNELS_QUAD_H
#define HAYA_KERNELS_QUAD_H

#include "kernels/loops.h"

typedef float hy_quad __attribute__((vector_size(16)));

/* 4 x 4 */
typedef struct hy_quads {
    hy_quad r0, r1, r2, r3;
} hy_quads;

HY_ALWAYS_INLINE hy_quad hy_quad_load(const void *from)
{
    hy_quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

HY_ALWAYS_INLINE void hy_quad_store(void *to, hy_quad q)
{
    memcpy(to, &q, sizeof q);
}

HY_ALWAYS_INLINE hy_quads hy_quads_transpose(hy_quads m)
{
    hy_quad low01 = __builtin_shufflevector(m.r0, m.r1, 0, 4, 1, 5);
    hy_quad high01 = __builtin_shufflevector(m.r0, m.r1, 2, 6, 3, 7);
    hy_quad low23 = __builtin_shufflevector(m.r2, m.r3, 0, 4, 1, 5);
    hy_quad high23 = __builtin_shufflevector(m.r2, m.r3, 2, 6, 3, 7);
    return (hy_quads){
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5), __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5), __builtin_shufflevector(high01, high23, 2, 3, 6, 7),
    };
}

/* Lane i: the sum of lanes i, i + 4, ... of v, in a fixed order. */
HY_ALWAYS_INLINE hy_quad hy_quad_fold(hy_vf v)
{
#if HY_LANES == 4
    return v;
#else
    hy_quad parts[HY_LANES / 4];
    memcpy(parts, &v, sizeof v);
#  if HY_LANES == 8
    return parts[0] + parts[1];
#  else
    return (parts[0] + parts[1]) + (parts[2] + parts[3]);
#  endif
#endif
}

/* The sums of all lanes of four vectors. */
HY_ALWAYS_INLINE hy_quad hy_quad_sums(hy_vf a, hy_vf b, hy_vf c, hy_vf d)
{
    hy_quads m = {hy_quad_fold(a), hy_quad_fold(b), hy_quad_fold(c), hy_quad_fold(d)};
    m = hy_quads_transpose(m);
    return (m.r0 + m.r1) + (m.r2 + m.r3);
}

#endif
