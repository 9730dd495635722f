/* SPDX-License-Identifier: Apache-2.0
 *
 * What build functions call, and evaluating a node at once: folding while a program is made, and binding.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

haya_status hy_build_fail(hy_build *b, haya_status status, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hy_fail(b->error, status, b->name, "node '%s' (%s): %s", b->name, b->op_name ? b->op_name : b->op->name,
                   text);
}

hy_build_call *hy_build_append(hy_build *b, hy_family family, int target, int input_count, const int32_t *sources)
{
    if (b->call_count == b->call_capacity) {
        size_t capacity = b->call_capacity ? 2 * b->call_capacity : 2;
        hy_build_call *grown = HY_ARENA_NEW(b->arena, hy_build_call, capacity);
        if (!grown) {
            hy_out_of_memory(b->error, b->name);
            return NULL;
        }
        if (b->call_count)
            memcpy(grown, b->calls, b->call_count * sizeof *grown);
        b->calls = grown;
        b->call_capacity = capacity;
    }
    hy_build_call *call = &b->calls[b->call_count++];
    const hy_operand *out = &b->out[target];
    *call = (hy_build_call){.target = target};
    call->call.family = family;
    call->call.input_count = input_count;
    call->call.out = hy_view_dense(out->dtype, &out->shape);
    for (int i = 0; i < input_count; i++) {
        call->source[i] = sources[i];
        if (sources[i] == HY_SOURCE_OUTPUT)
            call->call.in[i] = call->call.out;
        else if (sources[i] == HY_SOURCE_ZERO)
            call->call.in[i] = (hy_view){.dtype = out->dtype};
        else
            call->call.in[i] = hy_view_dense(b->in[sources[i]].dtype, &b->in[sources[i]].shape);
    }
    return call;
}

void hy_build_alias(hy_build *b, int out, int in)
{
    b->alias[out] = in;
}

void *hy_build_known(hy_build *b, int out)
{
    hy_operand *operand = &b->out[out];
    int64_t bytes = hy_shape_bytes(&operand->shape, operand->dtype);
    if (bytes < 0 || bytes > HY_FOLD_LIMIT) {
        hy_build_fail(b, HAYA_ERROR_LIMIT, "a constant of shape %s exceeds %d MiB", HY_SHAPE(&operand->shape),
                      HY_FOLD_LIMIT >> 20);
        return NULL;
    }
    void *memory = hy_arena_alloc(b->arena, 1, (size_t)bytes);
    if (!memory)
        hy_out_of_memory(b->error, b->name);
    operand->value = memory;
    return memory;
}

const hy_attr *hy_attr_get(const hy_build *b, const char *name)
{
    for (size_t i = 0; b->op->attrs && b->op->attrs[i].name; i++)
        if (strcmp(b->op->attrs[i].name, name) == 0)
            return &b->attrs[i];
    assert(false && "the row lists the attribute");
    static const hy_attr none;
    return &none;
}

int64_t hy_attr_int(const hy_build *b, const char *name)
{
    return hy_attr_get(b, name)->i;
}

float hy_attr_float(const hy_build *b, const char *name)
{
    return hy_attr_get(b, name)->f;
}

bool hy_attr_bool(const hy_build *b, const char *name)
{
    return hy_attr_get(b, name)->b;
}

const char *hy_attr_string(const hy_build *b, const char *name)
{
    return hy_attr_get(b, name)->s;
}

haya_dtype hy_attr_type(const hy_build *b, const char *name)
{
    return hy_attr_get(b, name)->type;
}

haya_status hy_build_ints(hy_build *b, int input, int64_t *values, int capacity, int *count)
{
    const hy_operand *in = &b->in[input];
    if (in->dtype != HAYA_INT32 && in->dtype != HAYA_INT64)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d must be int32 or int64, not %s", input,
                             haya_dtype_name(in->dtype));
    if (in->shape.rank > 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d must be a list of integers, not of shape %s", input,
                             HY_SHAPE(&in->shape));
    int64_t elements = hy_shape_elements(&in->shape);
    if (elements > capacity)
        return hy_build_fail(b, HAYA_ERROR_LIMIT, "input %d has %lld values; %d are the limit", input,
                             (long long)elements, capacity);
    assert(in->value && "structural inputs are known");
    for (int64_t i = 0; i < elements; i++)
        values[i] = in->dtype == HAYA_INT32 ? ((const int32_t *)in->value)[i] : ((const int64_t *)in->value)[i];
    *count = (int)elements;
    return HAYA_OK;
}

haya_status hy_build_int(hy_build *b, int input, int64_t *value)
{
    int count = 0;
    HY_TRY(hy_build_ints(b, input, value, 1, &count));
    if (count != 1)
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "input %d must be one integer", input);
    return HAYA_OK;
}

static bool is_structural(const hy_op *op, int input, int input_count)
{
    if (input == input_count - 1 && (op->structural & HY_STRUCTURAL_LAST))
        return true;
    return input < 31 ? (op->structural >> input) & 1 : op->structural == HY_STRUCTURAL_ALL;
}

bool hy_input_is_structural(const hy_op *op, int input, int input_count)
{
    return is_structural(op, input, input_count);
}

haya_status hy_node_build(const hy_node *node, const hy_operand *ins, hy_operand *outs, hy_build *build,
                          hy_arena *arena, haya_error *error)
{
    *build = (hy_build){.op = node->op, .op_name = node->op_name, .name = node->name, .attrs = node->attrs,
                        .in_count = node->input_count, .out_count = node->output_count, .in = ins, .out = outs,
                        .arena = arena, .error = error};
    for (int i = 0; i < node->input_count; i++)
        if (is_structural(node->op, i, node->input_count) && !ins[i].value)
            return hy_build_fail(build, HAYA_ERROR_UNSUPPORTED, "input %d steers shapes, but its value depends on "
                                 "data of the run", i);
    build->alias = HY_ARENA_NEW(arena, int32_t, (size_t)node->output_count);
    if (!build->alias)
        return hy_out_of_memory(error, node->name);
    for (int k = 0; k < node->output_count; k++) {
        outs[k] = (hy_operand){.dtype = node->outs[k].dtype, .shape = {.rank = -1}};
        build->alias[k] = -1;
    }
    HY_TRY(node->op->build(build));
    for (int k = 0; k < node->output_count; k++)
        if (hy_shape_bytes(&outs[k].shape, outs[k].dtype) < 0)
            return hy_build_fail(build, HAYA_ERROR_LIMIT, "a result of shape %s is too large",
                                 HY_SHAPE(&outs[k].shape));
    return HAYA_OK;
}

/* One element of zero of the largest dtype, and room for a vector read of it. */
const uint8_t hy_zero_element[16];

static haya_status execute_call(const hy_build *build, const hy_build_call *c, const void *const *ins,
                                void *const *outs, hy_arena *scratch, haya_error *error)
{
    const hy_kernel *kernel = hy_kernel_choose(&c->call, hy_isa_best());
    if (!kernel)
        return hy_fail(error, HAYA_ERROR_UNSUPPORTED, build->name, "node '%s' (%s): no kernel computes %s of %s",
                       build->name, build->op->name, hy_family_name(c->call.family),
                       haya_dtype_name(c->call.in[0].dtype));
    const void *operands[HY_CALL_INPUTS] = {0};
    for (int i = 0; i < c->call.input_count; i++)
        operands[i] = c->source[i] == HY_SOURCE_OUTPUT ? outs[c->target]
                    : c->source[i] == HY_SOURCE_ZERO   ? hy_zero_element
                                                       : ins[c->source[i]];
    void *memory = NULL;
    size_t bytes = kernel->scratch ? kernel->scratch(&c->call, 1) : 0;
    if (bytes) {
        /* Arenas align to 16 bytes, kernels want a cache line. */
        memory = hy_arena_alloc(scratch, 1, bytes + HY_CACHE_LINE);
        if (!memory)
            return hy_out_of_memory(error, build->name);
        memory = (void *)(((uintptr_t)memory + HY_CACHE_LINE - 1) & ~(uintptr_t)(HY_CACHE_LINE - 1));
    }
    const char *why = kernel->run(&c->call, operands, outs[c->target], memory, NULL);
    if (why)
        return hy_fail(error, HAYA_ERROR_VALUE, build->name, "node '%s' (%s): %s", build->name, build->op->name, why);
    return HAYA_OK;
}

haya_status hy_build_execute(const hy_build *build, const void *const *ins, void *const *outs, hy_arena *scratch,
                             haya_error *error)
{
    for (int k = 0; k < build->out_count; k++) {
        const hy_operand *out = &build->out[k];
        const void *from = out->value ? out->value : build->alias[k] >= 0 ? ins[build->alias[k]] : NULL;
        if (from && from != outs[k])
            memcpy(outs[k], from, (size_t)hy_shape_bytes(&out->shape, out->dtype));
    }
    for (size_t i = 0; i < build->call_count; i++)
        HY_TRY(execute_call(build, &build->calls[i], ins, outs, scratch, error));
    return HAYA_OK;
}

/* Of all that the arena of a program or plan holds: a chain of nodes that can be folded makes much of a few bytes. What
   shapes are computed with is smaller than SMALL_FOLD and always folded. */
#define MAX_FOLDING_ARENA ((size_t)256 << 20)
#define SMALL_FOLD 4096

haya_status hy_build_fold(const hy_build *build, hy_arena *arena, haya_error *error)
{
    void **outs = HY_ARENA_NEW(arena, void *, (size_t)build->out_count);
    const void **operands = HY_ARENA_NEW(arena, const void *, (size_t)build->in_count);
    if (!outs || !operands)
        return hy_out_of_memory(error, build->name);
    for (int k = 0; k < build->out_count; k++) {
        int64_t bytes = hy_shape_bytes(&build->out[k].shape, build->out[k].dtype);
        if (bytes > HY_FOLD_LIMIT)
            return hy_fail(error, HAYA_ERROR_LIMIT, build->name, "node '%s' (%s): a constant of %lld bytes would be "
                           "computed; %d are the limit", build->name, build->op->name, (long long)bytes,
                           HY_FOLD_LIMIT);
        if (bytes > SMALL_FOLD && arena->total > MAX_FOLDING_ARENA - (size_t)bytes)
            return hy_fail(error, HAYA_ERROR_LIMIT, build->name, "node '%s' (%s): the constants computed would take "
                           "more than %zu bytes", build->name, build->op->name, MAX_FOLDING_ARENA);
        outs[k] = hy_arena_alloc(arena, 1, (size_t)bytes);
        if (!outs[k])
            return hy_out_of_memory(error, build->name);
    }
    for (int k = 0; k < build->in_count; k++)
        operands[k] = build->in[k].value;
    hy_arena scratch;
    hy_arena_init(&scratch, &arena->host);
    hy_fp_state state; /* the caller's modes are not the runs' */
    hy_fp_enter(&state);
    haya_status status = hy_build_execute(build, operands, outs, &scratch, error);
    hy_fp_leave(&state);
    hy_arena_free(&scratch);
    for (int k = 0; k < build->out_count; k++)
        build->out[k].value = outs[k];
    return status;
}
