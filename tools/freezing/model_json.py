# SPDX-License-Identifier: Apache-2.0
"""The settings beside a model, as far as the model itself tells them; docs/model-json.md describes them."""

from graph import producer

VERSION = 1
MOST_CLASSES = 256
LONGEST_STEM = 120  # bytes: names have up to 128, a number included
FORWARDING = {"Identity", "StopGradient", "Cast", "Transpose"}
ARITHMETIC = {"Mul", "Add", "AddV2", "BiasAdd", "Sub", "RealDiv", "Div", "DivNoNan"}


def settings(source, graph, stem):
    """(what to write, sentences on what is left to its user)."""
    notes = []
    document = {"haya": VERSION}
    nodes = {node.name for node in graph.node}
    picture = picture_input([port for port in source.inputs if port.name in nodes])
    if picture is None:
        notes.append("no input takes a picture, [?,height,width,channels]: nothing is said of it")
        return document, notes
    entry = {"tensor": picture.name}
    if picture.dtype.is_integer or normalises(graph, picture.name):
        entry |= {"mean": 0, "std": 1}
        notes.append(f"input '{picture.name}' takes values as they are in pictures, 0 to 255: " + (
            "it is of integers" if picture.dtype.is_integer else "the model scales them itself"))
    else:
        notes.append(f"how input '{picture.name}' is to be normalized, the model does not tell: without \"mean\" "
                     "and \"std\" in the settings, black and white become -1 and 1")
    document["input"] = entry
    classes = map_classes(source.outputs, graph, stem)
    if classes:
        document["classes"] = classes
        notes.append("verdicts are by thresholds of 0.5 until the settings have others")
    return document, notes


def picture_input(ports):
    """The first input that takes a picture of any number of channels."""
    for port in ports:
        if port.shape is not None and len(port.shape) == 4 and port.shape[0] in (None, 1) and \
                (port.dtype.is_floating or port.dtype.is_integer):
            return port
    return None


def normalises(graph, name):
    """Whether the first thing that is done to the input is arithmetic with constants: a Rescaling or Normalization
    layer, or the like."""
    known = constants(graph)
    front = {name}
    while True:
        readers = [node for node in graph.node if any(producer(source) in front for source in node.input)]
        if readers and all(node.op in FORWARDING for node in readers):
            front = {node.name for node in readers}
        else:
            break
    return bool(readers) and all(node.op in ARITHMETIC and all(
        producer(source) in front | known for source in node.input) for node in readers)


def constants(graph):
    """The names of constants and of their casts. What is computed of constants is none: the scale of a batch norm,
    which may follow an input of any range."""
    found = {node.name for node in graph.node if node.op == "Const"}
    return found | {node.name for node in graph.node if node.op in FORWARDING and node.input and
                    producer(node.input[0]) in found}


def map_classes(ports, graph, stem):
    """A class for each channel of each output that is a map."""
    nodes = {node.name: node for node in graph.node}
    maps = [port for port in ports if is_map(port, nodes)]
    if not 0 < sum(port.shape[3] for port in maps) <= MOST_CLASSES:
        return []
    if not stem.isprintable() or len(stem.encode(errors="replace")) > LONGEST_STEM:
        stem = "map"
    classes = []
    for port in maps:
        called = port.name if len(maps) > 1 else stem
        for channel in range(port.shape[3]):
            several = port.shape[3] > 1
            entry = {"name": f"{called} {channel + 1}" if several else called, "map": {"output": port.name}}
            if several:
                entry["map"]["channel"] = channel
            classes.append(entry)
    return classes


def is_map(port, nodes):
    """[batch, height, width, channels], each value from 0 to 1 by itself, which the usual threshold suits."""
    shape = port.shape
    if shape is None or len(shape) != 4 or not shape[3] or 1 in shape[1:3]:
        return False
    node = nodes[port.name]
    while node.op in FORWARDING and node.op != "Cast":
        node = nodes[producer(node.input[0])]
    return node.op == "Sigmoid"
