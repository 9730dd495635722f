/* SPDX-License-Identifier: Apache-2.0
 *
 * What `haya inspect` finds out about a model, and its two ways to tell it.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include "inspection/settings.h"
#include "parameter_check.h"

typedef struct op_count {
    const char *op;
    uint64_t count;
} op_count;

typedef struct unsupported_node {
    char *node, *op, *why;
} unsupported_node;

typedef struct inspection {
    const char *path;
    haya_model *model;
    haya_model_info model_info;
    op_count *ops;                  /* most frequent first */
    size_t op_count;
    unsupported_node *unsupported;
    size_t unsupported_count;
    haya_program *program;          /* NULL where operations are unsupported */
    haya_program_info program_info;
    haya_value *outputs;            /* shapes as far as known */
    size_t output_count;
    haya_plan *plan;                /* NULL unless asked for */
    settings settings;
    bool checked;
    parameter_check check;
} inspection;

void inspection_print_text(const inspection *in);
json_t *inspection_json(const inspection *in);

#endif
