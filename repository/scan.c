/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking at the files: what is new, what has changed, what is gone. inotify tells of changes at once; network
 * shares send no such events, so that there is a look every few seconds as well.
 *
 * A file counts once size and times have rested: who copies a large file takes a while, and the half of it is no
 * model.
 */
#define _GNU_SOURCE /* realpath */
#include "private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8, SHORTEST_WAIT_MS = 50 };

typedef struct found_file {
    char *path;
    struct stat info;
} found_file;

typedef struct look {
    repository *r;
    found_file *files;
    size_t count, capacity;
    bool unreadable;             /* a folder could not be read: what was in it stays as it was */
    char *why;
    bool too_many;
} look;

/* ---- Collecting ---------------------------------------------------------------------------------------------- */

static void add(look *l, char *path, const struct stat *info) {
    if (l->count == REPOSITORY_MAX_MODELS) {
        l->too_many = true;
        free(path);
        return;
    }
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 256;
        found_file *files = realloc(l->files, capacity * sizeof *files);
        if (!files) {
            l->unreadable = true;
            free(path);
            return;
        }
        l->files = files;
        l->capacity = capacity;
    }
    l->files[l->count++] = (found_file){path, *info};
}

static bool ends_in_pb(const char *name) {
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".pb") == 0;
}

/* Links may not lead out of the folder that was named. */
static bool is_inside(const char *folder, const char *path) {
    char resolved[PATH_MAX];
    size_t length = strlen(folder);
    return realpath(path, resolved) && strncmp(resolved, folder, length) == 0 &&
           (resolved[length] == '/' || length == 1);
}

static void collect(look *l, const char *folder, int depth);

static void examine(look *l, const char *folder, const char *name, int depth) {
    char *path = format_string("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
    struct stat info;
    if (!path || lstat(path, &info) != 0) {
        l->unreadable = l->unreadable || !path;
        free(path);
        return;
    }
    bool link = S_ISLNK(info.st_mode);
    if (S_ISDIR(info.st_mode) && depth < MAX_DEPTH) {
        collect(l, path, depth + 1);
    } else if (ends_in_pb(name) && (!link || (is_inside(l->r->folder, path) && stat(path, &info) == 0)) &&
               S_ISREG(info.st_mode)) {
        add(l, path, &info);
        return;
    }
    free(path);
}

static void collect(look *l, const char *folder, int depth) {
    DIR *directory = opendir(folder);
    if (!directory) {
        /* A folder that is gone has no models. One that can't be read at the moment may have all that it had. */
        if (errno != ENOENT && errno != ENOTDIR && !l->unreadable) {
            l->unreadable = true;
            l->why = format_string("%s: the folder cannot be read: %s", folder, strerror(errno));
        }
        return;
    }
    watch_add(l->r->watch, folder, folder); /* where it cannot be watched, the looks every few seconds do */
    const struct dirent *item;
    while ((item = readdir(directory))) {
        if (item->d_name[0] != '.') {
            examine(l, folder, item->d_name, depth);
        }
    }
    closedir(directory);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const found_file *)a)->path, ((const found_file *)b)->path);
}

static void collect_all(look *l) {
    const repository *r = l->r;
    watch_begin(r->watch);
    if (r->folder) {
        collect(l, r->folder, 0);
    }
    watch_end(r->watch);
    for (size_t i = 0; i < r->file_count; i++) {
        struct stat info;
        char *path = copy_string(r->files[i]);
        if (path && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
            add(l, path, &info);
        } else {
            l->unreadable = l->unreadable || !path;
            free(path);
        }
    }
    if (l->count > 0) {
        qsort(l->files, l->count, sizeof *l->files, by_path);
    }
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (kept > 0 && strcmp(l->files[kept - 1].path, l->files[i].path) == 0) {
            free(l->files[i].path);
        } else {
            l->files[kept++] = l->files[i];
        }
    }
    l->count = kept;
}

/* ---- Comparing with what is known ---------------------------------------------------------------------------- */

/* What a look leads to, once the lock is given up. */
typedef struct change {
    entry *entry;                /* held */
    enum { APPEARED, REOPEN, REMOVED } what;
} change;

typedef struct changes {
    change *list;
    size_t count, capacity;
} changes;

/* Whatever there is no memory for is found again by the next look. */
static bool note(changes *c, entry *e, int what) {
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 64;
        change *list = realloc(c->list, capacity * sizeof *list);
        if (!list) {
            return false;
        }
        c->list = list;
        c->capacity = capacity;
    }
    e->users++;
    c->list[c->count++] = (change){e, what};
    return true;
}

/* `info` is NULL where there is no file. */
static void watched_update(const repository *r, watched *w, const struct stat *info) {
    stamp now = info ? stamp_of(info) : (stamp){0};
    double time = clock_seconds(), rest = r->options.rest_seconds;
    if (!w->seen || !stamp_equal(&w->now, &now)) {
        bool first = !w->seen;
        *w = (watched){.seen = true, .now = now, .since = time};
        /* A file that was there before, and for long, need not be waited for. */
        w->rested = !info || (first && (double)now.modified_s < time - 2 * rest - 1 &&
                              (double)now.changed_s < time - 2 * rest - 1);
    }
    w->rested = w->rested || time - w->since >= rest || time < w->since;
}

/* Whether what is under the path, or beside it, is not what was opened last. */
static bool is_changed(const entry *e) {
    if (!e->opened && !e->broken) {
        return false; /* opened when it is needed */
    }
    bool file = e->file_watch.rested && !stamp_equal(&e->file_watch.now, &e->tried);
    bool beside = e->settings_watch.rested && !stamp_equal(&e->settings_watch.now, &e->settings_known);
    return file || beside;
}

static void update(repository *r, entry *e, const struct stat *info, changes *c) {
    struct stat beside;
    char *path = settings_path_beside(e->path);
    bool there = path && stat(path, &beside) == 0 && S_ISREG(beside.st_mode);
    free(path);
    watched_update(r, &e->file_watch, info);
    watched_update(r, &e->settings_watch, there ? &beside : NULL);
    if (!e->counted && e->file_watch.rested) {
        e->counted = note(c, e, APPEARED);
    } else if (is_changed(e) && !e->opening) {
        note(c, e, REOPEN);
    }
}

static const char *shown_name(const repository *r, const char *path) {
    size_t length = r->folder ? strlen(r->folder) : 0;
    if (length > 0 && strncmp(path, r->folder, length) == 0 && path[length] == '/') {
        return path + length + 1;
    }
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* With the lock held: both lists are sorted by path. */
static void merge(repository *r, const look *l, changes *c) {
    entry **merged = malloc((r->count + l->count + 1) * sizeof *merged);
    if (!merged) {
        return;
    }
    size_t i = 0, k = 0, count = 0;
    while (i < r->count || k < l->count) {
        entry *e = i < r->count ? r->entries[i] : NULL;
        int order = !e ? 1 : k == l->count ? -1 : strcmp(e->path, l->files[k].path);
        if (order == 0) {
            update(r, e, &l->files[k].info, c);
            merged[count++] = e;
            i++;
            k++;
        } else if (order > 0) {
            e = entry_create(l->files[k].path, shown_name(r, l->files[k].path));
            if (e) {
                update(r, e, &l->files[k].info, c);
                merged[count++] = e;
            }
            k++;
        } else if (l->unreadable || l->too_many || !note(c, e, REMOVED)) {
            merged[count++] = e;
            i++;
        } else {
            e->removed = true;
            entry_release(r, e);
            i++;
        }
    }
    free(r->entries);
    r->entries = merged;
    r->count = count;
}

static void act(repository *r, changes *c) {
    for (size_t i = 0; i < c->count; i++) {
        entry *e = c->list[i].entry;
        switch (c->list[i].what) {
        case APPEARED:
            tell(r, REPOSITORY_MODEL, e->id, NULL);
            break;
        case REOPEN:
            entry_reopen(r, e);
            break;
        case REMOVED:
            if (e->counted) {
                tell(r, REPOSITORY_MODEL_REMOVED, e->id, "%s", e->file);
                tell(r, REPOSITORY_INFO, e->id, "%s: the file is gone", e->file);
            }
            break;
        }
        entry_done(r, e);
    }
    bool any = c->count > 0;
    free(c->list);
    if (any) {
        pthread_mutex_lock(&r->lock);
        pthread_cond_broadcast(&r->changed); /* there may be something to prepare */
        pthread_mutex_unlock(&r->lock);
        tell_progress(r);
    }
}

void scan(repository *r) {
    look l = {.r = r};
    changes c = {0};
    collect_all(&l);
    pthread_mutex_lock(&r->lock);
    merge(r, &l, &c);
    bool tell_failure = l.why && !r->folder_failed, tell_many = l.too_many && !r->too_many;
    r->folder_failed = l.unreadable;
    r->too_many = l.too_many;
    pthread_mutex_unlock(&r->lock);
    if (tell_failure) {
        tell(r, REPOSITORY_WARNING, NULL, "%s", l.why);
    }
    if (tell_many) {
        tell(r, REPOSITORY_WARNING, NULL, "there are more than %d models; the rest is left out",
             REPOSITORY_MAX_MODELS);
    }
    act(r, &c);
    for (size_t i = 0; i < l.count; i++) {
        free(l.files[i].path);
    }
    free(l.files);
    free(l.why);
}

/* ---- The thread ---------------------------------------------------------------------------------------------- */

/* With the lock held: whether some file is waited for to rest. */
static bool anything_moves(const repository *r) {
    for (size_t i = 0; i < r->count; i++) {
        if (!r->entries[i]->file_watch.rested || !r->entries[i]->settings_watch.rested) {
            return true;
        }
    }
    return false;
}

void *watcher_main(void *argument) {
    repository *r = argument;
    pthread_mutex_lock(&r->lock);
    while (!r->ending) {
        double seconds = anything_moves(r) ? r->options.rest_seconds / 2 : r->options.scan_seconds;
        int wait = r->look ? 0 : seconds * 1e3 > SHORTEST_WAIT_MS ? (int)(seconds * 1e3) : SHORTEST_WAIT_MS;
        r->look = false;
        pthread_mutex_unlock(&r->lock);
        watch_wait(r->watch, wait, NULL, NULL);
        pthread_mutex_lock(&r->lock);
        bool ending = r->ending;
        pthread_mutex_unlock(&r->lock);
        if (!ending) {
            scan(r);
        }
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}
