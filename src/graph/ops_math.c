/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic, comparisons and logic of two operands or more, choice, and conversion.
 */
#include <string.h>

#include "graph/ops_common.h"

/* ---- Two operands -------------------------------------------------------------------------------------------- */

static haya_status cannot_broadcast(hy_build *b)
{
    return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s can't be broadcast to one shape",
                         HY_SHAPE(&b->in[0].shape), HY_SHAPE(&b->in[1].shape));
}

/* Operands of one type, checked already. */
static haya_status build_broadcast(hy_build *b, hy_binary op)
{
    haya_shape shape;
    if (!hy_ops_broadcast(&b->in[0].shape, &b->in[1].shape, &shape))
        return cannot_broadcast(b);
    HY_TRY(hy_ops_set_shape(b, 0, shape.rank, shape.dims));
    hy_build_call *binary = hy_ops_elementwise(b, HY_BINARY, 2);
    if (!binary)
        return HAYA_ERROR_MEMORY;
    binary->call.binary.op = op;
    return HAYA_OK;
}

static haya_status build_binary(hy_build *b, hy_binary op)
{
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 2));
    return build_broadcast(b, op);
}

static haya_status build_logic(hy_build *b, hy_binary op)
{
    HY_TRY(hy_ops_inputs_are(b, HAYA_BOOL, 0, 2));
    return build_broadcast(b, op);
}

/* Where asked not to fail, shapes that can't be compared are simply not equal. */
static haya_status build_equality(hy_build *b, hy_binary op)
{
    haya_shape shape;
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 2));
    if (hy_attr_bool(b, "incompatible_shape_error") || hy_ops_broadcast(&b->in[0].shape, &b->in[1].shape, &shape))
        return build_broadcast(b, op);
    void *result;
    HY_TRY(hy_ops_set_shape(b, 0, 0, NULL));
    HY_TRY(hy_ops_known(b, 0, &result));
    *(uint8_t *)result = op == HY_NOT_EQUAL;
    return HAYA_OK;
}

#define BUILD_BINARY(name, op)           \
    static haya_status name(hy_build *b) \
    {                                    \
        return build_binary(b, op);      \
    }

BUILD_BINARY(build_add, HY_ADD)
BUILD_BINARY(build_div, HY_DIV)
BUILD_BINARY(build_floor_div, HY_FLOOR_DIV)
BUILD_BINARY(build_floor_mod, HY_FLOOR_MOD)
BUILD_BINARY(build_greater, HY_GREATER)
BUILD_BINARY(build_greater_equal, HY_GREATER_EQUAL)
BUILD_BINARY(build_less, HY_LESS)
BUILD_BINARY(build_less_equal, HY_LESS_EQUAL)
BUILD_BINARY(build_maximum, HY_MAXIMUM)
BUILD_BINARY(build_minimum, HY_MINIMUM)
BUILD_BINARY(build_mul, HY_MUL)
BUILD_BINARY(build_pow, HY_POW)
BUILD_BINARY(build_squared_difference, HY_SQUARED_DIFFERENCE)
BUILD_BINARY(build_sub, HY_SUB)

static haya_status build_equal(hy_build *b)
{
    return build_equality(b, HY_EQUAL);
}

static haya_status build_not_equal(hy_build *b)
{
    return build_equality(b, HY_NOT_EQUAL);
}

static haya_status build_logical_and(hy_build *b)
{
    return build_logic(b, HY_LOGICAL_AND);
}

static haya_status build_logical_or(hy_build *b)
{
    return build_logic(b, HY_LOGICAL_OR);
}

/* ---- Sums of many -------------------------------------------------------------------------------------------- */

static haya_status build_add_n(hy_build *b)
{
    HY_TRY(hy_ops_count(b, "N", b->in_count));
    HY_TRY(hy_ops_inputs_have(b, "T", 0, b->in_count));
    for (int i = 1; i < b->in_count; i++)
        if (!hy_shape_equal(&b->in[0].shape, &b->in[i].shape))
            return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s and %s must be equal", HY_SHAPE(&b->in[0].shape),
                                 HY_SHAPE(&b->in[i].shape));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    if (b->in_count == 1)
        hy_build_alias(b, 0, 0);
    for (int i = 1; i < b->in_count; i++) {
        const int32_t sources[] = {i == 1 ? 0 : HY_SOURCE_OUTPUT, i};
        hy_build_call *add = hy_build_append(b, HY_BINARY, 0, 2, sources);
        if (!add)
            return HAYA_ERROR_MEMORY;
        add->call.binary.op = HY_ADD;
    }
    return HAYA_OK;
}

/* ---- Choice -------------------------------------------------------------------------------------------------- */

/* The condition is a scalar, has the operands' shape, or is a vector that chooses among their first dimension. */
static haya_status build_select(hy_build *b)
{
    const haya_shape *condition = &b->in[0].shape, *shape = &b->in[1].shape;
    HY_TRY(hy_ops_inputs_are(b, HAYA_BOOL, 0, 1));
    HY_TRY(hy_ops_inputs_have(b, "T", 1, 2));
    bool rows = condition->rank == 1 && shape->rank > 1 && condition->dims[0] == shape->dims[0];
    if (!hy_shape_equal(shape, &b->in[2].shape)
        || (condition->rank != 0 && !rows && !hy_shape_equal(condition, shape)))
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "can't choose by %s between %s and %s", HY_SHAPE(condition),
                             HY_SHAPE(shape), HY_SHAPE(&b->in[2].shape));
    HY_TRY(hy_ops_same_shape(b, 0, 1));
    const int32_t sources[] = {0, 1, 2};
    hy_build_call *select = hy_build_append(b, HY_SELECT, 0, 3, sources);
    if (!select)
        return HAYA_ERROR_MEMORY;
    hy_view *by = &select->call.in[0];
    for (int i = by->rank; i < shape->rank; i++) {
        by->dims[i] = 1;
        by->strides[i] = 0;
    }
    by->rank = shape->rank;
    hy_view_broadcast(by, shape->rank, shape->dims);
    return HAYA_OK;
}

static haya_status build_select_v2(hy_build *b)
{
    haya_shape both, all;
    HY_TRY(hy_ops_inputs_are(b, HAYA_BOOL, 0, 1));
    HY_TRY(hy_ops_inputs_have(b, "T", 1, 2));
    if (!hy_ops_broadcast(&b->in[1].shape, &b->in[2].shape, &both)
        || !hy_ops_broadcast(&b->in[0].shape, &both, &all))
        return hy_build_fail(b, HAYA_ERROR_SHAPE, "%s, %s and %s can't be broadcast to one shape",
                             HY_SHAPE(&b->in[0].shape), HY_SHAPE(&b->in[1].shape), HY_SHAPE(&b->in[2].shape));
    HY_TRY(hy_ops_set_shape(b, 0, all.rank, all.dims));
    return hy_ops_elementwise(b, HY_SELECT, 3) ? HAYA_OK : HAYA_ERROR_MEMORY;
}

/* ---- Conversion ---------------------------------------------------------------------------------------------- */

static haya_status build_cast(hy_build *b)
{
    haya_dtype from = hy_attr_type(b, "SrcT"), to = hy_attr_type(b, "DstT");
    HY_TRY(hy_ops_inputs_have(b, "SrcT", 0, 1));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    if (from == to) {
        hy_build_alias(b, 0, 0);
        return HAYA_OK;
    }
    /* Cutting digits off instead of rounding is asked for only by gradients in low precision. */
    bool narrows = (from == HAYA_FLOAT64 && to == HAYA_FLOAT32) || to == HAYA_FLOAT16 || to == HAYA_BFLOAT16;
    if (narrows && hy_attr_bool(b, "Truncate"))
        return hy_build_fail(b, HAYA_ERROR_UNSUPPORTED, "Truncate from %s to %s is not supported",
                             haya_dtype_name(from), haya_dtype_name(to));
    return hy_ops_elementwise(b, HY_CAST, 1) ? HAYA_OK : HAYA_ERROR_MEMORY;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static const hy_attr_def add_n_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER},
    {0},
};

static const hy_attr_def equal_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true, .types = HY_TYPES_NUMBER | HY_TYPES_BOOL},
    {"incompatible_shape_error", HY_ATTR_BOOL, .fallback = {.b = true}},
    {0},
};

static const hy_attr_def cast_attrs[] = {
    {"SrcT", HY_ATTR_TYPE, .required = true},
    {"DstT", HY_ATTR_TYPE, .required = true},
    {"Truncate", HY_ATTR_BOOL, .fallback = {.b = false}},
    {0},
};

/* Two operands x and y, one result z */
#define ROW(op, output, row_attrs, function) \
    {.name = op, .min_inputs = 2, .max_inputs = 2, .outputs = output, .attrs = row_attrs, .build = function}

const hy_op hy_ops_math[] = {
    ROW("Add", "z:T", hy_attrs_t_number, build_add),
    {.name = "AddN", .min_inputs = 1, .max_inputs = -1, .outputs = "sum:T", .attrs = add_n_attrs,
     .build = build_add_n},
    ROW("AddV2", "z:T", hy_attrs_t_number, build_add),
    {.name = "Cast", .min_inputs = 1, .max_inputs = 1, .outputs = "y:DstT", .attrs = cast_attrs,
     .build = build_cast},
    ROW("Div", "z:T", hy_attrs_t_number, build_div),
    ROW("Equal", "z:@bool", equal_attrs, build_equal),
    ROW("FloorDiv", "z:T", hy_attrs_t_number, build_floor_div),
    ROW("FloorMod", "z:T", hy_attrs_t_number, build_floor_mod),
    ROW("Greater", "z:@bool", hy_attrs_t_number, build_greater),
    ROW("GreaterEqual", "z:@bool", hy_attrs_t_number, build_greater_equal),
    ROW("Less", "z:@bool", hy_attrs_t_number, build_less),
    ROW("LessEqual", "z:@bool", hy_attrs_t_number, build_less_equal),
    ROW("LogicalAnd", "z:@bool", NULL, build_logical_and),
    ROW("LogicalOr", "z:@bool", NULL, build_logical_or),
    ROW("Maximum", "z:T", hy_attrs_t_number, build_maximum),
    ROW("Minimum", "z:T", hy_attrs_t_number, build_minimum),
    ROW("Mul", "z:T", hy_attrs_t_number, build_mul),
    ROW("NotEqual", "z:@bool", equal_attrs, build_not_equal),
    ROW("Pow", "z:T", hy_attrs_t_number, build_pow),
    ROW("RealDiv", "z:T", hy_attrs_t_float, build_div),
    {.name = "Select", .min_inputs = 3, .max_inputs = 3, .outputs = "output:T", .attrs = hy_attrs_t,
     .build = build_select},
    {.name = "SelectV2", .min_inputs = 3, .max_inputs = 3, .outputs = "output:T", .attrs = hy_attrs_t,
     .build = build_select_v2},
    ROW("SquaredDifference", "z:T", hy_attrs_t_number, build_squared_difference),
    ROW("Sub", "z:T", hy_attrs_t_number, build_sub),
    {0},
};
