/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "fail.h"
#include "settings_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

settings settings_default(void) {
    settings s = {.input = {.white = 0, .stretch = true}};
    for (int i = 0; i < 3; i++) {
        s.input.mean[i] = PICTURE_USUAL_MEAN;
        s.input.deviation[i] = PICTURE_USUAL_DEVIATION;
    }
    return s;
}

picture_rgb settings_default_color(size_t index) {
    static const picture_rgb colors[] = {{255, 0, 0}, {255, 255, 0}, {0, 0, 255},
                                         {0, 128, 0}, {255, 192, 203}, {128, 0, 128}};
    return colors[index % (sizeof colors / sizeof colors[0])];
}

settings_class settings_default_class(size_t index) {
    return (settings_class){.color = settings_default_color(index), .map = {.channel = -1},
                            .score = {.percent = 1, .threshold = 0.5}, .low = 0.5, .high = 0.5};
}

char *settings_copy(const char *string) {
    size_t size = string ? strlen(string) + 1 : 0;
    char *copy = string ? malloc(size) : NULL;
    return copy ? memcpy(copy, string, size) : NULL;
}

void settings_free(settings *s) {
    for (size_t i = 0; i < s->class_count; i++) {
        free(s->classes[i].name);
        free(s->classes[i].map.output);
        free(s->classes[i].map.fetch);
    }
    free(s->classes);
    free(s->path);
    free(s->input.tensor);
    free(s->input.feed);
    json_decref(s->document);
    *s = (settings){0};
}

char *settings_path_beside(const char *model_path) {
    size_t length = strlen(model_path);
    if (length > 3 && strcmp(model_path + length - 3, ".pb") == 0 && model_path[length - 4] != '/') {
        length -= 3;
    }
    char *path = malloc(length + sizeof ".json");
    if (path) {
        memcpy(path, model_path, length);
        memcpy(path + length, ".json", sizeof ".json");
    }
    return path;
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

/* The whole file, to be freed, of at most SETTINGS_MAX_BYTES. */
static haya_status read_all(FILE *from, const char *path, char **text, size_t *size, haya_error *error) {
    size_t room = 0;
    *text = NULL;
    *size = 0;
    haya_status status = HAYA_OK;
    while (status == HAYA_OK && *size == room) {
        room = room == 0 ? 4096 : 4 * room;
        char *more = realloc(*text, room);
        if (!more) {
            status = inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to read it", path);
            break;
        }
        *text = more;
        errno = 0;
        *size += fread(*text + *size, 1, room - *size, from);
        if (ferror(from)) {
            status = inspection_fail(error, HAYA_ERROR_IO, "%s cannot be read: %s", path, strerror(errno));
        } else if (*size > SETTINGS_MAX_BYTES) {
            status = inspection_fail(error, HAYA_ERROR_LIMIT,
                                     "%s: it is larger than %d bytes, which no settings are", path,
                                     SETTINGS_MAX_BYTES);
        }
    }
    if (status != HAYA_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

/* *exists, which may be NULL: a file that is not there is no failure. */
static haya_status read_file(const char *path, bool *exists, settings *s, haya_error *error) {
    FILE *from = fopen(path, "rb");
    if (!from) {
        if (exists && errno == ENOENT) {
            *exists = false;
            return HAYA_OK;
        }
        return inspection_fail(error, HAYA_ERROR_IO, "%s cannot be opened: %s", path, strerror(errno));
    }
    char *text;
    size_t size = 0;
    haya_status status = read_all(from, path, &text, &size, error);
    fclose(from);
    if (status == HAYA_OK) {
        status = settings_parse(text, size, path, s, error);
        free(text);
    }
    return status;
}

haya_status settings_read(const char *path, settings *s, haya_error *error) {
    *s = (settings){0};
    return read_file(path, NULL, s, error);
}

haya_status settings_read_beside(const char *model_path, settings *s, haya_error *error) {
    *s = (settings){0};
    char *path = settings_path_beside(model_path);
    if (!path) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to look for its settings", model_path);
    }
    bool exists = true;
    haya_status status = read_file(path, &exists, s, error);
    if (!exists) {
        *s = settings_default();
    }
    free(path);
    return status;
}
