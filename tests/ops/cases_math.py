# SPDX-License-Identifier: Apache-2.0
"""Cases of elementwise operations, comparisons, reductions and MatMul."""
import numpy as np

from builder import raw

f32, i32, i64 = np.float32, np.int32, np.int64
INF, NAN = np.inf, np.nan

# -- one input ----------------------------------------------------------

SPECIAL = [NAN, INF, -INF, 0.0, 1e38, -3.4e38, 2e-38, 1e-20, 100, -100, 20, -20,
           0.5, -0.5, 88.0, -87.0, 1.0, -1.0, 6.0, 3e-8]
# TensorFlow's threads take denormals as zero and make none (moves, Neg, Abs and
# the positive side of Elu keep them). An absolute error of 2e-38 covers the
# cases called denormal_values, but not those called denormal_values_flushed.
DENORMAL = [1e-40, -1e-40, 1e-45, -1e-45, 1.1e-38, -1.1e-38, 1e-38, 1e-42, -1e-42]

FLOAT_UNARY = {  # op -> (name of its input, low, high)
    "Relu": ("features", -4, 4), "Relu6": ("features", -4, 10),
    "Elu": ("features", -4, 4), "Selu": ("features", -4, 4),
    "Softplus": ("features", -20, 20), "Sigmoid": ("x", -10, 10),
    "Tanh": ("x", -6, 6), "Exp": ("x", -10, 10), "Log": ("x", 0.01, 50),
    "Sqrt": ("x", 0, 50), "Rsqrt": ("x", 0.01, 50), "Square": ("x", -9, 9),
    "Neg": ("x", -9, 9), "Abs": ("x", -9, 9), "Floor": ("x", -9, 9),
    "Ceil": ("x", -9, 9), "Round": ("x", -9, 9),
}
INT_UNARY = ("Square", "Neg", "Abs")
# A vector lane gives 0 and the scalar tail gives -0 for -0 here.
NO_MINUS_ZERO = ("Relu", "Relu6")
UNARY_SHAPES = {"scalar": (), "one": (1,), "vector": (13,), "matrix": (5, 7),
                "image": (2, 3, 4, 3), "rank6": (2, 1, 3, 1, 2, 2), "empty": (0, 3)}


def unary(kind):
    key, low, high = FLOAT_UNARY[kind]

    def build(file):
        def add(name, x, shape=None):
            with file.case(name) as c:
                x = x(c) if callable(x) else x
                c.out(c.op(kind, **{key: c.feed(x, shape)}))

        for name, shape in UNARY_SHAPES.items():
            add(name, lambda c: c.uniform(*shape, low=low, high=high))
        add("wide_range", np.linspace(low * 4 if low < 0 else low, high * 8, 67,
                                      dtype=f32))
        add("unknown_rank", lambda c: c.uniform(2, 3, low=low, high=high),
            shape=False)
        values = SPECIAL + ([] if kind in NO_MINUS_ZERO else [-0.0])
        add("special_values", np.array(values, f32))
        if kind in ("Sqrt", "Rsqrt"):  # taken as zero: it shows
            add("denormal_values_flushed", np.array([1e-40, 1e-45, 1e-38], f32))
        elif kind != "Log":  # its result depends on the thread that computes it
            add("denormal_values", np.array(DENORMAL, f32))
        if kind in INT_UNARY:
            add("int32", lambda c: c.ints(3, 4))
            add("int64", lambda c: c.ints(3, 4, dtype=i64))
            add("int32_wraps", np.array(
                [2**31 - 1, -2**31, 65536, -46341, 46340, 0], i32))
        if kind in ("Floor", "Ceil", "Round"):
            add("halves", np.array(
                [.5, 1.5, 2.5, 3.5, -.5, -1.5, -2.5, -3.5, .49999997, -.49999997,
                 8388607.5, 4194304.5, -4194305.5, 16777216., 1e20, -.2, .2], f32))
        if kind == "Sigmoid":
            add("tails", np.array([-90, -88, -30, -18, -16, -9, 9, 16, 18, 30, 90],
                                  f32))
        if kind == "Tanh":
            add("tails", np.array([-20, -9, -8, -7.9, -1e-3, -4e-4, 1e-5, 7.9, 8, 9],
                                  f32))
        if kind in ("Exp", "Elu", "Selu", "Softplus"):
            add("tails", np.array([-110, -88, -87, -30, -16, -14, -1e-4, 1e-4, 14, 16,
                                   30, 87, 88.7], f32))
    return build


def leaky_relu(file):
    def add(name, alpha, x):
        with file.case(name) as c:
            x = x(c) if callable(x) else x
            c.out(c.op("LeakyRelu", features=c.feed(x), alpha=alpha))

    for label, alpha in (("0_2", 0.2), ("0_1", 0.1), ("0_01", 0.01), ("0_3", 0.3),
                         ("1", 1.0), ("0", 0.0), ("2_5", 2.5), ("minus_0_5", -0.5)):
        add(f"alpha_{label}", alpha, lambda c: c.normal(3, 7))
    for name, shape in UNARY_SHAPES.items():
        add(name, 0.2, lambda c: c.normal(*shape))
    add("special_values", 0.2, np.array(SPECIAL, f32))
    add("special_values_alpha_2_5", 2.5, np.array(SPECIAL, f32))
    add("denormal_values", 0.2, np.array(DENORMAL, f32))
    for name, attrs in {"default_alpha": ["alpha"], "default_t": ["T"],
                        "all_defaults_stripped": ["alpha", "T"]}.items():
        with file.case(name) as c:
            c.out(c.op("LeakyRelu", features=c.feed(c.normal(3, 5))))
            for attr in attrs:
                c.strip(attr)


# -- two inputs ---------------------------------------------------------

BROADCASTS = {
    "same_shape": ((3, 4), (3, 4)), "scalar_right": ((3, 5), ()),
    "scalar_left": ((), (3, 5)), "both_scalar": ((), ()),
    "vector_right": ((2, 3, 4), (4,)), "vector_left": ((5,), (3, 5)),
    "column_right": ((3, 4), (3, 1)), "column_left": ((4, 1), (4, 3)),
    "outer": ((3, 1), (1, 4)), "outer_rank3": ((2, 1, 3), (1, 4, 1)),
    "ones_right": ((2, 3), (1, 1, 1)), "channels": ((2, 3, 3, 5), (5,)),
    "per_image": ((2, 2, 3, 4), (2, 1, 1, 4)),
    "middle": ((2, 3, 2, 2), (3, 1, 1)), "interleaved": ((2, 1, 3, 1, 2), (1, 4, 1, 2, 1)),
    "rank6": ((2, 1, 2, 1, 3, 1), (1, 2, 1, 2, 1, 2)), "rank6_low": ((2, 1, 2, 1, 3, 2), (3, 1)),
    "odd_length": ((33,), (33,)), "one_and_vector": ((1,), (7,)),
    "empty": ((0, 3), (0, 3)), "empty_and_scalar": ((2, 0), ()),
    "empty_from_one": ((1, 3), (0, 1)),
}
FLOAT_PAIRS = ([NAN, 1, NAN, INF, -INF, INF, INF, -INF, 0, -0., 1, -1, 3e38, -3e38, 1e38,
                2, 0, INF, 0, -INF],
               [1, NAN, NAN, INF, -INF, -INF, 1, 2, -0., 1, 0, 0, 3e38, 3e38, 1e-20,
                INF, INF, 0, -5, -0.5])
# op -> types besides float32
ARITHMETIC = {"Add": (i32, i64), "AddV2": (i32, i64), "Sub": (i32, i64),
              "Mul": (i32, i64), "RealDiv": (), "Maximum": (i32, i64),
              "Minimum": (i32, i64), "SquaredDifference": (i32, i64)}
COMPARISONS = {"GreaterEqual": (i32, i64), "Greater": (i32, i64), "Less": (i32, i64),
               "LessEqual": (i32, i64), "Equal": (i32, i64, np.bool_),
               "NotEqual": (i32, i64, np.bool_)}


def pair(c, kind, x, y):
    """One operation on two tensors. TensorFlow refuses to broadcast both sides
    in turn at rank 6: there the reference repeats both inputs first."""
    c.out(c.op(kind, x=x, y=y))
    if c.name.endswith("rank6"):
        full = np.maximum(x.shape, y.shape)
        with c.reference():
            c.want(getattr(raw, kind)(
                **{k: raw.Tile(input=v, multiples=full // np.array(v.shape))
                   for k, v in (("x", x), ("y", y))}))


def binary(kind, types, ties=False):
    """All broadcasts in float32, a few in the other types."""
    def build(file):
        def add(name, x, y, fed=3):
            with file.case(name) as c:
                x, y = (v(c) if callable(v) else v for v in (x, y))
                pair(c, kind, c.feed(x) if fed & 1 else c.const(x),
                     c.feed(y) if fed & 2 else c.const(y))

        def maker(dtype, shape):
            def make(c):
                v = c.values(dtype, *shape)
                return np.round(v * 2).astype(dtype) if ties and dtype == f32 else v
            return make

        for name, (a, b) in BROADCASTS.items():
            add(name, maker(f32, a), maker(f32, b))
        add("const_right", maker(f32, (3, 4)), maker(f32, (4,)), fed=1)
        add("const_left", maker(f32, (4,)), maker(f32, (3, 4)), fed=2)
        add("const_scalar", maker(f32, (3, 4)), f32(1.5), fed=1)
        a, b = (np.array(v, f32) for v in FLOAT_PAIRS)
        if kind in ("Maximum", "Minimum"):
            keep = (a != 0) | (b != 0)  # of 0 and -0 either may come out
            a, b = a[keep], b[keep]
        add("special_values", a, b)
        add("special_values_scalar_nan", a, f32(NAN))
        add("special_values_scalar_inf", a, f32(INF), fed=1)
        if kind in ARITHMETIC:
            add("denormal_values", np.array(DENORMAL, f32), f32(1.25))
        for dtype in types:
            label = np.dtype(dtype).name
            for name in ("same_shape", "scalar_right", "outer_rank3", "vector_left",
                         "empty"):
                a, b = BROADCASTS[name]
                add(f"{label}_{name}", maker(dtype, a), maker(dtype, b))
            if dtype == i32 and kind in ARITHMETIC:
                add("int32_wraps", np.array([2**31 - 1, -2**31, 65537, -3], i32),
                    np.array([2, -1, 65537, 2**31 - 1], i32))
            if dtype == i64:
                add("int64_beyond_32_bits",
                    np.array([2**40, 2**40 + 1, -2**33, 5, 2**31], i64),
                    np.array([2**40, 2**40, 3, 2**33 + 5, -2**31], i64))
        if kind in ("Equal", "NotEqual"):
            for name in ("default_incompatible_shape_error", "all_defaults_stripped"):
                with file.case(name) as c:
                    c.out(c.op(kind, x=c.feed(c.ints(3, 4, low=0, high=3)),
                               y=c.feed(c.ints(4, low=0, high=3))))
                    c.strip("incompatible_shape_error")
            with file.case("incompatible_shape_error_false") as c:
                c.out(c.op(kind, x=c.feed(c.ints(3, 4, low=0, high=3)),
                           y=c.feed(c.ints(4, low=0, high=3)),
                           incompatible_shape_error=False))
    return build


def division(kind):
    """FloorDiv and FloorMod: towards minus infinity, in all types."""
    def build(file):
        def add(name, x, y):
            with file.case(name) as c:
                pair(c, kind, c.feed(x(c) if callable(x) else x),
                     c.feed(y(c) if callable(y) else y))

        for dtype in (i32, i64):
            label = np.dtype(dtype).name
            add(f"{label}_signs", np.array([7, -7, 7, -7, 6, -6, 0, -1, 1], dtype),
                np.array([2, 2, -2, -2, 3, 3, -5, 100, -100], dtype))
            add(f"{label}_scalar_right", lambda c: c.ints(3, 5, dtype=dtype), dtype(4))
            add(f"{label}_scalar_left", dtype(17),
                np.array([1, 2, 3, -4, -5, 18], dtype))
            add(f"{label}_broadcast", lambda c: c.ints(3, 1, 4, dtype=dtype),
                np.array([[3], [-7]], dtype))
            add(f"{label}_empty", np.zeros((0, 3), dtype), dtype(2))
        add("int32_large", np.array([2**31 - 1, -2**31, -2**31], i32),
            np.array([10, 10, 3], i32))
        add("int64_large", np.array([2**62, -2**62 - 1], i64), np.array([10, 7], i64))
        add("float_signs", np.array([7, -7, 7, -7, 5.5, -5.5, 6, -6, .25], f32),
            np.array([2, 2, -2, -2, 2.5, 2.5, -2, 2, -1], f32))
        for name in ("same_shape", "scalar_right", "scalar_left", "outer", "rank6",
                     "empty"):
            a, b = BROADCASTS[name]
            add(f"float_{name}", lambda c: c.normal(*a, scale=9),
                lambda c: c.uniform(*b, low=0.5, high=4))
        add("special_values",
            np.array([1, -1, 0, INF, -INF, 5, -5, 5, -5, NAN, 1, -6, 6], f32),
            np.array([0, 0, 0, 2, 2, INF, INF, -INF, -INF, 1, NAN, 2, -2], f32))
    return build


def power(file):
    def add(name, x, y, fed=3):
        with file.case(name) as c:
            x, y = (v(c) if callable(v) else v for v in (x, y))
            pair(c, "Pow", c.feed(x) if fed & 1 else c.const(x),
                 c.feed(y) if fed & 2 else c.const(y))

    for name, (a, b) in BROADCASTS.items():
        add(name, lambda c: c.uniform(*a, low=0.05, high=4), lambda c: c.normal(*b))
    for label, e in (("2", 2), ("3", 3), ("0_5", .5), ("minus_1", -1), ("0", 0),
                     ("1", 1), ("minus_0_5", -.5), ("2_2", 2.2)):
        add(f"exponent_{label}", lambda c: c.uniform(11, low=0.05, high=6), f32(e),
            fed=1)
    add("negative_base_whole_exponent", np.array([-2, -2, -3, -.5, -1.5], f32),
        np.array([2, 3, 0, -2, -3], f32))
    add("base_two", f32(2), lambda c: c.normal(9, scale=4), fed=2)
    add("special_values",
        np.array([-2, 0, 0, 0, -0., 1, NAN, 2, -1, -INF, -INF, 0, INF, .5, INF], f32),
        np.array([.5, 0, -1, NAN, -1, NAN, 0, -INF, INF, 3, -3, 2, -2, INF, 0], f32))
    for dtype in (i32, i64):
        label = np.dtype(dtype).name
        add(f"{label}_elements", np.array([2, -2, -3, 0, 10, 1, -1, 5], dtype),
            np.array([3, 3, 2, 0, 9, 31, 31, 0], dtype))
        add(f"{label}_scalar_exponent", lambda c: c.ints(3, 4, dtype=dtype), dtype(2))
    add("int32_wraps", np.array([10, 3, 2], i32), np.array([10, 25, 31], i32))


def add_n(file):
    for count in (1, 2, 3, 5, 9):
        with file.case(f"inputs{count}") as c:
            c.out(c.op("AddN", inputs=[c.feed(c.normal(3, 5)) for _ in range(count)]))
    for dtype in (i32, i64):
        with file.case(np.dtype(dtype).name) as c:
            c.out(c.op("AddN", inputs=[c.feed(c.ints(2, 3, dtype=dtype))
                                       for _ in range(3)]))
    with file.case("scalars") as c:
        c.out(c.op("AddN", inputs=[c.feed(f32(1.5)), c.const(f32(2)), c.feed(f32(3))]))
    with file.case("image_and_const") as c:
        c.out(c.op("AddN", inputs=[c.feed(c.normal(1, 3, 3, 4)),
                                   c.const(c.normal(1, 3, 3, 4))]))
    with file.case("empty") as c:
        c.out(c.op("AddN", inputs=[c.feed(c.normal(0, 2)), c.feed(c.normal(0, 2))]))
    with file.case("same_input_twice") as c:
        x = c.feed(c.normal(7))
        c.out(c.op("AddN", inputs=[x, x]))
    with file.case("special_values") as c:
        a, b = (np.array(v, f32) for v in FLOAT_PAIRS)
        c.out(c.op("AddN", inputs=[c.feed(a), c.feed(b)]))


# -- logic --------------------------------------------------------------

def logical(kind):
    def build(file):
        for name in ("same_shape", "scalar_right", "vector_left", "outer_rank3",
                     "rank6", "both_scalar", "empty", "odd_length"):
            a, b = BROADCASTS[name]
            with file.case(name) as c:
                pair(c, kind, c.feed(c.bools(*a)), c.feed(c.bools(*b)))
        with file.case("table_with_const") as c:
            c.out(c.op(kind, x=c.feed([False, False, True, True]),
                       y=c.const([False, True, False, True])))
    return build


def logical_not(file):
    for name, shape in UNARY_SHAPES.items():
        with file.case(name) as c:
            c.out(c.op("LogicalNot", x=c.feed(c.bools(*shape))))


# -- reductions ---------------------------------------------------------

AXES = {  # shape, axes
    "vector_all": ((7,), [0]), "matrix_rows": ((3, 5), [1]),
    "matrix_columns": ((3, 5), [0]), "matrix_all": ((4, 3), [0, 1]),
    "image_spatial": ((2, 3, 4, 5), [1, 2]), "image_channels": ((2, 3, 2, 5), [3]),
    "image_batch": ((3, 2, 2, 3), [0]), "image_nchw_spatial": ((2, 3, 4, 2), [2, 3]),
    "image_all": ((2, 2, 3, 2), [0, 1, 2, 3]), "negative_axis": ((3, 4, 2), [-1]),
    "negative_axes": ((3, 4, 2), [-1, -3]), "unsorted_axes": ((2, 3, 4), [2, 0]),
    "alternate_axes": ((2, 3, 2, 3), [0, 2]), "rank5": ((2, 2, 3, 2, 2), [1, 3]),
    "rank6": ((2, 1, 2, 3, 1, 2), [0, 3, 5]), "no_axes": ((3, 4), []),
    "axis_of_length_one": ((3, 1, 4), [1]), "long_row": ((2, 70), [1]),
    "long_column": ((70, 3), [0]), "batch_norm_axes": ((2, 3, 3, 17), [0, 1, 2]),
    "over_empty_axis": ((0, 3), [0]), "beside_empty_axis": ((0, 3), [1]),
}
INT_AXES = ("matrix_rows", "image_spatial", "no_axes", "vector_all", "over_empty_axis")


def reduction(kind, types):
    def build(file):
        def add(name, x, axes, keep=False, index=i32):
            with file.case(name) as c:
                x = x(c) if callable(x) else x
                c.out(c.op(kind, input=c.feed(x), axis=c.const(np.array(axes, index)),
                           keep_dims=keep))

        def maker(dtype, shape):
            if dtype == f32:
                return lambda c: c.normal(*shape)
            return lambda c: c.ints(*shape, low=-4, high=5, dtype=dtype)

        for name, (shape, axes) in AXES.items():
            add(name, maker(f32, shape), axes)
            add(f"{name}_keep_dims", maker(f32, shape), axes, True)
        add("int64_axes", maker(f32, (3, 4, 5)), [0, -1], index=i64)
        with file.case("scalar_axis") as c:
            c.out(c.op(kind, input=c.feed(c.normal(3, 4)), axis=c.const(i32(1))))
        with file.case("scalar_input") as c:
            c.out(c.op(kind, input=c.feed(f32(2.5)), axis=c.const(np.zeros(0, i32))))
        for dtype in types:
            for name in INT_AXES:
                shape, axes = AXES[name]
                add(f"{np.dtype(dtype).name}_{name}", maker(dtype, shape), axes)
        if kind in ("Sum", "Prod"):
            add("int32_wraps", np.array([[2**31 - 1, 5, 3], [-2**31, -7, 9]], i32), [1])
        # A mean of finite values may overflow on the way, or not.
        huge = 1e38 if kind == "Mean" else 3e38
        x = np.array([[NAN, 1, 2], [INF, 1, -INF], [INF, INF, 1], [-INF, -INF, 0],
                      [huge, huge, -1], [1, NAN, 3], [4, 5, NAN]], f32)
        add("special_values", x, [1])
        add("special_values_columns", x[1:5].T.copy(), [0])
        for name in ("default_keep_dims", "all_defaults_stripped"):
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(2, 3, 4)), axis=[1]))
                c.strip("keep_dims")
                if name == "all_defaults_stripped":
                    c.strip("Tidx")
        with file.case("default_tidx") as c:
            c.out(c.op(kind, input=c.feed(c.normal(2, 3, 4)), axis=[0, 2]))
            c.strip("Tidx")
    return build


# -- MatMul -------------------------------------------------------------

SIZES = {"1x1x1": (1, 1, 1), "2x3x4": (2, 3, 4), "1x10x5": (1, 10, 5), "5x1x7": (5, 1, 7),
         "7x8x1": (7, 8, 1), "16x16x16": (16, 16, 16), "17x33x9": (17, 33, 9),
         "3x70x33": (3, 70, 33), "1x64x70": (1, 64, 70), "33x5x17": (33, 5, 17)}


def matmul(file):
    def add(name, m, k, n, ta=False, tb=False, rhs="feed", dtype=f32, open_batch=False,
            refused=False):
        with file.case(name, refused=refused) as c:
            a = c.values(dtype, *((k, m) if ta else (m, k)))
            b = c.values(dtype, *((n, k) if tb else (k, n)))
            a = c.feed(a, [None, a.shape[1]] if open_batch else None)
            b = c.feed(b) if rhs == "feed" else c.const(b)
            c.out(c.op("MatMul", a=a, b=b, transpose_a=ta, transpose_b=tb))

    for name, (m, k, n) in SIZES.items():
        add(f"{name}_const_rhs", m, k, n, rhs="const")
    for name in ("2x3x4", "17x33x9", "5x1x7", "1x10x5"):
        for ta in (False, True):
            for tb in (False, True):
                label = ("_transpose_a" if ta else "") + ("_transpose_b" if tb else "")
                add(f"{name}_fed{label}", *SIZES[name], ta, tb)
                if label and name in ("2x3x4", "17x33x9"):
                    add(f"{name}_const_rhs{label}", *SIZES[name], ta, tb, "const")
    add("batch_open", 3, 6, 4, rhs="const", open_batch=True)
    add("empty_rows", 0, 3, 2)
    add("empty_inner_gives_zero", 2, 0, 3)
    for dtype in (i32, i64):
        add(np.dtype(dtype).name, 3, 4, 5, dtype=dtype, refused=True)
    with file.case("const_lhs") as c:
        c.out(c.op("MatMul", a=c.const(c.normal(4, 6)), b=c.feed(c.normal(6, 3))))
    with file.case("special_values") as c:
        a = np.array([[1, NAN], [INF, 1], [INF, -INF], [0, INF], [1, 2]], f32)
        c.out(c.op("MatMul", a=c.feed(a), b=c.const(np.array([[1, 2], [0, -1]], f32))))
    defaults = ("transpose_a", "transpose_b", "grad_a", "grad_b")
    for attr in defaults + ("all",):
        name = "all_defaults_stripped" if attr == "all" else f"default_{attr}"
        with file.case(name) as c:
            c.out(c.op("MatMul", a=c.feed(c.normal(3, 3)), b=c.const(c.normal(3, 3))))
            for a in defaults if attr == "all" else (attr,):
                c.strip(a)


FILES = {kind: unary(kind) for kind in FLOAT_UNARY}
FILES["LeakyRelu"] = leaky_relu
FILES.update({kind: binary(kind, types) for kind, types in ARITHMETIC.items()})
FILES.update({kind: binary(kind, types, ties=True)
              for kind, types in COMPARISONS.items()})
FILES.update({
    "FloorDiv": division("FloorDiv"), "FloorMod": division("FloorMod"), "Pow": power,
    "AddN": add_n, "LogicalAnd": logical("LogicalAnd"),
    "LogicalOr": logical("LogicalOr"), "LogicalNot": logical_not,
    "Mean": reduction("Mean", ()), "Sum": reduction("Sum", (i32, i64)),
    "Max": reduction("Max", (i32, i64)), "Min": reduction("Min", (i32, i64)),
    "Prod": reduction("Prod", (i32, i64)), "MatMul": matmul})
