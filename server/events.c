/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events: each goes to all streams, and the last ones are kept for those that come back.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 1000, STREAM_BYTES = 4 * 1024 * 1024 };

typedef struct event {
    uint64_t id;
    char *text;
    size_t size;
} event;

struct events {
    pthread_mutex_t lock;
    double started;
    uint64_t last;               /* id */
    event kept[KEPT];            /* by id % KEPT */
    stream *streams[LIMIT_EVENT_STREAMS];
    bool ended;
};

events *events_create(double started) {
    events *e = calloc(1, sizeof *e);
    if (e) {
        pthread_mutex_init(&e->lock, NULL);
        e->started = started;
    }
    return e;
}

void events_free(events *e) {
    if (!e) {
        return;
    }
    events_end(e);
    for (size_t i = 0; i < KEPT; i++) {
        free(e->kept[i].text);
    }
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* Ids hold the server's start, so that those of an earlier one are not taken for this one's. */
static char *format_event(const events *e, uint64_t id, const char *type, json_t *data, size_t *size) {
    char *json = data ? json_dumps(data, JSON_COMPACT) : NULL, *text = NULL;
    json_decref(data);
    int length = json ? asprintf(&text, "id: %" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: %s\n\n",
                                 (uint64_t)(e->started * 1e3), id, type, json)
                      : -1;
    free(json);
    *size = length > 0 ? (size_t)length : 0;
    return length > 0 ? text : NULL;
}

/* With the lock held. */
static void leave(events *e, size_t index) {
    stream_end(e->streams[index]);
    stream_release(e->streams[index]);
    e->streams[index] = NULL;
}

void events_publish(events *e, const char *type, json_t *data) {
    pthread_mutex_lock(&e->lock);
    size_t size;
    char *text = format_event(e, e->last + 1, type, data, &size);
    if (text) {
        event *kept = &e->kept[++e->last % KEPT];
        free(kept->text);
        *kept = (event){e->last, text, size};
        for (size_t i = 0; i < LIMIT_EVENT_STREAMS; i++) {
            if (e->streams[i] && !stream_write(e->streams[i], text, size)) {
                leave(e, i);
            }
        }
    }
    pthread_mutex_unlock(&e->lock);
}

/* With the lock held: whether all events after this id are still there. */
static bool can_resume(const events *e, const char *last, uint64_t *id) {
    uint64_t started;
    return last && sscanf(last, "%" SCNx64 "-%" SCNu64, &started, id) == 2 &&
           started == (uint64_t)(e->started * 1e3) && *id <= e->last && e->last - *id < KEPT;
}

static bool greet(events *e, stream *s, const char *last) {
    uint64_t id = e->last;
    bool resumed = can_resume(e, last, &id);
    json_t *hello = json_pack("{s:s, s:f, s:b}", "version", haya_version(), "started", e->started, "resumed",
                              resumed);
    size_t size;
    char *text = format_event(e, id, "hello", hello, &size);
    bool ok = text && stream_write(s, text, size);
    free(text);
    for (uint64_t i = id + 1; ok && resumed && i <= e->last; i++) {
        ok = stream_write(s, e->kept[i % KEPT].text, e->kept[i % KEPT].size);
    }
    return ok;
}

stream *events_subscribe(events *e, const char *last) {
    stream *s = stream_create(STREAM_BYTES);
    size_t free_place = LIMIT_EVENT_STREAMS;
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < LIMIT_EVENT_STREAMS; i++) {
        if (e->streams[i] && stream_is_gone(e->streams[i])) {
            leave(e, i);
        }
        free_place = e->streams[i] ? free_place : i;
    }
    if (s && !e->ended && free_place < LIMIT_EVENT_STREAMS && greet(e, s, last)) {
        stream_retain(s);
        e->streams[free_place] = s;
    } else {
        stream_release(s);
        s = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    return s;
}

void events_end(events *e) {
    pthread_mutex_lock(&e->lock);
    e->ended = true;
    for (size_t i = 0; i < LIMIT_EVENT_STREAMS; i++) {
        if (e->streams[i]) {
            leave(e, i);
        }
    }
    pthread_mutex_unlock(&e->lock);
}
