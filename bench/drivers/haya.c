/* SPDX-License-Identifier: Apache-2.0
 *
 * haya, through its public header. Besides the protocol's commands:
 *
 *     prepare               from now on, load prepares each model, too, within create_ms
 *     stages FILE           what making a model ready consists of: open_ms, program_ms, bind_ms, plan_ms, session_ms
 *     bind FILE             opens and binds a model without running it: open_ms, bind_ms
 *     throughput S T MS     S callers with sessions of T threads each run all loaded models in turn for MS
 *                           milliseconds, each caller beginning with another: runs, wall_ms
 */
#define _GNU_SOURCE /* pthread_barrier_t */
#include "driver.h"

#include <haya/haya.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer_model {
    haya_model *file;
    haya_weights *weights;
};

#define MAX_BOUND 4096
#define MAX_CALLERS 64

/* What all models share; made from the first. */
static struct {
    int threads;
    bool prepare;
    haya_shape shape;
    haya_tensor input, output;
    haya_program *program;
    haya_plan *plan;
    haya_session *session;
    peer_model *loaded[MAX_BOUND]; /* models that are run, and those that are only bound */
    size_t loaded_count;
    peer_model *bound[MAX_BOUND];
    size_t bound_count;
} peer;

static bool ok(haya_status status, const haya_error *error) {
    if (status != HAYA_OK) {
        driver_fail("%s: %s", haya_status_name(status), error->message);
    }
    return status == HAYA_OK;
}

bool peer_start(int threads, const driver_input *input, char **options, const char **version,
                const char **settings) {
    (void)options;
    peer.threads = threads;
    peer.shape.rank = (int32_t)input->rank;
    memcpy(peer.shape.dims, input->dims, sizeof peer.shape.dims);
    peer.input = haya_tensor_dense(HAYA_FLOAT32, peer.shape, input->data);
    *version = haya_version();
    *settings = "C API, one session for all models";
    return true;
}

/* ---- Models ---------------------------------------------------------------------------------------------------- */

static bool create_session(int threads, haya_session **session) {
    haya_error error;
    haya_session_options options = {.struct_size = sizeof options, .threads = threads};
    return ok(haya_session_create(&options, session, &error), &error) &&
           ok(haya_session_reserve(*session, peer.plan, &error), &error);
}

static bool make_shared(haya_model *first) {
    haya_error error;
    haya_value value;
    if (!ok(haya_program_create(first, NULL, &peer.program, &error), &error) ||
        !ok(haya_plan_create(peer.program, &peer.shape, 1, NULL, &peer.plan, &error), &error) ||
        !create_session(peer.threads, &peer.session) ||
        !ok(haya_plan_output(peer.plan, 0, &value), &(haya_error){.message = "the plan has no output"})) {
        return false;
    }
    size_t bytes = sizeof(float);
    for (int32_t i = 0; i < value.shape.rank; i++) {
        bytes *= (size_t)value.shape.dims[i];
    }
    float *data = malloc(bytes);
    if (!data) {
        driver_fail("no memory for the output");
        return false;
    }
    peer.output = haya_tensor_dense(HAYA_FLOAT32, value.shape, data);
    return true;
}

static peer_model *open_model(const char *path) {
    haya_error error;
    peer_model *model = calloc(1, sizeof *model);
    if (!model || !ok(haya_model_open(path, NULL, &model->file, &error), &error)) {
        free(model);
        return NULL;
    }
    return model;
}

peer_model *peer_create(const char *path) {
    haya_error error;
    if (peer.loaded_count == MAX_BOUND) {
        driver_fail("more than %d models", MAX_BOUND);
        return NULL;
    }
    peer_model *model = open_model(path);
    if (!model) {
        return NULL;
    }
    if ((!peer.program && !make_shared(model->file)) ||
        !ok(haya_weights_bind(peer.program, model->file, &model->weights, &error), &error) ||
        (peer.prepare && !ok(haya_prepare(peer.session, peer.plan, model->weights, &error), &error))) {
        peer_free(model);
        return NULL;
    }
    peer.loaded[peer.loaded_count++] = model;
    return model;
}

bool peer_run(peer_model *model) {
    haya_error error;
    return ok(haya_run(peer.session, peer.plan, model->weights, &peer.input, 1, &peer.output, 1, &error), &error);
}

const float *peer_output(peer_model *model, size_t *count) {
    (void)model;
    *count = peer.output.bytes / sizeof(float);
    return peer.output.data;
}

void peer_free(peer_model *model) {
    if (peer.loaded_count > 0 && peer.loaded[peer.loaded_count - 1] == model) {
        peer.loaded_count--;
    }
    haya_weights_free(model->weights);
    haya_model_close(model->file);
    free(model);
}

/* ---- Commands of its own ----------------------------------------------------------------------------------------- */

static bool time_stages(const char *path) {
    haya_error error;
    double at[6];
    haya_model *file = NULL;
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    haya_plan *plan = NULL;
    haya_session *session = NULL;
    haya_session_options options = {.struct_size = sizeof options, .threads = peer.threads};

    at[0] = driver_now_ms();
    bool done = ok(haya_model_open(path, NULL, &file, &error), &error);
    at[1] = driver_now_ms();
    done = done && ok(haya_program_create(file, NULL, &program, &error), &error);
    at[2] = driver_now_ms();
    done = done && ok(haya_weights_bind(program, file, &weights, &error), &error);
    at[3] = driver_now_ms();
    done = done && ok(haya_plan_create(program, &peer.shape, 1, NULL, &plan, &error), &error);
    at[4] = driver_now_ms();
    done = done && ok(haya_session_create(&options, &session, &error), &error) &&
           ok(haya_session_reserve(session, plan, &error), &error);
    at[5] = driver_now_ms();

    haya_session_free(session);
    haya_plan_free(plan);
    haya_weights_free(weights);
    haya_program_free(program);
    haya_model_close(file);
    if (done) {
        driver_answer("\"open_ms\": %.6f, \"program_ms\": %.6f, \"bind_ms\": %.6f, \"plan_ms\": %.6f, "
                      "\"session_ms\": %.6f", at[1] - at[0], at[2] - at[1], at[3] - at[2], at[4] - at[3],
                      at[5] - at[4]);
    }
    return done;
}

static bool bind_only(const char *path) {
    haya_error error;
    if (peer.bound_count == MAX_BOUND || !peer.program) {
        driver_fail("bind comes after load, %d times at most", MAX_BOUND);
        return false;
    }
    double start = driver_now_ms();
    peer_model *model = open_model(path);
    double opened = driver_now_ms();
    if (!model || !ok(haya_weights_bind(peer.program, model->file, &model->weights, &error), &error)) {
        return false;
    }
    double bound = driver_now_ms();
    peer.bound[peer.bound_count++] = model;
    driver_answer("\"open_ms\": %.6f, \"bind_ms\": %.6f", opened - start, bound - opened);
    return true;
}

typedef struct caller {
    pthread_t thread;
    pthread_barrier_t *start;
    haya_session *session;
    haya_tensor output;
    size_t first;
    double milliseconds;
    size_t runs;
    double began, ended;
    bool failed;
} caller;

static void *call(void *argument) {
    caller *c = argument;
    haya_error error;
    pthread_barrier_wait(c->start);
    c->began = driver_now_ms();
    do {
        const peer_model *model = peer.loaded[(c->first + c->runs) % peer.loaded_count];
        c->failed = haya_run(c->session, peer.plan, model->weights, &peer.input, 1, &c->output, 1, &error) !=
                    HAYA_OK;
        c->runs++;
        c->ended = driver_now_ms();
    } while (!c->failed && c->ended < c->began + c->milliseconds);
    return NULL;
}

static bool start_callers(caller *callers, size_t count, int threads, double milliseconds,
                          pthread_barrier_t *start) {
    for (size_t i = 0; i < count; i++) {
        caller *c = &callers[i];
        *c = (caller){.start = start, .output = peer.output, .first = i * peer.loaded_count / count,
                      .milliseconds = milliseconds};
        c->output.data = malloc(peer.output.bytes);
        if (!c->output.data || !create_session(threads, &c->session)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&callers[i].thread, NULL, call, &callers[i]) != 0) {
            abort(); /* the others wait at the barrier */
        }
    }
    return true;
}

static bool throughput(size_t count, int threads, double milliseconds) {
    caller callers[MAX_CALLERS] = {0};
    pthread_barrier_t start;
    if (count == 0 || count > MAX_CALLERS || peer.loaded_count == 0) {
        driver_fail("1 to %d callers, and models that are loaded", MAX_CALLERS);
        return false;
    }
    pthread_barrier_init(&start, NULL, (unsigned)count + 1);
    bool done = start_callers(callers, count, threads, milliseconds, &start);
    if (done) {
        pthread_barrier_wait(&start);
        double began = INFINITY, ended = 0;
        size_t runs = 0;
        for (size_t i = 0; i < count; i++) {
            pthread_join(callers[i].thread, NULL);
            runs += callers[i].runs;
            began = fmin(began, callers[i].began);
            ended = fmax(ended, callers[i].ended);
            done = done && !callers[i].failed;
        }
        if (done) {
            driver_answer("\"runs\": %zu, \"wall_ms\": %.6f", runs, ended - began);
        } else {
            driver_fail("a run failed");
        }
    }
    for (size_t i = 0; i < count; i++) {
        haya_session_free(callers[i].session);
        free(callers[i].output.data);
    }
    pthread_barrier_destroy(&start);
    return done;
}

bool peer_command(const char *command, char *rest) {
    if (strcmp(command, "prepare") == 0) {
        peer.prepare = true;
        driver_answer("%s", "");
        return true;
    }
    if (strcmp(command, "stages") == 0) {
        return time_stages(rest);
    }
    if (strcmp(command, "bind") == 0) {
        return bind_only(rest);
    }
    size_t callers;
    int threads;
    double milliseconds;
    return strcmp(command, "throughput") == 0 &&
           sscanf(rest, "%zu %d %lf", &callers, &threads, &milliseconds) == 3 &&
           throughput(callers, threads, milliseconds);
}
