/* SPDX-License-Identifier: Apache-2.0
 *
 * From the fetches back to feeds and constants: the canonical graph. Depth first through ordered inputs; a node gets
 * its number after its inputs have theirs. Dead branches are never entered.
 */
#include <string.h>

#include "graph/trace.h"

/* Of all nodes together: files can claim 65536 outputs for each node. */
#define MAX_TOTAL_OUTPUTS (1 << 20)

enum { UNSEEN = -1, OPEN = -2 };

typedef struct tracer {
    const haya_model *model;
    const hy_feeds *feeds;
    const hy_branches *branches;
    hy_arena *arena;         /* of the result */
    hy_refusals *refusals;
    haya_error *error;
    hy_stack stack;
    size_t steps_left;
    int32_t *canonical;      /* per linked node: its number, UNSEEN or OPEN */
    int32_t *feed_canonical; /* per feed: its number, or UNSEEN */
    hy_node *nodes;
    size_t node_count, node_capacity, total_outputs;
    const char *cycle;       /* a node that depends on itself, or NULL */
} tracer;

/* ---- Shared with branches.c -------------------------------------------------------------------------------------- */

haya_status hy_stack_push(hy_stack *stack, int32_t node, haya_error *error)
{
    if (stack->depth == stack->capacity) {
        size_t capacity = stack->capacity ? 2 * stack->capacity : 64;
        hy_frame *grown = HY_ARENA_NEW(stack->arena, hy_frame, capacity);
        if (!grown)
            return hy_out_of_memory(error, "trace");
        if (stack->depth)
            memcpy(grown, stack->frames, stack->depth * sizeof *grown);
        stack->frames = grown;
        stack->capacity = capacity;
    }
    stack->frames[stack->depth++] = (hy_frame){node, 0};
    return HAYA_OK;
}

haya_status hy_feeds_init(hy_feeds *feeds, const haya_model *model, const hy_edge *edges, size_t count,
                          hy_arena *arena, haya_error *error)
{
    *feeds = (hy_feeds){.edges = edges, .count = count, .first = HY_ARENA_NEW(arena, int32_t, model->node_count),
                        .next = HY_ARENA_NEW(arena, int32_t, count)};
    if (!feeds->first || !feeds->next)
        return hy_out_of_memory(error, "feeds");
    for (size_t i = 0; i < count; i++) {
        feeds->next[i] = feeds->first[edges[i].node];
        feeds->first[edges[i].node] = (int32_t)i + 1;
    }
    return HAYA_OK;
}

int32_t hy_feeds_find(const hy_feeds *feeds, hy_edge edge)
{
    int32_t feed = feeds->first[edge.node] - 1;
    while (feed >= 0 && feeds->edges[feed].out != edge.out)
        feed = feeds->next[feed] - 1;
    return feed;
}

/* Where output `edge.out` of a node that computes nothing comes from; false for nodes that compute. */
static bool forwarded(const haya_model *model, const hy_branches *branches, hy_edge edge, hy_edge *next)
{
    const hy_linked_node *node = &model->nodes[edge.node];
    const hy_edge none = {-1, 0};
    if (node->forwards) {
        *next = edge.out < node->output_count ? node->forwards[edge.out] : none;
        return true;
    }
    if (!node->op)
        return false;
    switch (node->op->kind) {
    case HY_OP_FORWARD:
    case HY_OP_DEFAULT:
        *next = edge.out < node->input_count ? node->inputs[edge.out] : none;
        return true;
    case HY_OP_SWITCH:
        *next = node->input_count > 0 ? node->inputs[0] : none;
        return branches->preds && branches->preds[edge.node] == edge.out;
    case HY_OP_MERGE:
        if (edge.out != 0 || !branches->choices || branches->choices[edge.node] < 0)
            return false;
        *next = node->inputs[branches->choices[edge.node]];
        return true;
    default:
        return false;
    }
}

hy_origin hy_follow(const haya_model *model, const hy_feeds *feeds, const hy_branches *branches, hy_edge edge,
                    size_t *steps_left)
{
    for (size_t steps = 0; steps <= model->node_count && *steps_left; steps++, --*steps_left) {
        int32_t feed = hy_feeds_find(feeds, edge);
        if (feed >= 0)
            return (hy_origin){HY_ORIGIN_FEED, edge, feed};
        hy_edge next;
        if (!forwarded(model, branches, edge, &next))
            return (hy_origin){HY_ORIGIN_NODE, edge, -1};
        if (next.node < 0)
            return (hy_origin){HY_ORIGIN_MISSING, edge, -1};
        edge = next;
    }
    return (hy_origin){HY_ORIGIN_CYCLE, edge, -1};
}

haya_status hy_refuse(hy_refusals *r, const char *node, const char *op, const char *why, hy_arena *arena,
                      haya_error *error)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16;
        hy_refusal *grown = HY_ARENA_NEW(arena, hy_refusal, capacity);
        if (!grown)
            return hy_out_of_memory(error, node);
        if (r->count)
            memcpy(grown, r->items, r->count * sizeof *grown);
        r->items = grown;
        r->capacity = capacity;
    }
    r->items[r->count++] = (hy_refusal){node, op, why};
    return HAYA_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static haya_status new_node(tracer *t, const char *name, int32_t output_count, hy_node **result)
{
    if (t->node_count == t->node_capacity) {
        size_t capacity = t->node_capacity ? 2 * t->node_capacity : 64;
        hy_node *grown = HY_ARENA_NEW(t->arena, hy_node, capacity);
        if (!grown)
            return hy_out_of_memory(t->error, name);
        if (t->node_count)
            memcpy(grown, t->nodes, t->node_count * sizeof *grown);
        t->nodes = grown;
        t->node_capacity = capacity;
    }
    t->total_outputs += (size_t)output_count;
    if (t->total_outputs > MAX_TOTAL_OUTPUTS)
        return hy_fail(t->error, HAYA_ERROR_LIMIT, name, "%s: node '%s': more than %d tensors in the graph",
                       hy_file_path(t->model->file), name, MAX_TOTAL_OUTPUTS);
    hy_node *node = &t->nodes[t->node_count];
    *node = (hy_node){.name = name, .output_count = output_count, .feed = -1, .slot = -1, .class = HY_CLASS_RUN};
    node->outs = HY_ARENA_NEW(t->arena, hy_operand, (size_t)output_count);
    if (!node->outs)
        return hy_out_of_memory(t->error, name);
    for (int32_t k = 0; k < output_count; k++)
        node->outs[k].shape.rank = -1;
    t->node_count++;
    *result = node;
    return HAYA_OK;
}

static haya_status trace_feed(tracer *t, int32_t feed)
{
    if (t->feed_canonical[feed] >= 0)
        return HAYA_OK;
    hy_edge edge = t->feeds->edges[feed];
    const hy_linked_node *linked = &t->model->nodes[edge.node];
    hy_node *node = NULL;
    HY_TRY(new_node(t, linked->name, 1, &node));
    node->feed = feed;
    node->class = HY_CLASS_FEED;
    haya_value value = hy_model_value(t->model, edge, linked->name);
    node->outs[0] = (hy_operand){.dtype = value.dtype, .shape = value.shape};
    t->feed_canonical[feed] = (int32_t)t->node_count - 1;
    return HAYA_OK;
}

/* NULL, or why a node can't be had although its operation is in the table. */
static const char *find_fault(tracer *t, const hy_linked_node *linked, const hy_node *node)
{
    switch (linked->op->kind) {
    case HY_OP_SWITCH:
        return t->branches->preds && t->branches->preds[linked - t->model->nodes] != HY_PRED_UNKNOWN
             ? "a fetch depends on the branch that is never taken"
             : "its condition doesn't follow from constants";
    case HY_OP_MERGE:
        return "which of its branches is taken doesn't follow from constants";
    case HY_OP_CALL:
        return "the function that it calls is not in the file";
    case HY_OP_NONE:
        return "it has no outputs, but something reads it";
    default:
        break;
    }
    for (size_t i = 0; linked->op->attrs && linked->op->attrs[i].name; i++)
        if (strcmp(linked->op->attrs[i].name, "is_training") == 0 && node->attrs[i].b)
            return "batch norm is still training (is_training is true); freeze the graph for inference";
    return NULL;
}

static haya_status describe_constant(tracer *t, const hy_linked_node *linked, hy_node *node)
{
    const hy_attr *value = hy_record_attr(linked->record, "value");
    if (!value || value->kind != HY_ATTR_TENSOR)
        return hy_fail(t->error, HAYA_ERROR_FORMAT, node->name, "%s: node '%s' (Const): attribute 'value' is missing",
                       hy_file_path(t->model->file), node->name);
    node->constant = value->tensor;
    if (value->tensor->refusal)
        return hy_fail(t->error, HAYA_ERROR_FORMAT, node->name, "%s: node '%s' (Const): %s",
                       hy_file_path(t->model->file), node->name, value->tensor->refusal);
    if (value->tensor->dtype == HAYA_INVALID) {
        const char *why = hy_arena_printf(t->arena, "type %s is not supported", value->tensor->type_name);
        if (!why)
            return hy_out_of_memory(t->error, node->name);
        return hy_refuse(t->refusals, node->name, "Const", why, t->arena, t->error);
    }
    node->outs[0] = (hy_operand){.dtype = value->tensor->dtype, .shape = value->tensor->shape};
    return HAYA_OK;
}

/* Why a node without a row is refused. Variables tell of a graph that was never frozen. */
static const char *why_unknown(const char *op)
{
    static const char *const variables[] = {"Variable", "VariableV2", "VarHandleOp"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (strcmp(op, variables[i]) == 0)
            return "a variable: the graph is not frozen; `tools/freeze`, in haya's source folder, freezes it";
    return "the operation is not supported";
}

/* Row, attributes and dtypes of a node whose inputs are traced. */
static haya_status describe_node(tracer *t, const hy_linked_node *linked, hy_node *node)
{
    const hy_op *op = linked->op;
    node->op = op;
    if (!op)
        return hy_refuse(t->refusals, node->name, linked->record->op, why_unknown(linked->record->op), t->arena,
                         t->error);
    if (op->kind == HY_OP_PLACEHOLDER)
        return hy_fail(t->error, HAYA_ERROR_ARGUMENT, node->name, "%s: node '%s' (%s): the fetches depend on it, but "
                       "it is not fed", hy_file_path(t->model->file), node->name, op->name);
    const char *why;
    HY_TRY(hy_op_attrs(op, linked->record, t->arena, &node->attrs, &why, t->error));
    if (!why)
        why = find_fault(t, linked, node);
    if (!why && linked->output_count < 0)
        why = "the number of its outputs can't be read from its attributes";
    if (why)
        return hy_refuse(t->refusals, node->name, op->name, why, t->arena, t->error);
    if (linked->input_count < op->min_inputs || (op->max_inputs >= 0 && linked->input_count > op->max_inputs))
        return hy_fail(t->error, HAYA_ERROR_FORMAT, node->name, "%s: node '%s' (%s) has %d inputs",
                       hy_file_path(t->model->file), node->name, op->name, linked->input_count);
    if (op->kind == HY_OP_CONST)
        return describe_constant(t, linked, node);
    for (int32_t k = 0; k < node->output_count; k++)
        node->outs[k].dtype = hy_op_output_dtype(op, linked->record, k);
    return HAYA_OK;
}

static bool is_value_index(const tracer *t, hy_edge edge)
{
    const hy_linked_node *node = &t->model->nodes[edge.node];
    return node->op && node->op->kind == HY_OP_MERGE && edge.out == 1 && t->branches->choices
        && t->branches->choices[edge.node] >= 0;
}

/* Which input a decided Merge took, its second output: a constant of the structure. */
static haya_status trace_value_index(tracer *t, int32_t merge)
{
    hy_constant *constant = HY_ARENA_NEW(t->arena, hy_constant, 1);
    int32_t *value = HY_ARENA_NEW(t->arena, int32_t, 1);
    hy_node *node = NULL;
    if (!constant || !value)
        return hy_out_of_memory(t->error, t->model->nodes[merge].name);
    *value = t->branches->choices[merge];
    *constant = (hy_constant){.dtype = HAYA_INT32, .type_name = "DT_INT32", .elements = 1, .why = "", .value = value};
    HY_TRY(new_node(t, t->model->nodes[merge].name, 1, &node));
    node->op = hy_op_find("Const");
    node->constant = constant;
    node->value_needed = true;
    node->outs[0] = (hy_operand){.dtype = HAYA_INT32};
    t->canonical[merge] = (int32_t)t->node_count - 1;
    return HAYA_OK;
}

/* The canonical edge of an origin that has been traced; {0, 0} where a refusal stands in its way. */
static hy_edge canonical_edge(const tracer *t, hy_origin origin)
{
    if (origin.kind == HY_ORIGIN_FEED)
        return (hy_edge){t->feed_canonical[origin.feed], 0};
    if (origin.kind == HY_ORIGIN_NODE && t->canonical[origin.edge.node] >= 0)
        return (hy_edge){t->canonical[origin.edge.node], is_value_index(t, origin.edge) ? 0 : origin.edge.out};
    return (hy_edge){0, 0};
}

static hy_origin follow(tracer *t, hy_edge edge)
{
    return hy_follow(t->model, t->feeds, t->branches, edge, &t->steps_left);
}

static haya_status finish_node(tracer *t, int32_t index)
{
    const hy_linked_node *linked = &t->model->nodes[index];
    hy_edge *inputs = HY_ARENA_NEW(t->arena, hy_edge, (size_t)linked->input_count);
    hy_node *node = NULL;
    if (!inputs)
        return hy_out_of_memory(t->error, linked->name);
    HY_TRY(new_node(t, linked->name, linked->output_count < 0 ? 0 : linked->output_count, &node));
    for (int32_t i = 0; i < linked->input_count; i++) {
        inputs[i] = canonical_edge(t, follow(t, linked->inputs[i]));
        if (inputs[i].out >= t->nodes[inputs[i].node].output_count && t->nodes[inputs[i].node].op
            && t->refusals->count == 0)
            return hy_fail(t->error, HAYA_ERROR_FORMAT, linked->name, "%s: node '%s' reads output %d of node '%s', "
                           "which has %d", hy_file_path(t->model->file), linked->name, inputs[i].out,
                           t->nodes[inputs[i].node].name, t->nodes[inputs[i].node].output_count);
    }
    node->inputs = inputs;
    node->input_count = linked->input_count;
    t->canonical[index] = (int32_t)t->node_count - 1;
    return describe_node(t, linked, node);
}

/* ---- The walk ---------------------------------------------------------------------------------------------------- */

static haya_status fail_missing(tracer *t, const hy_linked_node *node)
{
    return hy_fail(t->error, HAYA_ERROR_FORMAT, node->name, "%s: node '%s' (%s): input '%s' is not in the file",
                   hy_file_path(t->model->file), node->name, node->record->op,
                   node->missing ? node->missing : "(missing)");
}

/* Brings the origin of an edge onto the stack, unless it has its number. */
static haya_status enter(tracer *t, hy_edge edge)
{
    hy_origin origin = follow(t, edge);
    if (origin.kind == HY_ORIGIN_FEED)
        return trace_feed(t, origin.feed);
    const hy_linked_node *node = &t->model->nodes[origin.edge.node];
    if (origin.kind == HY_ORIGIN_MISSING)
        return fail_missing(t, node);
    if (origin.kind == HY_ORIGIN_CYCLE || t->canonical[origin.edge.node] == OPEN) {
        t->cycle = node->name;
        return HAYA_OK;
    }
    if (t->canonical[origin.edge.node] != UNSEEN)
        return HAYA_OK;
    if (is_value_index(t, origin.edge))
        return trace_value_index(t, origin.edge.node);
    if (node->missing)
        return fail_missing(t, node);
    t->canonical[origin.edge.node] = OPEN;
    return hy_stack_push(&t->stack, origin.edge.node, t->error);
}

static haya_status trace_fetch(tracer *t, hy_edge fetch)
{
    HY_TRY(enter(t, fetch));
    while (t->stack.depth) {
        hy_frame *top = &t->stack.frames[t->stack.depth - 1];
        const hy_linked_node *node = &t->model->nodes[top->node];
        if (top->next < node->input_count) {
            HY_TRY(enter(t, node->inputs[top->next++]));
        } else {
            t->stack.depth--;
            HY_TRY(finish_node(t, top->node));
        }
    }
    return HAYA_OK;
}

static haya_status trace_fetches(tracer *t, const hy_edge *fetches, size_t fetch_count, hy_graph *graph)
{
    hy_edge *traced = HY_ARENA_NEW(t->arena, hy_edge, fetch_count);
    if (!traced)
        return hy_out_of_memory(t->error, "fetches");
    for (size_t i = 0; i < fetch_count; i++) {
        HY_TRY(trace_fetch(t, fetches[i]));
        traced[i] = canonical_edge(t, follow(t, fetches[i]));
        if (t->refusals->count == 0 && !t->cycle && traced[i].out >= t->nodes[traced[i].node].output_count)
            return hy_fail(t->error, HAYA_ERROR_NOT_FOUND, t->model->nodes[fetches[i].node].name,
                           "%s: node '%s' has no output %d", hy_file_path(t->model->file),
                           t->model->nodes[fetches[i].node].name, fetches[i].out);
    }
    if (t->cycle && t->refusals->count == 0)
        return hy_fail(t->error, HAYA_ERROR_FORMAT, t->cycle, "%s: node '%s' depends on itself",
                       hy_file_path(t->model->file), t->cycle);
    *graph = (hy_graph){.nodes = t->nodes, .node_count = t->node_count, .fetches = traced,
                        .fetch_count = fetch_count, .feed_count = t->feeds->count};
    return HAYA_OK;
}

haya_status hy_trace_decided(const haya_model *model, const hy_feeds *feeds, const hy_branches *branches,
                             const hy_edge *fetches, size_t fetch_count, hy_arena *arena, hy_refusals *refusals,
                             hy_graph *graph, haya_error *error)
{
    hy_arena temporary;
    hy_arena_init(&temporary, &arena->host);
    tracer t = {.model = model, .feeds = feeds, .branches = branches, .arena = arena, .refusals = refusals,
                .error = error, .stack = {.arena = &temporary}, .steps_left = HY_TRACE_STEPS,
                .canonical = HY_ARENA_NEW(&temporary, int32_t, model->node_count),
                .feed_canonical = HY_ARENA_NEW(&temporary, int32_t, feeds->count)};
    haya_status status;
    if (t.canonical && t.feed_canonical) {
        for (size_t i = 0; i < model->node_count; i++)
            t.canonical[i] = UNSEEN;
        for (size_t i = 0; i < feeds->count; i++)
            t.feed_canonical[i] = UNSEEN;
        status = trace_fetches(&t, fetches, fetch_count, graph);
    } else {
        status = hy_out_of_memory(error, "trace");
    }
    hy_arena_free(&temporary);
    return status;
}

haya_status hy_trace(const haya_model *model, const hy_edge *feeds, size_t feed_count, const hy_edge *fetches,
                     size_t fetch_count, hy_arena *arena, hy_refusals *refusals, hy_graph *graph, haya_error *error)
{
    hy_arena temporary;
    hy_arena_init(&temporary, &arena->host);
    hy_feeds indexed;
    hy_branches branches;
    haya_status status = hy_feeds_init(&indexed, model, feeds, feed_count, &temporary, error);
    if (status == HAYA_OK)
        status = hy_decide_branches(model, &indexed, fetches, fetch_count, &temporary, &branches, error);
    if (status == HAYA_OK)
        status = hy_trace_decided(model, &indexed, &branches, fetches, fetch_count, arena, refusals, graph, error);
    hy_arena_free(&temporary);
    return status;
}
