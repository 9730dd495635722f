# SPDX-License-Identifier: Apache-2.0
"""Statistics of samples. Needs nothing but Python: tests import it."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Summary:
    count: int
    minimum: float
    lower: float  # quartile
    median: float
    upper: float  # quartile


def summarize(values):
    if not values:
        return None
    return Summary(len(values), min(values), quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75))


def median(values):
    return quantile(values, 0.5)


def quantile(values, part):
    """Between the two nearest values, as numpy's default does it."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(values, confidence=0.95):
    """An interval that covers the median with at least that probability, whatever the distribution: order statistics.
    None where there are too few values for any."""
    ordered, count = sorted(values), len(values)
    below = 0.0  # the probability that fewer than `rank` + 1 values lie under the median
    rank = -1
    while rank + 1 < count // 2:
        following = below + math.comb(count, rank + 1) / 2**count
        if 2 * following > 1 - confidence:
            break
        below, rank = following, rank + 1
    return (ordered[rank], ordered[count - 1 - rank]) if rank >= 0 else None
