/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation fails in turn, alone or with all that follow: the call says so (HAYA_ERROR_MEMORY), gives nothing,
 * and nothing is lost.
 */
#include <stdlib.h>

#include "../test.h"
#include "../graph/nets.h"
#include "loop.h"

typedef struct failing_host {
    int next, refused, last; /* refuses the allocations refused .. last */
    atomic_int alive;
} failing_host;

static void *failing_allocate(void *user, size_t size, size_t alignment)
{
    failing_host *host = user;
    void *memory;
    int number = host->next++;
    if ((number >= host->refused && number <= host->last) || posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    memset(memory, 0xA5, size);
    atomic_fetch_add(&host->alive, 1);
    return memory;
}

static void failing_release(void *user, void *memory, size_t size)
{
    failing_host *host = user;
    memset(memory, 0x5A, size);
    free(memory);
    atomic_fetch_sub(&host->alive, 1);
}

/* A conditional by a folded condition around a function call, behind it a U-Net. */
static pb write_net(const char *prefix)
{
    net n = {0};
    char name[32];
    net_unet(&n, prefix, 2, 1);
    net_const(&n, "no", GD_BOOL, 0, NULL, "\0", 1);
    pb *node = net_node(&n, "phase", "PlaceholderWithDefault", "no");
    gd_attr_type(node, "dtype", GD_BOOL);
    gd_attr_shape(node, "shape", 0, NULL);
    net_node(&n, "not", "LogicalNot", "phase");
    snprintf(name, sizeof name, "%sy not", prefix);
    net_op(&n, "switch", "Switch", name);
    node = net_node(&n, "call", "negate", "switch:1");
    gd_attr_int(net_op(&n, "merge", "Merge", "switch call"), "N", 2);
    snprintf(name, sizeof name, "%sz", prefix);
    net_op(&n, name, "Exp", "merge");
    pb function = {0}, signature = {0}, inner = {0};
    pb_string(&signature, 1, "negate");
    gd_argument(&signature, 2, "a");
    gd_argument(&signature, 3, "result");
    pb_message(&function, 1, &signature);
    gd_begin(&inner, "neg", "Neg");
    gd_input(&inner, "a");
    gd_attr_type(&inner, "T", GD_FLOAT);
    pb_message(&function, 3, &inner);
    gd_return(&function, "result", "neg:y:0");
    net_function(&n, &function);
    return net_write(&n);
}

typedef struct everything {
    haya_model *model, *other;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
} everything;

/* All calls in turn up to the first that fails, whose status is returned. */
static haya_status do_all(everything *all, const pb *graph, const pb *other, int threads, const haya_host *host,
                          haya_error *error)
{
    haya_model_options options = {.struct_size = sizeof options, .host = *host};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = threads, .host = *host};
    haya_shape shape = loop_shape(4, 1, 4, 4, 1);
    *all = (everything){0};
    haya_status status = haya_model_from_memory(graph->data, graph->size, "a.pb", &options, &all->model, error);
    if (status == HAYA_OK)
        status = haya_model_borrow(other->data, other->size, "b.pb", NULL, NULL, &options, &all->other, error);
    if (status == HAYA_OK)
        status = haya_program_create(all->model, NULL, &all->program, error);
    if (status == HAYA_OK)
        status = haya_weights_bind(all->program, all->other, &all->weights, error);
    if (status == HAYA_OK)
        status = haya_plan_create(all->program, &shape, 1, NULL, &all->plan, error);
    if (status == HAYA_OK)
        status = haya_session_create(&session_options, &all->session, error);
    if (status == HAYA_OK)
        status = haya_session_reserve(all->session, all->plan, error);
    if (status == HAYA_OK)
        status = haya_prepare(all->session, all->plan, all->weights, error);
    return status;
}

static void free_all(everything *all)
{
    haya_model_close(all->model);
    haya_model_close(all->other);
    haya_program_free(all->program);
    haya_weights_free(all->weights);
    haya_plan_free(all->plan);
    haya_session_free(all->session);
}

/* Refuses allocation 0, 1, 2 ... until all went well. */
static void fail_each(bool those_after_too, int threads)
{
    pb graph = write_net(""), other = write_net("model_1/"); /* matched by order */
    failing_host counts = {0};
    haya_host host = {.struct_size = sizeof host, .allocate = failing_allocate, .release = failing_release,
                      .user = &counts};
    int number = 0;
    for (bool reached = true; reached && number < 10000; number++) {
        everything all;
        haya_error error = {0};
        counts.next = 0;
        counts.refused = number;
        counts.last = those_after_too ? INT32_MAX : number;
        haya_status status = do_all(&all, &graph, &other, threads, &host, &error);
        reached = counts.next > number;
        if (!CHECK_INT(status, reached ? HAYA_ERROR_MEMORY : HAYA_OK)
            || (reached && !CHECK_HAS(error.message, "out of memory")))
            printf("    allocation %d: %s\n", number, error.message);
        free_all(&all);
        if (!CHECK_INT(atomic_load(&counts.alive), 0)) {
            printf("    allocation %d\n", number);
            break;
        }
    }
    CHECK(number > 20 && number < 10000);
    pb_free(&graph);
    pb_free(&other);
}

static void a_single_allocation_that_fails_is_reported(void)
{
    fail_each(false, 1);
    fail_each(false, 3);
}

static void all_allocations_failing_from_one_on_is_reported(void)
{
    fail_each(true, 1);
}

/* The session stays usable for what it had reserved. */
static void a_session_survives_a_reserve_that_failed(void)
{
    net n = {0};
    net_unet(&n, "", 2, 1);
    haya_model *model = net_open(&n, "unet.pb");
    failing_host counts = {.refused = INT32_MAX, .last = INT32_MAX};
    haya_host host = {.struct_size = sizeof host, .allocate = failing_allocate, .release = failing_release,
                      .user = &counts};
    haya_session_options options = {.struct_size = sizeof options, .threads = 1, .host = host};
    haya_shape small = loop_shape(4, 1, 4, 4, 1), large = loop_shape(4, 1, 64, 64, 1);
    loop l;
    haya_plan *plan;
    haya_session *session;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &small, 1)))
        return;
    CHECK_INT(haya_plan_create(l.program, &large, 1, NULL, &plan, &l.error), HAYA_OK);
    CHECK_INT(haya_session_create(&options, &session, &l.error), HAYA_OK);
    CHECK_INT(haya_session_reserve(session, l.plan, &l.error), HAYA_OK);
    counts.refused = 0;
    CHECK_INT(haya_session_reserve(session, plan, &l.error), HAYA_ERROR_MEMORY);
    CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_OK);
    haya_session_free(session);
    CHECK_INT(atomic_load(&counts.alive), 0);
    haya_plan_free(plan);
    loop_free(&l);
    haya_model_close(model);
}

int main(void)
{
    RUN(a_single_allocation_that_fails_is_reported);
    RUN(all_allocations_failing_from_one_on_is_reported);
    RUN(a_session_survives_a_reserve_that_failed);
    return test_summary();
}
