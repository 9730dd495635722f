# SPDX-License-Identifier: Apache-2.0
"""Cases of PartitionedCall and StatefulPartitionedCall.

The library functions are FunctionDefs in the form in which TensorFlow 2 saves
them: inputs inside are named `argument` or `node:out_arg:index`.
"""
import numpy as np

from builder import tf, v1

f32 = np.float32
DT = {"float": tf.float32, "int32": tf.int32, "bool": tf.bool}


def attr_value(value):
    out = v1.AttrValue()
    if isinstance(value, v1.AttrValue):
        out.CopyFrom(value)
    elif isinstance(value, bool):
        out.b = value
    elif isinstance(value, int):
        out.i = value
    elif isinstance(value, float):
        out.f = value
    elif isinstance(value, str):
        out.s = value.encode()
    elif isinstance(value, tf.DType):
        out.type = value.as_datatype_enum
    elif isinstance(value, np.ndarray):
        out.tensor.CopyFrom(tf.make_tensor_proto(value))
    elif isinstance(value, list) and value and isinstance(value[0], tf.DType):
        out.list.type.extend(v.as_datatype_enum for v in value)
    elif isinstance(value, list):
        out.list.i.extend(value)
    else:
        raise TypeError(value)
    return out


def function(name, args, outs, nodes, control_ret=()):
    """A FunctionDef.

    args: "x:float"; outs: "y:float=node:out_arg:index"; nodes: (name, op,
    inputs, attributes); control_ret: names of nodes that must run.
    """
    d = v1.GraphDef().library.function.add()
    d.signature.name = name
    for arg in args:
        n, t = arg.split(":")
        d.signature.input_arg.add(name=n, type=DT[t].as_datatype_enum)
    for out in outs:
        head, source = out.split("=")
        n, t = head.split(":")
        d.signature.output_arg.add(name=n, type=DT[t].as_datatype_enum)
        d.ret[n] = source
    for n, op, inputs, attrs in nodes:
        node = d.node_def.add(name=n, op=op, input=inputs)
        for key, value in attrs.items():
            node.attr[key].CopyFrom(attr_value(value))
    for n in control_ret:
        d.signature.control_output.append(n)
        d.control_ret[n] = n
    return d


def func_attr(name):
    out = v1.AttrValue()
    out.func.name = name
    return out


def const(name, value, control=()):
    value = np.asarray(value)
    return (name, "Const", [f"^{n}" for n in control],
            {"dtype": tf.as_dtype(value.dtype), "value": value})


def call(name, callee, inputs, tin, tout, stateful=False, **attrs):
    kind = "StatefulPartitionedCall" if stateful else "PartitionedCall"
    return (name, kind, inputs, {"f": func_attr(callee), "Tin": tin, "Tout": tout, **attrs})


F, I = tf.float32, tf.int32


def library():
    """All functions of the file."""
    def unary(name, op, x, key="T"):
        return (name, op, [x], {key: F})

    def binary(name, op, x, y):
        return (name, op, [x, y], {"T": F})

    return [
        function("square_plus_one", ["x:float"], ["y:float=sum:z:0"], [
            const("one", f32(1)), unary("sq", "Square", "x"),
            binary("sum", "AddV2", "sq:y:0", "one:output:0")]),
        function("two_results", ["a:float", "b:float"],
                 ["total:float=add:z:0", "product:float=mul:z:0"], [
            binary("add", "AddV2", "a", "b"), binary("mul", "Mul", "a", "b")]),
        function("argument_returned", ["a:float", "b:float"],
                 ["second:float=b", "first:float=a"], []),
        function("same_result_twice", ["x:float"],
                 ["p:float=n:y:0", "q:float=n:y:0"], [unary("n", "Neg", "x")]),
        function("constant_result", [], ["c:float=k:output:0"],
                 [const("k", f32([1, 2, 3]))]),
        function("outer", ["x:float"], ["y:float=twice:output:0"], [
            call("once", "square_plus_one", ["x"], [F], [F]),
            call("twice", "square_plus_one", ["once:output:0"], [F], [F], True)]),
        function("outermost", ["x:float", "w:float"], ["y:float=sub:z:0"], [
            call("inner", "outer", ["x"], [F], [F], True),
            call("pair", "two_results", ["inner:output:0", "w"], [F, F], [F, F]),
            binary("sub", "Sub", "pair:output:0", "pair:output:1")]),
        function("splits", ["x:float"],
                 ["last:float=parts:output:2", "mixed:float=sub:z:0"], [
            const("axis", np.int32(1)),
            ("parts", "Split", ["axis:output:0", "x"], {"T": F, "num_split": 3}),
            binary("sub", "Sub", "parts:output:0", "parts:output:1")]),
        function("normalizes", ["x:float", "s:float", "o:float"],
                 ["y:float=bn:y:0"], [
            const("mean", f32([0.5, -1, 2])), const("var", f32([1, 2, 0.25])),
            ("bn", "FusedBatchNormV3",
             ["x", "s", "o", "mean:output:0", "var:output:0"],
             {"T": F, "U": F, "epsilon": 0.001, "is_training": False,
              "data_format": "NHWC"})]),
        function("control_inside", ["x:float"], ["y:float=out:output:0"], [
            ("nothing", "NoOp", [], {}),
            const("half", f32(0.5), ["nothing"]),
            binary("mul", "Mul", "x", "half:output:0"),
            ("out", "Identity", ["mul:z:0", "^nothing"], {"T": F})],
            control_ret=["nothing"]),
        function("dense", ["x:float", "kernel:float", "bias:float"],
                 ["y:float=relu:activations:0"], [
            ("mm", "MatMul", ["x", "kernel"],
             {"T": F, "transpose_a": False, "transpose_b": False}),
            ("add", "BiasAdd", ["mm:product:0", "bias"], {"T": F}),
            unary("relu", "Relu", "add:output:0")]),
        function("nodes_out_of_order", ["x:float"], ["y:float=last:y:0"], [
            unary("last", "Exp", "middle:y:0"), unary("middle", "Neg", "first:y:0"),
            unary("first", "Square", "x")]),
        function("unpacks", ["x:float"], ["y:float=sum:z:0", "n:int32=size:output:0"], [
            ("rows", "Unpack", ["x"], {"T": F, "num": 3, "axis": 0}),
            binary("sum", "AddV2", "rows:output:0", "rows:output:2"),
            ("size", "Size", ["rows:output:1"], {"T": F, "out_type": I})]),
        function("merges", ["x:float"], ["y:float=m:output:0"], [
            const("p", np.bool_(False)),
            ("s", "Switch", ["x", "p:output:0"], {"T": F}),
            unary("neg", "Neg", "s:output_false:0"), unary("exp", "Exp", "s:output_true:0"),
            ("m", "Merge", ["neg:y:0", "exp:y:0"], {"T": F, "N": 2})]),
    ]


def call_node(c, name, callee, inputs, tout, stateful=True, control=()):
    """A call in the graph; returns its outputs."""
    attrs = {"f": func_attr(callee), "Tin": attr_value([x.dtype for x in inputs]),
             "Tout": attr_value(tout)}
    if not inputs:
        attrs["Tin"].list.SetInParent()
    kind = "StatefulPartitionedCall" if stateful else "PartitionedCall"
    with tf.control_dependencies(list(control)):
        node = c.file.graph.create_op(kind, inputs, tout, attrs=attrs, name=name)
    return node.outputs


def calls(file):
    """Calls of the functions of the library, then of traced Python functions."""
    file.functions += library()

    def add(name, callee, shapes, tout, **kwargs):
        with file.case(name) as c:
            c.out(*call_node(c, "op", callee, [c.feed(c.normal(*s)) for s in shapes],
                             tout, **kwargs))

    for stateful in (False, True):
        kind = "stateful" if stateful else "plain"
        add(f"{kind}_one_result", "square_plus_one", [(2, 3)], [F], stateful=stateful)
        add(f"{kind}_two_results", "two_results", [(3,), (3,)], [F, F], stateful=stateful)
        add(f"{kind}_nested", "outer", [(4,)], [F], stateful=stateful)
    add("nested_three_deep", "outermost", [(2, 2), (2, 2)], [F])
    add("arguments_returned_in_other_order", "argument_returned", [(2,), (3,)], [F, F])
    add("one_node_returned_twice", "same_result_twice", [(3,)], [F, F])
    add("no_arguments", "constant_result", [], [F])
    add("node_with_three_outputs", "splits", [(2, 6)], [F, F])
    add("node_with_numbered_list_output", "unpacks", [(3, 4)], [F, I])
    add("control_inputs_inside", "control_inside", [(3,)], [F])
    add("nodes_out_of_order", "nodes_out_of_order", [(3,)], [F])
    add("batch_norm_inside", "normalizes", [(1, 2, 2, 3), (3,), (3,)], [F])
    add("merge_inside", "merges", [(3,)], [F])
    with file.case("constants_as_arguments") as c:
        x = c.feed(c.normal(2, 5), [None, 5])
        c.out(*call_node(c, "op", "dense", [x, c.const(c.normal(5, 3), "kernel"),
                                            c.const(c.normal(3), "bias")], [F]))
    with file.case("constants_through_identities") as c:
        x = c.feed(c.normal(2, 5))
        w = c.op("Identity", "read", input=c.const(c.normal(5, 3), "kernel"))
        c.out(*call_node(c, "op", "dense", [x, w, c.const(c.normal(3), "bias")], [F]))
    with file.case("one_function_called_twice") as c:
        x, y = c.feed(c.normal(3)), c.feed(c.normal(2, 2))
        c.out(call_node(c, "op", "square_plus_one", [x], [F])[0],
              call_node(c, "op_again", "square_plus_one", [y], [F])[0])
    with file.case("one_function_called_twice_in_series") as c:
        x = call_node(c, "op", "square_plus_one", [c.feed(c.normal(3))], [F])[0]
        c.out(call_node(c, "op_again", "square_plus_one", [x], [F])[0])
    with file.case("second_result_only") as c:
        c.out(call_node(c, "op", "two_results", [c.feed(c.normal(3)),
                                                 c.feed(c.normal(3))], [F, F])[1])
    for stateful in (False, True):
        name = f"all_defaults_stripped_{'stateful' if stateful else 'plain'}"
        with file.case(name) as c:
            c.out(*call_node(c, "op", "outer", [c.feed(c.normal(3))], [F], stateful))
            for attr in ("config", "config_proto", "executor_type"):
                c.strip(attr)
    with file.case("call_with_control_input") as c:
        x = c.feed(c.normal(3))
        c.out(*call_node(c, "op", "outer", [x], [F], control=[c.op("NoOp", "first")]))
    with file.case("call_as_control_input") as c:
        x = c.feed(c.normal(3))
        first = call_node(c, "first", "control_inside", [x], [F])[0]
        with tf.control_dependencies([first.op]):
            c.out(c.op("Neg", x=x))
    with file.case("result_used_around") as c:
        x = c.feed(c.normal(3))
        y = call_node(c, "op", "two_results", [c.op("Neg", "neg", x=x), x], [F, F])
        c.out(c.op("Sub", "sub", x=y[1], y=y[0]))
    traced(file)


def traced(file):
    """Functions as tf.function writes them, with all their attributes."""
    @tf.function
    def block(x, w):
        y = tf.nn.relu(tf.nn.conv2d(x, w, 1, "SAME"))
        a, b = tf.split(y, 2, axis=-1)
        return a * b, tf.reduce_mean(y, [1, 2])

    @tf.function
    def model(x, w):
        p, q = block(x, w)
        r, _ = block(p, w[:, :, :2] * 0.5)
        return tf.nn.softmax(q), tf.concat([p, r], -1)

    with file.case("traced_block") as c:
        c.out(*block(c.feed(c.normal(1, 4, 5, 3)), c.const(c.normal(3, 3, 3, 4), "w")))
    with file.case("traced_nested") as c:
        c.out(*model(c.feed(c.normal(2, 4, 3, 2)), c.const(c.normal(3, 3, 2, 4), "w")))
    with file.case("traced_reshape_by_shape") as c:
        @tf.function
        def flatten(x):
            return tf.reshape(x, [tf.shape(x)[0], -1])
        c.out(flatten(c.feed(c.normal(2, 3, 2), [None, 3, 2])))


FILES = {"PartitionedCall": calls}
