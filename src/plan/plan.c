/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan: drafts become steps with kernels and places. The public calls about plans.
 */
#include <string.h>

#include "plan/plan.h"

/* ---- Places ------------------------------------------------------------------------------------------------------ */

static hy_draft *live_draft(hy_drafts *d, size_t index)
{
    return d->drafts[index].dead ? NULL : &d->drafts[index];
}

/* Results go straight to the caller's memory where one draft-made value is fetched; what is fetched twice, or is an
   input, parameter or constant, is copied at the end. */
static void place_fetches(hy_drafts *d)
{
    for (size_t i = 0; i < d->fetch_count; i++) {
        hy_value *owner = &d->values[hy_value_owner(d, d->fetches[i])];
        if (owner->placed)
            continue;
        owner->placed = true;
        owner->place = (hy_place){.kind = HY_PLACE_OUTPUT, .index = (int32_t)i};
    }
}

static void touch(hy_value *value, int32_t step)
{
    if (value->first < 0)
        value->first = step;
    value->last = step;
}

static void find_lifetimes(hy_drafts *d)
{
    for (size_t i = 0; i < d->value_count; i++)
        d->values[i].first = d->values[i].last = -1;
    for (size_t i = 0; i < d->count; i++) {
        const hy_draft *draft = live_draft(d, i);
        if (!draft)
            continue;
        touch(&d->values[hy_value_owner(d, draft->out)], (int32_t)i);
        for (int k = 0; k < draft->call.input_count; k++)
            if (draft->in[k] >= 0)
                touch(&d->values[hy_value_owner(d, draft->in[k])], (int32_t)i);
    }
    /* A fetched input or constant is copied at the end, and until then the staging of an input must last. */
    for (size_t i = 0; i < d->fetch_count; i++)
        touch(&d->values[hy_value_owner(d, d->fetches[i])], (int32_t)d->count);
}

static bool is_elementwise(hy_family family)
{
    return family == HY_UNARY || family == HY_BINARY || family == HY_SCALE_SHIFT;
}

static size_t owner_bytes(const hy_drafts *d, int32_t value)
{
    return (size_t)hy_shape_bytes(&d->values[value].operand.shape, d->values[value].operand.dtype);
}

/* The view is of all that the value owns: not of a part of a joined tensor. */
static bool is_whole(const hy_drafts *d, const hy_view *view, int32_t owner)
{
    return hy_view_is_dense(view)
        && (size_t)hy_view_elements(view) * haya_dtype_size(view->dtype) == owner_bytes(d, owner);
}

static bool same_dims(const hy_view *a, const hy_view *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

/* Elementwise drafts write over an operand that nobody reads later: less memory, and it is in the cache. */
static void share_in_place(hy_drafts *d)
{
    for (size_t i = 0; i < d->count; i++) {
        hy_draft *draft = live_draft(d, i);
        if (!draft || !is_elementwise(draft->call.family))
            continue;
        int32_t target = hy_value_owner(d, draft->out);
        hy_value *out = &d->values[target];
        if (!is_whole(d, &draft->call.out, target))
            continue;
        for (int k = 0; k < draft->call.input_count; k++) {
            if (draft->in[k] < 0 || !same_dims(&draft->call.in[k], &draft->call.out))
                continue;
            int32_t owner = hy_value_owner(d, draft->in[k]);
            hy_value *in = &d->values[owner];
            if (!is_whole(d, &draft->call.in[k], owner) || owner_bytes(d, owner) != owner_bytes(d, target))
                continue;
            if (out->placed || in->placed || in == out || out->first != (int32_t)i || in->last != (int32_t)i)
                continue;
            out->alias = owner;
            in->last = out->last;
            break;
        }
    }
}

/* Values in scratch, and the staging of inputs and outputs, which lives as long as they are read or written. */
static haya_status place_scratch(haya_plan *plan, hy_drafts *d, hy_arena *temporary)
{
    size_t inputs = plan->program->input_count, outputs = d->fetch_count;
    hy_block *blocks = HY_ARENA_NEW(temporary, hy_block, d->value_count + inputs + outputs);
    int32_t *owners = HY_ARENA_NEW(temporary, int32_t, d->value_count);
    if (!blocks || !owners)
        return hy_out_of_memory(d->error, "plan");
    int32_t end = (int32_t)d->count;
    for (size_t i = 0; i < inputs; i++)
        blocks[i] = (hy_block){(size_t)hy_shape_bytes(&plan->inputs[i].shape, plan->inputs[i].dtype), 0, end, 0};
    for (size_t i = 0; i < outputs; i++)
        blocks[inputs + i] =
            (hy_block){(size_t)hy_shape_bytes(&plan->outputs[i].shape, plan->outputs[i].dtype), 0, end, 0};
    for (size_t i = 0; i < d->value_count; i++) {
        const hy_value *v = &d->values[i];
        if (!v->placed || v->first < 0)
            continue;
        if (v->place.kind == HY_PLACE_INPUT)
            blocks[v->place.index].last = v->last;
        if (v->place.kind == HY_PLACE_OUTPUT)
            blocks[inputs + (size_t)v->place.index].first = v->first;
    }
    size_t count = inputs + outputs, first_value = count;
    for (size_t i = 0; i < d->value_count; i++) {
        const hy_value *v = &d->values[i];
        if (v->alias >= 0 || v->placed || v->first < 0)
            continue;
        owners[count - first_value] = (int32_t)i;
        blocks[count++] = (hy_block){owner_bytes(d, (int32_t)i), v->first, v->last, 0};
    }
    HY_TRY(hy_place_blocks(blocks, count, HY_CACHE_LINE, temporary, &plan->value_bytes, d->error));
    for (size_t i = 0; i < inputs; i++)
        plan->inputs[i].offset = blocks[i].offset;
    for (size_t i = 0; i < outputs; i++)
        plan->outputs[i].offset = blocks[inputs + i].offset;
    for (size_t i = first_value; i < count; i++) {
        hy_value *v = &d->values[owners[i - first_value]];
        v->placed = true;
        v->place = (hy_place){.kind = HY_PLACE_SCRATCH, .offset = blocks[i].offset};
    }
    return HAYA_OK;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

static haya_status choose(haya_plan *plan, hy_step *step, haya_error *error)
{
    step->kernel = hy_kernel_choose(&step->call, hy_isa_best());
    if (step->kernel) {
        step->kernel_name = hy_arena_printf(&plan->arena, "%s/%s", step->kernel->name, hy_isa_name(step->kernel->isa));
        return step->kernel_name ? HAYA_OK : hy_out_of_memory(error, "plan");
    }
    return hy_fail(error, HAYA_ERROR_UNSUPPORTED, step->node, "%s: node '%s' (%s): no kernel computes %s of %s",
                   hy_file_path(plan->program->model->file), step->node, step->op,
                   hy_family_name(step->call.family), haya_dtype_name(step->call.in[0].dtype));
}

static haya_status make_step(haya_plan *plan, const hy_drafts *d, const hy_draft *draft)
{
    static const hy_place zero = {.kind = HY_PLACE_KNOWN, .data = hy_zero_element};
    hy_step *step = &plan->steps[plan->step_count++];
    const hy_value *out = &d->values[draft->out];
    *step = (hy_step){.call = draft->call, .node = draft->node, .op = draft->op, .shape = out->operand.shape};
    step->out = d->values[hy_value_owner(d, draft->out)].place;
    for (int k = 0; k < draft->call.input_count; k++)
        step->in[k] = draft->in[k] < 0 ? zero : d->values[hy_value_owner(d, draft->in[k])].place;
    return choose(plan, step, d->error);
}

/* A fetch whose value lies elsewhere than in its output. */
static haya_status make_fetch_copy(haya_plan *plan, const hy_drafts *d, size_t fetch)
{
    const hy_value *owner = &d->values[hy_value_owner(d, d->fetches[fetch])];
    if (owner->place.kind == HY_PLACE_OUTPUT && owner->place.index == (int32_t)fetch)
        return HAYA_OK;
    const hy_operand *operand = &d->values[d->fetches[fetch]].operand;
    hy_step *step = &plan->steps[plan->step_count++];
    *step = (hy_step){.node = plan->program->outputs[fetch].name, .op = "fetch", .shape = operand->shape};
    step->call = (hy_call){.family = HY_COPY, .input_count = 1};
    step->call.in[0] = step->call.out = hy_view_dense(operand->dtype, &operand->shape);
    step->in[0] = owner->place;
    step->out = (hy_place){.kind = HY_PLACE_OUTPUT, .index = (int32_t)fetch};
    return choose(plan, step, d->error);
}

static haya_status make_steps(haya_plan *plan, hy_drafts *d)
{
    plan->steps = HY_ARENA_NEW(&plan->arena, hy_step, d->count + d->fetch_count);
    if (!plan->steps)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < d->count; i++)
        if (!d->drafts[i].dead)
            HY_TRY(make_step(plan, d, &d->drafts[i]));
    for (size_t i = 0; i < d->fetch_count; i++)
        HY_TRY(make_fetch_copy(plan, d, i));
    return HAYA_OK;
}

static haya_status describe_ends(haya_plan *plan, const hy_drafts *d, const haya_shape *input_shapes)
{
    const haya_program *program = plan->program;
    plan->inputs = HY_ARENA_NEW(&plan->arena, hy_staging, program->input_count);
    plan->outputs = HY_ARENA_NEW(&plan->arena, hy_staging, d->fetch_count);
    if (!plan->inputs || !plan->outputs)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < program->input_count; i++)
        plan->inputs[i] = (hy_staging){.dtype = program->inputs[i].dtype, .shape = input_shapes[i]};
    for (size_t i = 0; i < d->fetch_count; i++) {
        const hy_operand *operand = &d->values[d->fetches[i]].operand;
        plan->outputs[i] = (hy_staging){.dtype = operand->dtype, .shape = operand->shape};
    }
    return HAYA_OK;
}

size_t hy_plan_scratch(const haya_plan *plan, int threads)
{
    size_t kernels = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const hy_step *step = &plan->steps[i];
        size_t bytes = step->kernel->scratch ? step->kernel->scratch(&step->call, threads) : 0;
        kernels = bytes > kernels ? bytes : kernels;
    }
    size_t bytes = plan->value_bytes + kernels;
    return bytes ? bytes : HY_CACHE_LINE; /* never none, so that there is a pointer to add offsets to */
}

/* The node whose output is the largest value that has its own bytes, and its shape. NULL: none. */
static const hy_node *largest_tensor(const hy_drafts *d, haya_shape *shape)
{
    const hy_graph *graph = &d->program->graph;
    const hy_node *largest = NULL;
    int64_t most = -1;
    for (size_t i = 0; i < graph->node_count; i++)
        for (int32_t k = 0; graph->nodes[i].class == HY_CLASS_RUN && k < graph->nodes[i].output_count; k++) {
            const hy_value *value = &d->values[d->first[i] + k];
            int64_t bytes = hy_shape_bytes(&value->operand.shape, value->operand.dtype);
            if (value->alias >= 0 || value->first < 0 || bytes <= most)
                continue;
            most = bytes;
            largest = &graph->nodes[i];
            *shape = value->operand.shape;
        }
    return largest;
}

static haya_status check_scratch(haya_plan *plan, const hy_drafts *d, const haya_plan_options *options)
{
    haya_error *error = d->error;
    haya_shape shape;
    int threads = options && options->threads > 0 ? options->threads : hy_threads_available();
    uint64_t limit = options && options->max_scratch_bytes ? options->max_scratch_bytes : hy_machine_memory() / 2;
    plan->info.scratch_bytes = hy_plan_scratch(plan, threads);
    if (plan->info.scratch_bytes <= limit)
        return HAYA_OK;
    const hy_node *largest = largest_tensor(d, &shape);
    if (!largest)
        return hy_fail(error, HAYA_ERROR_LIMIT, NULL, "%s: the plan needs %llu bytes of scratch, above the limit of "
                       "%llu", hy_file_path(plan->program->model->file), (unsigned long long)plan->info.scratch_bytes,
                       (unsigned long long)limit);
    return hy_fail(error, HAYA_ERROR_LIMIT, largest->name, "%s: the plan needs %llu bytes of scratch, above the limit "
                   "of %llu; its largest tensor is that of node '%s', of shape %s",
                   hy_file_path(plan->program->model->file), (unsigned long long)plan->info.scratch_bytes,
                   (unsigned long long)limit, largest->name, HY_SHAPE(&shape));
}

static haya_status make_plan(haya_plan *plan, const haya_shape *input_shapes, const haya_plan_options *options,
                             hy_arena *temporary, haya_error *error)
{
    hy_drafts d = {.program = plan->program, .arena = &plan->arena, .temporary = temporary, .error = error};
    HY_TRY(hy_lower(&d, input_shapes, plan->program->input_count));
    hy_drafts_mark(&d);
    HY_TRY(hy_fuse(&d));
    for (size_t i = 0; i < d.count; i++)
        d.drafts[i].call.exact = options && options->precision == HAYA_PRECISION_EXACT;
    HY_TRY(hy_join(&d));
    HY_TRY(describe_ends(plan, &d, input_shapes));
    place_fetches(&d);
    find_lifetimes(&d);
    share_in_place(&d);
    HY_TRY(place_scratch(plan, &d, temporary));
    HY_TRY(make_steps(plan, &d));
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->info.flops += hy_call_flops(&plan->steps[i].call);
        plan->info.executed_flops += hy_kernel_flops(plan->steps[i].kernel, &plan->steps[i].call);
    }
    plan->info.input_count = plan->program->input_count;
    plan->info.output_count = d.fetch_count;
    plan->info.step_count = plan->step_count;
    return check_scratch(plan, &d, options);
}

/* ---- Public ------------------------------------------------------------------------------------------------------ */

static haya_status check_arguments(const haya_program *program, const haya_shape *input_shapes, size_t input_count,
                                   const haya_plan_options *options, haya_error *error)
{
    if (!program || (!input_shapes && input_count))
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "program or input_shapes is NULL");
    if (options && options->struct_size != sizeof *options)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_plan_options.struct_size is %u, not %zu",
                       options->struct_size, sizeof *options);
    if (options && options->precision != HAYA_PRECISION_FAST && options->precision != HAYA_PRECISION_EXACT)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_plan_options.precision is %d", (int)options->precision);
    if (options && (options->threads < 0 || options->threads > HY_MAX_THREADS))
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_plan_options.threads is %d; 0 to %d are possible",
                       options->threads, HY_MAX_THREADS);
    if (input_count != program->input_count)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "%s: %zu input shapes for a program with %zu inputs",
                       hy_file_path(program->model->file), input_count, program->input_count);
    return HAYA_OK;
}

haya_status haya_plan_create(const haya_program *program, const haya_shape *input_shapes, size_t input_count,
                             const haya_plan_options *options, haya_plan **result, haya_error *error)
{
    hy_error_clear(error);
    if (!result)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "plan is NULL: there is nowhere to put the plan");
    *result = NULL;
    HY_TRY(check_arguments(program, input_shapes, input_count, options, error));
    const haya_host *host = &program->arena.host;
    haya_plan *plan = hy_alloc(host, sizeof *plan);
    if (!plan)
        return hy_out_of_memory(error, "plan");
    *plan = (haya_plan){.program = program};
    atomic_init(&plan->references, 1);
    hy_arena_init(&plan->arena, host);
    hy_program_retain(program);
    hy_arena temporary;
    hy_arena_init(&temporary, host);
    haya_status status = make_plan(plan, input_shapes, options, &temporary, error);
    hy_arena_free(&temporary);
    if (status != HAYA_OK) {
        haya_plan_free(plan);
        return status;
    }
    *result = plan;
    return HAYA_OK;
}

void hy_plan_retain(const haya_plan *plan)
{
    atomic_fetch_add_explicit(&((haya_plan *)(uintptr_t)plan)->references, 1, memory_order_relaxed);
}

void haya_plan_free(haya_plan *plan)
{
    if (!plan || atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) != 1)
        return;
    haya_program *program = (haya_program *)(uintptr_t)plan->program;
    haya_host host = plan->arena.host;
    hy_arena_free(&plan->arena);
    hy_free(&host, plan, sizeof *plan);
    haya_program_free(program);
}

void haya_plan_get_info(const haya_plan *plan, haya_plan_info *info)
{
    *info = plan->info;
}

haya_status haya_plan_input(const haya_plan *plan, size_t index, haya_value *value)
{
    if (index >= plan->info.input_count)
        return HAYA_ERROR_NOT_FOUND;
    *value = (haya_value){plan->program->inputs[index].name, plan->inputs[index].dtype, plan->inputs[index].shape};
    return HAYA_OK;
}

haya_status haya_plan_output(const haya_plan *plan, size_t index, haya_value *value)
{
    if (index >= plan->info.output_count)
        return HAYA_ERROR_NOT_FOUND;
    *value = (haya_value){plan->program->outputs[index].name, plan->outputs[index].dtype, plan->outputs[index].shape};
    return HAYA_OK;
}

haya_status haya_plan_step(const haya_plan *plan, size_t index, haya_step *step)
{
    if (index >= plan->step_count)
        return HAYA_ERROR_NOT_FOUND;
    const hy_step *s = &plan->steps[index];
    *step = (haya_step){.node = s->node, .op = s->op, .kernel = s->kernel_name, .why = s->kernel->why,
                        .shape = s->shape, .dtype = s->call.out.dtype, .flops = hy_call_flops(&s->call),
                        .executed_flops = hy_kernel_flops(s->kernel, &s->call), .bytes = hy_call_bytes(&s->call)};
    return HAYA_OK;
}
