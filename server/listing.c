/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in a folder.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool is_picture_name(const char *name) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Folders, pictures and the labels of data sets; nothing else is anybody's business. */
static bool is_wanted(const char *name, bool folder) {
    return folder || is_picture_name(name) || strcasecmp(name, "labels.txt") == 0;
}

/* What a name is, links followed as far as they stay below the root. */
static bool examine(const roots *r, int folder, const char *path, const char *name, struct stat *info) {
    if (fstatat(folder, name, info, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    if (!S_ISLNK(info->st_mode)) {
        return true;
    }
    char *full;
    if (asprintf(&full, "%s/%s", path, name) < 0) {
        return false;
    }
    int descriptor = roots_open(r, full, false, NULL);
    free(full);
    bool ok = descriptor >= 0 && fstat(descriptor, info) == 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return ok;
}

static bool add(listing *l, size_t *capacity, const char *name, const struct stat *info) {
    if (l->count == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : 64;
        listed *items = realloc(l->items, wanted * sizeof *items);
        if (!items) {
            return false;
        }
        l->items = items;
        *capacity = wanted;
    }
    listed *item = &l->items[l->count];
    *item = (listed){strdup(name), S_ISDIR(info->st_mode), (uint64_t)info->st_size,
                     (double)info->st_mtim.tv_sec + (double)info->st_mtim.tv_nsec / 1e9};
    l->count += item->name != NULL;
    return item->name != NULL;
}

static int by_name(const void *a, const void *b) {
    const listed *x = a, *y = b;
    if (x->is_folder != y->is_folder) {
        return x->is_folder ? -1 : 1;
    }
    return repository_natural_order(x->name, y->name);
}

haya_status listing_read(const roots *r, const char *path, listing *l, haya_error *error) {
    haya_error own;
    error = error ? error : &own;
    *l = (listing){0};
    int descriptor = roots_open(r, path, true, error);
    if (descriptor < 0) {
        return error->status;
    }
    struct stat info;
    if (fstat(descriptor, &info) == 0) {
        l->modified = (double)info.st_mtim.tv_sec + (double)info.st_mtim.tv_nsec / 1e9;
    }
    DIR *directory = fdopendir(descriptor);
    if (!directory) {
        close(descriptor);
        return inspection_fail(error, HAYA_ERROR_IO, "'%s' cannot be read: %s", path, strerror(errno));
    }
    size_t capacity = 0;
    bool ok = true;
    const struct dirent *item;
    while (ok && l->count < LIMIT_LISTED && (item = readdir(directory))) {
        if (item->d_name[0] != '.' && examine(r, dirfd(directory), path, item->d_name, &info) &&
            (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode)) &&
            is_wanted(item->d_name, S_ISDIR(info.st_mode))) {
            ok = add(l, &capacity, item->d_name, &info);
        }
    }
    closedir(directory);
    if (!ok) {
        listing_free(l);
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    if (l->count > 0) {
        qsort(l->items, l->count, sizeof *l->items, by_name);
    }
    return HAYA_OK;
}

void listing_free(listing *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].name);
    }
    free(l->items);
    *l = (listing){0};
}

bool listing_has(const listing *l, const char *name, bool folder) {
    const listed key = {.name = (char *)(uintptr_t)name, .is_folder = folder};
    return l->count > 0 && bsearch(&key, l->items, l->count, sizeof *l->items, by_name);
}

static uint64_t mix(uint64_t hash, const void *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t listing_files(const listing *l) {
    enum { MOST = 2000 };
    uint64_t hash = 0xcbf29ce484222325u;
    if (l->count > MOST) {
        return 0;
    }
    for (size_t i = 0; i < l->count; i++) {
        const listed *item = &l->items[i];
        hash = mix(hash, item->name, strlen(item->name) + 1);
        hash = mix(hash, &item->bytes, sizeof item->bytes);
        hash = mix(hash, &item->modified, sizeof item->modified);
    }
    return hash ? hash : 1;
}
