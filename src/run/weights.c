/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding: a model's constants become a table of pointers into its file. What can't be used in place is decoded, and
 * what follows from parameters alone is computed, once and into memory of the weights' own.
 */
#include <string.h>

#include "run/run.h"

typedef struct binder {
    const haya_program *program;
    haya_model *model;
    haya_weights *weights;
    const hy_node *const *slots;  /* the model's constants */
    const void **values;          /* per output of the program's bind and parameter nodes: where it lies */
    int32_t *first;               /* per node: its first output in `values` */
    hy_arena arena;               /* temporary */
    size_t used;                  /* of weights->derived */
    uint64_t limit;               /* of derived and temporary memory */
    haya_error *error;
} binder;

static size_t align_up(size_t bytes)
{
    return (bytes + HY_CACHE_LINE - 1) & ~(size_t)(HY_CACHE_LINE - 1);
}

static const hy_constant *slot_constant(const binder *b, int32_t slot)
{
    return b->slots[slot]->constant;
}

static bool in_place(const binder *b, const hy_external *external)
{
    return external->slot >= 0 && slot_constant(b, external->slot)->in_place;
}

static haya_status fail_limit(const binder *b, const char *name, uint64_t bytes)
{
    return hy_fail(b->error, HAYA_ERROR_LIMIT, name, "%s: node '%s': binding needs %llu bytes beside the file, above "
                   "the limit of %llu", hy_file_path(b->model->file), name, (unsigned long long)bytes,
                   (unsigned long long)b->limit);
}

/* Memory for what is needed while binding only. */
static haya_status take_temporary(binder *b, const char *name, size_t bytes, void **memory)
{
    uint64_t total = (uint64_t)b->weights->derived_bytes + b->arena.total + bytes;
    if (total > b->limit)
        return fail_limit(b, name, total);
    *memory = hy_arena_alloc(&b->arena, 1, bytes);
    return *memory ? HAYA_OK : hy_out_of_memory(b->error, name);
}

/* The memory that externals need which aren't in the file. */
static haya_status allocate_derived(binder *b)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < b->program->external_count; i++) {
        const hy_external *external = &b->program->externals[i];
        if (in_place(b, external))
            continue;
        bytes += align_up(external->bytes);
        if (bytes > b->limit)
            return fail_limit(b, b->program->graph.nodes[external->edge.node].name, bytes);
    }
    b->weights->derived_bytes = (size_t)bytes;
    b->weights->derived = hy_alloc(&b->arena.host, (size_t)bytes);
    return b->weights->derived ? HAYA_OK : hy_out_of_memory(b->error, "derived parameters");
}

static void *take_derived(binder *b, size_t bytes)
{
    void *memory = b->weights->derived + b->used;
    b->used += align_up(bytes);
    return memory;
}

static haya_status bind_parameter(binder *b, const hy_node *node, size_t index)
{
    const hy_constant *constant = slot_constant(b, node->slot);
    const void **value = &b->values[b->first[index]];
    if (constant->in_place) {
        *value = hy_file_data(b->model->file) + constant->offset;
        return HAYA_OK;
    }
    size_t bytes = (size_t)constant->elements * haya_dtype_size(constant->dtype);
    void *memory;
    if (node->externals && node->externals[0] >= 0)
        memory = take_derived(b, bytes);
    else
        HY_TRY(take_temporary(b, node->name, bytes, &memory));
    *value = memory;
    return hy_constant_decode(b->model->file, constant, b->slots[node->slot]->name, memory, b->error);
}

static haya_status bind_computed(binder *b, const hy_node *node, size_t index)
{
    const hy_graph *graph = &b->program->graph;
    hy_operand *ins = HY_ARENA_NEW(&b->arena, hy_operand, (size_t)node->input_count);
    hy_operand *outs = HY_ARENA_NEW(&b->arena, hy_operand, (size_t)node->output_count);
    const void **sources = HY_ARENA_NEW(&b->arena, const void *, (size_t)node->input_count);
    hy_build build;
    if (!ins || !outs || !sources)
        return hy_out_of_memory(b->error, node->name);
    for (int32_t i = 0; i < node->input_count; i++) {
        hy_edge edge = node->inputs[i];
        ins[i] = graph->nodes[edge.node].outs[edge.out];
        sources[i] = ins[i].value ? ins[i].value : b->values[b->first[edge.node] + edge.out];
    }
    HY_TRY(hy_node_build(node, ins, outs, &build, &b->arena, b->error));
    void **targets = HY_ARENA_NEW(&b->arena, void *, (size_t)node->output_count);
    if (!targets)
        return hy_out_of_memory(b->error, node->name);
    for (int32_t k = 0; k < node->output_count; k++) {
        size_t bytes = (size_t)hy_shape_bytes(&outs[k].shape, outs[k].dtype);
        int32_t external = node->externals ? node->externals[k] : -1;
        if (build.alias[k] >= 0 && (external < 0 || in_place(b, &b->program->externals[external])))
            targets[k] = (void *)(uintptr_t)sources[build.alias[k]]; /* seen with another shape; not written to */
        else if (external >= 0)
            targets[k] = take_derived(b, bytes);
        else
            HY_TRY(take_temporary(b, node->name, bytes, &targets[k]));
        b->values[b->first[index] + k] = targets[k];
    }
    return hy_build_execute(&build, sources, targets, &b->arena, b->error);
}

static haya_status bind_values(binder *b)
{
    const hy_graph *graph = &b->program->graph;
    size_t outputs = 0;
    b->first = HY_ARENA_NEW(&b->arena, int32_t, graph->node_count);
    for (size_t i = 0; b->first && i < graph->node_count; i++) {
        b->first[i] = (int32_t)outputs;
        outputs += (size_t)graph->nodes[i].output_count;
    }
    b->values = HY_ARENA_NEW(&b->arena, const void *, outputs);
    if (!b->first || !b->values)
        return hy_out_of_memory(b->error, "weights");
    for (size_t i = 0; i < graph->node_count; i++) {
        const hy_node *node = &graph->nodes[i];
        if (node->class == HY_CLASS_PARAMETER)
            HY_TRY(bind_parameter(b, node, i));
        else if (node->class == HY_CLASS_BIND)
            HY_TRY(bind_computed(b, node, i));
    }
    for (size_t i = 0; i < b->program->external_count; i++) {
        hy_edge edge = b->program->externals[i].edge;
        b->weights->externals[i] = b->values[b->first[edge.node] + edge.out];
    }
    return HAYA_OK;
}

static haya_status bind(binder *b)
{
    HY_TRY(hy_file_check(b->model->file, b->error));
    HY_TRY(hy_program_match(b->program, b->model, &b->arena, &b->slots, b->error));
    b->weights->externals =
        hy_alloc(&b->arena.host, b->program->external_count * sizeof *b->weights->externals);
    if (!b->weights->externals)
        return hy_out_of_memory(b->error, "weights");
    HY_TRY(allocate_derived(b));
    hy_fp_state state;
    hy_fp_enter(&state);
    haya_status status = bind_values(b);
    hy_fp_leave(&state);
    HY_TRY(status);
    return hy_file_check(b->model->file, b->error); /* decoded while it was being overwritten? */
}

haya_status haya_weights_bind(const haya_program *program, haya_model *model, haya_weights **result,
                              haya_error *error)
{
    hy_error_clear(error);
    if (!result)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "weights is NULL: there is nowhere to put the weights");
    *result = NULL;
    if (!program || !model)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "program or model is NULL");
    const haya_host *host = &model->arena.host;
    haya_weights *weights = hy_alloc(host, sizeof *weights);
    if (!weights)
        return hy_out_of_memory(error, "weights");
    *weights = (haya_weights){.program = program, .model = model};
    hy_weights_refresh(weights);
    hy_program_retain(program);
    hy_model_retain(model);
    binder b = {.program = program, .model = model, .weights = weights, .limit = hy_machine_memory() / 2,
                .error = error};
    hy_arena_init(&b.arena, host);
    haya_status status = bind(&b);
    hy_arena_free(&b.arena);
    if (status != HAYA_OK) {
        haya_weights_free(weights);
        return status;
    }
    *result = weights;
    return HAYA_OK;
}

void haya_weights_free(haya_weights *weights)
{
    if (!weights)
        return;
    haya_model *model = weights->model;
    haya_host host = model->arena.host;
    hy_free(&host, weights->derived, weights->derived_bytes);
    hy_free(&host, weights->externals, weights->program->external_count * sizeof *weights->externals);
    haya_program_free((haya_program *)(uintptr_t)weights->program);
    hy_free(&host, weights, sizeof *weights);
    haya_model_close(model);
}

uint64_t haya_weights_derived_bytes(const haya_weights *weights)
{
    return weights->derived_bytes;
}
