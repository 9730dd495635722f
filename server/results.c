/* SPDX-License-Identifier: Apache-2.0
 *
 * Results: kept while there is room, and their maps in all forms.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Results that are kept ----------------------------------------------------------------------------------- */

static void release_result(cached *item) {
    kept_result *kept = (kept_result *)item;
    repository_result_free(&kept->result);
    free(kept->picture);
    free(kept);
}

/* Ids tell the server's start and the result's number: those that have made room are told from those that never
   were. */
void result_next_id(server *s, char *to, size_t size) {
    pthread_mutex_lock(&s->lock);
    uint64_t number = ++s->last_result;
    pthread_mutex_unlock(&s->lock);
    snprintf(to, size, "%" PRIx64 "-%" PRIx64, (uint64_t)(s->started * 1e3), number);
}

static bool has_been(server *s, const char *id) {
    uint64_t started, number;
    if (sscanf(id, "%" SCNx64 "-%" SCNx64, &started, &number) != 2) {
        return false;
    }
    pthread_mutex_lock(&s->lock);
    bool been = started == (uint64_t)(s->started * 1e3) && number > 0 && number <= s->last_result;
    pthread_mutex_unlock(&s->lock);
    return been;
}

/* What it takes, and what the allocator and the strings take besides. */
static size_t bytes_of(const repository_result *result) {
    enum { BESIDES = 256 };
    size_t bytes = sizeof(kept_result) + BESIDES;
    for (size_t i = 0; i < result->class_count; i++) {
        const picture_map *map = &result->classes[i].verdict.map;
        bytes += (size_t)map->width * (size_t)map->height * sizeof(float) + sizeof *result->classes + BESIDES;
    }
    return bytes;
}

/* Regions have been told; what is asked for later are maps. */
static void forget_regions(repository_result *result) {
    for (size_t i = 0; i < result->class_count; i++) {
        verdict *v = &result->classes[i].verdict;
        free(v->regions);
        v->regions = NULL;
        v->region_count = 0;
    }
}

bool result_keep(server *s, const char *id, repository_result *result, const shown_picture *shown) {
    kept_result *kept = calloc(1, sizeof *kept);
    char *ref = strdup(shown->ref);
    if (!kept || !ref) {
        repository_result_free(result);
        free(kept);
        free(ref);
        return false;
    }
    forget_regions(result);
    kept->result = *result;
    kept->picture = ref;
    kept->width = shown->picture.width;
    kept->height = shown->picture.height;
    kept->cached.bytes = bytes_of(result);
    kept->cached.release = release_result;
    snprintf(kept->cached.key, sizeof kept->cached.key, "%s", id);
    cache_put(s->results, &kept->cached);
    cache_done(s->results, &kept->cached);
    return true;
}

/* ---- Maps ---------------------------------------------------------------------------------------------------- */

static void answer_floats(request *q, const picture_map *map) {
    size_t bytes = (size_t)map->width * (size_t)map->height * sizeof(float);
    unsigned char *copy = malloc(bytes);
    if (!copy) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
        return;
    }
    const uint32_t one = 1;
    if (*(const unsigned char *)&one) {
        memcpy(copy, map->values, bytes);
    } else {
        for (size_t i = 0; i < bytes; i++) {
            copy[i] = ((const unsigned char *)map->values)[i - i % 4 + 3 - i % 4];
        }
    }
    answer_bytes(q, "application/octet-stream", copy, bytes, NULL, NULL);
    answer_header(q, "X-Map-Width", "%d", map->width);
    answer_header(q, "X-Map-Height", "%d", map->height);
}

static void answer_grey(request *q, const picture_map *map, int bits) {
    size_t count = (size_t)map->width * (size_t)map->height;
    uint16_t *wide = malloc(count * sizeof *wide);
    if (!wide) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
        return;
    }
    uint8_t *bytes = (uint8_t *)wide;
    float white = bits == 8 ? 255.0f : 65535.0f;
    for (size_t i = 0; i < count; i++) {
        float value = map->values[i];
        value = value < 0 ? 0 : value <= 1 ? value : 1; /* what is not a number must not look like nothing */
        uint16_t sample = (uint16_t)(value * white + 0.5f);
        if (bits == 8) {
            bytes[i] = (uint8_t)sample;
        } else {
            wide[i] = sample;
        }
    }
    answer_png(q, map->width, map->height, 1, bits, wide);
    free(wide);
}

static void answer_tiff(request *q, const picture_map *map) {
    char *data = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&data, &size);
    bool ok = to && picture_write_tiff(to, map->width, map->height, map->values);
    ok = (!to || fclose(to) == 0) && ok;
    if (ok) {
        answer_bytes(q, "image/tiff", data, size, NULL, NULL);
    } else {
        free(data);
        answer_error(q, 503, HAYA_ERROR_MEMORY, "no memory to write a TIFF");
    }
}

static void answer_canvas(request *q, picture_status status, const picture_error *why, picture_canvas *canvas) {
    if (status == PICTURE_OK) {
        answer_png(q, canvas->width, canvas->height, 3, 8, canvas->pixels);
        picture_canvas_free(canvas);
    } else {
        haya_error error;
        picture_failure(&error, why);
        answer_haya(q, &error);
    }
}

static void answer_overlay(request *q, const kept_result *kept, const verdict *v) {
    const char *given = parameter_of(q, "threshold");
    char *end = NULL, text[64] = "";
    float threshold = given ? strtof(given, &end) : v->region_threshold;
    if (given && (!*given || *end || !isfinite(threshold))) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter 'threshold' must be a number");
        return;
    }
    shown_picture shown;
    haya_error error;
    picture_error why;
    picture_canvas canvas;
    if (shown_picture_open(q->server, kept->picture, &shown, &error) != HAYA_OK) {
        answer_haya(q, &error);
        if (kept->picture[0] == '@' && error.status == HAYA_ERROR_NOT_FOUND) {
            q->answer.status = MHD_HTTP_GONE;
        }
        return;
    }
    const char *word = given ? NULL : verdict_word(v->decision);
    if (word) {
        snprintf(text, sizeof text, "%s %.2f", word, v->score);
    }
    answer_canvas(q, picture_overlay(&shown.picture, &v->map, threshold, word ? text : NULL, &canvas, &why), &why,
                  &canvas);
    shown_picture_free(&shown);
}

static void answer_map(request *q, const kept_result *kept, const verdict *v) {
    const char *format = parameter_of(q, "format");
    picture_canvas canvas;
    picture_error why;
    format = format ? format : "f32";
    if (strcmp(format, "f32") == 0) {
        answer_floats(q, &v->map);
    } else if (strcmp(format, "png8") == 0 || strcmp(format, "png16") == 0) {
        answer_grey(q, &v->map, format[3] == '8' ? 8 : 16);
    } else if (strcmp(format, "tiff") == 0) {
        answer_tiff(q, &v->map);
    } else if (strcmp(format, "heat") == 0) {
        answer_canvas(q, picture_heat(&v->map, kept->width, kept->height, &canvas, &why), &why, &canvas);
    } else if (strcmp(format, "overlay") == 0) {
        answer_overlay(q, kept, v);
    } else {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT,
                     "parameter 'format' must be f32, png8, png16, tiff, heat or overlay");
    }
}

void handle_result(request *q) {
    server *s = q->server;
    const char *id = q->segments[0];
    char *end;
    kept_result *kept = (kept_result *)cache_get(s->results, id);
    unsigned long index = strtoul(q->segments[1], &end, 10);
    if (!kept && has_been(s, id)) {
        answer_error(q, 410, HAYA_ERROR_NOT_FOUND, "the result '%s' has made room for others; infer again", id);
    } else if (!kept || *end || index >= kept->result.class_count) {
        answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "there is no map '%s/%s'", id, q->segments[1]);
    } else {
        answer_map(q, kept, &kept->result.classes[index].verdict);
    }
    cache_done(s->results, kept ? &kept->cached : NULL);
    request_finish(q);
}
