/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery.h"

#include "inspection/input.h"
#include "program.h"
#include "roc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Classes ------------------------------------------------------------------------------------------------- */

static class *find_class(gallery *all, const char *name) {
    for (size_t i = 0; i < all->class_count; i++) {
        if (strcmp(all->classes[i].name, name) == 0) {
            return &all->classes[i];
        }
    }
    return NULL;
}

static bool add_class(gallery *all, size_t most_judges, const char *root, const settings_class *from) {
    class *c = &all->classes[all->class_count];
    if (!data_set_read(root, from->name, &c->set)) {
        return false;
    }
    c->name = from->name;
    c->color = from->color;
    c->judges = allocate(most_judges, sizeof *c->judges);
    all->class_count++;
    all->picture_count += c->set.count;
    return true;
}

/* Room for the classes of one more model. */
static void reserve_classes(gallery *all, size_t more) {
    class *grown = allocate(all->class_count + more, sizeof *grown);
    if (all->class_count > 0) {
        memcpy(grown, all->classes, all->class_count * sizeof *grown);
    }
    free(all->classes);
    all->classes = grown;
}

/* The model as a judge of its classes, which are added where they are new. */
static bool add_judge(gallery *all, size_t most_judges, const char *root, model *m) {
    bool ok = true;
    reserve_classes(all, m->settings.class_count);
    for (size_t k = 0; ok && k < m->settings.class_count; k++) {
        const settings_class *from = &m->settings.classes[k];
        class *c = find_class(all, from->name);
        if (!c) {
            c = &all->classes[all->class_count];
            ok = add_class(all, most_judges, root, from);
        }
        if (ok) {
            c->judges[c->judge_count++] =
                (judge){.model = m, .class_index = k, .verdicts = allocate(c->set.count, sizeof(verdict))};
        }
    }
    return ok;
}

/* A model, ready to run, and its classes. */
static bool add_model(gallery *all, size_t most_models, const char *root, const char *path) {
    model *m = engine_open(&all->engine, path);
    if (!m || !add_judge(all, most_models, root, m)) {
        return false;
    }
    const sample *first = find_class(all, m->settings.classes[0].name)->set.samples;
    return engine_bind(&all->engine, m, &first->picture, first->path);
}

/* ---- Runs ---------------------------------------------------------------------------------------------------- */

/* What is to be run: a model on a picture. */
typedef struct job {
    class *class;
    judge *judge;
    size_t sample;
} job;

/* All jobs of a structure's models: the first pictures of all classes, then the second ones, so that each is for
   another model than the one before where the classes have models of their own. */
static job *jobs_of(const gallery *all, const structure *s, size_t *count) {
    size_t most = 0, deepest = 0;
    for (size_t i = 0; i < all->class_count; i++) {
        const class *c = &all->classes[i];
        most += c->set.count * c->judge_count;
        deepest = c->set.count > deepest ? c->set.count : deepest;
    }
    job *jobs = allocate(most, sizeof *jobs);
    *count = 0;
    for (size_t k = 0; k < deepest; k++) {
        for (size_t i = 0; i < all->class_count; i++) {
            class *c = &all->classes[i];
            for (size_t j = 0; j < c->judge_count && k < c->set.count; j++) {
                if (c->judges[j].model->structure == s) {
                    jobs[(*count)++] = (job){c, &c->judges[j], k};
                }
            }
        }
    }
    return jobs;
}

/* The input that a picture makes for the job's model; data to be freed. */
static bool make_input(const job *j, haya_tensor *input) {
    const sample *s = &j->class->set.samples[j->sample];
    haya_error error;
    *input = (haya_tensor){0};
    return input_from_picture(&j->judge->model->settings.input, &j->judge->model->structure->input, &s->picture,
                              s->path, input, &error) == HAYA_OK ||
           fail_haya(&error);
}

static haya_tensor make_output(const structure *s) {
    haya_tensor output = haya_tensor_dense(s->output.dtype, s->output.shape, NULL);
    output.data = allocate(output.bytes, 1);
    return output;
}

static bool judge_output(const job *j, const haya_tensor *output, const haya_tensor *input) {
    const settings_class *how = &j->judge->model->settings.classes[j->judge->class_index];
    const sample *s = &j->class->set.samples[j->sample];
    verdict *v = &j->judge->verdicts[j->sample];
    haya_error error;
    picture_map map;
    if (map_of_class(&how->map, output, how->map.fetch, input, &map, &error) != HAYA_OK ||
        verdict_make(how, &map, s->picture.width, s->picture.height, v, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    return (v->map.width == s->picture.width && v->map.height == s->picture.height) ||
           fail("%s: the map that %s makes of it is %dx%d, but the picture and its mask %dx%d", s->path,
                j->judge->model->path, v->map.width, v->map.height, s->picture.width, s->picture.height);
}

static bool make_verdicts(gallery *all, const structure *s) {
    size_t count;
    job *jobs = jobs_of(all, s, &count);
    haya_tensor output = make_output(s);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        model *m = jobs[i].judge->model;
        haya_tensor input;
        double ms;
        ok = make_input(&jobs[i], &input) && engine_run(&all->engine, m, &input, &output, &ms) &&
             judge_output(&jobs[i], &output, &input);
        m->first_ms = ok && m->first_ms == 0 ? ms : m->first_ms;
        free(input.data);
    }
    all->run_count += count;
    free(output.data);
    free(jobs);
    return ok;
}

/* A run after another model's where there is one, and at once a second one: the pairs see the same conditions. */
static bool run_twice(gallery *all, const job *j, const model *before, const haya_tensor outputs[2]) {
    model *m = j->judge->model;
    haya_tensor input;
    double first, second;
    bool ok = make_input(j, &input) && engine_run(&all->engine, m, &input, &outputs[0], &first) &&
              engine_run(&all->engine, m, &input, &outputs[1], &second);
    free(input.data);
    if (!ok) {
        return false;
    }
    durations_add(before && before != m ? &m->switched : &m->again, first);
    durations_add(&m->again, second);
    all->run_count += 2;
    return memcmp(outputs[0].data, outputs[1].data, outputs[0].bytes) == 0 ||
           fail("%s: two runs of %s on it do not agree", j->class->set.samples[j->sample].path, m->path);
}

static bool measure(gallery *all, const structure *s, size_t rounds) {
    size_t count;
    job *jobs = jobs_of(all, s, &count);
    const haya_tensor outputs[2] = {make_output(s), make_output(s)};
    const model *before = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < rounds * count; i++) {
        ok = run_twice(all, &jobs[i % count], before, outputs);
        before = jobs[i % count].judge->model;
    }
    free(outputs[0].data);
    free(outputs[1].data);
    free(jobs);
    return ok;
}

/* ---- Scores -------------------------------------------------------------------------------------------------- */

static void count_verdicts(const data_set *set, judge *j) {
    for (size_t i = 0; i < set->count; i++) {
        verdict_decision decision = j->verdicts[i].decision;
        bool good = set->samples[i].good;
        j->good += good;
        j->defects += !good;
        j->good_ok += good && decision == VERDICT_OK;
        j->defects_ng += !good && decision == VERDICT_NG;
        j->unsure += decision == VERDICT_UNSURE;
    }
}

/* By the scores of pictures, and by the values of all pixels of all pictures of the class. */
static bool compute_areas(const data_set *set, judge *j) {
    size_t pixels = 0, at = 0;
    for (size_t i = 0; i < set->count; i++) {
        pixels += (size_t)set->samples[i].picture.width * (size_t)set->samples[i].picture.height;
    }
    double *scores = allocate(pixels + set->count, sizeof *scores), *picture_scores = scores + pixels;
    uint8_t *truth = allocate(pixels + set->count, 1), *picture_truth = truth + pixels;
    for (size_t i = 0; i < set->count; i++) {
        const sample *s = &set->samples[i];
        size_t count = (size_t)s->picture.width * (size_t)s->picture.height;
        for (size_t k = 0; k < count; k++) {
            scores[at + k] = j->verdicts[i].map.values[k];
        }
        memcpy(truth + at, s->mask, count);
        at += count;
        picture_scores[i] = j->verdicts[i].score;
        picture_truth[i] = !s->good;
    }
    bool ok = roc_area(scores, truth, pixels, &j->pixel_auroc) &&
              roc_area(picture_scores, picture_truth, set->count, &j->picture_auroc);
    free(scores);
    free(truth);
    return ok || fail("no memory");
}

/* ---- All ----------------------------------------------------------------------------------------------------- */

bool gallery_make(gallery *all, char *const *paths, size_t count, const char *root, size_t rounds) {
    *all = (gallery){0};
    bool ok = engine_begin(&all->engine, count);
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_model(all, count, root, paths[i]);
    }
    for (size_t i = 0; ok && i < all->engine.structure_count; i++) {
        const structure *s = &all->engine.structures[i];
        ok = make_verdicts(all, s) && measure(all, s, rounds);
    }
    for (size_t i = 0; ok && i < all->class_count; i++) {
        for (size_t k = 0; ok && k < all->classes[i].judge_count; k++) {
            count_verdicts(&all->classes[i].set, &all->classes[i].judges[k]);
            ok = compute_areas(&all->classes[i].set, &all->classes[i].judges[k]);
        }
    }
    return ok;
}

void gallery_free(gallery *all) {
    for (size_t i = 0; i < all->class_count; i++) {
        class *c = &all->classes[i];
        for (size_t k = 0; k < c->judge_count; k++) {
            for (size_t n = 0; n < c->set.count; n++) {
                verdict_free(&c->judges[k].verdicts[n]);
            }
            free(c->judges[k].verdicts);
        }
        free(c->judges);
        data_set_free(&c->set);
    }
    free(all->classes);
    engine_end(&all->engine);
    *all = (gallery){0};
}
