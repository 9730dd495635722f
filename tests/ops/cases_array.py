# SPDX-License-Identifier: Apache-2.0
"""Cases of operations that move, cut, join and describe tensors."""
import numpy as np

from builder import raw, tf
from cases_nn import nchw, nhwc

f32, i32, i64, u8 = np.float32, np.int32, np.int64, np.uint8
TYPES = (i32, i64, np.bool_, u8)


def label(dtype):
    return np.dtype(dtype).name


# -- joining and splitting ----------------------------------------------

CONCATS = {  # axis, shapes
    "vectors": (0, [(3,), (2,)]), "rows": (0, [(2, 3), (1, 3)]),
    "columns": (1, [(2, 3), (2, 4)]), "three": (1, [(2, 1, 3), (2, 4, 3), (2, 2, 3)]),
    "channels": (3, [(1, 3, 2, 5), (1, 3, 2, 3), (1, 3, 2, 1)]),
    "nchw_channels": (1, [(2, 3, 2, 2), (2, 1, 2, 2)]),
    "seven": (0, [(k + 1, 2) for k in range(7)]),
    "one_empty": (0, [(2, 3), (0, 3), (1, 3)]), "all_empty": (1, [(0, 2), (0, 3)]),
    "rank5": (2, [(1, 2, 2, 1, 3), (1, 2, 3, 1, 3)]),
}


def concat(kind):
    def node(c, axis, values):
        if kind == "Concat":
            return c.op(kind, concat_dim=axis, values=values)
        return c.op(kind, values=values, axis=axis)

    def build(file):
        for name, (axis, shapes) in CONCATS.items():
            with file.case(name) as c:
                c.out(node(c, axis, [c.feed(c.normal(*s)) for s in shapes]))
            if kind == "ConcatV2":
                with file.case(f"{name}_negative_axis") as c:
                    c.out(node(c, axis - len(shapes[0]),
                               [c.feed(c.normal(*s)) for s in shapes]))
        for dtype in TYPES:
            with file.case(label(dtype)) as c:
                c.out(node(c, 1, [c.feed(c.values(dtype, 2, 3)),
                                  c.const(c.values(dtype, 2, 2))]))
        with file.case("const_and_same_input_twice") as c:
            x = c.feed(c.normal(2, 2))
            c.out(node(c, 0, [x, c.const(c.normal(1, 2)), x]))
        if kind == "ConcatV2":
            with file.case("int64_axis") as c:
                c.out(node(c, i64(1), [c.feed(c.normal(2, 3)), c.feed(c.normal(2, 1))]))
            for name in ("default_tidx", "all_defaults_stripped"):
                with file.case(name) as c:
                    c.out(node(c, 1, [c.feed(c.normal(2, 3)), c.feed(c.normal(2, 1))]))
                    c.strip("Tidx")
    return build


def split(file):
    for name, (shape, axis, count) in {
            "vector": ((6,), 0, 3), "rows": ((4, 3), 0, 2), "columns": ((2, 6), 1, 3),
            "channels": ((1, 3, 2, 8), 3, 2), "negative_axis": ((2, 3, 6), -1, 3),
            "negative_axis_rows": ((4, 3), -2, 4), "one_way": ((3, 2), 0, 1),
            "middle": ((2, 4, 3), 1, 4), "empty": ((0, 4), 1, 2)}.items():
        with file.case(name) as c:
            c.out(*c.op("Split", axis=axis, value=c.feed(c.normal(*shape)),
                        num_split=count))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(*c.op("Split", axis=1, value=c.feed(c.values(dtype, 2, 4)),
                        num_split=2))
    with file.case("one_output_used") as c:
        c.out(c.op("Split", axis=0, value=c.feed(c.normal(6)), num_split=3)[1])


def split_v(file):
    for name, (shape, sizes, axis) in {
            "vector": ((6,), [1, 3, 2], 0), "rows": ((5, 2), [2, 3], 0),
            "columns": ((2, 7), [4, 1, 2], 1), "rest": ((2, 7), [2, -1, 1], 1),
            "rest_empty": ((3, 2), [2, -1, 1], 0), "zero_size": ((4,), [0, 4], 0),
            "negative_axis": ((2, 3, 5), [3, 2], -1), "single": ((2, 3), [3], 1),
            "middle": ((2, 5, 3), [1, 4], 1),
            "channels": ((1, 2, 3, 9), [2, 3, 4], 3)}.items():
        for index in (i32, i64):
            if index == i64 and name not in ("rows", "rest"):
                continue
            with file.case(name + ("_int64_sizes" if index == i64 else "")) as c:
                c.out(*c.op("SplitV", value=c.feed(c.normal(*shape)),
                            size_splits=np.array(sizes, index), axis=axis,
                            num_split=len(sizes)))
    for dtype in (i32, i64):
        with file.case(label(dtype)) as c:
            c.out(*c.op("SplitV", value=c.feed(c.values(dtype, 3, 4)),
                        size_splits=[1, 3], axis=1, num_split=2))
    for name in ("default_tlen", "all_defaults_stripped"):
        with file.case(name) as c:  # Tlen is int64 by default
            c.out(*c.op("SplitV", value=c.feed(c.normal(5)), axis=0, num_split=2,
                        size_splits=np.array([2, 3], i64)))
            c.strip("Tlen")


def pack(file):
    for name, (shape, count, axis) in {
            "scalars": ((), 4, 0), "vectors": ((3,), 2, 0), "last_axis": ((3,), 2, 1),
            "negative_axis": ((2, 3), 3, -1), "negative_axis_first": ((2, 3), 2, -3),
            "middle": ((2, 3, 2), 2, 1), "single": ((2, 2), 1, 0),
            "empty": ((0, 2), 3, 1)}.items():
        with file.case(name) as c:
            c.out(c.op("Pack", values=[c.feed(c.normal(*shape)) for _ in range(count)],
                       axis=axis))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Pack", values=[c.feed(c.values(dtype, 3)),
                                       c.const(c.values(dtype, 3))], axis=1))
    for name in ("default_axis", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("Pack", values=[c.feed(c.normal(3)), c.feed(c.normal(3))]))
            c.strip("axis")


def unpack(file):
    for name, (shape, axis) in {
            "vector": ((4,), 0), "rows": ((3, 4), 0), "columns": ((3, 4), 1),
            "negative_axis": ((2, 2, 3), -1), "negative_axis_first": ((2, 3), -2),
            "middle": ((2, 3, 2), 1), "single": ((1, 5), 0),
            "empty": ((2, 0), 0)}.items():
        with file.case(name) as c:
            c.out(*c.op("Unpack", value=c.feed(c.normal(*shape)), axis=axis,
                        num=shape[axis]))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(*c.op("Unpack", value=c.feed(c.values(dtype, 2, 3)), num=2))
    for name in ("default_axis", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(*c.op("Unpack", value=c.feed(c.normal(2, 3)), num=2))
            c.strip("axis")


# -- cutting ------------------------------------------------------------

def slice_(file):
    for name, (shape, begin, size) in {
            "vector": ((7,), [2], [3]), "rest": ((7,), [2], [-1]),
            "matrix": ((4, 5), [1, 2], [2, 2]), "matrix_rest": ((4, 5), [1, 0], [-1, 3]),
            "all": ((2, 3), [0, 0], [-1, -1]), "none": ((2, 3), [1, 0], [0, 3]),
            "at_the_end": ((3,), [3], [-1]), "image": ((1, 5, 4, 3), [0, 1, 1, 0], [1, 3, 2, 3]),
            "channels": ((1, 2, 2, 8), [0, 0, 0, 4], [-1, -1, -1, 4]),
            "rank5": ((2, 2, 3, 2, 2), [0, 1, 1, 0, 1], [2, 1, 2, -1, 1]),
            "scalar": ((), [], [])}.items():
        with file.case(name) as c:
            c.out(c.op("Slice", input=c.feed(c.normal(*shape)),
                       begin=np.array(begin, i32), size=np.array(size, i32)))
    with file.case("int64_index") as c:
        c.out(c.op("Slice", input=c.feed(c.normal(4, 5)), begin=np.array([1, 2], i64),
                   size=np.array([-1, 2], i64)))
    with file.case("begin_and_size_fed", refused=True) as c:
        c.out(c.op("Slice", input=c.feed(c.normal(4, 5)), begin=c.feed(i32([1, 2])),
                   size=c.feed(i32([2, -1]))))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(c.op("Slice", input=c.feed(c.values(dtype, 3, 4)), begin=[1, 0],
                       size=[2, 3]))


MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
STRIDED = {  # shape, begin, end, strides, masks
    "plain": ((7,), [1], [5], [1], {}), "stride2": ((7,), [1], [6], [2], {}),
    "stride3_rank2": ((5, 8), [0, 1], [5, 8], [2, 3], {}),
    "negative_stride": ((7,), [5], [1], [-1], {}),
    "negative_stride2": ((8,), [7], [0], [-2], {}),
    "reversed": ((5,), [0], [0], [-1], {"begin": 1, "end": 1}),
    "reversed_rank2": ((3, 4), [0, 0], [0, 0], [-1, -1], {"begin": 3, "end": 3}),
    "reversed_channels": ((1, 2, 2, 3), [0, 0], [0, 0], [1, -1],
                          {"begin": 3, "end": 3, "ellipsis": 1}),
    "negative_begin": ((7,), [-3], [7], [1], {}),
    "negative_end": ((7,), [1], [-2], [1], {}),
    "both_negative": ((7,), [-5], [-1], [2], {}),
    "begin_out_of_range": ((5,), [-99], [3], [1], {}),
    "end_out_of_range": ((5,), [2], [99], [1], {}),
    "both_out_of_range": ((5,), [-99], [99], [2], {}),
    "both_out_of_range_negative_stride": ((5,), [99], [-99], [-1], {}),
    "empty_begin_after_end": ((5,), [4], [1], [1], {}),
    "empty_negative_stride": ((5,), [1], [4], [-1], {}),
    "empty_beyond": ((5,), [7], [9], [1], {}),
    "begin_mask": ((6,), [3], [5], [1], {"begin": 1}),
    "end_mask": ((6,), [3], [5], [1], {"end": 1}),
    "begin_mask_negative_stride": ((6,), [1], [2], [-1], {"begin": 1}),
    "end_mask_negative_stride": ((6,), [3], [4], [-2], {"end": 1}),
    "second_begin_mask": ((4, 5), [1, 3], [4, 5], [1, 1], {"begin": 2}),
    "both_masks": ((4, 5), [1, 3], [2, 4], [1, 1], {"begin": 2, "end": 1}),
    "fewer_than_rank": ((4, 3, 2), [1], [3], [1], {}),
    "ellipsis_first": ((2, 3, 4), [0, 1], [0, 3], [1, 1], {"ellipsis": 1}),
    "ellipsis_middle": ((3, 2, 2, 4), [1, 0, 1], [3, 0, 4], [1, 1, 2], {"ellipsis": 2}),
    "ellipsis_last": ((4, 2, 3), [1, 0], [3, 0], [1, 1], {"ellipsis": 2}),
    "ellipsis_covers_nothing": ((3, 4), [0, 0, 1], [2, 0, 3], [1, 1, 1], {"ellipsis": 2}),
    "ellipsis_alone": ((2, 3), [0], [0], [1], {"ellipsis": 1}),
    "new_axis_first": ((3, 2), [0, 0], [0, 0], [1, 1],
                       {"new_axis": 1, "begin": 2, "end": 2}),
    "new_axis_second": ((3, 2), [0, 0, 0], [0, 0, 0], [1, 1, 1],
                        {"new_axis": 2, "begin": 5, "end": 5}),
    "new_axis_after_ellipsis": ((3, 2), [0, 0], [0, 0], [1, 1],
                                {"ellipsis": 1, "new_axis": 2}),
    "two_new_axes": ((4,), [0, 1, 0], [0, 3, 0], [1, 1, 1], {"new_axis": 5}),
    "shrink_first": ((3, 4), [1], [2], [1], {"shrink_axis": 1}),
    "shrink_last": ((3, 4), [0, 2], [0, 3], [1, 1],
                    {"begin": 1, "end": 1, "shrink_axis": 2}),
    "shrink_negative": ((3, 4), [-1], [0], [1], {"shrink_axis": 1}),
    "shrink_negative_with_end_mask": ((5,), [-2], [0], [1], {"shrink_axis": 1, "end": 1}),
    "shrink_all": ((3, 4), [2, 1], [3, 2], [1, 1], {"shrink_axis": 3}),
    "shrink_after_ellipsis": ((2, 3, 4), [0, 2], [0, 3], [1, 1],
                              {"ellipsis": 1, "shrink_axis": 2}),
    "shrink_ignores_end": ((6,), [4], [1], [1], {"shrink_axis": 1}),
    "shrink_and_slice": ((3, 5, 4), [1, 1, 0], [2, 4, 0], [1, 2, 1],
                         {"shrink_axis": 1, "end": 4, "begin": 4}),
    "shrink_shape_element": ((4,), [1], [2], [1], {"shrink_axis": 1}),
    "new_axis_and_shrink_prefers_new_axis": ((3, 2), [0, 1], [1, 2], [1, 1],
                                             {"new_axis": 1, "shrink_axis": 1}),
    "new_axis_ellipsis_shrink": ((2, 3, 4), [0, 0, 1], [0, 0, 2], [1, 1, 1],
                                 {"new_axis": 1, "ellipsis": 2, "shrink_axis": 4}),
    "rank5_mixed": ((2, 3, 2, 4, 3), [0, -1, 0, 3, 0], [2, -4, 1, 0, 3],
                    [1, -1, 1, -2, 2], {"shrink_axis": 4, "end": 2}),
    "empty_input": ((0, 3), [0, 1], [0, 3], [1, 1], {"begin": 1, "end": 1}),
    "no_spec": ((2, 3), [], [], [], {}),
}


def strided_op(c, x, begin, end, strides, masks=(), index=i32, name="op"):
    return c.op("StridedSlice", name, input=x,
                **{k: np.array(v, index) if isinstance(v, list) else v
                   for k, v in (("begin", begin), ("end", end), ("strides", strides))},
                **{f"{m}_mask": v for m, v in dict(masks).items()})


def strided_slice(file):
    for name, (shape, *spec) in STRIDED.items():
        with file.case(name) as c:
            c.out(strided_op(c, c.feed(c.normal(*shape)), *spec))
    for name in ("rank5_mixed", "both_masks", "negative_stride"):
        shape, *spec = STRIDED[name]
        with file.case(f"int64_index_{name}") as c:
            c.out(strided_op(c, c.feed(c.normal(*shape)), *spec, index=i64))
    with file.case("end_of_int32_range") as c:
        c.out(strided_op(c, c.feed(c.normal(2, 5)), [0, 1], [2**31 - 1] * 2, [1, 2]))
    with file.case("spec_fed", refused=True) as c:
        c.out(strided_op(c, c.feed(c.normal(4, 6)), c.feed(i32([3, 1])),
                         c.feed(i32([0, 6])), c.feed(i32([-1, 2])), {"end": 1}))
    for dtype in TYPES:
        with file.case(label(dtype)) as c:
            c.out(strided_op(c, c.feed(c.values(dtype, 4, 5)), [1, 4], [4, 0], [2, -1]))
    for attrs in [[f"{m}_mask"] for m in MASKS] + [[f"{m}_mask" for m in MASKS]]:
        name = f"default_{attrs[0]}" if len(attrs) == 1 else "all_defaults_stripped"
        with file.case(name) as c:
            c.out(strided_op(c, c.feed(c.normal(4, 5)), [1, 1], [3, 5], [1, 2]))
            for attr in attrs:
                c.strip(attr)


def gather(file):
    def add(name, params, indices, axis, batch_dims=0, **kwargs):
        with file.case(name) as c:
            p = params if isinstance(params, np.ndarray) else c.normal(*params)
            x = c.const(p) if kwargs.get("const") else c.feed(p)
            c.out(c.op("GatherV2", params=x, indices=c.feed(indices),
                       axis=c.const(kwargs.get("axis_type", i32)(axis)),
                       batch_dims=batch_dims))

    for index in (i32, i64):
        def at(*values):
            return np.array(values, index)
        p = label(index) + "_"
        add(p + "rows", (5, 3), at(4, 0, 2, 2), 0)
        add(p + "columns", (3, 5), at(4, 1), 1)
        add(p + "negative_axis", (2, 3, 4), at(3, 0, 1), -1)
        add(p + "scalar_index", (4, 3), index(2), 0)
        add(p + "scalar_index_last_axis", (4, 3), index(1), 1)
        add(p + "matrix_indices", (6, 2), at([0, 5, 1], [3, 3, 2]), 0)
        add(p + "matrix_indices_middle_axis", (2, 4, 3), at([0, 3], [1, 1], [2, 0]), 1)
        add(p + "no_indices", (4, 3), np.zeros((0,), index), 0)
        add(p + "batch_dims1", (2, 4, 3), at([0, 3, 1], [2, 2, 0]), 1, 1)
        add(p + "batch_dims1_later_axis", (2, 3, 4), at([0, 3], [1, 2]), 2, 1)
        add(p + "batch_dims2", (2, 3, 4), at([[0, 1], [3, 3], [2, 0]],
                                             [[1, 1], [0, 2], [3, 0]]), 2, 2)
        add(p + "batch_dims_all_of_indices", (3, 4), at(1, 0, 3), 1, 1)
    add("negative_batch_dims", (2, 4), i32([[0, 3], [1, 1]]), 1, -1)
    add("vector_from_scalar_index", (7,), i32(3), 0)
    add("embedding_const", (10, 4), i32([[1, 9, 0], [4, 4, 7]]), 0, const=True)
    add("int64_axis", (3, 5), i32([4, 1]), 1, axis_type=i64)
    for dtype in TYPES:
        with file.case(f"params_{label(dtype)}") as c:
            c.out(c.op("GatherV2", params=c.feed(c.values(dtype, 4, 2)),
                       indices=c.feed(i32([3, 1])), axis=0))
    for name in ("default_batch_dims", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("GatherV2", params=c.feed(c.normal(4, 2)),
                       indices=c.feed(i32([3, 1])), axis=0))
            c.strip("batch_dims")


# -- padding ------------------------------------------------------------

PADS = {
    "vector": ((3,), [[1, 2]]), "matrix": ((2, 3), [[1, 0], [2, 1]]),
    "image": ((1, 3, 4, 2), [[0, 0], [1, 2], [2, 1], [0, 0]]),
    "mobilenet": ((1, 4, 4, 3), [[0, 0], [0, 1], [0, 1], [0, 0]]),
    "nchw": ((1, 2, 3, 3), [[0, 0], [0, 0], [1, 1], [1, 1]]),
    "channels": ((1, 2, 2, 3), [[0, 0], [0, 0], [0, 0], [1, 4]]),
    "batch": ((1, 2), [[1, 1], [0, 0]]), "nothing": ((2, 3), [[0, 0], [0, 0]]),
    "empty_input": ((0, 2), [[2, 1], [0, 1]]), "rank3": ((2, 1, 3), [[0, 1], [3, 0], [1, 1]]),
    "rank5": ((1, 2, 2, 1, 2), [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2]]),
}


def pad(kind):
    def build(file):
        more = {"constant_values": f32(-1.5)} if kind == "PadV2" else {}
        for name, (shape, pads) in PADS.items():
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(*shape)),
                           paddings=np.array(pads, i32), **more))
        with file.case("int64_paddings") as c:
            c.out(c.op(kind, input=c.feed(c.normal(2, 3)),
                       paddings=np.array([[1, 0], [0, 2]], i64), **more))
        with file.case("paddings_fed", refused=True) as c:
            c.out(c.op(kind, input=c.feed(c.normal(2, 3)),
                       paddings=c.feed(i32([[1, 0], [0, 2]])), **more))
        for dtype in TYPES:
            with file.case(label(dtype)) as c:
                value = {"constant_values": dtype(1)} if kind == "PadV2" else {}
                c.out(c.op(kind, input=c.feed(c.values(dtype, 2, 3)),
                           paddings=[[1, 0], [0, 2]], **value))
        if kind == "PadV2":
            with file.case("minus_infinity") as c:
                c.out(c.op(kind, input=c.feed(c.normal(1, 3, 3, 1)), constant_values=
                           f32(-np.inf), paddings=[[0, 0], [1, 1], [1, 1], [0, 0]]))
            with file.case("value_fed") as c:
                c.out(c.op(kind, input=c.feed(c.normal(3)), paddings=[[2, 1]],
                           constant_values=c.feed(f32(7))))
        for name in ("default_tpaddings", "all_defaults_stripped"):
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(2, 3)), paddings=[[1, 0], [0, 2]],
                           **more))
                c.strip("Tpaddings")
    return build


def mirror_pad(file):
    cases = {
        "vector": ((5,), [[2, 3]]), "matrix": ((4, 3), [[1, 2], [2, 0]]),
        "image": ((1, 4, 5, 2), [[0, 0], [3, 1], [2, 2], [0, 0]]),
        "image_k3": ((2, 3, 3, 3), [[0, 0], [1, 1], [1, 1], [0, 0]]),
        "nchw": ((1, 2, 4, 3), [[0, 0], [0, 0], [1, 2], [2, 1]]),
        "nothing": ((2, 3), [[0, 0], [0, 0]]), "rank3": ((3, 2, 4), [[1, 0], [1, 1], [0, 2]]),
    }
    for mode in ("REFLECT", "SYMMETRIC"):
        low = mode.lower()
        for name, (shape, pads) in cases.items():
            with file.case(f"{low}_{name}") as c:
                c.out(c.op("MirrorPad", input=c.feed(c.normal(*shape)),
                           paddings=np.array(pads, i32), mode=mode))
        most = 3 if mode == "REFLECT" else 4
        with file.case(f"{low}_as_far_as_possible") as c:
            c.out(c.op("MirrorPad", input=c.feed(c.normal(4)),
                       paddings=i32([[most, most]]), mode=mode))
        with file.case(f"{low}_int64_paddings") as c:
            c.out(c.op("MirrorPad", input=c.feed(c.normal(3, 3)),
                       paddings=np.array([[1, 2], [0, 1]], i64), mode=mode))
        with file.case(f"{low}_int32") as c:
            c.out(c.op("MirrorPad", input=c.feed(c.ints(3, 3)),
                       paddings=i32([[1, 2], [0, 1]]), mode=mode))
    for name in ("default_tpaddings", "all_defaults_stripped"):
        with file.case(name) as c:
            c.out(c.op("MirrorPad", input=c.feed(c.normal(3)), paddings=[[1, 2]],
                       mode="REFLECT"))
            c.strip("Tpaddings")


# -- blocks -------------------------------------------------------------

def blocks(kind):
    """TensorFlow's CPU kernels know NHWC only: NCHW uses a twin."""
    down = kind == "SpaceToDepth"

    def build(file):
        for name, (n, h, w, k, b) in {
                "block2": (1, 2, 3, 1, 2), "block2_channels3": (2, 1, 2, 3, 2),
                "block3": (1, 2, 1, 2, 3), "block4": (1, 1, 2, 1, 4),
                "block2_channels5": (1, 3, 2, 5, 2), "batch3": (3, 1, 1, 2, 2)}.items():
            shape = (n, h * b, w * b, k) if down else (n, h, w, k * b * b)
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(*shape)), block_size=b))
            with file.case(f"nchw_{name}") as c:
                x = c.feed(c.normal(shape[0], shape[3], shape[1], shape[2]))
                c.out(c.op(kind, input=x, block_size=b, data_format="NCHW"))
                with c.reference():
                    c.want(nchw(getattr(raw, kind)(input=nhwc(x), block_size=b)))
        shape = (1, 4, 4, 2) if down else (1, 2, 2, 8)
        with file.case("int32") as c:
            c.out(c.op(kind, input=c.feed(c.ints(*shape)), block_size=2))
        for name in ("default_data_format", "all_defaults_stripped"):
            with file.case(name) as c:
                c.out(c.op(kind, input=c.feed(c.normal(*shape)), block_size=2))
                c.strip("data_format")
    return build


FILES = {
    "Concat": concat("Concat"), "ConcatV2": concat("ConcatV2"), "Split": split,
    "SplitV": split_v, "Pack": pack, "Unpack": unpack, "Slice": slice_,
    "StridedSlice": strided_slice, "GatherV2": gather, "Pad": pad("Pad"),
    "PadV2": pad("PadV2"), "MirrorPad": mirror_pad,
    "SpaceToDepth": blocks("SpaceToDepth"), "DepthToSpace": blocks("DepthToSpace"),
}
