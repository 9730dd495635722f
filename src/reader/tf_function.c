/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/tf_reader.h"

enum { GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1 };
enum { FUNCTION_SIGNATURE = 1, FUNCTION_NODE = 3, FUNCTION_RET = 4 };
enum { SIGNATURE_NAME = 1, SIGNATURE_INPUT = 2, SIGNATURE_OUTPUT = 3 };

typedef struct function_survey {
    hy_bytes name;
    size_t args, rets, nodes;
} function_survey;

static haya_status survey_signature(hy_tf_reader *reader, hy_bytes message, function_survey *found) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (field.number == SIGNATURE_NAME)
            found->name = field.bytes;
        found->args += field.number == SIGNATURE_INPUT;
        found->rets += field.number == SIGNATURE_OUTPUT;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status survey_function(hy_tf_reader *reader, hy_bytes message, function_survey *found) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (field.number == FUNCTION_SIGNATURE)
            HY_TRY(survey_signature(reader, field.bytes, found));
        found->nodes += field.number == FUNCTION_NODE;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status check_limits(hy_tf_reader *reader, const function_survey *found) {
    if (found->args > HY_LIMIT_ARGUMENTS || found->rets > HY_LIMIT_ARGUMENTS)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "it has %zu arguments and %zu outputs, more than %d",
                          found->args, found->rets, HY_LIMIT_ARGUMENTS);
    if (found->nodes > HY_LIMIT_NODES)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "it has %zu nodes, more than %d", found->nodes, HY_LIMIT_NODES);
    return HAYA_OK;
}

/* The two strings of an ArgDef's or a map entry's fields 1 and 2. */
static haya_status read_pair(hy_tf_reader *reader, hy_bytes message, hy_bytes *first, hy_bytes *second) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    *first = *second = (hy_bytes){0};
    while (hy_wire_next(&wire, &field)) {
        if (field.type == HY_WIRE_LENGTH && field.number == 1)
            *first = field.bytes;
        else if (field.type == HY_WIRE_LENGTH && field.number == 2)
            *second = field.bytes;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status add_argument(hy_tf_reader *reader, hy_bytes message, size_t capacity, const char **names,
                                size_t *count) {
    hy_bytes name, unused;
    if (*count == capacity)
        return hy_tf_changed(reader);
    HY_TRY(read_pair(reader, message, &name, &unused));
    return hy_tf_name(reader, name, "the name of an argument or output", &names[(*count)++]);
}

static haya_status read_signature(hy_tf_reader *reader, hy_bytes message, const function_survey *found,
                                  hy_function *function, const char **args, const char **rets) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (field.number == SIGNATURE_INPUT)
            HY_TRY(add_argument(reader, field.bytes, found->args, args, &function->arg_count));
        else if (field.number == SIGNATURE_OUTPUT)
            HY_TRY(add_argument(reader, field.bytes, found->rets, rets, &function->ret_count));
    }
    return hy_tf_check(reader, &wire);
}

/* Reads args, rets and their names. */
static haya_status read_signatures(hy_tf_reader *reader, hy_bytes message, const function_survey *found,
                                   hy_function *function) {
    void *args, *rets;
    HY_TRY(hy_tf_array(reader, found->args, sizeof(char *), &args));
    HY_TRY(hy_tf_array(reader, found->rets, sizeof(char *), &rets));
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field))
        if (field.number == FUNCTION_SIGNATURE && field.type == HY_WIRE_LENGTH)
            HY_TRY(read_signature(reader, field.bytes, found, function, args, rets));
    HY_TRY(hy_tf_check(reader, &wire));
    function->args = args;
    function->rets = rets;
    return HAYA_OK;
}

static haya_status index_outputs(hy_tf_reader *reader, const hy_function *function) {
    if (!hy_names_reset(&reader->names, function->ret_count))
        return hy_out_of_memory(reader->error, "the table of a function's outputs");
    for (size_t i = 0; i < function->ret_count; i++) {
        size_t index = i;
        hy_names_result result = hy_names_add(&reader->names, function->rets[i], &index);
        if (result == HY_NAMES_FOUND)
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "it has two outputs named '%s'", function->rets[i]);
        if (result == HY_NAMES_REFUSED)
            return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "too many of its output names share a hash");
    }
    return HAYA_OK;
}

/* What each output returns, from a map whose entries come in any order. */
static haya_status read_values(hy_tf_reader *reader, hy_bytes message, hy_function *function) {
    void *memory;
    HY_TRY(hy_tf_array(reader, function->ret_count, sizeof(char *), &memory));
    HY_TRY(index_outputs(reader, function));
    const char **values = memory;
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.number != FUNCTION_RET || field.type != HY_WIRE_LENGTH)
            continue;
        hy_bytes key, value;
        const char *name;
        size_t index;
        HY_TRY(read_pair(reader, field.bytes, &key, &value));
        HY_TRY(hy_tf_name(reader, key, "the name of an output", &name));
        if (hy_names_find(&reader->names, name, &index))
            HY_TRY(hy_tf_name(reader, value, "the value of an output", &values[index]));
    }
    HY_TRY(hy_tf_check(reader, &wire));
    for (size_t i = 0; i < function->ret_count; i++)
        if (!values[i])
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "it has no value for its output '%s'", function->rets[i]);
    function->values = values;
    return HAYA_OK;
}

static haya_status read_function(hy_tf_reader *reader, hy_bytes message, hy_function *function) {
    function_survey found = {0};
    HY_TRY(survey_function(reader, message, &found));
    HY_TRY(hy_tf_name(reader, found.name, "the name of a function", &function->name));
    reader->function = function->name;
    HY_TRY(check_limits(reader, &found));
    HY_TRY(read_signatures(reader, message, &found, function));
    HY_TRY(read_values(reader, message, function));
    void *nodes;
    HY_TRY(hy_tf_array(reader, found.nodes, sizeof(hy_record), &nodes));
    function->nodes = nodes;
    function->node_count = found.nodes;
    HY_TRY(hy_tf_nodes(reader, message, FUNCTION_NODE, nodes, found.nodes));
    reader->function = NULL;
    return HAYA_OK;
}

static haya_status count_functions(hy_tf_reader *reader, hy_bytes library, size_t *count) {
    hy_wire wire = hy_wire_begin(library);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field))
        *count += field.number == LIBRARY_FUNCTION && field.type == HY_WIRE_LENGTH;
    return hy_tf_check(reader, &wire);
}

static haya_status read_library(hy_tf_reader *reader, hy_bytes library, hy_function *functions, size_t capacity,
                                size_t *count) {
    hy_wire wire = hy_wire_begin(library);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.number != LIBRARY_FUNCTION || field.type != HY_WIRE_LENGTH)
            continue;
        if (*count == capacity)
            return hy_tf_changed(reader);
        HY_TRY(read_function(reader, field.bytes, &functions[*count]));
        *count += 1;
    }
    return hy_tf_check(reader, &wire);
}

static haya_status refuse_duplicates(hy_tf_reader *reader, const hy_function *functions, size_t count) {
    if (!hy_names_reset(&reader->names, count))
        return hy_out_of_memory(reader->error, "the table of function names");
    for (size_t i = 0; i < count; i++) {
        size_t index = i;
        hy_names_result result = hy_names_add(&reader->names, functions[i].name, &index);
        if (result == HY_NAMES_FOUND)
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "there are two functions named '%s'", functions[i].name);
        if (result == HY_NAMES_REFUSED)
            return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "too many function names share a hash");
    }
    return HAYA_OK;
}

haya_status hy_tf_functions(hy_tf_reader *reader, hy_bytes graph, hy_records *records) {
    size_t capacity = 0, count = 0;
    hy_wire_field field;
    for (hy_wire wire = hy_wire_begin(graph); hy_wire_next(&wire, &field);)
        if (field.number == GRAPH_LIBRARY && field.type == HY_WIRE_LENGTH)
            HY_TRY(count_functions(reader, field.bytes, &capacity));
    if (capacity > HY_LIMIT_FUNCTIONS)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "the graph has %zu functions, more than %d", capacity,
                          HY_LIMIT_FUNCTIONS);
    void *functions;
    HY_TRY(hy_tf_array(reader, capacity, sizeof(hy_function), &functions));
    for (hy_wire wire = hy_wire_begin(graph); hy_wire_next(&wire, &field);)
        if (field.number == GRAPH_LIBRARY && field.type == HY_WIRE_LENGTH)
            HY_TRY(read_library(reader, field.bytes, functions, capacity, &count));
    records->functions = functions;
    records->function_count = count;
    return refuse_duplicates(reader, functions, count);
}
