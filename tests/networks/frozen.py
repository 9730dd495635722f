# SPDX-License-Identifier: Apache-2.0
"""Frozen networks: what a test needs of one, freezing, running."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

# Results worth comparing inside a network: the float results of these ops.
COMPARED_OPS = {
    "Add", "AddV2", "AvgPool", "BiasAdd", "ConcatV2", "Conv2D",
    "Conv2DBackpropInput", "DepthwiseConv2dNative", "FusedBatchNorm",
    "FusedBatchNormV3", "MatMul", "MaxPool", "Mean", "Merge", "Mul", "Relu",
    "Relu6", "ResizeBilinear", "ResizeNearestNeighbor",
}


@dataclasses.dataclass
class Network:
    """A frozen graph, two sets of inputs, and the tensors to compare."""

    name: str
    graph: tf.compat.v1.GraphDef
    feeds: dict         # placeholder name -> array
    feeds2: dict        # other inputs of the same network
    outputs: list       # "node:k", the network's results
    inner: list         # "node:k", logits and intermediate results
    sigmoids: set       # those of `outputs` that lie in (0, 1)

    @property
    def fetches(self):
        return self.outputs + self.inner

    def ops(self):
        """The names of all ops in the graph and its function library."""
        nodes = list(self.graph.node)
        for function in self.graph.library.function:
            nodes += function.node_def
        return sorted({node.op for node in nodes})


def node_of(tensor_name):
    """The node's name in an input or tensor name."""
    return tensor_name.lstrip("^").split(":")[0]


def make_network(name, graph, outputs, feeds, feeds2, count=6):
    """Completes a Network: finds its logits and `count` inner tensors."""
    nodes = {node.name: node for node in graph.node}
    ends = {output: _behind_identity(nodes, output) for output in outputs}
    inner = [_logits(node) for node in ends.values()
             if node.op in ("Sigmoid", "Softmax")]
    inner += spaced(_candidates(graph, feeds), count)
    inner = [t for t in dict.fromkeys(inner) if t not in outputs]
    sigmoids = {o for o, node in ends.items() if node.op == "Sigmoid"}
    return Network(name, graph, feeds, feeds2, list(outputs), inner, sigmoids)


def _behind_identity(nodes, tensor_name):
    node = nodes[node_of(tensor_name)]
    while node.op == "Identity":
        node = nodes[node_of(node.input[0])]
    return node


def _logits(activation_node):
    name = activation_node.input[0]
    return name if ":" in name else name + ":0"


def _candidates(graph, feeds):
    """Inner tensors that depend on a feed, in the order of the file."""
    dependent = _dependents(graph, feeds)
    training = _dependents(graph, [
        node.name for node in graph.node
        if node.op.startswith("FusedBatchNorm") and _is_training(node)],
        behind_merge=False)
    return [f"{node.name}:0" for node in graph.node
            if node.op in COMPARED_OPS and node.name in dependent - training
            and node.attr["T"].type == tf.float32.as_datatype_enum
            and not _is_dead(node)]


def _is_training(node):
    return "is_training" not in node.attr or node.attr["is_training"].b


def _dependents(graph, names, behind_merge=True):
    """The nodes of these names and all that depend on them."""
    dependent = set(names)
    pending = True
    while pending:  # files need not list producers before consumers
        before = len(dependent)
        for node in graph.node:
            if ((behind_merge or node.op != "Merge")
                    and any(node_of(i) in dependent for i in node.input)):
                dependent.add(node.name)
        pending = len(dependent) > before
    return dependent


def _is_dead(node):
    """Whether the node stands inside a v1 conditional (may be dead)."""
    return "/cond/" in node.name and node.op != "Merge"


def spaced(items, count):
    """At most `count` of the items, evenly spaced."""
    if len(items) <= count:
        return list(items)
    return [items[(2 * k + 1) * len(items) // (2 * count)]
            for k in range(count)]


def freeze_function(function, *specs):
    """Traces and freezes a TF2 function; returns GraphDef, output names."""
    concrete = tf.function(function).get_concrete_function(*specs)
    frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
    graph = frozen.graph.as_graph_def()
    return graph, [tensor.name for tensor in frozen.outputs]


def freeze_session(session, output_nodes):
    """Freezes the session's v1 graph, as TensorFlow 1 programs did."""
    return tf.compat.v1.graph_util.convert_variables_to_constants(
        session, session.graph.as_graph_def(), output_nodes)


def freeze_keeping_functions(session, output_nodes):
    """Freezes the session's graph; its function library stays."""
    freeze = (convert_to_constants
              .convert_variables_to_constants_from_session_graph)
    return freeze(session, session.graph.as_graph_def(), output_nodes)


def run_graph(graph_def, feeds, fetches):
    """Runs a GraphDef with a v1 session; returns the fetched arrays."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=2,
                                      inter_op_parallelism_threads=1)
    # Without rewriting, every node that is fetched still exists.
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    named = {f"{name}:0": value for name, value in feeds.items()}
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        return session.run(list(fetches), named)


def random_images(rng, batch, height, width, channels, low=-3.0, high=3.0):
    """Images of a few random waves; contrast and brightness vary."""
    y = np.linspace(0, 1, height)[:, None]
    x = np.linspace(0, 1, width)[None, :]
    images = np.empty((batch, height, width, channels))
    for image in images:
        for c in range(channels):
            image[:, :, c] = _waves(rng, y, x)
        image *= rng.uniform(0.4, 1.0)
        image += rng.uniform(-0.5, 0.5)
        image += 0.1 * rng.standard_normal(image.shape)
    images = low + (high - low) * (np.clip(images, -1.5, 1.5) + 1.5) / 3
    return images.astype(np.float32)


def _waves(rng, y, x):
    total = 0
    for _ in range(4):
        fy, fx = rng.uniform(-5, 5, 2)
        phase = rng.uniform(0, 2 * np.pi)
        total = total + 0.5 * np.cos(2 * np.pi * (fy * y + fx * x) + phase)
    return total
