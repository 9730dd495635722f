/* SPDX-License-Identifier: Apache-2.0
 *
 * Resampling, compared with Pillow's, and conversion to a model's input.
 */
#define _DEFAULT_SOURCE
#include "recorded.h"

static void resampling_is_pillows(void) {
    content c = content_of(DATA "resize.bin");
    int cases = 0;
    for (size_t at = 0; at < c.size; cases++) {
        int32_t sizes[4];
        memcpy(sizes, c.data + at, sizeof sizes);
        at += sizeof sizes;
        size_t from_count = (size_t)sizes[0] * (size_t)sizes[1], to_count = (size_t)sizes[2] * (size_t)sizes[3];
        picture from = {sizes[0], sizes[1], 1, malloc(from_count * 4), 255}, to;
        if (!CHECK(from.pixels && at + 4 * (from_count + to_count) <= c.size)) {
            break;
        }
        memcpy(from.pixels, c.data + at, from_count * 4);
        at += from_count * 4;
        CHECK_INT(picture_resize(&from, sizes[2], sizes[3], &to, NULL), PICTURE_OK);
        bool same = CHECK(to.width == sizes[2] && to.height == sizes[3] && to.channels == 1 && to.white == 255);
        for (size_t i = 0; same && i < to_count; i++) {
            float value;
            memcpy(&value, c.data + at + 4 * i, sizeof value);
            same = CHECK_NEAR(to.pixels[i], value, 1e-4 * 255);
        }
        if (!same) {
            printf("    in %dx%d to %dx%d\n", sizes[0], sizes[1], sizes[2], sizes[3]);
        }
        at += to_count * 4;
        picture_free(&from);
        picture_free(&to);
    }
    CHECK_INT(cases, 12);
    free(c.data);
}

static void channels_are_resampled_each_for_itself(void) {
    float pixels[5 * 4 * 3], grey[5 * 4];
    picture rgb = {5, 4, 3, pixels, 255}, one = {5, 4, 1, grey, 255}, to_rgb, to_one;
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 60; i++) {
            pixels[i] = (float)(i * i * 37 % 256);
        }
        for (int i = 0; i < 20; i++) {
            grey[i] = pixels[3 * i + c];
        }
        CHECK_INT(picture_resize(&rgb, 3, 7, &to_rgb, NULL), PICTURE_OK);
        CHECK_INT(picture_resize(&one, 3, 7, &to_one, NULL), PICTURE_OK);
        for (int i = 0; i < 21; i++) {
            CHECK_NEAR(to_rgb.pixels[3 * i + c], to_one.pixels[i], 0);
        }
        picture_free(&to_rgb);
        picture_free(&to_one);
    }
}

static const picture_input usual = {.width = 2, .height = 1,
                                    .mean = {127.5f, 127.5f, 127.5f}, .deviation = {127.5f, 127.5f, 127.5f}};

static void convert(const picture *p, picture_input input, int channels, float *values) {
    input.channels = channels;
    CHECK_INT(picture_to_input(p, &input, values, NULL), PICTURE_OK);
}

static void colours_become_what_the_model_takes(void) {
    float pixels[6] = {255, 0, 51, 10, 20, 30}, values[8];
    picture p = {2, 1, 3, pixels, 255};
    convert(&p, usual, 3, values);
    CHECK_NEAR(values[0], 1, 1e-6);
    CHECK_NEAR(values[1], -1, 1e-6);
    CHECK_NEAR(values[2], 51 / 127.5 - 1, 1e-6);
    picture_input bgr = usual;
    bgr.bgr = true;
    convert(&p, bgr, 3, values);
    CHECK_NEAR(values[0], 51 / 127.5 - 1, 1e-6);
    CHECK_NEAR(values[2], 1, 1e-6);
    convert(&p, bgr, 1, values);
    CHECK_NEAR(values[0], 102 / 127.5 - 1, 1e-6);
    CHECK_NEAR(values[1], 20 / 127.5 - 1, 1e-6);
    convert(&p, usual, 4, values);
    CHECK_NEAR(values[3], 102 / 127.5 - 1, 1e-6);
    CHECK_NEAR(values[4], 20 / 127.5 - 1, 1e-6);
}

static void each_colour_has_its_mean_and_deviation(void) {
    float pixels[6] = {255, 0, 51, 10, 20, 30}, grey[2] = {100, 200}, values[6];
    picture p = {2, 1, 3, pixels, 255}, single = {2, 1, 1, grey, 255};
    picture_input input = {.width = 2, .height = 1, .mean = {10, 20, 30}, .deviation = {1, 2, 4}};
    static const float rgb[6] = {245, -10, 5.25f, 0, 0, 0}, of_grey[6] = {90, 40, 17.5f, 190, 90, 42.5f};
    for (int bgr = 0; bgr < 2; bgr++) {
        input.bgr = bgr;
        convert(&p, input, 3, values);
        for (int i = 0; i < 6; i++) {
            CHECK_NEAR(values[i], rgb[bgr ? i / 3 * 3 + 2 - i % 3 : i], 1e-5);
        }
        convert(&single, input, 3, values);
        for (int i = 0; i < 6; i++) {
            CHECK_NEAR(values[i], of_grey[bgr ? i / 3 * 3 + 2 - i % 3 : i], 1e-5);
        }
        convert(&single, input, 1, values);
        CHECK_NEAR(values[1], 190, 1e-5);
    }
}

static void grey_may_be_luma(void) {
    float pixels[6] = {255, 0, 51, 10, 20, 30}, values[2];
    picture p = {2, 1, 3, pixels, 255};
    picture_input luma = usual;
    luma.grey = PICTURE_GREY_LUMA;
    convert(&p, luma, 1, values);
    CHECK_NEAR(values[0], (0.299 * 255 + 0.114 * 51) / 127.5 - 1, 1e-6);
    CHECK_NEAR(values[1], (2.99 + 11.74 + 3.42) / 127.5 - 1, 1e-6);
}

static void grey_is_repeated_and_every_scale_becomes_0_to_255(void) {
    float pixels[2] = {65535, 13107}, values[6];
    picture p = {2, 1, 1, pixels, 65535};
    convert(&p, usual, 3, values);
    CHECK_NEAR(values[2], 1, 1e-6);
    CHECK_NEAR(values[3], 51 / 127.5 - 1, 1e-6);
    CHECK_NEAR(values[5], 51 / 127.5 - 1, 1e-6);
    picture_input other = {.width = 2, .height = 1, .white = 4095, .deviation = {255, 255, 255}};
    convert(&p, other, 1, values);
    CHECK_NEAR(values[1], 13107.0 / 4095, 1e-5);
}

static void pictures_get_the_models_size(void) {
    float pixels[4 * 3 * 3], values[2];
    picture p = {4, 3, 3, pixels, 255};
    for (int i = 0; i < 36; i++) {
        pixels[i] = 255;
    }
    convert(&p, usual, 1, values);
    CHECK_NEAR(values[0], 1, 1e-5);
    CHECK_NEAR(values[1], 1, 1e-5);
}

/* A large picture becomes grey in bands: nobody sees where they end. */
static void large_pictures_become_grey_as_small_ones_do(void) {
    enum { WIDTH = 30, HEIGHT = 700 };
    static const int sizes[][2] = {{11, 90}, {WIDTH, 90}, {11, HEIGHT}, {WIDTH, HEIGHT}, {50, 800}};
    picture rgb = {WIDTH, HEIGHT, 3, malloc(WIDTH * HEIGHT * 3 * sizeof(float)), 255};
    picture grey = {WIDTH, HEIGHT, 1, malloc(WIDTH * HEIGHT * sizeof(float)), 255};
    float *from_rgb = malloc(50 * 800 * 2 * sizeof *from_rgb), *from_grey = malloc(50 * 800 * 2 * sizeof *from_grey);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        float *pixel = rgb.pixels + 3 * i;
        for (int c = 0; c < 3; c++) {
            pixel[c] = (float)((i * (c + 7)) * 2654435761u >> 24);
        }
        grey.pixels[i] = (pixel[0] + pixel[1] + pixel[2]) / 3;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        picture_input input = {.width = sizes[i][0], .height = sizes[i][1], .channels = 2, .mean = {100, 100, 100},
                               .deviation = {3, 3, 3}};
        CHECK_INT(picture_to_input(&rgb, &input, from_rgb, NULL), PICTURE_OK);
        CHECK_INT(picture_to_input(&grey, &input, from_grey, NULL), PICTURE_OK);
        size_t count = (size_t)sizes[i][0] * (size_t)sizes[i][1] * 2;
        CHECK(memcmp(from_rgb, from_grey, count * sizeof *from_rgb) == 0);
    }
    picture_free(&rgb);
    picture_free(&grey);
    free(from_rgb);
    free(from_grey);
}

int main(void) {
    RUN(resampling_is_pillows);
    RUN(channels_are_resampled_each_for_itself);
    RUN(colours_become_what_the_model_takes);
    RUN(each_colour_has_its_mean_and_deviation);
    RUN(grey_may_be_luma);
    RUN(grey_is_repeated_and_every_scale_becomes_0_to_255);
    RUN(pictures_get_the_models_size);
    RUN(large_pictures_become_grey_as_small_ones_do);
    return test_summary();
}
