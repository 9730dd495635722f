/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Noise above a threshold that is too low has thousands of regions; nobody reads them. --json has all. */
enum { PRINTED_REGIONS = 20 };

static float score_of(const picture_map *map) {
    float score = map->values[0];
    for (size_t i = 0; i < (size_t)map->width * (size_t)map->height; i++) {
        if (isnan(map->values[i])) {
            return NAN;
        }
        score = map->values[i] > score ? map->values[i] : score;
    }
    return score;
}

static void decide(verdict *v, const thresholds *t) {
    v->reached = NAN;
    if (isnan(t->high)) {
        return;
    }
    if (v->score >= t->high) {
        v->word = "NG";
        v->reached = t->high;
    } else if (v->score >= t->low) {
        v->word = "unsure";
        v->reached = t->low;
    } else {
        /* A map that is not of numbers says nothing, least of all that the part is good. */
        v->word = isnan(v->score) ? "unsure" : "OK";
    }
}

exit_status verdict_make(const haya_tensor *tensor, const char *name, const thresholds *t, const picture *shown,
                         verdict *v) {
    *v = (verdict){0};
    exit_status status = map_of(tensor, name, &v->map);
    if (status != DONE) {
        return status;
    }
    v->score = score_of(&v->map);
    decide(v, t);
    if (isnan(v->reached)) {
        return DONE;
    }
    picture_error error;
    if (picture_regions(&v->map, v->reached, &v->regions, &v->region_count, &error) != PICTURE_OK) {
        return fail_picture(&error);
    }
    for (size_t i = 0; shown && i < v->region_count; i++) {
        v->regions[i] = picture_region_scaled(&v->regions[i], &v->map, shown->width, shown->height);
    }
    return DONE;
}

void verdict_free(verdict *v) {
    free((float *)v->map.values);
    free(v->regions);
    *v = (verdict){0};
}

/* ---- What is told -------------------------------------------------------------------------------------------- */

void verdict_print(const verdict *v, const char *name) {
    print_text(stdout, name);
    printf("  score %.6g", v->score);
    if (v->word) {
        printf("  %s", v->word);
    }
    if (v->region_count > 0) {
        printf("  %zu region%s at or above %.6g", v->region_count, v->region_count == 1 ? "" : "s", v->reached);
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

void verdict_json(const verdict *v, json_t *output) {
    json_object_set_new(output, "score", json_number_or_null(v->score));
    json_object_set_new(output, "verdict", v->word ? json_text(v->word) : json_null());
    json_t *regions = json_array();
    for (size_t i = 0; i < v->region_count; i++) {
        const picture_region *r = &v->regions[i];
        json_array_append_new(regions, json_pack("{s:I, s:[i, i, i, i], s:{s:f, s:i, s:i}}", "area",
                                                 (json_int_t)r->area, "box", r->left, r->top, r->right, r->bottom,
                                                 "peak", "value", (double)r->peak, "x", r->peak_x, "y", r->peak_y));
    }
    json_object_set_new(output, "regions", regions);
}

bool verdict_draw(const verdict *v, const picture *shown, bool overlay, FILE *to) {
    picture_canvas canvas;
    char text[64] = "";
    if (v->word) {
        snprintf(text, sizeof text, "%s %.2f", v->word, v->score);
    }
    int width = shown ? shown->width : v->map.width, height = shown ? shown->height : v->map.height;
    picture_status status;
    if (overlay) {
        status = picture_overlay(shown, &v->map, v->reached, v->word ? text : NULL, &canvas, NULL);
    } else {
        status = picture_heat(&v->map, width, height, &canvas, NULL);
    }
    if (status != PICTURE_OK) {
        errno = ENOMEM;
        return false;
    }
    bool ok = picture_write_png(to, canvas.width, canvas.height, 3, 8, canvas.pixels);
    int why = errno;
    picture_canvas_free(&canvas);
    errno = why;
    return ok;
}
