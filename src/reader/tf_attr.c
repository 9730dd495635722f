/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/tf_reader.h"

#include <string.h>

/* AttrValue's fields. They exclude each other; the last one in the message counts. */
enum { VALUE_LIST = 1, VALUE_S, VALUE_I, VALUE_F, VALUE_B, VALUE_TYPE, VALUE_SHAPE, VALUE_TENSOR, VALUE_PLACEHOLDER,
       VALUE_FUNC };

/* AttrValue.ListValue's fields. */
enum { LIST_S = 2, LIST_I, LIST_F, LIST_B, LIST_TYPE, LIST_SHAPE };

/* A message in a message may come in several pieces, which are to be read as one. No known writer does that. */
#define MAX_PIECES 8

typedef struct attr_value {
    uint32_t member;  /* VALUE_*, 0: none */
    uint64_t scalar;
    hy_bytes pieces[MAX_PIECES];
    int piece_count;
} attr_value;

typedef struct type_entry {
    haya_dtype type;
    const char *name;
} type_entry;

/* The index is the DataType value. */
static const type_entry types[] = {
    {HAYA_INVALID, "DT_INVALID"}, {HAYA_FLOAT32, "DT_FLOAT"}, {HAYA_FLOAT64, "DT_DOUBLE"}, {HAYA_INT32, "DT_INT32"},
    {HAYA_UINT8, "DT_UINT8"}, {HAYA_INT16, "DT_INT16"}, {HAYA_INT8, "DT_INT8"}, {HAYA_INVALID, "DT_STRING"},
    {HAYA_INVALID, "DT_COMPLEX64"}, {HAYA_INT64, "DT_INT64"}, {HAYA_BOOL, "DT_BOOL"}, {HAYA_INVALID, "DT_QINT8"},
    {HAYA_INVALID, "DT_QUINT8"}, {HAYA_INVALID, "DT_QINT32"}, {HAYA_BFLOAT16, "DT_BFLOAT16"},
    {HAYA_INVALID, "DT_QINT16"}, {HAYA_INVALID, "DT_QUINT16"}, {HAYA_UINT16, "DT_UINT16"},
    {HAYA_INVALID, "DT_COMPLEX128"}, {HAYA_FLOAT16, "DT_HALF"}, {HAYA_INVALID, "DT_RESOURCE"},
    {HAYA_INVALID, "DT_VARIANT"}, {HAYA_UINT32, "DT_UINT32"}, {HAYA_UINT64, "DT_UINT64"},
    {HAYA_INVALID, "DT_FLOAT8_E5M2"}, {HAYA_INVALID, "DT_FLOAT8_E4M3FN"}, {HAYA_INVALID, "DT_FLOAT8_E4M3FNUZ"},
    {HAYA_INVALID, "DT_FLOAT8_E4M3B11FNUZ"}, {HAYA_INVALID, "DT_FLOAT8_E5M2FNUZ"}, {HAYA_INVALID, "DT_INT4"},
    {HAYA_INVALID, "DT_UINT4"}, {HAYA_INVALID, "DT_INT2"}, {HAYA_INVALID, "DT_UINT2"},
    {HAYA_INVALID, "DT_FLOAT4_E2M1FN"},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])
#define TYPE_REFERENCE 100 /* DT_FLOAT_REF is DT_FLOAT + 100 */

/* NULL for values that no type has. */
static const type_entry *find_type(uint64_t value) {
    uint64_t base = value > TYPE_REFERENCE ? value - TYPE_REFERENCE : value;
    return base < TYPE_COUNT ? &types[base] : NULL;
}

haya_status hy_tf_type(hy_tf_reader *reader, uint64_t value, haya_dtype *type, const char **name) {
    const type_entry *found = find_type(value);
    *type = found ? found->type : HAYA_INVALID;
    *name = found ? found->name : hy_arena_printf(reader->arena, "type %lld", (long long)(int64_t)value);
    return *name ? HAYA_OK : hy_out_of_memory(reader->error, "the name of a type");
}

static haya_status read_dim(hy_tf_reader *reader, hy_bytes message, int64_t *dim) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    *dim = 0;
    while (hy_wire_next(&wire, &field))
        if (field.number == 1 && field.type == HY_WIRE_VARINT)
            *dim = (int64_t)field.value;
    return hy_tf_check(reader, &wire);
}

haya_status hy_tf_shape_read(hy_tf_reader *reader, hy_bytes message, hy_tf_shape *shape) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.number == 2 && field.type == HY_WIRE_LENGTH) {
            int64_t dim;
            HY_TRY(read_dim(reader, field.bytes, &dim));
            if (shape->rank < HAYA_MAX_RANK)
                shape->dims[shape->rank] = dim;
            shape->rank++;
        } else if (field.number == 3 && field.type == HY_WIRE_VARINT) {
            shape->unknown_rank = field.value != 0;
        }
    }
    return hy_tf_check(reader, &wire);
}

/* False when the shape does not fit haya_shape. */
static bool convert_shape(const hy_tf_shape *read, haya_shape *shape) {
    *shape = (haya_shape){.rank = -1};
    if (read->unknown_rank)
        return true;
    if (read->rank > HAYA_MAX_RANK)
        return false;
    for (uint64_t i = 0; i < read->rank; i++)
        if (read->dims[i] < -1)
            return false;
    shape->rank = (int32_t)read->rank;
    memcpy(shape->dims, read->dims, sizeof shape->dims);
    return true;
}

haya_status hy_tf_attr_key(hy_tf_reader *reader, hy_bytes entry, hy_bytes *key, bool *keep) {
    hy_wire wire = hy_wire_begin(entry);
    hy_wire_field field;
    *key = (hy_bytes){0};
    while (hy_wire_next(&wire, &field))
        if (field.number == 1 && field.type == HY_WIRE_LENGTH)
            *key = field.bytes;
    *keep = key->size > 0 && key->data[0] != '_';
    return hy_tf_check(reader, &wire);
}

/* The wire type of each VALUE_* member. */
static bool is_member(const hy_wire_field *field) {
    switch (field->number) {
    case VALUE_LIST: case VALUE_S: case VALUE_SHAPE: case VALUE_TENSOR: case VALUE_PLACEHOLDER: case VALUE_FUNC:
        return field->type == HY_WIRE_LENGTH;
    case VALUE_I: case VALUE_B: case VALUE_TYPE:
        return field->type == HY_WIRE_VARINT;
    case VALUE_F:
        return field->type == HY_WIRE_FIXED32;
    default:
        return false;
    }
}

/* Notes which member the value has, and where. */
static haya_status collect_value(hy_tf_reader *reader, hy_bytes message, attr_value *value) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (!is_member(&field))
            continue;
        bool string = field.number == VALUE_S || field.number == VALUE_PLACEHOLDER;
        if (field.number != value->member || string)
            value->piece_count = 0;
        value->member = field.number;
        value->scalar = field.value;
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (value->piece_count == MAX_PIECES)
            return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "its value comes in more than %d pieces", MAX_PIECES);
        value->pieces[value->piece_count++] = field.bytes;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status copy_string(hy_tf_reader *reader, hy_bytes bytes, const char **string) {
    void *copy;
    HY_TRY(hy_tf_array(reader, bytes.size + 1, 1, &copy));
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    *string = copy;
    return HAYA_OK;
}

/* ---- Lists ------------------------------------------------------------------------------------------------- */

typedef struct list_kind {
    uint32_t number;     /* the field in ListValue */
    hy_wire_type type;   /* of one element */
    hy_attr_kind kind;
    size_t size;         /* of one element in hy_attr's array */
} list_kind;

static const list_kind list_kinds[] = {
    {LIST_S, HY_WIRE_LENGTH, HY_ATTR_LIST_STRING, sizeof(char *)},
    {LIST_I, HY_WIRE_VARINT, HY_ATTR_LIST_INT, sizeof(int64_t)},
    {LIST_F, HY_WIRE_FIXED32, HY_ATTR_LIST_FLOAT, sizeof(float)},
    {LIST_B, HY_WIRE_VARINT, HY_ATTR_LIST_BOOL, sizeof(bool)},
    {LIST_TYPE, HY_WIRE_VARINT, HY_ATTR_LIST_TYPE, sizeof(haya_dtype)},
    {LIST_SHAPE, HY_WIRE_LENGTH, HY_ATTR_LIST_SHAPE, sizeof(haya_shape)},
};

/* NULL for lists of tensors, of functions and of what else a later version may have. */
static const list_kind *find_list_kind(uint32_t number) {
    for (size_t i = 0; i < sizeof list_kinds / sizeof list_kinds[0]; i++)
        if (list_kinds[i].number == number)
            return &list_kinds[i];
    return NULL;
}

static bool has_list_type(const list_kind *kind, const hy_wire_field *field) {
    return field->type == kind->type || field->type == HY_WIRE_LENGTH;
}

static haya_status list_shape(hy_tf_reader *reader, hy_bytes message, haya_shape *shape, bool *fits) {
    hy_tf_shape read = {0};
    HY_TRY(hy_tf_shape_read(reader, message, &read));
    *fits = convert_shape(&read, shape);
    return HAYA_OK;
}

/* How many elements the field has: several when packed. *readable becomes false for one that can't be kept. */
static haya_status count_elements(hy_tf_reader *reader, const list_kind *kind, const hy_wire_field *field,
                                  size_t *count, bool *readable) {
    if (kind->type == HY_WIRE_LENGTH) {
        *count += 1;
        haya_shape shape;
        bool fits = true;
        if (kind->number == LIST_SHAPE)
            HY_TRY(list_shape(reader, field->bytes, &shape, &fits));
        *readable = *readable && fits;
        return HAYA_OK;
    }
    if (kind->type == HY_WIRE_FIXED32) {
        if (field->bytes.size % 4)
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "its list of floats has %zu bytes, no multiple of 4",
                              field->bytes.size);
        *count += field->bytes.size / 4;
        return HAYA_OK;
    }
    hy_wire wire = hy_wire_begin(field->bytes);
    uint64_t value;
    while (hy_wire_varint(&wire, &value))
        *count += 1;
    return hy_tf_check(reader, &wire);
}

static void store_varint(const list_kind *kind, uint64_t value, void *array, size_t index) {
    const type_entry *type = find_type(value);
    if (kind->number == LIST_I)
        ((int64_t *)array)[index] = (int64_t)value;
    else if (kind->number == LIST_B)
        ((bool *)array)[index] = value != 0;
    else
        ((haya_dtype *)array)[index] = type ? type->type : HAYA_INVALID;
}

/* Stores the field's elements behind the `*count` that `array` has already. */
static haya_status store_elements(hy_tf_reader *reader, const list_kind *kind, const hy_wire_field *field,
                                  size_t capacity, void *array, size_t *count) {
    if (kind->type == HY_WIRE_VARINT) {
        hy_wire wire = hy_wire_begin(field->bytes);
        uint64_t value;
        while (*count < capacity && hy_wire_varint(&wire, &value))
            store_varint(kind, value, array, (*count)++);
        return hy_tf_check(reader, &wire);
    }
    if (kind->type == HY_WIRE_FIXED32) {
        size_t size = 4 * (capacity - *count);
        if (size > field->bytes.size)
            size = field->bytes.size / 4 * 4;
        memcpy((float *)array + *count, field->bytes.data, size);
        *count += size / 4;
        return HAYA_OK;
    }
    if (*count == capacity)
        return hy_tf_changed(reader);
    size_t index = (*count)++;
    if (kind->number == LIST_S)
        return copy_string(reader, field->bytes, &((const char **)array)[index]);
    bool fits;
    HY_TRY(list_shape(reader, field->bytes, &((haya_shape *)array)[index], &fits));
    return fits ? HAYA_OK : hy_tf_changed(reader);
}

/* Finds the list's one kind and its length. *kind is NULL when there is no element; *readable false when elements
   are of several kinds, of a kind that is not read, too many, or too large. */
static haya_status survey_list(hy_tf_reader *reader, const attr_value *value, const list_kind **kind, size_t *count,
                               bool *readable) {
    size_t bytes = 0;
    *kind = NULL;
    *count = 0;
    *readable = true;
    for (int i = 0; i < value->piece_count; i++) {
        hy_wire wire = hy_wire_begin(value->pieces[i]);
        hy_wire_field field;
        while (hy_wire_next(&wire, &field)) {
            const list_kind *found = find_list_kind(field.number);
            if (!found || !has_list_type(found, &field) || (*kind && *kind != found)) {
                *readable = false;
                continue;
            }
            *kind = found;
            bytes += field.bytes.size;
            HY_TRY(count_elements(reader, found, &field, count, readable));
        }
        HY_TRY(hy_tf_check(reader, &wire));
    }
    if (*count == 0)
        *kind = NULL; /* a packed field without values */
    if (*count > HY_LIMIT_LIST || (*kind && (*kind)->number == LIST_S && bytes > HY_LIMIT_LIST))
        *readable = false;
    return HAYA_OK;
}

static haya_status read_list(hy_tf_reader *reader, const attr_value *value, hy_attr *attr) {
    const list_kind *kind;
    size_t count;
    bool readable;
    HY_TRY(survey_list(reader, value, &kind, &count, &readable));
    if (!readable)
        return HAYA_OK;
    attr->kind = kind ? kind->kind : HY_ATTR_LIST_EMPTY;
    if (!kind)
        return HAYA_OK;
    void *array;
    HY_TRY(hy_tf_array(reader, count, kind->size, &array));
    size_t stored = 0;
    for (int i = 0; i < value->piece_count; i++) {
        hy_wire wire = hy_wire_begin(value->pieces[i]);
        hy_wire_field field;
        while (hy_wire_next(&wire, &field))
            if (field.number == kind->number && has_list_type(kind, &field))
                HY_TRY(store_elements(reader, kind, &field, count, array, &stored));
        HY_TRY(hy_tf_check(reader, &wire));
    }
    if (stored != count)
        return hy_tf_changed(reader);
    attr->count = (int64_t)count;
    attr->ints = array;
    return HAYA_OK;
}

/* ---- Values ------------------------------------------------------------------------------------------------ */

static haya_status read_string(hy_tf_reader *reader, hy_bytes bytes, hy_attr *attr) {
    if (bytes.size > HY_LIMIT_STRING)
        return HAYA_OK;
    attr->kind = HY_ATTR_STRING;
    attr->count = (int64_t)bytes.size;
    return copy_string(reader, bytes, &attr->s);
}

/* NameAttrList, of which only the name is of interest here. */
static haya_status read_function(hy_tf_reader *reader, const attr_value *value, hy_attr *attr) {
    hy_bytes name = {0};
    for (int i = 0; i < value->piece_count; i++) {
        hy_wire wire = hy_wire_begin(value->pieces[i]);
        hy_wire_field field;
        while (hy_wire_next(&wire, &field))
            if (field.number == 1 && field.type == HY_WIRE_LENGTH)
                name = field.bytes;
        HY_TRY(hy_tf_check(reader, &wire));
    }
    if (name.size == 0)
        return HAYA_OK;
    attr->kind = HY_ATTR_FUNCTION;
    attr->count = (int64_t)name.size;
    return hy_tf_name(reader, name, "the function's name", &attr->s);
}

static haya_status read_shape(hy_tf_reader *reader, const attr_value *value, hy_attr *attr) {
    hy_tf_shape shape = {0};
    for (int i = 0; i < value->piece_count; i++)
        HY_TRY(hy_tf_shape_read(reader, value->pieces[i], &shape));
    if (convert_shape(&shape, &attr->shape))
        attr->kind = HY_ATTR_SHAPE;
    return HAYA_OK;
}

static haya_status read_tensor(hy_tf_reader *reader, const attr_value *value, hy_attr *attr) {
    void *memory;
    HY_TRY(hy_tf_array(reader, 1, sizeof(hy_constant), &memory));
    hy_constant *constant = memory;
    HY_TRY(hy_tf_constant(reader, value->pieces[0], constant));
    if (value->piece_count > 1) {
        constant->value = NULL;
        constant->refusal = "it comes in several pieces";
    }
    attr->kind = HY_ATTR_TENSOR;
    attr->tensor = constant;
    return HAYA_OK;
}

static haya_status convert_value(hy_tf_reader *reader, const attr_value *value, hy_attr *attr) {
    uint32_t bits;
    switch (value->member) {
    case VALUE_LIST:
        return read_list(reader, value, attr);
    case VALUE_S:
        return read_string(reader, value->pieces[0], attr);
    case VALUE_I:
        attr->kind = HY_ATTR_INT;
        attr->i = (int64_t)value->scalar;
        return HAYA_OK;
    case VALUE_F:
        attr->kind = HY_ATTR_FLOAT;
        bits = (uint32_t)value->scalar;
        memcpy(&attr->f, &bits, sizeof bits);
        return HAYA_OK;
    case VALUE_B:
        attr->kind = HY_ATTR_BOOL;
        attr->b = value->scalar != 0;
        return HAYA_OK;
    case VALUE_TYPE:
        attr->kind = HY_ATTR_TYPE;
        return hy_tf_type(reader, value->scalar, &attr->type, &attr->type_name);
    case VALUE_SHAPE:
        return read_shape(reader, value, attr);
    case VALUE_TENSOR:
        return read_tensor(reader, value, attr);
    case VALUE_FUNC:
        return read_function(reader, value, attr);
    default: /* a placeholder, in function templates, or nothing */
        return HAYA_OK;
    }
}

haya_status hy_tf_attr(hy_tf_reader *reader, hy_bytes entry, hy_attr *attr) {
    hy_wire wire = hy_wire_begin(entry);
    hy_wire_field field;
    attr_value value = {0};
    while (hy_wire_next(&wire, &field))
        if (field.number == 2 && field.type == HY_WIRE_LENGTH)
            HY_TRY(collect_value(reader, field.bytes, &value));
    HY_TRY(hy_tf_check(reader, &wire));
    attr->kind = HY_ATTR_NONE;
    attr->count = 0;
    attr->type_name = "";
    return convert_value(reader, &value, attr);
}
