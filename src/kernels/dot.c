/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dot.h"

#include "kernels/quad.h"

/* Four sums whose lanes are not added up yet. */
typedef struct four_sums {
    hy_vf v0, v1, v2, v3;
} four_sums;

/* One segment of four rows times one column. */
HY_ALWAYS_INLINE four_sums add_rows(four_sums sums, const hy_f32 *a0, const hy_f32 *a1, const hy_f32 *a2,
                                    const hy_f32 *a3, const hy_f32 *b, int64_t length)
{
    for (int64_t k = 0; k < length; k += HY_LANES) {
        hy_vf x = hy_vf_load_some(b + k, length - k);
        sums.v0 = hy_vf_fma(hy_vf_load_some(a0 + k, length - k), x, sums.v0);
        sums.v1 = hy_vf_fma(hy_vf_load_some(a1 + k, length - k), x, sums.v1);
        sums.v2 = hy_vf_fma(hy_vf_load_some(a2 + k, length - k), x, sums.v2);
        sums.v3 = hy_vf_fma(hy_vf_load_some(a3 + k, length - k), x, sums.v3);
    }
    return sums;
}

/* sums[i], i < 4: row a[s][i] times the one column. */
static void dot_rows(const hy_dot *dot, int64_t first, float sums[4])
{
    int64_t last = dot->rows - 1;
    four_sums total = {0};
    for (int64_t s = 0; s < dot->segments; s++) {
        const hy_f32 *const *a = dot->a + s * dot->a_step;
        total = add_rows(total, a[first], a[hy_min64(first + 1, last)], a[hy_min64(first + 2, last)],
                         a[hy_min64(first + 3, last)], dot->b + s * dot->length, dot->length);
    }
    hy_quad_store(sums, hy_quad_sums(total.v0, total.v1, total.v2, total.v3));
}

/* sums[i][j], i < 2, j < 4: row `first` + i times column `column` + j. */
static void dot_columns(const hy_dot *dot, int64_t first, int64_t column, float sums[2][4])
{
    const hy_f32 *const *a0 = dot->a + first, *const *a1 = dot->a + hy_min64(first + 1, dot->rows - 1);
    const hy_f32 *b[4];
    four_sums total0 = {0}, total1 = {0};
    for (int64_t j = 0; j < 4; j++)
        b[j] = dot->b + hy_min64(column + j, dot->columns - 1) * dot->b_column;
    for (int64_t s = 0; s < dot->segments; s++) {
        const hy_f32 *x0 = a0[s * dot->a_step], *x1 = a1[s * dot->a_step];
        for (int64_t k = 0, left = dot->length; left > 0; k += HY_LANES, left -= HY_LANES) {
            hy_vf a = hy_vf_load_some(x0 + k, left), c = hy_vf_load_some(x1 + k, left);
            hy_vf b0 = hy_vf_load_some(b[0] + k, left), b1 = hy_vf_load_some(b[1] + k, left);
            hy_vf b2 = hy_vf_load_some(b[2] + k, left), b3 = hy_vf_load_some(b[3] + k, left);
            total0.v0 = hy_vf_fma(a, b0, total0.v0);
            total0.v1 = hy_vf_fma(a, b1, total0.v1);
            total0.v2 = hy_vf_fma(a, b2, total0.v2);
            total0.v3 = hy_vf_fma(a, b3, total0.v3);
            total1.v0 = hy_vf_fma(c, b0, total1.v0);
            total1.v1 = hy_vf_fma(c, b1, total1.v1);
            total1.v2 = hy_vf_fma(c, b2, total1.v2);
            total1.v3 = hy_vf_fma(c, b3, total1.v3);
        }
        for (int64_t j = 0; j < 4; j++)
            b[j] += dot->length;
    }
    hy_quad_store(sums[0], hy_quad_sums(total0.v0, total0.v1, total0.v2, total0.v3));
    hy_quad_store(sums[1], hy_quad_sums(total1.v0, total1.v1, total1.v2, total1.v3));
}

void hy_dot_block(const hy_dot *dot)
{
    if (dot->columns == 1) {
        for (int64_t i = 0; i < dot->rows; i += 4) {
            float sums[4];
            dot_rows(dot, i, sums);
            for (int64_t t = 0; t < hy_min64(4, dot->rows - i); t++)
                dot->sums[(i + t) * dot->row] = sums[t];
        }
        return;
    }
    for (int64_t i = 0; i < dot->rows; i += 2)
        for (int64_t column = 0; column < dot->columns; column += 4) {
            float sums[2][4];
            dot_columns(dot, i, column, sums);
            for (int64_t t = 0; t < hy_min64(2, dot->rows - i); t++)
                for (int64_t j = 0; j < hy_min64(4, dot->columns - column); j++)
                    dot->sums[(i + t) * dot->row + (column + j) * dot->column] = sums[t][j];
        }
}
