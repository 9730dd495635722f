/* SPDX-License-Identifier: Apache-2.0
 *
 * A large picture in tiles: where they lie, their pixels, and one map made of theirs. Nothing here does input or
 * output or knows of models.
 *
 * Tiles follow each other at steps of the tile's size less the overlap, so that a step that suits a network's
 * strides keeps each tile in phase with the whole picture; the last one of a row or column is moved back to end
 * with the picture, since real pixels are better context than made-up ones. Only a picture that is smaller than a
 * tile is padded, to the right and below, by reflection: texture goes on as texture, where repeated edge pixels
 * would make stripes such as no training picture has.
 */
#ifndef HAYA_INSPECTION_TILES_H
#define HAYA_INSPECTION_TILES_H

#include "pictures/picture.h"

/* A million tiles and more are a mistake in the overlap, not a picture. */
#define TILES_MOST 1000000

/* What is asked for: "512,64" or "384x512,64", height before width as in shapes. */
typedef struct tile_size {
    int width, height;
    int overlap; /* in both directions, of neighbours, at least; below width and height */
} tile_size;

/* One direction, across or down. */
typedef struct tile_axis {
    int length; /* of the picture */
    int tile, step;
    int count;
} tile_axis;

typedef struct tile_grid {
    tile_axis across, down;
    int count; /* row by row, each from the left */
} tile_grid;

/* What is wrong with a size or a grid, in one sentence without a subject's file. */
typedef struct tile_refusal {
    char why[192];
} tile_refusal;

/* Reads SIZE,OVERLAP. */
bool tile_size_parse(const char *text, tile_size *size, tile_refusal *refusal);

/* A grid over width x height pixels. */
bool tile_grid_make(int width, int height, const tile_size *size, tile_grid *grid, tile_refusal *refusal);

/* The part of the picture that a tile covers: without what is padded. */
typedef struct tile_place {
    int left, top, width, height;
} tile_place;

tile_place tile_place_of(const tile_grid *grid, int index);

/* Copies a tile's pixels from the grid's part of a picture, which begins at (left, top), and pads. `tile` has the
   tile's size, the picture's channels, and pixels. */
void tile_cut(const tile_grid *grid, int index, const picture *from, int left, int top, picture *tile);

/* ---- One map of many ----------------------------------------------------------------------------------------- */

/* Weights are multiples of this part, so that sums of them and of weighted values are exact: maps that agree are
   given back to the bit. */
enum { TILE_WEIGHT_ONE = 1 << 14 };

/* The weights of the tile's `axis->tile` places in one direction: ramps over the overlaps, which add up to
   TILE_WEIGHT_ONE at every place of the picture. Where only one tile covers, it has all of it. */
void tile_weights(const tile_axis *axis, int index, uint16_t *weights);

typedef struct tile_blend tile_blend;

/* Starts a map of the grid's size and this many channels, side by side, in `values`, the caller's. NULL: no memory.
   Besides the map it takes a band that is as high as a tile and as wide as the picture. */
tile_blend *tile_blend_begin(const tile_grid *grid, int channels, float *values);

/* Adds a tile's map, of the tile's size, in rising order of index. Tiles may be left out: where none covers, the
   map is 0, and where one of several is missing, less than the others say. */
void tile_blend_add(tile_blend *blend, int index, const float *map);

/* A map at a larger size, bilinear: for models whose maps are smaller than their tiles. Corners and edges of the
   two lie on each other, and values never go beyond those that are there. */
void tile_enlarge(const float *from, int from_width, int from_height, int channels, float *to, int width,
                  int height);

/* Completes the map and frees `blend`, which may be NULL. */
void tile_blend_end(tile_blend *blend);

#endif
