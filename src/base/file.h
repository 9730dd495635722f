/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a model: a read-only mapping of a file, a private copy, or the caller's memory; and whether the file is
 * still the one that was opened. Reference-counted, thread-safe.
 */
#ifndef HAYA_BASE_FILE_H
#define HAYA_BASE_FILE_H

#include "base/memory.h"

typedef struct hy_file hy_file;

/* Maps `path`, or reads it into private memory. No descriptor stays open. Refuses what is not a regular file, with the
   path in the message; an empty file is HAYA_ERROR_FORMAT. */
haya_status hy_file_open(const char *path, bool read_into_memory, const haya_host *host, hy_file **file,
                         haya_error *error);
/* Whether the path is a folder, and one with a regular file of that name. */
bool hy_is_folder(const char *path);
bool hy_folder_has(const char *path, const char *name);
haya_status hy_file_copy(const void *data, size_t size, const char *name, const haya_host *host, hy_file **file,
                         haya_error *error);
/* On failure `release` has been called. */
haya_status hy_file_borrow(const void *data, size_t size, const char *name, void (*release)(void *), void *user,
                           const haya_host *host, hy_file **file, haya_error *error);
void hy_file_retain(hy_file *file);
void hy_file_release(hy_file *file); /* NULL is fine */

const uint8_t *hy_file_data(const hy_file *file);
size_t hy_file_size(const hy_file *file);
const char *hy_file_path(const hy_file *file);
bool hy_file_is_mapped(const hy_file *file);

/* HAYA_ERROR_FILE_CHANGED when the mapped inode's size or times are no longer those at open, or when a fault was
   patched. The path leading to another inode, or to none, is fine: that is a replacement, and the mapping keeps the
   old file alive. One system call. Always HAYA_OK for memory. */
haya_status hy_file_check(const hy_file *file, haya_error *error);

/* The following are no more than advice, do nothing to memory, and accept any range.

   Reads until `on` is false again are of a few bytes here and there: what lies around them is not worth waiting for. */
void hy_file_read_sparsely(const hy_file *file, bool on);
/* [offset, offset + size) will be read soon: the system begins to fetch it, and the call returns. */
void hy_file_request(const hy_file *file, size_t offset, size_t size);
/* Fetches the range, waits for it, and maps its pages. */
void hy_file_populate(const hy_file *file, size_t offset, size_t size);

/* See haya_handle_fault. Async-signal-safe. */
bool hy_file_patch_fault(const void *address);

#endif
