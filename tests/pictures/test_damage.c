/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded pictures cut off after every byte, and with every byte changed: one sentence or a picture, and nothing
 * else. Sanitizers and valgrind see the rest.
 */
#define _DEFAULT_SOURCE
#include "recorded.h"

/* Decodes a copy of its own size, so that a byte read beyond it is found. */
static picture_status decode_copy(const uint8_t *data, size_t size, picture *p, picture_error *error) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        exit(1);
    }
    memcpy(copy, data, size);
    *error = (picture_error){0};
    picture_limits small = {4096, 4096, 4 << 20};
    picture_status status = picture_decode(copy, size, "it", &small, p, error);
    free(copy);
    return status;
}

static bool has_one_sentence(const picture_error *error) {
    return strncmp(error->message, "it: ", 4) == 0 && strlen(error->message) > 10 && !strchr(error->message, '\n');
}

static bool is_same(const picture *a, const picture *b) {
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           memcmp(a->pixels, b->pixels, (size_t)a->width * (size_t)a->height * (size_t)a->channels * 4) == 0;
}

static void cut(const char *name, const char *path) {
    content c = content_of(path);
    picture whole, part;
    picture_error error;
    if (!CHECK_INT(decode_copy(c.data, c.size, &whole, &error), PICTURE_OK)) {
        return;
    }
    for (size_t size = 0; size < c.size; size++) {
        picture_status status = decode_copy(c.data, size, &part, &error);
        /* What follows the last pixel of a TIFF, a program's note or a byte of padding, may be missing. */
        bool fine = status == PICTURE_OK ? strstr(name, ".tif") && is_same(&whole, &part)
                                         : !part.pixels && has_one_sentence(&error);
        if (!CHECK(fine)) {
            printf("    %s, cut off after %zu of %zu bytes: %s\n", name, size, c.size, error.message);
        }
        picture_free(&part);
    }
    picture_free(&whole);
    free(c.data);
}

static void change(const char *name, const char *path) {
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    content c = content_of(path);
    for (size_t i = 0; i < c.size; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            picture p;
            picture_error error;
            c.data[i] ^= flips[k];
            picture_status status = decode_copy(c.data, c.size, &p, &error);
            c.data[i] ^= flips[k];
            if (!CHECK(status == PICTURE_OK ? p.pixels != NULL : !p.pixels && has_one_sentence(&error))) {
                printf("    %s, byte %zu ^ %02x: %s\n", name, i, flips[k], error.message);
            }
            picture_free(&p);
        }
    }
    free(c.data);
}

static void a_picture_cut_off_anywhere_is_refused(void) {
    for_each_picture(cut);
}

static void a_changed_byte_does_no_harm(void) {
    for_each_picture(change);
}

int main(void) {
    RUN(a_picture_cut_off_anywhere_is_refused);
    RUN(a_changed_byte_does_no_harm);
    return test_summary();
}
