/* SPDX-License-Identifier: Apache-2.0 */
#include "drawing.h"

#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint8_t byte(float value) {
    return value >= 255 ? 255 : value > 0 ? (uint8_t)(value + 0.5f) : 0;
}

static picture_canvas reserve(int width, int height) {
    return (picture_canvas){width, height, allocate((size_t)width * (size_t)height, 3)};
}

bool draw_picture(const sample *s, picture_canvas *canvas) {
    const picture *p = &s->picture;
    *canvas = reserve(p->width, p->height);
    for (size_t i = 0; i < (size_t)p->width * (size_t)p->height; i++) {
        for (size_t c = 0; c < 3; c++) {
            float value = p->channels == 3 ? p->pixels[3 * i + c] : p->pixels[i];
            canvas->pixels[3 * i + c] = byte(value * 255 / p->white);
        }
    }
    return true;
}

bool draw_mask(const sample *s, picture_canvas *canvas) {
    *canvas = reserve(s->picture.width, s->picture.height);
    for (size_t i = 0; i < (size_t)canvas->width * (size_t)canvas->height; i++) {
        memset(canvas->pixels + 3 * i, s->mask[i] ? 255 : 0, 3);
    }
    return true;
}

/* Without the legend that the library draws to the right: all maps here share one. */
bool draw_map(const verdict *v, picture_canvas *canvas) {
    picture_canvas whole;
    picture_error error;
    if (picture_heat(&v->map, v->map.width, v->map.height, &whole, &error) != PICTURE_OK) {
        return fail("%s", error.message);
    }
    *canvas = reserve(v->map.width, v->map.height);
    for (int y = 0; y < canvas->height; y++) {
        memcpy(canvas->pixels + 3 * (size_t)y * (size_t)canvas->width,
               whole.pixels + 3 * (size_t)y * (size_t)whole.width, 3 * (size_t)canvas->width);
    }
    picture_canvas_free(&whole);
    return true;
}

bool draw_overlay(const sample *s, const verdict *v, picture_canvas *canvas) {
    picture_error error;
    return picture_overlay(&s->picture, &v->map, v->region_threshold, NULL, canvas, &error) == PICTURE_OK ||
           fail("%s", error.message);
}

bool draw_scale(picture_canvas *canvas) {
    picture_rgb colours[256];
    picture_heat_colours(colours);
    *canvas = reserve(256, 1);
    for (size_t i = 0; i < 256; i++) {
        const uint8_t parts[3] = {colours[i].red, colours[i].green, colours[i].blue};
        memcpy(canvas->pixels + 3 * i, parts, 3);
    }
    return true;
}

/* ---- On a sheet ---------------------------------------------------------------------------------------------- */

void fill_canvas(const picture_canvas *canvas, int left, int top, int width, int height, picture_rgb colour) {
    const uint8_t parts[3] = {colour.red, colour.green, colour.blue};
    for (int y = top; y < top + height; y++) {
        for (int x = left; x < left + width; x++) {
            memcpy(canvas->pixels + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x), parts, 3);
        }
    }
}

bool draw_scaled(const picture_canvas *from, int side, int x, int y, const picture_canvas *to) {
    int longer = from->width > from->height ? from->width : from->height;
    int width = (int)fmax(1, round((double)from->width * side / longer));
    int height = (int)fmax(1, round((double)from->height * side / longer));
    size_t count = 3 * (size_t)from->width * (size_t)from->height;
    picture large = {from->width, from->height, 3, allocate(count, sizeof(float)), 255}, small;
    picture_error error;
    for (size_t i = 0; i < count; i++) {
        large.pixels[i] = from->pixels[i];
    }
    bool ok = picture_resize(&large, width, height, &small, &error) == PICTURE_OK || fail("%s", error.message);
    picture_free(&large);
    for (int row = 0; ok && row < height; row++) {
        size_t at = (size_t)(y + (side - height) / 2 + row) * (size_t)to->width + (size_t)(x + (side - width) / 2);
        for (size_t i = 0; i < 3 * (size_t)width; i++) {
            to->pixels[3 * at + i] = byte(small.pixels[3 * (size_t)row * (size_t)width + i]);
        }
    }
    if (ok) {
        picture_free(&small);
    }
    return ok;
}
