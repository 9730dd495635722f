# SPDX-License-Identifier: Apache-2.0
"""Keras layers under the same interface as tf1_layers, and model weights."""

import contextlib
from unittest import mock

import frozen  # first: it sets TensorFlow's environment
import keras
import numpy as np
import tensorflow as tf
from keras import layers

v1 = tf.compat.v1


class KerasLayers:
    """Adds Keras layers; `keras2` makes resizing that of Keras 2."""

    def __init__(self, keras2=False):
        self.keras2 = keras2
        keras.backend.clear_session()

    def input(self, channels, height=None, width=None):
        return keras.Input((height, width, channels), name="input_1")

    def conv(self, x, filters, size, activation="relu", norm=False, stride=1,
             bias=None):
        x = layers.Conv2D(filters, size, strides=stride, padding="same",
                          activation=None if norm else activation,
                          use_bias=not norm if bias is None else bias)(x)
        return self._normalised(x, activation) if norm else x

    def depthwise(self, x, size, activation="relu6", norm=False, stride=1):
        x = layers.DepthwiseConv2D(size, strides=stride, padding="same",
                                   activation=None if norm else activation,
                                   use_bias=not norm)(x)
        return self._normalised(x, activation) if norm else x

    def _normalised(self, x, activation):
        x = layers.BatchNormalization()(x)
        return layers.Activation(activation)(x) if activation else x

    def conv_pair(self, x, filters, norm=False):
        x = self.conv(x, filters, 3, norm=norm)
        return self.conv(x, filters, 3, norm=norm)

    def transposed(self, x, filters, size, stride=2, activation="relu"):
        return layers.Conv2DTranspose(filters, size, strides=stride,
                                      padding="same",
                                      activation=activation)(x)

    def max_pool(self, x):
        return layers.MaxPooling2D(2)(x)

    def upsample(self, x, method="nearest"):
        if self.keras2:
            return Keras2UpSampling(method)(x)
        return layers.UpSampling2D(2, interpolation=method)(x)

    def concat(self, tensors):
        return layers.Concatenate()(tensors)

    def add(self, x, y):
        return layers.Add()([x, y])

    def dropout(self, x, rate):
        return layers.Dropout(rate)(x)

    def flatten(self, x):
        return layers.Flatten()(x)

    def reshape(self, x, shape):
        return layers.Reshape(shape)(x)

    def dense(self, x, units, activation="relu"):
        return layers.Dense(units, activation=activation)(x)

    def global_pool(self, x, keepdims=False):
        return layers.GlobalAveragePooling2D(keepdims=keepdims)(x)

    def average_pool(self, x, size, stride):
        return layers.AveragePooling2D(size, stride, padding="same")(x)

    def batch_norm(self, x, activation=None):
        return self._normalised(x, activation)

    def activation(self, x, name):
        return layers.Activation(name)(x)

    def multiply(self, x, y):
        return layers.Multiply()([x, y])


class Keras2UpSampling(layers.Layer):
    """UpSampling2D as Keras 2 wrote it: one resize op."""

    def __init__(self, method):
        super().__init__()
        self.method = method

    def call(self, x):
        shape = x.shape[1:3]
        if None in shape:
            shape = tf.shape(x)[1:3]
        return tf.image.resize(x, shape * tf.constant([2, 2]), self.method)

    def compute_output_shape(self, shape):
        height, width = (n and 2 * n for n in shape[1:3])
        return (shape[0], height, width, shape[3])


def set_weights(model, seed):
    """Gives the model random weights, He-scaled, and non-zero biases."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables:
            if not isinstance(layer, layers.Normalization):
                variable.assign(_random_values(rng, layer, variable))


def _random_values(rng, layer, variable):
    shape = tuple(variable.shape)
    if variable.name == "gamma":
        return rng.uniform(0.7, 1.3, shape)
    if variable.name == "beta":
        return 0.8 + 0.3 * rng.standard_normal(shape)
    if len(shape) < 2:  # bias
        return 0.2 * rng.standard_normal(shape)
    activation = getattr(layer, "activation", None)
    bounded = activation in (keras.activations.sigmoid,
                             keras.activations.softmax)
    gain = 0.5 if bounded else 2.0
    return (rng.standard_normal(shape)
            * np.sqrt(gain / _fan_in(layer, variable)))


def _fan_in(layer, variable):
    shape = tuple(variable.shape)
    if isinstance(layer, layers.Conv2DTranspose):
        return np.prod(shape[:2]) * shape[3] / np.prod(layer.strides)
    depthwise = (isinstance(layer, layers.DepthwiseConv2D)
                 or variable.name == "depthwise_kernel")
    return np.prod(shape[:2] if depthwise else shape[:-1])


def calibrate(model, images):
    """Sets batch-norm statistics to those of the images, in one pass."""
    norms = [layer for layer in model._flatten_layers()
             if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    with no_dropout(model):
        model(images, training=True)
    for layer, momentum in zip(norms, momenta):
        layer.momentum = momentum


@contextlib.contextmanager
def no_dropout(model):
    """Makes the model's Dropout layers do nothing in training."""
    dropouts = [layer for layer in model._flatten_layers()
                if isinstance(layer, layers.Dropout)]
    rates = [layer.rate for layer in dropouts]
    for layer in dropouts:
        layer.rate = 0
    yield
    for layer, rate in zip(dropouts, rates):
        layer.rate = rate


def freeze_model(model, keras2=False):
    """Freezes a Keras model; returns its GraphDef and output names.

    keras2: batch norms become FusedBatchNormV3, as Keras 2 wrote them.
    """
    spec = tf.TensorSpec(model.inputs[0].shape, tf.float32, "input_1")
    with _fused_batch_norm() if keras2 else contextlib.nullcontext():
        return frozen.freeze_function(lambda x: model(x, training=False), spec)


def _fused_batch_norm():
    def fused(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
        if scale is None:
            scale = tf.ones_like(mean)
        return v1.nn.fused_batch_norm(x, scale, offset, mean, variance,
                                      epsilon, is_training=False)[0]

    return mock.patch("keras.src.backend.nn.batch_normalization", fused)
