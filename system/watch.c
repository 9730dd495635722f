/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pipe2, strdup */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { SWARM_MS = 50 };

static const uint32_t wanted_events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

typedef struct watched {
    int descriptor;              /* inotify's: the larger, the later; never given twice */
    uint64_t round;
    char *name;
} watched;

struct watch {
    int inotify;                 /* below 0: the system has none to give */
    int wake[2];
    size_t most;
    uint64_t round;
    watched *list;               /* by descriptor */
    size_t count, capacity;
};

watch *watch_create(size_t most) {
    watch *w = calloc(1, sizeof *w);
    if (!w) {
        return NULL;
    }
    if (pipe2(w->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        int why = errno;
        free(w);
        errno = why;
        return NULL;
    }
    w->most = most;
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return w;
}

void watch_free(watch *w) {
    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        free(w->list[i].name);
    }
    free(w->list);
    if (w->inotify >= 0) {
        close(w->inotify);
    }
    close(w->wake[0]);
    close(w->wake[1]);
    free(w);
}

size_t watch_count(const watch *w) {
    return w->count;
}

/* The place of the descriptor in the list, or where it would be. */
static size_t place_of(const watch *w, int descriptor) {
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->list[middle].descriptor < descriptor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static watched *find(const watch *w, int descriptor) {
    size_t place = place_of(w, descriptor);
    return place < w->count && w->list[place].descriptor == descriptor ? &w->list[place] : NULL;
}

static void forget(watch *w, watched *one) {
    free(one->name);
    size_t place = (size_t)(one - w->list);
    memmove(one, one + 1, (w->count - place - 1) * sizeof *one);
    w->count--;
}

/* ---- Rounds -------------------------------------------------------------------------------------------------- */

void watch_begin(watch *w) {
    w->round++;
}

static bool has_room(watch *w) {
    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 16;
        watched *list = realloc(w->list, capacity * sizeof *list);
        if (!list) {
            return false;
        }
        w->list = list;
        w->capacity = capacity;
    }
    return true;
}

static bool rename_watched(watched *one, const char *name) {
    if (strcmp(one->name, name) == 0) {
        return true;
    }
    char *copy = strdup(name);
    if (copy) {
        free(one->name);
        one->name = copy;
    }
    return copy != NULL;
}

bool watch_add(watch *w, const char *path, const char *name) {
    if (w->inotify < 0) {
        return false;
    }
    /* Of a folder that is watched already it gives the descriptor again. */
    int descriptor = inotify_add_watch(w->inotify, path, wanted_events);
    if (descriptor < 0) {
        return false;
    }
    watched *one = find(w, descriptor);
    if (one) {
        one->round = w->round;
        return rename_watched(one, name);
    }
    char *copy = w->count < w->most && has_room(w) ? strdup(name) : NULL;
    if (!copy) {
        inotify_rm_watch(w->inotify, descriptor);
        return false;
    }
    size_t place = place_of(w, descriptor);
    memmove(&w->list[place + 1], &w->list[place], (w->count - place) * sizeof *w->list);
    w->list[place] = (watched){descriptor, w->round, copy};
    w->count++;
    return true;
}

void watch_end(watch *w) {
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->list[i].round == w->round) {
            w->list[kept++] = w->list[i];
        } else {
            inotify_rm_watch(w->inotify, w->list[i].descriptor);
            free(w->list[i].name);
        }
    }
    w->count = kept;
}

/* ---- Waiting ------------------------------------------------------------------------------------------------- */

static void tell(watch *w, const struct inotify_event *event, void (*changed)(void *user, const char *name),
                 void *user) {
    watched *one = find(w, event->wd);
    if (changed && (one || event->mask & IN_Q_OVERFLOW)) {
        changed(user, one ? one->name : NULL);
    }
    if (one && event->mask & IN_IGNORED) {
        forget(w, one); /* the folder is gone */
    }
}

static void read_events(watch *w, void (*changed)(void *user, const char *name), void *user) {
    union {
        struct inotify_event event; /* for its alignment */
        char bytes[64 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    } buffer;
    ssize_t got;
    while (w->inotify >= 0 && (got = read(w->inotify, buffer.bytes, sizeof buffer.bytes)) > 0) {
        for (size_t at = 0; at + sizeof buffer.event <= (size_t)got;) {
            struct inotify_event event;
            memcpy(&event, buffer.bytes + at, sizeof event); /* without the name of the file */
            tell(w, &event, changed, user);
            at += sizeof event + event.len;
        }
    }
}

void watch_wait(watch *w, int milliseconds, void (*changed)(void *user, const char *name), void *user) {
    struct pollfd ends[] = {{.fd = w->wake[0], .events = POLLIN}, {.fd = w->inotify, .events = POLLIN}};
    if (poll(ends, 2, milliseconds) > 0 && ends[1].revents) {
        poll(ends, 1, SWARM_MS); /* events come in swarms */
    }
    char bytes[64];
    while (read(w->wake[0], bytes, sizeof bytes) > 0) {
    }
    read_events(w, changed, user);
}

void watch_wake(watch *w) {
    while (write(w->wake[1], "", 1) < 0 && errno == EINTR) {
    }
}
