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

/* The tensor by its plain name to be freed, *found; a name that the model lacks is refused. */
static haya_status find_tensor(const settings *s, const haya_model *model, const char *key, const char *name,
                               char **found, haya_error *error) {
    haya_model_info info;
    haya_model_get_info(model, &info);
    size_t length;
    free(*found);
    *found = plain_name(name, &length);
    if (!*found) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to check it", file_of(s));
    }
    for (size_t i = 0; i < info.node_count; i++) {
        haya_node node;
        haya_model_node(model, i, &node);
        if (strlen(node.name) == length && memcmp(node.name, name, length) == 0) {
            return HAYA_OK;
        }
    }
    free(*found);
    *found = NULL;
    return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "%s: key '%s' is '%s', which %s does not have", file_of(s),
                           key, name, info.path);
}

static haya_status check_input(settings *s, const haya_model *model, haya_error *error) {
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
static haya_shape known_shape(const haya_model *model, bool inputs, const char *name) {
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

static haya_status check_class(settings *s, size_t index, const haya_model *model, haya_error *error) {
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

haya_status settings_check_model(settings *s, const haya_model *model, haya_error *error) {
    haya_status status = check_input(s, model, error);
    for (size_t i = 0; i < s->class_count && status == HAYA_OK; i++) {
        status = check_class(s, i, model, error);
    }
    return status;
}

/* ---- Shapes -------------------------------------------------------------------------------------------------- */

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

/* ---- Defaults ------------------------------------------------------------------------------------------------ */

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

haya_status settings_complete(settings *s, const haya_model *model, const haya_shape *output, haya_error *error) {
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
