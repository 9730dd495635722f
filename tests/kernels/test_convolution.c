/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel of conv2d, conv2d_transpose and depthwise, on every instruction set that this machine has, against
 * float64: random windows, layouts and epilogues, between guard pages.
 */
#include "reference.h"

/* Relative L2 error. The transforms of Winograd's algorithm round as well, and their factors spread the sizes. */
#define TOLERANCE 3e-6
#define WINOGRAD_TOLERANCE 1e-5

static double tolerance_of(const hy_kernel *kernel)
{
    return strcmp(kernel->name, "conv2d_winograd") == 0 ? WINOGRAD_TOLERANCE : TOLERANCE;
}

/* ---- Cases ------------------------------------------------------------------------------------------------- */

enum { LAYOUTS = HY_CALL_INPUTS + 1 };

typedef struct conv_problem {
    hy_family family;
    int64_t in[4], filter[4], out[4];
    int64_t groups;
    bool upsample2, exact;
    hy_window window;
    hy_epilogue epilogue;
    test_layout layouts[LAYOUTS]; /* of the inputs, in their order, and in the end of out */
    uint64_t seed;
} conv_problem;

typedef struct prepared {
    hy_call call;
    test_operand in[HY_CALL_INPUTS], out;
    const void *pointers[HY_CALL_INPUTS];
    double *expected;
} prepared;

enum { out_layout = HY_CALL_INPUTS, untouched = 0xa5 };

static void random_window(random_state *random, hy_window *window)
{
    bool square = random_chance(random, 70), plain = random_chance(random, 50);
    window->kernel_h = random_int(random, 1, random_chance(random, 10) ? 7 : 4);
    window->kernel_w = square ? window->kernel_h : random_int(random, 1, 5);
    window->stride_h = plain ? 1 : random_int(random, 1, 3);
    window->stride_w = square ? window->stride_h : random_int(random, 1, 3);
    window->dilation_h = plain ? 1 : random_int(random, 1, 3);
    window->dilation_w = square ? window->dilation_h : random_int(random, 1, 3);
    window->pad_top = random_int(random, 0, window->kernel_h - 1) * window->dilation_h;
    window->pad_left = random_int(random, 0, window->kernel_w - 1) * window->dilation_w;
}

static void random_epilogue(random_state *random, hy_epilogue *epilogue)
{
    static const hy_unary activations[] = {HY_RELU, HY_RELU6, HY_LEAKY_RELU, HY_ELU, HY_SIGMOID, HY_TANH};
    *epilogue = (hy_epilogue){.scale = random_chance(random, 25), .shift = random_chance(random, 60),
                              .residual = random_chance(random, 25), .alpha = 0.3f};
    epilogue->bias = epilogue->scale && random_chance(random, 50);
    if (random_chance(random, 60))
        epilogue->activation = activations[random_int(random, 0, 5)];
}

/* The larger side of a convolution, padded by up to a window: how many windows fit. */
static int64_t random_windows(random_state *random, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
                              int64_t pad)
{
    int64_t padded = size + pad + random_int(random, 0, (int)kernel - 1) * dilation;
    int64_t extent = (kernel - 1) * dilation + 1;
    return padded < extent ? 0 : (padded - extent) / stride + 1;
}

/* A size that the gradient's convolution could have had: at least 1. */
static int64_t random_origin(random_state *random, int64_t windows, int64_t kernel, int64_t stride,
                             int64_t dilation, int64_t pad)
{
    int64_t size = (windows - 1) * stride + (kernel - 1) * dilation + 1 - pad;
    size += random_int(random, 0, (int)stride - 1) - random_int(random, 0, (int)kernel - 1) * dilation;
    return size < 1 ? 1 : size;
}

static void random_channels(random_state *random, conv_problem *problem, int64_t *ci, int64_t *co)
{
    int most = random_chance(random, 10) ? 150 : 40;
    *ci = random_int(random, 1, most);
    *co = random_int(random, 1, random_chance(random, 30) ? 4 : most);
    if (problem->family == HY_CONV2D && random_chance(random, 20)) {
        problem->groups = random_int(random, 2, 4);
        *ci = problem->groups * random_int(random, 1, 20);
        *co = problem->groups * random_int(random, 1, 20);
    }
}

static conv_problem random_problem(hy_family family, uint64_t seed)
{
    random_state state = {seed}, *random = &state;
    conv_problem problem = {.family = family, .groups = 1, .seed = seed};
    hy_window *window = &problem.window;
    int largest = random_chance(random, 30) ? 40 : 12;
    int64_t n = random_chance(random, 20) ? 2 : 1, h = random_int(random, 1, largest);
    int64_t w = random_int(random, 1, largest), ci, co;
    random_window(random, window);
    random_epilogue(random, &problem.epilogue);
    random_channels(random, &problem, &ci, &co);
    problem.upsample2 = family == HY_CONV2D && random_chance(random, 40);
    int64_t oh, ow, kh = window->kernel_h, kw = window->kernel_w, multiplier = random_chance(random, 70) ? 1 : 3;
    if (family == HY_CONV2D_TRANSPOSE) {
        oh = random_origin(random, h, kh, window->stride_h, window->dilation_h, window->pad_top);
        ow = random_origin(random, w, kw, window->stride_w, window->dilation_w, window->pad_left);
    } else {
        int64_t enlarged = problem.upsample2 ? 2 : 1;
        oh = random_windows(random, enlarged * h, kh, window->stride_h, window->dilation_h, window->pad_top);
        ow = random_windows(random, enlarged * w, kw, window->stride_w, window->dilation_w, window->pad_left);
    }
    if (family == HY_DEPTHWISE)
        co = ci * multiplier;
    const int64_t filters[3][4] = {{kh, kw, ci / problem.groups, co}, {kh, kw, co, ci}, {kh, kw, ci, multiplier}};
    const int64_t in[4] = {n, h, w, ci}, out[4] = {n, oh, ow, co};
    memcpy(problem.in, in, sizeof in);
    memcpy(problem.out, out, sizeof out);
    memcpy(problem.filter, filters[family - HY_CONV2D], sizeof problem.filter);
    for (int i = 0; i < LAYOUTS; i++)
        problem.layouts[i] = layout_random(random, 4);
    return problem;
}

static test_layout vector_layout(test_layout layout)
{
    layout.order[0] = 0;
    return layout;
}

static prepared prepare(const conv_problem *problem)
{
    prepared p = {.call = {.family = problem->family, .window = problem->window, .epilogue = problem->epilogue,
                           .upsample2 = problem->upsample2, .exact = problem->exact}};
    const hy_epilogue *epilogue = &problem->epilogue;
    int count = 0;
    p.in[count] = operand_make(HAYA_FLOAT32, 4, problem->in, &problem->layouts[count], 0xff);
    count++;
    p.in[count] = operand_make(HAYA_FLOAT32, 4, problem->filter, &problem->layouts[count], 0xff);
    count++;
    for (int i = 0; i < epilogue->bias + epilogue->scale + epilogue->shift; i++, count++) {
        test_layout layout = vector_layout(problem->layouts[count]);
        p.in[count] = operand_make(HAYA_FLOAT32, 1, &problem->out[3], &layout, 0xff);
    }
    if (epilogue->residual) {
        p.in[count] = operand_make(HAYA_FLOAT32, 4, problem->out, &problem->layouts[count], 0xff);
        count++;
    }
    for (int i = 0; i < count; i++) {
        operand_randomize(&p.in[i], problem->seed * 8 + (uint64_t)i);
        p.call.in[i] = p.in[i].view;
        p.pointers[i] = p.in[i].memory.data;
    }
    p.call.input_count = count;
    p.out = operand_make(HAYA_FLOAT32, 4, problem->out, &problem->layouts[out_layout], untouched);
    p.call.out = p.out.view;
    hy_call_assert(&p.call);
    return p;
}

static void finish(prepared *p)
{
    for (int i = 0; i < p->call.input_count; i++)
        operand_free(&p->in[i]);
    operand_free(&p->out);
    free(p->expected);
}

/* ---- References: values in row-major order ----------------------------------------------------------------- */

/* Calls visit(context, output element, input element, filter element) for every product of the sums. */
typedef void visitor(void *context, int64_t out, int64_t in, int64_t filter);

/* One window: output pixel o, of channel c, reads input pixel i through a tap. */
static void visit_channels(const conv_problem *problem, int64_t o, int64_t i, int64_t tap, visitor *visit,
                           void *context)
{
    const int64_t *filter = problem->filter;
    int64_t ci = problem->in[3], co = problem->out[3];
    if (problem->family == HY_DEPTHWISE) {
        for (int64_t c = 0; c < co; c++)
            visit(context, o * co + c, i * ci + c / filter[3], tap * co + c);
        return;
    }
    int64_t group_in = ci / problem->groups, group_out = co / problem->groups;
    for (int64_t c = 0; c < co; c++)
        for (int64_t k = 0; k < group_in; k++) {
            int64_t in = i * ci + c / group_out * group_in + k;
            bool transposed = problem->family == HY_CONV2D_TRANSPOSE;
            visit(context, o * co + c, in, transposed ? (tap * co + c) * ci + k : (tap * group_in + k) * co + c);
        }
}

/* Over pairs of a window's position and a tap. The transpose swaps which side is the input. */
static void visit_products(const conv_problem *problem, visitor *visit, void *context)
{
    const hy_window *window = &problem->window;
    bool transposed = problem->family == HY_CONV2D_TRANSPOSE;
    const int64_t *windows = transposed ? problem->in : problem->out;
    const int64_t *image = transposed ? problem->out : problem->in;
    int64_t enlarged = problem->upsample2 ? 2 : 1;
    for (int64_t p = 0; p < windows[0] * windows[1] * windows[2]; p++)
        for (int64_t tap = 0; tap < window->kernel_h * window->kernel_w; tap++) {
            int64_t n = p / (windows[1] * windows[2]), wy = p / windows[2] % windows[1], wx = p % windows[2];
            int64_t y = wy * window->stride_h - window->pad_top + tap / window->kernel_w * window->dilation_h;
            int64_t x = wx * window->stride_w - window->pad_left + tap % window->kernel_w * window->dilation_w;
            if (y < 0 || y >= enlarged * image[1] || x < 0 || x >= enlarged * image[2])
                continue;
            int64_t pixel = (n * image[1] + y / enlarged) * image[2] + x / enlarged;
            visit_channels(problem, transposed ? pixel : p, transposed ? p : pixel, tap, visit, context);
        }
}

typedef struct product_sums {
    double *out;
    const double *in, *filter;
} product_sums;

static void add_product(void *context, int64_t out, int64_t in, int64_t filter)
{
    product_sums *sums = context;
    sums->out[out] += sums->in[in] * sums->filter[filter];
}

static double *reference(const conv_problem *problem, const prepared *p)
{
    double *in = operand_values(&p->in[0]), *filter = operand_values(&p->in[1]);
    product_sums sums = {.in = in, .filter = filter};
    sums.out = calloc((size_t)hy_view_elements(&p->out.view) + 1, sizeof(double));
    visit_products(problem, add_product, &sums);
    reference_epilogue(&p->call, p->in, sums.out);
    free(in);
    free(filter);
    return sums.out;
}

/* ---- Tests ------------------------------------------------------------------------------------------------- */

static void describe(const conv_problem *problem, const hy_kernel *kernel)
{
    const hy_window *w = &problem->window;
    printf("    %s/%s, seed %llu: in %lldx%lldx%lldx%lld, out %lldx%lldx%lldx%lld, groups %lld, kernel %dx%d, "
           "stride %d %d, dilation %d %d, padding %d %d%s\n", kernel->name, hy_isa_name(kernel->isa),
           (unsigned long long)problem->seed, (long long)problem->in[0], (long long)problem->in[1],
           (long long)problem->in[2], (long long)problem->in[3], (long long)problem->out[0],
           (long long)problem->out[1], (long long)problem->out[2], (long long)problem->out[3],
           (long long)problem->groups, w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
           w->dilation_w, w->pad_top, w->pad_left, problem->upsample2 ? ", enlarged" : "");
}

static void check_problem(const conv_problem *problem)
{
    prepared p = prepare(problem);
    p.expected = reference(problem, &p);
    const hy_kernel *kernel;
    int kernels = 0;
    for (size_t index = 0; (kernel = next_kernel(&p.call, &index)); kernels++) {
        memset(p.out.memory.data, untouched, p.out.memory.bytes);
        bool good = CHECK(run_kernel(kernel, &p.call, p.pointers, p.out.memory.data, NULL) == NULL);
        double error = relative_error(&p.out, p.expected);
        score_error(error, tolerance_of(kernel));
        score_output(&p.out.view, p.out.memory.data);
        good &= CHECK_NEAR(error, 0, tolerance_of(kernel));
        good &= CHECK(operand_gaps_untouched(&p.out, untouched));
        if (!good)
            describe(problem, kernel);
    }
    CHECK(kernels > 0);
    finish(&p);
}

static void random_problems(hy_family family, int count)
{
    for (int i = 0; i < count; i++) {
        conv_problem problem = random_problem(family, (uint64_t)i + 1);
        check_problem(&problem);
    }
}

static void conv2d_agrees_with_float64(void)
{
    random_problems(HY_CONV2D, 350);
}

static void conv2d_transpose_agrees_with_float64(void)
{
    random_problems(HY_CONV2D_TRANSPOSE, 150);
}

static void depthwise_agrees_with_float64(void)
{
    random_problems(HY_DEPTHWISE, 150);
}

/* A convolution with 'same' padding, everything dense. */
static conv_problem same_problem(hy_family family, int64_t h, int64_t w, int64_t ci, int64_t co, int kernel)
{
    conv_problem problem = {.family = family, .in = {1, h, w, ci}, .out = {1, h, w, co}, .groups = 1, .seed = 1};
    bool transposed = family == HY_CONV2D_TRANSPOSE;
    const int64_t filter[4] = {kernel, kernel, transposed ? co : ci, transposed ? ci : co};
    memcpy(problem.filter, filter, sizeof filter);
    if (family == HY_DEPTHWISE)
        problem.filter[3] = co / ci;
    problem.window = (hy_window){kernel, kernel, 1, 1, 1, 1, (kernel - 1) / 2, (kernel - 1) / 2};
    problem.epilogue = (hy_epilogue){.shift = true, .activation = HY_RELU};
    for (int i = 0; i < LAYOUTS; i++)
        problem.layouts[i] = layout_dense(4);
    return problem;
}

/* The input is half of what it was, read twice in each direction; sizes stay even that way. */
static void enlarge(conv_problem *problem)
{
    problem->upsample2 = true;
    for (int i = 1; i <= 2; i++) {
        problem->out[i] += problem->in[i] % 2;
        problem->in[i] = (problem->in[i] + 1) / 2;
    }
}

static void long_sums_agree_with_float64(void)
{
    static const int64_t shapes[][4] = {{4, 4, 1030, 70}, {3, 3, 300, 65}, {1, 1, 2048, 10}, {40, 40, 1, 64},
                                        {39, 33, 3, 32}, {30, 30, 96, 1}, {30, 30, 96, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kernel = 1; kernel <= 3; kernel += 2)
            for (int family = HY_CONV2D; family <= HY_CONV2D_TRANSPOSE; family++) {
                const int64_t *s = shapes[i];
                conv_problem problem = same_problem((hy_family)family, s[0], s[1], s[2], s[3], kernel);
                check_problem(&problem);
                if (family != HY_CONV2D)
                    continue;
                enlarge(&problem);
                check_problem(&problem);
            }
}

/* 3 x 3 of stride 1, with sizes that are no multiples of the tile, borders of 0 to 2, any layout of the output. */
static conv_problem random_winograd_problem(uint64_t seed)
{
    random_state state = {seed}, *random = &state;
    bool large = seed % 8 == 0; /* maps of more than 64 x 64 take another order of work */
    int smallest = large ? 66 : 10, largest = large ? 75 : 40;
    int64_t h = random_int(random, smallest, largest), w = random_int(random, smallest, largest);
    int64_t ci = random_int(random, 16, large ? 40 : 150), co = random_int(random, 16, large ? 40 : 150);
    conv_problem problem = same_problem(HY_CONV2D, h, w, ci, co, 3);
    problem.in[0] = problem.out[0] = random_chance(random, 30) ? 2 : 1;
    problem.window.pad_top = random_int(random, 0, 2);
    problem.window.pad_left = random_int(random, 0, 2);
    problem.out[1] = h - 2 + problem.window.pad_top + random_int(random, 0, 2);
    problem.out[2] = w - 2 + problem.window.pad_left + random_int(random, 0, 2);
    problem.seed = seed;
    if (seed % 3 == 0)
        enlarge(&problem);
    random_epilogue(random, &problem.epilogue);
    for (int i = 2; i < LAYOUTS; i++)
        problem.layouts[i] = layout_random(random, 4);
    problem.layouts[0].shift = (size_t)random_int(random, 0, 15);
    problem.layouts[1].shift = (size_t)random_int(random, 0, 15);
    return problem;
}

static void winograd_agrees_with_float64(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        conv_problem problem = random_winograd_problem(seed);
        prepared p = prepare(&problem);
        CHECK_STR(hy_kernel_choose(&p.call, HY_ISA_PORTABLE)->name, "conv2d_winograd");
        finish(&p);
        check_problem(&problem);
    }
}

static void winograd_on_tiny_maps_agrees_with_float64(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        random_state state = {seed}, *random = &state;
        int64_t h = random_int(random, 4, 8), w = random_int(random, 4, 8);
        conv_problem problem = same_problem(HY_CONV2D, h, w, random_int(random, 8, 90), random_int(random, 8, 90), 3);
        problem.in[0] = problem.out[0] = random_int(random, 1, 9);
        problem.seed = seed;
        random_epilogue(random, &problem.epilogue);
        prepared p = prepare(&problem);
        CHECK_STR(hy_kernel_choose(&p.call, HY_ISA_PORTABLE)->name, "conv2d_winograd_tiny");
        finish(&p);
        check_problem(&problem);
    }
}

/* 2 x 2 and 3 x 3 behind an enlargement, padded as in networks: there may be kernels for them alone. */
static void enlarged_images_agree_with_float64(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        random_state state = {seed}, *random = &state;
        int smallest = seed % 8 == 0 ? 66 : 8, largest = seed % 8 == 0 ? 75 : 40;
        int64_t h = random_int(random, smallest, largest), w = random_int(random, smallest, largest);
        int64_t ci = random_int(random, 8, 90), co = random_int(random, 8, 90);
        conv_problem problem = same_problem(HY_CONV2D, h, w, ci, co, 2 + (int)(seed % 2));
        enlarge(&problem);
        problem.seed = seed;
        problem.in[0] = problem.out[0] = random_chance(random, 30) ? 2 : 1;
        random_epilogue(random, &problem.epilogue);
        for (int i = 2; i < LAYOUTS; i++)
            problem.layouts[i] = layout_random(random, 4);
        problem.layouts[0].shift = (size_t)random_int(random, 0, 15);
        problem.layouts[1].shift = (size_t)random_int(random, 0, 15);
        check_problem(&problem);
    }
}

/* Few channels, and maps as large as the kernel for these asks for: any window, layout and epilogue, several blocks of
   columns, rows shorter than a vector. */
static conv_problem random_direct_problem(uint64_t seed)
{
    static const int64_t sizes[][2] = {{16, 16}, {17, 33}, {40, 50}, {9, 100}, {3, 401}, {70, 5}, {2, 790}};
    random_state state = {seed}, *random = &state;
    const int64_t *size = sizes[seed % 7];
    bool wide = random_chance(random, 30);
    int64_t ci = random_int(random, 1, wide ? 32 : 9), co = random_int(random, 1, wide ? 32 : 16);
    conv_problem problem = {.family = HY_CONV2D, .groups = 1, .seed = seed, .in = {1, size[0], size[1], ci},
                            .upsample2 = random_chance(random, 40)};
    hy_window *w = &problem.window;
    random_window(random, w);
    if (problem.upsample2 && random_chance(random, 80)) {
        w->stride_h = w->stride_w = w->dilation_h = w->dilation_w = 1;
        w->pad_top = random_int(random, 0, w->kernel_h - 1);
        w->pad_left = random_int(random, 0, w->kernel_w - 1);
    }
    int64_t enlarged = problem.upsample2 ? 2 : 1;
    problem.in[0] = random_chance(random, 30) ? 2 : 1;
    const int64_t out[4] = {
        problem.in[0],
        random_windows(random, enlarged * size[0], w->kernel_h, w->stride_h, w->dilation_h, w->pad_top),
        random_windows(random, enlarged * size[1], w->kernel_w, w->stride_w, w->dilation_w, w->pad_left), co};
    const int64_t filter[4] = {w->kernel_h, w->kernel_w, ci, co};
    memcpy(problem.out, out, sizeof out);
    memcpy(problem.filter, filter, sizeof filter);
    random_epilogue(random, &problem.epilogue);
    for (int i = 0; i < LAYOUTS; i++)
        problem.layouts[i] = random_chance(random, 50) ? layout_dense(4) : layout_random(random, 4);
    return problem;
}

static void few_channels_agree_with_float64(void)
{
    int direct = 0;
    for (uint64_t seed = 1; seed <= 140; seed++) {
        conv_problem problem = random_direct_problem(seed);
        for (problem.exact = false; ; problem.exact = true) {
            prepared p = prepare(&problem);
            direct += strcmp(hy_kernel_choose(&p.call, HY_ISA_PORTABLE)->name, "conv2d_direct") == 0;
            finish(&p);
            check_problem(&problem);
            if (problem.exact || !problem.upsample2)
                break;
        }
    }
    CHECK(direct > 100);
}

/* Runs all kernels; the results' bits must be those of the first call, [kernel]. */
static void compare_runs(const conv_problem *problem, hy_team *team, double **first)
{
    prepared p = prepare(problem);
    const hy_kernel *kernel;
    int k = 0;
    for (size_t index = 0; (kernel = next_kernel(&p.call, &index)); k++) {
        run_kernel(kernel, &p.call, p.pointers, p.out.memory.data, team);
        double *values = operand_values(&p.out);
        size_t bytes = (size_t)hy_view_elements(&p.out.view) * sizeof *values;
        if (!first[k]) {
            first[k] = values;
            continue;
        }
        if (!CHECK(memcmp(first[k], values, bytes) == 0))
            describe(problem, kernel);
        free(values);
    }
    finish(&p);
}

enum { most_kernels = 32 };

static const int64_t invariance_shapes[][6] = { /* family, h, w, ci, co, enlarged */
    {HY_CONV2D, 40, 37, 3, 20, 0}, {HY_CONV2D, 33, 40, 70, 97, 0}, {HY_CONV2D, 8, 8, 200, 130, 0},
    {HY_CONV2D, 40, 40, 64, 1, 0}, {HY_CONV2D, 70, 69, 20, 35, 0}, {HY_CONV2D, 40, 37, 3, 20, 1},
    {HY_CONV2D, 33, 40, 70, 97, 1}, {HY_CONV2D, 40, 40, 64, 1, 1}, {HY_CONV2D, 70, 69, 20, 35, 1},
    {HY_CONV2D, 40, 37, 8, 6, 0}, {HY_CONV2D, 19, 20, 7, 9, 1},
    {HY_CONV2D_TRANSPOSE, 20, 19, 40, 33, 0}, {HY_DEPTHWISE, 30, 31, 70, 70, 0}, {HY_DEPTHWISE, 20, 21, 30, 60, 0},
};

static conv_problem invariance_problem(size_t index)
{
    const int64_t *s = invariance_shapes[index];
    conv_problem problem = same_problem((hy_family)s[0], s[1], s[2], s[3], s[4], 3);
    if (s[5])
        enlarge(&problem);
    return problem;
}

static void results_do_not_depend_on_the_number_of_threads(void)
{
    hy_team *teams[9] = {0};
    for (int threads = 2; threads <= 8; threads++)
        if (!CHECK(hy_team_create(threads, NULL, NULL, &teams[threads], NULL) == HAYA_OK))
            return;
    for (size_t i = 0; i < sizeof invariance_shapes / sizeof *invariance_shapes; i++) {
        double *first[most_kernels] = {0};
        conv_problem problem = invariance_problem(i);
        for (int threads = 1; threads <= 8; threads++)
            compare_runs(&problem, teams[threads], first);
        for (int k = 0; k < most_kernels; k++)
            free(first[k]);
    }
    for (int threads = 2; threads <= 8; threads++)
        hy_team_free(teams[threads]);
}

static void results_do_not_depend_on_alignment(void)
{
    for (size_t i = 0; i < sizeof invariance_shapes / sizeof *invariance_shapes; i++) {
        double *first[most_kernels] = {0};
        conv_problem problem = invariance_problem(i);
        for (size_t shift = 0; shift < 16; shift++) {
            for (int operand = 0; operand < LAYOUTS; operand++)
                problem.layouts[operand].shift = (shift * (1 + 2 * (size_t)operand)) % 16;
            compare_runs(&problem, NULL, first);
        }
        for (int k = 0; k < most_kernels; k++)
            free(first[k]);
    }
}

static void empty_dimensions_are_fine(void)
{
    for (int family = HY_CONV2D; family <= HY_DEPTHWISE; family++)
        for (int empty = 0; empty < 4; empty++) {
            conv_problem problem = same_problem((hy_family)family, 5, 6, 7, 7, 3);
            if (empty == 0)
                problem.in[0] = problem.out[0] = 0;
            else if (empty == 1)
                problem.out[1] = 0;
            else if (empty == 2 && family != HY_DEPTHWISE) /* no input channels: the sums are 0 */
                problem.in[3] = problem.filter[family == HY_CONV2D ? 2 : 3] = 0;
            else
                problem.in[1] = 0; /* nothing but padding */
            check_problem(&problem);
        }
}

static void nothing_is_skipped_where_inputs_are_zero(void)
{
    for (int family = HY_CONV2D; family <= HY_DEPTHWISE; family++) {
        conv_problem problem = same_problem((hy_family)family, 6, 7, 8, 8, 1);
        problem.epilogue.activation = HY_RELU;
        prepared p = prepare(&problem);
        memset(p.in[0].memory.data, 0, p.in[0].memory.bytes);
        for (int64_t i = 0; i < p.in[1].elements; i++)
            float_put(p.in[1].memory.data, i, INFINITY);
        const hy_kernel *kernel;
        for (size_t index = 0; (kernel = next_kernel(&p.call, &index));) {
            run_kernel(kernel, &p.call, p.pointers, p.out.memory.data, NULL);
            int64_t nans = 0;
            for (int64_t i = 0; i < p.out.elements; i++)
                nans += isnan(float_at(p.out.memory.data, i)) != 0;
            if (!CHECK_INT(nans, p.out.elements))
                describe(&problem, kernel);
        }
        finish(&p);
    }
}

void convolution_tests(void)
{
    RUN(conv2d_agrees_with_float64);
    RUN(conv2d_transpose_agrees_with_float64);
    RUN(depthwise_agrees_with_float64);
    RUN(long_sums_agree_with_float64);
    RUN(winograd_agrees_with_float64);
    RUN(winograd_on_tiny_maps_agrees_with_float64);
    RUN(enlarged_images_agree_with_float64);
    RUN(few_channels_agree_with_float64);
    RUN(results_do_not_depend_on_the_number_of_threads);
    RUN(results_do_not_depend_on_alignment);
    RUN(empty_dimensions_are_fine);
    RUN(nothing_is_skipped_where_inputs_are_zero);
}
