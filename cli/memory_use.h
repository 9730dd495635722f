/* SPDX-License-Identifier: Apache-2.0
 *
 * The process's memory by the kernel's account.
 */
#ifndef CLI_MEMORY_USE_H
#define CLI_MEMORY_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct memory_use {
    /* Pages that are no file's, in memory or swapped out: Anonymous + Swap. Not Private_Dirty, which also counts
       pages of a file that was written a moment ago and is not yet on the disk. */
    uint64_t private_bytes;
    uint64_t mapped_bytes;   /* mappings of the files: Size */
    uint64_t resident_bytes; /* of those, the pages in memory: Rss */
} memory_use;

/* False where /proc/self/smaps is not there. */
bool memory_use_read(const char *const *files, size_t count, memory_use *use);

#endif
