/* SPDX-License-Identifier: Apache-2.0
 *
 * What the decoders share.
 */
#ifndef HAYA_PICTURES_DECODE_H
#define HAYA_PICTURES_DECODE_H

#include "picture.h"

#include <stdarg.h>

#if defined(__GNUC__)
#  define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#  define PRINTF_LIKE(string, first)
#endif

typedef struct source {
    const uint8_t *data;
    size_t size;
    const char *name;            /* in messages */
    const picture_limits *limits;
    picture_error *error;
} source;

/* Each makes the picture as it lies in the file, and `orientation` what EXIF says of it (1 where it says nothing).
   On failure the picture's pixels, if there are any, are the caller's to free. */
picture_status decode_png(const source *from, picture *to, int *orientation);
picture_status decode_jpeg(const source *from, picture *to, int *orientation);
picture_status decode_tiff(const source *from, picture *to, int *orientation);
picture_status decode_bmp(const source *from, picture *to);

/* Writes "name: sentence" and returns the status. */
picture_status picture_fail(picture_error *error, picture_status status, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);
#define refuse(from, status, ...) picture_fail((from)->error, (status), (from)->name, __VA_ARGS__)

/* Reserves the pixels, if the limits allow a picture of that size. */
picture_status reserve_pixels(const source *from, uint64_t width, uint64_t height, int channels, float white,
                              picture *to);

/* A row of samples of 8 or 16 bits in the machine's order, `stride` to a pixel, of which the picture's channels
   come first. */
void store_row_8(picture *to, int y, const uint8_t *samples, int stride);
void store_row_16(picture *to, int y, const uint16_t *samples, int stride);

/* The orientation in an EXIF block, which is a small TIFF file: 1 to 8; 1 where there is none. */
int exif_orientation(const uint8_t *data, size_t size);

/* Turns the picture upright. */
picture_status orient(picture *picture, int orientation, const char *name, picture_error *error);

#endif
