/* SPDX-License-Identifier: Apache-2.0
 *
 * The fingerprint: FNV-1a in 128 bits over the canonical graph, written out as bytes:
 *
 *     version, nodes, fetches
 *     node:  operation, attributes in the row's order (hints left out), dtype and declared shape of feeds and
 *            constants, the value of structural constants, inputs as (node, output)
 *
 * Names are no part of it. Numbers are little-endian 64 bit, strings are preceded by their length. It groups models;
 * that two models really fit is found out by comparing them (match.c), so a collision does no harm.
 */
#include <string.h>

#include "graph/graph.h"

#define FINGERPRINT_VERSION 1

typedef struct hash {
    uint64_t high, low;
} hash;

/* state = (state ^ byte) * (2^88 + 0x13b), modulo 2^128 */
static void add_bytes(hash *h, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        uint64_t low = h->low ^ bytes[i];
        /* low * 0x13b in 128 bits, in halves */
        uint64_t first = (low & 0xffffffffu) * 0x13b;
        uint64_t second = (low >> 32) * 0x13b + (first >> 32);
        uint64_t carry = second >> 32;
        h->high = h->high * 0x13b + carry + (low << 24); /* 2^88 = 2^64 * 2^24 */
        h->low = (second << 32) | (first & 0xffffffffu);
    }
}

static void add_number(hash *h, int64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    add_bytes(h, bytes, sizeof bytes);
}

static void add_string(hash *h, const char *text, size_t length)
{
    add_number(h, (int64_t)length);
    add_bytes(h, text, length);
}

static void add_shape(hash *h, const haya_shape *shape)
{
    add_number(h, shape->rank);
    for (int i = 0; i < shape->rank; i++)
        add_number(h, shape->dims[i]);
}

static void add_float(hash *h, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_number(h, bits);
}

static void add_list_item(hash *h, const hy_attr *attr, int64_t i)
{
    switch (attr->kind) {
    case HY_ATTR_LIST_INT: add_number(h, attr->ints[i]); break;
    case HY_ATTR_LIST_FLOAT: add_float(h, attr->floats[i]); break;
    case HY_ATTR_LIST_BOOL: add_number(h, attr->bools[i]); break;
    case HY_ATTR_LIST_STRING: add_string(h, attr->strings[i], strlen(attr->strings[i])); break;
    case HY_ATTR_LIST_TYPE: add_number(h, attr->types[i]); break;
    case HY_ATTR_LIST_SHAPE: add_shape(h, &attr->shapes[i]); break;
    default: break;
    }
}

static void add_attr(hash *h, const hy_attr *attr)
{
    add_number(h, attr->kind);
    switch (attr->kind) {
    case HY_ATTR_INT: add_number(h, attr->i); break;
    case HY_ATTR_FLOAT: add_float(h, attr->f); break;
    case HY_ATTR_BOOL: add_number(h, attr->b); break;
    case HY_ATTR_STRING: add_string(h, attr->s, (size_t)attr->count); break;
    case HY_ATTR_TYPE: add_number(h, attr->type); break;
    case HY_ATTR_SHAPE: add_shape(h, &attr->shape); break;
    default:
        add_number(h, attr->count);
        for (int64_t i = 0; i < attr->count; i++)
            add_list_item(h, attr, i);
    }
}

static void add_node(hash *h, const hy_node *node)
{
    const char *op = node->class == HY_CLASS_FEED ? "feed" : node->op->name;
    add_string(h, op, strlen(op));
    if (node->class == HY_CLASS_FEED || node->constant) {
        add_number(h, node->outs[0].dtype);
        add_shape(h, &node->outs[0].shape);
        add_number(h, node->feed); /* which input it is: inputs that change places are another structure */
        add_number(h, node->value_needed);
        if (node->constant && node->value_needed)
            add_bytes(h, node->constant->value, (size_t)hy_shape_bytes(&node->outs[0].shape, node->outs[0].dtype));
        return;
    }
    for (size_t i = 0; node->op->attrs && node->op->attrs[i].name; i++)
        if (!node->op->attrs[i].hint)
            add_attr(h, &node->attrs[i]);
    add_number(h, node->input_count);
    for (int32_t i = 0; i < node->input_count; i++) {
        add_number(h, node->inputs[i].node);
        add_number(h, node->inputs[i].out);
    }
}

void hy_fingerprint(const hy_graph *graph, uint8_t fingerprint[16])
{
    hash h = {0x6c62272e07bb0142u, 0x62b821756295c58du};
    add_number(&h, FINGERPRINT_VERSION);
    add_number(&h, (int64_t)graph->node_count);
    for (size_t i = 0; i < graph->node_count; i++)
        add_node(&h, &graph->nodes[i]);
    add_number(&h, (int64_t)graph->fetch_count);
    for (size_t i = 0; i < graph->fetch_count; i++) {
        add_number(&h, graph->fetches[i].node);
        add_number(&h, graph->fetches[i].out);
    }
    for (int i = 0; i < 8; i++) {
        fingerprint[i] = (uint8_t)(h.high >> (56 - 8 * i));
        fingerprint[8 + i] = (uint8_t)(h.low >> (56 - 8 * i));
    }
}
