/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix product, bias, batch normalization, softmax.
 */
#include <string.h>

#include "graph/ops_common.h"

/* ---- Matrix product ------------------------------------------------------------------------------------------ */

static haya_status build_matmul(hy_build *b)
{
    static const int swap[] = {1, 0};
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 2));
    HY_TRY(hy_ops_rank(b, 0, 2));
    HY_TRY(hy_ops_rank(b, 1, 2));
    hy_view x = hy_ops_in(b, 0), y = hy_ops_in(b, 1);
    if (hy_attr_bool(b, "transpose_a"))
        x = hy_view_permute(&x, swap);
    if (hy_attr_bool(b, "transpose_b"))
        y = hy_view_permute(&y, swap);
    if (x.dims[1] != y.dims[0])
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s%s and %s%s: %lld columns, but %lld rows",
                             HY_SHAPE(&b->in[0].shape), hy_attr_bool(b, "transpose_a") ? " transposed" : "",
                             HY_SHAPE(&b->in[1].shape), hy_attr_bool(b, "transpose_b") ? " transposed" : "",
                             (long long)x.dims[1], (long long)y.dims[0]);
    HY_TRY(hy_ops_set_shape(b, 0, 2, (const int64_t[]){x.dims[0], y.dims[1]}));
    hy_build_call *product = hy_build_append(b, HY_MATMUL, 0, 2, (const int32_t[]){0, 1});
    if (!product)
        return HAYA_ERROR_MEMORY;
    product->call.in[0] = x;
    product->call.in[1] = y;
    return HAYA_OK;
}

/* ---- By channel ---------------------------------------------------------------------------------------------- */

/* Inputs 1 .. count - 1 are vectors with one element for each channel of input 0, whose shape the result has. Views
   have their channels last. */
static haya_status append_by_channel(hy_build *b, hy_family family, int count, bool channels_first,
                                     hy_build_call **call)
{
    const haya_shape *shape = &b->in[0].shape;
    if (shape->rank < 2)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s has no channels", HY_SHAPE(shape));
    int64_t channels = shape->dims[channels_first ? 1 : shape->rank - 1];
    for (int i = 1; i < count; i++)
        if (b->in[i].shape.rank != 1 || b->in[i].shape.dims[0] != channels)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: input %d must have one element for each of %lld "
                                 "channels", HY_SHAPE(shape), HY_SHAPE(&b->in[i].shape), i, (long long)channels);
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    *call = hy_build_append(b, family, 0, count, (const int32_t[]){0, 1, 2});
    if (!*call)
        return HAYA_ERROR_MEMORY;
    hy_call *c = &(*call)->call;
    c->in[0] = hy_ops_channels_last(&c->in[0], channels_first);
    c->out = hy_ops_channels_last(&c->out, channels_first);
    for (int i = 1; i < count; i++)
        hy_view_broadcast(&c->in[i], c->out.rank, c->out.dims);
    return HAYA_OK;
}

static haya_status append_bias(hy_build *b, bool channels_first)
{
    hy_build_call *bias;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 2));
    HY_TRY(append_by_channel(b, HY_BINARY, 2, channels_first, &bias));
    bias->call.binary.op = HY_ADD;
    return HAYA_OK;
}

static haya_status build_bias_add(hy_build *b)
{
    bool channels_first;
    HY_TRY(hy_ops_channels_first(b, &channels_first));
    return append_bias(b, channels_first);
}

static haya_status build_bias_add_v1(hy_build *b)
{
    return append_bias(b, false);
}

/* ---- Batch normalization ------------------------------------------------------------------------------------- */

/* The inference form, y = x * scale + shift, is rewritten into the rows with '@' when a program is made. */
static haya_status build_batch_norm(hy_build *b)
{
    if (hy_attr_bool(b, "is_training"))
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "batch norm is still training (is_training is true); "
                             "freeze the graph for inference");
    return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "batch norm is computed in its inference form only, and only "
                         "its first output");
}

static haya_status append_fold(hy_build *b, bool shift)
{
    HY_TRY(hy_ops_inputs_are(b, HAYA_FLOAT32, 0, b->in_count));
    HY_TRY(hy_ops_rank(b, 0, 1));
    for (int i = 1; i < b->in_count; i++)
        if (!hy_shape_equal(&b->in[0].shape, &b->in[i].shape))
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "parameters of shapes %s and %s", HY_SHAPE(&b->in[0].shape),
                                 HY_SHAPE(&b->in[i].shape));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    hy_build_call *fold = hy_ops_elementwise(b, HY_BATCH_NORM_FOLD, b->in_count);
    if (!fold)
        return HAYA_ERROR_MEMORY;
    fold->call.batch_norm_fold.shift = shift;
    fold->call.batch_norm_fold.epsilon = hy_attr_float(b, "epsilon");
    return HAYA_OK;
}

static haya_status build_batch_norm_scale(hy_build *b)
{
    return append_fold(b, false);
}

static haya_status build_batch_norm_shift(hy_build *b)
{
    return append_fold(b, true);
}

static haya_status build_scale_shift(hy_build *b)
{
    static const struct {
        const char *name;
        bool channels_first;
    } formats[] = {{"NHWC", false}, {"NCHW", true}, {"NDHWC", false}, {"NCDHW", true}};
    const char *format = hy_attr_string(b, "data_format");
    hy_build_call *scale_shift;
    HY_TRY(hy_ops_inputs_are(b, HAYA_FLOAT32, 0, 3));
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i].name) != 0)
            continue;
        HY_TRY(hy_ops_rank(b, 0, (int)strlen(format)));
        return append_by_channel(b, HY_SCALE_SHIFT, 3, formats[i].channels_first, &scale_shift);
    }
    return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "data_format '%s' is not supported", format);
}

/* ---- Softmax ------------------------------------------------------------------------------------------------- */

static haya_status build_softmax(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    if (shape->rank < 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "a scalar has no last dimension");
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    int64_t rows[] = {hy_ops_product(shape, 0, shape->rank - 1), shape->dims[shape->rank - 1]};
    haya_shape matrix = hy_shape_make(2, rows);
    hy_build_call *softmax = hy_build_append(b, HY_SOFTMAX, 0, 1, (const int32_t[]){0});
    if (!softmax)
        return HAYA_ERROR_MEMORY;
    softmax->call.in[0] = softmax->call.out = hy_view_dense(HAYA_FLOAT32, &matrix);
    return HAYA_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def matmul_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"transpose_a", HY_ATTR_BOOL, .fallback = {.b = false}},
    {"transpose_b", HY_ATTR_BOOL, .fallback = {.b = false}},
    {"grad_a", HY_ATTR_BOOL, .hint = true},
    {"grad_b", HY_ATTR_BOOL, .hint = true},
    {0},
};

static const hy_attr_def bias_add_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {0},
};

static const hy_attr_def batch_norm_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"epsilon", HY_ATTR_FLOAT, .fallback = {.f = 0.0001f}},
    {"exponential_avg_factor", HY_ATTR_FLOAT, .hint = true},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {"is_training", HY_ATTR_BOOL, .fallback = {.b = true}},
    {0},
};

static const hy_attr_def batch_norm_v2_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"U", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"epsilon", HY_ATTR_FLOAT, .fallback = {.f = 0.0001f}},
    {"exponential_avg_factor", HY_ATTR_FLOAT, .hint = true},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {"is_training", HY_ATTR_BOOL, .fallback = {.b = true}},
    {0},
};

static const hy_attr_def fold_attrs[] = {{"epsilon", HY_ATTR_FLOAT, .required = true}, {0}};
static const hy_attr_def scale_shift_attrs[] = {{"data_format", HY_ATTR_STRING, .fallback = HY_NHWC}, {0}};

const hy_op hy_ops_nn[] = {
    /* gamma, variance */
    {.name = "@BatchNormScale", .min_inputs = 2, .max_inputs = 2, .outputs = "scale:@float32", .attrs = fold_attrs,
     .build = build_batch_norm_scale},
    /* gamma, variance, beta, mean */
    {.name = "@BatchNormShift", .min_inputs = 4, .max_inputs = 4, .outputs = "shift:@float32", .attrs = fold_attrs,
     .build = build_batch_norm_shift},
    /* x, scale, shift */
    {.name = "@ScaleShift", .min_inputs = 3, .max_inputs = 3, .outputs = "y:@float32", .attrs = scale_shift_attrs,
     .build = build_scale_shift},
    /* value, bias */
    {.name = "BiasAdd", .min_inputs = 2, .max_inputs = 2, .outputs = "output:T", .attrs = bias_add_attrs,
     .build = build_bias_add},
    {.name = "BiasAddV1", .min_inputs = 2, .max_inputs = 2, .outputs = "output:T",
     .attrs = hy_attrs_t_number, .build = build_bias_add_v1},
    /* x, scale, offset, mean, variance */
    {.name = "FusedBatchNorm", .min_inputs = 5, .max_inputs = 5,
     .outputs = "y:T batch_mean:T batch_variance:T reserve_space_1:T reserve_space_2:T",
     .attrs = batch_norm_attrs, .build = build_batch_norm},
    {.name = "FusedBatchNormV2", .min_inputs = 5, .max_inputs = 5,
     .outputs = "y:T batch_mean:U batch_variance:U reserve_space_1:U reserve_space_2:U",
     .attrs = batch_norm_v2_attrs, .build = build_batch_norm},
    {.name = "FusedBatchNormV3", .min_inputs = 5, .max_inputs = 5,
     .outputs = "y:T batch_mean:U batch_variance:U reserve_space_1:U reserve_space_2:U reserve_space_3:U",
     .attrs = batch_norm_v2_attrs, .build = build_batch_norm},
    /* a, b */
    {.name = "MatMul", .min_inputs = 2, .max_inputs = 2, .outputs = "product:T", .attrs = matmul_attrs,
     .build = build_matmul},
    /* logits */
    {.name = "Softmax", .min_inputs = 1, .max_inputs = 1, .outputs = "softmax:T", .attrs = hy_attrs_t_float,
     .build = build_softmax},
    {0},
};
