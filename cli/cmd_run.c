/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "npy.h"
#include "output_file.h"
#include "print.h"
#include "shapes.h"
#include "tensor_file.h"
#include "timing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char run_help[] =
    "usage: haya run MODEL [-i [NAME=]FILE]... [-o [NAME=]FILE]... [options]\n"
    "\n"
    "Runs a model on .npy files. Without -o, prints what the outputs look like.\n"
    "\n"
    "  -i, --input [NAME=]FILE   feed a .npy file to the input NAME, or to any other\n"
    "                            tensor 'node' or 'node:k'; without NAME, to the\n"
    "                            model's next input\n"
    "  -o, --output [NAME=]FILE  write the output NAME, or any other tensor, to a\n"
    "                            .npy file; without NAME, the model's next output\n"
    "  --threads N               threads (as many as the process may use)\n"
    "  --repeat N                run N times, and tell the times\n"
    "  --json                    one JSON object on standard output\n"
    "\n"
    "Numbers are converted to the input's type: to floating point always, to\n"
    "integers if they are whole and in range. A batch dimension that the file lacks\n"
    "is added.\n";

typedef struct run {
    const char *model_path;
    tensor_file *given_inputs, *given_outputs; /* room for all arguments */
    size_t given_input_count, given_output_count;
    int32_t threads;                          /* 0: not said */
    int64_t repeat;

    haya_model *model;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
    haya_tensor *inputs;                      /* given_input_count */
    haya_tensor *outputs;
    size_t output_count;

    double open_ms, bind_ms, first_ms;
    double plan_ms;                           /* program and plan: what the structure costs */
    durations later_runs;
} run;

static exit_status parse(run *r, arguments *args) {
    enum { INPUT, OUTPUT, THREADS, REPEAT };
    static const option_spec options[] = {[INPUT] = {"input", 'i', true},
                                          [OUTPUT] = {"output", 'o', true},
                                          [THREADS] = {"threads", '\0', true},
                                          [REPEAT] = {"repeat", '\0', true},
                                          {NULL, '\0', false}};
    args->options = options;
    r->given_inputs = allocate((size_t)args->argc, sizeof *r->given_inputs);
    r->given_outputs = allocate((size_t)args->argc, sizeof *r->given_outputs);
    r->repeat = 1;
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        tensor_file *item;
        switch (option) {
        case INPUT:
            item = &r->given_inputs[r->given_input_count++];
            item->file = split_name(args->value, &item->name);
            break;
        case OUTPUT:
            item = &r->given_outputs[r->given_output_count++];
            item->file = split_name(args->value, &item->name);
            break;
        case THREADS:
            if (!arguments_threads(args, &r->threads)) {
                return WRONG_USAGE;
            }
            break;
        case REPEAT:
            if (!arguments_number(args, 1, 1000000000, &r->repeat)) {
                return WRONG_USAGE;
            }
            break;
        case ARGUMENTS_OPERAND:
            if (r->model_path) {
                return wrong_usage(args, "one model is run, not both '%s' and '%s'", r->model_path, args->value);
            }
            r->model_path = args->value;
            break;
        default:
            return WRONG_USAGE;
        }
    }
    return r->model_path ? DONE : wrong_usage(args, "no model is given");
}

/* The model's outputs by name, where no -o says what to fetch. */
static const char **output_names(const haya_model *model, size_t *count) {
    haya_model_info info;
    haya_model_get_info(model, &info);
    const char **names = allocate(info.output_count, sizeof *names);
    for (*count = 0; *count < info.output_count; ++*count) {
        haya_value value;
        haya_model_output(model, *count, &value);
        names[*count] = value.name;
    }
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
    size_t fetch_count = r->given_output_count;
    const char **fetches = fetch_count > 0 ? tensor_file_names(r->given_outputs, fetch_count)
                                           : output_names(r->model, &fetch_count);
    haya_program_options options = {.struct_size = sizeof options, .feeds = feeds,
                                    .feed_count = r->given_input_count, .fetches = fetches,
                                    .fetch_count = fetch_count};
    double start = now_ms();
    exit_status status = DONE;
    if (haya_program_create(r->model, &options, &r->program, &error) != HAYA_OK) {
        status = fail_to_build(r, &error);
    }
    double created = now_ms();
    r->plan_ms = created - start;
    if (status == DONE && haya_weights_bind(r->program, r->model, &r->weights, &error) != HAYA_OK) {
        status = fail_haya(&error);
    }
    r->bind_ms = now_ms() - created;
    free(feeds);
    free(fetches);
    return status;
}

/* The program's inputs are the feeds, in the order of the command line. */
static exit_status read_inputs(run *r) {
    r->inputs = allocate(r->given_input_count, sizeof *r->inputs);
    for (size_t i = 0; i < r->given_input_count; i++) {
        haya_value value;
        haya_program_input(r->program, i, &value);
        exit_status status = tensor_file_read(r->given_inputs[i].file, &value, &r->inputs[i]);
        if (status != DONE) {
            return status;
        }
    }
    return DONE;
}

static exit_status allocate_outputs(run *r) {
    haya_plan_info info;
    haya_plan_get_info(r->plan, &info);
    r->output_count = info.output_count;
    r->outputs = allocate(info.output_count, sizeof *r->outputs);
    for (size_t i = 0; i < info.output_count; i++) {
        haya_value value;
        haya_plan_output(r->plan, i, &value);
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

static exit_status prepare(run *r) {
    haya_error error;
    haya_shape *shapes = allocate(r->given_input_count, sizeof *shapes);
    for (size_t i = 0; i < r->given_input_count; i++) {
        shapes[i] = r->inputs[i].shape;
    }
    haya_plan_options plan_options = {.struct_size = sizeof plan_options, .threads = r->threads};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = r->threads};
    double start = now_ms();
    size_t count = r->given_input_count;
    bool ok = haya_plan_create(r->program, shapes, count, &plan_options, &r->plan, &error) == HAYA_OK;
    r->plan_ms += now_ms() - start;
    free(shapes);
    ok = ok && haya_session_create(&session_options, &r->session, &error) == HAYA_OK &&
         haya_session_reserve(r->session, r->plan, &error) == HAYA_OK;
    r->threads = ok ? haya_session_threads(r->session) : r->threads;
    return ok ? allocate_outputs(r) : fail_haya(&error);
}

static exit_status run_all(run *r) {
    haya_error error;
    for (int64_t i = 0; i < r->repeat; i++) {
        double start = now_ms();
        if (haya_run(r->session, r->plan, r->weights, r->inputs, r->given_input_count, r->outputs, r->output_count,
                     &error) != HAYA_OK) {
            return fail_haya(&error);
        }
        double ms = now_ms() - start;
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

/* ---- What is told -------------------------------------------------------------------------------------------- */

static uint64_t element_count(const haya_tensor *tensor) {
    return tensor->bytes / haya_dtype_size(tensor->dtype);
}

static const char *output_path(const run *r, size_t index) {
    return r->given_output_count > 0 ? r->given_outputs[index].file : NULL;
}

static json_t *tensor_json(const haya_value *value, const haya_tensor *tensor, const char *file) {
    haya_value known = {value->name, tensor->dtype, tensor->shape};
    json_t *object = json_value(&known);
    json_object_set_new(object, "file", file ? json_text(file) : json_null());
    return object;
}

static void print_json(run *r) {
    json_t *inputs = json_array(), *outputs = json_array();
    for (size_t i = 0; i < r->given_input_count; i++) {
        haya_value value;
        haya_plan_input(r->plan, i, &value);
        json_array_append_new(inputs, tensor_json(&value, &r->inputs[i], r->given_inputs[i].file));
    }
    for (size_t i = 0; i < r->output_count; i++) {
        haya_value value;
        haya_plan_output(r->plan, i, &value);
        const haya_tensor *tensor = &r->outputs[i];
        number_summary summary = numbers_summarize(tensor->data, tensor->dtype, element_count(tensor));
        json_t *output = tensor_json(&value, tensor, output_path(r, i));
        json_object_set_new(output, "min", json_number_or_null(summary.min));
        json_object_set_new(output, "max", json_number_or_null(summary.max));
        json_object_set_new(output, "mean", json_number_or_null(summary.mean));
        json_object_set_new(output, "nonfinite", json_integer((json_int_t)(summary.nan + summary.infinite)));
        json_array_append_new(outputs, output);
    }
    report_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model", json_text(r->model_path),
                           "threads", json_integer(r->threads), "open_ms",
                           json_ms(r->open_ms), "bind_ms", json_ms(r->bind_ms), "plan_ms", json_ms(r->plan_ms),
                           "first_ms", json_ms(r->first_ms), "run_ms", durations_json(&r->later_runs), "inputs",
                           inputs, "outputs", outputs));
}

static void print_outputs(const run *r) {
    table t = {.columns = 7, .right = 0x78};
    for (size_t i = 0; i < r->output_count; i++) {
        haya_value value;
        haya_plan_output(r->plan, i, &value);
        const haya_tensor *tensor = &r->outputs[i];
        number_summary summary = numbers_summarize(tensor->data, tensor->dtype, element_count(tensor));
        table_cell(&t, "%s", value.name);
        table_cell(&t, "%s", haya_dtype_name(tensor->dtype));
        table_cell(&t, "%s", text_shape(&tensor->shape).s);
        table_cell(&t, "min %.6g", summary.min);
        table_cell(&t, "max %.6g", summary.max);
        table_cell(&t, "mean %.6g", summary.mean);
        table_cell(&t, "%s not finite", text_count(summary.nan + summary.infinite).s);
    }
    table_print(&t, stdout);
}

static void print_times(run *r) {
    printf("open %s, bind %s, plan %s, first run %s\n", text_ms(r->open_ms).s, text_ms(r->bind_ms).s,
           text_ms(r->plan_ms).s, text_ms(r->first_ms).s);
    duration_summary summary = durations_summary(&r->later_runs);
    printf("%zu more runs: min %s, median %s, 90%% within %s\n", r->later_runs.count, text_ms(summary.min).s,
           text_ms(summary.median).s, text_ms(summary.p90).s);
}

static exit_status write_outputs(const run *r) {
    for (size_t i = 0; i < r->given_output_count; i++) {
        exit_status status = output_file_finish(i, npy_write(output_file_stream(i), &r->outputs[i]));
        if (status != DONE) {
            return status;
        }
    }
    return DONE;
}

static exit_status report(run *r) {
    exit_status status = write_outputs(r);
    if (status != DONE) {
        return status;
    }
    if (report_is_json()) {
        print_json(r);
        return DONE;
    }
    if (r->given_output_count == 0) {
        print_outputs(r);
    }
    if (r->repeat > 1) {
        print_times(r);
    }
    return DONE;
}

/* ---- The command --------------------------------------------------------------------------------------------- */

static exit_status open_model(run *r) {
    haya_error error;
    double start = now_ms();
    if (haya_model_open(r->model_path, NULL, &r->model, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    r->open_ms = now_ms() - start;
    exit_status status = tensor_files_name(r->given_inputs, r->given_input_count, r->model, false);
    return status == DONE ? tensor_files_name(r->given_outputs, r->given_output_count, r->model, true) : status;
}

static exit_status begin_outputs(run *r) {
    const char **paths = allocate(r->given_output_count, sizeof *paths);
    for (size_t i = 0; i < r->given_output_count; i++) {
        paths[i] = r->given_outputs[i].file;
    }
    exit_status status = output_files_begin(paths, r->given_output_count);
    free(paths);
    return status;
}

static void free_run(run *r) {
    for (size_t i = 0; i < r->given_input_count; i++) {
        free(r->given_inputs[i].name);
        if (r->inputs) {
            free(r->inputs[i].data);
        }
    }
    for (size_t i = 0; i < r->given_output_count; i++) {
        free(r->given_outputs[i].name);
    }
    for (size_t i = 0; r->outputs && i < r->output_count; i++) {
        free(r->outputs[i].data);
    }
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
    static exit_status (*const steps[])(run *) = {open_model, build, read_inputs, prepare, begin_outputs, run_all,
                                                  report};
    run r = {0};
    exit_status status = parse(&r, args);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == DONE; i++) {
        status = steps[i](&r);
    }
    free_run(&r);
    return status;
}
