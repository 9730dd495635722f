# SPDX-License-Identifier: Apache-2.0
"""Writes keras2.h5, a U-Net as Keras 2 saved it, and keras2.npz, an input and what Keras 2 made of it.

Keras 2 is on PyPI as tf_keras, which the tests do without; what this writes is kept in the repository.

    python -m pip install tf_keras==2.21.0
    python tests/freeze/record_keras2.py
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras
from tf_keras import layers

FOLDER = pathlib.Path(__file__).resolve().parent
SIZE = 16


def main():
    model = unet()
    rng = np.random.default_rng(1)
    model.set_weights([random_weight(rng, weight.shape) for weight in model.get_weights()])
    x = rng.uniform(-1, 1, (2, SIZE, SIZE, 1)).astype(np.float32)
    model.save(FOLDER / "keras2.h5")
    np.savez(FOLDER / "keras2.npz", x=x, y=model(x, training=False).numpy())


def unet():
    """With layers that Keras 3 describes otherwise."""
    x = image = layers.Input((SIZE, SIZE, 1))
    skip = x = norm_relu(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.MaxPooling2D()(x)
    x = norm_relu(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Dropout(0.5)(layers.SeparableConv2D(8, 3, padding="same")(x))
    x = layers.Conv2DTranspose(4, 2, strides=2, activation="relu")(x)
    x = layers.Concatenate()([skip, x])
    return tf_keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def random_weight(rng, shape):
    if len(shape) == 1:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)


if __name__ == "__main__":
    main()
