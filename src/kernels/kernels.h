/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls and kernels. A call says what is to be computed: a family, its parameters, and views of the operands; it holds
 * no pointers and belongs to a plan. A kernel is one way to compute calls of a family on one instruction set. The
 * registry (registry.c) lists all kernels and chooses one for a call.
 *
 * Rules for every kernel
 *  - Operands lie at any byte alignment and, where not said otherwise, with any strides; fast paths are for the dense.
 *  - The output overlaps no input, except that elementwise families may be given the same memory with the same view.
 *  - Nothing outside the operands' elements is read or written. No allocation; scratch comes from the caller.
 *  - The result depends neither on the number of threads nor on alignment: work is cut by shape alone, and sums run
 *    in an order fixed by the shape.
 *  - NaN and Inf propagate as in TensorFlow.
 */
#ifndef HAYA_KERNELS_KERNELS_H
#define HAYA_KERNELS_KERNELS_H

#include "base/machine.h"
#include "base/tensor.h"
#include "base/threads.h"

typedef enum hy_family {
    HY_COPY,             /* out = in[0]; any dtype; same dims; broadcast (stride 0), slices, transposes, any strides */
    HY_CAST,             /* out = (dtype)in[0]; any dtypes; float to int out of range gives INT_MIN, as in TensorFlow */
    HY_UNARY,            /* out = f(in[0]) */
    HY_BINARY,           /* out = f(in[0], in[1]); same dims, broadcast by stride 0; comparisons give HAYA_BOOL */
    HY_SELECT,           /* out = in[0] ? in[1] : in[2]; same dims, in[0] HAYA_BOOL */
    HY_SCALE_SHIFT,      /* out = in[0] * in[1] + in[2]; float32; same dims, broadcast by stride 0 */
    HY_BATCH_NORM_FOLD,  /* float32 vectors [c]; shift == false: gamma * rsqrt(variance + epsilon), in: gamma, variance;
                            shift == true: beta - mean * gamma * rsqrt(...), in: gamma, variance, beta, mean */
    HY_REDUCE,           /* in[0] dims: kept ones, then reduced ones; out dims: the kept ones */
    HY_SOFTMAX,          /* over the last dimension; float32 */
    HY_MATMUL,           /* in[0] [m, k], in[1] [k, n], out [m, n]; float32; epilogue */
    HY_CONV2D,           /* in[0] [n, h, w, ci], in[1] [kh, kw, ci / groups, co], out [n, oh, ow, co]; epilogue;
                            upsample2 */
    HY_CONV2D_TRANSPOSE, /* in[0] [n, h, w, ci], in[1] [kh, kw, co, ci], out [n, oh, ow, co]: the gradient of the
                            convolution that has the given window and takes out's shape to in[0]'s; epilogue */
    HY_DEPTHWISE,        /* in[0] [n, h, w, c], in[1] [kh, kw, c, m], out [n, oh, ow, c * m]; epilogue */
    HY_POOL,             /* in[0] [n, h, w, c], out [n, oh, ow, c]; float32; the average leaves padding out */
    HY_RESIZE,           /* in[0] [n, h, w, c], out [n, oh, ow, c]; float32 (nearest: any dtype) */
    HY_GATHER,           /* in[0] [b, o, r, i], in[1] [b, n] int32 or int64, out [b, o, n, i]: out[b,o,n,i] =
                            in0[b, o, in1[b, n], i]; any dtype; an index outside 0 .. r - 1 fails */
    HY_FAMILY_COUNT
} hy_family;

const char *hy_family_name(hy_family family); /* "conv2d" */

typedef enum hy_unary {
    HY_IDENTITY,
    HY_RELU, HY_RELU6, HY_LEAKY_RELU, HY_ELU, HY_SELU, HY_SIGMOID, HY_TANH, HY_SOFTPLUS,
    HY_EXP, HY_LOG, HY_SQRT, HY_RSQRT, HY_SQUARE, HY_NEG, HY_ABS, HY_FLOOR, HY_CEIL, HY_ROUND /* half to even */,
    HY_LOGICAL_NOT,
    HY_UNARY_COUNT
} hy_unary;

typedef enum hy_binary {
    HY_ADD, HY_SUB, HY_MUL, HY_DIV /* integers: toward zero */, HY_FLOOR_DIV, HY_FLOOR_MOD, HY_MAXIMUM, HY_MINIMUM,
    HY_POW, HY_SQUARED_DIFFERENCE,
    HY_GREATER, HY_GREATER_EQUAL, HY_LESS, HY_LESS_EQUAL, HY_EQUAL, HY_NOT_EQUAL,
    HY_LOGICAL_AND, HY_LOGICAL_OR,
    HY_BINARY_COUNT
} hy_binary;

typedef enum hy_reduce { HY_REDUCE_SUM, HY_REDUCE_MEAN, HY_REDUCE_MAX, HY_REDUCE_MIN, HY_REDUCE_PROD } hy_reduce;

typedef enum hy_resize { HY_RESIZE_NEAREST, HY_RESIZE_BILINEAR } hy_resize;

/* The window of a convolution or pool. Padding at bottom and right follows from the shapes. */
typedef struct hy_window {
    int32_t kernel_h, kernel_w; /* pool: its window; convolutions: the filter's dims */
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;  /* >= 0 */
} hy_window;

/* What a convolution or matrix product does to its sums before it stores them:
   out = activation((sum + bias[c]) * scale[c] + shift[c] + residual). The operands follow the family's own inputs in
   this order, those left out skipped: bias [co], scale [co], shift [co], residual with out's dims. There is a bias only
   with a scale, and sum * scale[c] + (bias[c] * scale[c] + shift[c]) will do. */
typedef struct hy_epilogue {
    bool bias, scale, shift, residual;
    hy_unary activation;
    float alpha; /* of HY_LEAKY_RELU */
} hy_epilogue;

#define HY_CALL_INPUTS 6

typedef struct hy_call {
    hy_family family;
    bool exact;           /* sums of products as they stand: no kernel that trades rounding for speed */
    int32_t input_count;
    hy_view in[HY_CALL_INPUTS];
    hy_view out;
    union {
        struct { hy_unary op; float alpha; } unary;
        struct { hy_binary op; } binary;
        struct { hy_reduce op; int32_t kept; } reduce;          /* kept: dims before the reduced ones */
        struct { bool shift; float epsilon; } batch_norm_fold;
        struct { bool max; } pool;
        struct { hy_resize mode; bool align_corners, half_pixel_centers; } resize;
    };
    hy_window window;     /* convolutions and pool */
    bool upsample2;       /* HY_CONV2D: the window moves over in[0] enlarged twice by nearest neighbours, whose pixel
                             (y, x) is in[0]'s (y / 2, x / 2) */
    hy_epilogue epilogue; /* matmul and convolutions */
} hy_call;

/* The structure is checked and operands fit each other: asserts for programmer errors, in debug builds. */
void hy_call_assert(const hy_call *call);
uint64_t hy_call_flops(const hy_call *call); /* a multiply-add is 2; transcendental functions count as 1;
                                                convolutions as direct sums, over the enlarged image with upsample2 */
uint64_t hy_call_epilogue_flops(const hy_call *call); /* the epilogue's part of them */
uint64_t hy_call_bytes(const hy_call *call); /* elements of operands read and written once */

typedef struct hy_kernel {
    const char *name;   /* "conv2d_gemm" */
    hy_family family;
    hy_isa isa;
    const char *why;    /* when this one is chosen: "no other kernel takes this window" */
    bool (*accepts)(const hy_call *call);                    /* NULL: every call of the family */
    size_t (*scratch)(const hy_call *call, int threads);     /* bytes, 64-byte aligned when given; NULL: none */
    uint64_t (*flops)(const hy_call *call);                  /* carried out, counted like hy_call_flops: products and
                                                                epilogue, no transforms around them; NULL: the same */
    /* in[i], out: the operands' memory, before their views' offsets. NULL, or why the data can't be computed with
       ("integer division by zero"), a literal; the output is undefined then. */
    const char *(*run)(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team);
} hy_kernel;

/* The best kernel for the call among those built for `isa` and below. NULL: none (a dtype that the family lacks). */
const hy_kernel *hy_kernel_choose(const hy_call *call, hy_isa isa);
/* All kernels, best first within a family; for tests and for explanations. */
const hy_kernel *hy_kernel_list(size_t index); /* NULL past the end */

uint64_t hy_kernel_flops(const hy_kernel *kernel, const hy_call *call);

/* A loop of nothing but independent multiply-adds, for the machine's peak. */
typedef struct hy_peak {
    float (*run)(int64_t rounds); /* some sum, so that no compiler leaves the loop out */
    int64_t flops;                /* of a round */
} hy_peak;

const hy_peak *hy_kernel_peak(hy_isa isa); /* of a set that hy_isa_best may give */

/* Dtypes: HY_UNARY float32, int32, int64 (relu, neg, abs, square), bool (logical_not); HY_BINARY float32, int32, int64
   and bool for equality and logic; HY_REDUCE float32, int32, int64; HY_COPY, HY_GATHER and HY_SELECT any. */

#endif
