/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Linux control group, version 1 or 2, leaves this process of the machine. Elsewhere there are no limits.
 */
#ifndef HAYA_BASE_CGROUP_H
#define HAYA_BASE_CGROUP_H

#include <stdint.h>

typedef struct hy_cgroup_limits {
    uint64_t memory; /* bytes; UINT64_MAX: no limit */
    int64_t cpus;    /* processor time as a number of processors, rounded up; INT64_MAX: no limit */
} hy_cgroup_limits;

/* The tightest limits of the process's groups and those above them. `membership` and `mount` are
   "/proc/self/cgroup" and "/sys/fs/cgroup" except in tests. */
hy_cgroup_limits hy_cgroup_read(const char *membership, const char *mount);

#endif
