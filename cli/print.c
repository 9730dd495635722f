/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* isatty */
#include "print.h"

#include "inspection/fail.h"
#include "timing.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

label text_shape(const haya_shape *shape) {
    label to;
    snprintf(to.s, sizeof to.s, "%s", inspection_shape(shape).s);
    return to;
}

/* Four digits at most, in the largest unit below the number; powers of 1000. */
static label in_units(double number, const char *const *units) {
    label to;
    while (number >= 999.95 && units[1]) {
        number /= 1000.0;
        units++;
    }
    snprintf(to.s, sizeof to.s, number == floor(number) && number < 1000 ? "%.0f %s" : "%.1f %s", number, *units);
    return to;
}

label text_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", NULL};
    return in_units((double)bytes, units);
}

label text_flops(uint64_t flops) {
    static const char *const units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", NULL};
    return in_units((double)flops, units);
}

label text_count(uint64_t count) {
    char digits[24];
    label to;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            to.s[used++] = ',';
        }
        to.s[used++] = digits[i];
    }
    to.s[used] = '\0';
    return to;
}

label text_ms(double ms) {
    label to;
    snprintf(to.s, sizeof to.s, ms < 10.0 ? "%.3f ms" : "%.1f ms", ms);
    return to;
}

void print_text(FILE *to, const char *string) {
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        fputc(c < 0x20 || c == 0x7f ? '?' : c, to);
    }
}

void table_cell(table *t, const char *format, ...) {
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        char **cells = allocate(capacity, sizeof *cells);
        if (t->count > 0) {
            memcpy(cells, t->cells, t->count * sizeof *cells);
        }
        free(t->cells);
        t->cells = cells;
        t->capacity = capacity;
    }
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    char *cell = allocate(strlen(text) + 1, 1);
    memcpy(cell, text, strlen(text));
    t->cells[t->count++] = cell;
}

static int column_width(const table *t, size_t column) {
    size_t width = 0;
    for (size_t i = column; i < t->count; i += t->columns) {
        size_t length = strlen(t->cells[i]);
        width = length > width ? length : width;
    }
    return (int)width;
}

void table_print(table *t, FILE *to) {
    int *widths = allocate(t->columns, sizeof *widths);
    for (size_t i = 0; i < t->columns; i++) {
        widths[i] = column_width(t, i);
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t column = i % t->columns;
        int padding = widths[column] - (int)strlen(t->cells[i]);
        bool right = t->right >> column & 1;
        bool last = column + 1 == t->columns;
        fprintf(to, "%s%*s", column > 0 ? "  " : "", right ? padding : 0, "");
        print_text(to, t->cells[i]);
        if (last) {
            fputc('\n', to);
        } else {
            fprintf(to, "%*s", right ? 0 : padding, "");
        }
        free(t->cells[i]);
    }
    free(widths);
    free(t->cells);
    *t = (struct table){0};
}

void print_word(word_list *list, FILE *to, const char *word) {
    int length = (int)strlen(word);
    if (list->column == 0) {
        list->column = fprintf(to, "%*s", list->indent, "");
    } else if (list->column + length + 3 > 80) {
        fprintf(to, ",\n%*s", list->indent, "");
        list->column = list->indent;
    } else {
        list->column += fprintf(to, ", ");
    }
    print_text(to, word);
    list->column += length;
}

void end_words(word_list *list, FILE *to) {
    if (list->column > 0) {
        fputc('\n', to);
    }
    list->column = 0;
}

/* ---- Progress ------------------------------------------------------------------------------------------------ */

static bool progress_shown;

void progress(const char *format, ...) {
    static double last;
    double now = clock_ms();
    if (!isatty(STDERR_FILENO) || (progress_shown && now - last < 100.0)) {
        return;
    }
    last = now;
    progress_shown = true;
    va_list values;
    va_start(values, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, values);
    va_end(values);
    fflush(stderr);
}

void progress_clear(void) {
    if (progress_shown) {
        fputs("\r\033[K", stderr);
        progress_shown = false;
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

json_t *json_text(const char *string) {
    json_t *value = json_string(string);
    if (value) {
        return value;
    }
    size_t size = strlen(string) + 1;
    char *ascii = allocate(size, 1);
    for (size_t i = 0; i < size; i++) {
        ascii[i] = (char)((unsigned char)string[i] < 0x80 ? string[i] : '?');
    }
    value = json_string(ascii);
    free(ascii);
    return value;
}

json_t *json_shape(const haya_shape *shape) {
    if (shape->rank < 0) {
        return json_null();
    }
    json_t *dims = json_array();
    for (int32_t i = 0; i < shape->rank && i < HAYA_MAX_RANK; i++) {
        json_array_append_new(dims, shape->dims[i] < 0 ? json_null() : json_integer(shape->dims[i]));
    }
    return dims;
}

json_t *json_ms(double ms) {
    return json_real(round(ms * 1e4) / 1e4);
}

json_t *json_number_or_null(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *json_value(const haya_value *value) {
    return json_pack("{s:o, s:s, s:o}", "name", json_text(value->name), "dtype", haya_dtype_name(value->dtype),
                     "shape", json_shape(&value->shape));
}
