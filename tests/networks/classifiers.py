# SPDX-License-Identifier: Apache-2.0
"""Image classifiers: small ones by hand, large ones as Keras has them."""

import frozen  # first: it sets TensorFlow's environment
import keras
import keras_layers


def resnet_layers(kit, x, width=8, blocks=2, classes=10):
    """The residual network for small images: three stages of blocks."""
    x = kit.conv(x, width, 3, norm=True)
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _residual_block(kit, x, width << stage, stride)
    return kit.dense(kit.global_pool(x), classes, activation="softmax")


def _residual_block(kit, x, filters, stride):
    y = kit.conv(x, filters, 3, norm=True, stride=stride)
    y = kit.conv(y, filters, 3, norm=True, activation=None)
    if stride > 1:
        x = kit.conv(x, filters, 1, norm=True, activation=None, stride=stride)
    return kit.activation(kit.add(x, y), "relu")


def mobilenet_v1_layers(kit, x, width=8, classes=10):
    """Depthwise and pointwise convolutions in turn."""
    x = kit.conv(x, width, 3, activation="relu6", norm=True, stride=2)
    for filters, stride in [(2, 1), (4, 2), (4, 1), (8, 2)]:
        x = kit.depthwise(x, 3, norm=True, stride=stride)
        x = kit.conv(x, filters * width, 1, activation="relu6", norm=True)
    return kit.dense(kit.global_pool(x), classes, activation="softmax")


def inverted_residual_layers(kit, x, width=8, classes=10, activation="relu6",
                             squeeze=None, kernel=3):
    """Expanding blocks, as in MobileNet V2 and V3 and EfficientNet.

    activation: "relu6", "hard_swish" or "swish".
    squeeze: the gate of the squeeze-and-excitation, if there is one.
    """
    x = _conv_act(kit, x, width, 3, activation, stride=2)
    for filters, stride in [(width, 1), (2 * width, 2), (2 * width, 1)]:
        y = _conv_act(kit, x, 4 * x.shape[-1], 1, activation)
        y = kit.depthwise(y, kernel, None, norm=True, stride=stride)
        y = _act(kit, y, activation)
        if squeeze:
            y = _squeeze_excite(kit, y, squeeze)
        y = kit.conv(y, filters, 1, None, norm=True)
        x = kit.add(x, y) if y.shape == x.shape else y
    x = _conv_act(kit, x, 4 * width, 1, activation)
    return kit.dense(kit.global_pool(x), classes, activation="softmax")


def _conv_act(kit, x, filters, size, activation, stride=1):
    x = kit.conv(x, filters, size, None, norm=True, stride=stride)
    return _act(kit, x, activation)


def _act(kit, x, activation):
    """Hard swish is written out, as MobileNet V3's programs write it."""
    if activation == "hard_swish":
        gate = keras.layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
        return kit.multiply(x, gate)
    return kit.activation(x, activation)


def _squeeze_excite(kit, x, gate):
    channels = x.shape[-1]
    y = kit.global_pool(x, keepdims=True)
    y = kit.conv(y, channels // 4, 1, "relu")
    y = kit.conv(y, channels, 1, gate)
    return kit.multiply(x, y)


def densenet_layers(kit, x, growth=8, blocks=(3, 3), classes=10):
    """Densely connected blocks with halving transitions between them."""
    x = kit.conv(x, 2 * growth, 3, norm=True)
    for index, count in enumerate(blocks):
        if index > 0:
            x = kit.batch_norm(x, "relu")
            x = kit.conv(x, x.shape[-1] // 2, 1, None, bias=False)
            x = kit.average_pool(x, 2, 2)
        for _ in range(count):
            y = kit.batch_norm(x, "relu")
            y = kit.conv(y, 2 * growth, 1, None, norm=True)
            y = kit.conv(kit.activation(y, "relu"), growth, 3, None,
                         bias=False)
            x = kit.concat([x, y])
    x = kit.batch_norm(x, "relu")
    return kit.dense(kit.global_pool(x), classes, activation="softmax")


def xception_layers(kit, x, width=8, classes=10):
    """Separable convolutions with strided shortcuts."""
    x = kit.conv(x, width, 3, norm=True)
    for filters in (2 * width, 4 * width):
        shortcut = kit.conv(x, filters, 1, None, norm=True, stride=2)
        for _ in range(2):
            x = kit.activation(x, "relu")
            x = keras.layers.SeparableConv2D(filters, 3, padding="same",
                                             use_bias=False)(x)
            x = kit.batch_norm(x)
        x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
        x = kit.add(x, shortcut)
    return kit.dense(kit.global_pool(x), classes, activation="softmax")


# As Keras publishes them: size of the images, and other arguments.
PUBLISHED = {
    "ResNet50": (64, {}),
    "MobileNet": (96, {"alpha": 0.5}),
    "MobileNetV2": (96, {"alpha": 0.35}),
    "MobileNetV3Small": (96, {}),
    "DenseNet121": (64, {}),
    "EfficientNetB0": (64, {}),
    "Xception": (71, {}),
}
TAKES_0_TO_255 = {"MobileNetV3Small", "EfficientNetB0"}


def build_published(name, model_name, rng, seed, keras2=False, batch=1):
    """Builds one of keras.applications, with random, scaled weights."""
    size, arguments = PUBLISHED[model_name]
    limits = (0, 255) if model_name in TAKES_0_TO_255 else (-3, 3)

    def images(count):
        return frozen.random_images(rng, count, size, size, 3, *limits)

    keras.backend.clear_session()
    model = getattr(keras.applications, model_name)(
        weights=None, input_shape=(size, size, 3), classes=10, **arguments)
    keras_layers.set_weights(model, seed)
    keras_layers.calibrate(model, images(16))
    graph, outputs = keras_layers.freeze_model(model, keras2)
    return frozen.make_network(name, graph, outputs,
                               {"input_1": images(batch)},
                               {"input_1": images(batch)}, count=10)
