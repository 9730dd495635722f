/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* fdopen, getpid, pthread_sigmask, O_CLOEXEC */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS = 10000 };

/* Another thread, or a process before this one that had its number and was killed, may have taken a name. */
static int create(whole_file *file, size_t size) {
    int fd = -1;
    for (int i = 0; i < ATTEMPTS && fd < 0; i++) {
        snprintf(file->temporary, size, "%s.%ld-%d.tmp", file->path, (long)getpid(), i);
        fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) {
            return -1;
        }
    }
    return fd;
}

/* No signal may come between the file and the note that it exists. */
static int create_noted(whole_file *file, size_t size) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int fd = create(file, size), why = errno;
    file->pending = fd >= 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return fd;
}

bool whole_file_begin(whole_file *file, const char *path) {
    size_t size = strlen(path) + 64;
    *file = (whole_file){.path = path, .temporary = malloc(size)};
    if (!file->temporary) {
        errno = ENOMEM;
        return false;
    }
    int fd = create_noted(file, size);
    file->stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file->stream) {
        return true;
    }
    int why = errno;
    if (fd >= 0) {
        close(fd);
        unlink(file->temporary);
    }
    file->pending = 0;
    whole_file_free(file);
    errno = why;
    return false;
}

bool whole_file_finish(whole_file *file, bool written) {
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
        unlink(file->temporary);
    }
    file->pending = 0;
    errno = why;
    return written;
}

void whole_file_discard(const whole_file *file) {
    if (file->pending) {
        unlink(file->temporary);
    }
}

void whole_file_free(whole_file *file) {
    free(file->temporary);
    file->temporary = NULL;
}
