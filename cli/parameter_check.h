/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks for parameters that training left as NaN or infinite.
 */
#ifndef CLI_PARAMETER_CHECK_H
#define CLI_PARAMETER_CHECK_H

#include "report.h"

typedef struct bad_tensor {
    const char *name;   /* the program's */
    uint64_t nan, infinite;
} bad_tensor;

typedef struct parameter_check {
    uint64_t nan, infinite;
    bad_tensor *tensors;
    size_t count;
} parameter_check;

/* Reads all parameters of the model that the program was made from; check->tensors is to be freed. */
exit_status check_parameters(haya_model *model, const haya_program *program, parameter_check *check);

#endif
