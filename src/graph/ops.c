/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/ops_common.h"

static const hy_op *const tables[] = {
    hy_ops_array, hy_ops_control, hy_ops_conv, hy_ops_image, hy_ops_join, hy_ops_math,
    hy_ops_nn, hy_ops_pad, hy_ops_reduce, hy_ops_shape, hy_ops_slice, hy_ops_unary,
};

#define TABLE_COUNT (sizeof tables / sizeof tables[0])

const hy_op *hy_op_find(const char *name)
{
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        /* Rows are in strcmp order, so that most tables end at a first letter; and few rows share one. */
        for (const hy_op *op = tables[t]; op->name && op->name[0] <= name[0]; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    }
    return NULL;
}

const hy_op *hy_op_list(size_t index)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (const hy_op *op = tables[t]; op->name; op++)
            if (index-- == 0)
                return op;
    return NULL;
}
