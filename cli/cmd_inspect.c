/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "inspect.h"
#include "settings_print.h"
#include "shapes.h"

#include <stdlib.h>
#include <string.h>

const char inspect_help[] =
    "usage: haya inspect MODEL [options]\n"
    "\n"
    "Tells what a model takes and gives, its operations and parameters, and whether\n"
    "haya can run it. Exits 4 where operations are unsupported, after telling all\n"
    "that can be told.\n"
    "\n"
    "  --plan               each step of a run: kernel and why, FLOPs and bytes\n"
    "  --check              look for parameters that are NaN or infinite\n"
    "  --shape [NAME=]DIMS  size of an input with open dimensions, such as\n"
    "                       input_1=1,256,256,1; an open first dimension is 1\n"
    "                       otherwise\n"
    "  --settings FILE|none settings, or none, instead of MODEL.json\n"
    "  --json               one JSON object on standard output\n"
    "\n"
    "'structure' is a fingerprint: models that share it run with one program and\n"
    "one plan.\n";

typedef struct inspect_options {
    bool plan, check;
    const char *settings;
    given_shapes shapes;
} inspect_options;

static exit_status parse(inspection *in, inspect_options *options, arguments *args) {
    enum { PLAN, CHECK, SHAPE, SETTINGS };
    static const option_spec specs[] = {[PLAN] = {"plan", '\0', false},
                                        [CHECK] = {"check", '\0', false},
                                        [SHAPE] = {"shape", '\0', true},
                                        [SETTINGS] = {"settings", '\0', true},
                                        {NULL, '\0', false}};
    args->options = specs;
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        switch (option) {
        case PLAN:
            options->plan = true;
            break;
        case CHECK:
            options->check = true;
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
            if (in->path) {
                return wrong_usage(args, "one model is inspected, not both '%s' and '%s'", in->path, args->value);
            }
            in->path = args->value;
            break;
        default:
            return WRONG_USAGE;
        }
    }
    return in->path ? DONE : wrong_usage(args, "no model is given");
}

static void find_outputs(inspection *in) {
    in->output_count = in->model_info.output_count;
    in->outputs = allocate(in->output_count, sizeof *in->outputs);
    for (size_t i = 0; i < in->output_count; i++) {
        haya_model_output(in->model, i, &in->outputs[i]);
    }
}

static int compare_op_names(const void *left, const void *right) {
    return strcmp(((const op_count *)left)->op, ((const op_count *)right)->op);
}

static int compare_op_counts(const void *left, const void *right) {
    const op_count *a = left, *b = right;
    int by_count = (a->count < b->count) - (a->count > b->count);
    return by_count ? by_count : strcmp(a->op, b->op);
}

static void count_ops(inspection *in) {
    size_t nodes = in->model_info.node_count;
    in->ops = allocate(nodes, sizeof *in->ops);
    for (size_t i = 0; i < nodes; i++) {
        haya_node node;
        haya_model_node(in->model, i, &node);
        in->ops[i] = (op_count){node.op, 1};
    }
    qsort(in->ops, nodes, sizeof *in->ops, compare_op_names);
    for (size_t i = 0; i < nodes; i++) {
        if (in->op_count > 0 && strcmp(in->ops[in->op_count - 1].op, in->ops[i].op) == 0) {
            in->ops[in->op_count - 1].count++;
        } else {
            in->ops[in->op_count++] = in->ops[i];
        }
    }
    qsort(in->ops, in->op_count, sizeof *in->ops, compare_op_counts);
}

static char *copy(const char *string) {
    size_t size = strlen(string) + 1;
    return memcpy(allocate(size, 1), string, size);
}

static void note_unsupported(void *user, const char *node, const char *op, const char *why) {
    inspection *in = user;
    unsupported_node *grown = allocate(in->unsupported_count + 1, sizeof *grown);
    if (in->unsupported_count > 0) {
        memcpy(grown, in->unsupported, in->unsupported_count * sizeof *grown);
    }
    free(in->unsupported);
    in->unsupported = grown;
    grown[in->unsupported_count++] = (unsupported_node){copy(node), copy(op), copy(why)};
}

/* The outputs of a plan for the given shapes, completed with `batch`; false where that cannot be planned. */
static bool plan_outputs(const inspection *in, given_shapes *given, int64_t batch, haya_value *outputs) {
    int64_t open;
    haya_plan *plan = NULL;
    haya_shape *shapes = complete_shapes(given, in->program, batch, &open);
    if (open < 0) {
        haya_plan_create(in->program, shapes, in->program_info.input_count, NULL, &plan, NULL);
    }
    for (size_t i = 0; plan && i < in->program_info.output_count; i++) {
        haya_plan_output(plan, i, &outputs[i]);
    }
    bool planned = plan != NULL;
    haya_plan_free(plan);
    free(shapes);
    return planned;
}

/* Where the graph alone doesn't tell an output's shape, plans for batches of 1 and 2 do: what differs is open. */
static void find_output_shapes(inspection *in, given_shapes *given) {
    size_t count = in->program_info.output_count;
    bool unknown = false;
    free(in->outputs);
    in->outputs = allocate(count, sizeof *in->outputs);
    in->output_count = count;
    for (size_t i = 0; i < count; i++) {
        haya_program_output(in->program, i, &in->outputs[i]);
        unknown = unknown || in->outputs[i].shape.rank < 0;
    }
    haya_value *one = allocate(count, sizeof *one), *two = allocate(count, sizeof *two);
    if (unknown && plan_outputs(in, given, 1, one)) {
        bool have_two = plan_outputs(in, given, 2, two);
        for (size_t i = 0; i < count; i++) {
            haya_shape *shape = &in->outputs[i].shape;
            if (shape->rank >= 0) {
                continue;
            }
            *shape = one[i].shape;
            for (int32_t k = 0; have_two && k < shape->rank; k++) {
                bool differs = shape->rank != two[i].shape.rank || shape->dims[k] != two[i].shape.dims[k];
                shape->dims[k] = differs ? -1 : shape->dims[k];
            }
        }
    }
    free(one);
    free(two);
}

static exit_status make_plan(inspection *in, given_shapes *given) {
    int64_t open;
    haya_error error;
    haya_shape *shapes = complete_shapes(given, in->program, 1, &open);
    exit_status status = DONE;
    if (open >= 0) {
        status = shape_missing(in->program, open);
    } else if (haya_plan_create(in->program, shapes, in->program_info.input_count, NULL, &in->plan, &error)) {
        status = fail_haya(&error);
    }
    free(shapes);
    return status;
}

/* All that needs a program. */
static exit_status inspect_program(inspection *in, inspect_options *options, const arguments *args) {
    haya_program_get_info(in->program, &in->program_info);
    find_output_shapes(in, &options->shapes);
    exit_status status = options->plan ? make_plan(in, &options->shapes) : DONE;
    if (status == DONE) {
        int64_t open;
        free(complete_shapes(&options->shapes, in->program, 1, &open));
        status = given_shapes_check_used(&options->shapes, args);
    }
    if (status == DONE && options->check) {
        in->checked = true;
        status = check_parameters(in->model, in->program, &in->check);
    }
    return status;
}

static exit_status inspect(inspection *in, inspect_options *options, const arguments *args) {
    haya_error error;
    if (haya_model_open(in->path, NULL, &in->model, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    exit_status status = read_settings(options->settings, in->path, in->model, true, &in->settings);
    if (status != DONE) {
        return status;
    }
    haya_model_get_info(in->model, &in->model_info);
    count_ops(in);
    find_outputs(in);
    haya_program_options program_options = {.struct_size = sizeof program_options,
                                            .unsupported = note_unsupported, .user = in};
    bool created = haya_program_create(in->model, &program_options, &in->program, &error) == HAYA_OK;
    if (!created && error.status != HAYA_ERROR_UNSUPPORTED) {
        return fail_haya(&error);
    }
    status = created ? inspect_program(in, options, args) : DONE;
    if (status != DONE) {
        return status;
    }
    if (!report_is_json()) {
        inspection_print_text(in);
        return created ? DONE : fail_haya(&error);
    }
    json_t *failure = NULL;
    if (!created) {
        status = fail_haya(&error);
        failure = report_failure();
    }
    json_t *object = inspection_json(in);
    if (failure) {
        json_object_set_new(object, "error", failure);
    }
    report_print(object);
    return status;
}

exit_status inspect_command(arguments *args) {
    inspection in = {0};
    inspect_options options = {0};
    exit_status status = parse(&in, &options, args);
    if (status == DONE) {
        status = inspect(&in, &options, args);
    }
    for (size_t i = 0; i < in.unsupported_count; i++) {
        free(in.unsupported[i].node);
        free(in.unsupported[i].op);
        free(in.unsupported[i].why);
    }
    free(in.unsupported);
    free(in.ops);
    free(in.outputs);
    free(in.check.tensors);
    settings_free(&in.settings);
    given_shapes_free(&options.shapes);
    haya_plan_free(in.plan);
    haya_program_free(in.program);
    haya_model_close(in.model);
    return status;
}
