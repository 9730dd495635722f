/* SPDX-License-Identifier: Apache-2.0
 *
 * What tracing (trace.c) and deciding branches (branches.c) share. Private to graph.
 */
#ifndef HAYA_GRAPH_TRACE_H
#define HAYA_GRAPH_TRACE_H

#include "graph/graph.h"

enum { HY_PRED_UNKNOWN = -1 };

/* What is decided of Switch and Merge nodes, per linked node. */
typedef struct hy_branches {
    int8_t *preds;         /* Switch: 0, 1, HY_PRED_UNKNOWN */
    int32_t *choices;      /* Merge: the one live input; -1: none or several */
} hy_branches;

/* Feeds by linked node: the first feed of node i is first[i] - 1, the next one of the same node next[feed] - 1. */
typedef struct hy_feeds {
    const hy_edge *edges;
    size_t count;
    int32_t *first, *next;
} hy_feeds;

haya_status hy_feeds_init(hy_feeds *feeds, const haya_model *model, const hy_edge *edges, size_t count,
                          hy_arena *arena, haya_error *error);
int32_t hy_feeds_find(const hy_feeds *feeds, hy_edge edge); /* index, or -1 */

/* Depth-first walks keep their own stack, since files choose the depth. */
typedef struct hy_frame {
    int32_t node, next;
} hy_frame;

typedef struct hy_stack {
    hy_frame *frames;
    size_t depth, capacity;
    hy_arena *arena;
} hy_stack;

haya_status hy_stack_push(hy_stack *stack, int32_t node, haya_error *error);

typedef struct hy_origin {
    enum { HY_ORIGIN_NODE, HY_ORIGIN_FEED, HY_ORIGIN_MISSING, HY_ORIGIN_CYCLE } kind;
    hy_edge edge;  /* NODE: the node's output; MISSING: the output whose input is missing */
    int32_t feed;
} hy_origin;

/* Through identities, defaults, inlined calls and decided branches to where a value comes from. */
hy_origin hy_follow(const haya_model *model, const hy_feeds *feeds, const hy_branches *branches, hy_edge edge,
                    size_t *steps_left);

/* Steps that all walks of one trace may take together: files can make chains that are walked again and again. */
#define HY_TRACE_STEPS ((size_t)1 << 26)

/* branches.c: decides all Switch and Merge nodes that the fetches depend on. */
haya_status hy_decide_branches(const haya_model *model, const hy_feeds *feeds, const hy_edge *fetches,
                               size_t fetch_count, hy_arena *arena, hy_branches *branches, haya_error *error);

/* trace.c: traces with branches decided. */
haya_status hy_trace_decided(const haya_model *model, const hy_feeds *feeds, const hy_branches *branches,
                             const hy_edge *fetches, size_t fetch_count, hy_arena *arena, hy_refusals *refusals,
                             hy_graph *graph, haya_error *error);

haya_status hy_refuse(hy_refusals *refusals, const char *node, const char *op, const char *why, hy_arena *arena,
                      haya_error *error);

#endif
