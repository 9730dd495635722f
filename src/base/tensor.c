/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Types ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [HAYA_INVALID] = {"invalid", 0},
    [HAYA_FLOAT32] = {"float32", 4},
    [HAYA_FLOAT64] = {"float64", 8},
    [HAYA_FLOAT16] = {"float16", 2},
    [HAYA_BFLOAT16] = {"bfloat16", 2},
    [HAYA_INT8] = {"int8", 1},
    [HAYA_UINT8] = {"uint8", 1},
    [HAYA_INT16] = {"int16", 2},
    [HAYA_UINT16] = {"uint16", 2},
    [HAYA_INT32] = {"int32", 4},
    [HAYA_UINT32] = {"uint32", 4},
    [HAYA_INT64] = {"int64", 8},
    [HAYA_UINT64] = {"uint64", 8},
    [HAYA_BOOL] = {"bool", 1},
};

/* Callers may pass any number for a dtype. */
static size_t dtype_index(haya_dtype dtype) {
    size_t index = (size_t)dtype;
    return index < sizeof dtypes / sizeof dtypes[0] ? index : HAYA_INVALID;
}

const char *haya_dtype_name(haya_dtype dtype) {
    return dtypes[dtype_index(dtype)].name;
}

size_t haya_dtype_size(haya_dtype dtype) {
    return dtypes[dtype_index(dtype)].size;
}

/* ---- Sizes and shapes ------------------------------------------------------------------------------------- */

bool hy_mul_int64(int64_t a, int64_t b, int64_t *result) {
    if (b != 0 && a > INT64_MAX / b)
        return false;
    *result = a * b;
    return true;
}

bool hy_add_int64(int64_t a, int64_t b, int64_t *result) {
    if (a > INT64_MAX - b)
        return false;
    *result = a + b;
    return true;
}

/* The product of the dimensions, -1 as told at hy_shape_elements. */
static int64_t product(int rank, const int64_t *dims) {
    int64_t elements = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return -1;
        if (dims[i] == 0)
            empty = true;
        else if (!hy_mul_int64(elements, dims[i], &elements))
            return -1;
    }
    return empty ? 0 : elements;
}

int64_t hy_shape_elements(const haya_shape *shape) {
    if (shape->rank < 0 || shape->rank > HAYA_MAX_RANK)
        return -1;
    return product(shape->rank, shape->dims);
}

int64_t hy_shape_bytes(const haya_shape *shape, haya_dtype dtype) {
    int64_t elements = hy_shape_elements(shape);
    int64_t size = (int64_t)haya_dtype_size(dtype);
    int64_t bytes;
    if (elements < 0 || size == 0 || !hy_mul_int64(elements, size, &bytes))
        return -1;
    return bytes;
}

bool hy_shape_equal(const haya_shape *a, const haya_shape *b) {
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

haya_shape hy_shape_make(int rank, const int64_t *dims) {
    haya_shape shape = {.rank = rank};
    for (int i = 0; i < rank && i < HAYA_MAX_RANK; i++)
        shape.dims[i] = dims[i];
    return shape;
}

char *hy_shape_print(const haya_shape *shape, char *buffer, size_t size) {
    char text[HY_SHAPE_TEXT]; /* 8 dimensions of 20 characters, commas and brackets fit */
    size_t length = 0;
    if (size == 0)
        return buffer;
    if (shape->rank < 0 || shape->rank > HAYA_MAX_RANK) {
        snprintf(buffer, size, "unknown rank");
        return buffer;
    }
    for (int i = 0; i < shape->rank; i++) {
        const char *separator = i == 0 ? "" : ", ";
        char *end = text + length;
        size_t room = sizeof text - length;
        int written = shape->dims[i] == -1 ? snprintf(end, room, "%s?", separator)
                                           : snprintf(end, room, "%s%" PRId64, separator, shape->dims[i]);
        length += (size_t)written;
    }
    text[length] = '\0';
    snprintf(buffer, size, "[%s]", text);
    return buffer;
}

haya_tensor haya_tensor_dense(haya_dtype dtype, haya_shape shape, void *data) {
    int64_t bytes = hy_shape_bytes(&shape, dtype);
    return (haya_tensor){
        .struct_size = sizeof(haya_tensor),
        .dtype = dtype,
        .shape = shape,
        .data = data,
        .bytes = bytes < 0 ? 0 : (uint64_t)bytes, /* a shape without a size fits no plan: the run says so */
        .memory = HAYA_MEMORY_HOST,
    };
}

/* ---- Views ------------------------------------------------------------------------------------------------ */

hy_view hy_view_dense(haya_dtype dtype, const haya_shape *shape) {
    hy_view view = {.dtype = dtype, .rank = shape->rank};
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        view.dims[i] = shape->dims[i];
        view.strides[i] = stride;
        stride *= shape->dims[i];
    }
    return view;
}

bool hy_view_is_dense(const hy_view *view) {
    if (view->offset != 0)
        return false;
    if (hy_view_elements(view) == 0)
        return true;
    int64_t stride = 1;
    for (int i = view->rank - 1; i >= 0; i--) {
        if (view->dims[i] == 1) /* never stepped along */
            continue;
        if (view->strides[i] != stride)
            return false;
        stride *= view->dims[i];
    }
    return true;
}

int64_t hy_view_elements(const hy_view *view) {
    return product(view->rank, view->dims);
}

hy_view hy_view_permute(const hy_view *view, const int *order) {
    hy_view permuted = *view;
    for (int i = 0; i < view->rank; i++) {
        permuted.dims[i] = view->dims[order[i]];
        permuted.strides[i] = view->strides[order[i]];
    }
    return permuted;
}

bool hy_view_broadcast(hy_view *view, int rank, const int64_t *dims) {
    int added = rank - view->rank;
    if (added < 0 || rank > HY_VIEW_RANK)
        return false;
    hy_view wider = {.dtype = view->dtype, .rank = rank, .offset = view->offset};
    for (int i = 0; i < rank; i++) {
        wider.dims[i] = dims[i];
        if (i < added)
            continue; /* stride 0 */
        int64_t old = view->dims[i - added];
        if (old == dims[i])
            wider.strides[i] = view->strides[i - added];
        else if (old != 1)
            return false;
    }
    *view = wider;
    return true;
}
