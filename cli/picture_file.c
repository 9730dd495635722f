/* SPDX-License-Identifier: Apache-2.0 */
#include "picture_file.h"

#include "npy.h"
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

exit_status fail_picture(const picture_error *error) {
    static const haya_status statuses[] = {
        [PICTURE_IO] = HAYA_ERROR_IO,
        [PICTURE_FORMAT] = HAYA_ERROR_FORMAT,
        [PICTURE_UNSUPPORTED] = HAYA_ERROR_FORMAT,
        [PICTURE_TOO_LARGE] = HAYA_ERROR_LIMIT,
        [PICTURE_MEMORY] = HAYA_ERROR_MEMORY,
    };
    return fail(error->status == PICTURE_MEMORY ? FAILED : INPUT_UNUSABLE, statuses[error->status], "%s",
                error->message);
}

/* ---- Inputs -------------------------------------------------------------------------------------------------- */

/* The size and channels that the input wants, or the picture has. */
static exit_status choose_shape(const char *file, const haya_value *input, const picture *p, haya_shape *shape) {
    const int64_t own[4] = {1, p->height, p->width, p->channels};
    bool fits = input->shape.rank < 0 || input->shape.rank == 4;
    shape->rank = 4;
    for (int i = 0; i < 4; i++) {
        int64_t wanted = input->shape.rank == 4 ? input->shape.dims[i] : -1;
        shape->dims[i] = wanted >= 0 ? wanted : own[i];
        int64_t most = i == 0 ? 1 : i == 3 ? 4096 : 65536;
        fits = fits && shape->dims[i] >= 1 && shape->dims[i] <= most;
    }
    return fits ? DONE
                : fail(INPUT_UNUSABLE, HAYA_ERROR_SHAPE,
                       "%s: a picture does not fit input '%s' of shape %s, but [1,height,width,channels]", file,
                       input->name, text_shape(&input->shape).s);
}

static exit_status convert(const char *file, const haya_value *input, const picture_options *options,
                           const picture *p, haya_tensor *tensor) {
    haya_shape shape;
    exit_status status = choose_shape(file, input, p, &shape);
    if (status != DONE) {
        return status;
    }
    const picture_input wanted = {.width = (int)shape.dims[2], .height = (int)shape.dims[1],
                                  .channels = (int)shape.dims[3], .white = options->white, .mean = options->mean,
                                  .deviation = options->deviation, .bgr = options->bgr};
    uint64_t count = (uint64_t)shape.dims[1] * (uint64_t)shape.dims[2] * (uint64_t)shape.dims[3];
    float *values = malloc((size_t)count * sizeof *values);
    if (!values) {
        return fail(FAILED, HAYA_ERROR_MEMORY, "%s: no memory to convert it", file);
    }
    picture_error error;
    void *data = NULL;
    if (picture_to_input(p, &wanted, values, &error) != PICTURE_OK) {
        status = fail_picture(&error);
    } else {
        npy_array array = {.path = file, .type = number_type_of(HAYA_FLOAT32), .shape = shape, .count = count,
                           .data = (unsigned char *)values};
        status = npy_convert(&array, input->dtype, input->name, &data);
    }
    if (status == DONE) {
        *tensor = haya_tensor_dense(input->dtype, shape, data);
    }
    free(values);
    return status;
}

exit_status picture_file_read(FILE *from, const char *file, const haya_value *input, const picture_options *options,
                              haya_tensor *tensor, picture *kept) {
    picture_error error;
    if (picture_read_stream(from, file, NULL, kept, &error) != PICTURE_OK) {
        return fail_picture(&error);
    }
    return convert(file, input, options, kept, tensor);
}

/* ---- Outputs ------------------------------------------------------------------------------------------------- */

bool is_map(const haya_shape *shape) {
    bool fits = shape->rank == 2 || (shape->rank == 3 && shape->dims[0] == 1) ||
                (shape->rank == 4 && shape->dims[0] == 1 && shape->dims[3] == 1);
    for (int i = 0; fits && i < shape->rank; i++) {
        fits = shape->dims[i] >= 1 && shape->dims[i] <= 65536;
    }
    return fits;
}

exit_status map_of(const haya_tensor *tensor, const char *name, picture_map *map) {
    int first = tensor->shape.rank == 2 ? 0 : 1;
    *map = (picture_map){(int)tensor->shape.dims[first + 1], (int)tensor->shape.dims[first], NULL};
    size_t count = (size_t)map->width * (size_t)map->height, size = haya_dtype_size(tensor->dtype);
    float *values = malloc(count * sizeof *values);
    if (!values) {
        return fail(FAILED, HAYA_ERROR_MEMORY, "no memory for the map of output '%s'", name);
    }
    const unsigned char *from = tensor->data;
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)number_as_double(number_load(from + i * size, number_type_of(tensor->dtype)));
    }
    map->values = values;
    return DONE;
}

bool map_write_png(FILE *to, const picture_map *map, int bits, size_t *outside) {
    size_t count = (size_t)map->width * (size_t)map->height;
    uint16_t *wide = malloc(count * sizeof *wide);
    if (!wide) {
        errno = ENOMEM;
        return false;
    }
    uint8_t *bytes = (uint8_t *)wide;
    float white = bits == 8 ? 255.0f : 65535.0f;
    *outside = 0;
    for (size_t i = 0; i < count; i++) {
        float value = map->values[i];
        *outside += !(value >= 0 && value <= 1);
        /* What is not a number becomes white: it must not look like "nothing". */
        value = value < 0 ? 0 : value <= 1 ? value : 1;
        uint16_t sample = (uint16_t)(value * white + 0.5f);
        if (bits == 8) {
            bytes[i] = (uint8_t)sample;
        } else {
            wide[i] = sample;
        }
    }
    bool ok = picture_write_png(to, map->width, map->height, 1, bits, wide);
    int why = errno;
    free(wide);
    errno = why;
    return ok;
}
