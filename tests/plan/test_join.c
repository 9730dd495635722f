/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins, pass by pass: what graphs of today's operations don't lead to. tests/plan/test_plan.c has the rest.
 */
#include <string.h>

#include "../test.h"
#include "plan/plan.h"

enum { A, JOINED, VALUES };

typedef struct passes {
    hy_arena arena;
    hy_value values[VALUES];
    hy_draft drafts[4];
    hy_drafts all;
} passes;

static hy_view rows(int64_t first, int64_t count, int64_t width)
{
    return (hy_view){.dtype = HAYA_FLOAT32, .rank = 2, .dims = {4, count}, .strides = {width, 1}, .offset = first};
}

static void add_draft(passes *p, hy_family family, int32_t in, int32_t out, hy_view from, hy_view to)
{
    hy_draft *draft = &p->drafts[p->all.count++];
    *draft = (hy_draft){.in = {in}, .out = out, .node = "node", .op = "Op"};
    draft->call = (hy_call){.family = family, .input_count = 1, .in = {from}, .out = to};
    draft->call.unary.op = HY_RELU;
}

/* A [4, 16] is computed from nothing that matters, then copied to the left half of JOINED [4, 32]. */
static void begin(passes *p)
{
    *p = (passes){.all = {.values = p->values, .value_count = VALUES, .drafts = p->drafts}};
    haya_host host;
    haya_error error;
    CHECK_INT(hy_host_resolve(NULL, &host, &error), HAYA_OK);
    hy_arena_init(&p->arena, &host);
    p->all.arena = p->all.temporary = &p->arena;
    p->values[A] = (hy_value){.operand = {HAYA_FLOAT32, {2, {4, 16}}, NULL}, .alias = -1};
    p->values[JOINED] = (hy_value){.operand = {HAYA_FLOAT32, {2, {4, 32}}, NULL}, .alias = -1};
    add_draft(p, HY_UNARY, HY_VALUE_ZERO, A, rows(0, 16, 0), rows(0, 16, 16));
    p->drafts[0].call.in[0].strides[1] = 0;
}

static void the_writer_of_a_part_writes_to_the_join(void)
{
    passes p;
    begin(&p);
    add_draft(&p, HY_COPY, A, JOINED, rows(0, 16, 16), rows(16, 16, 32));
    add_draft(&p, HY_COPY, HY_VALUE_ZERO, JOINED, rows(0, 16, 0), rows(0, 16, 32));
    CHECK_INT(hy_join(&p.all), HAYA_OK);
    CHECK(p.drafts[1].dead && !p.drafts[2].dead);
    CHECK_INT(hy_value_owner(&p.all, p.drafts[0].out), JOINED);
    CHECK_INT(p.drafts[0].call.out.offset, 16);
    CHECK_INT(p.drafts[0].call.out.strides[0], 32);
    CHECK_INT(p.drafts[0].call.out.strides[1], 1);
    hy_arena_free(&p.arena);
}

/* First all of the join is filled, then a part written over: written earlier, the part would be lost. */
static void a_part_that_is_written_over_something_stays_a_copy(void)
{
    passes p;
    begin(&p);
    add_draft(&p, HY_UNARY, HY_VALUE_ZERO, JOINED, rows(0, 32, 0), rows(0, 32, 32));
    add_draft(&p, HY_COPY, A, JOINED, rows(0, 16, 16), rows(16, 16, 32));
    CHECK_INT(hy_join(&p.all), HAYA_OK);
    CHECK(!p.drafts[2].dead);
    CHECK_INT(hy_value_owner(&p.all, p.drafts[0].out), A);
    CHECK_INT(p.drafts[0].call.out.strides[0], 16);
    hy_arena_free(&p.arena);
}

int main(void)
{
    RUN(the_writer_of_a_part_writes_to_the_join);
    RUN(a_part_that_is_written_over_something_stays_a_copy);
    return test_summary();
}
