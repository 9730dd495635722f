/* SPDX-License-Identifier: Apache-2.0
 *
 * Inference, and what is kept of it.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Results that are kept ----------------------------------------------------------------------------------- */

typedef struct kept_result {
    cached cached;
    repository_result result;
    char *picture;               /* its reference, */
    int width, height;           /* and size */
} kept_result;

static void release_result(cached *item) {
    kept_result *kept = (kept_result *)item;
    repository_result_free(&kept->result);
    free(kept->picture);
    free(kept);
}

/* Ids tell the server's start and the result's number: those that have made room are told from those that never
   were. */
static void next_id(server *s, char *to, size_t size) {
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

static size_t bytes_of(const repository_result *result) {
    size_t bytes = sizeof(kept_result);
    for (size_t i = 0; i < result->class_count; i++) {
        const verdict *v = &result->classes[i].verdict;
        bytes += (size_t)v->map.width * (size_t)v->map.height * sizeof(float);
        bytes += v->region_count * sizeof *v->regions;
    }
    return bytes;
}

/* Takes the result. NULL: no memory. */
static kept_result *keep(server *s, repository_result *result, const shown_picture *shown) {
    kept_result *kept = calloc(1, sizeof *kept);
    char *ref = strdup(shown->ref);
    if (!kept || !ref) {
        repository_result_free(result);
        free(kept);
        free(ref);
        return NULL;
    }
    kept->result = *result;
    kept->picture = ref;
    kept->width = shown->picture.width;
    kept->height = shown->picture.height;
    kept->cached.bytes = bytes_of(result);
    kept->cached.release = release_result;
    next_id(s, kept->cached.key, sizeof kept->cached.key);
    cache_put(s->results, &kept->cached);
    return kept;
}

/* ---- One model ----------------------------------------------------------------------------------------------- */

static json_t *times_json(const repository_result *r, double queue_ms, double decode_ms, double total_ms) {
    return json_pack("{s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "queue_ms", queue_ms + r->wait_ms,
                     "decode_ms",
                     number_json(decode_ms), "resize_ms", number_json(r->input_ms), "open_ms",
                     number_json(r->open_ms),
                     "bind_ms", number_json(r->bind_ms), "plan_ms", number_json(r->plan_ms), "run_ms",
                     number_json(r->run_ms), "post_ms", number_json(r->judge_ms), "total_ms", total_ms);
}

/* The answer for one model, or NULL and why. */
static json_t *infer(server *s, const char *id, const shown_picture *shown, double since_ms, double begun_ms,
                     double decode_ms, haya_error *error) {
    repository_result result;
    if (repository_infer(s->repository, id, &shown->picture, shown->name, &result, error) != HAYA_OK) {
        return NULL;
    }
    kept_result *kept = keep(s, &result, shown);
    if (!kept) {
        inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to keep the result");
        return NULL;
    }
    json_t *object = result_json(&kept->result, kept->cached.key);
    if (object) {
        json_object_set_new(object, "picture", shown_picture_json(shown));
        json_object_set_new(object, "times", times_json(&kept->result, begun_ms - since_ms, decode_ms,
                                                        server_now_ms() - since_ms));
    } else {
        inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    cache_done(s->results, &kept->cached);
    return object;
}

void handle_infer(request *q) {
    const char *model = parameter_of(q, "model"), *name = parameter_of(q, "request");
    double begun = server_now_ms();
    shown_picture shown;
    haya_error error;
    if (!model) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter 'model' is missing");
    } else if (shown_picture_of(q, &shown)) {
        json_t *object = infer(q->server, model, &shown, q->received_ms, begun, shown.decode_ms, &error);
        if (object && atomic_load(&q->cancelled)) {
            json_decref(object);
            answer_error(q, 409, HAYA_ERROR_STATE, "the request was cancelled");
        } else if (object) {
            json_object_set_new(object, "request", text_json(name));
            answer_json(q, 200, object);
        } else {
            answer_haya(q, &error);
            /* A model's file that can't be read is not the server's failure. */
            q->answer.status = error.status == HAYA_ERROR_IO ? 422 : q->answer.status;
        }
        shown_picture_free(&shown);
    }
    request_finish(q);
}

/* ---- Many models --------------------------------------------------------------------------------------------- */

enum { STREAM_BYTES = 64 * 1024 * 1024 };

typedef struct infer_round {
    shown_picture shown;
    char (*ids)[REPOSITORY_ID];
    size_t count, next;
    size_t results, errors;
    double begun_ms;
} infer_round;

static void free_round(void *work) {
    infer_round *all = work;
    if (all) {
        shown_picture_free(&all->shown);
        free(all->ids);
        free(all);
    }
}

static bool write_line(request *q, json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(object);
    bool ok = text && stream_write(q->stream, text, strlen(text)) && stream_write(q->stream, "\n", 1);
    free(text);
    return ok;
}

static void end_round(request *q, bool cancelled) {
    const infer_round *all = q->work;
    write_line(q, json_pack("{s:s, s:I, s:I, s:b, s:f}", "type", "end", "results", (json_int_t)all->results,
                            "errors",
                            (json_int_t)all->errors, "cancelled", cancelled, "total_ms",
                            server_now_ms() - q->received_ms));
    stream_end(q->stream);
    request_release(q);
}

/* The next model; then to the end of the queue, so that other callers come in between. */
static void go_on(job *j) {
    request *q = (request *)j;
    infer_round *all = q->work;
    server *s = q->server;
    bool cancelled = request_is_gone(q) || atomic_load(&s->stopping);
    if (cancelled || all->next == all->count) {
        end_round(q, cancelled);
        return;
    }
    const char *id = all->ids[all->next];
    bool first = all->next++ == 0;
    haya_error error;
    double begun = server_now_ms();
    json_t *object = infer(s, id, &all->shown, first ? q->received_ms : begun, begun,
                           first ? all->shown.decode_ms : NAN, &error);
    if (object) {
        json_object_set_new(object, "type", json_string("result"));
        all->results++;
    } else {
        repository_model m;
        bool known = repository_get(s->repository, id, &m, NULL) == HAYA_OK;
        object = json_pack("{s:s, s:{s:s, s:o}, s:o}", "type", "error", "model", "id", id, "name",
                           text_json(known ? m.name : NULL), "error",
                           error_json(error.status, error.message, error.node));
        if (known) {
            repository_model_free(&m);
        }
        all->errors++;
    }
    if (!write_line(q, object)) {
        atomic_store(&q->cancelled, true); /* nobody reads */
    }
    pool_add_again(s->infer, &q->job);
}

static bool choose_all(request *q, infer_round *all) {
    repository_model *models;
    size_t count;
    haya_error error;
    if (repository_list(q->server->repository, &models, &count, &error) != HAYA_OK) {
        answer_haya(q, &error);
        return false;
    }
    all->ids = calloc(count ? count : 1, sizeof *all->ids);
    for (size_t i = 0; all->ids && i < count; i++) {
        if (models[i].state != REPOSITORY_BROKEN) {
            memcpy(all->ids[all->count++], models[i].id, REPOSITORY_ID);
        }
    }
    repository_list_free(models, count);
    if (!all->ids) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    }
    return all->ids != NULL;
}

static bool choose_some(request *q, infer_round *all, const char *list) {
    size_t most = 1;
    for (const char *at = list; *at; at++) {
        most += *at == ',';
    }
    all->ids = calloc(most, sizeof *all->ids);
    if (!all->ids) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
        return false;
    }
    while (true) {
        size_t length = strcspn(list, ",");
        repository_model m;
        haya_error error;
        if (length != REPOSITORY_ID - 1) {
            answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%.*s'",
                         (int)(length < 64 ? length : 64), list);
            return false;
        }
        memcpy(all->ids[all->count], list, length);
        if (repository_get(q->server->repository, all->ids[all->count], &m, &error) != HAYA_OK) {
            answer_haya(q, &error);
            return false;
        }
        repository_model_free(&m);
        all->count++;
        if (!list[length]) {
            return true;
        }
        list += length + 1;
    }
}

void handle_infer_all(request *q) {
    const char *list = parameter_of(q, "models"), *name = parameter_of(q, "request");
    infer_round *all = q->work = calloc(1, sizeof *all);
    q->free_work = free_round;
    if (!all) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    } else if ((list ? choose_some(q, all, list) : choose_all(q, all)) && shown_picture_of(q, &all->shown)) {
        stream *made = stream_create(STREAM_BYTES);
        if (made) {
            answer_bytes(q, "application/x-ndjson", NULL, 0, NULL, NULL);
            q->stream = made;
            write_line(q, json_pack("{s:s, s:o, s:o, s:I}", "type", "begin", "request", text_json(name), "picture",
                                    shown_picture_json(&all->shown), "models", (json_int_t)all->count));
            q->job.run = go_on;
            request_begin_stream(q);
            pool_add_again(q->server->infer, &q->job);
            return;
        }
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    }
    request_finish(q);
}

void handle_cancel(request *q) {
    size_t count = requests_cancel(q->server, q->segments[0]);
    if (count > 0) {
        answer_json(q, 200, json_pack("{s:I}", "cancelled", (json_int_t)count));
    } else {
        answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "there is no request of the name '%s'", q->segments[0]);
    }
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
        q->answer.status = kept->picture[0] == '@' && error.status == HAYA_ERROR_NOT_FOUND ? MHD_HTTP_GONE
                                                                                           : q->answer.status;
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
