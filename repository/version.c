/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a model: its file, its settings, its structure, its weights.
 */
#define _GNU_SOURCE
#include "private.h"

#include "inspection/input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Settings ------------------------------------------------------------------------------------------------ */

/* The shape of the model's first output for a picture of the usual size, which a plan tells where the file
   doesn't. */
static haya_status find_output_shape(const settings *s, haya_model *model, haya_shape *shape, haya_error *error) {
    haya_value input, output;
    haya_program *program = NULL;
    haya_plan *plan = NULL;
    haya_shape fed;
    haya_model_info info;
    haya_model_get_info(model, &info);
    if (haya_model_output(model, 0, &output) != HAYA_OK || !s->input.feed) {
        return inspection_fail(error, HAYA_ERROR_SHAPE, "%s: the model has no %s", info.path,
                               s->input.feed ? "output" : "input");
    }
    const char *feed = s->input.feed;
    haya_program_options options = {.struct_size = sizeof options, .feeds = &feed, .feed_count = 1,
                                    .fetches = &output.name, .fetch_count = 1};
    haya_status status = haya_program_create(model, &options, &program, error);
    if (status == HAYA_OK) {
        haya_program_input(program, 0, &input);
        status = input_shape(&s->input, &input, USUAL_SIDE, USUAL_SIDE, 1, info.path, &fed, error);
    }
    status = status == HAYA_OK ? haya_plan_create(program, &fed, 1, NULL, &plan, error) : status;
    if (status == HAYA_OK) {
        haya_plan_output(plan, 0, &output);
        *shape = output.shape;
    }
    haya_plan_free(plan);
    haya_program_free(program);
    return status;
}

/* Checks the settings against the model; where they have no classes, makes them. */
static haya_status complete(settings *s, haya_model *model, haya_error *error) {
    haya_value output;
    haya_shape shape;
    haya_status status = settings_check_model(s, model, error);
    if (status != HAYA_OK || s->class_count > 0) {
        return status;
    }
    if (haya_model_output(model, 0, &output) == HAYA_OK && output.shape.rank >= 0 &&
        (output.shape.rank != 4 || output.shape.dims[3] >= 0)) {
        shape = output.shape;
    } else {
        status = find_output_shape(s, model, &shape, error);
    }
    return status == HAYA_OK ? settings_complete(s, model, &shape, error) : status;
}

haya_status version_read_settings(const char *path, haya_model *model, settings *s, char **warning,
                                  haya_error *error) {
    haya_error why;
    *warning = NULL;
    haya_status status = settings_read_beside(path, s, &why);
    if (status == HAYA_OK) {
        status = complete(s, model, &why);
        if (status == HAYA_OK) {
            return HAYA_OK;
        }
        bool of_file = s->path != NULL;
        settings_free(s);
        if (!of_file) {
            if (error) {
                *error = why;
            }
            return status;
        }
    }
    *warning = copy_string(why.message);
    *s = settings_default();
    status = complete(s, model, error);
    if (status != HAYA_OK) {
        settings_free(s);
        free(*warning);
        *warning = NULL;
    }
    return status;
}

void settings_release(held_settings *held) {
    if (held && --held->users == 0) {
        settings_free(&held->s);
        free(held);
    }
}

/* ---- Structure ----------------------------------------------------------------------------------------------- */

/* What the classes' maps are made of, each once; the names belong to the settings. */
static haya_status gather_fetches(version *v, const char ***names, size_t *count, haya_error *error) {
    const settings *s = &v->settings->s;
    *names = calloc(s->class_count + 1, sizeof **names);
    v->class_outputs = calloc(s->class_count + 1, sizeof *v->class_outputs);
    *count = 0;
    if (!*names || !v->class_outputs) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < s->class_count; i++) {
        const char *name = s->classes[i].map.fetch;
        size_t k = 0;
        while (k < *count && strcmp((*names)[k], name) != 0) {
            k++;
        }
        if (k == *count) {
            (*names)[(*count)++] = name;
        }
        v->class_outputs[i] = k;
    }
    return HAYA_OK;
}

/* Whether these are the model's own inputs and outputs. Then a program is made without naming them, and serves
   models whose nodes have other names. */
static bool are_own(const version *v, const char *feed, const char *const *fetches, size_t count) {
    haya_model_info info;
    haya_value value;
    haya_model_get_info(v->model, &info);
    if (info.input_count != 1 || info.output_count != count || haya_model_input(v->model, 0, &value) != HAYA_OK ||
        strcmp(value.name, feed) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (haya_model_output(v->model, i, &value) != HAYA_OK || strcmp(value.name, fetches[i]) != 0) {
            return false;
        }
    }
    return true;
}

static structure *structure_create(const version *v, const char *feed, const char *const *fetches, size_t count,
                                   haya_error *error) {
    structure *s = calloc(1, sizeof *s);
    bool own = are_own(v, feed, fetches, count);
    haya_program_options options = {.struct_size = sizeof options, .feeds = &feed, .feed_count = 1,
                                    .fetches = fetches, .fetch_count = count};
    double start = clock_ms();
    if (!s || haya_program_create(v->model, own ? NULL : &options, &s->program, error) != HAYA_OK) {
        if (!s) {
            inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
        }
        free(s);
        return NULL;
    }
    s->program_ms = clock_ms() - start;
    s->plan_ms = NAN;
    haya_program_get_info(s->program, &s->info);
    s->fetches = own ? NULL : calloc(count, sizeof *s->fetches);
    s->feed = own ? NULL : copy_string(feed);
    bool ok = own || (s->fetches && s->feed);
    for (size_t i = 0; ok && !own && i < count; i++) {
        s->fetches[s->fetch_count++] = copy_string(fetches[i]);
        ok = s->fetches[i] != NULL;
    }
    if (!ok) {
        inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
        structure_free(s);
        return NULL;
    }
    return s;
}

static bool same_request(const structure *a, const structure *b) {
    if (strcmp(a->info.fingerprint, b->info.fingerprint) != 0 || !a->feed != !b->feed ||
        a->fetch_count != b->fetch_count || (a->feed && strcmp(a->feed, b->feed) != 0)) {
        return false;
    }
    for (size_t i = 0; i < a->fetch_count; i++) {
        if (strcmp(a->fetches[i], b->fetches[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The structure of `own`'s kind that others are bound to, held once more, or NULL. */
static structure *find_structure(repository *r, const structure *own, const structure *after) {
    structure *s = after ? after->next : r->structures;
    while (s && !same_request(s, own)) {
        s = s->next;
    }
    if (s) {
        s->versions++;
    }
    return s;
}

/* Binds to a structure that is there, or else to `own`, which then is one of them. Takes `own`. */
static haya_status bind(repository *r, version *v, structure *own, haya_error *error) {
    haya_status status = HAYA_ERROR_STRUCTURE;
    pthread_mutex_lock(&r->lock);
    structure *s = find_structure(r, own, NULL);
    while (s && status == HAYA_ERROR_STRUCTURE) {
        pthread_mutex_unlock(&r->lock);
        status = haya_weights_bind(s->program, v->model, &v->weights, error);
        pthread_mutex_lock(&r->lock);
        if (status == HAYA_ERROR_STRUCTURE) {
            structure *next = find_structure(r, own, s);
            structure_release(r, s);
            s = next;
        }
    }
    if (s) {
        structure_free(own);
        v->structure = s; /* version_free releases it, also where binding failed */
        pthread_mutex_unlock(&r->lock);
        return status;
    }
    own->versions = 1;
    own->next = r->structures;
    r->structures = own;
    v->structure = own;
    pthread_mutex_unlock(&r->lock);
    return haya_weights_bind(own->program, v->model, &v->weights, error);
}

/* ---- Versions ------------------------------------------------------------------------------------------------ */

/* The only input, and its shape for a picture where the model does not leave the size open. */
static haya_status find_input(version *v, const char *path, haya_error *error) {
    haya_program_info *info = &v->structure->info;
    if (info->input_count != 1) {
        return inspection_fail(error, HAYA_ERROR_SHAPE, "%s: the model has %zu inputs, and a picture is one", path,
                               info->input_count);
    }
    haya_shape shape;
    haya_status status = input_shape(&v->settings->s.input, &v->input, USUAL_SIDE, USUAL_SIDE, 1, path, &shape,
                                     error);
    if (status != HAYA_OK) {
        return status;
    }
    bool fixed = v->input.shape.rank == 4;
    for (int i = 1; i < 4 && fixed; i++) {
        fixed = v->input.shape.dims[i] >= 0;
    }
    v->planned_input = fixed ? shape : (haya_shape){0};
    return HAYA_OK;
}

static haya_status find_value(version *v, const char *name, haya_error *error) {
    haya_value value;
    for (size_t i = 0; haya_model_input(v->model, i, &value) == HAYA_OK; i++) {
        if (strcmp(value.name, name) == 0) {
            v->input = value;
            return HAYA_OK;
        }
    }
    /* Any other tensor may be fed; the program knows it. */
    haya_status status = haya_program_input(v->structure->program, 0, &v->input);
    return status == HAYA_OK ? HAYA_OK : inspection_fail(error, status, "there is no input '%s'", name);
}

static haya_status build(repository *r, version *v, const char *path, haya_error *error) {
    const char **fetches;
    size_t count;
    const char *feed = v->settings->s.input.feed;
    if (!feed) {
        return inspection_fail(error, HAYA_ERROR_SHAPE, "%s: the model has no input", path);
    }
    haya_status status = gather_fetches(v, &fetches, &count, error);
    structure *own = status == HAYA_OK ? structure_create(v, feed, fetches, count, error) : NULL;
    free(fetches);
    if (!own) {
        return status != HAYA_OK ? status : error ? error->status : HAYA_ERROR_MEMORY;
    }
    double program_ms = own->program_ms;
    double start = clock_ms();
    status = bind(r, v, own, error);
    v->bind_ms = clock_ms() - start;
    v->plan_ms = program_ms;
    status = status == HAYA_OK ? find_value(v, feed, error) : status;
    status = status == HAYA_OK ? find_input(v, path, error) : status;
    if (status == HAYA_OK) {
        v->derived_bytes = haya_weights_derived_bytes(v->weights);
    }
    return status;
}

static void version_free(repository *r, version *v) {
    structure_release(r, v->structure);
    haya_weights_free(v->weights);
    haya_model_close(v->model);
    settings_release(v->settings);
    byte_count_release(v->bytes);
    free(v->class_outputs);
    free(v->settings_warning);
    free(v);
}

void version_release(repository *r, version *v) {
    if (v && --v->users == 0) {
        version_free(r, v);
    }
}

static haya_status open_file(version *v, const char *path, haya_error *error) {
    struct stat info;
    if (stat(path, &info) == 0) {
        v->stamp = stamp_of(&info); /* of a file that is replaced right now, the next look sees another one */
    }
    haya_model_options options = {.struct_size = sizeof options, .host = byte_count_host(v->bytes)};
    double start = clock_ms();
    haya_status status = haya_model_open(path, &options, &v->model, error);
    v->open_ms = clock_ms() - start;
    if (status == HAYA_OK) {
        haya_model_info known;
        haya_model_get_info(v->model, &known);
        v->mapped_bytes = known.file_bytes;
    }
    return status;
}

haya_status version_open(repository *r, const char *path, version **opened, haya_error *error) {
    haya_error own_error;
    error = error ? error : &own_error;
    *opened = NULL;
    version *v = calloc(1, sizeof *v);
    held_settings *held = calloc(1, sizeof *held);
    byte_count *bytes = byte_count_create();
    if (!v || !held || !bytes) {
        free(v);
        free(held);
        byte_count_release(bytes);
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    v->users = 1;
    v->bytes = bytes;
    v->settings = held;
    held->users = 1;
    haya_status status = open_file(v, path, error);
    if (status == HAYA_OK) {
        status = version_read_settings(path, v->model, &held->s, &v->settings_warning, error);
    }
    if (status == HAYA_OK) {
        status = build(r, v, path, error);
    }
    if (status != HAYA_OK) {
        pthread_mutex_lock(&r->lock);
        version_free(r, v);
        pthread_mutex_unlock(&r->lock);
        return status;
    }
    pthread_mutex_lock(&r->lock);
    v->serial = ++r->serial;
    pthread_mutex_unlock(&r->lock);
    *opened = v;
    return HAYA_OK;
}
