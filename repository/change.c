/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, colours and thresholds: changed, written beside the model, taken back.
 */
#define _GNU_SOURCE
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void free_saved(saved_settings *saved) {
    for (size_t i = 0; i < saved->count; i++) {
        free(saved->classes[i].name);
    }
    free(saved->classes);
    *saved = (saved_settings){0};
}

/* What can be changed, as it is. */
static bool save(const settings *s, saved_settings *saved) {
    *saved = (saved_settings){calloc(s->class_count ? s->class_count : 1, sizeof(repository_class)), 0};
    for (size_t i = 0; saved->classes && i < s->class_count; i++) {
        saved->classes[saved->count++] = class_of(&s->classes[i]);
        if (!saved->classes[i].name) {
            free_saved(saved);
            return false;
        }
    }
    return saved->classes != NULL;
}

static haya_status apply(settings *s, const repository_class_change *changes, size_t count, const char *file,
                         haya_error *error) {
    if (count != s->class_count) {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT, "%s: the model has %zu classes, not %zu", file,
                               s->class_count, count);
    }
    for (size_t i = 0; i < count; i++) {
        settings_class *c = &s->classes[i];
        const repository_class_change *change = &changes[i];
        if (change->name) {
            char *name = copy_string(change->name);
            if (!name) {
                return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
            }
            free(c->name);
            c->name = name;
        }
        c->color = change->color ? *change->color : c->color;
        c->high = isnan(change->high) ? c->high : change->high;
        c->low = isnan(change->low) ? c->low : change->low;
        if (c->low > c->high) {
            return inspection_fail(error, HAYA_ERROR_ARGUMENT,
                                   "%s: class '%s': the lower threshold, %g, is above the upper one, %g", file,
                                   c->name,
                                   c->low, c->high);
        }
    }
    return HAYA_OK;
}

/* The settings in force, changed, and written to the file; `before` is what they were. What stands in the file by
   now is read again, so that a change made by another program is not undone. */
static haya_status change_file(entry *e, version *v, const repository_class_change *changes, size_t count,
                               held_settings *held, saved_settings *before, haya_error *error) {
    char *warning;
    haya_status status = version_read_settings(e->path, v->model, &held->s, &warning, error);
    if (status != HAYA_OK) {
        return status;
    }
    if (warning) {
        /* A file that is not understood is not overwritten. */
        settings_free(&held->s);
        status = inspection_fail(error, HAYA_ERROR_FORMAT,
                                 "the settings were not saved, since their file has an error: "
                                 "%s", warning);
        free(warning);
        return status;
    }
    if (!save(&held->s, before)) {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    status = status == HAYA_OK ? apply(&held->s, changes, count, e->file, error) : status;
    char *path = settings_path_beside(e->path);
    if (status == HAYA_OK && !path) {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    status = status == HAYA_OK ? settings_write(&held->s, path, error) : status;
    free(path);
    if (status != HAYA_OK) {
        free_saved(before);
        settings_free(&held->s);
    }
    return status;
}

/* With the lock held: the new settings are in force, and the file's new stamp is no news. Settings whose maps are
   made otherwise, by another program's change, take a new version, which the next look opens. */
static void put_in_force(repository *r, entry *e, version *v, held_settings *held) {
    struct stat info;
    char *path = settings_path_beside(e->path);
    bool same_maps = e->current == v && held->s.class_count == v->settings->s.class_count;
    for (size_t i = 0; same_maps && i < held->s.class_count; i++) {
        same_maps = strcmp(held->s.classes[i].map.fetch, v->settings->s.classes[i].map.fetch) == 0;
    }
    if (path && stat(path, &info) == 0) {
        e->settings_watch = (watched){.seen = true, .now = stamp_of(&info), .since = clock_seconds(),
                                      .rested = true};
        e->settings_known = same_maps ? e->settings_watch.now : e->settings_known;
    }
    free(path);
    if (same_maps) {
        settings_release(v->settings);
        v->settings = held;
    } else {
        settings_release(held);
        r->look = true;
    }
}

static void remember(entry *e, saved_settings *before) {
    if (e->undo_count == MAX_UNDO) {
        free_saved(&e->undo[0]);
        memmove(&e->undo[0], &e->undo[1], (MAX_UNDO - 1) * sizeof e->undo[0]);
        e->undo_count--;
    }
    e->undo[e->undo_count++] = *before;
    *before = (saved_settings){0};
}

/* The next to be taken back, or NULL; it stays where it is until it was. */
static repository_class_change *changes_back(const entry *e, size_t *count, haya_error *error) {
    if (e->undo_count == 0) {
        inspection_fail(error, HAYA_ERROR_STATE, "%s: there is no change to take back", e->file);
        return NULL;
    }
    const saved_settings *last = &e->undo[e->undo_count - 1];
    repository_class_change *changes = calloc(last->count ? last->count : 1, sizeof *changes);
    *count = last->count;
    for (size_t i = 0; changes && i < last->count; i++) {
        const repository_class *c = &last->classes[i];
        changes[i] = (repository_class_change){c->name, &c->color, c->low, c->high};
    }
    if (!changes) {
        inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    return changes;
}

/* One at a time for each entry: `editing` is held. */
static haya_status change(repository *r, entry *e, const repository_class_change *changes, size_t count, bool undo,
                          haya_error *error) {
    version *v;
    bool opened;
    haya_status status = entry_open(r, e, &v, &opened, error);
    if (status != HAYA_OK) {
        return status;
    }
    saved_settings before = {0};
    repository_class_change *back = NULL;
    held_settings *held = calloc(1, sizeof *held);
    if (!held) {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    if (status == HAYA_OK && undo) {
        changes = back = changes_back(e, &count, error);
        status = back ? HAYA_OK : error->status;
    }
    if (status == HAYA_OK) {
        held->users = 1;
        status = change_file(e, v, changes, count, held, &before, error);
    }
    pthread_mutex_lock(&r->lock);
    if (status == HAYA_OK) {
        put_in_force(r, e, v, held);
        if (undo) {
            free_saved(&e->undo[--e->undo_count]);
        } else {
            remember(e, &before);
        }
    } else {
        free(held);
    }
    version_release(r, v);
    pthread_mutex_unlock(&r->lock);
    free_saved(&before);
    free(back);
    return status;
}

static haya_status change_entry(repository *r, const char *id, const repository_class_change *changes, size_t count,
                                bool undo, haya_error *error) {
    haya_error own;
    error = error ? error : &own;
    entry *e = entry_find(r, id);
    if (!e) {
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%s'", id);
    }
    pthread_mutex_lock(&e->editing);
    haya_status status = change(r, e, changes, count, undo, error);
    pthread_mutex_unlock(&e->editing);
    if (status == HAYA_OK) {
        tell(r, REPOSITORY_MODEL, e->id, NULL);
    }
    entry_done(r, e);
    return status;
}

haya_status repository_change_settings(repository *r, const char *id, const repository_class_change *changes,
                                       size_t count, haya_error *error) {
    return change_entry(r, id, changes, count, false, error);
}

haya_status repository_undo_settings(repository *r, const char *id, haya_error *error) {
    return change_entry(r, id, NULL, 0, true, error);
}
