/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"
#include "settings_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 128, MAX_CHANNEL = 4095, MAX_OUTPUT = 65535 };

/* An object of the file, and where it stands. */
typedef struct place {
    const char *file;
    char path[96];          /* "classes[2].map."; empty for the whole */
    const json_t *object;
    haya_error *error;
} place;

static bool refuse(const place *at, const char *key, const char *format, ...) INSPECTION_PRINTF_LIKE(3, 4);

/* False, having written "FILE: key 'PATH' sentence". */
static bool refuse(const place *at, const char *key, const char *format, ...) {
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    inspection_fail(at->error, HAYA_ERROR_FORMAT, "%s: key '%s%s' %s", at->file, at->path, key, text);
    return false;
}

static bool no_memory(const place *at) {
    inspection_fail(at->error, HAYA_ERROR_MEMORY, "%s: no memory to read it", at->file);
    return false;
}

static const char *kind_of(const json_t *value) {
    static const char *const kinds[] = {[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
                                        [JSON_STRING] = "a string",  [JSON_INTEGER] = "a number",
                                        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",
                                        [JSON_FALSE] = "false",      [JSON_NULL] = "null"};
    return kinds[json_typeof(value)];
}

/* Every object may have a comment, as JSON itself has none. */
static bool only_known_keys(const place *at, const char *const *known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)at->object, key, value) {
        bool found = strcmp(key, "comment") == 0;
        if (found && !json_is_string(value)) {
            return refuse(at, key, "is %s, not a string", kind_of(value));
        }
        for (size_t i = 0; known[i] && !found; i++) {
            found = strcmp(key, known[i]) == 0;
        }
        if (!found) {
            char list[256];
            size_t used = 0;
            for (size_t i = 0; known[i] && used < sizeof list; i++) {
                used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i > 0 ? ", " : "", known[i]);
            }
            return refuse(at, key, "is not known; known here are %s", list);
        }
    }
    return true;
}

/* The object at a key, its keys checked; `to->object` is NULL where there is none. */
static bool enter(const place *at, const char *key, const char *const *known, place *to) {
    json_t *value = json_object_get(at->object, key);
    *to = *at;
    to->object = value;
    if (!value) {
        return true;
    }
    if (!json_is_object(value)) {
        return refuse(at, key, "is %s, not an object", kind_of(value));
    }
    snprintf(to->path, sizeof to->path, "%.60s%s.", at->path, key);
    return only_known_keys(to, known);
}

/* ---- Values: each leaves what it is to read as it is where the key is absent -------------------------------- */

typedef struct range {
    double low, high;
    bool above;             /* `low` itself is outside */
} range;

static const range any = {-1e30, 1e30, false}, positive = {0, 1e30, true};

static bool check_number(const place *at, const char *key, const json_t *value, range within, double *number) {
    if (!json_is_number(value)) {
        return refuse(at, key, "is %s, not a number", kind_of(value));
    }
    *number = json_number_value(value);
    /* The comparison refuses what is not a number, too. */
    if (!(*number >= within.low && *number <= within.high) || (within.above && *number == within.low)) {
        return refuse(at, key, "is %.15g, not a number %s %.6g and at most %.6g", *number,
                      within.above ? "above" : "of at least", within.low, within.high);
    }
    return true;
}

static bool read_number(const place *at, const char *key, range within, double *number) {
    const json_t *value = json_object_get(at->object, key);
    return !value || check_number(at, key, value, within, number);
}

/* One number, or three for red, green and blue. */
static bool read_colors(const place *at, const char *key, range within, double numbers[3]) {
    const json_t *value = json_object_get(at->object, key);
    if (!json_is_array(value)) {
        double number = numbers[0];
        bool ok = read_number(at, key, within, &number);
        numbers[0] = numbers[1] = numbers[2] = number;
        return ok;
    }
    if (json_array_size(value) != 3) {
        return refuse(at, key, "has %zu numbers, not 3 for red, green and blue", json_array_size(value));
    }
    for (size_t i = 0; i < 3; i++) {
        char element[64];
        snprintf(element, sizeof element, "%s[%zu]", key, i);
        if (!check_number(at, element, json_array_get(value, i), within, &numbers[i])) {
            return false;
        }
    }
    return true;
}

static bool read_integer(const place *at, const char *key, int64_t most, int64_t *number) {
    const json_t *value = json_object_get(at->object, key);
    if (!value) {
        return true;
    }
    if (!json_is_integer(value)) {
        return refuse(at, key, "is %s, not a whole number", json_is_real(value) ? "a fraction" : kind_of(value));
    }
    *number = json_integer_value(value);
    return (*number >= 0 && *number <= most)
               ? true
               : refuse(at, key, "is %" PRId64 ", not a number from 0 to %" PRId64, *number, most);
}

/* The string at a key, NULL where there is none; names are not empty and have no control characters. */
static bool read_string(const place *at, const char *key, const char **string) {
    const json_t *value = json_object_get(at->object, key);
    if (!value) {
        return true;
    }
    if (!json_is_string(value)) {
        return refuse(at, key, "is %s, not a string", kind_of(value));
    }
    *string = json_string_value(value);
    return true;
}

static bool read_name(const place *at, const char *key, size_t most, char **name) {
    const char *string = NULL;
    if (!read_string(at, key, &string) || !string) {
        return string || !json_object_get(at->object, key);
    }
    size_t length = 0;
    for (size_t i = 0; string[i]; i++) {
        if ((unsigned char)string[i] < 0x20 || string[i] == 0x7f) {
            return refuse(at, key, "has a control character");
        }
        length += (string[i] & 0xc0) != 0x80; /* one of each character's bytes in UTF-8 */
    }
    if (length == 0 || length > most) {
        return refuse(at, key, length == 0 ? "is empty" : "is longer than %zu characters", most);
    }
    *name = settings_copy(string);
    return *name || no_memory(at);
}

/* One of the words, the last of which is NULL; *index is the place of the default. */
static bool read_word(const place *at, const char *key, const char *const *words, int *index) {
    const char *string = NULL;
    if (!read_string(at, key, &string)) {
        return false;
    }
    char list[256];
    size_t used = 0;
    for (int i = 0; string && words[i]; i++) {
        if (strcmp(string, words[i]) == 0) {
            *index = i;
            return true;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i > 0 ? " or " : "", words[i]);
    }
    return string ? refuse(at, key, "is '%.60s', not %s", string, list) : true;
}

static bool read_color(const place *at, const char *key, picture_rgb *color) {
    const char *string = NULL;
    if (!read_string(at, key, &string) || !string) {
        return string || !json_object_get(at->object, key);
    }
    if (strlen(string) != 7 || string[0] != '#' || strspn(string + 1, "0123456789abcdefABCDEF") != 6) {
        return refuse(at, key, "is '%.60s', not a color like \"#FF0000\"", string);
    }
    unsigned long bits = strtoul(string + 1, NULL, 16);
    *color = (picture_rgb){(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    return true;
}

/* ---- Parts -------------------------------------------------------------------------------------------------- */

static bool read_input(const place *whole, settings_input *input) {
    static const char *const keys[] = {"tensor",      "mean",      "std",    "white",
                                       "color_order", "grayscale", "resize", NULL};
    static const char *const orders[] = {"rgb", "bgr", NULL}, *const greys[] = {"mean", "luma", NULL};
    static const char *const resizes[] = {"stretch", "none", NULL};
    place at;
    int order = 0, grey = 0, resize = 0;
    bool ok = enter(whole, "input", keys, &at) && read_name(&at, "tensor", 1024, &input->tensor) &&
              read_colors(&at, "mean", any, input->mean) && read_colors(&at, "std", positive, input->deviation) &&
              read_number(&at, "white", positive, &input->white) && read_word(&at, "color_order", orders, &order) &&
              read_word(&at, "grayscale", greys, &grey) && read_word(&at, "resize", resizes, &resize);
    input->bgr = order == 1;
    input->grey = grey == 1 ? PICTURE_GREY_LUMA : PICTURE_GREY_MEAN;
    input->stretch = resize == 0;
    return ok;
}

static bool read_map(const place *class, settings_map *map) {
    static const char *const keys[] = {"type", "output", "channel", NULL};
    static const char *const types[] = {"output", "reconstruction_error", NULL};
    place at;
    int type = 0;
    int64_t channel = -1;
    if (!enter(class, "map", keys, &at) || !read_word(&at, "type", types, &type) ||
        !read_integer(&at, "channel", MAX_CHANNEL, &channel)) {
        return false;
    }
    map->type = type == 1 ? SETTINGS_MAP_RECONSTRUCTION : SETTINGS_MAP_OUTPUT;
    map->channel = (int32_t)channel;
    const json_t *output = json_object_get(at.object, "output");
    if (output && !json_is_string(output) && !json_is_integer(output)) {
        return refuse(&at, "output", "is %s, not a tensor's name or the number of an output",
                      json_is_real(output) ? "a fraction" : kind_of(output));
    }
    return json_is_string(output) ? read_name(&at, "output", 1024, &map->output)
                                  : read_integer(&at, "output", MAX_OUTPUT, &map->output_index);
}

static bool read_score(const place *class, settings_score *score) {
    static const char *const keys[] = {"type", "percent", "threshold", NULL};
    static const char *const types[] = {"max", "top_mean", "area", NULL};
    place at;
    int type = 0;
    if (!enter(class, "score", keys, &at) || !read_word(&at, "type", types, &type) ||
        !read_number(&at, "percent", (range){0, 100, true}, &score->percent) ||
        !read_number(&at, "threshold", any, &score->threshold)) {
        return false;
    }
    score->type = type == 1 ? SETTINGS_SCORE_TOP_MEAN : type == 2 ? SETTINGS_SCORE_AREA : SETTINGS_SCORE_MAX;
    if (type != 1 && json_object_get(at.object, "percent")) {
        return refuse(&at, "percent", "belongs to a score of type 'top_mean', and this is '%s'", types[type]);
    }
    if (type != 2 && json_object_get(at.object, "threshold")) {
        return refuse(&at, "threshold", "belongs to a score of type 'area', and this is '%s'", types[type]);
    }
    return true;
}

static bool read_thresholds(const place *class, settings_class *c) {
    static const char *const keys[] = {"low", "high", NULL};
    place at;
    if (!enter(class, "thresholds", keys, &at) || !read_number(&at, "high", any, &c->high)) {
        return false;
    }
    c->low = c->high;
    if (!read_number(&at, "low", any, &c->low)) {
        return false;
    }
    return c->low <= c->high || refuse(&at, "low", "is %.15g, above 'high', which is %.15g", c->low, c->high);
}

static bool read_class(const place *at, settings *s, size_t index) {
    static const char *const keys[] = {"name", "color", "map", "smoothing_sigma", "score", "thresholds", NULL};
    settings_class *c = &s->classes[index];
    *c = settings_default_class(index);
    c->place = index + 1;
    if (!only_known_keys(at, keys) || !read_name(at, "name", MAX_NAME, &c->name)) {
        return false;
    }
    if (!c->name) {
        return refuse(at, "name", "is missing");
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(s->classes[i].name, c->name) == 0) {
            return refuse(at, "name", "is '%s', which classes[%zu] is called, too", c->name, i);
        }
    }
    return read_color(at, "color", &c->color) && read_map(at, &c->map) &&
           read_number(at, "smoothing_sigma", (range){0, 256, false}, &c->sigma) && read_score(at, &c->score) &&
           read_thresholds(at, c);
}

static bool read_classes(const place *whole, settings *s) {
    const json_t *list = json_object_get(whole->object, "classes");
    if (!list) {
        return true;
    }
    if (!json_is_array(list)) {
        return refuse(whole, "classes", "is %s, not an array", kind_of(list));
    }
    size_t count = json_array_size(list);
    if (count == 0 || count > SETTINGS_MAX_CLASSES) {
        return refuse(whole, "classes", "has %zu classes, not 1 to %d", count, SETTINGS_MAX_CLASSES);
    }
    s->classes = calloc(count, sizeof *s->classes);
    if (!s->classes) {
        return no_memory(whole);
    }
    for (size_t i = 0; i < count; i++) {
        place at = *whole;
        at.object = json_array_get(list, i);
        snprintf(at.path, sizeof at.path, "classes[%zu]", i);
        if (!json_is_object(at.object)) {
            return refuse(&at, "", "is %s, not an object", kind_of(at.object));
        }
        strcat(at.path, ".");
        s->class_count = i + 1;
        if (!read_class(&at, s, i)) {
            return false;
        }
    }
    return true;
}

/* First of all: a file of another version may differ in everything else, and another program's file has none. */
static bool check_version(const place *whole) {
    const json_t *version = json_object_get(whole->object, "haya");
    if (!version) {
        return refuse(whole, "haya", "is missing: these are no settings, which have the version there, %d",
                      SETTINGS_VERSION);
    }
    if (!json_is_integer(version)) {
        return refuse(whole, "haya", "is %s, not the version, %d", kind_of(version), SETTINGS_VERSION);
    }
    json_int_t number = json_integer_value(version);
    return number == SETTINGS_VERSION
               ? true
               : refuse(whole, "haya", "is %" JSON_INTEGER_FORMAT ", and only version %d is known", number,
                        SETTINGS_VERSION);
}

static json_t *load(const char *text, size_t size, const char *name, haya_error *error) {
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* the mark that some editors put before UTF-8 */
        size -= 3;
    }
    json_error_t why;
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!document) {
        bool memory = json_error_code(&why) == json_error_out_of_memory;
        inspection_fail(error, memory ? HAYA_ERROR_MEMORY : HAYA_ERROR_FORMAT, "%s: line %d, column %d: %s", name,
                        why.line, why.column, why.text);
    } else if (!json_is_object(document)) {
        inspection_fail(error, HAYA_ERROR_FORMAT, "%s: it is %s, not an object of settings", name,
                        kind_of(document));
        json_decref(document);
        document = NULL;
    }
    return document;
}

haya_status settings_parse(const char *text, size_t size, const char *name, settings *s, haya_error *error) {
    static const char *const keys[] = {"haya", "input", "classes", NULL};
    haya_error own;
    error = error ? error : &own;
    *s = settings_default();
    s->document = load(text, size, name, error);
    if (!s->document) {
        return error->status;
    }
    place whole = {.file = name, .object = s->document, .error = error};
    s->path = settings_copy(name);
    bool ok = s->path ? check_version(&whole) && only_known_keys(&whole, keys) && read_input(&whole, &s->input) &&
                            read_classes(&whole, s)
                      : no_memory(&whole);
    if (!ok) {
        settings_free(s);
        return error->status;
    }
    return HAYA_OK;
}
