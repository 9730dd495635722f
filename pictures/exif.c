/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

typedef struct exif {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} exif;

static uint32_t number_at(const exif *e, size_t at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)e->data[at + i] << (8 * (e->big_endian ? bytes - 1 - i : i));
    }
    return value;
}

/* A damaged block says nothing, as one that is absent: it is no part of the pixels. */
int exif_orientation(const uint8_t *data, size_t size) {
    exif e = {data, size, size >= 2 && data[0] == 'M'};
    if (size < 10 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0)) {
        return 1;
    }
    size_t at = number_at(&e, 4, 4);
    if (at > size - 2) {
        return 1;
    }
    size_t count = number_at(&e, at, 2);
    for (at += 2; count > 0 && size - at >= ENTRY_BYTES; count--, at += ENTRY_BYTES) {
        if (number_at(&e, at, 2) == TAG_ORIENTATION && number_at(&e, at + 2, 2) == TYPE_SHORT) {
            uint32_t value = number_at(&e, at + 8, 2);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

picture_status orient(picture *p, int orientation, const char *name, picture_error *error) {
    if (orientation <= 1 || orientation > 8) {
        return PICTURE_OK;
    }
    /* Where pixel (x, y) of the upright picture lies in the stored one: first the axes are exchanged, then each may
       run backwards. */
    bool exchanged = orientation >= 5;
    bool x_back = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool y_back = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t channels = (size_t)p->channels;
    size_t stored_width = (size_t)p->width, stored_height = (size_t)p->height;
    size_t width = exchanged ? stored_height : stored_width, height = exchanged ? stored_width : stored_height;
    float *pixels = malloc(width * height * channels * sizeof *pixels);
    if (!pixels) {
        return picture_fail(error, PICTURE_MEMORY, name, "no memory to turn it upright");
    }
    float *to = pixels;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++, to += channels) {
            size_t from_x = exchanged ? y : x, from_y = exchanged ? x : y;
            from_x = x_back ? stored_width - 1 - from_x : from_x;
            from_y = y_back ? stored_height - 1 - from_y : from_y;
            memcpy(to, p->pixels + (from_y * stored_width + from_x) * channels, channels * sizeof *to);
        }
    }
    free(p->pixels);
    p->pixels = pixels;
    p->width = (int)width;
    p->height = (int)height;
    return PICTURE_OK;
}
