/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in tiles.
 */
#include "print.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

/* What is run is one picture: of several inputs that are fed, tiled_make refuses all. */
static size_t picture_index(const run *r) {
    return (size_t)(run_shown_picture(r) - r->pictures);
}

exit_status run_make_tiles(run *r, const haya_plan_options *options) {
    haya_error error;
    size_t index = picture_index(r);
    if (tiled_make(r->program, &r->settings.input, &r->tile, &r->pictures[index], r->given_inputs[index].file,
                   &r->roi, options, &r->tiled, &error) != HAYA_OK) {
        bool wrong = error.status == HAYA_ERROR_SHAPE || error.status == HAYA_ERROR_ARGUMENT;
        return wrong ? fail_inspection(WRONG_USAGE, &error) : fail_haya(&error);
    }
    /* The whole, whose values nobody but a reconstruction's map needs. */
    haya_shape whole = r->tiled.input.shape;
    whole.dims[1] = r->roi.box.height;
    whole.dims[2] = r->roi.box.width;
    r->inputs[index] = haya_tensor_dense(r->tiled.input.dtype, whole, NULL);
    return DONE;
}

static void tell_progress(int done, int all) {
    progress("tile %d of %d", done, all);
}

haya_status run_tiles(run *r, haya_error *error) {
    size_t index = picture_index(r);
    float **maps = allocate(r->output_count, sizeof *maps);
    for (size_t i = 0; i < r->output_count; i++) {
        maps[i] = r->outputs[i].data;
    }
    haya_status status = tiled_run(&r->tiled, r->session, r->weights, &r->settings.input, &r->pictures[index],
                                   r->given_inputs[index].file, maps, tell_progress, error);
    free(maps);
    return status;
}

exit_status run_complete_input(run *r) {
    size_t index = picture_index(r);
    haya_value whole = r->tiled.input;
    whole.shape = r->inputs[index].shape;
    return r->inputs[index].data ? DONE : run_convert_picture(r, index, &whole);
}

json_t *run_tiles_json(const run *r) {
    const tiled *t = &r->tiled;
    return r->tile.width == 0
               ? json_null()
               : json_pack("{s:[i, i], s:i, s:i, s:i, s:i}", "size", r->tile.height, r->tile.width, "overlap",
                           r->tile.overlap, "count", t->grid.count, "run", t->count, "batch", t->batch);
}

void run_print_tiles(const run *r) {
    const tiled *t = &r->tiled;
    if (r->tile.width > 0) {
        printf("%d of %d tiles of %dx%d that overlap by %d, %d at a time\n", t->count, t->grid.count,
               r->tile.height, r->tile.width, r->tile.overlap, t->batch);
    }
}
