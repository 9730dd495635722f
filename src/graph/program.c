/* SPDX-License-Identifier: Apache-2.0
 *
 * The program: trace, mark, fingerprint, rewrite, classify, and what runs will need of weights.
 */
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

/* ---- Feeds and fetches ------------------------------------------------------------------------------------------- */

typedef struct ends {
    hy_edge *feeds, *fetches;
    const char **feed_names, **fetch_names;
    size_t feed_count, fetch_count;
} ends;

static haya_status find_tensor(const haya_model *model, const char *text, const char *what, hy_edge *edge,
                               haya_error *error)
{
    if (!text)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "a %s is NULL", what);
    if (!hy_model_tensor(model, text, edge))
        return hy_fail(error, HAYA_ERROR_NOT_FOUND, text, "%s: there is no tensor '%s' to %s",
                       hy_file_path(model->file), text, what);
    return HAYA_OK;
}

static haya_status take_ends(const haya_model *model, const char *what, const char *const *texts, size_t text_count,
                             const hy_edge *own, const char *const *own_names, size_t own_count, hy_arena *arena,
                             hy_edge **edges, const char ***names, size_t *count, haya_error *error)
{
    *count = texts ? text_count : own_count;
    *edges = HY_ARENA_NEW(arena, hy_edge, *count);
    *names = HY_ARENA_NEW(arena, const char *, *count);
    if (!*edges || !*names)
        return hy_out_of_memory(error, what);
    for (size_t i = 0; i < *count; i++) {
        if (texts)
            HY_TRY(find_tensor(model, texts[i], what, &(*edges)[i], error));
        else
            (*edges)[i] = own[i];
        const char *name = texts ? model->nodes[(*edges)[i].node].name : own_names[i];
        (*names)[i] = texts ? hy_tensor_name(arena, name, (*edges)[i].out) : name;
        if (!(*names)[i])
            return hy_out_of_memory(error, what);
    }
    return HAYA_OK;
}

static haya_status find_ends(const haya_model *model, const haya_program_options *options, hy_arena *arena,
                             ends *e, haya_error *error)
{
    static const haya_program_options defaults;
    const haya_program_options *o = options ? options : &defaults;
    HY_TRY(take_ends(model, "feed", o->feeds, o->feed_count, model->inputs, model->input_names, model->input_count,
                     arena, &e->feeds, &e->feed_names, &e->feed_count, error));
    HY_TRY(take_ends(model, "fetch", o->fetches, o->fetch_count, model->outputs, model->output_names,
                     model->output_count, arena, &e->fetches, &e->fetch_names, &e->fetch_count, error));
    if (e->fetch_count == 0)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%s: there is nothing to fetch", hy_file_path(model->file));
    for (size_t i = 0; i < e->feed_count; i++)
        for (size_t k = 0; options && options->feeds && k < i; k++)
            if (e->feeds[i].node == e->feeds[k].node && e->feeds[i].out == e->feeds[k].out)
                return hy_fail(error, HAYA_ERROR_ARGUMENT, e->feed_names[i], "'%s' is fed twice", e->feed_names[i]);
    return HAYA_OK;
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static haya_status report_refusals(const haya_model *model, const hy_refusals *refusals,
                                   const haya_program_options *options, haya_error *error)
{
    char text[1400];
    size_t used = 0;
    for (size_t i = 0; i < refusals->count; i++) {
        const hy_refusal *r = &refusals->items[i];
        if (options && options->unsupported)
            options->unsupported(options->user, r->node, r->op, r->why);
        if (used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s (node '%s'): %s", i ? "; " : "", r->op,
                                     r->node, r->why);
    }
    return hy_fail(error, HAYA_ERROR_UNSUPPORTED, refusals->items[0].node, "%s: %zu unsupported operation%s: %s",
                   hy_file_path(model->file), refusals->count, refusals->count == 1 ? "" : "s", text);
}

/* Operations that the file has, the table lacks, and the fetches don't depend on. */
static size_t count_ignored(const haya_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < model->main_count; i++)
        count += !model->nodes[i].op && !model->nodes[i].forwards;
    return count;
}

/* ---- Externals --------------------------------------------------------------------------------------------------- */

/* Longer chains are copied, so that finding out takes linear time. */
#define MAX_ALIASES 64

/* A bind node whose output only is its input seen with another shape: follows it to the parameter. */
static haya_status parameter_behind(const hy_graph *graph, hy_edge edge, hy_arena *arena, int32_t *slot,
                                    haya_error *error)
{
    *slot = -1;
    for (int steps = 0; steps < MAX_ALIASES; steps++) {
        const hy_node *node = &graph->nodes[edge.node];
        if (node->class == HY_CLASS_PARAMETER)
            *slot = node->slot;
        if (node->class != HY_CLASS_BIND)
            return HAYA_OK;
        hy_operand *ins = HY_ARENA_NEW(arena, hy_operand, (size_t)node->input_count);
        hy_operand *outs = HY_ARENA_NEW(arena, hy_operand, (size_t)node->output_count);
        hy_build build;
        if (!ins || !outs)
            return hy_out_of_memory(error, node->name);
        for (int32_t i = 0; i < node->input_count; i++)
            ins[i] = graph->nodes[node->inputs[i].node].outs[node->inputs[i].out];
        HY_TRY(hy_node_build(node, ins, outs, &build, arena, error));
        if (build.alias[edge.out] < 0)
            return HAYA_OK;
        edge = node->inputs[build.alias[edge.out]];
    }
    return HAYA_OK;
}

static haya_status add_external(haya_program *program, hy_edge edge, hy_arena *temporary, haya_error *error)
{
    hy_node *node = &program->graph.nodes[edge.node];
    const hy_operand *operand = &node->outs[edge.out];
    if (operand->value || (node->class != HY_CLASS_PARAMETER && node->class != HY_CLASS_BIND))
        return HAYA_OK;
    if (!node->externals) {
        node->externals = HY_ARENA_NEW(&program->arena, int32_t, (size_t)node->output_count);
        if (!node->externals)
            return hy_out_of_memory(error, node->name);
        for (int32_t k = 0; k < node->output_count; k++)
            node->externals[k] = -1;
    }
    if (node->externals[edge.out] >= 0)
        return HAYA_OK;
    int32_t slot;
    HY_TRY(parameter_behind(&program->graph, edge, temporary, &slot, error));
    node->externals[edge.out] = (int32_t)program->external_count;
    program->externals[program->external_count++] = (hy_external){
        .edge = edge,
        .slot = slot,
        .bytes = (size_t)hy_shape_bytes(&operand->shape, operand->dtype),
    };
    return HAYA_OK;
}

static haya_status find_externals(haya_program *program, haya_error *error)
{
    hy_graph *graph = &program->graph;
    size_t edges = graph->fetch_count;
    for (size_t i = 0; i < graph->node_count; i++)
        edges += (size_t)graph->nodes[i].input_count;
    program->externals = HY_ARENA_NEW(&program->arena, hy_external, edges);
    if (!program->externals)
        return hy_out_of_memory(error, "externals");
    hy_arena temporary;
    hy_arena_init(&temporary, &program->arena.host);
    haya_status status = HAYA_OK;
    for (size_t i = 0; i < graph->node_count && status == HAYA_OK; i++)
        for (int32_t k = 0; graph->nodes[i].class == HY_CLASS_RUN && k < graph->nodes[i].input_count
                            && status == HAYA_OK; k++)
            status = add_external(program, graph->nodes[i].inputs[k], &temporary, error);
    for (size_t i = 0; i < graph->fetch_count && status == HAYA_OK; i++)
        status = add_external(program, graph->fetches[i], &temporary, error);
    hy_arena_free(&temporary);
    return status;
}

/* ---- Program ----------------------------------------------------------------------------------------------------- */

/* Feeds that nothing depends on vanish where they are the default ones; where the caller asked for them they stay. */
static haya_status drop_unused_feeds(haya_program *program, ends *e, haya_error *error)
{
    hy_graph *graph = &program->canonical;
    int32_t *kept = HY_ARENA_NEW(&program->arena, int32_t, e->feed_count); /* new index + 1; 0: unused */
    if (!kept)
        return hy_out_of_memory(error, "inputs");
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].feed >= 0)
            kept[graph->nodes[n].feed] = 1;
    int32_t count = 0;
    for (size_t i = 0; i < e->feed_count; i++) {
        if (!kept[i])
            continue;
        e->feeds[count] = e->feeds[i];
        e->feed_names[count++] = e->feed_names[i];
        kept[i] = count;
    }
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].feed >= 0)
            graph->nodes[n].feed = kept[graph->nodes[n].feed] - 1;
    e->feed_count = graph->feed_count = (size_t)count;
    return HAYA_OK;
}

static haya_status check_feeds(const haya_model *model, const ends *e, haya_error *error)
{
    for (size_t i = 0; i < e->feed_count; i++)
        if (hy_model_value(model, e->feeds[i], e->feed_names[i]).dtype == HAYA_INVALID)
            return hy_fail(error, HAYA_ERROR_UNSUPPORTED, e->feed_names[i], "%s: '%s' can't be fed: its type is not "
                           "known or not supported", hy_file_path(model->file), e->feed_names[i]);
    return HAYA_OK;
}

static haya_status describe_ends(haya_program *program, const ends *e, haya_error *error)
{
    program->inputs = HY_ARENA_NEW(&program->arena, haya_value, e->feed_count);
    program->outputs = HY_ARENA_NEW(&program->arena, haya_value, e->fetch_count);
    if (!program->inputs || !program->outputs)
        return hy_out_of_memory(error, "inputs and outputs");
    program->input_count = e->feed_count;
    program->output_count = e->fetch_count;
    for (size_t i = 0; i < e->feed_count; i++)
        program->inputs[i] = hy_model_value(program->model, e->feeds[i], e->feed_names[i]);
    for (size_t i = 0; i < e->fetch_count; i++) {
        hy_edge edge = program->graph.fetches[i];
        const hy_operand *operand = &program->graph.nodes[edge.node].outs[edge.out];
        program->outputs[i] = (haya_value){e->fetch_names[i], operand->dtype, operand->shape};
    }
    return HAYA_OK;
}

static haya_status list_slots(haya_program *program, haya_error *error)
{
    program->slots = HY_ARENA_NEW(&program->arena, const hy_node *, program->slot_count);
    if (!program->slots)
        return hy_out_of_memory(error, "parameters");
    for (size_t i = 0; i < program->canonical.node_count; i++)
        if (program->canonical.nodes[i].slot >= 0)
            program->slots[program->canonical.nodes[i].slot] = &program->canonical.nodes[i];
    return HAYA_OK;
}

static void fill_info(haya_program *program)
{
    haya_program_info *info = &program->info;
    for (int i = 0; i < 16; i++)
        snprintf(info->fingerprint + 2 * i, 3, "%02x", program->fingerprint[i]);
    info->input_count = program->input_count;
    info->output_count = program->output_count;
    info->slot_count = program->slot_count;
    info->ignored_unsupported = count_ignored(program->model);
    for (size_t i = 0; i < program->slot_count; i++) {
        const hy_constant *constant = program->slots[i]->constant;
        uint64_t bytes = (uint64_t)constant->elements * haya_dtype_size(constant->dtype);
        info->parameter_count += (uint64_t)constant->elements;
        info->parameter_bytes += bytes;
        if (constant->in_place)
            info->in_place_bytes += bytes;
    }
    for (size_t i = 0; i < program->external_count; i++) {
        const hy_external *external = &program->externals[i];
        if (external->slot < 0 || !program->slots[external->slot]->constant->in_place)
            info->derived_bytes += external->bytes;
    }
}

static haya_status make_program(haya_program *program, const haya_program_options *options, haya_error *error)
{
    haya_model *model = program->model;
    hy_arena *arena = &program->arena;
    ends e;
    hy_refusals refusals = {0};
    HY_TRY(find_ends(model, options, arena, &e, error));
    HY_TRY(hy_trace(model, e.feeds, e.feed_count, e.fetches, e.fetch_count, arena, &refusals, &program->canonical,
                    error));
    if (refusals.count == 0)
        HY_TRY(hy_mark_structural(model, &program->canonical, arena, &refusals, &program->slot_count, error));
    if (refusals.count)
        return report_refusals(model, &refusals, options, error);
    if (!options || !options->feeds)
        HY_TRY(drop_unused_feeds(program, &e, error));
    HY_TRY(check_feeds(model, &e, error));
    hy_fingerprint(&program->canonical, program->fingerprint);
    HY_TRY(list_slots(program, error));
    haya_status status = hy_rewrite(&program->canonical, &program->graph, arena, error);
    if (status == HAYA_OK)
        status = hy_classify(&program->graph, arena, error);
    if (status != HAYA_OK) {
        hy_error_prefix(error, hy_file_path(model->file));
        return status;
    }
    HY_TRY(find_externals(program, error));
    HY_TRY(describe_ends(program, &e, error));
    fill_info(program);
    return HAYA_OK;
}

haya_status haya_program_create(haya_model *model, const haya_program_options *options, haya_program **result,
                                haya_error *error)
{
    hy_error_clear(error);
    if (!result)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "program is NULL: there is nowhere to put the program");
    *result = NULL;
    if (!model)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "model is NULL");
    if (options && options->struct_size != sizeof *options)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_program_options.struct_size is %u, not %zu",
                       options->struct_size, sizeof *options);
    const haya_host *host = &model->arena.host;
    haya_program *program = hy_alloc(host, sizeof *program);
    if (!program)
        return hy_out_of_memory(error, "program");
    *program = (haya_program){.model = model};
    atomic_init(&program->references, 1);
    hy_arena_init(&program->arena, host);
    hy_model_retain(model);
    haya_status status = make_program(program, options, error);
    if (status != HAYA_OK) {
        haya_program_free(program);
        return status;
    }
    *result = program;
    return HAYA_OK;
}

void hy_program_retain(const haya_program *program)
{
    /* The count is the one thing in a program that changes. */
    atomic_fetch_add_explicit(&((haya_program *)(uintptr_t)program)->references, 1, memory_order_relaxed);
}

void haya_program_free(haya_program *program)
{
    if (!program || atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) != 1)
        return;
    haya_model *model = program->model;
    haya_host host = program->arena.host;
    hy_arena_free(&program->arena);
    hy_free(&host, program, sizeof *program);
    haya_model_close(model);
}

/* ---- Questions --------------------------------------------------------------------------------------------------- */

void haya_program_get_info(const haya_program *program, haya_program_info *info)
{
    *info = program->info;
}

haya_status haya_program_input(const haya_program *program, size_t index, haya_value *value)
{
    if (index >= program->input_count)
        return HAYA_ERROR_NOT_FOUND;
    *value = program->inputs[index];
    return HAYA_OK;
}

haya_status haya_program_output(const haya_program *program, size_t index, haya_value *value)
{
    if (index >= program->output_count)
        return HAYA_ERROR_NOT_FOUND;
    *value = program->outputs[index];
    return HAYA_OK;
}

haya_status haya_program_parameter(const haya_program *program, size_t slot, haya_parameter *parameter)
{
    if (slot >= program->slot_count)
        return HAYA_ERROR_NOT_FOUND;
    const hy_constant *constant = program->slots[slot]->constant;
    *parameter = (haya_parameter){
        .value = {program->slots[slot]->name, constant->dtype, constant->shape},
        .bytes = (uint64_t)constant->elements * haya_dtype_size(constant->dtype),
        .in_place = constant->in_place,
        .why = constant->why,
    };
    return HAYA_OK;
}
