# SPDX-License-Identifier: Apache-2.0
"""Cases of Const: every way in which a TensorProto may hold its values.

Cases with "unpacked" in their name are wire bytes made by hand, because the
protobuf library writes repeated numbers packed.
"""
import struct

import numpy as np

from builder import field, tf, v1, varint

TYPE_FIELD = {tf.float32: "float_val", tf.float64: "double_val", tf.int32: "int_val",
              tf.uint8: "int_val", tf.int8: "int_val", tf.int16: "int_val",
              tf.uint16: "int_val", tf.int64: "int64_val", tf.bool: "bool_val",
              tf.half: "half_val", tf.bfloat16: "half_val"}


def proto_of(dtype, dims, values=None, content=None):
    """A TensorProto; None for dims leaves the shape out."""
    proto = v1.NodeDef().attr["value"].tensor
    proto.dtype = dtype.as_datatype_enum
    if dims is not None:
        proto.tensor_shape.SetInParent()
        for d in dims:
            proto.tensor_shape.dim.add(size=d)
    if content is not None:
        proto.tensor_content = content
    if values is not None:
        getattr(proto, TYPE_FIELD[dtype]).extend(values)
    return proto


def halves(array):
    return [int(v) for v in np.asarray(array, np.float16).view(np.uint16)]


def bfloats(array):
    """bfloat16 bit patterns: the upper halves of floats."""
    return [int(v) for v in np.asarray(array, np.float32).view(np.uint32) >> 16]


def plain(file, name, proto, cast=None):
    with file.case(name) as c:
        x = c.const_proto(proto, "constant" if cast else "op")
        c.out(c.op("Cast", x=x, DstT=cast) if cast else x)


def wire(file, name, dtype, dims, values, body, dims_first=True):
    """A node whose TensorProto is `body`, the hand-made bytes of the values."""
    with file.case(name) as c:
        x = c.const_proto(proto_of(dtype, dims, values))
        c.out(x)
    shape = field(2, b"".join(field(2, b"\x08" + varint(d)) for d in dims))
    dtype_bytes = b"\x08" + varint(dtype.as_datatype_enum)
    tensor = dtype_bytes + shape + body if dims_first else body + shape + dtype_bytes
    attrs = (field(1, b"dtype") + field(2, b"\x30" + varint(dtype.as_datatype_enum)),
             field(1, b"value") + field(2, field(8, tensor)))
    node = f"{name}/op"
    file.raw_nodes[node] = (field(1, node.encode()) + field(2, b"Const")
                            + b"".join(field(5, a) for a in attrs))


def fixed32(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)


def numbers(number, values):
    """Unpacked varints, each with its own tag."""
    return b"".join(varint(number << 3) + varint(int(v)) for v in values)


def const(file):
    f32, i32, i64 = tf.float32, tf.int32, tf.int64
    values = np.array([1.5, -2.25, 3e-5, 1e30, -0.0, 7], np.float32)
    plain(file, "tensor_content", proto_of(f32, [2, 3], content=values.tobytes()))
    plain(file, "tensor_content_of_one", proto_of(f32, [1], content=values[:1].tobytes()))
    plain(file, "tensor_content_scalar", proto_of(f32, [], content=values[1:2].tobytes()))
    plain(file, "tensor_content_special_values", proto_of(f32, [4], content=np.array(
        [np.nan, np.inf, -np.inf, 1e-40], np.float32).tobytes()))
    plain(file, "tensor_content_int32", proto_of(
        i32, [2, 2], content=np.array([1, -2, 2**31 - 1, -2**31], "<i4").tobytes()))
    plain(file, "tensor_content_int64", proto_of(
        i64, [3], content=np.array([-1, 2**62, -2**63], "<i8").tobytes()))
    plain(file, "tensor_content_bool", proto_of(tf.bool, [3], content=b"\x01\x00\x01"))
    plain(file, "tensor_content_uint8", proto_of(tf.uint8, [2, 2], content=b"\x00\x7f\x80\xff"))
    plain(file, "tensor_content_half", proto_of(tf.half, [3], content=np.array(
        [1.5, -65504, 6e-8], np.float16).tobytes()), f32)
    plain(file, "tensor_content_bfloat16", proto_of(tf.bfloat16, [3], content=np.array(
        bfloats([1.5, -3e38, 1e-20]), "<u2").tobytes()), f32)
    plain(file, "tensor_content_double", proto_of(tf.float64, [2], content=np.array(
        [np.pi, -1e-30]).tobytes()), f32)
    plain(file, "tensor_content_int8_to_float", proto_of(
        tf.int8, [4], content=b"\x00\x7f\x80\xff"), f32)

    plain(file, "float_val_packed", proto_of(f32, [2, 3], values.tolist()))
    plain(file, "float_val_packed_special_values", proto_of(
        f32, [3], [float("nan"), float("inf"), -0.0]))
    plain(file, "float_val_scalar", proto_of(f32, [], [2.5]))
    plain(file, "float_val_scalar_without_shape", proto_of(f32, None, [2.5]))
    plain(file, "float_val_splat", proto_of(f32, [3, 3, 4, 5], [0.125]))
    plain(file, "float_val_splat_large", proto_of(f32, [40, 50], [1.0]))
    plain(file, "float_val_last_repeats", proto_of(f32, [2, 4], [1, 2, 3]))
    plain(file, "float_val_last_but_one_given", proto_of(f32, [4], [1, 2, 9]))
    plain(file, "float_val_none_is_zeros", proto_of(f32, [2, 2]))
    plain(file, "no_value_scalar_is_zero", proto_of(f32, []))
    wire(file, "float_val_unpacked", f32, [2, 3], values.tolist(),
         b"".join(fixed32(5, v) for v in values))
    wire(file, "float_val_unpacked_splat", f32, [5, 7], [-1.5], fixed32(5, -1.5))
    wire(file, "float_val_unpacked_last_repeats", f32, [6], [1, 2],
         fixed32(5, 1) + fixed32(5, 2))
    wire(file, "float_val_packed_and_unpacked_mixed", f32, [4], [1, 2, 3, 4],
         fixed32(5, 1) + field(5, struct.pack("<2f", 2, 3)) + fixed32(5, 4))
    wire(file, "float_val_packed_in_two_runs", f32, [4], [1, 2, 3, 4],
         field(5, struct.pack("<2f", 1, 2)) + field(5, struct.pack("<2f", 3, 4)))
    wire(file, "values_before_shape_and_type", f32, [3], [1, 2, 3],
         field(5, struct.pack("<3f", 1, 2, 3)), dims_first=False)
    wire(file, "unknown_fields_skipped", f32, [2], [1, 2],
         varint(100 << 3) + varint(7) + field(101, b"abc")
         + varint(102 << 3 | 5) + b"1234" + varint(103 << 3 | 1) + b"12345678"
         + field(5, struct.pack("<2f", 1, 2)))

    plain(file, "int_val_packed", proto_of(i32, [4], [1, -1, 2**31 - 1, -2**31]))
    plain(file, "int_val_scalar", proto_of(i32, [], [-5]))
    plain(file, "int_val_splat", proto_of(i32, [3, 5], [-7]))
    plain(file, "int_val_last_repeats", proto_of(i32, [5], [3, 4]))
    plain(file, "int_val_none_is_zeros", proto_of(i32, [3]))
    plain(file, "int_val_uint8", proto_of(tf.uint8, [4], [0, 127, 128, 255]))
    plain(file, "int_val_int8_to_float", proto_of(tf.int8, [3], [-128, 0, 127]), f32)
    plain(file, "int_val_int16_to_float", proto_of(tf.int16, [3], [-32768, 0, 32767]), f32)
    plain(file, "int_val_uint16_to_float", proto_of(tf.uint16, [2], [65535, 1]), f32)
    wire(file, "int_val_unpacked", i32, [4], [1, -1, 300, -2**31],
         numbers(7, [1, -1, 300, -2**31]))
    plain(file, "int64_val_packed", proto_of(i64, [3], [-1, 2**62, -2**63]))
    plain(file, "int64_val_scalar", proto_of(i64, [], [2**40]))
    plain(file, "int64_val_splat", proto_of(i64, [2, 2], [-2**33]))
    wire(file, "int64_val_unpacked", i64, [3], [5, -6, 2**50], numbers(10, [5, -6, 2**50]))
    plain(file, "bool_val_packed", proto_of(tf.bool, [4], [True, False, False, True]))
    plain(file, "bool_val_scalar", proto_of(tf.bool, [], [True]))
    plain(file, "bool_val_splat", proto_of(tf.bool, [2, 3], [True]))
    plain(file, "bool_val_none_is_false", proto_of(tf.bool, [2]))
    wire(file, "bool_val_unpacked", tf.bool, [3], [True, False, True], numbers(11, [1, 0, 1]))

    plain(file, "half_val", proto_of(tf.half, [6], halves(
        [1.5, -2.25, 65504, 6e-8, np.inf, np.nan])), f32)
    plain(file, "half_val_scalar", proto_of(tf.half, [], halves([0.333])), f32)
    plain(file, "half_val_splat", proto_of(tf.half, [2, 3], halves([-0.75])), f32)
    plain(file, "half_val_last_repeats", proto_of(tf.half, [4], halves([3, 4])), f32)
    plain(file, "half_val_bfloat16", proto_of(tf.bfloat16, [5], bfloats(
        [1.5, -2.25, 3e38, 1e-20, np.inf])), f32)
    plain(file, "half_val_bfloat16_splat", proto_of(tf.bfloat16, [3], bfloats([5])), f32)
    plain(file, "double_val", proto_of(tf.float64, [3], [np.pi, -1e-30, 1e300]), f32)
    plain(file, "double_val_splat", proto_of(tf.float64, [2, 2], [1 / 3]), f32)
    plain(file, "double_val_scalar", proto_of(tf.float64, [], [-2.5]), f32)

    plain(file, "empty_vector", proto_of(f32, [0]))
    plain(file, "empty_matrix", proto_of(f32, [3, 0]))
    plain(file, "empty_int32", proto_of(i32, [0]))
    plain(file, "empty_int64_rank3", proto_of(i64, [2, 0, 4]))
    plain(file, "rank6", proto_of(f32, [1, 2, 1, 3, 1, 2], content=np.arange(
        12, dtype=np.float32).tobytes()))
    with file.case("used_twice") as c:
        x = c.const_proto(proto_of(f32, [3], [1, 2]))
        c.out(x, c.op("Add", "sum", x=x, y=c.feed(np.float32([10, 20, 30]))))
    with file.case("strings_beside") as c:
        tf.constant([b"never", b"used"], name="unused")
        c.out(c.const([1.0, 2.0], name="op"))


FILES = {"Const": const}
