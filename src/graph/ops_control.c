/* SPDX-License-Identifier: Apache-2.0
 *
 * Where values come from and how they are passed on: nothing here is computed.
 */
#include "graph/ops_common.h"

static const hy_attr_def const_attrs[] = {
    {"value", HY_ATTR_TENSOR, .required = true},
    {"dtype", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def placeholder_attrs[] = {
    {"dtype", HY_ATTR_TYPE, .required = true},
    {"shape", HY_ATTR_SHAPE, .fallback = {.shape = {.rank = -1}}},
    {0},
};

static const hy_attr_def default_attrs[] = {
    {"dtype", HY_ATTR_TYPE, .required = true},
    {"shape", HY_ATTR_SHAPE, .required = true},
    {0},
};

static const hy_attr_def identity_n_attrs[] = {{"T", HY_ATTR_LIST_TYPE, .required = true}, {0}};

static const hy_attr_def prevent_gradient_attrs[] = {
    {"T", HY_ATTR_TYPE, .required = true},
    {"message", HY_ATTR_STRING, .hint = true},
    {0},
};

static const hy_attr_def merge_attrs[] = {
    {"N", HY_ATTR_INT, .required = true},
    {"T", HY_ATTR_TYPE, .required = true},
    {0},
};

static const hy_attr_def call_attrs[] = {
    {"Tin", HY_ATTR_LIST_TYPE, .required = true},
    {"Tout", HY_ATTR_LIST_TYPE, .required = true},
    {"f", HY_ATTR_FUNCTION, .required = true},
    {"config", HY_ATTR_STRING, .hint = true},
    {"config_proto", HY_ATTR_STRING, .hint = true},
    {"executor_type", HY_ATTR_STRING, .hint = true},
    {0},
};

const hy_op hy_ops_control[] = {
    {.name = "Const", .kind = HY_OP_CONST, .outputs = "output:dtype", .attrs = const_attrs},
    {.name = "Identity", .kind = HY_OP_FORWARD, .min_inputs = 1, .max_inputs = 1, .outputs = "output:T",
     .attrs = hy_attrs_t},
    {.name = "IdentityN", .kind = HY_OP_FORWARD, .min_inputs = 1, .max_inputs = -1, .outputs = "output:T",
     .attrs = identity_n_attrs},
    /* inputs ... */
    {.name = "Merge", .kind = HY_OP_MERGE, .min_inputs = 1, .max_inputs = -1,
     .outputs = "output:T value_index:@int32", .attrs = merge_attrs},
    {.name = "NoOp", .kind = HY_OP_NONE, .outputs = ""},
    /* args ... */
    {.name = "PartitionedCall", .kind = HY_OP_CALL, .max_inputs = -1, .outputs = "output:Tout",
     .attrs = call_attrs},
    {.name = "Placeholder", .kind = HY_OP_PLACEHOLDER, .outputs = "output:dtype", .attrs = placeholder_attrs},
    {.name = "PlaceholderWithDefault", .kind = HY_OP_DEFAULT, .min_inputs = 1, .max_inputs = 1,
     .outputs = "output:dtype", .attrs = default_attrs},
    {.name = "PreventGradient", .kind = HY_OP_FORWARD, .min_inputs = 1, .max_inputs = 1, .outputs = "output:T",
     .attrs = prevent_gradient_attrs},
    {.name = "RefMerge", .kind = HY_OP_MERGE, .min_inputs = 1, .max_inputs = -1,
     .outputs = "output:T value_index:@int32", .attrs = merge_attrs},
    {.name = "RefSwitch", .kind = HY_OP_SWITCH, .min_inputs = 2, .max_inputs = 2,
     .outputs = "output_false:T output_true:T", .attrs = hy_attrs_t},
    {.name = "Snapshot", .kind = HY_OP_FORWARD, .min_inputs = 1, .max_inputs = 1, .outputs = "output:T",
     .attrs = hy_attrs_t},
    {.name = "StatefulPartitionedCall", .kind = HY_OP_CALL, .max_inputs = -1, .outputs = "output:Tout",
     .attrs = call_attrs},
    {.name = "StopGradient", .kind = HY_OP_FORWARD, .min_inputs = 1, .max_inputs = 1, .outputs = "output:T",
     .attrs = hy_attrs_t},
    /* data, pred */
    {.name = "Switch", .kind = HY_OP_SWITCH, .min_inputs = 2, .max_inputs = 2, .structural = HY_STRUCTURAL(1),
     .outputs = "output_false:T output_true:T", .attrs = hy_attrs_t},
    {0},
};
