# SPDX-License-Identifier: Apache-2.0
"""The networks that are tested, by name.

`build(name)` gives a frozen.Network: the frozen GraphDef, two sets of
inputs, and the names of the tensors to compare.
"""

import functools
import zlib

import numpy as np

import frozen  # before the others: it sets TensorFlow's environment
import classifiers
import unet
from keras_layers import KerasLayers
from tf1_layers import Tf1Layers

NETWORKS = {}  # name -> function that builds it
SMALL = []     # names of those small enough to be recorded


def build(name):
    return NETWORKS[name]()


def _seed(name):
    return zlib.crc32(name.encode())


def _images(name, batch, batch2, size, size2, channels):
    rng = np.random.default_rng(_seed(name) + 1)
    return (frozen.random_images(rng, batch, *size, channels),
            frozen.random_images(rng, batch2, *size2, channels))


def _register(name, build_network, small):
    assert name not in NETWORKS
    NETWORKS[name] = build_network
    if small:
        SMALL.append(name)


def _tf1(name, layers_of, size=(32, 32), size2=None, batch=1, batch2=2,
         channels=1, small=False, functions=False, **options):
    """Registers a network of v1 ops; `options` are those of Tf1Layers."""
    def build_network():
        images = _images(name, batch, batch2, size, size2 or size, channels)
        kit = Tf1Layers(_seed(name), functions=functions, **options)
        return unet.build_tf1(name, layers_of, kit, *images,
                              fixed_size=size2 is None, functions=functions,
                              count=3 if small else 8)

    _register(name, build_network, small)


def _keras(name, layers_of, size=(32, 32), size2=None, batch=1, batch2=2,
           channels=1, small=False, keras2=False):
    """Registers a network of Keras layers."""
    def build_network():
        images = _images(name, batch, batch2, size, size2 or size, channels)
        return unet.build_keras(name, layers_of, KerasLayers(keras2), *images,
                                seed=_seed(name), fixed_size=size2 is None,
                                count=3 if small else 8)

    _register(name, build_network, small)


def _published(name, model_name, **options):
    def build_network():
        rng = np.random.default_rng(_seed(name) + 1)
        return classifiers.build_published(name, model_name, rng,
                                           _seed(name), **options)

    _register(name, build_network, small=False)


def _unet(width, levels=5, **options):
    return functools.partial(unet.unet_layers, width=width, levels=levels,
                             **options)


def _autoencoder(size, width, code, transposed):
    return functools.partial(unet.autoencoder_layers, size=size, width=width,
                             code=code, transposed=transposed)


def _register_small_unets():
    small = {"small": True, "size": (16, 16), "batch2": 1}
    _tf1("unet_small", _unet(2), (32, 32), small=True)
    _tf1("unet_small_any_size", _unet(2, 4), (24, 24), (16, 32), small=True)
    _tf1("unet_small_norm_v1", _unet(2, 3, norm=True),
         batch_norm_op="FusedBatchNorm", **small)
    _tf1("unet_small_norm_v2", _unet(2, 3, norm=True),
         batch_norm_op="FusedBatchNormV2", **small)
    _keras("unet_small_norm_keras2", _unet(2, 3, norm=True, dropout=True),
           keras2=True, **small)
    _keras("unet_small_norm_keras3", _unet(2, 3, norm=True, up_size=3),
           **small)
    for keras in (2, 3):
        _keras(f"unet_small_norm_biased_keras{keras}",
               _unet(2, 2, norm="biased"), keras2=keras == 2, **small)
    for phase in ("inside", "outside"):
        _tf1(f"unet_small_phase_{phase}",
             _unet(2, 3, norm=True, dropout=True), learning_phase=phase,
             batch_norm_op="FusedBatchNormV3", **small)
    _tf1("unet_small_phase_elementary",
         _unet(2, 3, norm=True, dropout=True), learning_phase="outside",
         batch_norm_op="elementary", **small)
    bilinear = _unet(2, 3, upsampling="bilinear")
    _tf1("unet_small_bilinear", bilinear, **small)
    _keras("unet_small_bilinear_keras2", bilinear, (24, 24), (20, 28),
           keras2=True, small=True)
    _keras("unet_small_bilinear_keras3", bilinear, **small)
    for size in (2, 3, 4):
        _tf1(f"unet_small_transposed_{size}",
             _unet(2, 3, upsampling="transposed", up_size=size), **small)
    _keras("unet_small_transposed_keras3",
           _unet(2, 3, upsampling="transposed"), (24, 24), (20, 28),
           small=True)
    _tf1("unet_small_functions", _unet(2, 3), variables="constant",
         functions=True, **small)
    _tf1("unet_small_stateful_functions", _unet(2, 3, up_size=3),
         variables="resource", functions=True, **small)


def _register_small_others():
    small = {"small": True, "size": (16, 16)}
    _tf1("autoencoder_small", _autoencoder(16, 4, 12, True), **small)
    _keras("autoencoder_small_keras3", _autoencoder(16, 4, 12, True), **small)
    _keras("autoencoder_small_upsampling", _autoencoder(16, 4, 12, False),
           **small)
    small = {"size": (20, 20), "channels": 3, "small": True, "batch2": 1}
    resnet = functools.partial(classifiers.resnet_layers, width=4, blocks=1)
    _tf1("resnet_small", resnet, **small)
    _keras("resnet_small_keras2", resnet, keras2=True, **small)
    _keras("resnet_small_keras3", resnet, **small)
    blocks = functools.partial(classifiers.inverted_residual_layers, width=4)
    _keras("mobilenet_v1_small", functools.partial(
        classifiers.mobilenet_v1_layers, width=4), **small)
    _keras("mobilenet_v2_small", blocks, keras2=True, **small)
    _keras("mobilenet_v3_small", functools.partial(
        blocks, activation="hard_swish", squeeze="hard_sigmoid", kernel=5),
        **small)
    _keras("efficientnet_small", functools.partial(
        blocks, activation="swish", squeeze="sigmoid"), **small)
    _keras("densenet_small", functools.partial(
        classifiers.densenet_layers, growth=4, blocks=(2, 2)), **small)
    _keras("xception_small", functools.partial(classifiers.xception_layers,
                                               width=4), **small)


def _register_unets():
    for width, size, batch in [
            (4, (32, 32), 3), (8, (48, 48), 1), (16, (64, 64), 1),
            (16, (96, 64), 3), (4, (256, 256), 1), (8, (256, 256), 3),
            (64, (96, 64), 1), (64, (256, 256), 1)]:
        _tf1(f"unet_{width}_{size[0]}x{size[1]}_batch{batch}", _unet(width),
             size, batch=batch, batch2=batch)
    _keras("unet_16_keras3", _unet(16), (64, 64))
    _keras("unet_16_keras2", _unet(16), (64, 64), keras2=True)
    _tf1("unet_16_any_size", _unet(16, up_size=3), (96, 64), (48, 80))
    _keras("unet_16_any_size_keras2", _unet(16), (48, 48), (64, 32),
           keras2=True)
    norm = _unet(16, norm=True)
    _tf1("unet_16_norm_v1", norm, (64, 64), batch_norm_op="FusedBatchNorm")
    _keras("unet_16_norm_keras2", norm, (96, 64), keras2=True, batch=3)
    _keras("unet_16_norm_keras3", norm, (96, 64))
    phase = _unet(16, norm=True, dropout=True)
    _tf1("unet_16_phase_inside", phase, (64, 64), learning_phase="inside")
    _tf1("unet_16_phase_outside", phase, (64, 64), learning_phase="outside",
         batch_norm_op="FusedBatchNorm")
    _tf1("unet_16_phase_elementary", phase, (64, 64),
         learning_phase="outside", batch_norm_op="elementary")
    bilinear = _unet(16, upsampling="bilinear")
    _tf1("unet_16_bilinear", bilinear, (96, 64))
    _keras("unet_16_bilinear_keras", bilinear, (96, 64))
    for size in (2, 3, 4):
        transposed = _unet(16, upsampling="transposed", up_size=size)
        _tf1(f"unet_16_transposed_{size}", transposed, (64, 96), batch=3)
        _keras(f"unet_16_transposed_{size}_keras", transposed, (64, 64))
    _tf1("unet_16_functions", _unet(16), (64, 64), variables="constant",
         functions=True)
    _tf1("unet_16_stateful_functions", _unet(16), (64, 64), batch=3,
         variables="resource", functions=True)


def _register_others():
    for transposed in (True, False):
        kind = "transposed" if transposed else "upsampling"
        layers_of = _autoencoder(64, 16, 64, transposed)
        _tf1(f"autoencoder_{kind}", layers_of, (64, 64))
        _keras(f"autoencoder_{kind}_keras", layers_of, (64, 64))
    resnet = functools.partial(classifiers.resnet_layers, width=16, blocks=3)
    _tf1("resnet_20", resnet, channels=3)
    _keras("resnet_20_keras", resnet, channels=3, batch=3)
    _tf1("mobilenet_v1", functools.partial(classifiers.mobilenet_v1_layers,
                                           width=16), (64, 64), channels=3)
    for model in classifiers.PUBLISHED:
        _published(model.lower(), model)
    for model in ("ResNet50", "MobileNetV2", "EfficientNetB0"):
        _published(f"{model.lower()}_keras2", model, keras2=True, batch=3)


_register_small_unets()
_register_small_others()
_register_unets()
_register_others()
