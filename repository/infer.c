/* SPDX-License-Identifier: Apache-2.0
 *
 * One picture through one model.
 */
#define _GNU_SOURCE
#include "private.h"

#include "inspection/input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a call needs and lets go of at its end. */
typedef struct call {
    repository *r;
    entry *entry;
    version *version;
    held_settings *settings;
    planned *plan;
    haya_tensor input;
    haya_tensor *outputs;
    size_t output_count;
} call;

static haya_status begin(call *c, const char *id, repository_result *result, haya_error *error) {
    repository *r = c->r;
    bool opened;
    c->entry = entry_find(r, id);
    if (!c->entry) {
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%s'", id);
    }
    memcpy(result->id, c->entry->id, sizeof result->id);
    haya_status status = entry_open(r, c->entry, &c->version, &opened, error);
    if (status != HAYA_OK) {
        return status;
    }
    pthread_mutex_lock(&r->lock);
    c->settings = c->version->settings;
    c->settings->users++;
    result->version = c->entry->version;
    const settings *s = &c->settings->s;
    result->name = copy_string(s->class_count == 1 ? s->classes[0].name : c->entry->stem);
    pthread_mutex_unlock(&r->lock);
    if (opened) {
        result->open_ms = c->version->open_ms;
        result->bind_ms = c->version->bind_ms;
    }
    return result->name ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static haya_status make_input(call *c, const picture *p, const char *name, repository_result *result,
                              haya_error *error) {
    version *v = c->version;
    double start = clock_ms(), made_ms;
    haya_status status = input_from_picture(&c->settings->s.input, &v->input, p, name, &c->input, error);
    result->input_ms = clock_ms() - start;
    if (status == HAYA_OK) {
        status = structure_plan(c->r, v->structure, &c->input.shape, &c->plan, &made_ms, error);
        result->plan_ms = status == HAYA_OK ? made_ms : NAN;
    }
    return status;
}

static haya_status make_outputs(call *c, haya_error *error) {
    size_t count = c->plan->info.output_count;
    c->outputs = calloc(count, sizeof *c->outputs);
    for (size_t i = 0; c->outputs && i < count; i++) {
        haya_value value;
        haya_plan_output(c->plan->plan, i, &value);
        size_t bytes = haya_dtype_size(value.dtype);
        for (int32_t k = 0; k < value.shape.rank; k++) {
            bytes *= (size_t)value.shape.dims[k];
        }
        void *data = malloc(bytes ? bytes : 1);
        if (!data) {
            return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory for output '%s' of %zu bytes", value.name,
                                   bytes);
        }
        c->outputs[c->output_count++] = haya_tensor_dense(value.dtype, value.shape, data);
    }
    return c->outputs ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static haya_status run(call *c, repository_result *result, haya_error *error) {
    repository *r = c->r;
    pooled *session;
    double start = clock_ms();
    haya_status status = session_take(r, c->version, c->plan, &session, &result->switched, error);
    double taken = clock_ms();
    result->wait_ms = taken - start;
    if (status != HAYA_OK) {
        return status;
    }
    status = haya_run(session->session, c->plan->plan, c->version->weights, &c->input, 1, c->outputs,
                      c->output_count,
                      error);
    result->run_ms = clock_ms() - taken;
    session_give_back(r, session);
    return status;
}

static void note_run(call *c, repository_result *result) {
    entry *e = c->entry;
    pthread_mutex_lock(&c->r->lock);
    result->first_run = !c->version->ran;
    c->version->ran = true;
    if (e->current == c->version) {
        e->last_ms = result->run_ms;
        e->runs++;
        if (isnan(e->first_ms)) {
            e->first_ms = result->run_ms;
        } else {
            e->recent[e->recent_next] = (float)result->run_ms;
            e->recent_next = (e->recent_next + 1) % TIMED_RUNS;
            e->recent_count += e->recent_count < TIMED_RUNS;
        }
    }
    pthread_mutex_unlock(&c->r->lock);
}

static void summarize(repository_judged *j) {
    const picture_map *map = &j->verdict.map;
    size_t count = (size_t)map->width * (size_t)map->height;
    j->min = j->max = NAN;
    for (size_t i = 0; i < count; i++) {
        float value = map->values[i];
        if (!isfinite(value)) {
            j->nonfinite++;
            continue;
        }
        j->min = value >= j->min ? j->min : value;
        j->max = value <= j->max ? j->max : value;
    }
}

static haya_status judge(call *c, const picture *p, repository_result *result, haya_error *error) {
    const settings *s = &c->settings->s;
    double start = clock_ms();
    haya_status status = HAYA_OK;
    result->classes = calloc(s->class_count, sizeof *result->classes);
    if (!result->classes) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < s->class_count && status == HAYA_OK; i++) {
        const settings_class *how = &s->classes[i];
        repository_judged *j = &result->classes[result->class_count++];
        const haya_tensor *output = &c->outputs[c->version->class_outputs[i]];
        picture_map map;
        j->how = class_of(how);
        if (!j->how.name) {
            return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
        }
        status = settings_check_map(s, i, &output->shape, &c->input.shape, error);
        if (status == HAYA_OK) {
            status = map_of_class(&how->map, output, how->map.fetch, &c->input, &map, error);
        }
        if (status == HAYA_OK) {
            status = verdict_make(how, &map, p->width, p->height, &j->verdict, error);
        }
        if (status == HAYA_OK) {
            summarize(j);
        }
    }
    result->judge_ms = clock_ms() - start;
    return status;
}

static void end(call *c) {
    repository *r = c->r;
    structure_done(r, c->plan);
    free(c->input.data);
    for (size_t i = 0; i < c->output_count; i++) {
        free(c->outputs[i].data);
    }
    free(c->outputs);
    pthread_mutex_lock(&r->lock);
    settings_release(c->settings);
    version_release(r, c->version);
    if (c->entry) {
        entry_release(r, c->entry);
    }
    r->running--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

haya_status repository_infer(repository *r, const char *id, const picture *shown, const char *name,
                             repository_result *result, haya_error *error) {
    haya_error own;
    error = error ? error : &own;
    call c = {.r = r};
    *result = (repository_result){.open_ms = NAN, .bind_ms = NAN, .plan_ms = NAN};
    pthread_mutex_lock(&r->lock);
    r->running++;
    pthread_mutex_unlock(&r->lock);
    haya_status status = begin(&c, id, result, error);
    status = status == HAYA_OK ? make_input(&c, shown, name, result, error) : status;
    status = status == HAYA_OK ? make_outputs(&c, error) : status;
    status = status == HAYA_OK ? run(&c, result, error) : status;
    if (status == HAYA_OK) {
        note_run(&c, result);
        status = judge(&c, shown, result, error);
    }
    end(&c);
    if (status == HAYA_OK) {
        tell(r, REPOSITORY_MODEL, result->id, NULL);
    } else {
        entry_failed(r, error);
        repository_result_free(result);
    }
    return status;
}

void repository_result_free(repository_result *result) {
    for (size_t i = 0; i < result->class_count; i++) {
        free(result->classes[i].how.name);
        verdict_free(&result->classes[i].verdict);
    }
    free(result->classes);
    free(result->name);
    result->classes = NULL;
    result->class_count = 0;
    result->name = NULL;
}
