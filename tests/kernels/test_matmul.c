/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel of matmul, on every instruction set that this machine has, against float64: random sizes, layouts
 * and epilogues, between guard pages.
 */
#include "reference.h"

#define TOLERANCE 3e-6

enum { LAYOUTS = HY_CALL_INPUTS + 1 };

typedef struct product_problem {
    int64_t m, k, n;
    hy_epilogue epilogue;
    test_layout layouts[LAYOUTS]; /* of the inputs, in their order, and in the end of out */
    uint64_t seed;
} product_problem;

typedef struct prepared {
    hy_call call;
    test_operand in[HY_CALL_INPUTS], out;
    const void *pointers[HY_CALL_INPUTS];
} prepared;

enum { out_layout = HY_CALL_INPUTS, untouched = 0xa5 };

static product_problem random_product(uint64_t seed)
{
    static const hy_unary activations[] = {HY_IDENTITY, HY_RELU, HY_RELU6, HY_LEAKY_RELU, HY_SOFTPLUS, HY_SELU};
    random_state state = {seed}, *random = &state;
    product_problem p = {.seed = seed};
    p.m = random_chance(random, 50) ? random_int(random, 1, 9) : random_int(random, 1, 60);
    p.k = random_int(random, 0, random_chance(random, 20) ? 600 : 50);
    p.n = random_int(random, 1, random_chance(random, 20) ? 300 : 70);
    p.epilogue = (hy_epilogue){.scale = random_chance(random, 25), .shift = random_chance(random, 60),
                               .residual = random_chance(random, 25), .alpha = 0.3f,
                               .activation = activations[random_int(random, 0, 5)]};
    p.epilogue.bias = p.epilogue.scale && random_chance(random, 50);
    for (int i = 0; i < LAYOUTS; i++)
        p.layouts[i] = layout_random(random, 2);
    return p;
}

static product_problem dense_product(int64_t m, int64_t k, int64_t n, bool transpose_b)
{
    product_problem p = {.m = m, .k = k, .n = n, .seed = 1, .epilogue = {.shift = true, .activation = HY_RELU}};
    for (int i = 0; i < LAYOUTS; i++)
        p.layouts[i] = layout_dense(2);
    if (transpose_b) {
        p.layouts[1].order[0] = 1;
        p.layouts[1].order[1] = 0;
    }
    return p;
}

static void add_input(prepared *p, int rank, int64_t a, int64_t b, const product_problem *product)
{
    int i = p->call.input_count++;
    const int64_t dims[2] = {a, b};
    test_layout layout = product->layouts[i];
    if (rank == 1)
        layout.order[0] = 0;
    p->in[i] = operand_make(HAYA_FLOAT32, rank, dims, &layout, 0xff);
    operand_randomize(&p->in[i], product->seed * 8 + (uint64_t)i);
    p->call.in[i] = p->in[i].view;
    p->pointers[i] = p->in[i].memory.data;
}

static prepared prepare(const product_problem *product)
{
    prepared p = {.call = {.family = HY_MATMUL, .epilogue = product->epilogue}};
    const int64_t dims[2] = {product->m, product->n};
    add_input(&p, 2, product->m, product->k, product);
    add_input(&p, 2, product->k, product->n, product);
    if (product->epilogue.bias)
        add_input(&p, 1, product->n, 0, product);
    if (product->epilogue.scale)
        add_input(&p, 1, product->n, 0, product);
    if (product->epilogue.shift)
        add_input(&p, 1, product->n, 0, product);
    if (product->epilogue.residual)
        add_input(&p, 2, product->m, product->n, product);
    p.out = operand_make(HAYA_FLOAT32, 2, dims, &product->layouts[out_layout], untouched);
    p.call.out = p.out.view;
    hy_call_assert(&p.call);
    return p;
}

static void finish(prepared *p)
{
    for (int i = 0; i < p->call.input_count; i++)
        operand_free(&p->in[i]);
    operand_free(&p->out);
}

static double *reference(const product_problem *product, const prepared *p)
{
    double *a = operand_values(&p->in[0]), *b = operand_values(&p->in[1]);
    double *out = calloc((size_t)(product->m * product->n) + 1, sizeof *out);
    for (int64_t i = 0; i < product->m; i++)
        for (int64_t k = 0; k < product->k; k++)
            for (int64_t j = 0; j < product->n; j++)
                out[i * product->n + j] += a[i * product->k + k] * b[k * product->n + j];
    reference_epilogue(&p->call, p->in, out);
    free(a);
    free(b);
    return out;
}

static void describe(const product_problem *product, const hy_kernel *kernel)
{
    printf("    %s/%s, seed %llu: m %lld, k %lld, n %lld\n", kernel->name, hy_isa_name(kernel->isa),
           (unsigned long long)product->seed, (long long)product->m, (long long)product->k, (long long)product->n);
}

static void check_product(const product_problem *product)
{
    prepared p = prepare(product);
    double *expected = reference(product, &p);
    const hy_kernel *kernel;
    int kernels = 0;
    for (size_t index = 0; (kernel = next_kernel(&p.call, &index)); kernels++) {
        memset(p.out.memory.data, untouched, p.out.memory.bytes);
        bool good = CHECK(run_kernel(kernel, &p.call, p.pointers, p.out.memory.data, NULL) == NULL);
        double error = relative_error(&p.out, expected);
        score_error(error, TOLERANCE);
        score_output(&p.out.view, p.out.memory.data);
        good &= CHECK_NEAR(error, 0, TOLERANCE);
        good &= CHECK(operand_gaps_untouched(&p.out, untouched));
        if (!good)
            describe(product, kernel);
    }
    CHECK(kernels > 0);
    free(expected);
    finish(&p);
}

static void random_products_agree_with_float64(void)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        product_problem product = random_product(seed);
        check_product(&product);
    }
}

static void long_sums_agree_with_float64(void)
{
    static const int64_t sizes[][3] = {{1, 4000, 10}, {1, 700, 1100}, {3, 1025, 65}, {8, 520, 130}, {9, 3000, 17},
                                       {250, 300, 70}, {100, 6001, 3}, {700, 20, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int transpose = 0; transpose < 2; transpose++) {
            product_problem product = dense_product(sizes[i][0], sizes[i][1], sizes[i][2], transpose);
            check_product(&product);
        }
}

/* Runs all kernels; the results' bits must be those of the first call, [kernel]. */
static void compare_runs(const product_problem *product, hy_team *team, double **first)
{
    prepared p = prepare(product);
    const hy_kernel *kernel;
    int k = 0;
    for (size_t index = 0; (kernel = next_kernel(&p.call, &index)); k++) {
        run_kernel(kernel, &p.call, p.pointers, p.out.memory.data, team);
        double *values = operand_values(&p.out);
        if (!first[k]) {
            first[k] = values;
            continue;
        }
        if (!CHECK(memcmp(first[k], values, (size_t)(product->m * product->n) * sizeof *values) == 0))
            describe(product, kernel);
        free(values);
    }
    finish(&p);
}

enum { most_kernels = 32 };

static const int64_t invariance_sizes[][3] = {{1, 1200, 1030}, {4, 333, 77}, {20, 50, 130}, {260, 140, 100}};

static void results_do_not_depend_on_the_number_of_threads(void)
{
    hy_team *teams[9] = {0};
    for (int threads = 2; threads <= 8; threads++)
        if (!CHECK(hy_team_create(threads, NULL, NULL, &teams[threads], NULL) == HAYA_OK))
            return;
    for (size_t i = 0; i < 2 * sizeof invariance_sizes / sizeof *invariance_sizes; i++) {
        const int64_t *s = invariance_sizes[i / 2];
        double *first[most_kernels] = {0};
        product_problem product = dense_product(s[0], s[1], s[2], i % 2);
        for (int threads = 1; threads <= 8; threads++)
            compare_runs(&product, teams[threads], first);
        for (int k = 0; k < most_kernels; k++)
            free(first[k]);
    }
    for (int threads = 2; threads <= 8; threads++)
        hy_team_free(teams[threads]);
}

static void results_do_not_depend_on_alignment(void)
{
    for (size_t i = 0; i < 2 * sizeof invariance_sizes / sizeof *invariance_sizes; i++) {
        const int64_t *s = invariance_sizes[i / 2];
        double *first[most_kernels] = {0};
        product_problem product = dense_product(s[0], s[1], s[2], i % 2);
        for (size_t shift = 0; shift < 16; shift++) {
            for (int operand = 0; operand < LAYOUTS; operand++)
                product.layouts[operand].shift = (shift * (1 + 2 * (size_t)operand)) % 16;
            compare_runs(&product, NULL, first);
        }
        for (int k = 0; k < most_kernels; k++)
            free(first[k]);
    }
}

static void empty_dimensions_are_fine(void)
{
    static const int64_t sizes[][3] = {{0, 5, 6}, {5, 0, 6}, {5, 6, 0}, {0, 0, 0}, {1, 0, 70}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int transpose = 0; transpose < 2; transpose++) {
            product_problem product = dense_product(sizes[i][0], sizes[i][1], sizes[i][2], transpose);
            check_product(&product);
        }
}

static void nothing_is_skipped_where_inputs_are_zero(void)
{
    for (int64_t m = 1; m <= 16; m *= 4)
        for (int transpose = 0; transpose < 2; transpose++) {
            product_problem product = dense_product(m, 7, 9, transpose);
            prepared p = prepare(&product);
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
                    describe(&product, kernel);
            }
            finish(&p);
        }
}

void matmul_tests(void)
{
    RUN(random_products_agree_with_float64);
    RUN(long_sums_agree_with_float64);
    RUN(results_do_not_depend_on_the_number_of_threads);
    RUN(results_do_not_depend_on_alignment);
    RUN(empty_dimensions_are_fine);
    RUN(nothing_is_skipped_where_inputs_are_zero);
}
