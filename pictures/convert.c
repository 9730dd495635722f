/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

/* A coloured picture becomes grey in bands of so many rows: a large one is never there as a grey copy, too. */
enum { BAND_ROWS = 256 };

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

/* As it is, or at the input's size. */
static picture_status resize_and_store(const picture *from, const picture_input *input, float *values,
                                       picture_error *error) {
    if (from->width == input->width && from->height == input->height) {
        store(from, input, values);
        return PICTURE_OK;
    }
    picture sized;
    picture_status status = picture_resize(from, input->width, input->height, &sized, error);
    if (status == PICTURE_OK) {
        store(&sized, input, values);
        picture_free(&sized);
    }
    return status;
}

/* Rows from `top` on, grey, in the input's width. */
static picture_status make_band(const picture *from, const picture_input *input, int top, int rows, picture *band,
                                picture_error *error) {
    picture part = *from, grey;
    part.height = rows;
    part.pixels += (size_t)top * (size_t)from->width * 3;
    picture_status status = to_grey(&part, input->grey, &grey, error);
    if (status != PICTURE_OK || from->width == input->width) {
        *band = grey; /* empty on failure */
        return status;
    }
    status = picture_resize(&grey, input->width, rows, band, error);
    picture_free(&grey);
    return status;
}

/* Grey first: the mean and the resampling may change places, and a third of the work is left. Each row by itself
   gets the input's width, as picture_resize does it; all of them then its height. */
static picture_status grey_to_input(const picture *from, const picture_input *input, float *values,
                                    picture_error *error) {
    bool direct = from->height == input->height;
    size_t width = (size_t)input->width;
    picture narrow = {input->width, from->height, 1, NULL, from->white};
    narrow.pixels = direct ? NULL : malloc(width * (size_t)from->height * sizeof *narrow.pixels);
    if (!direct && !narrow.pixels) {
        return picture_fail(error, PICTURE_MEMORY, "the picture", "no memory to make it grey");
    }
    picture_status status = PICTURE_OK;
    for (int top = 0; top < from->height && status == PICTURE_OK; top += BAND_ROWS) {
        int rows = from->height - top < BAND_ROWS ? from->height - top : BAND_ROWS;
        picture band;
        status = make_band(from, input, top, rows, &band, error);
        if (status == PICTURE_OK && direct) {
            store(&band, input, values + (size_t)top * width * (size_t)input->channels);
        } else if (status == PICTURE_OK) {
            memcpy(narrow.pixels + (size_t)top * width, band.pixels, (size_t)rows * width * sizeof *band.pixels);
        }
        picture_free(&band);
    }
    if (status == PICTURE_OK && !direct) {
        status = resize_and_store(&narrow, input, values, error);
    }
    picture_free(&narrow);
    return status;
}

picture_status picture_to_input(const picture *from, const picture_input *input, float *values,
                                picture_error *error) {
    return from->channels == 3 && input->channels != 3 ? grey_to_input(from, input, values, error)
                                                       : resize_and_store(from, input, values, error);
}
