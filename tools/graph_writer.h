/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes TensorFlow GraphDef files. A node is made of calls in this order: graph_node, graph_input for each input,
 * the attributes; the next graph_node, graph_shuffle or graph_write ends it. Every call ends the process with a
 * message where memory runs out: this serves tools, not libraries.
 */
#ifndef TOOLS_GRAPH_WRITER_H
#define TOOLS_GRAPH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DataType of tensorflow/core/framework/types.proto. */
typedef enum graph_type { GRAPH_FLOAT = 1, GRAPH_INT32 = 3 } graph_type;

typedef struct graph_bytes {
    unsigned char *data;
    size_t size;
    size_t capacity;
} graph_bytes;

typedef struct graph {
    graph_bytes *nodes; /* a serialized NodeDef each */
    size_t count;
    size_t capacity;
} graph;

void graph_node(graph *g, const char *name, const char *op);
void graph_input(graph *g, const char *input);

void graph_attr_type(graph *g, const char *name, graph_type type);
void graph_attr_int(graph *g, const char *name, int64_t value);
void graph_attr_float(graph *g, const char *name, float value);
void graph_attr_bool(graph *g, const char *name, bool value);
void graph_attr_string(graph *g, const char *name, const char *value);
void graph_attr_strings(graph *g, const char *name, const char *value); /* a list of one */
void graph_attr_ints(graph *g, const char *name, const int64_t *values, size_t count);
void graph_attr_shape(graph *g, const char *name, const int64_t *dims, size_t rank); /* -1: open */

/* Adds the attribute `value` of that type and shape and returns the room for its elements, little-endian, which
   must be filled before the next call. */
unsigned char *graph_attr_tensor(graph *g, graph_type type, const int64_t *dims, size_t rank);

/* Puts the nodes into an order that only `seed` decides. */
void graph_shuffle(graph *g, uint64_t seed);

/* False where the file could not be written: errno says why, and no file is left. */
bool graph_write(const graph *g, const char *path);
void graph_free(graph *g);

/* The next of a sequence of random 64-bit numbers (SplitMix64), the same on every machine. */
uint64_t random_next(uint64_t *state);

void store_u32(unsigned char *to, uint32_t value); /* little-endian */
void store_f32(unsigned char *to, float value);

#endif
