# SPDX-License-Identifier: Apache-2.0
"""SavedModel folders."""

import tensorflow as tf
from google.protobuf import message
from tensorflow.python.saved_model import loader_impl

import functions
from problem import MODEL, USAGE, Problem, first_sentence, listed
from source import check_names, choose_shapes

INTERNAL = "__saved_model_"  # how the names of signatures begin that are none of the model's


def load(path, options):
    where = str(path)
    signatures, tags = read_signatures(path, where)
    key = choose_signature(signatures, options.signature, where)
    check_signature(signatures[key], key, where)
    loaded = load_variables(path, tags, where)
    signature = loaded.signatures[key]
    inputs = signature.structured_input_signature[1]
    outputs = sorted(signature.structured_outputs)
    if options.outputs:
        check_names(options.outputs, outputs, "output", f"{where}: signature '{key}'")
        outputs = options.outputs
    names = sorted(inputs)
    shapes = choose_shapes([(name, functions.sizes(inputs[name].shape)) for name in names], options.shape, where)
    specs = [tf.TensorSpec(shape, inputs[name].dtype) for name, shape in zip(names, shapes)]

    def call(*tensors):
        # By `loaded`, which the variables live as long as.
        results = loaded.signatures[key](**dict(zip(names, (tf.convert_to_tensor(tensor) for tensor in tensors))))
        return [results[name] for name in outputs]

    return functions.freeze(where, f"SavedModel, signature '{key}'", call, specs, names, outputs,
                            lambda feeds: [result.numpy() for result in call(*feeds)])


def read_signatures(path, where):
    """The signatures, by name, and the tags of their graph, without loading anything else."""
    try:
        meta_graphs = loader_impl.parse_saved_model(str(path)).meta_graphs
    except (OSError, message.DecodeError, tf.errors.OpError) as error:
        raise Problem(f"{where}: its saved_model.pb cannot be read: {first_sentence(error)}", MODEL) from None
    serving = [graph for graph in meta_graphs if "serve" in graph.meta_info_def.tags]
    if not serving and len(meta_graphs) != 1:
        tags = [",".join(graph.meta_info_def.tags) for graph in meta_graphs]
        raise Problem(f"{where}: none of its graphs is tagged 'serve'; their tags are {listed(tags)}", MODEL)
    graph = (serving or meta_graphs)[0]
    signatures = {key: signature for key, signature in sorted(graph.signature_def.items())
                  if not key.startswith(INTERNAL)}
    return signatures, list(graph.meta_info_def.tags)


def choose_signature(signatures, wanted, where):
    if not signatures:
        raise Problem(f"{where}: has no signatures, so that nothing tells what to run: save it with some, as "
                      "Keras's model.export() or tf.saved_model.save(..., signatures=...) do", MODEL)
    if wanted:
        check_names([wanted], signatures, "signature", where)
        return wanted
    if "serving_default" in signatures:
        return "serving_default"
    if len(signatures) > 1:
        raise Problem(f"{where}: has several signatures, {listed(signatures)}; --signature names one", USAGE)
    return next(iter(signatures))


def check_signature(signature, key, where):
    """Signatures that take serialised examples, or are empty, have no place in a graph of numbers."""
    for name, info in signature.inputs.items():
        if info.dtype == tf.string.as_datatype_enum:
            raise Problem(f"{where}: signature '{key}' takes strings as its input '{name}'; haya runs on numbers",
                          MODEL)
    if not signature.inputs or not signature.outputs:
        raise Problem(f"{where}: signature '{key}' has no {'outputs' if signature.inputs else 'inputs'}", MODEL)


def load_variables(path, tags, where):
    try:
        return tf.saved_model.load(str(path), tags=tags)
    except tf.errors.NotFoundError as error:
        what = first_sentence(error)
        if "Op type not registered" in what:
            raise Problem(f"{where}: needs an operation that TensorFlow {tf.__version__} does not have: {what}",
                          MODEL) from error
        raise Problem(f"{where}: a part of its variables is missing: {what}", MODEL) from error
    except Exception as error:  # there are as many as there are kinds of objects in SavedModels
        raise Problem(f"{where}: TensorFlow {tf.__version__} cannot load it: {first_sentence(error)}",
                      MODEL) from error
