/* SPDX-License-Identifier: Apache-2.0
 *
 * What a first run asks the operating system for, and that this changes no result. The linker puts the madvise here
 * in the engine's way (-Wl,--wrap=madvise), which notes what it is called with and can refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../test.h"
#include "../base/scratch.h"
#include "../graph/nets.h"
#include "loop.h"

#ifndef MADV_POPULATE_READ
#  define MADV_POPULATE_READ 22
#endif

/* ---- The operating system ------------------------------------------------------------------------------------ */

typedef struct advice {
    const uint8_t *start, *end;
    int what;
} advice;

#define MAX_ADVICE 4096

static struct {
    pthread_mutex_t mutex;
    advice list[MAX_ADVICE]; /* about files, and none other */
    size_t count;
    int refused; /* advice that the system doesn't know; -1: none; -2: all */
} noted = {.mutex = PTHREAD_MUTEX_INITIALIZER, .refused = -1};

int __real_madvise(void *start, size_t size, int what);
int __wrap_madvise(void *start, size_t size, int what);
int __wrap_madvise(void *start, size_t size, int what)
{
    if (what != MADV_WILLNEED && what != MADV_POPULATE_READ && what != MADV_RANDOM && what != MADV_NORMAL)
        return __real_madvise(start, size, what);
    pthread_mutex_lock(&noted.mutex);
    if (noted.count < MAX_ADVICE)
        noted.list[noted.count++] = (advice){start, (uint8_t *)start + size, what};
    pthread_mutex_unlock(&noted.mutex);
    if (noted.refused == what || noted.refused == -2) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(start, size, what);
}

/* The first advice from number `from` on of that kind that is about the byte; MAX_ADVICE: none. */
static size_t find_advice(size_t from, int what, const uint8_t *byte)
{
    for (size_t i = from; i < noted.count; i++)
        if (noted.list[i].what == what && noted.list[i].start <= byte && byte < noted.list[i].end)
            return i;
    return MAX_ADVICE;
}

static size_t count_advice(int what, const uint8_t *byte)
{
    size_t count = 0;
    for (size_t i = find_advice(0, what, byte); i < MAX_ADVICE; i = find_advice(i + 1, what, byte))
        count++;
    return count;
}

/* Whether the page is mapped, which mincore doesn't tell of a file. */
static bool is_mapped(const uint8_t *byte)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    off_t at = (off_t)((uintptr_t)byte / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof entry);
    bool read = pread(fd, &entry, sizeof entry, at) == (ssize_t)sizeof entry;
    close(fd);
    return read && entry >> 63;
}

static void drop_from_cache(const char *path)
{
    int fd = open(path, O_RDONLY);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* in vain on tmpfs: then the file was never cold */
    close(fd);
}

/* ---- Models -------------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const pb *graph)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, graph->data, graph->size) != (ssize_t)graph->size || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

#define INPUTS 256
#define LAYERS 3
#define PAGES ((size_t)2 * 4096) /* at a weight's end, which the next one shares */

/* Three layers, whose weights lie in the file in the opposite order. */
static const char *write_layers(const char *name, int64_t width)
{
    net n = {0};
    net_weights(&n, "w3", 2, (int64_t[]){INPUTS, INPUTS}, 3);
    net_weights(&n, "w2", 2, (int64_t[]){width, INPUTS}, 2);
    net_weights(&n, "w1", 2, (int64_t[]){INPUTS, width}, 1);
    net_input(&n, "x", 2, (int64_t[]){-1, INPUTS});
    net_op(&n, "a", "MatMul", "x w1");
    net_op(&n, "b", "MatMul", "a w2");
    net_op(&n, "y", "MatMul", "b w3");
    pb graph = net_write(&n);
    const char *path = scratch_path(name);
    write_file(path, &graph);
    pb_free(&graph);
    return path;
}

typedef struct setting {
    haya_model *model;
    loop l;
    const uint8_t *weights[LAYERS]; /* where they are mapped, in the order of use */
    size_t bytes[LAYERS];
} setting;

/* The mapping of the file, from /proc/self/maps. */
static const uint8_t *find_mapping(const char *path)
{
    char line[1024];
    uintptr_t start = 0, found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, path) && sscanf(line, "%" SCNxPTR, &start) == 1 && !found)
            found = start;
    if (maps)
        fclose(maps);
    return (const uint8_t *)found;
}

static bool set_up(setting *s, const char *path, int64_t width, bool in_memory)
{
    haya_model_options options = {.struct_size = sizeof options, .read_into_memory = in_memory};
    haya_shape shape = loop_shape(2, 2, INPUTS, 0, 0);
    haya_error error;
    memset(s, 0, sizeof *s);
    noted.count = 0;
    if (!CHECK_INT(haya_model_open(path, &options, &s->model, &error), HAYA_OK)
        || !CHECK(loop_make(&s->l, s->model, NULL, NULL, &shape, 1)))
        return false;
    const uint8_t *end = find_mapping(path);
    for (int i = LAYERS - 1; end && i >= 0; i--) { /* each has a name, attributes and lengths before it */
        s->bytes[i] = (size_t)(i == LAYERS - 1 ? INPUTS : width) * INPUTS * sizeof(float);
        s->weights[i] = end + 200;
        end += s->bytes[i];
    }
    return CHECK(in_memory || end);
}

static void tear_down(setting *s)
{
    loop_free(&s->l);
    haya_model_close(s->model);
    noted.refused = -1;
}

#define SMALL 512
static const char *small_file(void)
{
    return write_layers("small.pb", SMALL);
}

/* What a model gives that is not mapped at all. */
static void *expected_result(const char *path, int64_t width)
{
    setting s;
    if (!set_up(&s, path, width, true))
        exit(1);
    CHECK_INT(loop_run(&s.l), HAYA_OK);
    void *result = s.l.out[0].data;
    s.l.out[0].data = NULL;
    tear_down(&s);
    return result;
}

static void check_result(setting *s, const void *expected)
{
    memset(s->l.out[0].data, 0xff, s->l.out[0].bytes);
    CHECK_INT(loop_run(&s->l), HAYA_OK);
    CHECK(memcmp(s->l.out[0].data, expected, s->l.out[0].bytes) == 0);
}

/* ---- Tests --------------------------------------------------------------------------------------------------- */

static void a_first_run_fetches_each_weight_once(void)
{
    setting s;
    const char *path = small_file();
    void *expected = expected_result(path, SMALL);
    drop_from_cache(path);
    if (!set_up(&s, path, SMALL, false))
        return;
    noted.count = 0;
    check_result(&s, expected);
    for (int i = 0; i < LAYERS; i++)
        for (size_t at = 0; at + PAGES < s.bytes[i]; at += 4096) {
            const uint8_t *byte = s.weights[i] + at;
            CHECK_INT(count_advice(MADV_WILLNEED, byte), 1);
            CHECK_INT(count_advice(MADV_POPULATE_READ, byte), 1);
            CHECK(is_mapped(byte));
        }
    noted.count = 0;
    check_result(&s, expected);
    CHECK_INT(noted.count, 0);
    tear_down(&s);
    free(expected);
}

static void weights_are_fetched_in_the_order_of_their_use(void)
{
    setting s;
    const char *path = small_file();
    if (!set_up(&s, path, SMALL, false))
        return;
    noted.count = 0;
    CHECK_INT(loop_run(&s.l), HAYA_OK);
    for (int i = 0; i + 1 < LAYERS; i++) {
        CHECK(s.weights[i] > s.weights[i + 1]);
        for (int k = 0; k < 2; k++) {
            int what = k ? MADV_POPULATE_READ : MADV_WILLNEED;
            CHECK(find_advice(0, what, s.weights[i]) < find_advice(0, what, s.weights[i + 1]));
        }
    }
    /* All of so small a model is asked for before the first step begins. */
    CHECK(find_advice(0, MADV_WILLNEED, s.weights[LAYERS - 1]) < find_advice(0, MADV_POPULATE_READ, s.weights[0]));
    tear_down(&s);
}

/* 34 MB in each of the first two layers. The third one's weights must not get in the way of theirs. */
static void a_large_model_is_fetched_bit_by_bit(void)
{
    enum { LARGE = 33000 };
    setting s;
    const char *path = write_layers("large.pb", LARGE);
    void *expected = expected_result(path, LARGE);
    drop_from_cache(path);
    if (!set_up(&s, path, LARGE, false))
        return;
    /* Opened without reading what lies around its structure, and then as any other mapping. */
    CHECK(find_advice(0, MADV_RANDOM, s.weights[0]) < find_advice(0, MADV_NORMAL, s.weights[0]));
    CHECK(find_advice(0, MADV_NORMAL, s.weights[0]) < MAX_ADVICE);
    noted.count = 0;
    check_result(&s, expected);
    CHECK(find_advice(0, MADV_WILLNEED, s.weights[1]) < find_advice(0, MADV_POPULATE_READ, s.weights[0]));
    CHECK(find_advice(0, MADV_WILLNEED, s.weights[2]) > find_advice(0, MADV_POPULATE_READ, s.weights[0]));
    CHECK(find_advice(0, MADV_WILLNEED, s.weights[2]) < find_advice(0, MADV_POPULATE_READ, s.weights[2]));
    CHECK_INT(count_advice(MADV_POPULATE_READ, s.weights[2]), 1);
    CHECK(noted.count < MAX_ADVICE);
    tear_down(&s);
    free(expected);
    unlink(path);
}

/* Linux before 5.14 doesn't know MADV_POPULATE_READ; other systems may refuse all. */
static void results_do_not_depend_on_advice(void)
{
    const char *path = small_file();
    void *expected = expected_result(path, SMALL);
    for (int all = 0; all < 2; all++) {
        setting s;
        drop_from_cache(path);
        noted.refused = all ? -2 : MADV_POPULATE_READ;
        if (!set_up(&s, path, SMALL, false))
            return;
        check_result(&s, expected);
        noted.count = 0;
        check_result(&s, expected);
        CHECK_INT(noted.count, 0);
        tear_down(&s);
    }
    free(expected);
}

static void memory_is_never_asked_for(void)
{
    setting s;
    const char *path = small_file();
    if (!set_up(&s, path, SMALL, true))
        return;
    CHECK_INT(loop_run(&s.l), HAYA_OK);
    CHECK_INT(haya_prepare(s.l.session, s.l.plan, s.l.weights, NULL), HAYA_OK);
    CHECK_INT(noted.count, 0);
    tear_down(&s);
}

/* A batch norm computed at bind, a decoded constant: some of the plan's weights are not in the file. */
static void derived_weights_are_not_asked_for(void)
{
    net n = {0};
    net_unet(&n, "", 6, 1);
    pb graph = net_write(&n);
    const char *path = scratch_path("unet.pb");
    write_file(path, &graph);
    haya_shape shape = loop_shape(4, 1, 30, 22, 1);
    haya_error error;
    haya_model *models[2];
    loop loops[2];
    CHECK_INT(haya_model_open(path, NULL, &models[0], &error), HAYA_OK);
    CHECK_INT(haya_model_from_memory(graph.data, graph.size, "memory", NULL, &models[1], &error), HAYA_OK);
    for (int i = 0; i < 2; i++)
        if (!CHECK(loop_make(&loops[i], models[i], NULL, NULL, &shape, 1)))
            return;
    CHECK(haya_weights_derived_bytes(loops[0].weights) > 0);
    const uint8_t *start = find_mapping(path);
    noted.count = 0;
    for (int i = 0; i < 2; i++)
        CHECK_INT(loop_run(&loops[i]), HAYA_OK);
    CHECK(memcmp(loops[0].out[0].data, loops[1].out[0].data, loops[0].out[0].bytes) == 0);
    CHECK(noted.count > 0);
    for (size_t i = 0; i < noted.count; i++)
        CHECK(start <= noted.list[i].start && noted.list[i].end <= start + graph.size);
    for (int i = 0; i < 2; i++) {
        loop_free(&loops[i]);
        haya_model_close(models[i]);
    }
    pb_free(&graph);
}

static void preparing_takes_the_place_of_the_first_run(void)
{
    setting s;
    const char *path = small_file();
    if (!set_up(&s, path, SMALL, false))
        return;
    for (int i = 0; i < 2; i++) { /* a second time, too: pages may have been evicted */
        noted.count = 0;
        CHECK_INT(haya_prepare(s.l.session, s.l.plan, s.l.weights, NULL), HAYA_OK);
        CHECK_INT(count_advice(MADV_POPULATE_READ, s.weights[0]), 1);
        CHECK_INT(count_advice(MADV_POPULATE_READ, s.weights[LAYERS - 1]), 1);
        noted.count = 0;
        CHECK_INT(loop_run(&s.l), HAYA_OK);
        CHECK_INT(noted.count, 0);
    }
    tear_down(&s);
}

/* On zeros this model fails at its first step; the weights of the step after it are wanted all the same, and no
   kernel reads them. */
static pb division_model(void)
{
    net n = {0};
    net_input_of(&n, "i", GD_INT32, 0, NULL);
    net_input(&n, "x", 2, (int64_t[]){-1, INPUTS});
    net_int(&n, "one", 1);
    gd_attr_type(net_node(&n, "quotient", "FloorDiv", "one i"), "T", GD_INT32);
    pb *cast = net_node(&n, "factor", "Cast", "quotient");
    gd_attr_type(cast, "SrcT", GD_INT32);
    gd_attr_type(cast, "DstT", GD_FLOAT);
    net_op(&n, "scaled", "Mul", "x factor");
    net_weights(&n, "w", 2, (int64_t[]){INPUTS, 8 * INPUTS}, 1);
    net_op(&n, "y", "MatMul", "scaled w");
    return net_write(&n);
}

static void preparing_fetches_what_zeros_do_not_reach(void)
{
    pb graph = division_model();
    for (int touched = 0; touched < 2; touched++) {
        loop l;
        haya_model *model;
        const char *path = scratch_path("division.pb");
        haya_shape shapes[2] = {loop_shape(0, 0, 0, 0, 0), loop_shape(2, 1, INPUTS, 0, 0)};
        write_file(path, &graph);
        drop_from_cache(path);
        CHECK_INT(haya_model_open(path, NULL, &model, NULL), HAYA_OK);
        if (!CHECK(loop_make(&l, model, "i x", NULL, shapes, 2)))
            return;
        const uint8_t *start = find_mapping(path);
        noted.refused = touched ? MADV_POPULATE_READ : -1;
        CHECK_INT(haya_prepare(l.session, l.plan, l.weights, &l.error), HAYA_OK);
        CHECK_STR(l.error.message, "");
        for (size_t at = 4096; at + PAGES < graph.size; at += 4096)
            CHECK(is_mapped(start + at));
        noted.refused = -1;
        loop_free(&l);
        haya_model_close(model);
    }
    pb_free(&graph);
}

/* ---- Several callers, and a file that changes ---------------------------------------------------------------- */

typedef struct caller {
    pthread_t thread;
    pthread_barrier_t *start;
    const setting *s;
    haya_session *session;
    haya_tensor out;
    haya_status status;
} caller;

static void *call(void *argument)
{
    caller *c = argument;
    pthread_barrier_wait(c->start);
    c->status = haya_run(c->session, c->s->l.plan, c->s->l.weights, c->s->l.in, 1, &c->out, 1, NULL);
    return NULL;
}

static void one_of_several_first_runs_fetches(void)
{
    enum { CALLERS = 4 };
    setting s;
    const char *path = small_file();
    void *expected = expected_result(path, SMALL);
    caller callers[CALLERS];
    pthread_barrier_t start;
    haya_session_options options = {.struct_size = sizeof options, .threads = 1};
    drop_from_cache(path);
    if (!set_up(&s, path, SMALL, false))
        return;
    noted.count = 0;
    pthread_barrier_init(&start, NULL, CALLERS);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.start = &start, .s = &s, .out = loop_tensor(HAYA_FLOAT32, s.l.out[0].shape)};
        CHECK_INT(haya_session_create(&options, &callers[i].session, NULL), HAYA_OK);
        CHECK_INT(haya_session_reserve(callers[i].session, s.l.plan, NULL), HAYA_OK);
        if (pthread_create(&callers[i].thread, NULL, call, &callers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK_INT(callers[i].status, HAYA_OK);
        CHECK(memcmp(callers[i].out.data, expected, callers[i].out.bytes) == 0);
        haya_session_free(callers[i].session);
        free(callers[i].out.data);
    }
    for (int i = 0; i < LAYERS; i++)
        CHECK_INT(count_advice(MADV_POPULATE_READ, s.weights[i]), 1);
    pthread_barrier_destroy(&start);
    tear_down(&s);
    free(expected);
}

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

static void truncate_after_first_step(void *user, const haya_plan *plan, size_t index, uint64_t nanoseconds)
{
    (void)plan;
    (void)nanoseconds;
    if (index == 0)
        CHECK_INT(truncate(user, 0), 0);
}

/* Fetching must not be what a program dies of: neither by a system call, nor where pages are touched. */
static void a_file_truncated_in_a_first_run_is_noticed(void)
{
    for (int touched = 0; touched < 2; touched++) {
        setting s;
        char path[512];
        snprintf(path, sizeof path, "%s", small_file());
        haya_session *session;
        haya_session_options options = {.struct_size = sizeof options, .threads = 2,
                                        .profile = truncate_after_first_step, .profile_user = path};
        noted.refused = touched ? MADV_POPULATE_READ : -1;
        if (!set_up(&s, path, SMALL, false))
            return;
        atomic_store(&faults, 0);
        CHECK_INT(haya_session_create(&options, &session, NULL), HAYA_OK);
        CHECK_INT(haya_session_reserve(session, s.l.plan, NULL), HAYA_OK);
        CHECK_INT(haya_run(session, s.l.plan, s.l.weights, s.l.in, 1, s.l.out, 1, &s.l.error),
                  HAYA_ERROR_FILE_CHANGED);
        CHECK_HAS(s.l.error.message, path);
        CHECK(atomic_load(&faults) > 0);
        haya_session_free(session);
        tear_down(&s);
    }
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = on_bus_error;
    sigaction(SIGBUS, &action, NULL);
    scratch_create();
    RUN(a_first_run_fetches_each_weight_once);
    RUN(weights_are_fetched_in_the_order_of_their_use);
    RUN(a_large_model_is_fetched_bit_by_bit);
    RUN(results_do_not_depend_on_advice);
    RUN(memory_is_never_asked_for);
    RUN(derived_weights_are_not_asked_for);
    RUN(preparing_takes_the_place_of_the_first_run);
    RUN(preparing_fetches_what_zeros_do_not_reach);
    RUN(one_of_several_first_runs_fetches);
    RUN(a_file_truncated_in_a_first_run_is_noticed);
    return test_summary();
}
