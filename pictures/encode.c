/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "picture.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* ---- PNG ----------------------------------------------------------------------------------------------------- */

static void on_error(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t size) {
    if (fwrite(bytes, 1, size, png_get_io_ptr(png)) != size) {
        png_error(png, "");
    }
}

static void flush(png_structp png) {
    (void)png;
}

typedef struct png_job {
    FILE *to;
    int width, height, channels, bits;
    const uint8_t *samples;
    png_structp png;
    png_infop info;
} png_job;

static void encode(png_job *job) {
    png_structp png = job->png;
    int type = job->channels == 1   ? PNG_COLOR_TYPE_GRAY
               : job->channels == 3 ? PNG_COLOR_TYPE_RGB
                                    : PNG_COLOR_TYPE_RGB_ALPHA;
    const uint16_t one = 1;
    png_set_write_fn(png, job->to, write_bytes, flush);
    png_set_IHDR(png, job->info, (png_uint_32)job->width, (png_uint_32)job->height, job->bits, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, job->info);
    if (job->bits == 16 && *(const uint8_t *)&one == 1) {
        png_set_swap(png); /* the file is big-endian */
    }
    size_t row_bytes = (size_t)job->width * (size_t)job->channels * (size_t)job->bits / 8;
    for (int y = 0; y < job->height; y++) {
        png_write_row(png, job->samples + (size_t)y * row_bytes);
    }
    png_write_end(png, NULL);
}

/* A function of its own: it has no variable that the jump could make indeterminate. */
static bool run(png_job *job) {
    if (setjmp(png_jmpbuf(job->png)) == 0) {
        encode(job);
        return true;
    }
    return false;
}

bool picture_write_png(FILE *to, int width, int height, int channels, int bits, const void *samples) {
    png_job job = {to, width, height, channels, bits, samples, NULL, NULL};
    errno = 0;
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    bool ok = job.info && run(&job);
    int why = errno;
    png_destroy_write_struct(&job.png, &job.info);
    errno = ok ? 0 : why ? why : ENOMEM; /* what fails besides writing is memory */
    return ok;
}

bool picture_png_in_memory(int width, int height, int channels, int bits, const void *samples, void **data,
                           size_t *size) {
    char *bytes = NULL;
    FILE *stream = open_memstream(&bytes, size);
    bool ok = stream && picture_write_png(stream, width, height, channels, bits, samples);
    if (stream && fclose(stream) != 0) {
        ok = false;
    }
    if (!ok) {
        free(bytes);
        bytes = NULL;
        *size = 0;
    }
    *data = bytes;
    return ok;
}

/* ---- TIFF: simple enough to be written front to back, which libtiff cannot do -------------------------------- */

typedef struct tiff_entry {
    uint16_t tag, type;
    uint32_t count, value;
} tiff_entry;

enum { TIFF_SHORT = 3, TIFF_LONG = 4, TIFF_HEADER = 8 };

static bool write_entry(FILE *to, tiff_entry entry) {
    /* In the machine's order, which the header tells; a short value stands at the start of its field. */
    uint16_t halves[2] = {(uint16_t)entry.value, 0};
    return fwrite(&entry.tag, 2, 1, to) == 1 && fwrite(&entry.type, 2, 1, to) == 1 &&
           fwrite(&entry.count, 4, 1, to) == 1 &&
           fwrite(entry.type == TIFF_SHORT ? (const void *)halves : &entry.value, 4, 1, to) == 1;
}

bool picture_write_tiff(FILE *to, int width, int height, const float *values) {
    uint32_t bytes = (uint32_t)((uint64_t)width * (uint64_t)height * sizeof(float));
    uint32_t entries_at = TIFF_HEADER, one = 1, none = 0;
    const tiff_entry entries[] = {
        {256, TIFF_LONG, 1, (uint32_t)width},  {257, TIFF_LONG, 1, (uint32_t)height},
        {258, TIFF_SHORT, 1, 32},              /* bits */
        {259, TIFF_SHORT, 1, 1},               /* no compression */
        {262, TIFF_SHORT, 1, 1},               /* 0 is black */
        {273, TIFF_LONG, 1, 0},                /* where the pixels are: below */
        {277, TIFF_SHORT, 1, 1},               /* a single channel */
        {278, TIFF_LONG, 1, (uint32_t)height}, /* all in one strip */
        {279, TIFF_LONG, 1, bytes},            {339, TIFF_SHORT, 1, 3}, /* floating point */
    };
    uint16_t count = sizeof entries / sizeof entries[0];
    uint32_t pixels_at = entries_at + 2 + 12u * count + 4;
    bool little = *(const uint8_t *)&one == 1;
    if ((uint64_t)width * (uint64_t)height * sizeof(float) > UINT32_MAX - pixels_at) {
        errno = EFBIG;
        return false;
    }
    const uint16_t magic = 42;
    bool ok = fwrite(little ? "II" : "MM", 1, 2, to) == 2 && fwrite(&magic, 2, 1, to) == 1 &&
              fwrite(&entries_at, 4, 1, to) == 1 && fwrite(&count, 2, 1, to) == 1;
    for (uint16_t i = 0; i < count; i++) {
        tiff_entry entry = entries[i];
        entry.value = entry.tag == 273 ? pixels_at : entry.value;
        ok = ok && write_entry(to, entry);
    }
    return ok && fwrite(&none, 4, 1, to) == 1 && fwrite(values, 1, bytes, to) == bytes;
}

bool picture_write_map(FILE *to, const picture_map *map, int bits, size_t *outside) {
    size_t count = (size_t)map->width * (size_t)map->height;
    uint16_t *wide = malloc(count * sizeof *wide);
    if (!wide) {
        errno = ENOMEM;
        return false;
    }
    uint8_t *bytes = (uint8_t *)wide;
    float white = bits == 8 ? 255.0f : 65535.0f;
    *outside = 0;
    for (size_t i = 0; i < count; i++) {
        float value = map->values[i];
        *outside += !(value >= 0 && value <= 1);
        /* What is not a number becomes white: it must not look like "nothing". */
        value = value < 0 ? 0 : value <= 1 ? value : 1;
        uint16_t sample = (uint16_t)(value * white + 0.5f);
        if (bits == 8) {
            bytes[i] = (uint8_t)sample;
        } else {
            wide[i] = sample;
        }
    }
    bool ok = picture_write_png(to, map->width, map->height, 1, bits, wide);
    int why = errno;
    free(wide);
    errno = why;
    return ok;
}
