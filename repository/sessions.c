/* SPDX-License-Identifier: Apache-2.0
 *
 * The few sessions that all models share.
 */
#define _GNU_SOURCE
#include "private.h"

#include <stdlib.h>

/* With the lock held: of the idle ones that which ran this model last, else one that has the memory, else any. */
static pooled *find_idle(repository *r, const version *v) {
    pooled *best = NULL;
    for (size_t i = 0; i < r->session_count; i++) {
        pooled *p = &r->sessions[i];
        if (p->busy) {
            continue;
        }
        if (p->last == v->serial) {
            return p;
        }
        if (!best || p->scratch_bytes > best->scratch_bytes) {
            best = p;
        }
    }
    return best;
}

/* The session, made on its first use, with room for the plan. It is the caller's alone meanwhile. */
static haya_status make_ready(repository *r, pooled *p, const planned *plan, haya_error *error) {
    haya_status status = HAYA_OK;
    if (!p->session) {
        haya_session_options options = {.struct_size = sizeof options, .threads = r->options.threads};
        status = haya_session_create(&options, &p->session, error);
    }
    if (status == HAYA_OK) {
        status = haya_session_reserve(p->session, plan->plan, error);
    }
    if (status == HAYA_OK) {
        pthread_mutex_lock(&r->lock);
        if (plan->info.scratch_bytes > p->scratch_bytes) {
            p->scratch_bytes = plan->info.scratch_bytes;
        }
        pthread_mutex_unlock(&r->lock);
    }
    return status;
}

haya_status session_take(repository *r, const version *v, planned *plan, pooled **taken, bool *switched,
                         haya_error *error) {
    pthread_mutex_lock(&r->lock);
    pooled *p;
    while (!(p = find_idle(r, v))) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    p->busy = true;
    *switched = p->last != 0 && p->last != v->serial;
    pthread_mutex_unlock(&r->lock);
    haya_status status = make_ready(r, p, plan, error);
    if (status != HAYA_OK) {
        session_give_back(r, p);
        return status;
    }
    p->last = v->serial;
    *taken = p;
    return HAYA_OK;
}

void session_give_back(repository *r, pooled *taken) {
    pthread_mutex_lock(&r->lock);
    taken->busy = false;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void sessions_warm(repository *r, const planned *plan) {
    for (size_t i = 0; i < r->session_count; i++) {
        pooled *p = &r->sessions[i];
        pthread_mutex_lock(&r->lock);
        bool take = !p->busy && p->scratch_bytes < plan->info.scratch_bytes;
        p->busy = p->busy || take;
        pthread_mutex_unlock(&r->lock);
        if (take) {
            /* Where there is no memory, who needs the session will be told. */
            make_ready(r, p, plan, NULL);
            session_give_back(r, p);
        }
    }
}
