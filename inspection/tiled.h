/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a model over a large picture, tile by tile, as if it took the whole: its outputs come out at the picture's
 * own size. What runs is bounded by the tiles, whatever the picture's size: besides the picture and the whole
 * outputs there are the session's scratch and the tensors for one batch of tiles.
 */
#ifndef HAYA_INSPECTION_TILED_H
#define HAYA_INSPECTION_TILED_H

#include "input.h"
#include "roi.h"
#include "tiles.h"

/* Where the model leaves its batch open, as many tiles run at once as have this many pixels, and at most so many:
   enough for the threads to share, and no more scratch for small tiles than for large ones. */
enum { TILED_BATCH_PIXELS = 1 << 18, TILED_BATCH_MOST = 16 };

/* Of one output of the program. */
typedef struct tiled_output {
    haya_value tiles;  /* for a batch */
    int width, height; /* of a tile's map: the tile's, or smaller by a whole factor */
    int channels;
    float *batch;
} tiled_output;

typedef struct tiled {
    tile_grid grid;
    int left, top; /* of the grid, in the picture */
    int *tiles;    /* those that are run, in rising order */
    int count;
    haya_value input;  /* for one tile; its channels may be open */
    int batch;         /* tiles in a run */
    haya_plan *plan;   /* for the batch */
    haya_plan *rest;   /* for the tiles of the last run, if they are fewer and the model takes fewer; else NULL */
    void *tensor;      /* the batch's input */
    size_t tile_bytes; /* of that, for one tile */
    tiled_output *outputs;
    size_t output_count;
} tiled;

/* Plans for a picture's part that is of interest; none of the tiles runs none of whose pixels is. `program` has one
   input, and outputs that are maps: [N,height,width] or [N,height,width,channels] of float32. `name` stands for the
   picture in sentences. */
haya_status tiled_make(const haya_program *program, const settings_input *how, const tile_size *size,
                       const picture *from, const char *name, const roi_area *roi, const haya_plan_options *options,
                       tiled *t, haya_error *error);
void tiled_free(tiled *t); /* and empties it */

/* The shape that an output has for the whole grid: [1,height,width] or [1,height,width,channels]. */
haya_shape tiled_output_shape(const tiled *t, size_t index);

/* Runs all tiles. maps[i] receives output i, in the shape above. The session has reserved both plans. `name` stands
   for the picture in sentences; `progress`, which may be NULL, is told after each batch how many tiles are done. */
haya_status tiled_run(const tiled *t, haya_session *session, const haya_weights *weights, const settings_input *how,
                      const picture *from, const char *name, float *const *maps,
                      void (*progress)(int done, int all), haya_error *error);

#endif
