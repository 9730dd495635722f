/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct search {
    const picture_map *map;
    float threshold;
    bool *seen;
    size_t *waiting;           /* pixels whose neighbours are still to be looked at; each gets in once */
    picture_region *regions;
    size_t count, capacity;
} search;

static void join(picture_region *region, int x, int y, float value) {
    region->area++;
    region->left = x < region->left ? x : region->left;
    region->top = y < region->top ? y : region->top;
    region->right = x + 1 > region->right ? x + 1 : region->right;
    region->bottom = y + 1 > region->bottom ? y + 1 : region->bottom;
    /* The first in reading order, in whatever order the pixels are found. */
    bool earlier = y < region->peak_y || (y == region->peak_y && x < region->peak_x);
    if (region->area == 1 || value > region->peak || (value == region->peak && earlier)) {
        region->peak = value;
        region->peak_x = x;
        region->peak_y = y;
    }
}

/* The region that pixel `start` belongs to. */
static picture_region grow(search *s, size_t start) {
    size_t width = (size_t)s->map->width, waiting = 0;
    picture_region region = {.left = s->map->width, .top = s->map->height};
    s->seen[start] = true;
    s->waiting[waiting++] = start;
    while (waiting > 0) {
        size_t at = s->waiting[--waiting];
        int x = (int)(at % width), y = (int)(at / width);
        join(&region, x, y, s->map->values[at]);
        for (int ny = y > 0 ? y - 1 : 0; ny <= y + 1 && ny < s->map->height; ny++) {
            for (int nx = x > 0 ? x - 1 : 0; nx <= x + 1 && nx < s->map->width; nx++) {
                size_t next = (size_t)ny * width + (size_t)nx;
                if (!s->seen[next] && s->map->values[next] >= s->threshold) {
                    s->seen[next] = true;
                    s->waiting[waiting++] = next;
                }
            }
        }
    }
    return region;
}

static bool keep(search *s, picture_region region) {
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        picture_region *more = realloc(s->regions, capacity * sizeof *more);
        if (!more) {
            return false;
        }
        s->regions = more;
        s->capacity = capacity;
    }
    s->regions[s->count++] = region;
    return true;
}

static int by_peak(const void *left, const void *right) {
    const picture_region *a = left, *b = right;
    if (a->peak != b->peak) {
        return a->peak > b->peak ? -1 : 1;
    }
    if (a->area != b->area) {
        return a->area > b->area ? -1 : 1;
    }
    if (a->peak_y != b->peak_y) {
        return a->peak_y < b->peak_y ? -1 : 1;
    }
    return (a->peak_x > b->peak_x) - (a->peak_x < b->peak_x);
}

picture_status picture_regions(const picture_map *map, float threshold, picture_region **regions, size_t *count,
                               picture_error *error) {
    size_t pixels = (size_t)map->width * (size_t)map->height;
    search s = {.map = map, .threshold = threshold};
    s.seen = calloc(pixels ? pixels : 1, sizeof *s.seen);
    s.waiting = malloc((pixels ? pixels : 1) * sizeof *s.waiting);
    s.regions = malloc(16 * sizeof *s.regions);
    s.capacity = 16;
    bool ok = s.seen && s.waiting && s.regions;
    for (size_t i = 0; ok && i < pixels; i++) {
        if (!s.seen[i] && map->values[i] >= threshold) {
            ok = keep(&s, grow(&s, i));
        }
    }
    free(s.seen);
    free(s.waiting);
    if (!ok) {
        free(s.regions);
        s = (search){0};
    } else if (s.count > 1) {
        qsort(s.regions, s.count, sizeof *s.regions, by_peak);
    }
    *regions = s.regions;
    *count = s.count;
    return ok ? PICTURE_OK : picture_fail(error, PICTURE_MEMORY, "the map", "no memory to look for regions");
}

/* Where pixel edge `at` of `from` pixels lies among `to`, rounded down, or up. */
static int scaled_down(int at, int from, int to) {
    return (int)((int64_t)at * to / from);
}

static int scaled_up(int at, int from, int to) {
    return (int)(((int64_t)at * to + from - 1) / from);
}

picture_region picture_region_scaled(const picture_region *region, const picture_map *map, int width, int height) {
    picture_region scaled = *region;
    double ratio = (double)width / map->width * ((double)height / map->height);
    int64_t area = llround((double)region->area * ratio);
    scaled.area = area > 0 ? area : 1;
    scaled.left = scaled_down(region->left, map->width, width);
    scaled.right = scaled_up(region->right, map->width, width);
    scaled.top = scaled_down(region->top, map->height, height);
    scaled.bottom = scaled_up(region->bottom, map->height, height);
    scaled.peak_x = scaled_down(2 * region->peak_x + 1, 2 * map->width, width);
    scaled.peak_y = scaled_down(2 * region->peak_y + 1, 2 * map->height, height);
    return scaled;
}
