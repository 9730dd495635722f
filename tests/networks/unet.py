# SPDX-License-Identifier: Apache-2.0
"""U-Nets and auto-encoders, over the layers of either layer module."""

import frozen  # first: it sets TensorFlow's environment
import keras
import keras_layers
import tensorflow as tf


def conv_pair(kit, x, filters, norm):
    """Two convolutions; norm: False, True, or "biased": both have a bias,
    and the second one's batch norm is behind the activation."""
    if norm != "biased":
        return kit.conv_pair(x, filters, norm=norm)
    x = kit.conv(x, filters, 3, norm=True, bias=True)
    return kit.batch_norm(kit.conv(x, filters, 3))


def unet_layers(kit, x, width, levels=5, upsampling="nearest", up_size=2,
                norm=False, dropout=False):
    """A U-Net; `width` channels at the top level, doubling downwards.

    norm: batch norms, as of conv_pair.
    upsampling: "nearest", "bilinear" (then a convolution of `up_size`), or
    "transposed" (a transposed convolution of `up_size`, stride 2).
    """
    skips = []
    for level in range(levels):
        x = conv_pair(kit, x, width << level, norm)
        if dropout and level >= levels - 2:
            x = kit.dropout(x, 0.5)
        if level < levels - 1:
            skips.append(x)
            x = kit.max_pool(x)
    for level in reversed(range(levels - 1)):
        filters = width << level
        if upsampling == "transposed":
            x = kit.transposed(x, filters, up_size)
        else:
            x = kit.upsample(x, upsampling)
            x = kit.conv(x, filters, up_size)
        x = kit.concat([skips[level], x])
        x = conv_pair(kit, x, filters, norm)
    return kit.conv(x, 1, 1, activation="sigmoid")


def autoencoder_layers(kit, x, size, width=8, code=16, transposed=True):
    """Strided convolutions, a dense middle, and back to the image."""
    x = kit.conv(x, width, 3, stride=2)
    x = kit.conv(x, 2 * width, 3, stride=2)
    x = kit.flatten(x)
    x = kit.dense(x, code, activation="tanh")
    x = kit.dense(x, (size // 4) ** 2 * 2 * width)
    x = kit.reshape(x, (size // 4, size // 4, 2 * width))
    for filters in (width, 1):
        activation = "relu" if filters > 1 else "sigmoid"
        if transposed:
            x = kit.transposed(x, filters, 3, activation=activation)
        else:
            x = kit.conv(kit.upsample(x), filters, 3, activation=activation)
    return x


def build_tf1(name, layers_of, kit, images, images2, fixed_size=True,
              functions=False, count=6):
    """Builds, calibrates and freezes a v1 graph."""
    height, width, channels = images.shape[1:]
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(1)
        size = (height, width) if fixed_size else (None, None)
        output = layers_of(kit, kit.input(channels, *size))
        session.run(tf.compat.v1.global_variables_initializer())
        kit.calibrate(session, {"input_1:0": images})
        freeze = (frozen.freeze_keeping_functions if functions
                  else frozen.freeze_session)
        graph_def = freeze(session, [output.op.name])
    return frozen.make_network(name, graph_def, [output.name],
                               {"input_1": images}, {"input_1": images2},
                               count=count)


def build_keras(name, layers_of, kit, images, images2, seed, fixed_size=True,
                count=6):
    """Builds, calibrates and freezes a Keras model of the same layers."""
    height, width, channels = images.shape[1:]
    size = (height, width) if fixed_size else (None, None)
    x = kit.input(channels, *size)
    model = keras.Model(x, layers_of(kit, x))
    keras_layers.set_weights(model, seed)
    keras_layers.calibrate(model, images)
    graph_def, outputs = keras_layers.freeze_model(model, kit.keras2)
    return frozen.make_network(name, graph_def, outputs, {"input_1": images},
                               {"input_1": images2}, count=count)
