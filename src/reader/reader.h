/* SPDX-License-Identifier: Apache-2.0
 *
 * Untrusted bytes -> records. A reader turns one file format into the records below: nodes with names, operations,
 * inputs and attributes, exactly as the file has them, in the file's order; nothing is interpreted. Everything is
 * copied into the arena except the payload of large constants, which stays in the file and is only pointed to.
 *
 * One file for each format: tf_graphdef.c (TensorFlow GraphDef), on wire.h (bounds-checked protobuf wire format).
 */
#ifndef HAYA_READER_READER_H
#define HAYA_READER_READER_H

#include "base/file.h"
#include "base/memory.h"
#include "base/tensor.h"

/* A constant's payload. Either it lies in the file as a dense little-endian array (in_place), at any alignment, or it
   must be decoded: hy_constant_decode. Small constants and integer ones also have their decoded `value` copied out at
   open, since they may steer the structure, which is never read from the file again. */
typedef struct hy_constant {
    haya_dtype dtype;       /* HAYA_INVALID: a type that haya doesn't have; type_name tells */
    const char *type_name;  /* the file's word: "DT_STRING" */
    haya_shape shape;       /* all dimensions known; rank <= HAYA_MAX_RANK, otherwise `refusal` is set */
    int64_t elements;
    bool in_place;
    const char *why;        /* not in place: "one value repeated", "unpacked float_val", "half_val" ...; else "" */
    size_t offset;          /* in place: of the payload; else of the message to decode */
    size_t size;            /* bytes there */
    const void *value;      /* decoded copy, elements * dtype size bytes, 16-byte aligned; NULL if large */
    const char *refusal;    /* why this constant can't be used (payload too short, rank 9 ...), or NULL. Only an error
                               when something depends on the constant */
} hy_constant;

/* value is set for integers and bools up to HY_FOLD_LIMIT bytes, and for all others up to HY_SMALL_CONSTANT bytes. */
#define HY_SMALL_CONSTANT 1024
#define HY_FOLD_LIMIT (16 * 1024 * 1024)

typedef enum hy_attr_kind {
    HY_ATTR_NONE = 0, /* present without a value, or of a kind that is not read */
    HY_ATTR_INT,
    HY_ATTR_FLOAT,
    HY_ATTR_BOOL,
    HY_ATTR_STRING,
    HY_ATTR_TYPE,
    HY_ATTR_SHAPE,
    HY_ATTR_TENSOR,
    HY_ATTR_FUNCTION,
    HY_ATTR_LIST_INT,
    HY_ATTR_LIST_FLOAT,
    HY_ATTR_LIST_BOOL,
    HY_ATTR_LIST_STRING,
    HY_ATTR_LIST_TYPE,
    HY_ATTR_LIST_SHAPE,
    HY_ATTR_LIST_EMPTY  /* a list without elements has no type on the wire */
} hy_attr_kind;

typedef struct hy_attr {
    const char *name;       /* "strides"; attributes whose names begin with '_' are dropped */
    hy_attr_kind kind;
    int64_t count;          /* lists: elements; strings: bytes */
    union {
        int64_t i;
        float f;
        bool b;
        const char *s;      /* STRING and FUNCTION (its name), zero-terminated as well */
        haya_dtype type;    /* HAYA_INVALID for types that haya doesn't have */
        haya_shape shape;   /* rank -1: unknown rank */
        const hy_constant *tensor;
        const int64_t *ints;
        const float *floats;
        const bool *bools;
        const char *const *strings;
        const haya_dtype *types;
        const haya_shape *shapes;
    };
    const char *type_name;  /* TYPE: the file's word, "DT_COMPLEX64" */
} hy_attr;

typedef struct hy_record {
    const char *name;
    const char *op;
    const char *const *inputs;  /* main graph: "a", "a:1", "^a"; in functions "arg", "node:out_arg:index", "^node" */
    size_t input_count;
    const hy_attr *attrs;       /* in the file's order, names unique (the last one wins) */
    size_t attr_count;
} hy_record;

typedef struct hy_function {
    const char *name;
    const char *const *args;    /* input argument names, in order */
    size_t arg_count;
    const char *const *rets;    /* output argument names, in order */
    const char *const *values;  /* what each ret returns: "arg" or "node:out_arg:index" */
    size_t ret_count;
    const hy_record *nodes;
    size_t node_count;
} hy_function;

typedef struct hy_records {
    const char *format;         /* "tensorflow-graphdef" */
    const hy_record *nodes;     /* names unique and not empty */
    size_t node_count;
    const hy_function *functions;
    size_t function_count;
} hy_records;

/* Recognises the format by the bytes and reads it. Everything in *records lives in `arena`. A file of a format that
   is not read (SavedModel, HDF5, zip/.keras, ONNX, a text GraphDef, PNG, ...) is named for what it is, and with the
   command that makes a frozen graph of it where there is one. Messages begin with the file's path. Memory taken is
   bounded by a small multiple of the structure's bytes and by fixed limits (nodes, name lengths), never by a length
   that the file claims. */
haya_status hy_read(const hy_file *file, hy_arena *arena, hy_records *records, haya_error *error);

/* A folder is never read, and likewise named for what it is. Never HAYA_OK. */
haya_status hy_refuse_folder(const char *path, haya_error *error);

/* Decodes all elements into `out` (elements * dtype size bytes), reading the file again: safe against any contents that
   the file may have by now. `name` is the node's, for the message. */
haya_status hy_constant_decode(const hy_file *file, const hy_constant *constant, const char *name, void *out,
                               haya_error *error);

/* The attribute of that name, or NULL. */
const hy_attr *hy_record_attr(const hy_record *record, const char *name);

#endif
