# SPDX-License-Identifier: Apache-2.0
"""Random shapes and attributes, for the long run with --more."""
import functools
import zlib

import numpy as np

from cases_array import strided_op
from cases_math import ARITHMETIC, COMPARISONS, FLOAT_UNARY, pair
from cases_nn import backprop_case, conv_case, depthwise_case
from cases_patterns import add, bias, conv, mul, norm, relu
from cases_pool import MODES, norm_op, pool_case

f32, i32, i64 = np.float32, np.int32, np.int64
DTYPES = (f32, f32, i32, i64, np.bool_, np.uint8)


class Dice:
    """The draws behind the shapes of one file's random cases."""

    def __init__(self, file):
        self.rng = np.random.default_rng([file.seed, zlib.crc32(file.name.encode()), 1])

    def roll(self, low, high):
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, *options):
        return options[self.roll(0, len(options) - 1)]

    def chance(self, p):
        return bool(self.rng.random() < p)

    def shape(self, low=0, high=5, largest=6):
        return tuple(self.roll(1, largest) for _ in range(self.roll(low, high)))

    def channels(self):
        return self.pick(self.roll(1, 9), self.roll(1, 40), 8, 16, 17, 24, 32, 33, 64)

    def subset(self, n):
        return [k for k in range(n) if self.chance(0.5)]


def repeat(count):
    """Makes a function of (file, dice, name) add `count` cases."""
    def wrap(function):
        @functools.wraps(function)
        def build(file, *args):
            dice = Dice(file)
            for k in range(count):
                function(file, dice, f"random_{k:03}", *args)
        return build
    return wrap


def window(dice, smallest=1):
    """Kernel, stride, padding, dilation and a size that leaves some output."""
    k = (dice.pick(1, 1, 2, 3, 3, 3, 4, 5, 7), dice.pick(1, 1, 2, 3, 3, 3, 4, 5, 7))
    if dice.chance(0.7):
        k = (k[0], k[0])
    s = dice.pick(1, 1, 1, 2, 2, 3)
    s = (s, s) if dice.chance(0.8) else (s, dice.roll(1, 3))
    d = (1, 1) if dice.chance(0.75) else (dice.roll(1, 3), dice.roll(1, 3))
    size = [dice.roll(smallest, 20), dice.roll(smallest, 20)]
    pad = dice.pick("SAME", "SAME", "VALID", "EXPLICIT")
    if pad == "EXPLICIT":
        pad = tuple(dice.roll(0, 3) for _ in range(4))
    if pad != "SAME":
        for axis in (0, 1):
            size[axis] = max(size[axis], d[axis] * (k[axis] - 1) + 1)
    return k, s, d, pad, tuple(size)


def layout_of(dice):
    return "NHWC" if dice.chance(0.75) else "NCHW"


@repeat(150)
def conv2d(file, dice, name):
    k, s, d, pad, (h, w) = window(dice)
    groups = 1 if dice.chance(0.85) else dice.roll(2, 4)
    cin, cout = dice.channels(), dice.channels()
    if groups > 1:
        cin, cout = groups * dice.roll(1, 5), groups * dice.roll(1, 5)
    conv_case(file, name, (dice.roll(1, 3), h, w, cin), k, cout, s, pad, d,
              layout_of(dice), groups, dice.chance(0.1))


@repeat(100)
def conv_backprop(file, dice, name):
    k, s, d, pad, size = window(dice)
    backprop_case(file, name, size, k, (dice.channels(), dice.channels()), s, pad, d,
                  layout_of(dice), dice.roll(1, 2))


@repeat(100)
def depthwise(file, dice, name):
    k, s, d, pad, (h, w) = window(dice)
    depthwise_case(file, name, (dice.roll(1, 2), h, w, dice.channels()), k,
                   dice.pick(1, 1, 2, 3), s[0], pad, d, layout_of(dice))


@repeat(60)
def pool(file, dice, name, kind):
    k, s, _, pad, (h, w) = window(dice)
    if isinstance(pad, tuple):
        pad = "SAME" if kind == "AvgPool" else tuple(
            min(p, k[i // 2] - 1) for i, p in enumerate(pad))
    pool_case(file, kind, name, (dice.roll(1, 2), h, w, dice.channels()), k, s, pad,
              layout_of(dice))


@repeat(30)
def batch_norm(file, dice, name, kind):
    with file.case(name) as c:
        x = c.normal(dice.roll(1, 3), dice.roll(1, 9), dice.roll(1, 9), dice.roll(1, 40))
        norm_op(c, kind, x, layout_of(dice), c.feed if dice.chance(0.2) else None,
                epsilon=dice.pick(1e-3, 1e-4, 1e-5, 0.01))


@repeat(30)
def bias_add(file, dice, name):
    with file.case(name) as c:
        nchw = dice.chance(0.4)
        shape = dice.shape(4, 4, 9) if nchw else dice.shape(2, 5, 9)
        c.out(c.op("BiasAdd", value=c.feed(c.normal(*shape)),
                   bias=c.const(c.normal(shape[1] if nchw else shape[-1])),
                   data_format="NCHW" if nchw else "NHWC"))


@repeat(60)
def resize(file, dice, name, kind):
    mode = dice.pick(*MODES.values())
    with file.case(name) as c:
        x = c.normal(dice.roll(1, 2), dice.roll(1, 14), dice.roll(1, 14), dice.roll(1, 9))
        c.out(c.op(kind, images=c.feed(x), size=[dice.roll(1, 20), dice.roll(1, 20)],
                   **mode))


@repeat(25)
def unary(file, dice, name, kind):
    key, low, high = FLOAT_UNARY[kind]
    with file.case(name) as c:
        x = c.uniform(*dice.shape(0, 6), low=low * dice.pick(1, 4) if low < 0 else low,
                      high=high * dice.pick(1, 3))
        c.out(c.op(kind, **{key: c.feed(x)}))


@repeat(20)
def softmax(file, dice, name):
    with file.case(name) as c:
        shape = dice.shape(0, 3) + (dice.roll(1, 130),)
        c.out(c.op("Softmax", logits=c.feed(c.normal(*shape, scale=dice.pick(1, 5, 20)))))


@repeat(20)
def leaky(file, dice, name):
    with file.case(name) as c:
        c.out(c.op("LeakyRelu", features=c.feed(c.normal(*dice.shape())),
                   alpha=float(dice.rng.uniform(-0.5, 2))))


def broadcast_shapes(dice, count):
    """Shapes that broadcast together; rank 4 at most, beyond which TensorFlow
    refuses some."""
    full = dice.shape(0, 4, 7)
    out = []
    for _ in range(count):
        shape = [1 if dice.chance(0.3) else n for n in full]
        out.append(tuple(shape[dice.roll(0, len(shape)):] if dice.chance(0.3) else shape))
    return out


@repeat(40)
def binary(file, dice, name, kind, types):
    a, b = broadcast_shapes(dice, 2)
    dtype = dice.pick(f32, f32, *types)
    with file.case(name) as c:
        x, y = c.values(dtype, *a), c.values(dtype, *b)
        if kind in COMPARISONS and dtype == f32:
            x, y = np.round(x, 0).astype(f32), np.round(y, 0).astype(f32)
        if kind in ("FloorDiv", "FloorMod"):
            y = np.where(y == 0, dtype(3), y).astype(dtype)
            if dtype == f32:  # no quotient that rounding could make whole
                y = np.asarray(c.uniform(*b, low=1, high=4))
        if kind == "Pow":
            x, y = np.abs(x), np.abs(y) % 5 if dtype != f32 else y
        x = c.const(x) if dice.chance(0.2) else c.feed(x)
        pair(c, kind, x, c.const(y) if dice.chance(0.2) else c.feed(y))


@repeat(30)
def select_v2(file, dice, name):
    shapes = broadcast_shapes(dice, 3)
    dtype = dice.pick(*DTYPES[1:5])
    with file.case(name) as c:
        c.out(c.op("SelectV2", condition=c.feed(c.bools(*shapes[0])),
                   t=c.feed(c.values(dtype, *shapes[1])),
                   e=c.feed(c.values(dtype, *shapes[2]))))


@repeat(50)
def reduction(file, dice, name, kind, types):
    shape = dice.shape(0, 5)
    axes = [a - len(shape) if dice.chance(0.3) else a for a in dice.subset(len(shape))]
    dice.rng.shuffle(axes)
    dtype = dice.pick(f32, f32, *types)
    with file.case(name) as c:
        x = c.normal(*shape) if dtype == f32 else c.ints(*shape, low=-4, high=5, dtype=dtype)
        c.out(c.op(kind, input=c.feed(x), axis=np.array(axes, dice.pick(i32, i64)),
                   keep_dims=dice.chance(0.5)))


@repeat(80)
def matmul(file, dice, name):
    m, k, n = (dice.pick(1, dice.roll(1, 9), dice.roll(1, 40), dice.roll(1, 130))
               for _ in range(3))
    ta, tb = dice.chance(0.3), dice.chance(0.3)
    with file.case(name) as c:
        b = c.normal(*((n, k) if tb else (k, n)))
        c.out(c.op("MatMul", a=c.feed(c.normal(*((k, m) if ta else (m, k)))),
                   b=c.const(b) if dice.chance(0.6) else c.feed(b),
                   transpose_a=ta, transpose_b=tb))


@repeat(40)
def concat(file, dice, name):
    shape = list(dice.shape(1, 5))
    axis, dtype = dice.roll(0, len(shape) - 1), dice.pick(*DTYPES)
    with file.case(name) as c:
        parts = []
        for _ in range(dice.roll(2, 6)):
            shape[axis] = dice.roll(0, 6)
            parts.append(c.feed(c.values(dtype, *shape)))
        c.out(c.op("ConcatV2", values=parts, axis=axis - dice.pick(0, len(shape))))


@repeat(30)
def split_v(file, dice, name):
    sizes = [dice.roll(0, 5) for _ in range(dice.roll(1, 5))]
    shape = list(dice.shape(1, 4))
    axis = dice.roll(0, len(shape) - 1)
    shape[axis] = sum(sizes)
    if len(sizes) > 1 and dice.chance(0.5):
        sizes[dice.roll(0, len(sizes) - 1)] = -1
    with file.case(name) as c:
        c.out(*c.op("SplitV", value=c.feed(c.values(dice.pick(*DTYPES[:4]), *shape)),
                    size_splits=np.array(sizes, dice.pick(i32, i64)),
                    axis=axis - dice.pick(0, len(shape)), num_split=len(sizes)))


@repeat(30)
def pack(file, dice, name):
    shape, dtype = dice.shape(0, 4), dice.pick(*DTYPES)
    with file.case(name) as c:
        c.out(c.op("Pack", values=[c.feed(c.values(dtype, *shape))
                                   for _ in range(dice.roll(1, 5))],
                   axis=dice.roll(-len(shape) - 1, len(shape))))


@repeat(30)
def unpack(file, dice, name):
    shape = dice.shape(1, 5)
    axis = dice.roll(-len(shape), len(shape) - 1)
    with file.case(name) as c:
        c.out(*c.op("Unpack", value=c.feed(c.values(dice.pick(*DTYPES), *shape)),
                    num=shape[axis], axis=axis))


@repeat(40)
def slice_(file, dice, name):
    shape = dice.shape(0, 5)
    begin = [dice.roll(0, n) for n in shape]
    size = [-1 if dice.chance(0.2) else dice.roll(0, n - b) for n, b in zip(shape, begin)]
    with file.case(name) as c:
        index = dice.pick(i32, i64)
        c.out(c.op("Slice", input=c.feed(c.values(dice.pick(*DTYPES), *shape)),
                   begin=np.array(begin, index), size=np.array(size, index)))


@repeat(250)
def strided_slice(file, dice, name):
    shape = dice.shape(1, 5)
    hidden = dice.roll(0, len(shape)) if dice.chance(0.4) else None  # under an ellipsis
    left = list(shape)
    specs = []
    at = dice.roll(0, len(shape) - hidden) if hidden is not None else None
    used = len(shape) - (hidden or 0)
    if hidden is None:
        used = dice.roll(1, len(shape))
    for k in range(used + 1):
        if dice.chance(0.2):
            specs.append(("new_axis", 0, 0, 1))
        if k == at:
            specs.append(("ellipsis", 0, 0, 1))
            left = left[hidden:]
        if k == used:
            break
        n = left.pop(0)
        if dice.chance(0.2):
            specs.append(("shrink_axis", dice.roll(-n, n - 1), dice.roll(-9, 9), 1))
        else:
            specs.append(("", dice.roll(-n - 2, n + 2), dice.roll(-n - 2, n + 2),
                          dice.pick(1, 1, 1, 2, 3, -1, -1, -2)))
    masks = dict.fromkeys(("begin", "end", "ellipsis", "new_axis", "shrink_axis"), 0)
    for k, (kind, *_) in enumerate(specs):
        if kind:
            masks[kind] |= 1 << k
        else:
            masks["begin"] |= dice.chance(0.3) << k
        masks["end"] |= dice.chance(0.3) << k
    with file.case(name) as c:
        x = c.feed(c.values(dice.pick(*DTYPES), *shape))
        begin, end, strides = (list(v) for v in list(zip(*specs))[1:])
        c.out(strided_op(c, x, begin, end, strides, masks, dice.pick(i32, i64)))


@repeat(50)
def gather(file, dice, name):
    shape = dice.shape(1, 4)
    axis = dice.roll(0, len(shape) - 1)
    batch = dice.roll(0, axis) if dice.chance(0.4) else 0
    indices = shape[:batch] + dice.shape(0, 2, 4)
    with file.case(name) as c:
        index = dice.pick(i32, i64)
        c.out(c.op("GatherV2", params=c.feed(c.values(dice.pick(*DTYPES), *shape)),
                   indices=c.feed(c.ints(*indices, low=0, high=shape[axis], dtype=index)),
                   axis=axis - dice.pick(0, len(shape)), batch_dims=batch))


@repeat(40)
def pad(file, dice, name, kind):
    shape = dice.shape(1, 4 if kind == "MirrorPad" else 5)
    mode = dice.pick("REFLECT", "SYMMETRIC")
    most = [(n - (mode == "REFLECT") if kind == "MirrorPad" else 4) for n in shape]
    pads = np.array([[dice.roll(0, m), dice.roll(0, m)] for m in most], dice.pick(i32, i64))
    dtype = dice.pick(*DTYPES[:4])
    with file.case(name) as c:
        more = {"mode": mode} if kind == "MirrorPad" else {}
        if kind == "PadV2":
            more = {"constant_values": dtype(dice.roll(-5, 5))}
        c.out(c.op(kind, input=c.feed(c.values(dtype, *shape)), paddings=pads, **more))


@repeat(60)
def transpose(file, dice, name):
    shape = dice.shape(0, 6, 9 if dice.chance(0.5) else 4)
    perm = dice.rng.permutation(len(shape)).astype(dice.pick(i32, i64))
    with file.case(name) as c:
        x = c.values(dice.pick(*DTYPES), *shape)
        c.out(c.op("Transpose", x=c.feed(x), perm=perm))


@repeat(30)
def tile(file, dice, name):
    shape = dice.shape(0, 5, 4)
    with file.case(name) as c:
        c.out(c.op("Tile", input=c.feed(c.values(dice.pick(*DTYPES), *shape)),
                   multiples=np.array([dice.roll(0 if dice.chance(.1) else 1, 3)
                                       for _ in shape], dice.pick(i32, i64))))


@repeat(20)
def blocks(file, dice, name, kind):
    b, k = dice.roll(2, 4), dice.roll(1, 5)
    h, w = dice.roll(1, 4), dice.roll(1, 4)
    shape = (h * b, w * b, k) if kind == "SpaceToDepth" else (h, w, k * b * b)
    with file.case(name) as c:
        c.out(c.op(kind, input=c.feed(c.normal(dice.roll(1, 2), *shape)), block_size=b))


@repeat(40)
def network(file, dice, name):
    """A chain of layers with skip connections, as the fusions may meet it."""
    with file.case(name) as c:
        channels = dice.roll(1, 12)
        x = c.feed(c.normal(1, dice.roll(5, 12), dice.roll(5, 12), channels))
        skips = []
        for k in range(dice.roll(3, 9)):
            p = f"l{k}_"
            kind = dice.pick("conv", "conv", "conv", "pool", "pad", "depthwise", "up", "act",
                             "skip", "concat", "scale")
            same = [s for s in skips if s.shape == x.shape]
            if kind == "conv":
                n = channels if dice.chance(0.4) else dice.roll(1, 20)
                x = conv(c, x, dice.pick(1, 3, 3, 5), channels, n, p + "conv",
                         dice.pick(1, 1, 2))
                channels = n
                if dice.chance(0.5):
                    x = bias(c, x, n, p + "bias")
                if dice.chance(0.4):
                    x = norm(c, x, n, p + "bn")
            elif kind == "depthwise":
                x = c.op("DepthwiseConv2dNative", p + "dw", input=x, strides=[1] * 4,
                         padding="SAME", filter=c.const(c.normal(3, 3, channels, 1), p + "w"))
                x = norm(c, x, channels, p + "bn")
            elif kind == "pool":
                op, key = dice.pick(("MaxPool", "input"), ("AvgPool", "value"))
                x = c.op(op, p + "pool", **{key: x}, ksize=[1, 2, 2, 1],
                         strides=[1, 2, 2, 1], padding="SAME")
            elif kind == "pad":
                pads = [[0, 0], [dice.roll(0, 2), dice.roll(0, 2)],
                        [dice.roll(0, 2), dice.roll(0, 2)], [0, 0]]
                x = c.op("Pad", p + "pad", input=x, paddings=i32(pads))
                x = conv(c, x, 1, channels, channels, p + "conv", pad="VALID")
            elif kind == "up":
                size = [2 * int(n) for n in x.shape[1:3]]
                x = c.op(dice.pick("ResizeBilinear", "ResizeNearestNeighbor"), p + "up",
                         images=x, size=size, half_pixel_centers=dice.chance(0.5))
            elif kind == "skip" and same:
                x = add(c, *dice.pick((x, same[-1]), (same[-1], x)), p + "add")
            elif kind == "concat" and same and channels < 20:
                x = c.op("ConcatV2", p + "concat", values=[x, same[-1]], axis=3)
                channels *= 2
            elif kind == "scale":
                x = add(c, mul(c, x, c.const(c.normal(channels), p + "k"), p + "mul"),
                        c.const(c.normal(channels), p + "b"), p + "shift")
            act = dice.pick("Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "LeakyRelu", None, None)
            if act:
                key = "x" if act in ("Sigmoid", "Tanh") else "features"
                x = c.op(act, p + "act", **{key: x})
            skips.append(x)
            if dice.chance(0.15):
                c.out(x)
        x = c.op("Mean", "mean", input=x, axis=[1, 2])
        c.out(x)


def bind(function, *args):
    return lambda file: function(file, *args)


FILES = {
    "Conv2D": conv2d, "Conv2DBackpropInput": conv_backprop,
    "DepthwiseConv2dNative": depthwise, "BiasAdd": bias_add, "Softmax": softmax,
    "LeakyRelu": leaky, "SelectV2": select_v2, "MatMul": matmul, "ConcatV2": concat,
    "SplitV": split_v, "Pack": pack, "Unpack": unpack, "Slice": slice_,
    "StridedSlice": strided_slice, "GatherV2": gather, "Transpose": transpose,
    "Tile": tile, "patterns": network,
}
for _kind in ("MaxPool", "AvgPool"):
    FILES[_kind] = bind(pool, _kind)
for _kind in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
    FILES[_kind] = bind(batch_norm, _kind)
for _kind in ("ResizeNearestNeighbor", "ResizeBilinear"):
    FILES[_kind] = bind(resize, _kind)
for _kind in FLOAT_UNARY:
    FILES[_kind] = bind(unary, _kind)
for _kind, _types in list(ARITHMETIC.items()) + list(COMPARISONS.items()):
    FILES[_kind] = bind(binary, _kind, _types)
for _kind in ("FloorDiv", "FloorMod", "Pow"):
    FILES[_kind] = bind(binary, _kind, (i32, i64))
for _kind in ("Mean", "Sum", "Max", "Min", "Prod"):
    FILES[_kind] = bind(reduction, _kind, () if _kind == "Mean" else (i32, i64))
for _kind in ("Pad", "PadV2", "MirrorPad"):
    FILES[_kind] = bind(pad, _kind)
for _kind in ("SpaceToDepth", "DepthToSpace"):
    FILES[_kind] = bind(blocks, _kind)
