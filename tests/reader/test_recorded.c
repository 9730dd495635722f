/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads each recorded GraphDef that TensorFlow wrote: whole, and cut in a hundred places; and the files that it and
 * Keras wrote of other kinds (tests/freeze/record.py), which are refused with the command that takes them.
 */
#if defined(__unix__) || defined(__APPLE__)
#  define _DEFAULT_SOURCE /* d_name */
#  include <dirent.h>
#endif
#include "reading.h"

typedef struct file_bytes {
    uint8_t *data;
    size_t size;
} file_bytes;

static file_bytes load(const char *path) {
    file_bytes bytes = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return bytes;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    bytes.data = size > 0 ? malloc((size_t)size) : NULL;
    if (bytes.data)
        bytes.size = fread(bytes.data, 1, (size_t)size, file);
    fclose(file);
    return bytes;
}

static void check_node(const reading *r, const hy_record *node) {
    CHECK(node->name[0] && node->op[0]);
    for (size_t i = 0; i < node->input_count; i++)
        CHECK(node->inputs[i] && node->inputs[i][0]);
    for (size_t i = 0; i < node->attr_count; i++) {
        const hy_attr *attr = &node->attrs[i];
        CHECK(hy_record_attr(node, attr->name) == attr);
        if (attr->kind == HY_ATTR_TENSOR && attr->tensor->in_place)
            CHECK(attr->tensor->offset <= r->size && attr->tensor->size <= r->size - attr->tensor->offset);
    }
}

static void check_whole(const file_bytes *bytes) {
    reading r = {0};
    read_bytes(&r, bytes->data, bytes->size);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_STR(r.error.message, "");
    CHECK(r.records.node_count > 0);
    for (size_t i = 0; i < r.records.node_count; i++)
        check_node(&r, &r.records.nodes[i]);
    for (size_t i = 0; i < r.records.function_count; i++)
        for (size_t k = 0; k < r.records.functions[i].node_count; k++)
            check_node(&r, &r.records.functions[i].nodes[k]);
    decode_all(&r);
    end_reading(&r);
}

static void check_cut(const file_bytes *bytes) {
    for (size_t i = 0; i < 100; i++) {
        reading r = {0};
        read_bytes(&r, bytes->data, bytes->size * i / 100);
        CHECK(r.status == HAYA_OK || r.status == HAYA_ERROR_FORMAT);
        end_reading(&r);
    }
}

#if defined(__unix__) || defined(__APPLE__)
static bool is_graph(const char *name) {
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".pb") == 0;
}

static int check_folder(const char *folder) {
    int count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[4096];
        if (!is_graph(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        file_bytes bytes = load(path);
        int failed = atomic_load(&test_failed_checks);
        if (CHECK(bytes.size > 0)) {
            check_whole(&bytes);
            check_cut(&bytes);
        }
        if (atomic_load(&test_failed_checks) > failed)
            printf("    in %s\n", path);
        free(bytes.data);
        count++;
    }
    closedir(directory);
    return count;
}

static void recorded_operations_are_read(void) {
    CHECK(check_folder(HAYA_SOURCE_ROOT "/tests/ops/recorded") > 50);
}

static void recorded_networks_are_read(void) {
    CHECK(check_folder(HAYA_SOURCE_ROOT "/tests/networks/recorded") > 10);
}
#endif

/* An unusual one among them: functions. */
static void functions_are_found(void) {
    file_bytes bytes = load(HAYA_SOURCE_ROOT "/tests/networks/recorded/unet_small_functions.pb");
    reading r = {0};
    if (!CHECK(bytes.size > 0))
        return;
    read_bytes(&r, bytes.data, bytes.size);
    CHECK_INT(r.status, HAYA_OK);
    CHECK(r.records.function_count > 0);
    end_reading(&r);
    free(bytes.data);
}

static void other_files_are_named_with_the_command(void) {
    static const struct {
        const char *name, *what;
    } others[] = {
        {"tiny.keras", "a Keras model"},
        {"tiny.h5", "an HDF5 file, as Keras's .h5 models are"},
        {"tiny.weights.h5", "an HDF5 file"},
        {"tiny.tflite", "a TensorFlow Lite model"},
        {"saved_model.pb", "the graph of a TensorFlow SavedModel"},
        {"graph.pbtxt", "a GraphDef in text format"},
        {"checkpoint", "a folder's list of TensorFlow checkpoints"},
        {"model.ckpt.index", "the index of a TensorFlow checkpoint"},
        {"model.ckpt.meta", "a TensorFlow MetaGraphDef"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/reader/others/%s", HAYA_SOURCE_ROOT, others[i].name);
        file_bytes bytes = load(path);
        reading r = {0};
        if (!CHECK(bytes.size > 0))
            return;
        read_bytes(&r, bytes.data, bytes.size);
        CHECK_INT(r.status, HAYA_ERROR_FORMAT);
        CHECK_HAS(r.error.message, others[i].what);
        CHECK_HAS(r.error.message, "`tools/freeze");
        end_reading(&r);
        free(bytes.data);
    }
}

int main(void) {
#if defined(__unix__) || defined(__APPLE__)
    RUN(recorded_operations_are_read);
    RUN(recorded_networks_are_read);
#endif
    RUN(functions_are_found);
    RUN(other_files_are_named_with_the_command);
    return test_summary();
}
