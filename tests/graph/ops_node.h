/* SPDX-License-Identifier: Apache-2.0
 *
 * One node made by hand, to look at what its row makes of operands:
 *
 *     test_node n = node_of("Concat");
 *     set_int(&n, "N", 2);
 *     add_ints(&n, 0);                          // a known int32 scalar
 *     add_float(&n, S(2, 3));
 *     CHECK_STR(shape_of(&n, 0), "[2, 3]");     // or CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "...")
 */
#ifndef HAYA_TESTS_OPS_NODE_H
#define HAYA_TESTS_OPS_NODE_H

#include <stdlib.h>

#include "graph/graph.h"
#include "test.h"

#define S(...) \
    hy_shape_make((int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})
#define SCALAR hy_shape_make(0, NULL)

enum { TEST_ATTRS = 16, TEST_OPERANDS = 8 };

typedef struct test_node {
    const hy_op *op;
    hy_attr attrs[TEST_ATTRS];
    hy_operand in[TEST_OPERANDS], out[TEST_OPERANDS];
    int in_count, out_count;
    hy_arena arena;
    hy_build build;
    haya_error error;
    char text[HY_SHAPE_TEXT];
} test_node;

/* The node's outputs are float32 unless `out_dtype` says otherwise. */
TEST_HELPER test_node node_with(const char *op, int out_count, haya_dtype out_dtype)
{
    test_node n = {.op = hy_op_find(op), .out_count = out_count};
    haya_host host;
    if (!n.op || hy_host_resolve(NULL, &host, NULL) != HAYA_OK) {
        printf("FAILED no row of %s\n", op);
        exit(1);
    }
    hy_arena_init(&n.arena, &host);
    for (int i = 0; n.op->attrs && n.op->attrs[i].name; i++) {
        const hy_attr_def *def = &n.op->attrs[i];
        n.attrs[i] = def->fallback;
        n.attrs[i].name = def->name;
        n.attrs[i].kind = def->kind;
        if (def->kind == HY_ATTR_TYPE && def->required)
            n.attrs[i].type = HAYA_FLOAT32;
    }
    for (int i = 0; i < out_count; i++)
        n.out[i].dtype = out_dtype;
    return n;
}

TEST_HELPER test_node node_of(const char *op)
{
    return node_with(op, 1, HAYA_FLOAT32);
}

TEST_HELPER hy_attr *attr_of(test_node *n, const char *name)
{
    for (int i = 0; i < TEST_ATTRS && n->attrs[i].name; i++)
        if (strcmp(n->attrs[i].name, name) == 0)
            return &n->attrs[i];
    printf("FAILED %s has no attribute %s\n", n->op->name, name);
    exit(1);
}

TEST_HELPER void set_int(test_node *n, const char *name, int64_t value)
{
    attr_of(n, name)->i = value;
}

TEST_HELPER void set_bool(test_node *n, const char *name, bool value)
{
    attr_of(n, name)->b = value;
}

TEST_HELPER void set_type(test_node *n, const char *name, haya_dtype value)
{
    attr_of(n, name)->type = value;
}

TEST_HELPER void set_string(test_node *n, const char *name, const char *value)
{
    attr_of(n, name)->s = value;
    attr_of(n, name)->count = (int64_t)strlen(value);
}

#define set_list(n, name, ...) \
    set_numbers((n), (name), (const int64_t[]){__VA_ARGS__}, sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t))

TEST_HELPER void set_numbers(test_node *n, const char *name, const int64_t *values, size_t count)
{
    int64_t *copy = HY_ARENA_NEW(&n->arena, int64_t, count);
    memcpy(copy, values, count * sizeof *copy);
    attr_of(n, name)->ints = copy;
    attr_of(n, name)->count = (int64_t)count;
}

TEST_HELPER void add_operand(test_node *n, haya_dtype dtype, haya_shape shape, const void *value)
{
    n->in[n->in_count++] = (hy_operand){.dtype = dtype, .shape = shape, .value = value};
}

TEST_HELPER void add_float(test_node *n, haya_shape shape)
{
    add_operand(n, HAYA_FLOAT32, shape, NULL);
}

/* A known int64 operand. */
TEST_HELPER void add_numbers(test_node *n, haya_shape shape, const int64_t *values)
{
    size_t count = (size_t)hy_shape_elements(&shape);
    int64_t *copy = HY_ARENA_NEW(&n->arena, int64_t, count ? count : 1);
    if (count)
        memcpy(copy, values, count * sizeof *copy);
    add_operand(n, HAYA_INT64, shape, copy);
}

#define add_list(n, ...) \
    add_numbers((n), S((int64_t)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t))), (const int64_t[]){__VA_ARGS__})

TEST_HELPER void add_number(test_node *n, int64_t value)
{
    add_numbers(n, SCALAR, &value);
}

TEST_HELPER haya_status build(test_node *n)
{
    hy_operand outs[TEST_OPERANDS];
    memcpy(outs, n->out, sizeof outs);
    hy_node node = {.op = n->op, .name = "x", .attrs = n->attrs, .outs = outs, .input_count = n->in_count,
                    .output_count = n->out_count};
    haya_status status = hy_node_build(&node, n->in, n->out, &n->build, &n->arena, &n->error);
    for (size_t i = 0; status == HAYA_OK && i < n->build.call_count; i++)
        hy_call_assert(&n->build.calls[i].call);
    return status;
}

/* The output's shape, or the error. Frees the node. */
TEST_HELPER const char *shape_of(test_node *n, int out)
{
    const char *text = build(n) == HAYA_OK ? hy_shape_print(&n->out[out].shape, n->text, sizeof n->text)
                                           : n->error.message;
    hy_arena_free(&n->arena);
    return text;
}

/* The message of a refusal with that status, or what came instead. Frees the node. */
TEST_HELPER const char *refusal_of(test_node *n, haya_status status)
{
    haya_status got = build(n);
    hy_arena_free(&n->arena);
    return got == status ? n->error.message : haya_status_name(got);
}

#endif
