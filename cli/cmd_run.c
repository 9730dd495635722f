/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "output_file.h"
#include "print.h"
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is fetched: the outputs of -o, or else all of the model, and then those that are judged or drawn besides. */
static const char **fetched_names(run *r, size_t *count) {
    haya_model_info info;
    haya_model_get_info(r->model, &info);
    const char **names = allocate(info.output_count + r->given_output_count + r->view_count +
                                  r->settings.class_count, sizeof *names);
    *count = 0;
    for (size_t i = 0; i < r->given_output_count; i++) {
        names[(*count)++] = r->given_outputs[i].name;
    }
    for (size_t i = 0; i < info.output_count && r->given_output_count == 0; i++) {
        haya_value value;
        haya_model_output(r->model, i, &value);
        names[(*count)++] = value.name;
    }
    run_add_fetches(r, names, count);
    return names;
}

/* Where the node that failed is an input that has no -i, says how to give it; else what the library says. */
static exit_status fail_to_build(const run *r, const haya_error *error) {
    haya_value input;
    for (size_t i = 0; haya_model_input(r->model, i, &input) == HAYA_OK; i++) {
        if (error->status == HAYA_ERROR_ARGUMENT && strcmp(input.name, error->node) == 0) {
            return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT,
                        "%s: input '%s', %s %s, is not given; give it as -i %s=FILE.npy", r->model_path, input.name,
                        haya_dtype_name(input.dtype), text_shape(&input.shape).s, input.name);
        }
    }
    return fail_haya(error);
}

/* Program and weights for what is fed and fetched. */
static exit_status build(run *r) {
    haya_error error;
    const char **feeds = tensor_file_names(r->given_inputs, r->given_input_count);
    size_t fetch_count;
    const char **fetches = fetched_names(r, &fetch_count);
    haya_program_options options = {.struct_size = sizeof options, .feeds = feeds,
                                    .feed_count = r->given_input_count, .fetches = fetches,
                                    .fetch_count = fetch_count};
    double start = clock_ms();
    exit_status status = DONE;
    if (haya_program_create(r->model, &options, &r->program, &error) != HAYA_OK) {
        status = fail_to_build(r, &error);
    }
    double created = clock_ms();
    r->plan_ms = created - start;
    if (status == DONE && haya_weights_bind(r->program, r->model, &r->weights, &error) != HAYA_OK) {
        status = fail_haya(&error);
    }
    r->bind_ms = clock_ms() - created;
    free(feeds);
    free(fetches);
    return status;
}

/* The program's inputs are the feeds, in the order of the command line. */
static exit_status read_inputs(run *r) {
    r->inputs = allocate(r->given_input_count, sizeof *r->inputs);
    r->pictures = allocate(r->given_input_count, sizeof *r->pictures);
    for (size_t i = 0; i < r->given_input_count; i++) {
        haya_value value;
        haya_program_input(r->program, i, &value);
        exit_status status = tensor_file_read(r->given_inputs[i].file, &value, &r->inputs[i], &r->pictures[i]);
        if (status != DONE) {
            return status;
        }
    }
    return DONE;
}

void run_input_value(const run *r, size_t index, haya_value *value) {
    haya_program_input(r->program, index, value);
    value->shape = r->inputs[index].shape;
}

void run_output_value(const run *r, size_t index, haya_value *value) {
    haya_program_output(r->program, index, value);
    value->dtype = r->outputs[index].dtype;
    value->shape = r->outputs[index].shape;
}

static exit_status allocate_outputs(run *r) {
    haya_program_info info;
    haya_program_get_info(r->program, &info);
    r->output_count = info.output_count;
    r->outputs = allocate(info.output_count, sizeof *r->outputs);
    for (size_t i = 0; i < info.output_count; i++) {
        haya_value value;
        haya_plan_output(r->plan ? r->plan : r->tiled.plan, i, &value);
        value.shape = r->plan ? value.shape : tiled_output_shape(&r->tiled, i);
        size_t bytes = haya_dtype_size(value.dtype);
        for (int32_t k = 0; k < value.shape.rank; k++) {
            bytes *= (size_t)value.shape.dims[k];
        }
        void *data = malloc(bytes ? bytes : 1);
        if (!data) {
            return fail(FAILED, HAYA_ERROR_MEMORY, "no memory for output '%s' of %zu bytes", value.name, bytes);
        }
        r->outputs[i] = haya_tensor_dense(value.dtype, value.shape, data);
    }
    return DONE;
}

static exit_status make_plan(run *r, const haya_plan_options *options) {
    haya_error error;
    haya_shape *shapes = allocate(r->given_input_count, sizeof *shapes);
    for (size_t i = 0; i < r->given_input_count; i++) {
        shapes[i] = r->inputs[i].shape;
    }
    haya_status status = haya_plan_create(r->program, shapes, r->given_input_count, options, &r->plan, &error);
    free(shapes);
    return status == HAYA_OK ? DONE : fail_haya(&error);
}

/* Room for the plan, or for the tiles' plans. */
static exit_status make_session(run *r) {
    haya_error error;
    haya_session_options options = {.struct_size = sizeof options, .threads = r->threads};
    const haya_plan *plans[] = {r->plan, r->tiled.plan, r->tiled.rest};
    bool ok = haya_session_create(&options, &r->session, &error) == HAYA_OK;
    for (size_t i = 0; i < sizeof plans / sizeof plans[0] && ok; i++) {
        ok = !plans[i] || haya_session_reserve(r->session, plans[i], &error) == HAYA_OK;
    }
    r->threads = ok ? haya_session_threads(r->session) : r->threads;
    return ok ? DONE : fail_haya(&error);
}

static exit_status prepare(run *r) {
    haya_plan_options options = {.struct_size = sizeof options, .threads = r->threads};
    double start = clock_ms();
    exit_status status = r->tile.width > 0 ? run_make_tiles(r, &options) : make_plan(r, &options);
    r->plan_ms += clock_ms() - start;
    if (status == DONE) {
        status = make_session(r);
    }
    return status == DONE ? allocate_outputs(r) : status;
}

static haya_status run_once(run *r, haya_error *error) {
    return r->tile.width > 0 ? run_tiles(r, error)
                             : haya_run(r->session, r->plan, r->weights, r->inputs, r->given_input_count,
                                        r->outputs, r->output_count, error);
}

static exit_status run_all(run *r) {
    haya_error error;
    for (int64_t i = 0; i < r->repeat; i++) {
        double start = clock_ms();
        if (run_once(r, &error) != HAYA_OK) {
            return fail_haya(&error);
        }
        double ms = clock_ms() - start;
        if (i == 0) {
            r->first_ms = ms;
        } else {
            durations_add(&r->later_runs, ms);
        }
        if (r->repeat > 1) {
            progress("run %" PRId64 " of %" PRId64, i + 1, r->repeat);
        }
    }
    progress_clear();
    return DONE;
}

/* ---- The command --------------------------------------------------------------------------------------------- */

static exit_status open_model(run *r) {
    haya_error error;
    double start = clock_ms();
    if (haya_model_open(r->model_path, NULL, &r->model, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    r->open_ms = clock_ms() - start;
    return DONE;
}

static exit_status name_files(run *r) {
    const char *first = r->settings.input.tensor ? r->settings.input.feed : NULL;
    exit_status status = tensor_files_name(r->given_inputs, r->given_input_count, r->model, first, false);
    return status != DONE ? status
                          : tensor_files_name(r->given_outputs, r->given_output_count, r->model, NULL, true);
}

/* The files of -o, and then those that are drawn. */
static exit_status begin_outputs(run *r) {
    size_t count = r->given_output_count + r->view_count;
    const char **paths = allocate(count, sizeof *paths);
    exit_status status = DONE;
    for (size_t i = 0; i < count && status == DONE; i++) {
        bool drawn = i >= r->given_output_count;
        paths[i] = drawn ? r->views[i - r->given_output_count].target.file : r->given_outputs[i].file;
        for (size_t k = 0; drawn && k < i && status == DONE; k++) {
            if (strcmp(paths[k], paths[i]) == 0) {
                status = fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "'%s' is given for two outputs", paths[i]);
            }
        }
    }
    if (status == DONE) {
        status = output_files_begin(paths, count);
    }
    free(paths);
    return status;
}

static void free_run(run *r) {
    for (size_t i = 0; i < r->given_input_count; i++) {
        free(r->given_inputs[i].name);
        if (r->inputs) {
            free(r->inputs[i].data);
            picture_free(&r->pictures[i]);
        }
    }
    for (size_t i = 0; i < r->given_output_count; i++) {
        free(r->given_outputs[i].name);
    }
    for (size_t i = 0; r->outputs && i < r->output_count; i++) {
        free(r->outputs[i].data);
    }
    for (size_t i = 0; i < r->judgement_count; i++) {
        verdict_free(&r->judgements[i].verdict);
    }
    settings_free(&r->settings);
    roi_mask_free(&r->roi.mask);
    tiled_free(&r->tiled);
    for (size_t i = 0; i < r->view_count; i++) {
        free(r->views[i].target.name);
    }
    free(r->views);
    free(r->pictures);
    free(r->judgements);
    free(r->given_inputs);
    free(r->given_outputs);
    free(r->inputs);
    free(r->outputs);
    durations_free(&r->later_runs);
    haya_session_free(r->session);
    haya_plan_free(r->plan);
    haya_weights_free(r->weights);
    haya_program_free(r->program);
    haya_model_close(r->model);
}

exit_status run_command(arguments *args) {
    static exit_status (*const steps[])(run *) = {
        open_model,    run_read_settings,    name_files, build,               read_inputs,
        run_read_roi,  run_convert_pictures, prepare,    run_find_judgements, begin_outputs,
        run_all,       run_clear_outside,    run_judge,  run_report};
    run r = {0};
    exit_status status = run_parse(&r, args);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == DONE; i++) {
        status = steps[i](&r);
    }
    free_run(&r);
    return status;
}
