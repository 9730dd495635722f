/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"
#include "print.h"
#include "settings_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ---------------------------------------------------------------------------------------------------- */

static void value_row(table *t, const haya_value *value) {
    table_cell(t, "  %s", value->name);
    table_cell(t, "%s", haya_dtype_name(value->dtype));
    table_cell(t, "%s", text_shape(&value->shape).s);
}

static void print_values(const inspection *in) {
    table t = {.columns = 3};
    printf("\ninputs\n");
    for (size_t i = 0; i < in->model_info.input_count; i++) {
        haya_value value;
        haya_model_input(in->model, i, &value);
        value_row(&t, &value);
    }
    table_print(&t, stdout);
    t.columns = 3;
    printf("\noutputs\n");
    for (size_t i = 0; i < in->output_count; i++) {
        value_row(&t, &in->outputs[i]);
    }
    table_print(&t, stdout);
}

static void print_ops(const inspection *in) {
    word_list words = {.indent = 2};
    printf("\noperations\n");
    for (size_t i = 0; i < in->op_count; i++) {
        char word[160];
        snprintf(word, sizeof word, "%" PRIu64 " %s", in->ops[i].count, in->ops[i].op);
        print_word(&words, stdout, word);
    }
    end_words(&words, stdout);
    if (in->unsupported_count > 0) {
        table t = {.columns = 3};
        printf("\nunsupported\n");
        for (size_t i = 0; i < in->unsupported_count; i++) {
            table_cell(&t, "  %s", in->unsupported[i].node);
            table_cell(&t, "%s", in->unsupported[i].op);
            table_cell(&t, "%s", in->unsupported[i].why);
        }
        table_print(&t, stdout);
    }
}

/* The parameters that are not in place for the reason of `slot`, where that is the first of them. */
static void print_reason(const haya_program *program, size_t slot, size_t slot_count) {
    haya_parameter first, other;
    haya_program_parameter(program, slot, &first);
    for (size_t i = 0; i < slot; i++) {
        haya_program_parameter(program, i, &other);
        if (!other.in_place && strcmp(other.why, first.why) == 0) {
            return;
        }
    }
    uint64_t bytes = 0, count = 0;
    for (size_t i = slot; i < slot_count; i++) {
        haya_program_parameter(program, i, &other);
        if (!other.in_place && strcmp(other.why, first.why) == 0) {
            bytes += other.bytes;
            count++;
        }
    }
    printf("  not in place, %" PRIu64 " tensor%s, %s: ", count, count == 1 ? "" : "s", text_bytes(bytes).s);
    print_text(stdout, first.why);
    putchar('\n');
    word_list words = {.indent = 4};
    for (size_t i = slot; i < slot_count; i++) {
        haya_program_parameter(program, i, &other);
        if (!other.in_place && strcmp(other.why, first.why) == 0) {
            print_word(&words, stdout, other.value.name);
        }
    }
    end_words(&words, stdout);
}

static void print_parameters(const inspection *in) {
    printf("\nparameters\n");
    if (!in->program) {
        printf("  %s, %s\n", text_count(in->model_info.parameter_count).s,
               text_bytes(in->model_info.parameter_bytes).s);
        return;
    }
    const haya_program_info *info = &in->program_info;
    printf("  %s in %zu tensors, %s: %s used in place, %s computed for each model\n",
           text_count(info->parameter_count).s, info->slot_count, text_bytes(info->parameter_bytes).s,
           text_bytes(info->in_place_bytes).s, text_bytes(info->derived_bytes).s);
    for (size_t i = 0; i < info->slot_count; i++) {
        haya_parameter parameter;
        haya_program_parameter(in->program, i, &parameter);
        if (!parameter.in_place) {
            print_reason(in->program, i, info->slot_count);
        }
    }
}

static void print_check(const parameter_check *check) {
    printf("\ncheck\n");
    if (check->count == 0) {
        printf("  no parameter is NaN or infinite\n");
        return;
    }
    printf("  %s NaN and %s infinite parameters\n", text_count(check->nan).s, text_count(check->infinite).s);
    table t = {.columns = 3, .right = 6};
    for (size_t i = 0; i < check->count; i++) {
        table_cell(&t, "    %s", check->tensors[i].name);
        table_cell(&t, "%s NaN", text_count(check->tensors[i].nan).s);
        table_cell(&t, "%s infinite", text_count(check->tensors[i].infinite).s);
    }
    table_print(&t, stdout);
}

static void print_plan(const haya_plan *plan) {
    haya_plan_info info;
    haya_plan_get_info(plan, &info);
    printf("\nplan: %zu steps, %s (%s executed), scratch %s\n", info.step_count,
           text_flops(info.flops).s, text_flops(info.executed_flops).s, text_bytes(info.scratch_bytes).s);
    static const char *const head[] = {"  step", "node", "operations", "output", "kernel", "direct", "executed",
                                       "bytes", "why this kernel"};
    table t = {.columns = sizeof head / sizeof *head, .right = 0xe1};
    for (size_t i = 0; i < t.columns; i++) {
        table_cell(&t, "%s", head[i]);
    }
    for (size_t i = 0; i < info.step_count; i++) {
        haya_step step;
        haya_plan_step(plan, i, &step);
        table_cell(&t, "  %zu", i);
        table_cell(&t, "%s", step.node);
        table_cell(&t, "%s", step.op);
        table_cell(&t, "%s", text_shape(&step.shape).s);
        table_cell(&t, "%s", step.kernel);
        table_cell(&t, "%s", text_flops(step.flops).s);
        table_cell(&t, "%s", text_flops(step.executed_flops).s);
        table_cell(&t, "%s", text_bytes(step.bytes).s);
        table_cell(&t, "%s", step.why);
    }
    table_print(&t, stdout);
}

void inspection_print_text(const inspection *in) {
    print_text(stdout, in->path);
    printf(": %s, %s, %zu nodes\n", in->model_info.format, text_bytes(in->model_info.file_bytes).s,
           in->model_info.node_count);
    if (in->program) {
        printf("structure %s\n", in->program_info.fingerprint);
    }
    print_values(in);
    print_parameters(in);
    print_ops(in);
    settings_print(&in->settings);
    if (in->checked) {
        print_check(&in->check);
    }
    if (in->plan) {
        print_plan(in->plan);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *json_uint(uint64_t number) {
    return json_integer((json_int_t)number);
}

static json_t *unsupported_json(const inspection *in) {
    json_t *list = json_array();
    for (size_t i = 0; i < in->unsupported_count; i++) {
        const unsupported_node *item = &in->unsupported[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "node", json_text(item->node), "op",
                                              json_text(item->op), "why", json_text(item->why)));
    }
    return list;
}

static json_t *parameters_json(const inspection *in) {
    if (!in->program) {
        return json_pack("{s:o, s:o}", "count", json_uint(in->model_info.parameter_count), "bytes",
                         json_uint(in->model_info.parameter_bytes));
    }
    const haya_program_info *info = &in->program_info;
    json_t *tensors = json_array();
    for (size_t i = 0; i < info->slot_count; i++) {
        haya_parameter parameter;
        haya_program_parameter(in->program, i, &parameter);
        json_t *tensor = json_value(&parameter.value);
        json_object_set_new(tensor, "bytes", json_uint(parameter.bytes));
        json_object_set_new(tensor, "in_place", json_boolean(parameter.in_place));
        json_object_set_new(tensor, "why", json_text(parameter.why));
        json_array_append_new(tensors, tensor);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "count", json_uint(info->parameter_count), "bytes",
                     json_uint(info->parameter_bytes), "in_place_bytes", json_uint(info->in_place_bytes),
                     "derived_bytes", json_uint(info->derived_bytes), "tensors", tensors);
}

static json_t *plan_json(const haya_plan *plan) {
    haya_plan_info info;
    haya_plan_get_info(plan, &info);
    json_t *steps = json_array();
    for (size_t i = 0; i < info.step_count; i++) {
        haya_step step;
        haya_plan_step(plan, i, &step);
        json_array_append_new(steps, json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "node",
                                               json_text(step.node), "op", json_text(step.op), "kernel",
                                               json_text(step.kernel), "why", json_text(step.why), "dtype",
                                               haya_dtype_name(step.dtype), "shape", json_shape(&step.shape),
                                               "flops", json_uint(step.flops), "executed_flops",
                                               json_uint(step.executed_flops), "bytes", json_uint(step.bytes)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "steps", steps, "scratch_bytes", json_uint(info.scratch_bytes), "flops",
                     json_uint(info.flops), "executed_flops", json_uint(info.executed_flops));
}

static json_t *check_json(const parameter_check *check) {
    json_t *tensors = json_array();
    for (size_t i = 0; i < check->count; i++) {
        const bad_tensor *tensor = &check->tensors[i];
        json_array_append_new(tensors, json_pack("{s:o, s:o, s:o}", "name", json_text(tensor->name), "nan",
                                                 json_uint(tensor->nan), "inf", json_uint(tensor->infinite)));
    }
    return json_pack("{s:o, s:o, s:o}", "nan", json_uint(check->nan), "inf", json_uint(check->infinite), "tensors",
                     tensors);
}

json_t *inspection_json(const inspection *in) {
    json_t *inputs = json_array(), *outputs = json_array(), *operations = json_object();
    for (size_t i = 0; i < in->model_info.input_count; i++) {
        haya_value value;
        haya_model_input(in->model, i, &value);
        json_array_append_new(inputs, json_value(&value));
    }
    for (size_t i = 0; i < in->output_count; i++) {
        json_array_append_new(outputs, json_value(&in->outputs[i]));
    }
    for (size_t i = 0; i < in->op_count; i++) {
        json_object_set_new(operations, in->ops[i].op, json_uint(in->ops[i].count));
    }
    json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "file", json_text(in->path), "format",
                               in->model_info.format, "structure",
                               in->program ? json_string(in->program_info.fingerprint) : json_null(), "inputs",
                               inputs, "outputs", outputs, "operations", operations, "unsupported",
                               unsupported_json(in), "parameters", parameters_json(in));
    json_object_set_new(object, "settings", settings_report(&in->settings));
    if (in->plan) {
        json_object_set_new(object, "plan", plan_json(in->plan));
    }
    if (in->checked) {
        json_object_set_new(object, "check", check_json(&in->check));
    }
    return object;
}
