/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* madvise, realpath */
#define _FILE_OFFSET_BITS 64

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_private.h"

#if defined(__linux__) && !defined(MADV_POPULATE_READ)
#  define MADV_POPULATE_READ 22 /* Linux 5.14; C libraries came later, and older kernels answer EINVAL */
#endif

/* ---- Stamps ----------------------------------------------------------------------------------------------- */

static hy_file_stamp stamp_of(const struct stat *info) {
    return (hy_file_stamp){
        .device = (uint64_t)info->st_dev,
        .inode = (uint64_t)info->st_ino,
        .size = (uint64_t)info->st_size,
        .modified_seconds = info->st_mtim.tv_sec,
        .modified_nanoseconds = info->st_mtim.tv_nsec,
        .changed_seconds = info->st_ctim.tv_sec,
        .changed_nanoseconds = info->st_ctim.tv_nsec,
    };
}

static bool is_same_inode(const hy_file_stamp *a, const hy_file_stamp *b) {
    return a->device == b->device && a->inode == b->inode;
}

/* Deleting the last link, as another file of the name does, changes the time of the inode's last change, and for a
   moment the path still leads to it. */
static bool is_unmodified(const hy_file_stamp *then, const struct stat *info) {
    hy_file_stamp now = stamp_of(info);
    return then->size == now.size && then->modified_seconds == now.modified_seconds &&
           then->modified_nanoseconds == now.modified_nanoseconds &&
           (info->st_nlink == 0 || (then->changed_seconds == now.changed_seconds &&
                                    then->changed_nanoseconds == now.changed_nanoseconds));
}

/* ---- Opening ---------------------------------------------------------------------------------------------- */

static haya_status fail_io(const char *path, const char *what, haya_error *error) {
    int number = errno;
    haya_status status = number == ENOMEM ? HAYA_ERROR_MEMORY : HAYA_ERROR_IO;
    return hy_fail(error, status, NULL, "%s: cannot be %s: %s", path, what, strerror(number));
}

/* Opens a regular file that is not empty. O_NONBLOCK: a FIFO must be refused, not waited for. */
static haya_status open_regular(const char *path, int *descriptor, hy_file_stamp *stamp, haya_error *error) {
    struct stat info;
    *descriptor = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_io(path, "opened", error);
    haya_status status = HAYA_OK;
    if (fstat(fd, &info) != 0)
        status = fail_io(path, "examined", error);
    else if (!S_ISREG(info.st_mode))
        status = hy_fail(error, HAYA_ERROR_IO, NULL, "%s: %s", path,
                         S_ISDIR(info.st_mode) ? "is a directory" : "is not a regular file");
    else if (info.st_size <= 0)
        status = hy_fail(error, HAYA_ERROR_FORMAT, NULL, "%s: the file is empty", path);
    else if ((uintmax_t)info.st_size > PTRDIFF_MAX)
        status = hy_fail(error, HAYA_ERROR_IO, NULL, "%s: the file is too large for the address space", path);
    if (status != HAYA_OK) {
        close(fd);
        return status;
    }
    *descriptor = fd;
    *stamp = stamp_of(&info);
    return HAYA_OK;
}

#define LARGEST_READ ((size_t)1 << 30) /* systems differ in what they do from 2 GiB on */

/* Reads `size` bytes; less only at the end of the file. -1 with errno on failure. */
static ssize_t read_all(int fd, uint8_t *to, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t part = size - done < LARGEST_READ ? size - done : LARGEST_READ;
        ssize_t got = pread(fd, to + done, part, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static haya_status read_file(hy_file *file, int fd, haya_error *error) {
    size_t size = (size_t)file->stamp.size;
    uint8_t *copy = hy_alloc(&file->arena.host, size);
    if (!copy)
        return hy_out_of_memory(error, file->path);
    file->data = copy;
    file->size = size;
    ssize_t got = read_all(fd, copy, size);
    struct stat info;
    if (got < 0 || fstat(fd, &info) != 0)
        return fail_io(file->path, "read", error);
    if ((size_t)got != size || !is_unmodified(&file->stamp, &info))
        return hy_fail(error, HAYA_ERROR_FILE_CHANGED, NULL, "%s: the file was modified while it was read",
                       file->path);
    return HAYA_OK;
}

/* The path that leads to the inode whatever becomes of the working directory and of symbolic links; the given one
   if there is no such path. NULL when out of memory. */
static const char *find_watched_path(hy_file *file) {
    char resolved[PATH_MAX];
    struct stat info;
    if (!realpath(file->path, resolved) || stat(resolved, &info) != 0)
        return file->path;
    hy_file_stamp now = stamp_of(&info);
    if (!is_same_inode(&now, &file->stamp))
        return file->path;
    return hy_arena_string(&file->arena, resolved, strlen(resolved));
}

static size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static haya_status map_file(hy_file *file, int fd, haya_error *error) {
    size_t size = (size_t)file->stamp.size;
    file->watched_path = find_watched_path(file);
    if (!file->watched_path)
        return hy_out_of_memory(error, file->path);
    /* Private, since some file systems refuse shared mappings; for reading there is no other difference. */
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return fail_io(file->path, "mapped", error);
    file->data = data;
    file->size = size;
    size_t pages = (size - 1) / page_size() + 1;
    file->fault = hy_fault_register(data, pages * page_size());
    return file->fault ? HAYA_OK : hy_out_of_memory(error, file->path);
}

haya_status hy_file_open(const char *path, bool read_into_memory, const haya_host *host, hy_file **file,
                         haya_error *error) {
    haya_host resolved;
    hy_file_stamp stamp;
    int fd;
    *file = NULL;
    if (!path)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "the path is NULL");
    HY_TRY(hy_host_resolve(host, &resolved, error));
    HY_TRY(open_regular(path, &fd, &stamp, error));
    haya_status status;
    hy_file *made = hy_file_new(path, read_into_memory ? HY_FILE_COPIED : HY_FILE_MAPPED, &resolved);
    if (made) {
        made->stamp = stamp;
        status = read_into_memory ? read_file(made, fd, error) : map_file(made, fd, error);
    } else {
        status = hy_out_of_memory(error, path);
    }
    close(fd);
    if (status == HAYA_OK)
        *file = made;
    else
        hy_file_release(made);
    return status;
}

bool hy_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool hy_folder_has(const char *path, const char *name) {
    struct stat info;
    int folder = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (folder < 0)
        return false;
    bool has = fstatat(folder, name, &info, 0) == 0 && S_ISREG(info.st_mode);
    close(folder);
    return has;
}

void hy_file_unmap(hy_file *file) {
    if (file->fault)
        hy_fault_unregister(file->fault);
    if (file->data)
        munmap((void *)(uintptr_t)file->data, file->size);
}

/* ---- In use ----------------------------------------------------------------------------------------------- */

haya_status hy_file_check(const hy_file *file, haya_error *error) {
    struct stat info;
    if (file->kind != HY_FILE_MAPPED)
        return HAYA_OK;
    if (hy_fault_happened(file->fault))
        return hy_fail(error, HAYA_ERROR_FILE_CHANGED, NULL,
                       "%s: the file was truncated, or could not be read, while it was in use", file->path);
    if (stat(file->watched_path, &info) != 0)
        return HAYA_OK;
    hy_file_stamp now = stamp_of(&info);
    if (!is_same_inode(&now, &file->stamp) || is_unmodified(&file->stamp, &info))
        return HAYA_OK;
    if (now.size != file->stamp.size)
        return hy_fail(error, HAYA_ERROR_FILE_CHANGED, NULL,
                       "%s: the file had %llu bytes when it was opened and has %llu now", file->path,
                       (unsigned long long)file->stamp.size, (unsigned long long)now.size);
    return hy_fail(error, HAYA_ERROR_FILE_CHANGED, NULL, "%s: the file was modified after it was opened",
                   file->path);
}

/* ---- Advice -------------------------------------------------------------------------------------------------- */

/* The pages that hold the range. */
typedef struct page_range {
    uint8_t *start;
    size_t bytes;
} page_range;

static page_range pages_of(const hy_file *file, size_t offset, size_t size) {
    if (file->kind != HY_FILE_MAPPED || offset >= file->size)
        return (page_range){NULL, 0};
    if (size > file->size - offset)
        size = file->size - offset;
    size_t into_page = offset % page_size();
    return (page_range){(uint8_t *)(uintptr_t)file->data + offset - into_page, size + into_page};
}

/* Below this a file is fetched as a whole sooner than page by page. */
#define SPARSE_BYTES ((size_t)8 << 20)

void hy_file_read_sparsely(const hy_file *file, bool on) {
    page_range all = pages_of(file, 0, file->size);
    if (all.bytes >= SPARSE_BYTES)
        madvise(all.start, all.bytes, on ? MADV_RANDOM : MADV_NORMAL);
    else if (on)
        hy_file_request(file, 0, file->size);
}

/* Linux fetches of one MADV_WILLNEED no more than a device's largest readahead, and drops the rest; so much every
   device has. */
#define REQUEST_BYTES ((size_t)128 << 10)

void hy_file_request(const hy_file *file, size_t offset, size_t size) {
    page_range range = pages_of(file, offset, size);
    for (size_t done = 0; done < range.bytes; done += REQUEST_BYTES) {
        size_t left = range.bytes - done;
        madvise(range.start + done, left < REQUEST_BYTES ? left : REQUEST_BYTES, MADV_WILLNEED);
    }
}

/* False where the system can't; not where it fails, because the file has been truncated, say. */
static bool populate(page_range range) {
#if defined(MADV_POPULATE_READ)
    return madvise(range.start, range.bytes, MADV_POPULATE_READ) == 0 || errno != EINVAL;
#else
    (void)range;
    return false;
#endif
}

void hy_file_populate(const hy_file *file, size_t offset, size_t size) {
    page_range range = pages_of(file, offset, size);
    if (range.bytes == 0 || populate(range))
        return;
    hy_file_request(file, offset, size);
    for (size_t at = 0, step = page_size(); at < range.bytes; at += step)
        (void)*(const volatile uint8_t *)(range.start + at);
}
