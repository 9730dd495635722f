/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged model files: cut off anywhere, bytes changed anywhere, lengths that lie. Whatever the file, every call gives
 * an error that says something, or works; in bounded time and memory.
 *
 *     test_damage [-s STEP] FILE.pb...     every STEP-th position (1)
 */
#include <stdlib.h>
#include <time.h>

#include "../test.h"
#include "loop.h"

#define MEMORY_LIMIT ((size_t)512 << 20)
#define SLOW_SECONDS 10 /* of a processor's time */
#define MAX_SCRATCH ((uint64_t)64 << 20)

typedef struct limited_host {
    size_t used, most;
    size_t alive;
} limited_host;

static void *limited_allocate(void *user, size_t size, size_t alignment)
{
    limited_host *host = user;
    void *memory;
    if (size > MEMORY_LIMIT - host->used || posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    host->used += size;
    host->most = host->used > host->most ? host->used : host->most;
    host->alive++;
    return memory;
}

static void limited_release(void *user, void *memory, size_t size)
{
    limited_host *host = user;
    host->used -= size;
    host->alive--;
    free(memory);
}

static limited_host limits;
static const haya_host host = {.struct_size = sizeof host, .allocate = limited_allocate, .release = limited_release,
                               .user = &limits};
static haya_session *session;

static struct {
    size_t tried, opened, planned, ran;
    clock_t slowest;
} counts;

/* ---- All calls on one file --------------------------------------------------------------------------------------- */

/* A failed call says why, and with a terminated text. */
static bool check_status(haya_status status, const haya_error *error)
{
    if (status != HAYA_OK && (error->status != status || !error->message[0]
                              || !memchr(error->message, 0, sizeof error->message)))
        FAIL("a failed call without a message");
    return status == HAYA_OK;
}

/* Open dimensions are 2, unknown ranks 4. */
static haya_shape choose_shape(const haya_value *value)
{
    haya_shape shape = value->shape;
    if (shape.rank < 0)
        shape = loop_shape(4, 1, 8, 8, 1);
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0)
            shape.dims[i] = 2;
    return shape;
}

#define MAX_ENDS 256

static void run(const haya_plan *plan, const haya_weights *weights, haya_error *error)
{
    haya_tensor in[MAX_ENDS], out[MAX_ENDS];
    haya_plan_info info;
    haya_value value;
    haya_plan_get_info(plan, &info);
    if (info.scratch_bytes > MAX_SCRATCH || info.flops > 1000000000 || info.output_count > MAX_ENDS)
        return;
    if (!check_status(haya_session_reserve(session, plan, error), error))
        return;
    uint64_t bytes = 0;
    for (size_t i = 0; i < info.input_count; i++) {
        haya_plan_input(plan, i, &value);
        in[i] = haya_tensor_dense(value.dtype, value.shape, NULL);
        bytes += in[i].bytes;
    }
    for (size_t i = 0; i < info.output_count; i++) {
        haya_plan_output(plan, i, &value);
        out[i] = haya_tensor_dense(value.dtype, value.shape, NULL);
        bytes += out[i].bytes;
    }
    if (bytes > MAX_SCRATCH)
        return;
    for (size_t i = 0; i < info.input_count; i++)
        in[i].data = calloc(1, (size_t)in[i].bytes + 1);
    for (size_t i = 0; i < info.output_count; i++)
        out[i].data = calloc(1, (size_t)out[i].bytes + 1);
    if (check_status(haya_run(session, plan, weights, in, info.input_count, out, info.output_count, error), error))
        counts.ran++;
    for (size_t i = 0; i < info.input_count; i++)
        free(in[i].data);
    for (size_t i = 0; i < info.output_count; i++)
        free(out[i].data);
}

static void plan_and_run(haya_model *model, const haya_program *program, haya_error *error)
{
    haya_shape shapes[MAX_ENDS];
    haya_program_info info;
    haya_weights *weights;
    haya_plan *plan = NULL;
    haya_value value;
    haya_program_get_info(program, &info);
    for (size_t i = 0; i < info.input_count && i < MAX_ENDS; i++) {
        haya_program_input(program, i, &value);
        shapes[i] = choose_shape(&value);
    }
    if (info.input_count > MAX_ENDS)
        return;
    haya_plan_options options = {.struct_size = sizeof options, .threads = 1, .max_scratch_bytes = MAX_SCRATCH};
    if (check_status(haya_weights_bind(program, model, &weights, error), error)
        && check_status(haya_plan_create(program, shapes, info.input_count, &options, &plan, error), error)) {
        counts.planned++;
        run(plan, weights, error);
    }
    haya_plan_free(plan);
    haya_weights_free(weights);
}

static void inspect(const haya_model *model)
{
    haya_model_info info;
    haya_node node;
    haya_value value;
    size_t length = 0;
    haya_model_get_info(model, &info);
    for (size_t i = 0; haya_model_node(model, i, &node) == HAYA_OK; i++) {
        length += strlen(node.name) + strlen(node.op);
        for (size_t k = 0; k < node.input_count; k++)
            length += strlen(haya_model_node_input(model, i, k));
    }
    for (size_t i = 0; haya_model_input(model, i, &value) == HAYA_OK; i++)
        length += strlen(value.name);
    for (size_t i = 0; haya_model_output(model, i, &value) == HAYA_OK; i++)
        length += strlen(value.name);
    if (length > 100 * info.file_bytes + 10000)
        FAIL("texts longer than the file");
}

static void try_file(const uint8_t *data, size_t size)
{
    haya_model_options options = {.struct_size = sizeof options, .host = host};
    haya_error error = {0};
    haya_model *model;
    haya_program *program = NULL;
    clock_t start = clock();
    size_t alive = limits.alive;
    counts.tried++;
    if (check_status(haya_model_borrow(data, size, "damaged.pb", NULL, NULL, &options, &model, &error), &error)) {
        counts.opened++;
        inspect(model);
        if (check_status(haya_program_create(model, NULL, &program, &error), &error))
            plan_and_run(model, program, &error);
    }
    haya_program_free(program);
    haya_model_close(model);
    if (limits.alive > alive + 1) /* the session's scratch may have grown */
        FAIL("memory was lost");
    clock_t time = clock() - start;
    counts.slowest = time > counts.slowest ? time : counts.slowest;
}

/* ---- Damage ------------------------------------------------------------------------------------------------------ */

static uint8_t *intact; /* in a block of its size, so that a sanitizer sees what goes beyond */
static size_t intact_size, step = 1;

static void print_counts(void)
{
    CHECK(counts.slowest < SLOW_SECONDS * (clock_t)CLOCKS_PER_SEC);
    CHECK(limits.most <= MEMORY_LIMIT);
    printf("    %zu files: %zu opened, %zu planned, %zu ran; at most %zu KiB\n", counts.tried, counts.opened,
           counts.planned, counts.ran, limits.most >> 10);
    memset(&counts, 0, sizeof counts);
}

static void the_intact_file_runs(void)
{
    try_file(intact, intact_size);
    CHECK_INT(counts.ran, 1);
    print_counts();
}

static void every_prefix_is_refused_or_works(void)
{
    for (size_t size = 1; size < intact_size; size += step) {
        uint8_t *prefix = malloc(size);
        memcpy(prefix, intact, size);
        try_file(prefix, size);
        free(prefix);
    }
    print_counts();
}

static void changed_bytes_are_refused_or_work(void)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (size_t at = 0; at < intact_size; at += step) {
        uint8_t kept = intact[at];
        intact[at] = kept ^ flips[at / step % 3];
        try_file(intact, intact_size);
        intact[at] = at / step % 2 ? 0 : (uint8_t)(kept + 1);
        try_file(intact, intact_size);
        intact[at] = kept;
    }
    print_counts();
}

/* A number at each position made into a huge one, which the bytes behind it are moved for. */
static void huge_numbers_are_refused_or_work(void)
{
    static const uint8_t numbers[][10] = {
        {0xff, 0xff, 0xff, 0xff, 0x07},                               /* 2^31 - 1 */
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},       /* 2^63 - 1 */
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, /* -1 */
    };
    static const size_t sizes[] = {5, 9, 10};
    for (size_t at = 0; at < intact_size; at += step) {
        size_t which = at / step % 3, size = intact_size + sizes[which] - 1;
        uint8_t *copy = malloc(size);
        memcpy(copy, intact, at);
        memcpy(copy + at, numbers[which], sizes[which]);
        memcpy(copy + at + sizes[which], intact + at + 1, intact_size - at - 1);
        try_file(copy, size);
        free(copy);
    }
    print_counts();
}

static void missing_and_doubled_pieces_are_refused_or_work(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < intact_size / step / 4; i++) {
        state = state * 1664525u + 1013904223u;
        size_t at = (state >> 8) % intact_size, length = 1 + (state >> 5) % 64;
        bool doubled = state >> 31;
        if (at + length > intact_size)
            continue;
        size_t size = doubled ? intact_size + length : intact_size - length;
        uint8_t *copy = malloc(size);
        memcpy(copy, intact, at);
        if (doubled)
            memcpy(copy + at, intact + at, length);
        memcpy(copy + at + (doubled ? length : 0), intact + at + (doubled ? 0 : length),
               intact_size - at - (doubled ? 0 : length));
        try_file(copy, size);
        free(copy);
    }
    print_counts();
}

static bool read_intact(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return false;
    intact_size = (size_t)ftell(file);
    rewind(file);
    free(intact);
    intact = malloc(intact_size);
    bool done = intact && fread(intact, 1, intact_size, file) == intact_size;
    fclose(file);
    return done;
}

int main(int argc, char **argv)
{
    haya_session_options options = {.struct_size = sizeof options, .threads = 1, .host = host};
    if (haya_session_create(&options, &session, NULL) != HAYA_OK)
        return 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
            step = (size_t)atoi(argv[++i]);
            continue;
        }
        if (!read_intact(argv[i])) {
            printf("FAILED: %s cannot be read\n", argv[i]);
            return 1;
        }
        printf("%s\n", argv[i]);
        RUN(the_intact_file_runs);
        RUN(every_prefix_is_refused_or_works);
        RUN(changed_bytes_are_refused_or_work);
        RUN(huge_numbers_are_refused_or_work);
        RUN(missing_and_doubled_pieces_are_refused_or_work);
    }
    haya_session_free(session);
    free(intact);
    return test_summary() || test_passed_count == 0;
}
