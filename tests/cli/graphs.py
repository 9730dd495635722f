# SPDX-License-Identifier: Apache-2.0
"""Small frozen graphs for the tests, written and searched without a protobuf library."""

DT_FLOAT, DT_DOUBLE, DT_INT32, DT_UINT8, DT_INT16, DT_INT8 = 1, 2, 3, 4, 5, 6
DT_INT64, DT_BOOL, DT_BFLOAT16, DT_UINT16, DT_HALF, DT_UINT32, DT_UINT64 = 9, 10, 14, 17, 19, 22, 23


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field, number):
    return varint(field << 3) + varint(number)


def bytes_field(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def shape_proto(dims):
    return b"".join(bytes_field(2, number_field(1, dim)) for dim in dims)


def type_attr(dtype):
    return number_field(6, dtype)


def shape_attr(dims):
    return bytes_field(7, shape_proto(dims))


def tensor_attr(dtype, dims, content):
    tensor = number_field(1, dtype) + bytes_field(2, shape_proto(dims)) + bytes_field(4, content)
    return bytes_field(8, tensor)


def node(name, op, inputs=(), **attrs):
    data = bytes_field(1, name.encode()) + bytes_field(2, op.encode())
    data += b"".join(bytes_field(3, text.encode()) for text in inputs)
    for key, value in attrs.items():
        data += bytes_field(5, bytes_field(1, key.encode()) + bytes_field(2, value))
    return bytes_field(1, data)


def placeholder(name, dtype, dims):
    return node(name, "Placeholder", dtype=type_attr(dtype), shape=shape_attr(dims))


def identity(name, source, dtype):
    return node(name, "Identity", [source], T=type_attr(dtype))


def read_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def fields(data, start, end):
    """(number, first byte, byte after) of each field that is a string of bytes."""
    at = start
    while at < end:
        key, at = read_varint(data, at)
        if key & 7 == 2:
            size, at = read_varint(data, at)
            yield key >> 3, at, at + size
            at += size
        elif key & 7 == 0:
            _, at = read_varint(data, at)
        else:
            at += {1: 8, 5: 4}[key & 7]


def find(data, start, end, *path):
    """Where the bytes lie that the numbers lead to, each time the first of that number."""
    for number in path:
        start, end = next((a, b) for field, a, b in fields(data, start, end) if field == number)
    return start, end


def tensor_content(data, name):
    """Where the content of the Const node of that name lies."""
    for field, start, end in fields(data, 0, len(data)):
        if field == 1:
            a, b = find(data, start, end, 1)
            if data[a:b] == name.encode():
                for attr, first, last in fields(data, start, end):
                    if attr == 5:
                        a, b = find(data, first, last, 1)
                        if data[a:b] == b"value":
                            return find(data, first, last, 2, 8, 4)
    raise KeyError(name)
