# SPDX-License-Identifier: Apache-2.0
"""Whether a frozen graph computes what the model does."""

import numpy as np
import tensorflow as tf

from problem import Problem, first_sentence
from source import shown

v1 = tf.compat.v1

LARGEST = 1e-4     # difference, as a part of an output's largest magnitude: rounding in another order gives less
OPEN_SIZE = 128    # of a dimension that may have any size; the first, the batch, gets 2


def compare(source, graph_def):
    """The largest difference between the original's and the frozen graph's results, absolute and as a part of the
    output's largest magnitude, and the shapes that were fed. Raises Problem where they differ."""
    feeds = [random_input(port) for port in source.inputs]
    sizes = ", ".join(shown(feed.shape) for feed in feeds)
    try:
        wanted = source.run(feeds)
    except Exception as error:
        raise Problem(f"the model itself cannot run on {sizes}: {first_sentence(error)}; --shape gives an input "
                      "another size") from error
    try:
        results = run_graph(graph_def, source, feeds)
    except Exception as error:
        raise Problem(f"the frozen graph cannot run on {sizes}: {first_sentence(error)}") from error
    worst = (0.0, 0.0)
    for port, result, expected in zip(source.outputs, results, wanted):
        difference, part = differ(np.asarray(result), np.asarray(expected))
        if not part <= LARGEST:
            raise Problem(f"output '{port.name}' of the frozen graph differs from the model's by {difference:.2g}, "
                          f"{part:.2g} of its largest value, on a random input; is anything random in the model?")
        worst = max(worst, (part, difference))
    return worst[1], worst[0], sizes


def random_input(port):
    rng = np.random.default_rng(1)
    shape = [size or (2 if axis == 0 else OPEN_SIZE) for axis, size in enumerate(port.shape)]
    dtype = port.dtype.as_numpy_dtype
    if port.dtype.is_floating:
        return rng.uniform(-1, 1, shape).astype(dtype)
    if port.dtype == tf.bool:  # a learning phase: not training
        return np.zeros(shape, bool)
    if port.dtype.is_integer:  # small enough for an index, but in a picture's bytes
        return rng.integers(0, 256 if port.dtype == tf.uint8 else 2, shape).astype(dtype)
    raise Problem(f"input '{port.name}' is of {port.dtype.name}, which haya cannot be given")


def run_graph(graph_def, source, feeds):
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    nodes = {node.name for node in graph_def.node}
    fed = {f"{port.name}:0": feed for port, feed in zip(source.inputs, feeds) if port.name in nodes}
    with v1.Session(graph=graph) as session:
        return session.run([f"{port.name}:0" for port in source.outputs], fed)


def differ(result, expected):
    """(largest difference, the same as a part of the largest magnitude)."""
    if result.shape != expected.shape or result.dtype != expected.dtype:
        return np.inf, np.inf
    if result.dtype.kind not in "fc":
        same = np.array_equal(result, expected)
        return (0.0, 0.0) if same else (np.inf, np.inf)
    result, expected = result.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(result[~finite], expected[~finite], equal_nan=True) or not finite.any():
        return (0.0, 0.0) if np.array_equal(result, expected, equal_nan=True) else (np.inf, np.inf)
    difference = float(np.max(np.abs(result[finite] - expected[finite])))
    return difference, difference / max(float(np.max(np.abs(expected[finite]))), 1e-6)
