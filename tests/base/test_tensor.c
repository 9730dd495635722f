/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tensor.h"

#include "../test.h"

#define SHAPE(...) \
    hy_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static const haya_shape scalar = {.rank = 0};
static const haya_shape unknown = {.rank = -1};

static void multiplication_notices_overflow(void) {
    int64_t result = 5;
    CHECK(hy_mul_int64(1LL << 31, 1LL << 31, &result));
    CHECK_INT(result, 1LL << 62);
    CHECK(!hy_mul_int64(1LL << 32, 1LL << 31, &result));
    CHECK(!hy_mul_int64(INT64_MAX, 2, &result));
    CHECK_INT(result, 1LL << 62);
    CHECK(hy_mul_int64(INT64_MAX, 1, &result));
    CHECK_INT(result, INT64_MAX);
    CHECK(hy_mul_int64(INT64_MAX, 0, &result) && result == 0);
    CHECK(hy_mul_int64(0, INT64_MAX, &result) && result == 0);
}

static void addition_notices_overflow(void) {
    int64_t result = 5;
    CHECK(!hy_add_int64(INT64_MAX, 1, &result));
    CHECK_INT(result, 5);
    CHECK(hy_add_int64(INT64_MAX - 1, 1, &result));
    CHECK_INT(result, INT64_MAX);
}

static void elements_are_counted(void) {
    haya_shape shape = SHAPE(2, 3, 4);
    CHECK_INT(hy_shape_elements(&shape), 24);
    CHECK_INT(hy_shape_elements(&scalar), 1);
    shape = SHAPE(2, 0, 4);
    CHECK_INT(hy_shape_elements(&shape), 0);
}

static void shapes_without_a_size_have_minus_one_elements(void) {
    haya_shape shape = SHAPE(2, -1, 4);
    CHECK_INT(hy_shape_elements(&shape), -1);
    CHECK_INT(hy_shape_elements(&unknown), -1);
    shape = SHAPE(1LL << 32, 1LL << 31);
    CHECK_INT(hy_shape_elements(&shape), -1);
    shape = SHAPE(1LL << 62, 4, 0);
    CHECK_INT(hy_shape_elements(&shape), -1);
    shape = SHAPE(0, 1LL << 62, 4);
    CHECK_INT(hy_shape_elements(&shape), -1);
    shape.rank = HAYA_MAX_RANK + 1;
    CHECK_INT(hy_shape_elements(&shape), -1);
}

static void bytes_are_elements_times_size(void) {
    haya_shape shape = SHAPE(2, 3);
    CHECK_INT(hy_shape_bytes(&shape, HAYA_FLOAT32), 24);
    CHECK_INT(hy_shape_bytes(&shape, HAYA_BOOL), 6);
    CHECK_INT(hy_shape_bytes(&shape, HAYA_INVALID), -1);
    shape = SHAPE(1LL << 61);
    CHECK_INT(hy_shape_bytes(&shape, HAYA_FLOAT32), -1);
    CHECK_INT(hy_shape_bytes(&shape, HAYA_FLOAT16), 1LL << 62);
    CHECK_INT(hy_shape_bytes(&unknown, HAYA_FLOAT32), -1);
}

static void shapes_are_compared_by_rank_and_dimensions(void) {
    haya_shape a = SHAPE(2, 3), b = SHAPE(2, 3), c = SHAPE(2, 4), d = SHAPE(2, 3, 1);
    CHECK(hy_shape_equal(&a, &b));
    CHECK(!hy_shape_equal(&a, &c));
    CHECK(!hy_shape_equal(&a, &d));
    CHECK(hy_shape_equal(&unknown, &unknown));
    CHECK(!hy_shape_equal(&unknown, &scalar));
    b.dims[5] = 99; /* beyond the rank */
    CHECK(hy_shape_equal(&a, &b));
}

static void shapes_are_printed(void) {
    haya_shape shape = SHAPE(1, 256, -1, 3);
    CHECK_STR(HY_SHAPE(&shape), "[1, 256, ?, 3]");
    CHECK_STR(HY_SHAPE(&scalar), "[]");
    CHECK_STR(HY_SHAPE(&unknown), "unknown rank");
    shape = SHAPE(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN);
    CHECK_INT(strlen(HY_SHAPE(&shape)), 8 * 20 + 7 * 2 + 2);
}

static void printing_into_a_small_buffer_is_cut(void) {
    haya_shape shape = SHAPE(12, 34);
    char buffer[8] = "xxxxxxx";
    CHECK_STR(hy_shape_print(&shape, buffer, 6), "[12, ");
    CHECK_INT(buffer[6], 'x');
    CHECK_STR(hy_shape_print(&unknown, buffer, 4), "unk");
    hy_shape_print(&shape, buffer, 0);
    CHECK_STR(buffer, "unk");
}

static void dtypes_have_names_and_sizes(void) {
    CHECK_STR(haya_dtype_name(HAYA_FLOAT32), "float32");
    CHECK_STR(haya_dtype_name(HAYA_BFLOAT16), "bfloat16");
    CHECK_STR(haya_dtype_name(HAYA_BOOL), "bool");
    CHECK_STR(haya_dtype_name(HAYA_INVALID), "invalid");
    CHECK_STR(haya_dtype_name((haya_dtype)77), "invalid");
    CHECK_STR(haya_dtype_name((haya_dtype)-1), "invalid");
    CHECK_INT(haya_dtype_size(HAYA_FLOAT64), 8);
    CHECK_INT(haya_dtype_size(HAYA_INT16), 2);
    CHECK_INT(haya_dtype_size(HAYA_INVALID), 0);
    CHECK_INT(haya_dtype_size((haya_dtype)77), 0);
    for (int dtype = HAYA_FLOAT32; dtype <= HAYA_BOOL; dtype++)
        CHECK(haya_dtype_size((haya_dtype)dtype) > 0);
}

static void a_dense_tensor_knows_its_bytes(void) {
    float data[6];
    haya_tensor tensor = haya_tensor_dense(HAYA_FLOAT32, SHAPE(2, 3), data);
    CHECK_INT(tensor.struct_size, sizeof tensor);
    CHECK_INT(tensor.bytes, sizeof data);
    CHECK(tensor.data == data);
    CHECK_INT(tensor.strides[0], 0);
    CHECK_INT(haya_tensor_dense(HAYA_FLOAT32, SHAPE(-1), data).bytes, 0);
}

static void a_dense_view_has_row_major_strides(void) {
    haya_shape shape = SHAPE(2, 3, 4);
    hy_view view = hy_view_dense(HAYA_INT32, &shape);
    CHECK_INT(view.dtype, HAYA_INT32);
    CHECK_INT(view.rank, 3);
    CHECK_INT(view.strides[0], 12);
    CHECK_INT(view.strides[1], 4);
    CHECK_INT(view.strides[2], 1);
    CHECK_INT(view.offset, 0);
    CHECK_INT(hy_view_elements(&view), 24);
    CHECK(hy_view_is_dense(&view));
    view = hy_view_dense(HAYA_INT32, &scalar);
    CHECK_INT(hy_view_elements(&view), 1);
    CHECK(hy_view_is_dense(&view));
}

static void a_permuted_view_moves_dimensions_and_strides(void) {
    haya_shape shape = SHAPE(2, 3, 4);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape);
    hy_view permuted = hy_view_permute(&view, (int[]){2, 0, 1});
    CHECK_INT(permuted.dims[0], 4);
    CHECK_INT(permuted.dims[1], 2);
    CHECK_INT(permuted.dims[2], 3);
    CHECK_INT(permuted.strides[0], 1);
    CHECK_INT(permuted.strides[1], 12);
    CHECK_INT(permuted.strides[2], 4);
    CHECK(!hy_view_is_dense(&permuted));
    hy_view back = hy_view_permute(&permuted, (int[]){1, 2, 0});
    CHECK(hy_view_is_dense(&back));
}

static void dimensions_of_one_do_not_matter_for_density(void) {
    haya_shape shape = SHAPE(1, 5, 1);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape);
    hy_view permuted = hy_view_permute(&view, (int[]){1, 2, 0});
    CHECK(hy_view_is_dense(&permuted));
    permuted.strides[1] = 77;
    CHECK(hy_view_is_dense(&permuted));
}

static void offsets_gaps_and_repeats_are_not_dense(void) {
    haya_shape shape = SHAPE(2, 3);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape);
    view.offset = 1;
    CHECK(!hy_view_is_dense(&view));
    view.offset = 0;
    view.strides[0] = 4;
    CHECK(!hy_view_is_dense(&view));
    view.strides[0] = 0;
    CHECK(!hy_view_is_dense(&view));
    view.dims[1] = 0; /* nothing to lie anywhere */
    CHECK(hy_view_is_dense(&view));
}

static void broadcasting_repeats_ones_and_adds_dimensions(void) {
    haya_shape shape = SHAPE(3, 1);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape);
    CHECK(hy_view_broadcast(&view, 4, (int64_t[]){7, 2, 3, 5}));
    CHECK_INT(view.rank, 4);
    CHECK_INT(hy_view_elements(&view), 7 * 2 * 3 * 5);
    CHECK_INT(view.strides[0], 0);
    CHECK_INT(view.strides[1], 0);
    CHECK_INT(view.strides[2], 1);
    CHECK_INT(view.strides[3], 0);
    view = hy_view_dense(HAYA_FLOAT32, &scalar);
    CHECK(hy_view_broadcast(&view, 2, (int64_t[]){2, 3}));
    CHECK_INT(view.strides[0] + view.strides[1], 0);
}

static void broadcasting_to_the_same_or_to_nothing_works(void) {
    haya_shape shape = SHAPE(3, 1);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape);
    CHECK(hy_view_broadcast(&view, 2, (int64_t[]){3, 1}));
    CHECK(hy_view_is_dense(&view));
    CHECK(hy_view_broadcast(&view, 2, (int64_t[]){3, 0}));
    CHECK_INT(hy_view_elements(&view), 0);
}

static void what_does_not_fit_is_not_broadcast(void) {
    haya_shape shape = SHAPE(3, 2);
    hy_view view = hy_view_dense(HAYA_FLOAT32, &shape), before = view;
    CHECK(!hy_view_broadcast(&view, 2, (int64_t[]){3, 4}));
    CHECK(!hy_view_broadcast(&view, 2, (int64_t[]){1, 2})); /* only ones repeat */
    CHECK(!hy_view_broadcast(&view, 1, (int64_t[]){2}));
    CHECK(!hy_view_broadcast(&view, HY_VIEW_RANK + 1, (int64_t[HY_VIEW_RANK + 1]){0}));
    CHECK(memcmp(&view, &before, sizeof view) == 0);
}

static void a_broadcast_can_have_too_many_elements(void) {
    hy_view view = hy_view_dense(HAYA_FLOAT32, &scalar);
    CHECK(hy_view_broadcast(&view, 3, (int64_t[]){1LL << 30, 1LL << 30, 1LL << 30}));
    CHECK_INT(hy_view_elements(&view), -1);
}

int main(void) {
    RUN(multiplication_notices_overflow);
    RUN(addition_notices_overflow);
    RUN(elements_are_counted);
    RUN(shapes_without_a_size_have_minus_one_elements);
    RUN(bytes_are_elements_times_size);
    RUN(shapes_are_compared_by_rank_and_dimensions);
    RUN(shapes_are_printed);
    RUN(printing_into_a_small_buffer_is_cut);
    RUN(dtypes_have_names_and_sizes);
    RUN(a_dense_tensor_knows_its_bytes);
    RUN(a_dense_view_has_row_major_strides);
    RUN(a_permuted_view_moves_dimensions_and_strides);
    RUN(dimensions_of_one_do_not_matter_for_density);
    RUN(offsets_gaps_and_repeats_are_not_dense);
    RUN(broadcasting_repeats_ones_and_adds_dimensions);
    RUN(broadcasting_to_the_same_or_to_nothing_works);
    RUN(what_does_not_fit_is_not_broadcast);
    RUN(a_broadcast_can_have_too_many_elements);
    return test_summary();
}
