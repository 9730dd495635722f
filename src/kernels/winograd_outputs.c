/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products, transformed to outputs and stored where they belong.
 */
#include "kernels/winograd.h"

enum { MOST = HY_FORM_MOST };

static int64_t pixel_offset(const hy_view *view, int64_t n, int64_t y, int64_t x)
{
    return view->offset + n * view->strides[0] + y * view->strides[1] + x * view->strides[2];
}

/* A tile's place in the output. */
typedef struct tile_place {
    int64_t n, top, left, height, width; /* height, width: of what lies in the output */
} tile_place;

static tile_place place_of(const hy_winograd *job, int64_t tile)
{
    const hy_winograd_layout *l = &job->layout;
    const hy_view *out = &job->call->out;
    tile_place place = {.n = tile / (l->tiles_h * l->tiles_w), .top = tile / l->tiles_w % l->tiles_h * l->outputs,
                        .left = tile % l->tiles_w * l->outputs};
    place.height = hy_min64(l->outputs, out->dims[1] - place.top);
    place.width = hy_min64(l->outputs, out->dims[2] - place.left);
    return place;
}

static inline bool is_whole(hy_form form, const tile_place *place)
{
    return place->height == hy_form_outputs(form) && place->width == hy_form_outputs(form);
}

/* HY_LANES channels of one tile's outputs, [outputs][outputs]. */
HY_ALWAYS_INLINE void transform_output(hy_form form, const float *m, int64_t m_slot, hy_vf *y)
{
    const int products = hy_form_products(form), outputs = hy_form_outputs(form);
    hy_vf rows[MOST * MOST];
    for (int j = 0; j < products; j++) {
        hy_vf column[MOST];
        for (int i = 0; i < products; i++)
            column[i] = hy_vf_load(m + (i * products + j) * m_slot);
        hy_form_outputs_of(form, column, rows + j, MOST);
    }
    for (int i = 0; i < outputs; i++)
        hy_form_outputs_of(form, rows + i * MOST, y + i * outputs, 1);
}

/* A tile wholly in the output: from registers to where it belongs. */
HY_ALWAYS_INLINE void store_whole(hy_form form, const hy_winograd *job, const tile_place *place, const float *m,
                                  const hy_store_columns *epilogue, int64_t column, int64_t channels)
{
    const int outputs = hy_form_outputs(form);
    const hy_store *store = &job->store;
    const hy_view *out = &job->call->out;
    hy_f32 *to = store->out + pixel_offset(out, place->n, place->top, place->left) + column;
    const hy_f32 *residual = NULL;
    if (store->residual)
        residual = store->residual + pixel_offset(store->residual_view, place->n, place->top, place->left) + column;
    for (int64_t c = 0; c < channels; c += HY_LANES) {
        hy_vf y[MOST * MOST];
        transform_output(form, m + c, job->layout.m_slot, y);
        for (int i = 0; i < outputs; i++)
            for (int j = 0; j < outputs; j++) {
                const hy_f32 *from = residual;
                if (residual)
                    from += i * store->residual_view->strides[1] + j * store->residual_view->strides[2];
                hy_vf_store_some(to + i * out->strides[1] + j * out->strides[2] + c,
                                 hy_store_value(store, epilogue, y[i * outputs + j], from, c, channels - c),
                                 channels - c);
            }
    }
}

/* Lines that are to be written whole come to the cache before they are. */
HY_ALWAYS_INLINE void call_outputs(hy_form form, const hy_winograd *job, const tile_place *place, int64_t column,
                                   int64_t channels)
{
    enum { line = HY_CACHE_LINE / sizeof(float) };
    const int outputs = hy_form_outputs(form);
    const hy_view *out = &job->call->out;
    const hy_f32 *to = job->store.out + pixel_offset(out, place->n, place->top, place->left) + column;
    for (int i = 0; i < outputs; i++)
        for (int j = 0; j < outputs; j++)
            for (int64_t c = 0; c < channels; c += line)
                __builtin_prefetch(to + i * out->strides[1] + j * out->strides[2] + c, 1);
}

/* Any other tile: what lies in the output of it, row by row. */
HY_ALWAYS_INLINE void store_part(hy_form form, const hy_winograd *job, const tile_place *place, const float *m,
                                 const hy_store_columns *epilogue, int64_t column, int64_t channels)
{
    const int outputs = hy_form_outputs(form);
    const hy_store *store = &job->store;
    float sums[MOST * MOST * HY_GEMM_COLUMNS];
    for (int64_t c = 0; c < channels; c += HY_LANES) {
        hy_vf y[MOST * MOST];
        transform_output(form, m + c, job->layout.m_slot, y);
        for (int i = 0; i < outputs * outputs; i++)
            hy_vf_store(sums + i * HY_GEMM_COLUMNS + c, y[i]);
    }
    for (int64_t i = 0; i < place->height; i++)
        for (int64_t j = 0; j < place->width; j++) {
            int64_t y = place->top + i, x = place->left + j;
            const hy_f32 *residual = NULL;
            if (store->residual)
                residual = store->residual + pixel_offset(store->residual_view, place->n, y, x)
                    + column * store->residual_channel;
            hy_store_row(store, epilogue, sums + (i * outputs + j) * HY_GEMM_COLUMNS, channels, residual,
                         store->out + pixel_offset(&job->call->out, place->n, y, x) + column * store->out_channel);
        }
}

HY_ALWAYS_INLINE void store_panel_of(hy_form form, const hy_winograd *job, int64_t first, int64_t count,
                                     const float *m, int64_t column)
{
    const hy_store *store = &job->store;
    int64_t channels = hy_min64(HY_GEMM_COLUMNS, job->layout.co - column);
    bool direct = store->out_channel == 1 && (!store->residual || store->residual_channel == 1)
        && hy_store_activation_is_simple(store->activation);
    hy_store_columns epilogue;
    hy_store_columns_load(&epilogue, store, column, channels);
    tile_place place = place_of(job, first);
    for (int64_t t = 0; t < count; t++, m += HY_GEMM_COLUMNS) {
        tile_place next = place_of(job, hy_min64(first + t + 1, job->layout.tiles - 1));
        if (direct && is_whole(form, &next))
            call_outputs(form, job, &next, column, channels);
        if (direct && is_whole(form, &place))
            store_whole(form, job, &place, m, &epilogue, column, channels);
        else
            store_part(form, job, &place, m, &epilogue, column, channels);
        place = next;
    }
}

void hy_winograd_outputs(const hy_winograd *job, int64_t first, int64_t count, const float *m, int64_t column)
{
    switch (job->layout.form) {
    case HY_F43:
        store_panel_of(HY_F43, job, first, count, m, column);
        break;
    case HY_F23:
        store_panel_of(HY_F23, job, first, count, m, column);
        break;
    case HY_F43_ENLARGED:
        store_panel_of(HY_F43_ENLARGED, job, first, count, m, column);
        break;
    case HY_F22_ENLARGED:
        store_panel_of(HY_F22_ENLARGED, job, first, count, m, column);
        break;
    }
}
