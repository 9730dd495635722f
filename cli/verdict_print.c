/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict_print.h"

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

static picture_status draw_heat(const picture_map *map, const picture *shown, picture_canvas *canvas) {
    return picture_heat(map, shown ? shown->width : map->width, shown ? shown->height : map->height, canvas, NULL);
}

bool judgement_draw(const judgement *j, const picture *shown, bool overlay, FILE *to) {
    const verdict *v = &j->verdict;
    picture_canvas canvas;
    char text[256];
    label_of(j, text, sizeof text);
    return write_canvas(overlay ? picture_overlay(shown, &v->map, v->region_threshold,
                                                  v->decision == VERDICT_NONE ? NULL : text, &canvas, NULL)
                                : draw_heat(&v->map, shown, &canvas),
                        &canvas, to);
}

/* The largest value at each place; what is not a number stays so. */
static picture_status draw_largest(const judgement *judgements, size_t count, const picture *shown,
                                   picture_canvas *canvas) {
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
    picture_status status = draw_heat(&map, shown, canvas);
    free(values);
    return status;
}

bool classes_draw(const judgement *judgements, size_t count, const picture *shown, bool overlay, FILE *to) {
    enum { LABEL = 256 };
    picture_canvas canvas;
    if (!overlay) {
        return write_canvas(draw_largest(judgements, count, shown, &canvas), &canvas, to);
    }
    picture_layer *layers = allocate(count, sizeof *layers);
    char *labels = allocate(count, LABEL);
    size_t used = 0;
    for (; used < count && judgements[used].is_class; used++) {
        const judgement *j = &judgements[used];
        label_of(j, labels + used * LABEL, LABEL);
        layers[used] = (picture_layer){&j->verdict.map, j->verdict.region_threshold, j->how.color,
                                       labels + used * LABEL};
    }
    bool ok = write_canvas(picture_paint(shown, layers, used, &canvas, NULL), &canvas, to);
    int why = errno;
    free(layers);
    free(labels);
    errno = why;
    return ok;
}
