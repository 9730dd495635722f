/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture as a model's input.
 */
#ifndef HAYA_INSPECTION_INPUT_H
#define HAYA_INSPECTION_INPUT_H

#include "settings.h"

/* The shape of the tensor that a picture of this size and channels makes for an input [N,height,width,channels], N
   open or 1: open dimensions are the picture's. `name` stands for the picture in sentences. */
haya_status input_shape(const settings_input *how, const haya_value *input, int width, int height, int channels,
                        const char *name, haya_shape *shape, haya_error *error);

/* The tensor, in the input's type; tensor->data is to be freed. */
haya_status input_from_picture(const settings_input *how, const haya_value *input, const picture *picture,
                               const char *name, haya_tensor *tensor, haya_error *error);

#endif
