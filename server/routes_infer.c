/* SPDX-License-Identifier: Apache-2.0
 *
 * Inference: one picture through one model, or through many.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    char result_id[64];
    result_next_id(s, result_id, sizeof result_id);
    json_t *object = result_json(&result, result_id);
    json_t *times = times_json(&result, begun_ms - since_ms, decode_ms, clock_ms() - since_ms);
    bool kept = result_keep(s, result_id, &result, shown);
    if (!object || !times || !kept) {
        json_decref(object);
        json_decref(times);
        inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to keep the result");
        return NULL;
    }
    json_object_set_new(object, "picture", shown_picture_json(shown));
    json_object_set_new(object, "times", times);
    return object;
}

void handle_infer(request *q) {
    const char *model = parameter_of(q, "model"), *name = parameter_of(q, "request");
    double begun = clock_ms();
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
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
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
                            clock_ms() - q->received_ms));
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
    double begun = clock_ms();
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
