/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the whole way: any bytes as a model, which is inspected, made a program by default, bound, planned with open
 * dimensions set to small numbers, and run. A fuzzer links this with its own main:
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_model.c
 *
 * Others link it with replay.c and run the corpus as a test.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "haya/haya.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_LIMIT ((size_t)256 << 20)
#define SCRATCH_LIMIT ((uint64_t)16 << 20)
#define FLOPS_LIMIT 50000000
#define MAX_ENDS 64

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* ---- A host that has little memory, and must get it back --------------------------------------------------------- */

static atomic_size_t used;

static void *allocate(void *user, size_t size, size_t alignment)
{
    void *memory;
    (void)user;
    require(alignment >= sizeof(void *) && (alignment & (alignment - 1)) == 0 && size > 0);
    if (size > MEMORY_LIMIT || atomic_fetch_add(&used, size) > MEMORY_LIMIT - size) {
        if (size <= MEMORY_LIMIT)
            atomic_fetch_sub(&used, size);
        return NULL;
    }
    size_t whole = (size + alignment - 1) / alignment * alignment;
    memory = whole < size ? NULL : aligned_alloc(alignment, whole);
    if (!memory)
        atomic_fetch_sub(&used, size);
    return memory;
}

static void release(void *user, void *memory, size_t size)
{
    (void)user;
    require(atomic_fetch_sub(&used, size) >= size);
    free(memory);
}

static const haya_host host = {.struct_size = sizeof host, .allocate = allocate, .release = release};

/* ---- The way ----------------------------------------------------------------------------------------------------- */

/* What every call that makes an object promises. */
static bool succeeded(haya_status status, const void *object, const haya_error *error)
{
    require((status == HAYA_OK) == (object != NULL));
    require(status == error->status);
    require(status == HAYA_OK || (error->message[0] && memchr(error->message, 0, sizeof error->message)));
    require(memchr(error->node, 0, sizeof error->node));
    return status == HAYA_OK;
}

static void inspect(const haya_model *model)
{
    haya_model_info info;
    haya_node node;
    haya_value value;
    haya_model_get_info(model, &info);
    for (size_t i = 0; i < info.node_count; i++) {
        require(haya_model_node(model, i, &node) == HAYA_OK && node.name[0] && node.op[0]);
        for (size_t k = 0; k < node.input_count; k++)
            require(haya_model_node_input(model, i, k)[0]);
        require(!haya_model_node_input(model, i, node.input_count));
    }
    for (size_t i = 0; i < info.input_count; i++)
        require(haya_model_input(model, i, &value) == HAYA_OK && value.name[0]);
    for (size_t i = 0; i < info.output_count; i++)
        require(haya_model_output(model, i, &value) == HAYA_OK && value.name[0]);
}

typedef haya_status get_value(const haya_plan *plan, size_t index, haya_value *value);

/* Room for the tensors of `count` inputs or outputs; false when that is too much. */
static bool make_tensors(const haya_plan *plan, get_value *get, size_t count, haya_tensor *tensors)
{
    haya_value value;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        require(get(plan, i, &value) == HAYA_OK);
        tensors[i] = haya_tensor_dense(value.dtype, value.shape, NULL);
        if (tensors[i].bytes > SCRATCH_LIMIT || (bytes += tensors[i].bytes) > SCRATCH_LIMIT)
            return false;
    }
    for (size_t i = 0; i < count; i++) { /* of just their size, so that a sanitizer sees what goes beyond */
        tensors[i].data = malloc(tensors[i].bytes ? (size_t)tensors[i].bytes : 1);
        require(tensors[i].data != NULL);
        for (uint64_t k = 0; k < tensors[i].bytes; k++)
            ((uint8_t *)tensors[i].data)[k] = value.dtype == HAYA_BOOL ? k & 1 : (uint8_t)(k * 37 % 64);
    }
    return true;
}

static void run(const haya_plan *plan, const haya_weights *weights)
{
    static haya_tensor in[MAX_ENDS], out[MAX_ENDS];
    haya_plan_info info;
    haya_step step;
    haya_error error;
    haya_session *session;
    haya_session_options options = {.struct_size = sizeof options, .threads = 1, .host = host};
    haya_plan_get_info(plan, &info);
    for (size_t i = 0; i < info.step_count; i++)
        require(haya_plan_step(plan, i, &step) == HAYA_OK && step.node && step.op && step.kernel && step.why);
    if (info.flops > FLOPS_LIMIT || info.input_count > MAX_ENDS || info.output_count > MAX_ENDS)
        return;
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    haya_status created = haya_session_create(&options, &session, &error);
    if (succeeded(created, session, &error)
        && haya_session_reserve(session, plan, &error) == HAYA_OK
        && make_tensors(plan, haya_plan_input, info.input_count, in)
        && make_tensors(plan, haya_plan_output, info.output_count, out)) {
        haya_status status = haya_run(session, plan, weights, in, info.input_count, out, info.output_count, &error);
        require(status == HAYA_OK || status == HAYA_ERROR_VALUE);
    }
    for (size_t i = 0; i < MAX_ENDS; i++) {
        free(in[i].data);
        free(out[i].data);
    }
    haya_session_free(session);
}

/* Open dimensions become 1, 2 or 3; the shape of unknown rank one of four dimensions. */
static haya_shape choose_shape(haya_shape shape, size_t input)
{
    if (shape.rank < 0)
        return (haya_shape){4, {1, 4, 4, 3}};
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0)
            shape.dims[i] = 1 + (int64_t)(input + (size_t)i) % 3;
    return shape;
}

static void plan_and_run(haya_model *model, const haya_program *program)
{
    haya_shape shapes[MAX_ENDS];
    haya_program_info info;
    haya_value value;
    haya_parameter parameter;
    haya_weights *weights;
    haya_plan *plan;
    haya_error error;
    haya_plan_options options = {.struct_size = sizeof options, .threads = 1, .max_scratch_bytes = SCRATCH_LIMIT};
    haya_program_get_info(program, &info);
    require(strlen(info.fingerprint) == 32);
    for (size_t i = 0; i < info.slot_count; i++)
        require(haya_program_parameter(program, i, &parameter) == HAYA_OK && parameter.why);
    for (size_t i = 0; i < info.output_count; i++)
        require(haya_program_output(program, i, &value) == HAYA_OK && value.name);
    for (size_t i = 0; i < info.input_count && i < MAX_ENDS; i++) {
        require(haya_program_input(program, i, &value) == HAYA_OK);
        shapes[i] = choose_shape(value.shape, i);
    }
    if (info.input_count > MAX_ENDS)
        return;
    haya_status status = haya_weights_bind(program, model, &weights, &error);
    if (!succeeded(status, weights, &error))
        return;
    status = haya_plan_create(program, shapes, info.input_count, &options, &plan, &error);
    if (succeeded(status, plan, &error))
        run(plan, weights);
    haya_plan_free(plan);
    haya_weights_free(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    haya_model_options options = {.struct_size = sizeof options, .host = host};
    haya_model *model;
    haya_program *program;
    haya_error error;
    haya_status status = haya_model_from_memory(data, size, "fuzzed.pb", &options, &model, &error);
    if (!succeeded(status, model, &error)) {
        require(atomic_load(&used) == 0);
        return 0;
    }
    inspect(model);
    status = haya_program_create(model, NULL, &program, &error);
    if (succeeded(status, program, &error))
        plan_and_run(model, program);
    haya_model_close(model);
    haya_program_free(program);
    require(atomic_load(&used) == 0);
    return 0;
}
