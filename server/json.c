/* SPDX-License-Identifier: Apache-2.0
 *
 * Models and results as docs/viewer-api.md describes them.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *text_json(const char *text) {
    if (!text) {
        return json_null();
    }
    json_t *string = json_string(text);
    if (string) {
        return string;
    }
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++) {
        *c = (unsigned char)*c >= 0x80 ? '?' : *c;
    }
    string = copy ? json_string(copy) : NULL;
    free(copy);
    return string;
}

json_t *sentence_json(const char *text) {
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    json_t *string = copy ? text_json(copy) : NULL;
    free(copy);
    return string;
}

json_t *number_json(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *colour_json(picture_rgb colour) {
    char text[8];
    snprintf(text, sizeof text, "#%02X%02X%02X", colour.red, colour.green, colour.blue);
    return json_string(text);
}

/* How a map becomes a score, in the words of a model's settings. */
static json_t *scoring_json(const settings_score *score) {
    switch (score->type) {
    case SETTINGS_SCORE_TOP_MEAN:
        return json_pack("{s:s, s:f}", "type", "top_mean", "percent", score->percent);
    case SETTINGS_SCORE_AREA:
        return json_pack("{s:s, s:f}", "type", "area", "threshold", score->threshold);
    default:
        return json_pack("{s:s}", "type", "max");
    }
}

/* What a class is called and judged by, for models and results alike. */
static json_t *class_json(const repository_class *c) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:f}", "name", text_json(c->name), "colour", colour_json(c->color),
                     "threshold", number_json(c->high), "threshold_low", number_json(c->low), "scoring",
                     scoring_json(&c->score), "smoothing_sigma", c->sigma);
}

static json_t *number_or_null(int number) {
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *classes_json(const repository_model *m) {
    json_t *classes = json_array();
    for (size_t i = 0; i < m->class_count; i++) {
        json_array_append_new(classes, class_json(&m->classes[i]));
    }
    return classes;
}

static json_t *times_json(const repository_model *m) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "open_ms", number_json(m->open_ms), "bind_ms",
                     number_json(m->bind_ms), "first_ms", number_json(m->first_ms), "last_ms",
                     number_json(m->last_ms),
                     "median_ms", number_json(m->median_ms), "runs", (json_int_t)m->runs);
}

/* Bytes of the file's mapping that are in memory; below 0: not known. */
static int64_t resident_bytes(const char *path) {
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char *line = NULL, *resolved = realpath(path, NULL);
    size_t capacity = 0;
    int64_t bytes = -1;
    bool ours = false;
    while (smaps && resolved && getline(&line, &capacity, smaps) > 0) {
        unsigned long long kilobytes;
        if (sscanf(line, "Rss: %llu kB", &kilobytes) == 1) {
            bytes = ours ? (bytes < 0 ? 0 : bytes) + (int64_t)kilobytes * 1024 : bytes;
        } else if (strchr(line, '/')) {
            line[strcspn(line, "\n")] = '\0';
            ours = strcmp(strchr(line, '/'), resolved) == 0;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            ours = false; /* the mapping's last line */
        }
    }
    free(line);
    free(resolved);
    if (smaps) {
        fclose(smaps);
    }
    return bytes;
}

static json_t *memory_json(const repository_model *m, bool resident) {
    int64_t bytes = resident && m->structure[0] ? resident_bytes(m->path) : -1;
    return json_pack("{s:I, s:I, s:I, s:o}", "private_bytes", (json_int_t)m->private_bytes, "derived_bytes",
                     (json_int_t)m->derived_bytes, "file_bytes", (json_int_t)m->mapped_bytes, "resident_bytes",
                     bytes >= 0 ? json_integer(bytes) : json_null());
}

json_t *model_json(const repository_model *m, bool resident) {
    static const char *const states[] = {"cold", "preparing", "ready", "broken"};
    json_t *input = m->input ? json_pack("{s:o, s:o, s:o, s:o}", "name", text_json(m->input), "width",
                                         number_or_null(m->width), "height", number_or_null(m->height), "channels",
                                         number_or_null(m->channels))
                             : json_null();
    json_t *saved = json_pack("{s:o, s:b, s:I}", "file", text_json(m->settings_path), "exists", m->settings_exist,
                              "undo", (json_int_t)m->undo);
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:f, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     m->id,
                     "name", text_json(m->name), "file", text_json(m->file), "path", text_json(m->path), "bytes",
                     (json_int_t)m->bytes, "modified", m->modified, "version", (json_int_t)m->version, "state",
                     states[m->state], "error", text_json(m->broken), "warning", text_json(m->warning), "structure",
                     m->structure[0] ? json_string(m->structure) : json_null(), "input", input, "classes",
                     classes_json(m), "settings", saved, "times", times_json(m), "memory",
                     memory_json(m, resident));
}

/* ---- Results ------------------------------------------------------------------------------------------------- */

static json_t *regions_json(const verdict *v) {
    json_t *regions = json_array();
    for (size_t i = 0; i < v->region_count && i < LIMIT_REGIONS; i++) {
        const picture_region *r = &v->regions[i];
        json_array_append_new(regions,
                              json_pack("{s:I, s:[i, i, i, i], s:{s:f, s:i, s:i}}", "area", (json_int_t)r->area,
                                        "box",
                                        r->left, r->top, r->right, r->bottom, "peak", "value", (double)r->peak, "x",
                                        r->peak_x, "y", r->peak_y));
    }
    return regions;
}

static json_t *word_json(verdict_decision decision) {
    const char *word = verdict_word(decision);
    return word ? json_string(word) : json_null();
}

static json_t *judged_json(const repository_judged *j, const char *result_id, size_t index) {
    const verdict *v = &j->verdict;
    char url[128];
    snprintf(url, sizeof url, "/api/results/%s/%zu", result_id, index);
    json_t *map = json_pack("{s:s, s:i, s:i, s:o, s:o, s:I}", "url", url, "width", v->map.width, "height",
                            v->map.height, "min", number_json((double)j->min), "max", number_json((double)j->max),
                            "nonfinite", (json_int_t)j->nonfinite);
    json_t *judged = class_json(&j->how);
    json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "score", number_json(v->score), "verdict",
                             word_json(v->decision), "reached", number_json((double)v->region_threshold), "regions",
                             regions_json(v), "region_count", (json_int_t)v->region_count, "map", map);
    bool ok = judged && more && json_object_update(judged, more) == 0;
    json_decref(more);
    if (!ok) {
        json_decref(judged);
    }
    return ok ? judged : NULL;
}

json_t *result_json(const repository_result *result, const char *result_id) {
    verdict_decision worst = VERDICT_NONE;
    json_t *classes = json_array();
    for (size_t i = 0; i < result->class_count; i++) {
        verdict_decision decision = result->classes[i].verdict.decision;
        worst = decision > worst ? decision : worst;
        json_array_append_new(classes, judged_json(&result->classes[i], result_id, i));
    }
    return json_pack("{s:s, s:{s:s, s:o, s:I}, s:o, s:o, s:b, s:b}", "result", result_id, "model", "id", result->id,
                     "name", text_json(result->name), "version", (json_int_t)result->version, "verdict",
                     word_json(worst), "classes", classes, "first_run", result->first_run, "switched",
                     result->switched);
}
