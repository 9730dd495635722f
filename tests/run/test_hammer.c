/* SPDX-License-Identifier: Apache-2.0
 *
 * Six sessions on six threads hammer one plan with mixed weights, while another thread prepares, binds and plans: every
 * result must have the bits of a single-threaded run. To be run under a thread sanitizer, too.
 *
 *     test_hammer [runs of each thread]
 */
#include <pthread.h>
#include <stdlib.h>

#include "../test.h"
#include "../graph/nets.h"
#include "loop.h"

#define THREADS 6
#define WEIGHTS 4
#define INPUTS 3

static int runs = 300;

static haya_model *models[WEIGHTS];
static haya_weights *weights[WEIGHTS];
static haya_tensor inputs[INPUTS];
static haya_tensor wanted[WEIGHTS][INPUTS];
static loop shared; /* its program and plan */
static atomic_int working;

typedef struct worker {
    pthread_t thread;
    int number;
    int differences, failures;
} worker;

static haya_session *make_session(int threads)
{
    haya_session_options options = {.struct_size = sizeof options, .threads = threads};
    haya_session *session;
    haya_error error;
    if (haya_session_create(&options, &session, &error) != HAYA_OK)
        FAIL(error.message);
    return session;
}

static void *hammer(void *argument)
{
    worker *w = argument;
    haya_error error;
    haya_session *session = make_session(1 + w->number % 3);
    haya_tensor out = loop_tensor(HAYA_FLOAT32, shared.out[0].shape);
    w->failures += haya_session_reserve(session, shared.plan, &error) != HAYA_OK;
    for (int i = 0; i < runs; i++) {
        int which = (i * 5 + w->number) % WEIGHTS, in = (i * 7 + w->number) % INPUTS;
        memset(out.data, 0xEE, out.bytes);
        w->failures += haya_run(session, shared.plan, weights[which], &inputs[in], 1, &out, 1, &error) != HAYA_OK;
        w->differences += memcmp(out.data, wanted[which][in].data, out.bytes) != 0;
    }
    haya_session_free(session);
    free(out.data);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* Prepares and frees sessions, weights and plans of the same program until the others are done. */
static void *disturb(void *argument)
{
    worker *w = argument;
    haya_error error;
    for (int i = 0; atomic_load(&working) > 0; i++) {
        haya_weights *own;
        haya_plan *plan;
        haya_shape shape = loop_shape(4, 1, 4 + 2 * (i % 4), 6, 1);
        haya_session *session = make_session(2);
        w->failures += haya_weights_bind(shared.program, models[i % WEIGHTS], &own, &error) != HAYA_OK;
        w->failures += haya_plan_create(shared.program, &shape, 1, NULL, &plan, &error) != HAYA_OK;
        w->failures += haya_prepare(session, plan, own, &error) != HAYA_OK;
        w->failures += haya_prepare(session, shared.plan, weights[i % WEIGHTS], &error) != HAYA_OK;
        haya_plan_free(plan);
        haya_weights_free(own);
        haya_session_free(session);
    }
    return NULL;
}

static bool set_up(void)
{
    haya_shape shape = loop_shape(4, 1, 12, 14, 1);
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        net n = {0};
        net_unet(&n, i % 2 ? "model_1/" : "", 4, i + 1);
        models[i] = net_open(&n, "unet.pb");
    }
    if (!loop_make(&shared, models[0], NULL, NULL, &shape, 1))
        return false;
    haya_session *session = make_session(1);
    haya_session_reserve(session, shared.plan, &shared.error);
    for (uint32_t k = 0; k < INPUTS; k++) {
        inputs[k] = loop_tensor(HAYA_FLOAT32, shape);
        loop_fill(&inputs[k], k + 10);
    }
    for (int i = 0; i < WEIGHTS; i++) {
        if (haya_weights_bind(shared.program, models[i], &weights[i], &shared.error) != HAYA_OK)
            return false;
        for (int k = 0; k < INPUTS; k++) {
            wanted[i][k] = loop_tensor(HAYA_FLOAT32, shared.out[0].shape);
            if (haya_run(session, shared.plan, weights[i], &inputs[k], 1, &wanted[i][k], 1, &shared.error) != HAYA_OK)
                return false;
        }
    }
    haya_session_free(session);
    return true;
}

static void tear_down(void)
{
    for (int i = 0; i < WEIGHTS; i++) {
        haya_weights_free(weights[i]);
        haya_model_close(models[i]);
        for (int k = 0; k < INPUTS; k++)
            free(wanted[i][k].data);
    }
    for (int k = 0; k < INPUTS; k++)
        free(inputs[k].data);
    loop_free(&shared);
}

static void six_sessions_and_a_background_thread_do_not_disturb_each_other(void)
{
    worker workers[THREADS + 1] = {0};
    if (!CHECK(set_up()))
        return;
    CHECK(memcmp(wanted[0][0].data, wanted[1][0].data, wanted[0][0].bytes) != 0);
    CHECK(memcmp(wanted[0][0].data, wanted[0][1].data, wanted[0][0].bytes) != 0);
    atomic_store(&working, THREADS);
    for (int i = 0; i <= THREADS; i++) {
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, i < THREADS ? hammer : disturb, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i <= THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_INT(workers[i].failures, 0);
        CHECK_INT(workers[i].differences, 0);
    }
    tear_down();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        runs = atoi(argv[1]);
    RUN(six_sessions_and_a_background_thread_do_not_disturb_each_other);
    return test_summary();
}
