/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with few channels, as the sum that it is. Vectors run along the pixels of a row, so that they are full
 * however few channels there are; a multiply-add takes such a vector of one input channel at one tap of the filter, and
 * one weight for all of them. A task takes a block of the output:
 *
 *     for some rows of pixels at a time
 *         copy what they read of the input, and is not there yet, to a band: a plane for each channel, with zeros for
 *             the padding
 *         for each tile of output channels and pixels
 *             add up all steps, a tap of an input channel each         (in registers)
 *         transpose the planes of sums to where the output has them
 *
 * What a step reads lies as far from the pixel's place in the band for every pixel, so that a list of these distances
 * is all that the innermost loop knows of taps, channels, dilation or the like. A window that takes strides of s reads
 * s x s planes for each channel, of those pixels whose coordinates leave the same remainders.
 *
 * An image whose pixels stand twice is not enlarged: for the outputs with even and with odd coordinates, taps that read
 * the same pixel are one step, with the sum of their weights, so that 3 x 3 has 4 steps instead of 9.
 */
#include "kernels/gemm.h"
#include "kernels/image.h"
#include "kernels/planar.h"

/* The tile: output channels x vectors of pixels. A step loads the vectors, and its weights one by one. */
#if HY_LANES == 16 || HY_NEON
#  define TILE_CHANNELS 8
#  define TILE_VECTORS 3
#elif HY_LANES == 8
#  define TILE_CHANNELS 4
#  define TILE_VECTORS 3
#else
#  define TILE_CHANNELS 4
#  define TILE_VECTORS 2
#endif

enum {
    LINE = HY_CACHE_LINE / (int)sizeof(float),
    MOST_CHANNELS = 32,       /* on either side; no more than HY_STORE_COLUMNS */
    WIDEST_BLOCK = 256,       /* pixels in a row of a task, and half as many more where that makes it one block */
    FEWEST_ROWS = 4,          /* of a task, for the sake of the rows above and below that it reads, too */
    MOST_ROWS = 16,
    ENOUGH_TASKS = 32,
    BAND_BYTES = 256 * 1024,  /* of a band that has more rows than the fewest */
    SUMMED_TOGETHER = 6       /* vectors of pixels for which sums are kept before they are stored, at least */
};

/* ---- Layout ------------------------------------------------------------------------------------------------------ */

/* One dimension of the window's way over the input. The grid's positions are the output's, or, where the input is
   enlarged, pairs of them. */
typedef struct direct_axis {
    int64_t size;          /* of the grid */
    int64_t block, blocks; /* positions of a task; how many there are of these */
    int64_t step;          /* in the input, from one position to the next */
    int64_t first;         /* what the first tap reads for position 0 */
    int64_t planes;        /* remainders by step that taps read */
    int64_t reach;         /* positions of a plane beyond those of the block */
} direct_axis;

/* Outputs that have the same steps: all, or those whose coordinates are even or odd. */
typedef struct direct_phase {
    int64_t y, x;
    int64_t steps;
    int32_t *distances;    /* [steps] */
    float *weights;        /* [block of TILE_CHANNELS][steps][channel] */
} direct_phase;

typedef struct direct_layout {
    int64_t ci, co;
    int64_t phases;        /* 1, or 2 in each dimension */
    bool sums_weights;     /* of taps that read the same pixel */
    direct_axis y, x;
    int64_t lead;                      /* places of a row before its first, so that the image begins a cache line */
    int64_t band_row, plane;           /* floats */
    int64_t rows_together, sums_row;   /* rows whose sums are kept, pixels of their plane */
    size_t phase_weights, phase_distances, band, sums, pixels; /* bytes */
} direct_layout;

typedef struct direct_job {
    const hy_call *call;
    direct_layout layout;
    direct_phase phase[4];
    hy_image image;
    hy_store store;
    hy_store_columns columns;
    bool finishes_tiles;   /* the whole epilogue is done while the sums are in registers */
    char *workers;
} direct_job;

static size_t float_bytes(int64_t count)
{
    return hy_round_up((size_t)count * sizeof(float), HY_CACHE_LINE);
}

static int64_t half_down(int64_t x)
{
    return x >= 0 ? x / 2 : -((1 - x) / 2);
}

/* What tap number i reads for position 0; `phase`: of an enlarged image. */
static int64_t tap_at(int64_t i, int64_t dilation, int64_t pad, bool enlarged, int64_t phase)
{
    int64_t at = i * dilation - pad;
    return enlarged ? half_down(at + phase) : at;
}

/* Pixels of an enlarged image that taps read for the outputs of a phase, in one dimension. */
static int64_t taps_of_phase(int64_t kernel, int64_t pad, int64_t phase)
{
    return tap_at(kernel - 1, 1, pad, true, phase) - tap_at(0, 1, pad, true, phase) + 1;
}

static direct_axis axis_of(int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad, bool enlarged)
{
    direct_axis axis = {.size = enlarged ? hy_ceil_div(out, 2) : out, .step = stride,
                        .first = tap_at(0, dilation, pad, enlarged, 0)};
    int64_t last = tap_at(kernel - 1, dilation, pad, enlarged, enlarged);
    axis.planes = hy_min64(stride, last - axis.first + 1);
    axis.reach = (last - axis.first) / stride;
    return axis;
}

static int64_t plane_floats(const direct_layout *l, int64_t rows)
{
    int64_t floats = (rows + l->y.reach) * l->band_row;
    return (int64_t)(hy_round_up((size_t)floats, LINE) | LINE); /* an odd number of lines */
}

static int64_t band_floats(const direct_layout *l, int64_t rows)
{
    return l->y.planes * l->x.planes * l->ci * plane_floats(l, rows) + LINE + HY_LANES;
}

/* Rows of a task: enough tasks for dozens of threads, as long as they have some rows, and bands that stay in L2. */
static int64_t rows_of_task(const direct_layout *l, int64_t images)
{
    int64_t rows = hy_ceil_div(images * l->y.size * l->x.blocks, ENOUGH_TASKS);
    rows = hy_min64(hy_max64(rows, FEWEST_ROWS), MOST_ROWS);
    while (rows > FEWEST_ROWS && float_bytes(band_floats(l, rows)) > BAND_BYTES)
        rows--;
    return hy_min64(rows, l->y.size);
}

static direct_layout layout_of(const hy_call *call)
{
    const hy_window *w = &call->window;
    const int64_t *out = call->out.dims;
    direct_layout l = {.ci = call->in[1].dims[2], .co = out[3], .phases = call->upsample2 ? 4 : 1,
                       .sums_weights = call->upsample2 && !call->exact};
    l.y = axis_of(out[1], w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, call->upsample2);
    l.x = axis_of(out[2], w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, call->upsample2);
    l.x.blocks = l.x.size <= WIDEST_BLOCK * 3 / 2 ? 1 : hy_ceil_div(l.x.size, WIDEST_BLOCK);
    l.x.block = l.x.blocks == 1 ? l.x.size : (int64_t)hy_round_up((size_t)hy_ceil_div(l.x.size, l.x.blocks), HY_LANES);
    l.x.blocks = hy_ceil_div(l.x.size, l.x.block);
    bool wide = l.x.block >= SUMMED_TOGETHER * HY_LANES / 2;
    l.band_row = l.x.block + l.x.reach;
    if (wide) {
        int64_t padding = hy_ceil_div(hy_max64(0, -l.x.first), l.x.step);
        l.lead = (LINE - padding % LINE) % LINE;
        l.band_row = (int64_t)hy_round_up((size_t)(l.band_row + l.lead), LINE);
    }
    l.y.block = rows_of_task(&l, out[0]);
    l.y.blocks = hy_ceil_div(l.y.size, l.y.block);
    l.plane = plane_floats(&l, l.y.block);
    l.rows_together = wide ? 1 : hy_min64(l.y.block, hy_ceil_div(SUMMED_TOGETHER * HY_LANES, l.band_row));
    l.sums_row = (int64_t)hy_round_up((size_t)((l.rows_together - 1) * l.band_row + l.x.block), HY_LANES) + HY_LANES;
    int64_t most_steps = (int64_t)w->kernel_h * w->kernel_w * l.ci;
    int64_t channels = (int64_t)hy_round_up((size_t)l.co, TILE_CHANNELS);
    l.phase_weights = float_bytes(most_steps * channels);
    l.phase_distances = hy_round_up((size_t)most_steps * sizeof(int32_t), HY_CACHE_LINE);
    l.band = float_bytes(band_floats(&l, l.y.block));
    l.sums = float_bytes(channels * l.sums_row);
    l.pixels = call->epilogue.residual ? float_bytes(l.x.block * l.co) : 0;
    return l;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

/* Channels of the tile that takes the last `left` of them. */
static int64_t tile_channels(int64_t left)
{
    return left > 4 ? TILE_CHANNELS : left > 2 ? 4 : left;
}

static int64_t distance_in_band(const direct_layout *l, int64_t tap_y, int64_t tap_x, int64_t c)
{
    int64_t y = tap_y - l->y.first, x = tap_x - l->x.first;
    int64_t plane = (y % l->y.step * l->x.planes + x % l->x.step) * l->ci + c;
    return plane * l->plane + y / l->y.step * l->band_row + x / l->x.step;
}

/* Steps are ordered by taps, then input channels. */
static void note_step(const direct_layout *l, direct_phase *phase, int64_t step, int64_t tap_y, int64_t tap_x)
{
    for (int64_t c = 0; c < l->ci; c++)
        phase->distances[step + c] = (int32_t)distance_in_band(l, tap_y, tap_x, c);
}

/* Weights of one tap: [ci][co] to [block of output channels][step][channel]. */
static void add_weights(const direct_layout *l, direct_phase *phase, int64_t step, const hy_view *view,
                        const hy_f32 *filter)
{
    for (int64_t first = 0; first < l->co; first += TILE_CHANNELS) {
        int64_t left = hy_min64(TILE_CHANNELS, l->co - first), channels = tile_channels(left);
        float *to = phase->weights + first * phase->steps + step * channels;
        const hy_f32 *from = filter + first * view->strides[3];
        for (int64_t c = 0; c < l->ci; c++, to += channels, from += view->strides[2])
            for (int64_t k = 0; k < left; k++)
                to[k] += from[k * view->strides[3]];
    }
}

static void prepare_phase(const direct_job *job, direct_phase *phase, const hy_f32 *filter)
{
    const direct_layout *l = &job->layout;
    const hy_window *w = &job->call->window;
    const hy_view *view = &job->call->in[1];
    bool enlarged = job->call->upsample2;
    int64_t top = tap_at(0, w->dilation_h, w->pad_top, enlarged, phase->y);
    int64_t left = tap_at(0, w->dilation_w, w->pad_left, enlarged, phase->x);
    int64_t taps_h = w->kernel_h, taps_w = w->kernel_w;
    if (l->sums_weights) {
        taps_h = taps_of_phase(w->kernel_h, w->pad_top, phase->y);
        taps_w = taps_of_phase(w->kernel_w, w->pad_left, phase->x);
    }
    phase->steps = taps_h * taps_w * l->ci;
    memset(phase->weights, 0, l->phase_weights);
    for (int64_t ky = 0; ky < w->kernel_h; ky++)
        for (int64_t kx = 0; kx < w->kernel_w; kx++) {
            int64_t y = tap_at(ky, w->dilation_h, w->pad_top, enlarged, phase->y);
            int64_t x = tap_at(kx, w->dilation_w, w->pad_left, enlarged, phase->x);
            int64_t tap = l->sums_weights ? (y - top) * taps_w + x - left : ky * taps_w + kx;
            note_step(l, phase, tap * l->ci, y, x);
            add_weights(l, phase, tap * l->ci, view, filter + ky * view->strides[0] + kx * view->strides[1]);
        }
}

/* ---- The band ---------------------------------------------------------------------------------------------------- */

/* A block of the output, in positions of the grid. */
typedef struct direct_block {
    int64_t n, y, x, rows, columns;
} direct_block;

/* A few of each plane. */
static void fill_zeros(float *to, int64_t plane, int64_t count, int64_t planes)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < planes; c++)
            to[c * plane + i] = 0;
}

/* One row of one plane of each channel: positions of the input from `at` on, every step-th. */
static void fill_row(const direct_job *job, float *to, const hy_f32 *from, int64_t at)
{
    const direct_layout *l = &job->layout;
    const hy_image *image = &job->image;
    int64_t step = l->x.step, row = l->x.block + l->x.reach;
    int64_t first = hy_min64(row, at < 0 ? hy_ceil_div(-at, step) : 0);
    int64_t end = from && at < image->width ? hy_min64(row, hy_ceil_div(image->width - at, step)) : 0;
    end = hy_max64(first, end);
    fill_zeros(to, l->plane, first, l->ci);
    fill_zeros(to + end, l->plane, row - end, l->ci);
    if (end > first)
        hy_planes_from_pixels(to + first, l->plane, from + (at + first * step) * image->pixel, step * image->pixel,
                              image->channel, end - first, l->ci);
}

static const hy_f32 *image_row(const direct_job *job, int64_t n, int64_t y)
{
    const hy_image *image = &job->image;
    return y >= 0 && y < image->height ? image->data + n * image->batch + y * image->row : NULL;
}

/* Rows first .. last - 1 of all planes. */
static void fill_band(const direct_job *job, const direct_block *block, int64_t first, int64_t last, float *band)
{
    const direct_layout *l = &job->layout;
    for (int64_t py = 0; py < l->y.planes; py++)
        for (int64_t row = first; row < last; row++) {
            const hy_f32 *from = image_row(job, block->n, (block->y + row) * l->y.step + l->y.first + py);
            for (int64_t px = 0; px < l->x.planes; px++)
                fill_row(job, band + (py * l->x.planes + px) * l->ci * l->plane + row * l->band_row + l->lead, from,
                         block->x * l->x.step + l->x.first + px);
        }
}

/* What the band's row number `row` is made of, where the block begins in it; or, where that is padding, any pixel. */
static const hy_f32 *row_ahead(const direct_job *job, const direct_block *block, int64_t row)
{
    const direct_layout *l = &job->layout;
    const hy_f32 *from = image_row(job, block->n, (block->y + row) * l->y.step + l->y.first);
    return from ? from + hy_max64(0, block->x * l->x.step + l->x.first) * job->image.pixel : job->image.data;
}

/* ---- The tile ---------------------------------------------------------------------------------------------------- */

typedef struct direct_tile {
    const float *in;           /* the first pixel's place in the band */
    const int32_t *distances;
    const float *weights;      /* [steps][channels of the tile] */
    int64_t steps;
    float *sums;               /* [channel][sums_row] */
    int64_t sums_row;
    const hy_store *store;     /* NULL: sums are left as they are */
    const float *scale, *shift;
    const hy_f32 *ahead;       /* of the image: what is copied to the band next, called into the cache meanwhile */
    int64_t ahead_step;        /* for each step */
} direct_tile;

/* Vectors of pixels of one channel. How many there are is known where the functions below are inlined; the others
   vanish. Compilers keep named members in registers; arrays they spill. */
typedef struct tile_row {
    hy_vf v0, v1, v2;
} tile_row;

HY_ALWAYS_INLINE tile_row row_load(const float *from, int vectors)
{
    tile_row row = {.v0 = hy_vf_load(from)};
    if (vectors > 1)
        row.v1 = hy_vf_load(from + HY_LANES);
    if (vectors > 2)
        row.v2 = hy_vf_load(from + 2 * HY_LANES);
    return row;
}

HY_ALWAYS_INLINE tile_row row_add_product(tile_row sum, float weight, tile_row in, int vectors)
{
    hy_vf w = hy_vf_splat(weight);
    sum.v0 = hy_vf_fma(w, in.v0, sum.v0);
    if (vectors > 1)
        sum.v1 = hy_vf_fma(w, in.v1, sum.v1);
    if (vectors > 2)
        sum.v2 = hy_vf_fma(w, in.v2, sum.v2);
    return sum;
}

HY_ALWAYS_INLINE hy_vf finish(const direct_tile *tile, int channel, hy_vf x)
{
    if (tile->store->scale)
        x *= hy_vf_splat(tile->scale[channel]);
    if (tile->store->shift || tile->store->bias)
        x += hy_vf_splat(tile->shift[channel]);
    return hy_store_activate(tile->store, x);
}

HY_ALWAYS_INLINE void row_store(const direct_tile *tile, int channel, tile_row row, int vectors)
{
    float *to = tile->sums + channel * tile->sums_row;
    if (tile->store) {
        row.v0 = finish(tile, channel, row.v0);
        if (vectors > 1)
            row.v1 = finish(tile, channel, row.v1);
        if (vectors > 2)
            row.v2 = finish(tile, channel, row.v2);
    }
    hy_vf_store(to, row.v0);
    if (vectors > 1)
        hy_vf_store(to + HY_LANES, row.v1);
    if (vectors > 2)
        hy_vf_store(to + 2 * HY_LANES, row.v2);
}

HY_ALWAYS_INLINE void sum_tile(const direct_tile *tile, int channels, int vectors)
{
    const int32_t *distances = tile->distances;
    const float *weights = tile->weights, *in = tile->in;
    const int64_t steps = tile->steps, ahead_step = tile->ahead_step;
    const hy_f32 *ahead = tile->ahead;
    tile_row r0 = {0}, r1 = {0}, r2 = {0}, r3 = {0}, r4 = {0}, r5 = {0}, r6 = {0}, r7 = {0};
    for (int64_t s = 0; s < steps; s++, weights += channels, ahead += ahead_step) {
        tile_row x = row_load(in + distances[s], vectors);
        __builtin_prefetch(ahead, 0, 2);
        r0 = row_add_product(r0, weights[0], x, vectors);
        if (channels > 1)
            r1 = row_add_product(r1, weights[1], x, vectors);
        if (channels > 2) {
            r2 = row_add_product(r2, weights[2], x, vectors);
            r3 = row_add_product(r3, weights[3], x, vectors);
        }
        if (channels > 4) {
            r4 = row_add_product(r4, weights[4], x, vectors);
            r5 = row_add_product(r5, weights[5], x, vectors);
            r6 = row_add_product(r6, weights[6], x, vectors);
            r7 = row_add_product(r7, weights[7], x, vectors);
        }
    }
    row_store(tile, 0, r0, vectors);
    if (channels > 1)
        row_store(tile, 1, r1, vectors);
    if (channels > 2) {
        row_store(tile, 2, r2, vectors);
        row_store(tile, 3, r3, vectors);
    }
    if (channels > 4) {
        row_store(tile, 4, r4, vectors);
        row_store(tile, 5, r5, vectors);
        row_store(tile, 6, r6, vectors);
        row_store(tile, 7, r7, vectors);
    }
}

/* Whole tiles, and narrower ones for the rest; rather two of two vectors than one of three and one of one. */
HY_ALWAYS_INLINE void sum_tiles(direct_tile tile, int channels, int64_t vectors)
{
    enum { least = TILE_VECTORS == 3 ? 5 : 2 };
    for (; vectors >= least || vectors == TILE_VECTORS; vectors -= TILE_VECTORS) {
        sum_tile(&tile, channels, TILE_VECTORS);
        tile.in += TILE_VECTORS * HY_LANES;
        tile.sums += TILE_VECTORS * HY_LANES;
        tile.ahead += tile.ahead_step * tile.steps;
    }
    for (; TILE_VECTORS == 3 && vectors >= 2; vectors -= 2) {
        sum_tile(&tile, channels, 2);
        tile.in += 2 * HY_LANES;
        tile.sums += 2 * HY_LANES;
        tile.ahead += tile.ahead_step * tile.steps;
    }
    if (vectors)
        sum_tile(&tile, channels, 1);
}

/* Not inlined: else compilers, short of registers elsewhere, spill in the loop. */
#define ALONE __attribute__((noinline))

static ALONE void sum_one_channel(const direct_tile *tile, int64_t vectors)
{
    sum_tiles(*tile, 1, vectors);
}

static ALONE void sum_two_channels(const direct_tile *tile, int64_t vectors)
{
    sum_tiles(*tile, 2, vectors);
}

static ALONE void sum_four_channels(const direct_tile *tile, int64_t vectors)
{
    sum_tiles(*tile, 4, vectors);
}

#if TILE_CHANNELS == 8
static ALONE void sum_eight_channels(const direct_tile *tile, int64_t vectors)
{
    sum_tiles(*tile, 8, vectors);
}
#endif

static void sum_channels(const direct_tile *tile, int64_t channels, int64_t vectors)
{
    switch (channels) {
    case 1: sum_one_channel(tile, vectors); break;
    case 2: sum_two_channels(tile, vectors); break;
#if TILE_CHANNELS == 8
    case 8: sum_eight_channels(tile, vectors); break;
#endif
    default: sum_four_channels(tile, vectors); break;
    }
}

/* The sums of all channels for `vectors` vectors of pixels from `in` on. */
static void sum_planes(const direct_job *job, const direct_phase *phase, const float *in, int64_t vectors,
                       const hy_f32 *ahead, float *sums)
{
    const direct_layout *l = &job->layout;
    int64_t ahead_step = hy_ceil_div(TILE_VECTORS * HY_LANES * job->image.pixel, hy_max64(phase->steps, 1));
    for (int64_t c = 0; c < l->co; c += TILE_CHANNELS) {
        direct_tile tile = {.in = in, .distances = phase->distances, .weights = phase->weights + c * phase->steps,
                            .steps = phase->steps, .sums = sums + c * l->sums_row, .sums_row = l->sums_row,
                            .store = job->finishes_tiles ? &job->store : NULL, .scale = job->columns.scale + c,
                            .shift = job->columns.shift + c, .ahead = ahead, .ahead_step = c ? 0 : ahead_step};
        sum_channels(&tile, tile_channels(l->co - c), vectors);
    }
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

/* What remains of the epilogue while channels are planes, for a residual comes with the pixels. */
static void finish_planes(const direct_job *job, float *sums, int64_t count)
{
    const hy_store *store = &job->store;
    for (int64_t c = 0; c < job->layout.co; c++, sums += job->layout.sums_row) {
        for (int64_t i = 0; i < count; i += HY_LANES)
            hy_vf_store(sums + i, hy_vf_load(sums + i) * job->columns.scale[c] + job->columns.shift[c]);
        if (!store->residual)
            hy_unary_row(store->activation, store->alpha, sums, count);
    }
}

/* A row of pixels [count][co] with its residual, whose pixels lie `pixel` apart, through the activation. */
static void add_residual(const direct_job *job, float *row, const hy_f32 *residual, int64_t pixel, int64_t count)
{
    const hy_store *store = &job->store;
    int64_t co = job->layout.co, channel = store->residual_channel;
    if (channel == 1 && pixel == co) {
        for (int64_t i = 0; i < count * co; i++)
            row[i] += residual[i];
    } else {
        for (int64_t x = 0; x < count; x++)
            for (int64_t c = 0; c < co; c++)
                row[x * co + c] += residual[x * pixel + c * channel];
    }
    hy_unary_row(store->activation, store->alpha, row, count * co);
}

/* `count` pixels of a row of a phase to the output, from position (y, x) of the grid on. */
static void store_row(const direct_job *job, const direct_phase *phase, const float *sums, int64_t n, int64_t y,
                      int64_t x, int64_t count, float *pixels)
{
    const direct_layout *l = &job->layout;
    const hy_view *out = &job->call->out, *view = job->store.residual_view;
    int64_t scale = job->call->upsample2 ? 2 : 1;
    y = y * scale + phase->y;
    x = x * scale + phase->x;
    if (y >= out->dims[1] || x >= out->dims[2])
        return;
    count = hy_min64(count, hy_ceil_div(out->dims[2] - x, scale));
    hy_f32 *to = job->store.out + out->offset + n * out->strides[0] + y * out->strides[1] + x * out->strides[2];
    int64_t step = scale * out->strides[2];
    if (!view) {
        hy_planes_to_pixels(sums, l->sums_row, to, step, out->strides[3], count, l->co);
        return;
    }
    const hy_f32 *residual = job->store.residual + view->offset + n * view->strides[0] + y * view->strides[1]
        + x * view->strides[2];
    hy_planes_to_pixels(sums, l->sums_row, pixels, l->co, 1, count, l->co);
    add_residual(job, pixels, residual, scale * view->strides[2], count);
    for (int64_t i = 0; i < count; i++)
        hy_copy_strided((char *)(to + i * step), out->strides[3] * (int64_t)sizeof(float),
                        (const char *)(pixels + i * l->co), sizeof(float), l->co, sizeof(float));
}

/* Rows y .. y + rows - 1 of a block, whose sums are kept together. */
static void run_rows(const direct_job *job, const direct_block *block, int64_t y, int64_t rows, const hy_f32 *ahead,
                     const float *band, float *sums, float *pixels)
{
    const direct_layout *l = &job->layout;
    int64_t vectors = hy_ceil_div((rows - 1) * l->band_row + block->columns, HY_LANES);
    for (int64_t p = 0; p < l->phases; p++) {
        sum_planes(job, &job->phase[p], band + y * l->band_row + l->lead, vectors, ahead, sums);
        if (!job->finishes_tiles)
            finish_planes(job, sums, vectors * HY_LANES);
        for (int64_t i = 0; i < rows; i++)
            store_row(job, &job->phase[p], sums + i * l->band_row, block->n, block->y + y + i, block->x,
                      block->columns, pixels);
    }
}

static void direct_task(void *argument, int64_t index, int worker)
{
    const direct_job *job = argument;
    const direct_layout *l = &job->layout;
    float *band = (float *)(job->workers + (size_t)worker * (l->band + l->sums + l->pixels));
    float *sums = band + l->band / sizeof(float), *pixels = sums + l->sums / sizeof(float);
    int64_t row = index / l->x.blocks;
    direct_block block = {.n = row / l->y.blocks, .y = row % l->y.blocks * l->y.block,
                          .x = index % l->x.blocks * l->x.block};
    block.rows = hy_min64(l->y.block, l->y.size - block.y);
    block.columns = hy_min64(l->x.block, l->x.size - block.x);
    for (int64_t y = 0, filled = 0; y < block.rows; y += l->rows_together) {
        int64_t rows = hy_min64(l->rows_together, block.rows - y), needed = y + rows + l->y.reach;
        fill_band(job, &block, filled, needed, band);
        filled = needed;
        run_rows(job, &block, y, rows, row_ahead(job, &block, needed), band, sums, pixels);
    }
}

/* ---- The kernel -------------------------------------------------------------------------------------------------- */

/* Where winograd.c has a form of a fourth of the products. Its transforms cost the more, the fewer channels share them:
   measured, the two take the same time at 8 x 24 and 24 x 8 channels with AVX-512, 8 x 12 and 12 x 8 with AVX2. */
static bool transforms_pay(const hy_call *call)
{
    const hy_window *w = &call->window;
    int64_t ci = call->in[1].dims[2], co = call->in[1].dims[3];
    bool plain = w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1
        && w->dilation_w == 1;
    return !call->exact && plain && ci >= 8 && co >= 8 && ci * co > 12 * HY_LANES;
}

/* Beyond these the matrix product is as fast: measured, a direct sum takes 0.2 to 0.8 of its time with 8 channels on
   one side and up to 32 on the other, 0.9 to 1 with 16 and 32, and more on maps of less than 16 x 16. */
static bool direct_accepts(const hy_call *call)
{
    enum { most_products = 512, fewest_pixels = 256 };
    const hy_window *w = &call->window;
    const int64_t *filter = call->in[1].dims;
    bool enlarges = !call->upsample2
        || (w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1 && w->dilation_w == 1);
    bool few = filter[2] == call->in[0].dims[3] && filter[2] <= MOST_CHANNELS && filter[3] <= MOST_CHANNELS
        && filter[2] * filter[3] <= most_products;
    return hy_gemm_accepts(call) && few && enlarges && call->out.dims[1] * call->out.dims[2] >= fewest_pixels
        && !transforms_pay(call);
}

static size_t shared_bytes(const direct_layout *l)
{
    return (size_t)l->phases * (l->phase_weights + l->phase_distances);
}

static size_t direct_scratch(const hy_call *call, int threads)
{
    if (hy_view_elements(&call->out) == 0)
        return 0;
    direct_layout l = layout_of(call);
    return shared_bytes(&l) + (size_t)threads * (l.band + l.sums + l.pixels);
}

/* Of an enlarged image, outputs of each phase have products of their own number. */
static uint64_t direct_flops(const hy_call *call)
{
    const int64_t *out = call->out.dims;
    const hy_window *w = &call->window;
    int64_t products = 0;
    if (!call->upsample2 || call->exact || hy_view_elements(&call->out) == 0)
        return hy_call_flops(call);
    for (int64_t y = 0; y < 2; y++)
        for (int64_t x = 0; x < 2; x++)
            products += (out[1] + 1 - y) / 2 * taps_of_phase(w->kernel_h, w->pad_top, y) * ((out[2] + 1 - x) / 2)
                * taps_of_phase(w->kernel_w, w->pad_left, x);
    return (uint64_t)(out[0] * products * call->in[1].dims[2] * out[3]) * 2 + hy_call_epilogue_flops(call);
}

static const char *direct_run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    direct_job job = {.call = call, .layout = layout_of(call), .image = hy_image_of(&call->in[0], in[0]),
                      .store = hy_store_make(call, in, out)};
    const direct_layout *l = &job.layout;
    char *memory = scratch;
    job.workers = memory + shared_bytes(l);
    job.finishes_tiles = !job.store.residual && hy_store_activation_is_simple(job.store.activation);
    hy_store_columns_load(&job.columns, &job.store, 0, l->co);
    for (int64_t p = 0; p < l->phases; p++, memory += l->phase_weights + l->phase_distances) {
        job.phase[p] = (direct_phase){.y = p / 2, .x = p % 2, .weights = (float *)memory,
                                      .distances = (int32_t *)(memory + l->phase_weights)};
        prepare_phase(&job, &job.phase[p], hy_operand(&call->in[1], in[1]));
    }
    hy_team_run(team, direct_task, &job, call->out.dims[0] * l->y.blocks * l->x.blocks);
    return NULL;
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_conv2d_direct)[] = {
    {
        .name = "conv2d_direct",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "few channels: vectors run along pixels",
        .accepts = direct_accepts,
        .scratch = direct_scratch,
        .flops = direct_flops,
        .run = direct_run,
    },
    {0},
};
