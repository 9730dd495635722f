# SPDX-License-Identifier: Apache-2.0
"""Records the small networks for the fast test suite.

Each file is a frozen GraphDef with Const nodes added:

    check/feed/NAME         what to feed to the placeholder NAME
    check/want/NODE__K      what NODE:K has to be then
    check/feed2/NAME, check/want2/NODE__K       the same for other inputs
    check/bound/NODE__K, check/bound2/NODE__K   the allowed error: of the
        greatest absolute difference if NODE:K is a sigmoid output
        (check/absolute/NODE__K then exists), else of the relative L2 error

The values are computed in float64 and rounded to float32.
"""

import argparse
import pathlib

import frozen  # first: it sets TensorFlow's environment
import networks
import numpy as np
import reference
import tensorflow as tf

LARGEST_FILE = 250_000
LARGEST_FOLDER = 2_250_000
LARGEST_TENSOR = 1024  # elements of a recorded inner tensor


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="NAME", help="record one network")
    parser.add_argument("--folder", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent / "recorded")
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    for name in [arguments.only] if arguments.only else networks.SMALL:
        record(networks.build(name), arguments.folder / f"{name}.pb")
    total = sum(f.stat().st_size for f in arguments.folder.glob("*.pb"))
    print(f"{total} bytes in {arguments.folder}")
    assert total < LARGEST_FOLDER


def record(network, path):
    """Writes the network and its checks to a file."""
    expected = reference.expect(network, network.feeds)
    expected2 = reference.expect(network, network.feeds2)
    reference.check_distinct(network, expected, expected2)
    graph = tf.compat.v1.GraphDef()
    graph.CopyFrom(network.graph)
    kept = [f for f in network.fetches if f in network.outputs
            or expected[f].value.size <= LARGEST_TENSOR]
    _add_checks(graph, "", network.feeds, expected, kept)
    _add_checks(graph, "2", network.feeds2, expected2, kept)
    for fetch in kept:
        if expected[fetch].absolute:
            _add_const(graph, f"check/absolute/{_escape(fetch)}", 1)
    data = graph.SerializeToString(deterministic=True)
    assert len(data) < LARGEST_FILE, f"{path}: {len(data)} bytes"
    path.write_bytes(data)
    error = max(e.own_error for e in expected.values())
    print(f"{len(data):7} {path.name} ({len(kept)} tensors, TensorFlow's own "
          f"error {error:.1e}) {' '.join(network.ops())}", flush=True)


def _add_checks(graph, number, feeds, expected, fetches):
    for name, value in feeds.items():
        _add_const(graph, f"check/feed{number}/{name}", value)
    for fetch in fetches:
        escaped = _escape(fetch)
        wanted = expected[fetch]
        _add_const(graph, f"check/want{number}/{escaped}", wanted.value)
        _add_const(graph, f"check/bound{number}/{escaped}", wanted.bound)


def _escape(fetch):
    """Node names cannot contain colons."""
    node, index = fetch.split(":")
    return f"{node}__{index}"


def _add_const(graph, name, value):
    tensor = tf.make_tensor_proto(np.asarray(value, np.float32))
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tensor.dtype
    node.attr["value"].tensor.CopyFrom(tensor)


if __name__ == "__main__":
    main()
