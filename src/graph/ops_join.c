/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining tensors along an axis, and taking them apart.
 */
#include "graph/ops_common.h"

/* ---- Concat -------------------------------------------------------------------------------------------------- */

/* Joins inputs first .. first + count - 1 along the axis that input `axis_input` gives. */
static haya_status build_joined(hy_build *b, int first, int count, int axis_input)
{
    const haya_shape *model = &b->in[first].shape;
    int64_t axis_value;
    int axis, only = first; /* the input that has elements */
    HY_TRY(hy_ops_count(b, "N", count));
    HY_TRY(hy_ops_inputs_have(b, "T", first, count));
    HY_TRY(hy_build_int(b, axis_input, &axis_value));
    if (model->rank == 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "scalars have no axis to join them along");
    HY_TRY(hy_ops_axis(b, axis_value, model->rank, &axis));

    haya_shape joined = *model;
    joined.dims[axis] = 0;
    for (int i = first; i < first + count; i++) {
        haya_shape shape = b->in[i].shape;
        bool fits = shape.rank == model->rank;
        for (int d = 0; fits && d < shape.rank; d++)
            fits = d == axis || shape.dims[d] == model->dims[d];
        if (!fits)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s can't be joined along axis %d", HY_SHAPE(model),
                                 HY_SHAPE(&shape), axis);
        if (!hy_add_int64(joined.dims[axis], shape.dims[axis], &joined.dims[axis]))
            return hy_ops_overflow(b);
        if (shape.dims[axis] > 0)
            only = i;
    }
    HY_TRY(hy_ops_set_shape(b, 0, joined.rank, joined.dims));
    if (hy_shape_equal(&joined, &b->in[only].shape)) {
        hy_build_alias(b, 0, only);
        return HAYA_OK;
    }
    hy_view out = hy_ops_out(b, 0);
    int64_t begin = 0;
    for (int i = first; i < first + count; i++) {
        hy_view from = hy_ops_in(b, i), to = hy_ops_part(&out, axis, begin, from.dims[axis]);
        HY_TRY(hy_ops_copy(b, 0, i, &from, &to));
        begin += from.dims[axis];
    }
    return HAYA_OK;
}

static haya_status build_concat(hy_build *b)
{
    return build_joined(b, 1, b->in_count - 1, 0);
}

static haya_status build_concat_v2(hy_build *b)
{
    return build_joined(b, 0, b->in_count - 1, b->in_count - 1);
}

/* ---- Split --------------------------------------------------------------------------------------------------- */

/* Output k gets the next sizes[k] steps of input `value` along `axis`; the sizes' sum is the dimension. */
static haya_status build_parts(hy_build *b, int value, int axis, const int64_t *sizes)
{
    hy_view in = hy_ops_in(b, value);
    int64_t begin = 0;
    for (int k = 0; k < b->out_count; k++) {
        hy_view from = hy_ops_part(&in, axis, begin, sizes[k]);
        HY_TRY(hy_ops_set_shape(b, k, from.rank, from.dims));
        hy_view to = hy_ops_out(b, k);
        if (sizes[k] == in.dims[axis])
            hy_build_alias(b, k, value);
        else
            HY_TRY(hy_ops_copy(b, k, value, &from, &to));
        begin += sizes[k];
    }
    return HAYA_OK;
}

/* Checks what both forms have, and gives one size for each output to fill in. */
static haya_status begin_split(hy_build *b, int value, int axis_input, int *axis, int64_t **sizes)
{
    int64_t axis_value;
    HY_TRY(hy_ops_count(b, "num_split", b->out_count));
    HY_TRY(hy_ops_inputs_have(b, "T", value, 1));
    HY_TRY(hy_build_int(b, axis_input, &axis_value));
    HY_TRY(hy_ops_axis(b, axis_value, b->in[value].shape.rank, axis));
    if (b->out_count < 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "no parts to split into");
    *sizes = HY_ARENA_NEW(b->arena, int64_t, (size_t)b->out_count);
    return *sizes ? HAYA_OK : hy_out_of_memory(b->error, b->name);
}

static haya_status build_split(hy_build *b)
{
    int axis;
    int64_t *sizes;
    HY_TRY(begin_split(b, 1, 0, &axis, &sizes));
    int64_t dim = b->in[1].shape.dims[axis];
    if (dim % b->out_count != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %d of %s can't be split into %d equal parts", axis,
                             HY_SHAPE(&b->in[1].shape), b->out_count);
    for (int k = 0; k < b->out_count; k++)
        sizes[k] = dim / b->out_count;
    return build_parts(b, 1, axis, sizes);
}

static haya_status build_split_v(hy_build *b)
{
    int axis, count, rest = -1;
    int64_t *sizes, total = 0;
    HY_TRY(begin_split(b, 0, 2, &axis, &sizes));
    int64_t dim = b->in[0].shape.dims[axis];
    HY_TRY(hy_build_ints(b, 1, sizes, b->out_count, &count));
    if (count != b->out_count)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%d sizes for %d parts", count, b->out_count);
    for (int k = 0; k < count; k++) {
        if (sizes[k] == -1 && rest < 0)
            rest = k;
        else if (sizes[k] < 0 || !hy_add_int64(total, sizes[k], &total))
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "part %d has size %lld", k, (long long)sizes[k]);
    }
    if (rest < 0 ? total != dim : total > dim)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %d of %s can't be split into parts of %lld together", axis,
                             HY_SHAPE(&b->in[0].shape), (long long)total);
    if (rest >= 0)
        sizes[rest] = dim - total;
    return build_parts(b, 0, axis, sizes);
}

/* ---- Pack and Unpack ----------------------------------------------------------------------------------------- */

/* The shape with a dimension of `count` put in as number `axis`. */
static void insert_dim(const haya_shape *shape, int axis, int64_t count, int64_t *dims)
{
    for (int i = 0; i <= shape->rank; i++)
        dims[i] = i == axis ? count : shape->dims[i < axis ? i : i - 1];
}

static haya_status build_pack(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK + 1];
    int axis;
    HY_TRY(hy_ops_count(b, "N", b->in_count));
    HY_TRY(hy_ops_inputs_have(b, "T", 0, b->in_count));
    HY_TRY(hy_ops_axis(b, hy_attr_int(b, "axis"), shape->rank + 1, &axis));
    for (int i = 1; i < b->in_count; i++)
        if (!hy_shape_equal(shape, &b->in[i].shape))
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s can't be stacked", HY_SHAPE(shape),
                                 HY_SHAPE(&b->in[i].shape));
    insert_dim(shape, axis, b->in_count, dims);
    HY_TRY(hy_ops_set_shape(b, 0, shape->rank + 1, dims));
    if (b->in_count == 1) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    insert_dim(shape, axis, 1, dims);
    haya_shape layer = hy_shape_make(shape->rank + 1, dims);
    hy_view out = hy_ops_out(b, 0), from = hy_view_dense(b->out[0].dtype, &layer);
    for (int i = 0; i < b->in_count; i++) {
        hy_view to = hy_ops_part(&out, axis, i, 1);
        HY_TRY(hy_ops_copy(b, 0, i, &from, &to));
    }
    return HAYA_OK;
}

static haya_status build_unpack(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK];
    int axis;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_count(b, "num", b->out_count));
    HY_TRY(hy_ops_axis(b, hy_attr_int(b, "axis"), shape->rank, &axis));
    if (shape->dims[axis] != b->out_count)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %d of %s can't be taken apart into %d", axis,
                             HY_SHAPE(shape), b->out_count);
    for (int i = 0; i < shape->rank - 1; i++)
        dims[i] = shape->dims[i < axis ? i : i + 1];
    haya_shape layer = *shape;
    layer.dims[axis] = 1;
    hy_view in = hy_ops_in(b, 0);
    for (int k = 0; k < b->out_count; k++) {
        HY_TRY(hy_ops_set_shape(b, k, shape->rank - 1, dims));
        hy_view from = hy_ops_part(&in, axis, k, 1), to = hy_view_dense(b->out[k].dtype, &layer);
        if (b->out_count == 1)
            hy_build_alias(b, k, 0);
        else
            HY_TRY(hy_ops_copy(b, k, 0, &from, &to));
    }
    return HAYA_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def concat_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def concat_v2_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tidx", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def pack_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {"axis", HY_ATTR_INT, .fallback = {.i = 0}},
    {0},
};

static const hy_attr_def split_attrs[] = {
    {"num_split", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def split_v_attrs[] = {
    {"num_split", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tlen", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT64}},
    {0},
};

static const hy_attr_def unpack_attrs[] = {
    {"num", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {"axis", HY_ATTR_INT, .fallback = {.i = 0}},
    {0},
};

const hy_op hy_ops_join[] = {
    /* concat_dim, values ... */
    {.name = "Concat", .min_inputs = 2, .max_inputs = -1, .structural = HY_STRUCTURAL(0), .outputs = "output:T",
     .attrs = concat_attrs, .build = build_concat},
    /* values ..., axis */
    {.name = "ConcatV2", .min_inputs = 2, .max_inputs = -1, .structural = HY_STRUCTURAL_LAST,
     .outputs = "output:T", .attrs = concat_v2_attrs, .build = build_concat_v2},
    /* values ... */
    {.name = "Pack", .min_inputs = 1, .max_inputs = -1, .outputs = "output:T", .attrs = pack_attrs,
     .build = build_pack},
    /* split_dim, value */
    {.name = "Split", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(0),
     .outputs = "output:num_split*T", .attrs = split_attrs, .build = build_split},
    /* value, size_splits, split_dim */
    {.name = "SplitV", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(1) | HY_STRUCTURAL(2),
     .outputs = "output:num_split*T", .attrs = split_v_attrs, .build = build_split_v},
    /* value */
    {.name = "Unpack", .min_inputs = 1, .max_inputs = 1, .outputs = "output:num*T", .attrs = unpack_attrs,
     .build = build_unpack},
    {0},
};
