/* SPDX-License-Identifier: Apache-2.0
 *
 * The operation table: one row for each operation, in the ops_*.c file of its kind. A row says everything that haya
 * knows about the operation: attributes with their registered defaults, which inputs steer the structure, what comes
 * out, and a build function that is shape rule and lowering in one: from the operands' dtypes, shapes and known values
 * it derives the outputs' shapes and describes the calls that compute them.
 *
 * Folding needs no rule of its own: where all inputs of a node are known, the calls that it builds are run at once.
 *
 * Adding an operation: write its row and build function in ops_<kind>.c, and its cases in tests/ops.
 */
#ifndef HAYA_GRAPH_OPS_H
#define HAYA_GRAPH_OPS_H

#include "kernels/kernels.h"
#include "reader/reader.h"

typedef struct hy_build hy_build;

typedef struct hy_attr_def {
    const char *name;
    hy_attr_kind kind;
    bool required;       /* otherwise `fallback` holds when the attribute is absent */
    bool hint;           /* read by no build function and not part of the structure: "use_cudnn_on_gpu" */
    hy_attr fallback;    /* value only; name and kind are filled in from above. A list may be empty */
    uint32_t types;      /* HY_ATTR_TYPE: bits of the dtypes that are computed with; 0: any */
} hy_attr_def;

/* Bits of hy_attr_def.types */
#define HY_TYPE(dtype) (1u << (dtype))
#define HY_TYPES_FLOAT HY_TYPE(HAYA_FLOAT32)
#define HY_TYPES_INDEX (HY_TYPE(HAYA_INT32) | HY_TYPE(HAYA_INT64))
#define HY_TYPES_NUMBER (HY_TYPES_FLOAT | HY_TYPES_INDEX)
#define HY_TYPES_BOOL HY_TYPE(HAYA_BOOL)

/* Bits of hy_op.structural */
#define HY_STRUCTURAL(input) (1u << (input))
#define HY_STRUCTURAL_ALL 0x7fffffffu
#define HY_STRUCTURAL_LAST 0x80000000u  /* the last input of a variable number (ConcatV2's axis) */

typedef enum hy_op_kind {
    HY_OP_COMPUTE = 0, /* built and run */
    HY_OP_FORWARD,     /* output k is input k, and the node vanishes: Identity, IdentityN, StopGradient */
    HY_OP_DEFAULT,     /* PlaceholderWithDefault: forwards unless fed */
    HY_OP_PLACEHOLDER,
    HY_OP_CONST,
    HY_OP_SWITCH,
    HY_OP_MERGE,
    HY_OP_CALL,        /* PartitionedCall and kin: inlined */
    HY_OP_NONE         /* NoOp: no outputs */
} hy_op_kind;

typedef struct hy_op {
    const char *name;            /* "Conv2D"; internal rows that rewrites make begin with '@' */
    hy_op_kind kind;
    int min_inputs, max_inputs;  /* data inputs; max_inputs -1: any number */
    uint32_t structural;         /* inputs whose values steer shapes, axes, sizes: they must be known when planning */
    bool shape_only;             /* the result depends on the inputs' shapes alone: Shape, Size, Rank */
    /* Output arguments with the attribute that gives the dtype: "y:T batch_mean:U", "output:@int32" for a fixed one,
       "output:num_split*T" for a list whose length is an int attribute, "output:Tout" where Tout is a list of types. */
    const char *outputs;
    const hy_attr_def *attrs;    /* ended by a NULL name; NULL: none */
    haya_status (*build)(hy_build *b); /* HY_OP_COMPUTE only */
} hy_op;

/* The row of an operation, or NULL. */
const hy_op *hy_op_find(const char *name);
const hy_op *hy_op_list(size_t index); /* all rows; NULL past the end */

/* ---- For build functions ------------------------------------------------------------------------------------- */

/* What is known of an operand when a node is built. */
typedef struct hy_operand {
    haya_dtype dtype;
    haya_shape shape;
    const void *value; /* its dense elements where they are known now, aligned to 16 bytes; else NULL */
} hy_operand;

/* A call of the node: operand i comes from `source[i]`. */
#define HY_SOURCE_OUTPUT (-1) /* the call's own output, written by an earlier call of this node: same view */
#define HY_SOURCE_ZERO (-2)   /* one element of zero, of any dtype */
typedef struct hy_build_call {
    hy_call call;
    int32_t source[HY_CALL_INPUTS]; /* index of the node's input, or HY_SOURCE_OUTPUT */
    int32_t target;                 /* index of the node's output */
} hy_build_call;

struct hy_build {
    const hy_op *op;
    const char *op_name;          /* for messages, where op is a row that rewrites make; else NULL */
    const char *name;             /* the node's, for messages */
    const hy_attr *attrs;         /* in the row's order, defaults filled in */
    int in_count, out_count;
    const hy_operand *in;
    hy_operand *out;              /* dtype is set from the row; build sets shape */
    int32_t *alias;               /* per output: -1, or the input whose bytes it shares (same dtype size, dense) */
    hy_build_call *calls;         /* appended by hy_build_append, run in this order */
    size_t call_count, call_capacity;
    hy_arena *arena;
    haya_error *error;
};

/* "node 'name' (Op): ..." ; returns status. */
haya_status hy_build_fail(hy_build *b, haya_status status, const char *format, ...) HY_PRINTF(3, 4);

/* A zeroed call with out = the dense view of output `target` (its shape must be set) and input_count operands, where
   operand i comes from sources[i] as a dense view. Build functions then adjust views and parameters. NULL when out of
   memory. The pointer is valid until the next append. */
hy_build_call *hy_build_append(hy_build *b, hy_family family, int target, int input_count, const int32_t *sources);

/* Output `out` is input `in` seen with out's shape: no call. */
void hy_build_alias(hy_build *b, int out, int in);

/* Output `out` is known now: returns zeroed memory for its elements (shape must be set), at most HY_FOLD_LIMIT bytes;
   NULL with the error written (HAYA_ERROR_LIMIT or MEMORY). */
void *hy_build_known(hy_build *b, int out);

/* Attributes by name; they must stand in the row with that kind. */
int64_t hy_attr_int(const hy_build *b, const char *name);
float hy_attr_float(const hy_build *b, const char *name);
bool hy_attr_bool(const hy_build *b, const char *name);
const char *hy_attr_string(const hy_build *b, const char *name);
haya_dtype hy_attr_type(const hy_build *b, const char *name);
const hy_attr *hy_attr_get(const hy_build *b, const char *name); /* lists: count, ints, ... */

/* The values of input i, which must be known (structural inputs are), int32 or int64 of rank 0 or 1, as int64. Fails
   when there are more than `capacity`. */
haya_status hy_build_ints(hy_build *b, int input, int64_t *values, int capacity, int *count);
/* The same for one value. */
haya_status hy_build_int(hy_build *b, int input, int64_t *value);

#endif
