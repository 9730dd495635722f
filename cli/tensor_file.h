/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that `haya run` reads and writes tensors in, and what they are called in the model.
 */
#ifndef CLI_TENSOR_FILE_H
#define CLI_TENSOR_FILE_H

#include "report.h"

/* An -i or -o, "[NAME=]FILE". */
typedef struct tensor_file {
    char *name;        /* of the tensor; NULL until tensor_files_name where none was given */
    const char *file;
} tensor_file;

/* Gives each file without a name the next of the model's inputs or outputs, and refuses what cannot be meant. */
exit_status tensor_files_name(tensor_file *files, size_t count, const haya_model *model, bool outputs);

/* Their names in an array to be freed. */
const char **tensor_file_names(const tensor_file *files, size_t count);

/* Reads a file for an input, in the input's type, with the batch dimension that it may lack; tensor->data is to be
   freed. */
exit_status tensor_file_read(const char *file, const haya_value *input, haya_tensor *tensor);

#endif
