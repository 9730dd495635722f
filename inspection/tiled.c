/* SPDX-License-Identifier: Apache-2.0 */
#include "tiled.h"

#include "fail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A whole output above this is not a map that was meant, but features of hundreds of channels. */
static const uint64_t output_bytes_most = 2048ull << 20;

static haya_status no_memory(haya_error *error) {
    return inspection_fail(error, HAYA_ERROR_MEMORY, "no memory to run a picture in tiles");
}

void tiled_free(tiled *t) {
    for (size_t i = 0; t->outputs && i < t->output_count; i++) {
        free(t->outputs[i].batch);
    }
    free(t->outputs);
    free(t->tensor);
    free(t->tiles);
    haya_plan_free(t->plan);
    haya_plan_free(t->rest);
    *t = (tiled){0};
}

/* ---- Which tiles --------------------------------------------------------------------------------------------- */

static haya_status choose_tiles(tiled *t, const tile_size *size, const roi_area *roi, haya_error *error) {
    tile_refusal refusal;
    t->left = roi->box.left;
    t->top = roi->box.top;
    if (!tile_grid_make(roi->box.width, roi->box.height, size, &t->grid, &refusal)) {
        return inspection_fail(error, HAYA_ERROR_LIMIT, "%s", refusal.why);
    }
    t->tiles = malloc((size_t)t->grid.count * sizeof *t->tiles);
    if (!t->tiles) {
        return no_memory(error);
    }
    for (int i = 0; i < t->grid.count; i++) {
        tile_place place = tile_place_of(&t->grid, i);
        if (!roi->mask.inside ||
            roi_mask_touches(&roi->mask, t->left + place.left, t->top + place.top, place.width, place.height)) {
            t->tiles[t->count++] = i;
        }
    }
    return HAYA_OK;
}

/* ---- Inputs and plans ---------------------------------------------------------------------------------------- */

/* The input's shape for one tile, and what the model says of the batch: -1 where it is open. */
static haya_status choose_input(tiled *t, const haya_program *program, int64_t *batch, haya_error *error) {
    haya_program_info info;
    haya_program_get_info(program, &info);
    haya_program_input(program, 0, &t->input);
    if (info.input_count != 1) {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT,
                               "only models with one input run in tiles, and %zu are fed", info.input_count);
    }
    const int64_t tile[2] = {t->grid.down.tile, t->grid.across.tile};
    haya_shape *shape = &t->input.shape;
    bool fits = shape->rank == 4 || shape->rank < 0;
    for (int i = 0; i < 2 && shape->rank == 4; i++) {
        fits = fits && (shape->dims[i + 1] < 0 || shape->dims[i + 1] == tile[i]);
    }
    if (!fits) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "a tile of %" PRId64 "x%" PRId64 " does not fit input '%s' of shape %s, but "
                               "[N,height,width,channels] of that height and width",
                               tile[0], tile[1], t->input.name, inspection_shape(shape).s);
    }
    *batch = shape->rank == 4 ? shape->dims[0] : -1;
    *shape = (haya_shape){4, {1, tile[0], tile[1], shape->rank == 4 ? shape->dims[3] : -1}};
    return HAYA_OK;
}

static int open_batch(const tiled *t) {
    int64_t most = TILED_BATCH_PIXELS / ((int64_t)t->grid.across.tile * t->grid.down.tile);
    most = most < 1 ? 1 : most > TILED_BATCH_MOST ? TILED_BATCH_MOST : most;
    return (int)(most < t->count ? most : t->count);
}

static haya_status make_plan(const tiled *t, const haya_program *program, int64_t batch,
                             const haya_plan_options *options, haya_plan **plan, haya_error *error) {
    haya_shape shape = t->input.shape;
    shape.dims[0] = batch;
    return haya_plan_create(program, &shape, 1, options, plan, error);
}

/* Where the batch is open, the last one is planned smaller: a plan costs about a millisecond, and each tile that
   runs in vain a whole run. Where it is fixed, what is left of the last batch runs with what was there. */
static haya_status make_plans(tiled *t, const haya_program *program, const settings_input *how, const picture *from,
                              const char *name, const haya_plan_options *options, haya_error *error) {
    int64_t fixed = -1;
    haya_status status = choose_input(t, program, &fixed, error);
    if (status != HAYA_OK) {
        return status;
    }
    if (fixed > INT16_MAX || fixed == 0) {
        return inspection_fail(error, HAYA_ERROR_SHAPE, "input '%s' has a batch of %" PRId64, t->input.name, fixed);
    }
    t->batch = fixed < 0 ? open_batch(t) : (int)fixed;
    haya_shape shape;
    status =
        input_shape(how, &t->input, t->grid.across.tile, t->grid.down.tile, from->channels, name, &shape, error);
    t->input.shape = shape;
    if (status == HAYA_OK) {
        status = make_plan(t, program, t->batch, options, &t->plan, error);
    }
    int left = t->count % t->batch;
    if (status == HAYA_OK && fixed < 0 && left > 0) {
        status = make_plan(t, program, left, options, &t->rest, error);
    }
    return status;
}

/* ---- Outputs ------------------------------------------------------------------------------------------------- */

static haya_status check_output(const tiled *t, const tiled_output *output, haya_error *error) {
    const haya_value *value = &output->tiles;
    int width = t->grid.across.tile, height = t->grid.down.tile;
    if ((value->shape.rank != 3 && value->shape.rank != 4) || value->shape.dims[0] != t->batch) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "output '%s' is %s for %d tile%s, and tiles need a map: [N,height,width] or "
                               "[N,height,width,channels]",
                               value->name, inspection_shape(&value->shape).s, t->batch, t->batch == 1 ? "" : "s");
    }
    if (value->dtype != HAYA_FLOAT32) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "output '%s' is of type %s, and tiles' maps are blended as float32", value->name,
                               haya_dtype_name(value->dtype));
    }
    int64_t map_height = value->shape.dims[1], map_width = value->shape.dims[2];
    bool whole = map_height >= 1 && map_width >= 1 && height % map_height == 0 && width % map_width == 0 &&
                 height / map_height == width / map_width;
    if (!whole) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "output '%s' is %" PRId64 "x%" PRId64 " for a tile of %dx%d: neither as large nor "
                               "smaller by a whole factor",
                               value->name, map_height, map_width, height, width);
    }
    uint64_t channels = value->shape.rank == 4 ? (uint64_t)value->shape.dims[3] : 1;
    uint64_t pixels = (uint64_t)t->grid.across.length * (uint64_t)t->grid.down.length;
    if (channels < 1 || channels > output_bytes_most / sizeof(float) / pixels) {
        return inspection_fail(
            error, HAYA_ERROR_LIMIT,
            "output '%s' of %" PRIu64 " channels takes more than the limit of %" PRIu64 " MiB for %dx%d pixels",
            value->name, channels, output_bytes_most >> 20, t->grid.across.length, t->grid.down.length);
    }
    return HAYA_OK;
}

static haya_status make_outputs(tiled *t, haya_error *error) {
    haya_plan_info info;
    haya_plan_get_info(t->plan, &info);
    t->output_count = info.output_count;
    t->outputs = calloc(info.output_count + 1, sizeof *t->outputs);
    if (!t->outputs) {
        return no_memory(error);
    }
    for (size_t i = 0; i < t->output_count; i++) {
        tiled_output *output = &t->outputs[i];
        haya_plan_output(t->plan, i, &output->tiles);
        haya_status status = check_output(t, output, error);
        if (status != HAYA_OK) {
            return status;
        }
        const haya_shape *shape = &output->tiles.shape;
        output->height = (int)shape->dims[1];
        output->width = (int)shape->dims[2];
        output->channels = shape->rank == 4 ? (int)shape->dims[3] : 1;
        size_t values = (size_t)output->height * (size_t)output->width * (size_t)output->channels;
        output->batch = malloc((size_t)t->batch * values * sizeof *output->batch);
        if (!output->batch) {
            return no_memory(error);
        }
    }
    return HAYA_OK;
}

static haya_status make_input(tiled *t, haya_error *error) {
    t->tile_bytes = haya_dtype_size(t->input.dtype);
    for (int i = 1; i < 4; i++) {
        t->tile_bytes *= (size_t)t->input.shape.dims[i];
    }
    t->tensor = calloc((size_t)t->batch, t->tile_bytes);
    return t->tensor ? HAYA_OK : no_memory(error);
}

haya_status tiled_make(const haya_program *program, const settings_input *how, const tile_size *size,
                       const picture *from, const char *name, const roi_area *roi, const haya_plan_options *options,
                       tiled *t, haya_error *error) {
    *t = (tiled){0};
    haya_status status = choose_tiles(t, size, roi, error);
    if (status == HAYA_OK) {
        status = make_plans(t, program, how, from, name, options, error);
    }
    if (status == HAYA_OK) {
        status = make_outputs(t, error);
    }
    if (status == HAYA_OK) {
        status = make_input(t, error);
    }
    if (status != HAYA_OK) {
        tiled_free(t);
    }
    return status;
}

haya_shape tiled_output_shape(const tiled *t, size_t index) {
    haya_shape shape = t->outputs[index].tiles.shape;
    shape.dims[0] = 1;
    shape.dims[1] = t->grid.down.length;
    shape.dims[2] = t->grid.across.length;
    return shape;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

/* What a run needs besides what was prepared. */
typedef struct work {
    const tiled *t;
    picture tile;        /* the pixels of one */
    float *enlarged;     /* a map of the tile's size; NULL: none is smaller */
    tile_blend **blends; /* of the outputs */
    haya_tensor *tensors;
} work;

static void end_work(work *w) {
    for (size_t i = 0; w->blends && i < w->t->output_count; i++) {
        tile_blend_end(w->blends[i]);
    }
    free(w->blends);
    free(w->tensors);
    free(w->enlarged);
    picture_free(&w->tile);
}

static bool begin_work(work *w, const tiled *t, const picture *from, float *const *maps) {
    size_t pixels = (size_t)t->grid.across.tile * (size_t)t->grid.down.tile, channels = 0;
    *w = (work){.t = t};
    w->tile = (picture){t->grid.across.tile, t->grid.down.tile, from->channels, NULL, from->white};
    w->tile.pixels = malloc(pixels * (size_t)from->channels * sizeof *w->tile.pixels);
    w->blends = calloc(t->output_count + 1, sizeof *w->blends);
    w->tensors = calloc(t->output_count + 1, sizeof *w->tensors);
    bool ok = w->tile.pixels && w->blends && w->tensors;
    for (size_t i = 0; i < t->output_count && ok; i++) {
        const tiled_output *output = &t->outputs[i];
        w->blends[i] = tile_blend_begin(&t->grid, output->channels, maps[i]);
        ok = w->blends[i] != NULL;
        if (output->width != t->grid.across.tile && (size_t)output->channels > channels) {
            channels = (size_t)output->channels;
        }
    }
    if (ok && channels > 0) {
        w->enlarged = malloc(pixels * channels * sizeof *w->enlarged);
        ok = w->enlarged != NULL;
    }
    return ok;
}

/* Tiles first .. first + count - 1 of those that are run. */
static haya_status fill_batch(work *w, const settings_input *how, const picture *from, const char *name, int first,
                              int count, haya_error *error) {
    const tiled *t = w->t;
    haya_status status = HAYA_OK;
    for (int i = 0; i < count && status == HAYA_OK; i++) {
        haya_tensor one;
        tile_cut(&t->grid, t->tiles[first + i], from, t->left, t->top, &w->tile);
        status = input_from_picture(how, &t->input, &w->tile, name, &one, error);
        if (status == HAYA_OK) {
            memcpy((char *)t->tensor + (size_t)i * t->tile_bytes, one.data, t->tile_bytes);
            free(one.data);
        }
    }
    return status;
}

static haya_status run_batch(work *w, haya_session *session, const haya_plan *plan, const haya_weights *weights,
                             haya_error *error) {
    const tiled *t = w->t;
    haya_value value;
    haya_plan_input(plan, 0, &value);
    haya_tensor input = haya_tensor_dense(value.dtype, value.shape, t->tensor);
    for (size_t i = 0; i < t->output_count; i++) {
        haya_plan_output(plan, i, &value);
        w->tensors[i] = haya_tensor_dense(value.dtype, value.shape, t->outputs[i].batch);
    }
    return haya_run(session, plan, weights, &input, 1, w->tensors, t->output_count, error);
}

static void blend_batch(work *w, int first, int count) {
    const tiled *t = w->t;
    int width = t->grid.across.tile, height = t->grid.down.tile;
    for (size_t i = 0; i < t->output_count; i++) {
        const tiled_output *output = &t->outputs[i];
        size_t values = (size_t)output->width * (size_t)output->height * (size_t)output->channels;
        for (int k = 0; k < count; k++) {
            const float *map = output->batch + (size_t)k * values;
            if (output->width != width) {
                tile_enlarge(map, output->width, output->height, output->channels, w->enlarged, width, height);
                map = w->enlarged;
            }
            tile_blend_add(w->blends[i], t->tiles[first + k], map);
        }
    }
}

haya_status tiled_run(const tiled *t, haya_session *session, const haya_weights *weights, const settings_input *how,
                      const picture *from, const char *name, float *const *maps,
                      void (*progress)(int done, int all), haya_error *error) {
    work w;
    haya_status status = begin_work(&w, t, from, maps) ? HAYA_OK : no_memory(error);
    for (int first = 0; first < t->count && status == HAYA_OK; first += t->batch) {
        int left = t->count - first, count = left < t->batch ? left : t->batch;
        status = fill_batch(&w, how, from, name, first, count, error);
        if (status == HAYA_OK) {
            status = run_batch(&w, session, count < t->batch && t->rest ? t->rest : t->plan, weights, error);
        }
        if (status == HAYA_OK) {
            blend_batch(&w, first, count);
            if (progress) {
                progress(first + count, t->count);
            }
        }
    }
    end_work(&w);
    return status;
}
