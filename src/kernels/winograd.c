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
#include "kernels/winograd.h"

enum {
    PANELS = HY_WINOGRAD_COLUMNS / HY_GEMM_COLUMNS, /* of a block of columns, each as wide as the register tile */
    PAD = HY_CACHE_LINE / (int)sizeof(float),       /* keeps strides off powers of two */
    FEWEST_CHANNELS = 8,                            /* below, transforms cost more than they save */
    FEWEST_PIXELS = 4,                              /* of a side */
    TINY_MAP = 8,                                   /* side up to which 2 x 2 outputs are as fast, and more exact */
    LARGE_MAP = 64 * 64,                            /* pixels */
    LARGE_WEIGHTS = 64 * 1024,                      /* ci * co beyond which transformed weights leave the caches */
    MOST_SUMS = 78 * 36,                            /* tiles times products of a task's block */
    FEWEST_TILES = 12,                              /* of a block, for which its panels are worth their reading */
    FEWEST_TASKS = 4                                /* where a map has tiles enough */
};

static size_t float_bytes(int64_t count)
{
    return hy_round_up((size_t)count * sizeof(float), HY_CACHE_LINE);
}

/* The pixels that stand twice must begin together with the tiles. */
static hy_form form_of(const hy_call *call)
{
    const hy_window *w = &call->window;
    bool small = w->kernel_h == 2 && w->kernel_w == 2;
    bool enlarged = call->upsample2 && w->pad_top == !small && w->pad_left == !small;
    bool tiny = call->out.dims[1] <= TINY_MAP && call->out.dims[2] <= TINY_MAP;
    return !enlarged ? tiny ? HY_F23 : HY_F43 : small ? HY_F22_ENLARGED : HY_F43_ENLARGED;
}

static hy_winograd_layout layout_of(const hy_call *call)
{
    hy_form form = form_of(call);
    hy_winograd_layout l = {.form = form, .pixels = hy_form_pixels(form), .products = hy_form_products(form),
                            .outputs = hy_form_outputs(form), .ci = call->in[1].dims[2], .co = call->out.dims[3]};
    int64_t inputs = l.pixels * l.pixels, slots = l.products * l.products;
    l.column_blocks = hy_ceil_div(l.co, HY_WINOGRAD_COLUMNS);
    l.tiles_h = hy_ceil_div(call->out.dims[1], l.outputs);
    l.tiles_w = hy_ceil_div(call->out.dims[2], l.outputs);
    l.tiles = call->out.dims[0] * l.tiles_h * l.tiles_w;
    int64_t map = l.tiles * l.outputs * l.outputs;
    l.weights_first = map > LARGE_MAP || (map == LARGE_MAP && l.ci * l.co <= LARGE_WEIGHTS) || l.column_blocks == 1;
    /* V of a block of tiles stays within 2 MiB, so that it comes from the second or a near third level. */
    int64_t fitting = ((int64_t)2 << 20) / (inputs * l.ci * (int64_t)sizeof(float));
    int64_t block = (int64_t)hy_round_up((size_t)hy_max64(24, hy_min64(fitting, MOST_SUMS / slots)), HY_GEMM_ROWS);
    int64_t shared_out = (int64_t)hy_round_up((size_t)hy_ceil_div(l.tiles, FEWEST_TASKS), HY_GEMM_SHORT_ROWS);
    l.block_tiles = l.weights_first ? hy_min64(block, hy_max64(shared_out, FEWEST_TILES)) : l.tiles;
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

/* ---- Products ---------------------------------------------------------------------------------------------------- */

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

static int input_of(const hy_winograd_layout *l, int slot)
{
    return hy_form_factor(l->form, slot / l->products) * l->pixels + hy_form_factor(l->form, slot % l->products);
}

/* m += v u for one panel, of whose columns the first `columns` are wanted: rows [tiles], v at the first tile and k, u
   at the first k. */
static void multiply_panel(const hy_winograd_layout *l, const float *v, int64_t tiles, const float *u, int64_t k_count,
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

/* ---- Weights first ----------------------------------------------------------------------------------------------- */

enum { WEIGHT_TASK = 32 }; /* input channels of a task */

static int64_t u_panel_floats(const hy_winograd_layout *l)
{
    return l->products * l->products * l->u_slot;
}

static int64_t u_block_floats(const hy_winograd_layout *l)
{
    return (int64_t)(float_bytes(PANELS * u_panel_floats(l)) / sizeof(float));
}

static void weights_task(void *argument, int64_t index, int worker)
{
    const hy_winograd *job = argument;
    const hy_winograd_layout *l = &job->layout;
    int64_t parts = hy_ceil_div(l->ci, WEIGHT_TASK), block = index / parts, first = index % parts * WEIGHT_TASK;
    float *u = job->shared + block * u_block_floats(l) + first * HY_GEMM_COLUMNS;
    hy_winograd_weights(job, block * HY_WINOGRAD_COLUMNS, first, hy_min64(WEIGHT_TASK, l->ci - first), u);
    (void)worker;
}

static void tiles_task(void *argument, int64_t index, int worker)
{
    const hy_winograd *job = argument;
    const hy_winograd_layout *l = &job->layout;
    float *v = (float *)(job->workers + (size_t)worker * l->worker);
    float *m = v + float_bytes(l->pixels * l->pixels * l->v_slot) / sizeof(float);
    int64_t first = index * l->block_tiles, count = hy_min64(l->block_tiles, l->tiles - first);
    hy_winograd_inputs(job, first, count, v);
    for (int64_t column = 0; column < l->co; column += HY_GEMM_COLUMNS) {
        const float *u = job->shared + column / HY_WINOGRAD_COLUMNS * u_block_floats(l)
            + column % HY_WINOGRAD_COLUMNS / HY_GEMM_COLUMNS * u_panel_floats(l);
        multiply_panel(l, v, count, u, l->ci, l->co - column, m, true);
        hy_winograd_outputs(job, first, count, m, column);
    }
}

/* ---- Inputs first ------------------------------------------------------------------------------------------------ */

enum { INPUT_TASK = 4 }; /* tiles of a task */

static void inputs_task(void *argument, int64_t index, int worker)
{
    const hy_winograd *job = argument;
    const hy_winograd_layout *l = &job->layout;
    int64_t first = index * INPUT_TASK;
    hy_winograd_inputs(job, first, hy_min64(INPUT_TASK, l->tiles - first), job->shared + first * l->v_row);
    (void)worker;
}

static void columns_task(void *argument, int64_t index, int worker)
{
    const hy_winograd *job = argument;
    const hy_winograd_layout *l = &job->layout;
    float *u = (float *)(job->workers + (size_t)worker * l->worker), *m = u + u_block_floats(l);
    int64_t column = index * HY_WINOGRAD_COLUMNS, columns = hy_min64(HY_WINOGRAD_COLUMNS, l->co - column);
    int64_t panels = hy_ceil_div(columns, HY_GEMM_COLUMNS), m_panel = l->products * l->products * l->m_slot;
    for (int64_t k = 0; k < l->ci; k += l->block_k) {
        int64_t count = hy_min64(l->block_k, l->ci - k);
        hy_winograd_weights(job, column, k, count, u);
        for (int64_t p = 0; p < panels; p++)
            multiply_panel(l, job->shared + k, l->tiles, u + p * u_panel_floats(l), count,
                           columns - p * HY_GEMM_COLUMNS, m + p * m_panel, k == 0);
    }
    for (int64_t p = 0; p < panels; p++)
        hy_winograd_outputs(job, 0, l->tiles, m + p * m_panel, column + p * HY_GEMM_COLUMNS);
}

/* ---- The kernels ------------------------------------------------------------------------------------------------- */

static size_t scratch(const hy_call *call, int threads)
{
    hy_winograd_layout l = layout_of(call);
    return l.zeros + l.shared + (size_t)threads * l.worker;
}

static uint64_t flops(const hy_call *call)
{
    hy_winograd_layout l = layout_of(call);
    return (uint64_t)(l.tiles * l.products * l.products * l.ci * l.co) * 2 + hy_call_epilogue_flops(call);
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *memory, hy_team *team)
{
    hy_winograd_layout l = layout_of(call);
    bool enlarged = l.form == HY_F43_ENLARGED || l.form == HY_F22_ENLARGED;
    hy_winograd job = {.call = call, .layout = l, .store = hy_store_make(call, in, out),
                       .image = enlarged ? hy_image_of(&call->in[0], in[0]) : hy_image_of_call(call, in[0]),
                       .filter = hy_operand(&call->in[1], in[1]), .zeros = memset(memory, 0, l.zeros),
                       .shared = (float *)((char *)memory + l.zeros),
                       .workers = (char *)memory + l.zeros + l.shared};
    if (l.weights_first) {
        hy_team_run(team, weights_task, &job, l.column_blocks * hy_ceil_div(l.ci, WEIGHT_TASK));
        hy_team_run(team, tiles_task, &job, hy_ceil_div(l.tiles, l.block_tiles));
    } else {
        hy_team_run(team, inputs_task, &job, hy_ceil_div(l.tiles, INPUT_TASK));
        hy_team_run(team, columns_task, &job, l.column_blocks);
    }
    return NULL;
}

static bool accepts(const hy_call *call, hy_form form)
{
    const hy_window *w = &call->window;
    const hy_view *filter = &call->in[1];
    int32_t taps = hy_form_taps(form);
    bool plain = w->kernel_h == taps && w->kernel_w == taps && w->stride_h == 1 && w->stride_w == 1
        && w->dilation_h == 1 && w->dilation_w == 1 && filter->dims[2] == call->in[0].dims[3];
    bool large = filter->dims[2] >= FEWEST_CHANNELS && call->out.dims[3] >= FEWEST_CHANNELS
        && call->out.dims[1] >= FEWEST_PIXELS && call->out.dims[2] >= FEWEST_PIXELS;
    return !call->exact && plain && large && form_of(call) == form && hy_gemm_accepts(call)
        && filter->strides[3] == 1 && hy_image_is_packed(&call->in[0]);
}

static bool f43_accepts(const hy_call *call)
{
    return accepts(call, HY_F43);
}

static bool f23_accepts(const hy_call *call)
{
    return accepts(call, HY_F23);
}

static bool f43_enlarged_accepts(const hy_call *call)
{
    return accepts(call, HY_F43_ENLARGED);
}

static bool f22_enlarged_accepts(const hy_call *call)
{
    return accepts(call, HY_F22_ENLARGED);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_winograd)[] = {
    {
        .name = "conv2d_winograd_enlarged",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 on an image whose pixels stand twice: 25 products for 16 outputs instead of 144",
        .accepts = f43_enlarged_accepts,
        .scratch = scratch,
        .flops = flops,
        .run = run,
    },
    {
        .name = "conv2d_2x2_enlarged",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "2x2 on an image whose pixels stand twice: 4 products for 4 outputs instead of 16",
        .accepts = f22_enlarged_accepts,
        .scratch = scratch,
        .flops = flops,
        .run = run,
    },
    {
        .name = "conv2d_winograd",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 of stride 1 with 8 channels or more: F(4x4, 3x3) takes 36 products for 16 outputs instead of 144",
        .accepts = f43_accepts,
        .scratch = scratch,
        .flops = flops,
        .run = run,
    },
    {
        .name = "conv2d_winograd_tiny",
        .family = HY_CONV2D,
        .isa = HY_ISA_THIS,
        .why = "3x3 of stride 1 on a tiny map: F(2x2, 3x3) takes 16 products for 4 outputs instead of 36",
        .accepts = f23_accepts,
        .scratch = scratch,
        .flops = flops,
        .run = run,
    },
    {0},
};
