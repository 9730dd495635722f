/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints docs/operations.md from the operation table. tests/docs/test_operations compares the two.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ops.h"

static const char head[] =
    "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
    "<!-- Written by tests/docs/test_operations --write. -->\n"
    "# Operations\n"
    "\n"
    "The operations that haya runs, by their names in TensorFlow. *Types* are those of the operands that are\n"
    "computed with; \"any\": all of haya's types. *Known inputs*, counted from 0, steer shapes: they must be\n"
    "constants, or follow from constants and shapes. *Attributes* are those that are read; another one that\n"
    "changes results is refused. Images may be NHWC or NCHW, of rank 4. A graph may hold other operations where\n"
    "nothing that is fetched depends on them.\n"
    "\n"
    "| Operation | Types | Known inputs | Attributes |\n"
    "|---|---|---|---|\n";

static void print_types(const hy_op *op)
{
    const char *separator = "";
    for (const hy_attr_def *def = op->attrs; def && def->name; def++) {
        /* The others tell the types of indices and shapes. */
        if (def->kind != HY_ATTR_TYPE || strcmp(def->name, "T") != 0)
            continue;
        for (int type = 1; type < 32; type++) {
            if (def->types >> type & 1) {
                printf("%s%s", separator, haya_dtype_name((haya_dtype)type));
                separator = ", ";
            }
        }
    }
    if (!*separator) /* LogicalAnd and its like have no attribute: what goes in is what comes out */
        printf(op->attrs == NULL && strstr(op->outputs, ":@bool") ? "bool" : "any");
}

static void print_known_inputs(const hy_op *op)
{
    const char *separator = "";
    if (op->structural == HY_STRUCTURAL_ALL) {
        printf("all");
        return;
    }
    for (int input = 0; input < 31; input++) {
        if (op->structural & HY_STRUCTURAL(input)) {
            printf("%s%d", separator, input);
            separator = ", ";
        }
    }
    if (op->structural & HY_STRUCTURAL_LAST)
        printf("%sthe last", separator);
}

static void print_attributes(const hy_op *op)
{
    const char *separator = "";
    for (const hy_attr_def *def = op->attrs; def && def->name; def++) {
        if (def->kind != HY_ATTR_TYPE && def->kind != HY_ATTR_LIST_TYPE && !def->hint) {
            printf("%s%s", separator, def->name);
            separator = ", ";
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const hy_op *const *)a)->name, (*(const hy_op *const *)b)->name);
}

int main(void)
{
    const hy_op *rows[1000], *op;
    size_t count = 0;
    for (size_t i = 0; (op = hy_op_list(i)) != NULL && count < 1000; i++)
        if (op->name[0] != '@')
            rows[count++] = op;
    qsort(rows, count, sizeof *rows, by_name);
    fputs(head, stdout);
    for (size_t i = 0; i < count; i++) {
        printf("| %s | ", rows[i]->name);
        print_types(rows[i]);
        printf(" | ");
        print_known_inputs(rows[i]);
        printf(" | ");
        print_attributes(rows[i]);
        printf(" |\n");
    }
    return 0;
}
