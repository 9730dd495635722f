/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sched_getaffinity, posix_memalign */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/machine.h"
#include "base/threads.h"

static hy_cgroup_limits cgroup_limits(void) {
    return hy_cgroup_read("/proc/self/cgroup", "/sys/fs/cgroup");
}

/* ---- Caches ----------------------------------------------------------------------------------------------- */

static hy_caches caches = {.l1d = (size_t)32 << 10, .l2 = (size_t)1 << 20, .l3 = (size_t)16 << 20};

/* Virtual machines and some C libraries answer 0 or -1. */
#if defined(_SC_LEVEL1_DCACHE_SIZE)
static void detect_cache(int name, size_t *size) {
    long answer = sysconf(name);
    if (answer > 0)
        *size = (size_t)answer;
}

static void detect_caches(void) {
    detect_cache(_SC_LEVEL1_DCACHE_SIZE, &caches.l1d);
    detect_cache(_SC_LEVEL2_CACHE_SIZE, &caches.l2);
    detect_cache(_SC_LEVEL3_CACHE_SIZE, &caches.l3);
}
#else
static void detect_caches(void) {
}
#endif

const hy_caches *hy_machine_caches(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, detect_caches);
    return &caches;
}

/* ---- Memory ----------------------------------------------------------------------------------------------- */

uint64_t hy_machine_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t physical = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
    uint64_t allowed = cgroup_limits().memory;
    return physical < allowed ? physical : allowed;
}

void *hy_machine_allocate(size_t size, size_t alignment) {
    void *memory;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

void hy_machine_release(void *memory) {
    free(memory);
}

/* ---- Processors and time ---------------------------------------------------------------------------------- */

static int64_t processors(void) {
#if defined(__linux__)
    cpu_set_t sets[8]; /* one holds 1024 processors; the kernel refuses less than it has */
    if (sched_getaffinity(0, sizeof sets, sets) == 0)
        return CPU_COUNT_S(sizeof sets, sets);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

int hy_threads_available(void) {
    int64_t count = processors();
    int64_t allowed = cgroup_limits().cpus;
    if (count > allowed)
        count = allowed;
    if (count > HY_MAX_THREADS)
        count = HY_MAX_THREADS;
    return count < 1 ? 1 : (int)count;
}

uint64_t hy_clock_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
