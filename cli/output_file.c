/* SPDX-License-Identifier: Apache-2.0 */
#include "output_file.h"

#include "inspection/whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Set before any file is pending and never freed: a signal handler on any thread may walk it at any time. */
static whole_file *volatile files;
static volatile size_t file_count;

static exit_status fail_to_write(const char *path) {
    return fail(FAILED, HAYA_ERROR_IO, "%s cannot be written: %s", path, strerror(errno));
}

exit_status output_files_begin(const char *const *paths, size_t count) {
    whole_file *created = allocate(count, sizeof *created);
    files = created;
    file_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!whole_file_begin(&created[i], paths[i])) {
            return fail_to_write(paths[i]);
        }
    }
    return DONE;
}

FILE *output_file_stream(size_t index) {
    return files[index].stream;
}

exit_status output_file_finish(size_t index, bool written) {
    return whole_file_finish(&files[index], written) ? DONE : fail_to_write(files[index].path);
}

void output_files_discard(void) {
    for (size_t i = 0; i < file_count; i++) {
        whole_file_discard(&files[i]);
    }
}
