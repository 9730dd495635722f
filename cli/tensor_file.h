/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that `haya run` reads and writes tensors in, and what they are called in the model.
 */
#ifndef CLI_TENSOR_FILE_H
#define CLI_TENSOR_FILE_H

#include "inspection/input.h"
#include "report.h"

/* An -i or -o, "[NAME=]FILE". */
typedef struct tensor_file {
    char *name;        /* of the tensor; NULL until tensor_files_name where none was given */
    const char *file;
} tensor_file;

/* Gives each file without a name the next of the model's inputs or outputs, the first of them `first` unless that
   is NULL, and refuses what cannot be meant. */
exit_status tensor_files_name(tensor_file *files, size_t count, const haya_model *model, const char *first,
                              bool outputs);

/* Their names in an array to be freed. */
const char **tensor_file_names(const tensor_file *files, size_t count);

/* What an output's file is to be, by the end of its name. */
typedef enum tensor_file_kind { FILE_NPY, FILE_PNG, FILE_TIFF, FILE_OTHER } tensor_file_kind;

tensor_file_kind tensor_file_kind_of(const char *file);

/* Reads a file for an input: .npy, in the input's type and with the batch dimension that it may lack, as a tensor
   whose data is to be freed; or a picture, which is to be freed. The other one stays as it is. */
exit_status tensor_file_read(const char *file, const haya_value *input, haya_tensor *tensor, picture *kept);

#endif
