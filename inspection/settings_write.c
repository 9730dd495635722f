/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* fileno, fsync, strcasecmp */
#include "fail.h"
#include "settings_parts.h"
#include "whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- As JSON: where jansson has no memory, it gives NULL, and takes NULL for a failure ---------------------- */

static json_t *colors_json(const double numbers[3]) {
    if (numbers[0] == numbers[1] && numbers[0] == numbers[2]) {
        return json_real(numbers[0]);
    }
    return json_pack("[f, f, f]", numbers[0], numbers[1], numbers[2]);
}

static json_t *input_json(const settings_input *input) {
    json_t *object = json_pack("{s:o, s:o, s:s, s:s, s:s}", "mean", colors_json(input->mean), "std",
                               colors_json(input->deviation), "color_order", input->bgr ? "bgr" : "rgb",
                               "grayscale", input->grey == PICTURE_GREY_LUMA ? "luma" : "mean", "resize",
                               input->stretch ? "stretch" : "none");
    bool ok = object != NULL;
    if (ok && input->tensor) {
        ok = json_object_set_new(object, "tensor", json_string(input->tensor)) == 0;
    }
    if (ok && input->white != 0) {
        ok = json_object_set_new(object, "white", json_real(input->white)) == 0;
    }
    if (!ok) {
        json_decref(object);
    }
    return ok ? object : NULL;
}

static json_t *map_json(const settings_map *map) {
    json_t *output = map->output ? json_string(map->output) : json_integer(map->output_index);
    json_t *object = json_pack("{s:s, s:o}", "type",
                               map->type == SETTINGS_MAP_RECONSTRUCTION ? "reconstruction_error" : "output",
                               "output", output);
    if (object && map->channel >= 0 && json_object_set_new(object, "channel", json_integer(map->channel)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *score_json(const settings_score *score) {
    switch (score->type) {
    case SETTINGS_SCORE_TOP_MEAN:
        return json_pack("{s:s, s:f}", "type", "top_mean", "percent", score->percent);
    case SETTINGS_SCORE_AREA:
        return json_pack("{s:s, s:f}", "type", "area", "threshold", score->threshold);
    default:
        return json_pack("{s:s}", "type", "max");
    }
}

static json_t *class_json(const settings_class *c) {
    char color[8];
    snprintf(color, sizeof color, "#%02X%02X%02X", c->color.red, c->color.green, c->color.blue);
    return json_pack("{s:s, s:s, s:o, s:f, s:o, s:{s:f, s:f}}", "name", c->name ? c->name : "", "color", color,
                     "map", map_json(&c->map), "smoothing_sigma", c->sigma, "score", score_json(&c->score),
                     "thresholds", "low", c->low, "high", c->high);
}

json_t *settings_json(const settings *s) {
    json_t *classes = json_array();
    bool ok = classes != NULL;
    for (size_t i = 0; i < s->class_count && ok; i++) {
        ok = json_array_append_new(classes, class_json(&s->classes[i])) == 0;
    }
    if (!ok) {
        json_decref(classes);
        return NULL;
    }
    return json_pack("{s:i, s:o, s:o}", "haya", SETTINGS_VERSION, "input", input_json(&s->input), "classes",
                     classes);
}

/* ---- What was read, with what has been changed -------------------------------------------------------------- */

/* Whether both say the same, if in other words: 1 and 1.0; 7 and [7, 7, 7]; a color in small letters. */
static bool same(const char *key, const json_t *a, const json_t *b) {
    if (json_is_array(a)) {
        bool all = !json_is_array(b) || json_array_size(a) == json_array_size(b);
        for (size_t i = 0; i < json_array_size(a) && all; i++) {
            all = same(key, json_array_get(a, i), json_is_array(b) ? json_array_get(b, i) : b);
        }
        return all;
    }
    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b);
    }
    if (json_is_string(a) && json_is_string(b) && strcmp(key, "color") == 0) {
        return strcasecmp(json_string_value(a), json_string_value(b)) == 0;
    }
    return json_equal(a, b) != 0;
}

/* Makes `old` say what `now` says: keys that are the same stay as they are, those that are absent stay so where
   `usual`, the defaults, says the same; keys that `now` lacks go, comments excepted. False: no memory. */
static bool merge(json_t *old, const json_t *now, const json_t *usual) {
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(old, next, key, value) {
        if (!json_object_get(now, key) && strcmp(key, "comment") != 0) {
            json_object_del(old, key);
        }
    }
    json_object_foreach((json_t *)now, key, value) {
        json_t *was = json_object_get(old, key), *would_be = json_object_get(usual, key);
        if (json_is_object(was) && json_is_object(value)) {
            if (!merge(was, value, would_be)) {
                return false;
            }
        } else if (was ? !same(key, was, value) : !would_be || !same(key, value, would_be)) {
            if (json_is_object(value)) {
                json_t *part = json_object();
                if (!part || json_object_set_new(old, key, part) != 0 || !merge(part, value, would_be)) {
                    return false;
                }
            } else if (json_object_set(old, key, value) != 0) {
                return false;
            }
        }
    }
    return true;
}

/* The class as it was read, whatever it is called now; a new one is empty. */
static json_t *former_class(const settings *s, size_t place) {
    const json_t *classes = s->document ? json_object_get(s->document, "classes") : NULL;
    const json_t *former = place > 0 ? json_array_get(classes, place - 1) : NULL;
    return former ? json_deep_copy(former) : json_object();
}

static bool append_class(const settings *s, size_t index, json_t *classes) {
    settings_class usual = settings_default_class(index);
    /* Where `low` is absent it is what `high` is. Names are always written, and colors of new classes. */
    usual.low = s->classes[index].high;
    json_t *now = class_json(&s->classes[index]), *by_default = class_json(&usual);
    json_t *former = former_class(s, s->classes[index].place);
    bool ok = now && by_default && former && json_object_del(by_default, "name") == 0 &&
              (json_object_size(former) > 0 || json_object_del(by_default, "color") == 0) &&
              merge(former, now, by_default) && json_array_append(classes, former) == 0;
    json_decref(now);
    json_decref(by_default);
    json_decref(former);
    return ok;
}

/* What a file is to hold; NULL: no memory. */
static json_t *document_of(const settings *s) {
    json_t *document = s->document ? json_deep_copy(s->document) : json_object();
    settings usual = settings_default();
    json_t *input = input_json(&s->input), *usual_input = input_json(&usual.input), *classes = json_array();
    bool ok = document && input && usual_input && classes &&
              json_object_set_new(document, "haya", json_integer(SETTINGS_VERSION)) == 0;
    if (ok && !json_object_get(document, "input") && !json_equal(input, usual_input)) {
        ok = json_object_set_new(document, "input", json_object()) == 0;
    }
    if (ok && json_object_get(document, "input")) {
        ok = merge(json_object_get(document, "input"), input, usual_input);
    }
    for (size_t i = 0; i < s->class_count && ok; i++) {
        ok = append_class(s, i, classes);
    }
    if (ok && s->class_count > 0) {
        ok = json_object_set(document, "classes", classes) == 0;
    } else if (ok) {
        json_object_del(document, "classes");
    }
    json_decref(input);
    json_decref(usual_input);
    json_decref(classes);
    if (!ok) {
        json_decref(document);
    }
    return ok ? document : NULL;
}

/* ---- Text --------------------------------------------------------------------------------------------------- */

/* With 15 digits 0.1 is "0.1"; where they do not tell a number from its neighbours, all have 17. To be freed. */
static char *text_of(const json_t *document) {
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_t *read_again = text ? json_loads(text, 0, NULL) : NULL;
    if (text && !json_equal(document, read_again)) {
        free(text);
        text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    }
    json_decref(read_again);
    return text;
}

/* What could not be read back must not replace what can. */
static haya_status check_text(const char *text, const char *path, haya_error *error) {
    settings again;
    haya_status status = settings_parse(text, strlen(text), path, &again, error);
    if (status == HAYA_OK) {
        settings_free(&again);
    }
    return status;
}

/* False, errno telling why: it was not, or not wholly. */
static bool write_text(const char *text, const char *path) {
    struct stat before;
    bool there = stat(path, &before) == 0;
    if (there && access(path, W_OK) != 0) {
        return false;
    }
    whole_file file = {0};
    bool ok = whole_file_begin(&file, path);
    if (ok) {
        bool written = (!there || fchmod(fileno(file.stream), before.st_mode & 0777) == 0) &&
                       fputs(text, file.stream) >= 0 && fputc('\n', file.stream) != EOF &&
                       fflush(file.stream) == 0 && fsync(fileno(file.stream)) == 0;
        ok = whole_file_finish(&file, written);
    }
    int why = errno;
    whole_file_free(&file);
    errno = why;
    return ok;
}

haya_status settings_write(const settings *s, const char *path, haya_error *error) {
    json_t *document = document_of(s);
    char *text = document ? text_of(document) : NULL;
    json_decref(document);
    if (!text) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to write it", path);
    }
    haya_status status = check_text(text, path, error);
    if (status == HAYA_OK && !write_text(text, path)) {
        status = inspection_fail(error, HAYA_ERROR_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    free(text);
    return status;
}
