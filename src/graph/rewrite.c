/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch norm at inference is y = x * scale + shift with
 *     scale = gamma * rsqrt(variance + epsilon),    shift = beta - mean * scale
 * Written as three nodes, scale and shift fall to the bind steps whenever gamma .. variance are parameters, and the
 * remaining product and sum to the epilogue of the convolution before it.
 */
#include <string.h>

#include "graph/graph.h"

typedef struct rewriter {
    hy_graph *graph;
    hy_edge (*moved)[3]; /* canonical node -> its outputs 0, 1, 2; ordinary nodes: {new index, 0} */
    bool *is_norm;
    hy_arena *arena;
    haya_error *error;
} rewriter;

enum { X, GAMMA, BETA, MEAN, VARIANCE };

static hy_edge move_edge(const rewriter *r, hy_edge edge)
{
    if (r->is_norm[edge.node])
        return r->moved[edge.node][edge.out];
    return (hy_edge){r->moved[edge.node][0].node, edge.out};
}

/* A node of an internal row; attributes of the same names are taken over from `from`. */
static haya_status add_node(rewriter *r, const char *op_name, const hy_node *from, const char *part,
                            const hy_edge *inputs, int32_t input_count, hy_edge *result)
{
    const hy_op *op = hy_op_find(op_name);
    size_t attr_count = 0;
    while (op->attrs && op->attrs[attr_count].name)
        attr_count++;
    hy_attr *attrs = HY_ARENA_NEW(r->arena, hy_attr, attr_count);
    hy_edge *edges = HY_ARENA_NEW(r->arena, hy_edge, (size_t)input_count);
    hy_operand *outs = HY_ARENA_NEW(r->arena, hy_operand, 1);
    const char *name = part ? hy_arena_printf(r->arena, "%s (%s)", from->name, part) : from->name;
    if (!attrs || !edges || !outs || !name)
        return hy_out_of_memory(r->error, from->name);
    for (size_t i = 0; i < attr_count; i++)
        for (size_t k = 0; from->op->attrs[k].name; k++)
            if (strcmp(op->attrs[i].name, from->op->attrs[k].name) == 0)
                attrs[i] = from->attrs[k];
    memcpy(edges, inputs, (size_t)input_count * sizeof *edges);
    outs[0] = (hy_operand){.dtype = from->outs[0].dtype, .shape = {.rank = -1}};
    *result = (hy_edge){(int32_t)r->graph->node_count, 0};
    r->graph->nodes[r->graph->node_count++] = (hy_node){
        .op = op, .op_name = from->op->name, .name = name, .attrs = attrs, .inputs = edges, .outs = outs,
        .input_count = input_count, .output_count = 1, .feed = -1, .slot = -1, .class = HY_CLASS_RUN};
    return HAYA_OK;
}

static haya_status rewrite_norm(rewriter *r, const hy_node *norm, size_t index)
{
    hy_edge in[5], scale, shift;
    for (int k = 0; k < 5; k++)
        in[k] = move_edge(r, norm->inputs[k]);
    HY_TRY(add_node(r, "@BatchNormScale", norm, "scale", (hy_edge[]){in[GAMMA], in[VARIANCE]}, 2, &scale));
    HY_TRY(add_node(r, "@BatchNormShift", norm, "shift",
                    (hy_edge[]){in[GAMMA], in[VARIANCE], in[BETA], in[MEAN]}, 4, &shift));
    HY_TRY(add_node(r, "@ScaleShift", norm, NULL, (hy_edge[]){in[X], scale, shift}, 3, &r->moved[index][0]));
    /* At inference the batch's statistics are those given. */
    r->moved[index][1] = in[MEAN];
    r->moved[index][2] = in[VARIANCE];
    r->is_norm[index] = true;
    return HAYA_OK;
}

static bool is_batch_norm(const hy_node *node)
{
    return node->op && strncmp(node->op->name, "FusedBatchNorm", 14) == 0;
}

static haya_status check_reads(const hy_graph *canonical, const hy_node *reader, hy_edge edge, haya_error *error)
{
    const hy_node *from = &canonical->nodes[edge.node];
    if (!is_batch_norm(from) || edge.out <= 2)
        return HAYA_OK;
    return hy_fail(error, HAYA_ERROR_UNSUPPORTED, from->name, "node '%s' (%s): its output %d, which serves training, "
                   "is read by %s", from->name, from->op->name, edge.out, reader ? reader->name : "a fetch");
}

static haya_status copy_node(rewriter *r, const hy_graph *canonical, size_t index)
{
    const hy_node *from = &canonical->nodes[index];
    for (int32_t k = 0; k < from->input_count; k++)
        HY_TRY(check_reads(canonical, from, from->inputs[k], r->error));
    if (is_batch_norm(from))
        return rewrite_norm(r, from, index);
    hy_node node = *from;
    node.inputs = HY_ARENA_NEW(r->arena, hy_edge, (size_t)from->input_count);
    node.outs = HY_ARENA_NEW(r->arena, hy_operand, (size_t)from->output_count);
    if (!node.inputs || !node.outs)
        return hy_out_of_memory(r->error, from->name);
    for (int32_t k = 0; k < from->input_count; k++)
        node.inputs[k] = move_edge(r, from->inputs[k]);
    if (from->output_count)
        memcpy(node.outs, from->outs, (size_t)from->output_count * sizeof *node.outs);
    r->moved[index][0] = (hy_edge){(int32_t)r->graph->node_count, 0};
    r->graph->nodes[r->graph->node_count++] = node;
    return HAYA_OK;
}

haya_status hy_rewrite(const hy_graph *canonical, hy_graph *graph, hy_arena *arena, haya_error *error)
{
    size_t norms = 0;
    for (size_t i = 0; i < canonical->node_count; i++)
        norms += is_batch_norm(&canonical->nodes[i]);
    *graph = *canonical;
    graph->node_count = 0;
    graph->nodes = HY_ARENA_NEW(arena, hy_node, canonical->node_count + 2 * norms);
    hy_edge *fetches = HY_ARENA_NEW(arena, hy_edge, canonical->fetch_count);
    rewriter r = {.graph = graph, .arena = arena, .error = error,
                  .moved = hy_arena_alloc(arena, canonical->node_count, sizeof *r.moved),
                  .is_norm = HY_ARENA_NEW(arena, bool, canonical->node_count)};
    if (!graph->nodes || !fetches || !r.moved || !r.is_norm)
        return hy_out_of_memory(error, "graph");
    for (size_t i = 0; i < canonical->node_count; i++)
        HY_TRY(copy_node(&r, canonical, i));
    for (size_t i = 0; i < canonical->fetch_count; i++) {
        HY_TRY(check_reads(canonical, NULL, canonical->fetches[i], error));
        fetches[i] = move_edge(&r, canonical->fetches[i]);
    }
    graph->fetches = fetches;
    return HAYA_OK;
}
