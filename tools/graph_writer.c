/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Protobuf: a field is a varint key, number << 3 | wire type, and its value. */
enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_32 = 5 };

enum {
    GRAPHDEF_NODE = 1,
    GRAPHDEF_VERSIONS = 4,
    VERSIONDEF_PRODUCER = 1,
    NODEDEF_NAME = 1,
    NODEDEF_OP = 2,
    NODEDEF_INPUT = 3,
    NODEDEF_ATTR = 5,
    MAP_KEY = 1,
    MAP_VALUE = 2,
    ATTR_LIST = 1,
    ATTR_S = 2,
    ATTR_I = 3,
    ATTR_F = 4,
    ATTR_B = 5,
    ATTR_TYPE = 6,
    ATTR_SHAPE = 7,
    ATTR_TENSOR = 8,
    LIST_S = 2,
    LIST_I = 3,
    SHAPE_DIM = 2,
    DIM_SIZE = 1,
    TENSOR_DTYPE = 1,
    TENSOR_SHAPE = 2,
    TENSOR_CONTENT = 4
};

/* What TensorFlow 1.15 writes. */
enum { GRAPH_PRODUCER = 134 };

static void out_of_memory(void) {
    fprintf(stderr, "out of memory\n");
    exit(1);
}

static unsigned char *room(graph_bytes *to, size_t size) {
    if (size > to->capacity - to->size) {
        size_t capacity = to->capacity < 128 ? 128 : to->capacity + to->capacity / 2;
        if (capacity < to->size + size) {
            capacity = to->size + size;
        }
        unsigned char *data = realloc(to->data, capacity);
        if (!data) {
            out_of_memory();
        }
        to->data = data;
        to->capacity = capacity;
    }
    unsigned char *at = to->data + to->size;
    to->size += size;
    return at;
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static void put_varint(graph_bytes *to, uint64_t value) {
    while (value >= 0x80) {
        *room(to, 1) = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *room(to, 1) = (unsigned char)value;
}

static void put_key(graph_bytes *to, unsigned field, unsigned wire) {
    put_varint(to, (uint64_t)field << 3 | wire);
}

static void put_varint_field(graph_bytes *to, unsigned field, uint64_t value) {
    put_key(to, field, WIRE_VARINT);
    put_varint(to, value);
}

static void put_bytes(graph_bytes *to, unsigned field, const void *data, size_t size) {
    put_key(to, field, WIRE_BYTES);
    put_varint(to, size);
    if (size > 0) {
        memcpy(room(to, size), data, size);
    }
}

static void put_string(graph_bytes *to, unsigned field, const char *text) {
    put_bytes(to, field, text, strlen(text));
}

/* Every field number here is below 16, so that its key is one byte. */
static size_t bytes_field_size(size_t size) {
    return 1 + varint_size(size) + size;
}

static graph_bytes *current(graph *g) {
    return &g->nodes[g->count - 1];
}

void graph_node(graph *g, const char *name, const char *op) {
    if (g->count == g->capacity) {
        g->capacity = g->capacity ? 2 * g->capacity : 256;
        graph_bytes *nodes = realloc(g->nodes, g->capacity * sizeof *nodes);
        if (!nodes) {
            out_of_memory();
        }
        g->nodes = nodes;
    }
    g->nodes[g->count++] = (graph_bytes){0};
    put_string(current(g), NODEDEF_NAME, name);
    put_string(current(g), NODEDEF_OP, op);
}

void graph_input(graph *g, const char *input) {
    put_string(current(g), NODEDEF_INPUT, input);
}

/* Begins the attribute `name`, whose AttrValue will take `size` bytes. */
static graph_bytes *begin_attr(graph *g, const char *name, size_t size) {
    graph_bytes *node = current(g);
    put_key(node, NODEDEF_ATTR, WIRE_BYTES);
    put_varint(node, bytes_field_size(strlen(name)) + bytes_field_size(size));
    put_string(node, MAP_KEY, name);
    put_key(node, MAP_VALUE, WIRE_BYTES);
    put_varint(node, size);
    return node;
}

static void put_attr(graph *g, const char *name, graph_bytes *value) {
    graph_bytes *node = begin_attr(g, name, value->size);
    if (value->size > 0) {
        memcpy(room(node, value->size), value->data, value->size);
    }
    free(value->data);
}

static void put_varint_attr(graph *g, const char *name, unsigned field, uint64_t number) {
    graph_bytes value = {0};
    put_varint_field(&value, field, number);
    put_attr(g, name, &value);
}

void graph_attr_type(graph *g, const char *name, graph_type type) {
    put_varint_attr(g, name, ATTR_TYPE, type);
}

void graph_attr_int(graph *g, const char *name, int64_t value) {
    put_varint_attr(g, name, ATTR_I, (uint64_t)value);
}

void graph_attr_bool(graph *g, const char *name, bool value) {
    put_varint_attr(g, name, ATTR_B, value);
}

void graph_attr_float(graph *g, const char *name, float number) {
    graph_bytes value = {0};
    put_key(&value, ATTR_F, WIRE_32);
    store_f32(room(&value, 4), number);
    put_attr(g, name, &value);
}

void graph_attr_string(graph *g, const char *name, const char *text) {
    graph_bytes value = {0};
    put_string(&value, ATTR_S, text);
    put_attr(g, name, &value);
}

void graph_attr_strings(graph *g, const char *name, const char *text) {
    graph_bytes list = {0}, value = {0};
    put_string(&list, LIST_S, text);
    put_bytes(&value, ATTR_LIST, list.data, list.size);
    free(list.data);
    put_attr(g, name, &value);
}

void graph_attr_ints(graph *g, const char *name, const int64_t *values, size_t count) {
    graph_bytes packed = {0}, list = {0}, value = {0};
    for (size_t i = 0; i < count; i++) {
        put_varint(&packed, (uint64_t)values[i]);
    }
    if (count > 0) {
        put_bytes(&list, LIST_I, packed.data, packed.size);
    }
    put_bytes(&value, ATTR_LIST, list.data, list.size);
    free(packed.data);
    free(list.data);
    put_attr(g, name, &value);
}

static void put_shape(graph_bytes *to, unsigned field, const int64_t *dims, size_t rank) {
    graph_bytes shape = {0};
    for (size_t i = 0; i < rank; i++) {
        put_key(&shape, SHAPE_DIM, WIRE_BYTES);
        put_varint(&shape, 1 + varint_size((uint64_t)dims[i]));
        put_varint_field(&shape, DIM_SIZE, (uint64_t)dims[i]);
    }
    put_bytes(to, field, shape.data, shape.size);
    free(shape.data);
}

void graph_attr_shape(graph *g, const char *name, const int64_t *dims, size_t rank) {
    graph_bytes value = {0};
    put_shape(&value, ATTR_SHAPE, dims, rank);
    put_attr(g, name, &value);
}

unsigned char *graph_attr_tensor(graph *g, graph_type type, const int64_t *dims, size_t rank) {
    size_t bytes = 4;
    for (size_t i = 0; i < rank; i++) {
        bytes *= (size_t)dims[i];
    }
    graph_bytes head = {0};
    put_varint_field(&head, TENSOR_DTYPE, type);
    put_shape(&head, TENSOR_SHAPE, dims, rank);
    put_key(&head, TENSOR_CONTENT, WIRE_BYTES);
    put_varint(&head, bytes);

    graph_bytes *node = begin_attr(g, "value", bytes_field_size(head.size + bytes));
    put_key(node, ATTR_TENSOR, WIRE_BYTES);
    put_varint(node, head.size + bytes);
    memcpy(room(node, head.size), head.data, head.size);
    free(head.data);
    return room(node, bytes);
}

void graph_shuffle(graph *g, uint64_t seed) {
    for (size_t i = g->count; i > 1; i--) {
        size_t j = (size_t)(random_next(&seed) % i);
        graph_bytes node = g->nodes[j];
        g->nodes[j] = g->nodes[i - 1];
        g->nodes[i - 1] = node;
    }
}

static bool write_field(FILE *file, unsigned field, const graph_bytes *value) {
    graph_bytes head = {0};
    put_key(&head, field, WIRE_BYTES);
    put_varint(&head, value->size);
    bool ok = fwrite(head.data, 1, head.size, file) == head.size &&
              fwrite(value->data, 1, value->size, file) == value->size;
    free(head.data);
    return ok;
}

bool graph_write(const graph *g, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < g->count && ok; i++) {
        ok = write_field(file, GRAPHDEF_NODE, &g->nodes[i]);
    }
    graph_bytes versions = {0};
    put_varint_field(&versions, VERSIONDEF_PRODUCER, GRAPH_PRODUCER);
    ok = ok && write_field(file, GRAPHDEF_VERSIONS, &versions);
    free(versions.data);
    int why = errno;
    if (fclose(file) != 0) {
        why = ok ? errno : why;
        ok = false;
    }
    if (!ok) {
        remove(path);
        errno = why;
    }
    return ok;
}

void graph_free(graph *g) {
    for (size_t i = 0; i < g->count; i++) {
        free(g->nodes[i].data);
    }
    free(g->nodes);
    *g = (graph){0};
}

uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void store_u32(unsigned char *to, uint32_t value) {
    to[0] = (unsigned char)value;
    to[1] = (unsigned char)(value >> 8);
    to[2] = (unsigned char)(value >> 16);
    to[3] = (unsigned char)(value >> 24);
}

void store_f32(unsigned char *to, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    store_u32(to, bits);
}
