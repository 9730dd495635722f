/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of `haya run` share: options, the run itself, and what is told of it.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "arguments.h"
#include "inspection/tiled.h"
#include "tensor_file.h"
#include "timing.h"
#include "verdict_print.h"

/* A --heat or --overlay. */
typedef struct view {
    tensor_file target;                       /* its name is a class's or a tensor's; NULL: all classes, or where
                                                 there are none the first output */
    bool overlay;
    bool all_classes;
    size_t output;                            /* index of the map, unless it is of all classes */
    size_t judgement;                         /* index */
} view;

/* What options say instead of the settings; NaN: nothing. */
typedef struct overrides {
    float mean, deviation, white;
    bool bgr;
    float low, high;
} overrides;

typedef struct run {
    const char *model_path;
    tensor_file *given_inputs, *given_outputs; /* room for all arguments */
    size_t given_input_count, given_output_count;
    view *views;
    size_t view_count;
    const char *settings_option;              /* NULL: not said */
    settings settings;                        /* with what the options say */
    overrides overrides;
    tile_size tile;                           /* width 0: the picture is run as a whole */
    const char *roi_option;                   /* NULL: not said */
    int64_t bits;                             /* of PNG maps */
    int32_t threads;                          /* 0: not said */
    int64_t repeat;

    haya_model *model;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;                          /* none where tiles run */
    tiled tiled;
    haya_session *session;
    haya_tensor *inputs;                      /* given_input_count */
    picture *pictures;                        /* that the inputs were; without pixels where they were none */
    roi_area roi;                             /* of the picture; empty where there is none */
    haya_tensor *outputs;
    size_t output_count;
    judgement *judgements;                    /* classes first, in the settings' order, then outputs */
    size_t judgement_count;
    int64_t batch;                            /* of outputs that classes are not judged by because it is not 1 */

    double open_ms, bind_ms, first_ms;
    double plan_ms;                           /* program and plan: what the structure costs */
    durations later_runs;
} run;

/* Reads the command line. */
exit_status run_parse(run *r, arguments *args);

/* The model's settings, checked against it; options override them. */
exit_status run_read_settings(run *r);

/* The name of an input or output, and its tensor's type and shape. */
void run_input_value(const run *r, size_t index, haya_value *value);
void run_output_value(const run *r, size_t index, haya_value *value);

/* What counts of the picture, after the inputs were read. */
exit_status run_read_roi(run *r);

/* The pictures' tensors, unless tiles are cut from them; and that of one of them for an input. */
exit_status run_convert_pictures(run *r);
exit_status run_convert_picture(run *r, size_t index, const haya_value *input);

/* Makes what does not count in the outputs that are maps 0. */
exit_status run_clear_outside(run *r);

/* The plans for tiles; one run of all tiles; the whole picture's tensor, which only some maps need. */
exit_status run_make_tiles(run *r, const haya_plan_options *options);
haya_status run_tiles(run *r, haya_error *error);
exit_status run_complete_input(run *r);

json_t *run_tiles_json(const run *r); /* null where the picture is run as a whole */
void run_print_tiles(const run *r);

/* Finds the tensors of the views: adds those that must be fetched to `names`, which has room for them. */
void run_add_fetches(run *r, const char **names, size_t *count);

/* Before the run: what is to be judged or drawn, and that it can be. */
exit_status run_find_judgements(run *r);

/* After it. */
exit_status run_judge(run *r);

/* Writes the files and prints the rest. */
exit_status run_report(run *r);

/* The first picture among the inputs, to whose size maps are drawn; NULL where there is none. */
const picture *run_shown_picture(const run *r);

#endif
