# SPDX-License-Identifier: Apache-2.0
"""What simple methods reach on the same unseen pictures as measure.py.

Each method is tried at several scales, and its best one for the class counts.
"""
import argparse

import numpy as np

import data
import textures
from scores import auroc

SIDE = 8  # of the squares the principal components are taken from
SCALES = (2, 4, 8)  # reach of the smoothing


def box(stack, reach):
    """Mean over a square around every pixel of a stack of pictures."""
    width = 2 * reach + 1
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (reach + 1, reach)
        total = np.cumsum(np.pad(stack, pad, mode="reflect"), axis=axis)
        high = np.take(total, range(width, total.shape[axis]), axis)
        low = np.take(total, range(total.shape[axis] - width), axis)
        stack = (high - low) / width
    return stack


def blur_difference(good, tests, scale):
    """How far the lightly smoothed picture is from the strongly smoothed."""
    return np.abs(box(tests, scale) - box(box(tests, 4 * scale), 4 * scale))


def local_statistics(good, tests, scale):
    """Mean and contrast of a neighbourhood, against good pictures'."""
    def both(stack):
        mean = box(stack, scale)
        square = box(stack * stack, scale)
        spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
        return mean - mean.mean((1, 2), keepdims=True), spread
    score = 0.0
    for seen, new in zip(both(good), both(tests)):
        score = score + ((new - seen.mean()) / seen.std()) ** 2
    return score


def squares(picture):
    """Every SIDE x SIDE square of a picture, its mean taken off."""
    view = np.lib.stride_tricks.sliding_window_view(picture, (SIDE, SIDE))
    flat = view.reshape(-1, SIDE * SIDE)
    return flat - flat.mean(1, keepdims=True)


def principal_components(good, tests, scale):
    """What the main components of good squares leave unexplained."""
    sampled = np.concatenate([squares(picture)[::37] for picture in good])
    _, vectors = np.linalg.eigh(sampled.T @ sampled)
    basis = vectors[:, -4 * scale:]
    side = tests.shape[1] - SIDE + 1
    pad = (SIDE // 2, SIDE - 1 - SIDE // 2)
    maps = []
    for picture in tests:
        flat = squares(picture)
        rest = (flat * flat).sum(1) - ((flat @ basis) ** 2).sum(1)
        maps.append(np.pad(rest.reshape(side, side), (pad, pad), mode="edge"))
    return box(np.stack(maps), 3)


METHODS = {
    "blur difference": blur_difference,
    "local mean and contrast": local_statistics,
    "principal components of 8x8 squares": principal_components,
}


def compare(each):
    """Pixel AUROC by method and class."""
    table = {name: [] for name in METHODS}
    for cls in range(len(textures.CLASSES)):
        good, _ = data.pictures(data.share(cls, data.TRAIN, 20, 0))
        tests, masks = data.pictures(data.share(cls, data.TEST, each, each))
        good, tests = good.astype(np.float64), tests.astype(np.float64)
        for name, method in METHODS.items():
            table[name].append(max(auroc(method(good, tests, scale), masks)
                                   for scale in SCALES))
    return table


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--each", type=int, default=data.MEASURED,
                      help="unseen pictures of each of the five kinds")
    table = compare(args.parse_args().each)
    print("| method | " + " | ".join(textures.CLASSES) + " | mean |")
    print("|---|" + "--:|" * (len(textures.CLASSES) + 1))
    for name, row in table.items():
        cells = " | ".join(f"{v:.3f}" for v in row + [float(np.mean(row))])
        print(f"| {name} | {cells} |")


if __name__ == "__main__":
    main()
