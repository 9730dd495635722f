/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops.h"
#include "test.h"

static void every_row_is_found_by_its_name(void)
{
    size_t count = 0;
    for (const hy_op *op; (op = hy_op_list(count)) != NULL; count++)
        if (!CHECK(hy_op_find(op->name) == op))
            printf("    %s\n", op->name);
    CHECK(count > 100);
}

static void other_names_are_not_found(void)
{
    CHECK(hy_op_find("") == NULL);
    CHECK(hy_op_find("Conv") == NULL);
    CHECK(hy_op_find("Conv2DD") == NULL);
    CHECK(hy_op_find("conv2d") == NULL);
    CHECK(hy_op_find("\xff") == NULL);
    CHECK(hy_op_find("~") == NULL);
}

static void rows_are_complete(void)
{
    const hy_op *op;
    for (size_t i = 0; (op = hy_op_list(i)) != NULL; i++) {
        bool fine = op->outputs && (op->build != NULL) == (op->kind == HY_OP_COMPUTE)
                 && (op->max_inputs == -1 || op->max_inputs >= op->min_inputs);
        for (const hy_attr_def *def = op->attrs; def && def->name; def++)
            fine = fine && def->kind != HY_ATTR_NONE && !(def->required && def->hint)
                && (!def->types || def->required || (def->types >> def->fallback.type & 1));
        if (!CHECK(fine))
            printf("    %s\n", op->name);
    }
}

int main(void)
{
    RUN(every_row_is_found_by_its_name);
    RUN(other_names_are_not_found);
    RUN(rows_are_complete);
    return test_summary();
}
