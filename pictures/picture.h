/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures for models and maps for people: decoding, resampling, conversion to a model's input, regions of a map,
 * heat maps and encoding. Nothing here knows of models or keeps state: every function may run on any thread.
 *
 * What can fail returns a status, writes one sentence to `error`, which names the file, and creates nothing.
 */
#ifndef HAYA_PICTURE_H
#define HAYA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum picture_status {
    PICTURE_OK = 0,
    PICTURE_IO,          /* the file cannot be opened or read */
    PICTURE_FORMAT,      /* damaged, cut off, or no picture at all */
    PICTURE_UNSUPPORTED, /* a kind of picture that is not read; the sentence names it */
    PICTURE_TOO_LARGE,   /* over the limits */
    PICTURE_MEMORY
} picture_status;

typedef struct picture_error {
    picture_status status;
    char message[512];
} picture_error;

/* Rows from the top, pixels from the left, channels side by side: grey, or red, green, blue. */
typedef struct picture {
    int width, height;
    int channels;        /* 1 or 3 */
    float *pixels;       /* in the file's own numbers, 0..white */
    float white;         /* 255, 65535, or 1 for floating-point files, which may go beyond it */
} picture;

void picture_free(picture *picture); /* and empties it */

/* ---- Decoding ------------------------------------------------------------------------------------------------ */

/* Checked before memory for pixels is reserved: a file of a hundred bytes can claim ten thousand million pixels. */
typedef struct picture_limits {
    int width, height;
    uint64_t bytes;      /* of decoded pixels, four for each channel; also of the file */
} picture_limits;

/* 16384 x 16384 and 512 MiB. */
extern const picture_limits picture_default_limits;

/* "PNG", "JPEG", "TIFF" or "BMP" by the first bytes, 8 of which are enough; NULL: none of them. */
const char *picture_format(const void *start, size_t size);

/* Whether a file that begins with this byte may be a picture. */
bool picture_may_begin_with(int byte);

/* Decodes a PNG, JPEG, TIFF (its first page) or BMP. Alpha is dropped, palettes and 1, 2 and 4 bits are expanded,
   and the picture is turned upright by its EXIF or TIFF orientation. `name` stands for the file in messages.
   `limits` may be NULL. */
picture_status picture_decode(const void *data, size_t size, const char *name, const picture_limits *limits,
                              picture *picture, picture_error *error);

/* The same for a file, and for what is left of a stream. */
picture_status picture_read(const char *path, const picture_limits *limits, picture *picture, picture_error *error);
picture_status picture_read_stream(FILE *from, const char *name, const picture_limits *limits, picture *picture,
                                   picture_error *error);

/* ---- To a model's input -------------------------------------------------------------------------------------- */

/* Bicubic (a = -0.5), antialiased when shrinking, edges by the pixels that are there: what Pillow's
   Image.resize(size, Image.BICUBIC) computes of a mode 'F' image. Values may overshoot the picture's range. */
picture_status picture_resize(const picture *from, int width, int height, picture *to, picture_error *error);

/* Of what a coloured picture becomes grey: the mean of red, green and blue, or the luma of ITU-R BT.601, which is
   Pillow's mode 'L', without its rounding. */
typedef enum picture_grey { PICTURE_GREY_MEAN, PICTURE_GREY_LUMA } picture_grey;

/* How a model wants its picture: [height, width, channels] of ((value * 255 / white) - mean) / deviation. Three
   channels are red, green, blue; any other number are copies of the grey picture. */
typedef struct picture_input {
    int width, height, channels;
    float white;                   /* 0: the picture's own */
    float mean[3], deviation[3];   /* of red, green and blue; where there are not three channels, the first */
    bool bgr;                      /* blue first where there are three channels */
    picture_grey grey;
} picture_input;

/* The usual mean and deviation: 0..255 becomes -1..1. */
#define PICTURE_USUAL_MEAN 127.5f
#define PICTURE_USUAL_DEVIATION 127.5f

picture_status picture_to_input(const picture *picture, const picture_input *input, float *values,
                                picture_error *error);

/* ---- Maps: one value for each pixel, 0 (nothing) to 1 -------------------------------------------------------- */

typedef struct picture_map {
    int width, height;
    const float *values;
} picture_map;

/* Connected pixels, over edges and corners, that are at or above a threshold. */
typedef struct picture_region {
    int64_t area;                     /* pixels */
    int left, top, right, bottom;     /* right and bottom are the first column and row outside */
    float peak;                       /* the largest value, */
    int peak_x, peak_y;               /* and the first place that has it */
} picture_region;

/* Sorted by peak, largest first, then by area. `regions` is to be freed, also where there are none. Values that are
   not numbers belong to no region. */
picture_status picture_regions(const picture_map *map, float threshold, picture_region **regions, size_t *count,
                               picture_error *error);

/* The region in the pixels of a picture that the map covers: the rectangle that its pixels cover, and the middle of
   the peak's pixel. */
picture_region picture_region_scaled(const picture_region *region, const picture_map *map, int width, int height);

/* ---- Drawing ------------------------------------------------------------------------------------------------- */

/* Red, green and blue bytes. */
typedef struct picture_canvas {
    int width, height;
    uint8_t *pixels;
} picture_canvas;

void picture_canvas_free(picture_canvas *canvas);

typedef struct picture_rgb {
    uint8_t red, green, blue;
} picture_rgb;

/* The colours of 256 steps from 0 to 1: black over violet, red and orange to pale yellow, equally many steps of
   perceived lightness apart. */
void picture_heat_colours(picture_rgb colours[256]);

/* The map at width x height in colours, on the fixed scale from 0 to 1, and a legend to its right. */
picture_status picture_heat(const picture_map *map, int width, int height, picture_canvas *canvas,
                            picture_error *error);

/* The map's colours over the picture, at its size, the stronger the higher the value. Unless `threshold` is NaN,
   what lies at or above it is outlined; `text`, which may be NULL, is written to the top left corner. */
picture_status picture_overlay(const picture *picture, const picture_map *map, float threshold, const char *text,
                               picture_canvas *canvas, picture_error *error);

/* Writes `text` to the top left corner, as picture_overlay does. */
void picture_label(picture_canvas *canvas, const char *text);

/* What of a map is to be shown in a colour. */
typedef struct picture_layer {
    const picture_map *map;
    float threshold;              /* values at or above it; NaN: none */
    picture_rgb colour;
    const char *label;            /* in the legend */
} picture_layer;

/* The picture in grey, what each layer shows tinted and outlined in its colour, later layers over earlier ones, and
   a legend to the right. */
picture_status picture_paint(const picture *picture, const picture_layer *layers, size_t count,
                             picture_canvas *canvas, picture_error *error);

/* A font of 5 x 7 dots on a raster of 6 x 8, `scale` times that: digits, capitals (small letters are drawn as such)
   and . - + : % = / ( ). Others leave a gap. What lies outside the canvas is cut off. */
void picture_text(picture_canvas *canvas, int x, int y, int scale, picture_rgb colour, const char *text);
int picture_text_width(int scale, const char *text);

/* ---- Encoding: to a stream; false: errno says why ------------------------------------------------------------ */

/* `samples`: uint8_t where `bits` is 8, uint16_t where it is 16; `channels`: 1 grey, 3 RGB, 4 RGBA. */
bool picture_write_png(FILE *to, int width, int height, int channels, int bits, const void *samples);

/* A grey TIFF of 32-bit floating point, exactly the values. */
bool picture_write_tiff(FILE *to, int width, int height, const float *values);

/* A map, 0..1, as a grey PNG of 8 or 16 bits; *outside: how many values lie outside and were cut off. */
bool picture_write_map(FILE *to, const picture_map *map, int bits, size_t *outside);

/* The PNG in memory to be freed. */
bool picture_png_in_memory(int width, int height, int channels, int bits, const void *samples, void **data,
                           size_t *size);

#endif
