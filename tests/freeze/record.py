# SPDX-License-Identifier: Apache-2.0
"""Writes tests/reader/others: tiny files as TensorFlow and Keras write them, which the reader must tell apart
without either. Run it from anywhere; what it writes is kept in the repository.

    python tests/freeze/record.py
"""

import pathlib
import shutil
import tempfile

import models  # first: it sets TensorFlow's environment
import keras
import tensorflow as tf
from keras import layers

OTHERS = pathlib.Path(__file__).resolve().parent.parent / "reader/others"


def main():
    OTHERS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = models.seeded(keras.Sequential([keras.Input((1,), name="x"), layers.Dense(1, name="y")]))
        model.save(OTHERS / "tiny.keras")
        model.save(OTHERS / "tiny.h5")
        model.save_weights(OTHERS / "tiny.weights.h5")
        scaler = models.Scaler()
        tf.saved_model.save(scaler, str(folder / "saved"), {"serving_default": scaler.scale})
        shutil.copy(folder / "saved/saved_model.pb", OTHERS / "saved_model.pb")
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            variable = tf.compat.v1.get_variable("v", [1])
            tf.identity(variable, "y")
            session.run(variable.initializer)
            tf.compat.v1.train.Saver(save_relative_paths=True).save(session, str(folder / "model.ckpt"))
            tf.io.write_graph(session.graph, str(OTHERS), "graph.pbtxt")
        for name in ("checkpoint", "model.ckpt.index", "model.ckpt.meta"):
            shutil.copy(folder / name, OTHERS / name)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        (OTHERS / "tiny.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
