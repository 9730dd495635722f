/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/wire.h"

#include "graphdef_writer.h"
#include "../test.h"

/* Walks over all of `size` bytes in a block of their own; the fields found, and the fault in *fault. */
static int count_fields(const void *bytes, size_t size, hy_wire_fault *fault) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    hy_wire wire = hy_wire_begin((hy_bytes){copy, size});
    hy_wire_field field;
    int count = 0;
    while (hy_wire_next(&wire, &field))
        count++;
    *fault = wire.fault;
    free(copy);
    return count;
}

static bool has_fault(const void *bytes, size_t size, hy_wire_fault expected) {
    hy_wire_fault fault;
    count_fields(bytes, size, &fault);
    return fault == expected;
}

#define CHECK_FAULT(bytes, expected) CHECK(has_fault(bytes, sizeof(bytes) - 1, expected))

static void fields_of_each_type_are_read(void) {
    pb message = {0};
    pb_int(&message, 1, -1);
    pb_double(&message, 2, 1.0);
    pb_string(&message, 3, "abc");
    pb_float(&message, (1 << 29) - 1, 2.0f);
    hy_wire wire = hy_wire_begin((hy_bytes){message.data, message.size});
    hy_wire_field field;
    CHECK(hy_wire_next(&wire, &field));
    CHECK(field.number == 1 && field.type == HY_WIRE_VARINT && field.value == UINT64_MAX && field.bytes.size == 10);
    CHECK(hy_wire_next(&wire, &field));
    CHECK(field.number == 2 && field.type == HY_WIRE_FIXED64 && field.value == 0x3ff0000000000000u);
    CHECK(hy_wire_next(&wire, &field));
    CHECK(field.number == 3 && field.bytes.size == 3 && memcmp(field.bytes.data, "abc", 3) == 0);
    CHECK(hy_wire_next(&wire, &field));
    CHECK(field.number == (1 << 29) - 1 && field.type == HY_WIRE_FIXED32 && field.value == 0x40000000);
    CHECK(!hy_wire_next(&wire, &field));
    CHECK_INT(wire.fault, HY_WIRE_FINE);
    CHECK(!hy_wire_next(&wire, &field));
    pb_free(&message);
}

static void no_bytes_are_an_empty_message(void) {
    hy_wire wire = hy_wire_begin((hy_bytes){0});
    hy_wire_field field;
    uint64_t value;
    CHECK(!hy_wire_next(&wire, &field));
    CHECK(!hy_wire_varint(&wire, &value));
    CHECK_INT(wire.fault, HY_WIRE_FINE);
}

static void each_value_survives_as_varint(void) {
    for (int bit = 0; bit < 64; bit++) {
        for (int around = -1; around <= 1; around++) {
            uint64_t expected = (UINT64_C(1) << bit) + (uint64_t)around, value = 0;
            pb bytes = {0};
            pb_varint(&bytes, expected);
            hy_wire wire = hy_wire_begin((hy_bytes){bytes.data, bytes.size});
            CHECK(hy_wire_varint(&wire, &value));
            CHECK(value == expected);
            CHECK(!hy_wire_varint(&wire, &value));
            CHECK_INT(wire.fault, HY_WIRE_FINE);
            pb_free(&bytes);
        }
    }
}

static void padded_varints_are_valid_up_to_ten_bytes(void) {
    CHECK_FAULT("\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00", HY_WIRE_FINE);
    CHECK_FAULT("\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", HY_WIRE_NUMBER);
    CHECK_FAULT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", HY_WIRE_NUMBER); /* 2^64 */
}

static void impossible_tags_are_refused(void) {
    CHECK_FAULT("\x00\x00", HY_WIRE_TAG);                 /* field 0 */
    CHECK_FAULT("\x0e\x00", HY_WIRE_TAG);                 /* wire type 6 */
    CHECK_FAULT("\x0f\x00", HY_WIRE_TAG);                 /* wire type 7 */
    CHECK_FAULT("\x80\x80\x80\x80\x10\x00", HY_WIRE_TAG); /* field 2^29 */
    CHECK_FAULT("\x0b\x08\x01\x0c", HY_WIRE_GROUP);
    CHECK_FAULT("\x0c", HY_WIRE_GROUP);
}

static void hostile_lengths_are_refused(void) {
    CHECK_FAULT("\x0a\x01", HY_WIRE_SHORT);
    CHECK_FAULT("\x0a\xff\xff\xff\xff\x0f", HY_WIRE_SHORT);                         /* 2^32 - 1 */
    CHECK_FAULT("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", HY_WIRE_SHORT);     /* 2^63 */
    CHECK_FAULT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", HY_WIRE_SHORT);     /* 2^64 - 1 */
    CHECK_FAULT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", HY_WIRE_NUMBER);
    CHECK_FAULT("\x0d\x00\x00\x00", HY_WIRE_SHORT);
    CHECK_FAULT("\x09\x00\x00\x00\x00\x00\x00\x00", HY_WIRE_SHORT);
    CHECK_FAULT("\x08", HY_WIRE_SHORT);
    CHECK_FAULT("\x08\x80", HY_WIRE_SHORT);
    CHECK_FAULT("\x80", HY_WIRE_SHORT);
}

static void a_cut_field_shows_what_there_is(void) {
    hy_wire wire = hy_wire_begin((hy_bytes){(const uint8_t *)"\x08\x01\x12\x09" "abc", 7});
    hy_wire_field field;
    CHECK(hy_wire_next(&wire, &field));
    const uint8_t *at = wire.at;
    CHECK(!hy_wire_next(&wire, &field));
    CHECK_INT(wire.fault, HY_WIRE_SHORT);
    CHECK(field.number == 2 && field.bytes.size == 3 && memcmp(field.bytes.data, "abc", 3) == 0);
    CHECK(wire.at == at);
    CHECK(!hy_wire_next(&wire, &field)); /* and so it stays */
    CHECK_INT(wire.fault, HY_WIRE_SHORT);
}

int main(void) {
    RUN(fields_of_each_type_are_read);
    RUN(no_bytes_are_an_empty_message);
    RUN(each_value_survives_as_varint);
    RUN(padded_varints_are_valid_up_to_ten_bytes);
    RUN(impossible_tags_are_refused);
    RUN(hostile_lengths_are_refused);
    RUN(a_cut_field_shows_what_there_is);
    return test_summary();
}
