/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops_common.h"

#include <string.h>

const hy_attr_def hy_attrs_t[] = {{"T", HY_ATTR_TYPE, .required = true}, {0}};
const hy_attr_def hy_attrs_t_number[] = {{"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER}, {0}};
const hy_attr_def hy_attrs_t_float[] = {{"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT}, {0}};

/* ---- Types --------------------------------------------------------------------------------------------------- */

haya_status hy_ops_inputs_are(hy_build *b, haya_dtype dtype, int first, int count)
{
    for (int i = first; i < first + count; i++)
        if (b->in[i].dtype != dtype)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d is %s, but must be %s", i,
                                 haya_dtype_name(b->in[i].dtype), haya_dtype_name(dtype));
    return HAYA_OK;
}

haya_status hy_ops_inputs_have(hy_build *b, const char *attr, int first, int count)
{
    return hy_ops_inputs_are(b, hy_attr_type(b, attr), first, count);
}

/* ---- Shapes -------------------------------------------------------------------------------------------------- */

haya_status hy_ops_overflow(hy_build *b)
{
    return hy_build_fail(b, HAYA_ERROR_LIMIT, "the result is too large");
}

haya_status hy_ops_set_shape(hy_build *b, int out, int rank, const int64_t *dims)
{
    if (rank > HAYA_MAX_RANK)
        return hy_build_fail(b, HAYA_ERROR_LIMIT, "the result has %d dimensions; %d are the limit", rank,
                             HAYA_MAX_RANK);
    haya_shape shape = hy_shape_make(rank, dims);
    if (hy_shape_bytes(&shape, b->out[out].dtype) < 0)
        return hy_build_fail(b, HAYA_ERROR_LIMIT, "a result of shape %s is too large", HY_SHAPE(&shape));
    b->out[out].shape = shape;
    return HAYA_OK;
}

haya_status hy_ops_same_shape(hy_build *b, int out, int in)
{
    return hy_ops_set_shape(b, out, b->in[in].shape.rank, b->in[in].shape.dims);
}

haya_status hy_ops_rank(hy_build *b, int in, int rank)
{
    if (b->in[in].shape.rank != rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d of shape %s must have rank %d", in,
                             HY_SHAPE(&b->in[in].shape), rank);
    return HAYA_OK;
}

haya_status hy_ops_scalar(hy_build *b, int in)
{
    const haya_shape *shape = &b->in[in].shape;
    if (shape->rank > 1 || hy_shape_elements(shape) != 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d of shape %s must be a scalar", in, HY_SHAPE(shape));
    return HAYA_OK;
}

haya_status hy_ops_axis(hy_build *b, int64_t axis, int rank, int *normal)
{
    if (axis < -rank || axis >= rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "axis %lld is outside a rank of %d", (long long)axis, rank);
    *normal = (int)(axis < 0 ? axis + rank : axis);
    return HAYA_OK;
}

bool hy_ops_broadcast(const haya_shape *x, const haya_shape *y, haya_shape *result)
{
    int rank = x->rank > y->rank ? x->rank : y->rank;
    *result = (haya_shape){.rank = rank};
    for (int i = 0; i < rank; i++) {
        int from_x = i - (rank - x->rank), from_y = i - (rank - y->rank);
        int64_t dim_x = from_x < 0 ? 1 : x->dims[from_x];
        int64_t dim_y = from_y < 0 ? 1 : y->dims[from_y];
        if (dim_x != dim_y && dim_x != 1 && dim_y != 1)
            return false;
        result->dims[i] = dim_x == 1 ? dim_y : dim_x;
    }
    return true;
}

haya_status hy_ops_count(hy_build *b, const char *attr, int count)
{
    if (hy_attr_int(b, attr) != count)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "attribute '%s' is %lld, but must be %d", attr,
                             (long long)hy_attr_int(b, attr), count);
    return HAYA_OK;
}

int64_t hy_ops_product(const haya_shape *shape, int first, int end)
{
    int64_t product = 1;
    for (int i = first; i < end; i++)
        product *= shape->dims[i]; /* at most hy_shape_elements, zeros left out */
    return product;
}

/* ---- Views --------------------------------------------------------------------------------------------------- */

hy_view hy_ops_in(const hy_build *b, int in)
{
    return hy_view_dense(b->in[in].dtype, &b->in[in].shape);
}

hy_view hy_ops_out(const hy_build *b, int out)
{
    return hy_view_dense(b->out[out].dtype, &b->out[out].shape);
}

hy_view hy_ops_zero(const hy_build *b, int out)
{
    return (hy_view){.dtype = b->out[out].dtype};
}

hy_view hy_ops_part(const hy_view *view, int axis, int64_t begin, int64_t size)
{
    hy_view part = *view;
    part.offset += begin * view->strides[axis];
    part.dims[axis] = size;
    return part;
}

haya_status hy_ops_channels_first(hy_build *b, bool *first)
{
    const char *format = hy_attr_string(b, "data_format");
    *first = strcmp(format, "NCHW") == 0;
    if (!*first && strcmp(format, "NHWC") != 0)
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "data_format '%s' is not supported", format);
    return HAYA_OK;
}

hy_view hy_ops_channels_last(const hy_view *view, bool channels_first)
{
    if (!channels_first)
        return *view;
    int order[HY_VIEW_RANK] = {0};
    for (int i = 1; i < view->rank - 1; i++)
        order[i] = i + 1;
    order[view->rank - 1] = 1;
    return hy_view_permute(view, order);
}

/* ---- Results ------------------------------------------------------------------------------------------------- */

haya_status hy_ops_copy(hy_build *b, int target, int32_t source, const hy_view *from, const hy_view *to)
{
    if (hy_view_elements(to) <= 0) /* below 0: dims that overflow, but next to a 0, since the output has a size */
        return HAYA_OK;
    hy_build_call *copy = hy_build_append(b, HY_COPY, target, 1, &source);
    if (!copy)
        return HAYA_ERROR_MEMORY;
    copy->call.in[0] = *from;
    copy->call.out = *to;
    return HAYA_OK;
}

hy_build_call *hy_ops_elementwise(hy_build *b, hy_family family, int count)
{
    static const int32_t sources[HY_CALL_INPUTS] = {0, 1, 2, 3, 4};
    hy_build_call *call = hy_build_append(b, family, 0, count, sources);
    if (!call)
        return NULL;
    for (int i = 0; i < count; i++)
        hy_view_broadcast(&call->call.in[i], call->call.out.rank, call->call.out.dims);
    return call;
}

haya_status hy_ops_known(hy_build *b, int out, void **memory)
{
    const hy_operand *operand = &b->out[out];
    if (hy_shape_bytes(&operand->shape, operand->dtype) > HY_FOLD_LIMIT)
        return hy_build_fail(b, HAYA_ERROR_LIMIT, "a result of shape %s, known when planning, exceeds %d MiB",
                             HY_SHAPE(&operand->shape), HY_FOLD_LIMIT / (1024 * 1024));
    *memory = hy_build_known(b, out);
    return *memory ? HAYA_OK : HAYA_ERROR_MEMORY;
}
