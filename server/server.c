/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and ending.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <stdlib.h>
#include <string.h>

void server_log(server *s, bool warning, const char *id, const char *text) {
    events_publish(s->events, "log",
                   json_pack("{s:f, s:s, s:o, s:o}", "time", clock_seconds(), "level",
                             warning ? "warning" : "info", "message", sentence_json(text), "model", text_json(id)));
    if (s->options.log) {
        s->options.log(s->options.user, warning, text);
    }
}

/* Of the repository, on any thread. */
static void on_change(void *user, repository_change change, const char *id, const char *text) {
    server *s = user;
    switch (change) {
    case REPOSITORY_MODEL:
        timekeeper_model_changed(s, id);
        break;
    case REPOSITORY_MODEL_REMOVED:
        events_publish(s->events, "model-removed", json_pack("{s:s, s:o}", "id", id, "name", text_json(text)));
        break;
    case REPOSITORY_PREPARING:
        timekeeper_progress_changed(s);
        break;
    case REPOSITORY_INFO:
    case REPOSITORY_WARNING:
        server_log(s, change == REPOSITORY_WARNING, id, text);
        break;
    }
}

static haya_status out_of_memory(haya_error *error) {
    return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static haya_status start_repository(server *s, haya_error *error) {
    const server_options *o = &s->options;
    repository_options options = {.folder = o->models_folder, .files = o->models, .file_count = o->model_count,
                                  .threads = o->threads, .prepare = !o->no_prepare, .changed = on_change,
                                  .user = s};
    return repository_create(&options, &s->repository, error);
}

/* How many threads an inference has; the library knows. */
static haya_status find_threads(server *s, haya_error *error) {
    haya_session *session;
    haya_session_options options = {.struct_size = sizeof options, .threads = s->options.threads};
    haya_status status = haya_session_create(&options, &session, error);
    if (status == HAYA_OK) {
        s->threads = haya_session_threads(session);
        haya_session_free(session);
    }
    return status;
}

static haya_status start_parts(server *s, haya_error *error) {
    s->connections = connections_create();
    s->events = events_create(s->started);
    s->results = cache_create(LIMIT_RESULT_CACHE);
    s->pictures = cache_create(LIMIT_PICTURE_CACHE);
    s->thumbnails = cache_create(LIMIT_THUMBNAIL_CACHE);
    if (!s->connections || !s->events || !s->results || !s->pictures || !s->thumbnails) {
        return out_of_memory(error);
    }
    haya_status status = roots_create(s->options.data, s->options.data_count, &s->roots, error);
    status = status == HAYA_OK ? find_threads(s, error) : status;
    status = status == HAYA_OK ? timekeeper_create(s, error) : status;
    status = status == HAYA_OK ? folders_create(s, error) : status;
    status = status == HAYA_OK ? start_repository(s, error) : status;
    if (status != HAYA_OK) {
        return status;
    }
    repository_memory use;
    repository_memory_use(s->repository, &use);
    s->infer = pool_create((int)use.most_sessions, LIMIT_QUEUE);
    s->files = pool_create(2, LIMIT_FILE_QUEUE);
    s->control = pool_create(1, LIMIT_CONTROL_QUEUE);
    if (!s->infer || !s->files || !s->control) {
        return inspection_fail(error, HAYA_ERROR_THREAD, "a thread could not be created");
    }
    status = timekeeper_start(s, error);
    return status == HAYA_OK ? folders_start(s, error) : status;
}

haya_status server_start(const server_options *options, server **started, haya_error *error) {
    *started = NULL;
    server *s = calloc(1, sizeof *s);
    if (!s) {
        return out_of_memory(error);
    }
    pthread_mutex_init(&s->lock, NULL);
    s->options = *options;
    s->started = clock_seconds();
    haya_status status = start_parts(s, error);
    status = status == HAYA_OK ? http_start(s, options->port, error) : status;
    if (status != HAYA_OK) {
        server_stop(s);
        return status;
    }
    *started = s;
    return HAYA_OK;
}

void server_stop(server *s) {
    atomic_store(&s->stopping, true); /* what waits is refused */
    if (s->daemon) {
        http_quiesce(s);
    }
    timekeeper_stop(s);
    folders_stop(s);
    if (s->events) {
        events_end(s->events);
    }
    /* In this order: every suspended connection is resumed before the daemon ends. */
    pool_free(s->control);
    pool_free(s->files);
    pool_free(s->infer);
    http_stop(s);
    repository_free(s->repository);
    timekeeper_free(s);
    folders_free(s);
    events_free(s->events);
    cache_free(s->results);
    cache_free(s->pictures);
    cache_free(s->thumbnails);
    connections_free(s->connections);
    guard_free(s->guard);
    roots_free(s->roots);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *server_address(const server *s) {
    return s->address;
}
