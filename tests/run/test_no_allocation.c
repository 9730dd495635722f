/* SPDX-License-Identifier: Apache-2.0
 *
 * A run allocates nothing: neither from the host nor from the C library, whose functions the linker replaces by those
 * here (-Wl,--wrap=malloc and so on; the program must be linked with the static engine).
 */
#include <pthread.h>
#include <stdlib.h>

#include "../test.h"
#include "../base/counting_host.h"
#include "../base/scratch.h"
#include "../graph/nets.h"
#include "loop.h"

static atomic_int calls;

/* name, arguments with types, arguments */
#define WRAP(result, name, parameters, arguments) \
    result __real_##name parameters;              \
    result __wrap_##name parameters;              \
    result __wrap_##name parameters               \
    {                                             \
        atomic_fetch_add(&calls, 1);              \
        return __real_##name arguments;           \
    }

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *memory, size_t size), (memory, size))
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WRAP(int, posix_memalign, (void **memory, size_t alignment, size_t size), (memory, alignment, size))
WRAP(void, free, (void *memory), (memory))
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument),
     (thread, attributes, start, argument))

/* Mapped, so that its first run has something to fetch. */
static haya_model *open_unet(uint32_t seed, const haya_host *host)
{
    net n = {0};
    net_unet(&n, "", 6, seed);
    pb graph = net_write(&n);
    char name[32];
    snprintf(name, sizeof name, "unet%u.pb", (unsigned)seed);
    FILE *file = fopen(scratch_path(name), "wb");
    CHECK(file && fwrite(graph.data, 1, graph.size, file) == graph.size && fclose(file) == 0);
    pb_free(&graph);
    haya_model_options options = {.struct_size = sizeof options};
    if (host)
        options.host = *host;
    haya_model *model;
    CHECK_INT(haya_model_open(scratch_path(name), &options, &model, NULL), HAYA_OK);
    return model;
}

/* Programs whose weights are partly computed at bind (batch norm) and decoded (splat constants). */
static void check_runs(bool prepare, bool strided)
{
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    haya_model *models[2] = {open_unet(1, &host), open_unet(2, &host)};
    haya_shape shape = loop_shape(4, 1, 30, 22, 1);
    haya_session_options options = {.struct_size = sizeof options, .threads = 3, .host = host};
    haya_program *program;
    haya_weights *weights[2];
    haya_plan *plan;
    haya_session *session;
    haya_error error;
    CHECK_INT(haya_program_create(models[0], NULL, &program, &error), HAYA_OK);
    for (int i = 0; i < 2; i++)
        CHECK_INT(haya_weights_bind(program, models[i], &weights[i], &error), HAYA_OK);
    CHECK_INT(haya_plan_create(program, &shape, 1, NULL, &plan, &error), HAYA_OK);
    CHECK_INT(haya_session_create(&options, &session, &error), HAYA_OK);
    CHECK_INT(prepare ? haya_prepare(session, plan, weights[0], &error) : haya_session_reserve(session, plan, &error),
              HAYA_OK);
    haya_tensor in = loop_tensor(HAYA_FLOAT32, shape), out = loop_tensor(HAYA_FLOAT32, shape), bad = in;
    if (strided)
        memcpy(in.strides, (int64_t[]){30 * 22 * 4, 4, 30 * 4, 4}, 4 * sizeof(int64_t));
    bad.dtype = HAYA_INT8;

    int host_before = atomic_load(&counts.allocations), before = atomic_load(&calls);
    haya_status statuses = HAYA_OK;
    for (int i = 0; i < 20; i++)
        statuses |= haya_run(session, plan, weights[i % 2], &in, 1, &out, 1, &error);
    haya_status refused = haya_run(session, plan, weights[0], &bad, 1, &out, 1, &error);
    int after = atomic_load(&calls), host_after = atomic_load(&counts.allocations);
    CHECK_INT(statuses, HAYA_OK);
    CHECK_INT(refused, HAYA_ERROR_SHAPE);
    CHECK_INT(after - before, 0);
    CHECK_INT(host_after - host_before, 0);

    haya_session_free(session);
    haya_plan_free(plan);
    for (int i = 0; i < 2; i++) {
        haya_weights_free(weights[i]);
        haya_model_close(models[i]);
    }
    haya_program_free(program);
    CHECK_INT(atomic_load(&counts.alive), 0);
    free(in.data);
    free(out.data);
}

static void the_functions_are_replaced(void)
{
    int before = atomic_load(&calls);
    haya_model *model = open_unet(1, NULL);
    CHECK(atomic_load(&calls) > before);
    haya_model_close(model);
}

static void a_run_after_reserve_allocates_nothing(void)
{
    check_runs(false, false);
}

static void a_run_after_prepare_allocates_nothing(void)
{
    check_runs(true, false);
}

static void a_run_on_strided_tensors_allocates_nothing(void)
{
    check_runs(false, true);
}

int main(void)
{
    scratch_create();
    RUN(the_functions_are_replaced);
    RUN(a_run_after_reserve_allocates_nothing);
    RUN(a_run_after_prepare_allocates_nothing);
    RUN(a_run_on_strided_tensors_allocates_nothing);
    return test_summary();
}
