/* SPDX-License-Identifier: Apache-2.0
 *
 * Regions, heat maps, overlays, text and encoding.
 */
#define _DEFAULT_SOURCE
#include "../test.h"
#include "pictures/picture.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Regions ------------------------------------------------------------------------------------------------- */

static void regions_are_joined_over_corners_and_sorted_by_peak(void) {
    static const float values[] = {
        .9f, 0,   0,   0,   0,   .6f, /**/
        0,   .5f, 0,   0,   0,   .6f, /**/
        0,   0,   .5f, 0,   0,   0,   /**/
        0,   0,   0,   0,   0,   0,   /**/
        NAN, .4f, 0,   1,   0,   0,   /**/
    };
    picture_map map = {6, 5, values};
    picture_region *regions;
    size_t count;
    CHECK_INT(picture_regions(&map, 0.5f, &regions, &count, NULL), PICTURE_OK);
    if (CHECK_INT(count, 3)) {
        CHECK_INT(regions[0].area, 1);
        CHECK_INT(regions[0].left, 3);
        CHECK_INT(regions[0].bottom, 5);
        CHECK_INT(regions[1].area, 3);
        CHECK_NEAR(regions[1].peak, .9f, 0);
        CHECK_INT(regions[1].left, 0);
        CHECK_INT(regions[1].top, 0);
        CHECK_INT(regions[1].right, 3);
        CHECK_INT(regions[1].bottom, 3);
        CHECK_INT(regions[2].area, 2);
        CHECK_INT(regions[2].peak_x, 5);
        CHECK_INT(regions[2].peak_y, 0);
        picture_region scaled = picture_region_scaled(&regions[1], &map, 15, 10);
        CHECK_INT(scaled.area, 15);
        CHECK_INT(scaled.right, 8);
        CHECK_INT(scaled.bottom, 6);
        CHECK_INT(scaled.peak_x, 1);
        CHECK_INT(scaled.peak_y, 1);
        CHECK_INT(picture_region_scaled(&regions[0], &map, 3, 2).area, 1);
    }
    free(regions);
    CHECK_INT(picture_regions(&map, 1.5f, &regions, &count, NULL), PICTURE_OK);
    CHECK_INT(count, 0);
    free(regions);
}

static void a_region_may_be_the_whole_map(void) {
    enum { SIDE = 300 };
    float *values = calloc(SIDE * SIDE, sizeof *values);
    picture_map map = {SIDE, SIDE, values};
    picture_region *regions;
    size_t count;
    if (CHECK(values)) {
        CHECK_INT(picture_regions(&map, 0, &regions, &count, NULL), PICTURE_OK);
        CHECK_INT(count, 1);
        CHECK_INT(regions[0].area, SIDE * SIDE);
        free(regions);
        for (int i = 0; i < SIDE * SIDE; i++) {
            values[i] = i % 2 == 0 && i / SIDE % 2 == 0;
        }
        CHECK_INT(picture_regions(&map, 0.5f, &regions, &count, NULL), PICTURE_OK);
        CHECK_INT(count, SIDE * SIDE / 4);
        free(regions);
    }
    free(values);
}

/* ---- Colours ------------------------------------------------------------------------------------------------- */

static double linear(uint8_t value) {
    double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* CIE L*, 0 to 100. */
static double lightness(picture_rgb c) {
    double y = 0.2126 * linear(c.red) + 0.7152 * linear(c.green) + 0.0722 * linear(c.blue);
    return y > 0.008856 ? 116 * cbrt(y) - 16 : 903.3 * y;
}

static void heat_is_lighter_the_higher_the_value(void) {
    picture_rgb colours[256];
    picture_heat_colours(colours);
    CHECK(lightness(colours[0]) < 5);
    CHECK(lightness(colours[255]) > 92);
    for (int i = 1; i < 256; i++) {
        double step = lightness(colours[i]) - lightness(colours[i - 1]);
        /* A byte's rounding moves L* by up to 0.3, in dark blue more than elsewhere. */
        CHECK(step > 0 && step < 1);
    }
    /* In black, where CIE and Oklab differ, less than in the rest. */
    for (int i = 64; i < 256; i += 32) {
        CHECK_NEAR(lightness(colours[i]) - lightness(colours[i - 32]), 11.6, 2.5);
    }
}

static picture_rgb colour_of(const picture_canvas *canvas, int x, int y) {
    const uint8_t *p = canvas->pixels + 3 * (y * canvas->width + x);
    return (picture_rgb){p[0], p[1], p[2]};
}

static bool same_colour(picture_rgb a, picture_rgb b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

static void the_scale_of_a_heat_map_is_fixed(void) {
    static const float values[] = {0, 0.5f, 1, -3, 7, NAN};
    picture_rgb colours[256];
    picture_canvas canvas;
    picture_map map = {6, 1, values};
    picture_heat_colours(colours);
    CHECK_INT(picture_heat(&map, 6, 1, &canvas, NULL), PICTURE_OK);
    CHECK(canvas.width > 6 && canvas.height > 40); /* the legend needs room even so */
    static const int indices[] = {0, 128, 255, 0, 255, 255};
    for (int i = 0; i < 6; i++) {
        CHECK(same_colour(colour_of(&canvas, i, 0), colours[indices[i]]));
    }
    picture_canvas_free(&canvas);
    CHECK_INT(picture_heat(&map, 600, 400, &canvas, NULL), PICTURE_OK);
    CHECK_INT(canvas.height, 400);
    /* The legend begins with the highest colour and ends with the lowest. */
    CHECK(same_colour(colour_of(&canvas, 608, 5), colours[255]));
    CHECK(same_colour(colour_of(&canvas, 608, 394), colours[0]));
    picture_canvas_free(&canvas);
}

static void an_overlay_leaves_the_picture_where_nothing_is(void) {
    float pixels[8 * 8], values[4] = {0, 0, 0, 1};
    picture p = {8, 8, 1, pixels, 65535};
    for (int i = 0; i < 64; i++) {
        pixels[i] = 32896; /* 128 of 255 */
    }
    picture_map map = {2, 2, values};
    picture_canvas canvas;
    CHECK_INT(picture_overlay(&p, &map, 0.5f, NULL, &canvas, NULL), PICTURE_OK);
    CHECK(canvas.width == 8 && canvas.height == 8);
    picture_rgb corner = colour_of(&canvas, 0, 0), line = {0, 255, 255};
    CHECK(corner.red == 128 && corner.green == 128 && corner.blue == 128);
    CHECK(same_colour(colour_of(&canvas, 3, 5), line));
    CHECK(same_colour(colour_of(&canvas, 5, 3), line));
    CHECK(!same_colour(colour_of(&canvas, 4, 4), line));
    CHECK(colour_of(&canvas, 7, 7).red > 200);
    picture_canvas_free(&canvas);
    CHECK_INT(picture_overlay(&p, &map, NAN, "NG 0.98", &canvas, NULL), PICTURE_OK);
    CHECK(same_colour(colour_of(&canvas, 0, 0), (picture_rgb){0, 0, 0}));
    picture_canvas_free(&canvas);
}

static picture_rgb pixel_of(const picture_canvas *canvas, int x, int y) {
    const uint8_t *pixel = canvas->pixels + 3 * (y * canvas->width + x);
    return (picture_rgb){pixel[0], pixel[1], pixel[2]};
}

static bool is_colour(picture_rgb pixel, int red, int green, int blue) {
    return pixel.red == red && pixel.green == green && pixel.blue == blue;
}

static void layers_are_tinted_and_outlined_in_their_colours(void) {
    float grey[8 * 8], spot[16] = {0}, other[16] = {0};
    for (int i = 0; i < 64; i++) {
        grey[i] = 90;
    }
    spot[5] = 0.6f; /* a pixel of 4 x 4 is two of 8 x 8 */
    other[5] = 0.4f;
    other[10] = NAN;
    picture p = {8, 8, 1, grey, 255};
    picture_map maps[2] = {{4, 4, spot}, {4, 4, other}};
    const picture_layer layers[] = {{&maps[0], 0.6f, {255, 0, 0}, "A"}, {&maps[1], 0.5f, {0, 255, 0}, "LONG"}};
    picture_canvas canvas;
    if (!CHECK_INT(picture_paint(&p, layers, 2, &canvas, NULL), PICTURE_OK)) {
        return;
    }
    CHECK(canvas.width > 8 + picture_text_width(1, "LONG") && canvas.height == 8);
    CHECK(is_colour(pixel_of(&canvas, 0, 0), 90, 90, 90));
    CHECK(is_colour(pixel_of(&canvas, 2, 2), 145, 60, 60) && is_colour(pixel_of(&canvas, 3, 3), 145, 60, 60));
    CHECK(is_colour(pixel_of(&canvas, 1, 2), 255, 0, 0) && is_colour(pixel_of(&canvas, 3, 4), 255, 0, 0));
    CHECK(is_colour(pixel_of(&canvas, 5, 5), 90, 90, 90)); /* what is no number reaches nothing */
    picture_canvas_free(&canvas);
    if (CHECK_INT(picture_paint(&p, NULL, 0, &canvas, NULL), PICTURE_OK)) {
        CHECK(canvas.width == 8 && canvas.height == 8 && is_colour(pixel_of(&canvas, 7, 7), 90, 90, 90));
        picture_canvas_free(&canvas);
    }
}

static void text_is_cut_off_at_the_edges(void) {
    uint8_t pixels[10 * 10 * 3 + 1] = {0};
    picture_canvas canvas = {10, 10, pixels};
    picture_text(&canvas, -7, -3, 2, (picture_rgb){1, 2, 3}, "0aZ.%~\xff");
    picture_text(&canvas, 3, 5, 3, (picture_rgb){1, 2, 3}, "8");
    CHECK_INT(pixels[300], 0);
    CHECK_INT(picture_text_width(2, "0.25"), 46);
    CHECK_INT(picture_text_width(2, ""), 0);
}

/* ---- Encoding ------------------------------------------------------------------------------------------------ */

static void check_png(int channels, int bits) {
    enum { WIDTH = 5, HEIGHT = 3 };
    uint16_t wide[WIDTH * HEIGHT * 4];
    uint8_t bytes[WIDTH * HEIGHT * 4];
    for (int i = 0; i < WIDTH * HEIGHT * channels; i++) {
        wide[i] = (uint16_t)(i * 4001);
        bytes[i] = (uint8_t)(i * 41);
    }
    void *data;
    size_t size;
    picture p;
    picture_error error;
    CHECK(picture_png_in_memory(WIDTH, HEIGHT, channels, bits, bits == 8 ? (void *)bytes : wide, &data, &size));
    if (!CHECK_INT(picture_decode(data, size, "it", NULL, &p, &error), PICTURE_OK)) {
        return;
    }
    int kept = channels == 1 ? 1 : 3;
    CHECK(p.width == WIDTH && p.height == HEIGHT && p.channels == kept && p.white == (bits == 8 ? 255 : 65535));
    for (int i = 0; i < WIDTH * HEIGHT * kept; i++) {
        int k = i / kept * channels + i % kept;
        CHECK_NEAR(p.pixels[i], bits == 8 ? bytes[k] : wide[k], 0);
    }
    picture_free(&p);
    free(data);
}

static void pngs_come_back_as_they_went(void) {
    for (int bits = 8; bits <= 16; bits += 8) {
        check_png(1, bits);
        check_png(3, bits);
        check_png(4, bits);
    }
}

static void tiffs_come_back_as_they_went(void) {
    static const float values[] = {0, 1, -0.5f, 1.5f, 1e-30f, 0.1f};
    char *data = NULL;
    size_t size;
    FILE *stream = open_memstream(&data, &size);
    CHECK(picture_write_tiff(stream, 3, 2, values));
    fclose(stream);
    picture p;
    picture_error error;
    if (CHECK_INT(picture_decode(data, size, "it", NULL, &p, &error), PICTURE_OK)) {
        CHECK(p.width == 3 && p.height == 2 && p.channels == 1 && p.white == 1);
        CHECK(memcmp(p.pixels, values, sizeof values) == 0);
        picture_free(&p);
    }
    free(data);
}

static void a_full_disk_is_told(void) {
    FILE *full = fopen("/dev/full", "wb");
    static const uint8_t samples[64 * 64];
    static const float values[64 * 64];
    if (!full) {
        return; /* another system */
    }
    setvbuf(full, NULL, _IONBF, 0);
    errno = 0;
    CHECK(!picture_write_png(full, 64, 64, 1, 8, samples));
    CHECK_INT(errno, ENOSPC);
    errno = 0;
    CHECK(!picture_write_tiff(full, 64, 64, values));
    CHECK_INT(errno, ENOSPC);
    fclose(full);
}

int main(void) {
    RUN(regions_are_joined_over_corners_and_sorted_by_peak);
    RUN(a_region_may_be_the_whole_map);
    RUN(heat_is_lighter_the_higher_the_value);
    RUN(the_scale_of_a_heat_map_is_fixed);
    RUN(an_overlay_leaves_the_picture_where_nothing_is);
    RUN(layers_are_tinted_and_outlined_in_their_colours);
    RUN(text_is_cut_off_at_the_edges);
    RUN(pngs_come_back_as_they_went);
    RUN(tiffs_come_back_as_they_went);
    RUN(a_full_disk_is_told);
    return test_summary();
}
