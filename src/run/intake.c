/* SPDX-License-Identifier: Apache-2.0
 *
 * How a model's weights come from its file into its first run. Left alone, a kernel that touches a page for the
 * first time waits until it is read, and so on at the next. Here the system is asked for weights some steps ahead,
 * in the order in which steps use them and not in the file's, so that the disk works while earlier steps compute;
 * and before a step begins, its pages are mapped, many at a time and by all threads.
 */
#include "run/run.h"

/* What a fast disk reads during a long step, and no more: what is asked for takes memory, and the place in the
   device's queue of what is needed sooner. */
#define AHEAD_BYTES ((size_t)64 << 20)
#define CHUNK_BYTES ((size_t)2 << 20) /* that one thread maps */

/* A step's operand `k` as a range of the file; none if it isn't one that is used in place. */
typedef struct range {
    size_t offset, bytes;
} range;

static range weight_range(const hy_intake *intake, size_t index, int k)
{
    const hy_place *place = &intake->plan->steps[index].in[k];
    if (place->kind != HY_PLACE_EXTERNAL)
        return (range){0, 0};
    const hy_file *file = intake->weights->model->file;
    uintptr_t first = (uintptr_t)hy_file_data(file), at = (uintptr_t)intake->weights->externals[place->index];
    if (at < first || at - first >= hy_file_size(file))
        return (range){0, 0};
    return (range){at - first, intake->plan->program->externals[place->index].bytes};
}

static void request_ahead(hy_intake *intake)
{
    for (; intake->next < intake->plan->step_count && intake->ahead < AHEAD_BYTES; intake->next++)
        for (int k = 0; k < intake->plan->steps[intake->next].call.input_count; k++) {
            range r = weight_range(intake, intake->next, k);
            if (r.bytes)
                hy_file_request(intake->weights->model->file, r.offset, r.bytes);
            intake->ahead += r.bytes;
        }
}

typedef struct populating {
    const hy_file *file;
    range range;
} populating;

static void populate_chunk(void *argument, int64_t index, int worker)
{
    const populating *p = argument;
    size_t done = (size_t)index * CHUNK_BYTES, left = p->range.bytes - done;
    hy_file_populate(p->file, p->range.offset + done, left < CHUNK_BYTES ? left : CHUNK_BYTES);
    (void)worker;
}

void hy_intake_step(hy_intake *intake, size_t index)
{
    request_ahead(intake);
    for (int k = 0; k < intake->plan->steps[index].call.input_count; k++) {
        populating p = {intake->weights->model->file, weight_range(intake, index, k)};
        hy_team_run(intake->team, populate_chunk, &p, (int64_t)((p.range.bytes + CHUNK_BYTES - 1) / CHUNK_BYTES));
        intake->ahead -= p.range.bytes;
    }
}

bool hy_intake_begin(hy_intake *intake, hy_team *team, const haya_plan *plan, const haya_weights *weights)
{
    atomic_bool *fresh = &((haya_weights *)(uintptr_t)weights)->fresh;
    *intake = (hy_intake){.team = team, .plan = plan, .weights = weights};
    return atomic_load_explicit(fresh, memory_order_relaxed)
        && atomic_exchange_explicit(fresh, false, memory_order_relaxed);
}

void hy_intake_all(hy_team *team, const haya_plan *plan, const haya_weights *weights)
{
    hy_intake intake = {.team = team, .plan = plan, .weights = weights};
    for (size_t i = 0; i < plan->step_count; i++)
        hy_intake_step(&intake, i);
}

void hy_weights_refresh(const haya_weights *weights)
{
    atomic_store_explicit(&((haya_weights *)(uintptr_t)weights)->fresh, hy_file_is_mapped(weights->model->file),
                          memory_order_relaxed);
}
