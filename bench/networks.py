# SPDX-License-Identifier: Apache-2.0
"""The networks that are measured: each a list of layers, from which formats.py writes what the peers read."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer and what it makes: an image (height, width, channels) or a vector (channels,)."""

    kind: str  # input, conv, transpose, pool, upsample, concat, dense or reshape
    name: str
    inputs: tuple  # layers
    shape: tuple
    size: int = 0  # of the kernel, both ways
    stride: int = 1
    activation: str = ""  # relu, sigmoid or none

    @property
    def has_parameters(self):
        return self.kind in ("conv", "transpose", "dense")

    @property
    def kernel_shape(self):
        """As TensorFlow has it."""
        inputs, outputs = self.inputs[0].shape[-1], self.shape[-1]
        if self.kind == "dense":
            return (math.prod(self.inputs[0].shape), outputs)
        return (self.size, self.size, *((outputs, inputs) if self.kind == "transpose" else (inputs, outputs)))


class Network:
    """A network for one input shape. `options` are make_unet's; without them, formats.py writes the frozen graph."""

    def __init__(self, name, title, batch, image, build, options=None):
        self.name, self.title, self.batch, self.options = name, title, batch, options
        self.layers = []
        self.input = self.add("input", image)
        self.output = build(self)
        self.parameter_count = sum(math.prod(layer.kernel_shape) + layer.shape[-1]
                                   for layer in self.layers if layer.has_parameters)

    @property
    def input_shape(self):
        return (self.batch, *self.input.shape)

    @property
    def output_shape(self):
        return (self.batch, *self.output.shape)

    def add(self, kind, shape, *inputs, **attributes):
        number = 1 + sum(other.kind == kind for other in self.layers)
        layer = Layer(kind, f"{kind}_{number}", inputs, shape, **attributes)
        self.layers.append(layer)
        return layer

    def conv(self, x, channels, size=3, stride=1, activation="relu"):
        height, width, _ = x.shape
        return self.add("conv", (height // stride, width // stride, channels), x, size=size, stride=stride,
                        activation=activation)

    def transpose(self, x, channels, size=3, activation="relu"):
        height, width, _ = x.shape
        return self.add("transpose", (2 * height, 2 * width, channels), x, size=size, stride=2,
                        activation=activation)

    def pool(self, x):
        height, width, channels = x.shape
        return self.add("pool", (height // 2, width // 2, channels), x)

    def upsample(self, x):
        height, width, channels = x.shape
        return self.add("upsample", (2 * height, 2 * width, channels), x)

    def concat(self, a, b):
        return self.add("concat", (*a.shape[:2], a.shape[2] + b.shape[2]), a, b)

    def dense(self, x, channels, activation="relu"):
        return self.add("dense", (channels,), x, activation=activation)

    def reshape(self, x, shape):
        return self.add("reshape", shape, x)


def u_net(width, levels=5):
    """What tools/make_unet writes with these options."""

    def build(network):
        x, skips = network.input, []
        for level in range(levels):
            if level > 0:
                x = network.pool(x)
            x = network.conv(network.conv(x, width << level), width << level)
            skips.append(x)
        for level in reversed(range(levels - 1)):
            x = network.conv(network.upsample(x), width << level)
            x = network.concat(skips[level], x)
            x = network.conv(network.conv(x, width << level), width << level)
        return network.conv(x, 1, size=1, activation="sigmoid")

    return build


def autoencoder_dense(network):
    """Convolutions and pooling down to a vector of 256 numbers, and up again."""
    x = network.input
    for channels in (32, 64, 128):
        x = network.pool(network.conv(x, channels))
    inner = x.shape
    x = network.dense(network.dense(x, 256), math.prod(inner))
    x = network.reshape(x, inner)
    for channels in (128, 64, 32):
        x = network.conv(network.upsample(x), channels)
    return network.conv(x, network.input.shape[2], activation="sigmoid")


def autoencoder_transpose(network):
    """Convolutions of stride 2 down, transposed ones up."""
    x = network.input
    for channels in (32, 64, 128, 256):
        x = network.conv(x, channels, stride=2)
    for channels in (128, 64, 32, 16):
        x = network.transpose(x, channels)
    return network.conv(x, network.input.shape[2], activation="sigmoid")


def all_networks():
    return [
        Network("unet64", "U-Net, 64 to 1024 channels, 256x256", 1, (256, 256, 1), u_net(64), ["--width", "64"]),
        Network("unet32", "U-Net, 32 to 512 channels, 256x256", 1, (256, 256, 1), u_net(32), ["--width", "32"]),
        Network("unet8", "U-Net, 8 to 128 channels, 256x256", 1, (256, 256, 1), u_net(8), ["--width", "8"]),
        Network("unet8-512", "U-Net, 8 to 128 channels, 512x512", 1, (512, 512, 1), u_net(8),
                ["--width", "8", "--size", "512x512"]),
        Network("unet8-batch8", "U-Net, 8 to 128 channels, 8 images of 256x256", 8, (256, 256, 1), u_net(8),
                ["--width", "8"]),
        Network("dense", "auto-encoder with a dense middle, 128x128x3", 1, (128, 128, 3), autoencoder_dense),
        Network("transpose", "auto-encoder with transposed convolutions, 256x256x3", 1, (256, 256, 3),
                autoencoder_transpose),
    ]
