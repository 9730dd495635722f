/* SPDX-License-Identifier: Apache-2.0
 *
 * Model files that change while they are in use: between runs and, by way of the profile callback, within one. The
 * program's SIGBUS handler asks haya_handle_fault.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "../test.h"
#include "../base/scratch.h"
#include "../graph/nets.h"
#include "loop.h"

static atomic_int faults;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (haya_handle_fault(info->si_addr)) {
        atomic_fetch_add(&faults, 1);
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* Two layers, the second one with parameters of many pages at the file's end. */
#define FIRST 16
#define SECOND 20000

static pb write_layers(uint32_t seed)
{
    net n = {0};
    net_input(&n, "x", 2, (int64_t[]){-1, 8});
    net_weights(&n, "w1", 2, (int64_t[]){8, FIRST}, seed);
    net_op(&n, "a", "MatMul", "x w1");
    net_op(&n, "b", "Tanh", "a");
    net_op(&n, "y", "MatMul", "b w2");
    net_weights(&n, "w2", 2, (int64_t[]){FIRST, SECOND}, seed + 1);
    return net_write(&n);
}

static void write_file(const char *path, const pb *graph)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, graph->data, graph->size) != (ssize_t)graph->size || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

typedef enum change { NOTHING, TRUNCATE, EMPTY, OVERWRITE, APPEND, TOUCH, REPLACE, DELETE } change;

static void do_change(change what, const char *path)
{
    pb other = write_layers(77);
    int fd;
    switch (what) {
    case NOTHING:
        break;
    case TRUNCATE:
        CHECK(truncate(path, (off_t)(other.size / 2)) == 0);
        break;
    case EMPTY:
        CHECK(truncate(path, 0) == 0);
        break;
    case OVERWRITE:
        fd = open(path, O_WRONLY);
        CHECK(fd >= 0 && pwrite(fd, other.data, other.size, 0) == (ssize_t)other.size && close(fd) == 0);
        break;
    case APPEND:
        fd = open(path, O_WRONLY | O_APPEND);
        CHECK(fd >= 0 && write(fd, "more", 4) == 4 && close(fd) == 0);
        break;
    case TOUCH:
        CHECK(utimensat(AT_FDCWD, path, NULL, 0) == 0);
        break;
    case REPLACE:
        write_file(scratch_path("new.pb"), &other);
        CHECK(rename(scratch_path("new.pb"), path) == 0);
        break;
    case DELETE:
        CHECK(unlink(path) == 0);
        break;
    }
    pb_free(&other);
}

/* ---- The model and its run --------------------------------------------------------------------------------------- */

typedef struct setting {
    char path[512];
    haya_model *model;
    loop l;
    haya_session *session; /* with the profile callback */
    change during;         /* what happens after the first step */
    float *before;         /* the first run's result */
} setting;

static void change_after_first_step(void *user, const haya_plan *plan, size_t index, uint64_t nanoseconds)
{
    setting *s = user;
    (void)plan;
    (void)nanoseconds;
    if (index == 0)
        do_change(s->during, s->path);
}

static bool set_up(setting *s, bool read_into_memory, bool first_run)
{
    static int number;
    char name[32];
    memset(s, 0, sizeof *s);
    snprintf(name, sizeof name, "model%d.pb", number++);
    snprintf(s->path, sizeof s->path, "%s", scratch_path(name));
    pb graph = write_layers(1);
    write_file(s->path, &graph);
    pb_free(&graph);
    scratch_let_time_pass();
    haya_model_options options = {.struct_size = sizeof options, .read_into_memory = read_into_memory};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = 2,
                                            .profile = change_after_first_step, .profile_user = s};
    haya_shape shape = loop_shape(2, 3, 8, 0, 0);
    haya_error error;
    if (!CHECK_INT(haya_model_open(s->path, &options, &s->model, &error), HAYA_OK)
        || !CHECK(loop_make(&s->l, s->model, NULL, NULL, &shape, 1))
        || !CHECK_INT(haya_session_create(&session_options, &s->session, &error), HAYA_OK)
        || !CHECK_INT(haya_session_reserve(s->session, s->l.plan, &error), HAYA_OK))
        return false;
    if (first_run) {
        CHECK_INT(loop_run(&s->l), HAYA_OK);
        s->before = malloc(s->l.out[0].bytes);
        memcpy(s->before, s->l.out[0].data, s->l.out[0].bytes);
        memset(s->l.out[0].data, 0, s->l.out[0].bytes);
    }
    atomic_store(&faults, 0);
    return true;
}

static void tear_down(setting *s)
{
    free(s->before);
    haya_session_free(s->session);
    loop_free(&s->l);
    haya_model_close(s->model);
    unlink(s->path);
}

static haya_status run(setting *s)
{
    haya_status status = haya_run(s->session, s->l.plan, s->l.weights, s->l.in, 1, s->l.out, 1, &s->l.error);
    if (status == HAYA_ERROR_FILE_CHANGED)
        CHECK_HAS(s->l.error.message, s->path);
    return status;
}

static bool same_result(const setting *s)
{
    return memcmp(s->before, s->l.out[0].data, s->l.out[0].bytes) == 0;
}

/* ---- Between runs ------------------------------------------------------------------------------------------------ */

static void check_between(change what, haya_status expected)
{
    setting s;
    haya_weights *weights;
    if (!set_up(&s, false, true))
        return;
    do_change(what, s.path);
    CHECK_INT(run(&s), expected);
    CHECK_INT(run(&s), expected);
    if (expected == HAYA_OK)
        CHECK(same_result(&s));
    CHECK_INT(haya_weights_bind(s.l.program, s.model, &weights, &s.l.error), expected);
    CHECK_INT(weights != NULL, expected == HAYA_OK);
    CHECK_INT(haya_prepare(s.session, s.l.plan, s.l.weights, &s.l.error), expected);
    CHECK_INT(atomic_load(&faults), 0);
    haya_weights_free(weights);
    tear_down(&s);
}

static void a_file_truncated_between_runs_is_noticed(void)
{
    check_between(TRUNCATE, HAYA_ERROR_FILE_CHANGED);
    check_between(EMPTY, HAYA_ERROR_FILE_CHANGED);
}

static void a_file_overwritten_between_runs_is_noticed(void)
{
    check_between(OVERWRITE, HAYA_ERROR_FILE_CHANGED);
    check_between(APPEND, HAYA_ERROR_FILE_CHANGED);
    check_between(TOUCH, HAYA_ERROR_FILE_CHANGED);
}

static void a_file_replaced_between_runs_stays_the_old_one(void)
{
    check_between(REPLACE, HAYA_OK);
}

static void a_file_deleted_between_runs_stays_in_use(void)
{
    check_between(DELETE, HAYA_OK);
}

/* ---- Within a run ------------------------------------------------------------------------------------------------ */

/* The first run, which fetches weights ahead, and a later one. */
static void check_within(change what, haya_status expected, bool faulting)
{
    for (int later = 0; later < 2; later++) {
        setting s;
        if (!set_up(&s, false, later))
            return;
        s.during = what;
        CHECK_INT(run(&s), expected);
        CHECK_INT(atomic_load(&faults) > 0, faulting);
        if (expected == HAYA_OK && later)
            CHECK(same_result(&s));
        s.during = NOTHING;
        CHECK_INT(run(&s), expected);
        tear_down(&s);
    }
}

static void a_file_truncated_within_a_run_is_noticed(void)
{
    check_within(TRUNCATE, HAYA_ERROR_FILE_CHANGED, true);
    check_within(EMPTY, HAYA_ERROR_FILE_CHANGED, true);
}

static void a_file_overwritten_within_a_run_is_noticed(void)
{
    check_within(OVERWRITE, HAYA_ERROR_FILE_CHANGED, false);
    check_within(APPEND, HAYA_ERROR_FILE_CHANGED, false);
}

static void a_file_replaced_within_a_run_stays_the_old_one(void)
{
    check_within(REPLACE, HAYA_OK, false);
}

static void a_file_deleted_within_a_run_stays_in_use(void)
{
    check_within(DELETE, HAYA_OK, false);
}

/* A fault marks the model for good, even when the file gets its old contents back. */
static void a_model_that_was_damaged_stays_so(void)
{
    setting s;
    haya_weights *weights;
    if (!set_up(&s, false, true))
        return;
    s.during = TRUNCATE;
    CHECK_INT(run(&s), HAYA_ERROR_FILE_CHANGED);
    CHECK(atomic_load(&faults) > 0);
    s.during = NOTHING;
    unlink(s.path); /* so that there is nothing to compare with */
    CHECK_INT(run(&s), HAYA_ERROR_FILE_CHANGED);
    CHECK_INT(haya_weights_bind(s.l.program, s.model, &weights, &s.l.error), HAYA_ERROR_FILE_CHANGED);
    tear_down(&s);
}

/* Other models in other mappings are not concerned. */
static void other_models_go_on(void)
{
    setting damaged, healthy;
    if (!set_up(&damaged, false, true) || !set_up(&healthy, false, true))
        return;
    damaged.during = EMPTY;
    CHECK_INT(run(&damaged), HAYA_ERROR_FILE_CHANGED);
    CHECK_INT(run(&healthy), HAYA_OK);
    CHECK(same_result(&healthy));
    tear_down(&damaged);
    tear_down(&healthy);
}

/* ---- Opening and binding ----------------------------------------------------------------------------------------- */

static void a_model_read_into_memory_is_immune(void)
{
    for (change what = TRUNCATE; what <= DELETE; what++) {
        setting s;
        haya_weights *weights;
        if (!set_up(&s, true, true))
            return;
        s.during = what;
        CHECK_INT(run(&s), HAYA_OK);
        CHECK(same_result(&s));
        s.during = NOTHING;
        CHECK_INT(run(&s), HAYA_OK);
        CHECK_INT(haya_weights_bind(s.l.program, s.model, &weights, &s.l.error), HAYA_OK);
        CHECK_INT(atomic_load(&faults), 0);
        haya_weights_free(weights);
        tear_down(&s);
    }
}

/* Structure was copied out at open: programs and plans never look into the file again. */
static void programs_and_plans_do_not_read_the_file(void)
{
    setting s;
    haya_program *program;
    haya_plan *plan;
    haya_shape shape = loop_shape(2, 5, 8, 0, 0);
    if (!set_up(&s, false, false))
        return;
    do_change(EMPTY, s.path);
    CHECK_INT(haya_program_create(s.model, NULL, &program, &s.l.error), HAYA_OK);
    CHECK_INT(haya_plan_create(program, &shape, 1, NULL, &plan, &s.l.error), HAYA_OK);
    CHECK_INT(atomic_load(&faults), 0);
    haya_plan_free(plan);
    haya_program_free(program);
    tear_down(&s);
}

static void what_cannot_be_opened_is_an_error(void)
{
    haya_model *model;
    haya_error error;
    CHECK_INT(haya_model_open(scratch_path("nowhere.pb"), NULL, &model, &error), HAYA_ERROR_IO);
    CHECK_HAS(error.message, "nowhere.pb");
    CHECK_INT(haya_model_open(scratch_directory, NULL, &model, &error), HAYA_ERROR_IO);
    scratch_fill(scratch_path("empty.pb"), 0, 0);
    CHECK_INT(haya_model_open(scratch_path("empty.pb"), NULL, &model, &error), HAYA_ERROR_FORMAT);
    CHECK_INT(haya_model_open(NULL, NULL, &model, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(haya_model_open(scratch_path("empty.pb"), NULL, NULL, &error), HAYA_ERROR_ARGUMENT);
}

static void addresses_outside_of_mappings_are_not_handled(void)
{
    int local = 0;
    setting s;
    if (!set_up(&s, false, true))
        return;
    CHECK(!haya_handle_fault(&local));
    CHECK(!haya_handle_fault(NULL));
    CHECK(!haya_handle_fault(s.before));
    CHECK_INT(run(&s), HAYA_OK);
    tear_down(&s);
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = on_bus_error;
    sigaction(SIGBUS, &action, NULL);
    scratch_create();
    RUN(a_file_truncated_between_runs_is_noticed);
    RUN(a_file_overwritten_between_runs_is_noticed);
    RUN(a_file_replaced_between_runs_stays_the_old_one);
    RUN(a_file_deleted_between_runs_stays_in_use);
    RUN(a_file_truncated_within_a_run_is_noticed);
    RUN(a_file_overwritten_within_a_run_is_noticed);
    RUN(a_file_replaced_within_a_run_stays_the_old_one);
    RUN(a_file_deleted_within_a_run_stays_in_use);
    RUN(a_model_that_was_damaged_stays_so);
    RUN(other_models_go_on);
    RUN(a_model_read_into_memory_is_immune);
    RUN(programs_and_plans_do_not_read_the_file);
    RUN(what_cannot_be_opened_is_an_error);
    RUN(addresses_outside_of_mappings_are_not_handled);
    return test_summary();
}
