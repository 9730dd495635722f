/* SPDX-License-Identifier: Apache-2.0
 *
 * What slides a window over an image: convolutions and pools.
 */
#include "graph/ops_common.h"

/* ---- Convolutions -------------------------------------------------------------------------------------------- */

/* The image dimensions of a shape in either layout. */
typedef struct image_dims {
    int64_t n, size[2] /* height, width */, c;
} image_dims;

static image_dims image_of(const int64_t *dims, bool channels_first)
{
    if (channels_first)
        return (image_dims){dims[0], {dims[2], dims[3]}, dims[1]};
    return (image_dims){dims[0], {dims[1], dims[2]}, dims[3]};
}

static haya_status set_image(hy_build *b, image_dims image, bool channels_first)
{
    if (channels_first)
        return hy_ops_set_shape(b, 0, 4, (const int64_t[]){image.n, image.c, image.size[0], image.size[1]});
    return hy_ops_set_shape(b, 0, 4, (const int64_t[]){image.n, image.size[0], image.size[1], image.c});
}

/* Refuses what no convolution takes, and reads the window. */
static haya_status read_convolution(hy_build *b, int image, int filter, hy_ops_window *window)
{
    const haya_shape *shape = &b->in[filter].shape;
    HY_TRY(hy_ops_inputs_have(b, "T", filter, 1));
    HY_TRY(hy_ops_inputs_have(b, "T", image, 1));
    HY_TRY(hy_ops_rank(b, image, 4));
    HY_TRY(hy_ops_rank(b, filter, 4));
    if (hy_shape_elements(shape) == 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "the filter %s is empty", HY_SHAPE(shape));
    HY_TRY(hy_ops_window_read(b, window));
    HY_TRY(hy_ops_window_attr(b, window, "strides", window->stride));
    HY_TRY(hy_ops_window_attr(b, window, "dilations", window->dilation));
    window->kernel[0] = shape->dims[0];
    window->kernel[1] = shape->dims[1];
    return HAYA_OK;
}

/* The call, with views of image, filter and output in the order that kernels want. */
static haya_status append_convolution(hy_build *b, hy_family family, int image, int filter,
                                      const hy_ops_window *window)
{
    hy_build_call *c = hy_build_append(b, family, 0, 2, (const int32_t[]){image, filter});
    if (!c)
        return HAYA_ERROR_MEMORY;
    c->call.in[0] = hy_ops_channels_last(&c->call.in[0], window->channels_first);
    c->call.out = hy_ops_channels_last(&c->call.out, window->channels_first);
    c->call.window = hy_ops_window_of_call(window);
    return HAYA_OK;
}

static haya_status build_conv2d(hy_build *b)
{
    const haya_shape *filter = &b->in[1].shape;
    hy_ops_window window;
    HY_TRY(read_convolution(b, 0, 1, &window));
    image_dims image = image_of(b->in[0].shape.dims, window.channels_first);
    /* A filter of fewer channels than the image has is applied to groups of channels. */
    if (image.c == 0 || image.c % filter->dims[2] != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: %lld channels are no multiple of the filter's %lld",
                             HY_SHAPE(&b->in[0].shape), HY_SHAPE(filter), (long long)image.c,
                             (long long)filter->dims[2]);
    int64_t groups = image.c / filter->dims[2];
    if (filter->dims[3] % groups != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: %lld filters can't be divided into %lld groups",
                             HY_SHAPE(&b->in[0].shape), HY_SHAPE(filter), (long long)filter->dims[3],
                             (long long)groups);
    HY_TRY(hy_ops_window_fit(b, &window, image.size, image.size));
    image.c = filter->dims[3];
    HY_TRY(set_image(b, image, window.channels_first));
    return append_convolution(b, HY_CONV2D, 0, 1, &window);
}

static haya_status build_depthwise(hy_build *b)
{
    const haya_shape *filter = &b->in[1].shape;
    hy_ops_window window;
    HY_TRY(read_convolution(b, 0, 1, &window));
    image_dims image = image_of(b->in[0].shape.dims, window.channels_first);
    if (image.c != filter->dims[2])
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: %lld channels, but a filter for %lld",
                             HY_SHAPE(&b->in[0].shape), HY_SHAPE(filter), (long long)image.c,
                             (long long)filter->dims[2]);
    HY_TRY(hy_ops_window_fit(b, &window, image.size, image.size));
    if (!hy_mul_int64(filter->dims[2], filter->dims[3], &image.c))
        return hy_ops_overflow(b);
    HY_TRY(set_image(b, image, window.channels_first));
    return append_convolution(b, HY_DEPTHWISE, 0, 1, &window);
}

/* The shape of a transposed convolution's result: all of it, or height and width alone. */
static haya_status read_input_sizes(hy_build *b, const hy_ops_window *window, image_dims gradient,
                                    image_dims *image)
{
    int64_t sizes[4];
    int count;
    HY_TRY(hy_build_ints(b, 0, sizes, 4, &count));
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "input_sizes has %lld", (long long)sizes[i]);
    if (count == 4) {
        *image = image_of(sizes, window->channels_first);
    } else if (count == 2) {
        *image = (image_dims){gradient.n, {sizes[0], sizes[1]}, b->in[1].shape.dims[2]};
    } else {
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input_sizes has %d numbers, but must have 4 or 2", count);
    }
    return HAYA_OK;
}

/* Gives the image whose convolution with the filter would have out_backprop's shape. */
static haya_status build_conv2d_transpose(hy_build *b)
{
    const haya_shape *filter = &b->in[1].shape, *shape = &b->in[2].shape;
    hy_ops_window window;
    image_dims image;
    HY_TRY(read_convolution(b, 2, 1, &window));
    image_dims gradient = image_of(shape->dims, window.channels_first);
    HY_TRY(read_input_sizes(b, &window, gradient, &image));
    HY_TRY(set_image(b, image, window.channels_first));
    if (gradient.c != filter->dims[3])
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s: %lld channels, but a filter for %lld",
                             HY_SHAPE(shape), HY_SHAPE(filter), (long long)gradient.c, (long long)filter->dims[3]);
    if (image.c != filter->dims[2]) {
        bool grouped = image.c != 0 && image.c % filter->dims[2] == 0;
        return hy_build_fail(b, grouped ? HAYA_ERROR_UNSUPPORTED : HAYA_ERROR_SHAPE,
                             "a result of %lld channels%s, but a filter for %lld", (long long)image.c,
                             grouped ? " in groups" : "", (long long)filter->dims[2]);
    }
    int64_t forward[2];
    HY_TRY(hy_ops_window_fit(b, &window, image.size, forward));
    if (gradient.n != image.n || gradient.size[0] != forward[0] || gradient.size[1] != forward[1])
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "a result of shape %s takes %lld images of %lld x %lld, not %s",
                             HY_SHAPE(&b->out[0].shape), (long long)image.n, (long long)forward[0],
                             (long long)forward[1], HY_SHAPE(shape));
    return append_convolution(b, HY_CONV2D_TRANSPOSE, 2, 1, &window);
}

/* ---- Pools --------------------------------------------------------------------------------------------------- */

/* The window is read but for its paddings' fit. */
static haya_status append_pool(hy_build *b, hy_ops_window *window, bool max)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_rank(b, 0, 4));
    for (int i = 0; i < 2; i++)
        if (window->before[i] >= window->kernel[i] || window->after[i] >= window->kernel[i])
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "explicit_paddings must be smaller than the window");
    image_dims image = image_of(b->in[0].shape.dims, window->channels_first);
    HY_TRY(hy_ops_window_fit(b, window, image.size, image.size));
    HY_TRY(set_image(b, image, window->channels_first));
    hy_build_call *pool = hy_build_append(b, HY_POOL, 0, 1, (const int32_t[]){0});
    if (!pool)
        return HAYA_ERROR_MEMORY;
    pool->call.in[0] = hy_ops_channels_last(&pool->call.in[0], window->channels_first);
    pool->call.out = hy_ops_channels_last(&pool->call.out, window->channels_first);
    pool->call.window = hy_ops_window_of_call(window);
    pool->call.pool.max = max;
    return HAYA_OK;
}

static haya_status build_pool(hy_build *b, bool max)
{
    hy_ops_window window;
    HY_TRY(hy_ops_window_read(b, &window));
    HY_TRY(hy_ops_window_attr(b, &window, "ksize", window.kernel));
    HY_TRY(hy_ops_window_attr(b, &window, "strides", window.stride));
    return append_pool(b, &window, max);
}

static haya_status build_avg_pool(hy_build *b)
{
    return build_pool(b, false);
}

static haya_status build_max_pool(hy_build *b)
{
    return build_pool(b, true);
}

static haya_status build_max_pool_v2(hy_build *b)
{
    hy_ops_window window;
    int64_t numbers[4];
    int count;
    HY_TRY(hy_ops_window_read(b, &window));
    HY_TRY(hy_build_ints(b, 1, numbers, 4, &count));
    HY_TRY(hy_ops_window_numbers(b, &window, "ksize", numbers, count, window.kernel));
    HY_TRY(hy_build_ints(b, 2, numbers, 4, &count));
    HY_TRY(hy_ops_window_numbers(b, &window, "strides", numbers, count, window.stride));
    return append_pool(b, &window, true);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def conv2d_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"strides", HY_ATTR_LIST_INT, .required = true},
    {"padding", HY_ATTR_STRING, .required = true},
    {"explicit_paddings", HY_ATTR_LIST_INT, .fallback = {.count = 0}},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {"dilations", HY_ATTR_LIST_INT, .fallback = HY_ONES},
    {"use_cudnn_on_gpu", HY_ATTR_BOOL, .hint = true},
    {0},
};

static const hy_attr_def depthwise_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"strides", HY_ATTR_LIST_INT, .required = true},
    {"padding", HY_ATTR_STRING, .required = true},
    {"explicit_paddings", HY_ATTR_LIST_INT, .fallback = {.count = 0}},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {"dilations", HY_ATTR_LIST_INT, .fallback = HY_ONES},
    {0},
};

static const hy_attr_def avg_pool_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"ksize", HY_ATTR_LIST_INT, .required = true},
    {"strides", HY_ATTR_LIST_INT, .required = true},
    {"padding", HY_ATTR_STRING, .required = true},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {0},
};

static const hy_attr_def max_pool_attrs[] = {
    {"T", HY_ATTR_TYPE, .fallback = {.type = HAYA_FLOAT32}, .types = HY_TYPES_FLOAT},
    {"ksize", HY_ATTR_LIST_INT, .required = true},
    {"strides", HY_ATTR_LIST_INT, .required = true},
    {"padding", HY_ATTR_STRING, .required = true},
    {"explicit_paddings", HY_ATTR_LIST_INT, .fallback = {.count = 0}},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {0},
};

static const hy_attr_def max_pool_v2_attrs[] = {
    {"T", HY_ATTR_TYPE, .fallback = {.type = HAYA_FLOAT32}, .types = HY_TYPES_FLOAT},
    {"padding", HY_ATTR_STRING, .required = true},
    {"data_format", HY_ATTR_STRING, .fallback = HY_NHWC},
    {0},
};

const hy_op hy_ops_conv[] = {
    /* value */
    {.name = "AvgPool", .min_inputs = 1, .max_inputs = 1, .outputs = "output:T", .attrs = avg_pool_attrs,
     .build = build_avg_pool},
    /* input, filter */
    {.name = "Conv2D", .min_inputs = 2, .max_inputs = 2, .outputs = "output:T", .attrs = conv2d_attrs,
     .build = build_conv2d},
    /* input_sizes, filter, out_backprop */
    {.name = "Conv2DBackpropInput", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(0),
     .outputs = "output:T", .attrs = conv2d_attrs, .build = build_conv2d_transpose},
    /* input, filter */
    {.name = "DepthwiseConv2dNative", .min_inputs = 2, .max_inputs = 2, .outputs = "output:T",
     .attrs = depthwise_attrs, .build = build_depthwise},
    /* input */
    {.name = "MaxPool", .min_inputs = 1, .max_inputs = 1, .outputs = "output:T", .attrs = max_pool_attrs,
     .build = build_max_pool},
    /* input, ksize, strides */
    {.name = "MaxPoolV2", .min_inputs = 3, .max_inputs = 3, .structural = HY_STRUCTURAL(1) | HY_STRUCTURAL(2),
     .outputs = "output:T", .attrs = max_pool_v2_attrs, .build = build_max_pool_v2},
    {0},
};
