/* SPDX-License-Identifier: Apache-2.0 */
#include "roi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The box ------------------------------------------------------------------------------------------------- */

bool roi_is_box(const char *text) {
    return text[0] != '\0' && strspn(text, "0123456789,+- ") == strlen(text) && strchr(text, ',');
}

bool roi_box_parse(const char *text, roi_box *box, roi_refusal *refusal) {
    int *const numbers[] = {&box->left, &box->top, &box->width, &box->height};
    const char *at = text;
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++) {
        char *end;
        errno = 0;
        long value = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : -1;
        ok = value >= (i < 2 ? 0 : 1) && value <= 1 << 24 && errno == 0 && *end == (i < 3 ? ',' : '\0');
        *numbers[i] = ok ? (int)value : 0;
        at = ok ? end + 1 : at;
    }
    if (!ok) {
        snprintf(refusal->why, sizeof refusal->why,
                 "'%.60s' is not a box X,Y,W,H: its left and top edge, width and height in pixels", text);
    }
    return ok;
}

bool roi_box_check(const roi_box *box, int width, int height, roi_refusal *refusal) {
    bool fits = box->left <= width - box->width && box->top <= height - box->height;
    if (!fits) {
        snprintf(refusal->why, sizeof refusal->why,
                 "the region of interest %d,%d,%d,%d does not lie in the picture of %dx%d pixels", box->left,
                 box->top, box->width, box->height, width, height);
    }
    return fits;
}

picture_status roi_box_cut(const roi_box *box, const picture *from, picture *to, picture_error *error) {
    size_t values = (size_t)box->width * (size_t)from->channels;
    *to = (picture){box->width, box->height, from->channels, NULL, from->white};
    to->pixels = malloc(values * (size_t)box->height * sizeof *to->pixels);
    if (!to->pixels) {
        *to = (picture){0};
        if (error) {
            error->status = PICTURE_MEMORY;
            snprintf(error->message, sizeof error->message, "no memory for the region of interest of %dx%d pixels",
                     box->width, box->height);
        }
        return PICTURE_MEMORY;
    }
    for (int y = 0; y < box->height; y++) {
        size_t at = (size_t)(box->top + y) * (size_t)from->width + (size_t)box->left;
        memcpy(to->pixels + (size_t)y * values, from->pixels + at * (size_t)from->channels,
               values * sizeof *to->pixels);
    }
    return PICTURE_OK;
}

/* ---- The mask ------------------------------------------------------------------------------------------------ */

void roi_mask_free(roi_mask *mask) {
    free(mask->inside);
    *mask = (roi_mask){0};
}

static bool reserve(int width, int height, roi_mask *mask) {
    *mask = (roi_mask){width, height, calloc((size_t)width * (size_t)height, 1)};
    if (!mask->inside) {
        *mask = (roi_mask){0};
    }
    return mask->inside != NULL;
}

bool roi_mask_make(const picture *from, roi_mask *mask, roi_refusal *refusal) {
    if (!reserve(from->width, from->height, mask)) {
        snprintf(refusal->why, sizeof refusal->why, "no memory for a region of interest of %dx%d pixels",
                 from->width, from->height);
        return false;
    }
    size_t count = (size_t)from->width * (size_t)from->height, channels = (size_t)from->channels;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < channels; c++) {
            mask->inside[i] |= from->pixels[i * channels + c] != 0;
        }
        any = any || mask->inside[i];
    }
    if (!any) {
        roi_mask_free(mask);
        snprintf(refusal->why, sizeof refusal->why,
                 "it has no pixel inside: a region of interest is what is not 0");
    }
    return any;
}

static const uint8_t *row_of(const roi_mask *mask, int y) {
    return mask->inside + (size_t)y * (size_t)mask->width;
}

int64_t roi_mask_area(const roi_mask *mask) {
    int64_t area = 0;
    for (size_t i = 0; i < (size_t)mask->width * (size_t)mask->height; i++) {
        area += mask->inside[i];
    }
    return area;
}

bool roi_mask_touches(const roi_mask *mask, int left, int top, int width, int height) {
    for (int y = top; y < top + height; y++) {
        if (memchr(row_of(mask, y) + left, 1, (size_t)width)) {
            return true;
        }
    }
    return false;
}

/* The first of `from` places that place `at` of `to` covers, and the first behind. */
static int first_covered(int at, int from, int to) {
    return (int)((int64_t)at * from / to);
}

static int end_covered(int at, int from, int to) {
    return (int)(((int64_t)(at + 1) * from + to - 1) / to);
}

bool roi_mask_scale(const roi_mask *mask, int width, int height, roi_mask *scaled) {
    if (!reserve(width, height, scaled)) {
        return false;
    }
    for (int y = 0; y < height; y++) {
        int top = first_covered(y, mask->height, height), bottom = end_covered(y, mask->height, height);
        for (int x = 0; x < width; x++) {
            int left = first_covered(x, mask->width, width), right = end_covered(x, mask->width, width);
            scaled->inside[(size_t)y * (size_t)width + (size_t)x] =
                roi_mask_touches(mask, left, top, right - left, bottom - top);
        }
    }
    return true;
}

void roi_mask_apply(const roi_mask *mask, float *values, float outside) {
    for (size_t i = 0; i < (size_t)mask->width * (size_t)mask->height; i++) {
        values[i] = mask->inside[i] ? values[i] : outside;
    }
}

/* ---- Drawing ------------------------------------------------------------------------------------------------- */

/* Green, which neither the heat's colours nor the outlines of what was found have. */
static const uint8_t line_colour[3] = {64, 200, 64};

static bool counts(const roi_area *roi, int x, int y) {
    const roi_box *box = &roi->box;
    bool in_box = x >= box->left && y >= box->top && x < box->left + box->width && y < box->top + box->height;
    return in_box && (!roi->mask.inside || row_of(&roi->mask, y)[x]);
}

/* Whether one of the 4 neighbours in a row or column, up to `reach` away, counts. */
static bool is_near(const roi_area *roi, int x, int y, int reach) {
    bool near = false;
    for (int step = 1; step <= reach && !near; step++) {
        near = counts(roi, x - step, y) || counts(roi, x + step, y) || counts(roi, x, y - step) ||
               counts(roi, x, y + step);
    }
    return near;
}

void roi_draw(const roi_area *roi, int width, int height, picture_canvas *canvas) {
    int least = width < height ? width : height, reach = least < 768 ? 1 : least / 384;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            if (counts(roi, x, y)) {
                continue;
            }
            uint8_t *pixel = canvas->pixels + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
            bool line = is_near(roi, x, y, reach);
            /* A third of the light is left: what lies there can still be recognised. */
            for (int c = 0; c < 3; c++) {
                pixel[c] = line ? line_colour[c] : (uint8_t)(pixel[c] / 3);
            }
        }
    }
}
