# SPDX-License-Identifier: Apache-2.0
"""Cases of graph structure: inputs, identities, branches and function calls."""
import numpy as np

from builder import raw, tf, v1
from cases_array import TYPES, label

f32, i32 = np.float32, np.int32


def placeholder(file):
    for dtype in (f32,) + TYPES:
        for name, shape in {"scalar": (), "vector": (3,), "rank5": (1, 2, 1, 2, 2)}.items():
            with file.case(f"{label(dtype)}_{name}") as c:
                c.out(c.feed(c.values(dtype, *shape)))
    with file.case("open_batch") as c:
        c.out(c.feed(c.normal(3, 2), [None, 2]))
    with file.case("all_dimensions_open") as c:
        c.out(c.feed(c.normal(1, 2, 3, 1), [None] * 4))
    with file.case("unknown_rank") as c:
        c.out(c.feed(c.normal(2, 2), False))
    with file.case("default_shape") as c:  # of unknown rank
        c.out(c.feed(c.normal(2, 3), False))
        c.strip("shape", "in_0")
    with file.case("empty") as c:
        c.out(c.feed(c.normal(0, 3), [None, 3]))
    with file.case("two_inputs_one_unused") as c:
        c.feed(c.normal(2))
        c.out(c.feed(c.normal(3)))


def placeholder_with_default(file):
    with file.case("unfed") as c:
        c.out(c.op("PlaceholderWithDefault", input=c.const(c.normal(2, 3)), shape=[2, 3]))
    with file.case("unfed_scalar") as c:
        c.out(c.op("PlaceholderWithDefault", input=f32(2.5), shape=[]))
    with file.case("unfed_bool") as c:
        c.out(c.op("PlaceholderWithDefault", input=False, shape=[]))
    with file.case("unfed_int32_open_shape") as c:
        c.out(c.op("PlaceholderWithDefault", input=i32([4, 5]), shape=[None]))
    with file.case("unfed_computed_default") as c:
        x = c.op("Neg", "neg", x=c.feed(c.normal(4)))
        c.out(c.op("PlaceholderWithDefault", input=x, shape=[4]))
    with file.case("fed") as c:
        c.out(c.feed_default(c.normal(2, 3), c.normal(2, 3)))
    with file.case("fed_with_another_batch") as c:
        c.out(c.feed_default(c.normal(5, 2), c.normal(1, 2), [None, 2]))
    with file.case("fed_bool") as c:
        c.out(c.feed_default(True, False))
    with file.case("unfed_used_in_sum") as c:
        x = c.op("PlaceholderWithDefault", input=f32(1.5), shape=[])
        c.out(c.op("AddV2", "sum", x=c.feed(c.normal(3)), y=x))


def identity(kind):
    """Identity and StopGradient."""
    def build(file):
        for dtype in (f32,) + TYPES:
            with file.case(label(dtype)) as c:
                c.out(c.op(kind, input=c.feed(c.values(dtype, 2, 3))))
        for name, shape in {"scalar": (), "empty": (0, 2), "rank6": (1, 2, 1, 2, 1, 3)}.items():
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(*shape))))
        with file.case("of_const") as c:
            c.out(c.op(kind, input=c.const(c.normal(3, 2))))
        with file.case("chain") as c:
            x = c.feed(c.normal(3))
            for k in range(12):
                x = c.op(kind, f"link_{k}", input=x)
            c.out(c.op(kind, input=x))
        with file.case("chain_of_const_into_conv") as c:
            w = c.const(c.normal(3, 3, 2, 4), "kernel")
            for k in range(3):
                w = c.op(kind, f"read_{k}", input=w)
            c.out(c.op("Conv2D", input=c.feed(c.normal(1, 4, 5, 2)), filter=w,
                       strides=[1, 1, 1, 1], padding="SAME"))
        with file.case("special_values") as c:
            c.out(c.op(kind, input=c.feed(f32([np.nan, np.inf, -np.inf, -0., 1e-40]))))
    return build


def identity_n(file):
    with file.case("one") as c:
        c.out(*c.op("IdentityN", input=[c.feed(c.normal(2))]))
    with file.case("three_types") as c:
        c.out(*c.op("IdentityN", input=[c.feed(c.normal(2, 2)), c.feed(c.ints(3)),
                                        c.feed(c.bools(2))]))
    with file.case("second_output_only") as c:
        c.out(c.op("IdentityN", input=[c.feed(c.normal(2)), c.feed(c.normal(3))])[1])
    with file.case("with_const") as c:
        c.out(*c.op("IdentityN", input=[c.const(c.normal(2)), c.feed(c.normal(3))]))


def no_op(file):
    with file.case("control_input_of_identity") as c:
        x = c.feed(c.normal(3))
        with tf.control_dependencies([c.op("NoOp")]):
            c.out(x)
    with file.case("control_input_of_add") as c:
        x, y = c.feed(c.normal(3)), c.feed(c.normal(3))
        with tf.control_dependencies([c.op("NoOp")]):
            c.out(c.op("AddV2", "sum", x=x, y=y))
    with file.case("group_of_computations") as c:
        x = c.feed(c.normal(3))
        with tf.control_dependencies([c.op("Neg", "neg", x=x), c.op("Exp", "exp", x=x)]):
            group = c.op("NoOp")
        with tf.control_dependencies([group]):
            c.out(c.op("Square", "square", x=x))
    with file.case("control_input_of_const") as c:
        with tf.control_dependencies([c.op("NoOp")]):
            y = c.const(c.normal(3))
        c.out(c.op("Mul", "mul", x=c.feed(c.normal(3)), y=y))
    with file.case("chain_of_two") as c:
        with tf.control_dependencies([c.op("NoOp", "first")]):
            second = c.op("NoOp")
        x = c.feed(c.normal(3))
        with tf.control_dependencies([second]):
            c.out(x)


# -- Switch and Merge ---------------------------------------------------

def pred_of(c, kind, value):
    if kind == "const":
        return c.const(np.bool_(value), "pred")
    if kind == "learning_phase":
        return c.op("PlaceholderWithDefault", "keras_learning_phase", input=bool(value),
                    shape=[])
    if kind == "not":
        return c.op("LogicalNot", "not", x=c.const(np.bool_(not value), "phase"))
    raise ValueError(kind)


PREDS = ("const", "learning_phase", "not")


def branches(c, x, pred, when_true, when_false):
    """Merge of the two branches, each through its own Switch."""
    f = c.op("Switch", "switch_f", data=x, pred=pred)[0]
    t = c.op("Switch", "switch_t", data=x, pred=pred)[1]
    return c.op("Merge", "merge", inputs=[when_false(f), when_true(t)])


def switch(file):
    for kind in PREDS:
        for value in (False, True):
            name = f"{kind}_{str(value).lower()}"
            with file.case(f"{name}_output") as c:
                x = c.feed(c.normal(2, 3))
                c.out(c.op("Switch", data=x, pred=pred_of(c, kind, value))[int(value)])
            with file.case(f"{name}_two_switches") as c:
                x, y = c.feed(c.normal(3)), c.feed(c.normal(3))
                pred = pred_of(c, kind, value)
                a = c.op("Switch", data=x, pred=pred)[int(value)]
                b = c.op("Switch", "other", data=y, pred=pred)[int(value)]
                c.out(c.op("Sub", "sub", x=a, y=b))
    with file.case("pred_fed", refused=True) as c:
        c.out(c.op("Switch", data=c.feed(c.normal(2)), pred=c.feed(np.bool_(False)))[0])
    with file.case("int32_data") as c:
        c.out(c.op("Switch", data=c.feed(c.ints(4)), pred=False)[0])
    with file.case("pred_through_identity") as c:
        pred = c.op("Identity", "pred_id", input=pred_of(c, "learning_phase", False))
        c.out(c.op("Switch", data=c.feed(c.normal(4)), pred=pred)[0])


def merge(file):
    for kind in PREDS:
        for value in (False, True):
            with file.case(f"{kind}_{str(value).lower()}") as c:
                x = c.feed(c.normal(2, 3))
                m = branches(c, x, pred_of(c, kind, value),
                             lambda t: c.op("Neg", "neg", x=t),
                             lambda f: c.op("Square", "square", x=f))
                c.out(m[0], m[1])
    with file.case("true_branch_first_value_index") as c:
        x = c.feed(c.normal(3))
        f, t = c.op("Switch", "switch", data=x, pred=c.const(True, "pred"))
        m = c.op("Merge", inputs=[t, f])
        c.out(m[0], m[1])
    with file.case("switch_straight_into_merge") as c:
        s = c.op("Switch", "switch", data=c.feed(c.normal(3)), pred=c.const(False, "pred"))
        c.out(c.op("Merge", inputs=[s[0], s[1]])[0])
    with file.case("nested") as c:
        x = c.feed(c.normal(4))
        outer = c.op("Switch", "outer", data=x, pred=c.const(True, "pred"))
        pred = c.op("Switch", "inner_pred", data=c.const(False, "pred2"),
                    pred=c.const(True, "pred3"))[1]
        inner = c.op("Switch", "inner", data=outer[1], pred=pred)
        m = c.op("Merge", "inner_merge", inputs=[c.op("Exp", "exp", x=inner[0]),
                                                 c.op("Neg", "neg", x=inner[1])])[0]
        c.out(c.op("Merge", inputs=[c.op("Square", "square", x=outer[0]), m])[0])
    with file.case("const_in_branch_by_control_input") as c:
        # As tf.cond writes it: the branch's constants hang on a pivot.
        x, pred = c.feed(c.normal(3)), pred_of(c, "learning_phase", False)
        s = c.op("Switch", "switch", data=pred, pred=pred)
        pivot_f = c.op("Identity", "switch_f", input=s[0])
        pivot_t = c.op("Identity", "switch_t", input=s[1])
        with tf.control_dependencies([pivot_f]):
            a = c.const(f32([1, 2, 3]), "a")
        with tf.control_dependencies([pivot_t]):
            b = c.const(f32([4, 5, 6]), "b")
        m = c.op("Merge", inputs=[a, b])
        c.out(c.op("Mul", "mul", x=x, y=m[0]), m[1])
    with file.case("dead_branch_of_unknown_operation") as c:
        x = c.feed(c.normal(3))
        s = c.op("Switch", "switch", data=x, pred=c.const(False, "pred"))
        dead = c.op("Betainc", "dead", a=s[1], b=s[1], x=s[1])
        c.out(c.op("Merge", inputs=[c.op("Neg", "neg", x=s[0]), dead])[0])
    with file.case("two_outputs_one_pred") as c:
        pred = pred_of(c, "learning_phase", False)
        for k in range(2):
            s = c.op("Switch", f"switch_{k}", data=c.feed(c.normal(3)), pred=pred)
            c.out(c.op("Merge", f"merge_{k}", inputs=[s[0], c.op(
                "Exp", f"exp_{k}", x=s[1])])[0])


FILES = {
    "Placeholder": placeholder, "PlaceholderWithDefault": placeholder_with_default,
    "Identity": identity("Identity"), "StopGradient": identity("StopGradient"),
    "IdentityN": identity_n, "NoOp": no_op, "Switch": switch, "Merge": merge,
}
