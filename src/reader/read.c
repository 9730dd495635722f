/* SPDX-License-Identifier: Apache-2.0
 *
 * Which format a file is of, from its bytes, never from its name, and what can be done with one that is not read;
 * and the small public part of records.
 */
#include <string.h>

#include "reader/tf_reader.h"

/* What its owner can do with a file of another format. */
typedef enum remedy {
    NO_REMEDY,
    FREEZE,        /* tools/freeze takes it */
    FREEZE_ORIGIN, /* it was made of something that tools/freeze takes */
    NOT_YET        /* ONNX */
} remedy;

/* `what` is NULL where nothing was recognised. */
typedef struct format {
    const char *what;
    remedy remedy;
} format;

typedef struct magic {
    size_t offset;
    const char *bytes;
    size_t size;
    format format;
} magic;

#define MAGIC(offset, bytes, ...) {offset, bytes, sizeof(bytes) - 1, {__VA_ARGS__}}

static const magic magics[] = {
    MAGIC(0, "\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras's .h5 models are", FREEZE),
    MAGIC(4, "TFL3", "a TensorFlow Lite model", FREEZE_ORIGIN),
    MAGIC(0, "\x89PNG\r\n\x1a\n", "a PNG image", NO_REMEDY),
    MAGIC(0, "\xff\xd8\xff", "a JPEG image", NO_REMEDY),
    MAGIC(0, "\x1f\x8b", "a gzip archive", NO_REMEDY),
    MAGIC(0, "BZh", "a bzip2 archive", NO_REMEDY),
    MAGIC(0, "\xfd" "7zXZ", "an xz archive", NO_REMEDY),
    MAGIC(0, "\x28\xb5\x2f\xfd", "a zstd archive", NO_REMEDY),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "a 7z archive", NO_REMEDY),
    MAGIC(257, "ustar", "a tar archive", NO_REMEDY),
    MAGIC(0, "version https://git-lfs", "a Git LFS pointer: the file that it stands for was not fetched", NO_REMEDY),
    MAGIC(0, "\x93NUMPY", "a NumPy array", NO_REMEDY),
    MAGIC(0, "GGUF", "a GGUF model", NO_REMEDY),
    MAGIC(0, "\x80\x02}q", "a Python pickle (an old PyTorch file, perhaps)", NO_REMEDY),
    MAGIC(0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", "an old PyTorch file", NO_REMEDY),
    MAGIC(8, "{\"", "a safetensors file", NO_REMEDY),
    MAGIC(0, "\x7f" "ELF", "a program or library", NO_REMEDY),
    MAGIC(0, "%PDF-", "a PDF document", NO_REMEDY),
};

static bool has_bytes(hy_bytes file, size_t offset, const char *bytes, size_t size) {
    return offset <= file.size && size <= file.size - offset && memcmp(file.data + offset, bytes, size) == 0;
}

static bool ends_with(hy_bytes text, const char *end) {
    size_t size = strlen(end);
    return text.size >= size && has_bytes(text, text.size - size, end, size);
}

/* A zip archive is told by the name of its first entry. */
static format recognise_zip(hy_bytes file) {
    enum { NAME_SIZE_AT = 26, NAME_AT = 30 };
    if (!has_bytes(file, 0, "PK\x03\x04", 4))
        return (format){0};
    hy_bytes name = {0};
    if (file.size > NAME_AT) {
        size_t size = file.data[NAME_SIZE_AT] | (size_t)file.data[NAME_SIZE_AT + 1] << 8;
        size_t left = file.size - NAME_AT;
        name = (hy_bytes){file.data + NAME_AT, size < left ? size : left};
    }
    if (ends_with(name, "data.pkl"))
        return (format){"a PyTorch file (a zip archive)", NO_REMEDY};
    if (ends_with(name, "metadata.json") || ends_with(name, "config.json") || ends_with(name, ".weights.h5"))
        return (format){"a Keras model", FREEZE};
    if (ends_with(name, ".npy"))
        return (format){"a NumPy .npz archive", NO_REMEDY};
    return (format){"a zip archive", NO_REMEDY};
}

/* The index of a checkpoint is a table whose last eight bytes are this. */
static format recognise_checkpoint(hy_bytes file) {
    bool is_index = ends_with(file, "\x57\xfb\x80\x8b\x24\x75\x47\xdb");
    return is_index ? (format){"the index of a TensorFlow checkpoint", FREEZE} : (format){0};
}

static hy_bytes skip_space(hy_bytes text) {
    while (text.size && memchr(" \t\r\n", text.data[0], 4))
        text = (hy_bytes){text.data + 1, text.size - 1};
    return text;
}

static hy_bytes skip_comments(hy_bytes text) {
    text = skip_space(text);
    while (text.size && text.data[0] == '#') {
        const uint8_t *newline = memchr(text.data, '\n', text.size);
        text = newline ? (hy_bytes){newline, (size_t)(text.data + text.size - newline)} : (hy_bytes){0};
        text = skip_space(text);
    }
    return text;
}

/* "node {", "library{" or "node: <": text format. A binary GraphDef may begin with bytes that are white space, but
   its first node's name follows two bytes later, and no name has a brace. */
static format recognise_text(hy_bytes file) {
    static const struct {
        const char *field, *what;
    } fields[] = {
        {"node", "a GraphDef in text format"},
        {"library", "a GraphDef in text format"},
        {"versions", "a GraphDef in text format"},
        {"meta_info_def", "a TensorFlow MetaGraphDef in text format"},
        {"graph_def", "a TensorFlow MetaGraphDef in text format"},
        {"saved_model_schema_version", "the graph of a TensorFlow SavedModel in text format"},
        {"model_checkpoint_path", "a folder's list of TensorFlow checkpoints"},
    };
    hy_bytes text = skip_comments(file);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t length = strlen(fields[i].field);
        if (!has_bytes(text, 0, fields[i].field, length))
            continue;
        hy_bytes rest = skip_space((hy_bytes){text.data + length, text.size - length});
        if (rest.size && (rest.data[0] == '{' || rest.data[0] == ':'))
            return (format){fields[i].what, FREEZE};
    }
    if (has_bytes(text, 0, "<!DOCTYPE", 9) || has_bytes(text, 0, "<!doctype", 9) || has_bytes(text, 0, "<html", 5))
        return (format){"an HTML page (what a failed download leaves, perhaps)", NO_REMEDY};
    if (has_bytes(text, 0, "<?xml", 5))
        return (format){"an XML file", NO_REMEDY};
    bool is_json = has_bytes(text, 0, "{\"", 2) || has_bytes(text, 0, "{\n", 2);
    return is_json ? (format){"a JSON file", NO_REMEDY} : (format){0};
}

/* Which fields of the outermost message are there, as far as the first few tell. */
typedef struct outline {
    uint32_t lengths;        /* bit n: field n, n < 32, is a string or message */
    bool first_is_varint;    /* field 1 comes first and is a number */
    uint8_t second, fourth;  /* the first byte in field 2 and field 4; 0: none */
} outline;

static outline outline_fields(hy_bytes file) {
    enum { FIELDS = 32 };
    outline found = {0};
    hy_wire wire = hy_wire_begin(file);
    hy_wire_field field;
    for (int i = 0; i < FIELDS; i++) {
        /* A field that the file's end cuts counts as well. */
        bool whole = hy_wire_next(&wire, &field);
        uint32_t bit = field.number < 32 ? 1u << field.number : 0;
        found.lengths |= field.type == HY_WIRE_LENGTH ? bit : 0;
        if (i == 0)
            found.first_is_varint = field.number == 1 && field.type == HY_WIRE_VARINT;
        if (field.type == HY_WIRE_LENGTH && field.bytes.size && field.number == 2)
            found.second = field.bytes.data[0];
        if (field.type == HY_WIRE_LENGTH && field.bytes.size && field.number == 4)
            found.fourth = field.bytes.data[0];
        if (!whole)
            break;
    }
    return found;
}

/* Other protocol buffers. A GraphDef has nodes (1), a library (2), an old version number (3) and versions (4), a
   message that begins with a number. */
static format recognise_message(hy_bytes file) {
    enum { FIRST_OF_MESSAGE = 1 << 3 | HY_WIRE_LENGTH, SECOND_OF_MESSAGE = 2 << 3 | HY_WIRE_LENGTH };
    outline found = outline_fields(file);
    bool second_is_message = found.second == FIRST_OF_MESSAGE || found.second == SECOND_OF_MESSAGE;
    uint32_t onnx = 1u << 7 | 1u << 8 | 1u << 3; /* graph, opset_import, producer_version */
    if (found.first_is_varint && (found.lengths & onnx || (found.second && !second_is_message)))
        return (format){"an ONNX model", NOT_YET};
    if (found.first_is_varint && second_is_message)
        return (format){"the graph of a TensorFlow SavedModel", FREEZE};
    bool saver_or_collection = found.lengths & 1u << 3 || found.fourth == FIRST_OF_MESSAGE;
    if (found.lengths & 1u << 2 && saver_or_collection)
        return (format){"a TensorFlow MetaGraphDef (the .meta file of a checkpoint)", FREEZE};
    return (format){0};
}

/* What the file is when it is of a format that is not read; nothing when it may be a GraphDef. */
static format recognise(hy_bytes file) {
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (has_bytes(file, magics[i].offset, magics[i].bytes, magics[i].size))
            return magics[i].format;
    format (*const recognisers[])(hy_bytes) = {recognise_zip, recognise_checkpoint, recognise_text,
                                               recognise_message};
    for (size_t i = 0; i < sizeof recognisers / sizeof recognisers[0]; i++) {
        format found = recognisers[i](file);
        if (found.what)
            return found;
    }
    return (format){0};
}

static haya_status refuse(const char *path, format other, haya_error *error) {
    switch (other.remedy) {
    case FREEZE:
        return hy_fail(error, HAYA_ERROR_FORMAT, NULL,
                       "%s: this is %s, not a frozen graph; `tools/freeze %s`, in haya's source folder, makes one",
                       path, other.what, path);
    case FREEZE_ORIGIN:
        return hy_fail(error, HAYA_ERROR_FORMAT, NULL,
                       "%s: this is %s, not a frozen graph; `tools/freeze`, in haya's source folder, makes one of "
                       "the Keras model or SavedModel behind it, not of this file", path, other.what);
    case NOT_YET:
        return hy_fail(error, HAYA_ERROR_FORMAT, NULL,
                       "%s: this is %s, which haya does not read yet; `tools/freeze`, in haya's source folder, "
                       "makes frozen graphs of Keras and TensorFlow models, but not of this file",
                       path, other.what);
    case NO_REMEDY:
        break;
    }
    return hy_fail(error, HAYA_ERROR_FORMAT, NULL, "%s: this is %s; haya reads frozen TensorFlow GraphDef files",
                   path, other.what);
}

haya_status hy_refuse_folder(const char *path, haya_error *error) {
    static const struct {
        const char *file, *what;
    } folders[] = {
        {"saved_model.pb", "a TensorFlow SavedModel"},
        {"saved_model.pbtxt", "a TensorFlow SavedModel"},
        {"model.weights.h5", "a Keras model"},
        {"checkpoint", "a folder with TensorFlow checkpoints"},
    };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (hy_folder_has(path, folders[i].file))
            return refuse(path, (format){folders[i].what, FREEZE}, error);
    return hy_fail(error, HAYA_ERROR_IO, NULL, "%s: is a directory", path);
}

haya_status hy_read(const hy_file *file, hy_arena *arena, hy_records *records, haya_error *error) {
    *records = (hy_records){0};
    format other = recognise((hy_bytes){hy_file_data(file), hy_file_size(file)});
    if (other.what)
        return refuse(hy_file_path(file), other, error);
    haya_status status = hy_tf_read(file, arena, records, error);
    if (status != HAYA_OK)
        hy_error_prefix(error, hy_file_path(file));
    return status;
}

const hy_attr *hy_record_attr(const hy_record *record, const char *name) {
    for (size_t i = 0; i < record->attr_count; i++)
        if (strcmp(record->attrs[i].name, name) == 0)
            return &record->attrs[i];
    return NULL;
}
