/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of short convolutions, one dimension each: a tile of neighbouring outputs from the pixels it reads,
 *
 *     outputs = Y ((V pixels) * (U weights))          * element by element: the products
 *
 * In two dimensions each is applied along rows and then along columns.
 *
 *     form                 pixels  products  outputs  taps    in two dimensions
 *     HY_F43               6       6         4        3       36 products for 16 outputs instead of 144
 *     HY_F23               4       4         2        3       16 products for 4 outputs instead of 36
 *     HY_F43_ENLARGED      4       5         4        3       25 products for 16 outputs instead of 144
 *     HY_F22_ENLARGED      2       2         2        2        4 products for 4 outputs instead of 16
 *
 * HY_F43 is Winograd's F(4, 3): polynomials evaluated at 0, +-p, +-q and infinity, with p^2 = 1/2 and q^2 = 2. These
 * points give errors 2 to 5 times smaller than the usual 0, +-1, +-2, at the same cost: p q = 1 keeps all factors near
 * 1. V: the products of (x - s) over the points s other than one's own. U: (g0 + t g1 + t^2 g2) / N(t), with N(t) the
 * product of (t - s) over the other points. Y: the sum over points of t^i m(t), and m(infinity) for i = 3. HY_F23 is
 * F(2, 3) at 0, +-1 and infinity: no factor but 1 and 1/2, and as little rounding as in direct sums.
 *
 * The enlarged forms read an image of twice the size in which each pixel stands twice. With a, b, c, d in the image,
 * HY_F43_ENLARGED computes
 *
 *     y0 = g0 a + (g1 + g2) b     y1 = (g0 + g1) b + g2 c     y2 = g0 b + (g1 + g2) c     y3 = (g0 + g1) c + g2 d
 *
 * F(4, 3) at the points 0, 1, +-r, infinity and any sixth does it: the sixth one's V is zero on such pixels, and those
 * of +-r are the same, so that their products can be taken for even and odd outputs instead of for each point. Only
 * r^2 remains in the formulas, and r^2 = -1 makes all factors 1 or 1/2: less rounding than HY_F43.
 */
#ifndef HAYA_KERNELS_WINOGRAD_TRANSFORMS_H
#define HAYA_KERNELS_WINOGRAD_TRANSFORMS_H

#include "kernels/loops.h"
#include "kernels/vec.h"

typedef enum hy_form { HY_F43, HY_F23, HY_F43_ENLARGED, HY_F22_ENLARGED } hy_form;

enum { HY_FORM_MOST = 6 }; /* pixels or products of a dimension */

/* Along one dimension. `pixels` is also how many V there are. */
static inline int hy_form_pixels(hy_form form)
{
    return form == HY_F43 ? 6 : form == HY_F22_ENLARGED ? 2 : 4;
}

static inline int hy_form_products(hy_form form)
{
    return form == HY_F43 ? 6 : form == HY_F43_ENLARGED ? 5 : form == HY_F23 ? 4 : 2;
}

static inline int hy_form_outputs(hy_form form)
{
    return form == HY_F22_ENLARGED || form == HY_F23 ? 2 : 4;
}

static inline int hy_form_taps(hy_form form)
{
    return form == HY_F22_ENLARGED ? 2 : 3;
}

/* Pixels in memory from one tile to the next. */
static inline int hy_form_step(hy_form form)
{
    return form == HY_F43 ? 4 : form == HY_F22_ENLARGED ? 1 : 2;
}

/* Which V a product takes. */
static inline int hy_form_factor(hy_form form, int product)
{
    return form == HY_F43_ENLARGED && product > 2 ? product - 1 : product;
}

#define HY_F43_P 0.70710678118654752f
#define HY_F43_Q 1.41421356237309505f

/* v[i * stride] = V d */
HY_ALWAYS_INLINE void hy_form_inputs(hy_form form, const hy_vf *d, hy_vf *v, int stride)
{
    if (form == HY_F22_ENLARGED) {
        v[0] = d[0];
        v[stride] = d[1] - d[0];
    } else if (form == HY_F23) {
        v[0] = d[0] - d[2];
        v[stride] = d[1] + d[2];
        v[2 * stride] = d[2] - d[1];
        v[3 * stride] = d[1] - d[3];
    } else if (form == HY_F43_ENLARGED) {
        v[0] = d[2] - d[0];
        v[stride] = d[1] + d[2];
        v[2 * stride] = d[2] - d[1];
        v[3 * stride] = d[3] - d[1];
    } else {
        hy_vf even_p = d[4] - 2 * d[2], odd_p = HY_F43_P * (d[3] - 2 * d[1]);
        hy_vf even_q = d[4] - 0.5f * d[2], odd_q = HY_F43_Q * (d[3] - 0.5f * d[1]);
        v[0] = d[0] - 2.5f * d[2] + d[4];
        v[stride] = even_p + odd_p;
        v[2 * stride] = even_p - odd_p;
        v[3 * stride] = even_q + odd_q;
        v[4 * stride] = even_q - odd_q;
        v[5 * stride] = d[1] - 2.5f * d[3] + d[5];
    }
}

/* u[i * stride] = U g */
HY_ALWAYS_INLINE void hy_form_weights(hy_form form, const hy_vf *g, hy_vf *u, int stride)
{
    if (form == HY_F22_ENLARGED) {
        u[0] = g[0] + g[1];
        u[stride] = g[1];
    } else if (form == HY_F23) {
        hy_vf even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
        u[0] = g[0];
        u[stride] = even + odd;
        u[2 * stride] = even - odd;
        u[3 * stride] = g[2];
    } else if (form == HY_F43_ENLARGED) {
        hy_vf half0 = 0.5f * g[0], half1 = 0.5f * g[1], half2 = 0.5f * g[2];
        u[0] = -g[0];
        u[stride] = half0 + half1 + half2;
        u[2 * stride] = half0 - half1 - half2;
        u[3 * stride] = half2 - half0 - half1;
        u[4 * stride] = g[2];
    } else {
        const float np = -1 / 1.5f, nq = 1 / 6.f;
        hy_vf even_p = np * g[0] + (np * 0.5f) * g[2], odd_p = (np * HY_F43_P) * g[1];
        hy_vf even_q = nq * g[0] + (nq * 2) * g[2], odd_q = (nq * HY_F43_Q) * g[1];
        u[0] = g[0];
        u[stride] = even_p + odd_p;
        u[2 * stride] = even_p - odd_p;
        u[3 * stride] = even_q + odd_q;
        u[4 * stride] = even_q - odd_q;
        u[5 * stride] = g[2];
    }
}

/* y[i * stride] = Y m */
HY_ALWAYS_INLINE void hy_form_outputs_of(hy_form form, const hy_vf *m, hy_vf *y, int stride)
{
    if (form == HY_F22_ENLARGED) {
        y[0] = m[0];
        y[stride] = m[0] + m[1];
    } else if (form == HY_F23) {
        y[0] = m[0] + m[1] + m[2];
        y[stride] = m[1] - m[2] - m[3];
    } else if (form == HY_F43_ENLARGED) {
        y[0] = m[0] + m[1] + m[2];
        y[stride] = m[1] + m[3];
        y[2 * stride] = m[1] - m[2];
        y[3 * stride] = m[1] - m[3] + m[4];
    } else {
        hy_vf sum_p = m[1] + m[2], difference_p = m[1] - m[2];
        hy_vf sum_q = m[3] + m[4], difference_q = m[3] - m[4];
        y[0] = m[0] + sum_p + sum_q;
        y[stride] = HY_F43_P * difference_p + HY_F43_Q * difference_q;
        y[2 * stride] = 0.5f * sum_p + 2 * sum_q;
        y[3 * stride] = (0.5f * HY_F43_P) * difference_p + (2 * HY_F43_Q) * difference_q + m[5];
    }
}

#endif
