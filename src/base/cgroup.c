/* SPDX-License-Identifier: Apache-2.0
 *
 * A process belongs to one group of each hierarchy. /proc/self/cgroup has a line for each, "id:controllers:path":
 * version 2 is one hierarchy without controllers named ("0::/app"), version 1 has one for each controller or few
 * ("4:memory:/app", "2:cpu,cpuacct:/app"), mounted under the controllers' names. In a container the path may be
 * the one outside, with no such directory inside: then the directories that do exist above it, the root at least,
 * count.
 */
#define _GNU_SOURCE /* O_CLOEXEC, strtok_r */

#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PATH_LENGTH 4096
#define MAX_MEMBERSHIP 8192

/* The beginning of a file, terminated. Not by stdio, which allocates. */
static bool read_text(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    while (length < size - 1) {
        ssize_t got = read(fd, text + length, size - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(fd);
    text[length] = '\0';
    return length > 0;
}

static bool read_setting(const char *directory, const char *name, char *text, size_t size) {
    char path[MAX_PATH_LENGTH + 64];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    return length > 0 && (size_t)length < sizeof path && read_text(path, text, size);
}

/* A positive number at *text, which moves behind it; -1 for "max", "-1" and what else means no limit. */
static int64_t parse_number(const char **text) {
    char *end;
    errno = 0;
    long long value = strtoll(*text, &end, 10);
    bool valid = end != *text && errno == 0 && value > 0;
    *text = end;
    return valid ? value : -1;
}

static void limit_memory(const char *directory, const char *name, hy_cgroup_limits *limits) {
    char text[64];
    if (!read_setting(directory, name, text, sizeof text))
        return;
    const char *at = text;
    int64_t bytes = parse_number(&at);
    if (bytes > 0 && (uint64_t)bytes < limits->memory)
        limits->memory = (uint64_t)bytes;
}

static void limit_cpus(int64_t quota, int64_t period, hy_cgroup_limits *limits) {
    if (quota <= 0 || period <= 0)
        return;
    int64_t cpus = (quota - 1) / period + 1;
    if (cpus < limits->cpus)
        limits->cpus = cpus;
}

/* Reads the settings of one directory, under the names of both versions: only those of its own are there. */
static void limit_by_directory(const char *directory, hy_cgroup_limits *limits) {
    char quota[64], period[64];
    limit_memory(directory, "memory.max", limits);
    limit_memory(directory, "memory.limit_in_bytes", limits);
    if (read_setting(directory, "cpu.max", quota, sizeof quota)) { /* "50000 100000" or "max 100000" */
        const char *at = quota;
        int64_t numerator = parse_number(&at);
        limit_cpus(numerator, parse_number(&at), limits);
    }
    if (read_setting(directory, "cpu.cfs_quota_us", quota, sizeof quota) &&
        read_setting(directory, "cpu.cfs_period_us", period, sizeof period)) {
        const char *numerator = quota, *denominator = period;
        limit_cpus(parse_number(&numerator), parse_number(&denominator), limits);
    }
}

/* The group's directory and all above, up to the mount point. */
static void limit_by_group(const char *mount, const char *controllers, const char *group,
                           hy_cgroup_limits *limits) {
    char directory[MAX_PATH_LENGTH];
    const char *separator = *controllers ? "/" : "";
    if (strstr(group, "/..")) /* a group outside of the namespace */
        group = "";
    int length = snprintf(directory, sizeof directory, "%s%s%s%s", mount, separator, controllers, group);
    if (length < 0 || (size_t)length >= sizeof directory)
        return;
    size_t root = strlen(mount) + strlen(separator) + strlen(controllers);
    for (;;) {
        limit_by_directory(directory, limits);
        char *last = strrchr(directory, '/');
        if (!last || (size_t)(last - directory) < root)
            return;
        *last = '\0';
    }
}

hy_cgroup_limits hy_cgroup_read(const char *membership, const char *mount) {
    hy_cgroup_limits limits = {.memory = UINT64_MAX, .cpus = INT64_MAX};
    char text[MAX_MEMBERSHIP];
    if (!read_text(membership, text, sizeof text))
        return limits;
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group = '\0';
        limit_by_group(mount, controllers + 1, group + 1, &limits);
    }
    return limits;
}
