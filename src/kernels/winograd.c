/* SPDX-License-Identifier: Apache-2.0
 *
 * 3 x 3 convolutions of stride 1 by Winograd's F(4x4, 3x3): transforms of inputs and weights, one matrix product for
 * each of 36 slots, and a transform of the sums. The weights are read where they lie and transformed within the run,
 * into scratch that all models share. Two orders of work:
 *
 *     large maps   the weights are transformed once for the run; then each task takes a block of tiles through input
 *                  transform, products and output transform
 *     small maps   the inputs are transformed once; then each task takes a block of output channels, and transforms a
 *                  part of their weights and multiplies at once, while they are in the cache
 *
 * A NaN or Inf spreads over the 4 x 4 outputs of the tiles that read it, not only over the 3 x 3 that a direct sum has.
 */
#include "kernels/gemm.h"
#include "kernels/image.h"
#include "kernels/winograd_transforms.h"

enum {
    SLOTS = HY_WINOGRAD_SLOTS,
    TILE = HY_WINOGRAD_TILE,
    POINTS = HY_WINOGRAD_POINTS,
    BLOCK_COLUMNS = 64,                                  /* output channels that are worked on together */
    PANELS = BLOCK_COLUMNS / HY_GEMM_COLUMNS,            /* ... in panels as wide as the register tile */
    PAD = HY_CACHE_LINE / (int)sizeof(float),            /* keeps strides off powers of two */
    FEWEST_CHANNELS = 16,                                /* below, transforms cost more than they save */
    FEWEST_PIXELS = 8,
    LARGE_MAP_TILES = 256,                               /* 64 x 64 pixels */
    LARGE_WEIGHTS = 64 * 1024,                           /* ci * co beyond which transformed weights leave the caches */
    MOST_TILES = 54                                      /* of a task's block */
};

typedef struct winograd_layout {
    int64_t ci, co, column_blocks;
    int64_t tiles_h, tiles_w, tiles;
    bool weights_first;
    int64_t block_tiles;    /* weights first: tiles of a task; else all, rounded up to the register tile */
    int64_t block_k;        /* input channels whose weights are transformed at once */
    int64_t v_row, v_slot;  /* strides of transformed inputs [slot][tile][ci], in floats */
    int64_t u_slot;         /* strides of transformed weights [panel][slot][k][column of the panel] */
    int64_t m_slot;         /* strides of sums [panel][slot][tile][column of the panel] */
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

static winograd_layout layout_of(const hy_call *call)
{
    winograd_layout l = {.ci = call->in[1].dims[2], .co = call->out.dims[3]};
    l.column_blocks = hy_ceil_div(l.co, BLOCK_COLUMNS);
    l.tiles_h = hy_ceil_div(call->out.dims[1], TILE);
    l.tiles_w = hy_ceil_div(call->out.dims[2], TILE);
    l.tiles = call->out.dims[0] * l.tiles_h * l.tiles_w;
    l.weights_first = l.tiles > LARGE_MAP_TILES || (l.tiles == LARGE_MAP_TILES && l.ci * l.co <= LARGE_WEIGHTS);
    /* V of a block of tiles stays within 2 MiB, so that it comes from the second or a near third level. */
    int64_t fitting = ((int64_t)2 << 20) / (SLOTS * l.ci * (int64_t)sizeof(float));
    l.block_tiles = l.weights_first ? hy_max64(24, hy_min64(fitting, MOST_TILES)) : l.tiles;
    l.block_tiles = (int64_t)hy_round_up((size_t)l.block_tiles, HY_GEMM_ROWS);
    l.block_k = hy_min64(l.ci, l.weights_first ? l.ci : l.tiles >= 128 ? 256 : 64);
    l.v_row = l.ci + PAD;
    l.v_slot = (l.weights_first ? l.block_tiles : l.tiles) * l.v_row + PAD;
    l.u_slot = l.block_k * HY_GEMM_COLUMNS + PAD;
    l.m_slot = l.block_tiles * HY_GEMM_COLUMNS + PAD;
    size_t v = float_bytes(SLOTS * l.v_slot);
    size_t u = float_bytes(PANELS * SLOTS * l.u_slot);
    size_t m = float_bytes(PANELS * SLOTS * l.m_slot);
    l.zeros = float_bytes(l.ci);
    l.shared = l.weights_first ? u * (size_t)l.column_blocks : v;
    l.worker = m + (l.weights_first ? v : u);
    return l;
}

static bool winograd_accepts(const hy_call *call)
{
    const hy_window *w = &call->window;
    const hy_view *filter = &call->in[1];
    bool plain = w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1
        && w->dilation_w == 1 && filter->dims[2] == call->in[0].dims[3];
    bool large = filter->dims[2] >= FEWEST_CHANNELS && call->out.dims[3] >= FEWEST_CHANNELS
        && call->out.dims[1] >= FEWEST_PIXELS && call->out.dims[2] >= FEWEST_PIXELS;
    return !call->exact && plain && large && hy_gemm_accepts(call) && filter->strides[3] == 1
        && hy_image_is_packed(&call->in[0]);
}

static size_t winograd_scratch(const hy_call *call, int threads)
{
    winograd_layout l = layout_of(call);
    return l.zeros + l.shared + (size_t)threads * l.worker;
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

/* The 6 x 6 pixels that a tile reads. */
static void find_pixels(const winograd_job *job, int64_t tile, const hy_f32 *pixels[SLOTS])
{
    const winograd_layout *l = &job->layout;
    const hy_image *image = &job->image;
    int64_t n = tile / (l->tiles_h * l->tiles_w), y = tile / l->tiles_w % l->tiles_h, x = tile % l->tiles_w;
    int64_t top = y * TILE - job->call->window.pad_top, left = x * TILE - job->call->window.pad_left;
    const hy_f32 *data = image->data + n * image->batch;
    for (int64_t i = 0; i < POINTS; i++)
        for (int64_t j = 0; j < POINTS; j++) {
            bool inside = top + i >= 0 && top + i < image->height && left + j >= 0 && left + j < image->width;
            pixels[i * POINTS + j] =
                inside ? data + ((top + i) >> image->shift) * image->row + ((left + j) >> image->shift) * image->pixel
                       : job->zeros;
        }
}

HY_ALWAYS_INLINE hy_vf load_channels(const hy_f32 *from, int64_t left, bool whole)
{
    return whole ? hy_vf_load(from) : hy_vf_load_some(from, left);
}

/* HY_LANES channels of one tile from c on; v: slot 0, at channel c. */
HY_ALWAYS_INLINE void transform_input(const hy_f32 *const pixels[SLOTS], int64_t c, int64_t left, bool whole, float *v,
                                      int64_t v_slot)
{
    hy_vf rows[POINTS][POINTS];
    for (int i = 0; i < POINTS; i++) {
        const hy_f32 *const *p = pixels + i * POINTS;
        hy_vf6 row = {load_channels(p[0] + c, left, whole), load_channels(p[1] + c, left, whole),
                      load_channels(p[2] + c, left, whole), load_channels(p[3] + c, left, whole),
                      load_channels(p[4] + c, left, whole), load_channels(p[5] + c, left, whole)};
        row = hy_winograd_input(row);
        rows[i][0] = row.v0, rows[i][1] = row.v1, rows[i][2] = row.v2;
        rows[i][3] = row.v3, rows[i][4] = row.v4, rows[i][5] = row.v5;
    }
    for (int j = 0; j < POINTS; j++) {
        hy_vf6 column = hy_winograd_input(
            (hy_vf6){rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]});
        float *to = v + j * v_slot;
        hy_vf_store(to, column.v0);
        hy_vf_store(to + POINTS * v_slot, column.v1);
        hy_vf_store(to + 2 * POINTS * v_slot, column.v2);
        hy_vf_store(to + 3 * POINTS * v_slot, column.v3);
        hy_vf_store(to + 4 * POINTS * v_slot, column.v4);
        hy_vf_store(to + 5 * POINTS * v_slot, column.v5);
    }
}

/* Tiles first .. first + count - 1 to v, [slot][tile][ci]. Rows have room for a whole last vector. */
static void transform_inputs(const winograd_job *job, int64_t first, int64_t count, float *v)
{
    const winograd_layout *l = &job->layout;
    const hy_f32 *pixels[SLOTS];
    for (int64_t t = 0; t < count; t++, v += l->v_row) {
        find_pixels(job, first + t, pixels);
        int64_t c = 0;
        for (; c + HY_LANES <= l->ci; c += HY_LANES)
            transform_input(pixels, c, HY_LANES, true, v + c, l->v_slot);
        if (c < l->ci)
            transform_input(pixels, c, l->ci - c, false, v + c, l->v_slot);
    }
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

/* HY_LANES output channels of one input channel; taps: [9][BLOCK_COLUMNS], at the first of them. */
HY_ALWAYS_INLINE void transform_weight(const float *taps, float *u, int64_t u_slot)
{
    hy_vf columns[POINTS][3];
    for (int j = 0; j < 3; j++) {
        hy_vf6 column = hy_winograd_weights(hy_vf_load(taps + j * BLOCK_COLUMNS),
                                            hy_vf_load(taps + (3 + j) * BLOCK_COLUMNS),
                                            hy_vf_load(taps + (6 + j) * BLOCK_COLUMNS));
        columns[0][j] = column.v0, columns[1][j] = column.v1, columns[2][j] = column.v2;
        columns[3][j] = column.v3, columns[4][j] = column.v4, columns[5][j] = column.v5;
    }
    for (int i = 0; i < POINTS; i++) {
        hy_vf6 row = hy_winograd_weights(columns[i][0], columns[i][1], columns[i][2]);
        float *to = u + i * POINTS * u_slot;
        hy_vf_store(to, row.v0);
        hy_vf_store(to + u_slot, row.v1);
        hy_vf_store(to + 2 * u_slot, row.v2);
        hy_vf_store(to + 3 * u_slot, row.v3);
        hy_vf_store(to + 4 * u_slot, row.v4);
        hy_vf_store(to + 5 * u_slot, row.v5);
    }
}

/* Input channels first .. first + count - 1 of output channels column .. of a block to u, [panel][slot][k][column]. The
   nine taps of a channel often lie a power of two apart, where lines displace each other: they are brought together
   before they are used. */
static void transform_weights(const winograd_job *job, int64_t column, int64_t first, int64_t count, float *u)
{
    const winograd_layout *l = &job->layout;
    const int64_t *strides = job->call->in[1].strides;
    int64_t columns = hy_min64(BLOCK_COLUMNS, l->co - column);
    float taps[9 * BLOCK_COLUMNS] = {0};
    for (int64_t k = 0; k < count; k++) {
        const hy_f32 *from = job->filter + (first + k) * strides[2] + column;
        for (int tap = 0; tap < 9; tap++)
            memcpy(taps + tap * BLOCK_COLUMNS, from + tap / 3 * strides[0] + tap % 3 * strides[1],
                   (size_t)columns * sizeof(float));
        for (int64_t j = 0; j < columns; j += HY_LANES) {
            float *to = u + j / HY_GEMM_COLUMNS * SLOTS * l->u_slot + k * HY_GEMM_COLUMNS + j % HY_GEMM_COLUMNS;
            transform_weight(taps + j, to, l->u_slot);
        }
    }
}

/* ---- Products and outputs ---------------------------------------------------------------------------------------- */

/* m += v u for one panel: rows [tiles], v at the first tile and k, u at the first k. */
static void multiply_panel(const winograd_layout *l, const float *v, int64_t tiles, const float *u, int64_t k_count,
                           float *m, bool begin)
{
    const hy_f32 *rows[HY_GEMM_ROWS];
    for (int slot = 0; slot < SLOTS; slot++) {
        hy_gemm_tile tile = {.a = rows, .b = u + slot * l->u_slot, .b_stride = HY_GEMM_COLUMNS, .begin = begin,
                             .part = {.segments = 1, .length = k_count}};
        for (int64_t t = 0; t < tiles; t += HY_GEMM_ROWS) {
            for (int64_t i = 0; i < HY_GEMM_ROWS; i++)
                rows[i] = v + slot * l->v_slot + hy_min64(t + i, tiles - 1) * l->v_row;
            tile.sums = m + slot * l->m_slot + t * HY_GEMM_COLUMNS;
            hy_gemm_sum_tile(&tile);
        }
    }
}

/* HY_LANES channels of one tile; sums: [16][HY_GEMM_COLUMNS] */
HY_ALWAYS_INLINE void transform_output(const float *m, int64_t m_slot, float *sums)
{
    hy_vf rows[TILE][POINTS];
    for (int j = 0; j < POINTS; j++) {
        const float *from = m + j * m_slot;
        hy_vf4 column = hy_winograd_output(
            (hy_vf6){hy_vf_load(from), hy_vf_load(from + POINTS * m_slot), hy_vf_load(from + 2 * POINTS * m_slot),
                     hy_vf_load(from + 3 * POINTS * m_slot), hy_vf_load(from + 4 * POINTS * m_slot),
                     hy_vf_load(from + 5 * POINTS * m_slot)});
        rows[0][j] = column.v0, rows[1][j] = column.v1, rows[2][j] = column.v2, rows[3][j] = column.v3;
    }
    for (int i = 0; i < TILE; i++) {
        hy_vf4 row = hy_winograd_output(
            (hy_vf6){rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4], rows[i][5]});
        float *to = sums + i * TILE * HY_GEMM_COLUMNS;
        hy_vf_store(to, row.v0);
        hy_vf_store(to + HY_GEMM_COLUMNS, row.v1);
        hy_vf_store(to + 2 * HY_GEMM_COLUMNS, row.v2);
        hy_vf_store(to + 3 * HY_GEMM_COLUMNS, row.v3);
    }
}

static int64_t pixel_offset(const hy_view *view, int64_t n, int64_t y, int64_t x)
{
    return view->offset + n * view->strides[0] + y * view->strides[1] + x * view->strides[2];
}

/* The 4 x 4 pixels of a tile, or those of them that are in the output. */
static void store_tile(const winograd_job *job, int64_t tile, const float *sums, const hy_store_columns *epilogue,
                       int64_t column, int64_t count)
{
    const winograd_layout *l = &job->layout;
    const hy_store *store = &job->store;
    const hy_view *out = &job->call->out;
    int64_t n = tile / (l->tiles_h * l->tiles_w);
    int64_t top = tile / l->tiles_w % l->tiles_h * TILE, left = tile % l->tiles_w * TILE;
    int64_t height = hy_min64(TILE, out->dims[1] - top), width = hy_min64(TILE, out->dims[2] - left);
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            const hy_f32 *residual = NULL;
            if (store->residual)
                residual = store->residual + pixel_offset(store->residual_view, n, top + i, left + j)
                    + column * store->residual_channel;
            hy_store_row(store, epilogue, sums + (i * TILE + j) * HY_GEMM_COLUMNS, count, residual,
                         store->out + pixel_offset(out, n, top + i, left + j) + column * store->out_channel);
        }
}

/* Tiles first .. first + count - 1, `channels` channels from `column` on; m: the panel's sums. */
static void store_panel(const winograd_job *job, int64_t first, int64_t count, const float *m, int64_t column)
{
    float sums[TILE * TILE * HY_GEMM_COLUMNS];
    int64_t channels = hy_min64(HY_GEMM_COLUMNS, job->layout.co - column);
    hy_store_columns epilogue;
    hy_store_columns_load(&epilogue, &job->store, column, channels);
    for (int64_t t = 0; t < count; t++) {
        for (int64_t j = 0; j < channels; j += HY_LANES)
            transform_output(m + t * HY_GEMM_COLUMNS + j, job->layout.m_slot, sums + j);
        store_tile(job, first + t, sums, &epilogue, column, channels);
    }
}

/* ---- Weights first ----------------------------------------------------------------------------------------------- */

enum { WEIGHT_TASK = 32 }; /* input channels of a task */

static size_t u_block_floats(const winograd_layout *l)
{
    return float_bytes(PANELS * SLOTS * l->u_slot) / sizeof(float);
}

static void weights_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    int64_t parts = hy_ceil_div(l->ci, WEIGHT_TASK), block = index / parts, first = index % parts * WEIGHT_TASK;
    float *u = job->shared + (size_t)block * u_block_floats(l) + first * HY_GEMM_COLUMNS;
    transform_weights(job, block * BLOCK_COLUMNS, first, hy_min64(WEIGHT_TASK, l->ci - first), u);
    (void)worker;
}

static void tiles_task(void *argument, int64_t index, int worker)
{
    const winograd_job *job = argument;
    const winograd_layout *l = &job->layout;
    float *v = (float *)(job->workers + (size_t)worker * l->worker);
    float *m = v + float_bytes(SLOTS * l->v_slot) / sizeof(float);
    int64_t first = index * l->block_tiles, count = hy_min64(l->block_tiles, l->tiles - first);
    transform_inputs(job, first, count, v);
    for (int64_t column = 0; column < l->co; column += HY_GEMM_COLUMNS) {
        const float *u = job->shared + (size_t)(column / BLOCK_COLUMNS) * u_block_floats(l)
            + column % BLOCK_COLUMNS / HY_GEMM_COLUMNS * SLOTS * l->u_slot;
        multiply_panel(l, v, count, u, l->ci, m, true);
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
    int64_t panels = hy_ceil_div(columns, HY_GEMM_COLUMNS);
    for (int64_t k = 0; k < l->ci; k += l->block_k) {
        int64_t count = hy_min64(l->block_k, l->ci - k);
        transform_weights(job, column, k, count, u);
        for (int64_t p = 0; p < panels; p++)
            multiply_panel(l, job->shared + k, l->tiles, u + p * SLOTS * l->u_slot, count, m + p * SLOTS * l->m_slot,
                           k == 0);
    }
    for (int64_t p = 0; p < panels; p++)
        store_panel(job, 0, l->tiles, m + p * SLOTS * l->m_slot, column + p * HY_GEMM_COLUMNS);
}

static const char *winograd_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    winograd_layout l = layout_of(call);
    winograd_job job = {.call = call, .layout = l, .image = hy_image_of_call(call, in[0]),
                        .store = hy_store_make(call, in, out), .filter = hy_operand(&call->in[1], in[1]),
                        .zeros = memset(scratch, 0, l.zeros), .shared = (float *)((char *)scratch + l.zeros),
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

static uint64_t winograd_flops(const hy_call *call)
{
    winograd_layout l = layout_of(call);
    return (uint64_t)(l.tiles * SLOTS * l.ci * l.co) * 2 + hy_call_epilogue_flops(call);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_winograd)[] = {
    {
        .name = "conv2d_winograd",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 of stride 1 with 16 channels or more: F(4x4, 3x3) takes 36 products for 16 outputs instead of 144",
        .accepts = winograd_accepts,
        .scratch = winograd_scratch,
        .flops = winograd_flops,
        .run = winograd_run,
    },
    {0},
};
