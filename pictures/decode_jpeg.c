/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
/* After stdio.h and stddef.h, which it takes for granted. */
#include <jpeglib.h>

#include <jerror.h>

/* A progressive file of a few kilobytes can have thousands of scans over all pixels; real ones have about ten. */
enum { MAX_SCANS = 100, EXIF_MARKER = JPEG_APP0 + 1, EXIF_START = 6 };

/* All that must outlive a longjmp. */
typedef struct jpeg_job {
    struct jpeg_error_mgr errors;        /* first: what the library hands to the handlers */
    jmp_buf leave;
    struct jpeg_source_mgr input;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    const source *from;
    picture *to;
    int *orientation;
    picture_status status;
    JSAMPLE *row;
} jpeg_job;

static _Noreturn void leave(jpeg_job *job, picture_status status) {
    job->status = status;
    longjmp(job->leave, 1);
}

static void on_error(j_common_ptr jpeg) {
    jpeg_job *job = (jpeg_job *)jpeg->err;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        leave(job, refuse(job->from, PICTURE_MEMORY, "no memory to decode it"));
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
        leave(job, refuse(job->from, PICTURE_UNSUPPORTED, "it is a JPEG of a kind that is not read: %s", message));
    default:
        leave(job, refuse(job->from, PICTURE_FORMAT, "it is damaged: %s", message));
    }
}

/* Level -1 is a warning of damage, after which pixels are made up; others are traces. */
static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0) {
        jpeg_job *job = (jpeg_job *)jpeg->err;
        char message[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, message);
        leave(job, refuse(job->from, PICTURE_FORMAT, "it is damaged: %s", message));
    }
}

static void no_output(j_common_ptr jpeg) {
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg) {
    jpeg_job *job = (jpeg_job *)jpeg->err;
    if (job->jpeg.input_scan_number > MAX_SCANS) {
        leave(job, refuse(job->from, PICTURE_TOO_LARGE, "it has more than %d scans", MAX_SCANS));
    }
}

/* ---- Input: all of it is there from the start ---------------------------------------------------------------- */

static void begin_input(j_decompress_ptr jpeg) {
    (void)jpeg;
}

static boolean no_more_input(j_decompress_ptr jpeg) {
    jpeg_job *job = (jpeg_job *)jpeg->err;
    leave(job, refuse(job->from, PICTURE_FORMAT, "it is cut off after %zu bytes", job->from->size));
}

static void skip_input(j_decompress_ptr jpeg, long count) {
    if (count > 0 && (size_t)count > jpeg->src->bytes_in_buffer) {
        no_more_input(jpeg);
    }
    if (count > 0) {
        jpeg->src->next_input_byte += count;
        jpeg->src->bytes_in_buffer -= (size_t)count;
    }
}

static void set_input(jpeg_job *job) {
    job->input = (struct jpeg_source_mgr){.next_input_byte = job->from->data, .bytes_in_buffer = job->from->size,
                                          .init_source = begin_input, .fill_input_buffer = no_more_input,
                                          .skip_input_data = skip_input,
                                          .resync_to_restart = jpeg_resync_to_restart,
                                          .term_source = begin_input};
    job->jpeg.src = &job->input;
}

/* ---- Decoding ------------------------------------------------------------------------------------------------ */

static void choose_colours(jpeg_job *job) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_RGB:
    case JCS_YCbCr:
        jpeg->out_color_space = JCS_RGB;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        leave(job, refuse(job->from, PICTURE_UNSUPPORTED,
                          "it is a CMYK JPEG, for printing; only grey and RGB are read"));
        break;
    default:
        leave(job, refuse(job->from, PICTURE_UNSUPPORTED, "it is a JPEG of %d channels; only grey and RGB are read",
                          jpeg->num_components));
    }
}

static void find_orientation(jpeg_job *job) {
    for (jpeg_saved_marker_ptr marker = job->jpeg.marker_list; marker; marker = marker->next) {
        if (marker->marker == EXIF_MARKER && marker->data_length > EXIF_START &&
            memcmp(marker->data, "Exif\0\0", EXIF_START) == 0) {
            *job->orientation = exif_orientation(marker->data + EXIF_START, marker->data_length - EXIF_START);
            return;
        }
    }
}

static void decode_all(jpeg_job *job) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    set_input(job);
    job->progress.progress_monitor = on_progress;
    jpeg->progress = &job->progress;
    jpeg_save_markers(jpeg, EXIF_MARKER, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    choose_colours(job);
    int channels = jpeg->out_color_space == JCS_RGB ? 3 : 1;
    picture_status status = reserve_pixels(job->from, jpeg->image_width, jpeg->image_height, channels, 255,
                                           job->to);
    if (status != PICTURE_OK) {
        leave(job, status);
    }
    job->row = malloc((size_t)jpeg->image_width * (size_t)channels * sizeof *job->row);
    if (!job->row) {
        leave(job, refuse(job->from, PICTURE_MEMORY, "no memory to decode it"));
    }
    find_orientation(job);
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        int y = (int)jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, &job->row, 1);
        store_row_8(job->to, y, job->row, channels);
    }
    jpeg_finish_decompress(jpeg); /* reads to the end, which a file that is cut off lacks */
}

/* A function of its own: it has no variable that the jump could make indeterminate. */
static picture_status run(jpeg_job *job) {
    if (setjmp(job->leave) == 0) {
        decode_all(job);
    }
    return job->status;
}

picture_status decode_jpeg(const source *from, picture *to, int *orientation) {
    jpeg_job job = {.from = from, .to = to, .orientation = orientation};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.errors.output_message = no_output;
    picture_status status = run(&job);
    jpeg_destroy_decompress(&job.jpeg); /* does nothing where creating it failed */
    free(job.row);
    return status;
}
