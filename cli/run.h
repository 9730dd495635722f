/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of `haya run` share: options, the run itself, and what is told of it.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "arguments.h"
#include "tensor_file.h"
#include "timing.h"
#include "verdict.h"

/* A --heat or --overlay. */
typedef struct view {
    tensor_file target;
    bool overlay;
    size_t output;                            /* index of the map */
} view;

typedef struct run {
    const char *model_path;
    tensor_file *given_inputs, *given_outputs; /* room for all arguments */
    size_t given_input_count, given_output_count;
    view *views;
    size_t view_count;
    picture_options picture_options;
    thresholds thresholds;
    int64_t bits;                             /* of PNG maps */
    int32_t threads;                          /* 0: not said */
    int64_t repeat;

    haya_model *model;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
    haya_tensor *inputs;                      /* given_input_count */
    picture *pictures;                        /* that the inputs were; without pixels where they were none */
    haya_tensor *outputs;
    verdict *verdicts;                        /* of the outputs that are looked at as maps */
    size_t output_count;

    double open_ms, bind_ms, first_ms;
    double plan_ms;                           /* program and plan: what the structure costs */
    durations later_runs;
} run;

/* Reads the command line. */
exit_status run_parse(run *r, arguments *args);

/* Writes the files and prints the rest. */
exit_status run_report(run *r);

/* The first picture among the inputs, to whose size maps are drawn; NULL where there is none. */
const picture *run_shown_picture(const run *r);

#endif
