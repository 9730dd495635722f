/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps of outputs, smoothing, scores, verdicts and regions, against plain loops in double precision.
 */
#include "inspection/input.h"
#include "inspection/verdict.h"

#include "../test.h"

#include <stdlib.h>

static uint32_t state = 1;

static float next_random(void) {
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (1 << 24);
}

static float *random_values(size_t count) {
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        values[i] = next_random();
    }
    return values;
}

/* ---- Maps of outputs ----------------------------------------------------------------------------------------- */

static void a_map_is_a_channel_of_an_output(void) {
    float values[2 * 3 * 4];
    for (int i = 0; i < 24; i++) {
        values[i] = (float)i;
    }
    haya_tensor output = haya_tensor_dense(HAYA_FLOAT32, (haya_shape){4, {1, 2, 3, 4}}, values);
    for (int32_t c = 0; c < 4; c++) {
        settings_map how = {.channel = c};
        picture_map map;
        if (CHECK_INT(map_of_class(&how, &output, "y", NULL, &map, NULL), HAYA_OK)) {
            CHECK(map.width == 3 && map.height == 2);
            for (int i = 0; i < 6; i++) {
                CHECK_NEAR(map.values[i], 4 * i + c, 0);
            }
            map_free(&map);
        }
    }
}

static void ranks_two_and_three_and_other_types_are_maps(void) {
    uint8_t bytes[6] = {0, 1, 2, 3, 4, 255};
    static const haya_shape shapes[] = {{2, {2, 3}}, {3, {1, 2, 3}}, {4, {1, 2, 3, 1}}};
    for (size_t i = 0; i < 3; i++) {
        haya_tensor output = haya_tensor_dense(HAYA_UINT8, shapes[i], bytes);
        picture_map map;
        CHECK(is_map(&shapes[i]));
        if (CHECK_INT(map_of(&output, "y", &map, NULL), HAYA_OK)) {
            CHECK(map.width == 3 && map.height == 2 && map.values[3] == 3 && map.values[5] == 255);
            map_free(&map);
        }
    }
    static const haya_shape others[] = {{-1, {0}},         {1, {3}},          {2, {0, 3}},      {3, {2, 2, 3}},
                                        {4, {1, 2, 3, 2}}, {4, {2, 2, 3, 1}}, {2, {65537, 1}},
                                        {5, {1, 1, 1, 1, 1}}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CHECK(!is_map(&others[i]));
    }
}

static void a_reconstruction_differs_from_its_input(void) {
    float given[2 * 3] = {0, 1, 2, 3, 4, 5}, made[2 * 3] = {1, 1, 0, 3, -4, 5.5f};
    haya_shape shape = {4, {1, 1, 2, 3}};
    haya_tensor input = haya_tensor_dense(HAYA_FLOAT32, shape, given);
    haya_tensor output = haya_tensor_dense(HAYA_FLOAT32, shape, made);
    settings_map how = {.type = SETTINGS_MAP_RECONSTRUCTION, .channel = -1};
    picture_map map;
    if (CHECK_INT(map_of_class(&how, &output, "y", &input, &map, NULL), HAYA_OK)) {
        CHECK_NEAR(map.values[0], (1 + 0 + 2) / 3.0, 1e-6);
        CHECK_NEAR(map.values[1], (0 + 8 + 0.5) / 3, 1e-6);
        map_free(&map);
    }
    how.channel = 1;
    if (CHECK_INT(map_of_class(&how, &output, "y", &input, &map, NULL), HAYA_OK)) {
        CHECK(map.values[0] == 0 && map.values[1] == 8);
        map_free(&map);
    }
}

/* ---- Smoothing ----------------------------------------------------------------------------------------------- */

static int folded(int at, int size) {
    while (at < 0 || at >= size) {
        at = at < 0 ? -1 - at : 2 * size - 1 - at;
    }
    return at;
}

/* In two dimensions at once. */
static double smoothed(const float *values, int width, int height, int x, int y, double sigma) {
    int radius = (int)(4 * sigma + 0.5);
    double sum = 0, weights = 0;
    for (int dy = -radius; dy <= radius; dy++) {
        for (int dx = -radius; dx <= radius; dx++) {
            double weight = exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
            sum += weight * values[folded(y + dy, height) * width + folded(x + dx, width)];
            weights += weight;
        }
    }
    return sum / weights;
}

static void smoothing_is_a_gaussian_with_mirrored_edges(void) {
    static const struct {
        int width, height;
        double sigma;
    } cases[] = {{9, 7, 1}, {16, 5, 0.4}, {1, 1, 2}, {3, 2, 5}, {1, 12, 1.3}, {40, 30, 2.5}, {8, 8, 0.12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int width = cases[i].width, height = cases[i].height;
        float *before = random_values((size_t)(width * height)), *values = malloc(4 * (size_t)(width * height));
        memcpy(values, before, 4 * (size_t)(width * height));
        picture_map map = {width, height, values};
        CHECK_INT(map_smooth(&map, cases[i].sigma, NULL), HAYA_OK);
        for (int k = 0; k < width * height; k++) {
            CHECK_NEAR(values[k], smoothed(before, width, height, k % width, k / width, cases[i].sigma), 2e-7);
        }
        free(before);
        free(values);
    }
}

static void no_smoothing_changes_nothing(void) {
    float values[4] = {0, 1, NAN, 3};
    picture_map map = {2, 2, values};
    CHECK_INT(map_smooth(&map, 0, NULL), HAYA_OK);
    CHECK(values[0] == 0 && values[1] == 1 && isnan(values[2]) && values[3] == 3);
}

/* ---- Verdicts ------------------------------------------------------------------------------------------------ */

/* The verdict on a copy of the values. */
static verdict judge(const settings_class *how, const float *values, int width, int height) {
    size_t bytes = sizeof *values * (size_t)width * (size_t)height;
    picture_map map = {width, height, memcpy(malloc(bytes), values, bytes)};
    verdict v;
    CHECK_INT(verdict_make(how, &map, 0, 0, &v, NULL), HAYA_OK);
    CHECK(!map.values);
    return v;
}

static int descending(const void *a, const void *b) {
    return (*(const float *)a < *(const float *)b) - (*(const float *)a > *(const float *)b);
}

static void the_score_is_the_mean_of_the_top(void) {
    static const double percents[] = {0.001, 1, 12.5, 50, 99.9, 100};
    for (int kind = 0; kind < 3; kind++) {
        float *values = random_values(20 * 30), *sorted = malloc(600 * sizeof *sorted);
        for (int i = 0; i < 600; i++) {
            /* Few different values; negative ones; and both. */
            values[i] = kind == 0 ? values[i] : kind == 1 ? floorf(4 * values[i]) - 2 : values[i] * 1e-30f - 5e-31f;
        }
        memcpy(sorted, values, 600 * sizeof *sorted);
        qsort(sorted, 600, sizeof *sorted, descending);
        for (size_t p = 0; p < sizeof percents / sizeof percents[0]; p++) {
            settings_class how = {.score = {.type = SETTINGS_SCORE_TOP_MEAN, .percent = percents[p]}, .high = 2};
            int count = (int)(percents[p] / 100 * 600);
            double sum = 0;
            for (int i = 0; i < (count < 1 ? 1 : count); i++) {
                sum += sorted[i];
            }
            verdict v = judge(&how, values, 30, 20);
            CHECK_NEAR(v.score, sum / (count < 1 ? 1 : count), kind == 2 ? 1e-36 : 1e-6);
            verdict_free(&v);
        }
        free(values);
        free(sorted);
    }
}

static void the_score_is_an_area(void) {
    static const float values[8] = {0.7f, 0.1f, 0.2f, 0.7f, 0.9f, 0.7f, 0, 0};
    settings_class how = {.score = {.type = SETTINGS_SCORE_AREA, .threshold = 0.7}, .low = 4, .high = 5};
    verdict v = judge(&how, values, 4, 2);
    CHECK_NEAR(v.score, 4, 0);
    CHECK_INT(v.decision, VERDICT_UNSURE);
    CHECK_NEAR(v.region_threshold, 0.7f, 0);
    CHECK_INT(v.region_count, 2);
    CHECK_INT(v.regions[0].area, 3);
    verdict_free(&v);
    how.low = 5;
    v = judge(&how, values, 4, 2);
    CHECK_INT(v.decision, VERDICT_OK);
    CHECK(isnan(v.region_threshold) && v.region_count == 0);
    verdict_free(&v);
}

static void a_threshold_is_reached_by_its_own_value(void) {
    /* 0.7 is not a float32: neither a map's 0.7 nor a flat map's mean may fall short of it. */
    static const float values[6] = {0.7f, 0.7f, 0.7f, 0.7f, 0.7f, 0.7f};
    static const settings_score scores[] = {{.type = SETTINGS_SCORE_MAX},
                                            {.type = SETTINGS_SCORE_TOP_MEAN, .percent = 50}};
    for (size_t i = 0; i < 2; i++) {
        settings_class how = {.score = scores[i], .low = 0.7, .high = 0.7};
        verdict v = judge(&how, values, 3, 2);
        CHECK_INT(v.decision, VERDICT_NG);
        CHECK_INT(v.region_count, 1);
        CHECK_INT(v.regions ? v.regions[0].area : 0, 6);
        verdict_free(&v);
        how.high = 0.70001;
        v = judge(&how, values, 3, 2);
        CHECK_INT(v.decision, VERDICT_UNSURE);
        verdict_free(&v);
        how.low = 0.70001;
        v = judge(&how, values, 3, 2);
        CHECK_INT(v.decision, VERDICT_OK);
        CHECK_STR(verdict_word(v.decision), "OK");
        verdict_free(&v);
    }
}

static void what_is_no_number_is_unsure_whatever_the_score(void) {
    static const float values[4] = {0, 1, NAN, 0};
    for (int type = SETTINGS_SCORE_MAX; type <= SETTINGS_SCORE_AREA; type++) {
        settings_class how = {.score = {.type = (settings_score_type)type, .percent = 100},
                              .low = 0.1, .high = 0.5};
        verdict v = judge(&how, values, 2, 2);
        CHECK(isnan(v.score) && v.decision == VERDICT_UNSURE && v.region_count == 0);
        verdict_free(&v);
        how.high = NAN;
        v = judge(&how, values, 2, 2);
        CHECK(v.decision == VERDICT_NONE && !verdict_word(v.decision));
        verdict_free(&v);
    }
}

static void smoothing_comes_before_the_score(void) {
    float values[81] = {0};
    values[4 * 9 + 4] = 1;
    settings_class how = {.sigma = 1, .low = 0.1, .high = 0.2};
    verdict v = judge(&how, values, 9, 9);
    CHECK_NEAR(v.score, smoothed(values, 9, 9, 4, 4, 1), 1e-7);
    CHECK_INT(v.decision, VERDICT_UNSURE);
    CHECK_NEAR(v.map.values[4 * 9 + 4], v.score, 0);
    CHECK_INT(v.region_count, 1);
    verdict_free(&v);
}

static void regions_are_in_the_pictures_pixels(void) {
    float values[4] = {0, 1, 0, 0};
    picture_map map = {2, 2, memcpy(malloc(sizeof values), values, sizeof values)};
    settings_class how = {.low = 0.5, .high = 0.5};
    verdict v;
    if (CHECK_INT(verdict_make(&how, &map, 20, 10, &v, NULL), HAYA_OK)) {
        const picture_region *r = v.regions;
        CHECK(v.region_count == 1 && r->left == 10 && r->top == 0 && r->right == 20 && r->bottom == 5);
        CHECK_INT(r->area, 50);
        verdict_free(&v);
    }
}

/* ---- Inputs -------------------------------------------------------------------------------------------------- */

static void pictures_become_inputs_by_the_settings(void) {
    float pixels[2 * 2 * 3] = {0, 51, 255, 10, 20, 30, 255, 0, 0, 7, 8, 9};
    picture p = {2, 2, 3, pixels, 255};
    settings s = settings_default();
    haya_value input = {"x", HAYA_FLOAT32, {4, {-1, -1, -1, 3}}};
    haya_tensor tensor;
    haya_error error;
    s.input.bgr = true;
    s.input.mean[0] = 1;
    if (CHECK_INT(input_from_picture(&s.input, &input, &p, "p.png", &tensor, &error), HAYA_OK)) {
        const float *values = tensor.data;
        CHECK(tensor.shape.rank == 4 && tensor.shape.dims[0] == 1 && tensor.shape.dims[3] == 3);
        CHECK_NEAR(values[0], 1, 1e-6);
        CHECK_NEAR(values[2], -1 / 127.5, 1e-6);
        CHECK_NEAR(values[5], 9 / 127.5, 1e-6);
        free(tensor.data);
    }
    input.shape.dims[3] = 1;
    CHECK_INT(input_from_picture(&s.input, &input, &p, "p.png", &tensor, &error), HAYA_ERROR_SHAPE);
    CHECK_HAS(error.message, "p.png: input 'x' has 1 channel, and the model's settings have mean and standard");
    s = settings_default();
    s.input.grey = PICTURE_GREY_LUMA;
    if (CHECK_INT(input_from_picture(&s.input, &input, &p, "p.png", &tensor, &error), HAYA_OK)) {
        CHECK_NEAR(((float *)tensor.data)[2], 0.299 * 2 - 1, 1e-6);
        free(tensor.data);
    }
    input.dtype = HAYA_UINT8;
    CHECK_INT(input_from_picture(&s.input, &input, &p, "p.png", &tensor, &error), HAYA_ERROR_VALUE);
    CHECK_HAS(error.message, "which input 'x' of type uint8 cannot hold");
}

static void sizes_are_stretched_or_must_be_the_models(void) {
    float pixels[6] = {0};
    picture p = {3, 2, 1, pixels, 255};
    settings s = settings_default();
    haya_value input = {"x", HAYA_FLOAT32, {4, {1, 4, 5, 1}}};
    haya_shape shape;
    haya_tensor tensor;
    haya_error error;
    if (CHECK_INT(input_from_picture(&s.input, &input, &p, "p", &tensor, &error), HAYA_OK)) {
        CHECK(tensor.shape.dims[1] == 4 && tensor.shape.dims[2] == 5 && tensor.bytes == 80);
        free(tensor.data);
    }
    s.input.stretch = false;
    CHECK_INT(input_from_picture(&s.input, &input, &p, "p", &tensor, &error), HAYA_ERROR_SHAPE);
    CHECK_HAS(error.message, "p: it is 3x2, input 'x' takes 5x4, and the model's settings say that pictures are");
    input.shape.dims[1] = input.shape.dims[2] = -1;
    CHECK_INT(input_shape(&s.input, &input, p.width, p.height, p.channels, "p", &shape, &error), HAYA_OK);
    CHECK(shape.dims[1] == 2 && shape.dims[2] == 3 && shape.dims[3] == 1);
    input.shape.rank = 3;
    CHECK_INT(input_shape(&s.input, &input, 3, 2, 1, "p", &shape, &error), HAYA_ERROR_SHAPE);
    CHECK_HAS(error.message, "a picture does not fit input 'x' of shape [1,?,?]");
}

/* ---- Regions of interest ------------------------------------------------------------------------------------- */

/* Against the same loop over the inside alone, by every score. */
static void only_what_is_inside_is_smoothed_and_counts(void) {
    enum { WIDTH = 23, HEIGHT = 17 };
    const double sigma = 1.5;
    uint8_t inside[WIDTH * HEIGHT];
    float *values = random_values(WIDTH * HEIGHT), expected[WIDTH * HEIGHT];
    int count = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        inside[i] = x > 4 && y > 3 && x + y < 30;
        count += inside[i];
        values[i] += inside[i] ? 0 : 100; /* it would show */
    }
    double largest = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        double sum = 0, weights = 0;
        for (int k = 0; k < WIDTH * HEIGHT; k++) {
            double dx = i % WIDTH - k % WIDTH, dy = i / WIDTH - k / WIDTH;
            double weight = inside[k] && fabs(dx) <= 6 && fabs(dy) <= 6
                                ? exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) : 0;
            sum += weight * values[k];
            weights += weight;
        }
        expected[i] = inside[i] ? (float)(sum / weights) : 0;
        largest = fmax(largest, expected[i]);
    }
    roi_area roi = {{100, 200, WIDTH, HEIGHT}, {WIDTH, HEIGHT, inside}};
    static const settings_score_type types[] = {SETTINGS_SCORE_MAX, SETTINGS_SCORE_AREA, SETTINGS_SCORE_TOP_MEAN};
    for (size_t i = 0; i < 3; i++) {
        settings_class how = {.sigma = sigma, .score = {types[i], .percent = 100, .threshold = -1}, .low = 0.1,
                              .high = 0.1};
        float *copy = malloc(sizeof expected);
        memcpy(copy, values, sizeof expected);
        picture_map map = {WIDTH, HEIGHT, copy};
        verdict v;
        if (!CHECK_INT(verdict_make_within(&how, &map, &roi, &v, NULL), HAYA_OK)) {
            break;
        }
        double mean = 0;
        for (int k = 0; k < WIDTH * HEIGHT; k++) {
            /* The mirror image, by which the map's edges are continued, is of weight where the inside is at an edge. */
            bool edge = k % WIDTH >= WIDTH - 6 || k / WIDTH >= HEIGHT - 6;
            CHECK_NEAR(v.map.values[k], expected[k], edge ? 0.2 : 1e-5);
            mean += inside[k] ? v.map.values[k] / (double)count : 0;
        }
        CHECK_NEAR(v.score, i == 0 ? v.score : i == 1 ? count : mean, 1e-5);
        CHECK(i > 0 || (v.score < 1 && fabs(v.score - largest) < 0.2));
        if (CHECK_INT(v.region_count, 1)) {
            CHECK_INT(v.regions[0].area, count);
            CHECK_INT(v.regions[0].left, 105);
            CHECK_INT(v.regions[0].top, 204);
        }
        verdict_free(&v);
    }
    free(values);
}

static void what_is_not_a_number_outside_does_not_count(void) {
    uint8_t inside[4] = {1, 1, 0, 0};
    for (int way = 0; way < 2; way++) {
        float *values = malloc(4 * sizeof *values);
        memcpy(values, way == 0 ? (float[]){0.25f, -1, NAN, 9} : (float[]){NAN, 0, 0, 0}, 4 * sizeof *values);
        picture_map map = {2, 2, values};
        verdict v;
        settings_class how = {.low = -2, .high = -2};
        CHECK_INT(verdict_make_within(&how, &map, &(roi_area){{0, 0, 2, 2}, {2, 2, inside}}, &v, NULL), HAYA_OK);
        CHECK_NEAR(v.score, way == 0 ? 0.25 : NAN, 0);
        CHECK_INT(v.decision, way == 0 ? VERDICT_NG : VERDICT_UNSURE);
        if (way == 0 && CHECK_INT(v.region_count, 1)) {
            CHECK_INT(v.regions[0].area, 2);
        }
        CHECK_NEAR(v.map.values[2], 0, 0);
        verdict_free(&v);
    }
}

int main(void) {
    RUN(a_map_is_a_channel_of_an_output);
    RUN(ranks_two_and_three_and_other_types_are_maps);
    RUN(a_reconstruction_differs_from_its_input);
    RUN(smoothing_is_a_gaussian_with_mirrored_edges);
    RUN(no_smoothing_changes_nothing);
    RUN(the_score_is_the_mean_of_the_top);
    RUN(the_score_is_an_area);
    RUN(a_threshold_is_reached_by_its_own_value);
    RUN(what_is_no_number_is_unsure_whatever_the_score);
    RUN(smoothing_comes_before_the_score);
    RUN(regions_are_in_the_pictures_pixels);
    RUN(only_what_is_inside_is_smoothed_and_counts);
    RUN(what_is_not_a_number_outside_does_not_count);
    RUN(pictures_become_inputs_by_the_settings);
    RUN(sizes_are_stretched_or_must_be_the_models);
    return test_summary();
}
