/* SPDX-License-Identifier: Apache-2.0
 *
 * What the drivers in C share: the protocol that driver.py describes. A driver defines the peer_ functions; driver.c
 * has the main function, reads commands, measures and answers.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIVER_MAX_RANK 8

typedef struct driver_input {
    float *data;
    size_t bytes;
    int64_t dims[DRIVER_MAX_RANK];
    size_t rank;
} driver_input;

typedef struct peer_model peer_model;

/* Once, before anything else. `options` are the arguments behind the input. */
bool peer_start(int threads, const driver_input *input, char **options, const char **version,
                const char **settings);
peer_model *peer_create(const char *path); /* NULL on failure */
bool peer_run(peer_model *model);
const float *peer_output(peer_model *model, size_t *count); /* of the model's last run */
void peer_free(peer_model *model);

/* A command beyond those of the protocol. Answers by driver_answer, or fails; false with no failure set: unknown. */
bool peer_command(const char *command, char *rest);

/* Says why a peer_ function fails; the answer to the command. */
void driver_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the answer to a command: members of a JSON object, "\"open_ms\": 1.5". */
void driver_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Milliseconds of a clock that only goes forward. */
double driver_now_ms(void);
/* All of a file, or NULL after driver_fail. */
void *driver_read_file(const char *path, size_t *size);

#endif
