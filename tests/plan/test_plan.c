/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: shapes, limits, what is fused and what is not, and memory that is used again.
 */
#include "../test.h"
#include "../graph/nets.h"
#include "../run/loop.h"

static haya_model *open_unet(int64_t width)
{
    net n = {0};
    net_unet(&n, "", width, 1);
    return net_open(&n, "unet.pb");
}

/* Whether a step of the plan has just these operations. */
static bool has_step(const haya_plan *plan, const char *op)
{
    haya_step step;
    for (size_t i = 0; haya_plan_step(plan, i, &step) == HAYA_OK; i++)
        if (strcmp(step.op, op) == 0)
            return true;
    return false;
}

static void print_steps(const haya_plan *plan)
{
    haya_step step;
    for (size_t i = 0; haya_plan_step(plan, i, &step) == HAYA_OK; i++)
        printf("    %s: %s (%s)\n", step.node, step.op, step.kernel);
}

static bool check_step(const haya_plan *plan, const char *op, bool expected)
{
    bool passed = has_step(plan, op) == expected;
    if (!CHECK(passed)) {
        printf("    %s %s\n", expected ? "there is no" : "there is", op);
        print_steps(plan);
    }
    return passed;
}

/* The relative L2 distance. */
static double distance(const haya_tensor *a, const haya_tensor *b)
{
    double error = 0, norm = 0;
    const float *x = a->data, *y = b->data;
    if (a->bytes != b->bytes)
        return INFINITY;
    for (uint64_t i = 0; i < a->bytes / sizeof *x; i++) {
        error += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        norm += (double)y[i] * (double)y[i];
    }
    return error == 0 ? 0 : sqrt(error / norm);
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

static void a_plan_knows_its_outputs_before_any_run(void)
{
    haya_model *model = open_unet(4);
    haya_error error;
    haya_program *program = loop_program(model, NULL, NULL, &error);
    haya_shape shape = loop_shape(4, 2, 16, 24, 1);
    haya_plan *plan;
    CHECK_INT(haya_plan_create(program, &shape, 1, NULL, &plan, &error), HAYA_OK);
    if (CHECK(plan)) {
        haya_value value;
        haya_plan_info info;
        haya_step step;
        haya_plan_get_info(plan, &info);
        CHECK_INT(info.input_count, 1);
        CHECK_INT(info.output_count, 1);
        CHECK(info.scratch_bytes > 0);
        CHECK(info.flops > 2 * 2 * 16 * 24 * 9 * 4);
        CHECK_INT(haya_plan_input(plan, 0, &value), HAYA_OK);
        CHECK_STR(value.name, "x");
        CHECK_INT(value.shape.dims[2], 24);
        CHECK_INT(haya_plan_output(plan, 0, &value), HAYA_OK);
        CHECK_STR(value.name, "y");
        CHECK_INT(value.dtype, HAYA_FLOAT32);
        CHECK_INT(value.shape.rank, 4);
        for (int i = 0; i < 4; i++)
            CHECK_INT(value.shape.dims[i], shape.dims[i]);
        uint64_t flops = 0, executed = 0;
        for (size_t i = 0; i < info.step_count; i++) {
            CHECK_INT(haya_plan_step(plan, i, &step), HAYA_OK);
            CHECK(step.node[0] && step.op[0] && strchr(step.kernel, '/') && step.why && step.bytes);
            CHECK_INT(step.executed_flops == step.flops, !strstr(step.kernel, "winograd"));
            flops += step.flops;
            executed += step.executed_flops;
        }
        CHECK_INT(flops, info.flops);
        CHECK_INT(executed, info.executed_flops);
        CHECK_INT(haya_plan_step(plan, info.step_count, &step), HAYA_ERROR_NOT_FOUND);
        CHECK_INT(haya_plan_input(plan, 1, &value), HAYA_ERROR_NOT_FOUND);
        CHECK_INT(haya_plan_output(plan, 1, &value), HAYA_ERROR_NOT_FOUND);
    }
    haya_plan_free(plan);
    haya_program_free(program);
    haya_model_close(model);
}

/* Each image of a batch gives what it gives alone, at several sizes. */
static void batches_and_sizes_agree(void)
{
    static const int64_t sizes[][2] = {{2, 2}, {4, 6}, {16, 10}, {34, 18}};
    haya_model *model = open_unet(4);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        haya_shape one = loop_shape(4, 1, sizes[i][0], sizes[i][1], 1), three = one;
        loop single, batch;
        three.dims[0] = 3;
        if (!CHECK(loop_make(&single, model, NULL, NULL, &one, 1))
            || !CHECK(loop_make(&batch, model, NULL, NULL, &three, 1)))
            return;
        CHECK_INT(loop_run(&batch), HAYA_OK);
        for (size_t k = 0; k < 3; k++) {
            haya_tensor part = batch.out[0];
            part.bytes /= 3;
            part.data = (uint8_t *)batch.out[0].data + k * part.bytes;
            memcpy(single.in[0].data, (uint8_t *)batch.in[0].data + k * single.in[0].bytes, single.in[0].bytes);
            CHECK_INT(loop_run(&single), HAYA_OK);
            CHECK(distance(&single.out[0], &part) < 1e-6);
        }
        loop_free(&single);
        loop_free(&batch);
    }
    haya_model_close(model);
}

static bool has_kernel(const haya_plan *plan, const char *name)
{
    haya_step step;
    for (size_t i = 0; haya_plan_step(plan, i, &step) == HAYA_OK; i++)
        if (strstr(step.kernel, name))
            return true;
    return false;
}

/* A plan of another precision is another plan of the same program: other kernels, nearly the same result. */
static void an_exact_plan_has_no_kernel_that_rounds_more(void)
{
    haya_model *model = open_unet(16);
    haya_shape shape = loop_shape(4, 1, 32, 32, 1);
    haya_plan_options options = {.struct_size = sizeof options, .precision = HAYA_PRECISION_EXACT};
    haya_error error;
    haya_plan *exact;
    loop fast;
    if (!CHECK(loop_make(&fast, model, NULL, NULL, &shape, 1))
        || !CHECK_INT(haya_plan_create(fast.program, &shape, 1, &options, &exact, &error), HAYA_OK))
        return;
    CHECK(has_kernel(fast.plan, "conv2d_winograd"));
    CHECK(!has_kernel(exact, "conv2d_winograd"));
    haya_plan_info fast_info, exact_info;
    haya_plan_get_info(fast.plan, &fast_info);
    haya_plan_get_info(exact, &exact_info);
    CHECK_INT(fast_info.flops, exact_info.flops);
    CHECK_INT(exact_info.executed_flops, exact_info.flops);
    CHECK(fast_info.executed_flops < exact_info.executed_flops);
    CHECK_INT(loop_run(&fast), HAYA_OK);
    float *map = malloc(fast.out[0].bytes);
    haya_tensor out = haya_tensor_dense(HAYA_FLOAT32, fast.out[0].shape, map);
    CHECK_INT(haya_session_reserve(fast.session, exact, &error), HAYA_OK);
    CHECK_INT(haya_run(fast.session, exact, fast.weights, fast.in, 1, &out, 1, &error), HAYA_OK);
    CHECK(distance(&out, &fast.out[0]) < 1e-5);
    haya_plan_free(exact);
    options.precision = (haya_precision)2;
    CHECK_INT(haya_plan_create(fast.program, &shape, 1, &options, &exact, &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "precision");
    free(map);
    loop_free(&fast);
    haya_model_close(model);
}

static void check_shape_refused(haya_program *program, haya_shape shape, haya_status status, const char *text)
{
    haya_plan *plan;
    haya_error error;
    if (!CHECK_INT(haya_plan_create(program, &shape, 1, NULL, &plan, &error), status) || status == HAYA_OK) {
        haya_plan_free(plan);
        return;
    }
    CHECK(!plan);
    CHECK_HAS(error.message, text);
    CHECK_HAS(error.message, "unet.pb");
}

static void wrong_shapes_are_refused(void)
{
    haya_model *model = open_unet(4);
    haya_error error;
    haya_plan *plan;
    haya_program *program = loop_program(model, NULL, NULL, &error);
    check_shape_refused(program, loop_shape(4, 1, 8, 8, 3), HAYA_ERROR_SHAPE, "'x'");
    check_shape_refused(program, loop_shape(3, 8, 8, 1, 0), HAYA_ERROR_SHAPE, "[8, 8, 1]");
    check_shape_refused(program, loop_shape(4, -1, 8, 8, 1), HAYA_ERROR_SHAPE, "[?, 8, 8, 1]");
    check_shape_refused(program, loop_shape(-1, 0, 0, 0, 0), HAYA_ERROR_SHAPE, "unknown rank");
    check_shape_refused(program, loop_shape(9, 1, 8, 8, 1), HAYA_ERROR_SHAPE, "'x'");
    check_shape_refused(program, loop_shape(100000, 1, 8, 8, 1), HAYA_ERROR_SHAPE, "'x'");
    check_shape_refused(program, loop_shape(4, 1, 9, 8, 1), HAYA_ERROR_SHAPE, "'join' (ConcatV2)");
    check_shape_refused(program, loop_shape(4, INT64_MAX, 8, 8, 1), HAYA_ERROR_LIMIT, "'x'");
    check_shape_refused(program, loop_shape(4, 1, (int64_t)1 << 30, (int64_t)1 << 30, 1), HAYA_ERROR_LIMIT, "");
    CHECK_INT(haya_plan_create(program, NULL, 0, NULL, &plan, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_plan_create(program, (haya_shape[2]){{0}}, 2, NULL, &plan, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_plan_create(NULL, (haya_shape[1]){{0}}, 1, NULL, &plan, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_plan_create(program, (haya_shape[1]){{0}}, 1, NULL, NULL, &error), HAYA_ERROR_ARGUMENT);
    haya_plan_options options = {.struct_size = 1};
    CHECK_INT(haya_plan_create(program, (haya_shape[1]){{0}}, 1, &options, &plan, &error), HAYA_ERROR_ARGUMENT);
    options = (haya_plan_options){.struct_size = sizeof options, .threads = -1};
    CHECK_INT(haya_plan_create(program, (haya_shape[1]){{0}}, 1, &options, &plan, &error), HAYA_ERROR_ARGUMENT);
    haya_program_free(program);
    haya_model_close(model);
}

/* No images at all are no error, and nothing is computed. */
static void an_empty_batch_runs(void)
{
    net n = {0};
    net_input(&n, "x", 2, (int64_t[]){-1, 3});
    net_weights(&n, "w", 2, (int64_t[]){3, 5}, 1);
    net_op(&n, "y", "MatMul", "x w");
    net_op(&n, "z", "Relu", "y");
    haya_model *model = net_open(&n, "empty.pb");
    haya_shape shape = loop_shape(2, 0, 3, 0, 0);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, "z x", &shape, 1)))
        CHECK_INT(loop_run(&l), HAYA_OK);
    loop_free(&l);
    haya_model_close(model);
}

/* ---- Limits ------------------------------------------------------------------------------------------------------ */

static void too_much_scratch_is_refused(void)
{
    haya_model *model = open_unet(4);
    haya_error error;
    haya_program *program = loop_program(model, NULL, NULL, &error);
    haya_shape shape = loop_shape(4, 1, 64, 64, 1);
    haya_plan *plan, *refused;
    haya_plan_info info;
    haya_plan_options options = {.struct_size = sizeof options, .threads = 1};
    CHECK_INT(haya_plan_create(program, &shape, 1, &options, &plan, &error), HAYA_OK);
    haya_plan_get_info(plan, &info);
    options.max_scratch_bytes = info.scratch_bytes - 1;
    CHECK_INT(haya_plan_create(program, &shape, 1, &options, &refused, &error), HAYA_ERROR_LIMIT);
    CHECK(!refused);
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%llu bytes", (unsigned long long)info.scratch_bytes);
    CHECK_HAS(error.message, bytes);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)info.scratch_bytes - 1);
    CHECK_HAS(error.message, bytes);
    CHECK_HAS(error.message, "'join'");
    CHECK_STR(error.node, "join");
    CHECK_HAS(error.message, "[1, 64, 64, 12]");
    options.max_scratch_bytes = info.scratch_bytes;
    CHECK_INT(haya_plan_create(program, &shape, 1, &options, &refused, &error), HAYA_OK);
    haya_plan_free(refused);
    haya_plan_free(plan);
    haya_program_free(program);
    haya_model_close(model);
}

static void a_plan_without_steps_can_exceed_the_limit(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){-1});
    net_const(&n, "none", GD_FLOAT, 1, (int64_t[]){0}, NULL, 0);
    net_input(&n, "unused", 1, (int64_t[]){-1});
    net_op(&n, "empty", "Mul", "x none");
    haya_model *model = net_open(&n, "empty.pb");
    haya_error error;
    haya_program *program = loop_program(model, "x unused", "empty", &error);
    haya_shape shapes[2] = {loop_shape(1, 1, 0, 0, 0), loop_shape(1, 1000, 0, 0, 0)};
    haya_plan_options options = {.struct_size = sizeof options, .max_scratch_bytes = 1};
    haya_plan *plan;
    if (!CHECK(program))
        printf("    %s\n", error.message);
    CHECK_INT(haya_plan_create(program, shapes, 2, &options, &plan, &error), HAYA_ERROR_LIMIT);
    haya_plan_free(plan);
    haya_program_free(program);
    haya_model_close(model);
}

/* value filled into a shape that is a constant: [5000000] floats are 20 MB, and a file of a few bytes. */
static void constants_beyond_16_mebibytes_are_refused(void)
{
    net n = {0};
    haya_error error;
    int32_t counts[2] = {4 * 1024 * 1024, 4 * 1024 * 1024 + 1};
    for (int i = 0; i < 2; i++) {
        net_ints(&n, "dims", 1, &counts[i]);
        net_int(&n, "two", 2);
        pb *node = net_node(&n, "fill", "Fill", "dims two");
        gd_attr_type(node, "T", GD_INT32);
        gd_attr_type(node, "index_type", GD_INT32);
        node = net_node(&n, "first", "StridedSlice", "fill begin end step");
        gd_attr_type(node, "T", GD_INT32);
        gd_attr_type(node, "Index", GD_INT32);
        net_ints(&n, "begin", 1, (int32_t[]){0});
        net_ints(&n, "end", 1, (int32_t[]){1});
        net_ints(&n, "step", 1, (int32_t[]){1});
        net_input(&n, "image", 1, (int64_t[]){2});
        net_reshape(&n, "y", "image first"); /* what it is computed from steers shapes, so that it is folded */
        haya_model *model = net_open(&n, "large.pb");
        haya_program *program = loop_program(model, NULL, NULL, &error);
        CHECK_INT(error.status, i ? HAYA_ERROR_LIMIT : HAYA_OK);
        if (i) {
            CHECK_STR(error.node, "fill");
            CHECK_HAS(error.message, "16777220 bytes");
            CHECK_HAS(error.message, "16777216");
            CHECK_HAS(error.message, "large.pb");
        }
        haya_program_free(program);
        haya_model_close(model);
    }
}

/* ---- Fusion ------------------------------------------------------------------------------------------------------ */

static void convolution_bias_and_activation_are_one_step(void)
{
    haya_model *model = open_unet(4);
    haya_shape shape = loop_shape(4, 1, 8, 8, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        check_step(l.plan, "Conv2D+BiasAdd+Relu", true);
        check_step(l.plan, "Conv2D+BiasAdd+Sigmoid", true);
        check_step(l.plan, "Conv2D", false);
        check_step(l.plan, "BiasAdd", false);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void batch_norm_moves_into_the_convolution(void)
{
    haya_model *model = open_unet(4);
    haya_shape shape = loop_shape(4, 1, 8, 8, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1)))
        check_step(l.plan, "Conv2D+FusedBatchNormV3+Relu", true);
    loop_free(&l);
    haya_model_close(model);
}

/* x -> convolution -> bias -> [relu] -> batch norm -> relu */
static haya_model *open_norm(bool relu_between)
{
    net n = {0};
    const int64_t c = 20;
    net_input(&n, "x", 4, (int64_t[]){2, 9, 10, 16});
    net_weights(&n, "w", 4, (int64_t[]){3, 3, 16, c}, 1);
    net_conv(&n, "conv", "x", "w", 1, "SAME");
    net_weights(&n, "b", 1, &c, 2);
    net_op(&n, "bias", "BiasAdd", "conv b");
    net_op(&n, "between", "Relu", "bias");
    net_weights(&n, "gamma", 1, &c, 3);
    net_weights(&n, "beta", 1, &c, 4);
    net_weights(&n, "mean", 1, &c, 5);
    net_fill(&n, "variance", 1, &c, 0.3f);
    pb *node = net_op(&n, "norm", "FusedBatchNormV3",
                      relu_between ? "between gamma beta mean variance" : "bias gamma beta mean variance");
    gd_attr_type(node, "U", GD_FLOAT);
    gd_attr_bool(node, "is_training", 0);
    net_op(&n, "y", "Relu", "norm");
    return net_open(&n, "norm.pb");
}

static void check_norm(bool relu_between, const char *fetches, const char *step)
{
    haya_model *model = open_norm(relu_between);
    haya_shape shape = loop_shape(4, 2, 9, 10, 16);
    loop l, plain;
    if (CHECK(loop_make(&l, model, "x", fetches, &shape, 1))
        && CHECK(loop_make(&plain, model, "x", "y norm bias conv", &shape, 1))) {
        check_step(l.plan, step, true);
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        CHECK(distance(&l.out[0], &plain.out[0]) < 1e-6);
        loop_free(&plain);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void batch_norm_behind_a_bias_moves_into_the_convolution(void)
{
    check_norm(false, "y", "Conv2D+BiasAdd+FusedBatchNormV3+Relu");
    check_norm(false, "y norm", "Conv2D+BiasAdd+FusedBatchNormV3");
    check_norm(false, "y bias", "FusedBatchNormV3");
    check_norm(true, "y", "Conv2D+BiasAdd+Relu");
    check_norm(true, "y", "FusedBatchNormV3");
}

static void what_depends_on_shapes_alone_is_no_step(void)
{
    static const char *const folded[] = {"Shape", "StridedSlice", "Mul"};
    haya_model *model = open_unet(4);
    haya_shape shape = loop_shape(4, 1, 8, 8, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        haya_plan_info info;
        haya_plan_get_info(l.plan, &info);
        for (int i = 0; i < 3; i++)
            check_step(l.plan, folded[i], false);
        if (!CHECK(info.step_count <= 7)) /* three convolutions, pool, resize, join of two */
            print_steps(l.plan);
    }
    loop_free(&l);
    haya_model_close(model);
}

/* The result of a fetched shape computation is the plan's. */
static void shape_computations_can_be_fetched(void)
{
    haya_model *model = open_unet(4);
    haya_shape shape = loop_shape(4, 1, 6, 8, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, "twice y shape", &shape, 1))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        const int32_t *twice = l.out[0].data, *dims = l.out[2].data;
        CHECK_INT(twice[0], 6);
        CHECK_INT(twice[1], 8);
        CHECK_INT(dims[0], 1);
        CHECK_INT(dims[1], 3);
        CHECK_INT(dims[3], 8);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void what_is_fetched_is_not_fused_away(void)
{
    haya_model *model = open_unet(4);
    haya_shape shape = loop_shape(4, 1, 8, 8, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, "y c1", &shape, 1))) {
        check_step(l.plan, "Conv2D", true);
        check_step(l.plan, "Conv2D+BiasAdd+Relu", false);
    }
    loop_free(&l);
    if (CHECK(loop_make(&l, model, NULL, "y a1", &shape, 1))) {
        check_step(l.plan, "Conv2D+BiasAdd", true);
        check_step(l.plan, "Conv2D+BiasAdd+Relu", false);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void what_is_read_twice_is_not_fused_away(void)
{
    net n = {0};
    net_input(&n, "x", 4, (int64_t[]){1, 6, 6, 2});
    net_weights(&n, "w", 4, (int64_t[]){3, 3, 2, 3}, 1);
    net_conv(&n, "conv", "x", "w", 1, "SAME");
    net_op(&n, "relu", "Relu", "conv");
    net_op(&n, "tanh", "Tanh", "conv");
    net_op(&n, "sum", "AddV2", "relu tanh");
    haya_model *model = net_open(&n, "twice.pb");
    haya_shape shape = loop_shape(4, 1, 6, 6, 2);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        check_step(l.plan, "Conv2D", true);
        CHECK_INT(loop_run(&l), HAYA_OK);
    }
    loop_free(&l);
    haya_model_close(model);
}

/* conv, then the operations of `tail` with their second operands, each applied to the one before. */
static void add_tail(net *n, const char *const (*tail)[2], size_t count, const char *producer)
{
    char before[32], name[32], inputs[100];
    int64_t c = 5;
    net_input(n, "x", 4, (int64_t[]){2, 6, 7, 3});
    net_input(n, "same", 4, (int64_t[]){2, 6, 7, 5});
    net_input(n, "row", 4, (int64_t[]){1, 1, 7, 5});
    net_weights(n, "w", 4, (int64_t[]){3, 3, 3, 5}, 1);
    net_weights(n, "w2", 2, (int64_t[]){3, 5}, 1);
    net_ints(n, "flat", 2, (int32_t[]){84, 3});
    net_weights(n, "vector", 1, &c, 2);
    net_weights(n, "other", 1, &c, 3);
    net_fill(n, "number", 0, NULL, 0.75f);
    if (strcmp(producer, "MatMul") == 0) {
        net_reshape(n, "rows", "x flat");
        net_op(n, "start", "MatMul", "rows w2");
    } else {
        net_conv(n, "start", "x", "w", 1, "SAME");
    }
    snprintf(before, sizeof before, "start");
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        if (tail[i][1][0] == '<') /* the other way round */
            snprintf(inputs, sizeof inputs, "%s %s", tail[i][1] + 1, before);
        else
            snprintf(inputs, sizeof inputs, "%s %s", before, tail[i][1]);
        net_op(n, name, tail[i][0], inputs);
        snprintf(before, sizeof before, "%s", name);
    }
}

/* The same network with everything fetched, so that nothing is fused, gives the same. */
static void check_fused(const char *const (*tail)[2], size_t count, const char *producer, const char *step)
{
    net n = {0};
    char fetches[200], last[32];
    size_t used = 0;
    add_tail(&n, tail, count, producer);
    haya_model *model = net_open(&n, "tail.pb");
    haya_shape shapes[3] = {loop_shape(4, 2, 6, 7, 3), loop_shape(4, 2, 6, 7, 5), loop_shape(4, 1, 1, 7, 5)};
    loop fused, plain;
    snprintf(last, sizeof last, "n%zu", count - 1);
    used = (size_t)snprintf(fetches, sizeof fetches, "%s start", last);
    for (size_t i = 0; i + 1 < count; i++)
        used += (size_t)snprintf(fetches + used, sizeof fetches - used, " n%zu", i);
    if (CHECK(loop_make(&fused, model, "x same row", last, shapes, 3))
        && CHECK(loop_make(&plain, model, "x same row", fetches, shapes, 3))) {
        CHECK_INT(loop_run(&fused), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        if (!CHECK(distance(&fused.out[0], &plain.out[0]) < 1e-6))
            print_steps(fused.plan);
        if (step)
            check_step(fused.plan, step, true);
        loop_free(&plain);
    }
    loop_free(&fused);
    haya_model_close(model);
}

#define TAIL(producer, step, ...)                                        \
    do {                                                                 \
        static const char *const tail[][2] = {__VA_ARGS__};              \
        check_fused(tail, sizeof tail / sizeof *tail, producer, step);   \
    } while (0)

static void fused_equals_unfused(void)
{
    TAIL("Conv2D", "Conv2D+BiasAdd+Elu", {"BiasAdd", "vector"}, {"Elu", ""});
    TAIL("Conv2D", "Conv2D+Mul+AddV2+Relu6", {"Mul", "vector"}, {"AddV2", "other"}, {"Relu6", ""});
    TAIL("Conv2D", "Conv2D+Mul+AddV2", {"Mul", "<vector"}, {"AddV2", "<other"});
    TAIL("Conv2D", "Conv2D+BiasAdd+AddV2+Relu", {"BiasAdd", "vector"}, {"AddV2", "same"}, {"Relu", ""});
    TAIL("Conv2D", "Conv2D+BiasAdd+AddV2+Relu", {"BiasAdd", "vector"}, {"AddV2", "<same"}, {"Relu", ""});
    TAIL("Conv2D", NULL, {"BiasAdd", "vector"}, {"AddV2", "row"}, {"Relu", ""});
    TAIL("Conv2D", NULL, {"AddV2", "number"}, {"Relu", ""});
    TAIL("Conv2D", NULL, {"Mul", "number"}, {"AddV2", "number"}, {"Tanh", ""});
    TAIL("Conv2D", NULL, {"Relu", ""}, {"BiasAdd", "vector"}, {"Relu", ""});
    TAIL("Conv2D", "Conv2D+BiasAdd+Mul+BiasAdd", {"BiasAdd", "vector"}, {"Mul", "other"}, {"BiasAdd", "vector"});
    TAIL("Conv2D", "Conv2D+BiasAdd+Mul+AddV2+AddV2+Relu", {"BiasAdd", "vector"}, {"Mul", "<other"}, {"AddV2", "vector"},
         {"AddV2", "same"}, {"Relu", ""});
    TAIL("Conv2D", "Conv2D+BiasAdd+Mul+AddV2+Tanh", {"BiasAdd", "vector"}, {"Mul", "other"}, {"AddV2", "same"},
         {"Tanh", ""});
    TAIL("Conv2D", "Conv2D+AddV2+Mul", {"AddV2", "<vector"}, {"Mul", "other"});
    TAIL("Conv2D", "Conv2D+Mul+AddV2", {"Mul", "other"}, {"AddV2", "vector"}, {"Mul", "vector"}, {"AddV2", "other"});
    TAIL("Conv2D", "Conv2D+BiasAdd+Relu", {"BiasAdd", "vector"}, {"Relu", ""}, {"Mul", "other"}, {"AddV2", "vector"});
    TAIL("Conv2D", "Conv2D+BiasAdd+AddV2", {"BiasAdd", "vector"}, {"AddV2", "same"}, {"Mul", "other"});
    TAIL("Conv2D", NULL, {"AddV2", "same"}, {"BiasAdd", "vector"}, {"AddV2", "same"});
    TAIL("Conv2D", NULL, {"Sub", "vector"}, {"Sub", "<other"}, {"RealDiv", "number"});
    TAIL("Conv2D", NULL, {"Maximum", "number"}, {"Minimum", "vector"}, {"SquaredDifference", "same"});
    TAIL("Conv2D", NULL, {"Mul", "same"}, {"Mul", "vector"}, {"Mul", "other"});
    TAIL("MatMul", "MatMul+BiasAdd+Relu", {"BiasAdd", "vector"}, {"Relu", ""});
    TAIL("MatMul", "MatMul+AddV2+Mul+Sigmoid", {"AddV2", "vector"}, {"Mul", "other"}, {"Sigmoid", ""});
    TAIL("MatMul", "MatMul+BiasAdd+Mul+AddV2+Relu", {"BiasAdd", "vector"}, {"Mul", "other"}, {"AddV2", "other"},
         {"Relu", ""});
}

static void every_activation_may_follow_a_convolution(void)
{
    static const char *const ops[] = {"Relu", "Relu6", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Exp", "Square",
                                      "Neg", "Abs", "Floor", "Ceil", "Round", "LeakyRelu"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const char *const tail[][2] = {{"BiasAdd", "vector"}, {ops[i], ""}};
        check_fused(tail, 2, "Conv2D", NULL);
        check_fused(tail, 2, "MatMul", NULL);
    }
}

/* How an image is enlarged before a convolution reads it. */
typedef struct enlargement {
    const char *op;
    int32_t size[2]; /* of [2, 5, 6, 20] */
    bool align_corners, half_pixel_centers;
    const char *reader;
} enlargement;

static pb *add_reader(net *n, const char *name, const char *op, const char *input)
{
    char inputs[64];
    snprintf(inputs, sizeof inputs, "%s %s", input, strcmp(op, "Conv2D") == 0 ? "w" : "w_depthwise");
    pb *node = net_op(n, name, op, inputs);
    gd_attr_ints(node, "strides", (int64_t[]){1, 1, 1, 1}, 4);
    gd_attr_string(node, "padding", "SAME");
    return node;
}

/* relu's convolution is up's only reader, unless twice is fetched. */
static haya_model *open_enlarged(const enlargement *e)
{
    net n = {0};
    net_input(&n, "x", 4, (int64_t[]){-1, -1, -1, 20});
    net_ints(&n, "size", 2, e->size);
    pb *node = net_op(&n, "up", e->op, "x size");
    gd_attr_bool(node, "align_corners", e->align_corners);
    gd_attr_bool(node, "half_pixel_centers", e->half_pixel_centers);
    net_weights(&n, "w", 4, (int64_t[]){3, 3, 20, 20}, 1);
    net_weights(&n, "w_depthwise", 4, (int64_t[]){3, 3, 20, 1}, 2);
    net_weights(&n, "b", 1, (int64_t[]){20}, 3);
    add_reader(&n, "conv", e->reader, "up");
    net_op(&n, "bias", "BiasAdd", "conv b");
    net_op(&n, "relu", "Relu", "bias");
    add_reader(&n, "again", e->reader, "up");
    net_op(&n, "twice", "AddV2", "relu again");
    return net_open(&n, "enlarged.pb");
}

/* `fetches` begins with relu; whether its step takes up in, and what it gives is what it gives without. */
static void check_enlarged(const enlargement *e, const char *fetches, bool taken)
{
    haya_model *model = open_enlarged(e);
    haya_shape shape = loop_shape(4, 2, 5, 6, 20);
    loop l, plain;
    if (CHECK(loop_make(&l, model, "x", fetches, &shape, 1))
        && CHECK(loop_make(&plain, model, "x", "relu up", &shape, 1))) {
        check_step(l.plan, "ResizeNearestNeighbor+Conv2D+BiasAdd+Relu", taken);
        check_step(l.plan, e->op, !taken);
        check_step(plain.plan, e->op, true);
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        CHECK(distance(&l.out[0], &plain.out[0]) < 1e-5);
        loop_free(&plain);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void nearest_upsampling_moves_into_the_convolution(void)
{
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, false, true, "Conv2D"}, "relu", true);
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, false, false, "Conv2D"}, "relu", true);
}

static void other_enlargements_stay(void)
{
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, true, false, "Conv2D"}, "relu", false);
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 13}, false, true, "Conv2D"}, "relu", false);
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {5, 12}, false, true, "Conv2D"}, "relu", false);
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {15, 18}, false, true, "Conv2D"}, "relu", false);
    check_enlarged(&(enlargement){"ResizeBilinear", {10, 12}, false, true, "Conv2D"}, "relu", false);
    const char *depthwise = "DepthwiseConv2dNative";
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, false, true, depthwise}, "relu", false);
}

static void upsampling_with_other_readers_stays(void)
{
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, false, true, "Conv2D"}, "relu up", false);
    check_enlarged(&(enlargement){"ResizeNearestNeighbor", {10, 12}, false, true, "Conv2D"}, "relu twice", false);
}

/* What tf.repeat makes of a tensor of these dims: every step along `axis` `times` times. */
static void add_repeat(net *n, const char *name, const char *input, int32_t *dims, int axis, int32_t times)
{
    char part[4][64], inputs[200];
    int32_t multiples[5] = {1, 1, 1, 1, 1};
    static const char *const parts[] = {"axis", "expanded", "multiples", "tile"};
    for (int i = 0; i < 4; i++)
        snprintf(part[i], sizeof part[i], "%s/%s", name, parts[i]);
    net_int(n, part[0], axis + 1);
    snprintf(inputs, sizeof inputs, "%s %s", input, part[0]);
    gd_attr_type(net_op(n, part[1], "ExpandDims", inputs), "Tdim", GD_INT32);
    multiples[axis + 1] = times;
    net_ints(n, part[2], 5, multiples);
    snprintf(inputs, sizeof inputs, "%s %s", part[1], part[2]);
    gd_attr_type(net_op(n, part[3], "Tile", inputs), "Tmultiples", GD_INT32);
    dims[axis] *= times;
    snprintf(inputs, sizeof inputs, "%s/shape", name);
    net_ints(n, inputs, 4, dims);
    snprintf(inputs, sizeof inputs, "%s %s/shape", part[3], name);
    net_reshape(n, name, inputs);
}

/* up repeats along one axis, then along another; y is a convolution of it, z another function. */
static haya_model *open_repeated(const int axes[2], const int32_t times[2])
{
    net n = {0};
    int32_t dims[4] = {2, 5, 6, 20};
    net_input(&n, "x", 4, (int64_t[]){2, 5, 6, 20});
    add_repeat(&n, "half", "x", dims, axes[0], times[0]);
    add_repeat(&n, "up", "half", dims, axes[1], times[1]);
    net_weights(&n, "w", 4, (int64_t[]){3, 3, axes[0] == 3 || axes[1] == 3 ? 40 : 20, 20}, 1);
    net_conv(&n, "y", "up", "w", 1, "SAME");
    net_op(&n, "z", "Tanh", "up");
    return net_open(&n, "repeated.pb");
}

static void check_repeated(int axis, int other, int32_t times, int32_t other_times, const char *fetch,
                           const char *step)
{
    haya_model *model = open_repeated((int[]){axis, other}, (int32_t[]){times, other_times});
    haya_shape shape = loop_shape(4, 2, 5, 6, 20);
    char all[32];
    snprintf(all, sizeof all, "%s up half", fetch);
    loop l, plain;
    if (CHECK(loop_make(&l, model, "x", fetch, &shape, 1)) && CHECK(loop_make(&plain, model, "x", all, &shape, 1))) {
        check_step(l.plan, step, true);
        check_step(plain.plan, "Tile", true);
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        CHECK(distance(&l.out[0], &plain.out[0]) < 1e-5);
        loop_free(&plain);
    }
    loop_free(&l);
    haya_model_close(model);
}

/* As Keras 3 writes UpSampling2D. */
static void repeated_rows_and_columns_are_upsampling(void)
{
    check_repeated(1, 2, 2, 2, "y", "Tile+Tile+Conv2D");
    check_repeated(2, 1, 2, 2, "y", "Tile+Tile+Conv2D");
    check_repeated(1, 2, 2, 2, "z", "Tile+Tile");
    check_repeated(2, 1, 2, 2, "z", "Tile+Tile");
    check_repeated(1, 2, 2, 2, "y half", "Tile");
}

static void other_repetitions_stay(void)
{
    check_repeated(1, 2, 3, 3, "y", "Tile");
    check_repeated(1, 2, 2, 4, "y", "Tile");
    check_repeated(2, 1, 4, 2, "y", "Tile");
    check_repeated(1, 1, 2, 2, "y", "Conv2D");
    check_repeated(2, 2, 2, 2, "y", "Conv2D");
    check_repeated(1, 3, 2, 2, "y", "Conv2D");
    check_repeated(3, 2, 2, 2, "y", "Conv2D");
    check_repeated(0, 1, 2, 2, "z", "Tanh");
}

/* x plus itself: both operands are the convolution. */
static void a_convolution_added_to_itself_is_right(void)
{
    net n = {0};
    net_input(&n, "x", 4, (int64_t[]){1, 4, 4, 2});
    net_weights(&n, "w", 4, (int64_t[]){3, 3, 2, 2}, 1);
    net_conv(&n, "conv", "x", "w", 1, "SAME");
    net_ints(&n, "shape", 4, (int32_t[]){1, 4, 4, 2});
    net_reshape(&n, "again", "conv shape");
    net_op(&n, "sum", "AddV2", "conv again");
    net_op(&n, "product", "Mul", "conv conv");
    net_op(&n, "conv_only", "Identity", "conv");
    haya_model *model = net_open(&n, "self.pb");
    haya_shape shape = loop_shape(4, 1, 4, 4, 2);
    const char *const fetches[] = {"sum", "product"};
    for (int i = 0; i < 2; i++) {
        loop l, plain;
        if (!CHECK(loop_make(&l, model, NULL, fetches[i], &shape, 1))
            || !CHECK(loop_make(&plain, model, NULL, "conv_only", &shape, 1)))
            return;
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        for (int k = 0; k < 32; k++) {
            float c = ((float *)plain.out[0].data)[k];
            CHECK_NEAR(((float *)l.out[0].data)[k], i ? c * c : c + c, 1e-6);
        }
        loop_free(&l);
        loop_free(&plain);
    }
    haya_model_close(model);
}

/* ---- Joins ------------------------------------------------------------------------------------------------------- */

static size_t count_steps(const haya_plan *plan, const char *op)
{
    haya_step step;
    size_t count = 0;
    for (size_t i = 0; haya_plan_step(plan, i, &step) == HAYA_OK; i++)
        count += strstr(step.op, op) != NULL;
    return count;
}

/* The inputs end with the axis. */
static void add_join(net *n, const char *name, const char *inputs, int64_t count)
{
    pb *node = net_op(n, name, "ConcatV2", inputs);
    gd_attr_int(node, "N", count);
    gd_attr_type(node, "Tidx", GD_INT32);
}

#define JOIN_SHAPE {2, 10, 12, 16}

/* x [2, 10, 12, 16], a parameter of the same shape, axes, and the filters of add_conv. */
static net join_begin(void)
{
    net n = {0};
    net_input(&n, "x", 4, (int64_t[])JOIN_SHAPE);
    net_weights(&n, "parameter", 4, (int64_t[])JOIN_SHAPE, 5);
    for (int32_t axis = 0; axis < 4; axis++)
        net_int(&n, (const char *[]){"axis0", "axis1", "axis2", "axis3"}[axis], axis);
    return n;
}

/* 3 x 3, with a relu, to `co` channels. */
static void add_conv(net *n, const char *name, const char *input, int64_t ci, int64_t co)
{
    char filter[64], conv[64];
    snprintf(filter, sizeof filter, "%s/filter", name);
    snprintf(conv, sizeof conv, "%s/conv", name);
    net_weights(n, filter, 4, (int64_t[]){3, 3, ci, co}, (uint32_t)(ci * 7 + co + name[0]));
    net_conv(n, conv, input, filter, 1, "SAME");
    net_op(n, name, "Relu", conv);
}

/* So many copies are left of the joins when `fetches` are asked for. The first of them is what it is where the sources,
   `all`, are fetched as well, so that every copy stays. */
static void check_joins(net *n, const char *fetches, const char *all, size_t copies)
{
    static const int64_t dims[] = JOIN_SHAPE;
    haya_model *model = net_open(n, "join.pb");
    haya_shape shape = loop_shape(4, dims[0], dims[1], dims[2], dims[3]);
    char first[200];
    snprintf(first, sizeof first, "%.*s %s", (int)strcspn(fetches, " "), fetches, all);
    loop l, plain;
    if (CHECK(loop_make(&l, model, "x", fetches, &shape, 1))
        && CHECK(loop_make(&plain, model, "x", first, &shape, 1))) {
        if (!CHECK_INT(count_steps(l.plan, "Concat"), copies))
            print_steps(l.plan);
        CHECK(count_steps(plain.plan, "Concat") > copies);
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        CHECK(memcmp(l.out[0].data, plain.out[0].data, l.out[0].bytes) == 0);
        loop_free(&plain);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void sources_of_a_join_are_made_in_place(void)
{
    static const char *const axes[] = {"axis0", "axis1", "axis2", "axis3"};
    for (int axis = 0; axis < 4; axis++) {
        char inputs[64];
        snprintf(inputs, sizeof inputs, "a b c %s", axes[axis]);
        net n = join_begin();
        add_conv(&n, "a", "x", 16, 16);
        add_conv(&n, "b", "a", 16, 16);
        net_op(&n, "c", "Tanh", "b");
        add_join(&n, "join", inputs, 3);
        net_op(&n, "y", "Neg", "join");
        check_joins(&n, "y", "a b c", 0);
    }
}

/* Skips are pooled as well, and the largest kernels read and write rows that lie apart. */
static void a_unet_copies_nothing(void)
{
    haya_model *model = open_unet(16);
    haya_shape shape = loop_shape(4, 1, 32, 48, 1);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        CHECK_INT(count_steps(l.plan, "Concat"), 0);
        check_step(l.plan, "MaxPool", true);
        check_step(l.plan, "ResizeNearestNeighbor", true);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void chained_joins_are_made_in_place(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 24);
    add_conv(&n, "b", "a", 24, 8);
    add_join(&n, "ab", "a b axis3", 2);
    add_conv(&n, "c", "ab", 32, 8);
    add_join(&n, "abc", "ab c axis3", 2);
    add_conv(&n, "d", "abc", 40, 8);
    add_join(&n, "abcd", "abc d axis3", 2);
    net_op(&n, "y", "Neg", "abcd");
    check_joins(&n, "y", "a b ab c abc d", 0);
}

static void a_join_along_another_axis_than_its_source_is_made_in_place(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 8);
    add_conv(&n, "b", "x", 16, 8);
    add_join(&n, "ab", "a b axis3", 2);
    add_conv(&n, "c", "ab", 16, 16);
    add_join(&n, "abc", "ab c axis1", 2);
    add_conv(&n, "y", "abc", 16, 5);
    check_joins(&n, "y", "a b ab c", 0);
}

static void a_source_has_one_place_only(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_join(&n, "aa", "a a axis3", 2);
    net_op(&n, "y", "Neg", "aa");
    check_joins(&n, "y", "a", 1);

    n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "x", 16, 8);
    add_join(&n, "first", "a b axis3", 2);
    add_conv(&n, "c", "first", 24, 8);
    add_join(&n, "second", "c a axis3", 2);
    add_join(&n, "third", "first second axis3", 2);
    net_op(&n, "y", "Neg", "third");
    check_joins(&n, "y", "a b c first second", 1);
}

static void what_is_not_computed_is_copied(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_join(&n, "join", "x a parameter axis3", 3);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "a", 2);

    /* A reshaped input is the input. */
    n = join_begin();
    net_ints(&n, "shape", 4, (int32_t[]){2, 12, 10, 16});
    net_reshape(&n, "a", "x shape");
    add_conv(&n, "b", "a", 16, 16);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "b", 1);
}

static void a_fetched_source_is_copied_and_a_fetched_join_is_not(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "a", 16, 16);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y a", "a b", 1);

    n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "a", 16, 16);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "join y", "a b", 0);

    n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "a", 16, 16);
    add_join(&n, "join", "a b axis3", 2);
    add_join(&n, "outer", "join a axis3", 2);
    net_op(&n, "y", "Neg", "outer");
    check_joins(&n, "y join", "a b join", 2); /* join's in outer, and a's second */
}

static void short_rows_and_small_parts_are_copied(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 7);
    add_conv(&n, "b", "x", 16, 8);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "a b", 1);

    n = join_begin();
    add_conv(&n, "a", "x", 16, 8);
    add_conv(&n, "b", "x", 16, 64);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "a b", 1);
}

/* Views of the source that the join has no view for. */
static void sources_read_as_one_row_are_copied(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "x", 16, 16);
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    net_ints(&n, "shape", 2, (int32_t[]){2, 10 * 12 * 16});
    net_reshape(&n, "flat", "a shape");
    net_weights(&n, "w", 2, (int64_t[]){10 * 12 * 16, 3}, 9);
    net_op(&n, "dense", "MatMul", "flat w");
    check_joins(&n, "y dense", "a b", 1);
}

/* Reshaped sources, and readers that see pixels as rows of a matrix. */
static void reshaped_sources_are_made_in_place(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    net_ints(&n, "rows", 2, (int32_t[]){240, 16});
    net_ints(&n, "image", 4, (int32_t[]){2, 10, 12, 16});
    net_reshape(&n, "flat", "a rows");
    net_weights(&n, "w", 2, (int64_t[]){16, 16}, 9);
    net_op(&n, "product", "MatMul", "flat w");
    net_reshape(&n, "b", "product image");
    add_join(&n, "join", "a b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "a b", 0);
}

/* A sum is written several times; nothing else of the join is. */
static void a_sum_of_several_terms_is_made_in_place(void)
{
    net n = join_begin();
    add_conv(&n, "a", "x", 16, 16);
    add_conv(&n, "b", "x", 16, 16);
    gd_attr_int(net_op(&n, "sum", "AddN", "a b x a"), "N", 4);
    add_join(&n, "join", "sum b axis3", 2);
    net_op(&n, "y", "Neg", "join");
    check_joins(&n, "y", "sum b", 0);
}

/* What is written in place of the join's sources isn't written over by its neighbours. */
static void elementwise_operations_on_parts_stay_in_their_parts(void)
{
    net n = join_begin();
    net_op(&n, "a", "Tanh", "x");
    net_op(&n, "b", "Neg", "a");
    net_op(&n, "c", "Exp", "b");
    add_join(&n, "join", "c b axis0", 2);
    net_op(&n, "d", "Square", "b");
    add_join(&n, "outer", "join d axis0", 2);
    net_op(&n, "y", "Neg", "outer");
    check_joins(&n, "y", "a b c d join", 0);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

#define RANDOM_NODES 14

/* Two or three tensors joined, and a part of that cut out across their borders. */
static void add_random_join(net *n, uint32_t *state, const char *name, const char *a, const char *b)
{
    char join[32], twice[32], inputs[64];
    const char *axis = net_random(state) % 2 ? "one" : "zero";
    snprintf(join, sizeof join, "%s/join", name);
    snprintf(inputs, sizeof inputs, "%s %s %s", a, b, axis);
    add_join(n, join, inputs, 2);
    if (net_random(state) % 2) {
        snprintf(twice, sizeof twice, "%s/twice", name);
        snprintf(inputs, sizeof inputs, "%s %s %s", join, b, axis);
        add_join(n, twice, inputs, 2);
        memcpy(join, twice, sizeof join);
    }
    snprintf(inputs, sizeof inputs, "%s begin_%s size", join, axis);
    gd_attr_type(net_op(n, name, "Slice", inputs), "Index", GD_INT32);
}

/* Operations on [3, 12] tensors, each on earlier ones; now and then one is reshaped and back, or meets a vector or
   matrix, or several are joined. */
static void add_random(net *n, uint32_t *state)
{
    static const char *const unary[] = {"Relu", "Tanh", "Neg", "Square", "Sigmoid"};
    static const char *const binary[] = {"AddV2", "Sub", "Mul", "Maximum", "SquaredDifference"};
    char names[RANDOM_NODES + 1][16] = {"x"}, inputs[64];
    net_input(n, "x", 2, (int64_t[]){3, 12});
    net_weights(n, "v", 1, (int64_t[]){12}, 1);
    net_weights(n, "w", 2, (int64_t[]){12, 12}, 2);
    net_ints(n, "flat", 1, (int32_t[]){36});
    net_ints(n, "back", 2, (int32_t[]){3, 12});
    net_int(n, "zero", 0);
    net_int(n, "one", 1);
    net_ints(n, "begin_zero", 2, (int32_t[]){2, 0});
    net_ints(n, "begin_one", 2, (int32_t[]){0, 5});
    net_ints(n, "size", 2, (int32_t[]){3, 12});
    for (int i = 1; i <= RANDOM_NODES; i++) {
        const char *a = names[net_random(state) % (uint32_t)i];
        const char *b = names[(uint32_t)i - 1 - net_random(state) % (i > 3 ? 3 : (uint32_t)i)];
        snprintf(names[i], sizeof names[i], "n%d", i);
        uint32_t kind = net_random(state) % 12;
        if (kind < 2) {
            net_op(n, names[i], unary[net_random(state) % 5], b);
        } else if (kind < 5) {
            snprintf(inputs, sizeof inputs, "%s %s", a, b);
            net_op(n, names[i], binary[net_random(state) % 5], inputs);
        } else if (kind < 6) {
            snprintf(inputs, sizeof inputs, "%s v", b);
            net_op(n, names[i], "BiasAdd", inputs);
        } else if (kind < 7) {
            char flat[32];
            snprintf(flat, sizeof flat, "%s/flat", names[i]);
            snprintf(inputs, sizeof inputs, "%s flat", b);
            net_reshape(n, flat, inputs);
            snprintf(inputs, sizeof inputs, "%s back", flat);
            net_reshape(n, names[i], inputs);
        } else if (kind < 8) {
            snprintf(inputs, sizeof inputs, "%s w", b);
            net_op(n, names[i], "MatMul", inputs);
        } else if (kind < 11) {
            add_random_join(n, state, names[i], a, b);
        } else {
            snprintf(inputs, sizeof inputs, "%s %s %s", a, b, a);
            gd_attr_int(net_op(n, names[i], "AddN", inputs), "N", 3);
        }
    }
}

/* Where all is fetched, each value has its own memory; where only the last one is, it is shared and written over. */
static void memory_used_again_changes_no_result(void)
{
    uint32_t state = 7;
    haya_shape shape = loop_shape(2, 3, 12, 0, 0);
    char all[200], last[16];
    size_t used = 0;
    snprintf(last, sizeof last, "n%d", RANDOM_NODES);
    for (int i = 1; i <= RANDOM_NODES; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "n%d ", i);
    for (int i = 0; i < 300; i++) {
        net n = {0};
        loop shared, plain;
        add_random(&n, &state);
        haya_model *model = net_open(&n, "random.pb");
        if (!CHECK(loop_make(&shared, model, "x", last, &shape, 1))
            || !CHECK(loop_make(&plain, model, "x", all, &shape, 1)))
            return;
        CHECK_INT(loop_run(&shared), HAYA_OK);
        CHECK_INT(loop_run(&plain), HAYA_OK);
        if (!CHECK(memcmp(shared.out[0].data, plain.out[RANDOM_NODES - 1].data, shared.out[0].bytes) == 0))
            print_steps(shared.plan);
        loop_free(&shared);
        loop_free(&plain);
        haya_model_close(model);
    }
}

/* A chain of elementwise operations needs no memory but the caller's and one place. */
static void a_chain_of_elementwise_operations_stays_in_one_place(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){100000});
    net_op(&n, "a", "Exp", "x");
    net_op(&n, "b", "Neg", "a");
    net_op(&n, "c", "Tanh", "b");
    net_op(&n, "d", "AddV2", "c x");
    net_op(&n, "e", "Relu", "d");
    haya_model *model = net_open(&n, "chain.pb");
    haya_shape shape = loop_shape(1, 100000, 0, 0, 0);
    loop l;
    if (CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        haya_plan_info info;
        haya_plan_get_info(l.plan, &info);
        CHECK(info.scratch_bytes < 3 * 400000 + 4096); /* staging of input and output for strides, and one place */
    }
    loop_free(&l);
    haya_model_close(model);
}

int main(void)
{
    RUN(a_plan_knows_its_outputs_before_any_run);
    RUN(batches_and_sizes_agree);
    RUN(an_exact_plan_has_no_kernel_that_rounds_more);
    RUN(wrong_shapes_are_refused);
    RUN(an_empty_batch_runs);
    RUN(too_much_scratch_is_refused);
    RUN(a_plan_without_steps_can_exceed_the_limit);
    RUN(constants_beyond_16_mebibytes_are_refused);
    RUN(convolution_bias_and_activation_are_one_step);
    RUN(batch_norm_moves_into_the_convolution);
    RUN(batch_norm_behind_a_bias_moves_into_the_convolution);
    RUN(what_depends_on_shapes_alone_is_no_step);
    RUN(shape_computations_can_be_fetched);
    RUN(what_is_fetched_is_not_fused_away);
    RUN(what_is_read_twice_is_not_fused_away);
    RUN(fused_equals_unfused);
    RUN(every_activation_may_follow_a_convolution);
    RUN(nearest_upsampling_moves_into_the_convolution);
    RUN(other_enlargements_stay);
    RUN(upsampling_with_other_readers_stays);
    RUN(repeated_rows_and_columns_are_upsampling);
    RUN(other_repetitions_stay);
    RUN(a_convolution_added_to_itself_is_right);
    RUN(sources_of_a_join_are_made_in_place);
    RUN(a_unet_copies_nothing);
    RUN(chained_joins_are_made_in_place);
    RUN(a_join_along_another_axis_than_its_source_is_made_in_place);
    RUN(a_source_has_one_place_only);
    RUN(what_is_not_computed_is_copied);
    RUN(a_fetched_source_is_copied_and_a_fetched_join_is_not);
    RUN(short_rows_and_small_parts_are_copied);
    RUN(sources_read_as_one_row_are_copied);
    RUN(reshaped_sources_are_made_in_place);
    RUN(a_sum_of_several_terms_is_made_in_place);
    RUN(elementwise_operations_on_parts_stay_in_their_parts);
    RUN(memory_used_again_changes_no_result);
    RUN(a_chain_of_elementwise_operations_stays_in_one_place);
    return test_summary();
}
