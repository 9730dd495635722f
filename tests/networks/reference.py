# SPDX-License-Identifier: Apache-2.0
"""What a network has to compute, and how exactly."""

import dataclasses

import numpy as np

import float64
import frozen

SIGMOID_BOUND = 1e-5   # greatest absolute error of a sigmoid output
RELATIVE_BOUND = 1e-5  # relative L2 error of any other tensor, or
OWN_ERROR_FACTOR = 8   # this many times TensorFlow's own error in float32
LEAST_DIFFERENCE = 1e-2  # of the results of two different inputs


@dataclasses.dataclass
class Expected:
    """One tensor's value, and the error that is allowed."""

    value: np.ndarray    # computed in float64
    float32: np.ndarray  # TensorFlow's result in float32
    absolute: bool       # the bound is on the greatest absolute error
    bound: float
    own_error: float     # TensorFlow's own relative error in float32

    def error(self, result):
        """The error of a result, by this tensor's measure."""
        if result.shape != self.value.shape or result.dtype != np.float32:
            return np.inf
        measure = greatest_difference if self.absolute else relative_error
        error = measure(result, self.value)
        return error if np.isfinite(error) else np.inf


def relative_error(result, wanted):
    """The L2 norm of the difference over that of what is wanted."""
    difference = np.linalg.norm(np.float64(result) - wanted)
    return difference / max(np.linalg.norm(wanted), 1e-30)


def greatest_difference(result, wanted):
    return np.max(np.abs(np.float64(result) - wanted))


def expect(network, feeds):
    """Computes all of the network's fetches: a dict of Expected."""
    single = frozen.run_graph(network.graph, feeds, network.fetches)
    double = float64.run_float64(network.graph, feeds, network.fetches)
    expected = {}
    for fetch, result, wanted in zip(network.fetches, single, double):
        assert result.dtype == np.float32 and wanted.dtype == np.float64
        own_error = relative_error(result, wanted)
        absolute = fetch in network.sigmoids
        bound = (SIGMOID_BOUND if absolute else
                 max(RELATIVE_BOUND, OWN_ERROR_FACTOR * own_error))
        expected[fetch] = Expected(wanted, result, absolute, bound, own_error)
    return expected


def check_distinct(network, expected, expected2):
    """Asserts that the two inputs give clearly different results."""
    for fetch in network.fetches:
        first, second = _common_part(expected[fetch].float32,
                                     expected2[fetch].float32)
        measure = (greatest_difference if fetch in network.sigmoids
                   else relative_error)
        difference = measure(second, first)
        assert difference > LEAST_DIFFERENCE, \
            f"{fetch} hardly depends on the input: {difference}"


def _common_part(first, second):
    """Crops two arrays to the shape they have in common."""
    shape = np.minimum(first.shape, second.shape)
    common = tuple(slice(size) for size in shape)
    return first[common], second[common]
