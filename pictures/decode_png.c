/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* All that must outlive a longjmp. */
typedef struct png_job {
    const source *from;
    size_t at;                 /* bytes read */
    picture *to;
    int *orientation;
    picture_status status;     /* of the failure that caused the jump */
    png_structp png;
    png_infop info;
    png_colorp palette;        /* NULL: the pixels are no indices */
    int colours;
    png_bytep rows;            /* one row; all of an interlaced picture */
    png_bytep *row_pointers;   /* interlaced alone */
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    if (job->status == PICTURE_OK) {
        job->status = refuse(job->from, PICTURE_FORMAT, "it is damaged: %s", message);
    }
    png_longjmp(png, 1);
}

/* What libpng only warns of is beside the pixels: profiles, texts, times. */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/* Leaves the decoder with the status that has been reported. */
static _Noreturn void leave(png_job *job, picture_status status) {
    job->status = status;
    png_longjmp(job->png, 1);
}

static void read_bytes(png_structp png, png_bytep to, size_t size) {
    png_job *job = png_get_io_ptr(png);
    if (size > job->from->size - job->at) {
        leave(job, refuse(job->from, PICTURE_FORMAT, "it is cut off after %zu bytes", job->from->size));
    }
    memcpy(to, job->from->data + job->at, size);
    job->at += size;
}

/* Palettes of greys are common in pictures from inspection cameras; they are grey pictures. */
static bool is_grey(const png_job *job) {
    bool grey = job->palette || !(png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_COLOR);
    for (int i = 0; i < job->colours; i++) {
        png_color colour = job->palette[i];
        grey = grey && colour.red == colour.green && colour.red == colour.blue;
    }
    return grey;
}

static void transform(png_job *job) {
    int bits = png_get_bit_depth(job->png, job->info);
    const uint16_t one = 1;
    if (job->palette) {
        png_set_packing(job->png);
    } else if (bits < 8) {
        png_set_expand_gray_1_2_4_to_8(job->png);
    } else if (bits == 16 && *(const uint8_t *)&one == 1) {
        png_set_swap(job->png); /* the file is big-endian */
    }
}

/* The library would take indices that the palette does not have for black. */
static void store_indexed(png_job *job, int y, png_const_bytep row) {
    picture *to = job->to;
    float *pixel = to->pixels + (size_t)y * (size_t)to->width * (size_t)to->channels;
    for (int x = 0; x < to->width; x++) {
        if (row[x] >= job->colours) {
            leave(job, refuse(job->from, PICTURE_FORMAT, "it is damaged: a pixel's colour is not in its palette"));
        }
        const png_color *colour = &job->palette[row[x]];
        *pixel++ = colour->red;
        if (to->channels == 3) {
            *pixel++ = colour->green;
            *pixel++ = colour->blue;
        }
    }
}

static void store_row(png_job *job, int y, png_const_bytep row) {
    int stride = png_get_channels(job->png, job->info);
    if (job->palette) {
        store_indexed(job, y, row);
    } else if (png_get_bit_depth(job->png, job->info) == 16) {
        store_row_16(job->to, y, (const uint16_t *)(const void *)row, stride);
    } else {
        store_row_8(job->to, y, row, stride);
    }
}

static void read_rows(png_job *job, bool interlaced) {
    size_t row_bytes = png_get_rowbytes(job->png, job->info);
    size_t height = (size_t)job->to->height;
    job->rows = malloc(row_bytes * (interlaced ? height : 1));
    job->row_pointers = interlaced ? malloc(height * sizeof *job->row_pointers) : NULL;
    if (!job->rows || (interlaced && !job->row_pointers)) {
        leave(job, refuse(job->from, PICTURE_MEMORY, "no memory to decode it"));
    }
    if (interlaced) {
        for (size_t y = 0; y < height; y++) {
            job->row_pointers[y] = job->rows + y * row_bytes;
        }
        png_read_image(job->png, job->row_pointers);
    }
    for (int y = 0; y < job->to->height; y++) {
        if (!interlaced) {
            png_read_row(job->png, job->rows, NULL);
        }
        store_row(job, y, interlaced ? job->row_pointers[y] : job->rows);
    }
}

static void decode_all(png_job *job) {
    png_structp png = job->png;
    png_set_read_fn(png, job, read_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours come with a better sentence */
    png_read_info(png, job->info);
    if (png_get_color_type(png, job->info) == PNG_COLOR_TYPE_PALETTE) {
        png_get_PLTE(png, job->info, &job->palette, &job->colours); /* without one, png_read_info has failed */
    }
    float white = png_get_bit_depth(png, job->info) == 16 ? 65535 : 255;
    picture_status status = reserve_pixels(job->from, png_get_image_width(png, job->info),
                                           png_get_image_height(png, job->info), is_grey(job) ? 1 : 3, white,
                                           job->to);
    if (status != PICTURE_OK) {
        leave(job, status);
    }
    transform(job);
    bool interlaced = png_set_interlace_handling(png) > 1;
    png_read_update_info(png, job->info);
    read_rows(job, interlaced);
    png_read_end(png, job->info); /* EXIF may follow the pixels, and a file without its end is cut off */
    png_bytep exif;
    png_uint_32 exif_size;
    if (png_get_eXIf_1(png, job->info, &exif_size, &exif)) {
        *job->orientation = exif_orientation(exif, exif_size);
    }
}

/* A function of its own: it has no variable that the jump could make indeterminate. */
static picture_status run(png_job *job) {
    if (setjmp(png_jmpbuf(job->png)) == 0) {
        decode_all(job);
    }
    return job->status;
}

picture_status decode_png(const source *from, picture *to, int *orientation) {
    png_job job = {.from = from, .to = to, .orientation = orientation};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    picture_status status = job.info ? run(&job)
                                     : refuse(from, PICTURE_MEMORY, "no memory to decode it");
    free(job.rows);
    free(job.row_pointers);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return status;
}
