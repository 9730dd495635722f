# SPDX-License-Identifier: Apache-2.0
"""Layers as TensorFlow 1 programs and the Keras of 2019 wrote them.

Every layer adds its ops to the current default graph.  Variables are
ref variables ("VariableV2" and an Identity named "read") by default.
"""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


class Tf1Layers:
    """Adds layers to a v1 graph.

    variables: "ref", "resource" or "constant".
    batch_norm_op: name of the op, "FusedBatchNorm", "FusedBatchNormV2" or
        "FusedBatchNormV3", or "elementary" for Mul, Rsqrt, Sub, Add.
    learning_phase: None (inference only), "inside" (both normalisations
        stand within a v1 conditional) or "outside" (the training one is
        computed before the conditional and enters it by a Switch).
    functions: whether each pair of convolutions is a function call.
    """

    def __init__(self, seed, variables="ref", batch_norm_op="FusedBatchNormV3",
                 learning_phase=None, functions=False):
        self.rng = np.random.default_rng(seed)
        self.variables = variables
        self.batch_norm_op = batch_norm_op
        self.functions = functions
        self.learning_phase = learning_phase
        self.counts = {}
        self.batch_norms = []
        self.phase = None
        if learning_phase:
            v1.disable_control_flow_v2()

    def input(self, channels, height=None, width=None):
        x = v1.placeholder(tf.float32, [None, height, width, channels],
                           name="input_1")
        if self.learning_phase:
            self.phase = v1.placeholder_with_default(
                False, [], name="keras_learning_phase")
        return x

    # Weights

    def _scope(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return v1.name_scope(f"{kind}_{self.counts[kind]}/")

    def _variable(self, name, value):
        value = value.astype(np.float32)
        if self.variables == "constant":
            return tf.constant(value, name=name)
        return v1.Variable(value, name=name,
                           use_resource=self.variables == "resource")

    def _kernel(self, shape, fan_in, activation="relu"):
        gain = 0.5 if activation in ("sigmoid", "softmax") else 2.0
        values = self.rng.standard_normal(shape) * np.sqrt(gain / fan_in)
        return self._variable("kernel", values)

    def _bias(self, size):
        return self._variable("bias", 0.2 * self.rng.standard_normal(size))

    def _conv_weights(self, channels, filters, size, activation="relu"):
        shape = (size, size, channels, filters)
        return (self._kernel(shape, size * size * channels, activation),
                self._bias(filters))

    # Layers

    def conv(self, x, filters, size, activation="relu", norm=False, stride=1):
        with self._scope("conv2d"):
            weights = self._conv_weights(x.shape[-1], filters, size,
                                         activation)
            x = _convolve(x, weights, stride)
            if not norm:
                return _activate(x, activation)
        return self.activation(self.batch_norm(x), activation)

    def conv_pair(self, x, filters, norm=False):
        """Two 3x3 convolutions, each with bias and ReLU."""
        if not self.functions:
            x = self.conv(x, filters, 3, norm=norm)
            return self.conv(x, filters, 3, norm=norm)
        with self._scope("pair"):
            first = self._conv_weights(x.shape[-1], filters, 3)
            second = self._conv_weights(filters, filters, 3)
            return _pair_function(first, second)(x)

    def depthwise(self, x, size, activation="relu6", norm=False, stride=1):
        with self._scope("depthwise_conv2d"):
            channels = x.shape[-1]
            kernel = self._kernel((size, size, channels, 1), size * size)
            x = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1],
                                       "SAME", name="depthwise")
            if not norm:
                return _activate(x, activation)
        return self.activation(self.batch_norm(x), activation)

    def transposed(self, x, filters, size, stride=2, activation="relu"):
        with self._scope("conv2d_transpose"):
            channels = x.shape[-1]
            fan_in = size * size * channels / stride**2
            kernel = self._kernel((size, size, filters, channels), fan_in,
                                  activation)
            shape = tf.shape(x, name="Shape")
            output = tf.stack([shape[0], shape[1] * stride,
                               shape[2] * stride, filters], name="stack")
            x = tf.nn.conv2d_transpose(x, kernel, output,
                                       [1, stride, stride, 1], "SAME",
                                       name="conv2d_transpose")
            x.set_shape([None, None, None, filters])
            x = tf.nn.bias_add(x, self._bias(filters), name="BiasAdd")
            return _activate(x, activation)

    def max_pool(self, x):
        with self._scope("max_pooling2d"):
            return tf.nn.max_pool2d(x, 2, 2, "VALID", name="MaxPool")

    def upsample(self, x, method="nearest"):
        with self._scope("up_sampling2d"):
            size = tf.shape(x, name="Shape")[1:3] * tf.constant([2, 2])
            resize = {"nearest": v1.image.resize_nearest_neighbor,
                      "bilinear": v1.image.resize_bilinear}[method]
            return resize(x, size)

    def concat(self, tensors):
        with self._scope("concatenate"):
            return tf.concat(tensors, axis=-1, name="concat")

    def add(self, x, y):
        with self._scope("add"):
            return tf.add_n([x, y], name="add")

    def activation(self, x, name):
        with self._scope("activation"):
            return _activate(x, name)

    def flatten(self, x):
        with self._scope("flatten"):
            shape = tf.shape(x, name="Shape")
            size = tf.reduce_prod(shape[1:])
            flat = tf.reshape(x, tf.stack([-1, size]), name="Reshape")
            flat.set_shape([None, int(np.prod(x.shape[1:]))])
            return flat

    def reshape(self, x, shape):
        with self._scope("reshape"):
            target = tf.stack([tf.shape(x)[0], *shape], name="shape")
            return _reshape(x, target, shape)

    def dense(self, x, units, activation="relu"):
        with self._scope("dense"):
            kernel = self._kernel((x.shape[-1], units), x.shape[-1],
                                  activation)
            x = tf.matmul(x, kernel, name="MatMul")
            x = tf.nn.bias_add(x, self._bias(units), name="BiasAdd")
            return _activate(x, activation)

    def global_pool(self, x):
        with self._scope("global_average_pooling2d"):
            return tf.reduce_mean(x, [1, 2], name="Mean")

    def dropout(self, x, rate):
        if not self.learning_phase:
            return x
        with self._scope("dropout"):
            return v1.cond(self.phase, lambda: _drop(x, rate),
                           lambda: tf.identity(x))

    # Batch normalisation

    def batch_norm(self, x, epsilon=1e-3):
        with self._scope("batch_normalization"):
            size = x.shape[-1]
            gamma = self._variable("gamma", self.rng.uniform(0.7, 1.3, size))
            beta = self._variable(
                "beta", 0.8 + 0.3 * self.rng.standard_normal(size))
            mean = self._variable("moving_mean", np.zeros(size))
            variance = self._variable("moving_variance", np.ones(size))
            self.batch_norms.append((x, mean, variance))
            return self._normalise(x, gamma, beta, mean, variance, epsilon)

    def _normalise(self, x, gamma, beta, mean, variance, epsilon):
        def inference():
            if self.batch_norm_op == "elementary":
                return tf.nn.batch_normalization(x, mean, variance, beta,
                                                 gamma, epsilon)
            return self._fused(x, gamma, beta, mean, variance, epsilon, False)

        def training():
            return self._fused(x, gamma, beta, [], [], epsilon, True)

        if not self.learning_phase:
            return inference()
        if self.learning_phase == "inside":
            return v1.cond(self.phase, training, inference)
        normalised = training()
        return v1.cond(self.phase, lambda: normalised, inference)

    def _fused(self, x, gamma, beta, mean, variance, epsilon, training):
        name = self.batch_norm_op
        op = getattr(tf.raw_ops, "FusedBatchNormV3" if name == "elementary"
                     else name)
        return op(x=x, scale=gamma, offset=beta, mean=mean, variance=variance,
                  epsilon=epsilon, is_training=training, name=name).y

    def calibrate(self, session, feeds):
        """Sets each batch norm's statistics to those of its input."""
        for x, mean, variance in self.batch_norms:
            values = session.run(x, feeds)
            axes = tuple(range(values.ndim - 1))
            mean.load(values.mean(axes), session)
            variance.load(values.var(axes), session)


def _convolve(x, weights, stride=1):
    kernel, bias = weights
    x = tf.nn.conv2d(x, kernel, stride, "SAME", name="convolution")
    return tf.nn.bias_add(x, bias, name="BiasAdd")


def _pair_function(first, second):
    @tf.function(autograph=False)
    def relu_conv(x, kernel, bias):
        return tf.nn.relu(_convolve(x, (kernel, bias)))

    @tf.function(autograph=False)
    def pair(x):  # the weights are captured, the inner calls nest
        x = relu_conv(x, *first)
        return relu_conv(x, *second)

    return pair


def _drop(x, rate):
    """Dropout by the ops of the early versions of TensorFlow 1."""
    keep = tf.floor((1 - rate) + tf.random.uniform(tf.shape(x)))
    return tf.realdiv(x, 1 - rate) * keep


def _reshape(x, target, shape):
    x = tf.reshape(x, target, name="Reshape")
    x.set_shape([None, *shape])
    return x


def _activate(x, activation):
    if activation is None:
        return x
    function, name = {
        "relu": (tf.nn.relu, "Relu"), "relu6": (tf.nn.relu6, "Relu6"),
        "sigmoid": (tf.nn.sigmoid, "Sigmoid"),
        "softmax": (tf.nn.softmax, "Softmax"),
        "tanh": (tf.nn.tanh, "Tanh")}[activation]
    return function(x, name=name)
