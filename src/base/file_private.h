/* SPDX-License-Identifier: Apache-2.0
 *
 * What file.c (objects, memory) and file_posix.c (the operating system) share.
 */
#ifndef HAYA_BASE_FILE_PRIVATE_H
#define HAYA_BASE_FILE_PRIVATE_H

#include <stdatomic.h>

#include "base/fault.h"
#include "base/file.h"

typedef enum hy_file_kind { HY_FILE_BORROWED, HY_FILE_COPIED, HY_FILE_MAPPED } hy_file_kind;

/* What tells whether a file is the same and unmodified. */
typedef struct hy_file_stamp {
    uint64_t device, inode, size;
    int64_t modified_seconds, modified_nanoseconds;
    int64_t changed_seconds, changed_nanoseconds;
} hy_file_stamp;

struct hy_file {
    hy_arena arena; /* holds the object itself and its strings */
    atomic_size_t references;
    hy_file_kind kind;
    const char *path;
    const uint8_t *data;
    size_t size;

    void (*release)(void *); /* HY_FILE_BORROWED */
    void *user;

    const char *watched_path; /* HY_FILE_MAPPED: where hy_file_check looks for the inode */
    hy_file_stamp stamp;
    hy_fault_entry *fault;
};

/* An object of no data yet, with one reference; NULL when out of memory. */
hy_file *hy_file_new(const char *path, hy_file_kind kind, const haya_host *resolved_host);

/* Undoes the mapping. */
void hy_file_unmap(hy_file *file);

#endif
