/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing images.
 */
#include "graph/ops_common.h"

/* Checks the form and sets the output's shape. */
static haya_status begin_resize(hy_build *b)
{
    const haya_shape *shape = &b->in[0].shape;
    int64_t size[2];
    int count;
    HY_TRY(hy_ops_rank(b, 0, 4));
    HY_TRY(hy_build_ints(b, 1, size, 2, &count));
    if (count != 2 || size[0] < 1 || size[1] < 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "size must be two numbers above 0");
    if (shape->dims[1] < 1 || shape->dims[2] < 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s has no pixels", HY_SHAPE(shape));
    if (hy_attr_bool(b, "align_corners") && hy_attr_bool(b, "half_pixel_centers"))
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "align_corners and half_pixel_centers exclude each other");
    return hy_ops_set_shape(b, 0, 4, (const int64_t[]){shape->dims[0], size[0], size[1], shape->dims[3]});
}

static haya_status append_resize(hy_build *b, hy_resize mode)
{
    hy_build_call *resize = hy_build_append(b, HY_RESIZE, 0, 1, (const int32_t[]){0});
    if (!resize)
        return HAYA_ERROR_MEMORY;
    resize->call.resize.mode = mode;
    resize->call.resize.align_corners = hy_attr_bool(b, "align_corners");
    resize->call.resize.half_pixel_centers = hy_attr_bool(b, "half_pixel_centers");
    return HAYA_OK;
}

static haya_status build_resize_nearest(hy_build *b)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(begin_resize(b));
    if (hy_shape_equal(&b->in[0].shape, &b->out[0].shape)) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    return append_resize(b, HY_RESIZE_NEAREST);
}

static haya_status build_resize_bilinear(hy_build *b)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(begin_resize(b));
    if (hy_shape_equal(&b->in[0].shape, &b->out[0].shape)) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    return append_resize(b, HY_RESIZE_BILINEAR);
}

static const hy_attr_def bilinear_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_FLOAT},
    {"align_corners", HY_ATTR_BOOL, .fallback = {.b = false}},
    {"half_pixel_centers", HY_ATTR_BOOL, .fallback = {.b = false}},
    {0},
};

static const hy_attr_def nearest_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"align_corners", HY_ATTR_BOOL, .fallback = {.b = false}},
    {"half_pixel_centers", HY_ATTR_BOOL, .fallback = {.b = false}},
    {0},
};

/* images, size */
const hy_op hy_ops_image[] = {
    {.name = "ResizeBilinear", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1),
     .outputs = "resized_images:@float32", .attrs = bilinear_attrs, .build = build_resize_bilinear},
    {.name = "ResizeNearestNeighbor", .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1),
     .outputs = "resized_images:T", .attrs = nearest_attrs, .build = build_resize_nearest},
    {0},
};
