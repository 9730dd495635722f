/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* st_mtim, strdup */
#include "private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

stamp stamp_of(const struct stat *info) {
    return (stamp){(uint64_t)info->st_dev,    (uint64_t)info->st_ino,  (uint64_t)info->st_size,
                   info->st_mtim.tv_sec,      info->st_mtim.tv_nsec,   info->st_ctim.tv_sec,
                   info->st_ctim.tv_nsec};
}

bool stamp_same_file(const stamp *a, const stamp *b) {
    return a->device == b->device && a->inode == b->inode;
}

bool stamp_equal(const stamp *a, const stamp *b) {
    return stamp_same_file(a, b) && a->size == b->size && a->modified_s == b->modified_s &&
           a->modified_ns == b->modified_ns && a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

char *copy_string(const char *string) {
    return string ? strdup(string) : NULL;
}

repository_class class_of(const settings_class *c) {
    return (repository_class){.name = copy_string(c->name), .color = c->color, .low = c->low, .high = c->high,
                              .score = c->score, .sigma = c->sigma};
}

char *format_string(const char *format, ...) {
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int length = vasprintf(&text, format, values);
    va_end(values);
    return length < 0 ? NULL : text;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Compares two runs of digits by value and steps over them. */
static int compare_digits(const char **a, const char **b) {
    while (**a == '0' && is_digit((*a)[1])) {
        (*a)++;
    }
    while (**b == '0' && is_digit((*b)[1])) {
        (*b)++;
    }
    size_t m = 0, n = 0;
    while (is_digit((*a)[m])) {
        m++;
    }
    while (is_digit((*b)[n])) {
        n++;
    }
    int order = m != n ? (m < n ? -1 : 1) : strncmp(*a, *b, m);
    *a += m;
    *b += n;
    return order;
}

int repository_natural_order(const char *a, const char *b) {
    const char *first = a, *second = b;
    while (*a && *b) {
        int order;
        if (is_digit(*a) && is_digit(*b)) {
            order = compare_digits(&a, &b);
        } else {
            order = (int)(unsigned char)*a++ - (int)(unsigned char)*b++;
        }
        if (order != 0) {
            return order;
        }
    }
    /* "a1" and "a01" are equal by value, but not one name. */
    return *a ? 1 : *b ? -1 : strcmp(first, second);
}

/* ---- Counting what the library takes ------------------------------------------------------------------------- */

struct byte_count {
    atomic_size_t users; /* its maker, and each piece of memory that is counted */
    atomic_uint_least64_t bytes;
};

byte_count *byte_count_create(void) {
    byte_count *count = malloc(sizeof *count);
    if (count) {
        atomic_init(&count->users, 1);
        atomic_init(&count->bytes, 0);
    }
    return count;
}

void byte_count_release(byte_count *count) {
    if (count && atomic_fetch_sub(&count->users, 1) == 1) {
        free(count);
    }
}

uint64_t byte_count_bytes(const byte_count *count) {
    return atomic_load(&count->bytes);
}

static void *count_allocate(void *user, size_t size, size_t alignment) {
    byte_count *count = user;
    size_t rounded = (size + alignment - 1) / alignment * alignment; /* as aligned_alloc wants it */
    if (rounded < size) {
        return NULL;
    }
    void *memory = alignment <= _Alignof(max_align_t) ? malloc(size ? size : 1) : aligned_alloc(alignment, rounded);
    if (memory) {
        atomic_fetch_add(&count->users, 1);
        atomic_fetch_add(&count->bytes, size);
    }
    return memory;
}

static void count_release(void *user, void *memory, size_t size) {
    byte_count *count = user;
    if (memory) {
        free(memory);
        atomic_fetch_sub(&count->bytes, size);
        byte_count_release(count);
    }
}

haya_host byte_count_host(byte_count *count) {
    return (haya_host){.struct_size = sizeof(haya_host), .allocate = count_allocate, .release = count_release,
                       .user = count};
}
