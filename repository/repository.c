/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* realpath */
#include "private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From how many processors on two runs at once waste less than one run that is spread over all of them. */
enum { PROCESSORS_FOR_TWO = 8 };

static uint64_t half_of_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
    unsigned long long limit;
    FILE *group = fopen("/sys/fs/cgroup/memory.max", "r"); /* what a container is left with */
    if (group) {
        if (fscanf(group, "%llu", &limit) == 1 && limit < bytes) {
            bytes = limit;
        }
        fclose(group);
    }
    return bytes / 2;
}

static void set_defaults(repository *r, const repository_options *options) {
    r->options = *options;
    r->options.folder = NULL;
    r->options.files = NULL;
    if (r->options.sessions <= 0) {
        r->options.sessions = sysconf(_SC_NPROCESSORS_ONLN) >= PROCESSORS_FOR_TWO ? 2 : 1;
    }
    r->session_count = r->options.sessions > MAX_SESSIONS ? MAX_SESSIONS : (size_t)r->options.sessions;
    r->options.rest_seconds = options->rest_seconds > 0 ? options->rest_seconds : 1;
    r->options.scan_seconds = options->scan_seconds > 0 ? options->scan_seconds : 2;
    r->options.prepare_bytes = options->prepare_bytes ? options->prepare_bytes : half_of_memory();
}

/* The file's own name in the folder that it really lies in: a link that is replaced later is followed anew. */
static char *absolute_path(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : copy_string(".");
    char *resolved = folder ? realpath(folder, NULL) : NULL;
    char *joined = resolved ? format_string("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
                                            slash ? slash + 1 : path)
                            : NULL;
    free(folder);
    free(resolved);
    return joined;
}

static haya_status fail_errno(haya_error *error, const char *path) {
    return inspection_fail(error, HAYA_ERROR_IO, "%s: cannot be opened: %s", path, strerror(errno));
}

static haya_status resolve(repository *r, const repository_options *options, haya_error *error) {
    struct stat info;
    if (options->folder) {
        r->folder = realpath(options->folder, NULL);
        if (!r->folder || stat(r->folder, &info) != 0) {
            return fail_errno(error, options->folder);
        }
        if (!S_ISDIR(info.st_mode)) {
            return inspection_fail(error, HAYA_ERROR_IO, "%s: is no folder", options->folder);
        }
    }
    r->files = calloc(options->file_count ? options->file_count : 1, sizeof *r->files);
    for (size_t i = 0; r->files && i < options->file_count; i++) {
        if (stat(options->files[i], &info) != 0) {
            return fail_errno(error, options->files[i]);
        }
        char *path = absolute_path(options->files[i]);
        if (!path) {
            return fail_errno(error, options->files[i]);
        }
        r->files[r->file_count++] = path;
    }
    return r->files ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static haya_status start(repository *r, haya_error *error) {
    r->watch = watch_create(MAX_WATCHED);
    if (!r->watch) {
        return inspection_fail(error, HAYA_ERROR_IO, "the folder cannot be watched: %s", strerror(errno));
    }
    scan(r);
    r->has_watcher = pthread_create(&r->watcher, NULL, watcher_main, r) == 0;
    r->has_preparer = r->has_watcher && pthread_create(&r->preparer, NULL, preparer_main, r) == 0;
    return r->has_preparer ? HAYA_OK
                           : inspection_fail(error, HAYA_ERROR_THREAD, "a thread could not be created");
}

haya_status repository_create(const repository_options *options, repository **created, haya_error *error) {
    *created = NULL;
    repository *r = calloc(1, sizeof *r);
    if (!r) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    set_defaults(r, options);
    haya_status status = resolve(r, options, error);
    status = status == HAYA_OK ? start(r, error) : status;
    if (status != HAYA_OK) {
        repository_free(r);
        return status;
    }
    *created = r;
    return HAYA_OK;
}

void repository_free(repository *r) {
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->has_watcher) {
        watch_wake(r->watch);
        pthread_join(r->watcher, NULL);
    }
    if (r->has_preparer) {
        pthread_join(r->preparer, NULL);
    }
    for (size_t i = 0; i < r->count; i++) {
        entry_release(r, r->entries[i]);
    }
    for (size_t i = 0; i < r->session_count; i++) {
        haya_session_free(r->sessions[i].session);
    }
    for (size_t i = 0; i < r->file_count; i++) {
        free(r->files[i]);
    }
    watch_free(r->watch);
    free(r->entries);
    free(r->files);
    free(r->folder);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void tell(repository *r, repository_change change, const char *id, const char *format, ...) {
    char text[2048];
    if (!r->options.changed) {
        return;
    }
    if (format) {
        va_list values;
        va_start(values, format);
        vsnprintf(text, sizeof text, format, values);
        va_end(values);
    }
    r->options.changed(r->options.user, change, id, format ? text : NULL);
}

void repository_memory_use(repository *r, repository_memory *use) {
    *use = (repository_memory){0};
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        const version *v = r->entries[i]->current;
        use->models += r->entries[i]->counted;
        if (v) {
            use->opened++;
            use->private_bytes += byte_count_bytes(v->bytes);
            use->derived_bytes += v->derived_bytes;
            use->mapped_bytes += v->mapped_bytes;
        }
    }
    for (size_t i = 0; i < r->session_count; i++) {
        if (r->sessions[i].session) {
            use->session_bytes[use->sessions++] = r->sessions[i].scratch_bytes;
        }
    }
    use->most_sessions = r->session_count;
    use->preparing_bytes = r->preparing_bytes;
    pthread_mutex_unlock(&r->lock);
}
