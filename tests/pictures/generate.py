#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes data/: small pictures of every kind that is read, what must come of them, and pictures that are refused.

    generate.py

Needs numpy and Pillow, whose decoder of JPEG and whose resampling are the reference. PNG and TIFF files are put
together here byte by byte, as Pillow does not write most kinds of them. The same versions write the same files.

NAME.expected, little-endian: int32 width, height, channels; float32 white, tolerance; float32 pixels.
resize.bin: for each case int32 width, height, new width, new height; float32 pixels; float32 new pixels.
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

DATA = pathlib.Path(__file__).resolve().parent / "data"
RANDOM = np.random.default_rng(1)
WIDTH, HEIGHT = 11, 7


def samples(channels, bits, width=WIDTH, height=HEIGHT):
    """A slope with noise on it: nothing looks the same turned or mirrored."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    slope = (3 * x / width + 5 * y / height + c) / (8 + channels)
    values = np.clip(0.9 * slope + 0.1 * RANDOM.random(slope.shape), 0, 1)
    return np.round(values * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)


def save(name, content, pixels, white, tolerance=0.0):
    pixels = np.asarray(pixels, np.float32)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    (DATA / name).write_bytes(content)
    (DATA / (name + ".expected")).write_bytes(
        struct.pack("<3i2f", width, height, channels, white, tolerance) + pixels.astype("<f4").tobytes())


def upright(pixels, orientation):
    """The picture that EXIF's orientation describes, by the words of its table."""
    rows_from_bottom, columns_from_right = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    if orientation >= 5:  # row 0 is the left or right side, column 0 the top or bottom
        pixels = pixels.swapaxes(0, 1)
    if rows_from_bottom:
        pixels = pixels[::-1]
    return pixels[:, ::-1] if columns_from_right else pixels


def exif(orientation, order="<"):
    header = b"II*\0" if order == "<" else b"MM\0*"
    return (header + struct.pack(order + "IH", 8, 2) + struct.pack(order + "HHII", 0x0100, 4, 1, 99)
            + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(order + "I", 0))


# ---- PNG ---------------------------------------------------------------------------------------------------------


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def packed(rows, bits):
    """Rows of samples as bytes, each row padded to a byte; 16 bits big-endian."""
    rows = rows.reshape(rows.shape[0], -1)
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in rows]
    if bits == 8:
        return [row.astype(np.uint8).tobytes() for row in rows]
    unpacked = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return [np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in unpacked]


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


def png(pixels, bits, colour_type, extra=b"", interlaced=False, after=b""):
    pixels = pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
    height, width = pixels.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    parts = [pixels[y::dy, x::dx] for x, y, dx, dy in passes]
    data = b"".join(b"\0" + row for part in parts if part.size for row in packed(part, bits))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">2I5B", width, height, bits, colour_type, 0, 0, int(interlaced)))
            + extra + chunk(b"IDAT", zlib.compress(data, 9)) + after + chunk(b"IEND", b""))


def make_png():
    for bits in (1, 2, 4, 8, 16):
        grey = samples(1, bits)
        scale = 255 // (2**bits - 1) if bits < 8 else 1
        for interlaced in (False, True):
            name = f"grey{bits}{'-interlaced' if interlaced else ''}.png"
            save(name, png(grey, bits, GREY, interlaced=interlaced), grey.astype(int) * scale,
                 65535 if bits == 16 else 255)
    for bits in (8, 16):
        white = 2**bits - 1
        grey_alpha, rgb, rgb_alpha = samples(2, bits), samples(3, bits), samples(4, bits)
        save(f"grey-alpha{bits}.png", png(grey_alpha, bits, GREY_ALPHA), grey_alpha[..., :1], white)
        save(f"rgb{bits}.png", png(rgb, bits, RGB), rgb, white)
        save(f"rgb{bits}-interlaced.png", png(rgb, bits, RGB, interlaced=True), rgb, white)
        save(f"rgb-alpha{bits}.png", png(rgb_alpha, bits, RGB_ALPHA), rgb_alpha[..., :3], white)
    for bits in (1, 2, 4, 8):
        indices = samples(1, min(bits, 5))
        colours = RANDOM.integers(0, 256, (2**min(bits, 5), 3), dtype=np.uint8)
        extra = chunk(b"PLTE", colours.tobytes()) + chunk(b"tRNS", b"\0\x80")
        save(f"palette{bits}.png", png(indices, bits, PALETTE, extra), colours[indices[..., 0]], 255)
    greys = np.repeat(np.arange(0, 256, 17, dtype=np.uint8)[::-1, None], 3, 1)
    indices = samples(1, 4)
    save("palette-grey.png", png(indices, 4, PALETTE, chunk(b"PLTE", greys.tobytes())), greys[indices[..., 0], :1],
         255)
    rgb = samples(3, 8)
    save("exif6.png", png(rgb, 8, RGB, chunk(b"eXIf", exif(6, ">"))), upright(rgb, 6), 255)
    save("exif8-after.png", png(rgb, 8, RGB, after=chunk(b"eXIf", exif(8))), upright(rgb, 8), 255)
    save("gamma.png", png(rgb, 8, RGB, chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"tRNS", b"\0\1\0\2\0\3")),
         rgb, 255)


# ---- JPEG --------------------------------------------------------------------------------------------------------


def make_jpeg():
    def jpeg(name, pixels, tolerance, orientation=None, **options):
        if orientation:
            options["exif"] = b"Exif\0\0" + exif(orientation)
        stream = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(stream, "JPEG", quality=90, **options)
        decoded = np.asarray(Image.open(io.BytesIO(stream.getvalue())))
        decoded = decoded if decoded.ndim == 3 else decoded[..., None]
        save(name, stream.getvalue(), upright(decoded, orientation or 1), 255, tolerance)

    jpeg("grey.jpg", samples(1, 8), 1)
    jpeg("rgb444.jpg", samples(3, 8), 2, subsampling=0)
    jpeg("rgb420.jpg", samples(3, 8, 20, 18), 3, subsampling=2)
    jpeg("progressive.jpg", samples(3, 8), 2, subsampling=0, progressive=True)
    jpeg("restarts.jpg", samples(1, 8, 30, 20), 1, restart_marker_blocks=1)
    picture = samples(1, 8)
    for orientation in range(1, 9):
        jpeg(f"exif{orientation}.jpg", picture, 1, orientation)
    stream = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(stream, "JPEG")
    (DATA / "refused/cmyk.jpg").write_bytes(stream.getvalue())
    content = bytearray((DATA / "grey.jpg").read_bytes())
    at = content.index(b"\xff\xc0")
    content[at + 5:at + 9] = struct.pack(">HH", 65500, 65500)
    (DATA / "refused/bomb.jpg").write_bytes(content)


# ---- TIFF --------------------------------------------------------------------------------------------------------


def tiff(pixels, bits, photometric, order="<", compressed=False, rows=None, tile=None, separate=False, tags=(),
         extra_samples=0, sample_format=1, size=None):
    pixels = pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
    height, width, channels = pixels.shape
    planes = [pixels[..., c:c + 1] for c in range(channels)] if separate else [pixels]
    blocks = []
    for plane in planes:
        if tile:
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    block = np.zeros((tile, tile, plane.shape[2]), plane.dtype)
                    part = plane[y:y + tile, x:x + tile]
                    block[:part.shape[0], :part.shape[1]] = part
                    blocks.append(block)
        else:
            step = rows or height
            blocks += [plane[y:y + step] for y in range(0, height, step)]

    def encode(block):
        if bits >= 16:
            data = block.astype(order + ("f4" if sample_format == 3 else f"u{bits // 8}")).tobytes()
        else:
            data = b"".join(packed(block, bits))
        return zlib.compress(data, 9) if compressed else data

    data = [encode(block) for block in blocks]
    offsets, at = [], 8
    for block in data:
        offsets.append(at)
        at += len(block)
    body = b"".join(data)
    width, height = size or (width, height)
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * channels),
               (259, 3, [8 if compressed else 1]), (262, 3, [photometric]), (277, 3, [channels]),
               (284, 3, [2 if separate else 1]), (339, 3, [sample_format] * channels), *tags]
    if extra_samples:
        entries.append((338, 3, [2] * extra_samples))
    if tile:
        entries += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, offsets), (325, 4, [len(block) for block in data])]
    else:
        entries += [(273, 4, offsets), (278, 4, [rows or height]), (279, 4, [len(block) for block in data])]
    if at % 2:
        body, at = body + b"\0", at + 1
    directory = struct.pack(order + "H", len(entries))
    values_at = at + 2 + 12 * len(entries) + 4
    values = b""
    for tag, kind, numbers in sorted(entries):
        packed_values = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        directory += struct.pack(order + "HHI", tag, kind, len(numbers))
        if len(packed_values) <= 4:
            directory += packed_values.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", values_at + len(values))
            values += packed_values
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", at) + body + directory + b"\0\0\0\0" + values


def make_tiff():
    white_is_0, black_is_0, rgb_kind, palette_kind = 0, 1, 2, 3
    for bits in (1, 2, 4, 8, 16):
        grey = samples(1, bits)
        scale = 255 // (2**bits - 1) if bits < 8 else 1
        save(f"grey{bits}.tif", tiff(grey, bits, black_is_0), grey.astype(int) * scale,
             65535 if bits == 16 else 255)
    grey = samples(1, 8)
    save("white-is-0.tif", tiff(grey, 8, white_is_0), 255 - grey.astype(int), 255)
    for bits in (8, 16):
        white = 2**bits - 1
        rgb, rgb_alpha, grey_alpha = samples(3, bits), samples(4, bits), samples(2, bits)
        save(f"rgb{bits}.tif", tiff(rgb, bits, rgb_kind, order=">"), rgb, white)
        save(f"rgb{bits}-planes.tif", tiff(rgb, bits, rgb_kind, separate=True, rows=3), rgb, white)
        save(f"rgb-alpha{bits}.tif", tiff(rgb_alpha, bits, rgb_kind, extra_samples=1), rgb_alpha[..., :3], white)
        save(f"grey-alpha{bits}.tif", tiff(grey_alpha, bits, black_is_0, extra_samples=1), grey_alpha[..., :1],
             white)
    grey = samples(1, 16, 40, 21)
    save("grey16-strips.tif", tiff(grey, 16, black_is_0, rows=4, compressed=True), grey, 65535)
    save("grey16-tiles.tif", tiff(grey, 16, black_is_0, tile=16, compressed=True), grey, 65535)
    rgb = samples(3, 8, 20, 18)
    save("rgb8-tiles-planes.tif", tiff(rgb, 8, rgb_kind, tile=16, separate=True), rgb, 255)
    floats = RANDOM.normal(0.5, 0.5, (HEIGHT, WIDTH, 1)).astype(np.float32)
    save("float.tif", tiff(floats, 32, black_is_0, sample_format=3), floats, 1)
    save("float-big-endian.tif", tiff(floats, 32, black_is_0, ">", sample_format=3, compressed=True), floats, 1)
    floats = RANDOM.random((HEIGHT, WIDTH, 3)).astype(np.float32)
    save("float-rgb.tif", tiff(floats, 32, rgb_kind, sample_format=3, rows=2), floats, 1)
    indices = samples(1, 4)
    colours = RANDOM.integers(0, 256, (16, 3))
    for name, factor in (("palette4.tif", 257), ("palette4-old.tif", 1)):
        numbers = [int(value) * factor for value in colours.T.reshape(-1)]
        save(name, tiff(indices, 4, palette_kind, tags=[(320, 3, numbers)]), colours[indices[..., 0]], 255)
    rgb = samples(3, 8)
    for orientation in range(1, 9):
        save(f"turned{orientation}.tif", tiff(rgb, 8, rgb_kind, tags=[(274, 3, [orientation])]),
             upright(rgb, orientation), 255)
    picture = Image.fromarray(samples(3, 8, 32, 16))
    for name, compression in (("lzw", "tiff_lzw"), ("packbits", "packbits"), ("jpeg", "jpeg")):
        stream = io.BytesIO()
        picture.save(stream, "TIFF", compression=compression)
        decoded = np.asarray(Image.open(io.BytesIO(stream.getvalue())))
        save(f"pillow-{name}.tif", stream.getvalue(), decoded, 255, 3 if name == "jpeg" else 0)
    stream = io.BytesIO()
    bilevel = Image.fromarray(samples(1, 8).squeeze()).convert("1")
    bilevel.save(stream, "TIFF", compression="group4")
    save("group4.tif", stream.getvalue(), np.asarray(bilevel).astype(int) * 255, 255)

    def refuse(name, content):
        (DATA / "refused" / name).write_bytes(content)

    refuse("bomb.tif", tiff(samples(1, 8), 8, black_is_0, size=(100000, 100000)))
    refuse("int32.tif", tiff(np.zeros((2, 2)), 32, black_is_0))
    refuse("cmyk.tif", tiff(samples(4, 8), 8, 5))
    floats[3, 5] = np.nan
    refuse("nan.tif", tiff(floats, 32, rgb_kind, sample_format=3))


# ---- BMP ---------------------------------------------------------------------------------------------------------


def bmp(rows, bits, palette=b"", top_down=False, compression=0, masks=b"", colours=0, size=None):
    height, width = rows.shape[:2]
    width, height = size or (width, height)
    rows = rows if top_down else rows[::-1]
    data = b"".join(row + bytes(-len(row) % 4) for row in packed(rows, min(bits, 8)))
    at = 14 + 40 + len(masks) + len(palette)
    return (struct.pack("<2sIHHI", b"BM", at + len(data), 0, 0, at)
            + struct.pack("<IiiHHIIiiII", 40, width, -height if top_down else height, 1, bits, compression,
                          len(data), 0, 0, colours, 0) + masks + palette + data)


def make_bmp():
    greys = b"".join(bytes([v, v, v, 0]) for v in range(256))
    grey, rgb, rgb_alpha = samples(1, 8), samples(3, 8), samples(4, 8)
    backwards = rgb_alpha[..., [2, 1, 0, 3]]
    save("grey8.bmp", bmp(grey, 8, greys), grey, 255)
    save("grey8-top-down.bmp", bmp(grey, 8, greys, top_down=True), grey, 255)
    save("rgb24.bmp", bmp(rgb[..., ::-1], 24), rgb, 255)
    save("rgb24-top-down.bmp", bmp(rgb[..., ::-1], 24, top_down=True), rgb, 255)
    save("rgb32.bmp", bmp(backwards, 32), rgb_alpha[..., :3], 255)
    masks = struct.pack("<3I", 0xff0000, 0xff00, 0xff)
    save("rgb32-masks.bmp", bmp(backwards, 32, compression=3, masks=masks), rgb_alpha[..., :3], 255)
    for bits in (1, 4, 8):
        count = min(2**bits, 20)
        indices = samples(1, bits) % count
        palette = RANDOM.integers(0, 256, (count, 4), dtype=np.uint8)
        save(f"palette{bits}.bmp", bmp(indices, bits, palette.tobytes(), colours=count),
             palette[indices[..., 0]][..., 2::-1], 255)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "BMP")
    save("pillow.bmp", stream.getvalue(), rgb, 255)

    def refuse(name, content):
        (DATA / "refused" / name).write_bytes(content)

    refuse("bomb.bmp", bmp(rgb, 24, size=(100000, 100000)))
    refuse("rle8.bmp", bmp(grey, 8, greys, compression=1))
    refuse("rgb16.bmp", bmp(np.zeros((4, 8)), 16))
    refuse("index.bmp", bmp(np.full((4, 4), 9), 8, bytes(4 * 9), colours=9))


# ---- Others ------------------------------------------------------------------------------------------------------


def make_refused():
    header = struct.pack(">2I5B", 100000, 100000, 8, GREY, 0, 0, 0)
    (DATA / "refused/bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                                            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    # Within the limit of each side, but not of the bytes.
    header = struct.pack(">2I5B", 16000, 16000, 8, GREY, 0, 0, 0)
    (DATA / "refused/bytes.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                                             + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    (DATA / "refused/index.png").write_bytes(
        png(np.full((4, 4), 9), 8, PALETTE, chunk(b"PLTE", bytes(3 * 9))))
    (DATA / "refused/text.txt").write_bytes(b"no picture\n")
    (DATA / "refused/empty").write_bytes(b"")


def make_resized():
    cases = b""
    for width, height, new_width, new_height in ((13, 9, 7, 5), (13, 9, 26, 18), (13, 9, 5, 20), (40, 30, 8, 8),
                                                 (17, 1, 5, 1), (1, 1, 4, 4), (64, 48, 13, 11), (33, 20, 33, 7),
                                                 (20, 33, 7, 33), (9, 9, 9, 9), (3, 2, 64, 50), (50, 40, 1, 1)):
        before = (255 * RANDOM.random((height, width))).astype(np.float32)
        after = np.asarray(Image.fromarray(before, "F").resize((new_width, new_height), Image.BICUBIC))
        cases += struct.pack("<4i", width, height, new_width, new_height)
        cases += before.astype("<f4").tobytes() + after.astype("<f4").tobytes()
    (DATA / "resize.bin").write_bytes(cases)


if __name__ == "__main__":
    (DATA / "refused").mkdir(parents=True, exist_ok=True)
    for make in (make_png, make_jpeg, make_tiff, make_bmp, make_refused, make_resized):
        make()
