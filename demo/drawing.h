/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of a picture, each at the picture's size. To be freed with picture_canvas_free; false: what is
 * wrong has been said.
 */
#ifndef DEMO_DRAWING_H
#define DEMO_DRAWING_H

#include "gallery.h"

bool draw_picture(const sample *s, picture_canvas *canvas);
bool draw_mask(const sample *s, picture_canvas *canvas);
bool draw_map(const verdict *v, picture_canvas *canvas);
bool draw_overlay(const sample *s, const verdict *v, picture_canvas *canvas); /* what a verdict is for outlined */
bool draw_scale(picture_canvas *canvas); /* the maps' colours, from 0 to 1 */

/* The canvas in a square of `side` pixels at (x, y) of another one, scaled to fit, in the middle. */
bool draw_scaled(const picture_canvas *from, int side, int x, int y, const picture_canvas *to);

void fill_canvas(const picture_canvas *canvas, int left, int top, int width, int height, picture_rgb colour);

#endif
