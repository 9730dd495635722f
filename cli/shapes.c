/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes.h"

#include "print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *tensor_name(const char *name, size_t length) {
    if (length > 2 && memcmp(name + length - 2, ":0", 2) == 0) {
        length -= 2;
    }
    char *copy = allocate(length + 1, 1);
    memcpy(copy, name, length);
    return copy;
}

const char *split_name(const char *value, char **name) {
    const char *equals = strchr(value, '=');
    *name = equals ? tensor_name(value, (size_t)(equals - value)) : NULL;
    return equals ? equals + 1 : value;
}

static bool parse_dims(const char *text, haya_shape *shape) {
    shape->rank = 0;
    if (strcmp(text, "") == 0) {
        return true; /* a scalar */
    }
    for (;;) {
        char *end;
        errno = 0;
        long long dim = strtoll(text, &end, 10);
        if (end == text || errno != 0 || dim < 1 || shape->rank == HAYA_MAX_RANK) {
            return false;
        }
        shape->dims[shape->rank++] = dim;
        if (*end != ',') {
            return *end == '\0';
        }
        text = end + 1;
    }
}

exit_status given_shapes_add(given_shapes *given, const arguments *args) {
    if (!given->items) {
        given->items = allocate((size_t)args->argc, sizeof *given->items);
    }
    given_shape *item = &given->items[given->count++];
    const char *dims = split_name(args->value, &item->name);
    if (!parse_dims(dims, &item->shape)) {
        return wrong_usage(args, "'%s' is not a shape such as input=1,256,256,1", args->value);
    }
    return DONE;
}

void given_shapes_free(given_shapes *given) {
    for (size_t i = 0; i < given->count; i++) {
        free(given->items[i].name);
    }
    free(given->items);
    *given = (given_shapes){0};
}

/* --shape by the input's name, else the next one without a name. */
static given_shape *find_shape(given_shapes *given, const char *name, size_t *unnamed) {
    for (size_t i = 0; i < given->count; i++) {
        if (given->items[i].name && strcmp(given->items[i].name, name) == 0) {
            return &given->items[i];
        }
    }
    for (; *unnamed < given->count; ++*unnamed) {
        if (!given->items[*unnamed].name) {
            return &given->items[(*unnamed)++];
        }
    }
    return NULL;
}

haya_shape *complete_shapes(given_shapes *given, const haya_program *program, int64_t batch, int64_t *open) {
    haya_program_info info;
    haya_program_get_info(program, &info);
    haya_shape *shapes = allocate(info.input_count, sizeof *shapes);
    size_t unnamed = 0;
    *open = -1;
    for (size_t i = 0; i < info.input_count; i++) {
        haya_value value;
        haya_program_input(program, i, &value);
        given_shape *item = find_shape(given, value.name, &unnamed);
        shapes[i] = item ? item->shape : value.shape;
        if (item) {
            item->used = true;
            continue;
        }
        if (shapes[i].rank > 0 && shapes[i].dims[0] < 0) {
            shapes[i].dims[0] = batch;
        }
        bool is_open = shapes[i].rank < 0;
        for (int32_t k = 0; k < shapes[i].rank; k++) {
            is_open = is_open || shapes[i].dims[k] < 0;
        }
        if (is_open && *open < 0) {
            *open = (int64_t)i;
        }
    }
    return shapes;
}

exit_status shape_missing(const haya_program *program, int64_t open) {
    haya_value value;
    haya_program_input(program, (size_t)open, &value);
    haya_shape wanted = value.shape;
    if (wanted.rank > 0 && wanted.dims[0] < 0) {
        wanted.dims[0] = 1;
    }
    label dims = text_shape(&wanted);
    dims.s[strcspn(dims.s, "]")] = '\0';
    return fail(WRONG_USAGE, HAYA_ERROR_SHAPE,
                "input '%s' has the open shape %s; give its size as --shape %s=%s with numbers for each ?",
                value.name, text_shape(&value.shape).s, value.name, dims.s + strspn(dims.s, "["));
}

exit_status given_shapes_check_used(const given_shapes *given, const arguments *args) {
    for (size_t i = 0; i < given->count; i++) {
        if (!given->items[i].used) {
            return given->items[i].name ? wrong_usage(args, "no model has an input '%s'", given->items[i].name)
                                        : wrong_usage(args, "more shapes are given than there are inputs");
        }
    }
    return DONE;
}
