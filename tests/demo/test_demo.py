# SPDX-License-Identifier: Apache-2.0
"""The demo's program: on the pictures and models of the demo, against numpy, and on what is broken.

The programs are named by the environment: HAYA, HAYA_DEMO and MAKE_UNET.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))

import harness  # noqa: E402
import numpy as np  # noqa: E402
from test_pictures import png, read_png  # noqa: E402

MODELS, PICTURES = ROOT / "demo/models", ROOT / "demo/pictures"
WRITTEN = {"index.html", "contact-sheet.png", "results.json"}


def demo(*arguments, **options):
    return harness.run([harness.program("HAYA_DEMO"), *arguments], **options)


def area_under_roc(scores, truth):
    """By ranks, those of equal scores being their mean: the Mann-Whitney statistic."""
    scores, truth = np.ravel(scores).astype(np.float64), np.ravel(truth).astype(bool)
    values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    true = np.count_nonzero(truth)
    return (ranks[truth].sum() - true * (true + 1) / 2) / (true * (truth.size - true))


def count_regions(marked):
    """Connected over edges and corners."""
    left = {(int(y), int(x)) for y, x in np.argwhere(marked)}
    regions = 0
    while left:
        regions += 1
        waiting = [left.pop()]
        while waiting:
            y, x = waiting.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            waiting += near
    return regions


def page_of(path):
    """The page's elements. Its files are XML, too, so that any parser tells whether they are well-formed."""
    return xml.etree.ElementTree.parse(path).getroot()


def cells(page, table):
    rows = page.findall(f".//table[@id='{table}']/tbody/tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


class TheDemo(unittest.TestCase):
    """One run on what is shipped."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.out = pathlib.Path(directory.name) / "new"
        models = [*sorted(MODELS.glob("class*.pb")), MODELS / "all.pb"]
        cls.result = demo("--pictures", PICTURES, "--out", cls.out, "--rounds", "1", *models)
        assert cls.result.returncode == 0, cls.result.stderr
        cls.results = json.loads((cls.out / "results.json").read_text())
        cls.page = page_of(cls.out / "index.html")

    def test_it_writes_its_files_and_nothing_else(self):
        self.assertEqual(self.result.stderr, b"")
        self.assertEqual({path.name for path in self.out.iterdir()}, WRITTEN)
        for name in WRITTEN:
            self.assertIn(str(self.out / name), self.result.stdout.decode())

    def test_six_models_share_a_structure_and_are_switched(self):
        self.assertEqual([structure["models"] for structure in self.results["structures"]], [6, 1])
        self.assertEqual(self.results["runs"], 3 * 72)
        for model in self.results["models"]:
            for key in ("open_ms", "bind_ms", "first_ms", "run_ms"):
                self.assertGreater(model[key], 0)
            if model["structure"] == self.results["structures"][0]["structure"]:
                self.assertGreater(model["switch_run_ms"], 0)
            else:
                self.assertIsNone(model["switch_run_ms"])  # there is no other to switch from

    def test_every_picture_is_inspected(self):
        for entry in self.results["classes"]:
            expected = {str(path) for path in (PICTURES / entry["class"] / "test").rglob("*.png")}
            self.assertEqual({picture["file"] for picture in entry["pictures"]}, expected)
            for picture in entry["pictures"]:
                self.assertEqual(len(picture["results"]), 2)
        self.assertEqual(len(self.results["classes"]), 6)

    def numpy_results(self, class_name, model):
        """What numpy makes of the maps that `haya run` writes: like the demo's own results."""
        settings = json.loads(model.with_suffix(".json").read_text())
        how = next(entry for entry in settings["classes"] if entry["name"] == class_name)
        assert how["score"]["type"] == "top_mean" and not how.get("smoothing_sigma"), how
        high = np.float32(how["thresholds"]["high"])
        low = np.float32(how["thresholds"].get("low", high))
        made = {}
        for path in sorted((PICTURES / class_name / "test").rglob("*.png")):
            out = self.out.parent / "map.npy"
            result = harness.haya("run", model, "-i", path, "-o", out)
            self.assertEqual(result.returncode, 0, result.stderr)
            values = np.load(out)[0, :, :, how.get("map", {}).get("channel", 0)]
            mask = PICTURES / class_name / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
            truth = read_png(mask) > 0 if mask.exists() else np.zeros(values.shape, bool)
            top = np.sort(values, axis=None)[-max(1, int(how["score"]["percent"] / 100 * values.size)):]
            score = np.float32(top.mean(dtype=np.float64))
            word = "NG" if score >= high else "unsure" if score >= low else "OK"
            regions = count_regions(values >= (high if word == "NG" else low)) if word != "OK" else 0
            made[str(path)] = {"score": score, "verdict": word, "regions": regions, "map": values, "truth": truth}
        return made

    def test_scores_verdicts_and_areas_are_what_numpy_computes(self):
        for class_name, file in (("leather", "class4.pb"), ("leather", "all.pb")):
            expected = self.numpy_results(class_name, MODELS / file)
            entry = next(entry for entry in self.results["classes"] if entry["class"] == class_name)
            for picture in entry["pictures"]:
                wanted = expected[picture["file"]]
                actual = next(result for result in picture["results"] if result["model"] == file)
                self.assertAlmostEqual(actual["score"], wanted["score"], delta=2e-7)
                self.assertEqual((actual["verdict"], actual["regions"]), (wanted["verdict"], wanted["regions"]))
                self.assertEqual(picture["marked_pixels"], np.count_nonzero(wanted["truth"]))
                self.assertEqual(picture["good"], not wanted["truth"].any())
            values = list(expected.values())
            model = next(model for model in entry["models"] if model["model"] == file)
            pixels = area_under_roc([v["map"] for v in values], [v["truth"] for v in values])
            pictures = area_under_roc([v["score"] for v in values], [v["truth"].any() for v in values])
            self.assertAlmostEqual(model["pixel_auroc"], pixels, delta=1e-11)
            self.assertAlmostEqual(model["picture_auroc"], pictures, delta=1e-11)
            good = [v["verdict"] for v in values if not v["truth"].any()]
            bad = [v["verdict"] for v in values if v["truth"].any()]
            self.assertEqual((model["good"], model["good_ok"]), (len(good), good.count("OK")))
            self.assertEqual((model["defects"], model["defects_ng"]), (len(bad), bad.count("NG")))
            self.assertEqual(model["unsure"], (good + bad).count("unsure"))

    def test_page_and_terminal_show_the_same_numbers(self):
        expected = [[entry["class"], model["model"], f"{model['good_ok']} of {model['good']}",
                     f"{model['defects_ng']} of {model['defects']}", str(model["unsure"]),
                     *(f"{min(area, 0.999) if area < 1 else 1:.3f}"
                       for area in (model["picture_auroc"], model["pixel_auroc"]))]
                    for entry in self.results["classes"] for model in entry["models"]]
        self.assertEqual(cells(self.page, "scores"), expected)
        printed = self.result.stdout.decode()
        for row in expected:
            self.assertRegex(printed, r" +".join(re.escape(cell) for cell in row[1:]))
        verdicts = ["".join(element.itertext()) for element in self.page.iterfind(".//div[@class='verdict']")]
        results = [result for entry in self.results["classes"] for picture in entry["pictures"]
                   for result in picture["results"]]
        self.assertEqual(len(verdicts), len(results))
        for shown, result in zip(verdicts, results):
            self.assertEqual(shown.split()[:2], [result["verdict"], f"{result['score']:.3f}"])

    def test_mistakes_are_named(self):
        shown = ["".join(element.itertext()) for element in self.page.iterfind(".//span[@class='mistake']")]
        wrong = ["false alarm" if picture["good"] else "missed"
                 for entry in self.results["classes"] for picture in entry["pictures"]
                 for result in picture["results"] if result["verdict"] == ("NG" if picture["good"] else "OK")]
        self.assertEqual(shown, wrong)

    def test_the_page_needs_no_other_file_and_describes_every_image(self):
        images = list(self.page.iter("img"))
        self.assertEqual(len(images), 1 + 36 + 24 + 2 * 72)  # scale, pictures, masks, maps and overlays
        for image in images:
            self.assertTrue(image.get("src").startswith("data:image/png;base64,iVBOR"))
            self.assertGreater(len(image.get("alt")), 10)
        content = (self.out / "index.html").read_text()
        self.assertNotRegex(content, r"https?://|<script|<link")
        self.assertIn("prefers-color-scheme: dark", content)

    def test_the_sheet_is_a_picture(self):
        sheet = (self.out / "contact-sheet.png").read_bytes()
        self.assertEqual(sheet[:8], b"\x89PNG\r\n\x1a\n")
        width, height = (int.from_bytes(sheet[at:at + 4], "big") for at in (16, 20))
        self.assertGreater(width, 1000)
        self.assertGreater(height, 1000)


class OtherPictures(unittest.TestCase):
    """On small models, pictures of 32x32, and whatever a folder may hold."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.model = pathlib.Path(directory.name) / "unet.pb"
        result = harness.make_unet("--width", "4", "--levels", "3", "--size", "32x32", cls.model)
        assert result.returncode == 0, result.stderr

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.random = np.random.default_rng(1)
        self.root, self.out = self.directory / "pictures", self.directory / "out"
        self.models = [self.add_model("a.pb", "steel")]
        self.mask = np.zeros((32, 32), np.uint8)
        self.mask[4:9, 5:20] = 255
        self.add_picture("steel/test/good/0.png")
        self.add_picture("steel/test/dent/0.png", self.mask)

    def add_model(self, file, *classes, **settings):
        path = self.directory / file
        shutil.copyfile(self.model, path)
        document = {"haya": 1, "classes": [{"name": name} for name in classes], **settings}
        path.with_suffix(".json").write_text(json.dumps(document))
        return path

    def add_picture(self, name, mask=None, size=(32, 32)):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(self.random.integers(0, 256, size)))
        if mask is not None:
            truth = path.parents[2] / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
            truth.parent.mkdir(parents=True, exist_ok=True)
            truth.write_bytes(png(mask))

    def run_demo(self, *more, models=None):
        return demo("--pictures", self.root, "--out", self.out, "--rounds", "1", *more, *(models or self.models))

    def succeed(self, **options):
        result = self.run_demo(**options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual({path.name for path in self.out.iterdir()}, WRITTEN)
        return json.loads((self.out / "results.json").read_text())

    def refuse(self, *says, more=(), models=None):
        """One sentence; and what an earlier run has written stays as it is."""
        self.out.mkdir(exist_ok=True)
        (self.out / "index.html").write_text("old")
        result = self.run_demo(*more, models=models)
        sentence = result.stderr.decode()
        self.assertEqual(result.returncode, 1, sentence)
        self.assertRegex(sentence, r"\Ahaya-demo: [^\n]+\n\Z")
        for part in says:
            self.assertIn(str(part), sentence)
        self.assertEqual(result.stdout, b"")
        self.assertEqual([path.name for path in self.out.iterdir()], ["index.html"])
        self.assertEqual((self.out / "index.html").read_text(), "old")

    def test_models_with_the_same_class_stand_side_by_side(self):
        self.models.append(self.add_model("b.pb", "steel"))
        results = self.succeed()
        self.assertEqual([structure["models"] for structure in results["structures"]], [2])
        self.assertEqual([model["model"] for model in results["classes"][0]["models"]], ["a.pb", "b.pb"])
        for picture in results["classes"][0]["pictures"]:
            self.assertEqual(*(result["score"] for result in picture["results"]))
        self.assertTrue(all(model["switch_run_ms"] > 0 for model in results["models"]))

    def test_verdicts_are_counted(self):
        self.add_picture("steel/test/good/1.png")
        for low, high, expected in ((2, 2, (2, 0, 0)), (-1, 2, (0, 0, 3)), (-1, -1, (0, 1, 0))):
            settings = {"name": "steel", "thresholds": {"low": low, "high": high}}
            self.add_model("a.pb", classes=[settings])
            model = self.succeed()["classes"][0]["models"][0]
            self.assertEqual((model["good_ok"], model["defects_ng"], model["unsure"]), expected)
            shown = [element.text for element in page_of(self.out / "index.html").iterfind(".//span")
                     if element.get("class") == "mistake"]
            self.assertEqual(shown, {2: ["missed"], -1: ["false alarm"] * 2}[high] if low == high else [])

    def test_without_defects_there_is_no_area(self):
        shutil.rmtree(self.root / "steel/test/dent")
        model = self.succeed()["classes"][0]["models"][0]
        self.assertEqual((model["picture_auroc"], model["pixel_auroc"], model["defects"]), (None, None, 0))
        self.assertEqual(cells(page_of(self.out / "index.html"), "scores")[0][-2:], ["-", "-"])

    def test_more_pictures_than_a_strip_has_places(self):
        for number in range(1, 15):
            self.add_picture(f"steel/test/good/{number}.png")
        self.assertEqual(len(self.succeed()["classes"][0]["pictures"]), 16)

    def test_other_files_and_hidden_ones_are_passed_over(self):
        for name in ("steel/test/notes.txt", "steel/test/good/Thumbs.db", "steel/test/good/.0.png"):
            (self.root / name).write_text("x")
        self.assertEqual(len(self.succeed()["classes"][0]["pictures"]), 2)

    def test_names_cannot_break_the_page(self):
        name = "<b>&\"'é日"
        self.models = [self.add_model("c<&>.pb", name)]
        self.add_picture(f"{name}/test/good/0.png")
        self.add_picture(f"{name}/test/\x1b[31m/0.png", self.mask)
        good = os.fsencode(self.root / name / "test/good")
        os.rename(good + b"/0.png", good + b"/\xff.png")
        results = self.succeed()
        self.assertEqual(results["classes"][0]["class"], name)
        self.assertEqual(cells(page_of(self.out / "index.html"), "scores")[0][:2], [name, "c<&>.pb"])

    def test_models_and_settings_that_are_missing_or_broken(self):
        self.refuse("none.pb", models=[self.directory / "none.pb"])
        broken = self.add_model("broken.pb", "steel")
        broken.write_bytes(self.model.read_bytes()[:1000])
        self.refuse("broken.pb", models=[*self.models, broken])
        settings = self.models[0].with_suffix(".json")
        settings.write_text('{"haya": 1}')
        self.refuse("a.pb", settings, "names none")
        settings.write_text("{")
        self.refuse(settings)
        settings.unlink()
        self.refuse("a.pb", settings, "does not exist")

    def test_a_map_that_is_no_output_of_the_model(self):
        first = re.search(rb"[\x01-\x40](conv2d[\w/]*Relu)\x12\x04Relu", self.model.read_bytes()).group(1).decode()
        model = self.add_model("d.pb", classes=[{"name": "steel", "map": {"output": first, "channel": 0}}])
        self.refuse("d.json", "steel", first, models=[model])

    def test_pictures_that_are_missing_or_broken(self):
        picture = self.root / "steel/test/good/0.png"
        picture.write_bytes(picture.read_bytes()[:100])
        self.refuse(picture)
        picture.unlink()
        (self.root / "steel/test/dent/0.png").unlink()
        self.refuse("steel/test", "no pictures")
        shutil.rmtree(self.root / "steel/test")
        self.refuse("steel/test", "cannot be read")

    def test_masks_that_are_missing_or_broken(self):
        mask = self.root / "steel/ground_truth/dent/0_mask.png"
        mask.write_bytes(png(np.zeros((32, 32), np.uint8)))
        self.refuse(mask, "marks nothing")
        mask.write_bytes(png(np.full((16, 32), 255, np.uint8)))
        self.refuse(mask, "32x16", "32x32")
        mask.write_bytes(b"\x89PNG\r\n\x1a\n")
        self.refuse(mask)
        mask.unlink()
        self.refuse(mask)

    def test_a_map_of_another_size_than_its_picture(self):
        self.add_picture("steel/test/good/1.png", size=(48, 40))
        self.refuse("steel/test/good/1.png", "32x32", "40x48")

    def test_arguments(self):
        self.refuse("--fast", more=["--fast"])
        for value in ("0", "x", "1001", "", "3x"):
            self.refuse("--rounds", f"'{value}'", more=["--rounds", value])
        for arguments, says in (([], "no model"), (["--out"], "--out")):
            result = demo(*arguments)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(says, result.stderr.decode())
        result = demo("--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn("usage: haya-demo", result.stdout.decode())

    def test_where_nothing_can_be_written(self):
        self.out.write_text("a file")
        result = self.run_demo()
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(f"{self.out}: the folder cannot be made", result.stderr.decode())
        self.out.unlink()
        (self.out / "contact-sheet.png").mkdir(parents=True)
        (self.out / "contact-sheet.png/full").write_text("x")
        result = self.run_demo()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(), r"\Ahaya-demo: \S*contact-sheet.png cannot be written[^\n]*\n\Z")
        self.assertFalse([path for path in self.out.iterdir() if path.suffix == ".tmp"])

    def test_a_terminal_that_is_gone(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            command = [harness.program("HAYA_DEMO"), "--pictures", self.root, "--out", self.out, *self.models]
            result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"standard output cannot be written", result.stderr)


if __name__ == "__main__":
    unittest.main()
