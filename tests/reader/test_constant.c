/* SPDX-License-Identifier: Apache-2.0
 *
 * Every form in which a TensorProto may have its elements.
 */
#include "reading.h"

/* A graph of one Const node with this tensor, which is emptied. */
static void read_tensor(reading *r, int type, pb *tensor) {
    pb graph = {0};
    gd_const(&graph, "c", type, tensor);
    read_graph(r, &graph);
}

/* The constant of the graph's first node; never NULL. */
static const hy_constant *constant_of(const reading *r) {
    static const hy_constant none = {.why = "", .refusal = "no constant at all"};
    const hy_attr *attr = attr_of(r, 0, "value");
    CHECK_INT(attr->kind, HY_ATTR_TENSOR);
    return attr->kind == HY_ATTR_TENSOR ? attr->tensor : &none;
}

typedef struct expected {
    haya_dtype type;
    int64_t elements;
    const void *values;
    const char *why; /* NULL: in place */
} expected;

static void check_decoded(reading *r, const hy_constant *constant, const expected *as) {
    size_t bytes = (size_t)as->elements * haya_dtype_size(as->type);
    uint8_t *out = malloc(bytes ? bytes : 1);
    CHECK_INT(hy_constant_decode(r->file, constant, "c", out, &r->error), HAYA_OK);
    CHECK(out && memcmp(out, as->values, bytes) == 0);
    CHECK(constant->value && (uintptr_t)constant->value % 16 == 0);
    CHECK(constant->value && memcmp(constant->value, as->values, bytes) == 0);
    if (constant->in_place) {
        CHECK_INT((long long)constant->size, (long long)bytes);
        CHECK(constant->offset + bytes <= r->size);
        CHECK(memcmp(r->bytes + constant->offset, as->values, bytes) == 0);
    }
    free(out);
}

/* Reads the tensor, which is emptied, and compares. */
static void expect(int type, pb *tensor, expected as) {
    reading r;
    read_tensor(&r, type, tensor);
    CHECK_INT(r.status, HAYA_OK);
    const hy_constant *constant = constant_of(&r);
    CHECK(constant->refusal == NULL);
    CHECK_INT(constant->dtype, as.type);
    CHECK_INT(constant->elements, as.elements);
    CHECK_INT(constant->in_place, as.why == NULL);
    CHECK_STR(constant->why, as.why ? as.why : "");
    if (!constant->refusal && constant->dtype == as.type && constant->elements == as.elements)
        check_decoded(&r, constant, &as);
    end_reading(&r);
}

#define DIMS(...) (int64_t[]){__VA_ARGS__}

/* ---- tensor_content ---------------------------------------------------------------------------------------- */

static void content_of_each_type_lies_in_place(void) {
    static const struct {
        int value;
        haya_dtype type;
    } types[] = {
        {GD_FLOAT, HAYA_FLOAT32}, {GD_DOUBLE, HAYA_FLOAT64}, {GD_HALF, HAYA_FLOAT16}, {GD_BFLOAT16, HAYA_BFLOAT16},
        {GD_INT8, HAYA_INT8}, {GD_UINT8, HAYA_UINT8}, {GD_INT16, HAYA_INT16}, {GD_UINT16, HAYA_UINT16},
        {GD_INT32, HAYA_INT32}, {GD_UINT32, HAYA_UINT32}, {GD_INT64, HAYA_INT64}, {GD_UINT64, HAYA_UINT64},
    };
    static const uint8_t bytes[] = "forty-eight bytes, which may well be any numbers";
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        pb tensor = {0};
        gd_tensor(&tensor, types[i].value, 2, DIMS(2, 3));
        pb_bytes(&tensor, GD_CONTENT, bytes, 6 * haya_dtype_size(types[i].type));
        expect(types[i].value, &tensor, (expected){types[i].type, 6, bytes, NULL});
    }
}

static void bools_become_0_or_1(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_BOOL, 1, DIMS(4));
    pb_bytes(&tensor, GD_CONTENT, "\0\1\2\xff", 4);
    expect(GD_BOOL, &tensor, (expected){HAYA_BOOL, 4, "\0\1\1\1", "bool"});
    gd_tensor(&tensor, GD_BOOL, 1, DIMS(4));
    pb_packed(&tensor, GD_BOOL_VAL, DIMS(0, 1, 256), 3);
    expect(GD_BOOL, &tensor, (expected){HAYA_BOOL, 4, "\0\1\1\1", "last value repeated"});
}

static void content_goes_before_values(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(1));
    pb_float(&tensor, GD_FLOAT_VAL, 5.0f);
    pb_bytes(&tensor, GD_CONTENT, &(float){7.0f}, 4);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 1, &(float){7.0f}, NULL});
}

static void references_are_read_as_what_they_refer_to(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT + 100, 0, NULL);
    pb_bytes(&tensor, GD_CONTENT, &(float){7.0f}, 4);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 1, &(float){7.0f}, NULL});
}

/* ---- Values ------------------------------------------------------------------------------------------------ */

static void packed_floats_lie_in_place(void) {
    float floats[] = {1, 2, 3};
    double doubles[] = {4, 5, 6};
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    pb_bytes(&tensor, GD_FLOAT_VAL, floats, sizeof floats);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 3, floats, NULL});
    gd_tensor(&tensor, GD_DOUBLE, 1, DIMS(3));
    pb_bytes(&tensor, GD_DOUBLE_VAL, doubles, sizeof doubles);
    expect(GD_DOUBLE, &tensor, (expected){HAYA_FLOAT64, 3, doubles, NULL});
}

static void a_single_float_lies_in_place(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 0, NULL);
    pb_float(&tensor, GD_FLOAT_VAL, 1.5f);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 1, &(float){1.5f}, NULL});
    pb_int(&tensor, 1, GD_DOUBLE); /* no shape at all: a scalar */
    pb_double(&tensor, GD_DOUBLE_VAL, 2.5);
    expect(GD_DOUBLE, &tensor, (expected){HAYA_FLOAT64, 1, &(double){2.5}, NULL});
}

static void floats_one_by_one_are_decoded(void) {
    float floats[] = {1, 2, 3};
    double doubles[] = {4, 5};
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    for (int i = 0; i < 3; i++)
        pb_float(&tensor, GD_FLOAT_VAL, floats[i]);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 3, floats, "unpacked float_val"});
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    pb_bytes(&tensor, GD_FLOAT_VAL, floats, 8);
    pb_float(&tensor, GD_FLOAT_VAL, floats[2]);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 3, floats, "unpacked float_val"});
    gd_tensor(&tensor, GD_DOUBLE, 1, DIMS(2));
    for (int i = 0; i < 2; i++)
        pb_double(&tensor, GD_DOUBLE_VAL, doubles[i]);
    expect(GD_DOUBLE, &tensor, (expected){HAYA_FLOAT64, 2, doubles, "unpacked double_val"});
}

static void integers_are_decoded(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_INT32, 1, DIMS(3));
    pb_packed(&tensor, GD_INT_VAL, DIMS(-1, INT32_MIN, INT32_MAX), 3);
    expect(GD_INT32, &tensor, (expected){HAYA_INT32, 3, (int32_t[]){-1, INT32_MIN, INT32_MAX}, "int_val"});
    gd_tensor(&tensor, GD_INT8, 1, DIMS(3));
    pb_packed(&tensor, GD_INT_VAL, DIMS(-1, -128, 127), 3);
    expect(GD_INT8, &tensor, (expected){HAYA_INT8, 3, (int8_t[]){-1, -128, 127}, "int_val"});
    gd_tensor(&tensor, GD_UINT8, 1, DIMS(2));
    pb_packed(&tensor, GD_INT_VAL, DIMS(0, 255), 2);
    expect(GD_UINT8, &tensor, (expected){HAYA_UINT8, 2, (uint8_t[]){0, 255}, "int_val"});
    gd_tensor(&tensor, GD_INT16, 1, DIMS(2));
    pb_packed(&tensor, GD_INT_VAL, DIMS(-32768, 32767), 2);
    expect(GD_INT16, &tensor, (expected){HAYA_INT16, 2, (int16_t[]){-32768, 32767}, "int_val"});
    gd_tensor(&tensor, GD_UINT16, 1, DIMS(2));
    pb_packed(&tensor, GD_INT_VAL, DIMS(1, 65535), 2);
    expect(GD_UINT16, &tensor, (expected){HAYA_UINT16, 2, (uint16_t[]){1, 65535}, "int_val"});
    gd_tensor(&tensor, GD_INT64, 1, DIMS(2));
    pb_packed(&tensor, GD_INT64_VAL, DIMS(INT64_MIN, 7), 2);
    expect(GD_INT64, &tensor, (expected){HAYA_INT64, 2, DIMS(INT64_MIN, 7), "int64_val"});
    gd_tensor(&tensor, GD_UINT32, 1, DIMS(2));
    pb_packed(&tensor, GD_UINT32_VAL, DIMS(UINT32_MAX, 7), 2);
    expect(GD_UINT32, &tensor, (expected){HAYA_UINT32, 2, (uint32_t[]){UINT32_MAX, 7}, "uint32_val"});
    gd_tensor(&tensor, GD_UINT64, 1, DIMS(1));
    pb_packed(&tensor, GD_UINT64_VAL, DIMS(-1), 1);
    expect(GD_UINT64, &tensor, (expected){HAYA_UINT64, 1, (uint64_t[]){UINT64_MAX}, "uint64_val"});
}

static void integers_one_by_one_are_decoded(void) {
    pb tensor = {0};
    pb_int(&tensor, GD_INT_VAL, -5); /* before type and shape: fields come in any order */
    gd_tensor(&tensor, GD_INT32, 1, DIMS(4));
    pb_packed(&tensor, GD_INT_VAL, DIMS(6, 7), 2);
    pb_int(&tensor, GD_INT_VAL, 8);
    expect(GD_INT32, &tensor, (expected){HAYA_INT32, 4, (int32_t[]){-5, 6, 7, 8}, "int_val"});
}

static void halves_are_decoded(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_HALF, 1, DIMS(3));
    pb_packed(&tensor, GD_HALF_VAL, DIMS(0x3c00, 0xc000, 0), 3);
    expect(GD_HALF, &tensor, (expected){HAYA_FLOAT16, 3, (uint16_t[]){0x3c00, 0xc000, 0}, "half_val"});
    gd_tensor(&tensor, GD_BFLOAT16, 1, DIMS(2));
    pb_packed(&tensor, GD_HALF_VAL, DIMS(0x3f80, 0xbf80), 2);
    expect(GD_BFLOAT16, &tensor, (expected){HAYA_BFLOAT16, 2, (uint16_t[]){0x3f80, 0xbf80}, "half_val"});
}

static void missing_values_repeat_the_last(void) {
    pb tensor = {0};
    float all[] = {3, 3, 3, 3, 3}, last[] = {1, 2, 2, 2, 2, 2, 2};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(5));
    pb_float(&tensor, GD_FLOAT_VAL, 3);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 5, all, "one value repeated"});
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(7));
    pb_bytes(&tensor, GD_FLOAT_VAL, last, 8);
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 7, last, "last value repeated"});
    gd_tensor(&tensor, GD_INT64, 2, DIMS(1, 3));
    pb_packed(&tensor, GD_INT64_VAL, DIMS(-9), 1);
    expect(GD_INT64, &tensor, (expected){HAYA_INT64, 3, DIMS(-9, -9, -9), "one value repeated"});
}

static void no_values_are_zeros(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 3, (float[3]){0}, "no values: zeros"});
    gd_tensor(&tensor, GD_INT32, 0, NULL);
    pb_bytes(&tensor, GD_CONTENT, "", 0);
    expect(GD_INT32, &tensor, (expected){HAYA_INT32, 1, (int32_t[1]){0}, "no values: zeros"});
    gd_tensor(&tensor, GD_INT32, 0, NULL);
    pb_float(&tensor, GD_FLOAT_VAL, 3); /* of no meaning for this type */
    expect(GD_INT32, &tensor, (expected){HAYA_INT32, 1, (int32_t[1]){0}, "no values: zeros"});
}

static void no_elements_are_fine(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 2, DIMS(0, 5));
    expect(GD_FLOAT, &tensor, (expected){HAYA_FLOAT32, 0, "", NULL});
}

/* ---- Refusals ---------------------------------------------------------------------------------------------- */

/* The file is read, and the constant is not usable. */
static void expect_refusal(int type, pb *tensor, const char *why) {
    reading r;
    read_tensor(&r, type, tensor);
    CHECK_INT(r.status, HAYA_OK);
    const hy_constant *constant = constant_of(&r);
    CHECK_HAS(constant->refusal, why);
    CHECK(constant->value == NULL);
    CHECK(!constant->in_place);
    CHECK_INT(hy_constant_decode(r.file, constant, "c", NULL, &r.error), HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "constant 'c' cannot be used: ");
    CHECK_HAS(r.error.message, why);
    CHECK_STR(r.error.node, "c");
    end_reading(&r);
}

static void payloads_that_do_not_fit_are_refused(void) {
    pb tensor = {0};
    float floats[4] = {0};
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    pb_bytes(&tensor, GD_CONTENT, floats, 11);
    expect_refusal(GD_FLOAT, &tensor, "tensor_content has 11 bytes where float32[3] takes 12");
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    pb_bytes(&tensor, GD_CONTENT, floats, 16);
    expect_refusal(GD_FLOAT, &tensor, "tensor_content has 16 bytes");
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(3));
    pb_bytes(&tensor, GD_FLOAT_VAL, floats, 16);
    expect_refusal(GD_FLOAT, &tensor, "4 values of float_val where its shape [3] takes 3");
    gd_tensor(&tensor, GD_INT32, 1, DIMS(0));
    pb_int(&tensor, GD_INT_VAL, 1);
    expect_refusal(GD_INT32, &tensor, "1 values of int_val where its shape [0] takes 0");
}

static void impossible_shapes_are_refused(void) {
    pb tensor = {0};
    gd_tensor(&tensor, GD_FLOAT, 2, DIMS(3, -1));
    expect_refusal(GD_FLOAT, &tensor, "its dimension 1 is -1");
    gd_tensor(&tensor, GD_FLOAT, -1, NULL);
    expect_refusal(GD_FLOAT, &tensor, "its rank is unknown");
    gd_tensor(&tensor, GD_FLOAT, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_refusal(GD_FLOAT, &tensor, "its rank is 9, more than 8");
    gd_tensor(&tensor, GD_FLOAT, 2, DIMS(INT64_MAX, 2));
    expect_refusal(GD_FLOAT, &tensor, "too many elements");
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(INT64_MAX));
    expect_refusal(GD_FLOAT, &tensor, "too many elements");
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(INT64_C(1) << 40));
    expect_refusal(GD_FLOAT, &tensor, "repeats a value to more than 2 GiB");
}

static void tensors_in_pieces_are_refused(void) {
    pb graph = {0}, node = {0}, value = {0}, tensor = {0};
    gd_begin(&node, "c", "Const");
    for (int i = 0; i < 2; i++) {
        gd_tensor(&tensor, GD_INT32, 0, NULL);
        pb_message(&value, 8, &tensor);
    }
    gd_attr(&node, "value", &value);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_HAS(constant_of(&r)->refusal, "several pieces");
    CHECK(constant_of(&r)->value == NULL);
    end_reading(&r);
}

static void types_without_dtype_are_named(void) {
    pb tensor = {0};
    reading r;
    gd_tensor(&tensor, GD_STRING, 1, DIMS(2));
    pb_string(&tensor, 8, "a");
    read_tensor(&r, GD_STRING, &tensor);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_INT(constant_of(&r)->dtype, HAYA_INVALID);
    CHECK_STR(constant_of(&r)->type_name, "DT_STRING");
    CHECK(constant_of(&r)->refusal == NULL);
    CHECK_INT(constant_of(&r)->elements, 2);
    CHECK_INT(hy_constant_decode(r.file, constant_of(&r), "c", NULL, &r.error), HAYA_ERROR_UNSUPPORTED);
    CHECK_HAS(r.error.message, "test.pb: constant 'c' is of type DT_STRING");
    end_reading(&r);
}

static void ragged_values_are_damage(void) {
    pb tensor = {0};
    reading r;
    gd_tensor(&tensor, GD_FLOAT, 1, DIMS(2));
    pb_bytes(&tensor, GD_FLOAT_VAL, "12345", 5);
    read_tensor(&r, GD_FLOAT, &tensor);
    CHECK_INT(r.status, HAYA_ERROR_FORMAT);
    CHECK_HAS(r.error.message, "node 'c': attribute 'value': its float_val has 5 bytes, no multiple of 4");
    end_reading(&r);
}

/* ---- Copies of values -------------------------------------------------------------------------------------- */

static bool has_value(int type, size_t size, int64_t elements) {
    pb tensor = {0};
    reading r;
    uint8_t *zeros = calloc((size_t)elements, size);
    gd_tensor(&tensor, type, 1, &elements);
    pb_bytes(&tensor, GD_CONTENT, zeros, size * (size_t)elements);
    free(zeros);
    read_tensor(&r, type, &tensor);
    bool copied = constant_of(&r)->value != NULL;
    CHECK(constant_of(&r)->in_place);
    end_reading(&r);
    return copied;
}

static void small_and_integer_values_are_copied(void) {
    CHECK(has_value(GD_FLOAT, 4, HY_SMALL_CONSTANT / 4));
    CHECK(!has_value(GD_FLOAT, 4, HY_SMALL_CONSTANT / 4 + 1));
    CHECK(!has_value(GD_HALF, 2, HY_SMALL_CONSTANT / 2 + 1));
    CHECK(has_value(GD_INT32, 4, HY_FOLD_LIMIT / 4));
    CHECK(!has_value(GD_INT32, 4, HY_FOLD_LIMIT / 4 + 1));
    CHECK(has_value(GD_UINT8, 1, HY_FOLD_LIMIT));
}

/* 100 messages of a few bytes that claim 16 MiB each. */
static void repeated_values_take_bounded_memory(void) {
    pb graph = {0};
    char name[16];
    for (int i = 0; i < 100; i++) {
        pb tensor = {0};
        gd_tensor(&tensor, GD_INT32, 1, DIMS(HY_FOLD_LIMIT / 4));
        pb_int(&tensor, GD_INT_VAL, i);
        snprintf(name, sizeof name, "c%d", i);
        gd_const(&graph, name, GD_INT32, &tensor);
    }
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK(constant_of(&r)->value != NULL);
    CHECK(attr_of(&r, 99, "value")->tensor->value == NULL);
    CHECK_INT(attr_of(&r, 99, "value")->tensor->elements, HY_FOLD_LIMIT / 4);
    CHECK(r.memory.peak < (size_t)66 << 20);
    end_reading(&r);
}

static void a_constant_is_decoded_after_its_value_was_left_out(void) {
    pb tensor = {0};
    reading r;
    int64_t elements = 100000;
    gd_tensor(&tensor, GD_FLOAT, 1, &elements);
    pb_float(&tensor, GD_FLOAT_VAL, 1);
    pb_float(&tensor, GD_FLOAT_VAL, 2);
    read_tensor(&r, GD_FLOAT, &tensor);
    float *out = malloc((size_t)elements * sizeof *out);
    CHECK(constant_of(&r)->value == NULL);
    if (CHECK(out) && CHECK_INT(hy_constant_decode(r.file, constant_of(&r), "c", out, &r.error), HAYA_OK)) {
        bool right = out[0] == 1;
        for (int64_t i = 1; i < elements; i++)
            right = right && out[i] == 2;
        CHECK(right);
    }
    free(out);
    end_reading(&r);
}

/* ---- Files that change ------------------------------------------------------------------------------------- */

static void a_changed_file_is_refused_when_decoding(void) {
    pb tensor = {0};
    reading r;
    int32_t out[5];
    gd_tensor(&tensor, GD_INT32, 1, DIMS(5));
    pb_packed(&tensor, GD_INT_VAL, DIMS(1, 2, 3), 3);
    read_tensor(&r, GD_INT32, &tensor);
    const hy_constant *constant = constant_of(&r);
    memset(r.bytes, 0xff, r.size);
    CHECK_INT(hy_constant_decode(r.file, constant, "c", out, &r.error), HAYA_ERROR_FILE_CHANGED);
    CHECK_HAS(r.error.message, "test.pb: constant 'c' is no longer what it was");
    end_reading(&r);
}

/* Whatever bytes take the place of the message: decoding stays within the message and within `out`. */
static void any_bytes_are_decoded_safely(void) {
    static const int types[] = {GD_FLOAT, GD_DOUBLE, GD_INT32, GD_INT64, GD_BOOL, GD_HALF};
    static const int values[] = {GD_FLOAT_VAL, GD_DOUBLE_VAL, GD_INT_VAL, GD_INT64_VAL, GD_BOOL_VAL, GD_HALF_VAL};
    uint32_t random = 1;
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        pb tensor = {0};
        reading r;
        gd_tensor(&tensor, types[k], 1, DIMS(9));
        pb_bytes(&tensor, (uint32_t)values[k], "\1\2\3\4\5\6\7\1", 8);
        read_tensor(&r, types[k], &tensor);
        const hy_constant *constant = constant_of(&r);
        size_t bytes = 9 * haya_dtype_size(constant->dtype);
        for (int round = 0; round < 2000; round++) {
            /* Few different bytes, so that tags and lengths come out right now and then. */
            for (size_t i = 0; i < constant->size; i++) {
                random = random * 1664525 + 1013904223;
                uint8_t choice[] = {(uint8_t)(values[k] << 3 | 2), (uint8_t)(random >> 28), 0x22, 0x80,
                                    (uint8_t)(random >> 20)};
                r.bytes[constant->offset + i] = choice[(random >> 8) % 5];
            }
            uint8_t *out = malloc(bytes);
            hy_constant_decode(r.file, constant, "c", out, &r.error);
            free(out);
        }
        end_reading(&r);
    }
}

int main(void) {
    RUN(content_of_each_type_lies_in_place);
    RUN(bools_become_0_or_1);
    RUN(content_goes_before_values);
    RUN(references_are_read_as_what_they_refer_to);
    RUN(packed_floats_lie_in_place);
    RUN(a_single_float_lies_in_place);
    RUN(floats_one_by_one_are_decoded);
    RUN(integers_are_decoded);
    RUN(integers_one_by_one_are_decoded);
    RUN(halves_are_decoded);
    RUN(missing_values_repeat_the_last);
    RUN(no_values_are_zeros);
    RUN(no_elements_are_fine);
    RUN(payloads_that_do_not_fit_are_refused);
    RUN(impossible_shapes_are_refused);
    RUN(tensors_in_pieces_are_refused);
    RUN(types_without_dtype_are_named);
    RUN(ragged_values_are_damage);
    RUN(small_and_integer_values_are_copied);
    RUN(repeated_values_take_bounded_memory);
    RUN(a_constant_is_decoded_after_its_value_was_left_out);
    RUN(a_changed_file_is_refused_when_decoding);
    RUN(any_bytes_are_decoded_safely);
    return test_summary();
}
