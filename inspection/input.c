/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include "fail.h"
#include "number.h"

#include <inttypes.h>
#include <stdlib.h>

haya_status input_shape(const settings_input *how, const haya_value *input, int width, int height, int channels,
                        const char *name, haya_shape *shape, haya_error *error) {
    const int64_t own[4] = {1, height, width, channels};
    bool fits = input->shape.rank < 0 || input->shape.rank == 4;
    *shape = (haya_shape){.rank = 4};
    for (int i = 0; i < 4; i++) {
        int64_t wanted = input->shape.rank == 4 ? input->shape.dims[i] : -1;
        shape->dims[i] = wanted >= 0 ? wanted : own[i];
        int64_t most = i == 0 ? 1 : i == 3 ? 4096 : 65536;
        fits = fits && shape->dims[i] >= 1 && shape->dims[i] <= most;
    }
    if (!fits) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "%s: a picture does not fit input '%s' of shape %s, but [1,height,width,channels]",
                               name, input->name, inspection_shape(&input->shape).s);
    }
    if (!how->stretch && (shape->dims[1] != height || shape->dims[2] != width)) {
        return inspection_fail(error, HAYA_ERROR_SHAPE,
                               "%s: it is %dx%d, input '%s' takes %" PRId64 "x%" PRId64
                               ", and the model's settings say that pictures are not resized",
                               name, width, height, input->name, shape->dims[2], shape->dims[1]);
    }
    for (int i = 1; i < 3 && shape->dims[3] != 3; i++) {
        if (how->mean[i] != how->mean[0] || how->deviation[i] != how->deviation[0]) {
            return inspection_fail(error, HAYA_ERROR_SHAPE,
                                   "%s: input '%s' has %" PRId64 " channel%s, and the model's settings have mean "
                                   "and standard deviation for three",
                                   name, input->name, shape->dims[3], shape->dims[3] == 1 ? "" : "s");
        }
    }
    return HAYA_OK;
}

/* The values in the input's type; float32 is what they are. */
static haya_status convert(float *values, uint64_t count, const haya_value *input, const char *name, void **data,
                           haya_error *error) {
    if (input->dtype == HAYA_FLOAT32) {
        *data = values;
        return HAYA_OK;
    }
    size_t size = haya_dtype_size(input->dtype);
    unsigned char *to = malloc((size_t)count * size);
    haya_status status = to ? HAYA_OK
                            : inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to convert it", name);
    number_type from = number_type_of(HAYA_FLOAT32);
    for (uint64_t i = 0; i < count && status == HAYA_OK; i++) {
        if (!number_store(number_load((unsigned char *)(values + i), from), input->dtype, to + i * size)) {
            status = inspection_fail(error, HAYA_ERROR_VALUE,
                                     "%s: element %" PRIu64 " is %.9g, which input '%s' of type %s cannot hold",
                                     name, i, (double)values[i], input->name, haya_dtype_name(input->dtype));
        }
    }
    free(values);
    if (status != HAYA_OK) {
        free(to);
        return status;
    }
    *data = to;
    return HAYA_OK;
}

haya_status input_from_picture(const settings_input *how, const haya_value *input, const picture *p,
                               const char *name, haya_tensor *tensor, haya_error *error) {
    haya_shape shape;
    haya_status status = input_shape(how, input, p->width, p->height, p->channels, name, &shape, error);
    if (status != HAYA_OK) {
        return status;
    }
    picture_input wanted = {.width = (int)shape.dims[2], .height = (int)shape.dims[1],
                            .channels = (int)shape.dims[3], .white = (float)how->white, .bgr = how->bgr,
                            .grey = how->grey};
    for (int i = 0; i < 3; i++) {
        wanted.mean[i] = (float)how->mean[i];
        wanted.deviation[i] = (float)how->deviation[i];
    }
    uint64_t count = (uint64_t)shape.dims[1] * (uint64_t)shape.dims[2] * (uint64_t)shape.dims[3];
    float *values = malloc((size_t)count * sizeof *values);
    if (!values) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: no memory to convert it", name);
    }
    picture_error why;
    if (picture_to_input(p, &wanted, values, &why) != PICTURE_OK) {
        free(values);
        return inspection_fail_picture(error, &why);
    }
    void *data;
    status = convert(values, count, input, name, &data, error);
    if (status == HAYA_OK) {
        *tensor = haya_tensor_dense(input->dtype, shape, data);
    }
    return status;
}
