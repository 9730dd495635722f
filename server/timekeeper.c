/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens by the clock: changed models are told at most twice a second each, requests that take too long end,
 * and streams get a heartbeat.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 100, TELL_MS = 500, LATE_MS = 1000, HEARTBEAT_MS = 10000 };

typedef struct dirty {
    char id[REPOSITORY_ID];
    bool changed;
    double told_ms;
} dirty;

struct timekeeper {
    server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool running, ending;
    bool progress_changed;
    dirty *models;
    size_t model_count, model_capacity;
};

typedef struct timekeeper timekeeper;

/* ---- Models -------------------------------------------------------------------------------------------------- */

void timekeeper_model_changed(server *s, const char *id) {
    timekeeper *t = s->timekeeper;
    pthread_mutex_lock(&t->lock);
    dirty *d = NULL;
    for (size_t i = 0; i < t->model_count && !d; i++) {
        d = strcmp(t->models[i].id, id) == 0 ? &t->models[i] : NULL;
    }
    if (!d && t->model_count == t->model_capacity) {
        size_t capacity = t->model_capacity ? 2 * t->model_capacity : 64;
        dirty *models = realloc(t->models, capacity * sizeof *models);
        if (models) {
            t->models = models;
            t->model_capacity = capacity;
        }
    }
    if (!d && t->model_count < t->model_capacity) {
        d = &t->models[t->model_count++];
        *d = (dirty){.told_ms = -1e9};
        memcpy(d->id, id, sizeof d->id);
    }
    if (d) {
        d->changed = true;
    }
    pthread_mutex_unlock(&t->lock);
}

static void tell_model(server *s, const char *id) {
    repository_model m;
    if (repository_get(s->repository, id, &m, NULL) == HAYA_OK) {
        events_publish(s->events, "model", model_json(&m, false));
        repository_model_free(&m);
    }
}

static void tell_models(timekeeper *t, double now) {
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->model_count;) {
        dirty *d = &t->models[i];
        bool due = now - d->told_ms >= TELL_MS;
        if (due && d->changed) {
            char id[REPOSITORY_ID];
            memcpy(id, d->id, sizeof id);
            d->changed = false;
            d->told_ms = now;
            pthread_mutex_unlock(&t->lock);
            tell_model(t->server, id);
            pthread_mutex_lock(&t->lock);
            i++;
        } else if (due) {
            *d = t->models[--t->model_count]; /* it has been quiet */
        } else {
            i++;
        }
    }
    pthread_mutex_unlock(&t->lock);
}

void timekeeper_progress_changed(server *s) {
    timekeeper *t = s->timekeeper;
    pthread_mutex_lock(&t->lock);
    t->progress_changed = true;
    pthread_mutex_unlock(&t->lock);
}

static void tell_progress(timekeeper *t) {
    size_t wanted, ready;
    pthread_mutex_lock(&t->lock);
    bool changed = t->progress_changed;
    t->progress_changed = false;
    pthread_mutex_unlock(&t->lock);
    if (changed) {
        repository_progress(t->server->repository, &wanted, &ready);
        events_publish(t->server->events, "preparing",
                       json_pack("{s:I, s:I}", "wanted", (json_int_t)wanted, "ready", (json_int_t)ready));
    }
}

/* ---- The thread ---------------------------------------------------------------------------------------------- */

static bool is_due(double *last, double now, double every) {
    bool due = now - *last >= every;
    if (due) {
        *last = now;
    }
    return due;
}

/* False: the server ends. */
static bool wait_a_tick(timekeeper *t) {
    struct timespec until = clock_in_ms(TICK_MS);
    pthread_mutex_lock(&t->lock);
    if (!t->ending) {
        pthread_cond_timedwait(&t->ended, &t->lock, &until);
    }
    bool ending = t->ending;
    pthread_mutex_unlock(&t->lock);
    return !ending;
}

static void *keep_time(void *argument) {
    timekeeper *t = argument;
    server *s = t->server;
    double late = clock_ms(), beat = late;
    while (wait_a_tick(t)) {
        double now = clock_ms();
        tell_models(t, now);
        tell_progress(t);
        if (is_due(&late, now, LATE_MS)) {
            connections_close_late(s->connections);
        }
        if (is_due(&beat, now, HEARTBEAT_MS)) {
            events_publish(s->events, "heartbeat", json_pack("{s:f, s:I}", "time", clock_seconds(), "queue",
                                                             (json_int_t)pool_waiting(s->infer)));
        }
    }
    return NULL;
}

haya_status timekeeper_create(server *s, haya_error *error) {
    timekeeper *t = s->timekeeper = calloc(1, sizeof *t);
    if (!t) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    t->server = s;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->ended, NULL);
    return HAYA_OK;
}

haya_status timekeeper_start(server *s, haya_error *error) {
    timekeeper *t = s->timekeeper;
    if (pthread_create(&t->thread, NULL, keep_time, t) != 0) {
        return inspection_fail(error, HAYA_ERROR_THREAD, "a thread could not be created");
    }
    t->running = true;
    return HAYA_OK;
}

void timekeeper_stop(server *s) {
    timekeeper *t = s->timekeeper;
    if (t && t->running) {
        pthread_mutex_lock(&t->lock);
        t->ending = true;
        pthread_cond_signal(&t->ended);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
        t->running = false;
    }
}

void timekeeper_free(server *s) {
    timekeeper *t = s->timekeeper;
    if (t) {
        pthread_cond_destroy(&t->ended);
        pthread_mutex_destroy(&t->lock);
        free(t->models);
        free(t);
    }
}
