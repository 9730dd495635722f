/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions of stride 1 by short-convolution transforms (winograd_transforms.h): transforms of inputs and weights,
 * one matrix product for each of the form's products, and a transform of the sums. The weights are read where they lie
 * and transformed within the run, into scratch that all models share. Two orders of work:
 *
 *     large maps   the weights are transformed once for the run; then each task takes a block of tiles through input
 *                  transform, products and output transform
 *     small maps   the inputs are transformed once; then each task takes a block of output channels, and transforms a
 *                  part of their weights and multiplies at once, while they are in the cache
 *
 * A NaN or Inf spreads over all outputs of the tiles that read it, not only over those that a direct sum has.
 */
#include "kernels/gemm.h"
#include "kernels/image.h"
#include "kernels/winograd_transforms.h"

enum {
    MOST = HY_FORM_MOST,
    BLOCK_COLUMNS = 64,                                  /* output channels that are worked on together */
    PANELS = BLOCK_COLUMNS / HY_GEMM_COLUMNS,            /* ... in panels as wide as the register tile */
    PAD = HY_CACHE_LINE / (int)sizeof(float),            /* keeps strides off powers of two */
    FEWEST_CHANNELS = 8,                                /* below, transforms cost more than they save */
    FEWEST_PIXELS = 8,
    LARGE_MAP = 64 * 64,                                 /* pixels */
    LARGE_WEIGHTS = 64 * 1024,                           /* ci * co beyond which transformed weights leave the caches */
    MOST_SUMS = 78 * 36                                  /* tiles times products of a task's block */
};

typedef struct winograd_layout {
    hy_form form;
    int pixels, products;          /* of the form, in one dimension */
    int outputs;
    int64_t ci, co, column_blocks;
    int64_t tiles_h, tiles_w, tiles;
    bool weights_first;
    int64_t block_tiles;    /* weights first: tiles of a task; else all */
    int64_t block_k;        /* input channels whose weights are transformed at once */
    int64_t v_row, v_slot;  /* strides of transformed inputs [pixel][tile][ci], in floats */
    int64_t u_slot;         /* strides of transformed weights [panel][product][k][column of the panel] */
    int64_t m_slot;         /* strides of sums [panel][product][tile][column of the panel] */
    size_t zeros, shared, worker;  /* bytes of scratch: a pixel of zeros, what all workers share, each worker's own */
} winograd_layout;

typedef struct winograd_job {
    const hy_call *call;
    winograd_layout layout;
    hy_image image;
    hy_store store;
    const hy_f32 *filter;
    const hy_f32 *zeros;
    float *shared;          /* weights first: U of all channels; else V of all tiles */
    char *workers;
} winograd_job;

static size_t float_bytes(int64_t count)
{
    return hy_round_up((size_t)count * sizeof(float), HY_CACHE_LINE);
}

static winograd_layout layout_of(const hy_call *call, hy_form form)
{
    winograd_layout l = {.form = form, .pixels = hy_form_pixels(form), .products = hy_form_products(form),
                         .outputs = hy_form_outputs(form), .ci = call->in[1].dims[2], .co = call->out.dims[3]};
    int64_t inputs = l.pixels * l.pixels, slots = l.products * l.products;
    l.column_blocks = hy_ceil_div(l.co, BLOCK_COLUMNS);
    l.tiles_h = hy_ceil_div(call->out.dims[1], l.outputs);
    l.tiles_w = hy_ceil_div(call->out.dims[2], l.outputs);
    l.tiles = call->out.dims[0] * l.tiles_h * l.tiles_w;
    int64_t map = l.tiles * l.outputs * l.outputs;
    l.weights_first = map > LARGE_MAP || (map == LARGE_MAP && l.ci * l.co <= LARGE_WEIGHTS);
    /* V of a block of tiles stays within 2 MiB, so that it comes from the second or a near third level. */
    int64_t fitting = ((int64_t)2 << 20) / (inputs * l.ci * (int64_t)sizeof(float));
    int64_t block = hy_max64(24, hy_min64(fitting, MOST_SUMS / slots));
    l.block_tiles = l.weights_first ? (int64_t)hy_round_up((size_t)block, HY_GEMM_ROWS) : l.tiles;
    l.block_k = hy_min64(l.ci, l.weights_first ? l.ci : l.tiles >= 128 ? 256 : 64);
    int64_t block_rows = l.block_tiles + HY_GEMM_SHORT_ROWS; /* what short strips write beyond the tiles */
    l.v_row = l.ci + PAD;
    l.v_slot = l.block_tiles * l.v_row + PAD;
    l.u_slot = l.block_k * HY_GEMM_COLUMNS + PAD;
    l.m_slot = block_rows * HY_GEMM_COLUMNS + PAD;
    size_t v = float_bytes(inputs * l.v_slot);
    size_t u = float_bytes(PANELS * slots * l.u_slot);
    size_t m = float_bytes(PANELS * slots * l.m_slot);
    l.zeros = float_bytes(l.ci);
    l.shared = l.weights_first ? u * (size_t)l.column_blocks : v;
    l.worker = m + (l.weights_first ? v : u);
    return l;
}

static size_t scratch_of(const hy_call *call, hy_form form, int threads)
{
    winograd_layout l = layout_of(call, form);
    return l.zeros + l.shared + (size_t)threads * l.worker;
}

static uint64_t flops_of(const hy_call *call, hy_form form)
{
    winograd_layout l = layout_of(call, form);
    return (uint64_t)(l.tiles * l.products * l.products * l.ci * l.co) * 2 + hy_call_epilogue_flops(call);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

/* The pixels that a tile reads, [pixels][pixels]. Those of the enlarged forms are the image's own. */
static void find_pixels(const winograd_job *job, int64_t tile, const hy_f32 **pixels)
{
    const winograd_layout *l = &job->layout;
    const hy_image *image = &job->image;
    const hy_window *window = &job->call->window;
    int64_t n = tile / (l->tiles_h * l->tiles_w), y = tile / l->tiles_w % l->tiles_h, x = tile % l->tiles_w;
    int64_t top = y * hy_form_step(l->form) - window->pad_top, left = x * hy_form_step(l->form) - window->pad_left;
    const hy_f32 *data = image->data + n * image->batch;
    for (int64_t i = top; i < top + l->pixels; i++) {
        const hy_f32 *row = i >= 0 && i < image->height ? data + (i >> image->shift) * image->row : NULL;
        for (int64_t j = left; j < left + l->pixels; j++)
            *pixels++ = row && j >= 0 && j < image->width ? row + (j >> image->shift) * image->pixel : job->zeros;
    }
}

/* HY_LANES channels of one tile from c on; v: slot 0, at channel c. `next`: the pixels of the tile that follows, of
   which those that are not this one's as well are called into the cache. */
HY_ALWAYS_INLINE void transform_input(hy_form form, const hy_f32 *const *pixels, const hy_f32 *const *next, int64_t c,
                                      int64_t left, float *v, int64_t v_slot)
{
    const int n = hy_form_pixels(form), shared = n - hy_form_step(form);
    hy_vf d[MOST], rows[MOST * MOST];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            const hy_f32 *from = pixels[i * n + j] + c;
            d[j] = left >= HY_LANES ? hy_vf_load(from) : hy_vf_load_some(from, left);
            if (j >= shared)
                __builtin_prefetch(next[i * n + j] + c);
        }
        hy_form_inputs(form, d, rows + i * MOST, 1);
    }
    for (int j = 0; j < n; j++) {
        hy_vf column[MOST];
        for (int i = 0; i < n; i++)
            d[i] = rows[i * MOST + j];
        hy_form_inputs(form, d, column, 1);
        for (int i = 0; i < n; i++)
            hy_vf_store(v + (i * n + j) * v_slot, column[i]);
    }
}

HY_ALWAYS_INLINE void transform_inputs_of(hy_form form, const winograd_job *job, int64_t first, int64_t count, float *v)
{
    const winograd_layout *l = &job->layout;
    const hy_f32 *pixels[2][MOST * MOST];
    find_pixels(job, first, pixels[0]);
    for (int64_t t = 0; t < count; t++, v += l->v_row) {
        const hy_f32 *const *here = pixels[t % 2], **next = pixels[(t + 1) % 2];
        find_pixels(job, hy_min64(first + t + 1, l->tiles - 1), next);
        int64_t c = 0;
        for (; c + HY_LANES <= l->ci; c += HY_LANES)
            transform_input(form, here, next, c, HY_LANES, v + c, l->v_slot);
        if (c < l->ci)
            transform_input(form, here, next, c, l->ci - c, v + c, l->v_slot);
    }
}

/* Tiles first .. first + count - 1 to v, [pixel][tile][ci]. Rows have room for a whole last vector. */
static void transform_inputs(const winograd_job *job, int64_t first, int64_t count, float *v)
{
    switch (job->layout.form) {
    case HY_F43:
        transform_inputs_of(HY_F43, job, first, count, v);
        break;
    case HY_F43_ENLARGED:
        transform_inputs_of(HY_F43_ENLARGED, job, first, count, v);
        break;
    case HY_F22_ENLARGED:
        transform_inputs_of(HY_F22_ENLARGED, job, first, count, v);
        break;
    }
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

enum { ROWS_AHEAD = 4 }; /* input channels whose taps are on their way while one is transformed */

/* HY_LANES output channels of one input channel; taps: [tap][BLOCK_COLUMNS], at the first of them. */
HY_ALWAYS_INLINE void transform_weight(hy_form form, const float *taps, float *u, int64_t u_slot)
{
    const int n = hy_form_taps(form), products = hy_form_products(form);
    hy_vf columns[MOST * MOST];
    for (int j = 0; j < n; j++) {
        hy_vf g[MOST];
        for (int i = 0; i < n; i++)
            g[i] = hy_vf_load(taps + (i * n + j) * BLOCK_COLUMNS);
        hy_form_weights(form, g, columns + j, MOST);
    }
    for (int i = 0; i < products; i++) {
        hy_vf row[MOST];
        hy_form_weights(form, columns + i * MOST, row, 1);
        for (int j = 0; j < products; j++)
            hy_vf_store(u + (i * products + j) * u_slot, row[j]);
    }
}

HY_ALWAYS_INLINE void transform_weights_of(hy_form form, const winograd_job *job, int64_t column, int64_t first,
                                           int64_t count, float *u)
{
    enum { line = HY_CACHE_LINE / sizeof(float) };
    const winograd_layout *l = &job->layout;
    const int n = hy_form_taps(form), slots = l->products * l->products;
    const int64_t *strides = job->call->in[1].strides;
    int64_t columns = hy_min64(BLOCK_COLUMNS, l->co - column);
    float taps[MOST * MOST * BLOCK_COLUMNS];
    for (int64_t k = 0; k < count; k++) {
        const hy_f32 *from = job->filter + (first + k) * strides[2] + column;
        int64_t ahead = hy_min64(ROWS_AHEAD, l->ci - 1 - first - k) * strides[2];
        for (int tap = 0; tap < n * n; tap++) {
            const hy_f32 *row = from + tap / n * strides[0] + tap % n * strides[1];
            float *to = taps + tap * BLOCK_COLUMNS;
            for (int64_t j = 0; j < columns; j += line)
                __builtin_prefetch(row + ahead + j);
            if (columns == BLOCK_COLUMNS)
                for (int64_t j = 0; j < BLOCK_COLUMNS; j += HY_LANES)
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

/* Input channels first .. first + count - 1 of output channels column .. of a block to u, [panel][product][k][column].
   The taps of a channel often lie a power of two apart, where lines displace each other, and each in a page of its own:
   they are brought together before they are used, and called some channels ahead. */
static void transform_weights(const winograd_job *job, int64_t column, int64_t first, int64_t count, float *u)
{
    switch (job->layout.form) {
    case HY_F43:
        transform_weights_of(HY_F43, job, column, first, count, u);
        break;
    case HY_F43_ENLARGED:
        transform_weights_of(HY_F43_ENLARGED, job, column, first, count, u);
        break;
    case HY_F22_ENLARGED:
        transform_weights_of(HY_F22_ENLARGED, job, column, first, count, u);
        break;
    }
}

/* ---- Products and outputs ---------------------------------------------------------------------------------------- */

/* The panel of products to come, called into the cache by the strips of the one before: its `bytes` from `at` on, a
   part of them by each call that a strip makes. */
typedef struct panel_ahead {
    const char *at;
    int64_t step, bytes;
} panel_ahead;

/* A call brings one line. Where there are more lines than calls, their neighbours come by themselves. */
static panel_ahead panel_ahead_of(const float *panel, int64_t k_count, int64_t calls)
{
    int64_t bytes = k_count * HY_GEMM_COLUMNS * (int64_t)sizeof(float);
    int64_t lines = hy_ceil_div(bytes, HY_CACHE_LINE * hy_max64(calls, 1));
    return (panel_ahead){.at = (const char *)panel, .step = lines * HY_CACHE_LINE, .bytes = bytes};
}

static hy_gemm_ahead take_ahead(panel_ahead *panel, int64_t calls)
{
    hy_gemm_ahead ahead = {.at = panel->at, .step = panel->bytes > 0 ? panel->step : 0};
    panel->at += ahead.step * calls;
    panel->bytes -= ahead.step * calls;
    return ahead;
}

static int input_of(const winograd_layout *l, int slot)
{
    return hy_form_factor(l->form, slot / l->products) * l->pixels + hy_form_factor(l->form, slot % l->products);
}

/* m += v u for one panel, of whose columns the first `columns` are wanted: rows [tiles], v at the first tile and k, u
   at the first k. */
static void multiply_panel(const winograd_layout *l, const float *v, int64_t tiles, const float *u, int64_t k_count,
                           int64_t columns, float *m, bool begin)
{
    int slots = l->products * l->products;
    int64_t strips = tiles / HY_GEMM_ROWS + hy_ceil_div(tiles % HY_GEMM_ROWS, HY_GEMM_SHORT_ROWS);
    for (int slot = 0; slot < slots; slot++, u += l->u_slot, m += l->m_slot) {
        int input = input_of(l, slot), next = slot + 1 == slots ? slot : slot + 1;
        hy_gemm_strip strip = {.columns = columns, .a_row = l->v_row,
                               .a_ahead = (input_of(l, next) - input) * l->v_slot};
        for (int64_t k = 0; k < k_count; k += HY_GEMM_PANEL_K) {
            strip.length = hy_min64(HY_GEMM_PANEL_K, k_count - k);
            strip.begin = begin && k == 0;
            strip.b = u + k * HY_GEMM_COLUMNS;
            int64_t calls = strip.length / HY_GEMM_STEPS_CALLED, next_k = k + strip.length;
            const float *next_b = next_k < k_count ? u + next_k * HY_GEMM_COLUMNS : u + (next - slot) * l->u_slot;
            panel_ahead ahead = panel_ahead_of(next_b, strip.length, strips * calls);
            for (int64_t t = 0; t < tiles;) {
                strip.a = v + input * l->v_slot + t * l->v_row + k;
                strip.sums = m + t * HY_GEMM_COLUMNS;
                strip.ahead = take_ahead(&ahead, calls);
                if (tiles - t >= HY_GEMM_ROWS) {
                    hy_gemm_sum_strip(&strip);
                    t += HY_GEMM_ROWS;
                } else {
                    hy_gemm_sum_short_strip(&strip, tiles - t);
                    t += HY_GEMM_SHORT_ROWS;
                }
            }
        }
    }
}

static int64_t pixel_offset(const hy_view *view, int64_t n, int64_t y, int64_t x)
{
    return view->offset + n * view->strides[0] + y * view->strides[1] + x * view->strides[2];
}

/* A tile's place in the output. */
typedef struct tile_place {
    int64_t n, top, left, height, width; /* height, width: of what lies in the output */
} tile_place;

static tile_place place_of(const winograd_job *job, int64_t tile)
{
    const winograd_layout *l = &job->layout;
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
HY_ALWAYS_INLINE void store_whole(hy_form form, const winograd_job *job, const tile_place *place, const float *m,
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
HY_ALWAYS_INLINE void call_outputs(hy_form form, const winograd_job *job, const tile_place *place, int64_t column,
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
HY_ALWAYS_INLINE void store_part(hy_form form, const winograd_job *job, const tile_place *place, const float *m,
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

HY_ALWAYS_INLINE void store_panel_of(hy_form form, const winograd_job *job, int64_t first, int64_t count,
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

/* Tiles first .. first + count - 1 of the panel of output channels from `column` on; m: the panel's sums. */
static void store_panel(const winograd_job *job, int64_t first, int64_t count, const float *m, int64_t column)
{
    switch (job->layout.form) {
    case HY_F43:
        store_panel_of(HY_F43, job, first, count, m, column);
        break;
    case HY_F43_ENLARGED:
        store_panel_of(HY_F43_ENLARGED, job, first, count, m, column);
        break;
    case HY_F22_ENLARGED:
        store_panel_of(HY_F22_ENLARGED, job, first, count, m, column);
        break;
    }
}

/* ---- Weights first ----------------------------------------------------------------------------------------------- */

enum { WEIGHT_TASK = 32 }; /* input channels of a task */

static int64_t u_panel_floats(const winograd_layout *l)
{
    return l->products * l->products * l->u_slot;
}

static int64_t u_block_floats(const winograd_layout *l)
{
    return (int64_t)(float_bytes(PANELS * u_panel_floats(l)) / sizeof(float));
}

static void weights_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    int64_t parts = hy_ceil_div(l->ci, WEIGHT_TASK), block = index / parts, first = index % parts * WEIGHT_TASK;
    float *u = job->shared + block * u_block_floats(l) + first * HY_GEMM_COLUMNS;
    transform_weights(job, block * BLOCK_COLUMNS, first, hy_min64(WEIGHT_TASK, l->ci - first), u);
    (void)worker;
}

static void tiles_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    float *v = (float *)(job->workers + (size_t)worker * l->worker);
    float *m = v + float_bytes(l->pixels * l->pixels * l->v_slot) / sizeof(float);
    int64_t first = index * l->block_tiles, count = hy_min64(l->block_tiles, l->tiles - first);
    transform_inputs(job, first, count, v);
    for (int64_t column = 0; column < l->co; column += HY_GEMM_COLUMNS) {
        const float *u = job->shared + column / BLOCK_COLUMNS * u_block_floats(l)
            + column % BLOCK_COLUMNS / HY_GEMM_COLUMNS * u_panel_floats(l);
        multiply_panel(l, v, count, u, l->ci, l->co - column, m, true);
        store_panel(job, first, count, m, column);
    }
}

/* ---- Inputs first ------------------------------------------------------------------------------------------------ */

enum { INPUT_TASK = 4 }; /* tiles of a task */

static void inputs_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    int64_t first = index * INPUT_TASK;
    transform_inputs(job, first, hy_min64(INPUT_TASK, l->tiles - first), job->shared + first * l->v_row);
    (void)worker;
}

static void columns_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    float *u = (float *)(job->workers + (size_t)worker * l->worker), *m = u + u_block_floats(l);
    int64_t column = index * BLOCK_COLUMNS, columns = hy_min64(BLOCK_COLUMNS, l->co - column);
    int64_t panels = hy_ceil_div(columns, HY_GEMM_COLUMNS), m_panel = l->products * l->products * l->m_slot;
    for (int64_t k = 0; k < l->ci; k += l->block_k) {
        int64_t count = hy_min64(l->block_k, l->ci - k);
        transform_weights(job, column, k, count, u);
        for (int64_t p = 0; p < panels; p++)
            multiply_panel(l, job->shared + k, l->tiles, u + p * u_panel_floats(l), count,
                           columns - p * HY_GEMM_COLUMNS, m + p * m_panel, k == 0);
    }
    for (int64_t p = 0; p < panels; p++)
        store_panel(job, 0, l->tiles, m + p * m_panel, column + p * HY_GEMM_COLUMNS);
}

static const char *run_form(hy_form form, const hy_call *call, const void *const *in, void *out, void *scratch,
                            hy_team *team)
{
    winograd_layout l = layout_of(call, form);
    winograd_job job = {.call = call, .layout = l, .store = hy_store_make(call, in, out),
                        .image = form == HY_F43 ? hy_image_of_call(call, in[0]) : hy_image_of(&call->in[0], in[0]),
                        .filter = hy_operand(&call->in[1], in[1]), .zeros = memset(scratch, 0, l.zeros),
                        .shared = (float *)((char *)scratch + l.zeros),
                        .workers = (char *)scratch + l.zeros + l.shared};
    if (l.weights_first) {
        hy_team_run(team, weights_task, &job, l.column_blocks * hy_ceil_div(l.ci, WEIGHT_TASK));
        hy_team_run(team, tiles_task, &job, hy_ceil_div(l.tiles, l.block_tiles));
    } else {
        hy_team_run(team, inputs_task, &job, hy_ceil_div(l.tiles, INPUT_TASK));
        hy_team_run(team, columns_task, &job, l.column_blocks);
    }
    return NULL;
}

/* ---- The kernels ------------------------------------------------------------------------------------------------- */

static bool accepts_window(const hy_call *call, int32_t taps)
{
    const hy_window *w = &call->window;
    const hy_view *filter = &call->in[1];
    bool plain = w->kernel_h == taps && w->kernel_w == taps && w->stride_h == 1 && w->stride_w == 1
        && w->dilation_h == 1 && w->dilation_w == 1 && filter->dims[2] == call->in[0].dims[3];
    bool large = filter->dims[2] >= FEWEST_CHANNELS && call->out.dims[3] >= FEWEST_CHANNELS
        && call->out.dims[1] >= FEWEST_PIXELS && call->out.dims[2] >= FEWEST_PIXELS;
    return !call->exact && plain && large && hy_gemm_accepts(call) && filter->strides[3] == 1
        && hy_image_is_packed(&call->in[0]);
}

/* The pixels that stand twice must begin together with the tiles. */
static bool is_enlarged(const hy_call *call, int32_t pad)
{
    return call->upsample2 && call->window.pad_top == pad && call->window.pad_left == pad;
}

static bool f43_accepts(const hy_call *call)
{
    return accepts_window(call, 3);
}

static bool f43_enlarged_accepts(const hy_call *call)
{
    return is_enlarged(call, 1) && accepts_window(call, 3);
}

static bool f22_enlarged_accepts(const hy_call *call)
{
    return is_enlarged(call, 0) && accepts_window(call, 2);
}

static size_t f43_scratch(const hy_call *call, int threads)
{
    return scratch_of(call, HY_F43, threads);
}

static size_t f43_enlarged_scratch(const hy_call *call, int threads)
{
    return scratch_of(call, HY_F43_ENLARGED, threads);
}

static size_t f22_enlarged_scratch(const hy_call *call, int threads)
{
    return scratch_of(call, HY_F22_ENLARGED, threads);
}

static uint64_t f43_flops(const hy_call *call)
{
    return flops_of(call, HY_F43);
}

static uint64_t f43_enlarged_flops(const hy_call *call)
{
    return flops_of(call, HY_F43_ENLARGED);
}

static uint64_t f22_enlarged_flops(const hy_call *call)
{
    return flops_of(call, HY_F22_ENLARGED);
}

static const char *f43_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    return run_form(HY_F43, call, in, out, scratch, team);
}

static const char *f43_enlarged_run(const hy_call *call, const void *const *in, void *out, void *scratch,
                                    hy_team *team)
{
    return run_form(HY_F43_ENLARGED, call, in, out, scratch, team);
}

static const char *f22_enlarged_run(const hy_call *call, const void *const *in, void *out, void *scratch,
                                    hy_team *team)
{
    return run_form(HY_F22_ENLARGED, call, in, out, scratch, team);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_winograd)[] = {
    {
        .name = "conv2d_winograd_enlarged",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 on an image whose pixels stand twice: 25 products for 16 outputs instead of 144",
        .accepts = f43_enlarged_accepts,
        .scratch = f43_enlarged_scratch,
        .flops = f43_enlarged_flops,
        .run = f43_enlarged_run,
    },
    {
        .name = "conv2d_2x2_enlarged",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "2x2 on an image whose pixels stand twice: 4 products for 4 outputs instead of 16",
        .accepts = f22_enlarged_accepts,
        .scratch = f22_enlarged_scratch,
        .flops = f22_enlarged_flops,
        .run = f22_enlarged_run,
    },
    {
        .name = "conv2d_winograd",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 of stride 1 with 8 channels or more: F(4x4, 3x3) takes 36 products for 16 outputs instead of 144",
        .accepts = f43_accepts,
        .scratch = f43_scratch,
        .flops = f43_flops,
        .run = f43_run,
    },
    {0},
};
