# SPDX-License-Identifier: Apache-2.0
"""A loaded model, whatever it was loaded from: its graph, with constants for variables, and how to run it."""

import dataclasses
import typing

from problem import USAGE, Problem, listed


@dataclasses.dataclass
class Port:
    """An input or an output."""

    name: str                    # what it is to be called
    tensor: str                  # "node:k" in the source's graph
    dtype: typing.Any            # tf.DType
    shape: typing.Any            # a list with None for any size; None where even the rank is open

    def __str__(self):
        return f"{self.name}  {self.dtype.name}  {shown(self.shape)}"


@dataclasses.dataclass
class Source:
    what: str                    # "Keras model 'unet'"
    graph: typing.Any            # GraphDef without variables
    inputs: list                 # Ports, in the model's order
    outputs: list
    variables: dict              # names of nodes that were variables -> what the variables were called
    run: typing.Callable         # the original: arrays in the order of `inputs` -> arrays in that of `outputs`


def shown(shape):
    if shape is None:
        return "[unknown rank]"
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"


def choose_shapes(ports, asked, where):
    """The ports' shapes, those of --shape put in. `ports`: [(name, shape or None)]; returns the shapes."""
    shapes = dict(ports)
    unnamed = [name for name, _ in ports if name not in {name for name, _ in asked}]
    for name, wanted in asked:
        if name is None and not unnamed:
            raise Problem(f"{where}: there are more --shape than inputs, which are {listed(shapes)}", USAGE)
        name = name or unnamed.pop(0)
        if name not in shapes:
            raise Problem(f"{where}: has no input '{name}' to give a shape to; it has {listed(shapes)}", USAGE)
        own = shapes[name]
        if own is not None and (len(own) != len(wanted) or any(
                size is not None and size != new for size, new in zip(own, wanted))):
            raise Problem(f"{where}: input '{name}' is {shown(own)} and cannot become {shown(wanted)}", USAGE)
        shapes[name] = wanted
    for name, sizes in shapes.items():
        if sizes is None:
            raise Problem(f"{where}: the rank of input '{name}' is open; --shape '{name}=?,256,256,1' or the like "
                          "gives it one", USAGE)
    return [shapes[name] for name, _ in ports]


def check_names(wanted, known, what, where):
    """Raises for the first of the wanted names that is not known."""
    for name in wanted:
        if name not in known:
            raise Problem(f"{where}: has no {what} '{name}'; it has {listed(known)}", USAGE)
