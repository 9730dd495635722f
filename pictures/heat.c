/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLOURS = 256, TEXT_HEIGHT = 7 };

static const picture_rgb white = {255, 255, 255}, black = {0, 0, 0};
/* In none of the heat's colours, and far from grey. */
static const picture_rgb outline = {0, 255, 255};

void picture_canvas_free(picture_canvas *canvas) {
    free(canvas->pixels);
    *canvas = (picture_canvas){0};
}

static picture_status reserve(int width, int height, picture_canvas *canvas, picture_error *error) {
    *canvas = (picture_canvas){width, height, calloc((size_t)width * (size_t)height, 3)};
    return canvas->pixels ? PICTURE_OK
                          : picture_fail(error, PICTURE_MEMORY, "the map", "no memory to draw it at %dx%d", width,
                                         height);
}

static uint8_t *pixel_at(const picture_canvas *canvas, int x, int y) {
    return canvas->pixels + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
}

static void put(const picture_canvas *canvas, int x, int y, picture_rgb colour) {
    uint8_t *pixel = pixel_at(canvas, x, y);
    pixel[0] = colour.red;
    pixel[1] = colour.green;
    pixel[2] = colour.blue;
}

static void fill(const picture_canvas *canvas, int left, int top, int width, int height, picture_rgb colour) {
    for (int y = top < 0 ? 0 : top; y < top + height && y < canvas->height; y++) {
        for (int x = left < 0 ? 0 : left; x < left + width && x < canvas->width; x++) {
            put(canvas, x, y, colour);
        }
    }
}

/* ---- Colours ------------------------------------------------------------------------------------------------- */

static uint8_t encoded(double linear) {
    linear = fmin(fmax(linear, 0), 1);
    double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return (uint8_t)lround(255 * value);
}

/* Oklab, in which equal distances look about equal (Ottosson 2020), to the screen's sRGB. */
static picture_rgb from_oklab(double lightness, double chroma, double hue) {
    double a = chroma * cos(hue), b = chroma * sin(hue);
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return (picture_rgb){encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                         encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                         encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

void picture_heat_colours(picture_rgb colours[COLOURS]) {
    const double pi = 3.14159265358979323846;
    for (int i = 0; i < COLOURS; i++) {
        /* Lightness rises evenly and the hue turns evenly, from violet blue to yellow; the chroma is a parabola
           that stays just inside what screens can show. */
        double t = i / (COLOURS - 1.0);
        colours[i] = from_oklab(0.08 + 0.88 * t, 0.04 + (0.40 - 0.31 * t) * t, (285 + 180 * t) * pi / 180);
    }
}

/* What is not a number gets the highest colour: it must not look like "nothing". */
static int colour_index(float value) {
    return !(value < 1) ? COLOURS - 1 : value > 0 ? (int)(value * (COLOURS - 1) + 0.5f) : 0;
}

/* ---- The map at another size --------------------------------------------------------------------------------- */

typedef struct sample {
    int first, second;
    float weight;      /* of the second */
} sample;

static sample sample_at(int place, int from, int to) {
    float at = ((float)place + 0.5f) * (float)from / (float)to - 0.5f;
    at = at < 0 ? 0 : at > (float)(from - 1) ? (float)(from - 1) : at;
    int first = (int)at;
    float weight = at - (float)first;
    /* Without a weight the second must not matter, even if it is not a number. */
    return (sample){first, weight > 0 ? first + 1 : first, weight};
}

/* Bilinear: it never goes beyond the values that are there. */
static float value_at(const picture_map *map, sample x, sample y) {
    const float *upper = map->values + (size_t)y.first * (size_t)map->width;
    const float *lower = map->values + (size_t)y.second * (size_t)map->width;
    float above = upper[x.first] + (upper[x.second] - upper[x.first]) * x.weight;
    float below = lower[x.first] + (lower[x.second] - lower[x.first]) * x.weight;
    return above + (below - above) * y.weight;
}

/* ---- The heat map -------------------------------------------------------------------------------------------- */

/* Text and lines grow with the picture. */
static int drawing_scale(int width, int height) {
    int least = width < height ? width : height;
    return least < 768 ? 1 : least / 384;
}

/* From 1 at the top down to 0, with five labelled ticks. */
static void draw_legend(const picture_canvas *canvas, int left, int scale, const picture_rgb *colours) {
    static const char *const labels[] = {"1.00", "0.75", "0.50", "0.25", "0.00"};
    picture_canvas target = *canvas;
    int margin = TEXT_HEIGHT * scale / 2 + 2 * scale, bar = 10 * scale;
    int height = canvas->height - 2 * margin;
    for (int y = 0; y < height; y++) {
        int index = (COLOURS - 1) - y * (COLOURS - 1) / (height > 1 ? height - 1 : 1);
        fill(canvas, left + 4 * scale, margin + y, bar, 1, colours[index]);
    }
    for (int i = 0; i < 5; i++) {
        int y = margin + (height - 1) * i / 4;
        /* Short and far from the label: it must not look like a minus. */
        fill(canvas, left + 4 * scale + bar, y - scale / 2, 2 * scale, scale, white);
        picture_text(&target, left + 10 * scale + bar, y - TEXT_HEIGHT * scale / 2, scale, white, labels[i]);
    }
}

picture_status picture_heat(const picture_map *map, int width, int height, picture_canvas *canvas,
                            picture_error *error) {
    picture_rgb colours[COLOURS];
    picture_heat_colours(colours);
    int scale = drawing_scale(width, height);
    int legend = 22 * scale + picture_text_width(scale, "0.00"), least = (5 * (TEXT_HEIGHT + 2) + 6) * scale;
    picture_status status = reserve(width + legend, height < least ? least : height, canvas, error);
    if (status != PICTURE_OK) {
        return status;
    }
    for (int y = 0; y < height; y++) {
        sample row = sample_at(y, map->height, height);
        for (int x = 0; x < width; x++) {
            put(canvas, x, y, colours[colour_index(value_at(map, sample_at(x, map->width, width), row))]);
        }
    }
    draw_legend(canvas, width, scale, colours);
    return PICTURE_OK;
}

/* ---- The overlay --------------------------------------------------------------------------------------------- */

static float shown(float value, float full) {
    float scaled = value * 255 / full;
    return scaled > 0 ? (scaled < 255 ? scaled : 255) : 0;
}

static const float *picture_pixel(const picture *p, int x, int y) {
    return p->pixels + ((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels;
}

/* The picture shines through by a quarter where the map is 1, and wholly where it is 0. */
static void blend(const picture *p, const picture_map *map, const picture_canvas *canvas,
                  const picture_rgb *colours) {
    for (int y = 0; y < p->height; y++) {
        sample row = sample_at(y, map->height, p->height);
        for (int x = 0; x < p->width; x++) {
            float value = value_at(map, sample_at(x, map->width, p->width), row);
            const float *from = picture_pixel(p, x, y);
            picture_rgb heat = colours[colour_index(value)];
            const uint8_t parts[3] = {heat.red, heat.green, heat.blue};
            float share = 0.75f * (float)colour_index(value) / (COLOURS - 1);
            for (int c = 0; c < 3; c++) {
                float grey = shown(from[p->channels == 3 ? c : 0], p->white);
                pixel_at(canvas, x, y)[c] = (uint8_t)(grey + ((float)parts[c] - grey) * share + 0.5f);
            }
        }
    }
}

/* Whether the map's own pixel under (x, y) is at or above the threshold: what picture_regions counts. */
static bool inside(const picture_map *map, const picture_canvas *canvas, float threshold, int x, int y) {
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height) {
        return false;
    }
    size_t column = (size_t)((int64_t)x * map->width / canvas->width);
    size_t row = (size_t)((int64_t)y * map->height / canvas->height);
    return map->values[row * (size_t)map->width + column] >= threshold;
}

/* A line of `scale` pixels around what is inside, outside it so that small spots stay visible. */
static void draw_outlines(const picture_map *map, float threshold, int scale, picture_rgb colour,
                          const picture_canvas *canvas) {
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            if (!inside(map, canvas, threshold, x, y)) {
                continue;
            }
            for (int way = 0; way < 4; way++) {
                int dx = way == 0 ? -1 : way == 1, dy = way == 2 ? -1 : way == 3;
                if (inside(map, canvas, threshold, x + dx, y + dy)) {
                    continue;
                }
                for (int step = 1; step <= scale; step++) {
                    int nx = x + step * dx, ny = y + step * dy;
                    if (nx >= 0 && ny >= 0 && nx < canvas->width && ny < canvas->height &&
                        !inside(map, canvas, threshold, nx, ny)) {
                        put(canvas, nx, ny, colour);
                    }
                }
            }
        }
    }
}

void picture_label(picture_canvas *canvas, const char *text) {
    /* Black behind it: it is legible on every picture. */
    int scale = drawing_scale(canvas->width, canvas->height), large = canvas->height < 128 ? scale : 2 * scale;
    fill(canvas, 0, 0, picture_text_width(large, text) + 4 * large, (TEXT_HEIGHT + 4) * large, black);
    picture_text(canvas, 2 * large, 2 * large, large, white, text);
}

picture_status picture_overlay(const picture *p, const picture_map *map, float threshold, const char *text,
                               picture_canvas *canvas, picture_error *error) {
    picture_rgb colours[COLOURS];
    picture_heat_colours(colours);
    picture_status status = reserve(p->width, p->height, canvas, error);
    if (status != PICTURE_OK) {
        return status;
    }
    int scale = drawing_scale(p->width, p->height);
    blend(p, map, canvas, colours);
    if (!isnan(threshold)) {
        draw_outlines(map, threshold, scale, outline, canvas);
    }
    if (text) {
        picture_label(canvas, text);
    }
    return PICTURE_OK;
}

/* ---- Layers -------------------------------------------------------------------------------------------------- */

/* Colours stand out from grey, whatever the picture's are. */
static void draw_grey(const picture *p, const picture_canvas *canvas) {
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            const float *from = picture_pixel(p, x, y);
            float value = p->channels == 3 ? (from[0] + from[1] + from[2]) / 3 : from[0];
            uint8_t grey = (uint8_t)(shown(value, p->white) + 0.5f);
            put(canvas, x, y, (picture_rgb){grey, grey, grey});
        }
    }
}

/* A third of the colour: what lies below stays visible. */
static void tint(const picture_layer *layer, const picture_canvas *canvas) {
    const uint8_t parts[3] = {layer->colour.red, layer->colour.green, layer->colour.blue};
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            for (int c = 0; c < 3 && inside(layer->map, canvas, layer->threshold, x, y); c++) {
                uint8_t *part = pixel_at(canvas, x, y) + c;
                *part = (uint8_t)((2 * *part + parts[c] + 1) / 3);
            }
        }
    }
}

static void draw_layers(const picture *p, const picture_layer *layers, size_t count, int scale,
                        const picture_canvas *canvas) {
    draw_grey(p, canvas);
    for (size_t i = 0; i < count; i++) {
        tint(&layers[i], canvas);
    }
    /* Outlines last, so that no tint covers one. */
    for (size_t i = 0; i < count; i++) {
        draw_outlines(layers[i].map, layers[i].threshold, scale, layers[i].colour, canvas);
    }
}

/* A square of the colour and its label in each line; what does not fit is left out. */
static void draw_labels(const picture_layer *layers, size_t count, int left, int scale, picture_canvas *canvas) {
    int line = (TEXT_HEIGHT + 4) * scale, side = TEXT_HEIGHT * scale;
    for (size_t i = 0; i < count && (int)(i + 1) * line <= canvas->height; i++) {
        int top = (int)i * line + 2 * scale;
        fill(canvas, left + 3 * scale, top, side, side, white);
        fill(canvas, left + 4 * scale, top + scale, side - 2 * scale, side - 2 * scale, layers[i].colour);
        picture_text(canvas, left + 5 * scale + side, top, scale, white, layers[i].label);
    }
}

picture_status picture_paint(const picture *p, const picture_layer *layers, size_t count, picture_canvas *canvas,
                             picture_error *error) {
    int scale = drawing_scale(p->width, p->height), widest = 0;
    for (size_t i = 0; i < count; i++) {
        int width = picture_text_width(scale, layers[i].label);
        widest = width > widest ? width : widest;
    }
    int legend = count > 0 ? widest + (TEXT_HEIGHT + 8) * scale : 0;
    picture_status status = reserve(p->width + legend, p->height, canvas, error);
    picture_canvas part;
    status = status == PICTURE_OK ? reserve(p->width, p->height, &part, error) : status;
    if (status != PICTURE_OK) {
        picture_canvas_free(canvas);
        return status;
    }
    draw_layers(p, layers, count, scale, &part);
    for (int y = 0; y < p->height; y++) {
        memcpy(pixel_at(canvas, 0, y), pixel_at(&part, 0, y), 3 * (size_t)p->width);
    }
    picture_canvas_free(&part);
    draw_labels(layers, count, p->width, scale, canvas);
    return PICTURE_OK;
}
