/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear under their names only when complete: each is written beside its place and renamed at the end.
 */
#ifndef CLI_OUTPUT_FILE_H
#define CLI_OUTPUT_FILE_H

#include "report.h"

#include <stdio.h>

/* Creates the temporary files, so that a directory that cannot be written to is found before the work is done.
   Called once. */
exit_status output_files_begin(const char *const *paths, size_t count);

FILE *output_file_stream(size_t index);

/* Closes file `index` and moves it to its place; `written`: whether writing it went well, errno telling why not. */
exit_status output_file_finish(size_t index, bool written);

/* Removes the temporary files that are left. Async-signal-safe. */
void output_files_discard(void);

#endif
