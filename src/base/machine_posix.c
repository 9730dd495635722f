/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sched_getaffinity, posix_memalign, madvise */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* A scratch is written in dozens of places at once, more than processors remember small pages for. */
#define HUGE_PAGE ((size_t)2 << 20)

void *hy_machine_allocate(size_t size, size_t alignment) {
    void *memory;
    bool huge = size >= 2 * HUGE_PAGE && alignment < HUGE_PAGE;
    if (posix_memalign(&memory, huge ? HUGE_PAGE : alignment, size) != 0)
        return NULL;
#if defined(MADV_HUGEPAGE)
    if (huge)
        madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* small pages do as well, only slower */
#endif
    return memory;
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
