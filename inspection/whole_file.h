/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears under its name only when complete: it is written beside its place and renamed at the end.
 */
#ifndef HAYA_INSPECTION_WHOLE_FILE_H
#define HAYA_INSPECTION_WHOLE_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Zeroed before whole_file_begin. */
typedef struct whole_file {
    const char *path;              /* must live as long as this */
    char *temporary;
    FILE *stream;                  /* to write to */
    volatile sig_atomic_t pending; /* the temporary file may exist */
} whole_file;

/* Creates the temporary file. On failure errno says why. */
bool whole_file_begin(whole_file *file, const char *path);

/* Closes the file and moves it to its place; `written`: whether writing it went well, errno telling why not. On
   failure errno says why, and the temporary file is gone. */
bool whole_file_finish(whole_file *file, bool written);

/* Removes the temporary file if there is one. Async-signal-safe: it frees nothing. */
void whole_file_discard(const whole_file *file);

/* For a file that is finished, discarded, or never begun. */
void whole_file_free(whole_file *file);

#endif
