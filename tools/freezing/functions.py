# SPDX-License-Identifier: Apache-2.0
"""TensorFlow 2 functions: traced, with constants for the variables that they read."""

import re

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from problem import Problem, first_sentence
from source import Port, Source


def freeze(where, what, call, specs, input_names, output_names, run):
    """A Source of a callable that takes tensors of these specs and returns a list."""
    concrete = tf.function(call, autograph=False).get_concrete_function(*(
        tf.TensorSpec(spec.shape, spec.dtype, legal(name)) for spec, name in zip(specs, input_names)))
    try:
        frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
    except Exception as error:
        raise Problem(f"{where}: TensorFlow cannot turn the variables into constants: "
                      f"{first_sentence(error)}") from error
    return Source(what, frozen.graph.as_graph_def(), ports(input_names, frozen.inputs),
                  ports(output_names, frozen.outputs), variable_names(concrete), run)


def ports(names, tensors):
    return [Port(name, tensor.name, tensor.dtype, sizes(tensor.shape))
            for name, tensor in zip(names, tensors, strict=True)]


def sizes(shape):
    """A list with None for any size; None where the rank is open."""
    return None if shape.rank is None else shape.as_list()


def variable_names(concrete):
    """The placeholders by which the function reads its variables, and the variables' names."""
    called = {id(variable.handle): variable.name for variable in concrete.graph.variables}
    return {inner.op.name: called[id(outer)].partition(":")[0]
            for outer, inner in concrete.graph.captures if id(outer) in called}


def legal(name):
    """The name as TensorFlow lets a node have it."""
    name = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else "x" + name


def unique(names):
    """The names, with numbers behind those that were there before."""
    given = []
    for name in names:
        candidate, number = name, 0
        while candidate in given:
            number += 1
            candidate = f"{name}_{number}"
        given.append(candidate)
    return given
