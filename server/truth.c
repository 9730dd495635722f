/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground truth of a picture: a mask's file, or the ellipse of an older DAGM label.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 4 * 1024 * 1024 };

static haya_status read_picture(const roots *r, const char *path, picture *p, haya_error *error) {
    void *data;
    size_t size;
    struct stat info;
    picture_error why;
    haya_status status = roots_read(r, path, server_picture_limits.bytes, &data, &size, &info, error);
    if (status == HAYA_OK && picture_decode(data, size, path, &server_picture_limits, p, &why) != PICTURE_OK) {
        status = picture_failure(error, &why);
    }
    free(data);
    return status;
}

/* Any pixel of the mask that is not black; the mask may have another size than the picture. */
static void take_mask(const picture *mask, uint8_t *to, int width, int height) {
    for (int y = 0; y < height; y++) {
        size_t row = (size_t)((int64_t)y * mask->height / height) * (size_t)mask->width;
        for (int x = 0; x < width; x++) {
            size_t at = (row + (size_t)((int64_t)x * mask->width / width)) * (size_t)mask->channels;
            bool any = false;
            for (int c = 0; c < mask->channels; c++) {
                any = any || mask->pixels[at + (size_t)c] != 0;
            }
            to[(size_t)y * (size_t)width + (size_t)x] = any ? 255 : 0;
        }
    }
}

typedef struct ellipse {
    double major, minor, rotation, x, y;
} ellipse;

static haya_status read_ellipse(const roots *r, const picture_meaning *p, ellipse *e, haya_error *error) {
    void *data;
    size_t size;
    struct stat info;
    haya_status status = roots_read(r, p->mask, LABEL_BYTES, &data, &size, &info, error);
    if (status != HAYA_OK) {
        return status;
    }
    char *line = data;
    line[size] = '\0';
    for (int i = 1; i < p->ellipse && line; i++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (!line || sscanf(line, "%*s %lf %lf %lf %lf %lf", &e->major, &e->minor, &e->rotation, &e->x, &e->y) != 5 ||
        !(e->major > 0 && e->minor > 0) || !isfinite(e->major + e->minor + e->rotation + e->x + e->y)) {
        status = inspection_fail(error, HAYA_ERROR_FORMAT,
                                 "%s: line %d: an ellipse has two semi-axes, a rotation and a "
                                 "centre", p->mask, p->ellipse);
    }
    free(data);
    return status;
}

static void draw_ellipse(const ellipse *e, uint8_t *to, int width, int height) {
    double c = cos(e->rotation), s = sin(e->rotation);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double dx = x - e->x, dy = y - e->y;
            double along = (dx * c + dy * s) / e->major, across = (dy * c - dx * s) / e->minor;
            to[(size_t)y * (size_t)width + (size_t)x] = along * along + across * across <= 1 ? 255 : 0;
        }
    }
}

static haya_status make(const roots *r, const picture_meaning *p, uint8_t *mask, int width, int height,
                        haya_error *error) {
    if (p->ellipse) {
        ellipse e;
        haya_status status = read_ellipse(r, p, &e, error);
        if (status == HAYA_OK) {
            draw_ellipse(&e, mask, width, height);
        }
        return status;
    }
    picture drawn;
    haya_status status = read_picture(r, p->mask, &drawn, error);
    if (status == HAYA_OK) {
        take_mask(&drawn, mask, width, height);
        picture_free(&drawn);
    }
    return status;
}

haya_status truth_mask(const roots *r, const char *path, uint8_t **mask, int *width, int *height,
                       haya_error *error) {
    *mask = NULL;
    picture shown;
    picture_meaning p = {0};
    haya_status status = read_picture(r, path, &shown, error);
    if (status != HAYA_OK) {
        return status;
    }
    *width = shown.width;
    *height = shown.height;
    picture_free(&shown);
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;
    meanings *m = folder ? meanings_create(r, folder) : NULL;
    if (m) {
        meanings_of(m, slash + 1, &p);
    }
    meanings_free(m);
    free(folder);
    if (!p.mask[0]) {
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "'%s' has no ground truth", path);
    }
    *mask = malloc((size_t)*width * (size_t)*height);
    status = *mask ? make(r, &p, *mask, *width, *height, error)
                   : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    if (status != HAYA_OK) {
        free(*mask);
        *mask = NULL;
    }
    return status;
}
