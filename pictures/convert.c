/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <stdlib.h>

static picture_status to_grey(const picture *from, picture_grey rule, picture *to, picture_error *error) {
    size_t count = (size_t)from->width * (size_t)from->height;
    *to = (picture){from->width, from->height, 1, malloc(count * sizeof *to->pixels), from->white};
    if (!to->pixels) {
        return picture_fail(error, PICTURE_MEMORY, "the picture", "no memory to make it grey");
    }
    for (size_t i = 0; i < count; i++) {
        const float *pixel = from->pixels + 3 * i;
        to->pixels[i] = rule == PICTURE_GREY_MEAN ? (pixel[0] + pixel[1] + pixel[2]) / 3
                                                  : 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    }
    return PICTURE_OK;
}

static void store(const picture *from, const picture_input *input, float *values) {
    float white = input->white != 0 ? input->white : from->white;
    float scale[3], shift[3];
    for (int k = 0; k < 3; k++) {
        scale[k] = 255 / white / input->deviation[k];
        shift[k] = -input->mean[k] / input->deviation[k];
    }
    size_t count = (size_t)from->width * (size_t)from->height;
    for (size_t i = 0; i < count; i++) {
        const float *pixel = from->pixels + i * (size_t)from->channels;
        for (int c = 0; c < input->channels; c++) {
            int colour = input->channels != 3 ? 0 : input->bgr ? 2 - c : c;
            *values++ = pixel[from->channels == 1 ? 0 : colour] * scale[colour] + shift[colour];
        }
    }
}

picture_status picture_to_input(const picture *from, const picture_input *input, float *values,
                                picture_error *error) {
    /* Grey first: the mean and the resampling may change places, and a third of the work is left. */
    picture grey = {0}, sized = {0};
    const picture *current = from;
    picture_status status = PICTURE_OK;
    if (from->channels == 3 && input->channels != 3) {
        status = to_grey(from, input->grey, &grey, error);
        current = &grey;
    }
    if (status == PICTURE_OK && (current->width != input->width || current->height != input->height)) {
        status = picture_resize(current, input->width, input->height, &sized, error);
        current = &sized;
    }
    if (status == PICTURE_OK) {
        store(current, input, values);
    }
    picture_free(&grey);
    picture_free(&sized);
    return status;
}
