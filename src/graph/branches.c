/* SPDX-License-Identifier: Apache-2.0
 *
 * Which branches of Switch and Merge are alive. A condition is decided when it folds to a constant: the learning phase
 * left open as a PlaceholderWithDefault takes its default. A node is dead when anything that it reads is dead, control
 * inputs included; a Merge only when all is.
 */
#include <string.h>

#include "graph/trace.h"

enum { UNSEEN = 0, OPEN, LIVE, DEAD };

/* Deciding a condition walks the graph once more; files may ask for a million of them. */
#define MAX_DECISION_NODES ((size_t)1 << 24)

typedef struct walk {
    const haya_model *model;
    const hy_feeds *feeds;
    hy_branches *branches;
    uint8_t *state;
    int8_t *decided;      /* per origin node of a condition: its value + 1; 0: not yet asked; -1: unknown */
    size_t steps_left, decision_nodes_left;
    bool out_of_memory;   /* while a condition was folded: it is not known, but not to be refused for it */
    hy_arena *arena;
    haya_error *error;
} walk;

static bool is_kind(const hy_linked_node *node, hy_op_kind kind)
{
    return node->op && node->op->kind == kind;
}

static bool edge_is_dead(const walk *w, hy_edge edge)
{
    if (edge.node < 0 || hy_feeds_find(w->feeds, edge) >= 0)
        return false;
    if (w->state[edge.node] == DEAD)
        return true;
    return is_kind(&w->model->nodes[edge.node], HY_OP_SWITCH) && w->branches->preds[edge.node] != HY_PRED_UNKNOWN
        && w->branches->preds[edge.node] != edge.out;
}

/* The value of a boolean tensor that follows from constants, or HY_PRED_UNKNOWN: traced and folded on its own. */
static int8_t fold_condition(walk *w, hy_edge edge)
{
    if (w->decision_nodes_left < w->model->node_count)
        return HY_PRED_UNKNOWN;
    w->decision_nodes_left -= w->model->node_count;
    hy_arena arena;
    hy_arena_init(&arena, &w->arena->host);
    hy_refusals refusals = {0};
    hy_graph graph;
    size_t slots;
    int8_t pred = HY_PRED_UNKNOWN;
    haya_status status = hy_trace_decided(w->model, w->feeds, w->branches, &edge, 1, &arena, &refusals, &graph, NULL);
    if (status == HAYA_OK && refusals.count == 0) {
        graph.nodes[graph.fetches[0].node].value_needed = true;
        status = hy_mark_structural(w->model, &graph, &arena, &refusals, &slots, NULL);
    }
    if (status == HAYA_OK && refusals.count == 0)
        status = hy_classify(&graph, &arena, NULL);
    if (status == HAYA_OK && refusals.count == 0) {
        const hy_operand *value = &graph.nodes[graph.fetches[0].node].outs[graph.fetches[0].out];
        if (value->value && value->dtype == HAYA_BOOL && hy_shape_elements(&value->shape) == 1)
            pred = *(const uint8_t *)value->value != 0;
    }
    w->out_of_memory = w->out_of_memory || status == HAYA_ERROR_MEMORY;
    hy_arena_free(&arena);
    return pred;
}

static int8_t decide(walk *w, hy_edge condition)
{
    if (condition.node < 0)
        return HY_PRED_UNKNOWN;
    hy_origin origin = hy_follow(w->model, w->feeds, w->branches, condition, &w->steps_left);
    if (origin.kind != HY_ORIGIN_NODE)
        return HY_PRED_UNKNOWN;
    int8_t *known = &w->decided[origin.edge.node]; /* many switches hang on one condition */
    if (*known == 0) {
        int8_t pred = fold_condition(w, origin.edge);
        *known = pred == HY_PRED_UNKNOWN ? -1 : (int8_t)(pred + 1);
    }
    return *known < 0 ? HY_PRED_UNKNOWN : (int8_t)(*known - 1);
}

/* All inputs have been visited. */
static void finish_node(walk *w, int32_t index)
{
    const hy_linked_node *node = &w->model->nodes[index];
    int32_t dead = 0, live = -1;
    for (int32_t i = 0; i < node->input_count; i++) {
        if (edge_is_dead(w, node->inputs[i]))
            dead++;
        else
            live = i;
    }
    if (is_kind(node, HY_OP_MERGE)) {
        if (dead == node->input_count - 1)
            w->branches->choices[index] = live;
        w->state[index] = dead == node->input_count ? DEAD : LIVE;
        return;
    }
    for (int32_t i = 0; i < node->control_count; i++)
        dead += edge_is_dead(w, (hy_edge){node->controls[i].node, 0});
    w->state[index] = dead ? DEAD : LIVE;
    if (is_kind(node, HY_OP_SWITCH) && node->input_count == 2 && !dead)
        w->branches->preds[index] = decide(w, node->inputs[1]);
}

/* The k-th node that a node waits for: data, control, and what an inlined call's outputs really are. -1: past the end;
   -2: nothing to visit here. */
static int32_t dependence(const hy_linked_node *node, int32_t k)
{
    int32_t found;
    if (k < node->input_count)
        found = node->inputs[k].node;
    else if (k < node->input_count + node->control_count)
        found = node->controls[k - node->input_count].node;
    else if (node->forwards && k < node->input_count + node->control_count + node->output_count)
        found = node->forwards[k - node->input_count - node->control_count].node;
    else
        return -1;
    return found < 0 ? -2 : found;
}

static haya_status visit(walk *w, hy_stack *stack, int32_t root)
{
    if (w->state[root] != UNSEEN)
        return HAYA_OK;
    w->state[root] = OPEN;
    HY_TRY(hy_stack_push(stack, root, w->error));
    while (stack->depth) {
        hy_frame *top = &stack->frames[stack->depth - 1];
        int32_t next = dependence(&w->model->nodes[top->node], top->next++);
        if (next == -1) {
            finish_node(w, top->node);
            if (w->out_of_memory)
                return hy_out_of_memory(w->error, "conditions");
            stack->depth--;
        } else if (next >= 0 && w->state[next] == UNSEEN) { /* an OPEN one is a loop, which tracing will refuse */
            w->state[next] = OPEN;
            HY_TRY(hy_stack_push(stack, next, w->error));
        }
    }
    return HAYA_OK;
}

haya_status hy_decide_branches(const haya_model *model, const hy_feeds *feeds, const hy_edge *fetches,
                               size_t fetch_count, hy_arena *arena, hy_branches *branches, haya_error *error)
{
    bool any = false;
    for (size_t i = 0; i < model->node_count && !any; i++)
        any = is_kind(&model->nodes[i], HY_OP_SWITCH) || is_kind(&model->nodes[i], HY_OP_MERGE);
    *branches = (hy_branches){0};
    if (!any)
        return HAYA_OK;
    branches->preds = HY_ARENA_NEW(arena, int8_t, model->node_count);
    branches->choices = HY_ARENA_NEW(arena, int32_t, model->node_count);
    walk w = {.model = model, .feeds = feeds, .branches = branches, .steps_left = HY_TRACE_STEPS, .arena = arena,
              .decision_nodes_left = MAX_DECISION_NODES, .error = error,
              .state = HY_ARENA_NEW(arena, uint8_t, model->node_count),
              .decided = HY_ARENA_NEW(arena, int8_t, model->node_count)};
    if (!branches->preds || !branches->choices || !w.state || !w.decided)
        return hy_out_of_memory(error, "branches");
    memset(branches->preds, HY_PRED_UNKNOWN, model->node_count);
    for (size_t i = 0; i < model->node_count; i++)
        branches->choices[i] = -1;
    hy_stack stack = {.arena = arena};
    for (size_t i = 0; i < fetch_count; i++)
        HY_TRY(visit(&w, &stack, fetches[i].node));
    return HAYA_OK;
}
