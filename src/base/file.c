/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <string.h>

#include "base/file_private.h"

hy_file *hy_file_new(const char *path, hy_file_kind kind, const haya_host *resolved_host) {
    hy_arena arena;
    hy_arena_init(&arena, resolved_host);
    hy_file *file = HY_ARENA_NEW(&arena, hy_file, 1);
    char *copy = file ? hy_arena_string(&arena, path, strlen(path)) : NULL;
    if (!copy) {
        hy_arena_free(&arena);
        return NULL;
    }
    file->arena = arena;
    atomic_init(&file->references, 1);
    file->kind = kind;
    file->path = copy;
    return file;
}

/* Checks that hold for any memory; `*name` gets its default. */
static haya_status check_memory(const void *data, size_t size, const char **name, haya_error *error) {
    if (!*name)
        *name = "(memory)";
    if (!data && size != 0)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%s: the data pointer is NULL", *name);
    if (size == 0)
        return hy_fail(error, HAYA_ERROR_FORMAT, NULL, "%s: empty", *name);
    return HAYA_OK;
}

haya_status hy_file_copy(const void *data, size_t size, const char *name, const haya_host *host, hy_file **file,
                         haya_error *error) {
    haya_host resolved;
    *file = NULL;
    HY_TRY(hy_host_resolve(host, &resolved, error));
    HY_TRY(check_memory(data, size, &name, error));
    hy_file *made = hy_file_new(name, HY_FILE_COPIED, &resolved);
    void *copy = made ? hy_alloc(&resolved, size) : NULL;
    if (!copy) {
        hy_file_release(made);
        return hy_out_of_memory(error, name);
    }
    made->data = memcpy(copy, data, size);
    made->size = size;
    *file = made;
    return HAYA_OK;
}

static haya_status borrow(const void *data, size_t size, const char *name, const haya_host *host, hy_file **file,
                          haya_error *error) {
    haya_host resolved;
    HY_TRY(hy_host_resolve(host, &resolved, error));
    HY_TRY(check_memory(data, size, &name, error));
    *file = hy_file_new(name, HY_FILE_BORROWED, &resolved);
    if (!*file)
        return hy_out_of_memory(error, name);
    (*file)->data = data;
    (*file)->size = size;
    return HAYA_OK;
}

haya_status hy_file_borrow(const void *data, size_t size, const char *name, void (*release)(void *), void *user,
                           const haya_host *host, hy_file **file, haya_error *error) {
    *file = NULL;
    haya_status status = borrow(data, size, name, host, file, error);
    if (status == HAYA_OK) {
        (*file)->release = release;
        (*file)->user = user;
    } else if (release) {
        release(user);
    }
    return status;
}

void hy_file_retain(hy_file *file) {
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
}

void hy_file_release(hy_file *file) {
    if (!file || atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1)
        return;
    switch (file->kind) {
    case HY_FILE_BORROWED:
        if (file->release)
            file->release(file->user);
        break;
    case HY_FILE_COPIED:
        hy_free(&file->arena.host, (void *)(uintptr_t)file->data, file->size);
        break;
    case HY_FILE_MAPPED:
        hy_file_unmap(file);
        break;
    }
    hy_arena arena = file->arena; /* which the object itself lies in */
    hy_arena_free(&arena);
}

const uint8_t *hy_file_data(const hy_file *file) {
    return file->data;
}

size_t hy_file_size(const hy_file *file) {
    return file->size;
}

const char *hy_file_path(const hy_file *file) {
    return file->path;
}

bool hy_file_is_mapped(const hy_file *file) {
    return file->kind == HY_FILE_MAPPED;
}
