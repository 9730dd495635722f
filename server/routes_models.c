/* SPDX-License-Identifier: Apache-2.0
 *
 * Models: lists, preparing, settings.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 100, MAX_VISIBLE = 1000 };

static json_t *structures_json(const repository_structure *list, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const repository_structure *s = &list[i];
        json_array_append_new(
            array, json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "structure", s->structure, "models",
                             (json_int_t)s->models, "ready", (json_int_t)s->ready, "plan_ms",
                             number_json(s->plan_ms),
                             "plans", (json_int_t)s->plans, "scratch_bytes", (json_int_t)s->scratch_bytes,
                             "parameter_bytes", (json_int_t)s->parameter_bytes, "flops", (json_int_t)s->flops));
    }
    return array;
}

void handle_models(request *q) {
    repository *r = q->server->repository;
    repository_model *models;
    repository_structure *structures;
    size_t count, structure_count, wanted, ready;
    haya_error error;
    if (repository_list(r, &models, &count, &error) != HAYA_OK) {
        answer_haya(q, &error);
    } else if (repository_structures(r, &structures, &structure_count, &error) != HAYA_OK) {
        repository_list_free(models, count);
        answer_haya(q, &error);
    } else {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(array, model_json(&models[i], false));
        }
        repository_progress(r, &wanted, &ready);
        answer_json(q, 200, json_pack("{s:o, s:o, s:{s:I, s:I}}", "models", array, "structures",
                                      structures_json(structures, structure_count), "preparing", "wanted",
                                      (json_int_t)wanted, "ready", (json_int_t)ready));
        repository_list_free(models, count);
        free(structures);
    }
    request_finish(q);
}

static void answer_model(request *q, const char *id, bool resident) {
    repository_model m;
    haya_error error;
    if (repository_get(q->server->repository, id, &m, &error) == HAYA_OK) {
        answer_json(q, 200, json_pack("{s:o}", "model", model_json(&m, resident)));
        repository_model_free(&m);
    } else {
        answer_haya(q, &error);
    }
}

void handle_model(request *q) {
    answer_model(q, q->segments[0], true);
    request_finish(q);
}

/* ---- Preparing ----------------------------------------------------------------------------------------------- */

static void prepare(request *q, const char *const *ids, size_t count) {
    size_t wanted, ready;
    haya_error error;
    if (repository_prepare(q->server->repository, ids, count, &wanted, &ready, &error) == HAYA_OK) {
        answer_json(q, 202, json_pack("{s:I, s:I}", "wanted", (json_int_t)wanted, "ready", (json_int_t)ready));
    } else {
        answer_haya(q, &error);
    }
}

/* False where a key is none of these, with spaces around. */
static bool only_keys(request *q, json_t *object, const char *keys) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, " %s ", key);
        if (strlen(key) > sizeof wanted - 3 || !strstr(keys, wanted)) {
            answer_error(q, 400, HAYA_ERROR_ARGUMENT, "there is no key '%.64s' here", key);
            return false;
        }
    }
    return true;
}

/* The ids of key "models", which belong to the body; NULL: it has been answered. */
static const char **ids_of(request *q, json_t *body, size_t most, size_t *count) {
    json_t *list = json_object_get(body, "models");
    *count = json_array_size(list);
    if (!json_is_array(list) || *count > most) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "'models' must be an array of at most %zu ids", most);
        return NULL;
    }
    const char **ids = calloc(*count + 1, sizeof *ids);
    for (size_t i = 0; ids && i < *count; i++) {
        ids[i] = json_string_value(json_array_get(list, i));
        if (!ids[i]) {
            answer_error(q, 400, HAYA_ERROR_ARGUMENT, "'models' must be an array of ids");
            free(ids);
            return NULL;
        }
    }
    if (!ids) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    }
    return ids;
}

void handle_prepare_one(request *q) {
    const char *id = q->segments[0];
    json_t *body = body_json(q);
    if (body && only_keys(q, body, "")) {
        prepare(q, &id, 1);
    }
    json_decref(body);
    request_finish(q);
}

void handle_prepare(request *q) {
    json_t *body = body_json(q);
    size_t count;
    if (body && only_keys(q, body, " models ")) {
        if (!json_object_get(body, "models")) {
            prepare(q, NULL, 0);
        } else {
            const char **ids = ids_of(q, body, REPOSITORY_MAX_MODELS, &count);
            if (ids) {
                prepare(q, ids, count);
            }
            free(ids);
        }
    }
    json_decref(body);
    request_finish(q);
}

void handle_visible(request *q) {
    json_t *body = body_json(q);
    size_t count;
    haya_error error;
    if (body && only_keys(q, body, " models ")) {
        const char **ids = ids_of(q, body, MAX_VISIBLE, &count);
        if (ids && repository_set_visible(q->server->repository, ids, count, &error) == HAYA_OK) {
            answer_json(q, 200, json_pack("{s:I}", "visible", (json_int_t)count));
        } else if (ids) {
            answer_haya(q, &error);
        }
        free(ids);
    }
    json_decref(body);
    request_finish(q);
}

/* ---- Settings ------------------------------------------------------------------------------------------------ */

/* Characters of UTF-8, none of them a control character; 0: there is one. */
static size_t name_length(const char *name) {
    size_t length = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0)) {
            return 0;
        }
        length += (*c & 0xc0) != 0x80;
    }
    return length;
}

static bool parse_colour(const char *text, picture_rgb *colour) {
    unsigned rgb[3];
    if (!text || strlen(text) != 7 || text[0] != '#' || strspn(text + 1, "0123456789abcdefABCDEF") != 6) {
        return false;
    }
    sscanf(text, "#%2x%2x%2x", &rgb[0], &rgb[1], &rgb[2]);
    *colour = (picture_rgb){(uint8_t)rgb[0], (uint8_t)rgb[1], (uint8_t)rgb[2]};
    return true;
}

/* As large as a model's settings may have it. */
static bool is_threshold(const json_t *value) {
    return json_is_number(value) && fabs(json_number_value(value)) <= 1e30;
}

/* One class's keys; false: it has been answered what is wrong. */
static bool parse_change(request *q, json_t *class, repository_class_change *change, picture_rgb *colour) {
    *change = (repository_class_change){.low = NAN, .high = NAN};
    if (!json_is_object(class)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "'classes' must be an array of objects");
        return false;
    }
    if (!only_keys(q, class, " name colour threshold threshold_low ")) {
        return false;
    }
    json_t *name = json_object_get(class, "name"), *shade = json_object_get(class, "colour");
    json_t *high = json_object_get(class, "threshold"), *low = json_object_get(class, "threshold_low");
    change->name = json_string_value(name);
    size_t length = change->name ? name_length(change->name) : 0;
    if (name && (length < 1 || length > MAX_NAME)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT,
                     "a name must have 1 to %d characters, none of them a control character",
                     MAX_NAME);
        return false;
    }
    if (shade && !parse_colour(json_string_value(shade), colour)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "a colour must be written as #RRGGBB");
        return false;
    }
    if ((high && !is_threshold(high)) || (low && !is_threshold(low) && !json_is_null(low))) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "a threshold must be a number from -1e30 to 1e30");
        return false;
    }
    change->color = shade ? colour : NULL;
    change->high = high ? json_number_value(high) : NAN;
    change->low = json_is_number(low) ? json_number_value(low) : NAN;
    change->one_threshold = json_is_null(low); /* there is no "unsure" */
    return true;
}

static void change_settings(request *q, json_t *list) {
    size_t count = json_array_size(list);
    repository_class_change *changes = calloc(count + 1, sizeof *changes);
    picture_rgb *colours = calloc(count + 1, sizeof *colours);
    bool ok = changes && colours;
    if (!ok) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = parse_change(q, json_array_get(list, i), &changes[i], &colours[i]);
    }
    haya_error error;
    if (ok) {
        if (repository_change_settings(q->server->repository, q->segments[0], changes, count, &error) == HAYA_OK) {
            answer_model(q, q->segments[0], false);
        } else {
            answer_haya(q, &error);
        }
    }
    free(changes);
    free(colours);
}

void handle_settings(request *q) {
    json_t *body = body_json(q), *list = json_object_get(body, "classes");
    if (body && only_keys(q, body, " classes ")) {
        if (json_is_array(list)) {
            change_settings(q, list);
        } else {
            answer_error(q, 400, HAYA_ERROR_ARGUMENT, "'classes' must be an array of objects");
        }
    }
    json_decref(body);
    request_finish(q);
}

void handle_undo(request *q) {
    json_t *body = body_json(q);
    haya_error error;
    if (body && only_keys(q, body, "")) {
        if (repository_undo_settings(q->server->repository, q->segments[0], &error) == HAYA_OK) {
            answer_model(q, q->segments[0], false);
        } else {
            answer_haya(q, &error);
        }
    }
    json_decref(body);
    request_finish(q);
}
