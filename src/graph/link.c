/* SPDX-License-Identifier: Apache-2.0
 *
 * Records -> linked nodes: every input found, calls of the file's functions inlined, inputs and outputs of the model.
 *
 * An inlined call keeps its node, whose `forwards` say what its outputs really are; the function's body is appended
 * under the names "call/inner". Bodies are appended to the end of the list that is being linked, so that calls in
 * bodies are met in turn; depth and total are limited.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

#define MAX_NODES (1 << 20)
#define MAX_CALL_DEPTH 32
#define MAX_INLINED_NAME 8192
/* Names and edges of inlined nodes: a few bytes in a body that is called often make many. */
#define MAX_INLINED_BYTES ((size_t)1 << 28)

/* Names -> indices of an array whose elements begin with their name; open addressing, entries are index + 1. */
typedef struct name_table {
    int32_t *entries;
    size_t size; /* a power of two */
    const void *items;
    size_t stride;
} name_table;

/* What a body's names mean. */
typedef struct function_tables {
    name_table nodes, args;
} function_tables;

typedef struct linked_list {
    hy_linked_node *nodes;
    int32_t *depths;
    size_t count, capacity;
    size_t inlined_bytes;
    const haya_host *host;
} linked_list;

/* Where the inputs of a body's nodes are looked up. */
typedef struct scope {
    const name_table *args;       /* of the function; NULL: the main graph */
    const name_table *names;
    int32_t base;                 /* index of the scope's first node */
    const hy_linked_node *call;   /* whose inputs are the arguments */
} scope;

static uint64_t hash_name(const char *name, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

static const char *item_name(const name_table *table, size_t index)
{
    return *(const char *const *)((const uint8_t *)table->items + index * table->stride);
}

static bool make_table(name_table *table, const void *items, size_t stride, size_t count, hy_arena *arena)
{
    *table = (name_table){.size = 16, .items = items, .stride = stride};
    while (table->size < 2 * count)
        table->size *= 2;
    table->entries = HY_ARENA_NEW(arena, int32_t, table->size);
    if (!table->entries)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t at = hash_name(item_name(table, i), strlen(item_name(table, i))) & (table->size - 1);
        while (table->entries[at])
            at = (at + 1) & (table->size - 1);
        table->entries[at] = (int32_t)i + 1;
    }
    return true;
}

static int32_t find_name(const name_table *table, const char *name, size_t length)
{
    size_t at = hash_name(name, length) & (table->size - 1);
    for (; table->entries[at]; at = (at + 1) & (table->size - 1)) {
        const char *candidate = item_name(table, (size_t)table->entries[at] - 1);
        if (strncmp(candidate, name, length) == 0 && candidate[length] == '\0')
            return table->entries[at] - 1;
    }
    return -1;
}

/* "node:3" -> length of "node" and 3; without a number behind the last colon: all of it and 0. */
static size_t split_output(const char *text, int32_t *out)
{
    size_t length = strlen(text);
    size_t digits = length;
    while (digits > 0 && isdigit((unsigned char)text[digits - 1]))
        digits--;
    *out = 0;
    if (digits == length || digits == 0 || text[digits - 1] != ':' || length - digits > 6)
        return length;
    *out = (int32_t)strtol(text + digits, NULL, 10);
    return digits - 1;
}

int32_t hy_model_find(const haya_model *model, const char *name, size_t length)
{
    name_table table = {.entries = (int32_t *)(uintptr_t)model->name_table, .size = model->name_table_size,
                        .items = model->records.nodes, .stride = sizeof *model->records.nodes};
    return find_name(&table, name, length);
}

bool hy_model_tensor(const haya_model *model, const char *text, hy_edge *edge)
{
    size_t length = split_output(text, &edge->out);
    edge->node = hy_model_find(model, text, length);
    if (edge->node < 0)
        return false;
    const hy_linked_node *node = &model->nodes[edge->node];
    return node->output_count < 0 || edge->out < node->output_count;
}

const char *hy_tensor_name(hy_arena *arena, const char *node, int32_t out)
{
    return out == 0 ? node : hy_arena_printf(arena, "%s:%d", node, out);
}

/* ---- Inputs ---------------------------------------------------------------------------------------------------- */

/* "arg" or "node:out_arg:index" of a function's body. */
static hy_edge find_in_function(const scope *in, const linked_list *list, const char *text)
{
    const hy_edge missing = {-1, 0};
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    int32_t argument = find_name(in->args, text, length);
    if (argument >= 0)
        return argument < in->call->input_count ? in->call->inputs[argument] : missing;
    int32_t local = find_name(in->names, text, length);
    if (local < 0 || !colon)
        return missing;
    const hy_linked_node *node = &list->nodes[in->base + local];
    int32_t index;
    const char *name = colon + 1;
    size_t name_length = split_output(name, &index);
    /* The output arguments of operations that aren't in the table are not known; nothing can be made of them anyway. */
    int32_t first = node->op ? hy_op_output_first(node->op, node->record, name, name_length) : 0;
    return first < 0 ? missing : (hy_edge){in->base + local, first + index};
}

static hy_edge find_in_main(const scope *in, const char *text)
{
    hy_edge edge;
    size_t length = split_output(text, &edge.out);
    edge.node = find_name(in->names, text, length);
    return edge;
}

static haya_status link_inputs(hy_linked_node *node, const scope *in, const linked_list *list, hy_arena *arena,
                               haya_error *error)
{
    const hy_record *record = node->record;
    hy_edge *inputs = HY_ARENA_NEW(arena, hy_edge, record->input_count);
    hy_edge *controls = HY_ARENA_NEW(arena, hy_edge, record->input_count);
    if (!inputs || !controls)
        return hy_out_of_memory(error, record->name);
    for (size_t i = 0; i < record->input_count; i++) {
        const char *text = record->inputs[i];
        if (text[0] == '^') {
            int32_t local = find_name(in->names, text + 1, strlen(text + 1));
            if (local >= 0) /* a control input from elsewhere carries no data; without it nothing is lost */
                controls[node->control_count++] = (hy_edge){in->base + local, 0};
            continue;
        }
        hy_edge edge = in->args ? find_in_function(in, list, text) : find_in_main(in, text);
        if (edge.node < 0 && !node->missing)
            node->missing = text;
        inputs[node->input_count++] = edge;
    }
    node->inputs = inputs;
    node->controls = controls;
    return HAYA_OK;
}

/* ---- Functions ------------------------------------------------------------------------------------------------- */

static const hy_function *called_function(const haya_model *model, const name_table *functions,
                                          const hy_linked_node *node)
{
    const char *name = node->record->op;
    if (node->op && node->op->kind == HY_OP_CALL) {
        const hy_attr *f = hy_record_attr(node->record, "f");
        if (!f || f->kind != HY_ATTR_FUNCTION)
            return NULL;
        name = f->s;
    } else if (node->op) {
        return NULL;
    }
    int32_t index = find_name(functions, name, strlen(name));
    return index < 0 ? NULL : &model->records.functions[index];
}

static haya_status count_inlined(linked_list *list, const char *call, size_t bytes, haya_error *error)
{
    if (bytes > MAX_INLINED_BYTES - list->inlined_bytes)
        return hy_fail(error, HAYA_ERROR_LIMIT, call, "functions inlined, the names and inputs of the graph's nodes "
                       "take more than %zu bytes", MAX_INLINED_BYTES);
    list->inlined_bytes += bytes;
    return HAYA_OK;
}

static haya_status append_records(linked_list *list, const hy_record *records, size_t count, const char *prefix,
                                  int32_t depth, hy_arena *arena, haya_error *error)
{
    if (list->count + count > MAX_NODES)
        return hy_fail(error, HAYA_ERROR_LIMIT, prefix, "functions inlined, the graph has more than %d nodes",
                       MAX_NODES);
    if (list->count + count > list->capacity) {
        size_t capacity = 2 * list->capacity + count;
        hy_linked_node *nodes = hy_alloc(list->host, capacity * sizeof *nodes);
        int32_t *depths = hy_alloc(list->host, capacity * sizeof *depths);
        if (nodes && depths && list->count) {
            memcpy(nodes, list->nodes, list->count * sizeof *nodes);
            memcpy(depths, list->depths, list->count * sizeof *depths);
        }
        hy_free(list->host, list->nodes, list->capacity * sizeof *nodes);
        hy_free(list->host, list->depths, list->capacity * sizeof *depths);
        list->nodes = nodes;
        list->depths = depths;
        list->capacity = capacity;
        if (!nodes || !depths)
            return hy_out_of_memory(error, "nodes");
    }
    for (size_t i = 0; i < count; i++) {
        hy_linked_node *node = &list->nodes[list->count];
        const char *name = prefix ? hy_arena_printf(arena, "%s/%s", prefix, records[i].name) : records[i].name;
        if (!name)
            return hy_out_of_memory(error, records[i].name);
        if (prefix)
            HY_TRY(count_inlined(list, prefix, strlen(name) + 2 * records[i].input_count * sizeof(hy_edge), error));
        *node = (hy_linked_node){.name = name, .record = &records[i], .op = hy_op_find(records[i].op)};
        node->output_count = node->op ? hy_op_output_count(node->op, node->record) : -1;
        list->depths[list->count++] = depth;
    }
    return HAYA_OK;
}

/* Appends the body of the function that node `index` calls, links it, and sets the node's forwards. */
static haya_status inline_call(haya_model *model, linked_list *list, size_t index, const hy_function *function,
                               const function_tables *tables, haya_error *error)
{
    hy_arena *arena = &model->arena;
    int32_t depth = list->depths[index] + 1;
    const char *name = list->nodes[index].name;
    if (depth > MAX_CALL_DEPTH || strlen(name) > MAX_INLINED_NAME)
        return hy_fail(error, HAYA_ERROR_LIMIT, name, "%s: node '%s': functions call each other more than %d deep",
                       hy_file_path(model->file), name, MAX_CALL_DEPTH);
    scope body = {.args = &tables->args, .names = &tables->nodes, .base = (int32_t)list->count};
    HY_TRY(append_records(list, function->nodes, function->node_count, name, depth, arena, error));
    body.call = &list->nodes[index];
    for (size_t i = 0; i < function->node_count; i++)
        HY_TRY(link_inputs(&list->nodes[(size_t)body.base + i], &body, list, arena, error));

    HY_TRY(count_inlined(list, name, function->ret_count * sizeof(hy_edge), error));
    hy_edge *forwards = HY_ARENA_NEW(arena, hy_edge, function->ret_count);
    if (!forwards)
        return hy_out_of_memory(error, name);
    for (size_t k = 0; k < function->ret_count; k++)
        forwards[k] = find_in_function(&body, list, function->values[k]);
    list->nodes[index].forwards = forwards;
    list->nodes[index].output_count = (int32_t)function->ret_count;
    return HAYA_OK;
}

static bool make_function_tables(function_tables *tables, const hy_function *function, hy_arena *arena)
{
    return tables->args.entries
        || (make_table(&tables->nodes, function->nodes, sizeof *function->nodes, function->node_count, arena)
            && make_table(&tables->args, function->args, sizeof *function->args, function->arg_count, arena));
}

static haya_status inline_calls(haya_model *model, linked_list *list, haya_error *error)
{
    const hy_records *records = &model->records;
    name_table functions;
    function_tables *tables = HY_ARENA_NEW(&model->arena, function_tables, records->function_count);
    if (!tables || !make_table(&functions, records->functions, sizeof *records->functions, records->function_count,
                               &model->arena))
        return hy_out_of_memory(error, "functions");
    for (size_t i = 0; i < list->count; i++) {
        const hy_function *function = called_function(model, &functions, &list->nodes[i]);
        if (!function)
            continue;
        function_tables *names = &tables[function - records->functions];
        if (!make_function_tables(names, function, &model->arena))
            return hy_out_of_memory(error, function->name);
        HY_TRY(inline_call(model, list, i, function, names, error));
    }
    return HAYA_OK;
}

/* ---- The whole -------------------------------------------------------------------------------------------------- */

static haya_status link_nodes(haya_model *model, linked_list *list, haya_error *error)
{
    const hy_records *records = &model->records;
    name_table table;
    if (!make_table(&table, records->nodes, sizeof *records->nodes, records->node_count, &model->arena))
        return hy_out_of_memory(error, "names");
    model->name_table = table.entries;
    model->name_table_size = table.size;
    HY_TRY(append_records(list, records->nodes, records->node_count, NULL, 0, &model->arena, error));
    scope main = {.names = &table};
    for (size_t i = 0; i < records->node_count; i++)
        HY_TRY(link_inputs(&list->nodes[i], &main, list, &model->arena, error));
    if (records->function_count)
        HY_TRY(inline_calls(model, list, error));

    model->main_count = records->node_count;
    model->node_count = list->count;
    model->nodes = HY_ARENA_NEW(&model->arena, hy_linked_node, list->count);
    if (!model->nodes)
        return hy_out_of_memory(error, "nodes");
    memcpy(model->nodes, list->nodes, list->count * sizeof *list->nodes);
    return HAYA_OK;
}

haya_status hy_link(haya_model *model, haya_error *error)
{
    linked_list list = {.host = &model->arena.host};
    haya_status status = link_nodes(model, &list, error);
    hy_free(list.host, list.nodes, list.capacity * sizeof *list.nodes);
    hy_free(list.host, list.depths, list.capacity * sizeof *list.depths);
    return status;
}
