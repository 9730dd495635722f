/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders of pictures that were listed lately, each with those below it that were listed along: a "folder" event tells
 * when something in them has changed.
 *
 * The system tells of changes at once. Where it doesn't, as on network shares, a look every two seconds at the folders'
 * times does. These do not tell that a file goes on being written, so that for a while after each change the files are
 * looked at, too: who saw half of a picture sees the whole.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"
#include "system/watch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 2000, TELL_MS = 500, LIVELY_MS = 60000, MAX_LISTED = 64 };

/* One folder. */
typedef struct state {
    char *path;
    double modified;             /* 0: there is none */
    double lively_until;         /* until then its files are looked at */
    uint64_t files;              /* listing_files; 0: not looked at */
} state;

/* What one listing showed. */
typedef struct listed_set {
    state *folders;              /* the listed one first */
    size_t count;
    double used_ms, told_ms;
    bool changed;                /* to be told */
} listed_set;

struct folders {
    server *server;
    watch *watch;
    pthread_t thread;
    pthread_mutex_t lock;        /* of what follows */
    listed_set sets[MAX_LISTED];
    size_t watched;              /* folders in all sets */
    bool listed;                 /* there are new ones */
    bool running, ending;
};

typedef struct folders folders;

/* ---- What is listed ------------------------------------------------------------------------------------------ */

/* With the lock held. */
static void drop_set(folders *f, listed_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->folders[i].path);
    }
    free(set->folders);
    f->watched -= set->count;
    *set = (listed_set){0};
}

/* With the lock held: the set of the folder, or an empty one, or that which was used the longest ago. */
static listed_set *place_for(folders *f, const char *path) {
    listed_set *best = &f->sets[0];
    for (size_t i = 0; i < MAX_LISTED; i++) {
        listed_set *set = &f->sets[i];
        if (set->count > 0 && strcmp(set->folders[0].path, path) == 0) {
            return set;
        }
        if (set->used_ms < best->used_ms) {
            best = set; /* an empty one was used at 0 */
        }
    }
    return best;
}

/* With the lock held: older sets make room, whole; of one that is too large itself, the first folders are taken. */
static void make_room(folders *f, const listed_set *kept, size_t *count) {
    *count = *count < LIMIT_WATCHED ? *count : LIMIT_WATCHED;
    while (f->watched + *count > LIMIT_WATCHED) {
        listed_set *oldest = NULL;
        for (size_t i = 0; i < MAX_LISTED; i++) {
            listed_set *set = &f->sets[i];
            if (set != kept && set->count > 0 && (!oldest || set->used_ms < oldest->used_ms)) {
                oldest = set;
            }
        }
        drop_set(f, oldest);
    }
}

void folders_listed(server *s, seen_folder *seen, size_t count) {
    folders *f = s->folders;
    size_t taken = count;
    pthread_mutex_lock(&f->lock);
    if (count > 0) {
        double now = clock_ms(), calendar = clock_seconds();
        listed_set *set = place_for(f, seen[0].path);
        listed_set before = *set;
        f->watched -= before.count;
        *set = (listed_set){0};
        make_room(f, set, &taken);
        state *list = calloc(taken, sizeof *list);
        for (size_t i = 0; list && i < taken; i++) {
            bool lively = fabs(calendar - seen[i].modified) * 1e3 < LIVELY_MS;
            list[i] = (state){seen[i].path, seen[i].modified, lively ? now + LIVELY_MS : 0, seen[i].files};
            seen[i].path = NULL;
        }
        *set = (listed_set){list, list ? taken : 0, now, before.told_ms, false};
        f->watched += set->count;
        for (size_t i = 0; i < before.count; i++) {
            free(before.folders[i].path);
        }
        free(before.folders);
        f->listed = true;
    }
    pthread_mutex_unlock(&f->lock);
    for (size_t i = 0; i < count; i++) {
        free(seen[i].path);
    }
    watch_wake(f->watch);
}

/* ---- Looking ------------------------------------------------------------------------------------------------- */

static uint64_t files_in(const server *s, const char *path) {
    listing l;
    uint64_t files = 0;
    if (listing_read(s->roots, path, &l, NULL) == HAYA_OK) {
        files = listing_files(&l);
        listing_free(&l);
    }
    return files;
}

/* A folder as it is now, and what watches it from now on. */
static void look_at(folders *f, state *now, bool files) {
    struct stat info;
    char link[32];
    int descriptor = roots_open(f->server->roots, now->path, true, NULL);
    now->modified = 0;
    now->files = 0;
    if (descriptor < 0) {
        return;
    }
    /* By the descriptor: a path might lead elsewhere by now. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    watch_add(f->watch, link, now->path);
    if (fstat(descriptor, &info) == 0) {
        now->modified = (double)info.st_mtim.tv_sec + (double)info.st_mtim.tv_nsec / 1e9;
    }
    close(descriptor);
    now->files = files ? files_in(f->server, now->path) : 0;
}

/* With the lock held: whether the folder is not as it was. What was listed is compared by the folder's time; files are
   compared with those of the look before. */
static bool differs(state *was, const state *now, double time) {
    bool changed = was->modified != now->modified || (was->files && now->files && was->files != now->files);
    was->modified = now->modified;
    was->files = now->files ? now->files : was->files;
    if (changed) {
        was->lively_until = time + LIVELY_MS;
    }
    return changed;
}

/* With the lock held, which is given up meanwhile. */
static void look_at_set(folders *f, size_t index, bool into_files) {
    for (size_t i = 0; i < f->sets[index].count && !f->ending; i++) {
        double time = clock_ms();
        const state *known = &f->sets[index].folders[i];
        state now = {.path = strdup(known->path)};
        bool files = into_files && known->files && time < known->lively_until;
        pthread_mutex_unlock(&f->lock);
        if (now.path) {
            look_at(f, &now, files);
        }
        pthread_mutex_lock(&f->lock);
        listed_set *set = &f->sets[index];
        if (now.path && i < set->count && strcmp(set->folders[i].path, now.path) == 0 &&
            differs(&set->folders[i], &now, time)) {
            set->changed = true;
        }
        free(now.path);
    }
}

/* `into_files`: as far as anything has happened there. */
static void look(folders *f, bool into_files) {
    watch_begin(f->watch);
    pthread_mutex_lock(&f->lock);
    f->listed = false;
    for (size_t i = 0; i < MAX_LISTED; i++) {
        look_at_set(f, i, into_files);
    }
    pthread_mutex_unlock(&f->lock);
    watch_end(f->watch);
}

/* ---- Telling ------------------------------------------------------------------------------------------------- */

/* What the system tells, on the thread that waits. */
static void on_change(void *user, const char *name) {
    folders *f = user;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < MAX_LISTED; i++) {
        listed_set *set = &f->sets[i];
        for (size_t k = 0; k < set->count && !set->changed; k++) {
            set->changed = !name || strcmp(set->folders[k].path, name) == 0;
        }
    }
    pthread_mutex_unlock(&f->lock);
}

/* Each at most twice a second; how long until the next, below 0: there is none. */
static int tell(folders *f) {
    int wait = -1;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < MAX_LISTED && !f->ending; i++) {
        listed_set *set = &f->sets[i];
        double left = set->told_ms + TELL_MS - clock_ms();
        if (!set->changed) {
            continue;
        }
        if (left > 0) {
            wait = wait < 0 || left < wait ? (int)left + 1 : wait;
            continue;
        }
        set->changed = false;
        set->told_ms = clock_ms();
        json_t *data = json_pack("{s:o}", "path", text_json(set->folders[0].path));
        pthread_mutex_unlock(&f->lock);
        events_publish(f->server->events, "folder", data);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return wait;
}

static void *watch_folders(void *user) {
    folders *f = user;
    double looked = -1e9;
    pthread_mutex_lock(&f->lock);
    while (!f->ending) {
        bool due = clock_ms() - looked >= LOOK_MS, wanted = due || f->listed;
        pthread_mutex_unlock(&f->lock);
        if (wanted) {
            look(f, due);
            looked = due ? clock_ms() : looked;
        }
        int wait = tell(f), left = (int)(looked + LOOK_MS - clock_ms()) + 1;
        left = left < 0 ? 0 : left;
        watch_wait(f->watch, wait >= 0 && wait < left ? wait : left, on_change, f);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- Starting and ending ------------------------------------------------------------------------------------- */

haya_status folders_create(server *s, haya_error *error) {
    folders *f = s->folders = calloc(1, sizeof *f);
    if (!f) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    f->server = s;
    pthread_mutex_init(&f->lock, NULL);
    f->watch = watch_create(LIMIT_WATCHED);
    return f->watch ? HAYA_OK
                    : inspection_fail(error, HAYA_ERROR_IO, "folders cannot be watched: %s", strerror(errno));
}

haya_status folders_start(server *s, haya_error *error) {
    folders *f = s->folders;
    f->running = pthread_create(&f->thread, NULL, watch_folders, f) == 0;
    return f->running ? HAYA_OK : inspection_fail(error, HAYA_ERROR_THREAD, "a thread could not be created");
}

void folders_stop(server *s) {
    folders *f = s->folders;
    if (f && f->running) {
        pthread_mutex_lock(&f->lock);
        f->ending = true;
        pthread_mutex_unlock(&f->lock);
        watch_wake(f->watch);
        pthread_join(f->thread, NULL);
        f->running = false;
    }
}

void folders_free(server *s) {
    folders *f = s->folders;
    if (f) {
        for (size_t i = 0; i < MAX_LISTED; i++) {
            drop_set(f, &f->sets[i]);
        }
        watch_free(f->watch);
        pthread_mutex_destroy(&f->lock);
        free(f);
    }
}
