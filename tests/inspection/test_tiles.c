/* SPDX-License-Identifier: Apache-2.0
 *
 * Grids of tiles, cutting and blending.
 */
#include "../test.h"
#include "inspection/tiles.h"

#include <stdlib.h>

static tile_grid grid_of(int width, int height, int tile_width, int tile_height, int overlap) {
    tile_grid grid;
    tile_refusal refusal;
    CHECK(tile_grid_make(width, height, &(tile_size){tile_width, tile_height, overlap}, &grid, &refusal));
    return grid;
}

/* Width, height, tile width, tile height, overlap: odd sizes, one pixel, pictures smaller than a tile in one
   direction or both, no overlap, half, nearly all of a tile, and a last tile moved back by nearly a tile. */
static const int cases[][5] = {
    {64, 64, 64, 64, 0},    {65, 64, 64, 64, 0},  {64, 65, 64, 64, 63}, {100, 37, 16, 16, 4},
    {101, 53, 32, 16, 15},  {17, 10, 10, 10, 4},  {33, 31, 7, 9, 6},    {5, 90, 16, 16, 8},
    {90, 5, 16, 16, 8},     {3, 4, 16, 16, 8},    {1, 1, 8, 8, 3},      {1, 1, 1, 1, 0},
    {40, 1, 1, 1, 0},       {127, 61, 24, 40, 1}, {50, 50, 49, 49, 48}, {333, 77, 128, 64, 0},
    {300, 200, 96, 96, 47}, {9, 9, 8, 8, 7},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static tile_grid grid_of_case(int i) {
    return grid_of(cases[i][0], cases[i][1], cases[i][2], cases[i][3], cases[i][4]);
}

static void sizes_are_read(void) {
    tile_size size;
    tile_refusal refusal;
    CHECK(tile_size_parse("512,64", &size, &refusal));
    CHECK(size.width == 512 && size.height == 512 && size.overlap == 64);
    CHECK(tile_size_parse("384x512,0", &size, &refusal));
    CHECK(size.width == 512 && size.height == 384 && size.overlap == 0);
    CHECK(tile_size_parse("16384,16383", &size, &refusal));
}

static void hostile_sizes_are_refused(void) {
    static const char *const texts[] = {"",
                                        "512",
                                        "512,",
                                        ",64",
                                        "0,0",
                                        "-5,0",
                                        "512,-1",
                                        "512,64,",
                                        "512,64x",
                                        "512x,64",
                                        "x512,64",
                                        "5 12,64",
                                        " 512,4",
                                        "512, 4",
                                        "16385,0",
                                        "4294967808,64",
                                        "99999999999999999999,1",
                                        "512,99999999999999999999",
                                        "0x10,1",
                                        "1e3,4",
                                        "512x512x512,8",
                                        "512.5,4",
                                        "+512,4"};
    tile_size size;
    tile_refusal refusal;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!CHECK(!tile_size_parse(texts[i], &size, &refusal))) {
            printf("    '%s'\n", texts[i]);
        }
        CHECK_HAS(refusal.why, "is not a tile's size and overlap");
    }
    CHECK(!tile_size_parse("512,512", &size, &refusal));
    CHECK_HAS(refusal.why, "leaves nothing of a tile of 512x512");
    CHECK(!tile_size_parse("64x512,100", &size, &refusal));
    CHECK_HAS(refusal.why, "leaves nothing of a tile of 64x512");
    tile_grid grid;
    CHECK(!tile_grid_make(16384, 16384, &(tile_size){8, 8, 7}, &grid, &refusal));
    CHECK_HAS(refusal.why, "are 268206129 tiles, more than the limit of 1000000");
    CHECK(tile_grid_make(16384, 16384, &(tile_size){64, 64, 40}, &grid, &refusal));
}

static void every_pixel_is_covered_and_no_tile_is_idle(void) {
    for (int i = 0; i < CASES; i++) {
        tile_grid grid = grid_of_case(i);
        int width = cases[i][0], height = cases[i][1], overlap = cases[i][4];
        uint8_t *seen = calloc((size_t)width * (size_t)height, 1);
        int fresh_tiles = 0, before = -1;
        for (int t = 0; t < grid.count; t++) {
            tile_place place = tile_place_of(&grid, t);
            bool lies_inside = place.left >= 0 && place.top >= 0 && place.width >= 1 && place.height >= 1 &&
                               place.left + place.width <= width && place.top + place.height <= height;
            if (!CHECK(lies_inside)) {
                break;
            }
            if (t % grid.across.count > 0) {
                CHECK(before + cases[i][2] - place.left >= overlap);
            }
            before = place.left;
            bool fresh = false;
            for (int y = place.top; y < place.top + place.height; y++) {
                for (int x = place.left; x < place.left + place.width; x++) {
                    fresh = fresh || !seen[y * width + x];
                    seen[y * width + x] = 1;
                }
            }
            fresh_tiles += fresh;
        }
        CHECK_INT(fresh_tiles, grid.count);
        CHECK(memchr(seen, 0, (size_t)width * (size_t)height) == NULL);
        free(seen);
    }
}

static void only_the_last_tile_is_moved_back(void) {
    tile_grid grid = grid_of(100, 32, 32, 32, 8);
    static const int lefts[] = {0, 24, 48, 68};
    if (CHECK_INT(grid.count, 4)) {
        for (int t = 0; t < 4; t++) {
            CHECK_INT(tile_place_of(&grid, t).left, lefts[t]);
        }
    }
    /* A picture that tiles cover exactly needs none more. */
    CHECK_INT(grid_of(80, 32, 32, 32, 8).count, 3);
    CHECK_INT(grid_of(81, 32, 32, 32, 8).count, 4);
}

/* ---- Weights ------------------------------------------------------------------------------------------------- */

static void weights_add_up_to_one_exactly(void) {
    for (int i = 0; i < CASES; i++) {
        tile_grid grid = grid_of_case(i);
        const tile_axis *axis = &grid.across;
        int *sums = calloc((size_t)axis->length, sizeof *sums),
            *covers = calloc((size_t)axis->length, sizeof *covers);
        uint16_t *weights = malloc((size_t)axis->tile * sizeof *weights);
        for (int t = 0; t < axis->count; t++) {
            tile_weights(axis, t, weights);
            int left = tile_place_of(&grid, t).left;
            for (int k = 0; k < axis->tile; k++) {
                if (left + k < axis->length) {
                    sums[left + k] += weights[k];
                    covers[left + k]++;
                } else {
                    CHECK_INT(weights[k], 0);
                }
            }
        }
        for (int t = 0; t < axis->count; t++) {
            tile_weights(axis, t, weights);
            int left = tile_place_of(&grid, t).left;
            for (int k = 0; k < axis->tile && left + k < axis->length; k++) {
                CHECK(covers[left + k] > 1 || weights[k] == TILE_WEIGHT_ONE);
            }
        }
        for (int x = 0; x < axis->length; x++) {
            CHECK_INT(sums[x], TILE_WEIGHT_ONE);
        }
        free(sums);
        free(covers);
        free(weights);
    }
}

static void ramps_are_linear(void) {
    tile_grid grid = grid_of(56, 32, 32, 32, 8);
    uint16_t first[32], second[32];
    tile_weights(&grid.across, 0, first);
    tile_weights(&grid.across, 1, second);
    for (int k = 0; k < 24; k++) {
        CHECK_INT(first[k], TILE_WEIGHT_ONE);
        CHECK_INT(second[8 + k], TILE_WEIGHT_ONE);
    }
    for (int k = 0; k < 8; k++) {
        CHECK_NEAR(second[k], (k + 1) / 9.0 * TILE_WEIGHT_ONE, 0.51);
        CHECK_NEAR(first[24 + k], (8 - k) / 9.0 * TILE_WEIGHT_ONE, 0.51);
    }
}

/* ---- Cutting and blending ------------------------------------------------------------------------------------ */

static uint32_t noise_state = 1;

/* Of all magnitudes, and both signs. */
static float noise(void) {
    noise_state = noise_state * 1664525 + 1013904223;
    float part = (float)(int32_t)noise_state / 2147483648.0f;
    return ldexpf(part, (int)(noise_state >> 8 & 31) - 16);
}

static picture noise_picture(int width, int height, int channels) {
    size_t count = (size_t)width * (size_t)height * (size_t)channels;
    picture made = {width, height, channels, malloc(count * sizeof(float)), 255};
    for (size_t i = 0; i < count; i++) {
        made.pixels[i] = noise();
    }
    return made;
}

static void tiles_that_agree_give_the_picture_back_to_the_bit(void) {
    for (int i = 0; i < 2 * CASES; i++) {
        const int *sizes = cases[i / 2], channels = i % 2 == 0 ? 1 : 3;
        tile_grid grid = grid_of_case(i / 2);
        picture whole = noise_picture(sizes[0], sizes[1], channels),
                tile = noise_picture(sizes[2], sizes[3], channels);
        size_t count = (size_t)whole.width * (size_t)whole.height * (size_t)channels;
        float *map = malloc(count * sizeof *map);
        tile_blend *blend = tile_blend_begin(&grid, channels, map);
        for (int t = 0; t < grid.count; t++) {
            tile_cut(&grid, t, &whole, 0, 0, &tile);
            tile_blend_add(blend, t, tile.pixels);
        }
        tile_blend_end(blend);
        if (!CHECK(memcmp(map, whole.pixels, count * sizeof *map) == 0)) {
            printf("    %dx%d in %dx%d, %d\n", whole.width, whole.height, tile.width, tile.height, sizes[4]);
        }
        free(map);
        picture_free(&whole);
        picture_free(&tile);
    }
}

/* Against sums in plain double precision, from ramps that are written down in another way. */
static double hat(int place, int tile, int left_common, int right_common) {
    double left = left_common < 0 ? 1 : (place + 1.0) / (left_common + 1);
    double right = right_common < 0 ? 1 : (double)(tile - place) / (right_common + 1);
    double least = left < right ? left : right;
    return least < 1 ? least : 1;
}

static double weight_of(const tile_grid *grid, int t, int x, int y) {
    tile_place own = tile_place_of(grid, t);
    if (x < own.left || y < own.top || x >= own.left + own.width || y >= own.top + own.height) {
        return 0;
    }
    int columns = grid->across.count, rows = grid->down.count, column = t % columns, row = t / columns;
    int width = grid->across.tile, height = grid->down.tile;
    int left = column == 0 ? -1 : tile_place_of(grid, t - 1).left + width - own.left;
    int right = column + 1 == columns ? -1 : own.left + width - tile_place_of(grid, t + 1).left;
    int up = row == 0 ? -1 : tile_place_of(grid, t - columns).top + height - own.top;
    int below = row + 1 == rows ? -1 : own.top + height - tile_place_of(grid, t + columns).top;
    return hat(x - own.left, width, left, right) * hat(y - own.top, height, up, below);
}

static void tiles_that_differ_are_averaged_by_the_ramps(void) {
    for (int i = 0; i < CASES; i++) {
        tile_grid grid = grid_of_case(i);
        int width = cases[i][0], height = cases[i][1];
        picture tile = noise_picture(cases[i][2], cases[i][3], 1);
        float *map = malloc((size_t)width * (size_t)height * sizeof *map);
        tile_blend *blend = tile_blend_begin(&grid, 1, map);
        for (int t = 0; t < grid.count; t++) {
            for (int k = 0; k < tile.width * tile.height; k++) {
                tile.pixels[k] = (float)((t * 37 + 11) % 101) / 101;
            }
            tile_blend_add(blend, t, tile.pixels);
        }
        tile_blend_end(blend);
        for (int y = 0; y < height; y += 3) {
            for (int x = 0; x < width; x += 2) {
                double sum = 0, weights = 0;
                for (int t = 0; t < grid.count; t++) {
                    double weight = weight_of(&grid, t, x, y);
                    sum += weight * ((t * 37 + 11) % 101) / 101;
                    weights += weight;
                }
                /* A weight is off by half of 2^-14 at most in each direction, and many tiles may cover. */
                CHECK_NEAR(map[y * width + x], sum / weights, 5e-4);
            }
        }
        free(map);
        picture_free(&tile);
    }
}

static void a_smaller_picture_is_padded_by_reflection(void) {
    float pixels[] = {1, 2, 3, 4, 5, 6}, tile_pixels[5 * 8];
    picture from = {3, 2, 1, pixels, 255}, tile = {8, 5, 1, tile_pixels, 255};
    tile_grid grid = grid_of(3, 2, 8, 5, 2);
    static const float expected[] = {1, 2, 3, 2, 1, 2, 3, 2, /**/ 4, 5, 6, 5, 4, 5, 6, 5, /**/
                                     1, 2, 3, 2, 1, 2, 3, 2, /**/ 4, 5, 6, 5, 4, 5, 6, 5, /**/
                                     1, 2, 3, 2, 1, 2, 3, 2};
    CHECK_INT(grid.count, 1);
    tile_cut(&grid, 0, &from, 0, 0, &tile);
    CHECK(memcmp(tile_pixels, expected, sizeof expected) == 0);
    /* A single pixel has nothing beside it to mirror. */
    grid = grid_of(1, 1, 8, 5, 2);
    tile_cut(&grid, 0, &from, 1, 1, &tile);
    for (int i = 0; i < 40; i++) {
        CHECK_NEAR(tile_pixels[i], 5, 0);
    }
}

static void all_channels_of_a_part_of_a_picture_are_cut(void) {
    picture from = noise_picture(40, 30, 3), tile = noise_picture(8, 8, 3);
    tile_grid grid = grid_of(20, 10, 8, 8, 2);
    for (int t = 0; t < grid.count; t++) {
        tile_place place = tile_place_of(&grid, t);
        tile_cut(&grid, t, &from, 13, 17, &tile);
        for (int i = 0; i < 8 * 8 * 3; i++) {
            int x = 13 + place.left + i / 3 % 8, y = 17 + place.top + i / 24;
            CHECK_NEAR(tile.pixels[i], from.pixels[(y * 40 + x) * 3 + i % 3], 0);
        }
    }
    picture_free(&from);
    picture_free(&tile);
}

static void where_no_tile_was_added_the_map_is_0(void) {
    tile_grid grid = grid_of(40, 40, 10, 10, 0);
    float *map = malloc(40 * 40 * sizeof *map), ones[100];
    for (int i = 0; i < 100; i++) {
        ones[i] = 1;
    }
    tile_blend *blend = tile_blend_begin(&grid, 1, map);
    tile_blend_add(blend, 1, ones);
    tile_blend_add(blend, 14, ones);
    tile_blend_end(blend);
    for (int y = 0; y < 40; y++) {
        for (int x = 0; x < 40; x++) {
            bool added = (y < 10 && x / 10 == 1) || (y >= 30 && x / 10 == 2);
            CHECK_NEAR(map[y * 40 + x], added, 0);
        }
    }
    blend = tile_blend_begin(&grid, 1, map);
    tile_blend_end(blend);
    CHECK_NEAR(map[19], 0, 0);
    tile_blend_end(NULL);
    free(map);
}

static void what_is_not_a_number_stays_where_it_is(void) {
    tile_grid grid = grid_of(24, 8, 16, 8, 8);
    float map[24 * 8], tile[16 * 8] = {0};
    tile[15] = NAN;
    tile_blend *blend = tile_blend_begin(&grid, 1, map);
    tile_blend_add(blend, 0, tile);
    tile[15] = INFINITY;
    tile_blend_add(blend, 1, tile);
    tile_blend_end(blend);
    for (int i = 0; i < 24 * 8; i++) {
        CHECK_NEAR(map[i], i == 15 ? NAN : i == 23 ? INFINITY : 0, 0);
    }
}

static void smaller_maps_are_enlarged(void) {
    /* What TensorFlow's tf.image.resize, bilinear, makes of 1 3 5 at 6 places. */
    static const float wide[] = {1, 1.5f, 2.5f, 3.5f, 4.5f, 5};
    float to[6 * 4 * 2];
    tile_enlarge((float[]){1, 3, 5}, 3, 1, 1, to, 6, 2);
    for (int i = 0; i < 12; i++) {
        CHECK_NEAR(to[i], wide[i % 6], 0);
    }
    /* Two channels, turned: rows instead of columns. */
    tile_enlarge((float[]){1, -1, 3, -3, 5, -5}, 1, 3, 2, to, 1, 6);
    for (int i = 0; i < 6; i++) {
        CHECK_NEAR(to[2 * i], wide[i], 0);
        CHECK_NEAR(to[2 * i + 1], -wide[i], 0);
    }
    /* The same size is the same values, and what is not a number stays at its place. */
    tile_enlarge((float[]){1, NAN, INFINITY, 4}, 2, 2, 1, to, 2, 2);
    CHECK_NEAR(to[0], 1, 0);
    CHECK_NEAR(to[1], NAN, 0);
    CHECK_NEAR(to[2], INFINITY, 0);
    CHECK_NEAR(to[3], 4, 0);
    tile_enlarge((float[]){0.7f}, 1, 1, 1, to, 6, 4);
    for (int i = 0; i < 24; i++) {
        CHECK_NEAR(to[i], 0.7f, 0);
    }
}

int main(void) {
    RUN(smaller_maps_are_enlarged);
    RUN(sizes_are_read);
    RUN(hostile_sizes_are_refused);
    RUN(every_pixel_is_covered_and_no_tile_is_idle);
    RUN(only_the_last_tile_is_moved_back);
    RUN(weights_add_up_to_one_exactly);
    RUN(ramps_are_linear);
    RUN(tiles_that_agree_give_the_picture_back_to_the_bit);
    RUN(tiles_that_differ_are_averaged_by_the_ramps);
    RUN(a_smaller_picture_is_padded_by_reflection);
    RUN(all_channels_of_a_part_of_a_picture_are_cut);
    RUN(where_no_tile_was_added_the_map_is_0);
    RUN(what_is_not_a_number_stays_where_it_is);
    return test_summary();
}
