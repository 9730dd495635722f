# SPDX-License-Identifier: Apache-2.0
"""Pictures that `haya run` takes, and those it makes of maps."""

import struct
import unittest
import zlib

import graphs
import harness
import numpy as np


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels, bits=8):
    """A grey or RGB PNG."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2" if bits == 16 else np.uint8).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">2I5B", width, height, bits, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def read_png(path):
    """The pixels of a PNG of 8 or 16 bits that is not interlaced."""
    content, at, data = path.read_bytes(), 8, b""
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at:at + 8])
        if kind == b"IHDR":
            width, height, bits, colours = struct.unpack(">2I2B", content[at + 8:at + 18])
        data += content[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    pixel = (3 if colours == 2 else 1) * bits // 8
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * pixel)
    result = np.zeros((height + 1, (width + 1) * pixel), np.int64)  # with a column and a row of zeros in front
    for y, row in enumerate(rows):
        for x, value in enumerate(row[1:].astype(int), pixel):
            left, up, corner = result[y + 1, x - pixel], result[y, x], result[y, x - pixel]
            guess = left + up - corner
            paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            result[y + 1, x] = (value + [0, left, up, (left + up) // 2, paeth][row[0]]) % 256
    result = result[1:, pixel:]
    if bits == 16:
        result = result[:, 0::2] * 256 + result[:, 1::2]
    return result.reshape(height, width, -1).squeeze()


class Pictures(harness.HayaTest):
    """On a model that gives back what it is given."""

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(1)
        self.picture, self.y = self.directory / "picture", self.directory / "y.npy"

    def model(self, *dims, dtype=graphs.DT_FLOAT):
        path = self.directory / "model.pb"
        path.write_bytes(graphs.placeholder("x", dtype, dims) + graphs.identity("y", "x", dtype))
        return path

    def through(self, content, dims, *options):
        self.picture.write_bytes(content)
        self.succeed("run", self.model(*dims), "-i", self.picture, "-o", self.y, *options)
        return np.load(self.y)

    def map(self, values):
        """Arguments that make the model give these."""
        path = self.directory / "map.npy"
        np.save(path, np.asarray(values, np.float32))
        return ["run", self.model(-1, -1, -1, 1), "-i", path]


class Inputs(Pictures):
    def test_a_picture_becomes_minus_1_to_1(self):
        grey = self.random.integers(0, 256, (5, 7))
        result = self.through(png(grey), (-1, -1, -1, -1))
        self.assertEqual(result.shape, (1, 5, 7, 1))
        np.testing.assert_allclose(result[0, :, :, 0], grey / 127.5 - 1, atol=1e-6)
        grey = self.random.integers(0, 65536, (5, 7))
        result = self.through(png(grey, 16), (1, 5, 7, 1))
        np.testing.assert_allclose(result[0, :, :, 0], grey / 65535 * 2 - 1, atol=1e-6)

    def test_channels_are_the_models(self):
        rgb = self.random.integers(0, 256, (4, 6, 3))
        plain = rgb / 127.5 - 1
        np.testing.assert_allclose(self.through(png(rgb), (-1, 4, 6, 3))[0], plain, atol=1e-6)
        np.testing.assert_allclose(self.through(png(rgb), (-1, 4, 6, 3), "--bgr")[0], plain[..., ::-1], atol=1e-6)
        np.testing.assert_allclose(self.through(png(rgb), (-1, 4, 6, 1))[0, ..., 0], plain.mean(2), atol=1e-6)
        six = self.through(png(rgb), (-1, 4, 6, 6))[0]
        np.testing.assert_allclose(six, np.repeat(plain.mean(2)[..., None], 6, 2), atol=1e-6)

    def test_mean_std_and_white_are_chosen(self):
        grey = self.random.integers(0, 4096, (3, 3))
        result = self.through(png(grey, 16), (-1, 3, 3, 1), "--white", "4095", "--mean", "0", "--std=255")
        np.testing.assert_allclose(result[0, ..., 0], grey / 4095, atol=1e-6)

    def test_the_size_is_the_models(self):
        result = self.through(png(np.full((50, 30, 3), 255)), (1, 16, 8, 1))
        self.assertEqual(result.shape, (1, 16, 8, 1))
        np.testing.assert_allclose(result, 1, atol=1e-5)

    def test_unusable_pictures_are_refused(self):
        whole = png(np.zeros((4, 4)))
        huge = whole[:16] + struct.pack(">2I", 100000, 100000) + whole[24:29]
        huge += struct.pack(">I", zlib.crc32(huge[12:29])) + whole[33:]
        for content, says in ((whole[:-5], "cut off after"), (whole[:40], "cut off after"), (b"BM", "cut off"),
                              (b"MMM", "it is not a PNG, JPEG, TIFF or BMP"), (huge, "100000x100000 pixels")):
            self.picture.write_bytes(content)
            self.refuse(6, "run", self.model(-1, -1, -1, 1), "-i", self.picture, says=[str(self.picture), says])
        self.picture.write_bytes(whole)
        for dims in ((2, 4, 4, 1), (-1, 4, 4), (4, 4)):
            self.refuse(6, "run", self.model(*dims), "-i", self.picture, says="a picture does not fit input 'x'")
        integers = self.model(-1, 4, 4, 1, dtype=graphs.DT_UINT8)
        self.refuse(6, "run", integers, "-i", self.picture, says="cannot hold")


class Maps(Pictures):
    def test_a_map_is_written_by_the_end_of_the_name(self):
        values = self.random.random((1, 9, 6, 1)).astype(np.float32)
        eight, sixteen, tiff = (self.directory / name for name in ("a.png", "b.png", "c.tif"))
        arguments = self.map(values)
        self.succeed(*arguments, "-o", eight)
        self.succeed(*arguments, "-o", sixteen, "--bits", "16")
        self.succeed(*arguments, "-o", tiff)
        np.testing.assert_array_equal(read_png(eight), np.floor(values[0, ..., 0] * np.float32(255) + 0.5))
        np.testing.assert_array_equal(read_png(sixteen), np.floor(values[0, ..., 0] * np.float32(65535) + 0.5))
        self.succeed("run", self.model(-1, 9, 6, 1), "-i", tiff, "--mean=0", "--std=255", "-o", self.y)
        np.testing.assert_allclose(np.load(self.y), values, atol=1e-6)

    def test_values_outside_0_to_1_are_cut_off_and_told(self):
        path = self.directory / "a.png"
        result = harness.haya(*self.map([[[[-1.0], [0.5], [2.0], [np.nan]]]]), "-o", path)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.decode(), f"haya: note: {path}: 3 values outside 0 to 1 were cut off\n")
        np.testing.assert_array_equal(read_png(path), [0, 128, 255, 255])

    def test_what_is_no_map_is_refused(self):
        np.save(self.y, np.zeros((1, 4, 4, 2), np.float32))
        arguments = ["run", self.model(-1, -1, -1, 2), "-i", self.y]
        for option in (["-o", "a.png"], ["-o", "a.tif"], ["--heat", "a.png"], ["--threshold", "1"]):
            self.refuse(2, *arguments, *option, says="needs a map")
        arguments = self.map(np.zeros((1, 4, 4, 1)))
        self.refuse(2, *arguments, "--overlay", "a.png", says="needs a picture as an input")
        self.refuse(2, *arguments, "--heat", "a.jpg", says="must end in .png")
        self.refuse(2, *arguments, "--heat", "a.png", "-o", "a.png", says="given for two outputs")
        self.refuse(2, *arguments, "--threshold-low", "1", says="needs a --threshold")
        self.refuse(2, *arguments, "--threshold-low", "2", "--threshold", "1", says="needs a --threshold")
        self.refuse(2, *arguments, "--bits", "12", says="8 or 16 bits")
        self.refuse(2, *arguments, "--std", "0", says="above 0")
        self.refuse(2, *arguments, "--mean", "nan", says="is not a number")

    def test_score_verdict_and_regions(self):
        values = np.zeros((1, 6, 8, 1), np.float32)
        values[0, 1:3, 2:5, 0] = 0.75
        values[0, 2, 3, 0] = 0.875
        values[0, 5, 7, 0] = 0.5
        arguments = self.map(values)
        for high, low, verdict, areas in ((0.5, None, "NG", [6, 1]), (0.8, 0.1, "NG", [1]),
                                          (0.9, 0.6, "unsure", [6]), (0.9, None, "OK", []), (2, 1, "OK", [])):
            options = ["--threshold", high] + (["--threshold-low", low] if low else [])
            output = self.succeed_json(*arguments, *options)["outputs"][0]
            self.assertEqual((output["score"], output["verdict"]), (0.875, verdict))
            self.assertEqual([region["area"] for region in output["regions"]], areas)
            self.assertIn(f"score 0.875  {verdict}", self.succeed(*arguments, *options))
        region = self.succeed_json(*arguments, "--threshold", 0.6)["outputs"][0]["regions"][0]
        self.assertEqual(region, {"area": 6, "box": [2, 1, 5, 3], "peak": {"value": 0.875, "x": 3, "y": 2}})

    def test_a_map_of_no_numbers_is_never_good(self):
        output = self.succeed_json(*self.map([[[[0.0], [np.nan]]]]), "--threshold", "0.5")["outputs"][0]
        self.assertEqual((output["score"], output["verdict"], output["regions"]), (None, "unsure", []))

    def test_heat_and_overlay_have_the_pictures_size(self):
        grey = np.full((40, 30), 128)
        grey[26:36, 6:12] = 255
        self.picture.write_bytes(png(grey))
        heat, overlay = self.directory / "heat.png", self.directory / "overlay.png"
        options = ["--mean", "0", "--std", "255", "--threshold", "0.9", "--heat", heat, "--overlay", f"y={overlay}"]
        output = self.succeed_json("run", self.model(1, 20, 15, 1), "-i", self.picture, *options)["outputs"][0]
        self.assertEqual(output["regions"][0]["box"], [6, 26, 12, 36])
        self.assertEqual(output["regions"][0]["area"], 60)
        shown = read_png(overlay)
        self.assertEqual(shown.shape, (40, 30, 3))
        self.assertEqual(shown[36, 8].tolist(), [0, 255, 255])  # the outline
        shown = read_png(heat)
        self.assertGreater(shown.shape[1], 30)
        self.assertGreater(shown[31, 9].sum(), shown[15, 20].sum())


if __name__ == "__main__":
    unittest.main()
