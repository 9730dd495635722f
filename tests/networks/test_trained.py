# SPDX-License-Identifier: Apache-2.0
"""Runs the demo's trained models on its pictures and compares with float64.

With --record it writes maps/*.map instead, for the fast suite: float32 values
of the map in float64, little-endian, at rows and columns 0, 3, 6, ... of it.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import float64  # first, by way of frozen: it sets TensorFlow's environment
import frozen
import numpy as np
import tensorflow as tf

DEMO = pathlib.Path(__file__).parents[2] / "demo"
MAPS = pathlib.Path(__file__).parent / "maps"
INPUT, MAP = "input_1", "map/Sigmoid"

MODELS = {"class1": "fabric", "class2": "metal", "class3": "wood",
          "class4": "leather", "class5": "grid", "class6": "brick"}
RECORDED = ["class1-fabric-scratch-000", "class2-metal-scratch-000",
            "class3-wood-patch-000", "class4-leather-spot-000",
            "class5-grid-blend-000", "class6-brick-patch-000"]
RECORDED_STEP = 3  # no divisor of 4, the side of Winograd's tiles

BOUND = 1e-5          # greatest absolute error of a map
OWN_ERROR_FACTOR = 4  # RMS error over all of a model's maps / TensorFlow's
INPUT_BOUND = 2e-7  # the roundings of x * factor - 1


class Failure(Exception):
    """A model's test failed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--haya", metavar="PATH", default="build/cli/haya",
                        help="the command (%(default)s)")
    parser.add_argument("--record", action="store_true",
                        help="write maps/*.map")
    parser.add_argument("--only", metavar="MODEL", choices=MODELS,
                        help="test one model")
    arguments = parser.parse_args()
    if arguments.record:
        return record(arguments.haya)
    names = [arguments.only] if arguments.only else list(MODELS)
    failed = 0
    for name in names:
        start = time.monotonic()
        try:
            line = "ok    " + test(name, arguments.haya)
        except Failure as failure:
            failed += 1
            line = f"FAIL  {name}: {failure}"
        print(f"{line} [{time.monotonic() - start:.1f} s]", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


def test(name, haya):
    """Tests a model on its pictures; returns a line, or raises Failure."""
    model = Model(name)
    errors, own_errors, failures = [], [], []
    for picture in pictures(MODELS[name]):
        image, result = model.run(haya, picture)
        expected = model.expected(image)
        errors.append(np.abs(result - expected))
        own_errors.append(np.abs(model.own(image) - expected))
        if not errors[-1].max() <= BOUND:
            failures.append(f"{picture.relative_to(DEMO)}: greatest error "
                            f"{errors[-1].max():.1e}, bound {BOUND:.0e}")
    rms, own_rms = (np.sqrt(np.mean(np.square(e)))
                    for e in (errors, own_errors))
    if not rms <= OWN_ERROR_FACTOR * own_rms:
        failures.append(f"RMS error {rms:.1e}, TensorFlow's {own_rms:.1e}")
    if failures:
        raise Failure("; ".join(failures))
    return (f"{name}: {len(errors)} pictures, greatest error "
            f"{np.max(errors):.1e}, TensorFlow's {np.max(own_errors):.1e}; "
            f"RMS error {rms:.1e}, TensorFlow's {own_rms:.1e}")


def pictures(texture):
    found = sorted(DEMO.glob(f"pictures/{texture}/test/*/*.png"))
    assert found, f"no pictures of {texture}"
    return found


class Model:
    """One of the demo's models, for haya and for TensorFlow."""

    def __init__(self, name):
        self.path = DEMO / "models" / f"{name}.pb"
        self.graph = tf.compat.v1.GraphDef.FromString(self.path.read_bytes())

    def run(self, haya, picture):
        """haya's input of the picture and map of it."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder, name)
                     for name in ("input.npy", "map.npy")]
            command = [haya, "run", self.path, "-i", picture,
                       "--settings", "none", "--mean", "127.5",
                       "--std", "127.5", "-o", f"{INPUT}={paths[0]}",
                       "-o", f"{MAP}={paths[1]}"]
            done = subprocess.run(command, capture_output=True, text=True,
                                  timeout=300)
            if done.returncode != 0:
                raise Failure(f"haya exits with {done.returncode}: "
                              f"{done.stderr.strip()[-500:]}")
            image, result = (np.load(path) for path in paths)
        check_input(picture, image)
        return image, result

    def expected(self, image):
        """The map in float64."""
        feeds = {INPUT: image}
        return float64.run_float64(self.graph, feeds, [f"{MAP}:0"])[0]

    def own(self, image):
        """TensorFlow's map in float32."""
        return frozen.run_graph(self.graph, {INPUT: image}, [f"{MAP}:0"])[0]


def check_input(picture, image):
    """Rounding aside, the input is what demo/README.md says."""
    pixels = tf.io.decode_png(picture.read_bytes()).numpy()[None]
    difference = np.abs(image - (np.float64(pixels) - 127.5) / 127.5).max()
    if not difference <= INPUT_BOUND:
        raise Failure(f"{picture}: its input is wrong by {difference:.1e}")


def record(haya):
    MAPS.mkdir(exist_ok=True)
    for name in RECORDED:
        model, texture, defect, number = name.split("-")
        picture = DEMO / f"pictures/{texture}/test/{defect}/{number}.png"
        model = Model(model)
        image, result = model.run(haya, picture)
        every = slice(None, None, RECORDED_STEP)
        expected = model.expected(image)[:, every, every]
        expected.astype("<f4").tofile(MAPS / f"{name}.map")
        error = np.abs(result[:, every, every] - expected).max()
        print(f"{name}: highest {expected.max():.3f}, haya's error there "
              f"{error:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
