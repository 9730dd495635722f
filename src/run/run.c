/* SPDX-License-Identifier: Apache-2.0
 *
 * The run: check the tensors, walk the steps. No allocation, no lock; plan and weights are only read.
 */
#include <string.h>

#include "run/run.h"

/* ---- The caller's tensors ---------------------------------------------------------------------------------------- */

static bool is_strided(const haya_tensor *tensor)
{
    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->strides[i])
            return true;
    return false;
}

static haya_status check_tensor(const haya_plan *plan, const char *what, const char *name, const haya_tensor *tensor,
                                const hy_staging *wanted, haya_error *error)
{
    const char *path = hy_file_path(plan->program->model->file);
    int64_t bytes = hy_shape_bytes(&wanted->shape, wanted->dtype);
    if (tensor->struct_size != sizeof *tensor)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, name, "%s '%s': haya_tensor.struct_size is %u, not %zu", what, name,
                       tensor->struct_size, sizeof *tensor);
    if (tensor->memory != HAYA_MEMORY_HOST)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, name, "%s '%s' is not in host memory", what, name);
    if (tensor->dtype != wanted->dtype)
        return hy_fail(error, HAYA_ERROR_SHAPE, name, "%s: %s '%s' is %s, not %s", path, what, name,
                       haya_dtype_name(wanted->dtype), haya_dtype_name(tensor->dtype));
    if (!hy_shape_equal(&tensor->shape, &wanted->shape))
        return hy_fail(error, HAYA_ERROR_SHAPE, name, "%s: %s '%s' has shape %s in this plan, not %s", path, what,
                       name, HY_SHAPE(&wanted->shape), HY_SHAPE(&tensor->shape));
    if (!tensor->data && bytes)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, name, "%s '%s': data is NULL", what, name);
    if (!is_strided(tensor) && tensor->bytes != (uint64_t)bytes)
        return hy_fail(error, HAYA_ERROR_SHAPE, name, "%s: %s '%s' has %lld bytes, not %llu", path, what, name,
                       (long long)bytes, (unsigned long long)tensor->bytes);
    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->strides[i] % (int64_t)haya_dtype_size(tensor->dtype) != 0)
            return hy_fail(error, HAYA_ERROR_ARGUMENT, name, "%s '%s': stride %lld is no multiple of the element's %zu "
                           "bytes", what, name, (long long)tensor->strides[i], haya_dtype_size(tensor->dtype));
    return HAYA_OK;
}

static haya_status check_arguments(const haya_session *session, const haya_plan *plan, const haya_weights *weights,
                                   const haya_tensor *inputs, size_t input_count, const haya_tensor *outputs,
                                   size_t output_count, haya_error *error)
{
    if (!session || !plan || !weights || (!inputs && input_count) || (!outputs && output_count))
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "session, plan, weights, inputs or outputs is NULL");
    if (weights->program != plan->program)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%s: the weights are bound to another program than the plan's",
                       hy_file_path(weights->model->file));
    if (input_count != plan->info.input_count || output_count != plan->info.output_count)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%zu inputs and %zu outputs for a plan with %zu and %zu",
                       input_count, output_count, plan->info.input_count, plan->info.output_count);
    if (hy_plan_scratch(plan, session->threads) > session->scratch_bytes)
        return hy_fail(error, HAYA_ERROR_STATE, NULL, "the plan needs %zu bytes of scratch, and the session has %zu: "
                       "haya_session_reserve comes first", hy_plan_scratch(plan, session->threads),
                       session->scratch_bytes);
    for (size_t i = 0; i < input_count; i++)
        HY_TRY(check_tensor(plan, "input", plan->program->inputs[i].name, &inputs[i], &plan->inputs[i], error));
    for (size_t i = 0; i < output_count; i++)
        HY_TRY(check_tensor(plan, "output", plan->program->outputs[i].name, &outputs[i], &plan->outputs[i], error));
    return HAYA_OK;
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

typedef struct runner {
    haya_session *session;
    const haya_plan *plan;
    const haya_weights *weights;
    const haya_tensor *inputs, *outputs;
} runner;

/* A session that needed none has none. */
static uint8_t *scratch(const runner *r, size_t offset)
{
    return r->session->scratch ? r->session->scratch + offset : NULL;
}

static const void *find(const runner *r, const hy_place *place)
{
    switch (place->kind) {
    case HY_PLACE_INPUT:
        return is_strided(&r->inputs[place->index]) ? scratch(r, r->plan->inputs[place->index].offset)
                                                     : r->inputs[place->index].data;
    case HY_PLACE_OUTPUT:
        return is_strided(&r->outputs[place->index]) ? scratch(r, r->plan->outputs[place->index].offset)
                                                      : r->outputs[place->index].data;
    case HY_PLACE_EXTERNAL:
        return r->weights->externals[place->index];
    case HY_PLACE_KNOWN:
        return place->data;
    case HY_PLACE_SCRATCH:
        break;
    }
    return scratch(r, place->offset);
}

static hy_view strided_view(const haya_tensor *tensor)
{
    hy_view view = hy_view_dense(tensor->dtype, &tensor->shape);
    for (int i = 0; i < view.rank; i++)
        view.strides[i] = tensor->strides[i] / (int64_t)haya_dtype_size(tensor->dtype);
    return view;
}

/* Between a strided tensor of the caller's and its dense staging in scratch. */
static void stage(const runner *r, const haya_tensor *tensor, const hy_staging *staging, bool in)
{
    hy_call call = {.family = HY_COPY, .input_count = 1};
    hy_view dense = hy_view_dense(staging->dtype, &staging->shape);
    call.in[0] = in ? strided_view(tensor) : dense;
    call.out = in ? dense : strided_view(tensor);
    uint8_t *memory = scratch(r, staging->offset);
    const void *from = in ? tensor->data : memory;
    void *to = in ? memory : tensor->data;
    hy_kernel_choose(&call, hy_isa_best())->run(&call, &from, to, scratch(r, r->plan->value_bytes),
                                                r->session->team);
}

static const char *run_step(const runner *r, size_t index)
{
    const hy_step *step = &r->plan->steps[index];
    const void *in[HY_CALL_INPUTS];
    for (int k = 0; k < step->call.input_count; k++)
        in[k] = find(r, &step->in[k]);
    return step->kernel->run(&step->call, in, (void *)(uintptr_t)find(r, &step->out),
                             scratch(r, r->plan->value_bytes), r->session->team);
}

static haya_status run_steps(const runner *r, haya_error *error)
{
    for (size_t i = 0; i < r->plan->info.input_count; i++)
        if (is_strided(&r->inputs[i]))
            stage(r, &r->inputs[i], &r->plan->inputs[i], true);
    hy_intake intake;
    bool first = hy_intake_begin(&intake, r->session->team, r->plan, r->weights);
    for (size_t i = 0; i < r->plan->step_count; i++) {
        uint64_t start = r->session->profile ? hy_clock_nanoseconds() : 0;
        if (first)
            hy_intake_step(&intake, i);
        const char *why = run_step(r, i);
        if (why)
            return hy_fail(error, HAYA_ERROR_VALUE, r->plan->steps[i].node, "%s: node '%s' (%s): %s",
                           hy_file_path(r->weights->model->file), r->plan->steps[i].node, r->plan->steps[i].op, why);
        if (r->session->profile)
            r->session->profile(r->session->profile_user, r->plan, i, hy_clock_nanoseconds() - start);
    }
    for (size_t i = 0; i < r->plan->info.output_count; i++)
        if (is_strided(&r->outputs[i]))
            stage(r, &r->outputs[i], &r->plan->outputs[i], false);
    return HAYA_OK;
}

haya_status haya_run(haya_session *session, const haya_plan *plan, const haya_weights *weights,
                     const haya_tensor *inputs, size_t input_count, const haya_tensor *outputs, size_t output_count,
                     haya_error *error)
{
    hy_error_clear(error);
    HY_TRY(check_arguments(session, plan, weights, inputs, input_count, outputs, output_count, error));
    HY_TRY(hy_file_check(weights->model->file, error));
    runner r = {session, plan, weights, inputs, outputs};
    hy_fp_state state;
    hy_fp_enter(&state);
    haya_status status = run_steps(&r, error);
    hy_fp_leave(&state);
    HY_TRY(status);
    return hy_file_check(weights->model->file, error); /* overwritten while it was being read? */
}

/* ---- Preparing --------------------------------------------------------------------------------------------------- */

/* Dense tensors on zeroed memory; `memory` is one block for all of them. */
static haya_tensor zero_tensor(const hy_staging *staging, uint8_t **memory)
{
    haya_tensor tensor = haya_tensor_dense(staging->dtype, staging->shape, *memory);
    *memory += (tensor.bytes + HY_CACHE_LINE) & ~(uint64_t)(HY_CACHE_LINE - 1);
    return tensor;
}

static haya_status run_on_zeros(haya_session *session, const haya_plan *plan, const haya_weights *weights,
                                hy_arena *arena, haya_error *error)
{
    size_t inputs = plan->info.input_count, outputs = plan->info.output_count, bytes = 0;
    for (size_t i = 0; i < inputs; i++)
        bytes += (size_t)hy_shape_bytes(&plan->inputs[i].shape, plan->inputs[i].dtype) + 2 * HY_CACHE_LINE;
    for (size_t i = 0; i < outputs; i++)
        bytes += (size_t)hy_shape_bytes(&plan->outputs[i].shape, plan->outputs[i].dtype) + 2 * HY_CACHE_LINE;
    haya_tensor *tensors = HY_ARENA_NEW(arena, haya_tensor, inputs + outputs);
    uint8_t *memory = hy_arena_alloc(arena, 1, bytes);
    if (!tensors || !memory)
        return hy_out_of_memory(error, "prepare");
    for (size_t i = 0; i < inputs; i++)
        tensors[i] = zero_tensor(&plan->inputs[i], &memory);
    for (size_t i = 0; i < outputs; i++)
        tensors[inputs + i] = zero_tensor(&plan->outputs[i], &memory);
    haya_status status = haya_run(session, plan, weights, tensors, inputs, tensors + inputs, outputs, error);
    if (status != HAYA_ERROR_VALUE)
        return status;
    /* Zeros may be no valid input of a step (an integer division); the steps after it need their weights, too. */
    hy_error_clear(error);
    hy_intake_all(session->team, plan, weights);
    return hy_file_check(weights->model->file, error);
}

haya_status haya_prepare(haya_session *session, const haya_plan *plan, const haya_weights *weights, haya_error *error)
{
    HY_TRY(haya_session_reserve(session, plan, error));
    if (!weights)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "weights is NULL");
    hy_weights_refresh(weights); /* pages that were there once may have been evicted */
    hy_arena arena;
    hy_arena_init(&arena, &session->host);
    haya_status status = run_on_zeros(session, plan, weights, &arena, error);
    hy_arena_free(&arena);
    return status;
}

bool haya_handle_fault(const void *address)
{
    return hy_file_patch_fault(address);
}
