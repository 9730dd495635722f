/* SPDX-License-Identifier: Apache-2.0 */
#include "tiles.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 16384 };

/* ---- Sizes and places ---------------------------------------------------------------------------------------- */

/* A number from `low` to SIDE_MOST, and `text` behind it. */
static bool parse_number(const char **text, int low, int *number) {
    char *end;
    if (**text < '0' || **text > '9') {
        return false;
    }
    errno = 0;
    long value = strtol(*text, &end, 10);
    bool ok = errno == 0 && value >= low && value <= SIDE_MOST;
    *number = ok ? (int)value : 0;
    *text = end;
    return ok;
}

bool tile_size_parse(const char *text, tile_size *size, tile_refusal *refusal) {
    const char *at = text;
    bool ok = parse_number(&at, 1, &size->height);
    size->width = size->height;
    if (ok && *at == 'x') {
        at++;
        ok = parse_number(&at, 1, &size->width);
    }
    ok = ok && *at++ == ',' && parse_number(&at, 0, &size->overlap) && *at == '\0';
    if (!ok) {
        snprintf(refusal->why, sizeof refusal->why,
                 "'%.40s' is not a tile's size and overlap in pixels, such as 512,64 or 384x512,64, up to %d", text,
                 SIDE_MOST);
    } else if (size->overlap >= size->width || size->overlap >= size->height) {
        snprintf(refusal->why, sizeof refusal->why, "an overlap of %d pixels leaves nothing of a tile of %dx%d",
                 size->overlap, size->height, size->width);
        ok = false;
    }
    return ok;
}

static tile_axis make_axis(int length, int tile, int overlap) {
    int step = tile - overlap;
    int count = length <= tile ? 1 : 1 + (length - tile + step - 1) / step;
    return (tile_axis){length, tile, step, count};
}

bool tile_grid_make(int width, int height, const tile_size *size, tile_grid *grid, tile_refusal *refusal) {
    *grid = (tile_grid){make_axis(width, size->width, size->overlap),
                        make_axis(height, size->height, size->overlap), 0};
    int64_t count = (int64_t)grid->across.count * grid->down.count;
    if (count > TILES_MOST) {
        snprintf(refusal->why, sizeof refusal->why,
                 "%dx%d pixels in tiles of %dx%d that overlap by %d are %" PRId64
                 " tiles, more than the limit of %d",
                 width, height, size->width, size->height, size->overlap, count, TILES_MOST);
        return false;
    }
    grid->count = (int)count;
    return true;
}

static int start_of(const tile_axis *axis, int index) {
    int start = index * axis->step, last = axis->length - axis->tile;
    return last < 0 ? 0 : start < last ? start : last;
}

/* How many of the tile's places are the picture's. */
static int covered(const tile_axis *axis) {
    return axis->length < axis->tile ? axis->length : axis->tile;
}

tile_place tile_place_of(const tile_grid *grid, int index) {
    return (tile_place){start_of(&grid->across, index % grid->across.count),
                        start_of(&grid->down, index / grid->across.count), covered(&grid->across),
                        covered(&grid->down)};
}

/* Where `at` lies among `length` places when those beyond the last mirror those before it: 0 1 2 3 2 1 0 1 ... */
static int reflected(int at, int length) {
    if (length == 1) {
        return 0;
    }
    int period = 2 * (length - 1), place = at % period;
    return place < length ? place : period - place;
}

void tile_cut(const tile_grid *grid, int index, const picture *from, int left, int top, picture *tile) {
    tile_place place = tile_place_of(grid, index);
    size_t channels = (size_t)from->channels;
    for (int y = 0; y < tile->height; y++) {
        size_t row = (size_t)(top + place.top + reflected(y, place.height));
        const float *source = from->pixels + (row * (size_t)from->width + (size_t)(left + place.left)) * channels;
        float *target = tile->pixels + (size_t)y * (size_t)tile->width * channels;
        memcpy(target, source, (size_t)place.width * channels * sizeof *target);
        for (int x = place.width; x < tile->width; x++) {
            memcpy(target + (size_t)x * channels, source + (size_t)reflected(x, place.width) * channels,
                   channels * sizeof *target);
        }
    }
}

/* ---- Weights ------------------------------------------------------------------------------------------------- */

/* Rises from the start of the tile to the end of its overlap with the one before, and falls likewise to the end.
   Two tiles' ramps over their common part add up to 1. Above 0 on the whole tile. */
static double ramps(const tile_axis *axis, int index, int place) {
    int start = start_of(axis, index);
    double rising = 1, falling = 1;
    if (index > 0) {
        int common = start_of(axis, index - 1) + axis->tile - start;
        rising = (double)(place - start + 1) / (common + 1);
    }
    if (index + 1 < axis->count) {
        int common = start + axis->tile - start_of(axis, index + 1);
        falling = (double)(start + axis->tile - place) / (common + 1);
    }
    return fmin(1, fmin(rising, falling));
}

void tile_weights(const tile_axis *axis, int index, uint16_t *weights) {
    int start = start_of(axis, index), length = covered(axis);
    memset(weights, 0, (size_t)axis->tile * sizeof *weights);
    for (int place = start; place < start + length; place++) {
        /* Where the overlap is more than half a tile, or the last tile was moved back, more than two tiles cover.
         */
        int first = index, end = index + 1;
        while (first > 0 && start_of(axis, first - 1) + axis->tile > place) {
            first--;
        }
        while (end < axis->count && start_of(axis, end) <= place) {
            end++;
        }
        double before = 0, all = 0, own = ramps(axis, index, place);
        for (int i = first; i < end; i++) {
            before = i == index ? all : before;
            all += i == index ? own : ramps(axis, i, place);
        }
        /* Rounded are the sums up to each tile, so that the tiles' shares add up exactly. */
        long upper = index + 1 == end ? TILE_WEIGHT_ONE : lround((before + own) / all * TILE_WEIGHT_ONE);
        weights[place - start] = (uint16_t)(upper - lround(before / all * TILE_WEIGHT_ONE));
    }
}

/* ---- Blending ------------------------------------------------------------------------------------------------ */

struct tile_blend {
    const tile_grid *grid;
    size_t channels;
    float *values;
    double *band; /* sums of the rows from `done` on; row y at y % tile height */
    int done;     /* rows that are in `values` */
    int row;      /* of tiles, whose weights `down` has; -1: none */
    uint16_t *across, *down;
};

tile_blend *tile_blend_begin(const tile_grid *grid, int channels, float *values) {
    tile_blend *blend = malloc(sizeof *blend);
    if (!blend) {
        return NULL;
    }
    size_t height = (size_t)covered(&grid->down);
    *blend = (tile_blend){.grid = grid, .channels = (size_t)channels, .values = values, .row = -1};
    blend->band = calloc(height * (size_t)grid->across.length * blend->channels, sizeof *blend->band);
    blend->across = calloc((size_t)grid->across.tile, sizeof *blend->across);
    blend->down = calloc((size_t)grid->down.tile, sizeof *blend->down);
    if (!blend->band || !blend->across || !blend->down) {
        free(blend->band);
        free(blend->across);
        free(blend->down);
        free(blend);
        return NULL;
    }
    return blend;
}

static size_t values_in_row(const tile_blend *blend) {
    return (size_t)blend->grid->across.length * blend->channels;
}

static double *band_row(const tile_blend *blend, int y) {
    return blend->band + (size_t)(y % covered(&blend->grid->down)) * values_in_row(blend);
}

/* Rows above `end` get no more tiles. */
static void complete(tile_blend *blend, int end) {
    size_t width = values_in_row(blend);
    for (; blend->done < end; blend->done++) {
        double *sums = band_row(blend, blend->done);
        float *values = blend->values + (size_t)blend->done * width;
        for (size_t i = 0; i < width; i++) {
            values[i] = (float)sums[i];
            sums[i] = 0;
        }
    }
}

/* At most 28 bits times 24: exact, and so are sums of values that are equal. */
static void add_pixel(double *sums, const float *values, size_t channels, int weight) {
    double share = (double)weight / ((double)TILE_WEIGHT_ONE * TILE_WEIGHT_ONE);
    for (size_t c = 0; c < channels && weight > 0; c++) {
        sums[c] += values[c] * share;
    }
}

void tile_blend_add(tile_blend *blend, int index, const float *map) {
    const tile_grid *grid = blend->grid;
    tile_place place = tile_place_of(grid, index);
    int row = index / grid->across.count;
    if (row != blend->row) {
        complete(blend, place.top);
        tile_weights(&grid->down, row, blend->down);
        blend->row = row;
    }
    tile_weights(&grid->across, index % grid->across.count, blend->across);
    for (int y = 0; y < place.height; y++) {
        double *sums = band_row(blend, place.top + y) + (size_t)place.left * blend->channels;
        const float *values = map + (size_t)y * (size_t)grid->across.tile * blend->channels;
        for (int x = 0; x < place.width; x++) {
            add_pixel(sums, values, blend->channels, blend->down[y] * blend->across[x]);
            sums += blend->channels;
            values += blend->channels;
        }
    }
}

void tile_blend_end(tile_blend *blend) {
    if (blend) {
        complete(blend, blend->grid->down.length);
        free(blend->band);
        free(blend->across);
        free(blend->down);
        free(blend);
    }
}

/* ---- Smaller maps -------------------------------------------------------------------------------------------- */

typedef struct sample {
    size_t first, second;
    float weight; /* of the second */
} sample;

static sample sample_at(int place, int from, int to) {
    double at = (place + 0.5) * from / to - 0.5;
    at = at < 0 ? 0 : at > from - 1 ? from - 1 : at;
    size_t first = (size_t)at;
    float weight = (float)(at - (double)first);
    /* Without a weight the second must not matter, even if it is not a number. */
    return (sample){first, weight > 0 ? first + 1 : first, weight};
}

static float mix(float first, float second, float weight) {
    return weight > 0 ? first + (second - first) * weight : first;
}

void tile_enlarge(const float *from, int from_width, int from_height, int channels, float *to, int width,
                  int height) {
    size_t count = (size_t)channels;
    for (int y = 0; y < height; y++) {
        sample down = sample_at(y, from_height, height);
        const float *upper = from + down.first * (size_t)from_width * count;
        const float *lower = from + down.second * (size_t)from_width * count;
        for (int x = 0; x < width; x++) {
            sample across = sample_at(x, from_width, width);
            for (size_t c = 0; c < count; c++) {
                size_t first = across.first * count + c, second = across.second * count + c;
                *to++ = mix(mix(upper[first], upper[second], across.weight),
                            mix(lower[first], lower[second], across.weight), down.weight);
            }
        }
    }
}
