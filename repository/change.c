/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, colours and thresholds: changed, written beside the model, taken back.
 */
#define _GNU_SOURCE
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void saved_settings_free(saved_settings *saved) {
    for (size_t i = 0; i < saved->count; i++) {
        free(saved->classes[i].name);
    }
    free(saved->classes);
    *saved = (saved_settings){0};
}

static haya_status no_memory(haya_error *error) {
    return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static bool same_color(picture_rgb a, picture_rgb b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

/* Changes a class, and notes in `was` what that changed. */
static haya_status apply_to_class(settings_class *c, const repository_class_change *change, saved_class *was,
                                  const char *file, haya_error *error) {
    *was = (saved_class){.low = NAN, .high = NAN};
    if (change->name && strcmp(change->name, c->name) != 0) {
        char *name = copy_string(change->name);
        if (!name) {
            return no_memory(error);
        }
        was->name = c->name;
        c->name = name;
    }
    if (change->color && !same_color(*change->color, c->color)) {
        was->has_color = true;
        was->color = c->color;
        c->color = *change->color;
    }
    double high = isnan(change->high) ? c->high : change->high;
    double low = change->one_threshold ? high : isnan(change->low) ? c->low : change->low;
    if (low > high) {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT,
                               "%s: class '%s': the lower threshold, %g, is above the upper one, %g", file, c->name,
                               low, high);
    }
    if (low != c->low || high != c->high) {
        was->low = c->low;
        was->high = c->high;
        c->low = low;
        c->high = high;
    }
    return HAYA_OK;
}

static haya_status check_names(const settings *s, const char *file, haya_error *error) {
    for (size_t i = 0; i < s->class_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(s->classes[i].name, s->classes[k].name) == 0) {
                return inspection_fail(error, HAYA_ERROR_ARGUMENT, "%s: two classes cannot both be called '%s'",
                                       file, s->classes[i].name);
            }
        }
    }
    return HAYA_OK;
}

static haya_status apply(settings *s, const repository_class_change *changes, size_t count, saved_settings *before,
                         const char *file, haya_error *error) {
    if (count != s->class_count) {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT, "%s: the model has %zu classes, not %zu", file,
                               s->class_count, count);
    }
    *before = (saved_settings){calloc(count ? count : 1, sizeof *before->classes), 0};
    haya_status status = before->classes ? HAYA_OK : no_memory(error);
    for (size_t i = 0; i < count && status == HAYA_OK; i++) {
        status = apply_to_class(&s->classes[i], &changes[i], &before->classes[before->count++], file, error);
    }
    return status == HAYA_OK ? check_names(s, file, error) : status;
}

static bool is_change(const saved_settings *before) {
    for (size_t i = 0; i < before->count; i++) {
        const saved_class *was = &before->classes[i];
        if (was->name || was->has_color || !isnan(was->high)) {
            return true;
        }
    }
    return false;
}

/* What takes the last change back, or NULL; it stays where it is until it was. `count`: of the model's classes; where
   they are others by now, nothing can be taken back any more. */
static repository_class_change *changes_back(repository *r, entry *e, size_t count, haya_error *error) {
    if (e->undo_count == 0) {
        inspection_fail(error, HAYA_ERROR_STATE, "%s: there is no change to take back", e->file);
        return NULL;
    }
    const saved_settings *last = &e->undo[e->undo_count - 1];
    if (last->count != count) {
        pthread_mutex_lock(&r->lock);
        while (e->undo_count > 0) {
            saved_settings_free(&e->undo[--e->undo_count]);
        }
        pthread_mutex_unlock(&r->lock);
        inspection_fail(error, HAYA_ERROR_STATE, "%s: the model has other classes by now, and what was changed before "
                        "cannot be taken back", e->file);
        return NULL;
    }
    repository_class_change *changes = calloc(count ? count : 1, sizeof *changes);
    for (size_t i = 0; changes && i < count; i++) {
        const saved_class *c = &last->classes[i];
        changes[i] = (repository_class_change){c->name, c->has_color ? &c->color : NULL, c->low, c->high, false};
    }
    if (!changes) {
        no_memory(error);
    }
    return changes;
}

/* What stands in the file by now, so that another program's change is not undone. */
static haya_status read_file(const entry *e, const version *v, settings *s, haya_error *error) {
    char *warning;
    haya_status status = version_read_settings(e->path, v->model, s, &warning, error);
    if (status == HAYA_OK && warning) {
        /* A file that is not understood is not overwritten. */
        settings_free(s);
        status = inspection_fail(error, HAYA_ERROR_FORMAT,
                                 "the settings were not saved, since their file has an error: %s", warning);
        free(warning);
    }
    return status;
}

/* The file's settings, changed, and written to the file; `before` is what was changed. Without `changes` the last
   ones are taken back. */
static haya_status change_file(repository *r, entry *e, const version *v, const repository_class_change *changes,
                               size_t count, settings *s, saved_settings *before, haya_error *error) {
    repository_class_change *back = NULL;
    haya_status status = read_file(e, v, s, error);
    if (status != HAYA_OK) {
        return status;
    }
    if (!changes) {
        count = s->class_count;
        changes = back = changes_back(r, e, count, error);
    }
    status = changes ? apply(s, changes, count, before, e->file, error) : error->status;
    char *path = settings_path_beside(e->path);
    if (status == HAYA_OK && !path) {
        status = no_memory(error);
    }
    if (status == HAYA_OK && is_change(before)) {
        status = settings_write(s, path, error);
    }
    free(path);
    free(back);
    if (status != HAYA_OK) {
        saved_settings_free(before);
        settings_free(s);
    }
    return status;
}

/* With the lock held: the new settings are in force, and the file's new stamp is no news. False where maps are made
   otherwise, by another program's change: that takes a new version, to be opened. */
static bool put_in_force(entry *e, version *v, held_settings *held) {
    struct stat info;
    char *path = settings_path_beside(e->path);
    const settings *now = &v->settings->s;
    bool same_maps = e->current == v && held->s.class_count == now->class_count && held->s.input.feed &&
                     strcmp(held->s.input.feed, now->input.feed) == 0;
    for (size_t i = 0; same_maps && i < held->s.class_count; i++) {
        same_maps = strcmp(held->s.classes[i].map.fetch, now->classes[i].map.fetch) == 0;
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
    }
    return same_maps;
}

static void remember(entry *e, saved_settings *before) {
    if (e->undo_count == MAX_UNDO) {
        saved_settings_free(&e->undo[0]);
        memmove(&e->undo[0], &e->undo[1], (MAX_UNDO - 1) * sizeof e->undo[0]);
        e->undo_count--;
    }
    e->undo[e->undo_count++] = *before;
    *before = (saved_settings){0};
}

/* One at a time for each entry: `editing` is held. Without `changes` the last ones are taken back. */
static haya_status change(repository *r, entry *e, const repository_class_change *changes, size_t count,
                          haya_error *error) {
    version *v;
    bool opened;
    haya_status status = entry_open(r, e, &v, &opened, error);
    if (status != HAYA_OK) {
        return status;
    }
    bool in_force = true;
    saved_settings before = {0};
    held_settings *held = calloc(1, sizeof *held);
    status = held ? change_file(r, e, v, changes, count, &held->s, &before, error) : no_memory(error);
    pthread_mutex_lock(&r->lock);
    if (status == HAYA_OK) {
        held->users = 1;
        in_force = put_in_force(e, v, held);
        if (!changes) {
            saved_settings_free(&e->undo[--e->undo_count]);
        } else if (is_change(&before)) {
            remember(e, &before);
        }
    } else {
        free(held);
    }
    version_release(r, v);
    pthread_mutex_unlock(&r->lock);
    saved_settings_free(&before);
    if (!in_force) {
        entry_reopen(r, e);
    }
    return status;
}

static haya_status change_entry(repository *r, const char *id, const repository_class_change *changes, size_t count,
                                haya_error *error) {
    haya_error own;
    error = error ? error : &own;
    entry *e = entry_find(r, id);
    if (!e) {
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no model of the id '%s'", id);
    }
    pthread_mutex_lock(&e->editing);
    haya_status status = change(r, e, changes, count, error);
    pthread_mutex_unlock(&e->editing);
    if (status == HAYA_OK) {
        tell(r, REPOSITORY_MODEL, e->id, NULL);
    }
    entry_done(r, e);
    return status;
}

haya_status repository_change_settings(repository *r, const char *id, const repository_class_change *changes,
                                       size_t count, haya_error *error) {
    return change_entry(r, id, changes, count, error);
}

haya_status repository_undo_settings(repository *r, const char *id, haya_error *error) {
    return change_entry(r, id, NULL, 0, error);
}
