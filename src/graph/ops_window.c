/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of convolutions and pools: attributes, padding, and the sizes that come out.
 */
#include <string.h>

#include "graph/ops_common.h"

static bool row_lists(const hy_op *op, const char *attr)
{
    for (const hy_attr_def *def = op->attrs; def->name; def++)
        if (strcmp(def->name, attr) == 0)
            return true;
    return false;
}

/* Index of the height among four numbers in the order of data_format; the width follows it. */
static int height_index(const hy_ops_window *window)
{
    return window->channels_first ? 2 : 1;
}

static haya_status read_explicit(hy_build *b, hy_ops_window *window)
{
    const hy_attr *pads = hy_attr_get(b, "explicit_paddings");
    if (pads->count != 8)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "explicit_paddings has %lld numbers, but must have 8",
                             (long long)pads->count);
    for (int i = 0; i < 8; i++) {
        int spatial = i / 2 - height_index(window);
        if (pads->ints[i] < 0 || pads->ints[i] > INT32_MAX)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "explicit_paddings has %lld", (long long)pads->ints[i]);
        if (spatial == 0 || spatial == 1)
            (i % 2 ? window->after : window->before)[spatial] = pads->ints[i];
        else if (pads->ints[i] != 0)
            return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "explicit_paddings of batch or channels");
    }
    return HAYA_OK;
}

haya_status hy_ops_window_read(hy_build *b, hy_ops_window *window)
{
    *window = (hy_ops_window){.stride = {1, 1}, .dilation = {1, 1}};
    HY_TRY(hy_ops_channels_first(b, &window->channels_first));
    const char *padding = hy_attr_string(b, "padding");
    bool has_explicit = row_lists(b->op, "explicit_paddings");
    if (strcmp(padding, "SAME") == 0) {
        window->padding = HY_PADDING_SAME;
    } else if (strcmp(padding, "VALID") == 0) {
        window->padding = HY_PADDING_VALID;
    } else if (strcmp(padding, "EXPLICIT") == 0 && has_explicit) {
        window->padding = HY_PADDING_EXPLICIT;
        return read_explicit(b, window);
    } else {
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "padding '%s' is not supported", padding);
    }
    if (has_explicit && hy_attr_get(b, "explicit_paddings")->count != 0)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "explicit_paddings is given, but padding is '%s'", padding);
    return HAYA_OK;
}

haya_status hy_ops_window_numbers(hy_build *b, const hy_ops_window *window, const char *what,
                                  const int64_t *numbers, int64_t count, int64_t *values)
{
    if (count != 4)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s has %lld numbers, but must have 4", what, (long long)count);
    for (int i = 0; i < 4; i++) {
        int spatial = i - height_index(window);
        if (numbers[i] < 1 || numbers[i] > INT32_MAX)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s has %lld", what, (long long)numbers[i]);
        if (spatial == 0 || spatial == 1)
            values[spatial] = numbers[i];
        else if (numbers[i] != 1)
            return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "%s other than 1 for batch or channels", what);
    }
    return HAYA_OK;
}

haya_status hy_ops_window_attr(hy_build *b, const hy_ops_window *window, const char *attr, int64_t *values)
{
    const hy_attr *list = hy_attr_get(b, attr);
    return hy_ops_window_numbers(b, window, attr, list->ints, list->count, values);
}

haya_status hy_ops_window_fit(hy_build *b, hy_ops_window *window, const int64_t *sizes, int64_t *outputs)
{
    static const char *const names[] = {"height", "width"};
    for (int i = 0; i < 2; i++) {
        int64_t size = sizes[i], stride = window->stride[i]; /* sizes and outputs may be one array */
        if (window->kernel[i] < 1 || window->kernel[i] > INT32_MAX)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a window of %s %lld", names[i],
                                 (long long)window->kernel[i]);
        int64_t reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        if (reach > INT32_MAX)
            return hy_build_fail(b, HAYA_ERROR_LIMIT, "a window of %s %lld", names[i], (long long)reach);
        if (window->padding == HY_PADDING_SAME) {
            outputs[i] = size / stride + (size % stride != 0);
            int64_t needed = size ? (outputs[i] - 1) * stride + reach - size : 0;
            if (needed < 0)
                needed = 0;
            window->before[i] = needed / 2;
            window->after[i] = needed - needed / 2;
            continue;
        }
        int64_t room = size + window->before[i] + window->after[i] - reach + stride;
        if (room < 0)
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "a window of %s %lld doesn't fit into %lld", names[i],
                                 (long long)reach, (long long)size);
        outputs[i] = room / stride;
    }
    return HAYA_OK;
}

hy_window hy_ops_window_of_call(const hy_ops_window *window)
{
    return (hy_window){
        .kernel_h = (int32_t)window->kernel[0],
        .kernel_w = (int32_t)window->kernel[1],
        .stride_h = (int32_t)window->stride[0],
        .stride_w = (int32_t)window->stride[1],
        .dilation_h = (int32_t)window->dilation[0],
        .dilation_w = (int32_t)window->dilation[1],
        .pad_top = (int32_t)window->before[0],
        .pad_left = (int32_t)window->before[1],
    };
}
