# SPDX-License-Identifier: Apache-2.0
"""Folders of pictures: the layouts of data sets, ground truth, paging."""

import contextlib
import math
import shutil
import subprocess
import time
import unittest

import numpy as np
import viewing  # which makes the command's tests importable
import harness
from test_pictures import png, read_png


def grey(seed, size=(20, 24)):
    return np.random.default_rng(seed).integers(0, 256, size)


def put(folder, name, content=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(png(grey(1)) if content is None else content)


def mask(box, size=(20, 24), value=255):
    pixels = np.zeros(size, int)
    pixels[box] = value
    return pixels


BOX = np.s_[3:8, 5:11]


class Layouts(viewing.ViewTest):
    models = {"class1.pb": viewing.ViewTest.models["class1.pb"]}

    @classmethod
    def fill(cls, data):
        wood = data / "mvtec/wood"
        for i in range(12):
            put(wood / "train/good", f"{i}.png")
        put(wood / "test/good", "000.png")
        put(wood / "test/scratch", "000.png")
        put(wood / "test/scratch", "001.png")
        put(wood / "ground_truth/scratch", "000_mask.png", png(mask(BOX)))
        put(wood / "train/spot", "7.png")
        put(wood / "ground_truth_train/spot", "7_mask.png", png(mask(BOX, value=1)))
        put(data / "mvtec/pcb/test/bad", "010.JPG")  # as VisA is converted
        put(data / "mvtec/pcb/ground_truth/bad", "010.png", png(mask(BOX, (40, 48))))
        put(data / "mvtec/pcb/train/good", "1.png")
        dagm = data / "dagm/Class1"
        for split in ("Train", "Test"):
            for i in (1, 2, 3):
                put(dagm / split, f"000{i}.PNG")
            put(dagm / split / "Label", "0002_label.PNG", png(mask(BOX)))
            (dagm / split / "Label" / "Labels.txt").write_text(
                "1\n0001\t0\t0001.PNG\t0\t0\n0002\t1\t0002.PNG\t1\t0002_label.PNG\r\n")
        old = data / "old"
        put(old / "Class1", "1.png")
        put(old / "Class1_def", "1.png")
        put(old / "Class1_def", "2.png")
        put(old / "Class1_def", "3.png")
        (old / "Class1_def/labels.txt").write_text(
            f"1\t6.0\t3.0\t{math.pi / 2}\t10.0\t9.0\n2 5 2 0 12 8\n3 0 nan x y z\n")
        put(data / "plain", "a.png")
        put(data / "plain", "b.txt", b"no picture")
        put(data / "plain/test", "c.png")

    def folder(self, path, **parameters):
        query = "&".join(f"{key}={value}" for key, value in {"path": path, **parameters}.items())
        return self.check(self.server.get(f"/api/data?{query}")).json

    def mask_of(self, path, status=200):
        answer = self.check(self.server.get(f"/api/data/mask?path={path}"), status)
        if status == 200:
            (self.directory / "mask.png").write_bytes(answer.body)
            return read_png(self.directory / "mask.png")
        return answer.sentence

    def test_kinds_of_folders_are_told(self):
        for path, layout, kind in (("data/mvtec", "mvtec", "set"), ("data/mvtec/wood", "mvtec", "category"),
                                   ("data/mvtec/wood/test", "mvtec", "split"),
                                   ("data/mvtec/wood/test/scratch", "mvtec", "folder"),
                                   ("data/mvtec/wood/ground_truth", "plain", "folder"),
                                   ("data/dagm", "dagm", "set"), ("data/dagm/Class1", "dagm", "category"),
                                   ("data/dagm/Class1/Train", "dagm", "split"), ("data/old", "dagm-old", "set"),
                                   ("data/old/Class1", "dagm-old", "category"),
                                   ("data/old/Class1_def", "dagm-old", "category"),
                                   ("data/plain", "plain", "folder"),
                                   ("data/plain/test", "plain", "folder"), ("data", "plain", "folder")):
            told = self.folder(path)
            self.assertEqual((told["layout"], told["kind"]), (layout, kind), path)
            self.assertEqual(told["path"], path)
        roots = self.check(self.server.get("/api/data")).json
        self.assertEqual((roots["kind"], [known["path"] for known in roots["folders"]]), ("roots", ["data"]))
        self.assertEqual(self.folder("data")["parent"], "")
        self.assertEqual(self.folder("data/mvtec/")["parent"], "data")
        children = {known["name"]: known["kind"] for known in self.folder("data")["folders"]}
        self.assertEqual(children, {"dagm": "set", "mvtec": "set", "old": "set", "plain": "folder"})

    def test_mvtec(self):
        told = self.folder("data/mvtec/wood", flat=1, limit=100)
        self.assertEqual(told["counts"], {"good": 13, "defect": 3, "unknown": 0})
        self.assertEqual((told["total"], len(told["pictures"])), (16, 16))
        pictures = {picture["path"]: picture for picture in told["pictures"]}
        scratch = pictures["data/mvtec/wood/test/scratch/000.png"]
        self.assertEqual((scratch["split"], scratch["defect"], scratch["truth"], scratch["mask"]),
                         ("test", "scratch", "defect", True))
        self.assertFalse(pictures["data/mvtec/wood/test/scratch/001.png"]["mask"])
        good = pictures["data/mvtec/wood/test/good/000.png"]
        self.assertEqual((good["split"], good["defect"], good["truth"], good["mask"]),
                         ("test", None, "good", False))
        self.assertEqual(pictures["data/mvtec/wood/train/spot/7.png"]["split"], "train")
        names = [picture["name"] for picture in told["pictures"] if "train/good" in picture["path"]]
        self.assertEqual(names, [f"{i}.png" for i in range(12)])  # 2 before 10
        np.testing.assert_array_equal(self.mask_of("data/mvtec/wood/test/scratch/000.png"), mask(BOX))
        np.testing.assert_array_equal(self.mask_of("data/mvtec/wood/train/spot/7.png"), mask(BOX))
        self.assertIn("no ground truth", self.mask_of("data/mvtec/wood/test/scratch/001.png", 404))
        self.assertIn("no ground truth", self.mask_of("data/mvtec/wood/test/good/000.png", 404))

    def test_visa_converted(self):
        (bad, good) = sorted(self.folder("data/mvtec/pcb", flat=1)["pictures"], key=lambda p: p["truth"])
        self.assertEqual((bad["defect"], bad["mask"], good["truth"]), ("bad", True, "good"))
        expected = mask(BOX, (40, 48))[::2, ::2]  # brought to the picture's size
        np.testing.assert_array_equal(self.mask_of(bad["path"]), expected)

    def test_dagm(self):
        told = self.folder("data/dagm/Class1", flat=1)
        self.assertEqual(told["counts"], {"good": 2, "defect": 2, "unknown": 2})
        by_path = {picture["path"].removeprefix("data/dagm/Class1/"): picture for picture in told["pictures"]}
        self.assertEqual([by_path["Train/0002.PNG"][key] for key in ("split", "defect", "truth", "mask")],
                         ["train", "defect", "defect", True])
        self.assertEqual([by_path["Test/0001.PNG"][key] for key in ("split", "defect", "truth", "mask")],
                         ["test", None, "good", False])
        self.assertIsNone(by_path["Test/0003.PNG"]["truth"])
        np.testing.assert_array_equal(self.mask_of("data/dagm/Class1/Test/0002.PNG"), mask(BOX))

    def test_older_dagm(self):
        told = self.folder("data/old", flat=1)
        self.assertEqual(told["counts"], {"good": 1, "defect": 3, "unknown": 0})
        y, x = np.mgrid[0:20, 0:24]
        lying = ((x - 12) / 5) ** 2 + ((y - 8) / 2) ** 2 <= 1
        np.testing.assert_array_equal(self.mask_of("data/old/Class1_def/2.png"), lying * 255)
        upright = self.mask_of("data/old/Class1_def/1.png") > 0
        rows, columns = np.nonzero(upright)
        self.assertEqual((rows.min(), rows.max(), columns.min(), columns.max()), (3, 15, 7, 13))
        self.assertIn("labels.txt: line 3", self.mask_of("data/old/Class1_def/3.png", 422))
        self.assertIn("no ground truth", self.mask_of("data/old/Class1/1.png", 404))

    def test_pages(self):
        paths = [picture["path"] for picture in self.folder("data", flat=1)["pictures"]]
        self.assertEqual(len(paths), len(set(paths)))
        paged = []
        for offset in range(0, len(paths) + 5, 5):
            told = self.folder("data", flat=1, offset=offset, limit=5)
            self.assertEqual((told["total"], told["offset"]), (len(paths), offset))
            paged += [picture["path"] for picture in told["pictures"]]
        self.assertEqual(paged, paths)
        self.assertEqual(self.folder("data/plain")["total"], 1)
        self.assertEqual(self.folder("data/plain", limit=0)["pictures"], [])


# Where the system watches no folders, as if all were network shares.
UNWATCHED = ("unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"', "-")


def can_be_unwatched():
    with contextlib.suppress(OSError):
        return subprocess.run([*UNWATCHED, "true"], capture_output=True).returncode == 0
    return False


class Watched(harness.HayaTest):
    """Folders that change after they were listed."""

    models = {"class1.pb": viewing.ViewTest.models["class1.pb"]}

    def setUp(self):
        super().setUp()
        self.data = self.directory / "data"
        for folder in ("set/a/deep", "set/b", "other"):
            put(self.data / folder, "old.png")
        viewing.age(*self.data.rglob("*"), self.data)

    def start(self, **options):
        self.server = viewing.Server(self.shared, "--data", self.data, **options)
        self.addCleanup(lambda: self.assertEqual(self.server.end(), 0))
        self.events = viewing.Events(self.server)
        self.addCleanup(self.events.close)
        self.events.wait("hello")

    def told(self):
        return [data["path"] for kind, data, _ in list(self.events.events) if kind == "folder"]

    def list(self, path, flat=0):
        return self.server.get(f"/api/data?path={path}&flat={flat}").json["total"]

    def wait_told(self, path, times):
        harness.wait_until(lambda: self.told().count(path) >= times)

    def check_changes_are_told(self):
        self.assertEqual((self.list("data/set", 1), self.list("data/other")), (2, 1))
        put(self.data / "set/a/deep", "new.png")
        self.wait_told("data/set", 1)
        self.assertEqual(self.list("data/set", 1), 3)
        (self.data / "set/b/old.png").unlink()
        self.wait_told("data/set", 2)
        self.assertEqual(self.list("data/set", 1), 2)
        put(self.data / "set/c", "first.png")
        self.wait_told("data/set", 3)
        self.assertNotIn("data/other", self.told())

    def test_what_changes_below_a_flat_listing_is_told_of_it(self):
        self.start()
        self.check_changes_are_told()

    def test_a_picture_that_is_written_over_is_told(self):
        self.start()
        self.list("data/other")

        def written_over_is_told():
            put(self.data / "other", "old.png", b"something else")  # which does not change the folder itself
            time.sleep(0.3)  # at first, it may not be watched yet
            return "data/other" in self.told()

        harness.wait_until(written_over_is_told)

    def test_a_folder_that_goes_and_comes_is_told(self):
        self.start()
        self.list("data/other")
        (self.data / "other").rename(self.directory / "away")
        self.wait_told("data/other", 1)
        self.assertEqual(self.server.get("/api/data?path=data/other").status, 404)
        (self.directory / "away").rename(self.data / "other")
        self.wait_told("data/other", 2)
        self.assertEqual(self.list("data/other"), 1)

    def test_many_changes_are_told_together(self):
        self.start()
        self.list("data/other")
        start = time.monotonic()
        for i in range(300):
            put(self.data / "other", f"{i}.png", b"")
            time.sleep(0.005)
        harness.wait_until(lambda: self.told() and self.list("data/other") == 301)
        time.sleep(1)
        self.assertLessEqual(len(self.told()), 3 + 2 * (time.monotonic() - start))

    @unittest.skipUnless(can_be_unwatched(), "the system does not let anyone have fewer watches")
    def test_changes_are_told_where_the_system_tells_nothing(self):
        self.start(before=UNWATCHED)
        self.check_changes_are_told()
        # Half of a picture, as it comes over a network; the folder's own time stays what it is then.
        put(self.data / "other", "coming.png", b"half")
        self.list("data/other")
        put(self.data / "other", "coming.png")
        self.wait_told("data/other", 1)

    @unittest.skipUnless(can_be_unwatched(), "the system does not let anyone have fewer watches")
    def test_models_come_and_go_where_the_system_tells_nothing(self):
        folder = self.directory / "models"
        folder.mkdir()
        server = viewing.Server(folder, before=UNWATCHED)
        self.addCleanup(lambda: self.assertEqual(server.end(), 0))
        shutil.copy(self.shared / "class1.pb", folder / "new.pb")
        server.wait_for("new.pb", lambda model: model["state"] == "ready")
        (folder / "new.pb").unlink()
        harness.wait_until(lambda: "new.pb" not in server.models())


if __name__ == "__main__":
    unittest.main()
