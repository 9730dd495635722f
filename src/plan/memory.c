/* SPDX-License-Identifier: Apache-2.0
 *
 * Placing blocks with known lifetimes: largest first, each at the lowest offset where it overlaps no block that is
 * alive at the same time and has been placed. Not optimal (that is NP-hard), but within a few percent on networks.
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

haya_status hy_place_blocks(hy_block *blocks, size_t count, size_t alignment, hy_arena *temporary, size_t *total,
                            haya_error *error)
{
    hy_block **order = HY_ARENA_NEW(temporary, hy_block *, count);
    hy_block **placed = HY_ARENA_NEW(temporary, hy_block *, count + 1);
    if (!order || !placed)
        return hy_out_of_memory(error, "memory plan");
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = &blocks[i];
        if (blocks[i].bytes > SIZE_MAX / 4 / (count + 1))
            return hy_fail(error, HAYA_ERROR_LIMIT, NULL, "a tensor of %zu bytes is too large", blocks[i].bytes);
        blocks[i].bytes = (blocks[i].bytes + alignment - 1) / alignment * alignment;
    }
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
    return HAYA_OK;
}
