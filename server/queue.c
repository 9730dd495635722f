/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that take jobs from a queue of limited length, in order.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <stdlib.h>

enum { MAX_THREADS = 16 };

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    job *first, **end;
    size_t waiting, limit;
    bool ending;
    pthread_t threads[MAX_THREADS];
    int thread_count;
};

static void *work(void *argument) {
    pool *p = argument;
    pthread_mutex_lock(&p->lock);
    while (p->first || !p->ending) {
        job *j = p->first;
        if (!j) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        p->first = j->next;
        if (!p->first) {
            p->end = &p->first;
        }
        p->waiting--;
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

pool *pool_create(int threads, size_t limit) {
    pool *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->end = &p->first;
    p->limit = limit;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    while (p->thread_count < threads && p->thread_count < MAX_THREADS &&
           pthread_create(&p->threads[p->thread_count], NULL, work, p) == 0) {
        p->thread_count++;
    }
    if (p->thread_count == 0) {
        pool_free(p);
        return NULL;
    }
    return p;
}

/* With the lock held. */
static void append(pool *p, job *j) {
    j->next = NULL;
    *p->end = j;
    p->end = &j->next;
    p->waiting++;
    pthread_cond_signal(&p->changed);
}

bool pool_add(pool *p, job *j) {
    pthread_mutex_lock(&p->lock);
    bool fits = p->waiting < p->limit && !p->ending;
    if (fits) {
        append(p, j);
    }
    pthread_mutex_unlock(&p->lock);
    return fits;
}

void pool_add_again(pool *p, job *j) {
    pthread_mutex_lock(&p->lock);
    append(p, j);
    pthread_mutex_unlock(&p->lock);
}

size_t pool_waiting(pool *p) {
    pthread_mutex_lock(&p->lock);
    size_t waiting = p->waiting;
    pthread_mutex_unlock(&p->lock);
    return waiting;
}

void pool_free(pool *p) {
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->thread_count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
