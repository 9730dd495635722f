/* SPDX-License-Identifier: Apache-2.0
 *
 * Padding, with a value or with mirror images.
 */
#include <string.h>

#include "graph/ops_common.h"

typedef struct paddings {
    int64_t before[HAYA_MAX_RANK], after[HAYA_MAX_RANK];
    bool none;
} paddings;

/* Reads input 1, [rank, 2], and sets the output's shape. */
static haya_status read_paddings(hy_build *b, paddings *pads)
{
    const hy_operand *in = &b->in[1];
    const haya_shape *shape = &b->in[0].shape;
    int64_t dims[HAYA_MAX_RANK];
    if (in->dtype != HAYA_INT32 && in->dtype != HAYA_INT64)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "paddings must be int32 or int64, not %s",
                             haya_dtype_name(in->dtype));
    if (in->shape.rank != 2 || in->shape.dims[0] != shape->rank || in->shape.dims[1] != 2)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "paddings of %s must be of shape [%d, 2], not %s",
                             HY_SHAPE(shape), shape->rank, HY_SHAPE(&in->shape));
    pads->none = true;
    for (int i = 0; i < shape->rank; i++) {
        int64_t pair[2];
        for (int k = 0; k < 2; k++) {
            pair[k] = in->dtype == HAYA_INT32 ? ((const int32_t *)in->value)[2 * i + k]
                                              : ((const int64_t *)in->value)[2 * i + k];
            if (pair[k] < 0)
                return hy_build_fail(b, HAYA_ERROR_SHAPE, "a padding of %lld", (long long)pair[k]);
        }
        pads->before[i] = pair[0];
        pads->after[i] = pair[1];
        if (!hy_add_int64(pair[0], pair[1], &dims[i]) || !hy_add_int64(dims[i], shape->dims[i], &dims[i]))
            return hy_ops_overflow(b);
        if (pair[0] != 0 || pair[1] != 0)
            pads->none = false;
    }
    return hy_ops_set_shape(b, 0, shape->rank, dims);
}

/* ---- With a value -------------------------------------------------------------------------------------------- */

/* The scalar `value` of `source` to all of output 0 that is around the input. */
static haya_status fill_borders(hy_build *b, const paddings *pads, int32_t source, const hy_view *value)
{
    hy_view rest = hy_ops_out(b, 0); /* what is neither filled yet nor to be skipped */
    for (int i = 0; i < rest.rank; i++) {
        int64_t inner = b->in[0].shape.dims[i], begins[] = {0, pads->before[i] + inner};
        int64_t sizes[] = {pads->before[i], pads->after[i]};
        for (int k = 0; k < 2; k++) {
            hy_view to = hy_ops_part(&rest, i, begins[k], sizes[k]), from = *value;
            hy_view_broadcast(&from, to.rank, to.dims);
            HY_TRY(hy_ops_copy(b, 0, source, &from, &to));
        }
        rest = hy_ops_part(&rest, i, pads->before[i], inner);
    }
    hy_view in = hy_ops_in(b, 0);
    return hy_ops_copy(b, 0, 0, &in, &rest);
}

static haya_status build_pad(hy_build *b)
{
    paddings pads;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(read_paddings(b, &pads));
    if (pads.none) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    hy_view zero = hy_ops_zero(b, 0);
    return fill_borders(b, &pads, HY_SOURCE_ZERO, &zero);
}

static haya_status build_pad_v2(hy_build *b)
{
    paddings pads;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_inputs_have(b, "T", 2, 1));
    HY_TRY(hy_ops_rank(b, 2, 0));
    HY_TRY(read_paddings(b, &pads));
    if (pads.none) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    hy_view value = hy_ops_in(b, 2);
    return fill_borders(b, &pads, 2, &value);
}

/* ---- With mirror images -------------------------------------------------------------------------------------- */

#define MIRROR_RANK 5 /* bounds the number of regions; TensorFlow's limit as well */

typedef enum region { REGION_BEFORE, REGION_INSIDE, REGION_AFTER, REGION_COUNT } region;

/* Narrows `from` and `to` to one region of dimension i. `edge` is 1 when the mirror leaves out the border. */
static void narrow(region where, int i, const paddings *pads, int64_t edge, hy_view *from, hy_view *to)
{
    int64_t dim = from->dims[i];
    if (where == REGION_BEFORE) {
        *to = hy_ops_part(to, i, 0, pads->before[i]);
        *from = hy_ops_part(from, i, pads->before[i] - 1 + edge, pads->before[i]);
    } else if (where == REGION_INSIDE) {
        *to = hy_ops_part(to, i, pads->before[i], dim);
        return;
    } else {
        *to = hy_ops_part(to, i, pads->before[i] + dim, pads->after[i]);
        *from = hy_ops_part(from, i, dim - 1 - edge, pads->after[i]);
    }
    from->strides[i] = -from->strides[i];
}

static haya_status read_mode(hy_build *b, int64_t *edge)
{
    const char *mode = hy_attr_string(b, "mode");
    *edge = strcmp(mode, "REFLECT") == 0;
    if (!*edge && strcmp(mode, "SYMMETRIC") != 0)
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "mode '%s' is not supported", mode);
    return HAYA_OK;
}

static haya_status build_mirror_pad(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    paddings pads;
    int64_t edge;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(read_mode(b, &edge));
    HY_TRY(read_paddings(b, &pads));
    if (shape->rank > MIRROR_RANK)
        return hy_build_fail(b, HAYA_ERROR_LIMIT, "%s has more than %d dimensions", HY_SHAPE(shape), MIRROR_RANK);
    for (int i = 0; i < shape->rank; i++) {
        int64_t wider = pads.before[i] > pads.after[i] ? pads.before[i] : pads.after[i];
        if (wider > 0 && wider > shape->dims[i] - edge)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s has too few elements in dimension %d to mirror %lld",
                                 HY_SHAPE(shape), i, (long long)wider);
    }
    if (pads.none) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    int regions = 1;
    for (int i = 0; i < shape->rank; i++)
        regions *= REGION_COUNT;
    for (int r = 0; r < regions; r++) {
        hy_view from = hy_ops_in(b, 0), to = hy_ops_out(b, 0);
        for (int i = 0, digits = r; i < shape->rank; i++, digits /= REGION_COUNT)
            narrow((region)(digits % REGION_COUNT), i, &pads, edge, &from, &to);
        HY_TRY(hy_ops_copy(b, 0, 0, &from, &to));
    }
    return HAYA_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def pad_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tpaddings", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {0},
};

static const hy_attr_def mirror_pad_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"Tpaddings", HY_ATTR_TYPE, .fallback = {.type = HAYA_INT32}},
    {"mode", HY_ATTR_STRING, .required = true},
    {0},
};

const hy_op hy_ops_pad[] = {
    /* input, paddings */
    {.name = "MirrorPad", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = mirror_pad_attrs, .build = build_mirror_pad},
    {.name = "Pad", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = pad_attrs, .build = build_pad},
    /* input, paddings, constant_values */
    {.name = "PadV2", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(1), .outputs = "output:T",
     .attrs = pad_attrs, .build = build_pad_v2},
    {0},
};
