/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture of a run and the part of it that is of interest.
 */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const picture *run_shown_picture(const run *r) {
    for (size_t i = 0; i < r->given_input_count; i++) {
        if (r->pictures[i].pixels) {
            return &r->pictures[i];
        }
    }
    return NULL;
}

static exit_status check_pictures(const run *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->given_input_count; i++) {
        count += r->pictures[i].pixels != NULL;
    }
    const char *option = r->tile.width > 0 ? "--tile" : r->roi_option ? "--roi" : NULL;
    if (option && count != 1) {
        return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "%s is for one picture as an input, and %zu are given",
                    option, count);
    }
    return DONE;
}

/* Lossy files have noise around what is 0. */
static exit_status refuse_jpeg(const char *path) {
    char start[8];
    FILE *from = fopen(path, "rb");
    size_t size = from ? fread(start, 1, sizeof start, from) : 0;
    const char *format = picture_format(start, size);
    if (from) {
        fclose(from);
    }
    return format && strcmp(format, "JPEG") == 0
               ? fail(INPUT_UNUSABLE, HAYA_ERROR_FORMAT,
                      "%s: a region of interest is a PNG, TIFF or BMP: a JPEG does not keep what is 0", path)
               : DONE;
}

static exit_status read_mask(run *r, const picture *shown) {
    const char *path = r->roi_option;
    picture read;
    picture_error why;
    roi_refusal refusal;
    exit_status status = refuse_jpeg(path);
    if (status != DONE) {
        return status;
    }
    if (picture_read(path, NULL, &read, &why) != PICTURE_OK) {
        return fail(why.status == PICTURE_MEMORY ? FAILED : INPUT_UNUSABLE,
                    why.status == PICTURE_IO ? HAYA_ERROR_IO : HAYA_ERROR_FORMAT, "%s", why.message);
    }
    if (read.width != shown->width || read.height != shown->height) {
        status = fail(INPUT_UNUSABLE, HAYA_ERROR_SHAPE,
                      "%s: the region of interest is of %dx%d pixels, and the picture of %dx%d", path, read.width,
                      read.height, shown->width, shown->height);
    } else if (!roi_mask_make(&read, &r->roi.mask, &refusal)) {
        status = fail(INPUT_UNUSABLE, HAYA_ERROR_VALUE, "%s: %s", path, refusal.why);
    }
    picture_free(&read);
    return status;
}

exit_status run_read_roi(run *r) {
    exit_status status = check_pictures(r);
    const picture *shown = run_shown_picture(r);
    if (status != DONE || !shown) {
        return status;
    }
    if (r->roi_option && !roi_is_box(r->roi_option)) {
        status = read_mask(r, shown);
    } else if (r->roi_option) {
        roi_refusal refusal;
        return roi_box_check(&r->roi.box, shown->width, shown->height, &refusal)
                   ? DONE
                   : fail(INPUT_UNUSABLE, HAYA_ERROR_SHAPE, "%s", refusal.why);
    }
    r->roi.box = (roi_box){0, 0, shown->width, shown->height};
    return status;
}

/* ---- To tensors ---------------------------------------------------------------------------------------------- */

exit_status run_convert_picture(run *r, size_t index, const haya_value *input) {
    const picture *from = &r->pictures[index];
    const char *file = r->given_inputs[index].file;
    picture part = {0};
    haya_error error;
    if (r->roi_option && roi_is_box(r->roi_option)) {
        picture_error why;
        if (roi_box_cut(&r->roi.box, from, &part, &why) != PICTURE_OK) {
            return fail(FAILED, HAYA_ERROR_MEMORY, "%s: %s", file, why.message);
        }
        from = &part;
    }
    haya_status status = input_from_picture(&r->settings.input, input, from, file, &r->inputs[index], &error);
    picture_free(&part);
    return status == HAYA_OK ? DONE : fail_inspection(INPUT_UNUSABLE, &error);
}

exit_status run_convert_pictures(run *r) {
    exit_status status = DONE;
    for (size_t i = 0; i < r->given_input_count && status == DONE && r->tile.width == 0; i++) {
        haya_value value;
        haya_program_input(r->program, i, &value);
        if (r->pictures[i].pixels) {
            status = run_convert_picture(r, i, &value);
        }
    }
    return status;
}

/* ---- What lies outside --------------------------------------------------------------------------------------- */

static exit_status clear(haya_tensor *output, const roi_mask *mask) {
    int first = output->shape.rank == 2 ? 0 : 1;
    roi_mask scaled;
    if (!roi_mask_scale(mask, (int)output->shape.dims[first + 1], (int)output->shape.dims[first], &scaled)) {
        return fail(FAILED, HAYA_ERROR_MEMORY, "no memory for the region of interest");
    }
    size_t count = (size_t)scaled.width * (size_t)scaled.height, pixel = (size_t)output->bytes / count;
    for (size_t i = 0; i < count; i++) {
        if (!scaled.inside[i]) {
            memset((char *)output->data + i * pixel, 0, pixel);
        }
    }
    roi_mask_free(&scaled);
    return DONE;
}

exit_status run_clear_outside(run *r) {
    exit_status status = DONE;
    for (size_t i = 0; i < r->output_count && r->roi.mask.inside && status == DONE; i++) {
        if (r->tile.width > 0 || is_map(&r->outputs[i].shape)) {
            status = clear(&r->outputs[i], &r->roi.mask);
        }
    }
    return status;
}
