# SPDX-License-Identifier: Apache-2.0
"""Cases of convolution, pooling, batch normalization and bias."""
import numpy as np

from builder import raw

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


def nhwc(x):
    return raw.Transpose(x=x, perm=TO_NHWC)


def nchw(x):
    return raw.Transpose(x=x, perm=TO_NCHW)


def hw4(pair, layout="NHWC"):
    """(h, w) as the four numbers of a strides, ksize or dilations attribute."""
    h, w = pair if isinstance(pair, tuple) else (pair, pair)
    return [1, h, w, 1] if layout == "NHWC" else [1, 1, h, w]


def pads8(pads, layout="NHWC"):
    """(top, bottom, left, right) as an explicit_paddings attribute."""
    space = list(pads)
    return [0, 0] + space + [0, 0] if layout == "NHWC" else [0] * 4 + space


def padding_of(pad, layout="NHWC"):
    """Attributes for "SAME", "VALID" or a tuple of explicit paddings."""
    if isinstance(pad, tuple):
        return {"padding": "EXPLICIT", "explicit_paddings": pads8(pad, layout)}
    return {"padding": pad}


def image(c, shape, layout):
    n, h, w, k = shape
    return c.normal(n, h, w, k) if layout == "NHWC" else c.normal(n, k, h, w)


def spread(filter, d):
    """The filter with d-1 zeros between its taps: an undilated equivalent."""
    dh, dw = d if isinstance(d, tuple) else (d, d)
    kh, kw, a, b = filter.shape
    out = np.zeros((dh * (kh - 1) + 1, dw * (kw - 1) + 1, a, b), filter.dtype)
    out[::dh, ::dw] = filter
    return out


# -- Conv2D -------------------------------------------------------------

def conv_case(file, name, shape, kernel, cout, stride=1, pad="SAME", dil=1,
              layout="NHWC", groups=1, feed_filter=False, open_batch=False):
    """One Conv2D; TensorFlow's CPU kernel is NHWC only, so that an NCHW case
    takes its expected result from the NHWC twin between transposes."""
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    with file.case(name) as c:
        x = image(c, shape, layout)
        w = c.normal(kh, kw, shape[3] // groups, cout, scale=0.4)
        dims = [None] + list(x.shape[1:]) if open_batch else None
        x = c.feed(x, dims)
        w = c.feed(w) if feed_filter else c.const(w)
        c.out(c.op("Conv2D", input=x, filter=w, strides=hw4(stride, layout),
                   dilations=hw4(dil, layout), data_format=layout,
                   **padding_of(pad, layout)))
        if layout == "NCHW":
            with c.reference():
                c.want(nchw(raw.Conv2D(
                    input=nhwc(x), filter=w, strides=hw4(stride),
                    dilations=hw4(dil), **padding_of(pad))))


def conv2d(file):
    def add(name, *args, **kwargs):
        conv_case(file, name, *args, **kwargs)

    for k in (1, 2, 3, 5, 7):
        add(f"same_k{k}", (1, 8, 7, 3), k, 4)
        add(f"valid_k{k}", (1, 9, 8, 2), k, 3, pad="VALID")
    for cin in (1, 2, 3, 5, 8, 16, 17, 33):
        add(f"same_k3_channels{cin}_in", (1, 5, 5, cin), 3, 4)
    for cout in (1, 2, 5, 8, 16, 17, 33):
        add(f"same_k3_channels{cout}_out", (1, 5, 6, 3), 3, cout)
    for cin, cout in ((1, 1), (17, 33), (33, 17), (16, 8), (8, 16), (5, 24)):
        add(f"pointwise_{cin}_to_{cout}", (2, 3, 5, cin), 1, cout)
    add("same_kernel_1x5", (1, 6, 9, 3), (1, 5), 4)
    add("same_kernel_5x1", (1, 9, 6, 3), (5, 1), 4)
    add("same_kernel_2x3", (1, 7, 7, 3), (2, 3), 4)
    add("valid_kernel_3x2", (1, 7, 7, 3), (3, 2), 4, pad="VALID")
    add("valid_kernel_as_large_as_input", (2, 5, 3, 4), (5, 3), 6, pad="VALID")
    add("same_input_1x1_k3", (1, 1, 1, 5), 3, 7)
    add("same_input_2x3_k5", (1, 2, 3, 3), 5, 4)
    add("same_input_3x2_k7", (2, 3, 2, 2), 7, 3)
    add("batch3", (3, 4, 5, 3), 3, 5)
    add("batch_open", (2, 4, 5, 3), 3, 5, open_batch=True)
    add("batch_empty", (0, 4, 5, 3), 3, 5, open_batch=True)
    add("filter_fed", (1, 5, 5, 3), 3, 4, feed_filter=True)
    for pad in ("SAME", "VALID"):
        low = pad.lower()
        add(f"{low}_stride2_odd", (1, 7, 9, 3), 3, 4, 2, pad)
        add(f"{low}_stride2_even", (1, 8, 6, 3), 3, 4, 2, pad)
        add(f"{low}_stride3", (1, 11, 10, 3), 3, 4, 3, pad)
        add(f"{low}_stride_1x2", (1, 7, 8, 3), 3, 4, (1, 2), pad)
        add(f"{low}_stride_3x1", (1, 7, 8, 3), 3, 4, (3, 1), pad)
        add(f"{low}_stride2_k1", (1, 7, 8, 5), 1, 6, 2, pad)
        add(f"{low}_stride2_k2", (1, 7, 8, 3), 2, 4, 2, pad)
        add(f"{low}_stride3_k2_skips", (1, 8, 9, 3), 2, 4, 3, pad)
        add(f"{low}_stride2_k7", (1, 13, 13, 3), 7, 8, 2, pad)
        add(f"{low}_dilation2", (1, 9, 8, 3), 3, 4, 1, pad, 2)
        add(f"{low}_dilation_1x3", (1, 7, 11, 3), 3, 4, 1, pad, (1, 3))
        add(f"{low}_dilation2_stride2", (1, 11, 10, 3), 3, 4, 2, pad, 2)
    add("same_dilation4_beyond_input", (1, 5, 5, 3), 3, 4, dil=4)
    add("explicit_symmetric", (1, 6, 7, 3), 3, 4, pad=(1, 1, 1, 1))
    add("explicit_uneven", (1, 6, 7, 3), 3, 4, pad=(0, 2, 1, 0))
    add("explicit_stride2", (1, 8, 7, 3), 3, 4, 2, pad=(0, 1, 0, 1))
    add("explicit_wider_than_kernel", (1, 3, 3, 2), 2, 3, pad=(3, 2, 4, 1))
    add("explicit_dilation2", (1, 6, 7, 3), 3, 4, pad=(2, 1, 1, 2), dil=2)
    for groups, cin, cout in ((2, 4, 6), (3, 6, 3), (4, 8, 16), (5, 5, 10)):
        add(f"grouped{groups}_{cin}_to_{cout}", (1, 5, 6, cin), 3, cout,
            groups=groups)
    add("grouped2_stride2_valid", (2, 7, 7, 6), 3, 4, 2, "VALID", groups=2)
    add("grouped4_pointwise", (1, 4, 5, 8), 1, 8, groups=4)
    for name, args in {
            "same": ((2, 5, 6, 3), 3, 4), "same_k1": ((1, 5, 6, 17), 1, 9),
            "same_stride2": ((1, 7, 8, 3), 3, 4, 2),
            "valid_stride_2x1": ((1, 7, 8, 3), 3, 4, (2, 1), "VALID"),
            "same_dilation_2x1": ((1, 7, 8, 3), 3, 4, 1, "SAME", (2, 1)),
            "explicit": ((1, 5, 6, 3), 3, 4, 1, (0, 2, 1, 0)),
            "valid_k5_channels33": ((1, 6, 6, 33), 5, 2, 1, "VALID")}.items():
        add(f"nchw_{name}", *args, layout="NCHW")
    add("nchw_grouped2", (1, 5, 6, 4), 3, 6, groups=2, layout="NCHW")

    for name, attrs in {
            "default_data_format": ["data_format"],
            "default_dilations": ["dilations"],
            "default_explicit_paddings": ["explicit_paddings"],
            "default_use_cudnn_on_gpu": ["use_cudnn_on_gpu"],
            "all_defaults_stripped": ["data_format", "dilations", "use_cudnn_on_gpu",
                                      "explicit_paddings"]}.items():
        with file.case(name) as c:
            c.out(c.op("Conv2D", input=c.feed(c.normal(1, 5, 6, 3)),
                       filter=c.const(c.normal(3, 3, 3, 4)),
                       strides=hw4(2), padding="SAME"))
            for attr in attrs:
                c.strip(attr)
    with file.case("special_values") as c:
        x = c.normal(1, 8, 8, 2)
        x[0, 0, 0, 0], x[0, 0, 7, 1], x[0, 7, 0, 0] = np.nan, np.inf, -np.inf
        x[0, 7, 7, 1] = 1e38
        c.out(c.op("Conv2D", input=c.feed(x), filter=c.const(c.normal(3, 3, 2, 3)),
                   strides=hw4(1), padding="SAME"))


# -- Conv2DBackpropInput ------------------------------------------------

def out_size(n, k, s, pad, d=1):
    """Output length of a forward convolution."""
    k = d * (k - 1) + 1
    if pad == "SAME":
        return -(-n // s)
    return (n - k) // s + 1


def backprop_case(file, name, size, kernel, channels, stride=1, pad="SAME", dil=1,
                  layout="NHWC", batch=1, strip=(), **more):
    """A transposed convolution to an image of `size`. TensorFlow's CPU kernel
    knows NHWC and no dilation: other cases take their expected result from a
    twin between transposes, with a filter that has zeros between its taps."""
    cin, cout = channels  # of the incoming gradient, of the result
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    sh, sw = stride if isinstance(stride, tuple) else (stride, stride)
    dh, dw = dil if isinstance(dil, tuple) else (dil, dil)
    h, w = size
    if isinstance(pad, tuple):
        gh = out_size(h + pad[0] + pad[1], kh, sh, "VALID", dh)
        gw = out_size(w + pad[2] + pad[3], kw, sw, "VALID", dw)
    else:
        gh, gw = out_size(h, kh, sh, pad, dh), out_size(w, kw, sw, pad, dw)
    with file.case(name) as c:
        g = c.feed(image(c, (batch, gh, gw, cin), layout))
        f = c.normal(kh, kw, cout, cin, scale=0.4)
        dims = [batch, h, w, cout] if layout == "NHWC" else [batch, cout, h, w]
        sizes = np.array(dims, np.int32)
        sizes = c.const(sizes)
        c.out(c.op("Conv2DBackpropInput", input_sizes=sizes, filter=c.const(f),
                   out_backprop=g, strides=hw4(stride, layout),
                   dilations=hw4(dil, layout), data_format=layout,
                   **padding_of(pad, layout), **more))
        for attr in strip:
            c.strip(attr)
        if layout == "NCHW" or dil != 1:
            with c.reference():
                r = raw.Conv2DBackpropInput(
                    input_sizes=[batch, h, w, cout], filter=spread(f, dil),
                    out_backprop=g if layout == "NHWC" else nhwc(g),
                    strides=hw4(stride), **padding_of(pad))
                c.want(r if layout == "NHWC" else nchw(r))


def keras_transpose(file, name, shape, kernel, cout, stride, pad, layout="NHWC"):
    """Conv2DTranspose as Keras writes it: the sizes come from the graph."""
    n, h, w, cin = shape
    with file.case(name) as c:
        x = c.feed(image(c, shape, layout),
                   [None, h, w, cin] if layout == "NHWC" else [None, cin, h, w])
        f = c.normal(kernel, kernel, cout, cin, scale=0.4)
        at = (1, 2) if layout == "NHWC" else (2, 3)
        dim = {}
        for leaf, k in (("batch", 0), ("height", at[0]), ("width", at[1])):
            shape_of = c.op("Shape", f"shape_{leaf}", input=x)
            dim[leaf] = c.op("StridedSlice", f"slice_{leaf}", input=shape_of,
                             begin=[k], end=[k + 1], strides=[1], shrink_axis_mask=1)
        extra = max(kernel - stride, 0) if pad == "VALID" else 0
        for leaf in ("height", "width"):
            dim[leaf] = c.op("Mul", f"mul_{leaf}", x=dim[leaf], y=stride)
            if extra:
                dim[leaf] = c.op("AddV2", f"add_{leaf}", x=dim[leaf], y=extra)
        order = [dim["batch"], dim["height"], dim["width"], np.int32(cout)]
        if layout == "NCHW":
            order = [order[0], order[3], order[1], order[2]]
        sizes = c.op("Pack", "stack", values=order)
        filter = c.const(f)
        y = c.op("Conv2DBackpropInput", input_sizes=sizes, filter=filter,
                 out_backprop=x, strides=hw4(stride, layout), padding=pad,
                 data_format=layout)
        b = c.const(c.normal(cout))
        c.out(c.op("BiasAdd", "bias", value=y, bias=b, data_format=layout))
        if layout == "NCHW":
            with c.reference():
                r = raw.Conv2DBackpropInput(
                    input_sizes=[n, h * stride + extra, w * stride + extra, cout],
                    filter=filter, out_backprop=nhwc(x), strides=hw4(stride),
                    padding=pad)
                c.want(nchw(raw.BiasAdd(value=r, bias=b)))


def conv2d_backprop_input(file):
    def add(name, *args, **kwargs):
        backprop_case(file, name, *args, **kwargs)

    for pad in ("SAME", "VALID"):
        low = pad.lower()
        for k in (2, 3, 4, 5):
            for s in (1, 2, 3):
                add(f"{low}_k{k}_stride{s}", (8, 7), k, (3, 2), s, pad)
        add(f"{low}_stride_1x2", (7, 8), 3, (3, 4), (1, 2), pad)
        add(f"{low}_kernel_2x5", (7, 9), (2, 5), (3, 4), 2, pad)
        add(f"{low}_stride2_remainder", (9, 8), 3, (2, 3), 2, pad)
        add(f"{low}_k1_stride2", (7, 6), 1, (3, 4), 2, pad)
        add(f"{low}_batch3", (6, 5), 3, (4, 3), 2, pad, batch=3)
    for cin, cout in ((1, 1), (1, 8), (17, 5), (8, 16), (33, 2), (2, 33)):
        add(f"channels_{cin}_to_{cout}", (6, 6), 3, (cin, cout), 2)
    add("to_1x1", (1, 1), 3, (3, 2))
    add("explicit", (7, 6), 3, (3, 2), 1, (1, 0, 2, 1))
    add("explicit_stride2", (8, 7), 4, (3, 2), 2, (1, 1, 0, 2))
    add("dilation2_same", (8, 7), 3, (3, 2), 1, "SAME", 2)
    add("dilation_1x2_valid", (7, 9), 3, (3, 2), 1, "VALID", (1, 2))
    add("nchw_same_stride2", (7, 8), 3, (3, 2), 2, layout="NCHW")
    add("nchw_valid_stride3", (9, 8), 4, (5, 3), 3, "VALID", layout="NCHW")
    add("nchw_same_stride_2x1", (7, 8), 4, (3, 2), (2, 1), layout="NCHW", batch=2)
    add("nchw_explicit", (7, 6), 3, (3, 2), 2, (1, 0, 2, 1), layout="NCHW")
    keras_transpose(file, "keras_same_stride2", (2, 3, 4, 5), 3, 4, 2, "SAME")
    keras_transpose(file, "keras_same_stride2_k4", (1, 4, 3, 3), 4, 2, 2, "SAME")
    keras_transpose(file, "keras_same_stride1", (1, 4, 3, 3), 3, 2, 1, "SAME")
    keras_transpose(file, "keras_valid_stride2", (2, 3, 4, 3), 3, 4, 2, "VALID")
    keras_transpose(file, "keras_valid_stride3_k2", (1, 3, 4, 3), 2, 4, 3, "VALID")
    keras_transpose(file, "keras_valid_stride2_k5", (1, 3, 2, 3), 5, 4, 2, "VALID")
    keras_transpose(file, "keras_nchw", (2, 3, 4, 3), 3, 4, 2, "SAME", "NCHW")
    for attr in ("data_format", "dilations", "explicit_paddings", "use_cudnn_on_gpu"):
        add(f"default_{attr}", (6, 5), 3, (3, 2), 2, strip=(attr,))
    add("all_defaults_stripped", (6, 5), 3, (3, 2), 2,
        strip=("data_format", "dilations", "explicit_paddings", "use_cudnn_on_gpu"))


# -- DepthwiseConv2dNative ----------------------------------------------

def depthwise_case(file, name, shape, kernel, mult=1, stride=1, pad="SAME", dil=1,
                   layout="NHWC", strip=()):
    """TensorFlow's CPU kernel knows NHWC and no dilation: the other cases use
    a twin between transposes, with zeros between the taps of the filter."""
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    with file.case(name) as c:
        x = c.feed(image(c, shape, layout))
        f = c.normal(kh, kw, shape[3], mult, scale=0.6)
        c.out(c.op("DepthwiseConv2dNative", input=x, filter=c.const(f),
                   strides=hw4(stride, layout), dilations=hw4(dil, layout),
                   data_format=layout, **padding_of(pad, layout)))
        for attr in strip:
            c.strip(attr)
        if layout == "NCHW" or dil != 1:
            with c.reference():
                r = raw.DepthwiseConv2dNative(
                    input=x if layout == "NHWC" else nhwc(x),
                    filter=spread(f, dil), strides=hw4(stride), **padding_of(pad))
                c.want(r if layout == "NHWC" else nchw(r))


def depthwise(file):
    def add(name, *args, **kwargs):
        depthwise_case(file, name, *args, **kwargs)

    for mult in (1, 2, 3):
        for channels in (1, 3, 8, 17, 33):
            add(f"same_k3_channels{channels}_multiplier{mult}",
                (1, 5, 4, channels), 3, mult)
    for k in (1, 2, 5, 7):
        add(f"same_k{k}", (1, 7, 8, 4), k)
        add(f"valid_k{k}", (1, 9, 8, 3), k, 2, pad="VALID")
    for pad in ("SAME", "VALID"):
        low = pad.lower()
        add(f"{low}_stride2_odd", (1, 7, 9, 5), 3, 1, 2, pad)
        add(f"{low}_stride2_even", (2, 8, 6, 8), 3, 1, 2, pad)
        add(f"{low}_stride2_multiplier2", (1, 7, 6, 5), 3, 2, 2, pad)
        add(f"{low}_stride3", (1, 9, 11, 4), 3, 1, 3, pad)
        add(f"{low}_dilation2", (1, 9, 8, 5), 3, 1, 1, pad, 2)
        add(f"{low}_dilation_3x1_multiplier2", (1, 11, 6, 3), 3, 2, 1, pad, (3, 1))
    add("same_kernel_1x3", (1, 5, 7, 4), (1, 3))
    add("same_kernel_3x2", (1, 5, 7, 4), (3, 2), 2)
    add("same_input_1x1", (1, 1, 1, 5), 3)
    add("same_input_2x1_k5", (2, 2, 1, 5), 5)
    add("batch3", (3, 4, 5, 6), 3)
    add("explicit", (1, 5, 6, 4), 3, 1, 1, (1, 0, 2, 1))
    add("explicit_stride2", (1, 6, 6, 4), 3, 2, 2, (0, 1, 0, 1))
    add("nchw_same", (2, 5, 6, 4), 3, layout="NCHW")
    add("nchw_same_stride2_multiplier2", (1, 7, 8, 3), 3, 2, 2, layout="NCHW")
    add("nchw_valid_dilation2", (1, 8, 9, 5), 3, 1, 1, "VALID", 2, "NCHW")
    add("nchw_explicit", (1, 5, 6, 3), 3, 1, 1, (1, 0, 2, 1), layout="NCHW")
    defaults = ("data_format", "dilations", "explicit_paddings")
    for attr in defaults:
        add(f"default_{attr}", (1, 5, 6, 4), 3, strip=(attr,))
    add("all_defaults_stripped", (1, 5, 6, 4), 3, 2, 2, "VALID", strip=defaults)


# -- BiasAdd ------------------------------------------------------------

def bias_add(file):
    shapes = {"rank2": (3, 5), "rank3": (2, 3, 4), "rank4": (2, 3, 2, 7),
              "rank5": (1, 2, 3, 2, 3), "one_channel": (2, 3, 3, 1),
              "channels33": (1, 3, 2, 33), "empty_batch": (0, 3)}
    for name, shape in shapes.items():
        with file.case(name) as c:
            c.out(c.op("BiasAdd", value=c.feed(c.normal(*shape)),
                       bias=c.const(c.normal(shape[-1]))))
    for name, shape in {"nchw": (2, 5, 3, 4), "nchw_batch3": (3, 2, 4, 1),
                        "nchw_channels17": (1, 17, 2, 3)}.items():
        with file.case(name) as c:
            c.out(c.op("BiasAdd", value=c.feed(c.normal(*shape)),
                       bias=c.const(c.normal(shape[1])), data_format="NCHW"))
    with file.case("bias_fed") as c:
        c.out(c.op("BiasAdd", value=c.feed(c.normal(2, 6)), bias=c.feed(c.normal(6))))
    with file.case("int32") as c:
        c.out(c.op("BiasAdd", value=c.feed(c.ints(2, 6)), bias=c.const(c.ints(6))))
    for name in ("default_data_format", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("BiasAdd", value=c.feed(c.normal(1, 4, 4, 3)),
                       bias=c.const(c.normal(3))))
            c.strip("data_format")


FILES = {
    "Conv2D": conv2d,
    "Conv2DBackpropInput": conv2d_backprop_input,
    "DepthwiseConv2dNative": depthwise,
    "BiasAdd": bias_add,
}
