/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorded files in data/, made by generate.py.
 */
#ifndef HAYA_TESTS_RECORDED_H
#define HAYA_TESTS_RECORDED_H

#include "../test.h"
#include "pictures/picture.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>

#define DATA HAYA_SOURCE_ROOT "/tests/pictures/data/"

typedef struct content {
    uint8_t *data;
    size_t size;
} content;

static content content_of(const char *path) {
    content c = {NULL, 0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    c.size = (size_t)ftell(file);
    rewind(file);
    c.data = malloc(c.size + 1);
    if (!c.data || fread(c.data, 1, c.size, file) != c.size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return c;
}

/* Calls `check` for each recorded picture. */
__attribute__((unused)) static int for_each_picture(void (*check)(const char *name, const char *path)) {
    struct dirent **entries;
    int count = scandir(DATA, &entries, NULL, alphasort), checked = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        if (dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".jpg") == 0 || strcmp(dot, ".tif") == 0 ||
                    strcmp(dot, ".bmp") == 0)) {
            char path[512];
            snprintf(path, sizeof path, "%s%s", DATA, name);
            check(name, path);
            checked++;
        }
        free(entries[i]);
    }
    free(entries);
    return checked;
}

#endif
