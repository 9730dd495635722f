/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries: paths under which models are found, one version in force at a time.
 */
#define _GNU_SOURCE
#include "private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a of 64 bits. */
static void make_id(const char *path, char id[REPOSITORY_ID]) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        hash = (hash ^ *c) * 0x100000001b3u;
    }
    snprintf(id, REPOSITORY_ID, "%016llx", (unsigned long long)hash);
}

static char *stem_of(const char *file) {
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    return strndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static void entry_free(repository *r, entry *e) {
    version_release(r, e->current);
    for (size_t i = 0; i < e->undo_count; i++) {
        saved_settings_free(&e->undo[i]);
    }
    pthread_mutex_destroy(&e->editing);
    free(e->path);
    free(e->file);
    free(e->stem);
    free(e->broken);
    free(e->warning);
    free(e);
}

entry *entry_create(const char *path, const char *file) {
    entry *e = calloc(1, sizeof *e);
    if (!e) {
        return NULL;
    }
    pthread_mutex_init(&e->editing, NULL);
    e->users = 1;
    e->version = 1;
    e->first_ms = e->last_ms = NAN;
    e->path = copy_string(path);
    e->file = copy_string(file);
    e->stem = stem_of(file);
    if (!e->path || !e->file || !e->stem) {
        entry_free(NULL, e);
        return NULL;
    }
    make_id(path, e->id);
    return e;
}

void entry_release(repository *r, entry *e) {
    if (--e->users == 0) {
        entry_free(r, e);
    }
}

entry *entry_find_locked(repository *r, const char *id) {
    for (size_t i = 0; i < r->count; i++) {
        if (r->entries[i]->counted && strcmp(r->entries[i]->id, id) == 0) {
            return r->entries[i];
        }
    }
    return NULL;
}

entry *entry_find(repository *r, const char *id) {
    pthread_mutex_lock(&r->lock);
    entry *e = entry_find_locked(r, id);
    if (e) {
        e->users++;
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}

void entry_done(repository *r, entry *e) {
    pthread_mutex_lock(&r->lock);
    entry_release(r, e);
    pthread_mutex_unlock(&r->lock);
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

static void set_text(char **to, char *text) {
    free(*to);
    *to = text;
}

/* With the lock held. */
static void put_in_force(repository *r, entry *e, version *v) {
    bool same_file = e->opened && stamp_equal(&e->known, &v->stamp);
    if (!same_file) {
        e->version += e->opened;
        e->ready = e->prepare_failed = false;
        e->first_ms = NAN;
        e->recent_count = e->recent_next = 0;
    }
    v->ran = same_file && e->current && e->current->ran;
    e->opened = true;
    e->known = e->tried = v->stamp;
    version_release(r, e->current);
    e->current = v;
    e->broken_status = HAYA_OK;
    set_text(&e->broken, NULL);
    set_text(&e->warning, copy_string(v->settings_warning));
}

/* With the lock held: what is there cannot be opened. An older file that lives on without its name goes on
   serving. */
static void stay_behind(repository *r, entry *e, const stamp *tried, const haya_error *error) {
    e->tried = *tried;
    if (e->current && !stamp_same_file(&e->current->stamp, tried)) {
        set_text(&e->warning, format_string("the new file cannot be used, the one before goes on serving: %s",
                                            error->message));
        return;
    }
    version_release(r, e->current);
    e->current = NULL;
    e->ready = false;
    e->broken_status = error->status;
    char *text = copy_string(error->message);
    set_text(&e->broken, text ? text : copy_string("out of memory"));
}

/* With the lock held, which is given up meanwhile; `opening` is set by the caller and stays so. */
static haya_status open_now(repository *r, entry *e, haya_error *error) {
    stamp tried = e->file_watch.now, settings_now = e->settings_watch.now;
    version *v;
    pthread_mutex_unlock(&r->lock);
    haya_status status = version_open(r, e->path, &v, error);
    pthread_mutex_lock(&r->lock);
    e->settings_known = settings_now;
    if (status == HAYA_OK) {
        put_in_force(r, e, v);
    } else {
        stay_behind(r, e, &tried, error);
    }
    return status;
}

haya_status entry_open(repository *r, entry *e, version **v, bool *opened, haya_error *error) {
    haya_error own;
    haya_status status = HAYA_OK;
    error = error ? error : &own;
    *opened = false;
    *v = NULL;
    pthread_mutex_lock(&r->lock);
    while (e->opening) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    if (!e->current && e->broken) {
        status = inspection_fail(error, e->broken_status, "%s", e->broken);
    } else if (!e->current && e->removed) {
        status = inspection_fail(error, HAYA_ERROR_NOT_FOUND, "%s: the file was deleted", e->file);
    } else if (!e->current) {
        e->opening = true;
        status = open_now(r, e, error);
        e->opening = false;
        *opened = true;
        pthread_cond_broadcast(&r->changed);
    }
    if (status == HAYA_OK) {
        *v = e->current;
        (*v)->users++;
    }
    pthread_mutex_unlock(&r->lock);
    if (*opened) {
        tell(r, REPOSITORY_MODEL, e->id, NULL);
        if (status != HAYA_OK) {
            tell(r, REPOSITORY_WARNING, e->id, "%s", error->message);
        } else if ((*v)->settings_warning) {
            tell(r, REPOSITORY_WARNING, e->id, "%s", (*v)->settings_warning);
        }
    }
    return status;
}

void entry_reopen(repository *r, entry *e) {
    haya_error error;
    pthread_mutex_lock(&r->lock);
    while (e->opening) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    uint64_t before = e->version;
    e->opening = true;
    haya_status status = open_now(r, e, &error);
    e->opening = false;
    bool serves = e->current != NULL, new_version = e->version != before;
    char *warning = copy_string(e->warning);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    tell(r, REPOSITORY_MODEL, e->id, NULL);
    if (status != HAYA_OK) {
        tell(r, REPOSITORY_WARNING, e->id, "%s", serves && warning ? warning : error.message);
    } else if (warning) {
        tell(r, REPOSITORY_WARNING, e->id, "%s", warning);
    } else {
        tell(r, REPOSITORY_INFO, e->id, "%s: %s", e->file, new_version ? "a new file is in force" : "read again");
    }
    free(warning);
}

void entry_failed(repository *r, const haya_error *error) {
    if (error->status == HAYA_ERROR_FILE_CHANGED) {
        pthread_mutex_lock(&r->lock);
        r->look = true;
        pthread_mutex_unlock(&r->lock);
        watch_wake(r->watch);
    }
}

/* ---- What is told of them ------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median(const entry *e) {
    float sorted[TIMED_RUNS];
    if (e->recent_count == 0) {
        return NAN;
    }
    memcpy(sorted, e->recent, e->recent_count * sizeof *sorted);
    qsort(sorted, e->recent_count, sizeof *sorted, by_value);
    size_t middle = e->recent_count / 2;
    return e->recent_count % 2 ? (double)sorted[middle] : ((double)sorted[middle - 1] + (double)sorted[middle]) / 2;
}

static bool describe_classes(const version *v, repository_model *m) {
    const settings *s = &v->settings->s;
    m->classes = calloc(s->class_count ? s->class_count : 1, sizeof *m->classes);
    for (size_t i = 0; m->classes && i < s->class_count; i++) {
        m->classes[m->class_count++] = class_of(&s->classes[i]);
        if (!m->classes[i].name) {
            return false;
        }
    }
    return m->classes != NULL;
}

static bool describe_version(const entry *e, repository_model *m) {
    const version *v = e->current;
    memcpy(m->structure, v->structure->info.fingerprint, sizeof m->structure);
    m->input = copy_string(v->input.name);
    const haya_shape *shape = &v->input.shape;
    m->height = shape->rank == 4 && shape->dims[1] > 0 ? (int)shape->dims[1] : 0;
    m->width = shape->rank == 4 && shape->dims[2] > 0 ? (int)shape->dims[2] : 0;
    m->channels = shape->rank == 4 && shape->dims[3] > 0 ? (int)shape->dims[3] : 0;
    m->open_ms = v->open_ms;
    m->bind_ms = v->bind_ms;
    m->private_bytes = byte_count_bytes(v->bytes);
    m->derived_bytes = v->derived_bytes;
    m->mapped_bytes = v->mapped_bytes;
    return m->input && describe_classes(v, m);
}

/* With the lock held; false: no memory, and what there is is to be freed. */
static bool describe(const entry *e, repository_model *m) {
    *m = (repository_model){.bytes = e->file_watch.now.size, .version = e->version, .undo = e->undo_count,
                            .open_ms = NAN, .bind_ms = NAN, .first_ms = e->first_ms, .last_ms = e->last_ms,
                            .median_ms = median(e), .runs = e->runs};
    m->modified = (double)e->file_watch.now.modified_s + (double)e->file_watch.now.modified_ns / 1e9;
    memcpy(m->id, e->id, sizeof m->id);
    m->state = e->being_prepared           ? REPOSITORY_BEING_PREPARED
               : !e->current && e->broken  ? REPOSITORY_BROKEN
               : e->ready                  ? REPOSITORY_READY
                                           : REPOSITORY_COLD;
    m->broken = m->state == REPOSITORY_BROKEN ? copy_string(e->broken) : NULL;
    m->warning = copy_string(e->warning);
    m->file = copy_string(e->file);
    m->path = copy_string(e->path);
    m->settings_path = settings_path_beside(e->path);
    m->settings_exist = e->settings_watch.now.inode != 0;
    if (e->current && !describe_version(e, m)) {
        return false;
    }
    m->name = copy_string(m->class_count == 1 ? m->classes[0].name : e->stem);
    return m->name && m->file && m->path && m->settings_path;
}

haya_status repository_get(repository *r, const char *id, repository_model *model, haya_error *error) {
    haya_status status = HAYA_OK;
    *model = (repository_model){0};
    pthread_mutex_lock(&r->lock);
    const entry *e = entry_find_locked(r, id);
    if (!e) {
        status = inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%s'", id);
    } else if (!describe(e, model)) {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    pthread_mutex_unlock(&r->lock);
    if (status != HAYA_OK) {
        repository_model_free(model);
    }
    return status;
}

static int by_name(const void *a, const void *b) {
    const repository_model *x = a, *y = b;
    int order = repository_natural_order(x->name, y->name);
    return order ? order : repository_natural_order(x->path, y->path);
}

haya_status repository_list(repository *r, repository_model **models, size_t *count, haya_error *error) {
    pthread_mutex_lock(&r->lock);
    repository_model *list = calloc(r->count ? r->count : 1, sizeof *list);
    size_t used = 0;
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < r->count; i++) {
        if (r->entries[i]->counted) {
            ok = describe(r->entries[i], &list[used++]);
        }
    }
    pthread_mutex_unlock(&r->lock);
    *models = NULL;
    *count = 0;
    if (!ok) {
        repository_list_free(list, used);
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    qsort(list, used, sizeof *list, by_name);
    *models = list;
    *count = used;
    return HAYA_OK;
}

void repository_model_free(repository_model *m) {
    for (size_t i = 0; i < m->class_count; i++) {
        free(m->classes[i].name);
    }
    free(m->classes);
    free(m->name);
    free(m->file);
    free(m->path);
    free(m->broken);
    free(m->warning);
    free(m->input);
    free(m->settings_path);
    *m = (repository_model){0};
}

void repository_list_free(repository_model *models, size_t count) {
    for (size_t i = 0; models && i < count; i++) {
        repository_model_free(&models[i]);
    }
    free(models);
}
