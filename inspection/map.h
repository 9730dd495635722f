/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps: what a model's output says of each pixel.
 */
#ifndef HAYA_INSPECTION_MAP_H
#define HAYA_INSPECTION_MAP_H

#include "settings.h"

/* Whether an output is a map by itself: [1,H,W], [1,H,W,1] or [H,W], none of them empty. */
bool is_map(const haya_shape *shape);

/* Its values, to be freed. `name` is the output's. */
haya_status map_of(const haya_tensor *tensor, const char *name, picture_map *map, haya_error *error);

/* The map of a class, not smoothed: of an output [1,H,W,C], [1,H,W] or [H,W] that settings_check_map has accepted,
   of a batch of one. `input` is what the model was given, for a reconstruction; else it may be NULL. */
haya_status map_of_class(const settings_map *how, const haya_tensor *output, const char *name,
                         const haya_tensor *input, picture_map *map, haya_error *error);

/* Smooths with a Gaussian of this deviation in pixels, cut off at four of them, in place; the map is continued
   beyond its edges by its mirror image. What SciPy's ndimage.gaussian_filter computes by default. */
haya_status map_smooth(const picture_map *map, double sigma, haya_error *error);

void map_free(picture_map *map); /* and empties it */

#endif
