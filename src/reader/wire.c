/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/wire.h"

#define MAX_VARINT_BYTES 10
#define MAX_FIELD_NUMBER ((1u << 29) - 1)

/* Volatile, since the compiler must not read a byte again after it was checked: it may have changed. */
static inline uint8_t load_once(const uint8_t *at) {
    return *(const volatile uint8_t *)at;
}

/* Reads a varint at *at and moves *at behind it. Padded forms (0x80 0x00) are valid, as for every other reader. */
static hy_wire_fault read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    const uint8_t *p = *at;
    uint64_t result = 0;
    for (unsigned i = 0; i < MAX_VARINT_BYTES; i++) {
        if (p == end)
            return HY_WIRE_SHORT;
        uint8_t byte = load_once(p++);
        if (i == MAX_VARINT_BYTES - 1 && byte > 1)
            return HY_WIRE_NUMBER;
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *at = p;
            *value = result;
            return HY_WIRE_FINE;
        }
    }
    return HY_WIRE_NUMBER;
}

uint32_t hy_load_u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t hy_load_u64(const uint8_t *at) {
    return hy_load_u32(at) | (uint64_t)hy_load_u32(at + 4) << 32;
}

hy_wire hy_wire_begin(hy_bytes message) {
    /* Two null pointers compare equal, but NULL + 0 is not defined. */
    const uint8_t *end = message.size ? message.data + message.size : message.data;
    return (hy_wire){message.data, end, HY_WIRE_FINE};
}

/* Sets field->bytes to the next `size` bytes. */
static hy_wire_fault take(const uint8_t *at, const uint8_t *end, uint64_t size, hy_wire_field *field) {
    size_t left = (size_t)(end - at);
    field->bytes = (hy_bytes){at, size < left ? (size_t)size : left};
    return size <= left ? HY_WIRE_FINE : HY_WIRE_SHORT;
}

static hy_wire_fault read_payload(const uint8_t *at, const uint8_t *end, hy_wire_field *field) {
    const uint8_t *start = at;
    hy_wire_fault fault = HY_WIRE_FINE;
    switch (field->type) {
    case HY_WIRE_VARINT:
        fault = read_varint(&at, end, &field->value);
        field->bytes = (hy_bytes){start, (size_t)(at - start)};
        return fault;
    case HY_WIRE_LENGTH:
        field->bytes = (hy_bytes){at, 0};
        fault = read_varint(&at, end, &field->value);
        return fault ? fault : take(at, end, field->value, field);
    case HY_WIRE_FIXED32:
        fault = take(at, end, 4, field);
        if (!fault)
            field->value = hy_load_u32(at);
        return fault;
    case HY_WIRE_FIXED64:
        fault = take(at, end, 8, field);
        if (!fault)
            field->value = hy_load_u64(at);
        return fault;
    }
    return HY_WIRE_TAG;
}

static hy_wire_fault read_field(const uint8_t *at, const uint8_t *end, hy_wire_field *field) {
    uint64_t tag;
    hy_wire_fault fault = read_varint(&at, end, &tag);
    if (fault)
        return fault;
    if (tag >> 3 == 0 || tag >> 3 > MAX_FIELD_NUMBER)
        return HY_WIRE_TAG;
    switch (tag & 7) {
    case 0: case 1: case 2: case 5:
        field->number = (uint32_t)(tag >> 3);
        field->type = (hy_wire_type)(tag & 7);
        return read_payload(at, end, field);
    case 3: case 4:
        return HY_WIRE_GROUP;
    default:
        return HY_WIRE_TAG;
    }
}

bool hy_wire_next(hy_wire *wire, hy_wire_field *field) {
    *field = (hy_wire_field){0};
    if (wire->fault || wire->at == wire->end)
        return false;
    wire->fault = read_field(wire->at, wire->end, field);
    if (wire->fault)
        return false;
    wire->at = field->bytes.data + field->bytes.size;
    return true;
}

bool hy_wire_varint(hy_wire *wire, uint64_t *value) {
    if (wire->fault || wire->at == wire->end)
        return false;
    wire->fault = read_varint(&wire->at, wire->end, value);
    return !wire->fault;
}

const char *hy_wire_fault_text(hy_wire_fault fault) {
    switch (fault) {
    case HY_WIRE_FINE:
        return "no fault";
    case HY_WIRE_SHORT:
        return "a field goes beyond the end of its message";
    case HY_WIRE_NUMBER:
        return "a number has too many bytes";
    case HY_WIRE_TAG:
        return "a field has an impossible number or type";
    case HY_WIRE_GROUP:
        return "a field is a group, which this format does not have";
    }
    return "unknown fault";
}
