/* SPDX-License-Identifier: Apache-2.0
 *
 * Models on one session: a plan for each structure among them, and the time that everything takes.
 */
#ifndef DEMO_ENGINE_H
#define DEMO_ENGINE_H

#include <haya/haya.h>

#include "inspection/settings.h"

typedef struct durations {
    double *ms;
    size_t count, capacity;
} durations;

void durations_add(durations *d, double ms);
double durations_median(durations *d); /* sorts them; NaN where there are none */

typedef struct structure {
    haya_program *program;
    haya_plan *plan;
    char fingerprint[33];
    double plan_ms;               /* program and plan */
    size_t model_count;
    haya_value input, output;     /* the plan's */
} structure;

typedef struct model {
    const char *path;
    settings settings;            /* what the file beside it says of its classes */
    haya_model *model;
    haya_weights *weights;
    structure *structure;
    double open_ms, bind_ms, first_ms;
    durations again, switched;    /* runs after a run of the same model, and of another one */
} model;

typedef struct engine {
    haya_session *session;
    model *models;
    size_t model_count;
    structure *structures;        /* in the order of the first models that have them */
    size_t structure_count;
} engine;

/* All functions say what is wrong and return false, or NULL. */
bool engine_begin(engine *e, size_t most_models);
void engine_end(engine *e); /* and empties it */

/* Opens a model and reads the file beside it. `path` must live as long as the engine. */
model *engine_open(engine *e, const char *path);

/* Binds a model to its structure, which is planned for the input that the example makes if the model is the first
   one that has it. */
bool engine_bind(engine *e, model *m, const picture *example, const char *name);

/* One run, and how long it took. `output` is dense, of the plan's output. */
bool engine_run(engine *e, const model *m, const haya_tensor *input, const haya_tensor *output, double *ms);

bool fail_haya(const haya_error *error);

#endif
