/* SPDX-License-Identifier: Apache-2.0
 *
 * What is the same structure, and what is not.
 */
#include "../test.h"
#include "nets.h"

/* Ways to write down one network, and ways in which another one differs from it. */
typedef struct family {
    uint32_t seed;         /* of the parameters' values */
    int shift;             /* added to the numbers in names */
    unsigned shuffle;
    bool strip;            /* leave attributes out that have their defaults */
    bool decorate;         /* '_' attributes, devices, hints */
    bool identities;       /* chains of them before everything */
    bool controls;         /* control edges to nodes that compute nothing */
    bool branch;           /* the input goes through a Switch and Merge whose condition is a constant */
    bool leftovers;        /* nodes that no fetch depends on */
    bool share;            /* one constant where there are two equal ones */
    bool swap_inputs, swap_heads;
    int64_t stride, filter, pad;
    const char *activation;
} family;

static const family plain = {.seed = 1, .stride = 1, .filter = 3, .pad = 1, .activation = "Relu"};

typedef struct writer {
    net net;
    const family *f;
    char text[8][96];
    int turn;
} writer;

/* "name_3/part"; valid for 7 more calls. */
static const char *name_of(writer *w, const char *name, int number)
{
    char *text = w->text[w->turn++ % 8];
    snprintf(text, sizeof w->text[0], "model/%s_%d", name, number + w->f->shift);
    return text;
}

/* The name under which a value is read: behind two identities, where the family wants them. */
static const char *read_through(writer *w, const char *name)
{
    if (!w->f->identities)
        return name;
    char *text = w->text[w->turn++ % 8];
    snprintf(text, sizeof w->text[0], "%.60s/read", name);
    char *again = w->text[w->turn++ % 8];
    snprintf(again, sizeof w->text[0], "%.60s/read/again", name);
    net_op(&w->net, text, "Identity", name);
    net_op(&w->net, again, "StopGradient", text);
    return again;
}

static void finish(writer *w, pb *node)
{
    if (w->f->controls)
        gd_input(node, "^model/nothing");
    if (!w->f->decorate)
        return;
    gd_attr_string(node, "_class", "loc:@somewhere");
    pb_string(node, 4, "/device:GPU:0");
}

static void write_conv(writer *w, const char *name, const char *input, const char *filter)
{
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s %s", input, read_through(w, filter));
    pb *node = net_op(&w->net, name, "Conv2D", inputs);
    gd_attr_ints(node, "strides", (int64_t[]){1, w->f->stride, w->f->stride, 1}, 4);
    gd_attr_string(node, "padding", "SAME");
    if (!w->f->strip) {
        gd_attr_string(node, "data_format", "NHWC");
        gd_attr_ints(node, "dilations", (int64_t[]){1, 1, 1, 1}, 4);
        gd_attr_ints(node, "explicit_paddings", NULL, 0);
    }
    if (w->f->decorate)
        gd_attr_bool(node, "use_cudnn_on_gpu", 0);
    finish(w, node);
}

/* A convolution, a pad, and an addition of a vector. */
static void write_head(writer *w, const char *input, int number)
{
    const family *f = w->f;
    char inputs[256], conv[96], pad[96], sum[96];
    snprintf(conv, sizeof conv, "%s", name_of(w, "conv2d", number));
    snprintf(pad, sizeof pad, "%s", name_of(w, "pad", number));
    snprintf(sum, sizeof sum, "%s", name_of(w, "sum", number));
    net_weights(&w->net, name_of(w, "kernel", number), 4, (int64_t[]){f->filter, 3, 1, 2}, f->seed);
    write_conv(w, conv, input, name_of(w, "kernel", number));
    net_const(&w->net, name_of(w, "paddings", number), GD_INT32, 2, (int64_t[]){4, 2},
              (int32_t[]){0, 0, (int32_t)f->pad, 1, 1, 1, 0, 0}, 8 * sizeof(int32_t));
    snprintf(inputs, sizeof inputs, "%s %s", conv, name_of(w, "paddings", number));
    finish(w, net_pad(&w->net, pad, inputs));
    int64_t two = 2;
    int vector = f->share ? 0 : number;
    if (vector == number)
        net_fill(&w->net, name_of(w, "vector", number), 1, &two, 0.25f); /* the values of both are equal */
    snprintf(inputs, sizeof inputs, "%s %s", pad, read_through(w, name_of(w, "vector", vector)));
    finish(w, net_op(&w->net, sum, "AddV2", inputs));
    finish(w, net_op(&w->net, name_of(w, "head", number), number ? "Sigmoid" : f->activation, sum));
}

/* A Switch by a constant condition; the branch not taken has an operation that nobody knows. */
static void write_branch(writer *w, const char *input, const char *merged)
{
    char inputs[256];
    net_const(&w->net, "model/phase", GD_BOOL, 0, NULL, "\0", 1);
    snprintf(inputs, sizeof inputs, "%s model/phase", input);
    net_op(&w->net, "model/switch", "Switch", inputs);
    net_op(&w->net, "model/dead", "RandomStandardNormal", "model/switch:1");
    pb *node = net_op(&w->net, merged, "Merge", "model/switch model/dead");
    gd_attr_int(node, "N", 2);
}

static pb write_family(const family *f)
{
    writer w = {.f = f, .net.shuffle = f->shuffle};
    if (f->controls)
        net_node(&w.net, "model/nothing", "NoOp", "");
    const char *inputs[2] = {"input_a", "input_b"};
    for (int i = 0; i < 2; i++)
        net_input(&w.net, inputs[i], 4, (int64_t[]){-1, 8, 8, 1});
    if (f->branch) {
        write_branch(&w, inputs[0], "model/merged");
        inputs[0] = "model/merged";
    }
    write_head(&w, read_through(&w, inputs[f->swap_inputs]), 0);
    write_head(&w, read_through(&w, inputs[!f->swap_inputs]), 1);
    if (f->leftovers) {
        net_op(&w.net, "unused", "Exp", inputs[0]);
        net_node(&w.net, "save/restore", "RestoreV2", "");
    }
    return net_write(&w.net);
}

static void print_of(pb graph, const char *first, const char *second, char text[33])
{
    const char *fetches[] = {first, second};
    static const char *const feeds[] = {"input_a", "input_b"};
    haya_program_options options = {.struct_size = sizeof options, .feeds = feeds, .feed_count = 2,
                                    .fetches = fetches, .fetch_count = 2};
    haya_model *model;
    haya_program *program = NULL;
    haya_error error = {0};
    memset(text, 0, 33);
    if (haya_model_from_memory(graph.data, graph.size, "family.pb", NULL, &model, &error) == HAYA_OK
        && haya_program_create(model, &options, &program, &error) == HAYA_OK) {
        haya_program_info info;
        haya_program_get_info(program, &info);
        memcpy(text, info.fingerprint, sizeof info.fingerprint);
    } else {
        FAIL(error.message);
    }
    haya_program_free(program);
    haya_model_close(model);
    pb_free(&graph);
}

static bool same_structure(family f)
{
    char heads[2][96], ours[33], theirs[33];
    print_of(write_family(&plain), "model/head_0", "model/head_1", ours);
    CHECK_INT(strlen(ours), 32);
    for (int i = 0; i < 2; i++)
        snprintf(heads[i], sizeof heads[i], "model/head_%d", f.shift + (f.swap_heads ? 1 - i : i));
    print_of(write_family(&f), heads[0], heads[1], theirs);
    return strcmp(ours, theirs) == 0;
}

#define WITH(...) ((family){.seed = 1, .stride = 1, .filter = 3, .pad = 1, .activation = "Relu", __VA_ARGS__})

/* The designated initializers above are meant to be overridden. */
#if defined(__clang__)
#  pragma clang diagnostic ignored "-Winitializer-overrides"
#elif defined(__GNUC__)
#  pragma GCC diagnostic ignored "-Woverride-init"
#endif

static void values_of_parameters_do_not_matter(void)
{
    CHECK(same_structure(WITH(.seed = 77)));
}

static void shifted_names_are_the_same_structure(void)
{
    CHECK(same_structure(WITH(.shift = 24, .seed = 5)));
}

static void the_order_of_nodes_does_not_matter(void)
{
    for (unsigned shuffle = 1; shuffle <= 20; shuffle++)
        CHECK(same_structure(WITH(.shuffle = shuffle)));
}

static void an_absent_attribute_equals_its_default(void)
{
    CHECK(same_structure(WITH(.strip = true)));
}

static void private_attributes_devices_and_hints_do_not_matter(void)
{
    CHECK(same_structure(WITH(.decorate = true)));
}

static void identities_vanish(void)
{
    CHECK(same_structure(WITH(.identities = true)));
}

static void control_edges_vanish(void)
{
    CHECK(same_structure(WITH(.controls = true)));
}

static void dead_branches_vanish(void)
{
    CHECK(same_structure(WITH(.branch = true)));
}

static void what_no_fetch_depends_on_does_not_matter(void)
{
    CHECK(same_structure(WITH(.leftovers = true)));
}

static void all_of_it_at_once_is_still_the_same(void)
{
    CHECK(same_structure(WITH(.seed = 9, .shift = 3, .shuffle = 11, .strip = true, .decorate = true, .identities = true,
                              .controls = true, .branch = true, .leftovers = true)));
}

static void a_shared_constant_is_not_two_equal_ones(void)
{
    CHECK(!same_structure(WITH(.share = true)));
}

static void inputs_that_change_places_in_equal_heads_are_another_structure(void)
{
    CHECK(!same_structure(WITH(.swap_inputs = true, .activation = "Sigmoid")));
    CHECK(!same_structure(WITH(.swap_inputs = true)));
}

static void heads_that_change_places_are_another_structure(void)
{
    CHECK(!same_structure(WITH(.swap_heads = true)));
}

static void another_stride_is_another_structure(void)
{
    CHECK(!same_structure(WITH(.stride = 2)));
}

static void another_value_of_a_structural_constant_is_another_structure(void)
{
    CHECK(!same_structure(WITH(.pad = 2)));
}

static void another_shape_of_a_parameter_is_another_structure(void)
{
    CHECK(!same_structure(WITH(.filter = 1)));
}

static void another_operation_is_another_structure(void)
{
    CHECK(!same_structure(WITH(.activation = "Relu6")));
}

/* A vector that is cast before it is used: of int32 or of int64. */
static void another_dtype_of_a_parameter_is_another_structure(void)
{
    char prints[2][33];
    for (int i = 0; i < 2; i++) {
        net n = {0};
        int type = i ? GD_INT64 : GD_INT32;
        net_input(&n, "input_a", 1, (int64_t[]){2});
        net_input(&n, "input_b", 1, (int64_t[]){2});
        net_const(&n, "numbers", type, 1, (int64_t[]){2}, (int64_t[]){1, 2}, i ? 16 : 8);
        pb *node = net_node(&n, "cast", "Cast", "numbers");
        gd_attr_type(node, "SrcT", type);
        gd_attr_type(node, "DstT", GD_FLOAT);
        net_op(&n, "a", "Add", "input_a cast");
        net_op(&n, "b", "Add", "input_b cast");
        print_of(net_write(&n), "a", "b", prints[i]);
    }
    CHECK(strcmp(prints[0], prints[1]) != 0);
}

/* Fetching one output of a node is not fetching another. */
static void another_output_of_a_node_is_another_structure(void)
{
    char prints[2][33];
    for (int i = 0; i < 2; i++) {
        net n = {0};
        net_input(&n, "input_a", 1, (int64_t[]){4});
        net_input(&n, "input_b", 1, (int64_t[]){4});
        net_int(&n, "axis", 0);
        gd_attr_int(net_op(&n, "split", "Split", "axis input_a"), "num_split", 2);
        print_of(net_write(&n), i ? "split:1" : "split", "input_b", prints[i]);
    }
    CHECK(strcmp(prints[0], prints[1]) != 0);
}

int main(void)
{
    RUN(values_of_parameters_do_not_matter);
    RUN(shifted_names_are_the_same_structure);
    RUN(the_order_of_nodes_does_not_matter);
    RUN(an_absent_attribute_equals_its_default);
    RUN(private_attributes_devices_and_hints_do_not_matter);
    RUN(identities_vanish);
    RUN(control_edges_vanish);
    RUN(dead_branches_vanish);
    RUN(what_no_fetch_depends_on_does_not_matter);
    RUN(all_of_it_at_once_is_still_the_same);
    RUN(a_shared_constant_is_not_two_equal_ones);
    RUN(inputs_that_change_places_in_equal_heads_are_another_structure);
    RUN(heads_that_change_places_are_another_structure);
    RUN(another_stride_is_another_structure);
    RUN(another_value_of_a_structural_constant_is_another_structure);
    RUN(another_shape_of_a_parameter_is_another_structure);
    RUN(another_operation_is_another_structure);
    RUN(another_dtype_of_a_parameter_is_another_structure);
    RUN(another_output_of_a_node_is_another_structure);
    return test_summary();
}
