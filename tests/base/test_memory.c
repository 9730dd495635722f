/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "base/memory.h"

#include "../test.h"
#include "counting_host.h"

static haya_host default_host(void) {
    haya_host host;
    CHECK_INT(hy_host_resolve(NULL, &host, NULL), HAYA_OK);
    return host;
}

static void no_host_and_a_zero_host_get_the_defaults(void) {
    haya_host zero = {0}, from_zero, from_null = default_host();
    CHECK_INT(hy_host_resolve(&zero, &from_zero, NULL), HAYA_OK);
    CHECK(from_zero.allocate && from_zero.release && !from_zero.log);
    CHECK(from_null.allocate == from_zero.allocate);
    void *memory = hy_alloc(&from_null, 1000);
    CHECK(memory != NULL);
    hy_free(&from_null, memory, 1000);
}

static void a_host_with_only_a_log_allocates_by_default(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts), resolved;
    host.allocate = NULL;
    host.release = NULL;
    CHECK_INT(hy_host_resolve(&host, &resolved, NULL), HAYA_OK);
    CHECK(resolved.allocate && resolved.release && resolved.log == counting_log);
}

static void resolving_twice_changes_nothing(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts), once, twice;
    CHECK_INT(hy_host_resolve(&host, &once, NULL), HAYA_OK);
    CHECK_INT(hy_host_resolve(&once, &twice, NULL), HAYA_OK);
    CHECK(twice.allocate == counting_allocate && twice.release == counting_release && twice.user == &counts);
}

static void one_callback_without_the_other_is_refused(void) {
    counting_host counts;
    haya_host resolved;
    haya_error error;
    for (int i = 0; i < 2; i++) {
        haya_host host = counting_host_make(&counts);
        if (i == 0)
            host.allocate = NULL;
        else
            host.release = NULL;
        CHECK_INT(hy_host_resolve(&host, &resolved, &error), HAYA_ERROR_ARGUMENT);
        CHECK_HAS(error.message, "allocate and release");
    }
}

static void a_host_without_its_size_is_refused(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts), resolved;
    haya_error error;
    host.struct_size = 0;
    CHECK_INT(hy_host_resolve(&host, &resolved, &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "struct_size");
}

static void memory_is_aligned_and_size_0_is_valid(void) {
    haya_host host = default_host();
    for (size_t size = 0; size < 300; size += 7) {
        void *memory = hy_alloc(&host, size);
        if (!CHECK(memory != NULL))
            return;
        CHECK_INT((uintptr_t)memory % HY_CACHE_LINE, 0);
        memset(memory, 1, size);
        hy_free(&host, memory, size);
    }
    hy_free(&host, NULL, 10);
}

static void memory_is_given_back_with_the_size_it_was_taken(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    void *none = hy_alloc(&host, 0), *some = hy_alloc(&host, 77);
    CHECK_INT(counts.alive, 2);
    hy_free(&host, none, 0);
    hy_free(&host, some, 77);
    CHECK_INT(counts.alive, 0);
    CHECK_INT(counts.bytes, 0);
}

static void sizes_beyond_the_address_space_are_refused(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    CHECK(hy_alloc(&host, SIZE_MAX) == NULL);
    CHECK(hy_alloc(&host, (size_t)PTRDIFF_MAX + 1) == NULL);
    CHECK_INT(counts.allocations, 0);
}

static char misaligned_memory[256];
static int misaligned_releases;

static void *misaligned_allocate(void *user, size_t size, size_t alignment) {
    (void)user;
    (void)size;
    return (char *)((uintptr_t)(misaligned_memory + alignment) & ~(uintptr_t)(alignment - 1)) + 8;
}

static void misaligned_release(void *user, void *memory, size_t size) {
    (void)user;
    (void)memory;
    (void)size;
    misaligned_releases++;
}

static void a_host_that_ignores_the_alignment_is_refused(void) {
    haya_host host = {sizeof host, misaligned_allocate, misaligned_release, NULL, NULL};
    CHECK(hy_alloc(&host, 16) == NULL);
    CHECK_INT(misaligned_releases, 1);
}

static void log_messages_are_formatted_cut_and_cleaned(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts), silent = default_host();
    hy_log(&silent, HAYA_LOG_INFO, "to nobody");
    hy_log(&host, HAYA_LOG_INFO, "%d\n%s", 5, "x");
    CHECK_STR(counts.logged, "5?x");
    hy_log(&host, HAYA_LOG_INFO, "%5000d", 1);
    CHECK_HAS(counts.logged, "   ...");
}

static bool is_zero(const unsigned char *memory, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (memory[i])
            return false;
    return true;
}

static void arena_memory_is_zeroed_aligned_and_apart(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    hy_arena arena;
    hy_arena_init(&arena, &host);
    unsigned char *pieces[400];
    size_t sizes[400];
    for (size_t i = 0; i < 400; i++) {
        sizes[i] = i % 50 == 49 ? i * 1000 : i % 97;
        pieces[i] = hy_arena_alloc(&arena, sizes[i], 1);
        if (!CHECK(pieces[i] != NULL))
            return;
        CHECK_INT((uintptr_t)pieces[i] % 16, 0);
        CHECK(is_zero(pieces[i], sizes[i]));
        memset(pieces[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < 400; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            if (pieces[i][j] != (unsigned char)i)
                FAIL("a piece was overwritten");
    CHECK_INT(arena.total, counts.bytes);
    hy_arena_free(&arena);
    CHECK_INT(counts.alive, 0);
    CHECK_INT(counts.bytes, 0);
}

static void a_freed_arena_can_be_used_again(void) {
    haya_host host = default_host();
    hy_arena arena;
    hy_arena_init(&arena, &host);
    hy_arena_free(&arena);
    for (int i = 0; i < 3; i++) {
        CHECK(HY_ARENA_NEW(&arena, int, 10) != NULL);
        CHECK(arena.total > 0);
        hy_arena_free(&arena);
        CHECK_INT(arena.total, 0);
    }
}

static void small_objects_share_blocks(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    hy_arena arena;
    hy_arena_init(&arena, &host);
    for (int i = 0; i < 100000; i++)
        CHECK(HY_ARENA_NEW(&arena, int, 1) != NULL);
    CHECK(counts.allocations < 50);
    CHECK(counts.bytes < (size_t)5 << 20);
    hy_arena_free(&arena);
}

static void an_arena_refuses_products_that_overflow(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    hy_arena arena;
    hy_arena_init(&arena, &host);
    CHECK(hy_arena_alloc(&arena, SIZE_MAX, 2) == NULL);
    CHECK(hy_arena_alloc(&arena, 2, SIZE_MAX) == NULL);
    CHECK(hy_arena_alloc(&arena, SIZE_MAX / 2 + 1, 2) == NULL);
    CHECK(hy_arena_alloc(&arena, SIZE_MAX, 1) == NULL);
    CHECK(hy_arena_alloc(&arena, PTRDIFF_MAX, 1) == NULL);
    CHECK(hy_arena_string(&arena, "", SIZE_MAX) == NULL);
    CHECK_INT(counts.allocations, 0);
    CHECK(hy_arena_alloc(&arena, 0, SIZE_MAX) != NULL);
    CHECK(hy_arena_alloc(&arena, SIZE_MAX, 0) != NULL);
    hy_arena_free(&arena);
}

static void an_arena_without_memory_stays_usable(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    haya_error error;
    hy_arena arena;
    hy_arena_init(&arena, &host);
    char *before = hy_arena_string(&arena, "before", 6);
    counts.refuse_from = 1;
    CHECK(hy_arena_alloc(&arena, 1 << 20, 1) == NULL);
    CHECK(hy_arena_alloc(&arena, 3000, 1) != NULL); /* room in the first block */
    CHECK(hy_arena_alloc(&arena, 3000, 1) == NULL);
    CHECK(hy_arena_printf(&arena, "%9000d", 1) == NULL);
    CHECK_STR(before, "before");
    hy_arena_free(&arena);
    CHECK_INT(counts.alive, 0);
    CHECK_INT(hy_out_of_memory(&error, "the test"), HAYA_ERROR_MEMORY);
    CHECK_STR(error.message, "out of memory for the test");
}

static void arena_strings_are_terminated_copies(void) {
    haya_host host = default_host();
    hy_arena arena;
    hy_arena_init(&arena, &host);
    CHECK_STR(hy_arena_string(&arena, "abcdef", 3), "abc");
    CHECK_STR(hy_arena_string(&arena, NULL, 0), "");
    CHECK_STR(hy_arena_printf(&arena, "%s:%d", "node", 2), "node:2");
    CHECK_STR(hy_arena_printf(&arena, "%s", ""), "");
    char *longer = hy_arena_printf(&arena, "%100000d", 7);
    CHECK_INT(strlen(longer), 100000);
    hy_arena_free(&arena);
}

int main(void) {
    RUN(no_host_and_a_zero_host_get_the_defaults);
    RUN(a_host_with_only_a_log_allocates_by_default);
    RUN(resolving_twice_changes_nothing);
    RUN(one_callback_without_the_other_is_refused);
    RUN(a_host_without_its_size_is_refused);
    RUN(memory_is_aligned_and_size_0_is_valid);
    RUN(memory_is_given_back_with_the_size_it_was_taken);
    RUN(sizes_beyond_the_address_space_are_refused);
    RUN(a_host_that_ignores_the_alignment_is_refused);
    RUN(log_messages_are_formatted_cut_and_cleaned);
    RUN(arena_memory_is_zeroed_aligned_and_apart);
    RUN(a_freed_arena_can_be_used_again);
    RUN(small_objects_share_blocks);
    RUN(an_arena_refuses_products_that_overflow);
    RUN(an_arena_without_memory_stays_usable);
    RUN(arena_strings_are_terminated_copies);
    return test_summary();
}
