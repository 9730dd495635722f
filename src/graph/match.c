/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a model have a program's structure? Both canonical graphs are walked side by side; the first difference is told
 * with the nodes' names in both files.
 *
 * Inputs and outputs are matched by name where the model has all the names. Otherwise, since files made in one training
 * process have shifted names, its own inputs and outputs stand in, in natural order; but outputs that look alike
 * (isomorphic ones) can't be told apart by order alone, and are refused.
 */
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

typedef struct matcher {
    const haya_program *program;
    const haya_model *model;
    hy_arena *arena;
    haya_error *error;
} matcher;

static const char *program_path(const matcher *m)
{
    return hy_file_path(m->program->model->file);
}

static const char *model_path(const matcher *m)
{
    return hy_file_path(m->model->file);
}

static haya_status differ(const matcher *m, const hy_node *theirs, const hy_node *ours, const char *what)
{
    return hy_fail(m->error, HAYA_ERROR_STRUCTURE, theirs->name, "%s: node '%s' differs from '%s' in %s: %s",
                   model_path(m), theirs->name, ours->name, program_path(m), what);
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static bool same_list_item(const hy_attr *a, const hy_attr *b, int64_t i)
{
    switch (a->kind) {
    case HY_ATTR_LIST_INT: return a->ints[i] == b->ints[i];
    case HY_ATTR_LIST_FLOAT: return memcmp(&a->floats[i], &b->floats[i], sizeof(float)) == 0;
    case HY_ATTR_LIST_BOOL: return a->bools[i] == b->bools[i];
    case HY_ATTR_LIST_STRING: return strcmp(a->strings[i], b->strings[i]) == 0;
    case HY_ATTR_LIST_TYPE: return a->types[i] == b->types[i];
    case HY_ATTR_LIST_SHAPE: return hy_shape_equal(&a->shapes[i], &b->shapes[i]);
    default: return true;
    }
}

static bool same_attr(const hy_attr *a, const hy_attr *b)
{
    if (a->kind != b->kind && a->count + b->count != 0)
        return false;
    switch (a->kind) {
    case HY_ATTR_INT: return a->i == b->i;
    case HY_ATTR_FLOAT: return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case HY_ATTR_BOOL: return a->b == b->b;
    case HY_ATTR_STRING: return a->count == b->count && memcmp(a->s, b->s, (size_t)a->count) == 0;
    case HY_ATTR_TYPE: return a->type == b->type;
    case HY_ATTR_SHAPE: return hy_shape_equal(&a->shape, &b->shape);
    default: break;
    }
    if (a->count != b->count)
        return false;
    for (int64_t i = 0; i < a->count; i++)
        if (!same_list_item(a, b, i))
            return false;
    return true;
}

static void print_list(char *text, size_t size, const hy_attr *attr)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int64_t i = 0; i < attr->count && i < 8 && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)attr->ints[i]);
    if (used < size)
        snprintf(text + used, size - used, attr->count > 8 ? ", ...]" : "]");
}

static const char *print_attr(const matcher *m, const hy_attr *attr)
{
    char list[200];
    switch (attr->kind) {
    case HY_ATTR_INT: return hy_arena_printf(m->arena, "%lld", (long long)attr->i);
    case HY_ATTR_FLOAT: return hy_arena_printf(m->arena, "%g", (double)attr->f);
    case HY_ATTR_BOOL: return attr->b ? "true" : "false";
    case HY_ATTR_STRING: return hy_arena_printf(m->arena, "%.*s", (int)attr->count, attr->s);
    case HY_ATTR_TYPE: return haya_dtype_name(attr->type);
    case HY_ATTR_SHAPE: return hy_arena_printf(m->arena, "%s", HY_SHAPE(&attr->shape));
    case HY_ATTR_LIST_INT:
        print_list(list, sizeof list, attr);
        return hy_arena_printf(m->arena, "%s", list);
    default: return hy_arena_printf(m->arena, "a list of %lld", (long long)attr->count);
    }
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static haya_status compare_leaf(const matcher *m, const hy_node *theirs, const hy_node *ours)
{
    const hy_operand *a = &theirs->outs[0], *b = &ours->outs[0];
    if (a->dtype != b->dtype)
        return differ(m, theirs, ours, hy_arena_printf(m->arena, "its dtype is %s, not %s", haya_dtype_name(a->dtype),
                                                       haya_dtype_name(b->dtype)));
    if (!hy_shape_equal(&a->shape, &b->shape))
        return differ(m, theirs, ours, hy_arena_printf(m->arena, "its shape is %s, not %s", HY_SHAPE(&a->shape),
                                                       HY_SHAPE(&b->shape)));
    if (theirs->value_needed != ours->value_needed)
        return differ(m, theirs, ours, "only one of them steers shapes");
    if (ours->constant && ours->value_needed
        && memcmp(theirs->constant->value, ours->constant->value, (size_t)hy_shape_bytes(&b->shape, b->dtype)) != 0)
        return differ(m, theirs, ours, "the value of this constant, which steers shapes, is another one");
    if (theirs->feed != ours->feed)
        return differ(m, theirs, ours, "another input takes its place");
    return HAYA_OK;
}

static haya_status compare_node(const matcher *m, const hy_graph *their_graph, size_t index)
{
    const hy_graph *our_graph = &m->program->canonical;
    const hy_node *theirs = &their_graph->nodes[index], *ours = &our_graph->nodes[index];
    bool feed = theirs->class == HY_CLASS_FEED;
    if (feed != (ours->class == HY_CLASS_FEED) || (!feed && theirs->op != ours->op))
        return differ(m, theirs, ours, hy_arena_printf(m->arena, "its operation is %s, not %s",
                                                       feed ? "an input" : theirs->op->name,
                                                       ours->class == HY_CLASS_FEED ? "an input" : ours->op->name));
    if (feed || ours->constant)
        return compare_leaf(m, theirs, ours);
    for (size_t i = 0; ours->op->attrs && ours->op->attrs[i].name; i++)
        if (!ours->op->attrs[i].hint && !same_attr(&theirs->attrs[i], &ours->attrs[i]))
            return differ(m, theirs, ours,
                          hy_arena_printf(m->arena, "its attribute '%s' is %s, not %s", ours->op->attrs[i].name,
                                          print_attr(m, &theirs->attrs[i]), print_attr(m, &ours->attrs[i])));
    if (theirs->input_count != ours->input_count)
        return differ(m, theirs, ours, hy_arena_printf(m->arena, "it has %d inputs, not %d", theirs->input_count,
                                                       ours->input_count));
    for (int32_t i = 0; i < ours->input_count; i++)
        if (theirs->inputs[i].node != ours->inputs[i].node || theirs->inputs[i].out != ours->inputs[i].out)
            return differ(m, theirs, ours,
                          hy_arena_printf(m->arena, "its input %d is '%s:%d', where the other has '%s:%d'", i,
                                          their_graph->nodes[theirs->inputs[i].node].name, theirs->inputs[i].out,
                                          our_graph->nodes[ours->inputs[i].node].name, ours->inputs[i].out));
    return HAYA_OK;
}

static haya_status compare_graphs(const matcher *m, const hy_graph *theirs)
{
    const hy_graph *ours = &m->program->canonical;
    size_t common = theirs->node_count < ours->node_count ? theirs->node_count : ours->node_count;
    for (size_t i = 0; i < common; i++)
        HY_TRY(compare_node(m, theirs, i));
    if (theirs->node_count != ours->node_count) {
        const hy_graph *longer = theirs->node_count > common ? theirs : ours;
        return hy_fail(m->error, HAYA_ERROR_STRUCTURE, longer->nodes[common].name,
                       "%s: the fetches depend on %zu nodes, in %s on %zu; node '%s' is the first without a "
                       "counterpart",
                       model_path(m), theirs->node_count, program_path(m), ours->node_count,
                       longer->nodes[common].name);
    }
    for (size_t i = 0; i < ours->fetch_count; i++)
        if (theirs->fetches[i].node != ours->fetches[i].node || theirs->fetches[i].out != ours->fetches[i].out)
            return hy_fail(m->error, HAYA_ERROR_STRUCTURE, theirs->nodes[theirs->fetches[i].node].name,
                           "%s: output '%s' stands where %s has '%s'", model_path(m),
                           theirs->nodes[theirs->fetches[i].node].name, program_path(m),
                           ours->nodes[ours->fetches[i].node].name);
    return HAYA_OK;
}

/* ---- Inputs and outputs ------------------------------------------------------------------------------------------ */

static bool find_all(const matcher *m, const haya_value *values, size_t count, hy_edge *edges)
{
    for (size_t i = 0; i < count; i++)
        if (!hy_model_tensor(m->model, values[i].name, &edges[i]))
            return false;
    return true;
}

/* The fingerprint of one output alone. */
static haya_status fingerprint_output(const matcher *m, const hy_edge *feeds, size_t feed_count, hy_edge fetch,
                                      uint8_t fingerprint[16])
{
    hy_arena arena;
    hy_arena_init(&arena, &m->arena->host);
    hy_refusals refusals = {0};
    hy_graph graph;
    size_t slots;
    haya_status status = hy_trace(m->model, feeds, feed_count, &fetch, 1, &arena, &refusals, &graph, m->error);
    if (status == HAYA_OK && refusals.count == 0)
        status = hy_mark_structural(m->model, &graph, &arena, &refusals, &slots, m->error);
    memset(fingerprint, 0, 16);
    if (status == HAYA_OK && refusals.count == 0)
        hy_fingerprint(&graph, fingerprint);
    hy_arena_free(&arena);
    return status;
}

static haya_status refuse_isomorphic(const matcher *m, const hy_edge *feeds, size_t feed_count,
                                     const hy_edge *fetches, size_t fetch_count)
{
    uint8_t (*prints)[16] = hy_arena_alloc(m->arena, fetch_count, sizeof *prints);
    if (!prints)
        return hy_out_of_memory(m->error, "outputs");
    for (size_t i = 0; i < fetch_count; i++) {
        HY_TRY(fingerprint_output(m, feeds, feed_count, fetches[i], prints[i]));
        for (size_t k = 0; k < i; k++)
            if (memcmp(prints[i], prints[k], sizeof *prints) == 0)
                return hy_fail(m->error, HAYA_ERROR_STRUCTURE, m->model->nodes[fetches[i].node].name,
                               "%s: outputs '%s' and '%s' look alike, and neither has a name of %s: which is which is "
                               "ambiguous", model_path(m), m->model->nodes[fetches[k].node].name,
                               m->model->nodes[fetches[i].node].name, program_path(m));
    }
    return HAYA_OK;
}

static haya_status stand_in(const matcher *m, const char *what, const hy_edge *own, size_t own_count,
                            hy_edge *edges, size_t count, const char *missing)
{
    if (own_count != count)
        return hy_fail(m->error, HAYA_ERROR_STRUCTURE, missing, "%s: it has no tensor '%s', and its %zu %s can't stand "
                       "for the %zu of %s", model_path(m), missing, own_count, what, count, program_path(m));
    if (count)
        memcpy(edges, own, count * sizeof *edges);
    return HAYA_OK;
}

/* Placeholders that the outputs don't depend on are no inputs of a program made by default, so they aren't here. */
static haya_status used_inputs(const matcher *m, const hy_edge *fetches, size_t fetch_count, hy_edge *used,
                               size_t *count)
{
    hy_refusals refusals = {0};
    hy_graph graph;
    HY_TRY(hy_trace(m->model, m->model->inputs, m->model->input_count, fetches, fetch_count, m->arena, &refusals,
                    &graph, m->error));
    bool *seen = HY_ARENA_NEW(m->arena, bool, m->model->input_count);
    if (!seen)
        return hy_out_of_memory(m->error, "inputs");
    for (size_t i = 0; i < graph.node_count; i++)
        if (graph.nodes[i].feed >= 0)
            seen[graph.nodes[i].feed] = true;
    *count = 0;
    for (size_t i = 0; i < m->model->input_count; i++)
        if (seen[i])
            used[(*count)++] = m->model->inputs[i];
    return HAYA_OK;
}

static haya_status match_ends(const matcher *m, hy_edge *feeds, hy_edge *fetches)
{
    const haya_program *p = m->program;
    bool named = find_all(m, p->outputs, p->output_count, fetches);
    if (!named)
        HY_TRY(stand_in(m, "outputs", m->model->outputs, m->model->output_count, fetches, p->output_count,
                        p->output_count ? p->outputs[0].name : ""));
    if (!find_all(m, p->inputs, p->input_count, feeds)) {
        hy_edge *used = HY_ARENA_NEW(m->arena, hy_edge, m->model->input_count);
        size_t count = 0;
        if (!used)
            return hy_out_of_memory(m->error, "inputs");
        HY_TRY(used_inputs(m, fetches, p->output_count, used, &count));
        HY_TRY(stand_in(m, "inputs", used, count, feeds, p->input_count,
                        p->input_count ? p->inputs[0].name : ""));
    }
    return named || p->output_count < 2 ? HAYA_OK
         : refuse_isomorphic(m, feeds, p->input_count, fetches, p->output_count);
}

haya_status hy_program_match(const haya_program *program, const haya_model *model, hy_arena *arena,
                             const hy_node *const **slots, haya_error *error)
{
    matcher m = {program, model, arena, error};
    hy_edge *feeds = HY_ARENA_NEW(arena, hy_edge, program->input_count);
    hy_edge *fetches = HY_ARENA_NEW(arena, hy_edge, program->output_count);
    const hy_node **found = HY_ARENA_NEW(arena, const hy_node *, program->slot_count);
    if (!feeds || !fetches || !found)
        return hy_out_of_memory(error, "match");
    HY_TRY(match_ends(&m, feeds, fetches));
    hy_refusals refusals = {0};
    hy_graph graph;
    size_t slot_count;
    HY_TRY(hy_trace(model, feeds, program->input_count, fetches, program->output_count, arena, &refusals, &graph,
                    error));
    if (refusals.count == 0)
        HY_TRY(hy_mark_structural(model, &graph, arena, &refusals, &slot_count, error));
    if (refusals.count)
        return hy_fail(error, HAYA_ERROR_STRUCTURE, refusals.items[0].node, "%s: node '%s' (%s): %s",
                       model_path(&m), refusals.items[0].node, refusals.items[0].op, refusals.items[0].why);
    HY_TRY(compare_graphs(&m, &graph));
    for (size_t i = 0; i < graph.node_count; i++)
        if (graph.nodes[i].slot >= 0)
            found[graph.nodes[i].slot] = &graph.nodes[i];
    *slots = found;
    return HAYA_OK;
}
