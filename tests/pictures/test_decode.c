/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "recorded.h"

typedef struct expected {
    int32_t width, height, channels;
    float white, tolerance;
} expected;

static void check_picture(const char *name, const char *path) {
    char expected_path[600];
    snprintf(expected_path, sizeof expected_path, "%s.expected", path);
    content c = content_of(expected_path);
    expected want;
    memcpy(&want, c.data, sizeof want);
    picture got;
    picture_error error;
    if (picture_read(path, NULL, &got, &error) != PICTURE_OK) {
        FAIL(error.message);
    } else {
        size_t count = (size_t)want.width * (size_t)want.height * (size_t)want.channels;
        bool same = CHECK_INT(got.width, want.width) && CHECK_INT(got.height, want.height) &&
                    CHECK_INT(got.channels, want.channels) && CHECK_NEAR(got.white, want.white, 0) &&
                    CHECK_INT(c.size, sizeof want + count * sizeof(float));
        for (size_t i = 0; same && i < count; i++) {
            float value;
            memcpy(&value, c.data + sizeof want + i * sizeof value, sizeof value);
            same = CHECK_NEAR(got.pixels[i], value, want.tolerance);
        }
        if (!same) {
            printf("    in %s\n", name);
        }
        picture_free(&got);
    }
    free(c.data);
}

static void every_kind_of_picture_is_decoded(void) {
    CHECK(for_each_picture(check_picture) > 70);
}

static void formats_are_told_by_their_first_bytes(void) {
    CHECK_STR(picture_format("\x89PNG\r\n\x1a\n", 8), "PNG");
    CHECK_STR(picture_format("\xff\xd8\xff\xe0", 4), "JPEG");
    CHECK_STR(picture_format("II*\0", 4), "TIFF");
    CHECK_STR(picture_format("MM\0*", 4), "TIFF");
    CHECK_STR(picture_format("BM", 2), "BMP");
    CHECK(picture_format("\x93NUMPY", 6) == NULL);
    CHECK(picture_format("\x89PNG", 4) == NULL);
    CHECK(picture_may_begin_with(0x89) && picture_may_begin_with('I') && picture_may_begin_with('B'));
    CHECK(!picture_may_begin_with(0x93) && !picture_may_begin_with(EOF));
}

static void a_stream_is_read_from_where_it_stands(void) {
    FILE *file = fopen(DATA "grey8.png", "rb");
    if (!CHECK(file)) {
        return;
    }
    ungetc(getc(file), file);
    picture p;
    picture_error error;
    CHECK_INT(picture_read_stream(file, "it", NULL, &p, &error), PICTURE_OK);
    CHECK_INT(p.width, 11);
    picture_free(&p);
    fclose(file);
}

static const struct refusal {
    const char *file;
    picture_status status;
    const char *says;
} refusals[] = {
    {"bomb.png", PICTURE_TOO_LARGE, "bomb.png: 100000x100000 pixels are more than the limit of 16384x16384"},
    {"bomb.jpg", PICTURE_TOO_LARGE, "bomb.jpg: 65500x65500 pixels are more than the limit of 16384x16384"},
    {"bomb.tif", PICTURE_TOO_LARGE, "bomb.tif: 100000x100000 pixels are more than the limit of 16384x16384"},
    {"bomb.bmp", PICTURE_TOO_LARGE, "bomb.bmp: 100000x100000 pixels are more than the limit of 16384x16384"},
    {"bytes.png", PICTURE_TOO_LARGE, "pixels of 1 channel take 977 MiB decoded, more than the limit of 512 MiB"},
    {"cmyk.jpg", PICTURE_UNSUPPORTED, "CMYK"},
    {"cmyk.tif", PICTURE_UNSUPPORTED, "CMYK"},
    {"int32.tif", PICTURE_UNSUPPORTED, "32-bit unsigned samples"},
    {"nan.tif", PICTURE_FORMAT, "column 5 of row 3 is not a finite number"},
    {"rle8.bmp", PICTURE_UNSUPPORTED, "a BMP of 8 bits, RLE8"},
    {"rgb16.bmp", PICTURE_UNSUPPORTED, "a BMP of 16 bits"},
    {"index.bmp", PICTURE_FORMAT, "a pixel's colour is not in its palette"},
    {"index.png", PICTURE_FORMAT, "a pixel's colour is not in its palette"},
    {"text.txt", PICTURE_FORMAT, "it is not a PNG, JPEG, TIFF or BMP picture"},
    {"empty", PICTURE_FORMAT, "it is empty"},
    {"absent", PICTURE_IO, "it cannot be opened: No such file or directory"},
};

static void what_is_not_read_is_named(void) {
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%srefused/%s", DATA, refusals[i].file);
        picture p = {.width = 1};
        picture_error error = {0};
        CHECK_INT(picture_read(path, NULL, &p, &error), refusals[i].status);
        CHECK_INT(error.status, refusals[i].status);
        CHECK_HAS(error.message, refusals[i].says);
        CHECK_HAS(error.message, refusals[i].file);
        CHECK(!p.pixels && p.width == 0);
    }
}

static void limits_may_be_narrower(void) {
    picture p;
    picture_error error;
    picture_limits exact = {11, 7, 11 * 7 * 4}, side = {10, 7, 1 << 20}, bytes = {11, 7, 11 * 7 * 4 - 1};
    CHECK_INT(picture_read(DATA "grey8.png", &exact, &p, &error), PICTURE_OK);
    picture_free(&p);
    CHECK_INT(picture_read(DATA "grey8.png", &side, &p, &error), PICTURE_TOO_LARGE);
    CHECK_HAS(error.message, "11x7 pixels are more than the limit of 10x7");
    CHECK_INT(picture_read(DATA "grey8.png", &bytes, &p, &error), PICTURE_TOO_LARGE);
    /* The file's own bytes count, too. */
    bytes.bytes = 16;
    CHECK_INT(picture_read(DATA "grey8.png", &bytes, &p, &error), PICTURE_TOO_LARGE);
    CHECK_HAS(error.message, "the file is larger than the limit");
}

static void a_long_name_leaves_room_for_the_sentence(void) {
    char name[1000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    picture p;
    picture_error error;
    CHECK_INT(picture_decode("x", 1, name, NULL, &p, &error), PICTURE_FORMAT);
    CHECK_HAS(error.message, "it is not a PNG");
    CHECK_INT(picture_decode("x", 1, name, NULL, &p, NULL), PICTURE_FORMAT);
}

int main(void) {
    RUN(every_kind_of_picture_is_decoded);
    RUN(formats_are_told_by_their_first_bytes);
    RUN(a_stream_is_read_from_where_it_stands);
    RUN(what_is_not_read_is_named);
    RUN(limits_may_be_narrower);
    RUN(a_long_name_leaves_room_for_the_sentence);
    return test_summary();
}
