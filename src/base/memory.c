/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "base/sanitizer.h"

#if HY_ADDRESS_SANITIZER
#  include <sanitizer/asan_interface.h>
#endif

/* ---- The host --------------------------------------------------------------------------------------------- */

static void *default_allocate(void *user, size_t size, size_t alignment) {
    (void)user;
    return hy_machine_allocate(size, alignment);
}

static void default_release(void *user, void *memory, size_t size) {
    (void)user;
    (void)size;
    hy_machine_release(memory);
}

haya_status hy_host_resolve(const haya_host *host, haya_host *resolved, haya_error *error) {
    haya_host made = {.struct_size = sizeof made, .allocate = default_allocate, .release = default_release};
    if (host) {
        bool is_set = host->allocate || host->release || host->log;
        if (is_set && host->struct_size < sizeof *host)
            return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_host.struct_size is %u, expected %zu",
                           host->struct_size, sizeof *host);
        if (!host->allocate != !host->release)
            return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL,
                           "haya_host has only one of allocate and release; set both or neither");
        if (host->allocate) {
            made.allocate = host->allocate;
            made.release = host->release;
        }
        made.log = host->log;
        made.user = host->user;
    }
    *resolved = made;
    return HAYA_OK;
}

void *hy_alloc(const haya_host *host, size_t size) {
    if (size == 0)
        size = 1;
    if (size > PTRDIFF_MAX)
        return NULL;
    void *memory = host->allocate(host->user, size, HY_CACHE_LINE);
    if ((uintptr_t)memory % HY_CACHE_LINE != 0) {
        /* Kernels rely on the alignment: better no memory than a crash far from its cause. */
        hy_log(host, HAYA_LOG_WARNING, "haya_host.allocate returned memory that is not aligned to %d bytes",
               HY_CACHE_LINE);
        host->release(host->user, memory, size);
        return NULL;
    }
    return memory;
}

void hy_free(const haya_host *host, void *memory, size_t size) {
    if (memory)
        host->release(host->user, memory, size ? size : 1);
}

void hy_log(const haya_host *host, haya_log_level level, const char *format, ...) {
    if (!host->log)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    hy_text_format(text, sizeof text, format, arguments);
    va_end(arguments);
    host->log(host->user, level, text);
}

haya_status hy_out_of_memory(haya_error *error, const char *what) {
    return hy_fail(error, HAYA_ERROR_MEMORY, NULL, "out of memory for %s", what);
}

/* ---- Arenas ----------------------------------------------------------------------------------------------- */

#define ARENA_ALIGNMENT 16
#define FIRST_BLOCK ((size_t)4 << 10)
#define LARGEST_BLOCK ((size_t)256 << 10)

/* Blocks grow with the arena, so that a small object costs little and a large one few blocks. The first of the list
   is the one being filled. */
struct hy_arena_block {
    struct hy_arena_block *next;
    size_t size; /* all of it, this header included */
    size_t used;
};

#define HEADER ((sizeof(struct hy_arena_block) + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT)

/* The address sanitizer sees the host's blocks only. Telling it what of them was given out lets it find accesses
   beyond an object here too. */
#if HY_ADDRESS_SANITIZER
#  define GAP ((size_t)ARENA_ALIGNMENT)
static void forbid(void *memory, size_t bytes) {
    __asan_poison_memory_region(memory, bytes);
}
static void allow(void *memory, size_t bytes) {
    __asan_unpoison_memory_region(memory, bytes);
}
#else
#  define GAP ((size_t)0)
static void forbid(void *memory, size_t bytes) {
    (void)memory;
    (void)bytes;
}
static void allow(void *memory, size_t bytes) {
    (void)memory;
    (void)bytes;
}
#endif

void hy_arena_init(hy_arena *arena, const haya_host *resolved_host) {
    arena->host = *resolved_host;
    arena->blocks = NULL;
    arena->total = 0;
}

void hy_arena_free(hy_arena *arena) {
    struct hy_arena_block *block = arena->blocks;
    while (block) {
        struct hy_arena_block *next = block->next;
        allow(block, block->size);
        hy_free(&arena->host, block, block->size);
        block = next;
    }
    arena->blocks = NULL;
    arena->total = 0;
}

/* Puts a block at the head of the list, or behind the head, which then stays the one to fill. */
static struct hy_arena_block *add_block(hy_arena *arena, size_t size, bool behind_head) {
    struct hy_arena_block *block = hy_alloc(&arena->host, size);
    if (!block)
        return NULL;
    struct hy_arena_block **place = behind_head && arena->blocks ? &arena->blocks->next : &arena->blocks;
    block->next = *place;
    block->size = size;
    block->used = HEADER;
    *place = block;
    arena->total += size;
    forbid((uint8_t *)block + HEADER, size - HEADER);
    return block;
}

static struct hy_arena_block *block_with_room(hy_arena *arena, size_t bytes) {
    struct hy_arena_block *head = arena->blocks;
    if (head && head->size - head->used >= bytes)
        return head;
    size_t usual = arena->total;
    if (usual < FIRST_BLOCK)
        usual = FIRST_BLOCK;
    if (usual > LARGEST_BLOCK)
        usual = LARGEST_BLOCK;
    if (bytes > usual / 4) /* a block of its own wastes nothing of the current one */
        return add_block(arena, HEADER + bytes, true);
    return add_block(arena, usual, false);
}

void *hy_arena_alloc(hy_arena *arena, size_t count, size_t size) {
    size_t limit = PTRDIFF_MAX - HEADER - 2 * ARENA_ALIGNMENT;
    if (size != 0 && count > limit / size)
        return NULL;
    size_t bytes = count * size;
    if (bytes == 0)
        bytes = 1;
    size_t taken = (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT + GAP;
    struct hy_arena_block *block = block_with_room(arena, taken);
    if (!block)
        return NULL;
    void *memory = (uint8_t *)block + block->used;
    block->used += taken;
    allow(memory, bytes);
    return memset(memory, 0, bytes);
}

char *hy_arena_string(hy_arena *arena, const char *bytes, size_t length) {
    if (length >= PTRDIFF_MAX)
        return NULL;
    char *string = hy_arena_alloc(arena, length + 1, 1);
    if (string && length)
        memcpy(string, bytes, length);
    return string;
}

char *hy_arena_printf(hy_arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return NULL;
    char *string = hy_arena_alloc(arena, (size_t)length + 1, 1);
    if (!string)
        return NULL;
    va_start(arguments, format);
    vsnprintf(string, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return string;
}
