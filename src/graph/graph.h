/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes: a model's records linked to each other, and a program's graph in canonical order.
 *
 *     records --link--> hy_linked       the file's nodes with their inputs found and functions inlined; per model
 *             --trace-> hy_graph        from the fetches back to feeds and constants, canonical order; per program
 *             --classify, rewrite, fold-> haya_program
 *
 * Canonical order: depth first from the ordered fetches through ordered inputs, a node after its inputs, each node
 * once. Identities, control edges, dead branches and defaults are resolved by then.
 */
#ifndef HAYA_GRAPH_GRAPH_H
#define HAYA_GRAPH_GRAPH_H

#include <stdatomic.h>

#include "graph/ops.h"

typedef struct hy_edge {
    int32_t node;
    int32_t out;
} hy_edge;

/* ---- Model ---------------------------------------------------------------------------------------------------- */

typedef struct hy_linked_node {
    const char *name;         /* inlined ones: "call/inner" */
    const hy_record *record;  /* NULL for argument stand-ins of inlined functions */
    const hy_op *op;          /* NULL: not in the table */
    const hy_edge *inputs;    /* data inputs in order; node -1: not found in the file, see missing */
    const hy_edge *controls;  /* control inputs */
    const hy_edge *forwards;  /* inlined calls: what output k really is; else NULL */
    int32_t input_count, control_count, output_count;
    const char *missing;      /* the first input that was not found, as written; or NULL */
} hy_linked_node;

struct haya_model {
    atomic_uint references;
    hy_file *file;
    hy_arena arena;           /* all that follows */
    hy_records records;
    hy_linked_node *nodes;    /* the main graph's nodes first, in the file's order, then inlined ones */
    size_t node_count;
    size_t main_count;
    hy_edge *inputs;          /* placeholders, by name in natural order ("a2" before "a10") */
    const char *const *input_names;
    size_t input_count;
    hy_edge *outputs;         /* sinks, in natural order of names */
    const char *const *output_names;
    size_t output_count;
    uint64_t parameter_count, parameter_bytes;
    const int32_t *name_table; /* open addressing, main nodes by name */
    size_t name_table_size;
};

void hy_model_retain(haya_model *model);
/* The main node of that name, or -1. */
int32_t hy_model_find(const haya_model *model, const char *name, size_t length);
/* "name" or "name:k" -> edge; false when there is no such node or output. */
bool hy_model_tensor(const haya_model *model, const char *text, hy_edge *edge);
/* attributes.c: the record's attributes in the row's order, defaults filled in. *why is set when an attribute can't be
   had (unknown to the row, missing, of another kind), in the file's words. */
haya_status hy_op_attrs(const hy_op *op, const hy_record *record, hy_arena *arena, const hy_attr **attrs,
                        const char **why, haya_error *error);
/* attributes.c: how many outputs a node has, -1 when the attributes don't tell; the dtype of output k; the first output
   of an output argument, -1 when there is none of that name. */
int32_t hy_op_output_count(const hy_op *op, const hy_record *record);
haya_dtype hy_op_output_dtype(const hy_op *op, const hy_record *record, int32_t out);
int32_t hy_op_output_first(const hy_op *op, const hy_record *record, const char *argument, size_t length);

/* link.c: fills nodes, inputs, outputs and the name table from the records. */
haya_status hy_link(haya_model *model, haya_error *error);

/* What the graph declares of a tensor. */
haya_value hy_model_value(const haya_model *model, hy_edge edge, const char *name);
/* "name:k", ":0" left out. */
const char *hy_tensor_name(hy_arena *arena, const char *node, int32_t out);

/* ---- Program -------------------------------------------------------------------------------------------------- */

typedef enum hy_class {
    HY_CLASS_FEED,      /* given at each run */
    HY_CLASS_KNOWN,     /* structural constants and what follows from them: values are in the program */
    HY_CLASS_PARAMETER, /* a constant of each model */
    HY_CLASS_BIND,      /* computed from parameters, once per model */
    HY_CLASS_RUN        /* depends on a feed */
} hy_class;

typedef struct hy_node {
    const hy_op *op;             /* feeds: NULL unless a placeholder */
    const char *op_name;         /* of a node that a rewrite made: the file's word for what it was; else NULL */
    const char *name;            /* in the model traced, which keeps the string */
    const hy_attr *attrs;        /* in the row's order, defaults filled in */
    const hy_constant *constant; /* HY_OP_CONST */
    hy_edge *inputs;             /* canonical indices, smaller than the node's own */
    hy_operand *outs;            /* dtype always; shape and value as far as known when the program is made: known and
                                    bind nodes wholly, run nodes only their dtype (shape.rank -1) */
    int32_t *externals;          /* per output: index among the program's externals, or -1; NULL: none */
    int32_t input_count, output_count;
    int32_t feed;                /* HY_CLASS_FEED: index among the program's inputs, else -1 */
    int32_t slot;                /* HY_CLASS_PARAMETER: index among the slots, else -1 */
    hy_class class;
    bool value_needed;           /* structural: its value steers shapes */
} hy_node;

typedef struct hy_graph {
    hy_node *nodes;
    size_t node_count;
    const hy_edge *fetches;
    size_t fetch_count;
    size_t feed_count;
} hy_graph;

/* What runs need of weights: parameters, and results of bind nodes. A bind node that only reshapes a parameter is that
   parameter. Whether a parameter is used in place is a matter of each model's file, not of the program. */
typedef struct hy_external {
    hy_edge edge;  /* in program->graph */
    int32_t slot;  /* of the parameter; -1: a result of a bind node */
    size_t bytes;
} hy_external;

struct haya_program {
    atomic_uint references;
    haya_model *model;         /* the one that it was made from; names and structural values live there */
    hy_arena arena;
    hy_graph canonical;        /* as traced: what the fingerprint is of and other models are compared with */
    hy_graph graph;            /* rewritten: batch norms as scale and shift; what is planned and bound */
    uint8_t fingerprint[16];
    haya_value *inputs;        /* in the caller's order: names, dtypes, shapes as the graph declares them */
    size_t input_count;
    haya_value *outputs;
    size_t output_count;
    const hy_node **slots;     /* the constant of each slot, in `canonical` */
    size_t slot_count;
    hy_external *externals;
    size_t external_count;
    haya_program_info info;
};

void hy_program_retain(const haya_program *program);

/* An operation that is not supported, or not in this place. */
typedef struct hy_refusal {
    const char *node, *op, *why;
} hy_refusal;

typedef struct hy_refusals {
    hy_refusal *items;
    size_t count, capacity;
} hy_refusals;

/* trace.c: the canonical graph of the fetches. Unsupported operations are added to `refusals` and tracing goes on
   behind them, so that all are found; the graph is complete only when there are none. */
haya_status hy_trace(const haya_model *model, const hy_edge *feeds, size_t feed_count, const hy_edge *fetches,
                     size_t fetch_count, hy_arena *arena, hy_refusals *refusals, hy_graph *graph, haya_error *error);

/* classify.c: which constants steer the structure (value_needed) and which are parameters (slots, counted). */
haya_status hy_mark_structural(const haya_model *model, hy_graph *graph, hy_arena *arena, hy_refusals *refusals,
                               size_t *slot_count, haya_error *error);
/* classify.c: the class of each node; known and bind nodes get shapes, known ones values. */
haya_status hy_classify(hy_graph *graph, hy_arena *arena, haya_error *error);

/* rewrite.c: a copy of the canonical graph with every inference batch norm as a scale and a shift. */
haya_status hy_rewrite(const hy_graph *canonical, hy_graph *graph, hy_arena *arena, haya_error *error);

/* fingerprint.c */
void hy_fingerprint(const hy_graph *graph, uint8_t fingerprint[16]);

bool hy_input_is_structural(const hy_op *op, int input, int input_count);

/* ---- Evaluating nodes: folding here, bind steps in src/run, shapes and calls in src/plan ------------------------- */

/* Builds a node from its operands: outs get shapes (and values where they follow from shapes), *build the calls.
   Structural inputs must be known. `outs`, `build` and all it points to live in `arena`. */
haya_status hy_node_build(const hy_node *node, const hy_operand *ins, hy_operand *outs, hy_build *build,
                          hy_arena *arena, haya_error *error);

/* Runs the calls of a build on memory: ins[i], outs[k] are the operands' elements. One thread. */
haya_status hy_build_execute(const hy_build *build, const void *const *ins, void *const *outs, hy_arena *scratch,
                             haya_error *error);

/* All inputs are known: computes the outputs and sets their values. At most HY_FOLD_LIMIT bytes each. */
haya_status hy_build_fold(const hy_build *build, hy_arena *arena, haya_error *error);

/* What HY_SOURCE_ZERO reads. */
extern const uint8_t hy_zero_element[16];

/* ---- Comparing ------------------------------------------------------------------------------------------------- */

/* match.c: traces `model` with the program's feeds and fetches, by name or by order, and compares. On success slots[i]
   is the model's node for each slot (program->slot_count entries, in `arena`). */
haya_status hy_program_match(const haya_program *program, const haya_model *model, hy_arena *arena,
                             const hy_node *const **slots, haya_error *error);

#endif
