/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders that were named at the start, and nothing else of the file system. Paths are resolved by the system
 * below the root's own descriptor, so that neither ".." nor a link, made at whatever moment, leads out of it.
 */
#define _GNU_SOURCE /* O_PATH, syscall */
#include "inside.h"

#include "inspection/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__has_include) && __has_include(<linux/openat2.h>)
#  include <linux/openat2.h>
#endif

typedef struct root {
    char *name, *folder;
    int descriptor;
} root;

struct roots {
    root *list;
    size_t count;
};

static bool is_taken(const roots *r, const char *name) {
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->list[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The folder's name; with a number where two folders have one name. */
static bool name_root(const roots *r, root *made) {
    const char *slash = strrchr(made->folder, '/');
    const char *base = slash && slash[1] ? slash + 1 : "root";
    if (asprintf(&made->name, "%s", base) < 0) {
        return false;
    }
    for (int number = 2; is_taken(r, made->name); number++) {
        free(made->name);
        if (asprintf(&made->name, "%s-%d", base, number) < 0) {
            return false;
        }
    }
    return true;
}

haya_status roots_create(const char *const *folders, size_t count, roots **made, haya_error *error) {
    roots *r = *made = calloc(1, sizeof *r);
    if (!r || !(r->list = calloc(count ? count : 1, sizeof *r->list))) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        root *one = &r->list[i];
        one->descriptor = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (one->descriptor < 0) {
            return inspection_fail(error, HAYA_ERROR_IO, "%s: cannot be opened as a folder: %s", folders[i],
                                   strerror(errno));
        }
        one->folder = realpath(folders[i], NULL);
        if (!one->folder || !name_root(r, one)) {
            close(one->descriptor);
            free(one->folder);
            return inspection_fail(error, HAYA_ERROR_MEMORY, "%s: %s", folders[i], strerror(errno));
        }
        r->count++;
    }
    return HAYA_OK;
}

void roots_free(roots *r) {
    for (size_t i = 0; r && i < r->count; i++) {
        close(r->list[i].descriptor);
        free(r->list[i].name);
        free(r->list[i].folder);
    }
    if (r) {
        free(r->list);
        free(r);
    }
}

size_t roots_count(const roots *r) {
    return r->count;
}

const char *roots_name(const roots *r, size_t index) {
    return r->list[index].name;
}

const char *roots_folder(const roots *r, size_t index) {
    return r->list[index].folder;
}

/* ---- Opening below a root ------------------------------------------------------------------------------------ */

/* One folder after the other, no link followed: for systems that can't do it at once. */
static int open_stepwise(int descriptor, const char *path, int flags) {
    int at = dup(descriptor);
    while (at >= 0) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/");
        bool last = path[length] == '\0';
        if (length > NAME_MAX || (length == 2 && strncmp(path, "..", 2) == 0)) {
            close(at);
            errno = length > NAME_MAX ? ENAMETOOLONG : EXDEV;
            return -1;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        int next = openat(at, length ? name : ".",
                          last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int why = errno;
        close(at);
        errno = why;
        if (last || next < 0) {
            return next;
        }
        at = next;
        path += length + 1;
    }
    return at;
}

static int open_beneath(int descriptor, const char *path, int flags) {
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int tries = 0; tries < 8; tries++) {
        long opened = syscall(SYS_openat2, descriptor, path, &how, sizeof how);
        if (opened >= 0) {
            return (int)opened;
        }
        if (errno == ENOSYS || errno == EPERM) {
            return open_stepwise(descriptor, path, flags);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -1;
        }
    }
    return -1;
#else
    return open_stepwise(descriptor, path, flags);
#endif
}

static const root *find_root(const roots *r, const char *path, const char **rest) {
    size_t length = strcspn(path, "/");
    for (size_t i = 0; i < r->count; i++) {
        if (strlen(r->list[i].name) == length && strncmp(r->list[i].name, path, length) == 0) {
            *rest = path[length] ? path + length + 1 : ".";
            return &r->list[i];
        }
    }
    return NULL;
}

int roots_open(const roots *r, const char *path, bool directory, haya_error *error) {
    const char *rest;
    const root *one = find_root(r, path, &rest);
    if (!one) {
        inspection_fail(error, HAYA_ERROR_NOT_FOUND,
                        "'%s' is in none of the folders that were named at the start", path);
        return -1;
    }
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (directory ? O_DIRECTORY : 0);
    int descriptor = open_beneath(one->descriptor, *rest ? rest : ".", flags);
    if (descriptor >= 0) {
        return descriptor;
    }
    switch (errno) {
    case EXDEV:
    case ELOOP:
        inspection_fail(error, HAYA_ERROR_ARGUMENT, "'%s' leads out of the folder that was named at the start",
                        path);
        break;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        inspection_fail(error, HAYA_ERROR_NOT_FOUND, "there is no '%s'", path);
        break;
    default:
        inspection_fail(error, HAYA_ERROR_IO, "'%s' cannot be opened: %s", path, strerror(errno));
    }
    return -1;
}

haya_status roots_read(const roots *r, const char *path, uint64_t limit, void **data, size_t *size,
                       struct stat *info,
                       haya_error *error) {
    haya_error own;
    error = error ? error : &own;
    *data = NULL;
    *size = 0;
    int descriptor = roots_open(r, path, false, error);
    if (descriptor < 0) {
        return error->status;
    }
    haya_status status = HAYA_OK;
    if (fstat(descriptor, info) != 0 || !S_ISREG(info->st_mode)) {
        status = inspection_fail(error, HAYA_ERROR_NOT_FOUND, "'%s' is no file", path);
    } else if ((uint64_t)info->st_size > limit) {
        status = inspection_fail(error, HAYA_ERROR_LIMIT, "'%s' has %llu bytes, and at most %llu are read", path,
                                 (unsigned long long)info->st_size, (unsigned long long)limit);
    } else if (!(*data = malloc((size_t)info->st_size + 1))) {
        status = inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    while (status == HAYA_OK && *size < (size_t)info->st_size) {
        ssize_t got = read(descriptor, (char *)*data + *size, (size_t)info->st_size - *size);
        if (got < 0 && errno != EINTR) {
            status = inspection_fail(error, HAYA_ERROR_IO, "'%s' cannot be read: %s", path, strerror(errno));
        } else if (got == 0) {
            break; /* it is shorter by now: what is there will tell */
        } else if (got > 0) {
            *size += (size_t)got;
        }
    }
    close(descriptor);
    if (status != HAYA_OK) {
        free(*data);
        *data = NULL;
    }
    return status;
}
