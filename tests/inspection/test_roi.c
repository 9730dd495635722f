/* SPDX-License-Identifier: Apache-2.0
 *
 * Regions of interest.
 */
#include "../test.h"
#include "inspection/roi.h"

#include <stdlib.h>

static void a_box_is_told_from_a_file(void) {
    CHECK(roi_is_box("1,2,3,4"));
    CHECK(roi_is_box("1,2,3"));
    CHECK(roi_is_box("-1,2,3,4"));
    CHECK(!roi_is_box("1,2,3,4.png"));
    CHECK(!roi_is_box("roi.png"));
    CHECK(!roi_is_box("2026-11-23"));
    CHECK(!roi_is_box(""));
}

static void boxes_are_read_and_hostile_ones_refused(void) {
    roi_box box;
    roi_refusal refusal;
    CHECK(roi_box_parse("10,20,300,40", &box, &refusal));
    CHECK(box.left == 10 && box.top == 20 && box.width == 300 && box.height == 40);
    static const char *const texts[] = {"",
                                        ",",
                                        "1,2,3",
                                        "1,2,3,",
                                        "1,2,3,4,",
                                        "1,2,3,4,5",
                                        "1,2,0,4",
                                        "1,2,3,0",
                                        "-1,2,3,4",
                                        "1,2,3,-4",
                                        "1, 2,3,4",
                                        "1,2,3,4 ",
                                        "+1,2,3,4",
                                        "1,,3,4",
                                        "a,b,c,d",
                                        "99999999999999999999,0,1,1",
                                        "0,0,4294967297,1",
                                        "0,0,16777217,1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!CHECK(!roi_box_parse(texts[i], &box, &refusal))) {
            printf("    '%s'\n", texts[i]);
        }
        CHECK_HAS(refusal.why, "is not a box X,Y,W,H");
    }
}

static void a_box_must_lie_in_the_picture(void) {
    roi_refusal refusal;
    CHECK(roi_box_check(&(roi_box){0, 0, 40, 30}, 40, 30, &refusal));
    CHECK(roi_box_check(&(roi_box){39, 29, 1, 1}, 40, 30, &refusal));
    static const roi_box outside[] = {{1, 0, 40, 30}, {0, 1, 40, 30}, {40, 0, 1, 1},
                                      {0, 0, 41, 1},  {0, 0, 1, 31},  {1 << 24, 1 << 24, 1 << 24, 1 << 24}};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        CHECK(!roi_box_check(&outside[i], 40, 30, &refusal));
        CHECK_HAS(refusal.why, "does not lie in the picture of 40x30 pixels");
    }
}

static void a_box_is_cut_out(void) {
    float pixels[4 * 5 * 3];
    for (int i = 0; i < 60; i++) {
        pixels[i] = (float)i;
    }
    picture from = {5, 4, 3, pixels, 255}, to;
    CHECK_INT(roi_box_cut(&(roi_box){2, 1, 3, 2}, &from, &to, NULL), PICTURE_OK);
    CHECK(to.width == 3 && to.height == 2 && to.channels == 3 && to.white == 255);
    for (int i = 0; i < 18; i++) {
        CHECK_NEAR(to.pixels[i], (1 + i / 9) * 15 + 6 + i % 9, 0);
    }
    picture_free(&to);
}

/* ---- Masks --------------------------------------------------------------------------------------------------- */

static void any_channel_that_is_not_0_is_inside(void) {
    float pixels[] = {0, 0, 0, /**/ 0, 0, 1, /**/ 255, 255, 255, /**/ 0, 0, 0};
    roi_mask mask;
    roi_refusal refusal;
    if (CHECK(roi_mask_make(&(picture){2, 2, 3, pixels, 255}, &mask, &refusal))) {
        CHECK(memcmp(mask.inside, (uint8_t[]){0, 1, 1, 0}, 4) == 0);
        roi_mask_free(&mask);
    }
    CHECK(mask.inside == NULL);
    CHECK(!roi_mask_make(&(picture){1, 1, 3, pixels, 255}, &mask, &refusal));
    CHECK_HAS(refusal.why, "no pixel inside");
    CHECK(mask.inside == NULL);
}

static void boxes_that_touch_the_inside_are_found(void) {
    uint8_t inside[6 * 5] = {0};
    inside[2 * 6 + 3] = 1;
    roi_mask mask = {6, 5, inside};
    CHECK(roi_mask_touches(&mask, 0, 0, 6, 5));
    CHECK(roi_mask_touches(&mask, 3, 2, 1, 1));
    CHECK(roi_mask_touches(&mask, 0, 0, 4, 3));
    CHECK(!roi_mask_touches(&mask, 0, 0, 3, 5));
    CHECK(!roi_mask_touches(&mask, 4, 0, 2, 5));
    CHECK(!roi_mask_touches(&mask, 0, 0, 6, 2));
    CHECK(!roi_mask_touches(&mask, 0, 3, 6, 2));
}

/* Whatever the sizes: a pixel of the map is inside exactly if it shares a part with a pixel that is. */
static void nothing_inside_is_lost_at_another_size(void) {
    static const int sizes[][4] = {{7, 5, 7, 5},   {7, 5, 3, 2},  {7, 5, 1, 1},
                                   {7, 5, 20, 11}, {12, 8, 6, 4}, {9, 4, 4, 9}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int width = sizes[i][0], height = sizes[i][1], to_width = sizes[i][2], to_height = sizes[i][3];
        for (int at = 0; at < width * height; at++) {
            uint8_t inside[12 * 8] = {0};
            inside[at] = 1;
            roi_mask mask = {width, height, inside}, scaled;
            CHECK(roi_mask_scale(&mask, to_width, to_height, &scaled));
            int x = at % width, y = at / width;
            for (int k = 0; k < to_width * to_height; k++) {
                int column = k % to_width, row = k / to_width;
                /* Edges in parts of a pixel that both sizes divide into: they overlap by more than a point. */
                bool across = column * width < (x + 1) * to_width && (column + 1) * width > x * to_width;
                bool down = row * height < (y + 1) * to_height && (row + 1) * height > y * to_height;
                CHECK_INT(scaled.inside[k], across && down);
            }
            roi_mask_free(&scaled);
        }
    }
}

static void values_outside_are_replaced(void) {
    uint8_t inside[] = {1, 0, 1, 0};
    float values[] = {1, 2, NAN, NAN};
    roi_mask_apply(&(roi_mask){2, 2, inside}, values, -1);
    CHECK_NEAR(values[0], 1, 0);
    CHECK_NEAR(values[1], -1, 0);
    CHECK_NEAR(values[2], NAN, 0);
    CHECK_NEAR(values[3], -1, 0);
}

/* ---- Drawing ------------------------------------------------------------------------------------------------- */

enum { SIDE = 12 };

static void paint(picture_canvas *canvas, uint8_t *pixels) {
    memset(pixels, 90, SIDE * SIDE * 3);
    *canvas = (picture_canvas){SIDE, SIDE, pixels};
}

static void what_lies_outside_is_dark_behind_a_line(void) {
    uint8_t inside[SIDE * SIDE] = {0}, by_mask[SIDE * SIDE * 3], by_box[SIDE * SIDE * 3];
    for (int y = 3; y < 7; y++) {
        memset(inside + y * SIDE + 4, 1, 5);
    }
    picture_canvas canvas;
    paint(&canvas, by_mask);
    roi_draw(&(roi_area){{0, 0, SIDE, SIDE}, {SIDE, SIDE, inside}}, SIDE, SIDE, &canvas);
    for (int i = 0; i < SIDE * SIDE; i++) {
        int x = i % SIDE, y = i / SIDE;
        bool in = inside[i];
        bool line = !in && ((x >= 3 && x < 10 && y >= 3 && y < 7) || (x >= 4 && x < 9 && y >= 2 && y < 8));
        CHECK_INT(by_mask[3 * i], in ? 90 : line ? 64 : 30);
        CHECK_INT(by_mask[3 * i + 1], in ? 90 : line ? 200 : 30);
    }
    paint(&canvas, by_box);
    roi_draw(&(roi_area){.box = {4, 3, 5, 4}}, SIDE, SIDE, &canvas);
    CHECK(memcmp(by_box, by_mask, sizeof by_box) == 0);
}

static void what_lies_beside_the_picture_stays(void) {
    uint8_t pixels[SIDE * SIDE * 3];
    picture_canvas canvas;
    paint(&canvas, pixels);
    roi_draw(&(roi_area){.box = {0, 0, 2, 2}}, 6, SIDE, &canvas);
    for (int i = 0; i < SIDE * SIDE; i++) {
        CHECK(pixels[3 * i] == 90 || i % SIDE < 6);
    }
    /* What is all of the picture leaves it as it is. */
    paint(&canvas, pixels);
    roi_draw(&(roi_area){.box = {0, 0, SIDE, SIDE}}, SIDE, SIDE, &canvas);
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        CHECK_INT(pixels[i], 90);
    }
}

int main(void) {
    RUN(a_box_is_told_from_a_file);
    RUN(boxes_are_read_and_hostile_ones_refused);
    RUN(a_box_must_lie_in_the_picture);
    RUN(a_box_is_cut_out);
    RUN(any_channel_that_is_not_0_is_inside);
    RUN(boxes_that_touch_the_inside_are_found);
    RUN(nothing_inside_is_lost_at_another_size);
    RUN(values_outside_are_replaced);
    RUN(what_lies_outside_is_dark_behind_a_line);
    RUN(what_lies_beside_the_picture_stays);
    return test_summary();
}
