/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "command.h"
#include "inspection/number.h"
#include "print.h"
#include "settings_print.h"
#include "shapes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char bench_help[] =
    "usage: haya bench MODEL... [options]\n"
    "       haya bench --layers MODEL [options]\n"
    "\n"
    "Measures models on made-up inputs: opening, binding and first run of each, runs\n"
    "of the model that ran before, runs that change the model, and memory.\n"
    "With --layers, each step of one model's runs: time, GFLOP/s, share of the peak.\n"
    "\n"
    "  --layers             the steps of a run instead\n"
    "  --threads N          threads (as many as the process may use)\n"
    "  --runs N             runs of each kind (20)\n"
    "  --shape [NAME=]DIMS  size of an input with open dimensions, such as\n"
    "                       input_1=1,256,256,1; an open first dimension is 1\n"
    "                       otherwise\n"
    "  --settings FILE|none settings for all models, or none, instead of each\n"
    "                       MODEL.json; they are checked, and change no run\n"
    "  --json               one JSON object on standard output\n";

typedef struct bench_options {
    int64_t runs;
    given_shapes shapes;
    const char *settings;
} bench_options;

static exit_status parse(bench *b, bench_options *options, arguments *args) {
    enum { LAYERS, THREADS, RUNS, SHAPE, SETTINGS };
    static const option_spec specs[] = {[LAYERS] = {"layers", '\0', false},
                                        [THREADS] = {"threads", '\0', true},
                                        [RUNS] = {"runs", '\0', true},
                                        [SHAPE] = {"shape", '\0', true},
                                        [SETTINGS] = {"settings", '\0', true},
                                        {NULL, '\0', false}};
    args->options = specs;
    options->runs = 20;
    b->models = allocate((size_t)args->argc, sizeof *b->models);
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        switch (option) {
        case LAYERS:
            b->by_layers = true;
            break;
        case THREADS:
            if (!arguments_threads(args, &b->threads)) {
                return WRONG_USAGE;
            }
            break;
        case RUNS:
            if (!arguments_number(args, 1, 1000000, &options->runs)) {
                return WRONG_USAGE;
            }
            break;
        case SHAPE:
            if (given_shapes_add(&options->shapes, args) != DONE) {
                return WRONG_USAGE;
            }
            break;
        case SETTINGS:
            options->settings = args->value;
            break;
        case ARGUMENTS_OPERAND:
            b->models[b->model_count++].path = args->value;
            break;
        default:
            return WRONG_USAGE;
        }
    }
    b->structures = allocate(b->model_count, sizeof *b->structures);
    if (b->by_layers && b->model_count > 1) {
        return wrong_usage(args, "--layers takes one model, not both '%s' and '%s'", b->models[0].path,
                           b->models[1].path);
    }
    return b->model_count > 0 ? DONE : wrong_usage(args, "no model is given");
}

static exit_status allocate_tensor(haya_tensor *tensor, const haya_value *value) {
    size_t bytes = haya_dtype_size(value->dtype);
    for (int32_t k = 0; k < value->shape.rank; k++) {
        bytes *= (size_t)value->shape.dims[k];
    }
    void *data = calloc(bytes ? bytes : 1, 1);
    *tensor = haya_tensor_dense(value->dtype, value->shape, data);
    return data ? DONE : fail(FAILED, HAYA_ERROR_MEMORY, "no memory for '%s' of %zu bytes", value->name, bytes);
}

/* Numbers from 0 up to 1, the same at each measurement; other types than floating-point stay 0. */
static void fill_input(haya_tensor *tensor) {
    number_kind kind = number_type_of(tensor->dtype).kind;
    size_t size = haya_dtype_size(tensor->dtype);
    uint32_t state = 1;
    for (uint64_t i = 0; (kind == NUMBER_FLOAT || kind == NUMBER_BFLOAT) && i < tensor->bytes / size; i++) {
        state = state * 1664525u + 1013904223u;
        number n = {.kind = NUMBER_FLOAT, .f = (double)(state >> 8) / (1 << 24)};
        number_store(n, tensor->dtype, (unsigned char *)tensor->data + i * size);
    }
}

static exit_status make_tensors(bench_structure *s) {
    haya_plan_info info;
    haya_plan_get_info(s->plan, &info);
    s->inputs = allocate(info.input_count, sizeof *s->inputs);
    s->outputs = allocate(info.output_count, sizeof *s->outputs);
    exit_status status = DONE;
    for (; s->input_count < info.input_count && status == DONE; s->input_count++) {
        haya_value value;
        haya_plan_input(s->plan, s->input_count, &value);
        status = allocate_tensor(&s->inputs[s->input_count], &value);
        if (status == DONE) {
            fill_input(&s->inputs[s->input_count]);
        }
    }
    for (; s->output_count < info.output_count && status == DONE; s->output_count++) {
        haya_value value;
        haya_plan_output(s->plan, s->output_count, &value);
        status = allocate_tensor(&s->outputs[s->output_count], &value);
    }
    return status;
}

/* A new structure for a model that has none of those before. */
static exit_status add_structure(bench *b, bench_options *options, bench_model *m) {
    bench_structure *s = &b->structures[b->structure_count++];
    haya_error error;
    double start = clock_ms();
    if (haya_program_create(m->model, NULL, &s->program, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    int64_t open;
    haya_shape *shapes = complete_shapes(&options->shapes, s->program, 1, &open);
    if (open >= 0) {
        free(shapes);
        return shape_missing(s->program, open);
    }
    haya_program_info info;
    haya_program_get_info(s->program, &info);
    memcpy(s->fingerprint, info.fingerprint, sizeof s->fingerprint);
    haya_plan_options plan_options = {.struct_size = sizeof plan_options, .threads = b->threads};
    bool ok = haya_plan_create(s->program, shapes, info.input_count, &plan_options, &s->plan, &error) == HAYA_OK;
    double planned = clock_ms();
    s->plan_ms = planned - start;
    ok = ok && haya_session_reserve(b->session, s->plan, &error) == HAYA_OK;
    s->scratch_ms = clock_ms() - planned;
    free(shapes);
    return ok ? make_tensors(s) : fail_haya(&error);
}

/* Binds the model to a structure; *found: whether it has this one. */
static exit_status try_bind(bench_model *m, bench_structure *s, bool *found) {
    haya_error error;
    double start = clock_ms();
    haya_status status = haya_weights_bind(s->program, m->model, &m->weights, &error);
    m->bind_ms = clock_ms() - start;
    *found = status == HAYA_OK;
    if (*found) {
        m->structure = s;
        s->model_count++;
    }
    return *found || status == HAYA_ERROR_STRUCTURE ? DONE : fail_haya(&error);
}

static exit_status bind(bench *b, bench_options *options, bench_model *m) {
    bool found = false;
    for (size_t i = 0; i < b->structure_count; i++) {
        exit_status status = try_bind(m, &b->structures[i], &found);
        if (found || status != DONE) {
            return status;
        }
    }
    exit_status status = add_structure(b, options, m);
    return status == DONE ? try_bind(m, &b->structures[b->structure_count - 1], &found) : status;
}

static exit_status time_run(bench *b, const bench_model *m, double *ms) {
    const bench_structure *s = m->structure;
    haya_error error;
    double start = clock_ms();
    haya_status status = haya_run(b->session, s->plan, m->weights, s->inputs, s->input_count, s->outputs,
                                  s->output_count, &error);
    *ms = clock_ms() - start;
    return status == HAYA_OK ? DONE : fail_haya(&error);
}

static exit_status first_runs(bench *b, bench_options *options) {
    haya_error error;
    const char **paths = allocate(b->model_count, sizeof *paths);
    exit_status status = DONE;
    for (size_t i = 0; i < b->model_count && status == DONE; i++) {
        bench_model *m = &b->models[i];
        progress("first run of model %zu of %zu", i + 1, b->model_count);
        paths[i] = m->path;
        double start = clock_ms();
        if (haya_model_open(m->path, NULL, &m->model, &error) != HAYA_OK) {
            status = fail_haya(&error);
            break;
        }
        m->open_ms = clock_ms() - start;
        status = bind(b, options, m);
        if (status == DONE) {
            status = time_run(b, m, &m->first_ms);
        }
        if (i == 0) {
            memory_use_read(paths, 1, &b->one);
        }
    }
    b->memory_known = status == DONE && memory_use_read(paths, b->model_count, &b->all);
    free(paths);
    return status;
}

/* After what is measured once, which reading other files would disturb. */
static exit_status check_settings(const bench *b, const bench_options *options) {
    exit_status status = DONE;
    for (size_t i = 0; i < b->model_count && status == DONE; i++) {
        settings s;
        status = read_settings(options->settings, b->models[i].path, b->models[i].model, true, &s);
        if (status == DONE) {
            settings_free(&s);
        }
    }
    return status;
}

/* A run of each model after one of another, and at once a second one: the pairs see the same conditions. */
static exit_status steady_runs(bench *b, int64_t runs) {
    for (int64_t i = 0; i < runs; i++) {
        const bench_model *m = &b->models[(size_t)i % b->model_count];
        for (int second = b->model_count == 1; second < 2; second++) {
            double ms;
            exit_status status = time_run(b, m, &ms);
            if (status != DONE) {
                return status;
            }
            durations_add(second ? &m->structure->same : &m->structure->switched, ms);
            durations_add(second ? &b->same : &b->switched, ms);
        }
        progress("run %" PRId64 " of %" PRId64, i + 1, runs);
    }
    progress_clear();
    return DONE;
}

/* The peak before the runs and after them: whatever else the machine does may disturb one of the two. */
static exit_status layered_runs(bench *b, int64_t runs) {
    haya_plan_info info;
    haya_plan_get_info(b->structures[0].plan, &info);
    double before = haya_session_measure_peak(b->session);
    b->layers.step_count = info.step_count;
    b->layers.steps = allocate(info.step_count, sizeof *b->layers.steps);
    exit_status status = steady_runs(b, runs);
    double after = haya_session_measure_peak(b->session);
    b->layers.peak = before > after ? before : after;
    return status;
}

static exit_status measure(bench *b, bench_options *options, const arguments *args) {
    haya_error error;
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = b->threads};
    if (b->by_layers) {
        session_options.profile = bench_layers_note;
        session_options.profile_user = &b->layers;
    }
    if (haya_session_create(&session_options, &b->session, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    b->threads = haya_session_threads(b->session);
    exit_status status = first_runs(b, options);
    if (status == DONE) {
        status = given_shapes_check_used(&options->shapes, args);
    }
    if (status == DONE) {
        status = check_settings(b, options);
    }
    if (status != DONE) {
        return status;
    }
    return b->by_layers ? layered_runs(b, options->runs) : steady_runs(b, options->runs);
}

static void free_structure(bench_structure *s) {
    for (size_t i = 0; i < s->input_count; i++) {
        free(s->inputs[i].data);
    }
    for (size_t i = 0; i < s->output_count; i++) {
        free(s->outputs[i].data);
    }
    free(s->inputs);
    free(s->outputs);
    durations_free(&s->same);
    durations_free(&s->switched);
    haya_plan_free(s->plan);
    haya_program_free(s->program);
}

exit_status bench_command(arguments *args) {
    bench b = {0};
    bench_options options = {0};
    exit_status status = parse(&b, &options, args);
    if (status == DONE) {
        status = measure(&b, &options, args);
    }
    if (status == DONE) {
        bool json = report_is_json();
        void (*print)(bench *) = b.by_layers ? (json ? bench_layers_print_json : bench_layers_print_text)
                                             : (json ? bench_print_json : bench_print_text);
        print(&b);
    }
    for (size_t i = 0; i < b.structure_count; i++) {
        free_structure(&b.structures[i]);
    }
    for (size_t i = 0; i < b.model_count; i++) {
        haya_weights_free(b.models[i].weights);
        haya_model_close(b.models[i].model);
    }
    haya_session_free(b.session);
    for (size_t i = 0; i < b.layers.step_count; i++) {
        durations_free(&b.layers.steps[i]);
    }
    free(b.layers.steps);
    durations_free(&b.same);
    durations_free(&b.switched);
    given_shapes_free(&options.shapes);
    free(b.structures);
    free(b.models);
    return status;
}
