# SPDX-License-Identifier: Apache-2.0
"""A damaged model gives an error, or what the same bytes give in TensorFlow.

Bytes of small models are changed; what haya makes of each is compared with what TensorFlow does. Where both give a
result it must be the same. TensorFlow may refuse alone: it also checks what haya has no use for (placement, attributes
that begin with '_', UTF-8, nodes that no output depends on). It runs in a process of its own, since some damage makes
it abort. The last line is "N passed, N failed".

    test_flips.py --haya HAYA --make-unet MAKE_UNET [--changes N] [--seed N]
"""
import argparse
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

MODELS = {
    "nearest": ["--width", "2", "--levels", "2", "--size", "8x8"],
    "norm": ["--width", "2", "--levels", "2", "--size", "8x8", "--batch-norm", "--upsample", "transpose"],
    "open": ["--width", "2", "--levels", "2", "--size", "open", "--upsample", "bilinear"],
}


def serve_tensorflow(pipe):
    """Answers (bytes of a model, input) with the output, or with why there is none."""
    import tensorflow as tf
    v1 = tf.compat.v1
    tf.get_logger().setLevel("FATAL")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # stack traces of its aborts
    plain = v1.ConfigProto()  # as the graph stands: the rewrites are not what is asked for
    plain.graph_options.rewrite_options.disable_meta_optimizer = True
    while True:
        data, x = pipe.recv()
        try:
            graph_def = v1.GraphDef()
            graph_def.ParseFromString(data)
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(graph_def, name="")
                with v1.Session(graph=graph, config=plain) as session:
                    pipe.send(session.run("output/Sigmoid:0", {"input_1:0": x}))
        except Exception as error:  # whatever TensorFlow raises is a refusal
            pipe.send(f"{type(error).__name__}: {str(error)[:200]}")


class TensorFlow:
    """A process that runs models, started anew where a model made it abort."""

    def __init__(self):
        self.process = None

    def run(self, data, x):
        if self.process is None:
            self.pipe, theirs = multiprocessing.Pipe()
            self.process = multiprocessing.Process(target=serve_tensorflow, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
        try:
            self.pipe.send((data, x))
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            self.process = None
            return "it aborted"


def run_haya(haya, folder, data):
    """The output, or why there is none; anything but a documented status is a failure of its own."""
    model, out = folder / "model.pb", folder / "y.npy"
    model.write_bytes(data)
    out.unlink(missing_ok=True)
    process = subprocess.run([haya, "run", str(model), "-i", f"input_1={folder / 'x.npy'}", "-o",
                              f"output/Sigmoid={out}"], capture_output=True, text=True, timeout=600, errors="replace")
    if process.returncode == 0:
        return np.load(out)
    if process.returncode not in (2, 3, 4, 6) or not process.stderr.startswith("haya: ") or out.exists():
        raise AssertionError(f"status {process.returncode}: {process.stderr[:300]}")
    return process.stderr


def damage(random, data):
    """One to three bytes changed, mostly in the structure; sometimes the tail cut off."""
    changed = bytearray(data)
    if random.random() < 0.05:
        return bytes(changed[:random.integers(1, len(changed))])
    for _ in range(random.integers(1, 4)):
        at = random.integers(0, len(changed))
        kind = random.random()
        changed[at] = changed[at] ^ (1 << random.integers(0, 8)) if kind < 0.7 else random.integers(0, 256)
    return bytes(changed)


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


def judge(ours, theirs):
    """None, or what is wrong."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return None  # a refusal by either; how often TensorFlow refuses alone is told at the end
    if not same(ours, theirs):
        return f"another result than TensorFlow's: {ours.ravel()[:3]} and {theirs.ravel()[:3]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--haya", required=True)
    parser.add_argument("--make-unet", required=True)
    parser.add_argument("--changes", type=int, default=300, help="of each model (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random, tensorflow = np.random.default_rng(arguments.seed), TensorFlow()
    passed, failed, outcomes = 0, 0, {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        x = random.standard_normal((1, 8, 8, 1)).astype(np.float32)
        np.save(folder / "x.npy", x)
        for model, options in MODELS.items():
            subprocess.run([arguments.make_unet, *options, str(folder / "good.pb")], check=True, capture_output=True)
            good = (folder / "good.pb").read_bytes()
            assert same(run_haya(arguments.haya, folder, good), tensorflow.run(good, x)), "the undamaged model"
            for i in range(arguments.changes):
                data = damage(random, good)
                try:
                    ours, theirs = run_haya(arguments.haya, folder, data), tensorflow.run(data, x)
                    wrong = judge(ours, theirs)
                except (AssertionError, subprocess.TimeoutExpired) as error:
                    ours, theirs, wrong = "", "", str(error)
                outcome = (isinstance(ours, str), isinstance(theirs, str))
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                if wrong:
                    print(f"FAILED {model}, change {i} of seed {arguments.seed}: {wrong}")
                failed += bool(wrong)
                passed += not wrong
    print("both gave results: {}, both refused: {}, haya alone refused: {}, TensorFlow alone refused: {}".format(
        *(outcomes.get(key, 0) for key in ((False, False), (True, True), (True, False), (False, True)))))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
