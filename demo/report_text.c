/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"
#include "report.h"

#include <string.h>

const char *mistake(const sample *s, const verdict *v) {
    return s->good && v->decision == VERDICT_NG    ? "false alarm"
           : !s->good && v->decision == VERDICT_OK ? "missed"
                                                   : "";
}

static int longer(int width, const char *name) {
    int length = (int)strlen(name);
    return length > width ? length : width;
}

static int model_width(const gallery *all) {
    int width = (int)strlen("model");
    for (size_t i = 0; i < all->engine.model_count; i++) {
        width = longer(width, file_name(all->engine.models[i].path));
    }
    return width;
}

static void print_structures(const gallery *all, FILE *to) {
    for (size_t i = 0; i < all->engine.structure_count; i++) {
        const structure *s = &all->engine.structures[i];
        fprintf(to, "structure %s  plan %9s, once for %zu model%s\n", s->fingerprint, text_ms(s->plan_ms).s,
                s->model_count, s->model_count == 1 ? "" : "s");
    }
}

static void print_models(gallery *all, FILE *to) {
    int width = model_width(all);
    fprintf(to, "\n%-*s  %9s  %9s  %9s  %9s  %14s\n", width, "model", "open", "bind", "first run", "run",
            "switch and run");
    for (size_t i = 0; i < all->engine.model_count; i++) {
        model *m = &all->engine.models[i];
        fprintf(to, "%-*s  %9s  %9s  %9s  %9s  %14s\n", width, file_name(m->path), text_ms(m->open_ms).s,
                text_ms(m->bind_ms).s, text_ms(m->first_ms).s, text_ms(durations_median(&m->again)).s,
                text_ms(durations_median(&m->switched)).s);
    }
    fprintf(to, "run, switch and run: medians, of runs after the same model's and after another's.\n");
}

static label of(size_t part, size_t whole) {
    label made;
    snprintf(made.s, sizeof made.s, "%zu of %zu", part, whole);
    return made;
}

static void print_classes(const gallery *all, FILE *to) {
    int width = model_width(all), class_width = (int)strlen("class");
    for (size_t i = 0; i < all->class_count; i++) {
        class_width = longer(class_width, all->classes[i].name);
    }
    fprintf(to, "\n%-*s  %-*s  %9s  %10s  %6s  %13s  %11s\n", class_width, "class", width, "model", "good: OK",
            "defect: NG", "unsure", "picture AUROC", "pixel AUROC");
    for (size_t i = 0; i < all->class_count; i++) {
        const class *c = &all->classes[i];
        for (size_t k = 0; k < c->judge_count; k++) {
            const judge *j = &c->judges[k];
            fprintf(to, "%-*s  %-*s  %9s  %10s  %6zu  %13s  %11s\n", class_width, k == 0 ? c->name : "", width,
                    file_name(j->model->path), of(j->good_ok, j->good).s, of(j->defects_ng, j->defects).s,
                    j->unsure, text_area(j->picture_auroc).s, text_area(j->pixel_auroc).s);
        }
    }
}

bool report_text(gallery *all, FILE *to) {
    fprintf(to, "%zu models on %zu pictures of %zu classes: %zu runs in one session, in turn\n\n",
            all->engine.model_count, all->picture_count, all->class_count, all->run_count);
    print_structures(all, to);
    print_models(all, to);
    print_classes(all, to);
    fprintf(to, "These are the few pictures that are shown; demo/scores.json has the figures of the large "
                "test set.\n");
    return fflush(to) == 0 && !ferror(to);
}
