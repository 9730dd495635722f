/* SPDX-License-Identifier: Apache-2.0
 *
 * TensorProto: a type, a shape, and the elements in one of two forms. Either tensor_content has them all as an
 * array, or a repeated field, which depends on the type, has them one by one; when there are fewer values than
 * elements, the last one stands for the rest, and no value at all means zeros.
 */
#include "reader/tf_reader.h"

#include <string.h>

#if defined(__GNUC__)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays in the file are used in place, as little-endian");
#endif

enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_CONTENT = 4 };

typedef struct value_field {
    haya_dtype type;
    uint32_t number;        /* in TensorProto */
    hy_wire_type wire_type; /* of one value */
    const char *name;
} value_field;

/* Narrower values are truncations of what the file has: the bits of a half, or an int8 in sign-extended int_val. */
static const value_field value_fields[] = {
    {HAYA_FLOAT32, 5, HY_WIRE_FIXED32, "float_val"}, {HAYA_FLOAT64, 6, HY_WIRE_FIXED64, "double_val"},
    {HAYA_FLOAT16, 13, HY_WIRE_VARINT, "half_val"},  {HAYA_BFLOAT16, 13, HY_WIRE_VARINT, "half_val"},
    {HAYA_INT8, 7, HY_WIRE_VARINT, "int_val"},       {HAYA_UINT8, 7, HY_WIRE_VARINT, "int_val"},
    {HAYA_INT16, 7, HY_WIRE_VARINT, "int_val"},      {HAYA_UINT16, 7, HY_WIRE_VARINT, "int_val"},
    {HAYA_INT32, 7, HY_WIRE_VARINT, "int_val"},      {HAYA_INT64, 10, HY_WIRE_VARINT, "int64_val"},
    {HAYA_BOOL, 11, HY_WIRE_VARINT, "bool_val"},     {HAYA_UINT32, 16, HY_WIRE_VARINT, "uint32_val"},
    {HAYA_UINT64, 17, HY_WIRE_VARINT, "uint64_val"},
};

/* NULL for HAYA_INVALID. */
static const value_field *find_value_field(haya_dtype type) {
    for (size_t i = 0; i < sizeof value_fields / sizeof value_fields[0]; i++)
        if (value_fields[i].type == type)
            return &value_fields[i];
    return NULL;
}

static bool has_values(const value_field *values, const hy_wire_field *field) {
    return field->number == values->number && (field->type == values->wire_type || field->type == HY_WIRE_LENGTH);
}

/* ---- Decoding ---------------------------------------------------------------------------------------------- */

/* Any value of `type` from its bits, which the wire gives as 64. */
static void store(haya_dtype type, size_t size, uint64_t bits, uint8_t *out) {
    if (type == HAYA_BOOL)
        bits = bits != 0;
    memcpy(out, &bits, size);
}

typedef struct destination {
    haya_dtype type;
    size_t size;      /* of an element */
    int64_t elements;
    int64_t stored;
    uint8_t *out;
} destination;

/* False when there are more values than elements, or at a fault. */
static bool decode_field(const value_field *values, hy_bytes bytes, destination *to) {
    if (values->wire_type != HY_WIRE_VARINT) {
        int64_t count = (int64_t)(bytes.size / to->size);
        if (count > to->elements - to->stored)
            return false;
        memcpy(to->out + (size_t)to->stored * to->size, bytes.data, (size_t)count * to->size);
        to->stored += count;
        return true;
    }
    hy_wire wire = hy_wire_begin(bytes);
    uint64_t bits;
    while (hy_wire_varint(&wire, &bits)) {
        if (to->stored == to->elements)
            return false;
        store(to->type, to->size, bits, to->out + (size_t)to->stored++ * to->size);
    }
    return !wire.fault;
}

static void repeat_last(destination *to) {
    size_t done = (size_t)to->stored * to->size;
    size_t total = (size_t)to->elements * to->size;
    if (done == 0) {
        memset(to->out, 0, total);
        return;
    }
    /* Doubles what is equal behind the last value, so that a large tensor takes few calls. */
    const uint8_t *last = to->out + done - to->size;
    for (size_t equal = to->size; done < total;) {
        size_t size = equal < total - done ? equal : total - done;
        memcpy(to->out + done, last, size);
        done += size;
        equal += size;
    }
}

static bool decode_content(hy_bytes content, destination *to) {
    if (content.size != (size_t)to->elements * to->size)
        return false;
    if (to->type != HAYA_BOOL) {
        memcpy(to->out, content.data, content.size);
        return true;
    }
    for (size_t i = 0; i < content.size; i++)
        to->out[i] = content.data[i] != 0;
    return true;
}

/* Type and number of elements are those found at open; whatever else the message has by now, it is read safely. */
static bool decode_message(hy_bytes message, destination *to) {
    const value_field *values = find_value_field(to->type);
    hy_bytes content = {0};
    bool values_fit = true;
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.number == TENSOR_CONTENT && field.type == HY_WIRE_LENGTH)
            content = field.bytes;
        else if (has_values(values, &field) && values_fit)
            values_fit = decode_field(values, field.bytes, to);
    }
    if (wire.fault)
        return false;
    if (content.size)
        return decode_content(content, to);
    if (values_fit)
        repeat_last(to);
    return values_fit;
}

haya_status hy_constant_decode(const hy_file *file, const hy_constant *constant, const char *name, void *out,
                               haya_error *error) {
    const char *path = hy_file_path(file);
    if (constant->dtype == HAYA_INVALID)
        return hy_fail(error, HAYA_ERROR_UNSUPPORTED, name,
                       "%s: constant '%s' is of type %s, which is not supported", path, name, constant->type_name);
    if (constant->refusal)
        return hy_fail(error, HAYA_ERROR_FORMAT, name, "%s: constant '%s' cannot be used: %s", path, name,
                       constant->refusal);
    hy_bytes bytes = {hy_file_data(file) + constant->offset, constant->size};
    destination to = {constant->dtype, haya_dtype_size(constant->dtype), constant->elements, 0, out};
    if (constant->elements == 0)
        return HAYA_OK;
    if (constant->in_place ? decode_content(bytes, &to) : decode_message(bytes, &to))
        return HAYA_OK;
    return hy_fail(error, HAYA_ERROR_FILE_CHANGED, name,
                   "%s: constant '%s' is no longer what it was when the file was opened", path, name);
}

/* ---- Reading ----------------------------------------------------------------------------------------------- */

typedef struct tensor {
    uint64_t type;
    hy_tf_shape shape;
    hy_bytes content;
} tensor;

static haya_status read_tensor(hy_tf_reader *reader, hy_bytes message, tensor *read) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.number == TENSOR_DTYPE && field.type == HY_WIRE_VARINT)
            read->type = field.value;
        else if (field.number == TENSOR_SHAPE && field.type == HY_WIRE_LENGTH)
            HY_TRY(hy_tf_shape_read(reader, field.bytes, &read->shape));
        else if (field.number == TENSOR_CONTENT && field.type == HY_WIRE_LENGTH)
            read->content = field.bytes;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status refuse(hy_tf_reader *reader, hy_constant *constant, const char *why) {
    constant->refusal = why;
    return why ? HAYA_OK : hy_out_of_memory(reader->error, "the reason why a constant is refused");
}

static haya_status convert_shape(hy_tf_reader *reader, const hy_tf_shape *read, hy_constant *constant) {
    haya_shape shape = {.rank = -1};
    constant->shape = shape;
    if (read->unknown_rank)
        return refuse(reader, constant, "its rank is unknown");
    if (read->rank > HAYA_MAX_RANK)
        return refuse(reader, constant,
                      hy_arena_printf(reader->arena, "its rank is %llu, more than %d",
                                      (unsigned long long)read->rank, HAYA_MAX_RANK));
    constant->shape = hy_shape_make((int)read->rank, read->dims);
    for (uint64_t i = 0; i < read->rank; i++)
        if (read->dims[i] < 0)
            return refuse(reader, constant,
                          hy_arena_printf(reader->arena, "its dimension %d is %lld", (int)i,
                                          (long long)read->dims[i]));
    int64_t elements = hy_shape_elements(&constant->shape);
    bool countable = constant->dtype == HAYA_INVALID || hy_shape_bytes(&constant->shape, constant->dtype) >= 0;
    if (elements < 0 || !countable)
        return refuse(reader, constant, "it has too many elements to be counted");
    constant->elements = elements;
    return HAYA_OK;
}

typedef struct value_count {
    int64_t values;
    hy_bytes first;   /* where the first values lie, one or packed */
    uint64_t fields;
} value_count;

static haya_status count_field(hy_tf_reader *reader, const value_field *values, hy_bytes bytes,
                               value_count *count) {
    if (count->fields++ == 0)
        count->first = bytes;
    if (values->wire_type != HY_WIRE_VARINT) {
        size_t size = haya_dtype_size(values->type);
        if (bytes.size % size)
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "its %s has %zu bytes, no multiple of %zu", values->name,
                              bytes.size, size);
        count->values += (int64_t)(bytes.size / size);
        return HAYA_OK;
    }
    hy_wire wire = hy_wire_begin(bytes);
    uint64_t unused;
    while (hy_wire_varint(&wire, &unused))
        count->values++;
    return hy_tf_check(reader, &wire);
}

static haya_status count_values(hy_tf_reader *reader, const value_field *values, hy_bytes message,
                                value_count *count) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    *count = (value_count){0};
    while (hy_wire_next(&wire, &field))
        if (has_values(values, &field))
            HY_TRY(count_field(reader, values, field.bytes, count));
    return hy_tf_check(reader, &wire);
}

static void set_in_place(hy_tf_reader *reader, hy_bytes bytes, hy_constant *constant) {
    constant->in_place = true;
    constant->why = "";
    constant->offset = (size_t)(bytes.data - reader->data);
    constant->size = bytes.size;
}

static haya_status locate_content(hy_tf_reader *reader, hy_bytes content, hy_constant *constant) {
    int64_t bytes = hy_shape_bytes(&constant->shape, constant->dtype);
    if (content.size != (uint64_t)bytes)
        return refuse(reader, constant,
                      hy_arena_printf(reader->arena, "its tensor_content has %llu bytes where %s%s takes %lld",
                                      (unsigned long long)content.size, haya_dtype_name(constant->dtype),
                                      HY_SHAPE(&constant->shape), (long long)bytes));
    if (constant->dtype == HAYA_BOOL)
        constant->why = "bool"; /* its bytes may be other than 0 and 1 */
    else
        set_in_place(reader, content, constant);
    return HAYA_OK;
}

static haya_status locate_values(hy_tf_reader *reader, hy_bytes message, hy_constant *constant) {
    const value_field *values = find_value_field(constant->dtype);
    value_count count;
    HY_TRY(count_values(reader, values, message, &count));
    if (count.values > constant->elements)
        return refuse(reader, constant,
                      hy_arena_printf(reader->arena, "it has %lld values of %s where its shape %s takes %lld",
                                      (long long)count.values, values->name, HY_SHAPE(&constant->shape),
                                      (long long)constant->elements));
    if (constant->elements == 0)
        set_in_place(reader, (hy_bytes){message.data, 0}, constant);
    else if (count.values == 0)
        constant->why = "no values: zeros";
    else if (count.values < constant->elements)
        constant->why = count.values == 1 ? "one value repeated" : "last value repeated";
    else if (values->wire_type == HY_WIRE_VARINT)
        constant->why = values->name;
    else if (count.first.size == (uint64_t)hy_shape_bytes(&constant->shape, constant->dtype))
        set_in_place(reader, count.first, constant);
    else
        constant->why = constant->dtype == HAYA_FLOAT32 ? "unpacked float_val" : "unpacked double_val";
    bool repeated = count.values < constant->elements;
    if (repeated && hy_shape_bytes(&constant->shape, constant->dtype) > HY_LIMIT_REPEATED)
        return refuse(reader, constant, "it repeats a value to more than 2 GiB");
    return HAYA_OK;
}

static bool is_integer(haya_dtype type) {
    return type >= HAYA_INT8 && type <= HAYA_BOOL;
}

/* Decodes `value` where the constant may steer the structure, unless repeated values take too much altogether. */
static haya_status copy_value(hy_tf_reader *reader, hy_bytes message, hy_constant *constant) {
    uint64_t bytes = (uint64_t)hy_shape_bytes(&constant->shape, constant->dtype);
    if (bytes > (is_integer(constant->dtype) ? HY_FOLD_LIMIT : HY_SMALL_CONSTANT))
        return HAYA_OK;
    uint64_t present = 8 * (uint64_t)message.size; /* a byte may be a whole int64 */
    uint64_t repeated = bytes > present ? bytes - present : 0;
    if (repeated > HY_LIMIT_REPEATED_VALUES - reader->repeated_bytes)
        return HAYA_OK;
    reader->repeated_bytes += repeated;
    reader->value_bytes += bytes;
    void *value = hy_arena_alloc(reader->arena, bytes ? bytes : 1, 1);
    if (!value)
        return hy_out_of_memory(reader->error, "the value of a constant");
    destination to = {constant->dtype, haya_dtype_size(constant->dtype), constant->elements, 0, value};
    hy_bytes in_place = {reader->data + constant->offset, constant->size};
    if (bytes && !(constant->in_place ? decode_content(in_place, &to) : decode_message(message, &to)))
        return hy_tf_changed(reader);
    constant->value = value;
    return HAYA_OK;
}

haya_status hy_tf_constant(hy_tf_reader *reader, hy_bytes message, hy_constant *constant) {
    tensor read = {0};
    HY_TRY(read_tensor(reader, message, &read));
    *constant = (hy_constant){.why = "", .offset = (size_t)(message.data - reader->data), .size = message.size};
    HY_TRY(hy_tf_type(reader, read.type, &constant->dtype, &constant->type_name));
    HY_TRY(convert_shape(reader, &read.shape, constant));
    if (constant->refusal || constant->dtype == HAYA_INVALID)
        return HAYA_OK;
    HY_TRY(read.content.size ? locate_content(reader, read.content, constant)
                             : locate_values(reader, message, constant));
    return constant->refusal ? HAYA_OK : copy_value(reader, message, constant);
}
