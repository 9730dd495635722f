/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_print.h"

#include "print.h"

#include <string.h>

exit_status read_settings(const char *option, const char *model_path, haya_model *model, bool shapes, settings *s) {
    haya_error error;
    haya_status status = HAYA_OK;
    if (!option) {
        status = settings_read_beside(model_path, s, &error);
    } else if (strcmp(option, "none") == 0) {
        *s = settings_default();
    } else {
        status = settings_read(option, s, &error);
    }
    if (status == HAYA_OK) {
        status = settings_check_model(s, model, &error);
    }
    if (status == HAYA_OK && shapes) {
        status = settings_check_shapes(s, model, &error);
    }
    if (status != HAYA_OK) {
        settings_free(s);
        return fail_inspection(MODEL_UNUSABLE, &error);
    }
    return DONE;
}

/* One number for all colours, or one for each. */
static label text_of_colors(const double numbers[3]) {
    label to;
    if (numbers[0] == numbers[1] && numbers[0] == numbers[2]) {
        snprintf(to.s, sizeof to.s, "%.6g", numbers[0]);
    } else {
        snprintf(to.s, sizeof to.s, "(%.6g, %.6g, %.6g)", numbers[0], numbers[1], numbers[2]);
    }
    return to;
}

static label text_of_map(const settings_map *map) {
    label to;
    char channel[32] = "";
    if (map->channel >= 0) {
        snprintf(channel, sizeof channel, ", channel %d", (int)map->channel);
    }
    snprintf(to.s, sizeof to.s, map->type == SETTINGS_MAP_RECONSTRUCTION ? "|input - %.80s|%s" : "%.80s%s",
             map->fetch ? map->fetch : "", channel);
    return to;
}

static label text_of_score(const settings_score *score) {
    label to;
    if (score->type == SETTINGS_SCORE_TOP_MEAN) {
        snprintf(to.s, sizeof to.s, "mean of top %.6g %%", score->percent);
    } else if (score->type == SETTINGS_SCORE_AREA) {
        snprintf(to.s, sizeof to.s, "area from %.6g", score->threshold);
    } else {
        snprintf(to.s, sizeof to.s, "max");
    }
    return to;
}

static void print_classes(const settings *s) {
    table t = {.columns = 7, .right = 0x68};
    static const char *const titles[] = {"  class", "color", "map", "sigma", "score", "unsure from", "NG from"};
    for (size_t i = 0; i < t.columns; i++) {
        table_cell(&t, "%s", titles[i]);
    }
    for (size_t i = 0; i < s->class_count; i++) {
        const settings_class *c = &s->classes[i];
        table_cell(&t, "  %s", c->name);
        table_cell(&t, "#%02X%02X%02X", c->color.red, c->color.green, c->color.blue);
        table_cell(&t, "%s", text_of_map(&c->map).s);
        table_cell(&t, "%.6g", c->sigma);
        table_cell(&t, "%s", text_of_score(&c->score).s);
        table_cell(&t, "%.6g", c->low);
        table_cell(&t, "%.6g", c->high);
    }
    table_print(&t, stdout);
}

void settings_print(const settings *s) {
    const settings_input *input = &s->input;
    char white[32] = "the picture's";
    if (input->white != 0) {
        snprintf(white, sizeof white, "%.6g", input->white);
    }
    printf("\nsettings%s", s->path ? " of " : ": the defaults");
    print_text(stdout, s->path ? s->path : "");
    printf("\n  input    ");
    print_text(stdout, input->feed ? input->feed : "none");
    printf("\n  numbers  (x * 255 / white - mean) / std, mean %s, std %s, white %s\n",
           text_of_colors(input->mean).s, text_of_colors(input->deviation).s, white);
    printf("  colors   %s, grey is %s\n  size     %s\n", input->bgr ? "blue first" : "red first",
           input->grey == PICTURE_GREY_LUMA ? "their luma" : "their mean",
           input->stretch ? "stretched to the input's" : "as it is");
    if (s->class_count > 0) {
        print_classes(s);
    } else {
    printf("  classes  none\n");
    }
}

json_t *settings_report(const settings *s) {
    json_t *object = settings_json(s);
    if (object) {
        json_object_del(object, "haya");
        json_object_set_new(object, "file", s->path ? json_text(s->path) : json_null());
    }
    return object;
}
