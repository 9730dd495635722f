/* SPDX-License-Identifier: Apache-2.0
 *
 * Graph, nodes, attributes and functions.
 */
#include "reading.h"
#include "sample.h"

static void nodes_come_in_the_order_of_the_file(void) {
    pb graph = {0}, node = {0};
    gd_begin(&node, "second", "Add");
    gd_input(&node, "first");
    gd_input(&node, "first:1");
    gd_input(&node, "^third");
    gd_end(&graph, &node);
    gd_begin(&node, "first", "Split");
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_STR(r.records.format, "tensorflow-graphdef");
    if (CHECK_INT((long long)r.records.node_count, 2)) {
        const hy_record *second = &r.records.nodes[0];
        CHECK_STR(second->name, "second");
        CHECK_STR(second->op, "Add");
        CHECK_INT((long long)second->input_count, 3);
        CHECK_STR(second->inputs[0], "first");
        CHECK_STR(second->inputs[1], "first:1");
        CHECK_STR(second->inputs[2], "^third");
        CHECK_STR(r.records.nodes[1].name, "first");
        CHECK_INT((long long)r.records.nodes[1].input_count, 0);
        CHECK_INT((long long)r.records.nodes[1].attr_count, 0);
    }
    end_reading(&r);
}

static void single_values_of_each_kind_are_read(void) {
    pb graph = {0};
    sample_graph(&graph);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_INT(attr_of(&r, 1, "int")->kind, HY_ATTR_INT);
    CHECK_INT(attr_of(&r, 1, "int")->i, -3);
    CHECK_INT(attr_of(&r, 1, "float")->kind, HY_ATTR_FLOAT);
    CHECK_NEAR(attr_of(&r, 1, "float")->f, 0.25, 0);
    CHECK_INT(attr_of(&r, 1, "bool")->kind, HY_ATTR_BOOL);
    CHECK(attr_of(&r, 1, "bool")->b);
    CHECK_INT(attr_of(&r, 1, "string")->kind, HY_ATTR_STRING);
    CHECK_INT(attr_of(&r, 1, "string")->count, 4);
    CHECK_STR(attr_of(&r, 1, "string")->s, "NHWC");
    CHECK_INT(attr_of(&r, 1, "func")->kind, HY_ATTR_FUNCTION);
    CHECK_STR(attr_of(&r, 1, "func")->s, "twice");
    CHECK_INT(attr_of(&r, 1, "placeholder")->kind, HY_ATTR_NONE);
    CHECK_INT(attr_of(&r, 1, "nothing")->kind, HY_ATTR_NONE);
    CHECK_STR(attr_of(&r, 1, "nothing")->name, "nothing");
    CHECK(hy_record_attr(&r.records.nodes[1], "_dropped") == NULL);
    CHECK(hy_record_attr(&r.records.nodes[1], "absent") == NULL);
    end_reading(&r);
}

static void types_are_named(void) {
    pb graph = {0};
    sample_graph(&graph);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(attr_of(&r, 1, "type")->kind, HY_ATTR_TYPE);
    CHECK_INT(attr_of(&r, 1, "type")->type, HAYA_FLOAT32);
    CHECK_STR(attr_of(&r, 1, "type")->type_name, "DT_FLOAT");
    CHECK_INT(attr_of(&r, 1, "type_ref")->type, HAYA_INT32);
    CHECK_STR(attr_of(&r, 1, "type_ref")->type_name, "DT_INT32");
    CHECK_INT(attr_of(&r, 1, "type_unknown")->kind, HY_ATTR_TYPE);
    CHECK_INT(attr_of(&r, 1, "type_unknown")->type, HAYA_INVALID);
    CHECK_STR(attr_of(&r, 1, "type_unknown")->type_name, "type 99");
    end_reading(&r);
}

static void each_type_has_its_dtype(void) {
    static const struct {
        int value;
        haya_dtype type;
        const char *name;
    } types[] = {
        {0, HAYA_INVALID, "DT_INVALID"}, {1, HAYA_FLOAT32, "DT_FLOAT"}, {2, HAYA_FLOAT64, "DT_DOUBLE"},
        {3, HAYA_INT32, "DT_INT32"}, {4, HAYA_UINT8, "DT_UINT8"}, {5, HAYA_INT16, "DT_INT16"},
        {6, HAYA_INT8, "DT_INT8"}, {7, HAYA_INVALID, "DT_STRING"}, {8, HAYA_INVALID, "DT_COMPLEX64"},
        {9, HAYA_INT64, "DT_INT64"}, {10, HAYA_BOOL, "DT_BOOL"}, {11, HAYA_INVALID, "DT_QINT8"},
        {14, HAYA_BFLOAT16, "DT_BFLOAT16"}, {17, HAYA_UINT16, "DT_UINT16"}, {18, HAYA_INVALID, "DT_COMPLEX128"},
        {19, HAYA_FLOAT16, "DT_HALF"}, {20, HAYA_INVALID, "DT_RESOURCE"}, {22, HAYA_UINT32, "DT_UINT32"},
        {23, HAYA_UINT64, "DT_UINT64"}, {29, HAYA_INVALID, "DT_INT4"}, {100, HAYA_INVALID, "type 100"},
        {101, HAYA_FLOAT32, "DT_FLOAT"}, {110, HAYA_BOOL, "DT_BOOL"}, {-1, HAYA_INVALID, "type -1"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        pb graph = {0}, node = {0};
        gd_begin(&node, "n", "Op");
        gd_attr_type(&node, "T", types[i].value);
        gd_end(&graph, &node);
        reading r;
        read_graph(&r, &graph);
        CHECK_INT(attr_of(&r, 0, "T")->type, types[i].type);
        CHECK_STR(attr_of(&r, 0, "T")->type_name, types[i].name);
        end_reading(&r);
    }
}

static void shapes_are_read(void) {
    pb graph = {0};
    sample_graph(&graph);
    reading r;
    read_graph(&r, &graph);
    const hy_attr *shape = attr_of(&r, 1, "shape");
    CHECK_INT(shape->kind, HY_ATTR_SHAPE);
    CHECK_STR(HY_SHAPE(&shape->shape), "[1, ?, 4]");
    CHECK_INT(attr_of(&r, 1, "shape_unknown")->kind, HY_ATTR_SHAPE);
    CHECK_INT(attr_of(&r, 1, "shape_unknown")->shape.rank, -1);
    end_reading(&r);
}

static void shapes_that_cannot_be_kept_are_no_error(void) {
    pb graph = {0}, node = {0}, list = {0};
    gd_begin(&node, "n", "Op");
    gd_attr_shape(&node, "rank8", 8, (int64_t[]){1, 2, 3, 4, 5, 6, 7, 8});
    gd_attr_shape(&node, "rank9", 9, (int64_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9});
    gd_attr_shape(&node, "minus2", 1, (int64_t[]){-2});
    gd_shape(&list, 7, 9, (int64_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9});
    gd_attr_message(&node, "list", 1, &list);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_STR(HY_SHAPE(&attr_of(&r, 0, "rank8")->shape), "[1, 2, 3, 4, 5, 6, 7, 8]");
    CHECK_INT(attr_of(&r, 0, "rank9")->kind, HY_ATTR_NONE);
    CHECK_INT(attr_of(&r, 0, "minus2")->kind, HY_ATTR_NONE);
    CHECK_INT(attr_of(&r, 0, "list")->kind, HY_ATTR_NONE);
    end_reading(&r);
}

static void check_number_lists(const reading *r) {
    const hy_attr *ints = attr_of(r, 1, "ints");
    CHECK_INT(ints->kind, HY_ATTR_LIST_INT);
    if (CHECK_INT(ints->count, 4)) {
        CHECK_INT(ints->ints[1], -2);
        CHECK_INT(ints->ints[2], INT64_MAX);
        CHECK_INT(ints->ints[3], INT64_MIN);
    }
    const hy_attr *mixed = attr_of(r, 1, "mixed_ints");
    if (CHECK_INT(mixed->count, 3)) {
        CHECK_INT(mixed->ints[0], 5);
        CHECK_INT(mixed->ints[2], 7);
    }
    const hy_attr *floats = attr_of(r, 1, "floats");
    CHECK_INT(floats->kind, HY_ATTR_LIST_FLOAT);
    if (CHECK_INT(floats->count, 3)) {
        CHECK_NEAR(floats->floats[0], 1.5, 0);
        CHECK_NEAR(floats->floats[2], 3.5, 0);
    }
    const hy_attr *bools = attr_of(r, 1, "bools");
    CHECK_INT(bools->kind, HY_ATTR_LIST_BOOL);
    if (CHECK_INT(bools->count, 3))
        CHECK(bools->bools[0] && !bools->bools[1] && bools->bools[2]);
}

static void lists_of_each_kind_are_read(void) {
    pb graph = {0};
    sample_graph(&graph);
    reading r;
    read_graph(&r, &graph);
    check_number_lists(&r);
    const hy_attr *strings = attr_of(&r, 1, "strings");
    CHECK_INT(strings->kind, HY_ATTR_LIST_STRING);
    if (CHECK_INT(strings->count, 2)) {
        CHECK_STR(strings->strings[0], "SAME");
        CHECK_STR(strings->strings[1], "");
    }
    const hy_attr *types = attr_of(&r, 1, "types");
    CHECK_INT(types->kind, HY_ATTR_LIST_TYPE);
    if (CHECK_INT(types->count, 4)) {
        CHECK_INT(types->types[0], HAYA_FLOAT32);
        CHECK_INT(types->types[1], HAYA_INVALID);
        CHECK_INT(types->types[2], HAYA_FLOAT16);
        CHECK_INT(types->types[3], HAYA_INVALID);
    }
    const hy_attr *shapes = attr_of(&r, 1, "shapes");
    CHECK_INT(shapes->kind, HY_ATTR_LIST_SHAPE);
    if (CHECK_INT(shapes->count, 2)) {
        CHECK_STR(HY_SHAPE(&shapes->shapes[0]), "[3, ?]");
        CHECK_INT(shapes->shapes[1].rank, -1);
    }
    CHECK_INT(attr_of(&r, 1, "empty")->kind, HY_ATTR_LIST_EMPTY);
    CHECK_INT(attr_of(&r, 1, "empty")->count, 0);
    CHECK_INT(attr_of(&r, 1, "tensors")->kind, HY_ATTR_NONE);
    end_reading(&r);
}

static void strings_may_hold_any_bytes(void) {
    pb graph = {0}, node = {0}, value = {0};
    gd_begin(&node, "n", "Op");
    pb_bytes(&value, 2, "a\0\xff", 3);
    gd_attr(&node, "s", &value);
    pb_bytes(&value, 2, "", 0);
    gd_attr(&node, "empty", &value);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(attr_of(&r, 0, "s")->count, 3);
    CHECK(attr_of(&r, 0, "s")->s && memcmp(attr_of(&r, 0, "s")->s, "a\0\xff", 4) == 0);
    CHECK_INT(attr_of(&r, 0, "empty")->kind, HY_ATTR_STRING);
    CHECK_STR(attr_of(&r, 0, "empty")->s, "");
    end_reading(&r);
}

static void the_last_of_two_attributes_counts(void) {
    pb graph = {0}, node = {0};
    gd_begin(&node, "n", "Op");
    gd_attr_int(&node, "a", 1);
    gd_attr_int(&node, "b", 2);
    gd_attr_string(&node, "a", "three");
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT((long long)r.records.nodes[0].attr_count, 2);
    CHECK_INT(attr_of(&r, 0, "a")->kind, HY_ATTR_STRING);
    CHECK_STR(attr_of(&r, 0, "a")->s, "three");
    CHECK_INT(attr_of(&r, 0, "b")->i, 2);
    end_reading(&r);
}

static void the_last_member_of_a_value_counts(void) {
    pb graph = {0}, node = {0}, value = {0}, list = {0};
    gd_begin(&node, "n", "Op");
    pb_int(&value, 3, 1);
    pb_float(&value, 4, 2.0f);
    gd_attr(&node, "int_float", &value);
    pb_int(&list, 3, 1);
    pb_message(&value, 1, &list);
    pb_int(&value, 5, 1);
    pb_int(&list, 3, 2);
    pb_message(&value, 1, &list);
    gd_attr(&node, "list_again", &value);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(attr_of(&r, 0, "int_float")->kind, HY_ATTR_FLOAT);
    CHECK_INT(attr_of(&r, 0, "list_again")->count, 1);
    end_reading(&r);
}

/* What protocol buffers ask for when a message comes in pieces: scalars replace, repeated fields go on. */
static void split_messages_are_merged(void) {
    pb graph = {0}, node = {0}, entry = {0}, value = {0}, piece = {0};
    pb_string(&node, 1, "wrong");
    gd_begin(&node, "n", "Op");
    pb_string(&entry, 1, "ints");
    pb_packed(&piece, 3, (int64_t[]){1, 2}, 2);
    pb_message(&value, 1, &piece);
    pb_message(&entry, 2, &value);
    pb_int(&piece, 3, 3);
    pb_message(&value, 1, &piece);
    pb_message(&entry, 2, &value);
    pb_message(&node, 5, &entry);
    gd_shape(&value, 7, 1, (int64_t[]){5});
    gd_shape(&value, 7, 2, (int64_t[]){6, 7});
    gd_attr(&node, "shape", &value);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_STR(r.records.nodes[0].name, "n");
    CHECK_INT(attr_of(&r, 0, "ints")->count, 3);
    CHECK_INT(attr_of(&r, 0, "ints")->ints[2], 3);
    CHECK_STR(HY_SHAPE(&attr_of(&r, 0, "shape")->shape), "[5, 6, 7]");
    end_reading(&r);
}

static void unknown_fields_are_skipped(void) {
    pb graph = {0}, node = {0};
    pb_int(&graph, 99, 5);
    pb_string(&node, 4, "/device:CPU:0");
    pb_double(&node, 77, 1.0);
    pb_int(&node, 3, 1); /* an input's number with another wire type */
    gd_begin(&node, "n", "Op");
    gd_end(&graph, &node);
    pb_int(&graph, 3, 21);
    pb_string(&graph, 5, "debug info");
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_INT((long long)r.records.node_count, 1);
    CHECK_INT((long long)r.records.nodes[0].input_count, 0);
    end_reading(&r);
}

/* ---- Functions --------------------------------------------------------------------------------------------- */

static void functions_are_read(void) {
    pb graph = {0};
    sample_graph(&graph);
    reading r;
    read_graph(&r, &graph);
    if (CHECK_INT((long long)r.records.function_count, 1)) {
        const hy_function *twice = &r.records.functions[0];
        CHECK_STR(twice->name, "twice");
        CHECK_INT((long long)twice->arg_count, 1);
        CHECK_STR(twice->args[0], "x");
        CHECK_INT((long long)twice->ret_count, 1);
        CHECK_STR(twice->rets[0], "y");
        CHECK_STR(twice->values[0], "sum:z:0");
        CHECK_INT((long long)twice->node_count, 1);
        CHECK_STR(twice->nodes[0].op, "AddV2");
        CHECK_STR(twice->nodes[0].inputs[1], "x");
        CHECK_INT(hy_record_attr(&twice->nodes[0], "T")->type, HAYA_FLOAT32);
    }
    end_reading(&r);
}

/* Node names of functions and of the graph don't meet; libraries may come in pieces, and values in any order. */
static void functions_may_be_split(void) {
    pb graph = {0}, function = {0}, signature = {0};
    sample_graph(&graph);
    pb_string(&signature, 1, "swap");
    gd_argument(&signature, 2, "a");
    gd_argument(&signature, 3, "first");
    pb_message(&function, 1, &signature);
    gd_return(&function, "second", "a");
    gd_return(&function, "first", "b");
    gd_return(&function, "other", "c");
    gd_argument(&signature, 2, "b");
    gd_argument(&signature, 3, "second");
    pb_message(&function, 1, &signature);
    gd_function(&graph, &function);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    if (CHECK_INT((long long)r.records.function_count, 2)) {
        const hy_function *swap = &r.records.functions[1];
        CHECK_INT((long long)swap->arg_count, 2);
        CHECK_STR(swap->args[1], "b");
        CHECK_STR(swap->rets[0], "first");
        CHECK_STR(swap->values[0], "b");
        CHECK_STR(swap->values[1], "a");
    }
    end_reading(&r);
}

static void expect_function_error(pb *function, const char *message) {
    pb graph = {0};
    gd_placeholder(&graph, "in", GD_FLOAT, -1, NULL);
    gd_function(&graph, function);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, message);
    end_reading(&r);
}

static void bad_functions_are_refused(void) {
    pb function = {0}, signature = {0}, node = {0};
    gd_begin(&node, "n", "Op");
    pb_message(&function, 3, &node);
    expect_function_error(&function, "name of a function is empty");
    pb_string(&signature, 1, "f");
    gd_argument(&signature, 3, "y");
    pb_message(&function, 1, &signature);
    expect_function_error(&function, "function 'f': it has no value for its output 'y'");
    pb_string(&signature, 1, "f");
    gd_argument(&signature, 3, "y");
    gd_argument(&signature, 3, "y");
    pb_message(&function, 1, &signature);
    expect_function_error(&function, "function 'f': it has two outputs named 'y'");
    pb_string(&signature, 1, "f");
    pb_message(&function, 1, &signature);
    for (int i = 0; i < 2; i++) {
        gd_begin(&node, "same", "Op");
        pb_message(&function, 3, &node);
    }
    expect_function_error(&function, "function 'f': node 'same': there are two nodes of this name");
}

static void two_functions_of_one_name_are_refused(void) {
    pb graph = {0};
    sample_graph(&graph);
    sample_function(&graph);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "two functions named 'twice'");
    end_reading(&r);
}

/* ---- Names ------------------------------------------------------------------------------------------------- */

static void expect_node_error(pb *node, haya_status status, const char *name, const char *message) {
    pb graph = {0};
    gd_placeholder(&graph, "in", GD_FLOAT, -1, NULL);
    gd_end(&graph, node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, status);
    CHECK_INT(r.error.status, status);
    CHECK_STR(r.error.node, name);
    CHECK_HAS(r.error.message, "test.pb: ");
    CHECK_HAS(r.error.message, message);
    CHECK(r.records.nodes == NULL);
    end_reading(&r);
}

static void bad_names_are_refused(void) {
    pb node = {0};
    pb_string(&node, 2, "Op");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "", "has no name");
    gd_begin(&node, "", "Op");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "", "has no name");
    pb_string(&node, 1, "n");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "n", "name of its operation is empty");
    gd_begin(&node, "n", "Op");
    gd_input(&node, "");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "n", "name of an input is empty");
    pb_bytes(&node, 1, "a\0b", 3);
    pb_string(&node, 2, "Op");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "", "'a...', has a zero byte inside");
    gd_begin(&node, "in", "Op");
    expect_node_error(&node, HAYA_ERROR_FORMAT, "in", "node 'in': there are two nodes of this name");
}

static void too_long_names_are_refused(void) {
    static char name[4098];
    memset(name, 'n', sizeof name - 1);
    pb node = {0};
    gd_begin(&node, name, "Op");
    expect_node_error(&node, HAYA_ERROR_LIMIT, "", "has 4097 bytes, more than 4096");
    gd_begin(&node, "n", "Op");
    gd_attr_int(&node, name, 1);
    expect_node_error(&node, HAYA_ERROR_LIMIT, "n", "name of an attribute has 4097 bytes");
    name[4096] = 0;
    pb graph = {0};
    gd_begin(&node, name, "Op");
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    end_reading(&r);
}

static void errors_in_attributes_say_where(void) {
    pb node = {0}, value = {0}, list = {0};
    gd_begin(&node, "conv", "Conv2D");
    pb_bytes(&list, 3, "\x80", 1);
    pb_message(&value, 1, &list);
    gd_attr(&node, "strides", &value);
    expect_node_error(&node, HAYA_ERROR_FORMAT, "conv", "node 'conv': attribute 'strides': damaged at byte ");
    gd_begin(&node, "conv", "Conv2D");
    pb_bytes(&list, 4, "12345", 5);
    pb_message(&value, 1, &list);
    gd_attr(&node, "scales", &value);
    expect_node_error(&node, HAYA_ERROR_FORMAT, "conv", "5 bytes, no multiple of 4");
}

int main(void) {
    RUN(nodes_come_in_the_order_of_the_file);
    RUN(single_values_of_each_kind_are_read);
    RUN(types_are_named);
    RUN(each_type_has_its_dtype);
    RUN(shapes_are_read);
    RUN(shapes_that_cannot_be_kept_are_no_error);
    RUN(lists_of_each_kind_are_read);
    RUN(strings_may_hold_any_bytes);
    RUN(the_last_of_two_attributes_counts);
    RUN(the_last_member_of_a_value_counts);
    RUN(split_messages_are_merged);
    RUN(unknown_fields_are_skipped);
    RUN(functions_are_read);
    RUN(functions_may_be_split);
    RUN(bad_functions_are_refused);
    RUN(two_functions_of_one_name_are_refused);
    RUN(bad_names_are_refused);
    RUN(too_long_names_are_refused);
    RUN(errors_in_attributes_say_where);
    return test_summary();
}
