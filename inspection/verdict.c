/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_word(verdict_decision decision) {
    static const char *const words[] = {[VERDICT_NONE] = NULL, [VERDICT_OK] = "OK", [VERDICT_UNSURE] = "unsure",
                                        [VERDICT_NG] = "NG"};
    return words[decision];
}

/* ---- Scores ------------------------------------------------------------------------------------------------- */

static size_t value_count(const picture_map *map) {
    return (size_t)map->width * (size_t)map->height;
}

static bool has_nan(const picture_map *map) {
    bool found = false;
    for (size_t i = 0; i < value_count(map); i++) {
        found = found || isnan(map->values[i]);
    }
    return found;
}

static double largest(const picture_map *map) {
    float score = map->values[0];
    for (size_t i = 0; i < value_count(map); i++) {
        score = map->values[i] > score ? map->values[i] : score;
    }
    return score;
}

static double area(const picture_map *map, double threshold) {
    size_t count = 0;
    for (size_t i = 0; i < value_count(map); i++) {
        count += map->values[i] >= (float)threshold;
    }
    return (double)count;
}

/* Bits that are ordered as the numbers are. */
static uint32_t key_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float value_of(uint32_t key) {
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Counts the values by the upper 16 bits of their keys or, where `upper` is not negative, those with these upper
   bits by their lower 16. Returns the bits at which the largest `*wanted` of them end; *wanted becomes how many of
   those with these bits belong to them. */
static uint32_t cut(const picture_map *map, int64_t upper, size_t *counts, size_t *wanted) {
    memset(counts, 0, 65536 * sizeof *counts);
    for (size_t i = 0; i < value_count(map); i++) {
        uint32_t key = key_of(map->values[i]);
        if (upper < 0) {
            counts[key >> 16]++;
        } else if (key >> 16 == upper) {
            counts[key & 0xffff]++;
        }
    }
    uint32_t at = 65535;
    while (counts[at] < *wanted) {
        *wanted -= counts[at--];
    }
    return at;
}

/* The mean of the highest `percent`; without sorting, in a time that does not depend on the values. */
static haya_status top_mean(const picture_map *map, double percent, double *mean, haya_error *error) {
    size_t *counts = malloc(65536 * sizeof *counts);
    if (!counts) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to score a map");
    }
    double share = percent / 100 * (double)value_count(map);
    size_t wanted = share < 1 ? 1 : (size_t)share, left = wanted;
    uint32_t upper = cut(map, -1, counts, &left);
    uint32_t key = upper << 16 | cut(map, upper, counts, &left);
    double sum = (double)left * value_of(key);
    for (size_t i = 0; i < value_count(map); i++) {
        sum += key_of(map->values[i]) > key ? map->values[i] : 0;
    }
    free(counts);
    *mean = (float)(sum / (double)wanted);
    return HAYA_OK;
}

static haya_status score_of(const settings_score *how, const picture_map *map, double *score, haya_error *error) {
    *score = NAN;
    if (has_nan(map)) {
        return HAYA_OK;
    }
    switch (how->type) {
    case SETTINGS_SCORE_TOP_MEAN:
        return top_mean(map, how->percent, score, error);
    case SETTINGS_SCORE_AREA:
        *score = area(map, how->threshold);
        return HAYA_OK;
    default:
        *score = largest(map);
        return HAYA_OK;
    }
}

/* ---- Verdicts ----------------------------------------------------------------------------------------------- */

static void decide(const settings_class *how, verdict *v) {
    v->region_threshold = NAN;
    if (isnan(how->high)) {
        return;
    }
    bool is_area = how->score.type == SETTINGS_SCORE_AREA;
    /* Maps are float32, so 0.7 in them is at 0.7. */
    double high = is_area ? how->high : (float)how->high, low = is_area ? how->low : (float)how->low;
    v->decision = v->score >= high ? VERDICT_NG : v->score >= low ? VERDICT_UNSURE : VERDICT_OK;
    if (v->decision != VERDICT_OK) {
        double reached = v->decision == VERDICT_NG ? high : low;
        v->region_threshold = (float)(is_area ? how->score.threshold : reached);
    } else if (isnan(v->score)) {
        /* A map that is not of numbers says nothing, least of all that the part is good. */
        v->decision = VERDICT_UNSURE;
    }
}

static haya_status find_regions(verdict *v, int width, int height, haya_error *error) {
    picture_error why;
    if (picture_regions(&v->map, v->region_threshold, &v->regions, &v->region_count, &why) != PICTURE_OK) {
        return inspection_fail_picture(error, &why);
    }
    for (size_t i = 0; width > 0 && i < v->region_count; i++) {
        v->regions[i] = picture_region_scaled(&v->regions[i], &v->map, width, height);
    }
    return HAYA_OK;
}

/* Smooths, scores, decides and finds regions, all of the map. */
static haya_status judge(const settings_class *how, int width, int height, verdict *v, haya_error *error) {
    haya_status status = map_smooth(&v->map, how->sigma, error);
    if (status == HAYA_OK) {
        status = score_of(&how->score, &v->map, &v->score, error);
    }
    if (status == HAYA_OK) {
        decide(how, v);
        status = isnan(v->region_threshold) ? HAYA_OK : find_regions(v, width, height, error);
    }
    return status;
}

haya_status verdict_make(const settings_class *how, picture_map *map, int width, int height, verdict *v,
                         haya_error *error) {
    *v = (verdict){.map = *map};
    *map = (picture_map){0};
    haya_status status = judge(how, width, height, v, error);
    if (status != HAYA_OK) {
        verdict_free(v);
    }
    return status;
}

/* ---- Regions of interest ------------------------------------------------------------------------------------- */

/* The Gaussian's mean over what is inside: sums of weighted values by sums of weights. */
static haya_status smooth_inside(const picture_map *map, double sigma, const roi_mask *mask, haya_error *error) {
    float *values = (float *)map->values, *weights = malloc(value_count(map) * sizeof *weights);
    if (!weights) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to smooth a map of %dx%d", map->width,
                               map->height);
    }
    for (size_t i = 0; i < value_count(map); i++) {
        weights[i] = mask->inside[i];
    }
    haya_status status = map_smooth(map, sigma, error);
    if (status == HAYA_OK) {
        status = map_smooth(&(picture_map){map->width, map->height, weights}, sigma, error);
    }
    for (size_t i = 0; i < value_count(map) && status == HAYA_OK; i++) {
        values[i] = mask->inside[i] ? values[i] / weights[i] : 0;
    }
    free(weights);
    return status;
}

/* The score of what is inside, put together. */
static haya_status score_inside(const settings_score *how, const picture_map *map, const roi_mask *mask,
                                double *score, haya_error *error) {
    float *values = malloc(value_count(map) * sizeof *values);
    if (!values) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to score a map");
    }
    picture_map inside = {0, 1, values};
    for (size_t i = 0; i < value_count(map); i++) {
        if (mask->inside[i]) {
            values[inside.width++] = map->values[i];
        }
    }
    haya_status status = score_of(how, &inside, score, error);
    free(values);
    return status;
}

static haya_status judge_inside(const settings_class *how, const roi_area *roi, const roi_mask *mask, verdict *v,
                                haya_error *error) {
    float *values = (float *)v->map.values;
    roi_mask_apply(mask, values, 0);
    haya_status status = how->sigma > 0 ? smooth_inside(&v->map, how->sigma, mask, error) : HAYA_OK;
    if (status == HAYA_OK) {
        status = score_inside(&how->score, &v->map, mask, &v->score, error);
    }
    if (status == HAYA_OK) {
        decide(how, v);
    }
    if (status == HAYA_OK && !isnan(v->region_threshold)) {
        /* What is not a number belongs to no region, whatever the threshold. */
        roi_mask_apply(mask, values, NAN);
        status = find_regions(v, roi->box.width, roi->box.height, error);
        roi_mask_apply(mask, values, 0);
    }
    return status;
}

haya_status verdict_make_within(const settings_class *how, picture_map *map, const roi_area *roi, verdict *v,
                                haya_error *error) {
    roi_mask mask = {0};
    *v = (verdict){.map = *map};
    *map = (picture_map){0};
    haya_status status = HAYA_OK;
    if (!roi->mask.inside) {
        status = judge(how, roi->box.width, roi->box.height, v, error);
    } else if (roi_mask_scale(&roi->mask, v->map.width, v->map.height, &mask)) {
        status = judge_inside(how, roi, &mask, v, error);
    } else {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "no memory for the region of interest");
    }
    roi_mask_free(&mask);
    for (size_t i = 0; i < v->region_count && status == HAYA_OK; i++) {
        picture_region *region = &v->regions[i];
        region->left += roi->box.left;
        region->right += roi->box.left;
        region->peak_x += roi->box.left;
        region->top += roi->box.top;
        region->bottom += roi->box.top;
        region->peak_y += roi->box.top;
    }
    if (status != HAYA_OK) {
        verdict_free(v);
    }
    return status;
}

void verdict_free(verdict *v) {
    map_free(&v->map);
    free(v->regions);
    *v = (verdict){0};
}
