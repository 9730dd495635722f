/* SPDX-License-Identifier: Apache-2.0
 *
 * What convolutions and matrix products do to their sums before they store them:
 * out = activation((sum + bias[c]) * scale[c] + shift[c] + residual).
 */
#ifndef HAYA_KERNELS_EPILOGUE_H
#define HAYA_KERNELS_EPILOGUE_H

#include "kernels/unary_f32.h"
#include "kernels/vec.h"

/* The epilogue of a call with its operands. Strides are in elements. */
typedef struct hy_store {
    const hy_f32 *bias, *scale, *shift;    /* channel 0; NULL: none */
    int64_t bias_stride, scale_stride, shift_stride;
    const hy_f32 *residual;                /* the operands' memory, before their views' offsets; NULL: none */
    hy_f32 *out;
    int64_t residual_channel, out_channel; /* strides of the last dimension */
    const hy_view *residual_view;
    hy_unary activation;
    float alpha;
} hy_store;

static inline const hy_f32 *hy_operand(const hy_view *view, const void *memory)
{
    return (const hy_f32 *)memory + view->offset;
}

static inline hy_store hy_store_make(const hy_call *call, const void *const *in, void *out)
{
    const hy_epilogue *epilogue = &call->epilogue;
    hy_store store = {.out = out, .out_channel = call->out.strides[call->out.rank - 1],
                      .activation = epilogue->activation, .alpha = epilogue->alpha};
    int input = 2;
    if (epilogue->bias) {
        store.bias = hy_operand(&call->in[input], in[input]);
        store.bias_stride = call->in[input++].strides[0];
    }
    if (epilogue->scale) {
        store.scale = hy_operand(&call->in[input], in[input]);
        store.scale_stride = call->in[input++].strides[0];
    }
    if (epilogue->shift) {
        store.shift = hy_operand(&call->in[input], in[input]);
        store.shift_stride = call->in[input++].strides[0];
    }
    if (epilogue->residual) {
        store.residual = in[input];
        store.residual_view = &call->in[input];
        store.residual_channel = call->in[input].strides[call->out.rank - 1];
    }
    return store;
}

#define HY_STORE_COLUMNS 64

/* Scale and shift of some channels, in vectors that a row of sums can be met with. The bias is part of the shift:
   (sum + bias) * scale + shift = sum * scale + (bias * scale + shift), computed in float64 and rounded once. */
typedef struct hy_store_columns {
    float scale[HY_STORE_COLUMNS], shift[HY_STORE_COLUMNS];
} hy_store_columns;

static inline void hy_store_columns_load(hy_store_columns *columns, const hy_store *store, int64_t channel,
                                         int64_t count)
{
    for (int64_t j = 0; j < HY_STORE_COLUMNS; j++) {
        bool inside = j < count;
        columns->scale[j] = inside && store->scale ? store->scale[(channel + j) * store->scale_stride] : 1;
        columns->shift[j] = inside && store->shift ? store->shift[(channel + j) * store->shift_stride] : 0;
        if (inside && store->bias) {
            double bias = (double)store->bias[(channel + j) * store->bias_stride];
            columns->shift[j] = (float)(bias * (double)columns->scale[j] + (double)columns->shift[j]);
        }
    }
}

/* The activations worth doing while the sums are in registers; the others take a pass over the row. */
static inline bool hy_store_activation_is_simple(hy_unary activation)
{
    return activation <= HY_LEAKY_RELU;
}

static inline hy_vf hy_store_activate(const hy_store *store, hy_vf x)
{
    const hy_vf zero = hy_vf_splat(0), six = hy_vf_splat(6);
    switch (store->activation) {
    case HY_RELU:
        return hy_vf_select(x < zero, zero, x);
    case HY_RELU6:
        return hy_vf_select(x < zero, zero, hy_vf_select(x > six, six, x));
    case HY_LEAKY_RELU:
        return hy_vf_select(x < zero, x * store->alpha, x);
    default:
        return x;
    }
}

static inline hy_vf hy_store_residual(const hy_store *store, const hy_f32 *residual, int64_t j, int64_t count)
{
    if (store->residual_channel == 1)
        return hy_vf_load_some(residual + j, count);
    float gathered[HY_LANES] = {0};
    for (int64_t i = 0; i < hy_min64(count, HY_LANES); i++)
        gathered[i] = residual[(j + i) * store->residual_channel];
    return hy_vf_load(gathered);
}

/* HY_LANES sums, of columns j on, with what is done to them while they are in registers; `residual` as below. */
static inline hy_vf hy_store_value(const hy_store *store, const hy_store_columns *columns, hy_vf x,
                                   const hy_f32 *residual, int64_t j, int64_t left)
{
    if (store->scale)
        x *= hy_vf_load(columns->scale + j);
    if (store->shift || store->bias)
        x += hy_vf_load(columns->shift + j);
    if (residual)
        x += hy_store_residual(store, residual, j, left);
    return hy_store_activate(store, x);
}

/* One row of sums [count], padded to whole vectors, goes to `out`; `residual` is NULL where there is none. */
static inline void hy_store_row(const hy_store *store, const hy_store_columns *columns, const float *sums,
                                int64_t count, const hy_f32 *residual, hy_f32 *out)
{
    float row[HY_STORE_COLUMNS];
    bool simple = hy_store_activation_is_simple(store->activation);
    bool direct = simple && store->out_channel == 1;
    for (int64_t j = 0; j < count; j += HY_LANES) {
        hy_vf x = hy_store_value(store, columns, hy_vf_load(sums + j), residual, j, count - j);
        if (direct)
            hy_vf_store_some(out + j, x, count - j);
        else
            hy_vf_store(row + j, x);
    }
    if (direct)
        return;
    if (!simple)
        hy_unary_row(store->activation, store->alpha, row, count);
    for (int64_t j = 0; j < count; j++)
        out[j * store->out_channel] = row[j];
}

#endif
