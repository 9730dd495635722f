/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks for tests, in memory: nodes are added one by one and written out in the order added, or shuffled.
 *
 *     net n = {0};
 *     net_input(&n, "x", 4, (int64_t[]){-1, 8, 8, 3});
 *     net_weights(&n, "w", 4, (int64_t[]){3, 3, 3, 4}, 1);
 *     net_conv(&n, "conv", "x", "w", 1, "SAME");
 *     net_op(&n, "relu", "Relu", "conv");
 *     haya_model *model = net_open(&n, "a.pb");       // the net is emptied
 *
 * Inputs of a node are one text, separated by blanks. Operations get T = float.
 */
#ifndef HAYA_TESTS_NETS_H
#define HAYA_TESTS_NETS_H

#include <stdio.h>

#include "../reader/graphdef_writer.h"
#include "haya/haya.h"

typedef struct net {
    pb *nodes;
    size_t count, capacity;
    pb library; /* functions */
    unsigned shuffle; /* not 0: the order in which nodes are written */
} net;

GD_HELPER uint32_t net_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* In -0.5 .. 0.5 */
GD_HELPER float net_random_float(uint32_t *state)
{
    return (float)(net_random(state) & 0xffff) / 65536.0f - 0.5f;
}

/* Attributes may be added to the node returned until the next one begins. */
GD_HELPER pb *net_node(net *n, const char *name, const char *op, const char *inputs)
{
    if (n->count == n->capacity) {
        n->capacity = 2 * n->capacity + 16;
        n->nodes = realloc(n->nodes, n->capacity * sizeof *n->nodes);
        if (!n->nodes)
            abort();
    }
    pb *node = &n->nodes[n->count++];
    *node = (pb){0};
    gd_begin(node, name, op);
    while (*inputs) {
        size_t length = strcspn(inputs, " ");
        if (length)
            pb_bytes(node, 3, inputs, length);
        inputs += length + (inputs[length] == ' ');
    }
    return node;
}

GD_HELPER pb *net_op(net *n, const char *name, const char *op, const char *inputs)
{
    pb *node = net_node(n, name, op, inputs);
    gd_attr_type(node, "T", GD_FLOAT);
    return node;
}

GD_HELPER void net_input_of(net *n, const char *name, int type, int rank, const int64_t *dims)
{
    pb *node = net_node(n, name, "Placeholder", "");
    gd_attr_type(node, "dtype", type);
    gd_attr_shape(node, "shape", rank, dims);
}

GD_HELPER void net_input(net *n, const char *name, int rank, const int64_t *dims)
{
    net_input_of(n, name, GD_FLOAT, rank, dims);
}

/* A Const with the TensorProto, which is emptied. */
GD_HELPER void net_tensor(net *n, const char *name, int type, pb *tensor)
{
    pb *node = net_node(n, name, "Const", "");
    gd_attr_type(node, "dtype", type);
    gd_attr_message(node, "value", 8, tensor);
}

GD_HELPER void net_const(net *n, const char *name, int type, int rank, const int64_t *dims, const void *content,
                         size_t size)
{
    pb tensor = {0};
    gd_tensor(&tensor, type, rank, dims);
    pb_bytes(&tensor, GD_CONTENT, content, size);
    net_tensor(n, name, type, &tensor);
}

/* One float for all elements, written once. */
GD_HELPER void net_fill(net *n, const char *name, int rank, const int64_t *dims, float value)
{
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, rank, dims);
    pb_bytes(&tensor, GD_FLOAT_VAL, &value, sizeof value);
    net_tensor(n, name, GD_FLOAT, &tensor);
}

/* Random floats, scaled as for a layer: by the square root of all dimensions but the last. */
GD_HELPER void net_weights(net *n, const char *name, int rank, const int64_t *dims, uint32_t seed)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    size_t inputs = rank && dims[rank - 1] ? count / (size_t)dims[rank - 1] : 1;
    float scale = 3;
    while (inputs > 1) {
        scale /= 2;
        inputs /= 4;
    }
    float *values = malloc(count * sizeof *values + 1);
    if (!values)
        abort();
    seed = seed * 2654435761u + 12345;
    for (size_t i = 0; i < count; i++)
        values[i] = scale * net_random_float(&seed);
    net_const(n, name, GD_FLOAT, rank, dims, values, count * sizeof *values);
    free(values);
}

/* int32, rank 1 */
GD_HELPER void net_ints(net *n, const char *name, size_t count, const int32_t *values)
{
    net_const(n, name, GD_INT32, 1, (int64_t[]){(int64_t)count}, values, count * sizeof *values);
}

GD_HELPER void net_int(net *n, const char *name, int32_t value)
{
    net_const(n, name, GD_INT32, 0, NULL, &value, sizeof value);
}

GD_HELPER pb *net_conv(net *n, const char *name, const char *input, const char *filter, int64_t stride,
                       const char *padding)
{
    char inputs[512];
    snprintf(inputs, sizeof inputs, "%s %s", input, filter);
    pb *node = net_op(n, name, "Conv2D", inputs);
    gd_attr_ints(node, "strides", (int64_t[]){1, stride, stride, 1}, 4);
    gd_attr_string(node, "padding", padding);
    return node;
}

/* Reshape or Pad-like operations have a second type attribute. */
GD_HELPER pb *net_reshape(net *n, const char *name, const char *inputs)
{
    pb *node = net_op(n, name, "Reshape", inputs);
    gd_attr_type(node, "Tshape", GD_INT32);
    return node;
}

GD_HELPER pb *net_pad(net *n, const char *name, const char *inputs)
{
    pb *node = net_op(n, name, "Pad", inputs);
    gd_attr_type(node, "Tpaddings", GD_INT32);
    return node;
}

/* Takes the function over. */
GD_HELPER void net_function(net *n, pb *function)
{
    pb_message(&n->library, 1, function);
}

/* The GraphDef; the net is emptied. */
GD_HELPER pb net_write(net *n)
{
    pb graph = {0};
    uint32_t state = n->shuffle;
    for (size_t i = n->count; n->shuffle && i > 1; i--) {
        size_t other = net_random(&state) % i;
        pb moved = n->nodes[i - 1];
        n->nodes[i - 1] = n->nodes[other];
        n->nodes[other] = moved;
    }
    for (size_t i = 0; i < n->count; i++)
        gd_end(&graph, &n->nodes[i]);
    if (n->library.size)
        pb_message(&graph, 2, &n->library);
    free(n->nodes);
    *n = (net){0};
    return graph;
}

/* NULL when it can't be opened; the error is printed. */
GD_HELPER haya_model *net_open_with(net *n, const char *name, const haya_host *host)
{
    haya_model_options options = {.struct_size = sizeof options};
    haya_model *model;
    haya_error error;
    if (host)
        options.host = *host;
    pb graph = net_write(n);
    if (haya_model_from_memory(graph.data, graph.size, name, &options, &model, &error) != HAYA_OK)
        printf("    %s\n", error.message);
    pb_free(&graph);
    return model;
}

GD_HELPER haya_model *net_open(net *n, const char *name)
{
    return net_open_with(n, name, NULL);
}

/* A U-Net of two levels, [batch, height, width, 1] -> the same: convolutions with bias and relu, pooling, upsampling
   by a size computed from the shape, concatenation, batch norm, a sigmoid. Names begin with `prefix`. */
GD_HELPER void net_unet(net *n, const char *prefix, int64_t width, uint32_t seed)
{
    char name[32][64];
    static const char *const parts[] = {"x", "w1", "b1", "c1", "a1", "r1", "pool", "w2", "c2", "gamma", "beta", "mean",
                                        "variance", "norm", "r2", "shape", "begin", "end", "step", "size", "two",
                                        "twice", "up", "axis", "join", "w3", "b3", "c3", "a3", "y"};
    enum { X, W1, B1, C1, A1, R1, POOL, W2, C2, GAMMA, BETA, MEAN, VARIANCE, NORM, R2, SHAPE, BEGIN, END, STEP, SIZE,
           TWO, TWICE, UP, AXIS, JOIN, W3, B3, C3, A3, Y };
    char inputs[512];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        snprintf(name[i], sizeof name[i], "%s%s", prefix, parts[i]);
#define NET_IN(...) (snprintf(inputs, sizeof inputs, __VA_ARGS__), inputs)
    net_input(n, name[X], 4, (int64_t[]){-1, -1, -1, 1});
    net_weights(n, name[W1], 4, (int64_t[]){3, 3, 1, width}, 10 * seed);
    net_weights(n, name[B1], 1, (int64_t[]){width}, 10 * seed + 1);
    net_conv(n, name[C1], name[X], name[W1], 1, "SAME");
    net_op(n, name[A1], "BiasAdd", NET_IN("%s %s", name[C1], name[B1]));
    net_op(n, name[R1], "Relu", name[A1]);
    pb *node = net_op(n, name[POOL], "MaxPool", name[R1]);
    gd_attr_ints(node, "ksize", (int64_t[]){1, 2, 2, 1}, 4);
    gd_attr_ints(node, "strides", (int64_t[]){1, 2, 2, 1}, 4);
    gd_attr_string(node, "padding", "VALID");
    net_weights(n, name[W2], 4, (int64_t[]){3, 3, width, 2 * width}, 10 * seed + 2);
    net_conv(n, name[C2], name[POOL], name[W2], 1, "SAME");
    net_weights(n, name[GAMMA], 1, (int64_t[]){2 * width}, 10 * seed + 3);
    net_weights(n, name[BETA], 1, (int64_t[]){2 * width}, 10 * seed + 4);
    net_weights(n, name[MEAN], 1, (int64_t[]){2 * width}, 10 * seed + 5);
    net_fill(n, name[VARIANCE], 1, (int64_t[]){2 * width}, 0.5f + 0.01f * (float)(seed % 64));
    node = net_op(n, name[NORM], "FusedBatchNormV3", NET_IN("%s %s %s %s %s", name[C2], name[GAMMA], name[BETA],
                                                            name[MEAN], name[VARIANCE]));
    gd_attr_type(node, "U", GD_FLOAT);
    gd_attr_float(node, "epsilon", 0.001f);
    gd_attr_bool(node, "is_training", 0);
    net_op(n, name[R2], "Relu", name[NORM]);
    node = net_op(n, name[SHAPE], "Shape", name[R2]);
    net_ints(n, name[BEGIN], 1, (int32_t[]){1});
    net_ints(n, name[END], 1, (int32_t[]){3});
    net_ints(n, name[STEP], 1, (int32_t[]){1});
    node = net_node(n, name[SIZE], "StridedSlice", NET_IN("%s %s %s %s", name[SHAPE], name[BEGIN], name[END],
                                                          name[STEP]));
    gd_attr_type(node, "T", GD_INT32);
    gd_attr_type(node, "Index", GD_INT32);
    net_ints(n, name[TWO], 2, (int32_t[]){2, 2});
    node = net_node(n, name[TWICE], "Mul", NET_IN("%s %s", name[SIZE], name[TWO]));
    gd_attr_type(node, "T", GD_INT32);
    net_op(n, name[UP], "ResizeNearestNeighbor", NET_IN("%s %s", name[R2], name[TWICE]));
    net_int(n, name[AXIS], 3);
    node = net_op(n, name[JOIN], "ConcatV2", NET_IN("%s %s %s", name[R1], name[UP], name[AXIS]));
    gd_attr_int(node, "N", 2);
    gd_attr_type(node, "Tidx", GD_INT32);
    net_weights(n, name[W3], 4, (int64_t[]){3, 3, 3 * width, 1}, 10 * seed + 6);
    net_weights(n, name[B3], 1, (int64_t[]){1}, 10 * seed + 7);
    net_conv(n, name[C3], name[JOIN], name[W3], 1, "SAME");
    net_op(n, name[A3], "BiasAdd", NET_IN("%s %s", name[C3], name[B3]));
    net_op(n, name[Y], "Sigmoid", name[A3]);
#undef NET_IN
}

#endif
