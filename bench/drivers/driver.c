/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* clock_gettime, getline, dup2 */
#include "driver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *answers;
static char failure[600];

static struct {
    peer_model **items;
    size_t count;
    size_t capacity;
} models;

/* ---- What drivers use ----------------------------------------------------------------------------------------- */

void driver_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
}

void driver_answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputc('{', answers);
    vfprintf(answers, format, arguments);
    fputs("}\n", answers);
    fflush(answers);
    va_end(arguments);
}

double driver_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void *driver_read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long length = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        data = malloc((size_t)length + 1);
    }
    if (data && fread(data, 1, (size_t)length, file) != (size_t)length) {
        free(data);
        data = NULL;
    }
    if (!data) {
        driver_fail("%s: %s", path, errno ? strerror(errno) : "cannot be read");
    }
    if (file) {
        fclose(file);
    }
    *size = data ? (size_t)length : 0;
    return data;
}

/* ---- Commands ------------------------------------------------------------------------------------------------- */

static void answer_failure(void) {
    for (char *c = failure; *c; c++) {
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') {
            *c = '\'';
        }
    }
    driver_answer("\"error\": \"%s\"", failure[0] ? failure : "failed without a reason");
}

static void load(const char *path) {
    double start = driver_now_ms();
    peer_model *model = peer_create(path);
    double created = driver_now_ms();
    if (!model || !peer_run(model)) {
        answer_failure();
        if (model) {
            peer_free(model);
        }
        return;
    }
    double ran = driver_now_ms();
    if (models.count == models.capacity) {
        models.capacity = models.capacity ? 2 * models.capacity : 16;
        models.items = realloc(models.items, models.capacity * sizeof *models.items);
        if (!models.items) {
            abort();
        }
    }
    models.items[models.count++] = model;
    driver_answer("\"create_ms\": %.6f, \"first_ms\": %.6f", created - start, ran - created);
}

/* Runs the models of those numbers; the last that ran is returned, NULL on failure. */
static peer_model *run(char *numbers) {
    size_t count = 0, capacity = strlen(numbers) / 2 + 1;
    double *times = calloc(capacity, sizeof *times);
    peer_model *model = NULL;
    for (char *word = strtok(numbers, " "); word && times; word = strtok(NULL, " ")) {
        size_t index = strtoul(word, NULL, 10);
        if (index >= models.count) {
            driver_fail("there is no model %s", word);
            model = NULL;
            break;
        }
        model = models.items[index];
        double start = driver_now_ms();
        if (!peer_run(model)) {
            model = NULL;
            break;
        }
        times[count++] = driver_now_ms() - start;
    }
    if (model) {
        fputs("{\"run_ms\": [", answers);
        for (size_t i = 0; i < count; i++) {
            fprintf(answers, "%s%.6f", i > 0 ? ", " : "", times[i]);
        }
        fputs("]}\n", answers);
        fflush(answers);
    } else {
        answer_failure();
    }
    free(times);
    return model;
}

static void write_output(peer_model *model, const char *path) {
    size_t count = 0;
    const float *data = peer_output(model, &count);
    FILE *file = fopen(path, "wb");
    bool ok = file && data && fwrite(data, sizeof *data, count, file) == count;
    if (file && fclose(file) != 0) {
        ok = false;
    }
    if (!ok) {
        driver_fail("%s: the output cannot be written", path);
        answer_failure();
        return;
    }
    driver_answer("%s", "");
}

static void obey(char *line, peer_model **last) {
    line[strcspn(line, "\n")] = '\0';
    char *rest = strchr(line, ' ');
    if (rest) {
        *rest++ = '\0';
    } else {
        rest = line + strlen(line);
    }
    failure[0] = '\0';
    if (strcmp(line, "load") == 0) {
        load(rest);
        *last = models.count > 0 ? models.items[models.count - 1] : NULL;
    } else if (strcmp(line, "unload") == 0 && models.count > 0) {
        peer_free(models.items[--models.count]);
        *last = NULL;
        driver_answer("%s", "");
    } else if (strcmp(line, "run") == 0) {
        *last = run(rest);
    } else if (strcmp(line, "output") == 0 && *last) {
        write_output(*last, rest);
    } else if (!peer_command(line, rest)) {
        if (failure[0] == '\0') {
            driver_fail("'%s' is no command, or cannot be obeyed now", line);
        }
        answer_failure();
    }
}

static bool read_input(char **argv, driver_input *input) {
    input->data = driver_read_file(argv[2], &input->bytes);
    for (char *dim = strtok(argv[3], "x"); dim && input->rank < DRIVER_MAX_RANK; dim = strtok(NULL, "x")) {
        input->dims[input->rank++] = strtoll(dim, NULL, 10);
    }
    return input->data;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s THREADS INPUT SHAPE [OPTION]...; see driver.py\n", argv[0]);
        return 2;
    }
    /* Libraries print; what they print must not get between the answers. */
    answers = fdopen(dup(1), "w");
    dup2(2, 1);
    driver_input input = {0};
    const char *version = "", *settings = "";
    if (!answers || !read_input(argv, &input) ||
        !peer_start((int)strtol(argv[1], NULL, 10), &input, argv + 4, &version, &settings)) {
        answer_failure();
        return 1;
    }
    driver_answer("\"version\": \"%s\", \"settings\": \"%s\"", version, settings);
    char *line = NULL;
    size_t capacity = 0;
    peer_model *last = NULL;
    while (getline(&line, &capacity, stdin) > 0 && strncmp(line, "quit", 4) != 0) {
        obey(line, &last);
    }
    free(line);
    while (models.count > 0) {
        peer_free(models.items[--models.count]);
    }
    free(models.items);
    free(input.data);
    return 0;
}
