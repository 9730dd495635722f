/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* dirent, strcasecmp */
#include "data_set.h"

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- Folders ------------------------------------------------------------------------------------------------- */

typedef struct names {
    char **items;
    size_t count;
} names;

static void names_add(names *list, const char *name) {
    char **grown = allocate(list->count + 1, sizeof *grown);
    if (list->count > 0) {
        memcpy(grown, list->items, list->count * sizeof *grown);
    }
    free(list->items);
    list->items = grown;
    list->items[list->count++] = text("%s", name);
}

static void names_free(names *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
}

/* "good" before all others. */
static int by_name(const void *left, const void *right) {
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    int good = (strcmp(b, "good") == 0) - (strcmp(a, "good") == 0);
    return good ? good : strcmp(a, b);
}

/* What is in a folder, hidden files left out, sorted. */
static bool list_folder(const char *path, names *list) {
    DIR *folder = opendir(path);
    if (!folder) {
        return fail("%s: the folder cannot be read: %s", path, strerror(errno));
    }
    errno = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            names_add(list, entry->d_name);
        }
        errno = 0;
    }
    int why = errno;
    closedir(folder);
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, by_name);
    }
    return why == 0 || fail("%s: the folder cannot be read: %s", path, strerror(why));
}

/* Folders of pictures hold other things, too: notes, thumbnails' indexes. */
static bool is_picture_name(const char *name) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"};
    const char *dot = strrchr(name, '.');
    bool is = false;
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
        is = is || strcasecmp(dot, endings[i]) == 0;
    }
    return is;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

static bool read_mask(const char *path, sample *s) {
    picture mask;
    picture_error error;
    if (picture_read(path, NULL, &mask, &error) != PICTURE_OK) {
        return fail("%s", error.message);
    }
    bool fits = mask.width == s->picture.width && mask.height == s->picture.height;
    for (size_t i = 0; fits && i < (size_t)mask.width * (size_t)mask.height; i++) {
        for (int c = 0; c < mask.channels; c++) {
            s->mask[i] |= mask.pixels[i * (size_t)mask.channels + (size_t)c] != 0;
        }
        s->marked += s->mask[i];
    }
    int width = mask.width, height = mask.height;
    picture_free(&mask);
    if (!fits) {
        return fail("%s: the mask is %dx%d, but its picture %dx%d", path, width, height, s->picture.width,
                    s->picture.height);
    }
    return s->marked > 0 || fail("%s: the mask marks nothing, but its picture is no good one", path);
}

static bool read_sample(const char *class_folder, const char *kind, const char *name, sample *s) {
    picture_error error;
    s->path = text("%s/test/%s/%s", class_folder, kind, name);
    s->kind = text("%s", kind);
    s->good = strcmp(kind, "good") == 0;
    if (picture_read(s->path, NULL, &s->picture, &error) != PICTURE_OK) {
        return fail("%s", error.message);
    }
    s->mask = allocate((size_t)s->picture.width * (size_t)s->picture.height, 1);
    if (s->good) {
        return true;
    }
    int stem = (int)(strrchr(name, '.') - name);
    char *path = text("%s/ground_truth/%s/%.*s_mask.png", class_folder, kind, stem, name);
    bool ok = read_mask(path, s);
    free(path);
    return ok;
}

static bool is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool read_kind(const char *class_folder, const char *kind, data_set *set) {
    names files = {0};
    char *path = text("%s/test/%s", class_folder, kind);
    bool ok = !is_folder(path) || list_folder(path, &files);
    sample *grown = allocate(set->count + files.count, sizeof *grown);
    if (set->count > 0) {
        memcpy(grown, set->samples, set->count * sizeof *grown);
    }
    free(set->samples);
    set->samples = grown;
    for (size_t i = 0; ok && i < files.count; i++) {
        if (is_picture_name(files.items[i])) {
            ok = read_sample(class_folder, kind, files.items[i], &set->samples[set->count++]);
        }
    }
    names_free(&files);
    free(path);
    return ok;
}

bool data_set_read(const char *root, const char *class_name, data_set *set) {
    names kinds = {0};
    char *class_folder = text("%s/%s", root, class_name), *test = text("%s/test", class_folder);
    *set = (data_set){0};
    bool ok = list_folder(test, &kinds);
    for (size_t i = 0; ok && i < kinds.count; i++) {
        ok = read_kind(class_folder, kinds.items[i], set);
    }
    if (ok && set->count == 0) {
        ok = fail("%s: there are no pictures in its folders", test);
    }
    if (!ok) {
        data_set_free(set);
    }
    names_free(&kinds);
    free(class_folder);
    free(test);
    return ok;
}

void data_set_free(data_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->samples[i].path);
        free(set->samples[i].kind);
        free(set->samples[i].mask);
        picture_free(&set->samples[i].picture);
    }
    free(set->samples);
    *set = (data_set){0};
}
