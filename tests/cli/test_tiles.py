# SPDX-License-Identifier: Apache-2.0
"""`haya run --tile` and `--roi`: large pictures in tiles, and what counts of a picture."""

import json
import os
import subprocess
import unittest

import graphs
import harness
import numpy as np
from test_pictures import png, read_png

NONE = ("--settings", "none")


def list_attr(numbers):
    return graphs.bytes_field(1, graphs.bytes_field(3, b"".join(graphs.varint(number) for number in numbers)))


def text_attr(text):
    return graphs.bytes_field(2, text.encode())


def convolution(kernel, dims, stride=1, padding="SAME"):
    """A model of one Conv2D; `kernel` is [height, width, in, out]."""
    kernel = np.asarray(kernel, np.float32)
    return (graphs.placeholder("x", graphs.DT_FLOAT, dims) +
            graphs.node("kernel", "Const", dtype=graphs.type_attr(graphs.DT_FLOAT),
                        value=graphs.tensor_attr(graphs.DT_FLOAT, kernel.shape, kernel.tobytes())) +
            graphs.node("y", "Conv2D", ["x", "kernel"], T=graphs.type_attr(graphs.DT_FLOAT),
                        strides=list_attr([1, stride, stride, 1]), padding=text_attr(padding),
                        data_format=text_attr("NHWC")))


def convolved(image, kernel):
    """3x3, zeros around, in float64."""
    padded = np.pad(image.astype(np.float64), 1)
    height, width = image.shape
    return sum(kernel[i][j] * padded[i:i + height, j:j + width] for i in range(3) for j in range(3))


def starts(length, tile, overlap):
    if length <= tile:
        return [0]
    return list(range(0, length - tile, tile - overlap)) + [length - tile]


def ramps(length, tile, overlap):
    """Each tile's weights at all places, which add up to 1."""
    first = starts(length, tile, overlap)
    weights = np.zeros((len(first), length))
    for i, start in enumerate(first):
        for k in range(min(tile, length)):
            left = first[i - 1] + tile - start if i > 0 else 0
            right = start + tile - first[i + 1] if i + 1 < len(first) else 0
            weights[i, start + k] = min(1, (k + 1) / (left + 1), (tile - k) / (right + 1))
    return weights / weights.sum(0)


def tiled(image, tile, overlap, model):
    """In float64: each tile through `model`, blended."""
    result = np.zeros(image.shape)
    for i, top in enumerate(starts(image.shape[0], tile, overlap)):
        for k, left in enumerate(starts(image.shape[1], tile, overlap)):
            down = ramps(image.shape[0], tile, overlap)[i, top:top + tile]
            across = ramps(image.shape[1], tile, overlap)[k, left:left + tile]
            part = image[top:top + tile, left:left + tile]
            result[top:top + tile, left:left + tile] += np.outer(down, across) * model(part)
    return result


class Tiles(harness.HayaTest):
    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(5)
        self.picture, self.y, self.model = (self.directory / name for name in ("p.png", "y.npy", "m.pb"))

    def write(self, pixels):
        self.picture.write_bytes(png(np.asarray(pixels)))
        return np.asarray(pixels) / 127.5 - 1

    def identity(self, *dims):
        self.model.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, dims) +
                               graphs.identity("y", "x", graphs.DT_FLOAT))

    def result(self, *options):
        self.succeed("run", self.model, *NONE, "-i", self.picture, "-o", self.y, *options)
        return np.load(self.y)


class Pictures(Tiles):
    def test_an_identity_gives_the_picture_back_to_the_bit(self):
        for height, width in ((37, 53), (16, 16), (17, 90), (5, 7), (9, 40)):
            self.write(self.random.integers(0, 256, (height, width)))
            self.identity(-1, -1, -1, 1)
            whole = self.result()
            for dims in ((-1, -1, -1, 1), (-1, 16, 16, 1), (1, 16, 16, 1), (3, 16, 16, 1)):
                self.identity(*dims)
                for overlap in (0, 5, 15):
                    np.testing.assert_array_equal(self.result("--tile", f"16,{overlap}"), whole)

    def test_tiles_need_not_be_squares_and_channels_are_kept(self):
        plain = self.write(self.random.integers(0, 256, (40, 50, 3)))
        self.identity(-1, 8, 24, 3)
        np.testing.assert_allclose(self.result("--tile", "8x24,3")[0], plain, atol=1e-6)
        np.testing.assert_allclose(self.result("--tile", "8x24,3", "--bgr")[0], plain[..., ::-1], atol=1e-6)

    def test_what_sees_one_pixel_alone_gives_what_the_whole_picture_gives(self):
        self.write(self.random.integers(0, 256, (61, 83)))
        self.model.write_bytes(convolution([[[[1.7]]]], (-1, -1, -1, 1)))
        np.testing.assert_allclose(self.result("--tile", "32,8"), self.result(), rtol=1e-6)

    def test_maps_are_blended_as_in_numpy(self):
        kernel = self.random.normal(size=(3, 3))
        plain = self.write(self.random.integers(0, 256, (70, 91)))
        for dims in ((-1, -1, -1, 1), (4, 32, 32, 1)):
            self.model.write_bytes(convolution(kernel[..., None, None], dims))
            for overlap in (0, 8, 20):
                result = self.result("--tile", f"32,{overlap}")[0, ..., 0]
                expected = tiled(plain, 32, overlap, lambda part: convolved(part, kernel))
                np.testing.assert_allclose(result, expected, atol=1e-3)
        # Where one tile alone covers, and sees as far as the kernel does, it is the whole picture's result.
        np.testing.assert_allclose(result[4:12, 4:12], convolved(plain, kernel)[4:12, 4:12], atol=1e-5)

    def test_a_smaller_picture_is_continued_by_reflection(self):
        kernel = np.ones((3, 3))
        plain = self.write(self.random.integers(0, 256, (6, 9)))
        self.model.write_bytes(convolution(kernel[..., None, None], (-1, 16, 16, 1)))
        expected = convolved(np.pad(plain, ((0, 10), (0, 7)), "reflect"), kernel)[:6, :9]
        np.testing.assert_allclose(self.result("--tile", "16,4")[0, ..., 0], expected, atol=1e-5)

    def test_smaller_maps_get_the_pictures_size(self):
        self.write(np.full((50, 70), 255))
        self.model.write_bytes(convolution(np.ones((2, 2, 1, 1)), (-1, -1, -1, 1), 2))
        result = self.result("--tile", "16,4")
        self.assertEqual(result.shape, (1, 50, 70, 1))
        np.testing.assert_allclose(result, 4, rtol=1e-6)

    def test_maps_go_where_others_go(self):
        pixels = np.full((60, 80), 64)
        pixels[30:40, 50:62] = 255
        self.write(pixels)
        self.identity(-1, 32, 32, 1)
        grey, heat, overlay = (self.directory / name for name in ("g.png", "h.png", "o.png"))
        told = self.succeed_json("run", self.model, *NONE, "-i", self.picture, "-o", grey, "--bits", 16,
                                 "--mean", 0, "--std", 255, "--heat", heat, "--overlay", overlay,
                                 "--threshold", 0.9, "--tile", "32,8")
        np.testing.assert_array_equal(read_png(grey), pixels * 257)
        self.assertEqual(read_png(overlay).shape, (60, 80, 3))
        self.assertEqual(read_png(heat).shape[0], 60)
        self.assertEqual(told["outputs"][0]["regions"][0]["box"], [50, 30, 62, 40])
        self.assertEqual(told["tiles"], {"size": [32, 32], "overlap": 8, "count": 9, "run": 9, "batch": 9})

    def test_a_reconstruction_is_compared_with_the_whole_picture(self):
        plain = self.write(self.random.integers(0, 256, (40, 50)))
        self.model.write_bytes(convolution([[[[0.5]]]], (-1, 16, 16, 1)))
        settings = self.directory / "m.json"
        settings.write_text(json.dumps({"haya": 1, "classes": [
            {"name": "a", "map": {"type": "reconstruction_error"}, "thresholds": {"high": 0.1}}]}))
        arguments = ["run", self.model, "-i", self.picture, "--tile", "16,4"]
        for roi, part in (((), plain), (("--roi", "7,9,30,20"), plain[9:29, 7:37])):
            told = self.succeed_json(*arguments, *roi)["classes"][0]
            self.assertAlmostEqual(told["score"], np.abs(part / 2).max(), 5)

    def test_what_cannot_be_is_refused(self):
        self.write(np.zeros((40, 40)))
        arguments = ["run", self.model, *NONE, "-i", self.picture]
        self.identity(-1, 32, 32, 1)
        for tile, says in (("16,4", "a tile of 16x16 does not fit input 'x' of shape [?,32,32,1]"),
                           ("32", "not a tile's size and overlap"), ("32,32", "leaves nothing of a tile of 32x32"),
                           ("0,0", "not a tile's size"), ("99999999999,1", "not a tile's size")):
            self.refuse(2, *arguments, "--tile", tile, says=says)
        for options in (("--tile", "32,4"), ("--roi", "0,0,1,1")):
            np.save(self.y, np.zeros((1, 32, 32, 1), np.float32))
            self.refuse(2, "run", self.model, *NONE, "-i", self.y, *options, says="is for one picture")
        self.model.write_bytes(convolution(np.ones((3, 3, 1, 1)), (-1, -1, -1, 1), padding="VALID"))
        self.refuse(2, *arguments, "--tile", "32,4", says=["output 'y' is 30x30", "neither as large nor smaller"])
        self.identity(2, 32)
        self.refuse(2, *arguments, "--tile", "32,4", says="does not fit input 'x'")
        self.identity(-1, -1, -1, 1)
        self.picture.write_bytes(png(np.zeros((3000, 3000))))
        self.refuse(1, *arguments, "--tile", "8,7", says="tiles, more than the limit of 1000000")


class Regions(Tiles):
    def setUp(self):
        super().setUp()
        self.identity(-1, -1, -1, 1)
        self.mask = self.directory / "roi.png"
        self.pixels = np.full((64, 96), 32)
        self.pixels[10:14, 70:80] = 255   # larger, outside
        self.pixels[40:44, 20:26] = 200
        self.inside = np.zeros((64, 96), bool)
        self.inside[33:60, 5:50] = True
        self.write(self.pixels)
        self.mask.write_bytes(png(self.inside * 1))
        self.values = ("--mean", 0, "--std", 255)

    def judged(self, *options):
        return self.succeed_json("run", self.model, *NONE, "-i", self.picture, *self.values, "--threshold", 0.5,
                                 *options)

    def test_only_the_inside_of_a_mask_counts(self):
        for tile in ((), ("--tile", "32,0"), ("--tile", "32,8")):
            told = self.judged("--roi", self.mask, "-o", self.y, *tile)
            output = told["outputs"][0]
            self.assertAlmostEqual(output["score"], 200 / 255, 6)
            self.assertEqual([region["box"] for region in output["regions"]], [[20, 40, 26, 44]])
            self.assertEqual(told["roi"], {"box": [0, 0, 96, 64], "area": 27 * 45})
            np.testing.assert_allclose(np.load(self.y)[0, ..., 0], np.where(self.inside, self.pixels / 255, 0),
                                       atol=1e-6)
            if tile:
                self.assertLess(told["tiles"]["run"], told["tiles"]["count"])
        self.assertEqual(self.judged("--roi", self.mask, "--tile", "32,0")["tiles"]["run"], 2)
        self.assertEqual(self.judged()["outputs"][0]["regions"][0]["box"], [70, 10, 80, 14])

    def test_what_is_infinite_outside_does_not_count(self):
        self.model.write_bytes(convolution([[[[1e38]]]], (-1, -1, -1, 1)))
        self.values = ("--mean", 0, "--std", 1)
        self.assertEqual(self.judged()["outputs"][0]["verdict"], "NG")
        self.pixels[self.inside] = 0
        self.write(self.pixels)
        self.assertEqual(self.judged("--roi", self.mask)["outputs"][0]["verdict"], "OK")

    def test_a_mask_is_brought_to_the_maps_size(self):
        self.identity(-1, 16, 24, 1)
        output = self.judged("--roi", self.mask)["outputs"][0]
        self.assertLess(output["score"], 0.9)
        self.assertGreater(output["score"], 0.5)
        for region in output["regions"]:
            self.assertGreaterEqual(region["box"][1], 32)
            self.assertLessEqual(region["box"][2], 52)

    def test_a_box_is_cut_out_and_told_in_the_pictures_pixels(self):
        for tile in ((), ("--tile", "16,4"), ("--tile", "64,4")):
            told = self.judged("--roi", "10,30,30,20", "-o", self.y, *tile)
            np.testing.assert_allclose(np.load(self.y)[0, ..., 0], self.pixels[30:50, 10:40] / 255, atol=1e-6)
            self.assertEqual(told["outputs"][0]["regions"][0]["box"], [20, 40, 26, 44])
            self.assertEqual(told["outputs"][0]["regions"][0]["peak"]["x"], 20)
            self.assertEqual(told["roi"], {"box": [10, 30, 40, 50], "area": 600})

    def test_an_overlay_shows_the_whole_picture_and_what_counts(self):
        overlay, heat, widths = self.directory / "o.png", self.directory / "h.png", []
        for roi in (self.mask, "5,33,45,27"):
            for tile in ((), ("--tile", "32,8")):
                self.judged("--roi", roi, "--overlay", overlay, "--heat", heat, *tile)
                shown = read_png(overlay)
                self.assertEqual(shown.shape, (64, 96, 3))
                self.assertEqual(shown[40, 80].tolist(), [10, 10, 10])
                self.assertEqual(shown[40, 4].tolist(), [64, 200, 64])
                self.assertEqual(shown[39, 22].tolist(), [0, 255, 255])
                widths.append(read_png(heat).shape[1])
        # Heat maps have the mask's size, which is the picture's, and the box's, each with the same legend.
        self.assertEqual(np.subtract(widths, widths[0]).tolist(), [0, 0, 45 - 96, 45 - 96])

    def test_hostile_regions_are_refused(self):
        arguments = ["run", self.model, *NONE, "-i", self.picture, "--roi"]
        for box in ("1,2,3", "0,0,0,5", "-1,0,5,5", "0,0,99999999999,1", "1,2,3,4,5"):
            self.refuse(2, *arguments, box, says="is not a box X,Y,W,H")
        self.refuse(6, *arguments, "90,0,7,5", says="does not lie in the picture of 96x64 pixels")
        self.mask.write_bytes(png(np.ones((64, 95))))
        self.refuse(6, *arguments, self.mask, says="is of 95x64 pixels, and the picture of 96x64")
        self.mask.write_bytes(png(np.zeros((64, 96))))
        self.refuse(6, *arguments, self.mask, says=[str(self.mask), "no pixel inside"])
        self.mask.write_bytes(b"\xff\xd8\xff\xe0\0\0\0\0")
        self.refuse(6, *arguments, self.mask, says="a region of interest is a PNG, TIFF or BMP")
        self.mask.write_bytes(b"nothing")
        self.refuse(6, *arguments, self.mask, says=str(self.mask))
        self.refuse(6, *arguments, self.directory / "none.png", says="cannot be opened")


@unittest.skipIf(harness.has_sanitizer("asan"), "it keeps what was freed")
class Memory(Tiles):
    """Of a picture of 12 megapixels."""

    def kernel(self, channels):
        return self.random.normal(size=(3, 3, 1, channels))

    def told(self, height, width, *options):
        self.write(np.zeros((height, width)))
        return self.succeed_json("run", self.model, *NONE, "-i", self.picture, "--threads", 2, *options)

    def test_scratch_and_memory_are_those_of_the_tiles(self):
        self.model.write_bytes(convolution(self.kernel(1), (-1, -1, -1, 1)))
        small = self.told(500, 600, "--tile", "256,32")["memory"]
        large = self.told(3000, 4000, "--tile", "256,32")["memory"]
        self.assertEqual(large["scratch_bytes"], small["scratch_bytes"])
        # Beyond the picture and the map, both float32: what the small picture takes, and no more.
        grown = large["private_bytes"] - small["private_bytes"]
        self.assertLess(grown, 2 * 4 * (3000 * 4000 - 500 * 600) + (8 << 20))
        whole = self.told(500, 600)["memory"]
        self.assertLess(small["private_bytes"], whole["private_bytes"] + (32 << 20))

    def test_a_large_picture_is_made_small_without_copies(self):
        self.identity(-1, 64, 64, 1)
        self.picture.write_bytes(png(np.zeros((3000, 4000, 3))))
        child = subprocess.Popen([harness.program("HAYA"), "run", self.model, *NONE, "-i", self.picture],
                                 stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        self.assertEqual(status, 0)
        self.assertLess(usage.ru_maxrss * 1024, 3000 * 4000 * 3 * 4 + (24 << 20))


if __name__ == "__main__":
    unittest.main()
