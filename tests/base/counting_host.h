/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that counts what it gives and takes back, and can refuse: for tests of who allocates what, and of what
 * happens when there is no memory.
 */
#ifndef HAYA_TESTS_COUNTING_HOST_H
#define HAYA_TESTS_COUNTING_HOST_H

#include <stdatomic.h>
#include <stdlib.h>

#include "haya/haya.h"

typedef struct counting_host {
    atomic_int allocations;
    atomic_int alive;
    atomic_size_t bytes; /* alive */
    int refuse_from;     /* the number of the first allocation to refuse, from 0; -1: none */
    char logged[2048];   /* the last message */
} counting_host;

static void *counting_allocate(void *user, size_t size, size_t alignment) {
    counting_host *host = user;
    void *memory;
    int number = atomic_fetch_add(&host->allocations, 1);
    if (host->refuse_from >= 0 && number >= host->refuse_from)
        return NULL;
    if (posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    memset(memory, 0xA5, size); /* nobody is to rely on zeros */
    atomic_fetch_add(&host->alive, 1);
    atomic_fetch_add(&host->bytes, size);
    return memory;
}

static void counting_release(void *user, void *memory, size_t size) {
    counting_host *host = user;
    atomic_fetch_sub(&host->alive, 1);
    atomic_fetch_sub(&host->bytes, size);
    free(memory);
}

static void counting_log(void *user, haya_log_level level, const char *message) {
    counting_host *host = user;
    (void)level;
    snprintf(host->logged, sizeof host->logged, "%s", message);
}

static haya_host counting_host_make(counting_host *counts) {
    memset(counts, 0, sizeof *counts);
    counts->refuse_from = -1;
    return (haya_host){
        .struct_size = sizeof(haya_host),
        .allocate = counting_allocate,
        .release = counting_release,
        .log = counting_log,
        .user = counts,
    };
}

#endif
