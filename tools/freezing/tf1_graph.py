# SPDX-License-Identifier: Apache-2.0
"""Graphs of TensorFlow 1: a GraphDef or MetaGraphDef, and a checkpoint with the variables' values."""

import glob
import pathlib
import re

import tensorflow as tf
from google.protobuf import message, text_format
from tensorflow.python.framework import convert_to_constants

import functions
import kinds
from problem import MODEL, USAGE, Problem, first_sentence, listed
from source import Source, choose_shapes

v1 = tf.compat.v1

VARIABLES = {"Variable", "VariableV2", "VarHandleOp"}
# What only trains, saves or reports. Sinks of these are no results.
AUXILIARY_OPS = re.compile(r"Assign|Apply|Save|Restore|NoOp|Summary|Print|Assert|Const|Placeholder|Variable"
                           r"|VarHandle|VarIsInitialized|ShardedFilename|MergeV2Checkpoints|Queue")
AUXILIARY_NAMES = re.compile(r"(^|/)(save|gradients|report_uninitialized)(_\d+)?/|(^|/)(Adam|train)(_\d+)?/")
CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def load(kind, path, options):
    where = str(path)
    graph_path, prefix = find_files(kind, path, options.checkpoint)
    graph, outputs = read_graph(graph_path)
    outputs = options.outputs or outputs or guess_outputs(graph, where)
    outputs = {name: tensor_name(graph, name, "output", where) for name in outputs}
    inputs = {name: tensor_name(graph, name, "input", where) for name in options.inputs}
    needed = subgraph(graph, outputs.values(), inputs.values())
    inputs = inputs or {node.name: node.name + ":0" for node in needed.node if node.op == "Placeholder"}
    if not inputs:
        raise Problem(f"{where}: its outputs {listed(outputs)} depend on no placeholder; --inputs names the "
                      "tensors to be fed", USAGE)
    variables = [node for node in needed.node if node.op in VARIABLES]
    if not variables and graph_path.suffix == ".pb" and not is_text(graph_path) and kind == kinds.GRAPH:
        raise Problem(f"{where}: is frozen already: haya runs it as it is", MODEL)
    values = read_values(graph, variables, prefix, where) if variables else {}
    add_reads(needed, variables)
    known = import_tensors(subgraph(graph, inputs.values(), []), inputs.values(), where)
    shapes = choose_shapes([(name, shape) for name, (_, shape) in zip(inputs, known)], options.shape, where)
    ports = [(tensor, dtype, shape) for tensor, (dtype, _), shape in zip(inputs.values(), known, shapes)]
    return session_source(f"TensorFlow 1 graph, {len(values)} variables", needed, ports, outputs, values, where)


# ---- Files -------------------------------------------------------------------------------------------------------


def find_files(kind, path, wanted):
    """The graph's file, and the checkpoint's prefix or None."""
    prefix = wanted and CHECKPOINT_FILE.sub("", wanted)
    if kind == kinds.CHECKPOINT:
        if path.is_dir() or path.name == "checkpoint":
            folder = path if path.is_dir() else path.parent
            prefix = prefix or latest(folder)
            if not prefix:
                raise Problem(f"{path}: holds no checkpoint that its file 'checkpoint' names", MODEL)
        else:
            prefix = prefix or CHECKPOINT_FILE.sub("", str(path))
        return beside(prefix, path), prefix
    if not prefix and kind == kinds.META_GRAPH and path.suffix == ".meta":
        prefix = str(path)[:-len(".meta")]
    return path, prefix or latest(path.parent)


def latest(folder):
    try:
        return tf.train.latest_checkpoint(str(folder))
    except (ValueError, text_format.ParseError, tf.errors.OpError):
        return None


def beside(prefix, path):
    """The graph that goes with a checkpoint."""
    folder = pathlib.Path(prefix).parent
    for candidate in (prefix + ".meta", folder / "graph.pbtxt", folder / "graph.pb"):
        if pathlib.Path(candidate).is_file():
            return pathlib.Path(candidate)
    raise Problem(f"{path}: a checkpoint without its graph: there is no {prefix}.meta, nor graph.pbtxt or graph.pb "
                  "beside it; name the graph's file, and the checkpoint with --checkpoint", MODEL)


def is_text(path):
    with path.open("rb") as file:
        return kinds.recognise_text(file.read(kinds.HEAD)) is not None


def read_graph(path):
    """The GraphDef, and outputs where a signature tells them."""
    kind, _ = kinds.recognise(path)
    parsed = v1.MetaGraphDef() if kind == kinds.META_GRAPH else v1.GraphDef()
    try:
        if is_text(path):
            text_format.Parse(path.read_bytes().decode(), parsed)
        else:
            parsed.ParseFromString(path.read_bytes())
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise Problem(f"{path}: a damaged graph: {first_sentence(error)}", MODEL) from None
    if kind != kinds.META_GRAPH:
        graph, outputs = parsed, []
    else:
        graph = parsed.graph_def
        signatures = list(parsed.signature_def.values())
        outputs = [info.name for info in signatures[0].outputs.values()] if len(signatures) == 1 else []
    if not graph.node:
        raise Problem(f"{path}: not a graph of TensorFlow: it has no nodes", MODEL)
    return graph, outputs


# ---- Inputs and outputs ------------------------------------------------------------------------------------------


def producer(name):
    return name.lstrip("^").partition(":")[0]


def tensor_name(graph, name, what, where):
    """ "node:k", of a node that is there."""
    if producer(name) not in {node.name for node in graph.node}:
        raise Problem(f"{where}: has no node '{producer(name)}' to be an {what}", USAGE)
    return name if ":" in name else name + ":0"


def subgraph(graph, outputs, inputs):
    """What the outputs depend on, behind the inputs."""
    nodes = {node.name: node for node in graph.node}
    ends = {producer(name) for name in inputs}
    pending, found = [producer(name) for name in outputs], set()
    while pending:
        name = pending.pop()
        if name in found or name not in nodes:
            continue
        found.add(name)
        pending += [producer(source) for source in nodes[name].input if producer(source) not in ends]
    part = v1.GraphDef(versions=graph.versions, library=graph.library)
    for node in graph.node:
        if node.name in found:
            copy = part.node.add()
            copy.CopyFrom(node)
            copy.device = ""
            for attribute in [key for key in copy.attr if key.startswith("_")]:
                del copy.attr[attribute]  # places and shapes that were known in training
    return part


def add_reads(graph, variables):
    """Gives each resource a node that reads it, of the name by which TensorFlow's converter looks for its value."""
    present = {node.name for node in graph.node}
    for variable in variables:
        name = variable.name + "/Read/ReadVariableOp"
        if variable.op == "VarHandleOp" and name not in present:
            read = graph.node.add(name=name, op="ReadVariableOp", input=[variable.name])
            read.attr["dtype"].CopyFrom(variable.attr["dtype"])


def guess_outputs(graph, where):
    """The one node that depends on a placeholder and that nothing but training reads."""
    kept = [node for node in graph.node if not is_auxiliary(node)]
    read = {producer(source) for node in kept for source in node.input}
    fed = depending(graph)
    sinks = [node.name for node in kept if node.name not in read and node.name in fed]
    if len(sinks) == 1:
        return sinks
    if not sinks:
        raise Problem(f"{where}: nothing tells its outputs; --outputs names them", USAGE)
    raise Problem(f"{where}: any of {listed(sinks)} may be an output; --outputs names those to keep", USAGE)


def is_auxiliary(node):
    return bool(AUXILIARY_OPS.search(node.op) or AUXILIARY_NAMES.search(node.name))


def depending(graph):
    """The names of nodes that depend on a placeholder."""
    readers = {}
    for node in graph.node:
        for source in node.input:
            readers.setdefault(producer(source), []).append(node.name)
    found, pending = set(), [node.name for node in graph.node if node.op == "Placeholder"]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += readers.get(name, [])
    return found


# ---- Variables ---------------------------------------------------------------------------------------------------


def read_values(graph, variables, prefix, where):
    """The value of each variable, by its node's name."""
    if not prefix:
        raise Problem(f"{where}: has {len(variables)} variables, and there is no checkpoint beside it; "
                      "--checkpoint names one", USAGE)
    reader = open_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    saved_as = saver_names(graph)
    keys = {node.name: saved_as.get(node.name) or shared_name(node) for node in variables}
    missing = [name for name, key in keys.items() if key not in shapes]
    if missing:
        objects = any("/.ATTRIBUTES/" in key for key in shapes)
        raise Problem(f"{prefix}: does not have the variables {listed(missing)} of {where}" +
                      ("; it is a checkpoint of TensorFlow 2's objects" if objects else ""), MODEL)
    values = {}
    for node in variables:
        key = keys[node.name]
        shape = node.attr["shape"].shape
        wanted = [] if shape.unknown_rank else [dim.size for dim in shape.dim]
        own = shapes[key]
        if not shape.unknown_rank and (len(wanted) != len(own) or any(
                size not in (-1, stored) for size, stored in zip(wanted, own))):
            raise Problem(f"{prefix}: variable '{key}' is {own}, and {wanted} in {where}", MODEL)
        try:
            values[node.name] = reader.get_tensor(key)
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise Problem(f"{prefix}: variable '{key}' cannot be read: {first_sentence(error)}", MODEL) from None
    return values


def shared_name(node):
    name = node.attr["shared_name"].s.decode() if node.op == "VarHandleOp" else ""
    return name or node.name


def open_checkpoint(prefix):
    if not pathlib.Path(prefix).is_file():  # the first format had a single file
        check_parts(prefix)
    try:
        return tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise Problem(f"{prefix}: a damaged checkpoint: {first_sentence(error)}", MODEL) from None


def check_parts(prefix):
    if not pathlib.Path(prefix + ".index").is_file():
        raise Problem(f"{prefix}: the checkpoint's part {prefix}.index is missing", MODEL)
    parts = sorted(glob.glob(glob.escape(prefix) + ".data-?????-of-?????"))
    if not parts:
        raise Problem(f"{prefix}: the checkpoint's data is missing: {prefix}.data-00000-of-00001 or the like",
                      MODEL)
    count = int(parts[0][-5:])
    for number in range(count):
        part = f"{prefix}.data-{number:05}-of-{count:05}"
        if part not in parts:
            raise Problem(f"{prefix}: the checkpoint's part {part} is missing", MODEL)


def saver_names(graph):
    """What the graph's savers call the variables in checkpoints; it need not be the variables' names."""
    nodes = {node.name: node for node in graph.node}
    names = {}
    for node in graph.node:
        if not node.op.startswith("Assign") or len(node.input) < 2:
            continue
        source, output = node.input[1], 0
        while producer(source) in nodes and nodes[producer(source)].op in ("Identity", "Reshape"):
            source = nodes[producer(source)].input[0]
        output = int(source.partition(":")[2] or 0)
        restore = nodes.get(producer(source))
        if restore is None or restore.op != "RestoreV2":
            continue
        listing, slices = (nodes.get(producer(restore.input[k])) for k in (1, 2))
        if listing is None or listing.op != "Const" or slices is None or slices.op != "Const":
            continue
        keys, parts = (tf.make_ndarray(const.attr["value"].tensor) for const in (listing, slices))
        if output < len(keys) and not parts[output]:
            names.setdefault(producer(node.input[0]), keys[output].decode())
    return names


# ---- Running and freezing ----------------------------------------------------------------------------------------


def session_source(what, graph_def, inputs, outputs, values, where):
    """`inputs`: [(tensor's name, dtype, shape)], where placeholders go; `outputs`: name -> tensor's name."""
    graph = tf.Graph()
    with graph.as_default():
        placeholders = {tensor: v1.placeholder(dtype, shape, "freeze_input") for tensor, dtype, shape in inputs}
        results = import_graph(graph_def, outputs.values(), where, placeholders)
        session = v1.Session(graph=graph)
        assign(session, graph, values, where)
    try:
        frozen = convert_to_constants.convert_variables_to_constants_from_session_graph(
            session, graph.as_graph_def(), [producer(tensor.name) for tensor in results])
    except Exception as error:
        raise Problem(f"{where}: TensorFlow cannot turn the variables into constants: "
                      f"{first_sentence(error)}") from error
    input_names = functions.unique([producer(tensor) for tensor in placeholders])
    return Source(what, frozen, functions.ports(input_names, placeholders.values()),
                  functions.ports([output_name(name) for name in outputs], results), {},
                  lambda feeds: session.run(results, dict(zip(placeholders.values(), feeds))))


def import_graph(graph_def, fetches, where, replaced=None):
    try:
        return tf.import_graph_def(graph_def, input_map=replaced, return_elements=list(fetches), name="")
    except (ValueError, tf.errors.OpError) as error:
        raise Problem(f"{where}: TensorFlow {tf.__version__} cannot load the graph: {first_sentence(error)}",
                      MODEL) from None


def output_name(name):
    """A tensor's name as it may stand for a node."""
    node, _, number = name.partition(":")
    return node if number in ("", "0") else f"{node}_{number}"


def import_tensors(graph_def, names, where):
    """(dtype, shape or None) of tensors that will be fed."""
    with tf.Graph().as_default():
        tensors = import_graph(graph_def, names, where)
    for name, tensor in zip(names, tensors):
        if tensor.dtype.base_dtype == tf.string:
            raise Problem(f"{where}: input '{name}' is of strings; haya runs on numbers", MODEL)
    return [(tensor.dtype.base_dtype, functions.sizes(tensor.shape)) for tensor in tensors]


def assign(session, graph, values, where):
    """Gives the variables their values."""
    for name, value in values.items():
        target = graph.get_tensor_by_name(name + ":0")
        fed = v1.placeholder(value.dtype, value.shape)
        try:
            if target.dtype == tf.resource:
                operation = tf.raw_ops.AssignVariableOp(resource=target, value=fed)
            else:
                operation = tf.raw_ops.Assign(ref=target, value=fed)
            session.run(operation, {fed: value})
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise Problem(f"{where}: variable '{name}' cannot take its value from the checkpoint: "
                          f"{first_sentence(error)}", MODEL) from None
