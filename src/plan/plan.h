/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan: a program's run nodes, for given input shapes, as a list of steps on placed memory.
 *
 *     lower.c    nodes -> drafts: calls between values; what is known by now is folded
 *     fuse.c     nearest upsampling + convolution + bias + batch norm + residual + activation become one call
 *     join.c     what is concatenated is made in its place
 *     memory.c   lifetimes -> offsets in the session's scratch
 *     plan.c     kernels chosen, places decided; the public calls
 */
#ifndef HAYA_PLAN_PLAN_H
#define HAYA_PLAN_PLAN_H

#include "graph/graph.h"

/* Where an operand lies at run. */
typedef enum hy_place_kind {
    HY_PLACE_SCRATCH,  /* the session's scratch + offset */
    HY_PLACE_INPUT,    /* the caller's input `index` */
    HY_PLACE_OUTPUT,   /* the caller's output `index` */
    HY_PLACE_EXTERNAL, /* the weights' external `index` */
    HY_PLACE_KNOWN     /* `data`, in the program or plan */
} hy_place_kind;

typedef struct hy_place {
    hy_place_kind kind;
    int32_t index;
    size_t offset;
    const void *data;
} hy_place;

typedef struct hy_step {
    hy_call call;
    const hy_kernel *kernel;
    const char *kernel_name; /* "conv2d_gemm/avx512" */
    hy_place in[HY_CALL_INPUTS];
    hy_place out;
    const char *node;     /* the last node computed */
    const char *op;       /* "Conv2D+BiasAdd+Relu" */
    haya_shape shape;
} hy_step;

/* Caller's tensors that are not dense are copied to or from scratch at this offset. */
typedef struct hy_staging {
    haya_dtype dtype;
    haya_shape shape;
    size_t offset;
} hy_staging;

struct haya_plan {
    atomic_uint references;
    const haya_program *program;
    hy_arena arena;
    hy_step *steps;
    size_t step_count;
    hy_staging *inputs, *outputs;
    size_t value_bytes;       /* scratch for values, below the kernels' own */
    haya_plan_info info;
};

void hy_plan_retain(const haya_plan *plan);
/* Scratch of a session with so many threads. */
size_t hy_plan_scratch(const haya_plan *plan, int threads);

/* ---- Between the passes ------------------------------------------------------------------------------------------ */

/* A tensor of the plan: output `out` of a node is value first[node] + out. */
typedef struct hy_value {
    hy_operand operand;
    hy_place place;        /* decided early for inputs, externals and known values; else by placing */
    bool placed;
    int32_t alias;         /* the value whose bytes it shares, -1: its own; drafts' views are of the owner's bytes */
    int32_t readers;       /* drafts that read it or an alias of it, fetches included */
    int32_t first, last;   /* drafts that write it first and touch it last; of the value that owns the bytes */
} hy_value;

#define HY_VALUE_ZERO (-2) /* operand of a draft: hy_zero_element */

typedef struct hy_draft {
    hy_call call;
    int32_t in[HY_CALL_INPUTS]; /* values */
    int32_t out;
    const char *node, *op;
    bool dead;                  /* nothing needs it, or fused into another */
} hy_draft;

typedef struct hy_drafts {
    const haya_program *program;
    hy_arena *arena;            /* the plan's */
    hy_arena *temporary;        /* gone when the plan is made: all of this */
    hy_value *values;
    size_t value_count;
    int32_t *first;             /* per node of program->graph */
    hy_draft *drafts;
    size_t count, capacity;
    int32_t *fetches;           /* values */
    size_t fetch_count;
    haya_error *error;
} hy_drafts;

/* The value that owns the bytes of `value`. */
int32_t hy_value_owner(const hy_drafts *d, int32_t value);

haya_status hy_lower(hy_drafts *d, const haya_shape *input_shapes, size_t input_count);
/* Counts readers and marks drafts that no fetch needs as dead. */
void hy_drafts_mark(hy_drafts *d);
haya_status hy_fuse(hy_drafts *d);
haya_status hy_join(hy_drafts *d);

/* memory.c: blocks that are alive at the same time don't overlap. `offset` is set; returns the bytes in all. Offsets
   are multiples of `alignment`. */
typedef struct hy_block {
    size_t bytes;
    int32_t first, last;  /* alive from first to last, both included */
    size_t offset;
} hy_block;
haya_status hy_place_blocks(hy_block *blocks, size_t count, size_t alignment, hy_arena *temporary, size_t *total,
                            haya_error *error);

#endif
