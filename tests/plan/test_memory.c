/* SPDX-License-Identifier: Apache-2.0
 *
 * Placing blocks: never on top of each other, in little more memory than must be, and always in the same way.
 */
#include <stdlib.h>

#include "../test.h"
#include "plan/plan.h"

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(state >> 4) * below >> 28);
}

/* Lives in 0 .. steps - 1, sizes up to `largest`, zeros among them. */
static void draw_blocks(hy_block *blocks, size_t count, uint32_t steps, uint32_t longest, uint32_t largest)
{
    for (size_t i = 0; i < count; i++) {
        int32_t first = (int32_t)draw(steps);
        blocks[i] = (hy_block){.bytes = draw(8) ? draw(largest) : 64 * draw(4), .first = first,
                               .last = first + (int32_t)draw(longest), .offset = SIZE_MAX};
    }
}

static size_t place(hy_block *blocks, size_t count, size_t alignment)
{
    haya_host host;
    hy_arena arena;
    haya_error error;
    size_t total = SIZE_MAX;
    CHECK_INT(hy_host_resolve(NULL, &host, &error), HAYA_OK);
    hy_arena_init(&arena, &host);
    CHECK_INT(hy_place_blocks(blocks, count, alignment, &arena, &total, &error), HAYA_OK);
    hy_arena_free(&arena);
    return total;
}

static bool overlap(const hy_block *a, const hy_block *b)
{
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes
        && b->offset < a->offset + a->bytes;
}

static size_t count_faults(const hy_block *blocks, size_t count, size_t alignment, size_t total)
{
    size_t faults = 0;
    for (size_t i = 0; i < count; i++) {
        faults += blocks[i].offset % alignment != 0 || blocks[i].offset + blocks[i].bytes > total;
        for (size_t k = 0; k < i; k++)
            faults += overlap(&blocks[i], &blocks[k]);
    }
    return faults;
}

/* What is alive at the fullest moment. */
static size_t lower_bound(const hy_block *blocks, size_t count)
{
    size_t bound = 0;
    for (size_t i = 0; i < count; i++) {
        size_t alive = 0; /* the fullest moment is one at which a block begins */
        for (size_t k = 0; k < count; k++)
            if (blocks[k].first <= blocks[i].first && blocks[i].first <= blocks[k].last)
                alive += blocks[k].bytes;
        bound = alive > bound ? alive : bound;
    }
    return bound;
}

static void blocks_alive_together_never_overlap(void)
{
    hy_block blocks[64];
    double worst = 0, sum = 0;
    size_t cases = 4000, faults = 0;
    for (size_t i = 0; i < cases; i++) {
        size_t count = 1 + draw(64);
        size_t alignment = (size_t)16 << draw(4);
        draw_blocks(blocks, count, 1 + draw(40), 1 + draw(20), 1 + draw(i % 2 ? 100000 : 300));
        size_t total = place(blocks, count, alignment);
        faults += count_faults(blocks, count, alignment, total);
        size_t bound = lower_bound(blocks, count);
        double ratio = bound ? (double)total / (double)bound : 1;
        worst = ratio > worst ? ratio : worst;
        sum += ratio;
    }
    CHECK_INT(faults, 0);
    if (!CHECK(worst < 2) || !CHECK(sum / (double)cases < 1.15))
        printf("    at most %.2f, %.3f on average\n", worst, sum / (double)cases);
}

/* A chain in which each step reads the block before needs the two largest neighbours. */
static void a_chain_needs_two_neighbours(void)
{
    enum { COUNT = 50 };
    hy_block blocks[COUNT];
    for (int i = 0; i < COUNT; i++)
        blocks[i] = (hy_block){.bytes = 1024, .first = i, .last = i + 1};
    CHECK_INT(place(blocks, COUNT, 64), 2048);
}

static void nothing_at_all_takes_nothing(void)
{
    hy_block none = {.bytes = 0, .first = 0, .last = 3, .offset = 77};
    CHECK_INT(place(&none, 0, 64), 0);
    CHECK_INT(place(&none, 1, 64), 0);
    CHECK_INT(none.offset, 0);
}

static void sizes_are_rounded_up_to_the_alignment(void)
{
    hy_block blocks[2] = {{.bytes = 1, .first = 0, .last = 1}, {.bytes = 1, .first = 0, .last = 1}};
    CHECK_INT(place(blocks, 2, 64), 128);
    CHECK_INT(blocks[0].bytes, 64);
}

static void placing_twice_gives_the_same(void)
{
    enum { COUNT = 300 };
    hy_block a[COUNT], b[COUNT];
    for (int i = 0; i < 50; i++) {
        draw_blocks(a, COUNT, 60, 20, 5);
        memcpy(b, a, sizeof a);
        CHECK_INT(place(a, COUNT, 64), (long long)place(b, COUNT, 64));
        size_t differences = 0;
        for (int k = 0; k < COUNT; k++)
            differences += a[k].offset != b[k].offset;
        CHECK_INT(differences, 0);
    }
}

static void sizes_that_overflow_are_refused(void)
{
    haya_host host;
    hy_arena arena;
    haya_error error;
    size_t total;
    CHECK_INT(hy_host_resolve(NULL, &host, &error), HAYA_OK);
    hy_arena_init(&arena, &host);
    hy_block blocks[2] = {{.bytes = SIZE_MAX / 2, .last = 1}, {.bytes = SIZE_MAX / 2, .last = 1}};
    CHECK_INT(hy_place_blocks(blocks, 2, 64, &arena, &total, &error), HAYA_ERROR_LIMIT);
    hy_arena_free(&arena);
}

/* Sorted by offset, blocks of so large a number can be compared with their neighbours in time only. */
static int by_offset(const void *a, const void *b)
{
    const hy_block *x = a, *y = b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : x->first - y->first;
}

static void very_many_blocks_are_placed_in_little_time(void)
{
    enum { COUNT = 300000 };
    hy_block *blocks = malloc(COUNT * sizeof *blocks);
    size_t alive = 0, faults = 0;
    if (!CHECK(blocks))
        return;
    draw_blocks(blocks, COUNT, COUNT, 30, 3000);
    size_t total = place(blocks, COUNT, 64);
    for (size_t i = 0; i < COUNT; i++)
        alive += blocks[i].bytes * (size_t)(blocks[i].last - blocks[i].first + 1);
    /* Places are of fixed sizes here, so that those that share one have the same offset. */
    qsort(blocks, COUNT, sizeof *blocks, by_offset);
    for (size_t i = 1; i < COUNT; i++) {
        const hy_block *before = &blocks[i - 1], *block = &blocks[i];
        if (before->offset == block->offset)
            faults += before->last >= block->first && before->bytes && block->bytes;
        else
            faults += before->offset + before->bytes > block->offset;
        faults += block->offset % 64 != 0 || block->offset + block->bytes > total;
    }
    CHECK_INT(faults, 0);
    CHECK(total < 6 * alive / COUNT);
    free(blocks);
}

int main(void)
{
    RUN(blocks_alive_together_never_overlap);
    RUN(a_chain_needs_two_neighbours);
    RUN(nothing_at_all_takes_nothing);
    RUN(sizes_are_rounded_up_to_the_alignment);
    RUN(placing_twice_gives_the_same);
    RUN(sizes_that_overflow_are_refused);
    RUN(very_many_blocks_are_placed_in_little_time);
    return test_summary();
}
