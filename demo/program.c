/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *format_text(const char *format, va_list values) {
    va_list again;
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *made = allocate((size_t)(length < 0 ? 0 : length) + 1, 1);
    vsnprintf(made, (size_t)(length < 0 ? 0 : length) + 1, format, values);
    return made;
}

bool fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *sentence = format_text(format, values), *clean = clean_text(sentence);
    va_end(values);
    fprintf(stderr, PROGRAM_NAME ": %s\n", clean);
    free(sentence);
    free(clean);
    return false;
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) {
        fputs(PROGRAM_NAME ": no memory\n", stderr);
        exit(1);
    }
    return memory;
}

char *text(const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *made = format_text(format, values);
    va_end(values);
    return made;
}

/* Names come from files and folders: they must neither steer a terminal nor break a page. */
char *clean_text(const char *string) {
    char *clean = text("%s", string);
    json_t *valid = json_string(string);
    for (char *c = clean; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        *c = byte < ' ' || byte == 127 || (byte > 127 && !valid) ? '?' : *c;
    }
    json_decref(valid);
    return clean;
}

const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

label text_ms(double ms) {
    label made = {"-"};
    if (!isnan(ms)) {
        snprintf(made.s, sizeof made.s, ms < 9.9995 ? "%.3f ms" : "%.1f ms", ms);
    }
    return made;
}

label text_area(double area) {
    label made = {"-"};
    if (!isnan(area)) {
        /* One wrong pair is not perfection. */
        snprintf(made.s, sizeof made.s, "%.3f", area < 1 && area > 0.999 ? 0.999 : area);
    }
    return made;
}

label text_score(double score) {
    label made = {"-"};
    if (!isnan(score)) {
        snprintf(made.s, sizeof made.s, fabs(score) < 100 ? "%.3f" : "%.0f", score);
    }
    return made;
}
