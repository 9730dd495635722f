/* SPDX-License-Identifier: Apache-2.0
 *
 * Pillow's bicubic resampling. A pixel of the result is a weighted sum of the pixels around its centre in the
 * source: of 4 when enlarging, of as many times more as the source is larger when shrinking, which is the
 * antialiasing. Weights outside the picture are left out and the others scaled to a sum of 1. First each row gets
 * its new width, then each column its height.
 */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* For each place of the result: which places of the source, and their weights. */
typedef struct weights {
    int most;          /* weights kept for each place */
    int *first, *count;
    float *weight;     /* of place i at i * most */
} weights;

static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void free_weights(weights *w) {
    free(w->first);
    free(w->count);
    free(w->weight);
}

static void compute_place(weights *w, int place, int from, double scale) {
    double filter_scale = scale < 1 ? 1 : scale;
    double support = 2 * filter_scale, centre = (place + 0.5) * scale, sum = 0;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > from ? from : end;
    float *weight = w->weight + (size_t)place * (size_t)w->most;
    for (int i = first; i < end; i++) {
        sum += bicubic((i - centre + 0.5) / filter_scale);
    }
    for (int i = first; i < end; i++) {
        double value = bicubic((i - centre + 0.5) / filter_scale);
        weight[i - first] = (float)(sum != 0 ? value / sum : value);
    }
    w->first[place] = first;
    w->count[place] = end - first;
}

static bool compute_weights(weights *w, int from, int to) {
    double scale = (double)from / to;
    w->most = (int)ceil(2 * (scale < 1 ? 1 : scale)) * 2 + 1;
    w->first = malloc((size_t)to * sizeof *w->first);
    w->count = malloc((size_t)to * sizeof *w->count);
    w->weight = malloc((size_t)to * (size_t)w->most * sizeof *w->weight);
    if (!w->first || !w->count || !w->weight) {
        return false;
    }
    for (int i = 0; i < to; i++) {
        compute_place(w, i, from, scale);
    }
    return true;
}

static void resize_columns(const picture *from, const weights *w, picture *to) {
    for (int y = 0; y < to->height; y++) {
        const float *row = from->pixels + (size_t)y * (size_t)from->width * (size_t)from->channels;
        float *pixel = to->pixels + (size_t)y * (size_t)to->width * (size_t)to->channels;
        for (int x = 0; x < to->width; x++) {
            const float *weight = w->weight + (size_t)x * (size_t)w->most;
            for (int c = 0; c < to->channels; c++) {
                const float *place = row + (size_t)w->first[x] * (size_t)from->channels + c;
                float sum = 0;
                for (int i = 0; i < w->count[x]; i++) {
                    sum += weight[i] * place[(size_t)i * (size_t)from->channels];
                }
                *pixel++ = sum;
            }
        }
    }
}

static void resize_rows(const picture *from, const weights *w, picture *to) {
    size_t values = (size_t)to->width * (size_t)to->channels;
    for (int y = 0; y < to->height; y++) {
        float *row = to->pixels + (size_t)y * values;
        memset(row, 0, values * sizeof *row);
        for (int i = 0; i < w->count[y]; i++) {
            const float *place = from->pixels + (size_t)(w->first[y] + i) * values;
            float weight = w->weight[(size_t)y * (size_t)w->most + (size_t)i];
            for (size_t k = 0; k < values; k++) {
                row[k] += weight * place[k];
            }
        }
    }
}

static bool reserve(const picture *like, int width, int height, picture *to) {
    *to = (picture){width, height, like->channels, NULL, like->white};
    to->pixels = malloc((size_t)width * (size_t)height * (size_t)like->channels * sizeof *to->pixels);
    return to->pixels != NULL;
}

/* One direction; a picture that has the size is copied. */
static bool resize_one(const picture *from, int width, int height, picture *to) {
    weights w = {0};
    bool ok = reserve(from, width, height, to);
    if (ok && width == from->width && height == from->height) {
        size_t count = (size_t)width * (size_t)height * (size_t)from->channels;
        memcpy(to->pixels, from->pixels, count * sizeof *to->pixels);
    } else if (ok && width != from->width) {
        ok = compute_weights(&w, from->width, width);
        if (ok) {
            resize_columns(from, &w, to);
        }
    } else if (ok) {
        ok = compute_weights(&w, from->height, height);
        if (ok) {
            resize_rows(from, &w, to);
        }
    }
    free_weights(&w);
    return ok;
}

picture_status picture_resize(const picture *from, int width, int height, picture *to, picture_error *error) {
    picture narrow = {0};
    bool both = width != from->width && height != from->height;
    *to = (picture){0};
    bool ok = !both || resize_one(from, width, from->height, &narrow);
    ok = ok && resize_one(both ? &narrow : from, width, height, to);
    picture_free(&narrow);
    if (!ok) {
        picture_free(to);
        return picture_fail(error, PICTURE_MEMORY, "the picture", "no memory to resize it to %dx%d", width, height);
    }
    return PICTURE_OK;
}
