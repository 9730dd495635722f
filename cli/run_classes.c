/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"
#include "run.h"
#include "settings_print.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void override(double numbers[3], float by) {
    for (int i = 0; i < 3 && !isnan(by); i++) {
        numbers[i] = (double)by;
    }
}

exit_status run_read_settings(run *r) {
    exit_status status = read_settings(r->settings_option, r->model_path, r->model, false, &r->settings);
    if (status != DONE) {
        return status;
    }
    settings_input *input = &r->settings.input;
    override(input->mean, r->overrides.mean);
    override(input->deviation, r->overrides.deviation);
    input->white = isnan(r->overrides.white) ? input->white : (double)r->overrides.white;
    input->bgr = input->bgr || r->overrides.bgr;
    for (size_t i = 0; i < r->settings.class_count && !isnan(r->overrides.high); i++) {
        r->settings.classes[i].high = (double)r->overrides.high;
        r->settings.classes[i].low = (double)(isnan(r->overrides.low) ? r->overrides.high : r->overrides.low);
    }
    return DONE;
}

/* ---- What is fetched ----------------------------------------------------------------------------------------- */

static const settings_class *find_class(const run *r, const char *name) {
    for (size_t i = 0; name && i < r->settings.class_count; i++) {
        if (strcmp(r->settings.classes[i].name, name) == 0) {
            return &r->settings.classes[i];
        }
    }
    return NULL;
}

static size_t add_fetch(const char **names, size_t *count, const char *name) {
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    names[*count] = name;
    return (*count)++;
}

void run_add_fetches(run *r, const char **names, size_t *count) {
    bool all = r->given_output_count == 0;
    for (size_t i = 0; i < r->view_count; i++) {
        view *v = &r->views[i];
        const settings_class *class = find_class(r, v->target.name);
        v->all_classes = !v->target.name && r->settings.class_count > 0;
        all = all || v->all_classes;
        if (v->target.name) {
            v->output = add_fetch(names, count, class ? class->map.fetch : v->target.name);
        }
    }
    for (size_t i = 0; all && i < r->settings.class_count; i++) {
        add_fetch(names, count, r->settings.classes[i].map.fetch);
    }
}

/* ---- What is judged ------------------------------------------------------------------------------------------ */

static exit_status refuse_map(const haya_value *output, const char *what) {
    return fail(WRONG_USAGE, HAYA_ERROR_SHAPE,
                "%s needs a map: output '%s' is %s, not [1,height,width,1], [1,height,width] or [height,width]",
                what, output->name, text_shape(&output->shape).s);
}

/* An output that is looked at as a map by itself. */
static size_t add_output(run *r, size_t output) {
    for (size_t i = 0; i < r->judgement_count; i++) {
        if (!r->judgements[i].is_class && r->judgements[i].output == output) {
            return i;
        }
    }
    haya_value value;
    run_output_value(r, output, &value);
    r->judgements[r->judgement_count] = (judgement){
        .how = {.name = (char *)value.name, .map = {.channel = -1}, .low = (double)r->overrides.low,
                .high = (double)r->overrides.high},
        .output = output};
    return r->judgement_count++;
}

/* The tensor that was fed as the settings' input; NULL: another was. */
static const haya_tensor *fed_input(const run *r) {
    for (size_t i = 0; i < r->given_input_count && r->settings.input.feed; i++) {
        if (strcmp(r->given_inputs[i].name, r->settings.input.feed) == 0) {
            return &r->inputs[i];
        }
    }
    return NULL;
}

static exit_status add_class(run *r, size_t index) {
    const settings_class *class = &r->settings.classes[index];
    haya_value value;
    size_t output = 0;
    for (; output < r->output_count; output++) {
        run_output_value(r, output, &value);
        if (strcmp(value.name, class->map.fetch) == 0) {
            break;
        }
    }
    const haya_tensor *input = fed_input(r);
    if (output == r->output_count || (class->map.type == SETTINGS_MAP_RECONSTRUCTION && !input)) {
        return DONE; /* -o and -i ask for something else */
    }
    haya_error error;
    if (settings_check_map(&r->settings, index, &value.shape, input ? &input->shape : NULL, &error) != HAYA_OK) {
        return fail_inspection(MODEL_UNUSABLE, &error);
    }
    if (value.shape.rank > 2 && value.shape.dims[0] != 1) {
        r->batch = value.shape.dims[0];
        return DONE;
    }
    r->judgements[r->judgement_count++] = (judgement){.how = *class, .is_class = true, .output = output};
    return DONE;
}

/* The index of the class's judgement; or the count, where it is not judged. */
static size_t judgement_of(const run *r, const char *name) {
    size_t i = 0;
    while (i < r->judgement_count && !(r->judgements[i].is_class && strcmp(r->judgements[i].how.name, name) == 0)) {
        i++;
    }
    return i;
}

/* A heat map of all classes is made of maps of one size. */
static exit_status check_sizes(const run *r, const view *v) {
    haya_value first, other;
    for (size_t i = 0; !v->overlay && i < r->judgement_count; i++) {
        run_output_value(r, r->judgements[0].output, &first);
        run_output_value(r, r->judgements[i].output, &other);
        int32_t a = first.shape.rank == 2 ? 0 : 1, b = other.shape.rank == 2 ? 0 : 1;
        if (first.shape.dims[a] != other.shape.dims[b] || first.shape.dims[a + 1] != other.shape.dims[b + 1]) {
            return fail(WRONG_USAGE, HAYA_ERROR_SHAPE,
                        "'%s' is to show classes whose maps differ in size, %s and %s; name one, as %s=%s",
                        v->target.file, text_shape(&first.shape).s, text_shape(&other.shape).s,
                        r->judgements[0].how.name, v->target.file);
        }
    }
    return DONE;
}

static exit_status add_view(run *r, view *v) {
    const settings_class *class = find_class(r, v->target.name);
    if (v->overlay && !run_shown_picture(r)) {
        return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "'%s' needs a picture as an input, to lie over",
                    v->target.file);
    }
    if (!v->all_classes && !class) {
        haya_value value;
        run_output_value(r, v->output, &value);
        v->judgement = add_output(r, v->output);
        return is_map(&value.shape) ? DONE : refuse_map(&value, v->target.file);
    }
    v->judgement = class ? judgement_of(r, class->name) : 0;
    if (v->judgement == r->judgement_count || !r->judgements[v->judgement].is_class) {
        return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "'%s' cannot be drawn: %s", v->target.file,
                    r->batch ? "the run is of several pictures" : "the model's input was not given");
    }
    return class ? DONE : check_sizes(r, v);
}

exit_status run_find_judgements(run *r) {
    haya_value value;
    exit_status status = DONE;
    r->judgements = allocate(r->settings.class_count + r->output_count, sizeof *r->judgements);
    for (size_t i = 0; i < r->settings.class_count && status == DONE; i++) {
        status = add_class(r, i);
    }
    for (size_t i = 0; i < r->output_count && status == DONE; i++) {
        run_output_value(r, i, &value);
        if (i < r->given_output_count && tensor_file_kind_of(r->given_outputs[i].file) != FILE_NPY &&
            !is_map(&value.shape)) {
            status = refuse_map(&value, r->given_outputs[i].file);
        } else if (!isnan(r->overrides.high) && r->settings.class_count == 0 && is_map(&value.shape)) {
            add_output(r, i);
        }
    }
    for (size_t i = 0; i < r->view_count && status == DONE; i++) {
        /* Classes come first, so that those of all are the first ones; an output's judgement goes behind them. */
        status = add_view(r, &r->views[i]);
    }
    if (status == DONE && !isnan(r->overrides.high) && r->judgement_count == 0) {
        status = fail(WRONG_USAGE, HAYA_ERROR_SHAPE, "--threshold needs a map, and no output is one");
    }
    return status;
}

exit_status run_judge(run *r) {
    const picture *shown = run_shown_picture(r);
    haya_error error;
    if (r->batch > 0) {
        fprintf(stderr, "haya: note: no verdicts: the outputs are of %" PRId64 " pictures\n", r->batch);
    }
    for (size_t i = 0; i < r->judgement_count; i++) {
        judgement *j = &r->judgements[i];
        haya_value value;
        picture_map map;
        run_output_value(r, j->output, &value);
        if (j->how.map.type == SETTINGS_MAP_RECONSTRUCTION && r->tile.width > 0 && run_complete_input(r) != DONE) {
            return INPUT_UNUSABLE;
        }
        haya_status status = map_of_class(&j->how.map, &r->outputs[j->output], value.name, fed_input(r), &map,
                                          &error);
        if (status == HAYA_OK) {
            status = shown ? verdict_make_within(&j->how, &map, &r->roi, &j->verdict, &error)
                           : verdict_make(&j->how, &map, 0, 0, &j->verdict, &error);
        }
        if (status != HAYA_OK) {
            return fail_inspection(FAILED, &error);
        }
    }
    return DONE;
}
