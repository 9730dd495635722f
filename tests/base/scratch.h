/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory for a test's files, gone when the program ends.
 */
#ifndef HAYA_TESTS_SCRATCH_H
#define HAYA_TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char scratch_directory[256];

static int scratch_remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void scratch_remove(void) {
    nftw(scratch_directory, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void scratch_create(void) {
    const char *parent = getenv("TMPDIR");
    snprintf(scratch_directory, sizeof scratch_directory, "%s/haya-test-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(scratch_directory)) {
        perror(scratch_directory);
        exit(1);
    }
    atexit(scratch_remove);
}

/* The path of `name` in the directory; valid for the next 7 calls. */
static const char *scratch_path(const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_directory, name);
    return path;
}

/* Creates the file, or overwrites it in place, with `size` bytes `fill`. */
__attribute__((unused)) static void scratch_fill(const char *path, int fill, size_t size) {
    char block[4096];
    memset(block, fill, sizeof block);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    while (fd >= 0 && size > 0) {
        ssize_t written = write(fd, block, size < sizeof block ? size : sizeof block);
        if (written <= 0)
            break;
        size -= (size_t)written;
    }
    if (fd < 0 || size > 0 || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

/* File times move in steps of the kernel's tick. */
__attribute__((unused)) static void scratch_let_time_pass(void) {
    nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
}

#endif
