/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding models to a program that was made from another one: who fits, and what a refusal says.
 */
#include "../test.h"
#include "../run/loop.h"
#include "nets.h"

/* A small classifier in which one thing can be different. */
typedef struct variant {
    const char *activation;
    const char *padding;
    int64_t channels;
    int32_t pad;
    int weight_type;
    int64_t size;     /* of the input */
    bool longer;      /* one more node */
    bool one_input;   /* x + x instead of x + y */
} variant;

static const variant plain = {"Relu", "SAME", 4, 1, GD_FLOAT, 8, false, false};

static haya_model *open_variant(const variant *v, const char *file, const char *prefix)
{
    net n = {0};
    char name[16][64], inputs[200];
    static const char *const parts[] = {"x", "y", "sum", "paddings", "pad", "kernel", "conv", "act", "half", "out",
                                        "last"};
    enum { X, Y, SUM, PADDINGS, PAD, KERNEL, CONV, ACT, HALF, OUT, LAST };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        snprintf(name[i], sizeof name[i], "%s%s", prefix, parts[i]);
    net_input(&n, name[X], 4, (int64_t[]){-1, v->size, v->size, 2});
    net_input(&n, name[Y], 4, (int64_t[]){-1, v->size, v->size, 2});
    snprintf(inputs, sizeof inputs, "%s %s", name[X], name[v->one_input ? X : Y]);
    net_op(&n, name[SUM], "AddV2", inputs);
    net_const(&n, name[PADDINGS], GD_INT32, 2, (int64_t[]){4, 2}, (int32_t[]){0, 0, v->pad, 1, 1, 1, 0, 0}, 32);
    snprintf(inputs, sizeof inputs, "%s %s", name[SUM], name[PADDINGS]);
    net_pad(&n, name[PAD], inputs);
    net_weights(&n, name[KERNEL], 4, (int64_t[]){3, 3, 2, v->channels}, 3);
    net_conv(&n, name[CONV], name[PAD], name[KERNEL], 1, v->padding);
    net_op(&n, name[ACT], v->activation, name[CONV]);
    if (v->weight_type == GD_FLOAT)
        net_fill(&n, name[HALF], 0, NULL, 0.5f);
    else
        net_const(&n, name[HALF], v->weight_type, 0, NULL, (double[]){0.5}, 8);
    snprintf(inputs, sizeof inputs, "%s %s", name[ACT], name[HALF]);
    net_op(&n, name[OUT], "Mul", inputs);
    if (v->longer)
        net_op(&n, name[LAST], "Tanh", name[OUT]);
    return net_open(&n, file);
}

/* Binds a variant to the plain network's program. */
static haya_status bind_variant(const variant *v, const char *prefix, haya_error *error)
{
    haya_model *ours = open_variant(&plain, "ours.pb", "");
    haya_model *theirs = open_variant(v, "theirs.pb", prefix);
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    haya_status status = haya_program_create(ours, NULL, &program, error);
    CHECK_INT(status, HAYA_OK);
    status = haya_weights_bind(program, theirs, &weights, error);
    CHECK_INT(weights != NULL, status == HAYA_OK);
    haya_weights_free(weights);
    haya_program_free(program);
    haya_model_close(theirs);
    haya_model_close(ours);
    return status;
}

/* The refusal names node and file on both sides and says what the difference is. */
static void check_refused(const variant *v, const char *theirs, const char *ours, const char *what)
{
    haya_error error;
    CHECK_INT(bind_variant(v, "m/", &error), HAYA_ERROR_STRUCTURE);
    CHECK_STR(error.node, theirs);
    char text[80];
    snprintf(text, sizeof text, "theirs.pb: node '%s'", theirs);
    CHECK_HAS(error.message, text);
    snprintf(text, sizeof text, "'%s' in ours.pb", ours);
    CHECK_HAS(error.message, text);
    CHECK_HAS(error.message, what);
}

#define DIFFERENT(member, value) \
    variant v = plain;           \
    v.member = (value)

static void a_model_of_the_same_names_binds(void)
{
    haya_error error;
    CHECK_INT(bind_variant(&plain, "", &error), HAYA_OK);
}

static void a_model_of_other_names_binds(void)
{
    haya_error error;
    CHECK_INT(bind_variant(&plain, "again/", &error), HAYA_OK);
}

static void another_operation_is_named(void)
{
    DIFFERENT(activation, "Elu");
    check_refused(&v, "m/act", "act", "its operation is Elu, not Relu");
}

static void another_attribute_is_named(void)
{
    DIFFERENT(padding, "VALID");
    check_refused(&v, "m/conv", "conv", "its attribute 'padding' is VALID, not SAME");
}

static void another_shape_of_a_parameter_is_named(void)
{
    DIFFERENT(channels, 5);
    check_refused(&v, "m/kernel", "kernel", "its shape is [3, 3, 2, 5], not [3, 3, 2, 4]");
}

static void another_dtype_of_a_parameter_is_named(void)
{
    DIFFERENT(weight_type, GD_DOUBLE);
    check_refused(&v, "m/half", "half", "its dtype is float64, not float32");
}

static void another_shape_of_an_input_is_named(void)
{
    DIFFERENT(size, 16);
    check_refused(&v, "m/x", "x", "its shape is [?, 16, 16, 2], not [?, 8, 8, 2]");
}

static void another_value_of_a_structural_constant_is_named(void)
{
    DIFFERENT(pad, 3);
    check_refused(&v, "m/paddings", "paddings", "steers shapes");
}

static void another_connection_is_named(void)
{
    net n = {0};
    haya_error error;
    haya_model *models[2];
    for (int i = 0; i < 2; i++) {
        net_input(&n, "x", 1, (int64_t[]){4});
        net_op(&n, "a", "Exp", "x");
        net_op(&n, "b", "Tanh", "a");
        net_op(&n, "c", "Sub", i ? "b x" : "b a");
        models[i] = net_open(&n, i ? "theirs.pb" : "ours.pb");
    }
    haya_program *program;
    haya_weights *weights;
    CHECK_INT(haya_program_create(models[0], NULL, &program, &error), HAYA_OK);
    CHECK_INT(haya_weights_bind(program, models[1], &weights, &error), HAYA_ERROR_STRUCTURE);
    CHECK_STR(error.node, "c");
    CHECK_HAS(error.message, "its input 1 is 'x:0', where the other has 'a:0'");
    haya_program_free(program);
    haya_model_close(models[0]);
    haya_model_close(models[1]);
}

/* Nothing else differs, but the outputs are other nodes. */
static void a_longer_network_is_refused(void)
{
    DIFFERENT(longer, true);
    haya_error error;
    CHECK_INT(bind_variant(&v, "m/", &error), HAYA_ERROR_STRUCTURE);
    CHECK_HAS(error.message, "m/last");
    CHECK_HAS(error.message, "theirs.pb");
    CHECK_HAS(error.message, "ours.pb");
}

static void a_network_with_fewer_inputs_is_refused(void)
{
    DIFFERENT(one_input, true);
    haya_error error;
    CHECK_INT(bind_variant(&v, "m/", &error), HAYA_ERROR_STRUCTURE);
    CHECK_HAS(error.message, "inputs");
}

static void an_operation_that_nobody_knows_is_refused(void)
{
    DIFFERENT(activation, "Frobnicate");
    haya_error error;
    CHECK_INT(bind_variant(&v, "m/", &error), HAYA_ERROR_STRUCTURE);
    CHECK_HAS(error.message, "node 'm/act' (Frobnicate)");
}

/* ---- Inputs and outputs --------------------------------------------------------------------------------------- */

/* Two heads on two inputs: y_i = x_i * value_i. */
static haya_model *open_heads(const char *file, const char *const inputs[2], const char *const outputs[2],
                              const float values[2])
{
    net n = {0};
    for (int i = 0; i < 2; i++) {
        char factor[80], ends[160];
        snprintf(factor, sizeof factor, "%s/factor", outputs[i]);
        snprintf(ends, sizeof ends, "%s %s", inputs[i], factor);
        net_input(&n, inputs[i], 1, (int64_t[]){1});
        net_const(&n, factor, GD_FLOAT, 1, (int64_t[]){1}, &values[i], sizeof values[i]);
        net_op(&n, outputs[i], "Mul", ends);
    }
    return net_open(&n, file);
}

/* What the second model's weights give for inputs 1 and 10 in the first one's program; false: refused. */
static bool run_heads(haya_model *first, haya_model *second, const char *feeds, const char *fetches, float results[2],
                      haya_error *error)
{
    haya_weights *weights = NULL;
    loop l;
    haya_shape shapes[2] = {{1, {1}}, {1, {1}}};
    results[0] = results[1] = 0;
    if (!CHECK(loop_make(&l, first, feeds, fetches, shapes, 2)))
        return false;
    bool bound = haya_weights_bind(l.program, second, &weights, error) == HAYA_OK;
    if (bound) {
        *(float *)l.in[0].data = 1;
        *(float *)l.in[1].data = 10;
        CHECK_INT(haya_run(l.session, l.plan, weights, l.in, 2, l.out, 2, error), HAYA_OK);
        results[0] = *(float *)l.out[0].data;
        results[1] = *(float *)l.out[1].data;
    }
    haya_weights_free(weights);
    loop_free(&l);
    return bound;
}

static void names_win_over_order(void)
{
    haya_error error;
    float results[2];
    haya_model *first = open_heads("a.pb", (const char *const[]){"in_1", "in_2"},
                                   (const char *const[]){"out_1", "out_2"}, (float[]){2, 3});
    haya_model *second = open_heads("b.pb", (const char *const[]){"in_2", "in_1"},
                                    (const char *const[]){"out_2", "out_1"}, (float[]){5, 7});
    CHECK(run_heads(first, second, "in_1 in_2", "out_1 out_2", results, &error));
    CHECK_NEAR(results[0], 7, 0);
    CHECK_NEAR(results[1], 50, 0);
    CHECK(run_heads(first, second, "in_1 in_2", "out_2 out_1", results, &error));
    CHECK_NEAR(results[0], 50, 0);
    CHECK_NEAR(results[1], 7, 0);
    haya_model_close(first);
    haya_model_close(second);
}

/* in_3, in_4 stand for in_1, in_2; in_10 comes after in_9. */
static void without_names_the_natural_order_counts(void)
{
    haya_error error;
    float results[2];
    haya_model *first = open_heads("a.pb", (const char *const[]){"in_1", "in_2"},
                                   (const char *const[]){"out_1", "out_2"}, (float[]){2, 3});
    haya_model *second = open_heads("b.pb", (const char *const[]){"in_10", "in_9"},
                                    (const char *const[]){"out_10", "out_9"}, (float[]){5, 7});
    CHECK(run_heads(first, second, NULL, NULL, results, &error));
    CHECK_NEAR(results[0], 7, 0);
    CHECK_NEAR(results[1], 50, 0);
    haya_model_close(first);
    haya_model_close(second);
}

/* Two equal heads on one input, differing in their parameters only. */
static haya_model *open_twins(const char *file, const char *a, const char *b)
{
    net n = {0};
    char inputs[100];
    net_input(&n, "x", 1, (int64_t[]){1});
    net_fill(&n, "w1", 1, (int64_t[]){1}, 2);
    net_fill(&n, "w2", 1, (int64_t[]){1}, 3);
    snprintf(inputs, sizeof inputs, "x w1");
    net_op(&n, a, "Mul", inputs);
    net_op(&n, b, "Mul", "x w2");
    return net_open(&n, file);
}

static void bind_twins(const char *a, const char *b, haya_status expected)
{
    haya_model *first = open_twins("first.pb", "age", "height");
    haya_model *second = open_twins("second.pb", a, b);
    haya_program *program;
    haya_weights *weights;
    haya_error error;
    CHECK_INT(haya_program_create(first, NULL, &program, &error), HAYA_OK);
    CHECK_INT(haya_weights_bind(program, second, &weights, &error), expected);
    if (expected != HAYA_OK) {
        CHECK_HAS(error.message, a);
        CHECK_HAS(error.message, b);
        CHECK_HAS(error.message, "ambiguous");
    }
    haya_weights_free(weights);
    haya_program_free(program);
    haya_model_close(first);
    haya_model_close(second);
}

static void outputs_that_look_alike_and_have_other_names_are_refused(void)
{
    bind_twins("mul_1", "mul_2", HAYA_ERROR_STRUCTURE);
}

static void outputs_that_look_alike_bind_by_name(void)
{
    bind_twins("height", "age", HAYA_OK);
}

/* Where names are shifted, one may be that of another output: dense_2 and dense_3 for dense_1 and dense_2. */
static void one_name_of_two_settles_nothing(void)
{
    bind_twins("height", "mul", HAYA_ERROR_STRUCTURE);
}

static void a_missing_tensor_is_named_when_order_cannot_help(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){1});
    net_op(&n, "other", "Exp", "x");
    net_op(&n, "third", "Exp", "x");
    haya_model *second = net_open(&n, "second.pb");
    net_input(&n, "x", 1, (int64_t[]){1});
    net_op(&n, "result", "Exp", "x");
    haya_model *first = net_open(&n, "first.pb");
    haya_program *program;
    haya_weights *weights;
    CHECK_INT(haya_program_create(first, NULL, &program, &error), HAYA_OK);
    CHECK_INT(haya_weights_bind(program, second, &weights, &error), HAYA_ERROR_STRUCTURE);
    CHECK_STR(error.node, "result");
    CHECK_HAS(error.message, "second.pb");
    CHECK_HAS(error.message, "first.pb");
    haya_program_free(program);
    haya_model_close(first);
    haya_model_close(second);
}

/* ---- Whole networks --------------------------------------------------------------------------------------------- */

static haya_model *open_unet(const char *file, const char *prefix, uint32_t seed, unsigned shuffle)
{
    net n = {.shuffle = shuffle};
    net_unet(&n, prefix, 4, seed);
    return net_open(&n, file);
}

/* Each model's weights in the first one's program give what the model's own program gives. */
static void models_of_one_training_process_bind(void)
{
    haya_shape shape = loop_shape(4, 1, 12, 8, 1);
    haya_model *models[3];
    loop first;
    for (uint32_t i = 0; i < 3; i++)
        models[i] = open_unet("unet.pb", i == 0 ? "" : i == 1 ? "model_1/" : "model_2/", i + 1, i);
    if (!CHECK(loop_make(&first, models[0], NULL, NULL, &shape, 1)))
        return;
    for (int i = 0; i < 3; i++) {
        loop own;
        haya_weights *weights;
        haya_error error;
        if (!CHECK(loop_make(&own, models[i], NULL, NULL, &shape, 1)))
            return;
        CHECK_INT(loop_run(&own), HAYA_OK);
        if (CHECK_INT(haya_weights_bind(first.program, models[i], &weights, &error), HAYA_OK)) {
            CHECK_INT(haya_run(first.session, first.plan, weights, first.in, 1, first.out, 1, &error), HAYA_OK);
            CHECK(memcmp(own.out[0].data, first.out[0].data, own.out[0].bytes) == 0);
        }
        haya_weights_free(weights);
        loop_free(&own);
    }
    loop_free(&first);
    for (int i = 0; i < 3; i++)
        haya_model_close(models[i]);
}

/* Another encoding of the same parameters: decoded at bind instead of used in place. */
static void parameters_may_be_encoded_otherwise(void)
{
    haya_model *models[2];
    haya_error error;
    static const float values[4] = {1, 2, 3, 4};
    for (int i = 0; i < 2; i++) {
        net n = {0};
        net_input(&n, "x", 1, (int64_t[]){4});
        pb tensor = {0};
        gd_tensor(&tensor, GD_FLOAT, 1, (int64_t[]){4});
        if (i == 0)
            pb_bytes(&tensor, GD_CONTENT, values, sizeof values);
        else
            for (int k = 0; k < 4; k++)
                pb_float(&tensor, GD_FLOAT_VAL, values[k] * 2);
        net_tensor(&n, "w", GD_FLOAT, &tensor);
        net_op(&n, "y", "Mul", "x w");
        models[i] = net_open(&n, i ? "unpacked.pb" : "content.pb");
    }
    loop l;
    haya_shape shape = {1, {4}};
    haya_weights *weights;
    if (CHECK(loop_make(&l, models[0], NULL, NULL, &shape, 1))) {
        CHECK_INT(haya_weights_bind(l.program, models[1], &weights, &error), HAYA_OK);
        CHECK_INT(haya_weights_derived_bytes(l.weights), 0);
        CHECK(haya_weights_derived_bytes(weights) >= sizeof values);
        CHECK_INT(haya_run(l.session, l.plan, weights, l.in, 1, l.out, 1, &error), HAYA_OK);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(((float *)l.out[0].data)[i], ((float *)l.in[0].data)[i] * 2 * values[i], 0);
        haya_weights_free(weights);
    }
    loop_free(&l);
    haya_model_close(models[0]);
    haya_model_close(models[1]);
}

/* A constant of 2^28 floats that are all equal takes a few bytes in the file. Here are 4 TiB of them. */
static void parameters_that_no_memory_holds_are_refused(void)
{
    net n = {0};
    char name[32], sum[32] = "x", inputs[80];
    haya_error error;
    haya_program *program;
    haya_weights *weights;
    net_input(&n, "x", 1, (int64_t[]){1});
    for (int i = 0; i < 4096; i++) {
        snprintf(name, sizeof name, "huge%d", i);
        snprintf(inputs, sizeof inputs, "%s %s", sum, name);
        net_fill(&n, name, 1, (int64_t[]){1 << 28}, 1);
        snprintf(sum, sizeof sum, "sum%d", i);
        net_op(&n, sum, "AddV2", inputs);
    }
    haya_model *model = net_open(&n, "huge.pb");
    if (!CHECK_INT(haya_program_create(model, NULL, &program, &error), HAYA_OK))
        printf("    %s\n", error.message);
    CHECK_INT(haya_weights_bind(program, model, &weights, &error), HAYA_ERROR_LIMIT);
    CHECK_HAS(error.message, "huge.pb: node 'huge");
    CHECK(strncmp(error.node, "huge", 4) == 0);
    haya_program_free(program);
    haya_model_close(model);
}

int main(void)
{
    RUN(a_model_of_the_same_names_binds);
    RUN(a_model_of_other_names_binds);
    RUN(another_operation_is_named);
    RUN(another_attribute_is_named);
    RUN(another_shape_of_a_parameter_is_named);
    RUN(another_dtype_of_a_parameter_is_named);
    RUN(another_shape_of_an_input_is_named);
    RUN(another_value_of_a_structural_constant_is_named);
    RUN(another_connection_is_named);
    RUN(a_longer_network_is_refused);
    RUN(a_network_with_fewer_inputs_is_refused);
    RUN(an_operation_that_nobody_knows_is_refused);
    RUN(names_win_over_order);
    RUN(without_names_the_natural_order_counts);
    RUN(outputs_that_look_alike_and_have_other_names_are_refused);
    RUN(outputs_that_look_alike_bind_by_name);
    RUN(one_name_of_two_settles_nothing);
    RUN(a_missing_tensor_is_named_when_order_cannot_help);
    RUN(models_of_one_training_process_bind);
    RUN(parameters_may_be_encoded_otherwise);
    RUN(parameters_that_no_memory_holds_are_refused);
    return test_summary();
}
