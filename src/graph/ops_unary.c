/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of one operand, element by element.
 */
#include "graph/ops_common.h"

static haya_status build_unary(hy_build *b, hy_unary op)
{
    if (op == HY_LOGICAL_NOT)
        HY_TRY(hy_ops_inputs_are(b, HAYA_BOOL, 0, 1));
    else
        HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    hy_build_call *unary = hy_ops_elementwise(b, HY_UNARY, 1);
    if (!unary)
        return HAYA_ERROR_MEMORY;
    unary->call.unary.op = op;
    if (op == HY_LEAKY_RELU)
        unary->call.unary.alpha = hy_attr_float(b, "alpha");
    return HAYA_OK;
}

/* Integers are round already. */
static haya_status build_round(hy_build *b)
{
    if (hy_attr_type(b, "T") == HAYA_FLOAT32)
        return build_unary(b, HY_ROUND);
    HY_TRY(hy_ops_inputs_have(b, "T", 0, 1));
    HY_TRY(hy_ops_same_shape(b, 0, 0));
    hy_build_alias(b, 0, 0);
    return HAYA_OK;
}

#define BUILD_UNARY(name, op)            \
    static haya_status name(hy_build *b) \
    {                                    \
        return build_unary(b, op);       \
    }

BUILD_UNARY(build_abs, HY_ABS)
BUILD_UNARY(build_ceil, HY_CEIL)
BUILD_UNARY(build_elu, HY_ELU)
BUILD_UNARY(build_exp, HY_EXP)
BUILD_UNARY(build_floor, HY_FLOOR)
BUILD_UNARY(build_leaky_relu, HY_LEAKY_RELU)
BUILD_UNARY(build_log, HY_LOG)
BUILD_UNARY(build_logical_not, HY_LOGICAL_NOT)
BUILD_UNARY(build_neg, HY_NEG)
BUILD_UNARY(build_relu, HY_RELU)
BUILD_UNARY(build_relu6, HY_RELU6)
BUILD_UNARY(build_rsqrt, HY_RSQRT)
BUILD_UNARY(build_selu, HY_SELU)
BUILD_UNARY(build_sigmoid, HY_SIGMOID)
BUILD_UNARY(build_softplus, HY_SOFTPLUS)
BUILD_UNARY(build_sqrt, HY_SQRT)
BUILD_UNARY(build_square, HY_SQUARE)
BUILD_UNARY(build_tanh, HY_TANH)

static const hy_attr_def leaky_relu_attrs[] = {
    {"T", HY_ATTR_TYPE, .fallback = {.type = HAYA_FLOAT32}, .types = HY_TYPES_FLOAT},
    {"alpha", HY_ATTR_FLOAT, .fallback = {.f = 0.2f}},
    {0},
};

#define ROW(op, output, row_attrs, function) \
    {.name = op, .min_inputs = 1, .max_inputs = 1, .outputs = output, .attrs = row_attrs, .build = function}

const hy_op hy_ops_unary[] = {
    ROW("Abs", "y:T", hy_attrs_t_number, build_abs),
    ROW("Ceil", "y:T", hy_attrs_t_float, build_ceil),
    ROW("Elu", "activations:T", hy_attrs_t_float, build_elu),
    ROW("Exp", "y:T", hy_attrs_t_float, build_exp),
    ROW("Floor", "y:T", hy_attrs_t_float, build_floor),
    ROW("LeakyRelu", "activations:T", leaky_relu_attrs, build_leaky_relu),
    ROW("Log", "y:T", hy_attrs_t_float, build_log),
    ROW("LogicalNot", "y:@bool", NULL, build_logical_not),
    ROW("Neg", "y:T", hy_attrs_t_number, build_neg),
    ROW("Relu", "activations:T", hy_attrs_t_number, build_relu),
    ROW("Relu6", "activations:T", hy_attrs_t_float, build_relu6),
    ROW("Round", "y:T", hy_attrs_t_number, build_round),
    ROW("Rsqrt", "y:T", hy_attrs_t_float, build_rsqrt),
    ROW("Selu", "activations:T", hy_attrs_t_float, build_selu),
    ROW("Sigmoid", "y:T", hy_attrs_t_float, build_sigmoid),
    ROW("Softplus", "activations:T", hy_attrs_t_float, build_softplus),
    ROW("Sqrt", "y:T", hy_attrs_t_float, build_sqrt),
    ROW("Square", "y:T", hy_attrs_t_number, build_square),
    ROW("Tanh", "y:T", hy_attrs_t_float, build_tanh),
    {0},
};
