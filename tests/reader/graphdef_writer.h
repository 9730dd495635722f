/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes tiny GraphDefs for tests. A message is a buffer; putting it into another one empties it:
 *
 *     pb graph = {0}, node = {0};
 *     gd_begin(&node, "sum", "Add");
 *     gd_input(&node, "a");
 *     gd_input(&node, "b");
 *     gd_attr_type(&node, "T", GD_FLOAT);
 *     gd_end(&graph, &node);
 *     ... graph.data, graph.size ...
 *     pb_free(&graph);
 *
 * pb_* is the wire format, gd_* what a GraphDef has. Out of memory ends the program.
 */
#ifndef HAYA_TESTS_GRAPHDEF_WRITER_H
#define HAYA_TESTS_GRAPHDEF_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#  define GD_HELPER __attribute__((unused)) static
#else
#  define GD_HELPER static
#endif

/* ---- Wire format ------------------------------------------------------------------------------------------- */

typedef struct pb {
    uint8_t *data;
    size_t size, capacity;
} pb;

GD_HELPER void pb_free(pb *out) {
    free(out->data);
    *out = (pb){0};
}

GD_HELPER void pb_raw(pb *out, const void *bytes, size_t size) {
    if (out->size + size > out->capacity) {
        out->capacity = 2 * (out->size + size);
        uint8_t *larger = realloc(out->data, out->capacity);
        if (!larger)
            abort();
        out->data = larger;
    }
    if (size)
        memcpy(out->data + out->size, bytes, size);
    out->size += size;
}

GD_HELPER void pb_varint(pb *out, uint64_t value) {
    uint8_t bytes[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[count++] = (uint8_t)(value | 0x80);
    bytes[count++] = (uint8_t)value;
    pb_raw(out, bytes, count);
}

GD_HELPER void pb_tag(pb *out, uint32_t number, uint32_t wire_type) {
    pb_varint(out, (uint64_t)number << 3 | wire_type);
}

GD_HELPER void pb_int(pb *out, uint32_t number, int64_t value) {
    pb_tag(out, number, 0);
    pb_varint(out, (uint64_t)value);
}

GD_HELPER void pb_bytes(pb *out, uint32_t number, const void *bytes, size_t size) {
    pb_tag(out, number, 2);
    pb_varint(out, size);
    pb_raw(out, bytes, size);
}

GD_HELPER void pb_string(pb *out, uint32_t number, const char *string) {
    pb_bytes(out, number, string, strlen(string));
}

GD_HELPER void pb_float(pb *out, uint32_t number, float value) {
    pb_tag(out, number, 5);
    pb_raw(out, &value, sizeof value);
}

GD_HELPER void pb_double(pb *out, uint32_t number, double value) {
    pb_tag(out, number, 1);
    pb_raw(out, &value, sizeof value);
}

/* Puts `message` into `out` and empties it. */
GD_HELPER void pb_message(pb *out, uint32_t number, pb *message) {
    pb_bytes(out, number, message->data, message->size);
    pb_free(message);
}

/* Integers, packed. */
GD_HELPER void pb_packed(pb *out, uint32_t number, const int64_t *values, size_t count) {
    pb packed = {0};
    for (size_t i = 0; i < count; i++)
        pb_varint(&packed, (uint64_t)values[i]);
    pb_message(out, number, &packed);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------- */

/* DataType values. */
enum { GD_FLOAT = 1, GD_DOUBLE, GD_INT32, GD_UINT8, GD_INT16, GD_INT8, GD_STRING, GD_COMPLEX64, GD_INT64, GD_BOOL,
       GD_BFLOAT16 = 14, GD_UINT16 = 17, GD_HALF = 19, GD_UINT32 = 22, GD_UINT64 = 23 };

/* Fields of TensorProto. */
enum { GD_CONTENT = 4, GD_FLOAT_VAL = 5, GD_DOUBLE_VAL = 6, GD_INT_VAL = 7, GD_INT64_VAL = 10, GD_BOOL_VAL = 11,
       GD_HALF_VAL = 13, GD_UINT32_VAL = 16, GD_UINT64_VAL = 17 };

GD_HELPER void gd_begin(pb *node, const char *name, const char *op) {
    pb_string(node, 1, name);
    pb_string(node, 2, op);
}

GD_HELPER void gd_input(pb *node, const char *input) {
    pb_string(node, 3, input);
}

GD_HELPER void gd_end(pb *graph, pb *node) {
    pb_message(graph, 1, node);
}

/* ---- Attributes -------------------------------------------------------------------------------------------- */

/* An attribute whose AttrValue is `value`, which is emptied. */
GD_HELPER void gd_attr(pb *node, const char *key, pb *value) {
    pb entry = {0};
    pb_string(&entry, 1, key);
    pb_message(&entry, 2, value);
    pb_message(node, 5, &entry);
}

/* One whose AttrValue has the message in field `number`. */
GD_HELPER void gd_attr_message(pb *node, const char *key, uint32_t number, pb *message) {
    pb value = {0};
    pb_message(&value, number, message);
    gd_attr(node, key, &value);
}

GD_HELPER void gd_attr_string(pb *node, const char *key, const char *string) {
    pb value = {0};
    pb_string(&value, 2, string);
    gd_attr(node, key, &value);
}

GD_HELPER void gd_attr_int(pb *node, const char *key, int64_t number) {
    pb value = {0};
    pb_int(&value, 3, number);
    gd_attr(node, key, &value);
}

GD_HELPER void gd_attr_float(pb *node, const char *key, float number) {
    pb value = {0};
    pb_float(&value, 4, number);
    gd_attr(node, key, &value);
}

GD_HELPER void gd_attr_bool(pb *node, const char *key, int truth) {
    pb value = {0};
    pb_int(&value, 5, truth);
    gd_attr(node, key, &value);
}

GD_HELPER void gd_attr_type(pb *node, const char *key, int type) {
    pb value = {0};
    pb_int(&value, 6, type);
    gd_attr(node, key, &value);
}

/* A list of integers, packed. */
GD_HELPER void gd_attr_ints(pb *node, const char *key, const int64_t *numbers, size_t count) {
    pb list = {0};
    pb_packed(&list, 3, numbers, count);
    gd_attr_message(node, key, 1, &list);
}

/* Puts a TensorShapeProto into field `number`. Rank -1: unknown. */
GD_HELPER void gd_shape(pb *out, uint32_t number, int rank, const int64_t *dims) {
    pb shape = {0};
    if (rank < 0)
        pb_int(&shape, 3, 1);
    for (int i = 0; i < rank; i++) {
        pb dim = {0};
        pb_int(&dim, 1, dims[i]);
        pb_message(&shape, 2, &dim);
    }
    pb_message(out, number, &shape);
}

GD_HELPER void gd_attr_shape(pb *node, const char *key, int rank, const int64_t *dims) {
    pb value = {0};
    gd_shape(&value, 7, rank, dims);
    gd_attr(node, key, &value);
}

/* ---- Tensors and constants --------------------------------------------------------------------------------- */

/* The beginning of a TensorProto; values follow as GD_CONTENT, GD_FLOAT_VAL ... */
GD_HELPER void gd_tensor(pb *tensor, int type, int rank, const int64_t *dims) {
    pb_int(tensor, 1, type);
    gd_shape(tensor, 2, rank, dims);
}

/* A Const node with this TensorProto, which is emptied. */
GD_HELPER void gd_const(pb *graph, const char *name, int type, pb *tensor) {
    pb node = {0};
    gd_begin(&node, name, "Const");
    gd_attr_type(&node, "dtype", type);
    gd_attr_message(&node, "value", 8, tensor);
    gd_end(graph, &node);
}

/* A Const node with `size` bytes of tensor_content. */
GD_HELPER void gd_const_content(pb *graph, const char *name, int type, int rank, const int64_t *dims,
                                const void *content, size_t size) {
    pb tensor = {0};
    gd_tensor(&tensor, type, rank, dims);
    pb_bytes(&tensor, GD_CONTENT, content, size);
    gd_const(graph, name, type, &tensor);
}

/* A Const node with one float for all elements. */
GD_HELPER void gd_const_fill(pb *graph, const char *name, int rank, const int64_t *dims, float value) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, rank, dims);
    pb_bytes(&tensor, GD_FLOAT_VAL, &value, sizeof value);
    gd_const(graph, name, GD_FLOAT, &tensor);
}

GD_HELPER void gd_placeholder(pb *graph, const char *name, int type, int rank, const int64_t *dims) {
    pb node = {0};
    gd_begin(&node, name, "Placeholder");
    gd_attr_type(&node, "dtype", type);
    gd_attr_shape(&node, "shape", rank, dims);
    gd_end(graph, &node);
}

/* ---- Functions --------------------------------------------------------------------------------------------- */

/* An argument (number 2) or an output (number 3) of a signature, an OpDef whose name is its field 1. */
GD_HELPER void gd_argument(pb *signature, uint32_t number, const char *name) {
    pb argument = {0};
    pb_string(&argument, 1, name);
    pb_message(signature, number, &argument);
}

/* What an output of a function returns. */
GD_HELPER void gd_return(pb *function, const char *output, const char *value) {
    pb entry = {0};
    pb_string(&entry, 1, output);
    pb_string(&entry, 2, value);
    pb_message(function, 4, &entry);
}

/* Puts a FunctionDef into a library of its own, at the end of the graph. */
GD_HELPER void gd_function(pb *graph, pb *function) {
    pb library = {0};
    pb_message(&library, 1, function);
    pb_message(graph, 2, &library);
}

#endif
