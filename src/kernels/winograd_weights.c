/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights, transformed within the run from where they lie.
 */
#include "kernels/winograd.h"

enum { MOST = HY_FORM_MOST };

enum { ROWS_AHEAD = 4 }; /* input channels whose taps are on their way while one is transformed */

/* HY_LANES output channels of one input channel; taps: [tap][HY_WINOGRAD_COLUMNS], at the first of them. */
HY_ALWAYS_INLINE void transform_weight(hy_form form, const float *taps, float *u, int64_t u_slot)
{
    const int n = hy_form_taps(form), products = hy_form_products(form);
    hy_vf columns[MOST * MOST];
    for (int j = 0; j < n; j++) {
        hy_vf g[MOST];
        for (int i = 0; i < n; i++)
            g[i] = hy_vf_load(taps + (i * n + j) * HY_WINOGRAD_COLUMNS);
        hy_form_weights(form, g, columns + j, MOST);
    }
    for (int i = 0; i < products; i++) {
        hy_vf row[MOST];
        hy_form_weights(form, columns + i * MOST, row, 1);
        for (int j = 0; j < products; j++)
            hy_vf_store(u + (i * products + j) * u_slot, row[j]);
    }
}

HY_ALWAYS_INLINE void transform_weights_of(hy_form form, const hy_winograd *job, int64_t column, int64_t first,
                                           int64_t count, float *u)
{
    enum { line = HY_CACHE_LINE / sizeof(float) };
    const hy_winograd_layout *l = &job->layout;
    const int n = hy_form_taps(form), slots = l->products * l->products;
    const int64_t *strides = job->call->in[1].strides;
    int64_t columns = hy_min64(HY_WINOGRAD_COLUMNS, l->co - column);
    float taps[MOST * MOST * HY_WINOGRAD_COLUMNS];
    for (int64_t k = 0; k < count; k++) {
        const hy_f32 *from = job->filter + (first + k) * strides[2] + column;
        int64_t ahead = hy_min64(ROWS_AHEAD, l->ci - 1 - first - k) * strides[2];
        for (int tap = 0; tap < n * n; tap++) {
            const hy_f32 *row = from + tap / n * strides[0] + tap % n * strides[1];
            float *to = taps + tap * HY_WINOGRAD_COLUMNS;
            for (int64_t j = 0; j < columns; j += line)
                __builtin_prefetch(row + ahead + j);
            if (columns == HY_WINOGRAD_COLUMNS)
                for (int64_t j = 0; j < HY_WINOGRAD_COLUMNS; j += HY_LANES)
                    hy_vf_store(to + j, hy_vf_load(row + j));
            else
                for (int64_t j = 0; j < columns; j += HY_LANES)
                    hy_vf_store(to + j, hy_vf_load_some(row + j, columns - j));
        }
        for (int64_t j = 0; j < columns; j += HY_LANES) {
            float *to = u + j / HY_GEMM_COLUMNS * slots * l->u_slot + k * HY_GEMM_COLUMNS + j % HY_GEMM_COLUMNS;
            transform_weight(form, taps + j, to, l->u_slot);
        }
    }
}

/* The taps of a channel often lie a power of two apart, where lines displace each other, and each in a page of its own:
   they are brought together before they are used, and called some channels ahead. */
void hy_winograd_weights(const hy_winograd *job, int64_t column, int64_t first, int64_t count, float *u)
{
    switch (job->layout.form) {
    case HY_F43:
        transform_weights_of(HY_F43, job, column, first, count, u);
        break;
    case HY_F23:
        transform_weights_of(HY_F23, job, column, first, count, u);
        break;
    case HY_F43_ENLARGED:
        transform_weights_of(HY_F43_ENLARGED, job, column, first, count, u);
        break;
    case HY_F22_ENLARGED:
        transform_weights_of(HY_F22_ENLARGED, job, column, first, count, u);
        break;
    }
}
