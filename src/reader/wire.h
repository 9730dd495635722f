/* SPDX-License-Identifier: Apache-2.0
 *
 * Protocol buffers' wire format: a bounds-checked walk over the fields of one message. Nothing is allocated,
 * payloads are views into the bytes walked, and a payload that nobody looks into is never touched.
 *
 *     hy_wire wire = hy_wire_begin(message);
 *     hy_wire_field field;
 *     while (hy_wire_next(&wire, &field)) { ... }
 *     if (wire.fault) ...
 *
 * The bytes may change while they are walked (they are a mapping of a file that somebody overwrites): each length
 * is read once, into a local, and what follows from it stays inside the message whatever is read later.
 */
#ifndef HAYA_READER_WIRE_H
#define HAYA_READER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hy_bytes {
    const uint8_t *data;
    size_t size;
} hy_bytes;

typedef enum hy_wire_type {
    HY_WIRE_VARINT = 0,
    HY_WIRE_FIXED64 = 1,
    HY_WIRE_LENGTH = 2,  /* strings, bytes, messages, packed values */
    HY_WIRE_FIXED32 = 5
} hy_wire_type;

typedef enum hy_wire_fault {
    HY_WIRE_FINE = 0,
    HY_WIRE_SHORT,   /* the message ends inside a field */
    HY_WIRE_NUMBER,  /* a varint of more than 10 bytes or 64 bits */
    HY_WIRE_TAG,     /* field number 0 or out of range, or a wire type that doesn't exist */
    HY_WIRE_GROUP    /* groups: long obsolete, and the formats read here have none */
} hy_wire_fault;

typedef struct hy_wire {
    const uint8_t *at;   /* the next field; after a fault: the field at fault */
    const uint8_t *end;
    hy_wire_fault fault;
} hy_wire;

typedef struct hy_wire_field {
    uint32_t number;
    hy_wire_type type;
    uint64_t value;  /* varint and fixed types */
    hy_bytes bytes;  /* the payload as it lies there. Of a repeated scalar, packed or not, the values can thus be
                        read the same way: hy_wire_begin(field.bytes), then hy_wire_varint until it returns false */
} hy_wire_field;

hy_wire hy_wire_begin(hy_bytes message);

/* The next field; false at the end of the message and at a fault. At HY_WIRE_SHORT *field holds as much as there
   is: number is 0 when not even the tag is whole, bytes is cut. */
bool hy_wire_next(hy_wire *wire, hy_wire_field *field);

/* The next of bare values lying one after another; false at the end and at a fault. */
bool hy_wire_varint(hy_wire *wire, uint64_t *value);

/* "a field goes beyond the end of its message" */
const char *hy_wire_fault_text(hy_wire_fault fault);

/* Little-endian loads at any alignment. */
uint32_t hy_load_u32(const uint8_t *at);
uint64_t hy_load_u64(const uint8_t *at);

#endif
