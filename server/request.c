/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests: their parameters, their answers, their end, and cancelling them.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *parameter_of(const request *q, const char *key) {
    for (size_t i = 0; i < q->parameter_count; i++) {
        if (strcmp(q->parameters[i].key, key) == 0) {
            return q->parameters[i].value;
        }
    }
    return NULL;
}

bool number_parameter(request *q, const char *key, int64_t low, int64_t high, int64_t otherwise, int64_t *number) {
    const char *text = parameter_of(q, key);
    char *end = NULL;
    *number = otherwise;
    if (!text) {
        return true;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || errno != 0 || strspn(text, "-0123456789") != strlen(text) || value < low ||
        value > high) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter '%s' must be a whole number from %lld to %lld", key,
                     (long long)low, (long long)high);
        return false;
    }
    *number = value;
    return true;
}

/* ---- Answers ------------------------------------------------------------------------------------------------- */

static void clear(answer *a) {
    if (a->data) {
        if (a->release) {
            a->release(a->user);
        } else {
            free(a->data);
        }
    }
    *a = (answer){0};
}

void answer_bytes(request *q, const char *type, void *data, size_t size, void (*release)(void *user), void *user) {
    clear(&q->answer);
    q->answer = (answer){.status = 200, .type = type, .data = data, .size = size, .release = release, .user = user};
}

void answer_header(request *q, const char *name, const char *format, ...) {
    answer *a = &q->answer;
    if (a->header_count < MAX_HEADERS) {
        va_list values;
        va_start(values, format);
        vsnprintf(a->headers[a->header_count].value, sizeof a->headers[0].value, format, values);
        va_end(values);
        a->headers[a->header_count++].name = name;
    }
}

void answer_json(request *q, unsigned status, json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text) {
        /* Made beforehand, since there is no memory to make it. */
        static const char sentence[] = "{\"error\":{\"status\":\"HAYA_ERROR_MEMORY\","
                                       "\"message\":\"out of memory\",\"node\":\"\"}}";
        answer_bytes(q, "application/json", NULL, 0, NULL, NULL);
        q->answer.data = strdup(sentence);
        q->answer.size = q->answer.data ? strlen(sentence) : 0;
        q->answer.status = 503;
        return;
    }
    answer_bytes(q, "application/json", text, strlen(text), NULL, NULL);
    q->answer.status = status;
}

json_t *error_json(haya_status status, const char *message, const char *node) {
    return json_pack("{s:s, s:o, s:o}", "status", haya_status_name(status), "message", sentence_json(message), "node",
                     text_json(node));
}

static void answer_sentence(request *q, unsigned status, haya_status kind, const char *sentence, const char *node) {
    answer_json(q, status, json_pack("{s:o}", "error", error_json(kind, sentence, node)));
}

void answer_error(request *q, unsigned status, haya_status kind, const char *format, ...) {
    char sentence[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(sentence, sizeof sentence, format, values);
    va_end(values);
    answer_sentence(q, status, kind, sentence, "");
}

unsigned http_status_of(haya_status status) {
    switch (status) {
    case HAYA_OK:
        return 200;
    case HAYA_ERROR_ARGUMENT:
        return 400;
    case HAYA_ERROR_NOT_FOUND:
        return 404;
    case HAYA_ERROR_STATE:
        return 409;
    case HAYA_ERROR_LIMIT:
        return 413;
    case HAYA_ERROR_MEMORY:
    case HAYA_ERROR_THREAD:
        return 503;
    case HAYA_ERROR_IO:
        return 500;
    default:
        return 422;
    }
}

void answer_haya(request *q, const haya_error *error) {
    answer_sentence(q, http_status_of(error->status), error->status, error->message, error->node);
}

bool answer_unchanged(request *q, const char *etag) {
    bool same = q->if_none_match && (strstr(q->if_none_match, etag) || strcmp(q->if_none_match, "*") == 0);
    if (same) {
        answer_bytes(q, NULL, NULL, 0, NULL, NULL);
        q->answer.status = MHD_HTTP_NOT_MODIFIED;
        answer_header(q, "ETag", "%s", etag);
        answer_header(q, "Cache-Control", "no-cache");
    }
    return same;
}

json_t *body_json(request *q) {
    if (q->body_size == 0) {
        return json_object();
    }
    json_error_t why;
    json_t *body = json_loadb((const char *)q->body, q->body_size, JSON_REJECT_DUPLICATES, &why);
    if (!body || !json_is_object(body)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "the body is no JSON object: %s",
                     body ? "it is another value" : why.text);
        json_decref(body);
        return NULL;
    }
    return body;
}

/* ---- Their end ----------------------------------------------------------------------------------------------- */

static void leave_name(request *q) {
    server *s = q->server;
    pthread_mutex_lock(&s->lock);
    if (q->is_named) {
        *(q->previous_named ? &q->previous_named->next_named : &s->named) = q->next_named;
        if (q->next_named) {
            q->next_named->previous_named = q->previous_named;
        }
        q->is_named = false;
    }
    pthread_mutex_unlock(&s->lock);
}

void request_release(request *q) {
    if (atomic_fetch_sub(&q->users, 1) != 1) {
        return;
    }
    leave_name(q);
    clear(&q->answer);
    stream_release(q->stream);
    for (size_t i = 0; i < q->parameter_count; i++) {
        free(q->parameters[i].key);
        free(q->parameters[i].value);
    }
    if (q->free_work) {
        q->free_work(q->work);
    }
    free(q->if_none_match);
    free(q->body);
    free(q);
}

void request_begin_stream(request *q) {
    MHD_resume_connection(q->connection); /* which may send the answer, and end, at once */
}

void request_finish(request *q) {
    leave_name(q);
    request_begin_stream(q);
    request_release(q);
}

bool request_is_gone(request *q) {
    if (atomic_load(&q->cancelled)) {
        return true;
    }
    if (q->stream) {
        return stream_is_gone(q->stream);
    }
    /* While it waits, its connection is not listened to. */
    return has_hung_up(q->socket);
}

bool request_enter_name(request *q) {
    server *s = q->server;
    const char *name = parameter_of(q, "request");
    if (!name) {
        return true;
    }
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof q->name ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != length) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter 'request' must have 1 to 64 of A-Z a-z 0-9 _ -");
        return false;
    }
    memcpy(q->name, name, length + 1);
    pthread_mutex_lock(&s->lock);
    q->next_named = s->named;
    if (s->named) {
        s->named->previous_named = q;
    }
    s->named = q;
    q->is_named = true;
    pthread_mutex_unlock(&s->lock);
    return true;
}

size_t requests_cancel(server *s, const char *name) {
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    for (request *q = s->named; q; q = q->next_named) {
        if (strcmp(q->name, name) == 0 && !atomic_exchange(&q->cancelled, true)) {
            count++;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return count;
}
