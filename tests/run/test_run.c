/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions and runs: the same bits whatever the threads and the alignment, the caller's strides, what is refused, and
 * objects that are freed in any order.
 */
#include <fenv.h>
#include <pthread.h>

#include "../test.h"
#include "../base/counting_host.h"
#include "../graph/nets.h"
#include "loop.h"

#define WIDTH 16

static pb write_unet(uint32_t seed)
{
    net n = {0};
    net_unet(&n, "", WIDTH, seed);
    return net_write(&n);
}

static haya_model *open_unet(uint32_t seed)
{
    net n = {0};
    net_unet(&n, "", WIDTH, seed);
    return net_open(&n, "unet.pb");
}

static const haya_shape image = {4, {2, 22, 26, 1}};

static bool same_bytes(const haya_tensor *a, const haya_tensor *b)
{
    return a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

/* ---- The same bits ----------------------------------------------------------------------------------------------- */

static haya_session *make_session(int threads, const haya_plan *plan)
{
    haya_session_options options = {.struct_size = sizeof options, .threads = threads};
    haya_session *session;
    haya_error error;
    if (!CHECK_INT(haya_session_create(&options, &session, &error), HAYA_OK)
        || !CHECK_INT(haya_session_reserve(session, plan, &error), HAYA_OK))
        printf("    %s\n", error.message);
    return session;
}

/* The file's bytes at sixteen alignments, on one to eight threads. */
static void threads_and_alignment_change_no_bit(void)
{
    pb graph = write_unet(1);
    uint8_t *shifted = malloc(graph.size + 16);
    haya_model *model;
    haya_error error;
    loop first;
    int differences = 0;
    CHECK_INT(haya_model_from_memory(graph.data, graph.size, "unet.pb", NULL, &model, &error), HAYA_OK);
    if (!CHECK(loop_make(&first, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(loop_run(&first), HAYA_OK);
    haya_tensor out = loop_tensor(HAYA_FLOAT32, first.out[0].shape);
    haya_session *sessions[8];
    for (int i = 0; i < 8; i++)
        sessions[i] = make_session(i + 1, first.plan);
    for (int offset = 0; offset < 16; offset++) {
        haya_model *moved;
        haya_weights *weights;
        memcpy(shifted + offset, graph.data, graph.size);
        CHECK_INT(haya_model_borrow(shifted + offset, graph.size, "moved.pb", NULL, NULL, NULL, &moved, &error),
                  HAYA_OK);
        CHECK_INT(haya_weights_bind(first.program, moved, &weights, &error), HAYA_OK);
        for (int i = 0; i < 8; i++) {
            memset(out.data, 0xEE, out.bytes);
            CHECK_INT(haya_run(sessions[i], first.plan, weights, first.in, 1, &out, 1, &error), HAYA_OK);
            differences += !same_bytes(&out, &first.out[0]);
        }
        haya_weights_free(weights);
        haya_model_close(moved);
    }
    CHECK_INT(differences, 0);
    for (int i = 0; i < 8; i++)
        haya_session_free(sessions[i]);
    free(out.data);
    free(shifted);
    loop_free(&first);
    haya_model_close(model);
    pb_free(&graph);
}

static void the_callers_tensors_may_lie_anywhere(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(loop_run(&l), HAYA_OK);
    uint8_t *in = malloc(l.in[0].bytes + 16), *out = malloc(l.out[0].bytes + 16);
    for (int offset = 1; offset < 16; offset += 2) {
        haya_tensor a = l.in[0], b = l.out[0];
        a.data = memcpy(in + offset, l.in[0].data, l.in[0].bytes);
        b.data = out + offset;
        memset(out, 0x55, l.out[0].bytes + 16);
        CHECK_INT(haya_run(l.session, l.plan, l.weights, &a, 1, &b, 1, &l.error), HAYA_OK);
        CHECK(memcmp(b.data, l.out[0].data, b.bytes) == 0);
        for (int i = 0; i < 16; i++)
            CHECK(out[i < offset ? (size_t)i : b.bytes + (size_t)i] == 0x55);
    }
    free(in);
    free(out);
    loop_free(&l);
    haya_model_close(model);
}

/* ---- Strides ----------------------------------------------------------------------------------------------------- */

/* Element [i, j, k, l] of a tensor whose strides are set. */
static float *element(const haya_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l)
{
    const int64_t *s = t->strides;
    return (float *)(void *)((uint8_t *)t->data + i * s[0] + j * s[1] + k * s[2] + l * s[3]);
}

/* The image's elements put where the strides say. */
static void spread(const haya_tensor *strided, const float *dense)
{
    for (int64_t i = 0; i < image.dims[0]; i++)
        for (int64_t j = 0; j < image.dims[1]; j++)
            for (int64_t k = 0; k < image.dims[2]; k++)
                *element(strided, i, j, k, 0) = *dense++;
}

static void strided_tensors_give_the_same(void)
{
    enum { ROW = 40, ROOM = 2 * 22 * ROW };
    /* Padding between rows; columns backwards; rows and images backwards; columns before rows. */
    static const int64_t strides[][4] = {
        {22 * ROW * 4, ROW * 4, 4, 4}, {22 * ROW * 4, ROW * 4, -4, 4}, {-22 * ROW * 4, -ROW * 4, 4, 4},
        {22 * ROW * 4, 4, 22 * 4, 4}, {22 * ROW * 4, ROW * 4, 4, -400},
    };
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(loop_run(&l), HAYA_OK);
    float *in = malloc(ROOM * sizeof *in), *out = malloc(ROOM * sizeof *out);
    for (size_t which = 0; which < sizeof strides / sizeof *strides; which++) {
        haya_tensor a = l.in[0], b = l.out[0];
        memcpy(a.strides, strides[which], sizeof strides[which]);
        a.bytes = 0; /* not looked at */
        a.data = in;
        for (int i = 0; i < 3; i++)
            if (a.strides[i] < 0)
                a.data = (uint8_t *)a.data - a.strides[i] * (image.dims[i] - 1);
        spread(&a, l.in[0].data);
        memset(out, 0x55, ROOM * sizeof *out);
        b.data = out;
        memcpy(b.strides, strides[0], sizeof strides[0]);
        CHECK_INT(haya_run(l.session, l.plan, l.weights, &a, 1, &b, 1, &l.error), HAYA_OK);
        const float *dense = l.out[0].data;
        int differences = 0;
        for (int64_t i = 0; i < image.dims[0]; i++)
            for (int64_t j = 0; j < image.dims[1]; j++)
                for (int64_t k = 0; k < ROW; k++) {
                    uint32_t untouched;
                    memcpy(&untouched, element(&b, i, j, k, 0), 4);
                    differences += k < image.dims[2] ? *element(&b, i, j, k, 0) != *dense++ : untouched != 0x55555555;
                }
        CHECK_INT(differences, 0);
    }
    free(in);
    free(out);
    loop_free(&l);
    haya_model_close(model);
}

/* One image for the whole batch: a stride of 0. */
static void an_input_can_be_repeated_by_a_stride_of_0(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    size_t half = l.in[0].bytes / 2;
    memcpy((uint8_t *)l.in[0].data + half, l.in[0].data, half);
    CHECK_INT(loop_run(&l), HAYA_OK);
    haya_tensor a = l.in[0], b = loop_tensor(HAYA_FLOAT32, l.out[0].shape);
    memcpy(a.strides, (int64_t[]){0, 26 * 4, 4, 4}, 4 * sizeof(int64_t));
    CHECK_INT(haya_run(l.session, l.plan, l.weights, &a, 1, &b, 1, &l.error), HAYA_OK);
    CHECK(same_bytes(&b, &l.out[0]));
    free(b.data);
    loop_free(&l);
    haya_model_close(model);
}

/* What is read early in the run, and fetched, must last until the end. */
static void a_strided_input_can_be_fetched(void)
{
    enum { COUNT = 1000 };
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){COUNT});
    net_op(&n, "a", "Exp", "x");
    net_ints(&n, "dims", 1, (int32_t[]){COUNT});
    net_reshape(&n, "same", "x dims");
    char name[16], before[16] = "a", inputs[64];
    for (int i = 0; i < 6; i++) { /* several values in scratch, alive together */
        snprintf(name, sizeof name, "n%d", i);
        snprintf(inputs, sizeof inputs, "%s a", before);
        net_op(&n, name, i % 2 ? "Mul" : "AddV2", inputs);
        snprintf(before, sizeof before, "%s", name);
    }
    net_op(&n, "y", "Tanh", before);
    haya_model *model = net_open(&n, "fetched.pb");
    haya_shape shape = {1, {COUNT}};
    loop l;
    if (CHECK(loop_make(&l, model, NULL, "y x same", &shape, 1))) {
        float *spaced = malloc(2 * COUNT * sizeof *spaced);
        haya_tensor in = l.in[0];
        for (int i = 0; i < COUNT; i++)
            spaced[2 * i] = ((float *)in.data)[i];
        in.data = spaced;
        in.strides[0] = 8;
        CHECK_INT(haya_run(l.session, l.plan, l.weights, &in, 1, l.out, 3, &l.error), HAYA_OK);
        CHECK(memcmp(l.out[1].data, l.in[0].data, l.in[0].bytes) == 0);
        CHECK(memcmp(l.out[2].data, l.in[0].data, l.in[0].bytes) == 0);
        free(spaced);
    }
    loop_free(&l);
    haya_model_close(model);
}

/* ---- Weights, plans and sessions --------------------------------------------------------------------------------- */

static void several_weights_take_turns_on_one_plan(void)
{
    haya_model *models[4];
    haya_weights *weights[4];
    haya_tensor wanted[4];
    loop l;
    models[0] = open_unet(1);
    if (!CHECK(loop_make(&l, models[0], NULL, NULL, &image, 1)))
        return;
    for (uint32_t i = 0; i < 4; i++) {
        loop own;
        models[i] = i ? open_unet(i + 1) : models[0];
        CHECK_INT(haya_weights_bind(l.program, models[i], &weights[i], &l.error), HAYA_OK);
        if (!CHECK(loop_make(&own, models[i], NULL, NULL, &image, 1)))
            return;
        CHECK_INT(loop_run(&own), HAYA_OK);
        wanted[i] = own.out[0];
        own.out_count = 0;
        loop_free(&own);
    }
    CHECK(!same_bytes(&wanted[0], &wanted[1]));
    for (int i = 0; i < 20; i++) {
        int which = i * 7 % 4;
        CHECK_INT(haya_run(l.session, l.plan, weights[which], l.in, 1, l.out, 1, &l.error), HAYA_OK);
        CHECK(same_bytes(&l.out[0], &wanted[which]));
    }
    loop_free(&l);
    for (int i = 0; i < 4; i++) {
        haya_weights_free(weights[i]);
        haya_model_close(models[i]);
        free(wanted[i].data);
    }
}

static void one_session_serves_several_plans(void)
{
    haya_model *model = open_unet(1);
    haya_shape small = loop_shape(4, 1, 4, 4, 1);
    loop a, b;
    if (!CHECK(loop_make(&a, model, NULL, NULL, &small, 1)) || !CHECK(loop_make(&b, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(loop_run(&a), HAYA_OK);
    CHECK_INT(loop_run(&b), HAYA_OK);
    haya_tensor out_a = loop_tensor(HAYA_FLOAT32, a.out[0].shape), out_b = loop_tensor(HAYA_FLOAT32, b.out[0].shape);
    haya_session *session = make_session(2, a.plan);
    /* The weights are of another program: they were bound to their own. */
    CHECK_INT(haya_run(session, a.plan, b.weights, a.in, 1, &out_a, 1, &a.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(session, b.plan, b.weights, b.in, 1, &out_b, 1, &a.error), HAYA_ERROR_STATE);
    CHECK_HAS(a.error.message, "haya_session_reserve");
    CHECK_INT(haya_run(session, a.plan, a.weights, a.in, 1, &out_a, 1, &a.error), HAYA_OK);
    CHECK_INT(haya_session_reserve(session, b.plan, &a.error), HAYA_OK);
    CHECK_INT(haya_session_reserve(session, a.plan, &a.error), HAYA_OK); /* never shrinks */
    CHECK_INT(haya_run(session, b.plan, b.weights, b.in, 1, &out_b, 1, &a.error), HAYA_OK);
    CHECK_INT(haya_run(session, a.plan, a.weights, a.in, 1, &out_a, 1, &a.error), HAYA_OK);
    CHECK(same_bytes(&out_a, &a.out[0]) && same_bytes(&out_b, &b.out[0]));
    haya_session_free(session);
    free(out_a.data);
    free(out_b.data);
    loop_free(&a);
    loop_free(&b);
    haya_model_close(model);
}

static void a_session_without_reserve_is_refused(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){0}); /* even where nothing is needed */
    net_op(&n, "y", "Exp", "x");
    haya_model *models[2] = {open_unet(1), net_open(&n, "empty.pb")};
    haya_shape shapes[2] = {image, {1, {0}}};
    for (int i = 0; i < 2; i++) {
        loop l;
        haya_session *session;
        if (!CHECK(loop_make(&l, models[i], NULL, NULL, &shapes[i], 1)))
            return;
        CHECK_INT(haya_session_create(NULL, &session, &l.error), HAYA_OK);
        CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_ERROR_STATE);
        CHECK_INT(haya_session_reserve(session, l.plan, &l.error), HAYA_OK);
        CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_OK);
        haya_session_free(session);
        loop_free(&l);
        haya_model_close(models[i]);
    }
}

static void wrong_session_options_are_refused(void)
{
    haya_session *session;
    haya_error error;
    haya_session_options options = {.struct_size = 3};
    CHECK_INT(haya_session_create(&options, &session, &error), HAYA_ERROR_ARGUMENT);
    CHECK(!session);
    options = (haya_session_options){.struct_size = sizeof options, .threads = -1};
    CHECK_INT(haya_session_create(&options, &session, &error), HAYA_ERROR_ARGUMENT);
    options.threads = 100000;
    CHECK_INT(haya_session_create(&options, &session, &error), HAYA_ERROR_ARGUMENT);
    options.threads = 0;
    options.host.struct_size = sizeof options.host;
    options.host.allocate = counting_allocate;
    CHECK_INT(haya_session_create(&options, &session, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_session_create(NULL, NULL, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_session_reserve(NULL, NULL, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_prepare(NULL, NULL, NULL, NULL), HAYA_ERROR_ARGUMENT);
    haya_session_free(NULL);
    haya_plan_free(NULL);
    haya_weights_free(NULL);
    haya_program_free(NULL);
    haya_model_close(NULL);
}

/* ---- What a run refuses ------------------------------------------------------------------------------------------ */

static void expect(loop *l, haya_status status, const char *text)
{
    if (CHECK_INT(loop_run(l), status) && status != HAYA_OK)
        CHECK_HAS(l->error.message, text);
}

static void wrong_tensors_are_refused(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    for (int output = 0; output < 2; output++) {
        haya_tensor *t = output ? &l.out[0] : &l.in[0], good = *t;
        const char *name = output ? "output 'y'" : "input 'x'";
        t->dtype = HAYA_INT32;
        expect(&l, HAYA_ERROR_SHAPE, name);
        CHECK_HAS(l.error.message, "is float32, not int32");
        *t = good;
        t->shape.dims[1]++;
        expect(&l, HAYA_ERROR_SHAPE, "[2, 22, 26, 1] in this plan, not [2, 23, 26, 1]");
        *t = good;
        t->shape.rank = 3;
        expect(&l, HAYA_ERROR_SHAPE, name);
        *t = good;
        t->bytes--;
        expect(&l, HAYA_ERROR_SHAPE, name);
        CHECK_HAS(l.error.message, "4576 bytes, not 4575");
        *t = good;
        t->data = NULL;
        expect(&l, HAYA_ERROR_ARGUMENT, "NULL");
        *t = good;
        t->struct_size--;
        expect(&l, HAYA_ERROR_ARGUMENT, "struct_size");
        *t = good;
        t->strides[2] = 6;
        expect(&l, HAYA_ERROR_ARGUMENT, "stride 6");
        *t = good;
        t->memory = (haya_memory)7;
        expect(&l, HAYA_ERROR_ARGUMENT, "host memory");
        *t = good;
        expect(&l, HAYA_OK, "");
    }
    CHECK_INT(haya_run(l.session, l.plan, l.weights, l.in, 0, l.out, 1, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(l.session, l.plan, l.weights, l.in, 1, l.out, 2, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(l.session, l.plan, l.weights, NULL, 1, l.out, 1, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(l.session, l.plan, l.weights, l.in, 1, NULL, 1, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(NULL, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(l.session, NULL, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_run(l.session, l.plan, NULL, l.in, 1, l.out, 1, NULL), HAYA_ERROR_ARGUMENT);
    loop_free(&l);
    haya_model_close(model);
}

static void weights_of_another_program_are_refused(void)
{
    haya_model *model = open_unet(1);
    loop a, b;
    if (!CHECK(loop_make(&a, model, NULL, NULL, &image, 1)) || !CHECK(loop_make(&b, model, NULL, "c1", &image, 1)))
        return;
    CHECK_INT(haya_run(a.session, a.plan, b.weights, a.in, 1, a.out, 1, &a.error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(a.error.message, "another program");
    loop_free(&a);
    loop_free(&b);
    haya_model_close(model);
}

static void data_that_cannot_be_computed_with_gives_an_error(void)
{
    net n = {0};
    net_input_of(&n, "a", GD_INT32, 1, (int64_t[]){3});
    net_input_of(&n, "b", GD_INT32, 1, (int64_t[]){3});
    gd_attr_type(net_node(&n, "quotient", "FloorDiv", "a b"), "T", GD_INT32);
    net_weights(&n, "table", 2, (int64_t[]){5, 2}, 1);
    net_int(&n, "axis", 0);
    pb *node = net_node(&n, "rows", "GatherV2", "table a axis");
    gd_attr_type(node, "Tparams", GD_FLOAT);
    gd_attr_type(node, "Tindices", GD_INT32);
    gd_attr_type(node, "Taxis", GD_INT32);
    haya_model *model = net_open(&n, "values.pb");
    haya_shape shapes[2] = {{1, {3}}, {1, {3}}};
    loop l;
    if (CHECK(loop_make(&l, model, "a b", "quotient rows", shapes, 2))) {
        int32_t *a = l.in[0].data, *b = l.in[1].data;
        memcpy(a, (int32_t[]){1, 4, 3}, 12);
        memcpy(b, (int32_t[]){1, 2, -3}, 12);
        expect(&l, HAYA_OK, "");
        b[1] = 0;
        expect(&l, HAYA_ERROR_VALUE, "node 'quotient' (FloorDiv)");
        CHECK_STR(l.error.node, "quotient");
        CHECK_HAS(l.error.message, "values.pb");
        b[1] = 2;
        a[2] = 5;
        expect(&l, HAYA_ERROR_VALUE, "node 'rows' (GatherV2)");
        a[2] = -1;
        expect(&l, HAYA_ERROR_VALUE, "rows");
        a[2] = 0;
        expect(&l, HAYA_OK, "");
        CHECK_INT(haya_prepare(l.session, l.plan, l.weights, &l.error), HAYA_OK); /* on zeros: divides by zero */
        expect(&l, HAYA_OK, "");
    }
    loop_free(&l);
    haya_model_close(model);
}

/* ---- Executors, profiles, preparing ------------------------------------------------------------------------------ */

typedef struct executor_use {
    int loops, tasks;
} executor_use;

/* One after the other, the last one first. */
static void run_backwards(void *user, void (*task)(void *argument, int32_t index), void *argument, int32_t count)
{
    executor_use *use = user;
    use->loops++;
    for (int32_t i = count; i-- > 0; use->tasks++)
        task(argument, i);
}

typedef struct thread_task {
    void (*task)(void *argument, int32_t index);
    void *argument;
    int32_t index;
} thread_task;

static void *run_task(void *argument)
{
    thread_task *t = argument;
    t->task(t->argument, t->index);
    return NULL;
}

static void run_on_new_threads(void *user, void (*task)(void *argument, int32_t index), void *argument, int32_t count)
{
    thread_task tasks[16];
    pthread_t threads[16];
    executor_use *use = user;
    use->loops++;
    CHECK(count <= 16);
    for (int32_t i = 0; i < count; i++, use->tasks++) {
        tasks[i] = (thread_task){task, argument, i};
        if (pthread_create(&threads[i], NULL, run_task, &tasks[i]) != 0)
            abort();
    }
    for (int32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void the_callers_executor_runs_the_tasks(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(loop_run(&l), HAYA_OK);
    for (int kind = 0; kind < 2; kind++) {
        executor_use use = {0};
        haya_session *session;
        haya_tensor out = loop_tensor(HAYA_FLOAT32, l.out[0].shape);
        haya_session_options options = {
            .struct_size = sizeof options,
            .executor = {.threads = 3, .run = kind ? run_on_new_threads : run_backwards, .user = &use},
        };
        CHECK_INT(haya_session_create(&options, &session, &l.error), HAYA_OK);
        CHECK_INT(haya_session_reserve(session, l.plan, &l.error), HAYA_OK);
        CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, &out, 1, &l.error), HAYA_OK);
        CHECK(same_bytes(&out, &l.out[0]));
        CHECK(use.loops > 0 && use.tasks >= use.loops && use.tasks <= 3 * use.loops);
        haya_session_free(session);
        free(out.data);
    }
    haya_session *session;
    haya_session_options options = {.struct_size = sizeof options, .executor = {.run = run_backwards}};
    CHECK_INT(haya_session_create(&options, &session, &l.error), HAYA_ERROR_ARGUMENT);
    loop_free(&l);
    haya_model_close(model);
}

typedef struct profiled {
    const haya_plan *plan;
    size_t count;
    pthread_t thread;
} profiled;

static void note_step(void *user, const haya_plan *plan, size_t index, uint64_t nanoseconds)
{
    profiled *p = user;
    CHECK(plan == p->plan && pthread_equal(pthread_self(), p->thread));
    CHECK_INT(index, p->count++);
    CHECK(nanoseconds < (uint64_t)3600 * 1000 * 1000 * 1000);
}

static void the_profile_tells_of_every_step(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    haya_plan_info info;
    profiled p = {.plan = l.plan, .thread = pthread_self()};
    haya_session *session;
    haya_session_options options = {.struct_size = sizeof options, .threads = 2, .profile = note_step,
                                    .profile_user = &p};
    haya_plan_get_info(l.plan, &info);
    CHECK_INT(haya_session_create(&options, &session, &l.error), HAYA_OK);
    CHECK_INT(haya_session_reserve(session, l.plan, &l.error), HAYA_OK);
    CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_OK);
    CHECK_INT(p.count, (long long)info.step_count);
    haya_session_free(session);
    loop_free(&l);
    haya_model_close(model);
}

/* How fast a machine is no test can know; but what a session does meanwhile must not change how the caller computes. */
static void the_peak_is_measured_on_the_sessions_threads(void)
{
    executor_use use = {0};
    haya_session_options options = {.struct_size = sizeof options,
                                    .executor = {.threads = 3, .run = run_backwards, .user = &use}};
    haya_session *session;
    haya_error error;
    fenv_t before, after;
    if (!CHECK_INT(haya_session_create(&options, &session, &error), HAYA_OK))
        return;
    fegetenv(&before);
    double peak = haya_session_measure_peak(session);
    fegetenv(&after);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(peak > 1e7 && peak < 1e15);
    CHECK(use.loops > 0 && use.tasks % 3 == 0);
    haya_session_free(session);
}

static void prepare_makes_a_session_ready(void)
{
    haya_model *model = open_unet(1);
    loop l;
    haya_session *session;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    CHECK_INT(haya_session_create(NULL, &session, &l.error), HAYA_OK);
    CHECK_INT(haya_prepare(session, l.plan, NULL, &l.error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_prepare(session, l.plan, l.weights, &l.error), HAYA_OK);
    CHECK_INT(haya_run(session, l.plan, l.weights, l.in, 1, l.out, 1, &l.error), HAYA_OK);
    CHECK_INT(haya_prepare(session, l.plan, l.weights, &l.error), HAYA_OK);
    haya_session_free(session);
    loop_free(&l);
    haya_model_close(model);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

typedef struct objects {
    haya_model *model;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
} objects;

static void free_one(objects *o, int which)
{
    switch (which) {
    case 0: haya_model_close(o->model); break;
    case 1: haya_program_free(o->program); break;
    case 2: haya_weights_free(o->weights); break;
    case 3: haya_plan_free(o->plan); break;
    default: haya_session_free(o->session); break;
    }
}

/* All 120 orders, on one host, which gets everything back. */
static void objects_may_be_freed_in_any_order(void)
{
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    haya_shape shape = loop_shape(4, 1, 4, 4, 1);
    haya_error error;
    for (int order = 0; order < 120; order++) {
        net n = {0};
        net_unet(&n, "", 2, 1);
        objects o = {.model = net_open_with(&n, "unet.pb", &host)};
        haya_session_options options = {.struct_size = sizeof options, .threads = 1, .host = host};
        CHECK_INT(haya_program_create(o.model, NULL, &o.program, &error), HAYA_OK);
        CHECK_INT(haya_weights_bind(o.program, o.model, &o.weights, &error), HAYA_OK);
        CHECK_INT(haya_plan_create(o.program, &shape, 1, NULL, &o.plan, &error), HAYA_OK);
        CHECK_INT(haya_session_create(&options, &o.session, &error), HAYA_OK);
        CHECK_INT(haya_session_reserve(o.session, o.plan, &error), HAYA_OK);
        int left[5] = {0, 1, 2, 3, 4};
        for (int count = 5, code = order; count > 0; code /= count, count--) {
            int at = code % count;
            free_one(&o, left[at]);
            left[at] = left[count - 1];
        }
        CHECK_INT(atomic_load(&counts.alive), 0);
    }
    CHECK_INT(atomic_load(&counts.bytes), 0);
}

/* What was freed by its owner is kept by those who need it. */
static void a_run_keeps_alive_what_it_needs(void)
{
    haya_model *model = open_unet(1);
    loop l;
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    haya_model_close(model);
    haya_program_free(l.program);
    l.program = NULL;
    CHECK_INT(loop_run(&l), HAYA_OK);
    haya_step step;
    CHECK_INT(haya_plan_step(l.plan, 0, &step), HAYA_OK);
    CHECK_STR(step.node, "r1");
    loop_free(&l);
}

static int releases;

static void count_release(void *user)
{
    CHECK(user == &releases);
    releases++;
}

static void borrowed_memory_is_released_at_the_end(void)
{
    pb graph = write_unet(1);
    haya_model *model;
    haya_error error;
    loop l;
    CHECK_INT(haya_model_borrow(graph.data, graph.size, "borrowed.pb", count_release, &releases, NULL, &model, &error),
              HAYA_OK);
    if (!CHECK(loop_make(&l, model, NULL, NULL, &image, 1)))
        return;
    haya_model_close(model);
    CHECK_INT(loop_run(&l), HAYA_OK);
    CHECK_INT(releases, 0);
    loop_free(&l);
    CHECK_INT(releases, 1);
    CHECK_INT(haya_model_borrow("nonsense", 8, "bad.pb", count_release, &releases, NULL, &model, &error),
              HAYA_ERROR_FORMAT);
    CHECK_INT(releases, 2);
    pb_free(&graph);
}

/* ---- Floating-point modes ---------------------------------------------------------------------------------------- */

/* x / 3 with a constant quotient folded in between, and a quotient by zero. */
static haya_model *open_quotients(void)
{
    net n = {0};
    net_input(&n, "x", 1, (int64_t[]){64});
    net_fill(&n, "one", 0, NULL, 1);
    net_fill(&n, "three", 0, NULL, 3);
    net_fill(&n, "zero", 0, NULL, 0);
    net_op(&n, "third", "RealDiv", "one three");
    net_op(&n, "y", "Mul", "x third");
    net_op(&n, "infinite", "RealDiv", "x zero");
    /* A size that is computed in floating point: 7 * (1 / 7 rounded), folded while the program is made. */
    net_fill(&n, "seven", 1, (int64_t[]){1}, 7);
    net_fill(&n, "seventh", 1, (int64_t[]){1}, 64.0f / 7);
    net_op(&n, "about", "Mul", "seven seventh");
    net_op(&n, "rounded", "Round", "about");
    pb *node = net_node(&n, "size", "Cast", "rounded");
    gd_attr_type(node, "SrcT", GD_FLOAT);
    gd_attr_type(node, "DstT", GD_INT32);
    net_reshape(&n, "again", "x size");
    net_op(&n, "z", "Neg", "again");
    return net_open(&n, "quotients.pb");
}

static void the_callers_floating_point_modes_do_not_matter_and_are_kept(void)
{
    haya_shape shape = {1, {64}};
    haya_model *model = open_quotients();
    loop plain, odd;
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    if (!CHECK(loop_make(&plain, model, NULL, "y infinite z", &shape, 1)))
        return;
    CHECK_INT(loop_run(&plain), HAYA_OK);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        fenv_t saved;
        fegetenv(&saved);
        feclearexcept(FE_ALL_EXCEPT);
        fesetround(modes[i]);
#if defined(__GLIBC__)
        feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
#endif
        bool made = loop_try(&odd, model, NULL, "y infinite z", &shape, 1, 2) == HAYA_OK;
        haya_status status = made ? loop_run(&odd) : HAYA_ERROR_STATE;
        int rounding = fegetround(), flags = fetestexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
        fesetenv(&saved);
        CHECK(made);
        CHECK_INT(status, HAYA_OK);
        CHECK_INT(rounding, modes[i]);
        CHECK_INT(flags, 0);
        for (int k = 0; made && k < 3; k++)
            CHECK(same_bytes(&plain.out[k], &odd.out[k]));
        loop_free(&odd);
    }
    loop_free(&plain);
    haya_model_close(model);
}

int main(void)
{
    RUN(threads_and_alignment_change_no_bit);
    RUN(the_callers_tensors_may_lie_anywhere);
    RUN(strided_tensors_give_the_same);
    RUN(an_input_can_be_repeated_by_a_stride_of_0);
    RUN(a_strided_input_can_be_fetched);
    RUN(several_weights_take_turns_on_one_plan);
    RUN(one_session_serves_several_plans);
    RUN(a_session_without_reserve_is_refused);
    RUN(wrong_session_options_are_refused);
    RUN(wrong_tensors_are_refused);
    RUN(weights_of_another_program_are_refused);
    RUN(data_that_cannot_be_computed_with_gives_an_error);
    RUN(the_callers_executor_runs_the_tasks);
    RUN(the_profile_tells_of_every_step);
    RUN(the_peak_is_measured_on_the_sessions_threads);
    RUN(prepare_makes_a_session_ready);
    RUN(objects_may_be_freed_in_any_order);
    RUN(a_run_keeps_alive_what_it_needs);
    RUN(borrowed_memory_is_released_at_the_end);
    RUN(the_callers_floating_point_modes_do_not_matter_and_are_kept);
    return test_summary();
}
