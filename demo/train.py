# SPDX-License-Identifier: Apache-2.0
"""Trains the demo's seven U-Nets and freezes them as TensorFlow GraphDefs.

First "all" learns the six classes together: six copies of the grey picture
in, one map per class out, silent for the other classes.  Each one-class model
starts from it (first convolution summed over the copies, last one cut to the
class's map) and is then trained on its class alone.
"""
import argparse
import os
import re
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2)

import data
import textures

SIZE = textures.SIZE
LEVELS = (8, 16, 32, 64, 128)


class Double(layers.Layer):
    """Twice the height and width, every value repeated."""

    def call(self, x):
        known = None not in x.shape[1:3]
        size = [2 * n for n in x.shape[1:3]] if known else 2 * tf.shape(x)[1:3]
        return tf.compat.v1.image.resize_nearest_neighbor(
            x, size, half_pixel_centers=True)


def conv(x, channels, name, side=3):
    """A 'same' convolution with ReLU."""
    return layers.Conv2D(channels, side, padding="same", activation="relu",
                         kernel_initializer="he_normal", name=name)(x)


def unet(width_in, width_out, size=None, last="linear"):
    """Five levels, two convolutions each, skips by concatenation."""
    x = inputs = keras.Input((size, size, width_in), name="input")
    skips = []
    for level, width in enumerate(LEVELS, 1):
        x = conv(x, width, f"down{level}_conv1")
        x = conv(x, width, f"down{level}_conv2")
        if level < len(LEVELS):
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
    for level in range(len(LEVELS) - 1, 0, -1):
        width = LEVELS[level - 1]
        x = Double(name=f"up{level}_double")(x)
        x = conv(x, width, f"up{level}_conv0")
        x = layers.Concatenate(name=f"up{level}_concat")([skips.pop(), x])
        x = conv(x, width, f"up{level}_conv1")
        x = conv(x, width, f"up{level}_conv2")
    x = layers.Conv2D(width_out, 1, activation=last, name="map")(x)
    return keras.Model(inputs, x, name="unet")


def load(folder):
    """Training pictures and masks of all classes."""
    sets = [data.cached(folder, cls, data.TRAIN, data.GOOD, data.EACH)
            for cls in range(len(textures.CLASSES))]
    return [g for g, _ in sets], [m for _, m in sets]


def crop(rng, grey, mask, size):
    """A random square; four times in five it holds some of the defect."""
    room = grey.shape[0] - size
    y, x = rng.integers(room + 1, size=2)
    if room and mask.any() and rng.random() < 0.8:
        spots = np.flatnonzero(mask)
        py, px = divmod(int(spots[rng.integers(spots.size)]), grey.shape[0])
        y = np.clip(py - rng.integers(size), 0, room)
        x = np.clip(px - rng.integers(size), 0, room)
    return grey[y:y + size, x:x + size], mask[y:y + size, x:x + size]


def batch(rng, sets, classes, count, size):
    """Inputs, truths and class numbers of random crops."""
    x = np.empty((count, size, size, 1), np.float32)
    t = np.empty((count, size, size, 1), np.float32)
    which = rng.choice(classes, count)
    for n, cls in enumerate(which):
        number = rng.integers(len(sets[0][cls]))
        grey, mask = crop(rng, sets[0][cls][number], sets[1][cls][number], size)
        gain, shift = 0.85 + 0.3 * rng.random(), 24.0 * rng.random() - 12.0
        level = np.clip((grey - 127.5) * gain + 127.5 + shift, 0.0, 255.0)
        x[n, ..., 0] = (level - 127.5) / 127.5
        t[n, ..., 0] = mask
    return x, t, which


def loss_of(logits, truth):
    """Weighted cross-entropy plus one minus the dice overlap of the batch."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    weight = 1.0 + 4.0 * truth
    guess = tf.sigmoid(logits)
    overlap = 2.0 * tf.reduce_sum(guess * truth) + 1.0
    dice = overlap / (tf.reduce_sum(guess) + tf.reduce_sum(truth) + 1.0)
    return tf.reduce_mean(entropy * weight) + 0.5 * (1.0 - dice)


def spread(mask, which, maps):
    """Truth of every map: the mask in the picture's own, zero elsewhere."""
    if maps == 1:
        return mask
    truth = np.zeros(mask.shape[:3] + (maps,), np.float32)
    truth[np.arange(len(which)), ..., which] = mask[..., 0]
    return truth


def stepper(model, optimizer, copies):
    """A compiled training step."""
    @tf.function(reduce_retracing=True)
    def step(x, truth):
        with tf.GradientTape() as tape:
            logits = model(tf.repeat(x, copies, axis=3), training=True)
            loss = loss_of(logits, truth)
        grads = tape.gradient(loss, model.trainable_variables)
        grads, _ = tf.clip_by_global_norm(grads, 1.0)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss
    return step


def train(weights, sets, classes, plan, rate, seed, save):
    """Trains by a plan [(crop side, batch, steps)], saving now and then."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    wide = len(classes)
    model = unet(wide, wide)
    if weights is not None:
        model.set_weights(weights)
    total = sum(steps for _, _, steps in plan)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.1 * rate, total, alpha=0.02, warmup_target=rate,
        warmup_steps=max(1, total // 20))
    step = stepper(model, keras.optimizers.Adam(schedule), wide)
    done, start, recent = 0, time.time(), 1.5
    for size, count, steps in plan:
        for _ in range(steps):
            x, mask, which = batch(rng, sets, classes, count, size)
            loss = float(step(x, spread(mask, which, wide)))
            recent += 0.03 * (loss - recent)
            done += 1
            if done % 50 == 0 or done == total:
                print(f"  step {done}/{total} loss {recent:.4f} "
                      f"{time.time() - start:.0f} s", flush=True)
                save(model.get_weights())
    return model.get_weights()


def one_class(weights, cls):
    """Weights of the six-class model cut down to one class."""
    cut = list(weights)
    cut[0] = weights[0].sum(axis=2, keepdims=True)
    cut[-2] = weights[-2][..., cls:cls + 1]
    cut[-1] = weights[-1][cls:cls + 1]
    return cut


def plain(name):
    """A node's name without Keras's numbering; weights after their layer."""
    name = re.sub(r"_1(?=/)", "", name).removeprefix("unet/")
    name = name.replace("/convolution/ReadVariableOp/resource", "/kernel")
    return name.replace("/Reshape/ReadVariableOp/resource", "/bias")


def tidy(graph):
    """The graph up to its last sigmoid, without identities, simply named."""
    last = [node.name for node in graph.node if node.op == "Sigmoid"]
    graph = tf.compat.v1.graph_util.extract_sub_graph(graph, last)
    graph = tf.compat.v1.graph_util.remove_training_nodes(graph)
    for node in graph.node:
        node.name = plain(node.name)
        node.input[:] = [plain(source) for source in node.input]
    return graph


def freeze(weights, path):
    """Writes a frozen GraphDef of the network with these weights."""
    keras.backend.clear_session()
    wide_in, wide_out = weights[0].shape[2], weights[-1].shape[0]
    model = unet(wide_in, wide_out, SIZE, "sigmoid")
    model.set_weights(weights)
    spec = tf.TensorSpec((None, SIZE, SIZE, wide_in), tf.float32, "input_1")
    call = tf.function(lambda x: model(x, training=False))
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(spec))
    graph = tidy(frozen.graph.as_graph_def())
    with open(path + ".part", "wb") as out:
        out.write(graph.SerializeToString(deterministic=True))
    os.replace(path + ".part", path)


def run(args):
    """Trains the models asked for, writing each as soon as it exists."""
    os.makedirs(args.out, exist_ok=True)
    sets = load(args.cache)
    kept = os.path.join(args.cache, "all.npy")
    six = range(len(textures.CLASSES))

    def keep(weights):
        np.save(kept, np.array(weights, dtype=object), allow_pickle=True)

    if "all" in args.models:
        print("all", flush=True)
        keep(train(None, sets, six, args.plan_all, 2e-3, 7, keep))
    weights = list(np.load(kept, allow_pickle=True))
    freeze(weights, os.path.join(args.out, "all.pb"))
    for cls in six:
        name = f"class{cls + 1}"
        if name in args.models:
            print(name, textures.CLASSES[cls], flush=True)
            path = os.path.join(args.out, name + ".pb")
            tuned = train(one_class(weights, cls), sets, [cls], args.plan_one,
                          1e-3, 10 + cls, lambda w: None)
            freeze(tuned, path)


def plan(text):
    """128:16:900,256:4:100 as [(crop side, batch, steps)]."""
    return [tuple(int(n) for n in part.split(":")) for part in text.split(",")]


def main():
    names = ["all"] + [f"class{k}" for k in range(1, 7)]
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--out", default="demo/models")
    args.add_argument("--cache", default="build/demo-cache",
                      help="folder for the training pictures and weights")
    args.add_argument("--models", nargs="+", choices=names, default=names)
    args.add_argument("--plan-all", type=plan, default="128:12:3600,256:4:150")
    args.add_argument("--plan-one", type=plan, default="128:8:640,256:4:60")
    tf.config.experimental.enable_op_determinism()
    run(args.parse_args())


if __name__ == "__main__":
    main()
