/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "inspection/input.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool fail_haya(const haya_error *error) {
    return fail("%s", error->message[0] ? error->message : haya_status_name(error->status));
}

/* ---- Durations ----------------------------------------------------------------------------------------------- */

void durations_add(durations *d, double ms) {
    if (d->count == d->capacity) {
        d->capacity = d->capacity ? 2 * d->capacity : 64;
        double *grown = allocate(d->capacity, sizeof *grown);
        if (d->count > 0) {
            memcpy(grown, d->ms, d->count * sizeof *grown);
        }
        free(d->ms);
        d->ms = grown;
    }
    d->ms[d->count++] = ms;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double durations_median(durations *d) {
    if (d->count == 0) {
        return NAN;
    }
    qsort(d->ms, d->count, sizeof *d->ms, ascending);
    return (d->ms[(d->count - 1) / 2] + d->ms[d->count / 2]) / 2;
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

/* That this program can show what the model says: classes by name, one input, one output. */
static bool check_model(const model *m) {
    haya_model_info info;
    haya_value output;
    haya_model_get_info(m->model, &info);
    if (m->settings.class_count == 0) {
        char *beside = settings_path_beside(m->path);
        fail("%s: its classes are not known: %s %s", m->path, beside ? beside : "the file beside it",
             m->settings.path ? "names none" : "does not exist");
        free(beside);
        return false;
    }
    if (info.input_count != 1 || info.output_count != 1) {
        return fail("%s: it has %zu inputs and %zu outputs, but only models of one input and one output are shown",
                    m->path, info.input_count, info.output_count);
    }
    haya_model_output(m->model, 0, &output);
    for (size_t i = 0; i < m->settings.class_count; i++) {
        const settings_class *class = &m->settings.classes[i];
        if (strcmp(class->map.fetch, output.name) != 0) {
            return fail("%s: the map of class '%s' is '%s', but only models' outputs, here '%s', are shown",
                        m->settings.path, class->name, class->map.fetch, output.name);
        }
    }
    return true;
}

static bool open_model(model *m) {
    haya_error error;
    double start = now_ms();
    if (haya_model_open(m->path, NULL, &m->model, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    m->open_ms = now_ms() - start;
    bool ok = settings_read_beside(m->path, &m->settings, &error) == HAYA_OK &&
              settings_check_model(&m->settings, m->model, &error) == HAYA_OK;
    return ok ? check_model(m) : fail_haya(&error);
}

bool engine_begin(engine *e, size_t most_models) {
    haya_error error;
    *e = (engine){.models = allocate(most_models, sizeof *e->models),
                  .structures = allocate(most_models, sizeof *e->structures)};
    return haya_session_create(NULL, &e->session, &error) == HAYA_OK || fail_haya(&error);
}

model *engine_open(engine *e, const char *path) {
    model *m = &e->models[e->model_count++];
    m->path = path;
    return open_model(m) ? m : NULL;
}

void engine_end(engine *e) {
    for (size_t i = 0; i < e->model_count; i++) {
        haya_weights_free(e->models[i].weights);
        haya_model_close(e->models[i].model);
        settings_free(&e->models[i].settings);
        free(e->models[i].again.ms);
        free(e->models[i].switched.ms);
    }
    for (size_t i = 0; i < e->structure_count; i++) {
        haya_plan_free(e->structures[i].plan);
        haya_program_free(e->structures[i].program);
    }
    haya_session_free(e->session);
    free(e->models);
    free(e->structures);
    *e = (engine){0};
}

/* ---- Binding ------------------------------------------------------------------------------------------------- */

static bool plan(engine *e, structure *s, const model *m, const picture *example, const char *name) {
    haya_error error;
    haya_value input;
    haya_shape shape;
    double start = now_ms();
    bool ok = haya_program_create(m->model, NULL, &s->program, &error) == HAYA_OK &&
              haya_program_input(s->program, 0, &input) == HAYA_OK &&
              input_shape(&m->settings.input, &input, example->width, example->height, example->channels, name,
                          &shape, &error) == HAYA_OK &&
              haya_plan_create(s->program, &shape, 1, NULL, &s->plan, &error) == HAYA_OK;
    s->plan_ms = now_ms() - start;
    ok = ok && haya_session_reserve(e->session, s->plan, &error) == HAYA_OK;
    if (!ok) {
        return fail_haya(&error);
    }
    haya_program_info info;
    haya_program_get_info(s->program, &info);
    memcpy(s->fingerprint, info.fingerprint, sizeof s->fingerprint);
    haya_plan_input(s->plan, 0, &s->input);
    haya_plan_output(s->plan, 0, &s->output);
    return true;
}

/* *found: whether the model has this structure. */
static bool try_bind(structure *s, model *m, bool *found) {
    haya_error error;
    double start = now_ms();
    haya_status status = haya_weights_bind(s->program, m->model, &m->weights, &error);
    m->bind_ms = now_ms() - start;
    *found = status == HAYA_OK;
    if (*found) {
        m->structure = s;
        s->model_count++;
    }
    return *found || status == HAYA_ERROR_STRUCTURE || fail_haya(&error);
}

bool engine_bind(engine *e, model *m, const picture *example, const char *name) {
    bool found = false, ok = true;
    for (size_t i = 0; ok && !found && i < e->structure_count; i++) {
        ok = try_bind(&e->structures[i], m, &found);
    }
    if (ok && !found) {
        structure *s = &e->structures[e->structure_count++];
        ok = plan(e, s, m, example, name) && try_bind(s, m, &found);
    }
    for (size_t i = 0; ok && i < m->settings.class_count; i++) {
        haya_error error;
        ok = settings_check_map(&m->settings, i, &m->structure->output.shape, &m->structure->input.shape, &error) ==
                 HAYA_OK ||
             fail_haya(&error);
    }
    return ok;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

bool engine_run(engine *e, const model *m, const haya_tensor *input, const haya_tensor *output, double *ms) {
    haya_error error;
    double start = now_ms();
    haya_status status =
        haya_run(e->session, m->structure->plan, m->weights, input, 1, output, 1, &error);
    *ms = now_ms() - start;
    return status == HAYA_OK || fail_haya(&error);
}
