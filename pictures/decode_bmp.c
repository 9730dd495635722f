/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <string.h>

enum {
    FILE_HEADER = 14,
    INFO_HEADER = 40,          /* the fields that later versions share, too */
    MASKS = FILE_HEADER + INFO_HEADER,
    UNCOMPRESSED = 0,
    BIT_FIELDS = 3
};

typedef struct bitmap {
    const source *from;
    uint32_t pixels_at;        /* offset */
    uint32_t header_size;
    uint32_t width, height;
    bool top_down;
    int bits;
    uint32_t colours;          /* in the palette */
    const uint8_t *palette;    /* blue, green, red, unused */
    bool grey;                 /* all colours are */
} bitmap;

static uint32_t number_at(const source *from, size_t at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)from->data[at + i] << (8 * i);
    }
    return value;
}

static picture_status cut_off(const source *from) {
    return refuse(from, PICTURE_FORMAT, "it is cut off after %zu bytes", from->size);
}

/* 32 bits with masks are common, and nearly always say what is so without them. */
static bool has_usual_masks(const source *from) {
    return from->size >= MASKS + 12 && number_at(from, MASKS, 4) == 0xff0000 &&
           number_at(from, MASKS + 4, 4) == 0xff00 && number_at(from, MASKS + 8, 4) == 0xff;
}

static picture_status check_kind(const bitmap *b) {
    static const char *const compressions[] = {"uncompressed", "RLE8", "RLE4", "bit field", "JPEG", "PNG"};
    const source *from = b->from;
    uint32_t compression = number_at(from, FILE_HEADER + 16, 4);
    bool bits_known = b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 24 || b->bits == 32;
    bool plain = compression == UNCOMPRESSED ||
                 (compression == BIT_FIELDS && b->bits == 32 && has_usual_masks(from));
    if (bits_known && plain) {
        return PICTURE_OK;
    }
    if (compression < sizeof compressions / sizeof compressions[0]) {
        return refuse(from, PICTURE_UNSUPPORTED,
                      "it is a BMP of %d bits, %s; only uncompressed ones of 1, 4, 8, 24 and 32 bits are read",
                      b->bits, compressions[compression]);
    }
    return refuse(from, PICTURE_FORMAT, "it is damaged: its compression is %u", (unsigned)compression);
}

static picture_status read_palette(bitmap *b) {
    const source *from = b->from;
    uint32_t most = 1u << b->bits, said = number_at(from, FILE_HEADER + 32, 4);
    b->colours = said ? said : most;
    size_t at = FILE_HEADER + (size_t)b->header_size;
    if (b->colours > most) {
        return refuse(from, PICTURE_FORMAT, "it is damaged: its palette has %u colours", (unsigned)b->colours);
    }
    if (at > from->size || b->colours > (from->size - at) / 4) {
        return cut_off(from);
    }
    b->palette = from->data + at;
    b->grey = true;
    for (uint32_t i = 0; i < b->colours; i++) {
        const uint8_t *colour = b->palette + 4 * i;
        b->grey = b->grey && colour[0] == colour[1] && colour[0] == colour[2];
    }
    return PICTURE_OK;
}

static picture_status read_header(bitmap *b) {
    const source *from = b->from;
    if (from->size < FILE_HEADER + 4) {
        return cut_off(from);
    }
    b->pixels_at = number_at(from, 10, 4);
    b->header_size = number_at(from, FILE_HEADER, 4);
    if (b->header_size == 12) {
        return refuse(from, PICTURE_UNSUPPORTED, "it is a BMP of OS/2, which is not read");
    }
    if (b->header_size < INFO_HEADER || b->header_size > 1024) {
        return refuse(from, PICTURE_FORMAT, "it is damaged: its header has %u bytes", (unsigned)b->header_size);
    }
    if (from->size < FILE_HEADER + (size_t)b->header_size) {
        return cut_off(from);
    }
    uint32_t height = number_at(from, FILE_HEADER + 8, 4);
    b->width = number_at(from, FILE_HEADER + 4, 4);
    b->top_down = height >> 31;
    b->height = b->top_down ? 0u - height : height;
    b->bits = (int)number_at(from, FILE_HEADER + 14, 2);
    picture_status status = check_kind(b);
    return status == PICTURE_OK && b->bits <= 8 ? read_palette(b) : status;
}

/* The row of samples at `from` in red, green, blue, or grey. */
static bool store_row(const bitmap *b, const uint8_t *row, picture *to, int y) {
    float *pixel = to->pixels + (size_t)y * (size_t)to->width * (size_t)to->channels;
    int bytes = b->bits / 8;
    for (int x = 0; x < to->width; x++) {
        const uint8_t *colour = row + (size_t)x * (size_t)bytes;
        if (b->palette) {
            size_t bit = (size_t)x * (size_t)b->bits;
            uint32_t index = (row[bit / 8] >> (8 - b->bits - (int)(bit % 8))) & ((1u << b->bits) - 1);
            if (index >= b->colours) {
                return false;
            }
            colour = b->palette + 4 * index;
        }
        for (int c = to->channels - 1; c >= 0; c--) {
            *pixel++ = colour[c];
        }
    }
    return true;
}

picture_status decode_bmp(const source *from, picture *to) {
    bitmap b = {.from = from};
    picture_status status = read_header(&b);
    if (status == PICTURE_OK) {
        status = reserve_pixels(from, b.width, b.height, b.grey ? 1 : 3, 255, to);
    }
    if (status != PICTURE_OK) {
        return status;
    }
    if (b.pixels_at < FILE_HEADER + (uint64_t)b.header_size + 4 * (uint64_t)b.colours) {
        return refuse(from, PICTURE_FORMAT, "it is damaged: its pixels begin within its header");
    }
    size_t row_bytes = ((size_t)b.width * (size_t)b.bits + 31) / 32 * 4;
    if (b.pixels_at > from->size || (from->size - b.pixels_at) / row_bytes < b.height) {
        return cut_off(from);
    }
    for (int y = 0; y < to->height; y++) {
        const uint8_t *row = from->data + b.pixels_at + (size_t)y * row_bytes;
        if (!store_row(&b, row, to, b.top_down ? y : to->height - 1 - y)) {
            return refuse(from, PICTURE_FORMAT, "it is damaged: a pixel's colour is not in its palette");
        }
    }
    return PICTURE_OK;
}
