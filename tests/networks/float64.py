# SPDX-License-Identifier: Apache-2.0
"""Rewrites a GraphDef so that it computes in float64 instead of float32.

Types and constants are widened.  Ops whose float64 version TensorFlow's
CPU device lacks are rewritten: batch norms to elementary ops, bilinear
resizing to products with interpolation matrices.
"""

import numpy as np
import tensorflow as tf

import frozen

FLOAT = tf.float32.as_datatype_enum
DOUBLE = tf.float64.as_datatype_enum
INT32 = tf.int32.as_datatype_enum

# Names of the ops' results, which references within functions contain.
RESULT = {"AddV2": "z", "Const": "output", "Einsum": "output",
          "Mean": "output", "Mul": "z", "Neg": "y", "Rsqrt": "y",
          "SquaredDifference": "z", "Sub": "z"}


def run_float64(graph_def, feeds, fetches):
    """Runs the graph in float64; returns the fetched arrays."""
    wide = to_float64(graph_def, feeds)
    feeds = {name: _widen_array(value) for name, value in feeds.items()}
    return frozen.run_graph(wide, feeds, fetches)


def to_float64(graph_def, feeds):
    """The graph in float64; sizes of resized images are those for feeds."""
    sizes = _resize_sizes(graph_def, feeds)
    wide = tf.compat.v1.GraphDef()
    wide.CopyFrom(graph_def)
    _rewrite_nodes(wide.node, sizes, in_function=False)
    for function in wide.library.function:
        signature = function.signature
        for arg in [*signature.input_arg, *signature.output_arg]:
            if arg.type == FLOAT:
                arg.type = DOUBLE
        _rewrite_nodes(function.node_def, {}, in_function=True)
    return wide


def _rewrite_nodes(nodes, sizes, in_function):
    old = list(nodes)
    del nodes[:]
    for node in old:
        if node.op.startswith("FusedBatchNorm"):
            _fused_batch_norm(_Nodes(nodes, node, in_function))
        elif node.op == "ResizeBilinear":
            assert not in_function, "ResizeBilinear within a function"
            _resize_bilinear(_Nodes(nodes, node, False), sizes[node.name])
        else:
            _widen_node(nodes.add(), node)


def _widen_array(array):
    array = np.asarray(array)
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _widen_node(new, node):
    new.CopyFrom(node)
    for attr in new.attr.values():
        kind = attr.WhichOneof("value")
        if kind == "type" and attr.type == FLOAT:
            attr.type = DOUBLE
        elif kind == "list":
            attr.list.type[:] = [DOUBLE if t == FLOAT else t
                                 for t in attr.list.type]
        elif kind == "tensor" and attr.tensor.dtype == FLOAT:
            values = tf.make_ndarray(attr.tensor).astype(np.float64)
            attr.tensor.CopyFrom(tf.make_tensor_proto(values))


class _Nodes:
    """Adds the nodes that replace one node."""

    def __init__(self, nodes, replaced, in_function):
        self.nodes = nodes
        self.replaced = replaced
        self.in_function = in_function

    def add(self, op, inputs, name=None, **types):
        """Adds a node and returns the reference to its result.

        A node without a name of its own stands in for the replaced one.
        """
        full = self.replaced.name + (f"/float64_{name}" if name else "")
        node = self.nodes.add(name=full, op=op)
        node.input.extend(inputs)
        for key, value in (types or {"T": DOUBLE}).items():
            node.attr[key].type = value
        self.last = node
        return f"{full}:{RESULT[op]}:0" if self.in_function else full

    def constant(self, name, value):
        tensor = tf.make_tensor_proto(value)
        reference = self.add("Const", [], name, dtype=tensor.dtype)
        self.last.attr["value"].tensor.CopyFrom(tensor)
        return reference


def _fused_batch_norm(new):
    old = new.replaced
    x, scale, offset, mean, variance, *controls = old.input
    assert old.attr["data_format"].s in (b"", b"NHWC")
    if old.attr["is_training"].b:
        mean, variance = _moments(new, x)
    epsilon = new.constant("epsilon", np.float64(old.attr["epsilon"].f))
    factor = new.add("AddV2", [variance, epsilon], "add")
    factor = new.add("Rsqrt", [factor], "rsqrt")
    factor = new.add("Mul", [factor, scale], "factor")
    y = new.add("Sub", [mean, x], "sub")
    y = new.add("Mul", [y, factor], "mul")
    y = new.add("Sub", [y, offset], "offset")
    new.add("Neg", [y, *controls])  # its result is named "y", too


def _moments(new, x):
    axes = new.constant("axes", np.array([0, 1, 2], np.int32))
    types = {"T": DOUBLE, "Tidx": INT32}
    mean = new.add("Mean", [x, axes], "mean", **types)
    square = new.add("SquaredDifference", [x, mean], "square")
    return mean, new.add("Mean", [square, axes], "variance", **types)


def _resize_sizes(graph_def, feeds):
    """Maps each ResizeBilinear to its input's and its result's shape."""
    nodes = [n for n in graph_def.node if n.op == "ResizeBilinear"]
    tensors = [n.input[0] for n in nodes] + [n.name for n in nodes]
    tensors = [t if ":" in t else t + ":0" for t in tensors]
    if not nodes:
        return {}
    shapes = [a.shape for a in frozen.run_graph(graph_def, feeds, tensors)]
    before, after = shapes[:len(nodes)], shapes[len(nodes):]
    return {n.name: (b, a) for n, b, a in zip(nodes, before, after)}


def _resize_bilinear(new, shapes):
    old = new.replaced
    before, after = shapes
    x, _, *controls = old.input
    rows = new.constant("rows", interpolation(old, before[1], after[1]))
    columns = new.constant("columns", interpolation(old, before[2], after[2]))
    x = _einsum(new, [rows, x], b"oi,nijc->nojc", "resize_rows")
    _einsum(new, [columns, x, *controls], b"pj,nojc->nopc", None)


def _einsum(new, inputs, equation, name):
    reference = new.add("Einsum", inputs, name)
    new.last.attr["equation"].s = equation
    new.last.attr["N"].i = 2
    return reference


def interpolation(node, size, new_size):
    """The [new_size, size] matrix of linear interpolation."""
    if node.attr["align_corners"].b and new_size > 1:
        position = np.arange(new_size) * ((size - 1) / (new_size - 1))
    elif node.attr["half_pixel_centers"].b:
        position = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
    else:
        position = np.arange(new_size) * (size / new_size)
    below = np.floor(position)
    matrix = np.zeros((new_size, size))
    for k in range(new_size):
        weight = position[k] - below[k]
        low, high = np.clip([below[k], below[k] + 1], 0, size - 1).astype(int)
        matrix[k, low] += 1 - weight
        matrix[k, high] += weight
    return matrix
