/* SPDX-License-Identifier: Apache-2.0
 *
 * What `haya bench` measures, and its ways to tell it: models as a whole, or the steps of one model.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "memory_use.h"
#include "report.h"
#include "timing.h"

/* Models that share one program and one plan. */
typedef struct bench_structure {
    haya_program *program;
    haya_plan *plan;
    char fingerprint[33];
    size_t model_count;
    size_t input_count, output_count;
    haya_tensor *inputs, *outputs;
    double plan_ms;                  /* program and plan */
    double scratch_ms;               /* the session's scratch: memory that is asked for and touched */
    durations same, switched;        /* runs after one of the same model, and after one of another */
} bench_structure;

typedef struct bench_model {
    const char *path;
    haya_model *model;
    haya_weights *weights;
    bench_structure *structure;
    double open_ms, bind_ms, first_ms;
} bench_model;

/* With --layers: the steps of the one model's plan. */
typedef struct bench_layers {
    durations *steps;                /* one for each; NULL until runs are to be recorded */
    size_t step_count;
    double peak;                     /* floating-point operations a second that the threads can reach */
} bench_layers;

typedef struct bench {
    bench_model *models;
    size_t model_count;
    bench_structure *structures;     /* room for one for each model */
    size_t structure_count;
    haya_session *session;
    int32_t threads;                 /* of the session; before it is made 0: not said */
    durations same, switched;        /* of all structures */
    bool memory_known;
    memory_use one, all;             /* when the first model has run; when all have */
    bool by_layers;
    bench_layers layers;
} bench;

void bench_print_text(bench *b);
void bench_print_json(bench *b);

/* bench_layers.c: the session's profile callback, whose user is a bench_layers; the two ways to tell. */
void bench_layers_note(void *layers, const haya_plan *plan, size_t step, uint64_t nanoseconds);
void bench_layers_print_text(bench *b);
void bench_layers_print_json(bench *b);

#endif
