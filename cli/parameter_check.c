/* SPDX-License-Identifier: Apache-2.0 */
#include "parameter_check.h"

#include "inspection/number.h"
#include "print.h"

#include <stdlib.h>
#include <string.h>

/* Parameters are read as the outputs of a program that computes nothing, so many at a time. */
enum { GROUP_BYTES = 64 << 20 };

typedef struct group {
    const char **names;
    haya_tensor *tensors;
    size_t count;
} group;

static bool is_floating_point(haya_dtype dtype) {
    number_kind kind = number_type_of(dtype).kind;
    return kind == NUMBER_FLOAT || kind == NUMBER_BFLOAT;
}

/* The parameters from `slot` on that make the next group; returns the slot after them. */
static size_t next_group(const haya_program *program, size_t slot, size_t slot_count, group *g) {
    uint64_t bytes = 0;
    g->count = 0;
    for (; slot < slot_count; slot++) {
        haya_parameter parameter;
        haya_program_parameter(program, slot, &parameter);
        if (!is_floating_point(parameter.value.dtype)) {
            continue;
        }
        if (g->count > 0 && bytes + parameter.bytes > GROUP_BYTES) {
            break;
        }
        bytes += parameter.bytes;
        g->names[g->count++] = parameter.value.name;
    }
    return slot;
}

static bool allocate_tensors(group *g, const haya_plan *plan, haya_error *error) {
    for (size_t i = 0; i < g->count; i++) {
        haya_value value;
        haya_plan_output(plan, i, &value);
        size_t bytes = haya_dtype_size(value.dtype);
        for (int32_t k = 0; k < value.shape.rank; k++) {
            bytes *= (size_t)value.shape.dims[k];
        }
        g->tensors[i] = haya_tensor_dense(value.dtype, value.shape, malloc(bytes ? bytes : 1));
        if (!g->tensors[i].data) {
            error->status = HAYA_ERROR_MEMORY;
            snprintf(error->message, sizeof error->message, "no memory to read parameter '%s'", value.name);
            return false;
        }
    }
    return true;
}

static void free_tensors(group *g) {
    for (size_t i = 0; i < g->count; i++) {
        free(g->tensors[i].data);
        g->tensors[i].data = NULL;
    }
}

static exit_status read_group(haya_model *model, haya_session *session, group *g) {
    static const char *const no_feeds[1];
    haya_error error;
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    haya_plan *plan = NULL;
    haya_program_options options = {.struct_size = sizeof options, .feeds = no_feeds, .fetches = g->names,
                                    .fetch_count = g->count};
    bool ok = haya_program_create(model, &options, &program, &error) == HAYA_OK &&
              haya_weights_bind(program, model, &weights, &error) == HAYA_OK &&
              haya_plan_create(program, NULL, 0, NULL, &plan, &error) == HAYA_OK &&
              haya_session_reserve(session, plan, &error) == HAYA_OK && allocate_tensors(g, plan, &error) &&
              haya_run(session, plan, weights, NULL, 0, g->tensors, g->count, &error) == HAYA_OK;
    haya_plan_free(plan);
    haya_weights_free(weights);
    haya_program_free(program);
    return ok ? DONE : fail_haya(&error);
}

static void scan_group(const group *g, parameter_check *check) {
    for (size_t i = 0; i < g->count; i++) {
        const haya_tensor *tensor = &g->tensors[i];
        number_summary summary = numbers_summarize(tensor->data, tensor->dtype,
                                                   tensor->bytes / haya_dtype_size(tensor->dtype));
        if (summary.nan + summary.infinite > 0) {
            check->tensors[check->count++] = (bad_tensor){g->names[i], summary.nan, summary.infinite};
            check->nan += summary.nan;
            check->infinite += summary.infinite;
        }
    }
}

exit_status check_parameters(haya_model *model, const haya_program *program, parameter_check *check) {
    haya_error error;
    haya_session *session;
    if (haya_session_create(NULL, &session, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    haya_program_info info;
    haya_program_get_info(program, &info);
    check->tensors = allocate(info.slot_count, sizeof *check->tensors);
    group g = {.names = allocate(info.slot_count, sizeof *g.names),
               .tensors = allocate(info.slot_count, sizeof *g.tensors)};
    exit_status status = DONE;
    for (size_t slot = 0; slot < info.slot_count && status == DONE;) {
        progress("checking parameter %zu of %zu", slot + 1, info.slot_count);
        slot = next_group(program, slot, info.slot_count, &g);
        if (g.count > 0) {
            status = read_group(model, session, &g);
            if (status == DONE) {
                scan_group(&g, check);
            }
            free_tensors(&g);
        }
    }
    progress_clear();
    free(g.names);
    free(g.tensors);
    haya_session_free(session);
    return status;
}
