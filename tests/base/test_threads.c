/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "base/threads.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../test.h"
#include "base/machine.h"
#include "counting_host.h"

static hy_team *team_of(int threads) {
    hy_team *team;
    if (!CHECK_INT(hy_team_create(threads, NULL, NULL, &team, NULL), HAYA_OK))
        exit(1);
    return team;
}

/* ---- Loops that check themselves ----------------------------------------------------------------------------- */

#define MAX_COUNT 1000

typedef struct loop {
    int size;
    int visits[MAX_COUNT]; /* plain: the thread sanitizer is to see that no two tasks meet */
    int scratch[HY_MAX_THREADS];
    atomic_bool occupied[HY_MAX_THREADS];
} loop;

static void visit(void *argument, int64_t index, int worker) {
    loop *state = argument;
    if (worker < 0 || worker >= state->size || atomic_exchange(&state->occupied[worker], true))
        FAIL("the worker's number is taken, or out of range");
    state->visits[index]++;
    state->scratch[worker]++;
    atomic_store(&state->occupied[worker], false);
}

static void run_and_check(hy_team *team, int count) {
    static _Thread_local loop state;
    memset(&state, 0, sizeof state);
    state.size = hy_team_size(team);
    hy_team_run(team, visit, &state, count);
    int sum = 0;
    for (int i = 0; i < state.size; i++)
        sum += state.scratch[i];
    CHECK_INT(sum, count);
    for (int i = 0; i < MAX_COUNT; i++)
        if (state.visits[i] != (i < count))
            FAIL("an index was left out or done twice");
}

static void every_index_runs_once_with_any_number_of_threads(void) {
    for (int threads = 1; threads <= 8; threads++) {
        hy_team *team = team_of(threads);
        CHECK_INT(hy_team_size(team), threads);
        for (int count = 0; count < 40; count++)
            run_and_check(team, count);
        run_and_check(team, MAX_COUNT);
        hy_team_free(team);
    }
}

static void no_team_runs_on_the_caller(void) {
    CHECK_INT(hy_team_size(NULL), 1);
    run_and_check(NULL, 100);
    hy_team_run(NULL, visit, NULL, 0);
    hy_team_run(NULL, visit, NULL, -1);
    hy_team_free(NULL);
}

static void thousands_of_tiny_loops_run(void) {
    hy_team *team = team_of(4);
    for (int i = 0; i < 5000; i++)
        run_and_check(team, i % 9);
    hy_team_free(team);
}

/* Helpers fall asleep in between. */
static void loops_with_pauses_run(void) {
    hy_team *team = team_of(3);
    for (int i = 0; i < 100; i++) {
        run_and_check(team, 20);
        nanosleep(&(struct timespec){.tv_nsec = (i % 4) * 60000}, NULL);
    }
    hy_team_free(team);
}

static void *run_own_team(void *argument) {
    hy_team *team = team_of(*(int *)argument);
    for (int i = 0; i < 1000; i++)
        run_and_check(team, i % 30);
    hy_team_free(team);
    return NULL;
}

static void several_teams_run_at_once(void) {
    static int sizes[] = {1, 2, 3, 4, 2, 8};
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, run_own_team, &sizes[i]), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
}

static void teams_come_and_go(void) {
    for (int i = 0; i < 200; i++) {
        hy_team *team = team_of(1 + i % 5);
        if (i % 3)
            run_and_check(team, i % 7);
        hy_team_free(team);
    }
}

static void sleep_longer_than_helpers_spin(void *argument, int64_t index, int worker) {
    (void)worker;
    nanosleep(&(struct timespec){.tv_nsec = index == 0 ? 3000000 : 0}, NULL);
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void the_caller_waits_for_a_slow_task(void) {
    hy_team *team = team_of(4);
    for (int i = 0; i < 50; i++) {
        atomic_int done = 0;
        hy_team_run(team, sleep_longer_than_helpers_spin, &done, 8);
        CHECK_INT(done, 8);
    }
    hy_team_free(team);
}

/* ---- Who takes part ------------------------------------------------------------------------------------------ */

/* Tasks that end when all have begun: each needs a thread of its own. */
typedef struct meeting {
    atomic_int arrived;
    int expected;
    pthread_t threads[HY_MAX_THREADS];
    hy_fp_state modes[HY_MAX_THREADS];
    bool caller_signals_blocked[HY_MAX_THREADS];
} meeting;

static void note_thread(meeting *state, int64_t index) {
    sigset_t blocked;
    state->threads[index] = pthread_self();
    hy_fp_get(&state->modes[index]);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    state->caller_signals_blocked[index] = sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGALRM) &&
                                           !sigismember(&blocked, SIGBUS) && !sigismember(&blocked, SIGFPE);
}

static void meet(void *argument, int64_t index, int worker) {
    meeting *state = argument;
    (void)worker;
    note_thread(state, index);
    atomic_fetch_add(&state->arrived, 1);
    while (atomic_load(&state->arrived) < state->expected)
        sched_yield();
}

static void all_threads_of_a_team_take_part(void) {
    static meeting state;
    for (int threads = 1; threads <= 8; threads++) {
        hy_team *team = team_of(threads);
        for (int i = 0; i < 20; i++) {
            state = (meeting){.expected = threads};
            hy_team_run(team, meet, &state, threads);
            CHECK_INT(state.arrived, threads);
        }
        hy_team_free(team);
    }
}

static void helpers_compute_in_the_callers_modes(void) {
    static meeting inside, outside;
    hy_team *team = team_of(4);
    hy_fp_state own, flushing;
    inside = outside = (meeting){.expected = 4};
    hy_fp_enter(&own);
    hy_fp_get(&flushing);
    hy_team_run(team, meet, &inside, 4);
    hy_fp_leave(&own);
    hy_team_run(team, meet, &outside, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(inside.modes[i].control & ~0x3Fu, flushing.control & ~0x3Fu);
        CHECK_INT(outside.modes[i].control & ~0x3Fu, own.control & ~0x3Fu);
    }
    hy_team_free(team);
}

static void signals_are_left_to_the_applications_threads(void) {
    static meeting state;
    hy_team *team = team_of(4);
    state = (meeting){.expected = 4};
    hy_team_run(team, meet, &state, 4);
    for (int i = 0; i < 4; i++)
        CHECK_INT(state.caller_signals_blocked[i], !pthread_equal(state.threads[i], pthread_self()));
    hy_team_free(team);
}

typedef struct crowd {
    hy_team *team;
    atomic_int inside;
    atomic_bool leave;
} crowd;

static void stay(void *argument, int64_t index, int worker) {
    crowd *state = argument;
    (void)index;
    (void)worker;
    atomic_fetch_add(&state->inside, 1);
    while (!atomic_load(&state->leave))
        sched_yield();
}

static void *run_crowd(void *argument) {
    crowd *state = argument;
    hy_team_run(state->team, stay, state, hy_team_size(state->team));
    return NULL;
}

static void note(void *argument, int64_t index, int worker) {
    (void)worker;
    note_thread(argument, index);
}

static void a_team_takes_no_helpers_while_others_use_the_machine(void) {
    static meeting state;
    int available = hy_threads_available();
    crowd others = {.team = team_of(available)};
    hy_team *team = team_of(available);
    pthread_t thread;
    pthread_create(&thread, NULL, run_crowd, &others);
    while (atomic_load(&others.inside) < available)
        sched_yield();
    for (int i = 0; i < 20; i++) {
        hy_team_run(team, note, &state, 50);
        for (int j = 0; j < 50; j++)
            CHECK(pthread_equal(state.threads[j], pthread_self()));
    }
    atomic_store(&others.leave, true);
    pthread_join(thread, NULL);
    state = (meeting){.expected = available}; /* and takes them again afterwards */
    hy_team_run(team, meet, &state, available);
    hy_team_free(others.team);
    hy_team_free(team);
}

/* ---- Executors ----------------------------------------------------------------------------------------------- */

typedef struct foreign_task {
    void (*task)(void *argument, int32_t index);
    void *argument;
    int32_t index;
    bool modes_kept;
} foreign_task;

static void *foreign_main(void *argument) {
    foreign_task *self = argument;
    hy_fp_state before, after;
    hy_fp_get(&before);
    self->task(self->argument, self->index);
    hy_fp_get(&after);
    self->modes_kept = before.control == after.control;
    return NULL;
}

static void run_on_new_threads(void *user, void (*task)(void *, int32_t), void *argument, int32_t count) {
    foreign_task tasks[16];
    pthread_t threads[16];
    atomic_fetch_add((atomic_int *)user, 1);
    CHECK(count >= 2 && count <= 4);
    for (int32_t i = 0; i < count; i++) {
        tasks[i] = (foreign_task){.task = task, .argument = argument, .index = i};
        pthread_create(&threads[i], NULL, foreign_main, &tasks[i]);
    }
    for (int32_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        CHECK(tasks[i].modes_kept);
    }
}

static void run_backwards(void *user, void (*task)(void *, int32_t), void *argument, int32_t count) {
    atomic_fetch_add((atomic_int *)user, 1);
    while (count > 0)
        task(argument, --count);
}

static void loops_go_to_the_executor(void) {
    void (*const runs[])(void *, void (*)(void *, int32_t), void *, int32_t) = {run_on_new_threads, run_backwards};
    for (int i = 0; i < 2; i++) {
        atomic_int calls = 0;
        haya_executor executor = {.threads = 4, .run = runs[i], .user = &calls};
        hy_fp_state saved;
        hy_team *team;
        CHECK_INT(hy_team_create(8, &executor, NULL, &team, NULL), HAYA_OK);
        CHECK_INT(hy_team_size(team), 4);
        hy_fp_enter(&saved);
        for (int count = 0; count < 100; count++)
            run_and_check(team, count);
        hy_fp_leave(&saved);
        CHECK_INT(calls, 98); /* none for 0 and 1 */
        hy_team_free(team);
    }
}

static void the_executor_does_not_widen_the_team(void) {
    atomic_int calls = 0;
    haya_executor executor = {.threads = 4, .run = run_backwards, .user = &calls};
    hy_team *team;
    CHECK_INT(hy_team_create(2, &executor, NULL, &team, NULL), HAYA_OK);
    CHECK_INT(hy_team_size(team), 2);
    hy_team_free(team);
}

/* ---- Refusals ------------------------------------------------------------------------------------------------ */

static void impossible_numbers_of_threads_are_refused(void) {
    haya_executor executor = {.threads = 0, .run = run_backwards};
    haya_error error;
    hy_team *team;
    CHECK_INT(hy_team_create(0, NULL, NULL, &team, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_team_create(-3, NULL, NULL, &team, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_team_create(HY_MAX_THREADS + 1, NULL, NULL, &team, &error), HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "257");
    CHECK_INT(hy_team_create(2, &executor, NULL, &team, &error), HAYA_ERROR_ARGUMENT);
    CHECK(team == NULL);
}

static void a_run_allocates_nothing(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    hy_team *team;
    CHECK_INT(hy_team_create(4, NULL, &host, &team, NULL), HAYA_OK);
    int before = counts.allocations;
    for (int i = 0; i < 10; i++)
        run_and_check(team, 100);
    CHECK_INT(counts.allocations, before);
    hy_team_free(team);
    CHECK_INT(counts.alive, 0);
    CHECK_INT(counts.bytes, 0);
    counts.refuse_from = 0;
    CHECK_INT(hy_team_create(4, NULL, &host, &team, NULL), HAYA_ERROR_MEMORY);
    CHECK(team == NULL);
}

static int count_own_threads(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

static void *return_at_once(void *argument) {
    return argument;
}

/* In a child, as a user of whom nobody else runs anything: room for `room` threads more. */
static int create_with_room_for(int room) {
    struct rlimit limit = {(rlim_t)room + 1, (rlim_t)room + 1};
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    haya_error error;
    hy_team *team = (hy_team *)&error;
    if (geteuid() == 0 && setuid(54321) != 0)
        return 2;
    pthread_t thread; /* the thread sanitizer starts one of its own beside the first */
    if (pthread_create(&thread, NULL, return_at_once, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 2;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0)
        return 2;
    int before = count_own_threads();
    haya_status status = hy_team_create(8, NULL, &host, &team, &error);
    if (status == HAYA_OK) { /* limits don't count here */
        hy_team_free(team);
        return 2;
    }
    for (int i = 0; i < 30000 && count_own_threads() != before; i++) /* the kernel needs a moment after a join */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    CHECK_INT(status, HAYA_ERROR_THREAD);
    CHECK_HAS(error.message, "of 8 cannot be created");
    CHECK(team == NULL);
    CHECK_INT(count_own_threads(), before);
    CHECK_INT(counts.alive, 0);
    return atomic_load(&test_failed_checks) ? 1 : 0;
}

static void a_thread_that_cannot_be_created_is_an_error(void) {
    for (int room = 0; room < 6; room += 2) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            int result = create_with_room_for(room);
            fflush(stdout);
            _exit(result);
        }
        int status;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 1);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
            printf("(threads cannot be limited here, not tested)\n");
    }
}

int main(void) {
    RUN(a_thread_that_cannot_be_created_is_an_error); /* first, since it forks */
    RUN(every_index_runs_once_with_any_number_of_threads);
    RUN(no_team_runs_on_the_caller);
    RUN(thousands_of_tiny_loops_run);
    RUN(loops_with_pauses_run);
    RUN(several_teams_run_at_once);
    RUN(teams_come_and_go);
    RUN(the_caller_waits_for_a_slow_task);
    RUN(all_threads_of_a_team_take_part);
    RUN(helpers_compute_in_the_callers_modes);
    RUN(signals_are_left_to_the_applications_threads);
    RUN(a_team_takes_no_helpers_while_others_use_the_machine);
    RUN(loops_go_to_the_executor);
    RUN(the_executor_does_not_widen_the_team);
    RUN(impossible_numbers_of_threads_are_refused);
    RUN(a_run_allocates_nothing);
    return test_summary();
}
