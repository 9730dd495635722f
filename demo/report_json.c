/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

enum { DIGITS = 12 };

static json_t *number_or_null(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *name_text(const char *name) {
    char *clean = clean_text(name);
    json_t *string = json_string(clean);
    free(clean);
    return string;
}

static json_t *structure_json(const structure *s) {
    return json_pack("{s:s, s:I, s:o}", "structure", s->fingerprint, "models", (json_int_t)s->model_count,
                     "plan_ms", number_or_null(s->plan_ms));
}

static json_t *model_json(model *m) {
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "file", name_text(m->path), "structure",
                     m->structure->fingerprint, "open_ms", number_or_null(m->open_ms), "bind_ms",
                     number_or_null(m->bind_ms), "first_ms", number_or_null(m->first_ms), "run_ms",
                     number_or_null(durations_median(&m->again)), "switch_run_ms",
                     number_or_null(durations_median(&m->switched)));
}

static json_t *judge_json(const judge *j) {
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "model", name_text(file_name(j->model->path)),
                     "good", (json_int_t)j->good, "good_ok", (json_int_t)j->good_ok, "defects",
                     (json_int_t)j->defects, "defects_ng", (json_int_t)j->defects_ng, "unsure",
                     (json_int_t)j->unsure, "picture_auroc", number_or_null(j->picture_auroc), "pixel_auroc",
                     number_or_null(j->pixel_auroc));
}

static json_t *picture_json(const class *c, size_t index) {
    const sample *s = &c->set.samples[index];
    json_t *results = json_array();
    for (size_t i = 0; i < c->judge_count; i++) {
        const verdict *v = &c->judges[i].verdicts[index];
        const char *word = verdict_word(v->decision);
        json_array_append_new(results, json_pack("{s:o, s:o, s:s?, s:I}", "model",
                                                 name_text(file_name(c->judges[i].model->path)), "score",
                                                 number_or_null(v->score), "verdict", word, "regions",
                                                 (json_int_t)v->region_count));
    }
    return json_pack("{s:o, s:o, s:b, s:I, s:o}", "file", name_text(s->path), "kind", name_text(s->kind), "good",
                     (int)s->good, "marked_pixels", (json_int_t)s->marked, "results", results);
}

static json_t *class_json(const class *c) {
    json_t *judges = json_array(), *pictures = json_array();
    for (size_t i = 0; i < c->judge_count; i++) {
        json_array_append_new(judges, judge_json(&c->judges[i]));
    }
    for (size_t i = 0; i < c->set.count; i++) {
        json_array_append_new(pictures, picture_json(c, i));
    }
    return json_pack("{s:s, s:o, s:o}", "class", c->name, "models", judges, "pictures", pictures);
}

bool report_json(gallery *all, FILE *to) {
    json_t *structures = json_array(), *models = json_array(), *classes = json_array();
    for (size_t i = 0; i < all->engine.structure_count; i++) {
        json_array_append_new(structures, structure_json(&all->engine.structures[i]));
    }
    for (size_t i = 0; i < all->engine.model_count; i++) {
        json_array_append_new(models, model_json(&all->engine.models[i]));
    }
    for (size_t i = 0; i < all->class_count; i++) {
        json_array_append_new(classes, class_json(&all->classes[i]));
    }
    json_t *whole = json_pack("{s:I, s:o, s:o, s:o}", "runs", (json_int_t)all->run_count, "structures", structures,
                              "models", models, "classes", classes);
    errno = whole ? 0 : ENOMEM;
    bool ok = whole && json_dumpf(whole, to, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) == 0 &&
              fputc('\n', to) != EOF;
    json_decref(whole);
    return ok;
}
