/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes -> drafts, with all shapes known: what depends on shapes alone is folded here, so that an upsampling size
 * computed in the graph costs nothing at run.
 */
#include <string.h>

#include "plan/plan.h"

static haya_status fail_at(const hy_drafts *d, haya_status status)
{
    hy_error_prefix(d->error, hy_file_path(d->program->model->file));
    return status;
}

static haya_status append(hy_drafts *d, hy_draft **draft)
{
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 128;
        hy_draft *grown = HY_ARENA_NEW(d->temporary, hy_draft, capacity);
        if (!grown)
            return hy_out_of_memory(d->error, "plan");
        if (d->count)
            memcpy(grown, d->drafts, d->count * sizeof *grown);
        d->drafts = grown;
        d->capacity = capacity;
    }
    *draft = &d->drafts[d->count++];
    return HAYA_OK;
}

/* Does the shape given fit the one declared? */
static haya_status check_input(const hy_drafts *d, size_t index, const haya_shape *given)
{
    const haya_value *input = &d->program->inputs[index];
    bool fits = given->rank >= 0 && given->rank <= HAYA_MAX_RANK
             && (input->shape.rank < 0 || input->shape.rank == given->rank);
    for (int i = 0; fits && i < given->rank; i++)
        fits = given->dims[i] >= 0
            && (input->shape.rank < 0 || input->shape.dims[i] < 0 || input->shape.dims[i] == given->dims[i]);
    if (!fits)
        return hy_fail(d->error, HAYA_ERROR_SHAPE, input->name, "%s: input '%s' has shape %s, not %s",
                       hy_file_path(d->program->model->file), input->name, HY_SHAPE(&input->shape), HY_SHAPE(given));
    if (hy_shape_bytes(given, input->dtype) < 0)
        return hy_fail(d->error, HAYA_ERROR_LIMIT, input->name, "%s: input '%s': shape %s is too large",
                       hy_file_path(d->program->model->file), input->name, HY_SHAPE(given));
    return HAYA_OK;
}

static hy_value *value_of(const hy_drafts *d, hy_edge edge)
{
    return &d->values[d->first[edge.node] + edge.out];
}

/* Feeds, known values and externals have their places already. */
static void place_leaf(hy_drafts *d, const hy_node *node, size_t index, const haya_shape *input_shapes)
{
    for (int32_t k = 0; k < node->output_count; k++) {
        hy_value *value = &d->values[d->first[index] + k];
        value->operand = node->outs[k];
        value->placed = true;
        if (node->class == HY_CLASS_FEED) {
            value->operand.shape = input_shapes[node->feed];
            value->place = (hy_place){.kind = HY_PLACE_INPUT, .index = node->feed};
        } else if (node->outs[k].value) {
            value->place = (hy_place){.kind = HY_PLACE_KNOWN, .data = node->outs[k].value};
        } else {
            value->place = (hy_place){.kind = HY_PLACE_EXTERNAL, .index = node->externals ? node->externals[k] : -1};
        }
    }
}

static haya_status append_calls(hy_drafts *d, const hy_node *node, size_t index, const hy_build *build)
{
    for (size_t i = 0; i < build->call_count; i++) {
        const hy_build_call *c = &build->calls[i];
        hy_draft *draft = NULL;
        HY_TRY(append(d, &draft));
        *draft = (hy_draft){.call = c->call, .out = d->first[index] + c->target, .node = node->name,
                            .op = node->op_name ? node->op_name : node->op->name};
        if (build->call_count > 1) /* told apart: "ConcatV2 1/2" */
            draft->op = hy_arena_printf(d->arena, "%s %zu/%zu", draft->op, i + 1, build->call_count);
        if (!draft->op)
            return hy_out_of_memory(d->error, node->name);
        for (int k = 0; k < c->call.input_count; k++)
            draft->in[k] = c->source[k] == HY_SOURCE_ZERO     ? HY_VALUE_ZERO
                         : c->source[k] == HY_SOURCE_OUTPUT   ? draft->out
                         : d->first[node->inputs[c->source[k]].node] + node->inputs[c->source[k]].out;
    }
    return HAYA_OK;
}

/* A value that the build worked out moves into the plan, unless it is there already: an input's. */
static haya_status keep_value(const hy_drafts *d, const hy_build *build, int32_t out)
{
    hy_operand *operand = &build->out[out];
    if (!operand->value)
        return HAYA_OK;
    for (int32_t k = 0; k < build->in_count; k++)
        if (operand->value == build->in[k].value)
            return HAYA_OK;
    size_t bytes = (size_t)hy_shape_bytes(&operand->shape, operand->dtype);
    void *copy = hy_arena_alloc(d->arena, 1, bytes);
    if (!copy)
        return hy_out_of_memory(d->error, build->name);
    operand->value = memcpy(copy, operand->value, bytes);
    return HAYA_OK;
}

/* `arena` lives as long as the node is lowered. */
static haya_status lower_node(hy_drafts *d, const hy_node *node, size_t index, hy_arena *arena)
{
    hy_operand *ins = HY_ARENA_NEW(arena, hy_operand, (size_t)node->input_count);
    hy_operand *outs = HY_ARENA_NEW(arena, hy_operand, (size_t)node->output_count);
    hy_build build;
    if (!ins || !outs)
        return hy_out_of_memory(d->error, node->name);
    bool known = true;
    for (int32_t k = 0; k < node->input_count; k++) {
        ins[k] = value_of(d, node->inputs[k])->operand;
        known = known && ins[k].value;
    }
    haya_status status = hy_node_build(node, ins, outs, &build, arena, d->error);
    if (status == HAYA_OK && known)
        status = hy_build_fold(&build, d->arena, d->error);
    for (int32_t k = 0; k < node->output_count && status == HAYA_OK && !known; k++)
        status = keep_value(d, &build, k);
    if (status != HAYA_OK)
        return fail_at(d, status);
    for (int32_t k = 0; k < node->output_count; k++) {
        hy_value *value = &d->values[d->first[index] + k];
        value->operand = outs[k];
        if (outs[k].value) {
            value->placed = true;
            value->place = (hy_place){.kind = HY_PLACE_KNOWN, .data = outs[k].value};
        } else if (build.alias[k] >= 0) {
            hy_edge edge = node->inputs[build.alias[k]];
            value->alias = hy_value_owner(d, d->first[edge.node] + edge.out);
        }
    }
    return known ? HAYA_OK : append_calls(d, node, index, &build);
}

haya_status hy_lower(hy_drafts *d, const haya_shape *input_shapes, size_t input_count)
{
    const hy_graph *graph = &d->program->graph;
    for (size_t i = 0; i < input_count; i++)
        HY_TRY(check_input(d, i, &input_shapes[i]));
    d->first = HY_ARENA_NEW(d->temporary, int32_t, graph->node_count);
    for (size_t i = 0; d->first && i < graph->node_count; i++) {
        d->first[i] = (int32_t)d->value_count;
        d->value_count += (size_t)graph->nodes[i].output_count;
    }
    d->values = HY_ARENA_NEW(d->temporary, hy_value, d->value_count);
    d->fetches = HY_ARENA_NEW(d->temporary, int32_t, graph->fetch_count);
    if (!d->first || !d->values || !d->fetches)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < d->value_count; i++)
        d->values[i].alias = -1;
    for (size_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].class != HY_CLASS_RUN) {
            place_leaf(d, &graph->nodes[i], i, input_shapes);
            continue;
        }
        hy_arena arena;
        hy_arena_init(&arena, &d->arena->host);
        haya_status status = lower_node(d, &graph->nodes[i], i, &arena);
        hy_arena_free(&arena);
        HY_TRY(status);
    }
    d->fetch_count = graph->fetch_count;
    for (size_t i = 0; i < graph->fetch_count; i++)
        d->fetches[i] = d->first[graph->fetches[i].node] + graph->fetches[i].out;
    return HAYA_OK;
}

int32_t hy_value_owner(const hy_drafts *d, int32_t value)
{
    while (d->values[value].alias >= 0)
        value = d->values[value].alias;
    return value;
}

void hy_drafts_mark(hy_drafts *d)
{
    for (size_t i = 0; i < d->value_count; i++)
        d->values[i].readers = 0;
    for (size_t i = 0; i < d->fetch_count; i++)
        d->values[hy_value_owner(d, d->fetches[i])].readers++;
    /* Backwards: a draft whose output has no reader is dead, and then reads nothing itself. A node's later calls may
       read what its earlier ones wrote (AddN), so reading one's own output doesn't count. */
    for (size_t i = d->count; i-- > 0;) {
        hy_draft *draft = &d->drafts[i];
        int32_t out = hy_value_owner(d, draft->out);
        draft->dead = draft->dead || d->values[out].readers == 0;
        for (int k = 0; !draft->dead && k < draft->call.input_count; k++)
            if (draft->in[k] >= 0 && hy_value_owner(d, draft->in[k]) != out)
                d->values[hy_value_owner(d, draft->in[k])].readers++;
    }
}
