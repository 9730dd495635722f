# SPDX-License-Identifier: Apache-2.0
"""Cases of operations on shapes, of Cast, Select, Fill, Range and Tile."""
import numpy as np

from builder import tf
from cases_array import TYPES, label

f32, i32, i64, u8 = np.float32, np.int32, np.int64, np.uint8


def reshape(file):
    for name, (shape, target) in {
            "to_vector": ((2, 3), [6]), "to_matrix": ((6,), [2, 3]),
            "minus_one": ((2, 6), [3, -1]), "minus_one_first": ((2, 3, 4), [-1, 4]),
            "minus_one_middle": ((2, 3, 4), [2, -1, 2]), "flatten": ((2, 3, 3, 2), [-1, 18]),
            "only_minus_one": ((2, 3), [-1]), "same": ((2, 3), [2, 3]),
            "to_scalar": ((1, 1), []), "from_scalar": ((), [1, 1, 1]),
            "ones_inserted": ((2, 3), [1, 2, 1, 3]), "empty": ((0, 3), [3, 0]),
            "empty_minus_one": ((0, 3), [-1, 3]), "rank6": ((4, 6), [2, 2, 1, 3, 2, 1])}.items():
        with file.case(name) as c:
            c.out(c.op("Reshape", tensor=c.feed(c.normal(*shape)),
                       shape=np.array(target, i32)))
    with file.case("int64_shape") as c:
        c.out(c.op("Reshape", tensor=c.feed(c.normal(2, 6)), shape=np.array([-1, 4], i64)))
    with file.case("shape_fed", refused=True) as c:
        c.out(c.op("Reshape", tensor=c.feed(c.normal(2, 6)), shape=c.feed(i32([4, -1]))))
    with file.case("batch_open") as c:
        c.out(c.op("Reshape", tensor=c.feed(c.normal(3, 2, 2), [None, 2, 2]), shape=[-1, 4]))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Reshape", tensor=c.feed(c.values(dtype, 2, 3)), shape=[3, 2]))
    for name in ("default_tshape", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Reshape", tensor=c.feed(c.normal(2, 3)), shape=[3, 2]))
            c.strip("Tshape")


def squeeze(file):
    for name, (shape, dims) in {
            "all": ((1, 3, 1, 2, 1), []), "one": ((1, 3, 1), [0]),
            "last": ((2, 1, 1), [2]), "negative": ((2, 1, 3, 1), [-1]),
            "two": ((1, 1, 1, 5), [1, 2]), "negative_two": ((2, 1, 1, 4), [-3, -2]),
            "nothing_to_do": ((2, 3), []), "to_scalar": ((1, 1), []),
            "empty": ((1, 0, 1), [])}.items():
        with file.case(name) as c:
            c.out(c.op("Squeeze", input=c.feed(c.normal(*shape)), axis=dims))
    with file.case("int32") as c:
        c.out(c.op("Squeeze", input=c.feed(c.ints(1, 3)), axis=[0]))
    for name in ("default_squeeze_dims", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Squeeze", input=c.feed(c.normal(1, 3, 1))))
            c.strip("squeeze_dims")


def expand_dims(file):
    for name, (shape, axis) in {
            "first": ((2, 3), 0), "middle": ((2, 3), 1), "last": ((2, 3), 2),
            "negative": ((2, 3), -1), "negative_first": ((2, 3), -3), "scalar": ((), 0),
            "scalar_negative": ((), -1), "empty": ((0, 2), 1)}.items():
        for index in (i32, i64):
            with file.case(name + ("_int64_axis" if index == i64 else "")) as c:
                c.out(c.op("ExpandDims", input=c.feed(c.normal(*shape)),
                           axis=c.const(index(axis))))
    with file.case("axis_of_one_element") as c:
        c.out(c.op("ExpandDims", input=c.feed(c.normal(2, 3)), axis=[1]))
    with file.case("int64") as c:
        c.out(c.op("ExpandDims", input=c.feed(c.ints(3, dtype=i64)), axis=0))
    for name in ("default_tdim", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("ExpandDims", input=c.feed(c.normal(2, 3)), axis=1))
            c.strip("Tdim")


def transpose(file):
    for name, (shape, perm) in {
            "matrix": ((3, 5), [1, 0]), "matrix_17x33": ((17, 33), [1, 0]),
            "nothing": ((2, 3), [0, 1]), "nhwc_to_nchw": ((2, 3, 4, 5), [0, 3, 1, 2]),
            "nchw_to_nhwc": ((2, 5, 3, 4), [0, 2, 3, 1]), "rank3_reversed": ((2, 3, 4), [2, 1, 0]),
            "rank3_swap_last": ((2, 3, 4), [0, 2, 1]), "rank3_swap_first": ((2, 3, 4), [1, 0, 2]),
            "rank5": ((2, 1, 3, 2, 2), [4, 2, 0, 3, 1]),
            "rank6_pixel_shuffle": ((1, 2, 2, 3, 2, 2), [0, 1, 4, 2, 5, 3]),
            "vector": ((4,), [0]), "scalar": ((), []), "empty": ((2, 0, 3), [2, 0, 1]),
            "ones": ((1, 3, 1, 2), [2, 3, 0, 1])}.items():
        with file.case(name) as c:
            c.out(c.op("Transpose", x=c.feed(c.normal(*shape)), perm=np.array(perm, i32)))
    with file.case("int64_perm") as c:
        c.out(c.op("Transpose", x=c.feed(c.normal(2, 3, 2)), perm=np.array([1, 2, 0], i64)))
    with file.case("negative_perm") as c:
        c.out(c.op("Transpose", x=c.feed(c.normal(2, 3, 4)), perm=np.array([0, -1, 1], i32)))
    with file.case("perm_fed", refused=True) as c:
        c.out(c.op("Transpose", x=c.feed(c.normal(2, 3, 2)), perm=c.feed(i32([1, 2, 0]))))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Transpose", x=c.feed(c.values(dtype, 2, 3, 2)), perm=[2, 0, 1]))
    for name in ("default_tperm", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Transpose", x=c.feed(c.normal(2, 3)), perm=[1, 0]))
            c.strip("Tperm")


SHAPES = {"scalar": (), "vector": (5,), "matrix": (2, 3), "image": (1, 4, 3, 2),
          "empty": (0, 3), "rank6": (1, 2, 1, 3, 1, 2)}


def describe(kind):
    """Shape, Size and Rank."""
    def build(file):
        for name, shape in SHAPES.items():
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(*shape))))
            if kind != "Rank":
                with file.case(f"{name}_int64") as c:
                    c.out(c.op(kind, input=c.feed(c.normal(*shape)), out_type=tf.int64))
        with file.case("of_open_dimensions") as c:
            c.out(c.op(kind, input=c.feed(c.normal(3, 2), [None, None])))
        with file.case("of_unknown_rank") as c:
            c.out(c.op(kind, input=c.feed(c.normal(3, 2), False)))
        with file.case("of_const") as c:
            c.out(c.op(kind, input=c.const(c.normal(3, 2, 1))))
        with file.case("of_bool") as c:
            c.out(c.op(kind, input=c.feed(c.bools(2, 2))))
        if kind != "Rank":
            for name in ("default_out_type", "all_defaults_stripped"):
                with file.case(name) as c:
                    c.out(c.op(kind, input=c.feed(c.normal(3, 2))))
                    c.strip("out_type")
    return build


def shape_n(file):
    with file.case("two") as c:
        c.out(*c.op("ShapeN", input=[c.feed(c.normal(2, 3)), c.feed(c.normal(4))]))
    with file.case("three_int64") as c:
        c.out(*c.op("ShapeN", input=[c.feed(c.normal(2, 3)), c.feed(np.float32(1)),
                                     c.const(c.normal(1, 2, 1))], out_type=tf.int64))
    for name in ("default_out_type", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(*c.op("ShapeN", input=[c.feed(c.normal(2, 3)), c.feed(c.normal(4))]))
            c.strip("out_type")


def range_(file):
    for name, values in {
            "up": (0, 5, 1), "from_two_by_three": (2, 12, 3), "down": (5, -3, -2),
            "empty": (5, 5, 1), "empty_zero": (0, 0, 1), "one": (3, 4, 1), "negative": (-4, 1, 2),
            "step_beyond": (0, 3, 10)}.items():
        for dtype in (i32, i64, f32):
            with file.case(f"{label(dtype)}_{name}") as c:
                a, b, d = (dtype(v) for v in values)
                c.out(c.op("Range", start=a, limit=c.const(b), delta=d))
    for name, values in {"tenths": (0, 1, .1), "from_0_1_by_0_3": (.1, 2, .3),
                         "down_by_quarters": (1, -1, -.25), "fraction": (.5, 4, 1),
                         "thirds": (0, 2, 1 / 3)}.items():
        with file.case(f"float32_{name}") as c:
            c.out(c.op("Range", start=f32(values[0]), limit=f32(values[1]),
                       delta=f32(values[2])))
    with file.case("limits_fed", refused=True) as c:
        c.out(c.op("Range", start=c.feed(i32(1)), limit=c.feed(i32(9)),
                   delta=c.feed(i32(3))))
    for name in ("default_tidx", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Range", start=0, limit=4, delta=1))
            c.strip("Tidx")


def fill(file):
    for name, dims in SHAPES.items():
        with file.case(name) as c:
            c.out(c.op("Fill", dims=np.array(dims, i32), value=f32(2.5)))
    with file.case("int64_dims") as c:
        c.out(c.op("Fill", dims=c.const(np.array([2, 3], i64)), value=c.feed(f32(-1))))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Fill", dims=[2, 2], value=c.feed(dtype(1))))
    with file.case("nan") as c:
        c.out(c.op("Fill", dims=[3], value=c.feed(f32(np.nan))))
    for name in ("default_index_type", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Fill", dims=[3, 1], value=c.feed(f32(4))))
            c.strip("index_type")


def tile(file):
    for name, (shape, times) in {
            "vector": ((3,), [2]), "matrix": ((2, 3), [2, 3]), "once": ((2, 3), [1, 1]),
            "rows": ((2, 3), [3, 1]), "columns": ((2, 3), [1, 2]), "zero_times": ((2, 3), [0, 2]),
            "image": ((1, 2, 2, 3), [2, 1, 3, 1]), "from_ones": ((1, 1, 1, 4), [1, 3, 2, 1]),
            "rank5": ((1, 2, 1, 2, 1), [2, 1, 2, 1, 3]), "scalar": ((), []),
            "empty": ((0, 2), [2, 2])}.items():
        for index in (i32, i64):
            if index == i64 and name not in ("matrix", "image"):
                continue
            with file.case(name + ("_int64_multiples" if index == i64 else "")) as c:
                c.out(c.op("Tile", input=c.feed(c.normal(*shape)),
                           multiples=np.array(times, index)))
    with file.case("multiples_fed", refused=True) as c:
        c.out(c.op("Tile", input=c.feed(c.normal(2, 1)), multiples=c.feed(i32([2, 3]))))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Tile", input=c.feed(c.values(dtype, 2, 2)), multiples=[2, 1]))
    for name in ("default_tmultiples", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Tile", input=c.feed(c.normal(2, 2)), multiples=[1, 2]))
            c.strip("Tmultiples")


# -- Cast ---------------------------------------------------------------

# Values that any target can hold; what lies outside is undefined in C and
# differs between machines, except between integers, which wrap.
CASTS = {f32: [0, -0., .5, 1.9, 2.5, 3, 100.99, 254.9, 255, 1e-30],
         i32: [0, 1, -1, 127, 255, 256, 300, -129, 2**31 - 1, -2**31, 16777217],
         i64: [0, 1, -1, 255, 256, 2**31, -2**31 - 1, 2**32 + 5, 2**40, 2**53 + 1, 16777219],
         np.bool_: [True, False, True], u8: [0, 1, 127, 128, 255]}


def cast(file):
    for source, values in CASTS.items():
        for target in CASTS:
            with file.case(f"{label(source)}_to_{label(target)}") as c:
                c.out(c.op("Cast", x=c.feed(np.array(values, source)),
                           DstT=tf.as_dtype(target)))
    for target in (i32, i64):
        with file.case(f"negative_float32_to_{label(target)}") as c:
            c.out(c.op("Cast", x=c.feed(np.array(
                [-.5, -.99, -1, -1.9, -2.5, -1e6, 16777215., 1e9], f32)),
                DstT=tf.as_dtype(target)))
    with file.case("special_values_to_bool") as c:
        c.out(c.op("Cast", x=c.feed(np.array([np.nan, np.inf, -np.inf, -0., 1e-38 * 2], f32)),
                   DstT=tf.bool))
    for name, array in {
            "half": np.array([0, -0., 1, -2.5, 65504, 6e-8, 6.1e-5, np.inf, -np.inf, np.nan,
                              .333], np.float16),
            "double": np.array([0, 1, 1 + 2.**-24, 1 + 3 * 2.**-24, 1e300, -1e300, 1e-30,
                                np.pi, np.nan, np.inf])}.items():
        with file.case(f"{name}_to_float32") as c:
            c.out(c.op("Cast", x=c.const(array), DstT=tf.float32))
    with file.case("empty") as c:
        c.out(c.op("Cast", x=c.feed(c.ints(0, 2)), DstT=tf.float32))
    with file.case("scalar") as c:
        c.out(c.op("Cast", x=c.feed(i32(-7)), DstT=tf.float32))
    with file.case("image_uint8_to_float32") as c:
        c.out(c.op("Cast", x=c.feed(c.values(u8, 1, 4, 5, 3)), DstT=tf.float32))
    with file.case("truncate") as c:
        c.out(c.op("Cast", x=c.feed(f32([1.9, 2.5])), DstT=tf.int32, Truncate=True))
    for name in ("default_truncate", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Cast", x=c.feed(f32([1.9, -2.5])), DstT=tf.int32))
            c.strip("Truncate")


# -- Select -------------------------------------------------------------

def select(file):
    def add(name, condition, t, e):
        with file.case(name) as c:
            c.out(c.op("Select", condition=c.feed(c.bools(*condition)),
                       x=c.feed(t(c)), y=c.feed(e(c))))

    for name, (condition, shape) in {
            "elements": ((3, 4), (3, 4)), "rows": ((3,), (3, 4)),
            "rows_rank4": ((2,), (2, 3, 2, 2)),
            "vector": ((5,), (5,)), "empty": ((0, 2), (0, 2)), "all_scalars": ((), ())}.items():
        add(name, condition, lambda c: c.normal(*shape), lambda c: c.normal(*shape))
    for value in (True, False):
        with file.case(f"scalar_{str(value).lower()}") as c:
            c.out(c.op("Select", condition=c.feed(np.bool_(value)),
                       x=c.feed(c.normal(2, 3)), y=c.feed(c.normal(2, 3))))
    for dtype in (i32, i64, np.bool_):
        add(label(dtype), (3, 2), lambda c: c.values(dtype, 3, 2),
            lambda c: c.values(dtype, 3, 2))
    with file.case("special_values") as c:
        c.out(c.op("Select", condition=c.feed([True, False, True, False]),
                   x=c.feed(f32([1, np.nan, np.inf, 4])), y=c.feed(f32([np.nan, 2, 3, -np.inf]))))


def select_v2(file):
    for name, (condition, t, e) in {
            "same_shape": ((3, 4), (3, 4), (3, 4)), "scalar_condition": ((), (2, 3), (2, 3)),
            "scalar_branches": ((2, 3), (), ()), "all_scalars": ((), (), ()),
            "vector_condition": ((4,), (3, 4), (3, 4)),
            "column_condition": ((3, 1), (3, 4), (3, 4)),
            "scalar_then": ((3, 4), (), (3, 4)), "scalar_else": ((3, 4), (3, 4), ()),
            "three_ways": ((2, 1, 1), (1, 3, 1), (1, 1, 4)), "low_ranks": ((2, 1, 3), (3,), (2, 1)),
            "rank5": ((2, 1, 2, 1, 2), (1, 3, 2, 1, 1), (2, 2)), "empty": ((0, 3), (1, 3), (3,)),
            "channels": ((1, 2, 2, 1), (1, 2, 2, 3), (3,))}.items():
        with file.case(name) as c:
            c.out(c.op("SelectV2", condition=c.feed(c.bools(*condition)),
                       t=c.feed(c.normal(*t)), e=c.feed(c.normal(*e))))
    for dtype in (i32, i64, np.bool_):
        with file.case(label(dtype)) as c:
            c.out(c.op("SelectV2", condition=c.feed(c.bools(3, 1)),
                       t=c.feed(c.values(dtype, 3, 2)), e=c.const(c.values(dtype, 2))))
    with file.case("special_values") as c:
        c.out(c.op("SelectV2", condition=c.feed([True, False, True, False]),
                   t=c.feed(f32([1, np.nan, np.inf, 4])), e=c.feed(f32(np.nan))))


FILES = {
    "Reshape": reshape, "Squeeze": squeeze, "ExpandDims": expand_dims,
    "Transpose": transpose, "Shape": describe("Shape"), "Size": describe("Size"),
    "Rank": describe("Rank"), "ShapeN": shape_n, "Range": range_, "Fill": fill,
    "Tile": tile, "Cast": cast, "Select": select, "SelectV2": select_v2,
}
