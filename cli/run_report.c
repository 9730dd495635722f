/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_use.h"
#include "npy.h"
#include "output_file.h"
#include "print.h"
#include "run.h"

#include <stdlib.h>

static uint64_t element_count(const haya_tensor *tensor) {
    return tensor->bytes / haya_dtype_size(tensor->dtype);
}

static const char *output_path(const run *r, size_t index) {
    return index < r->given_output_count ? r->given_outputs[index].file : NULL;
}

static json_t *tensor_json(const haya_value *value, const haya_tensor *tensor, const char *file) {
    haya_value known = {value->name, tensor->dtype, tensor->shape};
    json_t *object = json_value(&known);
    json_object_set_new(object, "file", file ? json_text(file) : json_null());
    return object;
}

/* Of the classes; none where there are none. */
static verdict_decision worst(const run *r) {
    verdict_decision decision = VERDICT_NONE;
    for (size_t i = 0; i < r->judgement_count; i++) {
        const judgement *j = &r->judgements[i];
        decision = j->is_class && j->verdict.decision > decision ? j->verdict.decision : decision;
    }
    return decision;
}

static json_t *classes_json(const run *r) {
    json_t *classes = json_array();
    for (size_t i = 0; i < r->judgement_count; i++) {
        if (r->judgements[i].is_class) {
            haya_value value;
            run_output_value(r, r->judgements[i].output, &value);
            json_array_append_new(classes, class_json(&r->judgements[i], value.name));
        }
    }
    return classes;
}

static json_t *roi_json(const run *r) {
    const roi_box *box = &r->roi.box;
    json_int_t area = (json_int_t)box->width * box->height;
    if (r->roi.mask.inside) {
        area = roi_mask_area(&r->roi.mask);
    }
    return r->roi_option ? json_pack("{s:[i, i, i, i], s:I}", "box", box->left, box->top, box->left + box->width,
                                     box->top + box->height, "area", area)
                         : json_null();
}

/* Scratch is the plan's; private, all that the process has at the end, by the kernel's account. */
static json_t *memory_json(const run *r) {
    haya_plan_info info;
    memory_use use;
    haya_plan_get_info(r->plan ? r->plan : r->tiled.plan, &info);
    bool known = memory_use_read(NULL, 0, &use);
    return json_pack("{s:I, s:o}", "scratch_bytes", (json_int_t)info.scratch_bytes, "private_bytes",
                     known ? json_integer((json_int_t)use.private_bytes) : json_null());
}

static void print_json(run *r) {
    json_t *inputs = json_array(), *outputs = json_array();
    for (size_t i = 0; i < r->given_input_count; i++) {
        haya_value value;
        run_input_value(r, i, &value);
        json_array_append_new(inputs, tensor_json(&value, &r->inputs[i], r->given_inputs[i].file));
    }
    for (size_t i = 0; i < r->output_count; i++) {
        haya_value value;
        run_output_value(r, i, &value);
        const haya_tensor *tensor = &r->outputs[i];
        number_summary summary = numbers_summarize(tensor->data, tensor->dtype, element_count(tensor));
        json_t *output = tensor_json(&value, tensor, output_path(r, i));
        json_object_set_new(output, "min", json_number_or_null(summary.min));
        json_object_set_new(output, "max", json_number_or_null(summary.max));
        json_object_set_new(output, "mean", json_number_or_null(summary.mean));
        json_object_set_new(output, "nonfinite", json_integer((json_int_t)(summary.nan + summary.infinite)));
        for (size_t k = 0; k < r->judgement_count; k++) {
            if (!r->judgements[k].is_class && r->judgements[k].output == i) {
                judgement_json(&r->judgements[k], output);
            }
        }
        json_array_append_new(outputs, output);
    }
    const char *word = verdict_word(worst(r));
    json_t *settings_path = r->settings.path ? json_text(r->settings.path) : json_null();
    report_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
                           json_text(r->model_path), "threads", json_integer(r->threads), "open_ms",
                           json_ms(r->open_ms), "bind_ms", json_ms(r->bind_ms), "plan_ms", json_ms(r->plan_ms),
                           "first_ms", json_ms(r->first_ms), "run_ms", durations_json(&r->later_runs), "inputs",
                           inputs, "tiles", run_tiles_json(r), "roi", roi_json(r), "memory", memory_json(r),
                           "outputs", outputs, "settings", settings_path, "classes", classes_json(r), "verdict",
                           word ? json_text(word) : json_null()));
}

static void print_outputs(const run *r) {
    table t = {.columns = 7, .right = 0x78};
    for (size_t i = 0; i < r->output_count; i++) {
        haya_value value;
        run_output_value(r, i, &value);
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

/* "NG: dent, scratch" */
static void print_worst(const run *r) {
    verdict_decision decision = worst(r);
    printf("%s", verdict_word(decision));
    const char *before = ": ";
    for (size_t i = 0; i < r->judgement_count && decision > VERDICT_OK; i++) {
        const judgement *j = &r->judgements[i];
        if (j->is_class && j->verdict.decision == decision) {
            printf("%s", before);
            print_text(stdout, j->how.name);
            before = ", ";
        }
    }
    printf("\n");
}

static void print_times(run *r) {
    printf("open %s, bind %s, plan %s, first run %s\n", text_ms(r->open_ms).s, text_ms(r->bind_ms).s,
           text_ms(r->plan_ms).s, text_ms(r->first_ms).s);
    duration_summary summary = durations_summary(&r->later_runs);
    printf("%zu more runs: min %s, median %s, 90%% within %s\n", r->later_runs.count, text_ms(summary.min).s,
           text_ms(summary.median).s, text_ms(summary.p90).s);
}

static exit_status write_map(const run *r, size_t index, const char *file) {
    haya_value value;
    picture_map map;
    size_t outside = 0;
    run_output_value(r, index, &value);
    haya_error error;
    if (map_of(&r->outputs[index], value.name, &map, &error) != HAYA_OK) {
        return fail_inspection(FAILED, &error);
    }
    FILE *to = output_file_stream(index);
    bool png = tensor_file_kind_of(file) == FILE_PNG;
    bool written = png ? picture_write_map(to, &map, (int)r->bits, &outside)
                       : picture_write_tiff(to, map.width, map.height, map.values);
    exit_status status = output_file_finish(index, written);
    if (status == DONE && outside > 0) {
        fprintf(stderr, "haya: note: ");
        print_text(stderr, file);
        fprintf(stderr, ": %s values outside 0 to 1 were cut off\n", text_count(outside).s);
    }
    map_free(&map);
    return status;
}

static exit_status write_outputs(const run *r) {
    exit_status status = DONE;
    for (size_t i = 0; i < r->given_output_count && status == DONE; i++) {
        const char *file = r->given_outputs[i].file;
        status = tensor_file_kind_of(file) == FILE_NPY
                     ? output_file_finish(i, npy_write(output_file_stream(i), &r->outputs[i]))
                     : write_map(r, i, file);
    }
    for (size_t i = 0; i < r->view_count && status == DONE; i++) {
        const view *v = &r->views[i];
        size_t index = r->given_output_count + i;
        const picture *shown = run_shown_picture(r);
        FILE *to = output_file_stream(index);
        const judgement *drawn = &r->judgements[v->judgement];
        bool ok = v->all_classes ? classes_draw(r->judgements, r->judgement_count, shown, &r->roi, v->overlay, to)
                                 : judgement_draw(drawn, shown, &r->roi, v->overlay, to);
        status = output_file_finish(index, ok);
    }
    return status;
}

exit_status run_report(run *r) {
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
        run_print_tiles(r);
    }
    size_t classes = 0;
    for (size_t i = 0; i < r->judgement_count; i++) {
        judgement_print(&r->judgements[i]);
        classes += r->judgements[i].is_class;
    }
    if (classes > 1) {
        print_worst(r);
    }
    if (r->repeat > 1) {
        print_times(r);
    }
    return DONE;
}
