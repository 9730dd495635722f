/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads bytes in tests: from a heap block of just their size, so that a sanitizer sees each access beyond it, and
 * with memory that is counted.
 */
#ifndef HAYA_TESTS_READING_H
#define HAYA_TESTS_READING_H

#include <stdlib.h>

#include "base/machine.h"
#include "reader/reader.h"
#include "graphdef_writer.h"
#include "../test.h"

typedef struct counted_memory {
    size_t present, peak, calls;
    size_t fail_at; /* the call that gets no memory, from 1; 0: none */
} counted_memory;

GD_HELPER void *counted_allocate(void *user, size_t size, size_t alignment) {
    counted_memory *memory = user;
    memory->calls++;
    if (memory->fail_at && memory->calls >= memory->fail_at)
        return NULL;
    memory->present += size;
    if (memory->present > memory->peak)
        memory->peak = memory->present;
    return hy_machine_allocate(size, alignment);
}

GD_HELPER void counted_release(void *user, void *block, size_t size) {
    counted_memory *memory = user;
    memory->present -= size;
    hy_machine_release(block);
}

typedef struct reading {
    counted_memory memory;
    uint8_t *bytes; /* what the file has; a test may overwrite them */
    size_t size;
    hy_file *file;
    hy_arena arena;
    hy_records records;
    haya_error error;
    haya_status status;
} reading;

/* Reads a copy of the bytes. `r` may be told to fail_at before, and is otherwise zero. */
GD_HELPER void read_bytes(reading *r, const void *bytes, size_t size) {
    haya_host host = {sizeof host, counted_allocate, counted_release, NULL, &r->memory};
    haya_host resolved;
    hy_error_clear(&r->error);
    r->size = size;
    r->bytes = malloc(size ? size : 1);
    if (!r->bytes)
        abort();
    memcpy(r->bytes, bytes, size);
    r->status = hy_host_resolve(&host, &resolved, &r->error);
    hy_arena_init(&r->arena, &resolved);
    if (r->status == HAYA_OK)
        r->status = hy_file_borrow(r->bytes, size, "test.pb", NULL, NULL, &resolved, &r->file, &r->error);
    if (r->status == HAYA_OK)
        r->status = hy_read(r->file, &r->arena, &r->records, &r->error);
}

/* The same, of a graph, which is emptied. */
GD_HELPER void read_graph(reading *r, pb *graph) {
    *r = (reading){0};
    read_bytes(r, graph->data, graph->size);
    pb_free(graph);
}

GD_HELPER void end_reading(reading *r) {
    hy_arena_free(&r->arena);
    hy_file_release(r->file);
    free(r->bytes);
    CHECK_INT((long long)r->memory.present, 0);
}

/* Decodes each constant of the nodes; the number that could not be. */
GD_HELPER int decode_constants(reading *r, const hy_record *nodes, size_t count) {
    enum { LARGEST = 1 << 24 };
    int refused = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < nodes[i].attr_count; j++) {
            if (nodes[i].attrs[j].kind != HY_ATTR_TENSOR)
                continue;
            const hy_constant *constant = nodes[i].attrs[j].tensor;
            size_t size = haya_dtype_size(constant->dtype);
            if (size && constant->elements > (int64_t)(LARGEST / size))
                continue;
            size_t bytes = size * (size_t)constant->elements;
            uint8_t *out = malloc(bytes ? bytes : 1);
            haya_error error;
            hy_error_clear(&error);
            if (hy_constant_decode(r->file, constant, nodes[i].name, out, &error) != HAYA_OK)
                refused++;
            free(out);
        }
    }
    return refused;
}

GD_HELPER int decode_all(reading *r) {
    int refused = decode_constants(r, r->records.nodes, r->records.node_count);
    for (size_t i = 0; i < r->records.function_count; i++)
        refused += decode_constants(r, r->records.functions[i].nodes, r->records.functions[i].node_count);
    return refused;
}

/* The attribute of a node by its number, or one without a kind. */
GD_HELPER const hy_attr *attr_of(const reading *r, size_t node, const char *name) {
    static const hy_attr none = {0};
    const hy_attr *attr = node < r->records.node_count ? hy_record_attr(&r->records.nodes[node], name) : NULL;
    return attr ? attr : &none;
}

#endif
