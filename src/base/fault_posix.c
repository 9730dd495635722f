/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "base/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sanitizer.h"

/* A handler may interrupt the very thread that changes an entry. `version` is odd during a change and tells a
   reader that start and end belong together. It can skip an entry that changes: a mapping that faults is in use, so
   its own entry doesn't change. */
struct hy_fault_entry {
    atomic_uint version;
    atomic_bool patched;
    atomic_uintptr_t start; /* 0: free */
    atomic_uintptr_t end;
};

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
               "a signal handler needs atomics without locks");

#define CHUNK_ENTRIES 128

typedef struct chunk {
    struct hy_fault_entry entries[CHUNK_ENTRIES];
    struct chunk *_Atomic next;
} chunk;

static chunk first_chunk;
static atomic_uintptr_t page_bytes; /* set with the first entry, for the handler */

/* Takes the entry if it is free. */
static bool claim(hy_fault_entry *entry, uintptr_t start, uintptr_t end) {
    unsigned version = atomic_load_explicit(&entry->version, memory_order_acquire);
    if (version % 2 != 0 || atomic_load_explicit(&entry->start, memory_order_acquire) != 0)
        return false;
    if (!atomic_compare_exchange_strong(&entry->version, &version, version + 1))
        return false;
    atomic_store_explicit(&entry->patched, false, memory_order_relaxed);
    atomic_store_explicit(&entry->start, start, memory_order_release);
    atomic_store_explicit(&entry->end, end, memory_order_release);
    atomic_store_explicit(&entry->version, version + 2, memory_order_release);
    return true;
}

/* The chunk after `last`, made if there is none. Plain calloc and not the host's memory: chunks serve the files of
   all hosts and are never freed, since a handler may be reading them. */
static chunk *chunk_after(chunk *last) {
    chunk *next = atomic_load_explicit(&last->next, memory_order_acquire);
    if (next)
        return next;
    chunk *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    if (atomic_compare_exchange_strong(&last->next, &next, made))
        return made;
    free(made); /* another thread was faster; no one has seen this one */
    return next;
}

hy_fault_entry *hy_fault_register(const void *start, size_t bytes) {
    uintptr_t first = (uintptr_t)start;
    atomic_store_explicit(&page_bytes, (uintptr_t)sysconf(_SC_PAGESIZE), memory_order_relaxed);
    for (chunk *list = &first_chunk; list; list = chunk_after(list))
        for (int i = 0; i < CHUNK_ENTRIES; i++)
            if (claim(&list->entries[i], first, first + bytes))
                return &list->entries[i];
    return NULL;
}

void hy_fault_unregister(hy_fault_entry *entry) {
    unsigned version = atomic_fetch_add(&entry->version, 1);
    atomic_store_explicit(&entry->start, 0, memory_order_release);
    atomic_store_explicit(&entry->end, 0, memory_order_release);
    atomic_store_explicit(&entry->version, version + 2, memory_order_release);
}

bool hy_fault_happened(const hy_fault_entry *entry) {
    return atomic_load_explicit(&entry->patched, memory_order_acquire);
}

/* Whether `address` lies in the entry's mapping, whose end then is in *end. */
static bool covers(const hy_fault_entry *entry, uintptr_t address, uintptr_t *end) {
    unsigned before = atomic_load_explicit(&entry->version, memory_order_acquire);
    uintptr_t start = atomic_load_explicit(&entry->start, memory_order_acquire);
    *end = atomic_load_explicit(&entry->end, memory_order_acquire);
    unsigned after = atomic_load_explicit(&entry->version, memory_order_relaxed);
    return before % 2 == 0 && before == after && start != 0 && start <= address && address < *end;
}

/* To the thread sanitizer a new mapping is a write to all of it, and a race with those who read there. */
#if HY_THREAD_SANITIZER
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#else
#  define AnnotateIgnoreWritesBegin(file, line) ((void)0)
#  define AnnotateIgnoreWritesEnd(file, line) ((void)0)
#endif

/* mmap is not on POSIX's list of what a handler may call, but it is a bare system call on every system that has
   MAP_ANONYMOUS. */
static bool patch(hy_fault_entry *entry, uintptr_t address, uintptr_t end) {
    atomic_store_explicit(&entry->patched, true, memory_order_release);
    uintptr_t page = address - address % atomic_load_explicit(&page_bytes, memory_order_relaxed);
    int saved_errno = errno;
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    void *zeros = mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    errno = saved_errno;
    return zeros != MAP_FAILED;
}

bool hy_file_patch_fault(const void *address) {
    uintptr_t end;
    chunk *list = &first_chunk;
    for (; list; list = atomic_load_explicit(&list->next, memory_order_acquire))
        for (int i = 0; i < CHUNK_ENTRIES; i++)
            if (covers(&list->entries[i], (uintptr_t)address, &end))
                return patch(&list->entries[i], (uintptr_t)address, end);
    return false;
}
