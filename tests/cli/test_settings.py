# SPDX-License-Identifier: Apache-2.0
"""MODEL.json beside a model: what the commands make of it."""

import json
import pathlib
import unittest

import graphs
import harness
import numpy as np
from test_pictures import png, read_png

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"


class Settings(harness.HayaTest):
    """On models that give back what they are given."""

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(3)
        self.file, self.picture = self.directory / "m.json", self.directory / "picture.png"

    def model(self, *dims, outputs=1):
        path = self.directory / "m.pb"
        nodes = [graphs.identity("y" if k == 0 else f"y{k}", "x", graphs.DT_FLOAT) for k in range(outputs)]
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, dims) + b"".join(nodes))
        return path

    def settings(self, *classes, **more):
        content = {"haya": 1, **more, **({"classes": list(classes)} if classes else {})}
        self.file.write_text(json.dumps(content))

    def given(self, values):
        path = self.directory / "x.npy"
        np.save(path, np.asarray(values, np.float32))
        return path


def gaussian(values, sigma):
    """In float64, by mirrored edges."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        wide = np.pad(values.astype(np.float64), [(radius, radius) if k == axis else (0, 0) for k in (0, 1)],
                      mode="symmetric")
        values = sum(weight * np.take(wide, np.arange(k, k + values.shape[axis]), axis)
                     for k, weight in enumerate(weights))
    return values


class Inputs(Settings):
    def through(self, dims, *options):
        y = self.directory / "y.npy"
        self.succeed("run", self.model(*dims), "-i", self.picture, "-o", y, *options)
        return np.load(y)[0]

    def test_pictures_become_inputs_by_the_file(self):
        rgb = self.random.integers(0, 256, (4, 5, 3))
        self.picture.write_bytes(png(rgb))
        self.settings(input={"mean": [1, 2, 3], "std": [4, 5, 6], "white": 510, "color_order": "bgr"})
        expected = (rgb / 2 - [1, 2, 3]) / [4, 5, 6]
        np.testing.assert_allclose(self.through((-1, 4, 5, 3)), expected[..., ::-1], atol=1e-5)
        self.settings(input={"mean": 0, "std": 255, "grayscale": "luma"})
        luma = rgb @ [0.299, 0.587, 0.114] / 255
        np.testing.assert_allclose(self.through((-1, 4, 5, 1))[..., 0], luma, atol=1e-6)

    def test_options_come_before_the_file_and_none_leaves_it_out(self):
        grey = self.random.integers(0, 256, (4, 5))
        self.picture.write_bytes(png(grey))
        self.settings(input={"mean": 10, "std": 20})
        for options, mean, std in (([], 10, 20), (["--mean", "3"], 3, 20), (["--std", "4"], 10, 4),
                                   (["--settings", "none"], 127.5, 127.5)):
            result = self.through((-1, 4, 5, 1), *options)[..., 0]
            np.testing.assert_allclose(result, (grey - mean) / std, atol=1e-5)
        other = self.directory / "other.json"
        other.write_text('{"haya": 1, "input": {"mean": 1, "std": 2}}')
        result = self.through((-1, 4, 5, 1), "--settings", other, "--std", "3")
        np.testing.assert_allclose(result[..., 0], (grey - 1) / 3, atol=1e-5)
        self.file.write_text("damaged")
        self.through((-1, 4, 5, 1), "--settings", other)

    def test_pictures_may_have_to_have_the_size(self):
        self.picture.write_bytes(png(np.zeros((4, 5))))
        self.settings(input={"resize": "none"})
        self.assertEqual(self.through((-1, -1, -1, 1)).shape, (4, 5, 1))
        self.assertEqual(self.through((-1, 4, 5, 1)).shape, (4, 5, 1))
        self.refuse(6, "run", self.model(-1, 8, 5, 1), "-i", self.picture,
                    says=[str(self.picture), "is 5x4", "takes 5x8", "not resized"])

    def test_a_picture_is_given_to_the_named_tensor(self):
        path = self.directory / "m.pb"
        shape = (-1, 2, 2, 1)
        path.write_bytes(graphs.placeholder("a", graphs.DT_FLOAT, shape) +
                         graphs.placeholder("b", graphs.DT_FLOAT, shape) +
                         graphs.identity("from_a", "a", graphs.DT_FLOAT) +
                         graphs.identity("from_b", "b", graphs.DT_FLOAT))
        self.picture.write_bytes(png(np.full((2, 2), 255)))
        x, a, b = self.given(np.zeros(shape[1:])), self.directory / "a.npy", self.directory / "b.npy"
        for tensor, to_a, to_b in (("a", 1, 0), ("b", 0, 1), ("b:0", 0, 1)):
            self.settings(input={"tensor": tensor})
            self.succeed("run", path, "-i", self.picture, "-i", x, "-o", f"from_a={a}", "-o", f"from_b={b}")
            self.assertEqual((np.load(a)[0, 0, 0, 0], np.load(b)[0, 0, 0, 0]), (to_a, to_b))


class Classes(Settings):
    def judge(self, values, *options):
        values = np.asarray(values, np.float32)
        return self.succeed_json("run", self.model(-1, *values.shape[1:]), "-i", self.given(values), *options)

    def test_each_class_has_score_verdict_and_regions(self):
        values = np.zeros((1, 6, 8, 3))
        values[0, 1:3, 2:5, 0] = 0.75
        values[0, 4, 4, 1] = 0.4
        self.settings({"name": "dent", "color": "#0000ff", "map": {"channel": 0}},
                      {"name": "傷", "map": {"channel": 1}, "thresholds": {"low": 0.3, "high": 0.6}},
                      {"name": "stain", "map": {"output": "y:0", "channel": 2}})
        told = self.judge(values)
        self.assertEqual((told["settings"], told["verdict"]), (str(self.file), "NG"))
        dent, scratch, stain = told["classes"]
        self.assertEqual(dent, {"name": "dent", "color": "#0000FF", "output": "y", "channel": 0, "score": 0.75,
                                "verdict": "NG", "regions": [{"area": 6, "box": [2, 1, 5, 3],
                                                              "peak": {"value": 0.75, "x": 2, "y": 1}}]})
        self.assertEqual((scratch["name"], scratch["color"], scratch["verdict"]), ("傷", "#FFFF00", "unsure"))
        self.assertEqual([region["area"] for region in scratch["regions"]], [1])
        self.assertEqual((stain["score"], stain["verdict"], stain["regions"]), (0, "OK", []))
        text = self.succeed("run", self.model(-1, 6, 8, 3), "-i", self.given(values))
        for line in ("dent  score 0.75  NG  1 region at or above 0.5\n",
                     "傷  score 0.4  unsure  1 region at or above 0.3\n", "stain  score 0  OK\n",
                     "  area 6  box 2,1 to 5,3  peak 0.75 at 2,1\n"):
            self.assertIn(line, text)
        self.assertEqual(text.splitlines()[-1], "NG: dent")
        self.assertNotIn("score", told["outputs"][0])

    def test_options_come_before_the_thresholds(self):
        self.settings({"name": "a", "map": {"channel": 0}, "thresholds": {"low": 0.1, "high": 0.2}},
                      {"name": "b", "map": {"channel": 1}})
        values = [[[[0.15, 0.55]]]]
        for options, verdicts in (([], ["unsure", "NG"]), (["--threshold", "0.6"], ["OK", "OK"]),
                                  (["--threshold", "0.6", "--threshold-low", "0.5"], ["OK", "unsure"]),
                                  (["--threshold", "0.12"], ["NG", "NG"])):
            self.assertEqual([part["verdict"] for part in self.judge(values, *options)["classes"]], verdicts)

    def test_without_a_file_nothing_is_judged_unless_asked(self):
        told = self.judge(np.ones((1, 2, 2, 1)))
        self.assertEqual((told["settings"], told["classes"], told["verdict"]), (None, [], None))
        self.assertNotIn("score", told["outputs"][0])
        self.settings({"name": "a"})
        told = self.judge(np.ones((1, 2, 2, 1)), "--settings", "none")
        self.assertEqual((told["settings"], told["classes"], told["verdict"]), (None, [], None))

    def test_smoothed_scores_agree_with_float64(self):
        values = self.random.random((1, 24, 17, 1)).astype(np.float32)
        for sigma in (0.5, 1.3, 4, 30):
            expected = gaussian(values[0, :, :, 0], sigma)
            flat = np.sort(expected.ravel())[::-1]
            gap = 150 + int(np.argmin(np.diff(flat[150:250])))
            middle = float(flat[gap:gap + 2].mean())  # far from all values, which are rounded
            self.settings({"name": "max", "smoothing_sigma": sigma, "thresholds": {"high": middle}},
                          {"name": "mean", "smoothing_sigma": sigma, "score": {"type": "top_mean", "percent": 5}},
                          {"name": "area", "smoothing_sigma": sigma,
                           "score": {"type": "area", "threshold": middle}})
            largest, mean, area = self.judge(values)["classes"]
            self.assertAlmostEqual(largest["score"], flat[0], delta=1e-6)
            self.assertAlmostEqual(mean["score"], flat[:20].mean(), delta=1e-6)
            self.assertEqual(area["score"], (expected >= middle).sum())
            peak = largest["regions"][0]["peak"]
            self.assertEqual((peak["y"], peak["x"]), np.unravel_index(expected.argmax(), expected.shape))

    def test_a_reconstruction_is_compared_with_the_input(self):
        path = self.directory / "m.pb"
        shape = (-1, 3, 4, 2)
        two = np.full((), 2, np.float32).tobytes()
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, shape) +
                         graphs.node("two", "Const", dtype=graphs.type_attr(graphs.DT_FLOAT),
                                     value=graphs.tensor_attr(graphs.DT_FLOAT, (), two)) +
                         graphs.node("y", "Mul", ["x", "two"], T=graphs.type_attr(graphs.DT_FLOAT)))
        values = self.random.random((1, 3, 4, 2)).astype(np.float32) - 0.5
        self.settings({"name": "all", "map": {"type": "reconstruction_error"}},
                      {"name": "first", "map": {"type": "reconstruction_error", "channel": 0}})
        every, first = self.succeed_json("run", path, "-i", self.given(values))["classes"]
        self.assertAlmostEqual(every["score"], np.abs(values[0]).mean(2).max(), delta=1e-6)
        self.assertAlmostEqual(first["score"], np.abs(values[0, ..., 0]).max(), delta=1e-6)

    def test_only_what_is_asked_for_is_judged(self):
        values = self.given(np.ones((1, 2, 2, 1)))
        model, y1 = self.model(-1, 2, 2, 1, outputs=2), self.directory / "y1.npy"
        self.settings({"name": "a"}, {"name": "b", "map": {"output": 1}})
        told = self.succeed_json("run", model, "-i", values)
        self.assertEqual([part["output"] for part in told["classes"]], ["y", "y1"])
        told = self.succeed_json("run", model, "-i", values, "-o", f"y1={y1}")
        self.assertEqual([part["name"] for part in told["classes"]], ["b"])
        told = self.succeed_json("run", model, "-i", values, "-o", f"y1={y1}", "--heat", self.directory / "h.png")
        self.assertEqual([part["name"] for part in told["classes"]], ["a", "b"])

    def test_batches_are_run_but_not_judged(self):
        self.settings({"name": "a"})
        batch = self.given(np.ones((3, 2, 2, 1)))
        result = harness.haya("run", self.model(-1, 2, 2, 1), "-i", batch, "--json")
        self.assertEqual(result.stderr.decode(), "haya: note: no verdicts: the outputs are of 3 pictures\n")
        self.assertEqual(json.loads(result.stdout)["classes"], [])
        self.refuse(2, "run", self.model(-1, 2, 2, 1), "-i", batch, "--heat", "h.png", says="of several pictures")


class Drawing(Settings):
    def setUp(self):
        super().setUp()
        self.heat, self.overlay = self.directory / "heat.png", self.directory / "overlay.png"
        rgb = np.full((40, 30, 3), 51)
        rgb[10:20, 5:15, 0] = 255
        rgb[30:35, 20:25, 2] = 255
        self.picture.write_bytes(png(rgb))
        scale = {"mean": 0, "std": 255}
        self.settings({"name": "red", "color": "#FF0000", "map": {"channel": 0}},
                      {"name": "blue", "color": "#0000FF", "map": {"channel": 2}}, input=scale)

    def test_an_overlay_has_each_class_in_its_colour_and_a_legend(self):
        self.succeed("run", self.model(1, 40, 30, 3), "-i", self.picture, "--overlay", self.overlay)
        shown = read_png(self.overlay)
        self.assertEqual(shown.shape[0], 40)
        self.assertGreater(shown.shape[1], 30 + 5)
        self.assertEqual(shown[0, 0].tolist(), [51, 51, 51])
        self.assertEqual(shown[9, 10].tolist(), [255, 0, 0])  # outlines, just outside
        self.assertEqual(shown[35, 22].tolist(), [0, 0, 255])
        red, blue = shown[15, 10], shown[32, 22]  # grey 119 and a third of the colour
        self.assertEqual((red.tolist(), blue.tolist()), ([164, 79, 79], [79, 79, 164]))
        legend = shown[:, 30:].reshape(-1, 3).tolist()
        self.assertIn([255, 0, 0], legend)
        self.assertIn([0, 0, 255], legend)

    def test_a_heat_map_is_of_the_largest_or_of_one_class(self):
        arguments = ["run", self.model(1, 40, 30, 3), "-i", self.picture]
        self.succeed(*arguments, "--heat", self.heat)
        both = read_png(self.heat)[:, :30].sum(2)
        self.assertTrue(both[15, 10] == both[32, 22] > both[0, 0])
        self.succeed(*arguments, "--heat", f"blue={self.heat}", "--overlay", f"red={self.overlay}")
        blue, red = read_png(self.heat)[:, :30].sum(2), read_png(self.overlay)
        self.assertTrue(blue[32, 22] > blue[15, 10] == blue[0, 0])
        self.assertEqual(red.shape, (40, 30, 3))
        self.assertEqual(red[20, 10].tolist(), [0, 255, 255])
        self.refuse(2, *arguments, "--heat", "y=h.png", says="h.png needs a map: output 'y' is [1,40,30,3]")

    def test_maps_of_several_sizes_are_not_drawn_as_one(self):
        path = self.directory / "m.pb"
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, (1, 40, 30, 1)) +
                         graphs.identity("y", "x", graphs.DT_FLOAT) +
                         graphs.node("z", "MaxPool", ["x"], T=graphs.type_attr(graphs.DT_FLOAT),
                                     ksize=graphs.bytes_field(1, graphs.bytes_field(3, b"\1\2\2\1")),
                                     strides=graphs.bytes_field(1, graphs.bytes_field(3, b"\1\2\2\1")),
                                     padding=graphs.bytes_field(2, b"SAME")))
        self.settings({"name": "a"}, {"name": "b", "map": {"output": 1}})
        self.refuse(2, "run", path, "-i", self.picture, "--heat", self.heat, says="differ in size")
        self.succeed("run", path, "-i", self.picture, "--heat", f"b={self.heat}", "--overlay", self.overlay)


class Refusals(Settings):
    WRONG = (({"haya": 2}, "key 'haya'"), ({"haya": 1, "input": {"std": 0}}, "key 'input.std'"),
             ({"haya": 1, "classes": [{"name": "a", "thresholds": {"low": 2}}]}, "key 'classes[0].thresholds.low'"),
             ({"haya": 1, "input": {"tensor": "z"}}, "key 'input.tensor' is 'z', which"),
             ({"haya": 1, "classes": [{"name": "a", "map": {"output": "y:1x"}}]}, "key 'classes[0].map.output'"),
             ({"haya": 1, "classes": [{"name": "a", "map": {"output": "y:1"}}]},
              "key 'classes[0].map.output' is 'y:1', which"),
             ({"haya": 1, "classes": [{"name": "a"}, {"name": "b", "map": {"output": 1}}]},
              "key 'classes[1].map.output' is 1, and"),
             ({"haya": 1, "classes": [{"name": "a", "map": {"channel": 1}}]}, "key 'classes[0].map.channel'"))

    def commands(self, model):
        yield ["run", model, "-i", self.given(np.zeros((1, 2, 2, 1)))]
        yield ["inspect", model]
        yield ["compare", model, model]
        yield ["bench", model, "--runs", "1"]

    def test_every_command_refuses_a_wrong_file_by_its_key(self):
        model, other = self.model(1, 2, 2, 1), self.directory / "other.json"
        for content, says in self.WRONG:
            self.file.write_text(json.dumps(content))
            for command in self.commands(model):
                self.refuse(3, *command, says=[str(self.file), says])
        for command in self.commands(model):
            self.refuse(3, *command, "--json", says=[str(self.file), says])
            self.succeed(*command, "--settings", "none")
        self.file.unlink()
        for command in self.commands(model):
            other.write_text("{}")
            self.refuse(3, *command, "--settings", other, says=[str(other), "key 'haya'"])
            other.unlink()
            self.refuse(3, *command, "--settings", other, says=[str(other), "cannot be opened"])

    def test_a_map_must_be_one(self):
        self.settings({"name": "a"})
        x = self.given(np.zeros((1, 2, 2, 3)))
        for shape, says in (((-1, 2, 2, 3), "key 'classes[0].map.channel': output 'y' is [1,2,2,3], so one of the"),
                            ((5,), "key 'classes[0].map.output': output 'y' is [5], not [1,height,width,")):
            self.refuse(3, "inspect", self.model(*shape), says=[str(self.file), says])
        # Open until the run.
        self.refuse(3, "run", self.model(-1, -1, -1, -1), "-i", x,
                    says=["key 'classes[0].map.channel'", "[1,2,2,3]"])

    def test_a_reconstruction_must_have_the_inputs_shape(self):
        path = self.directory / "m.pb"
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, (1, 4, 4, 1)) +
                         graphs.node("y", "MaxPool", ["x"], T=graphs.type_attr(graphs.DT_FLOAT),
                                     ksize=graphs.bytes_field(1, graphs.bytes_field(3, b"\1\2\2\1")),
                                     strides=graphs.bytes_field(1, graphs.bytes_field(3, b"\1\2\2\1")),
                                     padding=graphs.bytes_field(2, b"SAME")))
        self.settings({"name": "a", "map": {"type": "reconstruction_error"}})
        self.refuse(3, "run", path, "-i", self.given(np.zeros((1, 4, 4, 1))),
                    says=["key 'classes[0].map.type'", "[1,2,2,1]", "the shape of the input, [1,4,4,1]"])


class Inspecting(Settings):
    def test_the_settings_in_effect_and_where_they_come_from(self):
        model = self.model(-1, 4, 4, 2)
        told = self.succeed_json("inspect", model)["settings"]
        self.assertEqual(told, {"file": None, "classes": [], "input": {
            "mean": 127.5, "std": 127.5, "color_order": "rgb", "grayscale": "mean", "resize": "stretch"}})
        self.assertIn("settings: the defaults", self.succeed("inspect", model))
        self.settings({"name": "dent", "map": {"channel": 1}, "smoothing_sigma": 2,
                       "score": {"type": "top_mean", "percent": 0.5}, "thresholds": {"high": 0.25}},
                      input={"white": 4095, "color_order": "bgr"})
        told = self.succeed_json("inspect", model)["settings"]
        self.assertEqual((told["file"], told["input"]["white"]), (str(self.file), 4095))
        self.assertEqual(told["classes"], [{
            "name": "dent", "color": "#FF0000", "map": {"type": "output", "output": 0, "channel": 1},
            "smoothing_sigma": 2, "score": {"type": "top_mean", "percent": 0.5},
            "thresholds": {"low": 0.25, "high": 0.25}}])
        text = self.succeed("inspect", model)
        for part in (f"settings of {self.file}", "white 4095", "blue first", "dent", "y, channel 1",
                     "mean of top 0.5 %", "0.25"):
            self.assertIn(part, text)


class Demo(harness.HayaTest):
    """The demo's models and settings on the pictures that are kept with it, which neither was made by."""

    CLASSES = ("fabric", "metal", "wood", "leather", "grid", "brick")

    def judge(self, model, picture, *options):
        return self.succeed_json("run", DEMO / "models" / f"{model}.pb", "-i", picture, "--threads", "1",
                                 *options)

    def test_each_model_tells_marred_from_good(self):
        for number, name in enumerate(self.CLASSES, 1):
            for picture in (DEMO / "pictures" / name / "test").glob("*/*.png"):
                told = self.judge(f"class{number}", picture)
                self.assertEqual([part["name"] for part in told["classes"]], [name])
                self.assertEqual(told["verdict"], "OK" if picture.parent.name == "good" else "NG", picture)

    def test_the_model_of_all_marks_the_right_class(self):
        overlay = self.directory / "overlay.png"
        for name in self.CLASSES:
            folder = DEMO / "pictures" / name
            self.assertEqual(self.judge("all", folder / "test/good/000.png")["verdict"], "OK")
            told = self.judge("all", folder / "test/spot/000.png", "--overlay", overlay)
            found = {part["name"]: part for part in told["classes"]}
            self.assertEqual(told["verdict"], "NG")
            self.assertEqual(tuple(found), self.CLASSES)
            self.assertEqual([part for part in found if found[part]["verdict"] == "NG"], [name])
            left, top, right, bottom = found[name]["regions"][0]["box"]
            marred = read_png(folder / "ground_truth/spot/000_mask.png") > 0
            self.assertGreater(marred[top:bottom, left:right].mean(), 0.3)
            if name not in ("fabric", "brick"):
                continue
            color = [int(found[name]["color"][at:at + 2], 16) for at in (1, 3, 5)]
            shown = read_png(overlay)[:, :256]
            outline = (shown == color).all(2)
            self.assertTrue(outline[max(top - 1, 0):bottom + 1, max(left - 1, 0):right + 1].any())


if __name__ == "__main__":
    unittest.main()
