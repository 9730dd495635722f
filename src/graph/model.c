/* SPDX-License-Identifier: Apache-2.0
 *
 * The model: opening, and what can be asked of it before a program is made.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

/* ---- Inputs and outputs ----------------------------------------------------------------------------------------- */

/* Natural order: runs of digits compare as numbers, so that "conv2d_9" comes before "conv2d_10". */
static int compare_natural(const char *a, const char *b)
{
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            while (*a == '0')
                a++;
            while (*b == '0')
                b++;
            size_t digits_a = strspn(a, "0123456789"), digits_b = strspn(b, "0123456789");
            if (digits_a != digits_b)
                return digits_a < digits_b ? -1 : 1;
            int order = strncmp(a, b, digits_a);
            if (order)
                return order;
            a += digits_a;
            b += digits_b;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a ? 1 : *b ? -1 : 0;
}

typedef struct named_edge {
    hy_edge edge;
    const char *name;
} named_edge;

static int compare_named(const void *a, const void *b)
{
    const named_edge *x = a, *y = b;
    int order = compare_natural(x->name, y->name);
    if (order)
        return order;
    order = strcmp(x->name, y->name); /* "a01" and "a1" */
    return order ? order : x->edge.out - y->edge.out;
}

/* Operations that only training, saving or watching leaves behind: never what a model is for. */
static bool is_leftover(const char *op)
{
    static const char *const prefixes[] = {"Assert", "Save", "Restore", "Assign", "Apply", "ResourceApply", "Print",
                                           "ScalarSummary", "HistogramSummary", "ImageSummary", "MergeSummary",
                                           "TensorSummary", "WriteFile", "CheckNumerics", "Queue", "IsVariable"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(op, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

#define MAX_OUTPUTS 65536

enum { READ = 1, FED = 2 };

/* Who reads a node's outputs: readers[first[i] .. first[i + 1]). */
typedef struct reader_lists {
    int32_t *first, *readers;
} reader_lists;

static bool list_readers(const haya_model *model, reader_lists *lists, hy_arena *arena)
{
    size_t total = 0;
    for (size_t i = 0; i < model->node_count; i++)
        total += (size_t)model->nodes[i].input_count;
    lists->first = HY_ARENA_NEW(arena, int32_t, model->node_count + 2);
    lists->readers = HY_ARENA_NEW(arena, int32_t, total);
    if (!lists->first || !lists->readers || total > INT32_MAX)
        return false;
    int32_t *next = lists->first + 1; /* shifted by one: filling turns starts into ends */
    for (size_t i = 0; i < model->node_count; i++)
        for (int32_t k = 0; k < model->nodes[i].input_count; k++)
            if (model->nodes[i].inputs[k].node >= 0)
                next[model->nodes[i].inputs[k].node + 1]++;
    for (size_t i = 0; i < model->node_count; i++)
        next[i + 1] += next[i];
    for (size_t i = 0; i < model->node_count; i++)
        for (int32_t k = 0; k < model->nodes[i].input_count; k++)
            if (model->nodes[i].inputs[k].node >= 0)
                lists->readers[next[model->nodes[i].inputs[k].node]++] = (int32_t)i;
    return true;
}

/* Marks nodes that another one reads, and those that depend on a placeholder. */
static bool mark_nodes(const haya_model *model, uint8_t *marks, hy_arena *arena)
{
    reader_lists lists;
    int32_t *queue = HY_ARENA_NEW(arena, int32_t, model->node_count);
    if (!queue || !list_readers(model, &lists, arena))
        return false;
    size_t queued = 0;
    for (size_t i = 0; i < model->node_count; i++) {
        const hy_linked_node *node = &model->nodes[i];
        if (lists.first[i + 1] > lists.first[i])
            marks[i] |= READ;
        for (int32_t k = 0; k < node->control_count; k++)
            marks[node->controls[k].node] |= READ;
        if (node->op && node->op->kind == HY_OP_PLACEHOLDER) {
            marks[i] |= FED;
            queue[queued++] = (int32_t)i;
        }
    }
    for (size_t done = 0; done < queued; done++)
        for (int32_t r = lists.first[queue[done]]; r < lists.first[queue[done] + 1]; r++)
            if (!(marks[lists.readers[r]] & FED)) {
                marks[lists.readers[r]] |= FED;
                queue[queued++] = lists.readers[r];
            }
    return true;
}

static bool has_placeholder(const haya_model *model)
{
    for (size_t i = 0; i < model->main_count; i++)
        if (model->nodes[i].op && model->nodes[i].op->kind == HY_OP_PLACEHOLDER)
            return true;
    return false;
}

static bool is_sink(const haya_model *model, size_t index, uint8_t marks, bool all_need_feed)
{
    const hy_linked_node *node = &model->nodes[index];
    if ((marks & READ) || (all_need_feed && !(marks & FED)) || is_leftover(node->record->op))
        return false;
    return !node->op || (node->output_count != 0 && node->op->kind != HY_OP_PLACEHOLDER);
}

/* How many outputs of a sink are results: all of a list ("output:num_split*T") or an inlined call, else the first
   (a batch norm's statistics aren't). */
static int32_t sink_outputs(const hy_linked_node *node)
{
    if (node->forwards)
        return node->output_count;
    if (!node->op || !node->op->outputs || strchr(node->op->outputs, ' '))
        return 1;
    return node->output_count < 1 ? 1 : node->output_count;
}

static haya_status sort_edges(haya_model *model, named_edge *found, size_t count, hy_edge **edges,
                              const char *const **names, haya_error *error)
{
    qsort(found, count, sizeof *found, compare_named);
    *edges = HY_ARENA_NEW(&model->arena, hy_edge, count);
    const char **texts = HY_ARENA_NEW(&model->arena, const char *, count);
    if (!*edges || !texts)
        return hy_out_of_memory(error, "inputs and outputs");
    *names = texts;
    for (size_t i = 0; i < count; i++) {
        (*edges)[i] = found[i].edge;
        texts[i] = hy_tensor_name(&model->arena, found[i].name, found[i].edge.out);
        if (!texts[i])
            return hy_out_of_memory(error, found[i].name);
    }
    return HAYA_OK;
}

static haya_status find_inputs(haya_model *model, haya_error *error)
{
    named_edge *found = HY_ARENA_NEW(&model->arena, named_edge, model->main_count);
    if (!found)
        return hy_out_of_memory(error, "inputs");
    size_t count = 0;
    for (size_t i = 0; i < model->main_count; i++)
        if (model->nodes[i].op && model->nodes[i].op->kind == HY_OP_PLACEHOLDER)
            found[count++] = (named_edge){{(int32_t)i, 0}, model->nodes[i].name};
    model->input_count = count;
    return sort_edges(model, found, count, &model->inputs, &model->input_names, error);
}

static haya_status collect_outputs(haya_model *model, const uint8_t *marks, haya_error *error)
{
    bool all_need_feed = has_placeholder(model);
    size_t total = 0;
    for (size_t i = 0; i < model->main_count; i++)
        if (is_sink(model, i, marks[i], all_need_feed))
            total += (size_t)sink_outputs(&model->nodes[i]);
    if (total > MAX_OUTPUTS)
        return hy_fail(error, HAYA_ERROR_LIMIT, NULL, "%s: %zu outputs; %d are the limit", hy_file_path(model->file),
                       total, MAX_OUTPUTS);
    named_edge *found = HY_ARENA_NEW(&model->arena, named_edge, total);
    if (!found)
        return hy_out_of_memory(error, "outputs");
    size_t count = 0;
    for (size_t i = 0; i < model->main_count; i++)
        if (is_sink(model, i, marks[i], all_need_feed))
            for (int32_t k = 0; k < sink_outputs(&model->nodes[i]); k++)
                found[count++] = (named_edge){{(int32_t)i, k}, model->nodes[i].name};
    model->output_count = count;
    return sort_edges(model, found, count, &model->outputs, &model->output_names, error);
}

static haya_status find_outputs(haya_model *model, haya_error *error)
{
    hy_arena temporary;
    hy_arena_init(&temporary, &model->arena.host);
    uint8_t *marks = HY_ARENA_NEW(&temporary, uint8_t, model->node_count);
    haya_status status = marks && mark_nodes(model, marks, &temporary)
                       ? collect_outputs(model, marks, error) : hy_out_of_memory(error, "outputs");
    hy_arena_free(&temporary);
    return status;
}

static void count_parameters(haya_model *model)
{
    for (size_t i = 0; i < model->node_count; i++) {
        const hy_linked_node *node = &model->nodes[i];
        const hy_attr *value = node->op && node->op->kind == HY_OP_CONST ? hy_record_attr(node->record, "value") : NULL;
        if (!value || value->kind != HY_ATTR_TENSOR || value->tensor->refusal || value->tensor->elements < 0)
            continue;
        haya_dtype dtype = value->tensor->dtype;
        if (dtype == HAYA_FLOAT32 || dtype == HAYA_FLOAT64 || dtype == HAYA_FLOAT16 || dtype == HAYA_BFLOAT16) {
            model->parameter_count += (uint64_t)value->tensor->elements;
            model->parameter_bytes += (uint64_t)value->tensor->elements * haya_dtype_size(dtype);
        }
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void free_model(haya_model *model)
{
    haya_host host = model->arena.host;
    hy_arena_free(&model->arena);
    hy_file_release(model->file);
    hy_free(&host, model, sizeof *model);
}

void hy_model_retain(haya_model *model)
{
    atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
}

void haya_model_close(haya_model *model)
{
    if (model && atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) == 1)
        free_model(model);
}

/* Takes over `file`, also on failure. */
static haya_status make_model(hy_file *file, const haya_host *host, haya_model **result, haya_error *error)
{
    haya_model *model = hy_alloc(host, sizeof *model);
    if (!model) {
        haya_status status = hy_out_of_memory(error, hy_file_path(file));
        hy_file_release(file);
        return status;
    }
    *model = (haya_model){.file = file};
    atomic_init(&model->references, 1);
    hy_arena_init(&model->arena, host);
    haya_status status = hy_read(file, &model->arena, &model->records, error);
    if (status == HAYA_OK)
        status = hy_link(model, error);
    if (status == HAYA_OK)
        status = find_inputs(model, error);
    if (status == HAYA_OK)
        status = find_outputs(model, error);
    if (status == HAYA_OK)
        status = hy_file_check(file, error); /* read while it was being written? */
    if (status != HAYA_OK) {
        free_model(model);
        return status;
    }
    count_parameters(model);
    *result = model;
    return HAYA_OK;
}

/* Clears what a public call gives back and resolves the options. */
static haya_status begin(const haya_model_options *options, haya_model **model, haya_host *host, haya_error *error)
{
    hy_error_clear(error);
    if (!model)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "model is NULL: there is nowhere to put the model");
    *model = NULL;
    if (options && options->struct_size != sizeof *options)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_model_options.struct_size is %u, not %zu",
                       options->struct_size, sizeof *options);
    return hy_host_resolve(options ? &options->host : NULL, host, error);
}

haya_status haya_model_open(const char *path, const haya_model_options *options, haya_model **model,
                            haya_error *error)
{
    haya_host host;
    HY_TRY(begin(options, model, &host, error));
    if (!path)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "path is NULL");
    if (hy_is_folder(path))
        return hy_refuse_folder(path, error);
    hy_file *file;
    HY_TRY(hy_file_open(path, options && options->read_into_memory, &host, &file, error));
    hy_file_read_sparsely(file, true); /* the structure lies in pieces between tensors */
    HY_TRY(make_model(file, &host, model, error));
    hy_file_read_sparsely(file, false);
    return HAYA_OK;
}

haya_status haya_model_from_memory(const void *data, size_t size, const char *name,
                                   const haya_model_options *options, haya_model **model, haya_error *error)
{
    haya_host host;
    HY_TRY(begin(options, model, &host, error));
    if (!data)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "data is NULL");
    hy_file *file;
    HY_TRY(hy_file_copy(data, size, name ? name : "memory", &host, &file, error));
    return make_model(file, &host, model, error);
}

haya_status haya_model_borrow(const void *data, size_t size, const char *name, void (*release)(void *user),
                              void *user, const haya_model_options *options, haya_model **model, haya_error *error)
{
    haya_host host;
    haya_status status = begin(options, model, &host, error);
    if (status == HAYA_OK && !data)
        status = hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "data is NULL");
    if (status != HAYA_OK) {
        if (release)
            release(user);
        return status;
    }
    hy_file *file;
    HY_TRY(hy_file_borrow(data, size, name ? name : "memory", release, user, &host, &file, error));
    return make_model(file, &host, model, error);
}

/* ---- Questions --------------------------------------------------------------------------------------------------- */

void haya_model_get_info(const haya_model *model, haya_model_info *info)
{
    *info = (haya_model_info){
        .path = hy_file_path(model->file),
        .format = model->records.format,
        .file_bytes = hy_file_size(model->file),
        .node_count = model->main_count,
        .input_count = model->input_count,
        .output_count = model->output_count,
        .parameter_count = model->parameter_count,
        .parameter_bytes = model->parameter_bytes,
    };
}

haya_status haya_model_node(const haya_model *model, size_t index, haya_node *node)
{
    if (index >= model->main_count)
        return HAYA_ERROR_NOT_FOUND;
    const hy_record *record = &model->records.nodes[index];
    *node = (haya_node){.name = record->name, .op = record->op, .input_count = record->input_count};
    return HAYA_OK;
}

const char *haya_model_node_input(const haya_model *model, size_t index, size_t input)
{
    if (index >= model->main_count || input >= model->records.nodes[index].input_count)
        return NULL;
    return model->records.nodes[index].inputs[input];
}

haya_value hy_model_value(const haya_model *model, hy_edge edge, const char *name)
{
    haya_value value = {.name = name, .shape = {.rank = -1}};
    /* A damaged file may forward in a circle. */
    for (size_t i = 0; i < model->node_count && edge.node >= 0 && model->nodes[edge.node].forwards; i++)
        edge = edge.out < model->nodes[edge.node].output_count ? model->nodes[edge.node].forwards[edge.out]
                                                               : (hy_edge){-1, 0};
    if (edge.node < 0 || !model->nodes[edge.node].op)
        return value;
    const hy_linked_node *node = &model->nodes[edge.node];
    value.dtype = hy_op_output_dtype(node->op, node->record, edge.out);
    const hy_attr *shape = hy_record_attr(node->record, "shape");
    const hy_attr *constant = hy_record_attr(node->record, "value");
    bool placeholder = node->op->kind == HY_OP_PLACEHOLDER || node->op->kind == HY_OP_DEFAULT;
    /* Files from before 2017 write rank 0 for "unknown". */
    if (placeholder && shape && shape->kind == HY_ATTR_SHAPE && shape->shape.rank != 0)
        value.shape = shape->shape;
    if (node->op->kind == HY_OP_CONST && constant && constant->kind == HY_ATTR_TENSOR)
        value.shape = constant->tensor->shape;
    return value;
}

static haya_status get_value(const haya_model *model, const hy_edge *edges, const char *const *names, size_t count,
                             size_t index, haya_value *value)
{
    if (index >= count)
        return HAYA_ERROR_NOT_FOUND;
    *value = hy_model_value(model, edges[index], names[index]);
    return HAYA_OK;
}

haya_status haya_model_input(const haya_model *model, size_t index, haya_value *value)
{
    return get_value(model, model->inputs, model->input_names, model->input_count, index, value);
}

haya_status haya_model_output(const haya_model *model, size_t index, haya_value *value)
{
    return get_value(model, model->outputs, model->output_names, model->output_count, index, value);
}
