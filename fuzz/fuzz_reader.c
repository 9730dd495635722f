/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the reader: any bytes as a model file, and each constant decoded. A fuzzer links this with its own main:
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_reader.c
 *
 * Others link it with replay.c and run the corpus as a test.
 */
#include <stdlib.h>
#include <string.h>

#include "reader/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger constants, which a few bytes can claim, only make fuzzing slow. */
#define LARGEST_DECODED (1 << 16)

static void require(bool condition) {
    if (!condition)
        abort();
}

/* A copy in place of the file, so that what was found there at first is not there any more. */
typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static void decode(const hy_file *file, const bytes *copy, const hy_constant *constant, const char *name) {
    size_t size = haya_dtype_size(constant->dtype);
    require(constant->offset <= copy->size && constant->size <= copy->size - constant->offset);
    if (size == 0 || constant->refusal)
        return;
    require(constant->elements >= 0 && constant->shape.rank >= 0);
    require(!constant->in_place || constant->size == size * (size_t)constant->elements);
    if (constant->elements > (int64_t)(LARGEST_DECODED / size))
        return;
    size_t total = size * (size_t)constant->elements;
    uint8_t *out = malloc(total ? total : 1);
    require(out != NULL);
    if (hy_constant_decode(file, constant, name, out, NULL) == HAYA_OK && constant->value)
        require(memcmp(out, constant->value, total) == 0);
    free(out);
}

static void visit(const hy_file *file, const bytes *copy, const hy_record *nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        require(nodes[i].name[0] && nodes[i].op[0]);
        for (size_t k = 0; k < nodes[i].input_count; k++)
            require(nodes[i].inputs[k][0]);
        for (size_t k = 0; k < nodes[i].attr_count; k++) {
            require(hy_record_attr(&nodes[i], nodes[i].attrs[k].name) == &nodes[i].attrs[k]);
            if (nodes[i].attrs[k].kind == HY_ATTR_TENSOR)
                decode(file, copy, nodes[i].attrs[k].tensor, nodes[i].name);
        }
    }
}

static void visit_all(const hy_file *file, const bytes *copy, const hy_records *records) {
    visit(file, copy, records->nodes, records->node_count);
    for (size_t i = 0; i < records->function_count; i++)
        visit(file, copy, records->functions[i].nodes, records->functions[i].node_count);
}

/* The constants again, from a file that has other bytes by now; what they are then does not matter. */
static void decode_changed(const hy_file *file, const hy_record *nodes, size_t count, bytes *copy) {
    for (size_t i = 0; i < copy->size; i++)
        copy->data[i] = (uint8_t)(copy->data[(i * 7 + 3) % copy->size] + (i % 5 == 0));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < nodes[i].attr_count; k++) {
            const hy_attr *attr = &nodes[i].attrs[k];
            if (attr->kind != HY_ATTR_TENSOR || attr->tensor->value == NULL)
                continue;
            size_t total = haya_dtype_size(attr->tensor->dtype) * (size_t)attr->tensor->elements;
            if (total > LARGEST_DECODED)
                continue;
            uint8_t *out = malloc(total ? total : 1);
            require(out != NULL);
            hy_constant_decode(file, attr->tensor, nodes[i].name, out, NULL);
            free(out);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    haya_host host;
    haya_error error;
    hy_file *file;
    hy_arena arena;
    hy_records records;
    if (size == 0)
        return 0;
    bytes copy = {malloc(size), size};
    require(copy.data != NULL);
    memcpy(copy.data, data, size);
    hy_error_clear(&error);
    require(hy_host_resolve(NULL, &host, &error) == HAYA_OK);
    require(hy_file_borrow(copy.data, size, "fuzzed.pb", NULL, NULL, &host, &file, &error) == HAYA_OK);
    hy_arena_init(&arena, &host);
    if (hy_read(file, &arena, &records, &error) == HAYA_OK) {
        visit_all(file, &copy, &records);
        decode_changed(file, records.nodes, records.node_count, &copy);
    } else {
        require(error.message[0] && records.nodes == NULL);
    }
    hy_arena_free(&arena);
    hy_file_release(file);
    free(copy.data);
    return 0;
}
