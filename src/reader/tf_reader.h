/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the TensorFlow reader share: tf_graphdef.c (graph, nodes), tf_function.c (the function
 * library), tf_attr.c (attributes, shapes, types) and tf_constant.c (tensors).
 *
 * Messages are walked twice where something must be counted first. The file may change between the two walks, so
 * the second stops at what the first counted.
 */
#ifndef HAYA_READER_TF_READER_H
#define HAYA_READER_TF_READER_H

#include "reader/names.h"
#include "reader/reader.h"
#include "reader/wire.h"

/* More than any real model has; what goes beyond is HAYA_ERROR_LIMIT. */
#define HY_LIMIT_NODES (1 << 20)           /* of the main graph, and of each function */
#define HY_LIMIT_FUNCTIONS (1 << 16)
#define HY_LIMIT_ARGUMENTS (1 << 16)       /* of a function, and as many outputs */
#define HY_LIMIT_INPUTS (1 << 16)          /* of a node */
#define HY_LIMIT_ATTRS 4096                /* of a node */
#define HY_LIMIT_NAME 4096                 /* bytes of any name */
#define HY_LIMIT_STRUCTURE (1024u << 20)   /* bytes of all records, values of constants left out */

/* Attributes may be anything that an operation unknown here likes. Too large ones are read as HY_ATTR_NONE. */
#define HY_LIMIT_STRING (1 << 20)          /* bytes */
#define HY_LIMIT_LIST (1 << 20)            /* elements, and bytes of strings */

/* A few bytes can claim any number of equal elements. */
#define HY_LIMIT_REPEATED (INT64_C(2) << 30)  /* bytes of one constant; beyond, it is refused */
#define HY_LIMIT_REPEATED_VALUES (64 << 20)   /* bytes of all `value` copies; beyond, there is none */

typedef struct hy_tf_reader {
    const uint8_t *data;     /* the file's bytes */
    size_t size;
    hy_arena *arena;
    haya_error *error;
    hy_names names;          /* for whoever looks for duplicates, one at a time */
    hy_names attr_names;     /* the same while `names` is in use */
    const char *function;    /* where the walk is, for messages: each may be NULL */
    const char *node;
    const char *attr;
    uint64_t value_bytes;    /* taken by `value` copies so far */
    uint64_t repeated_bytes; /* of those, more than the file has */
} hy_tf_reader;

/* Fails with "function 'f': node 'n': attribute 'a': message", as far as the walk is. */
haya_status hy_tf_fail(hy_tf_reader *reader, haya_status status, const char *format, ...) HY_PRINTF(3, 4);
/* To call after a walk: HAYA_OK unless it ended at a fault. */
haya_status hy_tf_check(hy_tf_reader *reader, const hy_wire *wire);
/* The second walk of a message found more than the first. */
haya_status hy_tf_changed(hy_tf_reader *reader);
/* An array in the arena; HAYA_ERROR_LIMIT when the records grow too large altogether. */
haya_status hy_tf_array(hy_tf_reader *reader, size_t count, size_t size, void **array);
/* Copies a name. Names with a zero byte inside, and empty ones, are refused: `what` tells which name it is. */
haya_status hy_tf_name(hy_tf_reader *reader, hy_bytes bytes, const char *what, const char **name);

/* The base type for a DataType value, HAYA_INVALID if haya has none, and the type's name. A reference type
   (DT_FLOAT_REF), found in old files, is the type that it refers to. Fails only for lack of memory. */
haya_status hy_tf_type(hy_tf_reader *reader, uint64_t value, haya_dtype *type, const char **name);

/* A TensorShapeProto, which may come in pieces. */
typedef struct hy_tf_shape {
    uint64_t rank;                /* may be more than HAYA_MAX_RANK; dims then has the first ones */
    bool unknown_rank;
    int64_t dims[HAYA_MAX_RANK];
} hy_tf_shape;

haya_status hy_tf_shape_read(hy_tf_reader *reader, hy_bytes message, hy_tf_shape *shape);

haya_status hy_tf_node(hy_tf_reader *reader, hy_bytes message, hy_record *record);
/* Reads the nodes, each field `number` of `message`, into `nodes`, and refuses two of one name. */
haya_status hy_tf_nodes(hy_tf_reader *reader, hy_bytes message, uint32_t number, hy_record *nodes, size_t count);

/* `entry` is one of NodeDef's attr. *keep is false when the attribute is dropped for its name, *key. */
haya_status hy_tf_attr_key(hy_tf_reader *reader, hy_bytes entry, hy_bytes *key, bool *keep);
/* Fills all of `attr` but its name. */
haya_status hy_tf_attr(hy_tf_reader *reader, hy_bytes entry, hy_attr *attr);

haya_status hy_tf_constant(hy_tf_reader *reader, hy_bytes message, hy_constant *constant);

/* FunctionDefs, a field each of the FunctionDefLibrary messages that are field 2 of `graph`. */
haya_status hy_tf_functions(hy_tf_reader *reader, hy_bytes graph, hy_records *records);

/* The entry of the TensorFlow reader. Messages don't have the file's path yet. */
haya_status hy_tf_read(const hy_file *file, hy_arena *arena, hy_records *records, haya_error *error);

#endif
