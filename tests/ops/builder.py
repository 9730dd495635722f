# SPDX-License-Identifier: Apache-2.0
"""Builds case files: graphs of small cases whose results TensorFlow computed.

A CaseFile gathers the cases of one recorded file in one TensorFlow graph.
finish() edits the graph (deleted attributes, varied constant encodings),
imports the edited graph into TensorFlow again, runs that, and appends the
values to feed and the values to expect as Const nodes.
"""
import contextlib
import os
import zlib

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Plain Eigen kernels: the results do not depend on oneDNN's choices.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf

tf.get_logger().setLevel("ERROR")
v1 = tf.compat.v1
raw = tf.raw_ops

REF = "REF/"  # nodes under this prefix compute a result but are not recorded
LIST_FIELDS = {
    tf.float32.as_datatype_enum: ("float_val", float),
    tf.int32.as_datatype_enum: ("int_val", int),
    tf.int64.as_datatype_enum: ("int64_val", int),
    tf.bool.as_datatype_enum: ("bool_val", bool),
}


class CaseError(Exception):
    """What TensorFlow said against some cases of a file."""


class Case:
    """One case: what is built through it is named `<case>/...`."""

    def __init__(self, file, name, refused):
        self.file, self.name, self.refused = file, name, refused
        self.rng = np.random.default_rng(
            [file.seed, zlib.crc32(file.name.encode()), zlib.crc32(name.encode())])
        self.feeds, self.unfed, self.outs, self.wants = [], 0, [], []
        self.n_const = 0

    # -- values ---------------------------------------------------------
    def normal(self, *shape, scale=1.0):
        return (self.rng.standard_normal(shape) * scale).astype(np.float32)

    def uniform(self, *shape, low=0.0, high=1.0):
        return self.rng.uniform(low, high, shape).astype(np.float32)

    def ints(self, *shape, low=-20, high=21, dtype=np.int32):
        return np.asarray(self.rng.integers(low, high, shape), dtype)

    def bools(self, *shape):
        return np.asarray(self.rng.integers(0, 2, shape), bool)

    def values(self, dtype, *shape):
        """Random values of any of the types the cases use."""
        dtype = np.dtype(dtype)
        if dtype == np.bool_:
            return self.bools(*shape)
        if dtype == np.uint8:
            return self.ints(*shape, low=0, high=256, dtype=dtype)
        if dtype.kind == "i":
            return self.ints(*shape, dtype=dtype)
        return self.rng.standard_normal(shape).astype(dtype)

    # -- graph ----------------------------------------------------------
    def feed(self, value, shape=None):
        """A Placeholder fed with `value`; `shape` may leave dimensions open,
        and is False where even the rank is."""
        value = np.asarray(value)
        if shape is None:
            shape = value.shape
        node = v1.placeholder(value.dtype, None if shape is False else shape,
                              name=f"in_{len(self.feeds)}")
        self.feeds.append((node.name, value))
        return node

    def feed_default(self, value, default, shape=None):
        """A fed PlaceholderWithDefault."""
        value = np.asarray(value)
        node = raw.PlaceholderWithDefault(
            input=default, shape=value.shape if shape is None else shape,
            name=f"in_{len(self.feeds)}")
        self.feeds.append((node.name, value))
        return node

    def const(self, value, name=None):
        if name is None:
            name = f"const_{self.n_const}"
            self.n_const += 1
        return tf.constant(value, name=name)

    def const_proto(self, proto, name="op"):
        """A Const node holding exactly this TensorProto."""
        attrs = {"value": tf.compat.v1.AttrValue(tensor=proto),
                 "dtype": tf.compat.v1.AttrValue(type=proto.dtype)}
        node = self.file.graph.create_op(
            "Const", [], [tf.DType(proto.dtype)], attrs=attrs, name=name)
        self.file.fixed.add(node.name)
        return node.outputs[0]

    def op(self, kind, name="op", **kwargs):
        """The operation under test (or a supporting one under another name)."""
        return getattr(raw, kind)(name=name, **kwargs)

    def out(self, *tensors):
        """Compare these tensors."""
        for t in tensors:
            k = len(self.outs)
            self.outs.append(raw.Identity(input=t, name=f"out_{k}").name)

    def strip(self, attr, node="op"):
        """Delete an attribute of a node, so that its default applies."""
        self.file.strips.append((f"{self.name}/{node}", attr))

    @contextlib.contextmanager
    def reference(self):
        """What is built here is run for the expected values, never recorded."""
        with tf.name_scope(f"{REF}{self.name}/"):
            yield

    def want(self, *tensors):
        """Take expected values from these tensors, not from the outputs."""
        self.wants += [t.name for t in tensors]


class CaseFile:
    """The cases of one recorded file."""

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.graph = tf.Graph()
        self.cases, self.strips, self.names = [], [], set()
        self.fixed = set()  # Const nodes whose encoding stays as it is
        self.raw_nodes = {}  # node name -> hand-made NodeDef bytes
        self.functions = []  # FunctionDefs for the library
        self.errors = []

    @contextlib.contextmanager
    def case(self, name, refused=False):
        assert name not in self.names, f"{self.name}: {name} is there twice"
        self.names.add(name)
        case = Case(self, name, refused)
        with self.graph.as_default(), tf.name_scope(name + "/"):
            try:
                yield case
                assert case.outs, "no output"
            except Exception as e:  # told at the end, with all the others
                self.errors.append(f"{self.name}: case {name}: {str(e)[:500]}")
                return
        self.cases.append(case)

    def finish(self):
        """Run the cases; returns the file's bytes."""
        if self.errors:
            raise CaseError("\n".join(self.errors))
        full = self.graph.as_graph_def(add_shapes=False)
        full.library.function.extend(self.functions)
        by_name = {n.name: n for n in full.node}
        for node, attr in self.strips:
            assert attr in by_name[node].attr, f"{self.name}: {node} has no {attr}"
            del by_name[node].attr[attr]
        self._vary_constants(full)
        data = self._serialize(full)
        self._run(data, full)
        return self._serialize(
            full, keep=lambda n: not n.name.startswith(REF))

    def _vary_constants(self, graph_def):
        """Write some constants as value lists, splats and filled tails."""
        turn = 0
        for node in graph_def.node:
            if node.op != "Const" or node.name in self.fixed:
                continue
            proto = node.attr["value"].tensor
            if proto.dtype not in LIST_FIELDS or not proto.tensor_content:
                continue
            turn += 1
            array = tf.make_ndarray(proto)
            flat = array.reshape(-1)
            items = np.ascontiguousarray(flat).view(f"V{flat.itemsize}").tolist()
            tail = len(items)
            while tail > 1 and items[tail - 1] == items[tail - 2]:
                tail -= 1
            if turn % 4 == 1 or (turn % 4 == 2 and tail < len(items)):
                if turn % 4 == 1 and tail > 1:
                    tail = len(items)
                field, kind = LIST_FIELDS[proto.dtype]
                proto.ClearField("tensor_content")
                getattr(proto, field).extend(kind(v) for v in flat[:tail])

    def _serialize(self, graph_def, keep=lambda n: True):
        """Bytes of the graph; hand-made nodes stand at the end."""
        out = v1.GraphDef()
        out.CopyFrom(graph_def)
        del out.node[:]
        out.node.extend(n for n in graph_def.node
                        if keep(n) and n.name not in self.raw_nodes)
        data = out.SerializeToString(deterministic=True)
        for node in self.raw_nodes.values():
            data += b"\x0a" + varint(len(node)) + node
        return data

    def _run(self, data, full):
        fetches = [name for case in self.cases if not case.refused
                   for name in case.wants or case.outs]
        session = Session(v1.GraphDef.FromString(data), fetches)
        for case in self.cases:
            for k, (name, value) in enumerate(case.feeds):
                full.node.append(const_node(f"{case.name}/feed_{k}", value))
            if case.refused:
                continue
            try:
                values = session.run(case.wants or case.outs, dict(case.feeds))
            except tf.errors.OpError as e:
                self.errors.append(f"{self.name}: case {case.name}: {e.message[:300]}")
                continue
            assert len(values) == len(case.outs), case.name
            for k, value in enumerate(values):
                full.node.append(const_node(f"{case.name}/want_{k}", value))
        if self.errors:
            raise CaseError("\n".join(self.errors))


class Session:
    """TensorFlow running the part of a graph that some fetches need, as it
    stands, with no optimisation. (One node without a kernel would spoil all.)"""

    def __init__(self, graph_def, fetches):
        graph_def = v1.graph_util.extract_sub_graph(
            graph_def, sorted({name.split(":")[0] for name in fetches}))
        self.nodes = {node.name for node in graph_def.node}
        config = v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        config.graph_options.optimizer_options.opt_level = -1
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
        self.session = v1.Session(graph=graph, config=config)

    def run(self, fetches, feeds):
        """The values of the fetches; feeds that nothing needs are left out."""
        feeds = {k: v for k, v in feeds.items() if k.split(":")[0] in self.nodes}
        return self.session.run(list(fetches), feeds)


def const_node(name, value):
    node = v1.NodeDef(name=name, op="Const")
    proto = tf.make_tensor_proto(value)
    node.attr["dtype"].type = proto.dtype
    node.attr["value"].tensor.CopyFrom(proto)
    return node


def varint(value):
    """A protobuf varint; negative numbers take ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        byte = value & 127
        value >>= 7
        out.append(byte | (128 if value else 0))
        if not value:
            return bytes(out)


def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def same(a, b):
    """Bitwise equality in which every NaN equals every NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    bits = f"u{a.dtype.itemsize}"
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return bool(np.all((a.reshape(-1).view(bits) == b.reshape(-1).view(bits))
                       | (np.isnan(a) & np.isnan(b)).reshape(-1)))
