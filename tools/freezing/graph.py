# SPDX-License-Identifier: Apache-2.0
"""A frozen graph made tidy: only what the outputs need, and names that one can read."""

import re

import tensorflow as tf

from functions import legal
from problem import Problem, listed

v1 = tf.compat.v1

# Whose presence means that the graph still has, or changes, state.
STATE = {"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "Assign", "AssignVariableOp",
         "AssignAddVariableOp", "AssignSubVariableOp", "HashTable", "HashTableV2", "IteratorGetNext"}
CONDITIONAL = {"Switch", "Merge", "Enter"}  # in these graphs, control edges tell which nodes are computed at all


def tidy(source):
    """The GraphDef to write. Its inputs and outputs bear the names of the source's ports, which change where two
    were of one name. Inputs that no output depends on are not in it."""
    graph = v1.GraphDef()
    graph.CopyFrom(source.graph)
    plain(graph)
    ends = [behind_identities(graph, port.tensor) for port in source.outputs]
    graph = v1.graph_util.extract_sub_graph(graph, [producer(end) for end in ends])
    graph = v1.graph_util.remove_training_nodes(graph, [producer(end) for end in ends])
    check_state(graph)
    check_dependence(graph, ends, source)
    keep_functions(graph)
    names = {producer(port.tensor): legal(port.name) for port in source.inputs}
    made = name_outputs(graph, ends, source.outputs, names)
    for name, variable in source.variables.items():
        names.setdefault(name, legal(variable))
    rename(graph, names)
    for port, node in zip((*source.inputs, *source.outputs), (*(producer(p.tensor) for p in source.inputs), *made)):
        port.name = names[node]
    order = {port.name: at for at, port in enumerate(source.inputs)}
    nodes = sorted(graph.node, key=lambda node: order.get(node.name, len(order)))
    del graph.node[:]
    graph.node.extend(nodes)
    return graph


def producer(name):
    return name.lstrip("^").partition(":")[0]


def plain(graph):
    """Takes away what belongs to the machine and the program that made it."""
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        for node in nodes:
            node.device = ""
    conditional = any(node.op in CONDITIONAL for node in graph.node)
    for node in graph.node:
        for attribute in [key for key in node.attr if key.startswith("_")]:
            del node.attr[attribute]
        if not conditional:
            data = [name for name in node.input if not name.startswith("^")]
            node.input[:] = data


def behind_identities(graph, tensor):
    """The tensor that a result is a copy of."""
    nodes = {node.name: node for node in graph.node}
    while nodes[producer(tensor)].op in ("Identity", "StopGradient") and nodes[producer(tensor)].input:
        tensor = nodes[producer(tensor)].input[0]
    return tensor if ":" in tensor else tensor + ":0"


def check_state(graph):
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = [node for node in graph.node if node.op in STATE]
    if not found and any(node.op in ("PartitionedCall", "StatefulPartitionedCall") for node in graph.node):
        found = [node for node in nodes if node.op in STATE]
    if found:
        raise Problem(f"'{found[0].name}' ({found[0].op}) holds or changes state, which a frozen graph has none of")


def check_dependence(graph, ends, source):
    """An output that no input reaches is a constant, made by freezing at a wrong place, perhaps."""
    reached = {producer(port.tensor) for port in source.inputs}
    for node in in_order(graph):
        if any(producer(name) in reached for name in node.input):
            reached.add(node.name)
    lost = [port.name for port, end in zip(source.outputs, ends) if producer(end) not in reached]
    if lost:
        raise Problem(f"the outputs {listed(lost)} do not depend on any input")


def in_order(graph):
    """Nodes after those that they read, but for loops."""
    nodes, done = {node.name: node for node in graph.node}, set()
    for root in graph.node:
        pending = [(root.name, False)]
        while pending:
            name, ready = pending.pop()
            if ready:
                yield nodes[name]
            elif name not in done and name in nodes:
                done.add(name)
                pending.append((name, True))
                pending += [(producer(source), False) for source in nodes[name].input]


def keep_functions(graph):
    """Leaves the functions that are called."""
    functions = {function.signature.name: function for function in graph.library.function}
    found, pending = set(), list(graph.node)
    while pending:
        node = pending.pop()
        called = {node.op, *(name for value in node.attr.values() for name in (
            value.func.name, *(function.name for function in value.list.func)))}
        for name in called & set(functions) - found:
            found.add(name)
            pending += functions[name].node_def
    kept = [function for function in graph.library.function if function.signature.name in found]
    del graph.library.function[:]
    del graph.library.gradient[:]
    graph.library.function.extend(kept)
    if not kept:
        graph.ClearField("library")


def name_outputs(graph, ends, ports, names):
    """Enters the producers' new names, and returns the producers. A result that is also read, or not its node's
    only one, gets a node of its own: haya takes for outputs what nothing reads."""
    nodes = {node.name: node for node in graph.node}
    read = {producer(name) for node in graph.node for name in node.input}
    made = []
    for number, (end, port) in enumerate(zip(ends, ports)):
        name = producer(end)
        alone = end.endswith(":0") and [producer(other) for other in ends].count(name) == 1
        if not alone or name in read or name in names or nodes[name].op == "Const":
            copy = graph.node.add(name=f"freeze_output_{number}", op="Identity", input=[end])
            copy.attr["T"].type = port.dtype.as_datatype_enum
            name = copy.name
        names[name] = legal(port.name)
        made.append(name)
    return made


def rename(graph, names):
    """Gives nodes their new names, and completes `names` with what the others get."""
    taken = set(names.values())
    if len(taken) < len(names):  # of variables, say; the first of a name keeps it
        taken = set()
        for name in list(names):
            names[name] = free(names[name], taken)
            taken.add(names[name])
    others = [node.name for node in graph.node if node.name not in names]
    depth = common_depth(others)
    shorter = {name: "/".join(name.split("/")[depth:]) for name in others}
    scopes = layer_scopes(graph, shorter, names)
    for name, short in shorter.items():
        scope, slash, rest = short.partition("/")
        names[name] = free(scopes.get(scope, scope) + slash + rest, taken)
        taken.add(names[name])
    for node in graph.node:
        node.name = names[node.name]
        node.input[:] = [renamed(name, names) for name in node.input]


def free(name, taken):
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def renamed(name, names):
    node, colon, output = name.lstrip("^").partition(":")
    return ("^" if name.startswith("^") else "") + names[node] + (colon + output if output not in ("", "0") else "")


def layer_scopes(graph, shorter, variables):
    """Scopes in which a single layer's variables are read -> that layer. While Keras traces a layer 'conv2d', its
    scope may be called 'conv2d_1', and that of 'conv2d_1' 'conv2d_1_2'."""
    readers = {}
    for node in graph.node:
        if node.name in shorter:
            layers = {variables[name].rpartition("/")[0] for name in map(producer, node.input) if name in variables}
            readers.setdefault(shorter[node.name].partition("/")[0], set()).update(layers - {""})
    return {scope: layer for scope, (layer, *more) in ((scope, sorted(layers)) for scope, layers in readers.items()
                                                       if layers)
            if not more and re.fullmatch(re.escape(layer) + r"(_\d+)+", scope)}


def common_depth(names):
    """How many scopes all names share: the model's own name, and those of calls around it."""
    paths = [name.split("/") for name in names if not name.startswith("Func/")]
    depth = 0
    while paths and all(len(path) > depth + 1 for path in paths) and len({path[depth] for path in paths}) == 1:
        depth += 1
    return depth
