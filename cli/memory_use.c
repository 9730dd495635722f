/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* getline, realpath */
#include "memory_use.h"

#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path in a mapping's first line, "start-end perms offset device inode path", or NULL. */
static const char *mapped_path(char *line) {
    unsigned long long start, end;
    int path = 0;
    if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &start, &end, &path) != 2 || path == 0) {
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line + path;
}

static bool is_listed(const char *path, char *const *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (files[i] && strcmp(files[i], path) == 0) {
            return true;
        }
    }
    return false;
}

bool memory_use_read(const char *const *files, size_t count, memory_use *use) {
    *use = (memory_use){0};
    FILE *smaps = fopen("/proc/self/smaps", "r");
    if (!smaps) {
        return false;
    }
    char **paths = allocate(count, sizeof *paths);
    for (size_t i = 0; i < count; i++) {
        paths[i] = realpath(files[i], NULL);
    }
    char *line = NULL;
    size_t capacity = 0;
    bool ours = false, any = false;
    while (getline(&line, &capacity, smaps) > 0) {
        char field[32];
        unsigned long long kilobytes;
        if (sscanf(line, "%31[A-Za-z_]: %llu kB", field, &kilobytes) == 2) {
            uint64_t bytes = (uint64_t)kilobytes * 1024;
            if (strcmp(field, "Anonymous") == 0 || strcmp(field, "Swap") == 0) {
                use->private_bytes += bytes;
                any = true;
            } else if (ours && strcmp(field, "Size") == 0) {
                use->mapped_bytes += bytes;
            } else if (ours && strcmp(field, "Rss") == 0) {
                use->resident_bytes += bytes;
            }
            continue;
        }
        const char *path = mapped_path(line);
        if (path) {
            ours = is_listed(path, paths, count);
        }
    }
    free(line);
    fclose(smaps);
    for (size_t i = 0; i < count; i++) {
        free(paths[i]);
    }
    free(paths);
    return any;
}
