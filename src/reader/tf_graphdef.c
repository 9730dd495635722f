/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/tf_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTR = 5 };

/* ---- What all parts share ---------------------------------------------------------------------------------- */

haya_status hy_tf_fail(hy_tf_reader *reader, haya_status status, const char *format, ...) {
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    hy_text_format(message, sizeof message, format, arguments);
    va_end(arguments);
    const char *function = reader->function, *node = reader->node, *attr = reader->attr;
    return hy_fail(reader->error, status, node, "%s%.256s%s%s%.256s%s%s%.256s%s%s", function ? "function '" : "",
                   function ? function : "", function ? "': " : "", node ? "node '" : "", node ? node : "",
                   node ? "': " : "", attr ? "attribute '" : "", attr ? attr : "", attr ? "': " : "", message);
}

static size_t offset_of(const hy_tf_reader *reader, const uint8_t *at) {
    return at ? (size_t)(at - reader->data) : 0;
}

haya_status hy_tf_check(hy_tf_reader *reader, const hy_wire *wire) {
    if (!wire->fault)
        return HAYA_OK;
    return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "damaged at byte %zu: %s", offset_of(reader, wire->at),
                      hy_wire_fault_text(wire->fault));
}

haya_status hy_tf_changed(hy_tf_reader *reader) {
    return hy_tf_fail(reader, HAYA_ERROR_FILE_CHANGED, "the file changed while it was read");
}

haya_status hy_tf_array(hy_tf_reader *reader, size_t count, size_t size, void **array) {
    if (reader->arena->total > HY_LIMIT_STRUCTURE + reader->value_bytes)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "the graph without its constants takes more than %u MiB",
                          HY_LIMIT_STRUCTURE >> 20);
    *array = hy_arena_alloc(reader->arena, count ? count : 1, size);
    return *array ? HAYA_OK : hy_out_of_memory(reader->error, "the graph's records");
}

haya_status hy_tf_name(hy_tf_reader *reader, hy_bytes bytes, const char *what, const char **name) {
    if (bytes.size == 0)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "%s is empty", what);
    if (bytes.size > HY_LIMIT_NAME)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "%s has %zu bytes, more than %d", what, bytes.size,
                          HY_LIMIT_NAME);
    void *copy;
    HY_TRY(hy_tf_array(reader, bytes.size + 1, 1, &copy));
    memcpy(copy, bytes.data, bytes.size);
    if (memchr(copy, 0, bytes.size))
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "%s, '%s...', has a zero byte inside", what, (char *)copy);
    *name = copy;
    return HAYA_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------- */

typedef struct node_survey {
    hy_bytes name, op;
    size_t inputs, attrs;
} node_survey;

static haya_status survey_node(hy_tf_reader *reader, hy_bytes message, node_survey *found) {
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (field.number == NODE_NAME) {
            found->name = field.bytes;
        } else if (field.number == NODE_OP) {
            found->op = field.bytes;
        } else if (field.number == NODE_INPUT) {
            found->inputs++;
        } else if (field.number == NODE_ATTR) {
            hy_bytes key;
            bool keep;
            HY_TRY(hy_tf_attr_key(reader, field.bytes, &key, &keep));
            found->attrs += keep;
        }
    }
    return hy_tf_check(reader, &wire);
}

static haya_status check_limits(hy_tf_reader *reader, const node_survey *found) {
    if (found->inputs > HY_LIMIT_INPUTS)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "it has %zu inputs, more than %d", found->inputs,
                          HY_LIMIT_INPUTS);
    if (found->attrs > HY_LIMIT_ATTRS)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "it has %zu attributes, more than %d", found->attrs,
                          HY_LIMIT_ATTRS);
    return HAYA_OK;
}

/* Adds the attribute to `attrs`, or overwrites the one of the same name: the last one counts. */
static haya_status add_attr(hy_tf_reader *reader, hy_bytes entry, hy_attr *attrs, size_t capacity, size_t *count) {
    hy_bytes key;
    bool keep;
    HY_TRY(hy_tf_attr_key(reader, entry, &key, &keep));
    if (!keep)
        return HAYA_OK;
    if (*count == capacity)
        return hy_tf_changed(reader);
    const char *name;
    HY_TRY(hy_tf_name(reader, key, "the name of an attribute", &name));
    size_t index = *count;
    hy_names_result result = hy_names_add(&reader->attr_names, name, &index);
    if (result == HY_NAMES_REFUSED)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "too many of its attribute names share a hash");
    if (result == HY_NAMES_ADDED)
        attrs[(*count)++].name = name;
    reader->attr = name;
    HY_TRY(hy_tf_attr(reader, entry, &attrs[index]));
    reader->attr = NULL;
    return HAYA_OK;
}

/* The second walk over a node, now that its inputs and attributes are counted. */
static haya_status fill_node(hy_tf_reader *reader, hy_bytes message, const node_survey *found, hy_record *record) {
    void *inputs, *attrs;
    HY_TRY(hy_tf_array(reader, found->inputs, sizeof(char *), &inputs));
    HY_TRY(hy_tf_array(reader, found->attrs, sizeof(hy_attr), &attrs));
    if (!hy_names_reset(&reader->attr_names, found->attrs))
        return hy_out_of_memory(reader->error, "the table of attribute names");
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field)) {
        if (field.type != HY_WIRE_LENGTH)
            continue;
        if (field.number == NODE_INPUT) {
            if (record->input_count == found->inputs)
                return hy_tf_changed(reader);
            const char **input = &((const char **)inputs)[record->input_count++];
            HY_TRY(hy_tf_name(reader, field.bytes, "the name of an input", input));
        } else if (field.number == NODE_ATTR) {
            HY_TRY(add_attr(reader, field.bytes, attrs, found->attrs, &record->attr_count));
        }
    }
    HY_TRY(hy_tf_check(reader, &wire));
    record->inputs = inputs;
    record->attrs = attrs;
    return HAYA_OK;
}

haya_status hy_tf_node(hy_tf_reader *reader, hy_bytes message, hy_record *record) {
    node_survey found = {0};
    HY_TRY(survey_node(reader, message, &found));
    if (found.name.size == 0)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "the node at byte %zu has no name",
                          offset_of(reader, message.data));
    HY_TRY(hy_tf_name(reader, found.name, "the name of a node", &record->name));
    reader->node = record->name;
    HY_TRY(check_limits(reader, &found));
    HY_TRY(hy_tf_name(reader, found.op, "the name of its operation", &record->op));
    HY_TRY(fill_node(reader, message, &found, record));
    reader->node = NULL;
    return HAYA_OK;
}

haya_status hy_tf_nodes(hy_tf_reader *reader, hy_bytes message, uint32_t number, hy_record *nodes, size_t count) {
    if (!hy_names_reset(&reader->names, count))
        return hy_out_of_memory(reader->error, "the table of node names");
    hy_wire wire = hy_wire_begin(message);
    hy_wire_field field;
    size_t read = 0;
    while (hy_wire_next(&wire, &field)) {
        if (field.number != number || field.type != HY_WIRE_LENGTH)
            continue;
        if (read == count)
            return hy_tf_changed(reader);
        HY_TRY(hy_tf_node(reader, field.bytes, &nodes[read]));
        reader->node = nodes[read].name;
        size_t index = read;
        hy_names_result result = hy_names_add(&reader->names, nodes[read].name, &index);
        if (result == HY_NAMES_FOUND)
            return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "there are two nodes of this name, number %zu and %zu",
                              index, read);
        if (result == HY_NAMES_REFUSED)
            return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "too many node names share a hash");
        reader->node = NULL;
        read++;
    }
    HY_TRY(hy_tf_check(reader, &wire));
    return read == count ? HAYA_OK : hy_tf_changed(reader);
}

/* ---- The graph --------------------------------------------------------------------------------------------- */

/* The name of a node that the file's end cuts, if that much of it is there; else "". */
static const char *cut_name(hy_tf_reader *reader, hy_bytes cut) {
    hy_wire wire = hy_wire_begin(cut);
    hy_wire_field field;
    while (hy_wire_next(&wire, &field))
        if (field.number == NODE_NAME && field.type == HY_WIRE_LENGTH && field.bytes.size <= HY_LIMIT_NAME) {
            char *name = hy_arena_string(reader->arena, (const char *)field.bytes.data, field.bytes.size);
            return name ? name : "";
        }
    return "";
}

static haya_status truncated(hy_tf_reader *reader, const hy_wire *wire, const hy_wire_field *cut, size_t nodes) {
    size_t start = offset_of(reader, wire->at);
    if (cut->number == GRAPH_LIBRARY)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "the file ends at byte %zu, within the function library that "
                          "begins at byte %zu; it seems to be truncated", reader->size, start);
    if (cut->number != GRAPH_NODE)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "the file ends at byte %zu, within a field that begins at "
                          "byte %zu, after %zu nodes; it seems to be truncated", reader->size, start, nodes);
    const char *name = cut_name(reader, cut->bytes);
    reader->node = name[0] ? name : NULL;
    return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "the file ends at byte %zu, within the node%s that begins at byte "
                      "%zu, after %zu whole nodes; it seems to be truncated", reader->size,
                      name[0] ? "" : " (its name is cut off)", start, nodes);
}

/* A node, whole or cut, with its name first, as all writers put it. */
static bool looks_like_node(const hy_wire_field *field) {
    bool node = field->number == GRAPH_NODE && field->type == HY_WIRE_LENGTH;
    return node && (field->bytes.size == 0 || field->bytes.data[0] == (NODE_NAME << 3 | HY_WIRE_LENGTH));
}

/* Counts the nodes, and finds out whether the bytes are a GraphDef at all, and a whole one. */
static haya_status survey_graph(hy_tf_reader *reader, hy_bytes graph, size_t *nodes) {
    hy_wire wire = hy_wire_begin(graph);
    hy_wire_field field;
    bool plausible = false;
    *nodes = 0;
    while (hy_wire_next(&wire, &field)) {
        *nodes += field.number == GRAPH_NODE && field.type == HY_WIRE_LENGTH;
        plausible = plausible || looks_like_node(&field);
    }
    plausible = plausible || looks_like_node(&field); /* the one that is cut, if any */
    if (wire.fault && !plausible)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "this is not a frozen TensorFlow GraphDef, or a damaged one "
                          "(at byte %zu %s)", offset_of(reader, wire.at), hy_wire_fault_text(wire.fault));
    if (wire.fault == HY_WIRE_SHORT)
        return truncated(reader, &wire, &field, *nodes);
    HY_TRY(hy_tf_check(reader, &wire));
    if (*nodes == 0)
        return hy_tf_fail(reader, HAYA_ERROR_FORMAT, "this is not a frozen TensorFlow GraphDef: it has no nodes");
    if (*nodes > HY_LIMIT_NODES)
        return hy_tf_fail(reader, HAYA_ERROR_LIMIT, "the graph has %zu nodes, more than %d", *nodes,
                          HY_LIMIT_NODES);
    return HAYA_OK;
}

static haya_status read_graph(hy_tf_reader *reader, hy_records *records) {
    hy_bytes graph = {reader->data, reader->size};
    HY_TRY(survey_graph(reader, graph, &records->node_count));
    void *nodes;
    HY_TRY(hy_tf_array(reader, records->node_count, sizeof(hy_record), &nodes));
    records->nodes = nodes;
    HY_TRY(hy_tf_nodes(reader, graph, GRAPH_NODE, nodes, records->node_count));
    return hy_tf_functions(reader, graph, records);
}

haya_status hy_tf_read(const hy_file *file, hy_arena *arena, hy_records *records, haya_error *error) {
    hy_tf_reader reader = {.data = hy_file_data(file), .size = hy_file_size(file), .arena = arena, .error = error};
    hy_names_init(&reader.names, &arena->host);
    hy_names_init(&reader.attr_names, &arena->host);
    *records = (hy_records){.format = "tensorflow-graphdef"};
    haya_status status = read_graph(&reader, records);
    hy_names_free(&reader.names);
    hy_names_free(&reader.attr_names);
    if (status != HAYA_OK)
        *records = (hy_records){0};
    return status;
}
