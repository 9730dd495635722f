/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: feeds and fetches, what is refused and how, functions, conditionals, and graphs made to do harm.
 */
#include <time.h>

#include "../test.h"
#include "../run/loop.h"
#include "nets.h"

/* Processor time that a graph costs at most, however hostile, under sanitizers too. */
#define BOUND_SECONDS 20

static haya_status make(haya_model *model, const char *feeds, const char *fetches, haya_error *error)
{
    haya_program *program = loop_program(model, feeds, fetches, error);
    haya_status status = error->status;
    CHECK_INT(program != NULL, status == HAYA_OK);
    haya_program_free(program);
    return status;
}

/* The same for a net, which is emptied. */
static haya_status make_net(net *n, const char *feeds, const char *fetches, haya_error *error)
{
    haya_model *model = net_open(n, "net.pb");
    memset(error, 0, sizeof *error);
    if (!CHECK(model))
        return HAYA_ERROR_FORMAT;
    haya_status status = make(model, feeds, fetches, error);
    haya_model_close(model);
    return status;
}

/* ---- Feeds and fetches ------------------------------------------------------------------------------------------- */

/* x -> [4] exp -> split in two, times two constants, plus each other */
static haya_model *open_sample(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "exp", "Exp", "x");
    net_int(&n, "axis", 0);
    gd_attr_int(net_op(&n, "split", "Split", "axis exp"), "num_split", 2);
    net_fill(&n, "two", 0, NULL, 2);
    net_weights(&n, "w", 1, (int64_t[]){2}, 1);
    net_op(&n, "a", "Mul", "split two");
    net_op(&n, "b", "Mul", "split:1 w");
    net_op(&n, "sum", "Add", "a b");
    return net_open(&n, "sample.pb");
}

static void by_default_placeholders_are_fed_and_sinks_fetched(void)
{
    haya_model *model = open_sample();
    haya_error error;
    haya_value value;
    haya_program_info info;
    haya_program *program = loop_program(model, NULL, NULL, &error);
    if (CHECK(program)) {
        haya_program_get_info(program, &info);
        CHECK_INT(info.input_count, 1);
        CHECK_INT(info.output_count, 1);
        CHECK_INT(info.slot_count, 2);
        CHECK_INT(info.parameter_count, 3);
        CHECK_INT(info.parameter_bytes, 12);
        CHECK_INT(haya_program_input(program, 0, &value), HAYA_OK);
        CHECK_STR(value.name, "x");
        CHECK_INT(value.shape.dims[0], 4);
        CHECK_INT(haya_program_output(program, 0, &value), HAYA_OK);
        CHECK_STR(value.name, "sum");
        CHECK_INT(value.dtype, HAYA_FLOAT32);
        CHECK_INT(haya_program_input(program, 1, &value), HAYA_ERROR_NOT_FOUND);
        CHECK_INT(haya_program_output(program, 1, &value), HAYA_ERROR_NOT_FOUND);
    }
    haya_program_free(program);
    haya_model_close(model);
}

static void intermediates_can_be_fetched(void)
{
    haya_model *model = open_sample();
    haya_shape shape = {1, {4}};
    loop l;
    if (CHECK(loop_make(&l, model, "x", "split:1 sum exp:0 x split", &shape, 1))) {
        haya_value value;
        CHECK_INT(haya_program_output(l.program, 0, &value), HAYA_OK);
        CHECK_STR(value.name, "split:1");
        CHECK_INT(haya_program_output(l.program, 2, &value), HAYA_OK);
        CHECK_STR(value.name, "exp");
        CHECK_INT(loop_run(&l), HAYA_OK);
        const float *x = l.in[0].data, *second = l.out[0].data, *e = l.out[2].data, *first = l.out[4].data;
        for (int i = 0; i < 2; i++) {
            CHECK_NEAR(second[i], exp(x[i + 2]), 1e-5);
            CHECK_NEAR(first[i], exp(x[i]), 1e-5);
        }
        CHECK_NEAR(e[3], second[1], 0);
        CHECK(memcmp(l.out[3].data, x, 16) == 0);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void an_intermediate_can_be_fed(void)
{
    haya_model *model = open_sample();
    haya_shape shapes[2] = {{1, {2}}, {1, {2}}};
    loop l;
    if (CHECK(loop_make(&l, model, "split:1 split:0", "sum", shapes, 2))) {
        float w[2];
        haya_parameter parameter;
        CHECK_INT(haya_program_parameter(l.program, 1, &parameter), HAYA_OK);
        CHECK_STR(parameter.value.name, "w");
        CHECK_INT(haya_program_parameter(l.program, 2, &parameter), HAYA_ERROR_NOT_FOUND);
        memcpy(w, l.in[0].data, sizeof w);
        CHECK_INT(loop_run(&l), HAYA_OK);
        memset(l.in[0].data, 0, 8); /* what remains is twice the first half */
        CHECK_INT(loop_run(&l), HAYA_OK);
        for (int i = 0; i < 2; i++)
            CHECK_NEAR(((float *)l.out[0].data)[i], 2 * ((float *)l.in[1].data)[i], 1e-6);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void a_fed_constant_is_no_parameter(void)
{
    haya_model *model = open_sample();
    haya_shape shapes[2] = {{1, {4}}, {1, {2}}};
    loop l;
    if (CHECK(loop_make(&l, model, "x w", "b", shapes, 2))) {
        haya_program_info info;
        haya_value value;
        haya_program_get_info(l.program, &info);
        CHECK_INT(info.slot_count, 0);
        CHECK_INT(haya_program_input(l.program, 1, &value), HAYA_OK);
        CHECK_INT(value.shape.rank, 1);
        CHECK_INT(value.shape.dims[0], 2);
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_NEAR(*(float *)l.out[0].data, exp(((float *)l.in[0].data)[2]) * *(float *)l.in[1].data, 1e-5);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void a_constant_can_be_fetched(void)
{
    haya_model *model = open_sample();
    loop l;
    if (CHECK(loop_make(&l, model, "", "two axis", NULL, 0))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK_NEAR(*(float *)l.out[0].data, 2, 0);
        CHECK_INT(*(int32_t *)l.out[1].data, 0);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void feeds_that_nothing_depends_on_stay_where_the_caller_asked_for_them(void)
{
    haya_model *model = open_sample();
    haya_shape shapes[2] = {{1, {4}}, {1, {2}}};
    loop l;
    if (CHECK(loop_make(&l, model, "x w", "exp", shapes, 2))) {
        CHECK_INT(l.in_count, 2);
        CHECK_INT(loop_run(&l), HAYA_OK);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void one_tensor_can_be_fetched_twice(void)
{
    haya_model *model = open_sample();
    haya_shape shape = {1, {4}};
    loop l;
    if (CHECK(loop_make(&l, model, "x", "sum sum exp sum", &shape, 1))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        CHECK(memcmp(l.out[0].data, l.out[1].data, 8) == 0 && memcmp(l.out[0].data, l.out[3].data, 8) == 0);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void wrong_feeds_and_fetches_are_refused(void)
{
    haya_model *model = open_sample();
    haya_error error;
    CHECK_INT(make(model, NULL, "nowhere", &error), HAYA_ERROR_NOT_FOUND);
    CHECK_HAS(error.message, "sample.pb");
    CHECK_HAS(error.message, "'nowhere'");
    CHECK_INT(make(model, NULL, "split:2", &error), HAYA_ERROR_NOT_FOUND);
    CHECK_HAS(error.message, "split:2");
    CHECK_INT(make(model, NULL, "sum:1", &error), HAYA_ERROR_NOT_FOUND);
    CHECK_INT(make(model, "nowhere", "sum", &error), HAYA_ERROR_NOT_FOUND);
    CHECK_INT(make(model, "x exp x:0", "sum", &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "twice");
    CHECK_INT(make(model, NULL, "", &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "nothing to fetch");
    CHECK_INT(make(model, "two", "sum", &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "node 'x'");
    CHECK_HAS(error.message, "not fed");
    haya_model_close(model);
}

static void a_fed_value_that_steers_shapes_is_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_input_of(&n, "shape", GD_INT32, 1, (int64_t[]){2});
    net_reshape(&n, "y", "x shape");
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_STR(error.node, "shape");
    CHECK_HAS(error.message, "steers shapes");
}

static void wrong_arguments_are_refused(void)
{
    haya_model *model = open_sample();
    haya_program *program;
    haya_program_options options = {.struct_size = 4};
    haya_error error;
    CHECK_INT(haya_program_create(model, &options, &program, &error), HAYA_ERROR_ARGUMENT);
    CHECK(!program);
    CHECK_INT(haya_program_create(NULL, NULL, &program, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_program_create(model, NULL, NULL, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_program_create(model, NULL, NULL, NULL), HAYA_ERROR_ARGUMENT);
    options = (haya_program_options){.struct_size = sizeof options, .fetches = (const char *[]){NULL},
                                     .fetch_count = 1};
    CHECK_INT(haya_program_create(model, &options, &program, &error), HAYA_ERROR_ARGUMENT);
    haya_model_close(model);
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */

typedef struct refused_list {
    int count;
    char nodes[8][32], ops[8][32];
} refused_list;

static void note_refused(void *user, const char *node, const char *op, const char *why)
{
    refused_list *list = user;
    CHECK(why[0]);
    if (list->count < 8) {
        snprintf(list->nodes[list->count], 32, "%s", node);
        snprintf(list->ops[list->count], 32, "%s", op);
    }
    list->count++;
}

static bool has_refused(const refused_list *list, const char *node, const char *op)
{
    for (int i = 0; i < list->count && i < 8; i++)
        if (strcmp(list->nodes[i], node) == 0 && strcmp(list->ops[i], op) == 0)
            return true;
    return false;
}

static haya_model *open_unsupported(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "a", "Frobnicate", "x");
    net_op(&n, "b", "Exp", "a");
    net_op(&n, "c", "Quux", "b");
    net_op(&n, "d", "Tanh", "x");
    net_op(&n, "e", "Add", "c d");
    net_op(&n, "f", "Unrelated", "d");
    net_op(&n, "g", "Identity", "f");
    return net_open(&n, "odd.pb");
}

static void all_unsupported_operations_are_listed_at_once(void)
{
    haya_model *model = open_unsupported();
    refused_list list = {0};
    haya_error error;
    haya_program *program;
    haya_program_options options = {.struct_size = sizeof options, .fetches = (const char *[]){"e"}, .fetch_count = 1,
                                    .unsupported = note_refused, .user = &list};
    CHECK_INT(haya_program_create(model, &options, &program, &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_INT(list.count, 2);
    CHECK(has_refused(&list, "a", "Frobnicate"));
    CHECK(has_refused(&list, "c", "Quux"));
    CHECK_HAS(error.message, "odd.pb");
    CHECK_HAS(error.message, "Frobnicate (node 'a')");
    CHECK_HAS(error.message, "Quux (node 'c')");
    haya_model_close(model);
}

static void variables_tell_that_the_graph_is_not_frozen(void)
{
    static const char *const operations[] = {"Variable", "VariableV2", "VarHandleOp"};
    for (int i = 0; i < 3; i++) {
        net n = {0};
        haya_error error;
        net_input(&n, "x", 1, (int64_t[]){4});
        net_op(&n, "v", operations[i], "");
        net_op(&n, "y", "Add", "x v");
        CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_UNSUPPORTED);
        CHECK_STR(error.node, "v");
        CHECK_HAS(error.message, "the graph is not frozen");
        CHECK_HAS(error.message, "`tools/freeze`");
    }
}

static void unsupported_operations_that_no_fetch_depends_on_are_counted(void)
{
    haya_model *model = open_unsupported();
    haya_error error;
    haya_program *program = loop_program(model, NULL, "d", &error);
    haya_program_info info;
    if (CHECK(program)) {
        haya_program_get_info(program, &info);
        CHECK_INT(info.ignored_unsupported, 3);
    }
    haya_program_free(program);
    haya_model_close(model);
}

static void what_has_no_known_type_cannot_be_fed(void)
{
    haya_model *model = open_unsupported();
    haya_error error;
    CHECK_INT(make(model, "x c", "e", &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_STR(error.node, "c");
    haya_model_close(model);
}

/* Many of them: the message stays readable, the callback gets all. */
static void a_thousand_unsupported_operations_are_all_reported(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){4});
    char name[32], input[32] = "x";
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "node_%d", i);
        net_op(&n, name, "Frobnicate", input);
        snprintf(input, sizeof input, "%s", name);
    }
    haya_model *model = net_open(&n, "odd.pb");
    refused_list list = {0};
    haya_error error;
    haya_program *program;
    haya_program_options options = {.struct_size = sizeof options, .unsupported = note_refused, .user = &list};
    CHECK_INT(haya_program_create(model, &options, &program, &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_INT(list.count, 1000);
    CHECK_HAS(error.message, "1000 unsupported operations");
    haya_model_close(model);
}

static void a_missing_input_is_named(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "y", "Add", "x gone");
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_FORMAT);
    CHECK_STR(error.node, "y");
    CHECK_HAS(error.message, "'gone'");
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "y", "Identity", "gone");
    net_op(&n, "z", "Exp", "y");
    CHECK_INT(make_net(&n, NULL, "z", &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "'gone'");
}

static void an_output_that_a_node_does_not_have_is_named(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "e", "Exp", "x");
    net_op(&n, "y", "Tanh", "e:3");
    CHECK_INT(make_net(&n, NULL, "y", &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "output 3 of node 'e'");
}

static void a_wrong_number_of_inputs_is_named(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "y", "Add", "x");
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_FORMAT);
    CHECK_STR(error.node, "y");
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "y", "Exp", "x x");
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_FORMAT);
}

static void cycles_are_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_op(&n, "a", "Add", "x c");
    net_op(&n, "b", "Exp", "a");
    net_op(&n, "c", "Tanh", "b");
    net_op(&n, "d", "Exp", "c");
    CHECK_INT(make_net(&n, NULL, "d", &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "depends on itself");
    net_op(&n, "a", "Identity", "b");
    net_op(&n, "b", "Identity", "a");
    net_op(&n, "c", "Exp", "b");
    CHECK_INT(make_net(&n, NULL, "c", &error), HAYA_ERROR_FORMAT);
    net_op(&n, "a", "Exp", "a");
    CHECK_INT(make_net(&n, NULL, "a", &error), HAYA_ERROR_FORMAT);
}

static void a_loop_of_merge_and_switch_is_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 0, NULL);
    net_input_of(&n, "more", GD_BOOL, 0, NULL);
    gd_attr_int(net_op(&n, "merge", "Merge", "x next"), "N", 2);
    net_op(&n, "switch", "Switch", "merge more");
    net_op(&n, "next", "Exp", "switch:1");
    net_op(&n, "out", "Tanh", "switch");
    haya_status status = make_net(&n, NULL, "out", &error);
    CHECK(status == HAYA_ERROR_UNSUPPORTED || status == HAYA_ERROR_FORMAT);
}

static void an_attribute_that_is_not_known_is_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    gd_attr_int(net_op(&n, "y", "Exp", "x"), "base", 2);
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_HAS(error.message, "'base'");
}

static void add_norm(net *n, bool training)
{
    net_input(n, "x", 4, (int64_t[]){-1, 2, 2, 1});
    net_fill(n, "one", 1, (int64_t[]){1}, 1);
    pb *node = net_op(n, "norm", "FusedBatchNormV3", "x one one one one");
    gd_attr_type(node, "U", GD_FLOAT);
    if (!training)
        gd_attr_bool(node, "is_training", 0);
    net_op(n, "y", "Relu", "norm");
}

static void a_batch_norm_in_training_is_refused_by_name(void)
{
    net n = {0};
    haya_error error;
    add_norm(&n, true); /* the attribute's default */
    CHECK_INT(make_net(&n, NULL, "y", &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_STR(error.node, "norm");
    CHECK_HAS(error.message, "FusedBatchNormV3 (node 'norm')");
    CHECK_HAS(error.message, "training");
    add_norm(&n, false);
    CHECK_INT(make_net(&n, NULL, "y", &error), HAYA_OK);
    add_norm(&n, false);
    CHECK_INT(make_net(&n, NULL, "y norm:1 norm:2", &error), HAYA_OK);
    add_norm(&n, false);
    CHECK_INT(make_net(&n, NULL, "norm:3", &error), HAYA_ERROR_UNSUPPORTED);
}

/* ---- Conditionals ------------------------------------------------------------------------------------------------ */

/* cond ? 2 x : -x. The condition is what `phase` says. */
static void add_conditional(net *n, const char *phase)
{
    char inputs[64];
    net_input(n, "x", 1, (int64_t[]){4});
    net_const(n, "no", GD_BOOL, 0, NULL, "\0", 1);
    pb *node = net_node(n, "phase", "PlaceholderWithDefault", "no");
    gd_attr_type(node, "dtype", GD_BOOL);
    gd_attr_shape(node, "shape", 0, NULL);
    net_node(n, "not", "LogicalNot", "phase");
    snprintf(inputs, sizeof inputs, "x %s", phase);
    net_op(n, "switch", "Switch", inputs);
    net_fill(n, "two", 0, NULL, 2);
    net_op(n, "twice", "Mul", "switch:1 two");
    net_op(n, "negative", "Neg", "switch");
    gd_attr_int(net_op(n, "merge", "Merge", "negative twice"), "N", 2);
    net_op(n, "y", "Identity", "merge");
}

static void run_conditional(const char *phase, float factor)
{
    net n = {0};
    loop l;
    haya_shape shape = {1, {4}};
    add_conditional(&n, phase);
    haya_model *model = net_open(&n, "cond.pb");
    if (CHECK(loop_make(&l, model, "x", "y merge:1", &shape, 1))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(((float *)l.out[0].data)[i], factor * ((float *)l.in[0].data)[i], 0);
        CHECK_INT(*(int32_t *)l.out[1].data, factor > 0);
    }
    loop_free(&l);
    haya_model_close(model);
}

static void a_learning_phase_left_open_takes_its_default(void)
{
    run_conditional("phase", -1);
    run_conditional("not", 2);
}

static void a_condition_that_is_fed_is_refused(void)
{
    net n = {0};
    haya_error error;
    add_conditional(&n, "phase");
    CHECK_INT(make_net(&n, "x phase", "y", &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_HAS(error.message, "switch");
}

static void fetching_from_the_dead_branch_is_refused(void)
{
    net n = {0};
    haya_error error;
    add_conditional(&n, "phase");
    CHECK_INT(make_net(&n, "x", "twice", &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_HAS(error.message, "never taken");
    add_conditional(&n, "phase");
    CHECK_INT(make_net(&n, "x", "negative", &error), HAYA_OK);
}

/* ---- Functions --------------------------------------------------------------------------------------------------- */

/* name(a) = body_op(call(a)), where call is another function or an operation */
static void add_function(net *n, const char *name, const char *first_op, const char *first_output, const char *then_op)
{
    pb function = {0}, signature = {0}, node = {0};
    pb_string(&signature, 1, name);
    gd_argument(&signature, 2, "a");
    gd_argument(&signature, 3, "result");
    pb_message(&function, 1, &signature);
    gd_begin(&node, "first", first_op);
    gd_input(&node, "a");
    if (first_output[0] == 'y')
        gd_attr_type(&node, "T", GD_FLOAT);
    pb_message(&function, 3, &node);
    gd_begin(&node, "second", then_op);
    char input[64];
    snprintf(input, sizeof input, "first:%s:0", first_output);
    gd_input(&node, input);
    gd_attr_type(&node, "T", GD_FLOAT);
    pb_message(&function, 3, &node);
    gd_return(&function, "result", "second:y:0");
    net_function(n, &function);
}

static void functions_are_inlined(void)
{
    net n = {0};
    loop l;
    haya_shape shape = {1, {4}};
    net_input(&n, "x", 1, (int64_t[]){4});
    pb *node = net_node(&n, "call", "PartitionedCall", "x"), types = {0};
    pb_packed(&types, 6, (int64_t[]){GD_FLOAT}, 1);
    gd_attr_message(node, "Tin", 1, &types);
    pb_packed(&types, 6, (int64_t[]){GD_FLOAT}, 1);
    gd_attr_message(node, "Tout", 1, &types);
    pb f = {0};
    pb_string(&f, 1, "outer");
    gd_attr_message(node, "f", 10, &f);
    net_node(&n, "again", "inner", "call"); /* the function's name as operation */
    add_function(&n, "inner", "Exp", "y", "Neg");
    add_function(&n, "outer", "inner", "result", "Tanh");
    haya_model *model = net_open(&n, "functions.pb");
    if (CHECK(model) && CHECK(loop_make(&l, model, NULL, "again call", &shape, 1))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        for (int i = 0; i < 4; i++) {
            double call = tanh(-exp(((float *)l.in[0].data)[i]));
            CHECK_NEAR(((float *)l.out[1].data)[i], call, 1e-5);
            CHECK_NEAR(((float *)l.out[0].data)[i], -exp(call), 1e-5);
        }
        haya_step step;
        CHECK_INT(haya_plan_step(l.plan, 0, &step), HAYA_OK);
        CHECK_STR(step.node, "call/first/first");
        loop_free(&l);
    }
    haya_model_close(model);
}

static void a_call_of_a_function_that_is_not_there_is_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_node(&n, "call", "nobody", "x");
    CHECK_INT(make_net(&n, NULL, "call", &error), HAYA_ERROR_UNSUPPORTED);
    CHECK_HAS(error.message, "nobody (node 'call')");
}

static double seconds_since(clock_t start)
{
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* Opens a net that must be refused, soon and without much memory. */
static haya_status open_hostile(net *n, haya_error *error)
{
    pb graph = net_write(n);
    haya_model *model;
    clock_t start = clock();
    haya_status status = haya_model_from_memory(graph.data, graph.size, "hostile.pb", NULL, &model, error);
    CHECK(seconds_since(start) < BOUND_SECONDS);
    haya_model_close(model);
    pb_free(&graph);
    return status;
}

static void functions_that_call_themselves_are_refused(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_node(&n, "call", "endless", "x");
    add_function(&n, "endless", "endless", "result", "Exp");
    CHECK_INT(open_hostile(&n, &error), HAYA_ERROR_LIMIT);
    CHECK_HAS(error.message, "deep");
}

/* f0 calls f1 twice, f1 calls f2 twice ...: two to the thirtieth. */
static void exponential_inlining_is_refused_quickly(void)
{
    net n = {0};
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_node(&n, "call", "f0", "x");
    for (int i = 0; i < 30; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        pb function = {0}, signature = {0}, node = {0};
        pb_string(&signature, 1, name);
        gd_argument(&signature, 2, "a");
        gd_argument(&signature, 3, "result");
        pb_message(&function, 1, &signature);
        gd_begin(&node, "p", next);
        gd_input(&node, "a");
        pb_message(&function, 3, &node);
        gd_begin(&node, "q", next);
        gd_input(&node, "p:result:0");
        pb_message(&function, 3, &node);
        gd_return(&function, "result", "q:result:0");
        net_function(&n, &function);
    }
    CHECK_INT(open_hostile(&n, &error), HAYA_ERROR_LIMIT);
}

/* A body with long names, or with many inputs, called often: a call costs little in the file and much once inlined. */
static void inlining_cannot_blow_up_names_or_inputs(void)
{
    for (int inputs = 0; inputs < 2; inputs++) {
        net n = {0};
        haya_error error;
        char name[32], long_name[4001];
        memset(long_name, 'n', sizeof long_name);
        long_name[sizeof long_name - 1] = '\0';
        net_input(&n, "x", 1, (int64_t[]){4});
        for (int i = 0; i < 20000; i++) {
            snprintf(name, sizeof name, "call%d", i);
            net_node(&n, name, "f", "x");
        }
        pb function = {0}, signature = {0}, node = {0};
        pb_string(&signature, 1, "f");
        gd_argument(&signature, 2, "a");
        gd_argument(&signature, 3, "result");
        pb_message(&function, 1, &signature);
        for (int i = 0; i < (inputs ? 1 : 40); i++) {
            snprintf(long_name, sizeof name, "%04d", i);
            long_name[4] = 'n';
            gd_begin(&node, inputs ? "sum" : long_name, "AddN");
            for (int k = 0; k < (inputs ? 20000 : 1); k++)
                gd_input(&node, "a");
            pb_message(&function, 3, &node);
        }
        gd_return(&function, "result", "a");
        net_function(&n, &function);
        CHECK_INT(open_hostile(&n, &error), HAYA_ERROR_LIMIT);
    }
}

/* ---- Hostile graphs ---------------------------------------------------------------------------------------------- */

/* x -> op -> op -> ... ; `inputs` is the format for the node before. */
static void add_chain(net *n, const char *op, const char *inputs, int length)
{
    char before[32] = "x", name[32], text[100];
    net_input(n, "x", 1, (int64_t[]){4});
    for (int i = 0; i < length; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(text, sizeof text, inputs, before, before);
        net_op(n, name, op, text);
        snprintf(before, sizeof before, "%s", name);
    }
}

static void finishes_and_runs(net *n, const char *what)
{
    haya_model *model = net_open(n, what);
    haya_shape shape = {1, {4}};
    loop l;
    clock_t start = clock();
    if (CHECK(model) && CHECK(loop_make(&l, model, NULL, NULL, &shape, 1))) {
        CHECK_INT(loop_run(&l), HAYA_OK);
        loop_free(&l);
    }
    haya_model_close(model);
    if (!CHECK(seconds_since(start) < BOUND_SECONDS))
        printf("    %s: %.1f s\n", what, seconds_since(start));
}

static void a_chain_of_200000_identities_is_fine(void)
{
    net n = {0};
    add_chain(&n, "Identity", "%s", 200000);
    net_op(&n, "y", "Exp", "n199999");
    finishes_and_runs(&n, "identities");
}

static void a_chain_of_100000_additions_is_fine(void)
{
    net n = {0};
    add_chain(&n, "AddV2", "%s %s", 100000);
    finishes_and_runs(&n, "additions");
}

static void a_chain_of_50000_reshapes_is_fine(void)
{
    net n = {0};
    char before[32] = "x", name[32], text[100];
    net_input(&n, "x", 1, (int64_t[]){4});
    net_ints(&n, "shape", 1, (int32_t[]){4});
    for (int i = 0; i < 50000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(text, sizeof text, "%s shape", before);
        net_reshape(&n, name, text);
        snprintf(before, sizeof before, "%s", name);
    }
    net_op(&n, "y", "Exp", before);
    finishes_and_runs(&n, "reshapes");
}

/* A parameter behind many reshapes, each of them read by the run. */
static void reshapes_of_a_parameter_are_fine(void)
{
    net n = {0};
    char before[32] = "w", name[32], text[100], sum[32] = "x", next[32];
    net_input(&n, "x", 1, (int64_t[]){4});
    net_weights(&n, "w", 1, (int64_t[]){4}, 1);
    net_ints(&n, "shape", 1, (int32_t[]){4});
    for (int i = 0; i < 4000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(text, sizeof text, "%s shape", before);
        net_reshape(&n, name, text);
        snprintf(before, sizeof before, "%s", name);
        snprintf(next, sizeof next, "s%d", i);
        snprintf(text, sizeof text, "%s %s", sum, name);
        net_op(&n, next, "AddV2", text);
        snprintf(sum, sizeof sum, "%s", next);
    }
    finishes_and_runs(&n, "reshapes of a parameter");
}

/* All alive at once. */
static void a_fan_of_20000_is_fine(void)
{
    net n = {0};
    char name[32];
    net_input(&n, "x", 1, (int64_t[]){4});
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        net_op(&n, name, "Exp", "x");
    }
    pb *sum = net_op(&n, "sum", "AddN", "");
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        gd_input(sum, name);
    }
    gd_attr_int(sum, "N", 20000);
    finishes_and_runs(&n, "fan");
}

static void many_placeholders_are_fine(void)
{
    net n = {0};
    char name[32];
    haya_error error;
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "x%d", i);
        net_input(&n, name, 1, (int64_t[]){4});
    }
    char before[32] = "x0", text[100];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(text, sizeof text, "%s x%d", before, i);
        net_op(&n, name, "AddV2", text);
        snprintf(before, sizeof before, "%s", name);
    }
    clock_t start = clock();
    CHECK_INT(make_net(&n, NULL, NULL, &error), HAYA_OK);
    CHECK(seconds_since(start) < BOUND_SECONDS);
}

/* Each condition depends on the Switch before. */
static void a_cascade_of_switches_finishes(void)
{
    net n = {0};
    char name[32], inputs[100], before[32] = "x", condition[32] = "yes";
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    net_const(&n, "yes", GD_BOOL, 0, NULL, "\1", 1);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "cond%d", i);
        snprintf(inputs, sizeof inputs, "%s yes", condition);
        net_node(&n, name, "LogicalAnd", inputs);
        snprintf(condition, sizeof condition, "%s", name);
        snprintf(name, sizeof name, "switch%d", i);
        snprintf(inputs, sizeof inputs, "%s %s", before, condition);
        net_op(&n, name, "Switch", inputs);
        snprintf(before, sizeof before, "merge%d", i);
        snprintf(inputs, sizeof inputs, "%s %s:1", name, name);
        gd_attr_int(net_op(&n, before, "Merge", inputs), "N", 2);
    }
    net_op(&n, "y", "Exp", before);
    clock_t start = clock();
    haya_status status = make_net(&n, NULL, NULL, &error);
    CHECK(status == HAYA_OK || status == HAYA_ERROR_UNSUPPORTED);
    CHECK(seconds_since(start) < BOUND_SECONDS);
}

/* Constants of 8 MiB each, computed one from another: 16 GiB from a few kilobytes. */
static void folding_without_end_is_refused(void)
{
    net n = {0};
    char name[32], before[32] = "fill", inputs[100];
    haya_error error;
    net_ints(&n, "dims", 1, (int32_t[]){2 << 20});
    net_int(&n, "two", 2);
    pb *node = net_node(&n, "fill", "Fill", "dims two");
    gd_attr_type(node, "T", GD_INT32);
    gd_attr_type(node, "index_type", GD_INT32);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(inputs, sizeof inputs, "%s two", before);
        gd_attr_type(net_node(&n, name, "Minimum", inputs), "T", GD_INT32);
        snprintf(before, sizeof before, "%s", name);
    }
    net_input(&n, "x", 1, (int64_t[]){4});
    snprintf(inputs, sizeof inputs, "x %s", before);
    net_reshape(&n, "y", inputs);
    clock_t start = clock();
    CHECK_INT(make_net(&n, NULL, "y", &error), HAYA_ERROR_LIMIT);
    CHECK_HAS(error.message, "more than 268435456 bytes");
    CHECK(seconds_since(start) < BOUND_SECONDS);
}

/* Names that are no function of the library, in a graph with many functions. */
static void many_functions_and_many_unknown_operations_finish(void)
{
    net n = {0};
    char name[32];
    haya_error error;
    net_input(&n, "x", 1, (int64_t[]){4});
    for (int i = 0; i < 30000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        net_node(&n, name, "zzz_unknown_operation", "x");
        snprintf(name, sizeof name, "zzz_function_%d", i);
        pb function = {0}, signature = {0};
        pb_string(&signature, 1, name);
        pb_message(&function, 1, &signature);
        net_function(&n, &function);
    }
    net_op(&n, "y", "Exp", "x");
    clock_t start = clock();
    CHECK_INT(make_net(&n, NULL, "y", &error), HAYA_OK);
    CHECK(seconds_since(start) < BOUND_SECONDS);
}

int main(void)
{
    RUN(by_default_placeholders_are_fed_and_sinks_fetched);
    RUN(intermediates_can_be_fetched);
    RUN(an_intermediate_can_be_fed);
    RUN(a_fed_constant_is_no_parameter);
    RUN(a_constant_can_be_fetched);
    RUN(feeds_that_nothing_depends_on_stay_where_the_caller_asked_for_them);
    RUN(one_tensor_can_be_fetched_twice);
    RUN(wrong_feeds_and_fetches_are_refused);
    RUN(a_fed_value_that_steers_shapes_is_refused);
    RUN(wrong_arguments_are_refused);
    RUN(all_unsupported_operations_are_listed_at_once);
    RUN(variables_tell_that_the_graph_is_not_frozen);
    RUN(unsupported_operations_that_no_fetch_depends_on_are_counted);
    RUN(what_has_no_known_type_cannot_be_fed);
    RUN(a_thousand_unsupported_operations_are_all_reported);
    RUN(a_missing_input_is_named);
    RUN(an_output_that_a_node_does_not_have_is_named);
    RUN(a_wrong_number_of_inputs_is_named);
    RUN(cycles_are_refused);
    RUN(a_loop_of_merge_and_switch_is_refused);
    RUN(an_attribute_that_is_not_known_is_refused);
    RUN(a_batch_norm_in_training_is_refused_by_name);
    RUN(a_learning_phase_left_open_takes_its_default);
    RUN(a_condition_that_is_fed_is_refused);
    RUN(fetching_from_the_dead_branch_is_refused);
    RUN(functions_are_inlined);
    RUN(a_call_of_a_function_that_is_not_there_is_refused);
    RUN(functions_that_call_themselves_are_refused);
    RUN(exponential_inlining_is_refused_quickly);
    RUN(inlining_cannot_blow_up_names_or_inputs);
    RUN(a_chain_of_200000_identities_is_fine);
    RUN(a_chain_of_100000_additions_is_fine);
    RUN(a_chain_of_50000_reshapes_is_fine);
    RUN(reshapes_of_a_parameter_are_fine);
    RUN(a_fan_of_20000_is_fine);
    RUN(many_placeholders_are_fine);
    RUN(a_cascade_of_switches_finishes);
    RUN(folding_without_end_is_refused);
    RUN(many_functions_and_many_unknown_operations_finish);
    return test_summary();
}
