/* SPDX-License-Identifier: Apache-2.0
 *
 * Preparing models in the background: on one thread of low priority, one model at a time, while nobody infers.
 * Models that were asked for come first, then those that are looked at, then all others by name.
 */
#define _GNU_SOURCE
#include "private.h"

#include "inspection/input.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#if defined(__linux__)
#  include <sys/syscall.h>
#  include <unistd.h>
#endif

/* How long one that was asked for waits for a gap between inferences. */
enum { PATIENCE_MS = 500 };

static void lower_priority(void) {
#if defined(__linux__)
    /* On Linux each thread has its own; it stays a wish where it is refused. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
#endif
}

/* ---- Which one next ------------------------------------------------------------------------------------------ */

static bool wants(const repository *r, const entry *e) {
    if (!e->counted || e->removed || e->ready || e->being_prepared || (!e->current && e->broken)) {
        return false;
    }
    return e->asked || (r->options.prepare && !e->prepare_failed);
}

/* With the lock held: bytes of the files that are prepared. */
static uint64_t prepared_bytes(const repository *r) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < r->count; i++) {
        bytes += r->entries[i]->ready ? r->entries[i]->file_watch.now.size : 0;
    }
    return bytes;
}

/* Lower comes first. */
enum { ASKED_FOR, LOOKED_AT, UNOPENED, OTHER };

static int rank(const entry *e) {
    return e->asked ? ASKED_FOR : e->visible ? LOOKED_AT : !e->opened ? UNOPENED : OTHER;
}

static entry *choose(repository *r) {
    entry *best = NULL;
    uint64_t used = prepared_bytes(r);
    for (size_t i = 0; i < r->count; i++) {
        entry *e = r->entries[i];
        if (!wants(r, e)) {
            continue;
        }
        bool fits = used + e->file_watch.now.size <= r->options.prepare_bytes;
        if (!e->asked && e->opened && !fits) {
            continue;
        }
        int order = best ? rank(e) - rank(best) : -1;
        if (order < 0 || (order == 0 && rank(e) == ASKED_FOR && e->asked < best->asked) ||
            (order == 0 && rank(e) != ASKED_FOR && repository_natural_order(e->file, best->file) < 0)) {
            best = e;
        }
    }
    return best;
}

/* ---- Preparing one ------------------------------------------------------------------------------------------- */

typedef struct preparer {
    repository *r;
    haya_session *session;
} preparer;

static haya_status prepare_version(preparer *p, version *v, double *ms, haya_error *error) {
    repository *r = p->r;
    planned *plan;
    double made_ms;
    haya_shape shape = v->planned_input;
    haya_status status = HAYA_OK;
    if (shape.rank == 0) {
        status = input_shape(&v->settings->s.input, &v->input, USUAL_SIDE, USUAL_SIDE, 1, "a picture", &shape,
                             error);
    }
    if (status == HAYA_OK) {
        status = structure_plan(r, v->structure, &shape, &plan, &made_ms, error);
    }
    if (status != HAYA_OK) {
        return status;
    }
    if (!p->session) {
        haya_session_options options = {.struct_size = sizeof options, .threads = 1};
        status = haya_session_create(&options, &p->session, error);
    }
    if (status == HAYA_OK) {
        sessions_warm(r, plan);
        status = haya_session_reserve(p->session, plan->plan, error);
    }
    double start = clock_ms();
    if (status == HAYA_OK) {
        status = haya_prepare(p->session, plan->plan, v->weights, error);
    }
    *ms = clock_ms() - start;
    pthread_mutex_lock(&r->lock);
    if (plan->info.scratch_bytes > r->preparing_bytes) {
        r->preparing_bytes = plan->info.scratch_bytes;
    }
    pthread_mutex_unlock(&r->lock);
    structure_done(r, plan);
    return status;
}

/* `only_open`: all models are opened, which is quick and tells what they are, before any is prepared unasked. */
static void prepare_entry(preparer *p, entry *e, bool only_open) {
    repository *r = p->r;
    haya_error error;
    version *v;
    bool opened;
    double ms = NAN;
    if (!only_open) {
        tell(r, REPOSITORY_MODEL, e->id, NULL);
    }
    haya_status status = entry_open(r, e, &v, &opened, &error);
    if (status == HAYA_OK && !only_open) {
        status = prepare_version(p, v, &ms, &error);
    }
    pthread_mutex_lock(&r->lock);
    e->being_prepared = false;
    e->asked = only_open ? e->asked : 0;
    bool current = status == HAYA_OK && e->current == v;
    if (current && !only_open) {
        e->ready = true;
        v->ran = true;
        e->first_ms = isnan(e->first_ms) ? ms : e->first_ms;
    }
    e->prepare_failed = status != HAYA_OK;
    if (v) {
        version_release(r, v);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (!only_open) {
        tell(r, REPOSITORY_MODEL, e->id, NULL);
    }
    if (status != HAYA_OK && !opened) {
        tell(r, REPOSITORY_WARNING, e->id, "%s", error.message);
        entry_failed(r, &error);
    } else if (current && !only_open) {
        tell(r, REPOSITORY_INFO, e->id, "%s is ready: %.1f ms", e->file, ms);
    }
    tell_progress(r);
}

/* With the lock held: waits for a gap; false where something came up. */
static bool wait_for_gap(repository *r, const entry *e) {
    if (r->running == 0) {
        return true;
    }
    if (!e->asked) {
        pthread_cond_wait(&r->changed, &r->lock);
        return false;
    }
    double end = clock_ms() + PATIENCE_MS;
    while (r->running > 0 && !r->ending && clock_ms() < end) {
        struct timespec until = clock_in_ms(20);
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    return !r->ending && !e->removed;
}

void *preparer_main(void *argument) {
    preparer p = {.r = argument};
    repository *r = argument;
    lower_priority();
    pthread_mutex_lock(&r->lock);
    while (!r->ending) {
        entry *e = choose(r);
        if (!e) {
            if (p.session) {
                pthread_mutex_unlock(&r->lock);
                haya_session_free(p.session); /* its memory is for when there is something to prepare */
                p.session = NULL;
                pthread_mutex_lock(&r->lock);
                r->preparing_bytes = 0;
                continue;
            }
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        e->users++;
        if (wait_for_gap(r, e)) {
            bool only_open = rank(e) == UNOPENED;
            e->being_prepared = !only_open;
            pthread_mutex_unlock(&r->lock);
            prepare_entry(&p, e, only_open);
            pthread_mutex_lock(&r->lock);
        }
        entry_release(r, e);
    }
    pthread_mutex_unlock(&r->lock);
    haya_session_free(p.session);
    return NULL;
}

/* ---- What is asked for --------------------------------------------------------------------------------------- */

static haya_status check_ids(repository *r, const char *const *ids, size_t count, haya_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (!entry_find_locked(r, ids[i])) {
            return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%s'", ids[i]);
        }
    }
    return HAYA_OK;
}

static void ask(repository *r, entry *e, size_t *wanted, size_t *ready) {
    ++*wanted;
    *ready += e->ready;
    if (!e->ready && !e->asked && (e->current || !e->broken)) {
        e->asked = ++r->asked;
    }
}

haya_status repository_prepare(repository *r, const char *const *ids, size_t count, size_t *wanted, size_t *ready,
                               haya_error *error) {
    *wanted = *ready = 0;
    pthread_mutex_lock(&r->lock);
    haya_status status = check_ids(r, ids, ids ? count : 0, error);
    for (size_t i = 0; status == HAYA_OK && i < (ids ? count : r->count); i++) {
        entry *e = ids ? entry_find_locked(r, ids[i]) : r->entries[i];
        if (e->counted) {
            ask(r, e, wanted, ready);
        }
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (status == HAYA_OK) {
        tell_progress(r);
    }
    return status;
}

haya_status repository_set_visible(repository *r, const char *const *ids, size_t count, haya_error *error) {
    pthread_mutex_lock(&r->lock);
    haya_status status = check_ids(r, ids, count, error);
    for (size_t i = 0; status == HAYA_OK && i < r->count; i++) {
        r->entries[i]->visible = false;
    }
    for (size_t i = 0; status == HAYA_OK && i < count; i++) {
        entry_find_locked(r, ids[i])->visible = true;
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static void count_progress(const repository *r, size_t *wanted, size_t *ready) {
    *wanted = *ready = 0;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = r->entries[i];
        bool usable = e->counted && (e->current || !e->broken);
        *wanted += usable && (r->options.prepare || e->asked || e->ready);
        *ready += usable && e->ready;
    }
}

void repository_progress(repository *r, size_t *wanted, size_t *ready) {
    pthread_mutex_lock(&r->lock);
    count_progress(r, wanted, ready);
    pthread_mutex_unlock(&r->lock);
}

void tell_progress(repository *r) {
    size_t wanted, ready;
    pthread_mutex_lock(&r->lock);
    count_progress(r, &wanted, &ready);
    bool changed = wanted != r->progress_wanted || ready != r->progress_ready;
    r->progress_wanted = wanted;
    r->progress_ready = ready;
    pthread_mutex_unlock(&r->lock);
    if (changed) {
        tell(r, REPOSITORY_PREPARING, NULL, NULL);
    }
}
