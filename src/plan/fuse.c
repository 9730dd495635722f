/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a convolution or matrix product and is its only reader moves into its epilogue:
 *
 *     activation(sum * scale[c] + shift[c] + residual)
 *
 * The producer moves to the reader's place in the list, where all operands of both have been computed.
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

/* Where the epilogue's operand belongs among the call's inputs: scale, shift, residual behind the family's own two. */
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
    if (e->scale || e->shift || e->residual || e->activation != HY_IDENTITY || !is_channel_vector(view))
        return false;
    hy_view vector = vector_view(view);
    insert_input(producer, OWN_INPUTS, &vector, value);
    e->scale = true;
    return true;
}

static bool take_shift(hy_draft *producer, const hy_view *view, int32_t value)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->shift || e->residual || e->activation != HY_IDENTITY || !is_channel_vector(view))
        return false;
    hy_view vector = vector_view(view);
    insert_input(producer, OWN_INPUTS + e->scale, &vector, value);
    e->shift = true;
    return true;
}

static bool take_residual(hy_draft *producer, const hy_view *view, int32_t value)
{
    hy_epilogue *e = &producer->call.epilogue;
    if (e->residual || e->activation != HY_IDENTITY)
        return false;
    insert_input(producer, OWN_INPUTS + e->scale + e->shift, view, value);
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

/* Tries to take what `reader` does with its operand `which` into the producer's epilogue. */
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
        if (which != 0 || producer->call.epilogue.shift || !is_channel_vector(&call->in[2]))
            return false;
        return take_scale(producer, &call->in[1], reader->in[1])
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

static haya_status fuse_into(hy_drafts *d, hy_draft *reader, hy_draft *producer)
{
    const char *op = hy_arena_printf(d->arena, "%s+%s", producer->op, reader->op);
    if (!op)
        return hy_out_of_memory(d->error, "plan");
    producer->out = reader->out;
    producer->node = reader->node;
    producer->op = op;
    *reader = *producer;
    producer->dead = true;
    return HAYA_OK;
}

haya_status hy_fuse(hy_drafts *d)
{
    int32_t *writers = find_writers(d);
    if (!writers)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < d->count; i++) {
        hy_draft *reader = &d->drafts[i];
        for (int k = 0; !reader->dead && k < reader->call.input_count; k++) {
            if (has_epilogue(reader->call.family) || reader->in[k] < 0)
                continue;
            int32_t value = hy_value_owner(d, reader->in[k]);
            int32_t writer = writers[value];
            if (writer < 0 || d->values[value].readers != 1 || !has_epilogue(d->drafts[writer].call.family)
                || writers[hy_value_owner(d, reader->out)] != (int32_t)i)
                continue;
            hy_draft trial = d->drafts[writer];
            if (!absorb(&trial, reader, k))
                continue;
            d->drafts[writer] = trial;
            HY_TRY(fuse_into(d, reader, &d->drafts[writer]));
            break;
        }
    }
    return HAYA_OK;
}
