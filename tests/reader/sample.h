/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph that has something of everything: each kind of attribute, each form of tensor, functions, old and split
 * messages. About 1 KB.
 */
#ifndef HAYA_TESTS_SAMPLE_H
#define HAYA_TESTS_SAMPLE_H

#include "graphdef_writer.h"

GD_HELPER void sample_lists(pb *node) {
    pb list = {0};
    pb_string(&list, 2, "SAME");
    pb_string(&list, 2, "");
    gd_attr_message(node, "strings", 1, &list);
    gd_attr_ints(node, "ints", (int64_t[]){1, -2, INT64_MAX, INT64_MIN}, 4);
    pb_int(&list, 3, 5);
    pb_packed(&list, 3, (int64_t[]){6, 7}, 2);
    gd_attr_message(node, "mixed_ints", 1, &list);
    pb_float(&list, 4, 1.5f);
    pb_bytes(&list, 4, (float[]){2.5f, 3.5f}, 8);
    gd_attr_message(node, "floats", 1, &list);
    pb_packed(&list, 5, (int64_t[]){1, 0, 1}, 3);
    gd_attr_message(node, "bools", 1, &list);
    pb_packed(&list, 6, (int64_t[]){GD_FLOAT, GD_STRING, GD_HALF + 100, 99}, 4);
    gd_attr_message(node, "types", 1, &list);
    gd_shape(&list, 7, 2, (int64_t[]){3, -1});
    gd_shape(&list, 7, -1, NULL);
    gd_attr_message(node, "shapes", 1, &list);
    gd_attr_message(node, "empty", 1, &list);
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 0, NULL);
    pb_message(&list, 8, &tensor);
    gd_attr_message(node, "tensors", 1, &list);
}

GD_HELPER void sample_attrs(pb *node) {
    gd_attr_int(node, "int", -3);
    gd_attr_float(node, "float", 0.25f);
    gd_attr_bool(node, "bool", 1);
    gd_attr_string(node, "string", "NHWC");
    gd_attr_type(node, "type", GD_FLOAT);
    gd_attr_type(node, "type_ref", GD_INT32 + 100);
    gd_attr_type(node, "type_unknown", 99);
    gd_attr_shape(node, "shape", 3, (int64_t[]){1, -1, 4});
    gd_attr_shape(node, "shape_unknown", -1, NULL);
    pb value = {0}, function = {0};
    pb_string(&function, 1, "twice");
    gd_attr_message(node, "func", 10, &function);
    pb_string(&value, 9, "T");
    gd_attr(node, "placeholder", &value);
    gd_attr(node, "nothing", &value);
    gd_attr_int(node, "_dropped", 1);
    sample_lists(node);
}

GD_HELPER void sample_constants(pb *graph) {
    pb tensor = {0};
    float floats[6] = {1, 2, 3, 4, 5, 6};
    gd_const_content(graph, "content", GD_FLOAT, 2, (int64_t[]){2, 3}, floats, sizeof floats);
    gd_const_fill(graph, "fill", 2, (int64_t[]){4, 4}, 0.5f);
    gd_tensor(&tensor, GD_DOUBLE, 1, (int64_t[]){2});
    pb_double(&tensor, GD_DOUBLE_VAL, 1.0);
    pb_double(&tensor, GD_DOUBLE_VAL, 2.0);
    gd_const(graph, "doubles", GD_DOUBLE, &tensor);
    gd_tensor(&tensor, GD_INT32, 1, (int64_t[]){4});
    pb_packed(&tensor, GD_INT_VAL, (int64_t[]){1, -1}, 2);
    gd_const(graph, "int32", GD_INT32, &tensor);
    gd_tensor(&tensor, GD_HALF, 1, (int64_t[]){2});
    pb_packed(&tensor, GD_HALF_VAL, (int64_t[]){0x3c00, 0x4000}, 2);
    gd_const(graph, "half", GD_HALF, &tensor);
    gd_tensor(&tensor, GD_BOOL, 1, (int64_t[]){3});
    pb_bytes(&tensor, GD_CONTENT, "\0\1\2", 3);
    gd_const(graph, "bool", GD_BOOL, &tensor);
    gd_tensor(&tensor, GD_STRING, 0, NULL);
    pb_string(&tensor, 8, "text");
    gd_const(graph, "string", GD_STRING, &tensor);
    gd_const_content(graph, "refused", GD_FLOAT, 1, (int64_t[]){2}, floats, 12);
}

GD_HELPER void sample_function(pb *graph) {
    pb function = {0}, signature = {0}, node = {0};
    pb_string(&signature, 1, "twice");
    gd_argument(&signature, 2, "x");
    gd_argument(&signature, 3, "y");
    pb_message(&function, 1, &signature);
    gd_begin(&node, "sum", "AddV2");
    gd_input(&node, "x");
    gd_input(&node, "x");
    gd_attr_type(&node, "T", GD_FLOAT);
    pb_message(&function, 3, &node);
    gd_return(&function, "y", "sum:z:0");
    gd_function(graph, &function);
}

GD_HELPER void sample_graph(pb *graph) {
    gd_placeholder(graph, "input", GD_FLOAT, 4, (int64_t[]){1, -1, -1, 3});
    pb node = {0}, versions = {0};
    gd_begin(&node, "attrs", "Anything");
    gd_input(&node, "input");
    gd_input(&node, "input:1");
    gd_input(&node, "^input");
    sample_attrs(&node);
    gd_end(graph, &node);
    sample_constants(graph);
    sample_function(graph);
    pb_int(&versions, 1, 1234);
    pb_message(graph, 4, &versions);
}

#endif
