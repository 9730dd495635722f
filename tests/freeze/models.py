# SPDX-License-Identifier: Apache-2.0
"""Small models in all kinds of files that tools/freeze takes, and in some that it does not."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

v1 = tf.compat.v1
SIZE = 32


def seeded(model, seed=1):
    """Weights that let every layer's result matter, statistics of the batch norms included."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        elif "variance" in variable.path or "gamma" in variable.path:
            value = rng.uniform(0.5, 1.5, shape)
        else:
            value = rng.uniform(-0.3, 0.3, shape)
        variable.assign(value.astype(np.float32))
    return model


def unet(size=SIZE, name="unet", rescaling=False):
    """Two levels, batch norms, dropout, a skip, and a sigmoid map."""
    x = image = keras.Input((size, size, 1), name="image")
    if rescaling:
        x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    skip = x = norm_relu(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    x = layers.MaxPooling2D()(x)
    x = norm_relu(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.Dropout(0.5)(x)
    x = layers.UpSampling2D()(x)
    x = layers.Concatenate()([skip, x])
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return seeded(keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="map")(x), name=name))


def norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def two_outputs():
    """Inputs and outputs by name, one output a step on the way to the other."""
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    x = layers.Conv2D(4, 3, padding="same", name="both")(layers.Add()([left, right]))
    near = layers.Conv2D(1, 1, activation="sigmoid", name="near")(x)
    far = layers.Conv2D(2, 3, padding="same", activation="sigmoid", name="far")(near)
    return seeded(keras.Model([left, right], [near, far]))


def random_image(size=SIZE, batch=2, seed=3):
    return np.random.default_rng(seed).uniform(-1, 1, (batch, size, size, 1)).astype(np.float32)


# ---- TensorFlow 1 ------------------------------------------------------------------------------------------------


def tf1_unet(folder, resource, saved_names=None):
    """Writes graph.pbtxt, graph.pb, model.ckpt-7.meta and its checkpoint, of a graph with what training adds;
    returns its result for random_image(). `saved_names`: variables' names -> those in the checkpoint."""
    with tf.Graph().as_default() as graph, v1.variable_scope("", use_resource=resource):
        image = v1.placeholder(tf.float32, [None, SIZE, SIZE, 1], "image")
        truth = v1.placeholder(tf.float32, [None, SIZE, SIZE, 1], "truth")
        skip = x = tf1_conv(image, 4, "down1")
        x = tf1_conv(tf.nn.max_pool2d(x, 2, 2, "SAME"), 8, "down2")
        x = v1.image.resize_nearest_neighbor(x, [SIZE, SIZE])
        x = tf1_conv(tf.concat([skip, x], 3), 4, "up1")
        logits = tf1_conv(x, 1, "last", plain=True)
        result = tf.sigmoid(logits, "output/Sigmoid")
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits), name="loss")
        v1.train.AdamOptimizer(1e-3, name="Adam").minimize(loss)
        v1.summary.scalar("loss_summary", loss)
        kept = {(saved_names or {}).get(v.op.name, v.op.name): v for v in v1.global_variables()}
        saver = v1.train.Saver(kept)
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            rng = np.random.default_rng(1)
            for variable in v1.trainable_variables():
                shape = variable.shape.as_list()
                variable.load(rng.uniform(-0.5, 0.5, shape).astype(np.float32), session)
            saver.save(session, str(folder / "model.ckpt"), global_step=7)
            tf.io.write_graph(graph, str(folder), "graph.pbtxt")
            tf.io.write_graph(graph, str(folder), "graph.pb", as_text=False)
            return session.run(result, {image: random_image()})


def tf1_conv(x, channels, name, plain=False):
    with v1.variable_scope(name):
        kernel = v1.get_variable("kernel", [3, 3, x.shape[3], channels])
        bias = v1.get_variable("bias", [channels])
        x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)
        if plain:
            return x
        scale, shift = v1.get_variable("gamma", [channels]), v1.get_variable("beta", [channels])
        mean = v1.get_variable("mean", [channels], trainable=False, initializer=v1.ones_initializer())
        variance = v1.get_variable("variance", [channels], trainable=False, initializer=v1.ones_initializer())
        return tf.nn.relu(v1.nn.fused_batch_norm(x, scale, shift, mean, variance, is_training=False)[0])


def tf1_learning_phase(folder, resource):
    """Writes phase.ckpt and its .meta, of a graph that can still train: a batch norm and a dropout within v1
    conditionals; returns its result for random_image()."""
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph, v1.variable_scope("", use_resource=resource):
            v1.set_random_seed(1)
            image = v1.placeholder(tf.float32, [None, SIZE, SIZE, 1], "image")
            result = tf1_layers_in_phases(image)
    finally:
        v1.enable_control_flow_v2()
    with v1.Session(graph=graph) as session, graph.as_default():
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "phase.ckpt"))
        return session.run(result, {image: random_image()})


def tf1_layers_in_phases(image):
    phase = v1.placeholder_with_default(False, [], "phase")
    x = tf.nn.conv2d(image, v1.get_variable("kernel", [3, 3, 1, 4]), 1, "SAME")
    values = v1.random_uniform_initializer(0.5, 1.5)
    scale, shift, mean, variance = (v1.get_variable(name, [4], initializer=values)
                                    for name in ("scale", "shift", "mean", "variance"))
    x = v1.cond(phase, lambda: v1.nn.fused_batch_norm(x, scale, shift, is_training=True)[0],
                lambda: v1.nn.fused_batch_norm(x, scale, shift, mean, variance, is_training=False)[0])
    x = v1.cond(phase, lambda: tf.nn.dropout(x, rate=0.5), lambda: tf.identity(x))
    return tf.sigmoid(tf.reduce_sum(x, -1, keepdims=True), "map")


def tf1_saved_model(folder):
    """A SavedModel as TensorFlow 1 wrote them; returns a result for random_image()."""
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(1)
        image = v1.placeholder(tf.float32, [None, SIZE, SIZE, 1], "image")
        result = tf.sigmoid(tf1_conv(image, 1, "only", plain=True))
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(folder), {"image": image}, {"map": result})
            return session.run(result, {image: random_image()})


# ---- SavedModels of tf.Module ------------------------------------------------------------------------------------


class Scaler(tf.Module):
    """Two functions to make signatures of."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(tf.constant([2.0, 3.0]), name="factor")

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def scale(self, x):
        return {"scaled": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def shift(self, x):
        return {"shifted": x + self.factor}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, "x")])
    def any_rank(self, x):
        return {"scaled": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def examples(self, examples):
        return {"lengths": tf.cast(tf.strings.length(examples), tf.float32) * self.factor[0]}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def noisy(self, x):
        return {"noisy": x + tf.random.uniform(tf.shape(x))}
