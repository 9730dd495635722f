/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const picture_limits picture_default_limits = {16384, 16384, 512ull << 20};

picture_status picture_fail(picture_error *error, picture_status status, const char *name, const char *format,
                            ...) {
    if (error) {
        error->status = status;
        /* A long name must not push the sentence out. */
        int used = snprintf(error->message, sizeof error->message, "%.300s: ", name);
        va_list values;
        va_start(values, format);
        vsnprintf(error->message + used, sizeof error->message - (size_t)used, format, values);
        va_end(values);
    }
    return status;
}

void picture_free(picture *p) {
    free(p->pixels);
    p->pixels = NULL;
    p->width = p->height = 0;
}

picture_status reserve_pixels(const source *from, uint64_t width, uint64_t height, int channels, float white,
                              picture *to) {
    const picture_limits *limits = from->limits;
    if (width == 0 || height == 0) {
        return refuse(from, PICTURE_FORMAT, "it is damaged: it has no pixels");
    }
    if (width > (uint64_t)limits->width || height > (uint64_t)limits->height) {
        return refuse(from, PICTURE_TOO_LARGE, "%" PRIu64 "x%" PRIu64 " pixels are more than the limit of %dx%d",
                      width, height, limits->width, limits->height);
    }
    uint64_t bytes = width * height * (uint64_t)channels * sizeof(float); /* both sides are below 2^31 */
    if (bytes > limits->bytes) {
        return refuse(from, PICTURE_TOO_LARGE,
                      "%" PRIu64 "x%" PRIu64 " pixels of %d channel%s take %" PRIu64 " MiB decoded, more than the "
                      "limit of %" PRIu64 " MiB",
                      width, height, channels, channels == 1 ? "" : "s", (bytes + (1 << 20) - 1) >> 20,
                      limits->bytes >> 20);
    }
    float *pixels = malloc((size_t)bytes);
    if (!pixels) {
        return refuse(from, PICTURE_MEMORY, "no memory for its %" PRIu64 " bytes of pixels", bytes);
    }
    *to = (picture){(int)width, (int)height, channels, pixels, white};
    return PICTURE_OK;
}

static float *row_of(picture *to, int y) {
    return to->pixels + (size_t)y * (size_t)to->width * (size_t)to->channels;
}

void store_row_8(picture *to, int y, const uint8_t *samples, int stride) {
    float *row = row_of(to, y);
    for (int x = 0; x < to->width; x++, samples += stride) {
        for (int c = 0; c < to->channels; c++) {
            *row++ = samples[c];
        }
    }
}

void store_row_16(picture *to, int y, const uint16_t *samples, int stride) {
    float *row = row_of(to, y);
    for (int x = 0; x < to->width; x++, samples += stride) {
        for (int c = 0; c < to->channels; c++) {
            *row++ = samples[c];
        }
    }
}

/* ---- What kind of file --------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *start;
    size_t length;
} formats[] = {{"PNG", "\x89PNG\r\n\x1a\n", 8}, {"JPEG", "\xff\xd8\xff", 3},   {"TIFF", "II*\0", 4},
               {"TIFF", "MM\0*", 4},            {"TIFF", "II+\0", 4},          {"TIFF", "MM\0+", 4},
               {"BMP", "BM", 2}};

enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

const char *picture_format(const void *start, size_t size) {
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (size >= formats[i].length && memcmp(start, formats[i].start, formats[i].length) == 0) {
            return formats[i].name;
        }
    }
    return NULL;
}

bool picture_may_begin_with(int byte) {
    bool may = false;
    for (int i = 0; i < FORMAT_COUNT; i++) {
        may = may || (unsigned char)formats[i].start[0] == byte;
    }
    return may;
}

static picture_status decode(const source *from, picture *to, int *orientation) {
    const char *format = picture_format(from->data, from->size);
    if (!format) {
        return refuse(from, PICTURE_FORMAT, from->size == 0 ? "it is empty"
                                                            : "it is not a PNG, JPEG, TIFF or BMP picture");
    }
    switch (format[0]) {
    case 'P':
        return decode_png(from, to, orientation);
    case 'J':
        return decode_jpeg(from, to, orientation);
    case 'T':
        return decode_tiff(from, to, orientation);
    default:
        return decode_bmp(from, to);
    }
}

picture_status picture_decode(const void *data, size_t size, const char *name, const picture_limits *limits,
                              picture *to, picture_error *error) {
    source from = {data, size, name, limits ? limits : &picture_default_limits, error};
    int orientation = 1;
    *to = (picture){0};
    picture_status status = decode(&from, to, &orientation);
    if (status == PICTURE_OK) {
        status = orient(to, orientation, name, error);
    }
    if (status != PICTURE_OK) {
        picture_free(to);
        *to = (picture){0};
    }
    return status;
}

/* ---- Files --------------------------------------------------------------------------------------------------- */

/* Reads to the end, whatever the system says of the size: the file may be a pipe, or grow. */
static picture_status read_all(FILE *file, const source *about, uint8_t **data, size_t *size) {
    uint64_t limit = about->limits->bytes;
    size_t capacity = 0;
    *data = NULL;
    *size = 0;
    while (!feof(file)) {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 18;
            uint8_t *more = realloc(*data, capacity);
            if (!more) {
                return refuse(about, PICTURE_MEMORY, "no memory for its bytes");
            }
            *data = more;
        }
        *size += fread(*data + *size, 1, capacity - *size, file);
        if (ferror(file)) {
            return refuse(about, PICTURE_IO, "it cannot be read: %s", strerror(errno));
        }
        if (*size > limit) {
            return refuse(about, PICTURE_TOO_LARGE, "the file is larger than the limit of %" PRIu64 " MiB",
                          limit >> 20);
        }
    }
    return PICTURE_OK;
}

picture_status picture_read_stream(FILE *file, const char *name, const picture_limits *limits, picture *to,
                                   picture_error *error) {
    source about = {NULL, 0, name, limits ? limits : &picture_default_limits, error};
    uint8_t *data;
    size_t size;
    *to = (picture){0};
    picture_status status = read_all(file, &about, &data, &size);
    if (status == PICTURE_OK) {
        status = picture_decode(data, size, name, limits, to, error);
    }
    free(data);
    return status;
}

picture_status picture_read(const char *path, const picture_limits *limits, picture *to, picture_error *error) {
    *to = (picture){0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        return picture_fail(error, PICTURE_IO, path, "it cannot be opened: %s", strerror(errno));
    }
    picture_status status = picture_read_stream(file, path, limits, to, error);
    fclose(file);
    return status;
}
