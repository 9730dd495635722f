# SPDX-License-Identifier: Apache-2.0
"""Keras models: .keras archives, and .h5 files of Keras 3 and 2."""

import json
import re
import zipfile

import h5py
import keras
import tensorflow as tf

import functions
from problem import MODEL, Problem, first_sentence, listed
from source import check_names, choose_shapes

CONTAINERS = {"Functional", "Model", "Sequential"}
AS_SAVED_MODEL = "; model.export(), where it was made, writes a SavedModel, which needs none of its code"


def load(path, options):
    where = str(path)
    config = read_config(path, where)
    check_classes(config, where, options.run_code)
    model = functional(load_model(path, where, options.run_code), where)
    outputs = dict(zip(functions.unique(model.output_names), model.outputs))
    if options.outputs:
        outputs = chosen_outputs(model, outputs, options.outputs, where)
        model = keras.Model(model.inputs, list(outputs.values()), name=model.name)
    names = functions.unique(tensor.name for tensor in model.inputs)
    own = [(name, list(tensor.shape)) for name, tensor in zip(names, model.inputs)]
    shapes = choose_shapes(own, options.shape, where)
    specs = [tf.TensorSpec(shape, tensor.dtype) for shape, tensor in zip(shapes, model.inputs)]
    return functions.freeze(
        where, f"Keras model '{model.name}', {model.count_params():,} parameters", lambda *x: call(model, x), specs,
        names, list(outputs), lambda feeds: [keras.ops.convert_to_numpy(y) for y in call(model, feeds)])


def call(model, inputs):
    results = model([tf.convert_to_tensor(x) for x in inputs], training=False)
    return results if isinstance(results, (list, tuple)) else [results]


def read_config(path, where):
    """The network's description."""
    try:
        if path.is_dir():
            return json.loads((path / "config.json").read_text(encoding="utf-8"))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            if text is None:
                raise Problem(f"{where}: {without_network(file)}", MODEL)
            return json.loads(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Problem(f"{where}: a damaged Keras file: {first_sentence(error)}", MODEL) from None


def without_network(file):
    weights = "layer_names" in file.attrs or {"layers", "_layer_checkpoint_dependencies", "vars"} & set(file.keys())
    if weights:
        return ("the weights of a Keras model without the network: save the whole model, as "
                "model.save('model.keras') does")
    return "an HDF5 file, but not one of Keras"


def check_classes(config, where, run_code):
    """Names all classes that Keras does not have; loading would stop at the first."""
    found = list(dict.fromkeys(layer_classes(config)))
    if "Lambda" in found and not run_code:
        raise Problem(f"{where}: has Lambda layers, whose Python code lies in the file; --run-code runs it, for a "
                      "file that you trust", MODEL)
    unknown = [name for name in found if name not in CONTAINERS and not hasattr(keras.layers, name)]
    if config.get("class_name") in unknown:
        raise Problem(f"{where}: the model is of a class of its own, '{config['class_name']}', which is not in the "
                      f"file{AS_SAVED_MODEL}", MODEL)
    if unknown:
        raise Problem(f"{where}: Keras {keras.__version__} does not have the layers {listed(unknown)}"
                      f"{AS_SAVED_MODEL}", MODEL)


def layer_classes(config):
    """The class of the model or layer, and those within it."""
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        return
    yield config["class_name"]
    inner = config.get("config")
    # Early Keras 2 wrote a Sequential model as a list of layers.
    layers = inner.get("layers", []) if isinstance(inner, dict) else inner if isinstance(inner, list) else []
    if isinstance(inner, dict):
        layers = [*layers, *(inner.get(key) for key in ("layer", "backward_layer", "cell"))]
    for layer in layers:
        yield from layer_classes(layer)


def load_model(path, where, run_code):
    try:
        return keras.saving.load_model(path, custom_objects=of_keras2(path), compile=False, safe_mode=not run_code)
    except Exception as error:  # Keras raises nearly everything, for files that it cannot make a model of
        raise Problem(f"{where}: Keras {keras.__version__} cannot load it: {cause(error)}", MODEL) from error


def of_keras2(path):
    """Layers whose configurations in files of Keras 2 have what Keras 3 does not take: `groups`, always 1, and for
    separable convolutions how a kernel that they do not have is made."""
    if path.is_dir() or not h5py.is_hdf5(path):
        return None
    transposed = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D"]
    separable = ["SeparableConv1D", "SeparableConv2D"]
    idle = ["kernel_initializer", "kernel_regularizer", "kernel_constraint"]
    return {name: tolerant(getattr(keras.layers, name), idle if name in separable else [])
            for name in transposed + separable}


def tolerant(layer, idle):
    def from_config(cls, config):
        return layer.from_config({key: value for key, value in config.items()
                                  if (key, value) != ("groups", 1) and key not in idle})

    return type(layer.__name__, (layer,), {"from_config": classmethod(from_config)})


def cause(error):
    """What Keras says behind a layer's whole configuration."""
    layer = re.match(r"Error when deserializing class '(\w+)'", str(error))
    why = re.search(r"Exception encountered: (.*)", str(error))
    return f"layer {layer[1]}: {first_sentence(why[1])}" if layer and why else first_sentence(error)


def functional(model, where):
    """The model with its inputs and outputs as lists."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise Problem(f"{where}: the model does not tell its inputs, since it was never built for any"
                      f"{AS_SAVED_MODEL}", MODEL)
    return keras.Model(inputs, outputs, name=model.name)


def chosen_outputs(model, outputs, wanted, where):
    """Outputs by name, or the last outputs of layers."""
    layers = {layer.name: layer for layer in model.layers}
    check_names(wanted, [*outputs, *(name for name in layers if name not in outputs)], "output or layer", where)
    chosen = {}
    for name in wanted:
        result = outputs[name] if name in outputs else layers[name].output
        if isinstance(result, (list, tuple)):
            raise Problem(f"{where}: layer '{name}' has several outputs", MODEL)
        chosen[name] = result
    return chosen
