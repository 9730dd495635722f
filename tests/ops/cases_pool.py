# SPDX-License-Identifier: Apache-2.0
"""Cases of pooling, batch normalization, softmax and image resizing."""
import numpy as np

from builder import raw
from cases_nn import hw4, image, nchw, nhwc, padding_of

# -- FusedBatchNorm -----------------------------------------------------

NORM_SHAPES = {"channels1": (2, 3, 4, 1), "channels3": (1, 4, 3, 3),
               "channels8": (2, 2, 3, 8), "channels17": (1, 3, 2, 17),
               "channels33": (1, 2, 2, 33), "spatial_1x1": (3, 1, 1, 5)}


def norm_inputs(c, channels, make):
    """scale, offset, mean and variance, each made by `make`."""
    return dict(scale=make(c.normal(channels)), offset=make(c.normal(channels)),
                mean=make(c.normal(channels)),
                variance=make(c.uniform(channels, low=0.05, high=2)))


def norm_op(c, kind, x, layout="NHWC", make=None, **attrs):
    channels = x.shape[3] if layout == "NHWC" else x.shape[1]
    x = c.feed(x)
    params = norm_inputs(c, channels, make or c.const)
    out = c.op(kind, x=x, data_format=layout,
               **params, **{"is_training": False, **attrs})
    c.out(out[0])


def batch_norm(kind):
    """The cases of one of the three versions. TensorFlow's CPU kernel takes
    NCHW itself."""
    def build(file):
        for name, shape in NORM_SHAPES.items():
            with file.case(name) as c:
                norm_op(c, kind, c.normal(*shape), epsilon=1e-3)
        for label, eps in (("1e_5", 1e-5), ("1e_4", 1e-4), ("0_1", 0.1),
                           ("1_001e_5", 1.001e-5), ("0", 0.0)):
            with file.case(f"epsilon_{label}") as c:
                norm_op(c, kind, c.normal(1, 3, 3, 4), epsilon=eps)
        with file.case("epsilon_matters_tiny_variance") as c:
            c.out(c.op(kind, x=c.feed(c.normal(1, 3, 3, 4)), scale=c.normal(4),
                       offset=c.normal(4), mean=c.normal(4),
                       variance=np.array([0, 1e-6, 1e-4, 1e-3], np.float32),
                       epsilon=1e-3, is_training=False)[0])
        with file.case("parameters_fed") as c:
            norm_op(c, kind, c.normal(2, 3, 3, 5), make=c.feed, epsilon=1e-3)
        for name, shape in {"nchw": (2, 5, 3, 4), "nchw_channels1": (2, 1, 3, 3),
                            "nchw_channels17": (1, 17, 2, 2)}.items():
            with file.case(name) as c:
                norm_op(c, kind, c.normal(*shape), "NCHW", epsilon=1e-3)
        with file.case("nchw_parameters_fed") as c:
            norm_op(c, kind, c.normal(1, 4, 3, 2), "NCHW", c.feed, epsilon=1e-4)
        with file.case("special_values") as c:
            x = c.normal(1, 2, 3, 4)
            x.flat[:5] = [np.nan, np.inf, -np.inf, 1e38, -0.0]
            norm_op(c, kind, x, epsilon=1e-3)
        defaults = ["epsilon", "data_format", "exponential_avg_factor"]
        for attr in defaults:
            with file.case(f"default_{attr}") as c:
                norm_op(c, kind, c.normal(1, 3, 3, 4))
                c.strip(attr)
        with file.case("all_defaults_stripped") as c:
            norm_op(c, kind, c.normal(1, 3, 3, 4))
            for attr in defaults:
                c.strip(attr)
    return build


def refused(file):
    """Batch normalization in training mode (without is_training, that is the
    registered default) and an operation outside the set."""
    for kind in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        for name in ("explicit", "default"):
            with file.case(f"{kind}_training_{name}", refused=True) as c:
                norm_op(c, kind, c.normal(2, 3, 3, 4), epsilon=1e-3,
                        is_training=True)
                if name == "default":
                    c.strip("is_training")
        with file.case(f"{kind}_training_nchw", refused=True) as c:
            norm_op(c, kind, c.normal(2, 4, 3, 3), "NCHW", epsilon=1e-3,
                    is_training=True)
    with file.case("unknown_operation", refused=True) as c:
        x = c.feed(c.uniform(3))
        c.out(c.op("Betainc", a=x, b=x, x=x))


# -- pooling ------------------------------------------------------------

def pool_op(c, kind, x, ksize, stride, pad, layout="NHWC"):
    key = "input" if kind == "MaxPool" else "value"
    return c.op(kind, **{key: x}, ksize=hw4(ksize, layout),
                strides=hw4(stride, layout), data_format=layout,
                **padding_of(pad, layout))


def pool_case(file, kind, name, shape, ksize, stride, pad, layout="NHWC", x=None,
              strip=()):
    """TensorFlow's CPU kernels pool NHWC only: NCHW uses a twin."""
    with file.case(name) as c:
        x = c.feed(image(c, shape, layout) if x is None else x)
        c.out(pool_op(c, kind, x, ksize, stride, pad, layout))
        for attr in strip:
            c.strip(attr)
        if layout == "NCHW":
            with c.reference():
                key = "input" if kind == "MaxPool" else "value"
                c.want(nchw(getattr(raw, kind)(
                    **{key: nhwc(x)}, ksize=hw4(ksize), strides=hw4(stride),
                    **padding_of(pad))))


def pool(kind):
    def build(file):
        def add(name, *args, **kwargs):
            pool_case(file, kind, name, *args, **kwargs)

        for pad in ("SAME", "VALID"):
            low = pad.lower()
            add(f"{low}_k2_stride2", (1, 6, 8, 3), 2, 2, pad)
            add(f"{low}_k2_stride2_odd", (1, 7, 9, 3), 2, 2, pad)
            add(f"{low}_k3_stride2_odd", (2, 7, 9, 4), 3, 2, pad)
            add(f"{low}_k3_stride2_even", (1, 8, 6, 5), 3, 2, pad)
            add(f"{low}_k3_stride1", (1, 5, 6, 3), 3, 1, pad)
            add(f"{low}_k1_stride2", (1, 5, 6, 3), 1, 2, pad)
            add(f"{low}_k2_stride3", (1, 8, 7, 3), 2, 3, pad)
            add(f"{low}_k5_stride1", (1, 6, 7, 2), 5, 1, pad)
            add(f"{low}_kernel_2x3_stride_1x2", (1, 6, 8, 3), (2, 3), (1, 2), pad)
            add(f"{low}_kernel_1x4_stride_2x1", (1, 6, 8, 3), (1, 4), (2, 1), pad)
            add(f"{low}_whole_image", (2, 5, 4, 6), (5, 4), (5, 4), pad)
        for channels in (1, 8, 17, 33):
            add(f"channels{channels}", (1, 5, 5, channels), 3, 2, "SAME")
        add("same_input_1x1_k3", (1, 1, 1, 3), 3, 2, "SAME")
        add("same_input_2x3_k5", (1, 2, 3, 3), 5, 1, "SAME")
        add("batch3", (3, 4, 4, 2), 2, 2, "VALID")
        add("nchw_same_k3_stride2", (2, 7, 8, 3), 3, 2, "SAME", "NCHW")
        add("nchw_valid_k2", (1, 7, 6, 5), 2, 2, "VALID", "NCHW")
        add("nchw_same_kernel_2x3", (1, 5, 6, 3), (2, 3), (2, 1), "SAME", "NCHW")
        x = np.linspace(-9, -1, 49, dtype=np.float32).reshape(1, 7, 7, 1)
        add("same_all_negative", None, 3, 2, "SAME", x=x)
        special = np.linspace(-3, 3, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        special.flat[[0, 7, 56, 63]] = [np.inf, -np.inf, 3e38, -3e38]
        add("special_values", None, 3, 2, "SAME", x=special)
        add("special_values_all_minus_inf", None, 2, 2, "SAME",
            x=np.full((1, 3, 3, 2), -np.inf, np.float32))
        defaults = ["data_format"]
        if kind == "MaxPool":
            # NaN is passed over: it never wins a comparison, in any position.
            # The search starts at the lowest float: a window of nothing but
            # -Inf or NaN gives -3.4028235e38.
            nans = special.copy()
            nans.flat[[9, 20, 35, 46]] = np.nan
            add("special_values_nan_passed_over", None, 2, 2, "SAME", x=nans)
            defaults += ["explicit_paddings", "T"]
            add("explicit", (1, 6, 7, 3), 3, 2, (1, 0, 1, 1))
            add("explicit_uneven", (2, 5, 6, 4), 3, 1, (0, 2, 1, 0))
            add("explicit_k2", (1, 5, 5, 2), 2, 2, (1, 0, 0, 1))
            add("nchw_explicit", (1, 6, 7, 3), 3, 2, (1, 0, 1, 1), "NCHW")
        else:
            nans = special.copy()
            nans.flat[20] = np.nan
            add("special_values_nan", None, 2, 2, "SAME", x=nans)
        for attr in defaults:
            add(f"default_{attr.lower()}", (1, 5, 5, 3), 3, 2, "SAME", strip=(attr,))
        add("all_defaults_stripped", (1, 5, 5, 3), 3, 2, "VALID", strip=defaults)
    return build


# -- Softmax ------------------------------------------------------------

def softmax(file):
    for name, shape in {"rank1": (5,), "rank2": (3, 7), "rank3": (2, 3, 4),
                        "rank4": (1, 2, 3, 5), "one_class": (4, 1),
                        "classes10": (2, 10), "classes33": (3, 33),
                        "classes70": (1, 70), "empty_batch": (0, 4)}.items():
        with file.case(name) as c:
            c.out(c.op("Softmax", logits=c.feed(c.normal(*shape, scale=2))))
    with file.case("large_logits") as c:
        c.out(c.op("Softmax", logits=c.feed(np.array(
            [[1000, 999, 998], [-1000, -1001, -1000], [3e38, -3e38, 0],
             [90, -90, 0]], np.float32))))
    inf, nan = np.inf, np.nan
    with file.case("special_values") as c:
        c.out(c.op("Softmax", logits=c.feed(np.array(
            [[-inf, 0, 1], [-inf, -inf, -inf], [0, -0.0, 0], [-inf, -inf, 3]],
            np.float32))))
    # The plain kernel makes the whole row NaN; oneDNN's keeps zeros in it.
    with file.case("special_values_nan_spreads") as c:
        c.out(c.op("Softmax", logits=c.feed(np.array(
            [[1, 2, nan], [1, inf, 2], [nan, 0, 1], [0, 1, 2]], np.float32))))


# -- resizing -----------------------------------------------------------

RESIZES = {  # (h, w) -> (h, w)
    "up_2x": ((3, 4), (6, 8)), "up_3x2": ((3, 4), (9, 8)),
    "up_non_integer": ((4, 5), (7, 11)), "up_by_one": ((5, 5), (6, 6)),
    "down_2x": ((8, 6), (4, 3)), "down_non_integer": ((9, 7), (5, 4)),
    "down_3x": ((9, 9), (3, 3)), "mixed": ((5, 8), (9, 3)),
    "same_size": ((4, 5), (4, 5)), "to_1x1": ((5, 4), (1, 1)),
    "from_1x1": ((1, 1), (3, 4)), "from_1xn": ((1, 5), (4, 3)),
    "to_1xn": ((4, 5), (1, 8)),
}
MODES = {"": {}, "align_corners_": {"align_corners": True},
         "half_pixel_": {"half_pixel_centers": True}}


def resize(kind):
    def build(file):
        for prefix, attrs in MODES.items():
            for name, (source, target) in RESIZES.items():
                with file.case(prefix + name) as c:
                    c.out(c.op(kind, images=c.feed(c.normal(1, *source, 2)),
                               size=c.const(np.array(target, np.int32)), **attrs))
            with file.case(prefix + "batch2_channels5") as c:
                c.out(c.op(kind, images=c.feed(c.normal(2, 3, 4, 5)),
                           size=[5, 6], **attrs))
            with file.case(prefix + "int32", refused=kind == "ResizeBilinear") as c:
                c.out(c.op(kind, images=c.feed(c.ints(1, 3, 4, 1)),
                           size=[5, 3], **attrs))
        with file.case("size_fed", refused=True) as c:
            c.out(c.op(kind, images=c.feed(c.normal(1, 3, 3, 2)),
                       size=c.feed(np.array([4, 7], np.int32))))
        with file.case("uint8", refused=kind == "ResizeBilinear") as c:
            c.out(c.op(kind, images=c.feed(c.values(np.uint8, 1, 3, 4, 2)),
                       size=[5, 6]))
        with file.case("channels17_up_2x_half_pixel") as c:
            c.out(c.op(kind, images=c.feed(c.normal(1, 2, 3, 17)), size=[4, 6],
                       half_pixel_centers=True))
        for attr in ("align_corners", "half_pixel_centers"):
            with file.case(f"default_{attr}") as c:
                c.out(c.op(kind, images=c.feed(c.normal(1, 3, 4, 2)), size=[5, 7]))
                c.strip(attr)
        with file.case("all_defaults_stripped") as c:
            c.out(c.op(kind, images=c.feed(c.normal(1, 3, 4, 2)), size=[5, 7]))
            c.strip("align_corners")
            c.strip("half_pixel_centers")
    return build


FILES = {
    "FusedBatchNorm": batch_norm("FusedBatchNorm"),
    "FusedBatchNormV2": batch_norm("FusedBatchNormV2"),
    "FusedBatchNormV3": batch_norm("FusedBatchNormV3"),
    "refused": refused,
    "MaxPool": pool("MaxPool"),
    "AvgPool": pool("AvgPool"),
    "Softmax": softmax,
    "ResizeNearestNeighbor": resize("ResizeNearestNeighbor"),
    "ResizeBilinear": resize("ResizeBilinear"),
}
