/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers whose end is not known at their beginning: written by any thread, sent by the one that talks. While
 * there is nothing to send the connection is suspended.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 * 1024 };

struct stream {
    atomic_size_t users;
    pthread_mutex_t lock;
    struct MHD_Connection *connection; /* NULL: not yet, or gone */
    int socket;                        /* the connection's */
    char *data;                        /* what waits: [sent, size) */
    size_t sent, size, capacity, limit;
    bool suspended, ended, gone;
};

stream *stream_create(size_t limit) {
    stream *s = calloc(1, sizeof *s);
    if (s) {
        atomic_init(&s->users, 1);
        pthread_mutex_init(&s->lock, NULL);
        s->limit = limit;
    }
    return s;
}

void stream_retain(stream *s) {
    atomic_fetch_add(&s->users, 1);
}

void stream_release(stream *s) {
    if (s && atomic_fetch_sub(&s->users, 1) == 1) {
        pthread_mutex_destroy(&s->lock);
        free(s->data);
        free(s);
    }
}

/* With the lock held. */
static void wake(stream *s) {
    if (s->suspended) {
        s->suspended = false;
        MHD_resume_connection(s->connection);
    }
}

/* With the lock held. */
static bool make_room(stream *s, size_t size) {
    if (s->sent > 0) {
        memmove(s->data, s->data + s->sent, s->size - s->sent);
        s->size -= s->sent;
        s->sent = 0;
    }
    if (s->size + size > s->limit) {
        return false;
    }
    if (s->size + size > s->capacity) {
        size_t capacity = 2 * s->capacity > s->size + size ? 2 * s->capacity : s->size + size + BLOCK;
        char *data = realloc(s->data, capacity);
        if (!data) {
            return false;
        }
        s->data = data;
        s->capacity = capacity;
    }
    return true;
}

bool stream_write(stream *s, const void *data, size_t size) {
    pthread_mutex_lock(&s->lock);
    bool ok = !s->gone && !s->ended && make_room(s, size);
    if (ok) {
        memcpy(s->data + s->size, data, size);
        s->size += size;
        wake(s);
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void stream_end(stream *s) {
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    wake(s);
    pthread_mutex_unlock(&s->lock);
}

bool has_hung_up(int socket) {
    struct pollfd end = {.fd = socket, .events = POLLRDHUP};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool stream_is_gone(stream *s) {
    pthread_mutex_lock(&s->lock);
    bool gone = s->gone;
    /* While it is suspended, nobody listens to the connection. */
    gone = gone || (s->connection && has_hung_up(s->socket));
    pthread_mutex_unlock(&s->lock);
    return gone;
}

/* On the thread that talks. */
static ssize_t read_stream(void *user, uint64_t position, char *to, size_t most) {
    (void)position;
    stream *s = user;
    pthread_mutex_lock(&s->lock);
    ssize_t got;
    size_t waiting = s->size - s->sent;
    if (waiting > 0) {
        size_t part = waiting < most ? waiting : most;
        memcpy(to, s->data + s->sent, part);
        s->sent += part;
        if (s->sent == s->size && s->capacity > 4 * BLOCK) {
            free(s->data); /* a burst is over */
            s->data = NULL;
            s->capacity = 0;
            s->sent = s->size = 0;
        }
        got = (ssize_t)part;
    } else if (s->ended) {
        got = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
        got = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return got;
}

static void close_stream(void *user) {
    stream *s = user;
    pthread_mutex_lock(&s->lock);
    s->gone = true;
    s->connection = NULL;
    pthread_mutex_unlock(&s->lock);
    stream_release(s);
}

struct MHD_Response *stream_response(stream *s, struct MHD_Connection *connection, int socket) {
    pthread_mutex_lock(&s->lock);
    s->connection = connection;
    s->socket = socket;
    pthread_mutex_unlock(&s->lock);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, s, close_stream);
    if (response) {
        stream_retain(s);
    }
    return response;
}
