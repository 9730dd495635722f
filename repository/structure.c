/* SPDX-License-Identifier: Apache-2.0
 *
 * Structures and their plans.
 */
#define _GNU_SOURCE
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool shapes_equal(const haya_shape *a, const haya_shape *b) {
    if (a->rank != b->rank) {
        return false;
    }
    for (int32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return false;
        }
    }
    return true;
}

/* With the lock held. */
static planned *find_plan(structure *s, const haya_shape *shape) {
    for (size_t i = 0; i < MAX_PLANS; i++) {
        if (s->plans[i] && shapes_equal(&s->plans[i]->shape, shape)) {
            s->plans[i]->users++;
            s->plans[i]->used = ++s->clock;
            return s->plans[i];
        }
    }
    return NULL;
}

static void free_planned(planned *p) {
    haya_plan_free(p->plan);
    free(p);
}

/* With the lock held: a place for one more, where need be that of the plan whose last use is the longest ago;
   NULL where all are in use. */
static planned **place_for_plan(structure *s) {
    planned **oldest = NULL;
    for (size_t i = 0; i < MAX_PLANS; i++) {
        planned **place = &s->plans[i];
        if (!*place) {
            return place;
        }
        if ((*place)->users == 1 && (!oldest || (*place)->used < (*oldest)->used)) {
            oldest = place;
        }
    }
    if (oldest) {
        free_planned(*oldest);
        *oldest = NULL;
    }
    return oldest;
}

haya_status structure_plan(repository *r, structure *s, const haya_shape *shape, planned **plan, double *made_ms,
                           haya_error *error) {
    *made_ms = NAN;
    pthread_mutex_lock(&r->lock);
    *plan = find_plan(s, shape);
    pthread_mutex_unlock(&r->lock);
    if (*plan) {
        return HAYA_OK;
    }
    planned *made = calloc(1, sizeof *made);
    if (!made) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    haya_plan_options options = {.struct_size = sizeof options, .threads = r->options.threads};
    double start = clock_ms();
    haya_status status = haya_plan_create(s->program, shape, 1, &options, &made->plan, error);
    if (status != HAYA_OK) {
        free(made);
        return status;
    }
    *made_ms = clock_ms() - start;
    made->shape = *shape;
    made->users = 1; /* who asked; the structure's place is counted below */
    haya_plan_get_info(made->plan, &made->info);

    pthread_mutex_lock(&r->lock);
    *plan = find_plan(s, shape); /* somebody was faster */
    if (*plan) {
        free_planned(made);
    } else {
        *plan = made;
        planned **place = place_for_plan(s);
        if (place) {
            made->users++;
            made->used = ++s->clock;
            *place = made;
        }
        if (isnan(s->plan_ms)) {
            s->plan_ms = s->program_ms + *made_ms;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return HAYA_OK;
}

/* With the lock held. */
static void release_planned(planned *p) {
    if (--p->users == 0) {
        free_planned(p);
    }
}

void structure_done(repository *r, planned *plan) {
    if (plan) {
        pthread_mutex_lock(&r->lock);
        release_planned(plan);
        pthread_mutex_unlock(&r->lock);
    }
}

void structure_release(repository *r, structure *s) {
    if (!s || --s->versions > 0) {
        return;
    }
    for (structure **at = &r->structures; *at; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            break;
        }
    }
    structure_free(s);
}

void structure_free(structure *s) {
    for (size_t i = 0; i < MAX_PLANS; i++) {
        if (s->plans[i]) {
            release_planned(s->plans[i]);
        }
    }
    haya_program_free(s->program);
    free(s->feed);
    for (size_t i = 0; i < s->fetch_count; i++) {
        free(s->fetches[i]);
    }
    free(s->fetches);
    free(s);
}

static repository_structure describe(const structure *s) {
    repository_structure d = {.plan_ms = s->plan_ms, .parameter_bytes = s->info.parameter_bytes};
    memcpy(d.structure, s->info.fingerprint, sizeof d.structure);
    uint64_t latest = 0;
    for (size_t i = 0; i < MAX_PLANS; i++) {
        const planned *p = s->plans[i];
        if (!p) {
            continue;
        }
        d.plans++;
        d.scratch_bytes = p->info.scratch_bytes > d.scratch_bytes ? p->info.scratch_bytes : d.scratch_bytes;
        if (p->used >= latest) {
            latest = p->used;
            d.flops = p->info.flops;
        }
    }
    return d;
}

/* Programs of one fingerprint that differ in what they fetch are one structure to those who look. */
static repository_structure *find_described(repository_structure *list, size_t count, const char *fingerprint) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].structure, fingerprint) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

haya_status repository_structures(repository *r, repository_structure **structures, size_t *count,
                                  haya_error *error) {
    pthread_mutex_lock(&r->lock);
    size_t total = 0, used = 0;
    for (structure *s = r->structures; s; s = s->next) {
        total++;
    }
    repository_structure *list = calloc(total ? total : 1, sizeof *list);
    for (structure *s = r->structures; list && s; s = s->next) {
        repository_structure d = describe(s);
        repository_structure *same = find_described(list, used, d.structure);
        if (!same) {
            list[used++] = d;
            continue;
        }
        same->plans += d.plans;
        same->scratch_bytes = d.scratch_bytes > same->scratch_bytes ? d.scratch_bytes : same->scratch_bytes;
    }
    for (size_t i = 0; list && i < r->count; i++) {
        const version *v = r->entries[i]->current;
        repository_structure *d = v ? find_described(list, used, v->structure->info.fingerprint) : NULL;
        if (d) {
            d->models++;
            d->ready += r->entries[i]->ready;
        }
    }
    pthread_mutex_unlock(&r->lock);
    *structures = list;
    *count = used;
    return list ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}
