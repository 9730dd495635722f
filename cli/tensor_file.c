/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_file.h"

#include "inspection/fail.h"
#include "npy.h"
#include "print.h"
#include "shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

tensor_file_kind tensor_file_kind_of(const char *file) {
    static const struct {
        const char *end;
        tensor_file_kind kind;
    } kinds[] = {{".npy", FILE_NPY}, {".png", FILE_PNG}, {".tif", FILE_TIFF}, {".tiff", FILE_TIFF}};
    size_t length = strlen(file);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t end = strlen(kinds[i].end);
        if (length >= end && strcmp(file + length - end, kinds[i].end) == 0) {
            return kinds[i].kind;
        }
    }
    return FILE_OTHER;
}

/* What the model calls its next input or output that is not `first`; false where there is none. */
static bool next_value(const haya_model *model, const char *first, bool outputs, size_t *next, haya_value *value) {
    haya_status found;
    do {
        found = outputs ? haya_model_output(model, *next, value) : haya_model_input(model, *next, value);
        *next += found == HAYA_OK;
    } while (found == HAYA_OK && first && strcmp(value->name, first) == 0);
    return found == HAYA_OK;
}

exit_status tensor_files_name(tensor_file *files, size_t count, const haya_model *model, const char *first,
                              bool outputs) {
    const char *what = outputs ? "output" : "input";
    size_t next = 0;
    bool first_is_free = first != NULL;
    for (size_t i = 0; i < count; i++) {
        if (!files[i].name && first_is_free) {
            files[i].name = tensor_name(first, strlen(first));
            first_is_free = false;
        } else if (!files[i].name) {
            haya_value value;
            if (!next_value(model, first, outputs, &next, &value)) {
                return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT,
                            "'%s' is one %s file too many: the model has only %zu %s%s", files[i].file, what, next,
                            what, next == 1 ? "" : "s");
            }
            files[i].name = tensor_name(value.name, strlen(value.name));
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(files[k].name, files[i].name) == 0) {
                return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "two files are given for '%s': '%s' and '%s'",
                            files[i].name, files[k].file, files[i].file);
            }
            if (outputs && strcmp(files[k].file, files[i].file) == 0) {
                return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "'%s' is given for two outputs", files[i].file);
            }
        }
        if (outputs && tensor_file_kind_of(files[i].file) == FILE_OTHER) {
            return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT,
                        "'%s' cannot be written: outputs are .npy, .png and .tif files, and the name must end so",
                        files[i].file);
        }
    }
    return DONE;
}

const char **tensor_file_names(const tensor_file *files, size_t count) {
    const char **names = allocate(count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = files[i].name;
    }
    return names;
}

/* Whether the file's shape, to which a batch dimension is added where it lacks one, fits the input's. */
static bool fit_shape(haya_shape *shape, const haya_shape *wanted) {
    if (wanted->rank < 0) {
        return true;
    }
    if (shape->rank + 1 == wanted->rank) {
        memmove(shape->dims + 1, shape->dims, (size_t)shape->rank * sizeof shape->dims[0]);
        shape->dims[0] = 1;
        shape->rank++;
    }
    bool fits = shape->rank == wanted->rank;
    for (int32_t i = 0; fits && i < shape->rank; i++) {
        fits = wanted->dims[i] < 0 || wanted->dims[i] == shape->dims[i];
    }
    return fits;
}

static exit_status read_npy(FILE *from, const char *file, const haya_value *input, haya_tensor *tensor) {
    npy_array array;
    exit_status status = npy_read(from, file, &array);
    if (status != DONE) {
        return status;
    }
    haya_shape shape = array.shape;
    void *data = NULL;
    if (fit_shape(&shape, &input->shape)) {
        status = npy_convert(&array, input->dtype, input->name, &data);
    } else {
        status = fail(INPUT_UNUSABLE, HAYA_ERROR_SHAPE, "%s: its shape %s does not fit input '%s', which is %s %s",
                      file, text_shape(&array.shape).s, input->name, haya_dtype_name(input->dtype),
                      text_shape(&input->shape).s);
    }
    if (status == DONE) {
        *tensor = haya_tensor_dense(input->dtype, shape, data);
    }
    npy_free(&array);
    return status;
}

static exit_status read_picture(FILE *from, const char *file, picture *kept) {
    haya_error error;
    picture_error why;
    if (picture_read_stream(from, file, NULL, kept, &why) == PICTURE_OK) {
        return DONE;
    }
    inspection_fail_picture(&error, &why);
    return fail_inspection(INPUT_UNUSABLE, &error);
}

exit_status tensor_file_read(const char *file, const haya_value *input, haya_tensor *tensor, picture *kept) {
    FILE *from = fopen(file, "rb");
    if (!from) {
        return fail(INPUT_UNUSABLE, HAYA_ERROR_IO, "%s cannot be opened: %s", file, strerror(errno));
    }
    /* The first byte tells, and may be put back even into a pipe. */
    int first = getc(from);
    ungetc(first, from);
    exit_status status = picture_may_begin_with(first) ? read_picture(from, file, kept)
                                                       : read_npy(from, file, input, tensor);
    fclose(from);
    return status;
}
