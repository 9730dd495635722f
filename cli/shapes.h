/* SPDX-License-Identifier: Apache-2.0
 *
 * Input shapes: what the graph fixes, completed by --shape and by a batch of 1.
 */
#ifndef CLI_SHAPES_H
#define CLI_SHAPES_H

#include "arguments.h"

typedef struct given_shape {
    char *name;         /* NULL: the next input without one */
    haya_shape shape;
    bool used;
} given_shape;

typedef struct given_shapes {
    given_shape *items; /* room for one for each argument of the command line */
    size_t count;
} given_shapes;

/* "name:0" is "name". */
char *tensor_name(const char *name, size_t length);

/* Splits "NAME=REST" at the first '=', which node names cannot contain. Without one `name` is NULL. */
const char *split_name(const char *value, char **name);

/* Adds the current option's value, "[NAME=]1,256,256,1". */
exit_status given_shapes_add(given_shapes *given, const arguments *args);
void given_shapes_free(given_shapes *given);

/* The program's input shapes, to be freed: --shape's, else the graph's with an open first dimension made `batch`.
   *open is the first input that remains open otherwise, or -1. */
haya_shape *complete_shapes(given_shapes *given, const haya_program *program, int64_t batch, int64_t *open);

/* Reports that input `open` needs --shape. */
exit_status shape_missing(const haya_program *program, int64_t open);

/* Reports a --shape that no program has used. */
exit_status given_shapes_check_used(const given_shapes *given, const arguments *args);

#endif
