/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows from shapes alone, and tensors made from a few numbers.
 */
#include <math.h>

#include "graph/ops_common.h"

/* ---- Shapes as data ------------------------------------------------------------------------------------------ */

/* Output `out`, int32 or int64, of `rank` 0 or 1, gets the numbers. */
static haya_status known_ints(hy_build *b, int out, int rank, const int64_t *numbers, int count)
{
    void *memory;
    haya_dtype dtype = b->out[out].dtype;
    int64_t dims[] = {count};
    HY_TRY(hy_ops_set_shape(b, out, rank, dims));
    HY_TRY(hy_ops_known(b, out, &memory));
    for (int i = 0; i < count; i++) {
        if (dtype == HAYA_INT64)
            ((int64_t *)memory)[i] = numbers[i];
        else if (numbers[i] <= INT32_MAX)
            ((int32_t *)memory)[i] = (int32_t)numbers[i];
        else
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%lld doesn't fit into int32", (long long)numbers[i]);
    }
    return HAYA_OK;
}

static haya_status build_shape(hy_build *b)
{
    return known_ints(b, 0, 1, b->in[0].shape.dims, b->in[0].shape.rank);
}

static haya_status build_shape_n(hy_build *b)
{
    HY_TRY(hy_ops_count(b, "N", b->in_count));
    for (int i = 0; i < b->in_count; i++)
        HY_TRY(known_ints(b, i, 1, b->in[i].shape.dims, b->in[i].shape.rank));
    return HAYA_OK;
}

static haya_status build_size(hy_build *b)
{
    int64_t elements = hy_shape_elements(&b->in[0].shape);
    return known_ints(b, 0, 0, &elements, 1);
}

static haya_status build_rank(hy_build *b)
{
    return known_ints(b, 0, 0, &(int64_t){b->in[0].shape.rank}, 1);
}

/* ---- Range --------------------------------------------------------------------------------------------------- */

static haya_status range_of_ints(hy_build *b)
{
    int64_t start, limit, delta;
    void *memory;
    HY_TRY(hy_build_int(b, 0, &start));
    HY_TRY(hy_build_int(b, 1, &limit));
    HY_TRY(hy_build_int(b, 2, &delta));
    if (delta == 0 || (delta > 0 ? start > limit : start < limit))
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "steps of %lld don't lead from %lld to %lld", (long long)delta,
                             (long long)start, (long long)limit);
    /* Distances of int64 numbers fit into uint64. */
    uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    uint64_t count = distance / step + (distance % step != 0);
    if (count > INT64_MAX)
        return hy_ops_overflow(b);
    HY_TRY(hy_ops_set_shape(b, 0, 1, (const int64_t[]){(int64_t)count}));
    HY_TRY(hy_ops_known(b, 0, &memory));
    for (uint64_t i = 0; i < count; i++) {
        int64_t value = (int64_t)((uint64_t)start + i * (uint64_t)delta);
        if (b->out[0].dtype == HAYA_INT64)
            ((int64_t *)memory)[i] = value;
        else
            ((int32_t *)memory)[i] = (int32_t)value;
    }
    return HAYA_OK;
}

static haya_status range_of_floats(hy_build *b)
{
    void *memory;
    for (int i = 0; i < 3; i++)
        HY_TRY(hy_ops_scalar(b, i));
    float start = *(const float *)b->in[0].value, limit = *(const float *)b->in[1].value;
    float delta = *(const float *)b->in[2].value;
    bool leads = delta > 0 ? start <= limit : delta < 0 && start >= limit; /* false for NaN */
    double count = ceil((double)fabsf((limit - start) / delta));
    if (!leads || isnan(count))
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "steps of %g don't lead from %g to %g", (double)delta,
                             (double)start, (double)limit);
    if (count > INT32_MAX)
        return hy_ops_overflow(b);
    HY_TRY(hy_ops_set_shape(b, 0, 1, (const int64_t[]){(int64_t)count}));
    HY_TRY(hy_ops_known(b, 0, &memory));
    for (int64_t i = 0; i < (int64_t)count; i++)
        ((float *)memory)[i] = start + (float)i * delta;
    return HAYA_OK;
}

static haya_status build_range(hy_build *b)
{
    HY_TRY(hy_ops_inputs_have(b, "Tidx", 0, 3));
    return hy_attr_type(b, "Tidx") == HAYA_FLOAT32 ? range_of_floats(b) : range_of_ints(b);
}

/* ---- One value everywhere ------------------------------------------------------------------------------------ */

static haya_status build_fill(hy_build *b)
{
    int64_t dims[HAYA_MAX_RANK];
    int rank;
    HY_TRY(hy_ops_inputs_have(b, "T", 1, 1));
    HY_TRY(hy_build_ints(b, 0, dims, HAYA_MAX_RANK, &rank));
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a dimension of %lld", (long long)dims[i]);
    HY_TRY(hy_ops_rank(b, 1, 0));
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    hy_view from = hy_ops_in(b, 1), to = hy_ops_out(b, 0);
    hy_view_broadcast(&from, to.rank, to.dims);
    return hy_ops_copy(b, 0, 1, &from, &to);
}

static haya_status build_zeros_like(hy_build *b)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    hy_view from = hy_ops_zero(b, 0), to = hy_ops_out(b, 0);
    hy_view_broadcast(&from, to.rank, to.dims);
    return hy_ops_copy(b, 0, HY_SOURCE_ZERO, &from, &to);
}

static haya_status build_ones_like(hy_build *b)
{
    void *memory;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    HY_TRY(hy_ops_known(b, 0, &memory));
    int64_t elements = hy_shape_elements(&b->out[0].shape);
    for (int64_t i = 0; i < elements; i++) {
        switch (b->out[0].dtype) {
        case HAYA_FLOAT32:
            ((float *)memory)[i] = 1;
            break;
        case HAYA_INT32:
            ((int32_t *)memory)[i] = 1;
            break;
        case HAYA_INT64:
            ((int64_t *)memory)[i] = 1;
            break;
        default:
            ((uint8_t *)memory)[i] = 1;
            break;
        }
    }
    return HAYA_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def fill_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"index_type", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def ones_like_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER | HY_TYPES_BOOL},
    {0},
};

static const hy_attr_def range_attrs[] = {
    {"Tidx", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}, .types = HY_TYPES_NUMBER},
    {0},
};

static const hy_attr_def shape_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"out_type", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}, .types = HY_TYPES_INDEX},
    {0},
};

static const hy_attr_def shape_n_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {"out_type", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}, .types = HY_TYPES_INDEX},
    {0},
};

const hy_op hy_ops_shape[] = {
    /* dims, value */
    {.name = "Fill", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(0), .outputs = "output:T",
     .attrs = fill_attrs, .build = build_fill},
    /* x */
    {.name = "OnesLike", .min_inputs = 1, .max_inputs = 1, .shape_only = true, .outputs = "y:T",
     .attrs = ones_like_attrs, .build = build_ones_like},
    /* start, limit, delta */
    {.name = "Range", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL_ALL, .outputs = "output:Tidx",
     .attrs = range_attrs, .build = build_range},
    /* input */
    {.name = "Rank", .min_inputs = 1, .max_inputs = 1, .shape_only = true, .outputs = "output:@int32",
     .attrs = hy_attrs_t, .build = build_rank},
    {.name = "Shape", .min_inputs = 1, .max_inputs = 1, .shape_only = true, .outputs = "output:out_type",
     .attrs = shape_attrs, .build = build_shape},
    {.name = "ShapeN", .min_inputs = 1, .max_inputs = -1, .shape_only = true, .outputs = "output:N*out_type",
     .attrs = shape_n_attrs, .build = build_shape_n},
    {.name = "Size", .min_inputs = 1, .max_inputs = 1, .shape_only = true, .outputs = "output:out_type",
     .attrs = shape_attrs, .build = build_size},
    /* x */
    {.name = "ZerosLike", .min_inputs = 1, .max_inputs = 1, .outputs = "y:T", .attrs = hy_attrs_t,
     .build = build_zeros_like},
    {0},
};
