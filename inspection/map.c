/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include "fail.h"
#include "number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool is_map(const haya_shape *shape) {
    bool fits = shape->rank == 2 || (shape->rank == 3 && shape->dims[0] == 1) ||
                (shape->rank == 4 && shape->dims[0] == 1 && shape->dims[3] == 1);
    for (int i = 0; fits && i < shape->rank; i++) {
        fits = shape->dims[i] >= 1 && shape->dims[i] <= 65536;
    }
    return fits;
}

void map_free(picture_map *map) {
    free((float *)map->values);
    *map = (picture_map){0};
}

static int32_t channels_of(const haya_shape *shape) {
    return shape->rank == 4 ? (int32_t)shape->dims[3] : 1;
}

static float element(const haya_tensor *tensor, size_t index) {
    const unsigned char *data = tensor->data;
    if (tensor->dtype == HAYA_FLOAT32) { /* as nearly all are */
        float value;
        memcpy(&value, data + index * sizeof value, sizeof value);
        return value;
    }
    return (float)number_as_double(number_load(data + index * haya_dtype_size(tensor->dtype),
                                               number_type_of(tensor->dtype)));
}

/* Of pixel i: a channel, or the mean over all. */
static float error_at(const haya_tensor *input, const haya_tensor *output, size_t i, int32_t channel,
                      int32_t channels) {
    size_t first = i * (size_t)channels;
    if (channel >= 0) {
        return fabsf(element(input, first + (size_t)channel) - element(output, first + (size_t)channel));
    }
    double sum = 0;
    for (size_t c = 0; c < (size_t)channels; c++) {
        sum += fabs((double)element(input, first + c) - element(output, first + c));
    }
    return (float)(sum / channels);
}

haya_status map_of_class(const settings_map *how, const haya_tensor *output, const char *name,
                         const haya_tensor *input, picture_map *map, haya_error *error) {
    int first = output->shape.rank == 2 ? 0 : 1;
    *map = (picture_map){(int)output->shape.dims[first + 1], (int)output->shape.dims[first], NULL};
    size_t count = (size_t)map->width * (size_t)map->height;
    int32_t channels = channels_of(&output->shape);
    float *values = malloc(count * sizeof *values);
    if (!values) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory for the map of output '%s'", name);
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = how->type == SETTINGS_MAP_RECONSTRUCTION
                        ? error_at(input, output, i, how->channel, channels)
                        : element(output, i * (size_t)channels + (size_t)(how->channel < 0 ? 0 : how->channel));
    }
    map->values = values;
    return HAYA_OK;
}

haya_status map_of(const haya_tensor *tensor, const char *name, picture_map *map, haya_error *error) {
    const settings_map itself = {.type = SETTINGS_MAP_OUTPUT, .channel = -1};
    return map_of_class(&itself, tensor, name, NULL, map, error);
}

/* ---- Smoothing ---------------------------------------------------------------------------------------------- */

/* Weights of the middle and one side; they and their mirror image add up to 1. */
static double *gaussian(double sigma, int radius) {
    double *weights = malloc(((size_t)radius + 1) * sizeof *weights), sum = 0;
    for (int i = 0; weights && i <= radius; i++) {
        weights[i] = exp(-0.5 * i * i / (sigma * sigma));
        sum += i == 0 ? weights[i] : 2 * weights[i];
    }
    for (int i = 0; weights && i <= radius; i++) {
        weights[i] /= sum;
    }
    return weights;
}

/* The place that continues 0..size-1 by its mirror image: ... 1 0 | 0 1 ... size-1 | size-1 ... */
static int mirrored(int at, int size) {
    int period = 2 * size;
    at = at % period;
    at = at < 0 ? at + period : at;
    return at < size ? at : period - 1 - at;
}

/* The row, continued on both sides, into `wide`; then each pixel's weighted sum. */
static void smooth_row(float *row, int width, const double *weights, int radius, double *wide) {
    for (int x = -radius; x < width + radius; x++) {
        wide[x + radius] = row[mirrored(x, width)];
    }
    for (int x = 0; x < width; x++) {
        const double *middle = wide + x + radius;
        double sum = weights[0] * middle[0];
        for (int i = 1; i <= radius; i++) {
            sum += weights[i] * (middle[-i] + middle[i]);
        }
        row[x] = (float)sum;
    }
}

/* Row y of `to` from the rows around it in `from`. */
static void smooth_across(const float *from, const picture_map *map, int y, const double *weights, int radius,
                          double *sums, float *to) {
    size_t width = (size_t)map->width;
    for (size_t x = 0; x < width; x++) {
        sums[x] = weights[0] * from[(size_t)y * width + x];
    }
    for (int i = 1; i <= radius; i++) {
        const float *above = from + (size_t)mirrored(y - i, map->height) * width;
        const float *below = from + (size_t)mirrored(y + i, map->height) * width;
        for (size_t x = 0; x < width; x++) {
            sums[x] += weights[i] * ((double)above[x] + below[x]);
        }
    }
    for (size_t x = 0; x < width; x++) {
        to[x] = (float)sums[x];
    }
}

haya_status map_smooth(const picture_map *map, double sigma, haya_error *error) {
    int radius = (int)(4 * sigma + 0.5);
    if (radius == 0) {
        return HAYA_OK;
    }
    size_t width = (size_t)map->width, count = width * (size_t)map->height;
    float *values = (float *)map->values, *narrow = malloc(count * sizeof *narrow);
    double *weights = gaussian(sigma, radius), *line = malloc((width + 2 * (size_t)radius) * sizeof *line);
    bool ok = narrow && weights && line;
    if (ok) {
        memcpy(narrow, values, count * sizeof *narrow);
    }
    for (int y = 0; ok && y < map->height; y++) {
        smooth_row(narrow + (size_t)y * width, map->width, weights, radius, line);
    }
    for (int y = 0; ok && y < map->height; y++) {
        smooth_across(narrow, map, y, weights, radius, line, values + (size_t)y * width);
    }
    free(narrow);
    free(weights);
    free(line);
    return ok ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to smooth a map of %dx%d",
                                          map->width, map->height);
}
