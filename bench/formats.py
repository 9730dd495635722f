# SPDX-License-Identifier: Apache-2.0
"""Writes a network with given parameters in each format that a peer reads.

Parameters are a dict: layer name -> (kernel, bias), laid out as in TensorFlow. The frozen graph is the original; the
other files have the same numbers. ONNX and ncnn files compute on NCHW images, as those of their users do.
"""

import contextlib
import os
import pathlib
import subprocess
import sys

import numpy as np


def random_parameters(network, seed):
    """For networks that make_unet doesn't write."""
    random = np.random.default_rng(seed)
    parameters = {}
    for layer in network.layers:
        if layer.has_parameters:
            shape = layer.kernel_shape
            fan_in = np.prod(shape) / layer.shape[-1]
            if layer.kind == "transpose":  # with stride 2, an output sees a quarter of the kernel
                fan_in /= 4
            kernel = random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan_in))
            bias = random.standard_normal(layer.shape[-1], np.float32) * np.float32(0.05)
            parameters[layer.name] = (kernel, bias)
    return parameters


def read_parameters(network, path):
    """Those of a frozen graph of make_unet, whose constants are in the order of the layers: kernel, bias."""
    from tensorflow.core.framework import graph_pb2
    from tensorflow.python.framework import tensor_util

    graph = graph_pb2.GraphDef()
    graph.ParseFromString(pathlib.Path(path).read_bytes())
    constants = iter([tensor_util.MakeNdarray(node.attr["value"].tensor) for node in graph.node
                      if node.op == "Const" and node.name.endswith(("/kernel", "/bias"))])
    parameters = {}
    for layer in network.layers:
        if layer.has_parameters:
            kernel, bias = next(constants), next(constants)
            if kernel.shape != layer.kernel_shape:
                raise ValueError(f"{path}: {layer.name} has a kernel of {kernel.shape}, not {layer.kernel_shape}")
            parameters[layer.name] = (kernel, bias)
    return parameters


def write_whole(path, data):
    """All of the file, or nothing of that name."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.rename(path)


# ---- TensorFlow's frozen graph --------------------------------------------------------------------------------------


def write_graphdef(network, parameters, path):
    """As TensorFlow 1 and Keras 2 freeze it: NHWC, the batch left open."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        values = {}
        for layer in network.layers:
            with tf.name_scope(layer.name):
                values[layer.name] = _tensorflow_layer(tf, layer, [values[i.name] for i in layer.inputs],
                                                       parameters.get(layer.name))
        tf.identity(values[network.output.name], name="output")
        write_whole(path, graph.as_graph_def().SerializeToString())


def _tensorflow_layer(tf, layer, inputs, parameters):
    if layer.kind == "input":
        return tf.compat.v1.placeholder(tf.float32, [None, *layer.shape], name="input")
    x = inputs[0]
    if layer.has_parameters:
        kernel, bias = tf.constant(parameters[0], name="kernel"), tf.constant(parameters[1], name="bias")
    if layer.kind == "conv":
        y = tf.nn.bias_add(tf.nn.conv2d(x, kernel, layer.stride, "SAME"), bias)
    elif layer.kind == "transpose":
        y = tf.nn.conv2d_transpose(x, kernel, tf.stack([tf.shape(x)[0], *layer.shape]), layer.stride, "SAME")
        y = tf.nn.bias_add(y, bias)
    elif layer.kind == "dense":
        y = tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, kernel.shape[0]]), kernel), bias)
    elif layer.kind == "pool":
        y = tf.nn.max_pool2d(x, 2, 2, "SAME")
    elif layer.kind == "upsample":
        y = tf.compat.v1.image.resize_nearest_neighbor(x, layer.shape[:2], half_pixel_centers=True)
    elif layer.kind == "concat":
        y = tf.concat(inputs, -1)
    else:
        y = tf.reshape(x, [-1, *layer.shape])
    return {"relu": tf.nn.relu, "sigmoid": tf.sigmoid, "": lambda value: value}[layer.activation](y)


def tensorflow_result(path, inputs):
    """What TensorFlow itself computes with a frozen graph."""
    import tensorflow as tf

    return _import_graph(tf, path)(tf.constant(inputs))[0].numpy()


def _import_graph(tf, path):
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(pathlib.Path(path).read_bytes())
    read = {name for node in graph.node for name in node.input}
    given = next(node.name for node in graph.node if node.op == "Placeholder")
    last = next(node.name for node in graph.node if node.name not in read)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    return wrapped.prune([f"{given}:0"], [f"{last}:0"])


def write_tflite(network, graphdef, path):
    """By TensorFlow's own converter, for the one input shape."""
    import tensorflow as tf

    function = _import_graph(tf, graphdef)
    fixed = tf.function(lambda x: function(x)[0]).get_concrete_function(tf.TensorSpec(network.input_shape, tf.float32))
    with _quiet():
        model = tf.lite.TFLiteConverter.from_concrete_functions([fixed]).convert()
    write_whole(path, model)


@contextlib.contextmanager
def _quiet():
    """Without what a converter writes on standard error from C++."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


# ---- NCHW -----------------------------------------------------------------------------------------------------------


def to_nchw(image):
    """A batch of images, or of vectors, which stay as they are."""
    return np.ascontiguousarray(image.transpose(0, 3, 1, 2) if image.ndim == 4 else image)


def to_nhwc(image):
    return np.ascontiguousarray(image.transpose(0, 2, 3, 1) if image.ndim == 4 else image)


def nchw_parameters(network, parameters):
    """Kernels as outputs x inputs x height x width, dense ones as outputs x inputs, for vectors that are images in
    channel order."""
    readers = {source.name: layer for layer in network.layers for source in layer.inputs}
    result = {}
    for layer in network.layers:
        if not layer.has_parameters:
            continue
        kernel, bias = parameters[layer.name]
        if layer.kind == "conv":
            kernel = kernel.transpose(3, 2, 0, 1)
        elif layer.kind == "transpose":
            kernel = kernel.transpose(2, 3, 0, 1)
        else:
            before, after = layer.inputs[0].shape, readers[layer.name].shape if layer.name in readers else ()
            outputs = layer.shape[0]
            if len(before) == 3:
                kernel = kernel.reshape(*before, outputs).transpose(2, 0, 1, 3).reshape(-1, outputs)
            if len(after) == 3:
                kernel = kernel.reshape(-1, *after).transpose(0, 3, 1, 2).reshape(-1, outputs)
                bias = bias.reshape(after).transpose(2, 0, 1).reshape(-1)
            kernel = kernel.T
        result[layer.name] = (np.ascontiguousarray(kernel), np.ascontiguousarray(bias))
    return result


def paddings(layer):
    """Begin and end padding of TensorFlow's SAME, one dimension; the same for both."""
    size = layer.inputs[0].shape[0] if layer.kind == "conv" else layer.shape[0]
    total = max((-(-size // layer.stride) - 1) * layer.stride + layer.size - size, 0)
    return total // 2, total - total // 2


# ---- ONNX -----------------------------------------------------------------------------------------------------------


def write_onnx(network, parameters, path):
    import onnx

    nodes, initializers = [], []
    parameters = nchw_parameters(network, parameters)

    def constant(name, value):
        initializers.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    for layer in network.layers:
        if layer.kind == "input":
            continue
        inputs = [source.name for source in layer.inputs]
        if layer.has_parameters:
            kernel, bias = parameters[layer.name]
            if layer.kind == "transpose":
                kernel = np.ascontiguousarray(kernel.swapaxes(0, 1))
            if layer.kind == "dense" and len(layer.inputs[0].shape) == 3:
                nodes.append(onnx.helper.make_node("Flatten", inputs, [f"{layer.name}/flat"]))
                inputs = [f"{layer.name}/flat"]
            inputs += [constant(f"{layer.name}/kernel", kernel), constant(f"{layer.name}/bias", bias)]
        output = f"{layer.name}/sum" if layer.activation else layer.name
        op, attributes, extra = _onnx_operation(network, layer, constant)
        nodes.append(onnx.helper.make_node(op, inputs + extra, [output], **attributes))
        if layer.activation:
            nodes.append(onnx.helper.make_node(layer.activation.capitalize(), [output], [layer.name]))

    def value(layer):
        shape = [network.batch, layer.shape[-1], *layer.shape[:-1]]
        return onnx.helper.make_tensor_value_info(layer.name, onnx.TensorProto.FLOAT, shape)

    graph = onnx.helper.make_graph(nodes, network.name, [value(network.input)], [value(network.output)], initializers)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, model.SerializeToString())


def _onnx_operation(network, layer, constant):
    """The operation, its attributes, and its inputs behind the images and parameters."""
    if layer.kind in ("conv", "transpose"):
        begin, end = paddings(layer)
        attributes = {"kernel_shape": [layer.size] * 2, "strides": [layer.stride] * 2,
                      "pads": [begin, begin, end, end]}
        return "Conv" if layer.kind == "conv" else "ConvTranspose", attributes, []
    if layer.kind == "dense":
        return "Gemm", {"transB": 1}, []
    if layer.kind == "pool":
        return "MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, []
    if layer.kind == "upsample":
        scales = constant(f"{layer.name}/scales", np.array([1, 1, 2, 2], np.float32))
        return ("Resize", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
                ["", scales])
    if layer.kind == "concat":
        return "Concat", {"axis": 1}, []
    height, width, channels = layer.shape
    return "Reshape", {}, [constant(f"{layer.name}/shape", np.array([network.batch, channels, height, width]))]


def write_mnn(onnx_path, path):
    """By MNN's own converter."""
    part = path.with_name(path.name + ".part")
    command = [sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX", "--modelFile", str(onnx_path), "--MNNModel",
               str(part), "--bizCode", "bench"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          check=False)
    if done.returncode != 0 or not part.exists():
        part.unlink(missing_ok=True)
        raise RuntimeError(f"{path.name}: mnnconvert: {done.stdout.decode(errors='replace').strip()[-400:]}")
    part.rename(path)


# ---- ncnn -----------------------------------------------------------------------------------------------------------

NCNN_ACTIVATIONS = {"": 0, "relu": 1, "sigmoid": 4}


def write_ncnn(network, parameters, path):
    """`path`, and the parameters beside it as .bin: for each layer a flag word 0 (float32), the kernel, the bias."""
    parameters = nchw_parameters(network, parameters)
    lines, parts, blobs = [], [], 0
    reads = {}  # layer -> names of its output that have not been read yet
    for layer in network.layers:
        sources = [reads[source.name].pop(0) for source in layer.inputs]
        kind, attributes = _ncnn_operation(layer)
        if layer.has_parameters:
            kernel, bias = parameters[layer.name]
            attributes |= {"5": 1, "6": kernel.size, "9": NCNN_ACTIVATIONS[layer.activation]}
            if layer.kind == "dense":  # numbered otherwise
                attributes |= {"1": 1, "2": kernel.size}
                del attributes["5"], attributes["6"]
            parts += [b"\0\0\0\0", kernel.tobytes(), bias.tobytes()]
        lines.append(_ncnn_line(kind, layer.name, sources, [layer.name], attributes))
        readers = sum(source is layer for other in network.layers for source in other.inputs)
        names = [layer.name]
        if readers > 1:
            names = [f"{layer.name}_{i}" for i in range(readers)]
            lines.append(_ncnn_line("Split", f"{layer.name}_split", [layer.name], names, {}))
        reads[layer.name] = names
        blobs += 1 + (readers if readers > 1 else 0)
    write_whole(path.with_suffix(".bin"), b"".join(parts))
    write_whole(path, "\n".join(["7767517", f"{len(lines)} {blobs}", *lines, ""]).encode())


def _ncnn_line(kind, name, inputs, outputs, attributes):
    words = [kind, name, len(inputs), len(outputs), *inputs, *outputs]
    return " ".join(map(str, words + [f"{key}={value}" for key, value in attributes.items()]))


def _ncnn_operation(layer):
    if layer.kind in ("conv", "transpose"):
        begin, end = paddings(layer)
        return ("Convolution" if layer.kind == "conv" else "Deconvolution",
                {"0": layer.shape[2], "1": layer.size, "3": layer.stride, "4": begin, "14": begin, "15": end,
                 "16": end})
    height, width, channels = layer.shape if len(layer.shape) == 3 else (1, 1, layer.shape[0])
    return {
        "input": ("Input", {"0": width, "1": height, "2": channels}),
        "dense": ("InnerProduct", {"0": channels}),
        "pool": ("Pooling", {"0": 0, "1": 2, "2": 2}),
        "upsample": ("Interp", {"0": 1, "1": 2.0, "2": 2.0}),
        "concat": ("Concat", {"0": 0}),
        "reshape": ("Reshape", {"0": width, "1": height, "2": channels}),
    }[layer.kind]
