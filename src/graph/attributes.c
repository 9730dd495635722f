/* SPDX-License-Identifier: Apache-2.0
 *
 * A record seen through its operation's row: attributes with defaults, and the outputs that the row's notation
 * ("y:T batch_mean:U", "output:num_split*T", "output:Tout", "shape:@int32") gives it.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

/* Beyond it the count is taken for damage. */
#define MAX_NODE_OUTPUTS 65536

static bool is_list(hy_attr_kind kind)
{
    return kind >= HY_ATTR_LIST_INT && kind <= HY_ATTR_LIST_SHAPE;
}

/* What a reason that could not be written down stands for. */
static const char no_memory[] = "";

static const char *said(const char *reason)
{
    return reason ? reason : no_memory;
}

/* NULL, or why `given` can't stand for `def`. */
static const char *take_attr(const hy_attr_def *def, const hy_attr *given, hy_attr *value, hy_arena *arena)
{
    *value = def->fallback;
    value->name = def->name;
    value->kind = def->kind;
    if (def->kind == HY_ATTR_STRING && value->s)
        value->count = (int64_t)strlen(value->s);
    if (def->hint)
        return NULL;
    if (!given)
        return def->required ? said(hy_arena_printf(arena, "attribute '%s' is missing", def->name)) : NULL;
    if (given->kind == HY_ATTR_LIST_EMPTY && is_list(def->kind)) {
        value->count = 0;
        return NULL;
    }
    if (given->kind != def->kind)
        return said(hy_arena_printf(arena, "attribute '%s' is of another kind than expected", def->name));
    if (given->kind == HY_ATTR_TYPE && given->type == HAYA_INVALID)
        return said(hy_arena_printf(arena, "type %s is not supported (attribute '%s')", given->type_name, def->name));
    if (given->kind == HY_ATTR_TYPE && def->types && !(def->types >> given->type & 1))
        return said(hy_arena_printf(arena, "dtype %s is not supported (attribute '%s')", haya_dtype_name(given->type),
                                    def->name));
    *value = *given;
    value->name = def->name;
    return NULL;
}

static bool row_lists(const hy_op *op, const char *name)
{
    for (size_t i = 0; op->attrs && op->attrs[i].name; i++)
        if (strcmp(op->attrs[i].name, name) == 0)
            return true;
    return false;
}

haya_status hy_op_attrs(const hy_op *op, const hy_record *record, hy_arena *arena, const hy_attr **attrs,
                        const char **why, haya_error *error)
{
    size_t count = 0;
    while (op->attrs && op->attrs[count].name)
        count++;
    hy_attr *values = HY_ARENA_NEW(arena, hy_attr, count);
    if (!values)
        return hy_out_of_memory(error, record->name);
    *attrs = values;
    *why = NULL;
    for (size_t i = 0; i < count && !*why; i++)
        *why = take_attr(&op->attrs[i], hy_record_attr(record, op->attrs[i].name), &values[i], arena);
    for (size_t i = 0; i < record->attr_count && !*why; i++)
        if (!row_lists(op, record->attrs[i].name))
            *why = said(hy_arena_printf(arena, "attribute '%s' is not known", record->attrs[i].name));
    return *why == no_memory ? hy_out_of_memory(error, record->name) : HAYA_OK;
}

/* One "argument:type" of the notation. */
typedef struct output_argument {
    const char *name;
    size_t name_length;
    const char *type;   /* "T", "@int32" */
    size_t type_length;
    const hy_attr *types; /* a list of types: the attribute */
    int64_t count;      /* outputs; -1: an attribute is missing */
} output_argument;

/* The record's attribute or the row's default; NULL when there is none, or none of that kind. */
static const hy_attr *find_attr(const hy_op *op, const hy_record *record, const char *name, size_t length,
                                hy_attr_kind kind)
{
    for (size_t i = 0; i < record->attr_count; i++) {
        const hy_attr *attr = &record->attrs[i];
        if (strlen(attr->name) == length && memcmp(attr->name, name, length) == 0)
            return attr->kind == kind || (is_list(kind) && attr->kind == HY_ATTR_LIST_EMPTY) ? attr : NULL;
    }
    for (size_t i = 0; op->attrs && op->attrs[i].name; i++)
        if (strlen(op->attrs[i].name) == length && memcmp(op->attrs[i].name, name, length) == 0)
            return op->attrs[i].required || op->attrs[i].kind != kind ? NULL : &op->attrs[i].fallback;
    return NULL;
}

static bool attr_is_type_list(const hy_op *op, const char *name, size_t length)
{
    for (size_t i = 0; op->attrs && op->attrs[i].name; i++)
        if (strlen(op->attrs[i].name) == length && memcmp(op->attrs[i].name, name, length) == 0)
            return op->attrs[i].kind == HY_ATTR_LIST_TYPE;
    return false;
}

/* Reads the argument at *text and moves past it; false at the end. */
static bool next_output(const hy_op *op, const hy_record *record, const char **text, output_argument *argument)
{
    const char *at = *text;
    while (*at == ' ')
        at++;
    if (!*at)
        return false;
    size_t length = strcspn(at, " ");
    const char *colon = memchr(at, ':', length);
    const char *type = colon + 1, *end = at + length;
    *argument = (output_argument){.name = at, .name_length = (size_t)(colon - at), .type = type, .count = 1};
    const char *star = memchr(type, '*', (size_t)(end - type));
    if (star) {
        const hy_attr *number = find_attr(op, record, type, (size_t)(star - type), HY_ATTR_INT);
        argument->count = number && number->i >= 0 && number->i <= INT32_MAX ? number->i : -1;
        argument->type = star + 1;
    }
    argument->type_length = (size_t)(end - argument->type);
    if (attr_is_type_list(op, argument->type, argument->type_length)) {
        argument->types = find_attr(op, record, argument->type, argument->type_length,
                                    HY_ATTR_LIST_TYPE);
        argument->count = argument->types ? argument->types->count : -1;
    }
    *text = end;
    return true;
}

int32_t hy_op_output_count(const hy_op *op, const hy_record *record)
{
    const char *text = op->outputs ? op->outputs : "";
    output_argument argument;
    int64_t total = 0;
    while (next_output(op, record, &text, &argument)) {
        if (argument.count < 0 || total + argument.count > MAX_NODE_OUTPUTS)
            return -1;
        total += argument.count;
    }
    return (int32_t)total;
}

static haya_dtype fixed_dtype(const char *name, size_t length)
{
    for (int dtype = HAYA_FLOAT32; dtype <= HAYA_BOOL; dtype++)
        if (strlen(haya_dtype_name((haya_dtype)dtype)) == length
            && memcmp(haya_dtype_name((haya_dtype)dtype), name, length) == 0)
            return (haya_dtype)dtype;
    return HAYA_INVALID;
}

haya_dtype hy_op_output_dtype(const hy_op *op, const hy_record *record, int32_t out)
{
    const char *text = op->outputs ? op->outputs : "";
    output_argument argument;
    int64_t first = 0;
    while (next_output(op, record, &text, &argument)) {
        if (argument.count < 0)
            return HAYA_INVALID;
        if (out < first + argument.count) {
            if (argument.types)
                return argument.types->types[out - first];
            if (argument.type[0] == '@')
                return fixed_dtype(argument.type + 1, argument.type_length - 1);
            const hy_attr *attr = find_attr(op, record, argument.type, argument.type_length, HY_ATTR_TYPE);
            return attr ? attr->type : HAYA_INVALID;
        }
        first += argument.count;
    }
    return HAYA_INVALID;
}

int32_t hy_op_output_first(const hy_op *op, const hy_record *record, const char *name, size_t length)
{
    const char *text = op->outputs ? op->outputs : "";
    output_argument argument;
    int64_t first = 0;
    while (next_output(op, record, &text, &argument)) {
        if (argument.name_length == length && memcmp(argument.name, name, length) == 0)
            return (int32_t)first;
        if (argument.count < 0)
            return -1;
        first += argument.count;
    }
    return -1;
}
