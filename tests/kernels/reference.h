/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels' tests share: seeded random numbers, operands of any layout between guard pages, a runner, and
 * comparison with references computed in float64. The tests are functions that check_kernels.c calls.
 */
#ifndef HAYA_TESTS_KERNELS_REFERENCE_H
#define HAYA_TESTS_KERNELS_REFERENCE_H

#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check_kernels.h"

/* ---- Random numbers ---------------------------------------------------------------------------------------- */

typedef struct random_state {
    uint64_t bits;
} random_state;

/* splitmix64 */
TEST_HELPER uint64_t random_bits(random_state *random)
{
    uint64_t z = (random->bits += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* low .. high */
TEST_HELPER int random_int(random_state *random, int low, int high)
{
    return low + (int)(random_bits(random) % (uint64_t)(high - low + 1));
}

TEST_HELPER bool random_chance(random_state *random, int percent)
{
    return random_int(random, 0, 99) < percent;
}

/* Evenly from [-1, 1]. */
TEST_HELPER float random_float(random_state *random)
{
    return (float)((double)(random_bits(random) >> 11) * 0x1p-52 - 1.0);
}

/* ---- Memory between guard pages ---------------------------------------------------------------------------- */

typedef struct guarded {
    uint8_t *data, *map;
    size_t bytes, mapped;
} guarded;

/* `bytes` bytes that end `shift` bytes before a page that can't be touched, or begin that far after one. */
TEST_HELPER guarded guarded_make(size_t bytes, bool at_end, size_t shift)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + shift + page - 1) / page * page;
    guarded memory = {.bytes = bytes, .mapped = inner + 2 * page};
    memory.map = mmap(NULL, memory.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory.map == MAP_FAILED || (inner && mprotect(memory.map + page, inner, PROT_READ | PROT_WRITE) != 0)) {
        printf("no memory for a test\n");
        exit(1);
    }
    memory.data = memory.map + page + (at_end ? inner - bytes - shift : shift);
    return memory;
}

TEST_HELPER void guarded_free(guarded *memory)
{
    munmap(memory->map, memory->mapped);
}

/* ---- Operands ---------------------------------------------------------------------------------------------- */

/* How an operand lies in memory. */
typedef struct test_layout {
    int order[HY_VIEW_RANK]; /* dimensions from the outermost to the innermost in memory */
    bool gaps;               /* a slice of something larger */
    bool backwards;          /* one dimension runs downward */
    bool at_end;             /* of the guarded memory */
    size_t shift;            /* bytes */
} test_layout;

TEST_HELPER test_layout layout_dense(int rank)
{
    test_layout layout = {.at_end = true};
    for (int i = 0; i < rank; i++)
        layout.order[i] = i;
    return layout;
}

TEST_HELPER test_layout layout_random(random_state *random, int rank)
{
    test_layout layout = layout_dense(rank);
    if (random_chance(random, 30))
        for (int i = rank - 1; i > 0; i--) {
            int j = random_int(random, 0, i), swapped = layout.order[i];
            layout.order[i] = layout.order[j];
            layout.order[j] = swapped;
        }
    layout.gaps = random_chance(random, 30);
    layout.backwards = random_chance(random, 5);
    layout.at_end = random_chance(random, 60);
    layout.shift = random_chance(random, 50) ? (size_t)random_int(random, 0, 15) : 0;
    return layout;
}

typedef struct test_operand {
    guarded memory;
    hy_view view;
    int64_t elements; /* of the memory, more than the view's where it has gaps */
} test_operand;

/* Memory for `dims` in this layout, every byte `fill`. The view's offset counts from memory.data. */
TEST_HELPER test_operand operand_make(haya_dtype dtype, int rank, const int64_t *dims, const test_layout *layout,
                                      int fill)
{
    test_operand operand = {.view = {.dtype = dtype, .rank = rank}};
    int64_t step = 1, last = 0;
    for (int i = rank - 1; i >= 0; i--) {
        int d = layout->order[i];
        operand.view.dims[d] = dims[d];
        operand.view.strides[d] = step;
        last += dims[d] ? (dims[d] - 1) * step : 0;
        step *= dims[d] ? dims[d] + (layout->gaps ? 1 + d : 0) : 1;
    }
    bool empty = hy_view_elements(&operand.view) == 0;
    int64_t before = layout->gaps && !empty ? 3 : 0;
    operand.view.offset = before;
    operand.elements = empty ? 0 : before + last + 1;
    if (layout->backwards && rank > 0 && !empty) {
        int d = layout->order[0];
        operand.view.offset += (dims[d] - 1) * operand.view.strides[d];
        operand.view.strides[d] = -operand.view.strides[d];
    }
    operand.memory = guarded_make((size_t)operand.elements * haya_dtype_size(dtype), layout->at_end, layout->shift);
    memset(operand.memory.data, fill, operand.memory.bytes);
    return operand;
}

TEST_HELPER void operand_free(test_operand *operand)
{
    guarded_free(&operand->memory);
}

TEST_HELPER float float_at(const void *memory, int64_t index)
{
    float value;
    memcpy(&value, (const char *)memory + index * 4, sizeof value);
    return value;
}

TEST_HELPER void float_put(void *memory, int64_t index, float value)
{
    memcpy((char *)memory + index * 4, &value, sizeof value);
}

/* Where element number `index`, in row-major order of the view's dims, lies. */
TEST_HELPER int64_t view_index(const hy_view *view, int64_t index)
{
    int64_t at = view->offset;
    for (int d = view->rank - 1; d >= 0; d--) {
        at += index % view->dims[d] * view->strides[d];
        index /= view->dims[d];
    }
    return at;
}

/* Every element of the view from [-1, 1], the same ones whatever the layout; what lies in gaps stays. */
TEST_HELPER void operand_randomize(test_operand *operand, uint64_t seed)
{
    random_state random = {seed};
    for (int64_t i = 0; i < hy_view_elements(&operand->view); i++)
        float_put(operand->memory.data, view_index(&operand->view, i), random_float(&random));
}

/* The view's elements in row-major order, in float64. */
TEST_HELPER double *operand_values(const test_operand *operand)
{
    int64_t count = hy_view_elements(&operand->view);
    double *values = malloc((size_t)(count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (double)float_at(operand->memory.data, view_index(&operand->view, i));
    return values;
}

/* Whether all bytes outside the view's elements still are `fill`. float32. */
TEST_HELPER bool operand_gaps_untouched(const test_operand *operand, uint8_t fill)
{
    uint8_t *copy = malloc(operand->memory.bytes + 1);
    memcpy(copy, operand->memory.data, operand->memory.bytes);
    for (int64_t i = 0; i < hy_view_elements(&operand->view); i++)
        memset(copy + view_index(&operand->view, i) * 4, fill, 4);
    bool untouched = true;
    for (size_t i = 0; i < operand->memory.bytes; i++)
        untouched = untouched && copy[i] == fill;
    free(copy);
    return untouched;
}

/* ---- Running ----------------------------------------------------------------------------------------------- */

/* Kernel number *index or a later one that takes the call on this machine; moves *index past it. NULL: no more. */
TEST_HELPER const hy_kernel *next_kernel(const hy_call *call, size_t *index)
{
    const hy_kernel *kernel;
    while ((kernel = hy_kernel_list((*index)++)))
        if (kernel->family == call->family && kernel->isa <= hy_isa_best()
            && (!kernel->accepts || kernel->accepts(call))) {
            score_call(kernel);
            return kernel;
        }
    return NULL;
}

/* Runs with scratch of exactly the size asked for, filled with NaN, between guard pages. */
TEST_HELPER const char *run_kernel(const hy_kernel *kernel, const hy_call *call, const void *const *in, void *out,
                                   hy_team *team)
{
    size_t bytes = kernel->scratch ? kernel->scratch(call, hy_team_size(team)) : 0;
    guarded scratch = guarded_make(bytes, true, (64 - bytes % 64) % 64);
    memset(scratch.data, 0xff, bytes);
    const char *failure = kernel->run(call, in, out, scratch.data, team);
    guarded_free(&scratch);
    return failure;
}

/* ---- Comparing --------------------------------------------------------------------------------------------- */

/* |actual - expected| / |expected| over all elements, in the L2 norm. */
TEST_HELPER double relative_error(const test_operand *actual, const double *expected)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < hy_view_elements(&actual->view); i++) {
        double value = (double)float_at(actual->memory.data, view_index(&actual->view, i));
        difference += (value - expected[i]) * (value - expected[i]);
        norm += expected[i] * expected[i];
    }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

TEST_HELPER double reference_unary(hy_unary op, double x, double alpha)
{
    switch (op) {
    case HY_RELU: return x < 0 ? 0 : x;
    case HY_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case HY_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case HY_ELU: return x < 0 ? expm1(x) : x;
    case HY_SELU: return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * expm1(x) : x);
    case HY_SIGMOID: return 1 / (1 + exp(-x));
    case HY_TANH: return tanh(x);
    case HY_SOFTPLUS: return x > 30 ? x : log1p(exp(x));
    case HY_EXP: return exp(x);
    case HY_LOG: return log(x);
    case HY_SQRT: return sqrt(x);
    case HY_RSQRT: return 1 / sqrt(x);
    case HY_SQUARE: return x * x;
    case HY_NEG: return -x;
    case HY_ABS: return fabs(x);
    case HY_FLOOR: return floor(x);
    case HY_CEIL: return ceil(x);
    case HY_ROUND: return nearbyint(x);
    default: return x;
    }
}

/* values[elements of out] = activation((values + bias) * scale + shift + residual). */
TEST_HELPER void reference_epilogue(const hy_call *call, const test_operand *in, double *values)
{
    const hy_epilogue *epilogue = &call->epilogue;
    int input = 2;
    double *bias = epilogue->bias ? operand_values(&in[input++]) : NULL;
    double *scale = epilogue->scale ? operand_values(&in[input++]) : NULL;
    double *shift = epilogue->shift ? operand_values(&in[input++]) : NULL;
    double *residual = epilogue->residual ? operand_values(&in[input]) : NULL;
    int64_t channels = call->out.dims[call->out.rank - 1];
    for (int64_t i = 0; i < hy_view_elements(&call->out); i++) {
        double x = values[i] + (bias ? bias[i % channels] : 0);
        x = x * (scale ? scale[i % channels] : 1) + (shift ? shift[i % channels] : 0);
        x += residual ? residual[i] : 0;
        values[i] = reference_unary(epilogue->activation, x, (double)epilogue->alpha);
    }
    free(bias);
    free(scale);
    free(shift);
    free(residual);
}

#endif
