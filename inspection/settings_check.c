/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"
#include "settings_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file_of(const settings *s) {
    return s->path ? s->path : "the defaults";
}

/* The tensor's name without the ":0" that stands for nothing; and the length of its node's. */
static char *plain_name(const char *name, size_t *node_length) {
    size_t length = strlen(name);
    const char *colon = strrchr(name, ':');
    *node_length = colon ? (size_t)(colon - name) : length;
    char *copy = settings_copy(name);
    if (copy && colon && strcmp(colon, ":0") == 0) {
        copy[*node_length] = '\0';
    }
    return copy;
}

/* Whether the model has the tensor, "node" or "node:k"; only a program tells how many outputs a node has. */
static bool has_tensor(haya_model *model, const char *name, size_t node_length) {
    haya_model_info info;
    haya_model_get_info(model, &info);
    bool found = false;
    for (size_t i = 0; i < info.node_count && !found; i++) {
        haya_node node;
        haya_model_node(model, i, &node);
        found = strlen(node.name) == node_length && memcmp(node.name, name, node_length) == 0;
    }
    const char *suffix = name + node_length;
    if (!found || *suffix == '\0' || strcmp(suffix, ":0") == 0) {
        return found;
    }
    haya_program *program;
    haya_program_options options = {.struct_size = sizeof options, .fetches = &name, .fetch_count = 1};
    haya_status status = haya_program_create(model, &options, &program, NULL);
    haya_program_free(program);
    return status != HAYA_ERROR_NOT_FOUND;
}

/* The tensor by its plain name to be freed, *found; a name that the model lacks is refused. */
static haya_status find_tensor(const settings *s, haya_model *model, const char *key, const char *name,
                               char **found, haya_error *error) {
    size_t length;
    free(*found);
    *found = plain_name(name, &length);
    if (!*found) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to check it", file_of(s));
    }
    if (has_tensor(model, name, length)) {
        return HAYA_OK;
    }
    free(*found);
    *found = NULL;
    haya_model_info info;
    haya_model_get_info(model, &info);
    return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "%s: key '%s' is '%s', which %s does not have", file_of(s),
                           key, name, info.path);
}

static haya_status check_input(settings *s, haya_model *model, haya_error *error) {
    haya_value first;
    if (s->input.tensor) {
        return find_tensor(s, model, "input.tensor", s->input.tensor, &s->input.feed, error);
    }
    free(s->input.feed);
    s->input.feed = NULL;
    if (haya_model_input(model, 0, &first) != HAYA_OK) {
        return HAYA_OK; /* a model without inputs has no pictures either */
    }
    return find_tensor(s, model, "input.tensor", first.name, &s->input.feed, error);
}

/* The shape of one of the model's outputs or, if `inputs`, inputs; unknown where it is another tensor. */
static haya_shape known_shape(haya_model *model, bool inputs, const char *name) {
    haya_value value;
    for (size_t i = 0; name; i++) {
        if ((inputs ? haya_model_input(model, i, &value) : haya_model_output(model, i, &value)) != HAYA_OK) {
            break;
        }
        if (strcmp(value.name, name) == 0) {
            return value.shape;
        }
    }
    return (haya_shape){.rank = -1};
}

static haya_status check_class(settings *s, size_t index, haya_model *model, haya_error *error) {
    settings_map *map = &s->classes[index].map;
    char key[48];
    snprintf(key, sizeof key, "classes[%zu].map.output", index);
    haya_value output;
    if (!map->output && haya_model_output(model, (size_t)map->output_index, &output) != HAYA_OK) {
        haya_model_info info;
        haya_model_get_info(model, &info);
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND,
                               "%s: key '%s' is %" PRId64 ", and %s has %zu output%s, counted from 0", file_of(s),
                               key, map->output_index, info.path, info.output_count,
                               info.output_count == 1 ? "" : "s");
    }
    haya_status status = find_tensor(s, model, key, map->output ? map->output : output.name, &map->fetch, error);
    if (status != HAYA_OK) {
        return status;
    }
    haya_shape shape = known_shape(model, false, map->fetch), input = known_shape(model, true, s->input.feed);
    return settings_check_map(s, index, &shape, &input, error);
}

haya_status settings_check_model(settings *s, haya_model *model, haya_error *error) {
    haya_status status = check_input(s, model, error);
    for (size_t i = 0; i < s->class_count && status == HAYA_OK; i++) {
        status = check_class(s, i, model, error);
    }
    return status;
}

/* ---- Shapes ------------------------------------------------------------------------------------------------- */

static bool is_open(int64_t dim) {
    return dim < 0;
}

static bool may_be_equal(const haya_shape *a, const haya_shape *b) {
    bool equal = a->rank < 0 || b->rank < 0 || a->rank == b->rank;
    for (int32_t i = 0; equal && i < a->rank && i < b->rank; i++) {
        equal = is_open(a->dims[i]) || is_open(b->dims[i]) || a->dims[i] == b->dims[i];
    }
    return equal;
}

static haya_status refuse_map(const settings *s, size_t index, const char *key, const haya_shape *output,
                              haya_error *error, const char *why) {
    return inspection_fail(error, HAYA_ERROR_SHAPE, "%s: key 'classes[%zu].map%s': output '%s' is %s, %s",
                           file_of(s), index, key, s->classes[index].map.fetch, inspection_shape(output).s, why);
}

haya_status settings_check_map(const settings *s, size_t index, const haya_shape *output, const haya_shape *input,
                               haya_error *error) {
    const settings_map *map = &s->classes[index].map;
    if (output->rank < 0) {
        return HAYA_OK;
    }
    bool fits = output->rank >= 2 && output->rank <= 4;
    for (int32_t i = output->rank == 2 ? 0 : 1; fits && i < output->rank; i++) {
        int64_t dim = output->dims[i];
        fits = is_open(dim) || (dim >= 1 && dim <= 65536);
    }
    if (!fits) {
        return refuse_map(s, index, ".output", output, error, "not [1,height,width,channels] or [1,height,width]");
    }
    char why[256];
    int64_t channels = output->rank == 4 ? output->dims[3] : 1;
    if (map->channel >= 0 && !is_open(channels) && map->channel >= channels) {
        snprintf(why, sizeof why, "which has no channel %" PRId32 ", counted from 0", map->channel);
        return refuse_map(s, index, ".channel", output, error, why);
    }
    if (map->type == SETTINGS_MAP_OUTPUT && map->channel < 0 && channels > 1) {
        snprintf(why, sizeof why, "so one of the channels 0 to %" PRId64 " must be named", channels - 1);
        return refuse_map(s, index, ".channel", output, error, why);
    }
    if (map->type == SETTINGS_MAP_RECONSTRUCTION && (!input || !may_be_equal(output, input))) {
        snprintf(why, sizeof why, "and a reconstruction must have the shape of the input, %s",
                 input ? inspection_shape(input).s : "which the model has not");
        return refuse_map(s, index, ".type", output, error, why);
    }
    return HAYA_OK;
}

/* A program of the classes' outputs, in their order; NULL: not to be had. */
static haya_program *program_of(const settings *s, haya_model *model) {
    const char **names = malloc(s->class_count * sizeof *names);
    haya_program *program = NULL;
    for (size_t i = 0; names && i < s->class_count; i++) {
        names[i] = s->classes[i].map.fetch;
    }
    if (names) {
        haya_program_options options = {.struct_size = sizeof options, .fetches = names,
                                        .fetch_count = s->class_count};
        haya_program_create(model, &options, &program, NULL);
    }
    free(names);
    return program;
}

/* Its plan for a batch of one; NULL: not to be had. */
static haya_plan *plan_of(const haya_program *program) {
    haya_program_info info;
    haya_program_get_info(program, &info);
    haya_shape *shapes = malloc((info.input_count + 1) * sizeof *shapes);
    for (size_t i = 0; shapes && i < info.input_count; i++) {
        haya_value value;
        haya_program_input(program, i, &value);
        shapes[i] = value.shape;
        if (shapes[i].rank > 0 && is_open(shapes[i].dims[0])) {
            shapes[i].dims[0] = 1;
        }
    }
    haya_plan *plan = NULL;
    if (shapes) {
        haya_plan_create(program, shapes, info.input_count, NULL, &plan, NULL);
    }
    free(shapes);
    return plan;
}

haya_status settings_check_shapes(const settings *s, haya_model *model, haya_error *error) {
    haya_program *program = s->class_count > 0 ? program_of(s, model) : NULL;
    haya_plan *plan = program ? plan_of(program) : NULL;
    haya_shape input = {.rank = -1};
    haya_value value;
    for (size_t i = 0; plan && s->input.feed && haya_plan_input(plan, i, &value) == HAYA_OK; i++) {
        input = strcmp(value.name, s->input.feed) == 0 ? value.shape : input;
    }
    haya_status status = HAYA_OK;
    for (size_t i = 0; plan && i < s->class_count && status == HAYA_OK; i++) {
        haya_plan_output(plan, i, &value);
        status = settings_check_map(s, i, &value.shape, &input, error);
    }
    haya_plan_free(plan);
    haya_program_free(program);
    return status;
}

/* ---- Defaults ----------------------------------------------------------------------------------------------- */

/* "dir/class1.pb" is "class1"; of several classes the first is "class1 1". */
static char *default_name(const char *path, size_t index, size_t count) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length > 3 && strcmp(base + length - 3, ".pb") == 0) {
        length -= 3;
    }
    char *name = malloc(length + 32);
    if (name && count == 1) {
        snprintf(name, length + 32, "%.*s", (int)length, base);
    } else if (name) {
        snprintf(name, length + 32, "%.*s %zu", (int)length, base, index + 1);
    }
    return name;
}

haya_status settings_complete(settings *s, haya_model *model, const haya_shape *output, haya_error *error) {
    if (s->class_count > 0) {
        return HAYA_OK;
    }
    int64_t channels = output->rank == 4 && output->dims[3] > 0 ? output->dims[3] : 1;
    size_t count = channels > SETTINGS_MAX_CLASSES ? SETTINGS_MAX_CLASSES : (size_t)channels;
    haya_model_info info;
    haya_model_get_info(model, &info);
    s->classes = calloc(count, sizeof *s->classes);
    bool ok = s->classes != NULL;
    for (size_t i = 0; i < count && ok; i++) {
        s->classes[i] = settings_default_class(i);
        s->classes[i].map.channel = count > 1 ? (int32_t)i : -1;
        s->classes[i].name = default_name(info.path, i, count);
        s->class_count = i + 1;
        ok = s->classes[i].name != NULL;
    }
    if (!ok) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory for its classes", info.path);
    }
    return settings_check_model(s, model, error);
}
