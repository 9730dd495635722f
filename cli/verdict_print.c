/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict_print.h"

#include "inspection/tiles.h"
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Noise above a threshold that is too low has thousands of regions; nobody reads them. --json has all. */
enum { PRINTED_REGIONS = 20 };

void judgement_print(const judgement *j) {
    const verdict *v = &j->verdict;
    const char *word = verdict_word(v->decision);
    print_text(stdout, j->how.name);
    printf("  score %.6g", v->score);
    if (word) {
        printf("  %s", word);
    }
    if (v->region_count > 0) {
        printf("  %zu region%s at or above %.6g", v->region_count, v->region_count == 1 ? "" : "s",
               (double)v->region_threshold);
    }
    printf("\n");
    table t = {.columns = 3, .right = 0};
    for (size_t i = 0; i < v->region_count && i < PRINTED_REGIONS; i++) {
        const picture_region *r = &v->regions[i];
        table_cell(&t, "  area %" PRId64, r->area);
        table_cell(&t, "box %d,%d to %d,%d", r->left, r->top, r->right, r->bottom);
        table_cell(&t, "peak %.6g at %d,%d", r->peak, r->peak_x, r->peak_y);
    }
    table_print(&t, stdout);
    if (v->region_count > PRINTED_REGIONS) {
        printf("  and %zu more\n", v->region_count - PRINTED_REGIONS);
    }
}

void judgement_json(const judgement *j, json_t *object) {
    const verdict *v = &j->verdict;
    const char *word = verdict_word(v->decision);
    json_object_set_new(object, "score", json_number_or_null(v->score));
    json_object_set_new(object, "verdict", word ? json_text(word) : json_null());
    json_t *regions = json_array();
    for (size_t i = 0; i < v->region_count; i++) {
        const picture_region *r = &v->regions[i];
        json_array_append_new(regions, json_pack("{s:I, s:[i, i, i, i], s:{s:f, s:i, s:i}}", "area",
                                                 (json_int_t)r->area, "box", r->left, r->top, r->right, r->bottom,
                                                 "peak", "value", (double)r->peak, "x", r->peak_x, "y", r->peak_y));
    }
    json_object_set_new(object, "regions", regions);
}

json_t *class_json(const judgement *j, const char *output) {
    char color[8];
    snprintf(color, sizeof color, "#%02X%02X%02X", j->how.color.red, j->how.color.green, j->how.color.blue);
    json_t *object = json_pack("{s:o, s:s, s:o, s:o}", "name", json_text(j->how.name), "color", color, "output",
                               json_text(output), "channel",
                               j->how.map.channel < 0 ? json_null() : json_integer(j->how.map.channel));
    judgement_json(j, object);
    return object;
}

/* ---- What is drawn ------------------------------------------------------------------------------------------- */

/* Writes and frees the canvas, if it was drawn. */
static bool write_canvas(picture_status status, picture_canvas *canvas, FILE *to) {
    if (status != PICTURE_OK) {
        errno = ENOMEM;
        return false;
    }
    bool ok = picture_write_png(to, canvas->width, canvas->height, 3, 8, canvas->pixels);
    int why = errno;
    picture_canvas_free(canvas);
    errno = why;
    return ok;
}

/* "NG 0.98", and of a class "fabric NG 0.98"; areas are whole numbers. */
static void label_of(const judgement *j, char *text, size_t size) {
    const char *word = verdict_word(j->verdict.decision);
    bool is_area = j->how.score.type == SETTINGS_SCORE_AREA;
    snprintf(text, size, is_area ? "%s%s%s %.0f" : "%s%s%s %.2f", j->is_class ? j->how.name : "",
             j->is_class ? " " : "", word ? word : "", j->verdict.score);
}

static picture_status draw_heat(const picture_map *map, const picture *shown, const roi_area *roi,
                                picture_canvas *canvas) {
    return picture_heat(map, shown ? roi->box.width : map->width, shown ? roi->box.height : map->height, canvas,
                        NULL);
}

/* Whether not all of the picture counts. */
static bool is_part(const roi_area *roi, const picture *shown) {
    return roi->mask.inside || roi->box.width < shown->width || roi->box.height < shown->height;
}

/* The map of a box in one of the whole picture, 0 around it, to be freed by free_placed; the map itself where it is
   the whole's. */
static picture_status place_map(const picture_map *map, const picture *shown, const roi_area *roi,
                                picture_map *placed) {
    const roi_box *box = &roi->box;
    *placed = *map;
    if (box->width == shown->width && box->height == shown->height) {
        return PICTURE_OK;
    }
    float *part = malloc((size_t)box->width * (size_t)box->height * sizeof *part);
    float *values = calloc((size_t)shown->width * (size_t)shown->height, sizeof *values);
    if (part && values) {
        tile_enlarge(map->values, map->width, map->height, 1, part, box->width, box->height);
        for (int y = 0; y < box->height; y++) {
            memcpy(values + (size_t)(box->top + y) * (size_t)shown->width + (size_t)box->left,
                   part + (size_t)y * (size_t)box->width, (size_t)box->width * sizeof *part);
        }
        *placed = (picture_map){shown->width, shown->height, values};
    } else {
        free(values);
    }
    picture_status status = part && values ? PICTURE_OK : PICTURE_MEMORY;
    free(part);
    return status;
}

static void free_placed(const picture_map *placed, const picture_map *map) {
    if (placed->values != map->values) {
        free((float *)placed->values);
    }
}

static picture_status draw_overlay(const verdict *v, const picture *shown, const roi_area *roi, const char *text,
                                   picture_canvas *canvas) {
    picture_map placed;
    picture_status status = place_map(&v->map, shown, roi, &placed);
    if (status == PICTURE_OK) {
        status = picture_overlay(shown, &placed, v->region_threshold, text, canvas, NULL);
        free_placed(&placed, &v->map);
    }
    if (status == PICTURE_OK && is_part(roi, shown)) {
        roi_draw(roi, shown->width, shown->height, canvas);
        if (text) {
            picture_label(canvas, text);
        }
    }
    return status;
}

bool judgement_draw(const judgement *j, const picture *shown, const roi_area *roi, bool overlay, FILE *to) {
    const verdict *v = &j->verdict;
    picture_canvas canvas;
    char text[256];
    label_of(j, text, sizeof text);
    return write_canvas(overlay ? draw_overlay(v, shown, roi, v->decision == VERDICT_NONE ? NULL : text, &canvas)
                                : draw_heat(&v->map, shown, roi, &canvas),
                        &canvas, to);
}

/* The largest value at each place; what is not a number stays so. */
static picture_status draw_largest(const judgement *judgements, size_t count, const picture *shown,
                                   const roi_area *roi, picture_canvas *canvas) {
    picture_map map = judgements[0].verdict.map;
    size_t pixels = (size_t)map.width * (size_t)map.height;
    float *values = malloc(pixels * sizeof *values);
    if (!values) {
        return PICTURE_MEMORY;
    }
    memcpy(values, map.values, pixels * sizeof *values);
    for (size_t i = 1; i < count && judgements[i].is_class; i++) {
        const float *other = judgements[i].verdict.map.values;
        for (size_t k = 0; k < pixels; k++) {
            values[k] = other[k] > values[k] || isnan(other[k]) ? other[k] : values[k];
        }
    }
    map.values = values;
    picture_status status = draw_heat(&map, shown, roi, canvas);
    free(values);
    return status;
}

/* Each class's regions in its colour. */
static picture_status draw_classes(const judgement *judgements, size_t count, const picture *shown,
                                   const roi_area *roi, picture_canvas *canvas) {
    enum { LABEL = 256 };
    picture_layer *layers = allocate(count, sizeof *layers);
    picture_map *maps = allocate(count, sizeof *maps);
    char *labels = allocate(count, LABEL);
    picture_status status = PICTURE_OK;
    size_t used = 0;
    for (; used < count && judgements[used].is_class && status == PICTURE_OK; used++) {
        const judgement *j = &judgements[used];
        label_of(j, labels + used * LABEL, LABEL);
        status = place_map(&j->verdict.map, shown, roi, &maps[used]);
        layers[used] = (picture_layer){&maps[used], j->verdict.region_threshold, j->how.color,
                                       labels + used * LABEL};
    }
    if (status == PICTURE_OK) {
        status = picture_paint(shown, layers, used, canvas, NULL);
    }
    if (status == PICTURE_OK && is_part(roi, shown)) {
        roi_draw(roi, shown->width, shown->height, canvas);
    }
    for (size_t i = 0; i < used; i++) {
        free_placed(&maps[i], &judgements[i].verdict.map);
    }
    free(layers);
    free(maps);
    free(labels);
    return status;
}

bool classes_draw(const judgement *judgements, size_t count, const picture *shown, const roi_area *roi,
                  bool overlay, FILE *to) {
    picture_canvas canvas;
    return write_canvas(overlay ? draw_classes(judgements, count, shown, roi, &canvas)
                                : draw_largest(judgements, count, shown, roi, &canvas),
                        &canvas, to);
}
