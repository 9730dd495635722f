/* SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An array of numbers has a header of a hundred bytes or so; one that is longer has fields to no end. */
enum { NPY_MAX_HEADER = 65536, NPY_ALIGNMENT = 64 };

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static exit_status damaged(const char *path, const char *what) {
    return fail(INPUT_UNUSABLE, HAYA_ERROR_FORMAT, "%s: %s", path, what);
}

/* ---- The header: a Python literal, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } --------------- */

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
}

static bool take(cursor *c, const char *token) {
    skip_space(c);
    size_t length = strlen(token);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, token, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

static bool take_string(cursor *c, char *to, size_t size) {
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) {
        return false;
    }
    char quote = *c->at++;
    const char *end = memchr(c->at, quote, (size_t)(c->end - c->at));
    if (!end || (size_t)(end - c->at) >= size || memchr(c->at, '\\', (size_t)(end - c->at))) {
        return false;
    }
    memcpy(to, c->at, (size_t)(end - c->at));
    to[end - c->at] = '\0';
    c->at = end + 1;
    return true;
}

static bool take_dimension(cursor *c, int64_t *dim) {
    skip_space(c);
    const char *start = c->at;
    int64_t value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        int digit = *c->at++ - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
    }
    *dim = value;
    bool any = c->at > start;
    take(c, "L"); /* long integers of Python 2 */
    return any;
}

static bool take_shape(cursor *c, haya_shape *shape) {
    shape->rank = 0;
    if (!take(c, "(")) {
        return false;
    }
    while (!take(c, ")")) {
        if (shape->rank == HAYA_MAX_RANK || !take_dimension(c, &shape->dims[shape->rank])) {
            return false;
        }
        shape->rank++;
        if (!take(c, ",")) {
            return take(c, ")");
        }
    }
    return true;
}

typedef struct header {
    char descr[32];
    bool fortran_order;
    haya_shape shape;
    bool have_descr, have_order, have_shape;
} header;

/* What is wrong with the header, or NULL. */
static const char *parse_field(cursor *c, header *h) {
    char key[32];
    if (!take_string(c, key, sizeof key) || !take(c, ":")) {
        return "the header is damaged";
    }
    if (strcmp(key, "descr") == 0 && !h->have_descr) {
        h->have_descr = true;
        if (take(c, "[") || take(c, "(")) {
            return "it holds structured records; only arrays of plain numbers can be read";
        }
        return take_string(c, h->descr, sizeof h->descr) ? NULL : "the header's type is damaged";
    }
    if (strcmp(key, "fortran_order") == 0 && !h->have_order) {
        h->have_order = true;
        h->fortran_order = take(c, "True");
        return h->fortran_order || take(c, "False") ? NULL : "the header's order is damaged";
    }
    if (strcmp(key, "shape") == 0 && !h->have_shape) {
        h->have_shape = true;
        return take_shape(c, &h->shape) ? NULL : "the header's shape is damaged or has more than 8 dimensions";
    }
    return "the header is damaged";
}

static const char *parse_header(const char *text, size_t size, header *h) {
    cursor c = {text, text + size};
    if (!take(&c, "{")) {
        return "the header is damaged";
    }
    while (!take(&c, "}")) {
        const char *wrong = parse_field(&c, h);
        if (wrong) {
            return wrong;
        }
        if (!take(&c, ",")) {
            if (!take(&c, "}")) {
                return "the header is damaged";
            }
            break;
        }
    }
    skip_space(&c);
    return c.at == c.end && h->have_descr && h->have_order && h->have_shape ? NULL : "the header is damaged";
}

static const char *parse_type(const char *descr, npy_array *array) {
    static const struct {
        char kind;
        const char *sizes;
        number_kind number;
    } kinds[] = {{'b', "1", NUMBER_BOOL},
                 {'i', "1248", NUMBER_SIGNED},
                 {'u', "1248", NUMBER_UNSIGNED},
                 {'f', "248", NUMBER_FLOAT}};
    char order = descr[0];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(descr) == 3 && descr[1] == kinds[i].kind && strchr(kinds[i].sizes, descr[2])) {
            size_t size = (size_t)(descr[2] - '0');
            if (order != '<' && order != '>' && order != '=' && !(order == '|' && size == 1)) {
                break;
            }
            array->type = (number_type){kinds[i].number, size,
                                        order == '>' || (order == '=' && host_is_big_endian())};
            snprintf(array->type_name, sizeof array->type_name, "%s", descr);
            return NULL;
        }
    }
    return "is not bool, int8 to int64, uint8 to uint64, float16, float32 or float64";
}

static exit_status check_header(const char *text, size_t size, npy_array *array) {
    header h = {0};
    const char *wrong = parse_header(text, size, &h);
    if (wrong) {
        return damaged(array->path, wrong);
    }
    wrong = parse_type(h.descr, array);
    if (wrong) {
        return fail(INPUT_UNUSABLE, HAYA_ERROR_FORMAT, "%s: its type '%s' %s", array->path, h.descr, wrong);
    }
    if (h.fortran_order) {
        return damaged(array->path, "it is in Fortran order; save numpy.ascontiguousarray of the array");
    }
    array->shape = h.shape;
    array->count = 1;
    for (int32_t i = 0; i < h.shape.rank; i++) {
        uint64_t dim = (uint64_t)h.shape.dims[i];
        if (dim > 0 && array->count > (uint64_t)INT64_MAX / 8 / dim) {
            return damaged(array->path, "the header's shape is impossibly large");
        }
        array->count *= dim;
    }
    return DONE;
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

static exit_status short_read(FILE *file, const char *path, const char *what) {
    return ferror(file) ? fail(INPUT_UNUSABLE, HAYA_ERROR_IO, "%s cannot be read: %s", path, strerror(errno))
                        : damaged(path, what);
}

static exit_status read_header(FILE *file, npy_array *array) {
    unsigned char start[12];
    if (fread(start, 1, 10, file) != 10 || memcmp(start, magic, sizeof magic) != 0) {
        return short_read(file, array->path, "it is not a .npy file, nor a PNG, JPEG, TIFF or BMP picture");
    }
    size_t size = start[8] | (size_t)start[9] << 8;
    if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
        return fail(INPUT_UNUSABLE, HAYA_ERROR_FORMAT, "%s: its .npy version %d.%d is none of 1.0, 2.0 and 3.0",
                    array->path, start[6], start[7]);
    }
    if (start[6] > 1) {
        if (fread(start + 10, 1, 2, file) != 2) {
            return short_read(file, array->path, "the header is cut off");
        }
        size |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (size > NPY_MAX_HEADER) {
        return damaged(array->path, "the header is longer than any array of plain numbers has");
    }
    char *text = allocate(size, 1);
    bool whole = fread(text, 1, size, file) == size;
    exit_status status = whole ? check_header(text, size, array)
                               : short_read(file, array->path, "the header is cut off");
    free(text);
    return status;
}

/* The size that a header claims is believed only as far as the data come: the room grows with them. */
static exit_status read_data(FILE *file, npy_array *array) {
    uint64_t size = array->count * array->type.size;
    uint64_t have = 0, capacity = size < (16 << 20) ? size : 16 << 20;
    for (;;) {
        unsigned char *data = realloc(array->data, capacity ? (size_t)capacity : 1);
        if (!data) {
            return fail(FAILED, HAYA_ERROR_MEMORY, "%s: no memory for its %" PRIu64 " bytes", array->path, size);
        }
        array->data = data;
        have += fread(data + have, 1, (size_t)(capacity - have), file);
        if (have < capacity) {
            char what[96];
            snprintf(what, sizeof what, "it is cut off: %" PRIu64 " of %" PRIu64 " bytes of data are there", have,
                     size);
            return short_read(file, array->path, what);
        }
        if (have == size) {
            break;
        }
        capacity = size / 2 < capacity ? size : 2 * capacity;
    }
    bool ended = fgetc(file) == EOF && !ferror(file);
    return ended ? DONE : short_read(file, array->path, "bytes follow after the array's data");
}

exit_status npy_read(FILE *from, const char *path, npy_array *array) {
    *array = (npy_array){.path = path};
    exit_status status = read_header(from, array);
    if (status == DONE) {
        status = read_data(from, array);
    }
    if (status != DONE) {
        npy_free(array);
    }
    return status;
}

void npy_free(npy_array *array) {
    free(array->data);
    array->data = NULL;
}

exit_status npy_convert(const npy_array *array, haya_dtype dtype, const char *reader, void **data) {
    size_t size = haya_dtype_size(dtype);
    unsigned char *to = calloc(array->count ? (size_t)array->count : 1, size);
    if (!to) {
        return fail(FAILED, HAYA_ERROR_MEMORY, "%s: no memory to convert it", array->path);
    }
    number_type same = number_type_of(dtype);
    if (same.kind == array->type.kind && same.size == array->type.size &&
        (same.size == 1 || same.big_endian == array->type.big_endian) && same.kind != NUMBER_BOOL) {
        memcpy(to, array->data, (size_t)array->count * size);
        *data = to;
        return DONE;
    }
    for (uint64_t i = 0; i < array->count; i++) {
        number n = number_load(array->data + i * array->type.size, array->type);
        if (!number_store(n, dtype, to + i * size)) {
            free(to);
            return fail(INPUT_UNUSABLE, HAYA_ERROR_VALUE,
                        "%s: element %" PRIu64 " is %.9g, which input '%s' of type %s cannot hold", array->path, i,
                        number_as_double(n), reader, haya_dtype_name(dtype));
        }
    }
    *data = to;
    return DONE;
}

/* ---- Writing ------------------------------------------------------------------------------------------------- */

static bool write_header(FILE *to, haya_dtype dtype, const haya_shape *shape) {
    static const char kinds[] = {[NUMBER_BOOL] = 'b', [NUMBER_SIGNED] = 'i', [NUMBER_UNSIGNED] = 'u',
                                 [NUMBER_FLOAT] = 'f'};
    number_type type = number_type_of(dtype);
    char order = type.size == 1 ? '|' : type.big_endian ? '>' : '<';
    char text[512];
    int used = snprintf(text, sizeof text, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", order,
                        kinds[type.kind], type.size);
    for (int32_t i = 0; i < shape->rank; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, i == 0 ? "%" PRId64 "," : " %" PRId64 ",",
                         shape->dims[i]);
    }
    if (shape->rank > 1) {
        used--; /* only a single dimension keeps its comma, as in Python */
    }
    used += snprintf(text + used, sizeof text - (size_t)used, "), }");
    size_t size = ((size_t)used + 1 + 10 + NPY_ALIGNMENT - 1) / NPY_ALIGNMENT * NPY_ALIGNMENT - 10;
    memset(text + used, ' ', size - (size_t)used);
    text[size - 1] = '\n';
    unsigned char start[10] = {0};
    memcpy(start, magic, sizeof magic);
    start[6] = 1;
    start[8] = (unsigned char)size;
    start[9] = (unsigned char)(size >> 8);
    return fwrite(start, 1, sizeof start, to) == sizeof start && fwrite(text, 1, size, to) == size;
}

bool npy_write(FILE *to, const haya_tensor *tensor) {
    if (tensor->dtype != HAYA_BFLOAT16) {
        return write_header(to, tensor->dtype, &tensor->shape) &&
               fwrite(tensor->data, 1, (size_t)tensor->bytes, to) == tensor->bytes;
    }
    if (!write_header(to, HAYA_FLOAT32, &tensor->shape)) {
        return false;
    }
    const unsigned char *from = tensor->data;
    for (uint64_t i = 0; i < tensor->bytes / 2; i++) {
        float value;
        number_store(number_load(from + 2 * i, number_type_of(HAYA_BFLOAT16)), HAYA_FLOAT32, &value);
        if (fwrite(&value, sizeof value, 1, to) != 1) {
            return false;
        }
    }
    return true;
}
