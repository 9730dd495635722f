/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* fdopen, getpid, O_CLOEXEC */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct output_file {
    const char *path;
    char *temporary;
    FILE *stream;
    volatile sig_atomic_t pending; /* the temporary file may exist */
} output_file;

/* Set before any file is pending and never freed: a signal handler on any thread may walk it at any time. */
static output_file *volatile files;
static volatile size_t file_count;

static exit_status create(output_file *file, const char *path, size_t index) {
    size_t size = strlen(path) + 64;
    file->path = path;
    file->temporary = allocate(size, 1);
    snprintf(file->temporary, size, "%s.%ld-%zu.tmp", path, (long)getpid(), index);
    file->pending = 1;
    int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    file->stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file->stream) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        } else {
            file->pending = 0;
        }
        return fail(FAILED, HAYA_ERROR_IO, "%s cannot be written: %s", path, strerror(why));
    }
    return DONE;
}

exit_status output_files_begin(const char *const *paths, size_t count) {
    output_file *created = allocate(count, sizeof *created);
    files = created;
    file_count = count;
    for (size_t i = 0; i < count; i++) {
        exit_status status = create(&created[i], paths[i], i);
        if (status != DONE) {
            return status;
        }
    }
    return DONE;
}

FILE *output_file_stream(size_t index) {
    return files[index].stream;
}

exit_status output_file_finish(size_t index, bool written) {
    output_file *file = &files[index];
    int why = errno;
    if (fclose(file->stream) != 0 && written) {
        why = errno;
        written = false;
    }
    file->stream = NULL;
    if (written && rename(file->temporary, file->path) != 0) {
        why = errno;
        written = false;
    }
    if (!written) {
        return fail(FAILED, HAYA_ERROR_IO, "%s cannot be written: %s", file->path, strerror(why));
    }
    file->pending = 0;
    return DONE;
}

void output_files_discard(void) {
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].pending) {
            unlink(files[i].temporary);
        }
    }
}
