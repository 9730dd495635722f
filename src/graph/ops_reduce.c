/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums, means and extremes over axes.
 */
#include "graph/ops_common.h"

/* The axes of input 1 as one flag for each dimension of input 0. */
static haya_status read_axes(hy_build *b, bool *reduced)
{
    int64_t axes[HAYA_MAX_RANK];
    int count;
    HY_TRY(hy_build_ints(b, 1, axes, HAYA_MAX_RANK, &count));
    for (int i = 0; i < count; i++) {
        int axis;
        HY_TRY(hy_ops_axis(b, axes[i], b->in[0].shape.rank, &axis));
        if (reduced[axis])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %d is given twice", axis);
        reduced[axis] = true;
    }
    return HAYA_OK;
}

static haya_status build_reduce(hy_build *b, hy_reduce op)
{
    const haya_shape *shape = &b->in[0].shape;
    bool reduced[HAYA_MAX_RANK] = {false}, keep_dims = hy_attr_bool(b, "keep_dims"), same = true;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(read_axes(b, reduced));

    int order[HAYA_MAX_RANK], kept = 0, rank = 0;
    int64_t dims[HAYA_MAX_RANK], kept_dims[HAYA_MAX_RANK];
    for (int i = 0; i < shape->rank; i++) {
        if (!reduced[i] || keep_dims)
            dims[rank++] = reduced[i] ? 1 : shape->dims[i];
        if (reduced[i] && shape->dims[i] != 1)
            same = false;
        if (!reduced[i]) {
            kept_dims[kept] = shape->dims[i];
            order[kept++] = i;
        }
    }
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    if (same) { /* of one element each, sum, mean and extremes are the element */
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    for (int i = 0, at = kept; i < shape->rank; i++)
        if (reduced[i])
            order[at++] = i;

    haya_shape kept_shape = hy_shape_make(kept, kept_dims);
    hy_build_call *reduce = hy_build_append(b, HY_REDUCE, 0, 1, (const int32_t[]){0});
    if (!reduce)
        return HAYA_ERROR_MEMORY;
    reduce->call.in[0] = hy_view_permute(&reduce->call.in[0], order);
    reduce->call.out = hy_view_dense(b->out[0].dtype, &kept_shape);
    reduce->call.reduce.op = op;
    reduce->call.reduce.kept = kept;
    return HAYA_OK;
}

static haya_status build_max(hy_build *b)
{
    return build_reduce(b, HY_REDUCE_MAX);
}

static haya_status build_mean(hy_build *b)
{
    return build_reduce(b, HY_REDUCE_MEAN);
}

static haya_status build_min(hy_build *b)
{
    return build_reduce(b, HY_REDUCE_MIN);
}

static haya_status build_prod(hy_build *b)
{
    return build_reduce(b, HY_REDUCE_PROD);
}

static haya_status build_sum(hy_build *b)
{
    return build_reduce(b, HY_REDUCE_SUM);
}

static const hy_attr_def attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER},
    {"Tidx", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {"keep_dims", HY_ATTR_BOOL, .fallback = {.b = false}},
    {0},
};

/* input, reduction_indices */
#define ROW(op, function)                                                                                      \
    {.name = op, .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T", \
     .attrs = attrs, .build = function}

const hy_op hy_ops_reduce[] = {
    ROW("Max", build_max),
    ROW("Mean", build_mean),
    ROW("Min", build_min),
    ROW("Prod", build_prod),
    ROW("Sum", build_sum),
    {0},
};
