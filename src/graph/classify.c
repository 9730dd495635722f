/* SPDX-License-Identifier: Apache-2.0
 *
 * What steers the structure and what is a parameter; what is known, what follows from parameters, what runs.
 */
#include "graph/graph.h"
#include "graph/trace.h"

/* A tensor that follows from parameters and is larger than this was not meant to be computed for each model. */
#define MAX_BIND_BYTES ((int64_t)1 << 31)

static bool is_compute(const hy_node *node)
{
    return node->op && node->op->kind == HY_OP_COMPUTE;
}

/* From structural inputs backwards: whatever such a value is computed from steers the structure as well. */
static void spread_need(hy_graph *graph)
{
    for (size_t i = graph->node_count; i-- > 0;) {
        const hy_node *node = &graph->nodes[i];
        if (!is_compute(node))
            continue;
        for (int32_t k = 0; k < node->input_count; k++)
            if (hy_input_is_structural(node->op, k, node->input_count) || (node->value_needed && !node->op->shape_only))
                graph->nodes[node->inputs[k].node].value_needed = true;
    }
}

haya_status hy_mark_structural(const haya_model *model, hy_graph *graph, hy_arena *arena, hy_refusals *refusals,
                               size_t *slot_count, haya_error *error)
{
    spread_need(graph);
    *slot_count = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        hy_node *node = &graph->nodes[i];
        if (node->class == HY_CLASS_FEED && node->value_needed)
            HY_TRY(hy_refuse(refusals, node->name, node->op ? node->op->name : "input",
                             "its value is fed, but steers shapes", arena, error));
        if (!node->constant)
            continue;
        if (!node->value_needed) {
            node->class = HY_CLASS_PARAMETER;
            node->slot = (int32_t)(*slot_count)++;
        } else if (node->constant->value) {
            node->class = HY_CLASS_KNOWN;
            node->outs[0].value = node->constant->value;
        } else {
            return hy_fail(error, HAYA_ERROR_LIMIT, node->name, "%s: node '%s' (Const): it steers shapes, but has "
                           "%lld elements", hy_file_path(model->file), node->name,
                           (long long)node->constant->elements);
        }
    }
    return HAYA_OK;
}

static haya_status check_bind_size(const hy_node *node, haya_error *error)
{
    for (int32_t k = 0; k < node->output_count; k++) {
        int64_t bytes = hy_shape_bytes(&node->outs[k].shape, node->outs[k].dtype);
        if (bytes > MAX_BIND_BYTES)
            return hy_fail(error, HAYA_ERROR_LIMIT, node->name, "node '%s' (%s): %lld bytes would be computed for "
                           "each model", node->name, node->op->name, (long long)bytes);
    }
    return HAYA_OK;
}

static haya_status classify_compute(const hy_graph *graph, hy_node *node, hy_arena *arena, haya_error *error)
{
    hy_operand *ins = HY_ARENA_NEW(arena, hy_operand, (size_t)node->input_count);
    if (!ins)
        return hy_out_of_memory(error, node->name);
    bool all_known = true;
    node->class = HY_CLASS_BIND;
    for (int32_t k = 0; k < node->input_count; k++) {
        const hy_node *from = &graph->nodes[node->inputs[k].node];
        ins[k] = from->outs[node->inputs[k].out];
        all_known = all_known && ins[k].value;
        if (!ins[k].value && (from->class == HY_CLASS_RUN || from->class == HY_CLASS_FEED))
            node->class = HY_CLASS_RUN;
    }
    if (node->class == HY_CLASS_RUN)
        return HAYA_OK;
    hy_build build;
    HY_TRY(hy_node_build(node, ins, node->outs, &build, arena, error));
    bool outs_known = true;
    for (int32_t k = 0; k < node->output_count; k++)
        outs_known = outs_known && node->outs[k].value;
    if (all_known || outs_known)
        node->class = HY_CLASS_KNOWN;
    if (all_known && !outs_known)
        return hy_build_fold(&build, arena, error);
    return check_bind_size(node, error);
}

haya_status hy_classify(hy_graph *graph, hy_arena *arena, haya_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (is_compute(&graph->nodes[i]))
            HY_TRY(classify_compute(graph, &graph->nodes[i], arena, error));
    return HAYA_OK;
}
