/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing the order and form of a tensor's elements: reshape, transpose, repeat, pick, blocks.
 */
#include "graph/ops_common.h"

/* ---- Form ---------------------------------------------------------------------------------------------------- */

static haya_status alias(hy_build *b)
{
    hy_build_alias(b, 0, 0);
    return HAYA_OK;
}

/* The dimension to put for -1, with zeros left out on both sides when the new shape has one; elements are compared
   by the caller. */
static int64_t missing_dim(const haya_shape *shape, const int64_t *dims, int rank, int64_t product)
{
    bool has_zero = false;
    for (int i = 0; i < rank; i++)
        has_zero = has_zero || dims[i] == 0;
    int64_t elements = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] != 0 || !has_zero)
            elements *= shape->dims[i];
    return elements / product;
}

static haya_status build_reshape(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK], product = 1;
    int rank, missing = -1;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_ints(b, 1, dims, HAYA_MAX_RANK, &rank));
    for (int i = 0; i < rank; i++) {
        if (dims[i] == -1 && missing < 0)
            missing = i;
        else if (dims[i] < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a shape with %s", dims[i] == -1 ? "-1 twice" : "a negative "
                                 "dimension");
        else if (dims[i] > 0 && !hy_mul_int64(product, dims[i], &product))
            return hy_ops_overflow(b);
    }
    if (missing >= 0)
        dims[missing] = missing_dim(shape, dims, rank, product);
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    if (hy_shape_elements(shape) != hy_shape_elements(&b->out[0].shape)) {
        haya_shape wanted = b->out[0].shape;
        if (missing >= 0)
            wanted.dims[missing] = -1;
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s doesn't have the elements of %s", HY_SHAPE(shape),
                             HY_SHAPE(&wanted));
    }
    return alias(b);
}

static haya_status build_squeeze(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    const hy_attr *list = hy_attr_get(b, "squeeze_dims");
    bool squeezed[HAYA_MAX_RANK] = {false};
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    for (int64_t i = 0; i < list->count; i++) {
        int axis;
        HY_TRY(hy_ops_axis(b, list->ints[i], shape->rank, &axis));
        if (shape->dims[axis] != 1)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "dimension %d of %s is not 1", axis, HY_SHAPE(shape));
        squeezed[axis] = true;
    }
    int64_t dims[HAYA_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < shape->rank; i++)
        if (list->count ? !squeezed[i] : shape->dims[i] != 1)
            dims[rank++] = shape->dims[i];
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    return alias(b);
}

static haya_status build_expand_dims(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK + 1], axis_value;
    int axis;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_int(b, 1, &axis_value));
    HY_TRY(hy_ops_axis(b, axis_value, shape->rank + 1, &axis));
    for (int i = 0; i <= shape->rank; i++)
        dims[i] = i == axis ? 1 : shape->dims[i < axis ? i : i - 1];
    HY_TRY(hy_ops_set_shape(b, 0, shape->rank + 1, dims));
    return alias(b);
}

/* ---- Order --------------------------------------------------------------------------------------------------- */

static haya_status build_transpose(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t values[HAYA_MAX_RANK], dims[HAYA_MAX_RANK];
    int order[HAYA_MAX_RANK], count, last = -1;
    bool used[HAYA_MAX_RANK] = {false}, in_order = true;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_ints(b, 1, values, HAYA_MAX_RANK, &count));
    if (count != shape->rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "a permutation of %d dimensions for %s", count, HY_SHAPE(shape));
    for (int i = 0; i < count; i++) {
        HY_TRY(hy_ops_axis(b, values[i], count, &order[i]));
        if (used[order[i]])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "dimension %d is twice in the permutation", order[i]);
        used[order[i]] = true;
        dims[i] = shape->dims[order[i]];
        if (dims[i] != 1) {
            in_order = in_order && order[i] > last;
            last = order[i];
        }
    }
    HY_TRY(hy_ops_set_shape(b, 0, count, dims));
    if (in_order) /* only dimensions of 1 move: the elements stay where they are */
        return alias(b);
    hy_view in = hy_ops_in(b, 0), from = hy_view_permute(&in, order), to = hy_ops_out(b, 0);
    return hy_ops_copy(b, 0, 0, &from, &to);
}

/* ---- Repetition ---------------------------------------------------------------------------------------------- */

/* Each dimension becomes two: repetitions, with stride 0 on the input's side, and elements. */
static haya_status build_tile(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t times[HAYA_MAX_RANK], dims[HAYA_MAX_RANK];
    int count;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_ints(b, 1, times, HAYA_MAX_RANK, &count));
    if (count != shape->rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%d multiples for %s", count, HY_SHAPE(shape));
    for (int i = 0; i < count; i++) {
        if (times[i] < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a multiple of %lld", (long long)times[i]);
        if (!hy_mul_int64(shape->dims[i], times[i], &dims[i]))
            return hy_ops_overflow(b);
    }
    HY_TRY(hy_ops_set_shape(b, 0, count, dims));
    if (hy_shape_equal(shape, &b->out[0].shape))
        return alias(b);
    if (hy_shape_elements(&b->out[0].shape) == 0) /* repetitions times elements could overflow below */
        return HAYA_OK;
    hy_view in = hy_ops_in(b, 0), out = hy_ops_out(b, 0);
    hy_view from = {.dtype = in.dtype}, to = {.dtype = in.dtype};
    for (int i = 0; i < count; i++) {
        int repeats = from.rank++, elements = from.rank++;
        from.dims[repeats] = to.dims[repeats] = times[i];
        from.dims[elements] = to.dims[elements] = in.dims[i];
        from.strides[elements] = in.strides[i];
        to.strides[repeats] = out.strides[i] * in.dims[i];
        to.strides[elements] = out.strides[i];
    }
    to.rank = from.rank;
    return hy_ops_copy(b, 0, 0, &from, &to);
}

static haya_status build_broadcast_to(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK];
    int rank;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_ints(b, 1, dims, HAYA_MAX_RANK, &rank));
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a dimension of %lld", (long long)dims[i]);
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    hy_view from = hy_ops_in(b, 0), to = hy_ops_out(b, 0);
    if (!hy_view_broadcast(&from, rank, dims))
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s can't be broadcast to %s", HY_SHAPE(shape),
                             HY_SHAPE(&b->out[0].shape));
    if (hy_shape_elements(shape) == hy_shape_elements(&b->out[0].shape))
        return alias(b);
    return hy_ops_copy(b, 0, 0, &from, &to);
}

/* ---- Picking ------------------------------------------------------------------------------------------------- */

/* The result has params' dimensions with the one at `axis` replaced by those of indices after `batch`. */
static haya_status gather_at(hy_build *b, int axis, int batch)
{
    const haya_shape *params = &b->in[0].shape, *indices = &b->in[1].shape;
    int64_t dims[2 * HAYA_MAX_RANK];
    int rank = 0;
    if (batch > axis)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %d lies within %d batch dimensions", axis, batch);
    for (int i = 0; i < axis; i++)
        dims[rank++] = params->dims[i];
    for (int i = 0; i < indices->rank; i++) {
        if (i >= batch)
            dims[rank++] = indices->dims[i];
        else if (indices->dims[i] != params->dims[i])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: batch dimension %d differs", HY_SHAPE(params),
                                 HY_SHAPE(indices), i);
    }
    for (int i = axis + 1; i < params->rank; i++)
        dims[rank++] = params->dims[i];
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));

    int64_t batches = hy_ops_product(params, 0, batch), outer = hy_ops_product(params, batch, axis);
    int64_t rows = params->dims[axis], inner = hy_ops_product(params, axis + 1, params->rank);
    int64_t picked = hy_ops_product(indices, batch, indices->rank);
    haya_shape in = hy_shape_make(4, (const int64_t[]){batches, outer, rows, inner});
    haya_shape index = hy_shape_make(2, (const int64_t[]){batches, picked});
    haya_shape out = hy_shape_make(4, (const int64_t[]){batches, outer, picked, inner});
    hy_build_call *gather = hy_build_append(b, HY_GATHER, 0, 2, (const int32_t[]){0, 1});
    if (!gather)
        return HAYA_ERROR_MEMORY;
    gather->call.in[0] = hy_view_dense(b->in[0].dtype, &in);
    gather->call.in[1] = hy_view_dense(b->in[1].dtype, &index);
    gather->call.out = hy_view_dense(b->out[0].dtype, &out);
    return HAYA_OK;
}

static haya_status gather_types(hy_build *b)
{
    HY_TRY(hy_ops_inputs_have(b, "Tparams", 0, 1));
    return hy_ops_inputs_have(b, "Tindices", 1, 1);
}

static haya_status build_gather(hy_build *b)
{
    HY_TRY(gather_types(b));
    if (b->in[0].shape.rank < 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "nothing to pick from a scalar");
    return gather_at(b, 0, 0);
}

static haya_status build_gather_v2(hy_build *b)
{
    int64_t axis_value, batch = hy_attr_int(b, "batch_dims");
    int axis, indices = b->in[1].shape.rank;
    HY_TRY(gather_types(b));
    HY_TRY(hy_build_int(b, 2, &axis_value));
    HY_TRY(hy_ops_axis(b, axis_value, b->in[0].shape.rank, &axis));
    if (batch < -indices || batch > indices)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "batch_dims %lld, but indices of shape %s", (long long)batch,
                             HY_SHAPE(&b->in[1].shape));
    return gather_at(b, axis, (int)(batch < 0 ? batch + indices : batch));
}

/* ---- Blocks -------------------------------------------------------------------------------------------------- */

/* Both directions see the image as [n, h, block, w, block, c] and the depth as [n, h, w, block, block, c]: one view
   of rank 6 for each. `deep` is h x w x (block * block * c), `flat` h * block x w * block x c, channels last. */
static void view_blocks(hy_view *flat, hy_view *deep, int64_t block)
{
    int64_t n = deep->dims[0], h = deep->dims[1], w = deep->dims[2], c = flat->dims[3];
    const int64_t dims[] = {n, h, block, w, block, c}, *f = flat->strides, *d = deep->strides;
    const int64_t flat_strides[] = {f[0], f[1] * block, f[1], f[2] * block, f[2], f[3]};
    const int64_t deep_strides[] = {d[0], d[1], d[3] * block * c, d[2], d[3] * c, d[3]};
    hy_view new_flat = {.dtype = flat->dtype, .rank = 6}, new_deep = {.dtype = deep->dtype, .rank = 6};
    for (int i = 0; i < 6; i++) {
        new_flat.dims[i] = new_deep.dims[i] = dims[i];
        new_flat.strides[i] = flat_strides[i];
        new_deep.strides[i] = deep_strides[i];
    }
    *flat = new_flat;
    *deep = new_deep;
}

/* Checks what both directions have, and finds the places of channels, height and width. */
static haya_status begin_blocks(hy_build *b, int64_t *block, bool *channels_first, int *c, int *h, int *w)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_rank(b, 0, 4));
    HY_TRY(hy_ops_channels_first(b, channels_first));
    *block = hy_attr_int(b, "block_size");
    if (*block < 2 || *block > INT32_MAX)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "block_size is %lld", (long long)*block);
    *c = *channels_first ? 1 : 3;
    *h = *channels_first ? 2 : 1;
    *w = *channels_first ? 3 : 2;
    return HAYA_OK;
}

static haya_status build_space_to_depth(hy_build *b)
{
    haya_shape shape = b->in[0].shape;
    int64_t block = 1;
    bool channels_first = false;
    int c = 0, h = 0, w = 0;
    HY_TRY(begin_blocks(b, &block, &channels_first, &c, &h, &w));
    if (shape.dims[h] % block != 0 || shape.dims[w] % block != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s can't be divided into blocks of %lld x %lld",
                             HY_SHAPE(&shape), (long long)block, (long long)block);
    shape.dims[h] /= block;
    shape.dims[w] /= block;
    if (!hy_mul_int64(shape.dims[c], block * block, &shape.dims[c]))
        return hy_ops_overflow(b);
    HY_TRY(hy_ops_set_shape(b, 0, 4, shape.dims));
    hy_view in = hy_ops_in(b, 0), out = hy_ops_out(b, 0);
    hy_view flat = hy_ops_channels_last(&in, channels_first), deep = hy_ops_channels_last(&out, channels_first);
    view_blocks(&flat, &deep, block);
    return hy_ops_copy(b, 0, 0, &flat, &deep);
}

static haya_status build_depth_to_space(hy_build *b)
{
    haya_shape shape = b->in[0].shape;
    int64_t block = 1;
    bool channels_first = false;
    int c = 0, h = 0, w = 0;
    HY_TRY(begin_blocks(b, &block, &channels_first, &c, &h, &w));
    if (shape.dims[c] % (block * block) != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%lld channels of %s make no blocks of %lld x %lld",
                             (long long)shape.dims[c], HY_SHAPE(&shape), (long long)block, (long long)block);
    shape.dims[c] /= block * block;
    if (!hy_mul_int64(shape.dims[h], block, &shape.dims[h]) || !hy_mul_int64(shape.dims[w], block, &shape.dims[w]))
        return hy_ops_overflow(b);
    HY_TRY(hy_ops_set_shape(b, 0, 4, shape.dims));
    hy_view in = hy_ops_in(b, 0), out = hy_ops_out(b, 0);
    hy_view deep = hy_ops_channels_last(&in, channels_first), flat = hy_ops_channels_last(&out, channels_first);
    view_blocks(&flat, &deep, block);
    return hy_ops_copy(b, 0, 0, &deep, &flat);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def block_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"block_size", HY_ATTR_INT, .required = true},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {0},
};

static const hy_attr_def broadcast_to_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tidx", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def expand_dims_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tdim", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def gather_attrs[] = {
    {"validate_indices", HY_ATTR_BOOL, .hint = true},
    {"Tparams", HY_ATTR_TYPE, .required = true},
    {"Tindices", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_INDEX},
    {0},
};

static const hy_attr_def gather_v2_attrs[] = {
    {"batch_dims", HY_ATTR_INT, .fallback = {.i = 0}},
    {"Tparams", HY_ATTR_TYPE, .required = true},
    {"Tindices", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_INDEX},
    {"Taxis", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def reshape_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tshape", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def squeeze_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"squeeze_dims", HY_ATTR_LIST_INT, .fallback = {.count = 0}},
    {0},
};

static const hy_attr_def tile_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tmultiples", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def transpose_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tperm", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

const hy_op hy_ops_array[] = {
    /* input, shape */
    {.name = "BroadcastTo", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = broadcast_to_attrs, .build = build_broadcast_to},
    /* input */
    {.name = "DepthToSpace", .min_inputs = 1, .max_inputs = 1, .outputs = "output:T", .attrs = block_attrs,
     .build = build_depth_to_space},
    /* input, dim */
    {.name = "ExpandDims", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = expand_dims_attrs, .build = build_expand_dims},
    /* params, indices */
    {.name = "Gather", .min_inputs = 2, .max_inputs = 2, .outputs = "output:Tparams", .attrs = gather_attrs,
     .build = build_gather},
    /* params, indices, axis */
    {.name = "GatherV2", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(2),
     .outputs = "output:Tparams", .attrs = gather_v2_attrs, .build = build_gather_v2},
    /* tensor, shape */
    {.name = "Reshape", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = reshape_attrs, .build = build_reshape},
    /* input */
    {.name = "SpaceToDepth", .min_inputs = 1, .max_inputs = 1, .outputs = "output:T", .attrs = block_attrs,
     .build = build_space_to_depth},
    /* input */
    {.name = "Squeeze", .min_inputs = 1, .max_inputs = 1, .outputs = "output:T", .attrs = squeeze_attrs,
     .build = build_squeeze},
    /* input, multiples */
    {.name = "Tile", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = tile_attrs, .build = build_tile},
    /* x, perm */
    {.name = "Transpose", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "y:T",
     .attrs = transpose_attrs, .build = build_transpose},
    {0},
};
