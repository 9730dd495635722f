/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: the structure checked, and what they cost.
 */
#include <assert.h>

#include "kernels/kernels.h"

const char *hy_family_name(hy_family family)
{
    static const char *const names[HY_FAMILY_COUNT] = {
        [HY_COPY] = "copy",
        [HY_CAST] = "cast",
        [HY_UNARY] = "unary",
        [HY_BINARY] = "binary",
        [HY_SELECT] = "select",
        [HY_SCALE_SHIFT] = "scale_shift",
        [HY_BATCH_NORM_FOLD] = "batch_norm_fold",
        [HY_REDUCE] = "reduce",
        [HY_SOFTMAX] = "softmax",
        [HY_MATMUL] = "matmul",
        [HY_CONV2D] = "conv2d",
        [HY_CONV2D_TRANSPOSE] = "conv2d_transpose",
        [HY_DEPTHWISE] = "depthwise",
        [HY_POOL] = "pool",
        [HY_RESIZE] = "resize",
        [HY_GATHER] = "gather",
    };
    return (unsigned)family < HY_FAMILY_COUNT ? names[family] : "unknown";
}

static int epilogue_inputs(const hy_epilogue *epilogue)
{
    return epilogue->bias + epilogue->scale + epilogue->shift + epilogue->residual;
}

/* ---- Checks ------------------------------------------------------------------------------------------------ */

/* In release builds the checks are gone, and so are the uses of what only they look at. */
#ifndef NDEBUG

static bool same_dims(const hy_view *a, const hy_view *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static void assert_view(const hy_view *view)
{
    assert(view->dtype > HAYA_INVALID && view->dtype <= HAYA_BOOL);
    assert(view->rank >= 0 && view->rank <= HY_VIEW_RANK);
    for (int i = 0; i < view->rank; i++)
        assert(view->dims[i] >= 0);
}

/* Inputs of the family itself, without the epilogue's. */
static int own_inputs(const hy_call *call)
{
    switch (call->family) {
    case HY_COPY: case HY_CAST: case HY_UNARY: case HY_REDUCE: case HY_SOFTMAX: case HY_POOL: case HY_RESIZE:
        return 1;
    case HY_BINARY: case HY_GATHER:
    case HY_MATMUL: case HY_CONV2D: case HY_CONV2D_TRANSPOSE: case HY_DEPTHWISE:
        return 2;
    case HY_SELECT: case HY_SCALE_SHIFT:
        return 3;
    case HY_BATCH_NORM_FOLD:
        return call->batch_norm_fold.shift ? 4 : 2;
    default:
        return -1;
    }
}

static bool has_epilogue(const hy_call *call)
{
    return call->family == HY_MATMUL || call->family == HY_CONV2D || call->family == HY_CONV2D_TRANSPOSE
        || call->family == HY_DEPTHWISE;
}

static void assert_elementwise(const hy_call *call)
{
    for (int i = 0; i < call->input_count; i++)
        assert(same_dims(&call->in[i], &call->out));
}

static void assert_epilogue(const hy_call *call)
{
    const hy_epilogue *epilogue = &call->epilogue;
    int64_t channels = call->out.dims[call->out.rank - 1];
    int input = own_inputs(call);
    assert(!epilogue->bias || epilogue->scale);
    for (int i = 0; i < epilogue->bias + epilogue->scale + epilogue->shift; i++, input++)
        assert(call->in[input].rank == 1 && call->in[input].dims[0] == channels);
    if (epilogue->residual)
        assert(same_dims(&call->in[input], &call->out));
    assert((unsigned)epilogue->activation < HY_UNARY_COUNT && epilogue->activation != HY_LOGICAL_NOT);
}

static void assert_window(const hy_call *call)
{
    const hy_window *window = &call->window;
    assert(window->kernel_h > 0 && window->kernel_w > 0 && window->stride_h > 0 && window->stride_w > 0);
    assert(window->dilation_h > 0 && window->dilation_w > 0 && window->pad_top >= 0 && window->pad_left >= 0);
    assert(call->in[0].rank == 4 && call->out.rank == 4 && call->in[0].dims[0] == call->out.dims[0]);
}

static void assert_filter(const hy_call *call)
{
    const int64_t *filter = call->in[1].dims;
    int64_t ci = call->in[0].dims[3], co = call->out.dims[3];
    assert_window(call);
    assert(call->in[1].rank == 4);
    assert(filter[0] == call->window.kernel_h && filter[1] == call->window.kernel_w);
    if (call->family == HY_CONV2D) {
        assert(filter[3] == co);
        assert(filter[2] == ci || (filter[2] > 0 && ci % filter[2] == 0 && co % (ci / filter[2]) == 0));
    } else if (call->family == HY_CONV2D_TRANSPOSE) {
        assert(filter[2] == co && filter[3] == ci);
    } else {
        assert(filter[2] == ci && co == ci * filter[3]);
    }
}

static void assert_gather(const hy_call *call)
{
    const int64_t *in = call->in[0].dims, *indices = call->in[1].dims, *out = call->out.dims;
    assert(call->in[0].rank == 4 && call->in[1].rank == 2 && call->out.rank == 4);
    assert(call->in[1].dtype == HAYA_INT32 || call->in[1].dtype == HAYA_INT64);
    assert(in[0] == indices[0] && out[0] == in[0] && out[1] == in[1] && out[2] == indices[1] && out[3] == in[3]);
}

static void assert_family(const hy_call *call)
{
    const hy_view *in = call->in, *out = &call->out;
    switch (call->family) {
    case HY_COPY: case HY_CAST: case HY_UNARY: case HY_BINARY: case HY_SELECT: case HY_SCALE_SHIFT: case HY_SOFTMAX:
    case HY_BATCH_NORM_FOLD:
        assert_elementwise(call);
        break;
    case HY_REDUCE:
        assert(call->reduce.kept == out->rank && in[0].rank >= out->rank);
        for (int i = 0; i < out->rank; i++)
            assert(in[0].dims[i] == out->dims[i]);
        break;
    case HY_MATMUL:
        assert(in[0].rank == 2 && in[1].rank == 2 && out->rank == 2);
        assert(in[0].dims[0] == out->dims[0] && in[1].dims[1] == out->dims[1] && in[0].dims[1] == in[1].dims[0]);
        break;
    case HY_CONV2D: case HY_CONV2D_TRANSPOSE: case HY_DEPTHWISE:
        assert_filter(call);
        break;
    case HY_POOL:
        assert_window(call);
        assert(in[0].dims[3] == out->dims[3]);
        break;
    case HY_RESIZE:
        assert(in[0].rank == 4 && out->rank == 4);
        assert(in[0].dims[0] == out->dims[0] && in[0].dims[3] == out->dims[3]);
        break;
    case HY_GATHER:
        assert_gather(call);
        break;
    default:
        assert(false);
    }
}

void hy_call_assert(const hy_call *call)
{
    assert((unsigned)call->family < HY_FAMILY_COUNT);
    int inputs = own_inputs(call);
    if (has_epilogue(call))
        inputs += epilogue_inputs(&call->epilogue);
    assert(call->input_count == inputs);
    for (int i = 0; i < call->input_count; i++)
        assert_view(&call->in[i]);
    assert_view(&call->out);
    assert(!call->upsample2 || call->family == HY_CONV2D);
    assert_family(call);
    if (has_epilogue(call))
        assert_epilogue(call);
}

#else

void hy_call_assert(const hy_call *call)
{
    (void)call;
}

#endif

/* ---- Costs ------------------------------------------------------------------------------------------------- */

static uint64_t elements(const hy_view *view)
{
    return (uint64_t)hy_view_elements(view);
}

uint64_t hy_call_epilogue_flops(const hy_call *call)
{
    const hy_epilogue *epilogue = &call->epilogue;
    bool activation = epilogue->activation != HY_IDENTITY;
    return elements(&call->out) * (uint64_t)(epilogue_inputs(epilogue) + activation);
}

uint64_t hy_call_flops(const hy_call *call)
{
    const hy_view *in = call->in;
    uint64_t out = elements(&call->out);
    uint64_t taps = (uint64_t)call->window.kernel_h * (uint64_t)call->window.kernel_w;
    switch (call->family) {
    case HY_UNARY: case HY_BINARY:
        return out;
    case HY_SCALE_SHIFT:
        return out * 2;
    case HY_BATCH_NORM_FOLD:
        return out * (call->batch_norm_fold.shift ? 5 : 3);
    case HY_REDUCE:
        return elements(&in[0]);
    case HY_SOFTMAX: /* maximum, difference, exponential, sum, product */
        return out * 5;
    case HY_MATMUL:
        return out * (uint64_t)in[0].dims[1] * 2 + hy_call_epilogue_flops(call);
    case HY_CONV2D:
        return out * taps * (uint64_t)in[1].dims[2] * 2 + hy_call_epilogue_flops(call);
    case HY_CONV2D_TRANSPOSE:
        return elements(&in[0]) * taps * (uint64_t)call->out.dims[3] * 2 + hy_call_epilogue_flops(call);
    case HY_DEPTHWISE:
        return out * taps * 2 + hy_call_epilogue_flops(call);
    case HY_POOL:
        return out * taps;
    case HY_RESIZE: /* three interpolations of a difference and a multiply-add */
        return call->resize.mode == HY_RESIZE_BILINEAR ? out * 9 : 0;
    default:
        return 0;
    }
}

/* Elements that lie apart in memory: a broadcast dimension counts once. */
static uint64_t view_bytes(const hy_view *view)
{
    uint64_t count = 1;
    for (int i = 0; i < view->rank; i++)
        count *= view->strides[i] != 0 || view->dims[i] == 0 ? (uint64_t)view->dims[i] : 1;
    return count * haya_dtype_size(view->dtype);
}

uint64_t hy_call_bytes(const hy_call *call)
{
    uint64_t bytes = view_bytes(&call->out);
    for (int i = 0; i < call->input_count; i++)
        bytes += view_bytes(&call->in[i]);
    return bytes;
}
