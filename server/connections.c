/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits on the whole time that a client takes for header, body and answer. libmicrohttpd closes connections on
 * which nothing happens; one that sends a byte now and then would stay for ever.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <stdlib.h>
#include <sys/socket.h>

typedef struct tracked {
    struct tracked *next, *previous;
    int socket;
    phase phase;
    double since_ms;
} tracked;

struct connections {
    pthread_mutex_t lock;
    tracked *first;
};

connections *connections_create(void) {
    connections *c = calloc(1, sizeof *c);
    if (c) {
        pthread_mutex_init(&c->lock, NULL);
    }
    return c;
}

void connections_free(connections *c) {
    if (c) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void *connections_enter(connections *c, int socket) {
    tracked *t = calloc(1, sizeof *t);
    if (t) {
        t->socket = socket;
        t->since_ms = clock_ms();
        pthread_mutex_lock(&c->lock);
        t->next = c->first;
        if (c->first) {
            c->first->previous = t;
        }
        c->first = t;
        pthread_mutex_unlock(&c->lock);
    }
    return t;
}

void connections_leave(connections *c, void *connection) {
    tracked *t = connection;
    if (t) {
        pthread_mutex_lock(&c->lock);
        *(t->previous ? &t->previous->next : &c->first) = t->next;
        if (t->next) {
            t->next->previous = t->previous;
        }
        pthread_mutex_unlock(&c->lock);
        free(t);
    }
}

void connections_phase(connections *c, void *connection, phase p) {
    tracked *t = connection;
    if (t) {
        pthread_mutex_lock(&c->lock);
        t->phase = p;
        t->since_ms = clock_ms();
        pthread_mutex_unlock(&c->lock);
    }
}

void connections_close_late(connections *c) {
    /* A header also waits for the next request of a connection that stays open. */
    static const double most_seconds[] = {[PHASE_HEADER] = SECONDS_HEADER, [PHASE_JSON_BODY] = SECONDS_JSON_BODY,
                                          [PHASE_PICTURE_BODY] = SECONDS_PICTURE_BODY, [PHASE_WORK] = 1e9,
                                          [PHASE_ANSWER] = SECONDS_ANSWER};
    double now = clock_ms();
    pthread_mutex_lock(&c->lock);
    for (tracked *t = c->first; t; t = t->next) {
        if (now - t->since_ms > most_seconds[t->phase] * 1e3) {
            shutdown(t->socket, SHUT_RDWR); /* libmicrohttpd sees its end, and closes it */
        }
    }
    pthread_mutex_unlock(&c->lock);
}
