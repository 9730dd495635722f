/* SPDX-License-Identifier: Apache-2.0
 *
 * The server itself: what it is, what memory it takes, what happens.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <stdlib.h>
#include <string.h>

static json_t *data_json(const server *s) {
    json_t *data = json_array();
    for (size_t i = 0; i < roots_count(s->roots); i++) {
        const char *name = roots_name(s->roots, i);
        listing l;
        folder_meaning meaning = {LAYOUT_PLAIN, KIND_FOLDER};
        if (listing_read(s->roots, name, &l, NULL) == HAYA_OK) {
            meaning = folder_meaning_of(s->roots, name, &l);
            listing_free(&l);
        }
        json_array_append_new(data, json_pack("{s:o, s:o, s:s, s:s}", "path", text_json(name), "folder",
                                              text_json(roots_folder(s->roots, i)), "layout",
                                              layout_word(meaning.layout), "kind", kind_word(meaning.kind)));
    }
    return data;
}

void handle_server(request *q) {
    const server *s = q->server;
    repository_memory use;
    repository_memory_use(s->repository, &use);
    json_t *limits = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "picture_body_bytes",
                               LIMIT_PICTURE_BODY, "json_body_bytes", LIMIT_JSON_BODY, "picture_width",
                               LIMIT_PICTURE_SIDE, "picture_height", LIMIT_PICTURE_SIDE, "picture_bytes",
                               LIMIT_PICTURE_BYTES, "queue", LIMIT_QUEUE, "connections", LIMIT_CONNECTIONS,
                               "event_streams", LIMIT_EVENT_STREAMS, "regions", LIMIT_REGIONS);
    answer_json(q, 200, json_pack("{s:s, s:s, s:f, s:i, s:I, s:o, s:o, s:o, s:[s, s, s, s]}", "version",
                                  haya_version(),
                                  "build", haya_build_info(), "started", s->started, "threads", s->threads,
                                  "sessions", (json_int_t)use.most_sessions, "models_folder",
                                  text_json(s->options.models_folder), "data", data_json(s), "limits", limits,
                                  "picture_formats", "PNG", "JPEG", "TIFF", "BMP"));
    request_finish(q);
}

/* ---- Memory -------------------------------------------------------------------------------------------------- */

/* A sum of the kernel's account, in bytes; below 0: there is none. */
static int64_t account(const char *file, const char *const *keys) {
    FILE *from = fopen(file, "r");
    char line[256];
    int64_t bytes = -1;
    while (from && fgets(line, sizeof line, from)) {
        for (const char *const *key = keys; *key; key++) {
            size_t length = strlen(*key);
            unsigned long long kilobytes;
            if (strncmp(line, *key, length) == 0 && sscanf(line + length, ": %llu kB", &kilobytes) == 1) {
                bytes = (bytes < 0 ? 0 : bytes) + (int64_t)kilobytes * 1024;
            }
        }
    }
    if (from) {
        fclose(from);
    }
    return bytes;
}

static json_t *bytes_json(int64_t bytes) {
    return bytes < 0 ? json_null() : json_integer(bytes);
}

/* Bytes of model files in memory, by their mappings. */
static int64_t resident_models(void) {
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char *line = NULL;
    size_t capacity = 0;
    int64_t bytes = smaps ? 0 : -1;
    bool model = false;
    while (smaps && getline(&line, &capacity, smaps) > 0) {
        unsigned long long kilobytes;
        if (sscanf(line, "Rss: %llu kB", &kilobytes) == 1) {
            bytes += model ? (int64_t)kilobytes * 1024 : 0;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            model = false;
        } else if (strchr(line, '/') && strstr(line, " r--p ")) {
            line[strcspn(line, "\n")] = '\0';
            size_t length = strlen(line);
            model = length > 3 && (strcmp(line + length - 3, ".pb") == 0 || strstr(line, ".pb (deleted)"));
        }
    }
    free(line);
    if (smaps) {
        fclose(smaps);
    }
    return bytes;
}

static json_t *process_json(int64_t models) {
    static const char *const private_keys[] = {"Anonymous", "Swap", NULL}, *const all_keys[] = {"Rss", NULL};
    static const char *const anonymous_keys[] = {"Anonymous", NULL}, *const peak_keys[] = {"VmHWM", NULL};
    const char *rollup = "/proc/self/smaps_rollup";
    int64_t all = account(rollup, all_keys), anonymous = account(rollup, anonymous_keys);
    int64_t of_files = all < 0 || anonymous < 0 ? -1 : all - anonymous;
    int64_t program = of_files < 0 || models < 0 ? -1 : of_files > models ? of_files - models : 0;
    return json_pack("{s:o, s:o, s:o, s:o}", "private_bytes", bytes_json(account(rollup, private_keys)),
                     "shared_bytes", bytes_json(program), "file_bytes", bytes_json(of_files), "peak_bytes",
                     bytes_json(account("/proc/self/status", peak_keys)));
}

static json_t *cache_json(cache *c) {
    cache_use use = cache_usage(c);
    return json_pack("{s:I, s:I, s:I}", "count", (json_int_t)use.count, "bytes", (json_int_t)use.bytes, "limit",
                     (json_int_t)use.limit);
}

void handle_memory(request *q) {
    const server *s = q->server;
    repository_memory use;
    repository_structure *list;
    size_t count;
    haya_error error;
    if (repository_structures(s->repository, &list, &count, &error) != HAYA_OK) {
        answer_haya(q, &error);
        request_finish(q);
        return;
    }
    repository_memory_use(s->repository, &use);
    int64_t resident = resident_models();
    json_t *structures = json_array(), *sessions = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(structures, json_pack("{s:s, s:I, s:I, s:I}", "structure", list[i].structure,
                                                    "models",
                                                    (json_int_t)list[i].models, "plans", (json_int_t)list[i].plans,
                                                    "scratch_bytes", (json_int_t)list[i].scratch_bytes));
    }
    for (size_t i = 0; i < use.sessions; i++) {
        json_array_append_new(sessions, json_pack("{s:s, s:I}", "use", "infer", "scratch_bytes",
                                                  (json_int_t)use.session_bytes[i]));
    }
    if (use.preparing_bytes > 0) {
        json_array_append_new(sessions, json_pack("{s:s, s:I}", "use", "prepare", "scratch_bytes",
                                                  (json_int_t)use.preparing_bytes));
    }
    json_t *models = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)use.models, "opened",
                               (json_int_t)use.opened, "private_bytes", (json_int_t)use.private_bytes,
                               "derived_bytes",
                               (json_int_t)use.derived_bytes, "file_bytes_mapped", (json_int_t)use.mapped_bytes,
                               "file_bytes_resident", bytes_json(resident));
    answer_json(q, 200, json_pack("{s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}}", "process", process_json(resident),
                                  "models", models, "structures", structures, "sessions", sessions, "caches",
                                  "results", cache_json(s->results), "pictures", cache_json(s->pictures),
                                  "thumbnails", cache_json(s->thumbnails)));
    free(list);
    request_finish(q);
}

/* ---- Events -------------------------------------------------------------------------------------------------- */

void handle_events(request *q) {
    const char *last = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID");
    q->stream = events_subscribe(q->server->events, last);
    if (q->stream) {
        answer_bytes(q, "text/event-stream", NULL, 0, NULL, NULL);
        answer_header(q, "X-Accel-Buffering", "no");
    } else {
        answer_error(q, 503, HAYA_ERROR_LIMIT, "too many event streams are open, %d at most", LIMIT_EVENT_STREAMS);
        answer_header(q, "Retry-After", "10");
    }
}
