/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting parts out of a tensor.
 */
#include "graph/ops_common.h"

/* ---- Slice --------------------------------------------------------------------------------------------------- */

static haya_status build_slice(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t begin[HAYA_MAX_RANK], size[HAYA_MAX_RANK];
    int begin_count, size_count;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_build_ints(b, 1, begin, HAYA_MAX_RANK, &begin_count));
    HY_TRY(hy_build_ints(b, 2, size, HAYA_MAX_RANK, &size_count));
    if (begin_count != shape->rank || size_count != shape->rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s takes %d begins and sizes, not %d and %d", HY_SHAPE(shape),
                             shape->rank, begin_count, size_count);
    hy_view from = hy_ops_in(b, 0);
    for (int i = 0; i < shape->rank; i++) {
        if (begin[i] < 0 || begin[i] > shape->dims[i])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "begin %lld lies outside dimension %d of %s",
                                 (long long)begin[i], i, HY_SHAPE(shape));
        if (size[i] == -1)
            size[i] = shape->dims[i] - begin[i];
        if (size[i] < 0 || size[i] > shape->dims[i] - begin[i])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "begin %lld and size %lld don't fit dimension %d of %s",
                                 (long long)begin[i], (long long)size[i], i, HY_SHAPE(shape));
        from = hy_ops_part(&from, i, begin[i], size[i]);
    }
    HY_TRY(hy_ops_set_shape(b, 0, shape->rank, size));
    if (hy_shape_equal(shape, &b->out[0].shape)) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    hy_view to = hy_ops_out(b, 0);
    return hy_ops_copy(b, 0, 0, &from, &to);
}

/* ---- StridedSlice -------------------------------------------------------------------------------------------- */

#define MAX_SPEC 32 /* items of a specification: one bit each in the masks */

/* x[begin:end:stride, ...] as the node has it */
typedef struct slice_spec {
    int count;
    int64_t begin[MAX_SPEC], end[MAX_SPEC], stride[MAX_SPEC];
    uint32_t begin_mask, end_mask, ellipsis, new_axis, shrink;
} slice_spec;

static haya_status read_mask(hy_build *b, const char *attr, uint32_t *mask)
{
    int64_t bits = hy_attr_int(b, attr);
    if (bits < INT32_MIN || bits > UINT32_MAX)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s is %lld", attr, (long long)bits);
    *mask = (uint32_t)bits;
    return HAYA_OK;
}

static haya_status read_spec(hy_build *b, slice_spec *spec)
{
    int ends, strides;
    HY_TRY(hy_build_ints(b, 1, spec->begin, MAX_SPEC, &spec->count));
    HY_TRY(hy_build_ints(b, 2, spec->end, MAX_SPEC, &ends));
    HY_TRY(hy_build_ints(b, 3, spec->stride, MAX_SPEC, &strides));
    if (ends != spec->count || strides != spec->count)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%d begins, %d ends and %d strides", spec->count, ends, strides);
    HY_TRY(read_mask(b, "begin_mask", &spec->begin_mask));
    HY_TRY(read_mask(b, "end_mask", &spec->end_mask));
    HY_TRY(read_mask(b, "ellipsis_mask", &spec->ellipsis));
    HY_TRY(read_mask(b, "new_axis_mask", &spec->new_axis));
    HY_TRY(read_mask(b, "shrink_axis_mask", &spec->shrink));
    return HAYA_OK;
}

static bool bit(uint32_t mask, int i)
{
    return mask >> i & 1;
}

/* x as a position for begin or end: counted from the end when negative, then kept to what the stride can reach. */
static int64_t clamp_position(int64_t x, int64_t dim, int64_t stride)
{
    int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
    if (x < 0)
        x += dim;
    return x < low ? low : x > high ? high : x;
}

/* Applies item i of the specification to dimension d of `view`. */
static haya_status cut(hy_build *b, const slice_spec *spec, int i, int d, hy_view *view)
{
    int64_t dim = view->dims[d], stride = spec->stride[i], begin, size;
    if (stride == 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "stride %d is 0", i);
    if (bit(spec->shrink, i)) {
        begin = spec->begin[i] < 0 ? spec->begin[i] + dim : spec->begin[i];
        if (stride < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "stride %lld for a single index", (long long)stride);
        if (begin < 0 || begin >= dim)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "index %lld lies outside dimension %d of %s",
                                 (long long)spec->begin[i], d, HY_SHAPE(&b->in[0].shape));
        size = 1;
    } else {
        begin = bit(spec->begin_mask, i) ? (stride > 0 ? 0 : dim - 1)
                                         : clamp_position(spec->begin[i], dim, stride);
        int64_t end = bit(spec->end_mask, i) ? (stride > 0 ? dim : -1) : clamp_position(spec->end[i], dim, stride);
        int64_t length = end - begin;
        bool empty = length == 0 || (length < 0) != (stride < 0);
        size = empty ? 0 : length / stride + (length % stride != 0);
    }
    *view = hy_ops_part(view, d, size ? begin : 0, size);
    if (size > 1) /* then |stride| < dim */
        view->strides[d] *= stride;
    return HAYA_OK;
}

/* Applies the specification: *view becomes the part of the input, with all its dimensions, and those
   of the result are added to dims[0 .. *rank - 1]: new ones are there, shrunk ones are not. */
static haya_status apply_spec(hy_build *b, const slice_spec *spec, hy_view *view, int64_t *dims, int *rank)
{
    int given = 0, d = 0;   /* input dimensions that items are for; the next one */
    bool ellipsis = false;
    for (int i = 0; i < spec->count; i++)
        given += !bit(spec->ellipsis, i) && !bit(spec->new_axis, i);
    if (given > view->rank)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%d indices into %s", given, HY_SHAPE(&b->in[0].shape));
    for (int i = 0; i < spec->count; i++) {
        if (bit(spec->ellipsis, i)) {
            if (ellipsis)
                return hy_build_fail(b, HAYA_ERROR_SHAPE, "two ellipses");
            ellipsis = true;
            for (int all = view->rank - given; all > 0; all--)
                dims[(*rank)++] = view->dims[d++];
        } else if (bit(spec->new_axis, i)) {
            dims[(*rank)++] = 1;
        } else {
            HY_TRY(cut(b, spec, i, d, view));
            if (!bit(spec->shrink, i))
                dims[(*rank)++] = view->dims[d];
            d++;
        }
    }
    while (d < view->rank) /* no ellipsis: one is at the end */
        dims[(*rank)++] = view->dims[d++];
    return HAYA_OK;
}

static haya_status build_strided_slice(hy_build *b)
{
    slice_spec spec;
    int64_t dims[MAX_SPEC + HAYA_MAX_RANK];
    int rank = 0;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(read_spec(b, &spec));
    hy_view in = hy_ops_in(b, 0), from = in;
    HY_TRY(apply_spec(b, &spec, &from, dims, &rank));
    HY_TRY(hy_ops_set_shape(b, 0, rank, dims));
    bool all = from.offset == 0;
    for (int i = 0; i < from.rank; i++)
        all = all && from.dims[i] == in.dims[i] && from.strides[i] == in.strides[i];
    if (all) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    haya_shape cut_shape = hy_shape_make(from.rank, from.dims);
    hy_view to = hy_view_dense(from.dtype, &cut_shape);
    return hy_ops_copy(b, 0, 0, &from, &to);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def slice_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Index", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def strided_slice_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Index", HY_ATTR_TYPE, .required = true},
    {"begin_mask", HY_ATTR_INT, .fallback = {.i = 0}},
    {"end_mask", HY_ATTR_INT, .fallback = {.i = 0}},
    {"ellipsis_mask", HY_ATTR_INT, .fallback = {.i = 0}},
    {"new_axis_mask", HY_ATTR_INT, .fallback = {.i = 0}},
    {"shrink_axis_mask", HY_ATTR_INT, .fallback = {.i = 0}},
    {0},
};

const hy_op hy_ops_slice[] = {
    /* input, begin, size */
    {.name = "Slice", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(1) | HY_STRUCTURAL(2),
     .outputs = "output:T", .attrs = slice_attrs, .build = build_slice},
    /* input, begin, end, strides */
    {.name = "StridedSlice", .min_inputs = 4, .max_inputs = 4,
     .structural = HY_STRUCTURAL(1) | HY_STRUCTURAL(2) | HY_STRUCTURAL(3), .outputs = "output:T",
     .attrs = strided_slice_attrs, .build = build_strided_slice},
    {0},
};
