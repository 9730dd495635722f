/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

typedef struct tiff_job {
    const source *from;
    picture *to;
    TIFF *tiff;
    uint64_t at;                 /* where the library reads */
    bool in_pixels;              /* the directory has been read: what goes wrong now damages pixels */
    char wrong[256];             /* the library's first complaint */

    uint32_t width, height;
    uint16_t bits, samples, format, photometric, planes;
    uint16_t *red, *green, *blue; /* of a palette, 16 bits each */
    bool grey_palette;
    int palette_shift;           /* 8; 0 for old palettes that hold 8 bits */
    uint8_t *block;              /* a strip or tile as decoded */
} tiff_job;

/* ---- The library's ends -------------------------------------------------------------------------------------- */

static tmsize_t read_at(thandle_t handle, void *to, tmsize_t size) {
    tiff_job *job = (tiff_job *)handle;
    uint64_t left = job->at < job->from->size ? job->from->size - job->at : 0;
    size_t count = (uint64_t)size < left ? (size_t)size : (size_t)left;
    memcpy(to, job->from->data + (left ? job->at : 0), count);
    job->at += count;
    return (tmsize_t)count;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t size) {
    (void)handle;
    (void)from;
    (void)size;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    tiff_job *job = (tiff_job *)handle;
    job->at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? job->at + offset : job->from->size + offset;
    return job->at;
}

static int close_nothing(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle) {
    return ((tiff_job *)handle)->from->size;
}

static void note(tiff_job *job, const char *format, va_list values) {
    if (job->wrong[0] == '\0') {
        vsnprintf(job->wrong, sizeof job->wrong, format, values);
    }
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
    (void)tiff;
    (void)module;
    note(user, format, values);
    return 1; /* no further handler */
}

/* Of the directory, warnings are about tags that nobody needs; of the pixels, that some are made up. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
    (void)tiff;
    (void)module;
    tiff_job *job = user;
    if (job->in_pixels) {
        note(job, format, values);
    }
    return 1;
}

static picture_status damaged(const tiff_job *job) {
    return refuse(job->from, PICTURE_FORMAT, "it is damaged or cut off%s%s", job->wrong[0] ? ": " : "", job->wrong);
}

/* ---- What is read -------------------------------------------------------------------------------------------- */

static void look_at_palette(tiff_job *job) {
    job->grey_palette = true;
    for (int i = 0; i < 1 << job->bits; i++) {
        uint16_t red = job->red[i], green = job->green[i], blue = job->blue[i];
        job->grey_palette = job->grey_palette && red == green && red == blue;
        job->palette_shift = red > 255 || green > 255 || blue > 255 ? 8 : job->palette_shift;
    }
}

static picture_status check_photometric(tiff_job *job, uint16_t compression) {
    switch (job->photometric) {
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_MINISWHITE:
        return PICTURE_OK;
    case PHOTOMETRIC_RGB:
        return job->samples >= 3 ? PICTURE_OK : damaged(job);
    case PHOTOMETRIC_PALETTE:
        if (job->bits > 8 || job->samples != 1 ||
            !TIFFGetField(job->tiff, TIFFTAG_COLORMAP, &job->red, &job->green, &job->blue)) {
            return damaged(job);
        }
        look_at_palette(job);
        return PICTURE_OK;
    case PHOTOMETRIC_YCBCR:
        if (compression == COMPRESSION_JPEG && job->samples == 3 && job->planes == PLANARCONFIG_CONTIG) {
            TIFFSetField(job->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
            return PICTURE_OK;
        }
        return refuse(job->from, PICTURE_UNSUPPORTED,
                      "it is a YCbCr TIFF without JPEG compression, which is not read");
    default:
        return refuse(job->from, PICTURE_UNSUPPORTED,
                      "it is a TIFF of photometric kind %d%s; only grey, RGB, palette and YCbCr in JPEG are read",
                      job->photometric, job->photometric == PHOTOMETRIC_SEPARATED ? ", CMYK" : "");
    }
}

static picture_status read_directory(tiff_job *job) {
    TIFF *tiff = job->tiff;
    uint16_t compression;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &job->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &job->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &job->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &job->planes);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &job->width) ||
        !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &job->height) || job->samples == 0) {
        return damaged(job);
    }
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &job->photometric)) {
        job->photometric = job->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    }
    if (!TIFFIsCODECConfigured(compression)) {
        return refuse(job->from, PICTURE_UNSUPPORTED, "it is a TIFF of compression %d, which is not read",
                      compression);
    }
    bool whole = job->format == SAMPLEFORMAT_UINT || job->format == SAMPLEFORMAT_VOID;
    bool read = whole ? job->bits == 1 || job->bits == 2 || job->bits == 4 || job->bits == 8 || job->bits == 16
                      : job->format == SAMPLEFORMAT_IEEEFP && job->bits == 32;
    if (!read) {
        static const char *const kinds[] = {"unsigned", "signed",  "floating-point",
                                            "unsigned", "complex", "complex"};
        const char *kind = job->format >= 1 && job->format <= 6 ? kinds[job->format - 1] : "unknown";
        return refuse(job->from, PICTURE_UNSUPPORTED,
                      "it is a TIFF of %d-bit %s samples; read are unsigned ones of 1, 2, 4, 8 and 16 bits and "
                      "floating-point ones of 32 bits",
                      job->bits, kind);
    }
    return check_photometric(job, compression);
}

/* ---- Pixels -------------------------------------------------------------------------------------------------- */

/* A sample of a row, on the scale of the picture, palettes still to be looked up. */
static float sample_at(const tiff_job *job, const uint8_t *row, size_t index) {
    if (job->bits == 32) {
        float value;
        memcpy(&value, row + 4 * index, sizeof value);
        return value;
    }
    if (job->bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * index, sizeof value);
        return value;
    }
    size_t bit = index * job->bits;
    unsigned most = (1u << job->bits) - 1;
    unsigned value = ((unsigned)row[bit / 8] >> (8 - job->bits - bit % 8)) & most;
    return (float)(job->red ? value : value * (255 / most));
}

/* Palettes have 16 bits, made of 8: v * 257, or v * 256. */
static float colour_at(const tiff_job *job, const uint16_t *colours, float index) {
    return (float)(colours[(int)index] >> job->palette_shift);
}

/* Part of a row, from column `left`: all channels, or in separate planes channel `plane`. */
static void store_part(tiff_job *job, const uint8_t *row, uint32_t y, uint32_t left, uint32_t count, int plane) {
    picture *to = job->to;
    bool separate = job->planes == PLANARCONFIG_SEPARATE;
    float *pixel = to->pixels + ((size_t)y * job->width + left) * (size_t)to->channels;
    for (uint32_t x = 0; x < count; x++, pixel += to->channels) {
        if (job->red) {
            float index = sample_at(job, row, x);
            pixel[0] = colour_at(job, job->red, index);
            if (to->channels == 3) {
                pixel[1] = colour_at(job, job->green, index);
                pixel[2] = colour_at(job, job->blue, index);
            }
            continue;
        }
        for (int c = separate ? plane : 0; c < (separate ? plane + 1 : to->channels); c++) {
            float value = sample_at(job, row, separate ? x : (size_t)x * job->samples + (size_t)c);
            pixel[c] = job->photometric == PHOTOMETRIC_MINISWHITE ? to->white - value : value;
        }
    }
}

/* Strips or tiles, the last of which may reach over the picture's edges. */
typedef struct tiff_blocks {
    uint32_t width, height;
    tmsize_t size;             /* bytes of one */
    size_t row_bytes;
} tiff_blocks;

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Decodes the strip or tile at (x, y) and stores what of it lies within the picture. */
static picture_status read_block(tiff_job *job, const tiff_blocks *blocks, uint32_t x, uint32_t y, int plane) {
    uint32_t rows = smaller(blocks->height, job->height - y), columns = smaller(blocks->width, job->width - x);
    tmsize_t wanted = (tmsize_t)(rows * blocks->row_bytes), got;
    if (TIFFIsTiled(job->tiff)) {
        got = TIFFReadEncodedTile(job->tiff, TIFFComputeTile(job->tiff, x, y, 0, (uint16_t)plane), job->block,
                                  blocks->size);
    } else {
        got = TIFFReadEncodedStrip(job->tiff, TIFFComputeStrip(job->tiff, y, (uint16_t)plane), job->block, wanted);
    }
    if (got < wanted || job->wrong[0]) {
        return damaged(job);
    }
    for (uint32_t i = 0; i < rows; i++) {
        store_part(job, job->block + i * blocks->row_bytes, y + i, x, columns, plane);
    }
    return PICTURE_OK;
}

static picture_status read_plane(tiff_job *job, const tiff_blocks *blocks, int plane) {
    picture_status status = PICTURE_OK;
    for (uint32_t y = 0; y < job->height && status == PICTURE_OK; y += blocks->height) {
        for (uint32_t x = 0; x < job->width && status == PICTURE_OK; x += blocks->width) {
            status = read_block(job, blocks, x, y, plane);
        }
    }
    return status;
}

static picture_status read_pixels(tiff_job *job) {
    TIFF *tiff = job->tiff;
    bool tiled = TIFFIsTiled(tiff);
    tiff_blocks blocks = {.width = job->width, .height = job->height};
    if (tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &blocks.width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &blocks.height);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &blocks.height);
        blocks.height = smaller(blocks.height, job->height);
    }
    blocks.size = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
    tmsize_t row_bytes = tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
    /* Larger tiles could make the steps from one to the next run over. */
    if (blocks.size <= 0 || row_bytes <= 0 || blocks.width == 0 || blocks.height == 0 || blocks.width > 1u << 30 ||
        blocks.height > 1u << 30) {
        return damaged(job);
    }
    if ((uint64_t)blocks.size > job->from->limits->bytes) {
        return refuse(job->from, PICTURE_TOO_LARGE,
                      "its blocks of %" PRIu64 " bytes are larger than the limit of %" PRIu64 " MiB",
                      (uint64_t)blocks.size, job->from->limits->bytes >> 20);
    }
    blocks.row_bytes = (size_t)row_bytes;
    job->block = malloc((size_t)blocks.size);
    if (!job->block) {
        return refuse(job->from, PICTURE_MEMORY, "no memory to decode it");
    }
    job->in_pixels = true;
    job->wrong[0] = '\0';
    picture_status status = PICTURE_OK;
    int planes = job->planes == PLANARCONFIG_SEPARATE ? job->to->channels : 1;
    for (int plane = 0; plane < planes && status == PICTURE_OK; plane++) {
        status = read_plane(job, &blocks, plane);
    }
    return status;
}

/* One that is not a number would spread over all of a model's output. */
static picture_status check_finite(const tiff_job *job) {
    const picture *p = job->to;
    size_t count = job->bits == 32 ? (size_t)p->width * (size_t)p->height * (size_t)p->channels : 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(p->pixels[i])) {
            size_t pixel = i / (size_t)p->channels;
            return refuse(job->from, PICTURE_FORMAT, "its pixel at column %zu of row %zu is not a finite number",
                          pixel % (size_t)p->width, pixel / (size_t)p->width);
        }
    }
    return PICTURE_OK;
}

static picture_status decode(tiff_job *job, int *orientation) {
    picture_status status = read_directory(job);
    if (status != PICTURE_OK) {
        return status;
    }
    bool grey = job->photometric == PHOTOMETRIC_PALETTE
                    ? job->grey_palette
                    : job->photometric == PHOTOMETRIC_MINISBLACK || job->photometric == PHOTOMETRIC_MINISWHITE;
    float white = job->bits == 32 ? 1.0f : job->bits == 16 ? 65535.0f : 255.0f;
    status = reserve_pixels(job->from, job->width, job->height, grey ? 1 : 3, white, job->to);
    if (status == PICTURE_OK) {
        status = read_pixels(job);
    }
    if (status == PICTURE_OK) {
        status = check_finite(job);
    }
    uint16_t turned = 1;
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_ORIENTATION, &turned);
    *orientation = turned;
    return status;
}

picture_status decode_tiff(const source *from, picture *to, int *orientation) {
    tiff_job job = {.from = from, .to = to};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) {
        return refuse(from, PICTURE_MEMORY, "no memory to decode it");
    }
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &job);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &job);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)from->limits->bytes);
    /* "m": no mapping. */
    job.tiff = TIFFClientOpenExt(from->name, "rm", (thandle_t)&job, read_at, write_nothing, seek, close_nothing,
                                 size_of, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    picture_status status = job.tiff ? decode(&job, orientation) : damaged(&job);
    if (job.tiff) {
        TIFFClose(job.tiff);
    }
    free(job.block);
    return status;
}
