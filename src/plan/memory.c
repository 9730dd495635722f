/* SPDX-License-Identifier: Apache-2.0
 *
 * Placing blocks with known lifetimes: largest first, each at the lowest offset where it overlaps no block that is
 * alive at the same time and has been placed. Not optimal (that is NP-hard), but within a few percent on networks.
 *
 * That takes quadratic time. Graphs with very many tensors, which no network has, get places of sizes that are powers
 * of two instead, reused in order of time.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

static int compare_size(const void *a, const void *b)
{
    const hy_block *x = *(hy_block *const *)a, *y = *(hy_block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x < y ? -1 : x > y; /* a total order: the same plan everywhere */
}

static int compare_first(const void *a, const void *b)
{
    const hy_block *x = *(hy_block *const *)a, *y = *(hy_block *const *)b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x < y ? -1 : x > y;
}

static int compare_last(const void *a, const void *b)
{
    const hy_block *x = *(hy_block *const *)a, *y = *(hy_block *const *)b;
    return x->last != y->last ? (x->last < y->last ? -1 : 1) : x < y ? -1 : x > y;
}

static bool alive_together(const hy_block *a, const hy_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Inserts into the list of placed blocks, sorted by offset. */
static void insert_sorted(hy_block **placed, size_t count, hy_block *block)
{
    size_t at = count;
    while (at > 0 && placed[at - 1]->offset > block->offset)
        at--;
    memmove(placed + at + 1, placed + at, (count - at) * sizeof *placed);
    placed[at] = block;
}

static void place_by_size(hy_block **order, hy_block **placed, size_t count, size_t *total)
{
    qsort(order, count, sizeof *order, compare_size);
    for (size_t i = 0; i < count; i++) {
        hy_block *block = order[i];
        block->offset = 0;
        for (size_t k = 0; k < i; k++) {
            if (!alive_together(block, placed[k]))
                continue;
            if (block->offset + block->bytes <= placed[k]->offset)
                break; /* the gap before it is large enough, and those behind lie higher still */
            if (placed[k]->offset + placed[k]->bytes > block->offset)
                block->offset = placed[k]->offset + placed[k]->bytes;
        }
        insert_sorted(placed, i, block);
        if (block->offset + block->bytes > *total)
            *total = block->offset + block->bytes;
    }
}

#define MANY_BLOCKS 16384
#define SIZE_CLASSES 64

/* The smallest class of places, alignment << class bytes each, in which the bytes have room. */
static int size_class(size_t bytes, size_t alignment)
{
    int class = 0;
    while (alignment << class < bytes)
        class++;
    return class;
}

/* `free_places` has room for all blocks' places. */
static void place_by_time(hy_block **starts, hy_block **ends, size_t count, size_t alignment, int32_t *free_places,
                          const hy_block *blocks, size_t *total)
{
    int32_t heads[SIZE_CLASSES]; /* of lists of blocks whose places are free; free_places: the next one; -1: none */
    for (int i = 0; i < SIZE_CLASSES; i++)
        heads[i] = -1;
    qsort(starts, count, sizeof *starts, compare_first);
    qsort(ends, count, sizeof *ends, compare_last);
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        for (; ends[ended]->last < starts[i]->first; ended++) {
            int freed = size_class(ends[ended]->bytes, alignment);
            free_places[ends[ended] - blocks] = heads[freed];
            heads[freed] = (int32_t)(ends[ended] - blocks);
        }
        int class = size_class(starts[i]->bytes, alignment);
        int32_t reused = heads[class];
        if (reused >= 0) {
            heads[class] = free_places[reused];
            starts[i]->offset = blocks[reused].offset;
        } else {
            starts[i]->offset = *total;
            *total += alignment << class;
        }
    }
}

haya_status hy_place_blocks(hy_block *blocks, size_t count, size_t alignment, hy_arena *temporary, size_t *total,
                            haya_error *error)
{
    hy_block **order = HY_ARENA_NEW(temporary, hy_block *, count);
    hy_block **placed = HY_ARENA_NEW(temporary, hy_block *, count + 1);
    int32_t *free_places = HY_ARENA_NEW(temporary, int32_t, count > MANY_BLOCKS ? count : 0);
    if (!order || !placed || !free_places || count > INT32_MAX)
        return hy_out_of_memory(error, "memory plan");
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = placed[i] = &blocks[i];
        if (blocks[i].bytes > SIZE_MAX / 4 / (count + 1))
            return hy_fail(error, HAYA_ERROR_LIMIT, NULL, "a tensor of %zu bytes is too large", blocks[i].bytes);
        blocks[i].bytes = (blocks[i].bytes + alignment - 1) / alignment * alignment;
    }
    if (count > MANY_BLOCKS)
        place_by_time(order, placed, count, alignment, free_places, blocks, total);
    else
        place_by_size(order, placed, count, total);
    return HAYA_OK;
}
