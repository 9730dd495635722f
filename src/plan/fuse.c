/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a convolution or matrix product and is its only reader moves into its epilogue:
 *
 *     activation((sum + bias[c]) * scale[c] + shift[c] + residual)
 *
 * The producer moves to the reader's place in the list, where all operands of both have been computed.
 *
 * An enlargement to twice the size by nearest neighbours moves into the convolution that is its only reader: the
 * convolution finds each pixel at half its coordinates, and the enlarged tensor is never made. The enlargement may be
 * written as one operation, or as repetitions of the rows and of the columns (Keras 3).
 */
#include <string.h>

#include "plan/plan.h"

/* Operands of the families with an epilogue, before the epilogue's. */
#define OWN_INPUTS 2

static bool has_epilogue(hy_family family)
{
    return family == HY_MATMUL || family == HY_CONV2D || family == HY_CONV2D_TRANSPOSE || family == HY_DEPTHWISE;
}

static bool same_view(const hy_view *a, const hy_view *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->offset != b->offset)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i] || (a->dims[i] != 1 && a->strides[i] != b->strides[i]))
            return false;
    return true;
}

/* One value for each of the last dimension's elements, contiguous, repeated along the others. */
static bool is_channel_vector(const hy_view *view)
{
    for (int i = 0; i + 1 < view->rank; i++)
        if (view->dims[i] != 1 && view->strides[i] != 0)
            return false;
    return view->rank > 0 && view->offset == 0
        && (view->strides[view->rank - 1] == 1 || view->dims[view->rank - 1] == 1);
}

static hy_view vector_view(const hy_view *view)
{
    return (hy_view){.dtype = view->dtype, .rank = 1, .dims = {view->dims[view->rank - 1]}, .strides = {1}};
}

/* Epilogue operands stand behind the family's own two: bias, scale, shift, residual. */
static void insert_input(hy_draft *draft, int at, const hy_view *view, int32_t value)
{
    for (int i = draft->call.input_count; i > at; i--) {
        draft->call.in[i] = draft->call.in[i - 1];
        draft->in[i] = draft->in[i - 1];
    }
    draft->call.in[at] = *view;
    draft->in[at] = value;
    draft->call.input_count++;
}

static bool take_scale(hy_draft *producer, const hy_view *view, int32_t value)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->scale || e->residual || e->activation != HY_IDENTITY || !is_channel_vector(view))
        return false;
    e->bias = e->shift; /* what was added before the product */
    e->shift = false;
    hy_view vector = vector_view(view);
    insert_input(producer, OWN_INPUTS + e->bias, &vector, value);
    e->scale = true;
    return true;
}

static bool take_shift(hy_draft *producer, const hy_view *view, int32_t value)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->shift || e->residual || e->activation != HY_IDENTITY || !is_channel_vector(view))
        return false;
    hy_view vector = vector_view(view);
    insert_input(producer, OWN_INPUTS + e->bias + e->scale, &vector, value);
    e->shift = true;
    return true;
}

static bool take_residual(hy_draft *producer, const hy_view *view, int32_t value)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->residual || e->activation != HY_IDENTITY)
        return false;
    insert_input(producer, OWN_INPUTS + e->bias + e->scale + e->shift, view, value);
    e->residual = true;
    return true;
}

static bool take_activation(hy_draft *producer, hy_unary op, float alpha)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->activation != HY_IDENTITY)
        return false;
    e->activation = op;
    e->alpha = alpha;
    return true;
}

/* Tries to take what `reader` does with its operand `which` into the producer's epilogue. Where it fails the producer
   may have changed. */
static bool absorb(hy_draft *producer, const hy_draft *reader, int which)
{
    const hy_call *call = &reader->call;
    const hy_view *out = &producer->call.out;
    if (!same_view(&call->in[which], out) || !same_view(&call->out, out))
        return false;
    int other = 1 - which;
    switch (call->family) {
    case HY_UNARY:
        return take_activation(producer, call->unary.op, call->unary.alpha);
    case HY_BINARY:
        if (reader->in[0] == reader->in[1] || reader->in[other] == HY_VALUE_ZERO)
            return false;
        if (call->binary.op == HY_MUL)
            return take_scale(producer, &call->in[other], reader->in[other]);
        if (call->binary.op == HY_ADD)
            return take_shift(producer, &call->in[other], reader->in[other])
                || take_residual(producer, &call->in[other], reader->in[other]);
        return false;
    case HY_SCALE_SHIFT:
        return which == 0 && take_scale(producer, &call->in[1], reader->in[1])
            && take_shift(producer, &call->in[2], reader->in[2]);
    default:
        return false;
    }
}

/* The draft that writes each value's bytes, when it is the only one; -1: none or several. */
static int32_t *find_writers(const hy_drafts *d)
{
    int32_t *writers = HY_ARENA_NEW(d->temporary, int32_t, d->value_count);
    for (size_t i = 0; writers && i < d->value_count; i++)
        writers[i] = -2;
    for (size_t i = 0; writers && i < d->count; i++) {
        if (d->drafts[i].dead)
            continue;
        int32_t out = hy_value_owner(d, d->drafts[i].out);
        writers[out] = writers[out] == -2 ? (int32_t)i : -1;
    }
    return writers;
}

static haya_status join_ops(const hy_drafts *d, const hy_draft *producer, const hy_draft *reader, const char **op)
{
    *op = hy_arena_printf(d->arena, "%s+%s", producer->op, reader->op);
    return *op ? HAYA_OK : hy_out_of_memory(d->error, "plan");
}

static haya_status fuse_into(const hy_drafts *d, hy_draft *reader, hy_draft *producer)
{
    const char *op;
    HY_TRY(join_ops(d, producer, reader, &op));
    producer->out = reader->out;
    producer->node = reader->node;
    producer->op = op;
    *reader = *producer;
    producer->dead = true;
    return HAYA_OK;
}

/* The draft that makes all of what `reader` reads as operand `which`, and for nobody else; NULL: none. */
static hy_draft *own_producer(const hy_drafts *d, const int32_t *writers, const hy_draft *reader, int which)
{
    if (reader->in[which] < 0)
        return NULL;
    int32_t value = hy_value_owner(d, reader->in[which]);
    return writers[value] >= 0 && d->values[value].readers == 1 ? &d->drafts[writers[value]] : NULL;
}

/* ---- Epilogues --------------------------------------------------------------------------------------------------- */

static haya_status fuse_epilogue(const hy_drafts *d, const int32_t *writers, hy_draft *reader)
{
    if (writers[hy_value_owner(d, reader->out)] < 0)
        return HAYA_OK; /* it writes a part of its output */
    for (int k = 0; k < reader->call.input_count; k++) {
        hy_draft *producer = own_producer(d, writers, reader, k);
        if (!producer || !has_epilogue(producer->call.family))
            continue;
        hy_draft trial = *producer;
        if (!absorb(&trial, reader, k))
            continue;
        *producer = trial;
        return fuse_into(d, reader, producer);
    }
    return HAYA_OK;
}

/* ---- Enlarged inputs --------------------------------------------------------------------------------------------- */

/* Whether output pixel (y, x) is input pixel (y / 2, x / 2). At exactly twice the size both of TensorFlow's ways to
   find the nearest pixel say so, floor(y * 0.5) and floor((y + 0.5) * 0.5); with corners aligned it is another. */
static bool doubles_pixels(const hy_call *call)
{
    const int64_t *from = call->in[0].dims, *to = call->out.dims;
    return call->family == HY_RESIZE && call->resize.mode == HY_RESIZE_NEAREST && !call->resize.align_corners
        && to[1] == 2 * from[1] && to[2] == 2 * from[2];
}

/* The view has `factor` times the height and width of `small`, both dense; images may be stacked to one. */
static bool enlarges(const hy_view *view, const hy_view *small, int64_t factor)
{
    return hy_view_is_dense(view) && hy_view_is_dense(small) && view->dtype == small->dtype
        && view->dims[1] % factor == 0 && view->dims[0] * view->dims[1] == factor * small->dims[0] * small->dims[1]
        && view->dims[2] == factor * small->dims[2] && view->dims[3] == small->dims[3];
}

static haya_status fuse_upsampling(const hy_drafts *d, const int32_t *writers, hy_draft *reader)
{
    hy_draft *producer = own_producer(d, writers, reader, 0);
    hy_view *in = &reader->call.in[0];
    if (!producer || !doubles_pixels(&producer->call) || !enlarges(in, &producer->call.in[0], 2))
        return HAYA_OK;
    HY_TRY(join_ops(d, producer, reader, &reader->op));
    haya_shape shape = hy_shape_make(4, (int64_t[]){in->dims[0], in->dims[1] / 2, in->dims[2] / 2, in->dims[3]});
    *in = hy_view_dense(in->dtype, &shape);
    reader->in[0] = producer->in[0];
    reader->call.upsample2 = true;
    producer->dead = true;
    return HAYA_OK;
}

/* The length of the runs of neighbours that a copy writes twice, one behind the other; 0: it does something else. */
static int64_t repeated_run(const hy_call *call)
{
    const hy_view *from = &call->in[0];
    if (call->family != HY_COPY || from->offset != 0 || !hy_view_is_dense(&call->out))
        return 0;
    int64_t elements = 1, run = 0;
    for (int i = from->rank - 1; i >= 0; i--) {
        if (from->dims[i] == 1)
            continue;
        if (from->strides[i] == 0 && from->dims[i] == 2 && run == 0)
            run = elements;
        else if (from->strides[i] == elements)
            elements *= from->dims[i];
        else
            return 0;
    }
    return run;
}

/* Two copies, of which one repeats rows and the other columns, become the enlargement that they are. */
static haya_status fuse_repetitions(const hy_drafts *d, const int32_t *writers, hy_draft *second)
{
    int64_t outer = repeated_run(&second->call);
    hy_draft *first = outer ? own_producer(d, writers, second, 0) : NULL;
    int64_t inner = first ? repeated_run(&first->call) : 0, row, channels;
    if (!inner || writers[hy_value_owner(d, second->out)] < 0)
        return HAYA_OK;
    if (inner % outer == 0) { /* rows were repeated first */
        row = inner;
        channels = outer;
    } else if (outer % (2 * inner) == 0) {
        row = outer / 2;
        channels = inner;
    } else {
        return HAYA_OK;
    }
    int64_t width = row / channels, height = hy_view_elements(&second->call.out) / 4 / row;
    haya_shape small = hy_shape_make(4, (int64_t[]){1, height, width, channels});
    haya_shape large = hy_shape_make(4, (int64_t[]){1, 2 * height, 2 * width, channels});
    HY_TRY(join_ops(d, first, second, &second->op));
    haya_dtype dtype = second->call.out.dtype;
    second->call = (hy_call){.family = HY_RESIZE, .input_count = 1, .resize.mode = HY_RESIZE_NEAREST};
    second->call.in[0] = hy_view_dense(dtype, &small);
    second->call.out = hy_view_dense(dtype, &large);
    second->in[0] = first->in[0];
    first->dead = true;
    return HAYA_OK;
}

haya_status hy_fuse(hy_drafts *d)
{
    int32_t *writers = find_writers(d);
    if (!writers)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < d->count; i++) {
        hy_draft *draft = &d->drafts[i];
        if (draft->dead)
            continue;
        if (draft->call.family == HY_CONV2D)
            HY_TRY(fuse_upsampling(d, writers, draft));
        else if (draft->call.family == HY_COPY)
            HY_TRY(fuse_repetitions(d, writers, draft));
        else if (!has_epilogue(draft->call.family))
            HY_TRY(fuse_epilogue(d, writers, draft));
    }
    return HAYA_OK;
}
