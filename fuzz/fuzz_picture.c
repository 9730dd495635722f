/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the decoders: any bytes as a picture, under limits that keep it quick. What is decoded has the size and the
 * channels that it says, and becomes a thumbnail and a model's input.
 */
#include <stdlib.h>
#include <string.h>

#include "pictures/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST_SIDE = 2048, LARGEST_BYTES = 4 << 20, SMALL = 16 };

static void require(bool condition) {
    if (!condition)
        abort();
}

static void use(const picture *p) {
    picture_error why;
    picture small;
    size_t count = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    require(p->width > 0 && p->height > 0 && p->width <= LARGEST_SIDE && p->height <= LARGEST_SIDE);
    require((p->channels == 1 || p->channels == 3) && count * sizeof(float) <= LARGEST_BYTES && p->white > 0);
    float last = p->pixels[count - 1];
    require(memcmp(&last, &p->pixels[count - 1], sizeof last) == 0);
    if (picture_resize(p, SMALL, SMALL, &small, &why) == PICTURE_OK) {
        require(small.width == SMALL && small.height == SMALL && small.channels == p->channels);
        picture_free(&small);
    } else {
        require(why.message[0] != '\0');
    }
    picture_input wanted = {.width = SMALL, .height = SMALL, .channels = 3};
    float input[SMALL * SMALL * 3];
    for (int i = 0; i < 3; i++)
        wanted.deviation[i] = PICTURE_USUAL_DEVIATION;
    require(picture_to_input(p, &wanted, input, &why) == PICTURE_OK || why.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const picture_limits limits = {LARGEST_SIDE, LARGEST_SIDE, LARGEST_BYTES};
    picture p;
    picture_error why;
    if (picture_decode(data, size, "fuzzed", &limits, &p, &why) == PICTURE_OK) {
        use(&p);
        picture_free(&p);
    } else {
        require(why.status != PICTURE_OK && strncmp(why.message, "fuzzed", 6) == 0);
        require(memchr(why.message, 0, sizeof why.message) != NULL);
    }
    return 0;
}
