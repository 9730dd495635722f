/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller of a loop takes part in it; the team's other threads, its helpers, wait for loops and join those that
 * they find open. Joining is never obligatory: the caller could do all tasks alone, and a helper that wakes up late
 * finds the loop closed and costs no one anything. All that decides who takes part is one atomic word, the gate.
 */
#define _GNU_SOURCE /* pthread_sigmask, pthread_setname_np */

#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/machine.h"

/* The gate, from its low bits: helpers in the loop, helpers allowed, three flags, the loop's number. */
#define ONE_ACTIVE UINT64_C(1)
#define ACTIVE_BITS UINT64_C(0xFFF)
#define LIMIT_SHIFT 12
#define LIMIT_BITS (UINT64_C(0xFFF) << LIMIT_SHIFT)
#define CLOSED (UINT64_C(1) << 24)  /* no one may join any more */
#define WAITING (UINT64_C(1) << 25) /* the caller sleeps until the last helper has left */
#define QUIT (UINT64_C(1) << 26)    /* helpers are to end */
#define LOOP_SHIFT 27

#define SPIN_NANOSECONDS 50000 /* about what it costs to put a thread to sleep and wake it */
#define STACK_BYTES ((size_t)512 << 10)

typedef struct helper {
    hy_team *team;
    pthread_t thread;
    int worker;
} helper;

struct hy_team {
    /* Of the loop that runs: written by the caller while no helper is in. */
    hy_task *task;
    void *argument;
    int64_t count;
    hy_fp_state modes;

    _Alignas(HY_CACHE_LINE) atomic_uint_least64_t gate;
    _Alignas(HY_CACHE_LINE) atomic_int_least64_t next; /* index to hand out */
    _Alignas(HY_CACHE_LINE) atomic_int sleepers;       /* helpers; changed under the mutex */

    haya_host host;
    haya_executor executor;
    pthread_mutex_t mutex;
    pthread_cond_t opened; /* for helpers */
    pthread_cond_t left;   /* for the caller */
    int size;
    int capacity; /* threads that may be busy in all teams when this one starts a loop */
    bool spins;
    int helper_count; /* created so far */
    helper helpers[]; /* size - 1 */
};

/* ---- Sharing the machine among teams ----------------------------------------------------------------------- */

/* Threads in loops, callers and helpers, of all teams. */
static atomic_int busy_threads;

/* Counts the caller as busy, and as many helpers, at most `wanted`, as the capacity allows. Returns how many. */
static int take_threads(const hy_team *team, int wanted) {
    int busy = atomic_load(&busy_threads);
    int helpers;
    do {
        int spare = team->capacity - busy - 1;
        helpers = spare < 0 ? 0 : spare < wanted ? spare : wanted;
    } while (!atomic_compare_exchange_weak(&busy_threads, &busy, busy + 1 + helpers));
    return helpers;
}

static void give_back_threads(int helpers) {
    atomic_fetch_sub(&busy_threads, 1 + helpers);
}

/* ---- Waiting ------------------------------------------------------------------------------------------------- */

static void pause_processor(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct spinner {
    uint64_t deadline; /* 0: not begun */
    unsigned turns;
} spinner;

/* A short pause; false when it is time to sleep instead. The yield costs little where a processor is free, and
   where none is, it is often the awaited thread that gets this one. */
static bool spin(const hy_team *team, spinner *state) {
    if (!team->spins)
        return false;
    pause_processor();
    if (++state->turns % 32 != 0)
        return true;
    sched_yield();
    uint64_t now = hy_clock_nanoseconds();
    if (state->deadline == 0)
        state->deadline = now + SPIN_NANOSECONDS;
    return now < state->deadline;
}

/* ---- Helpers ------------------------------------------------------------------------------------------------- */

static void run_tasks(hy_team *team, int worker) {
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed);
        if (index >= team->count)
            return;
        team->task(team->argument, index, worker);
    }
}

static bool is_joinable(uint64_t gate, uint64_t last_loop) {
    uint64_t active = gate & ACTIVE_BITS;
    uint64_t limit = (gate & LIMIT_BITS) >> LIMIT_SHIFT;
    return !(gate & (CLOSED | QUIT)) && gate >> LOOP_SHIFT != last_loop && active < limit;
}

/* Joins the open loop, unless it is the last one again. */
static bool try_join(hy_team *team, uint64_t *last_loop) {
    uint64_t gate = atomic_load(&team->gate);
    while (is_joinable(gate, *last_loop)) {
        if (atomic_compare_exchange_weak(&team->gate, &gate, gate + ONE_ACTIVE)) {
            *last_loop = gate >> LOOP_SHIFT;
            return true;
        }
    }
    return false;
}

static bool must_quit(hy_team *team) {
    return atomic_load(&team->gate) & QUIT;
}

/* Sleeps until a loop opens. The helper counts itself before it looks at the gate for the last time, and the caller
   opens the gate before it looks at the count: one of them notices the other. */
static void sleep_until_opened(hy_team *team, uint64_t last_loop) {
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (!must_quit(team) && !is_joinable(atomic_load(&team->gate), last_loop))
        pthread_cond_wait(&team->opened, &team->mutex);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

/* False when the helper is to end. */
static bool join_next_loop(hy_team *team, uint64_t *last_loop) {
    for (;;) {
        spinner state = {0};
        do {
            if (must_quit(team))
                return false;
            if (try_join(team, last_loop))
                return true;
        } while (spin(team, &state));
        sleep_until_opened(team, *last_loop);
    }
}

static void leave_loop(hy_team *team) {
    uint64_t before = atomic_fetch_sub(&team->gate, ONE_ACTIVE);
    if ((before & ACTIVE_BITS) == 1 && (before & WAITING)) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_signal(&team->left);
        pthread_mutex_unlock(&team->mutex);
    }
}

static void *helper_main(void *argument) {
    helper *self = argument;
    hy_team *team = self->team;
    uint64_t last_loop = 0;
    while (join_next_loop(team, &last_loop)) {
        hy_fp_adopt(&team->modes);
        run_tasks(team, self->worker);
        leave_loop(team);
    }
    return NULL;
}

/* ---- Loops --------------------------------------------------------------------------------------------------- */

static void wake_helpers(hy_team *team, int wanted) {
    int sleepers = atomic_load(&team->sleepers);
    int awake = team->helper_count - sleepers;
    wanted -= awake;
    if (wanted <= 0)
        return;
    pthread_mutex_lock(&team->mutex);
    if (wanted >= sleepers)
        pthread_cond_broadcast(&team->opened);
    else
        for (int i = 0; i < wanted; i++)
            pthread_cond_signal(&team->opened);
    pthread_mutex_unlock(&team->mutex);
}

static void open_loop(hy_team *team, int helpers) {
    uint64_t number = (atomic_load_explicit(&team->gate, memory_order_relaxed) >> LOOP_SHIFT) + 1;
    atomic_store(&team->gate, number << LOOP_SHIFT | (uint64_t)helpers << LIMIT_SHIFT);
    wake_helpers(team, helpers);
}

/* Lets no one in any more and waits for those who are. */
static void close_loop(hy_team *team) {
    uint64_t gate = atomic_fetch_or(&team->gate, CLOSED);
    spinner state = {0};
    while (gate & ACTIVE_BITS) {
        if (!spin(team, &state))
            break;
        gate = atomic_load(&team->gate);
    }
    if (!(gate & ACTIVE_BITS))
        return;
    pthread_mutex_lock(&team->mutex);
    gate = atomic_fetch_or(&team->gate, WAITING);
    while (gate & ACTIVE_BITS) {
        pthread_cond_wait(&team->left, &team->mutex);
        gate = atomic_load(&team->gate);
    }
    pthread_mutex_unlock(&team->mutex);
}

/* What an executor runs, on a thread that is not ours: its modes are put back. */
static void executor_task(void *argument, int32_t worker) {
    hy_team *team = argument;
    hy_fp_state modes;
    hy_fp_get(&modes);
    hy_fp_adopt(&team->modes);
    run_tasks(team, worker);
    hy_fp_leave(&modes);
}

static void run_in_order(hy_task *task, void *argument, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        task(argument, i, 0);
}

void hy_team_run(hy_team *team, hy_task *task, void *argument, int64_t count) {
    if (!team || count <= 1) {
        run_in_order(task, argument, count);
        return;
    }
    team->task = task;
    team->argument = argument;
    team->count = count;
    hy_fp_get(&team->modes);
    atomic_store_explicit(&team->next, 0, memory_order_relaxed);

    int threads = count < team->size ? (int)count : team->size;
    if (team->executor.run) {
        team->executor.run(team->executor.user, executor_task, team, threads);
        return;
    }
    int helpers = take_threads(team, threads - 1);
    if (helpers > 0)
        open_loop(team, helpers);
    run_tasks(team, 0);
    if (helpers > 0)
        close_loop(team);
    give_back_threads(helpers);
}

/* ---- Teams --------------------------------------------------------------------------------------------------- */

static size_t team_bytes(int size) {
    size_t bytes = sizeof(hy_team) + (size_t)(size - 1) * sizeof(helper);
    return (bytes + HY_CACHE_LINE - 1) / HY_CACHE_LINE * HY_CACHE_LINE;
}

/* The application's signals are for its own threads; those that an instruction raises can't be blocked. */
static void helper_signals(sigset_t *blocked) {
    sigfillset(blocked);
    sigdelset(blocked, SIGBUS);
    sigdelset(blocked, SIGSEGV);
    sigdelset(blocked, SIGFPE);
    sigdelset(blocked, SIGILL);
}

static size_t stack_bytes(void) {
    size_t least = 0; /* what the C library and the processor's registers take of it */
#if defined(_SC_THREAD_STACK_MIN)
    long answer = sysconf(_SC_THREAD_STACK_MIN);
    if (answer > 0)
        least = (size_t)answer;
#endif
    return STACK_BYTES + (least + 0xFFFF) / 0x10000 * 0x10000;
}

static int create_thread(helper *self, const pthread_attr_t *attributes) {
    int failure = pthread_create(&self->thread, attributes, helper_main, self);
#if defined(__linux__)
    if (failure == 0)
        pthread_setname_np(self->thread, "haya");
#endif
    return failure;
}

/* Creates the helpers, or as many as can be: helper_count tells. */
static int create_helpers(hy_team *team) {
    pthread_attr_t attributes;
    sigset_t blocked, before;
    int failure = pthread_attr_init(&attributes);
    if (failure)
        return failure;
    pthread_attr_setstacksize(&attributes, stack_bytes());
    helper_signals(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before); /* which new threads take over */
    while (failure == 0 && team->helper_count < team->size - 1) {
        helper *self = &team->helpers[team->helper_count];
        *self = (helper){.team = team, .worker = team->helper_count + 1};
        failure = create_thread(self, &attributes);
        if (failure == 0)
            team->helper_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failure;
}

static haya_status check_threads(int threads, const haya_executor *executor, haya_error *error) {
    if (threads < 1 || threads > HY_MAX_THREADS)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%d threads asked for, expected 1 to %d", threads,
                       HY_MAX_THREADS);
    if (executor && executor->run && executor->threads < 1)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_executor.threads is %d, expected at least 1",
                       (int)executor->threads);
    return HAYA_OK;
}

haya_status hy_team_create(int threads, const haya_executor *executor, const haya_host *host, hy_team **team,
                           haya_error *error) {
    haya_host resolved;
    *team = NULL;
    HY_TRY(hy_host_resolve(host, &resolved, error));
    HY_TRY(check_threads(threads, executor, error));
    bool has_executor = executor && executor->run;
    if (has_executor && threads > executor->threads)
        threads = executor->threads;

    hy_team *made = hy_alloc(&resolved, team_bytes(threads));
    if (!made)
        return hy_out_of_memory(error, "threads");
    int available = hy_threads_available();
    *made = (hy_team){
        .host = resolved,
        .size = threads,
        .capacity = threads > available ? threads : available,
        .spins = threads <= available, /* else it would keep others from their processor */
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .opened = PTHREAD_COND_INITIALIZER,
        .left = PTHREAD_COND_INITIALIZER,
    };
    atomic_init(&made->gate, CLOSED);
    atomic_init(&made->next, 0);
    atomic_init(&made->sleepers, 0);
    if (has_executor)
        made->executor = *executor;
    int failure = has_executor ? 0 : create_helpers(made);
    if (failure) {
        int created = made->helper_count + 1;
        hy_team_free(made);
        return hy_fail(error, HAYA_ERROR_THREAD, NULL, "thread %d of %d cannot be created (error %d)", created + 1,
                       threads, failure);
    }
    *team = made;
    return HAYA_OK;
}

void hy_team_free(hy_team *team) {
    if (!team)
        return;
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_or(&team->gate, QUIT);
    pthread_cond_broadcast(&team->opened);
    pthread_mutex_unlock(&team->mutex);
    for (int i = 0; i < team->helper_count; i++)
        pthread_join(team->helpers[i].thread, NULL);
    pthread_cond_destroy(&team->left);
    pthread_cond_destroy(&team->opened);
    pthread_mutex_destroy(&team->mutex);
    haya_host host = team->host;
    hy_free(&host, team, team_bytes(team->size));
}

int hy_team_size(const hy_team *team) {
    return team ? team->size : 1;
}
