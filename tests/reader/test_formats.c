/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of other formats are named for what they are, and with the command that helps.
 */
#include "reading.h"
#include "sample.h"

/* What messages go on with. */
#define FREEZE "not a frozen graph; `tools/freeze test.pb`, in haya's source folder, makes one"
#define FREEZE_ORIGIN "`tools/freeze`, in haya's source folder, makes one of the Keras model or SavedModel behind it"
#define NOT_YET "haya does not read yet; `tools/freeze`, in haya's source folder, makes frozen graphs of"
#define NO_REMEDY "haya reads frozen TensorFlow GraphDef files"

static void expect_named(const void *bytes, size_t size, const char *what, const char *remedy) {
    reading r = {0};
    read_bytes(&r, bytes, size);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "test.pb: this is ");
    CHECK_HAS(r.error.message, what);
    CHECK_HAS(r.error.message, remedy);
    CHECK(r.records.nodes == NULL);
    end_reading(&r);
}

#define NAMED(bytes, what, remedy) expect_named(bytes, sizeof(bytes) - 1, what, remedy)

/* The same of a message, which is emptied. */
static void expect_message_named(pb *message, const char *what, const char *remedy) {
    expect_named(message->data, message->size, what, remedy);
    pb_free(message);
}

/* The error that opening bytes which are no message of any kind ends with. */
static void expect_no_graph(const void *bytes, size_t size) {
    reading r = {0};
    read_bytes(&r, bytes, size);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "not a frozen TensorFlow GraphDef");
    end_reading(&r);
}

#define NO_GRAPH(bytes) expect_no_graph(bytes, sizeof(bytes) - 1)

static void magic_bytes_are_recognised(void) {
    NAMED("\x89HDF\r\n\x1a\n\0\0\0", "HDF5 file, as Keras's .h5 models are", FREEZE);
    NAMED("\x1c\0\0\0TFL3\0\0", "TensorFlow Lite", FREEZE_ORIGIN);
    NAMED("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG", NO_REMEDY);
    NAMED("\xff\xd8\xff\xe0\0\x10JFIF", "JPEG", NO_REMEDY);
    NAMED("\x1f\x8b\x08\0", "gzip", NO_REMEDY);
    NAMED("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS", NO_REMEDY);
    NAMED("\x93NUMPY\1\0v\0", "NumPy", NO_REMEDY);
    NAMED("\x7f" "ELF\2\1\1", "program", NO_REMEDY);
    NAMED("\x40\0\0\0\0\0\0\0{\"__metadata__\":{}}", "safetensors", NO_REMEDY);
}

static void zip_archives_are_told_by_their_first_entry(void) {
    static const struct {
        const char *name, *what, *remedy;
    } entries[] = {
        {"archive/data.pkl", "PyTorch", NO_REMEDY},      {"metadata.json", "a Keras model", FREEZE},
        {"config.json", "a Keras model", FREEZE},        {"model.weights.h5", "a Keras model", FREEZE},
        {"arr_0.npy", "NumPy .npz", NO_REMEDY},          {"readme.txt", "zip archive", NO_REMEDY},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        uint8_t header[30] = "PK\3\4";
        pb file = {0};
        header[26] = (uint8_t)strlen(entries[i].name);
        pb_raw(&file, header, sizeof header);
        pb_raw(&file, entries[i].name, strlen(entries[i].name));
        expect_message_named(&file, entries[i].what, entries[i].remedy);
    }
    NAMED("PK\3\4", "zip archive", NO_REMEDY);
    NAMED("PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0data", "zip archive", NO_REMEDY); /* cut */
}

static void text_is_recognised(void) {
    NAMED("node {\n  name: \"x\"\n}\n", "GraphDef in text format", FREEZE);
    NAMED("\n# a comment\n  node{name: \"x\"}", "GraphDef in text format", FREEZE);
    NAMED("versions {\n  producer: 1\n}", "GraphDef in text format", FREEZE);
    NAMED("node: <name: \"x\">", "GraphDef in text format", FREEZE);
    NAMED("meta_info_def {\n  tags: \"serve\"\n}\n", "MetaGraphDef in text format", FREEZE);
    NAMED("saved_model_schema_version: 1\n", "SavedModel in text format", FREEZE);
    NAMED("model_checkpoint_path: \"model.ckpt-7\"\n", "list of TensorFlow checkpoints", FREEZE);
    NAMED("<!DOCTYPE html><html>", "HTML", NO_REMEDY);
    NAMED("<?xml version=\"1.0\"?>", "XML", NO_REMEDY);
    NAMED("{\"a\": 1}", "JSON", NO_REMEDY);
}

static void a_saved_model_is_recognised(void) {
    pb file = {0}, meta = {0}, graph = {0}, info = {0};
    sample_graph(&graph);
    pb_int(&file, 1, 1);
    pb_string(&info, 4, "serve");
    pb_message(&meta, 1, &info);
    pb_message(&meta, 2, &graph);
    pb_message(&file, 2, &meta);
    expect_message_named(&file, "the graph of a TensorFlow SavedModel", FREEZE);
}

static void a_meta_graph_is_recognised(void) {
    pb file = {0}, graph = {0}, info = {0}, saver = {0};
    sample_graph(&graph);
    pb_string(&info, 4, "serve");
    pb_message(&file, 1, &info);
    pb_message(&file, 2, &graph);
    pb_string(&saver, 1, "save/Const:0");
    pb_message(&file, 3, &saver);
    expect_message_named(&file, "MetaGraphDef", FREEZE);
}

static void onnx_is_recognised(void) {
    pb file = {0}, graph = {0}, opset = {0};
    pb_int(&file, 1, 8);
    pb_string(&file, 2, "pytorch");
    pb_string(&file, 3, "2.1.0");
    pb_string(&graph, 2, "main_graph");
    pb_message(&file, 7, &graph);
    pb_int(&opset, 2, 17);
    pb_message(&file, 8, &opset);
    expect_named(file.data, 11, "ONNX", NOT_YET); /* also when cut after the producer's name */
    expect_message_named(&file, "ONNX", NOT_YET);
}

static void a_checkpoint_index_is_recognised(void) {
    pb file = {0};
    pb_raw(&file, "\0\0\1\2", 4);
    for (int i = 0; i < 40; i++)
        pb_raw(&file, "", 1);
    pb_raw(&file, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    expect_message_named(&file, "checkpoint", FREEZE);
}

static void anything_else_is_no_graph(void) {
    NO_GRAPH("hello, world");
    NO_GRAPH("\n\nhello, world");
    NO_GRAPH("\0\0\0\0\0\0\0\0");
    NO_GRAPH("\xff\xff\xff\xff");
    NO_GRAPH("\x0a\x7f" "ELF");
}

static void a_graph_without_nodes_is_refused(void) {
    pb file = {0}, versions = {0};
    pb_int(&versions, 1, 27);
    pb_message(&file, 4, &versions);
    reading r;
    read_graph(&r, &file);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "no nodes");
    end_reading(&r);
}

/* Nothing that a graph may begin with, or have, is taken for another format. */
static void graphs_are_not_taken_for_others(void) {
    pb graph = {0}, versions = {0}, debug = {0};
    sample_function(&graph); /* the library first */
    pb_int(&graph, 3, 21);
    pb_int(&versions, 1, 1234);
    pb_int(&versions, 2, 12);
    pb_message(&graph, 4, &versions);
    pb_string(&debug, 1, "file.py");
    pb_message(&graph, 5, &debug);
    gd_placeholder(&graph, "node", GD_FLOAT, -1, NULL);
    gd_placeholder(&graph, "library", GD_FLOAT, -1, NULL);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_STR(r.error.message, "");
    end_reading(&r);
}

int main(void) {
    RUN(magic_bytes_are_recognised);
    RUN(zip_archives_are_told_by_their_first_entry);
    RUN(text_is_recognised);
    RUN(a_saved_model_is_recognised);
    RUN(a_meta_graph_is_recognised);
    RUN(onnx_is_recognised);
    RUN(a_checkpoint_index_is_recognised);
    RUN(anything_else_is_no_graph);
    RUN(a_graph_without_nodes_is_refused);
    RUN(graphs_are_not_taken_for_others);
    return test_summary();
}
