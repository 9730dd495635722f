# SPDX-License-Identifier: Apache-2.0
"""Runs whole networks by haya and compares the results with TensorFlow's."""

import argparse
import fnmatch
import pathlib
import subprocess
import sys
import tempfile
import time

import frozen  # first: it sets TensorFlow's environment
import networks
import numpy as np
import reference
import tensorflow as tf


class Failure(Exception):
    """A network's test failed."""


def main():
    arguments = parse_arguments()
    names = select(arguments)
    if arguments.list:
        print("\n".join(names))
        return 0
    failed = 0
    for name in names:
        start = time.monotonic()
        try:
            line = "ok    " + test(name, arguments)
        except (Failure, AssertionError, tf.errors.OpError) as failure:
            failed += 1
            line = f"FAIL  {name}: {failure}"
        print(f"{line} [{time.monotonic() - start:.1f} s]", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--haya", metavar="PATH", default="build/haya",
                        help="the command (%(default)s)")
    parser.add_argument("--only", metavar="NAME", action="append", default=[],
                        help="a network, or NAME* for several; repeatable")
    parser.add_argument("--small", action="store_true",
                        help="only the small, recorded networks")
    parser.add_argument("--list", action="store_true",
                        help="list the networks' names")
    parser.add_argument("--ops", action="store_true",
                        help="print the ops of each network")
    parser.add_argument("--threads", type=int, default=2,
                        help="threads of haya (%(default)s)")
    parser.add_argument("--time-limit", type=float, default=300,
                        help="seconds for each run of haya (%(default)s)")
    return parser.parse_args()


def select(arguments):
    names = networks.SMALL if arguments.small else list(networks.NETWORKS)
    if not arguments.only:
        return names
    selected = [name for name in names
                if any(fnmatch.fnmatchcase(name, pattern)
                       for pattern in arguments.only)]
    if not selected:
        sys.exit(f"no network is named {' or '.join(arguments.only)}")
    return selected


def test(name, arguments):
    """Tests one network; returns a line about it, or raises Failure."""
    network = networks.build(name)
    if arguments.ops:
        print(f"      {name}: {' '.join(network.ops())}")
    expected = reference.expect(network, network.feeds)
    expected2 = reference.expect(network, network.feeds2)
    reference.check_distinct(network, expected, expected2)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(pathlib.Path(folder), network, arguments)
        worst = [
            compare(runner.run(network.feeds, network.fetches), expected),
            # Without inner results, more ops can be fused.
            compare(runner.run(network.feeds, network.outputs), expected),
            compare(runner.run(network.feeds2, network.fetches), expected2)]
    share, error, fetch = max(worst)
    own_error = max(e.own_error for e in expected.values())
    return (f"{name}: error {error:.1e} at {fetch}, {100 * share:.0f} % of "
            f"the bound; TensorFlow's own error up to {own_error:.1e}")


def compare(results, expected):
    """Returns (error / bound, error, fetch) of the worst result."""
    worst = (-1.0, 0.0, "")
    for fetch, result in results.items():
        error = expected[fetch].error(result)
        worst = max(worst, (error / expected[fetch].bound, error, fetch))
    share, error, fetch = worst
    if not share <= 1:
        raise Failure(explain(fetch, results[fetch], expected[fetch], error))
    return worst


def explain(fetch, result, wanted, error):
    if result.shape != wanted.value.shape or result.dtype != np.float32:
        return (f"{fetch} is {result.dtype} {result.shape}, "
                f"not float32 {wanted.value.shape}")
    measure = "greatest" if wanted.absolute else "relative"
    return f"{fetch}: {measure} error {error:.1e}, bound {wanted.bound:.1e}"


class Runner:
    """Runs a network by haya in a folder of its own."""

    def __init__(self, folder, network, arguments):
        self.folder = folder
        self.arguments = arguments
        self.model = folder / "model.pb"
        self.model.write_bytes(network.graph.SerializeToString())

    def run(self, feeds, fetches):
        """Returns a dict of the fetched arrays."""
        command = [self.arguments.haya, "run", str(self.model)]
        for index, (name, value) in enumerate(feeds.items()):
            path = self.folder / f"in{index}.npy"
            np.save(path, value)
            command += ["-i", f"{name}={path}"]
        paths = {fetch: self.folder / f"out{index}.npy"
                 for index, fetch in enumerate(fetches)}
        for fetch, path in paths.items():
            path.unlink(missing_ok=True)
            command += ["-o", f"{fetch}={path}"]
        self._execute(command + ["--threads", str(self.arguments.threads)])
        return {fetch: load(path) for fetch, path in paths.items()}

    def _execute(self, command):
        try:
            done = subprocess.run(command, capture_output=True, text=True,
                                  errors="replace",
                                  timeout=self.arguments.time_limit)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(f"haya did not finish: {error}") from error
        if done.returncode != 0:
            message = done.stderr.strip()[-500:]
            raise Failure(f"haya exits with {done.returncode}: {message}")


def load(path):
    try:
        return np.load(path)
    except (OSError, ValueError) as error:
        raise Failure(f"no readable result: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
