/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory from the caller's host, and arenas for objects that live and die together.
 */
#ifndef HAYA_BASE_MEMORY_H
#define HAYA_BASE_MEMORY_H

#include "base/error.h"

#define HY_CACHE_LINE 64

/* The host with defaults filled in. `host` may be NULL or zero. Fails when only one of the two callbacks is set. */
haya_status hy_host_resolve(const haya_host *host, haya_host *resolved, haya_error *error);

/* At least HY_CACHE_LINE-aligned; NULL when out of memory. size 0 gives a valid pointer. */
void *hy_alloc(const haya_host *host, size_t size);
void hy_free(const haya_host *host, void *memory, size_t size); /* memory may be NULL */

void hy_log(const haya_host *host, haya_log_level level, const char *format, ...) HY_PRINTF(3, 4);

/* An arena gives zeroed memory in order and frees it all at once. Not thread-safe. */
typedef struct hy_arena {
    haya_host host;               /* resolved */
    struct hy_arena_block *blocks;
    size_t total;                 /* bytes taken from the host */
} hy_arena;

void hy_arena_init(hy_arena *arena, const haya_host *resolved_host);
void hy_arena_free(hy_arena *arena); /* leaves it initialised and empty */

/* count * size zeroed bytes, 16-byte aligned; NULL when out of memory or when the product overflows. */
void *hy_arena_alloc(hy_arena *arena, size_t count, size_t size);
char *hy_arena_string(hy_arena *arena, const char *bytes, size_t length); /* a terminated copy */
char *hy_arena_printf(hy_arena *arena, const char *format, ...) HY_PRINTF(2, 3);

#define HY_ARENA_NEW(arena, type, count) ((type *)hy_arena_alloc((arena), (count), sizeof(type)))

/* The status to return when any of the above gave NULL. */
haya_status hy_out_of_memory(haya_error *error, const char *what);

#endif
