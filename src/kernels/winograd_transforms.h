/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of F(4x4, 3x3): 4 x 4 outputs of a 3 x 3 convolution from 6 x 6 inputs with 36 products instead of
 * 144.
 *
 * In one dimension the polynomials are evaluated at 0, +-p, +-q and infinity, with p^2 = 1/2 and q^2 = 2. These points
 * give errors 2 to 5 times smaller than the usual 0, +-1, +-2, at the same cost: p q = 1 keeps all factors near 1.
 *
 *     inputs   d -> M d, rows of M: the products of (x - s) over the points s other than one's own
 *     weights  g -> (g0 + t g1 + t^2 g2) / N(t),  N(t): the product of (t - s) over the other points
 *     outputs  m -> sum over points of t^i m(t), and m(infinity) for i = 3
 */
#ifndef HAYA_KERNELS_WINOGRAD_TRANSFORMS_H
#define HAYA_KERNELS_WINOGRAD_TRANSFORMS_H

#include "kernels/loops.h"
#include "kernels/vec.h"

#define HY_WINOGRAD_TILE 4                                     /* outputs along one dimension */
#define HY_WINOGRAD_POINTS 6
#define HY_WINOGRAD_SLOTS (HY_WINOGRAD_POINTS * HY_WINOGRAD_POINTS)

#define HY_WINOGRAD_P 0.70710678118654752f
#define HY_WINOGRAD_Q 1.41421356237309505f

typedef struct hy_vf6 {
    hy_vf v0, v1, v2, v3, v4, v5;
} hy_vf6;

typedef struct hy_vf4 {
    hy_vf v0, v1, v2, v3;
} hy_vf4;

HY_ALWAYS_INLINE hy_vf6 hy_winograd_input(hy_vf6 d)
{
    hy_vf even_p = d.v4 - 2 * d.v2, odd_p = HY_WINOGRAD_P * (d.v3 - 2 * d.v1);
    hy_vf even_q = d.v4 - 0.5f * d.v2, odd_q = HY_WINOGRAD_Q * (d.v3 - 0.5f * d.v1);
    return (hy_vf6){
        d.v0 - 2.5f * d.v2 + d.v4, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q,
        d.v1 - 2.5f * d.v3 + d.v5,
    };
}

HY_ALWAYS_INLINE hy_vf6 hy_winograd_weights(hy_vf g0, hy_vf g1, hy_vf g2)
{
    const float np = -1 / 1.5f, nq = 1 / 6.f;
    hy_vf even_p = np * g0 + (np * 0.5f) * g2, odd_p = (np * HY_WINOGRAD_P) * g1;
    hy_vf even_q = nq * g0 + (nq * 2) * g2, odd_q = (nq * HY_WINOGRAD_Q) * g1;
    return (hy_vf6){g0, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, g2};
}

HY_ALWAYS_INLINE hy_vf4 hy_winograd_output(hy_vf6 m)
{
    hy_vf sum_p = m.v1 + m.v2, difference_p = m.v1 - m.v2;
    hy_vf sum_q = m.v3 + m.v4, difference_q = m.v3 - m.v4;
    return (hy_vf4){
        m.v0 + sum_p + sum_q,
        HY_WINOGRAD_P * difference_p + HY_WINOGRAD_Q * difference_q,
        0.5f * sum_p + 2 * sum_q,
        (0.5f * HY_WINOGRAD_P) * difference_p + (2 * HY_WINOGRAD_Q) * difference_q + m.v5,
    };
}

#endif
