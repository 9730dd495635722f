/* SPDX-License-Identifier: Apache-2.0
 *
 * The .npy format of numpy: versions 1.0, 2.0 and 3.0 read, 1.0 written.
 */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include "inspection/number.h"
#include "report.h"

#include <stdio.h>

typedef struct npy_array {
    const char *path;
    number_type type;
    char type_name[8];   /* as numpy says it: "<f4" */
    haya_shape shape;
    uint64_t count;      /* elements */
    unsigned char *data;
} npy_array;

/* Reads a C-order array of numbers to the end of the file; everything else is refused in one sentence that names it
   by `path`. */
exit_status npy_read(FILE *from, const char *path, npy_array *array);
void npy_free(npy_array *array);

/* The array's numbers as `dtype`, converted as number_store does, in memory to be freed; `reader` names the input
   for the refusal of a number that the type cannot hold. */
exit_status npy_convert(const npy_array *array, haya_dtype dtype, const char *reader, void **data);

/* Writes the tensor; bfloat16, which the format does not have, as float32. On failure errno says why. */
bool npy_write(FILE *to, const haya_tensor *tensor);

#endif
