# SPDX-License-Identifier: Apache-2.0
"""The work of tools/freeze, in a Python that has TensorFlow."""

import contextlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import arguments

OPTIONS = arguments.parse()
if not OPTIONS.verbose:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # read when TensorFlow is imported
    warnings.simplefilter("ignore")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # plain kernels, the same on every processor; and a message less
os.environ["KERAS_BACKEND"] = "tensorflow"

import files
import kinds
from problem import FAILED, Problem, first_sentence

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def main():
    try:
        return freeze(OPTIONS)
    except Problem as problem:
        error, cause = problem, problem
    except KeyboardInterrupt:
        return 130
    except Exception as unforeseen:
        what = f"{type(unforeseen).__name__}: {first_sentence(unforeseen)}"
        error, cause = unforeseen, Problem(f"{OPTIONS.model}: {what}; --verbose tells more", FAILED)
    if OPTIONS.verbose:
        logging.getLogger("freeze").error("here:", exc_info=error)
    return cause.report()


def freeze(options):
    kind, path = kinds.recognise(options.model)
    output, settings_path = files.paths(options.model, options.output)
    check_options(kind, options)
    tensorflow = import_tensorflow(options.verbose)
    # After the environment is set, and not before it is known that they are needed: they take seconds.
    import check
    import graph
    import model_json
    source = load(kind, path, options)
    with about(options.model):
        frozen = graph.tidy(source)
    nodes = {node.name for node in frozen.node}
    print(f"{options.model}: {source.what}")
    for port in source.inputs:
        print(f"  input   {port}" + ("" if port.name in nodes else "  left out: no output depends on it"))
    for port in source.outputs:
        print(f"  output  {port}")
    with about(options.model):
        difference, part, sizes = check.compare(source, frozen)
    print(f"checked on a random input of {sizes} in TensorFlow {tensorflow.__version__}: " + (
        f"differs from the model by at most {difference:.2g}, {part:.2g} of the largest value" if difference else
        "gives what the model gives, to the bit"))
    content = serialised(frozen, options.model)
    document, notes = model_json.settings(source, frozen, output.stem)
    contents = {output: content}
    if settings_path.exists():
        notes = [f"{settings_path} is there already and stays as it is"]
    else:
        contents[settings_path] = files.json_bytes(document)
    for line in supported(content):
        print(line)
    files.write(contents)
    print(f"{output}: {len(content):,} bytes")
    if settings_path in contents:
        print(f"{settings_path}: settings")
    for note in notes:
        print(f"  {note}")
    return 0


@contextlib.contextmanager
def about(model):
    """Puts the model's name before the sentence of a Problem."""
    try:
        yield
    except Problem as problem:
        raise Problem(f"{model}: {problem}", problem.status) from problem


def check_options(kind, options):
    tensorflow1 = kind in (kinds.META_GRAPH, kinds.GRAPH, kinds.CHECKPOINT)
    for given, name, fits, of in (
            (options.inputs, "--inputs", tensorflow1, "TensorFlow 1 graphs"),
            (options.checkpoint, "--checkpoint", tensorflow1, "TensorFlow 1 graphs"),
            (options.signature, "--signature", kind == kinds.SAVED_MODEL, "SavedModels"),
            (options.run_code, "--run-code", kind == kinds.KERAS, "Keras files")):
        if given and not fits:
            raise Problem(f"{options.model}: {name} is for {of}, and this is none", 2)


def import_tensorflow(verbose):
    try:
        import tensorflow
        import keras
    except ImportError as error:
        raise Problem(f"{sys.executable}: has no {error.name}, which freezing needs") from error
    if int(keras.__version__.split(".")[0]) < 3:
        raise Problem(f"{sys.executable}: has Keras {keras.__version__}; freezing needs Keras 3")
    if not verbose:
        tensorflow.get_logger().setLevel(logging.FATAL)
        logging.getLogger("absl").setLevel(logging.FATAL)
    return tensorflow


def load(kind, path, options):
    if kind == kinds.KERAS:
        import keras_model
        return keras_model.load(path, options)
    if kind == kinds.SAVED_MODEL:
        import saved_model
        return saved_model.load(path, options)
    import tf1_graph
    return tf1_graph.load(kind, path, options)


def serialised(frozen, model):
    try:
        return frozen.SerializeToString(deterministic=True)
    except Exception as error:  # protobuf's limit
        raise Problem(f"{model}: the frozen graph cannot be written as one file, which may have 2 GB: "
                      f"{first_sentence(error)}") from error


def supported(content):
    """What haya says of the graph, if it has been built here."""
    haya = ROOT / "build/cli/haya"
    if not os.access(haya, os.X_OK):
        yield f"not tried with haya: {haya} is not there"
        return
    with tempfile.NamedTemporaryFile(suffix=".pb") as file:
        file.write(content)
        file.flush()
        done = subprocess.run([haya, "inspect", file.name, "--json"], capture_output=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {"error": {"message": done.stderr.decode(errors="replace").strip()}}
    unsupported = report.get("unsupported", [])
    for node in unsupported:
        yield f"haya lacks {node['op']}: node '{node['node']}': {node['why']}"
    if not unsupported:
        yield "haya: " + (report["error"]["message"].replace(file.name, "the graph") if "error" in report
                          else "has all operations")


if __name__ == "__main__":
    sys.exit(main())
