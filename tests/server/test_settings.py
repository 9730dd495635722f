# SPDX-License-Identifier: Apache-2.0
"""Names, colours and thresholds: saved beside the model, whoever else writes there, or not at all."""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import subprocess
import unittest

import numpy as np
import viewing  # which makes the command's tests importable
import harness
from test_pictures import png

PICTURE = png(np.random.default_rng(1).integers(0, 256, (32, 32)))


def without_power():
    """Of the superuser, who may write everywhere: the process to come may not."""
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) != 0:
        raise OSError("the superuser's power cannot be given up")


def can_be_without_power():
    with contextlib.suppress(subprocess.SubprocessError):
        return subprocess.run(["true"], preexec_fn=without_power).returncode == 0
    return False


class Settings(harness.HayaTest):
    models = viewing.ViewTest.models

    def setUp(self):
        super().setUp()
        self.folder = self.directory / "models"
        self.folder.mkdir()
        shutil.copy2(self.shared / "class1.pb", self.folder)
        self.file = self.folder / "class1.json"

    def start(self, **options):
        self.server = viewing.Server(self.folder, **options)
        self.addCleanup(lambda: self.assertEqual(self.server.end(), 0))
        self.id = self.server.wait_for("class1.pb", lambda model: model["classes"])["id"]

    def put(self, *classes):
        return self.server.ask("PUT", f"/api/models/{self.id}/settings", {"classes": classes})

    def undo(self):
        return self.server.ask("POST", f"/api/models/{self.id}/settings/undo")

    def change(self, *classes):
        answer = self.put(*classes)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["model"]

    def saved(self):
        return json.loads(self.file.read_text(encoding="utf-8"))

    def check_refused(self, answer, status, says):
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(says, answer.sentence)
        self.assertNotIn("\n", answer.sentence)

    def check_unchanged(self):
        """As it was at the start, and serving."""
        model = self.server.models()["class1.pb"]
        self.assertEqual((model["name"], model["settings"]["undo"]), ("class1", 0))
        self.assertEqual((model["classes"][0]["colour"], model["classes"][0]["threshold"]), ("#FF0000", 0.5))
        self.assertEqual(self.server.infer("class1.pb", body=PICTURE).status, 200)

    def test_each_key_is_saved_where_there_was_no_file(self):
        self.start()
        self.assertFalse(self.server.models()["class1.pb"]["settings"]["exists"])
        for put, key, value in (({"name": "Gewebe 布"}, "name", "Gewebe 布"), ({"colour": "#12aBcd"}, "color", "#12ABCD"),
                                ({"threshold": 0.7}, "thresholds", {"low": 0.5, "high": 0.7}),
                                ({"threshold_low": 0.1}, "thresholds", {"low": 0.1, "high": 0.7}),
                                ({"threshold_low": None}, "thresholds", {"low": 0.7, "high": 0.7})):
            model = self.change(put)
            self.assertEqual(self.saved()["classes"][0][key], value)
        self.assertEqual((model["settings"]["exists"], model["settings"]["undo"]), (True, 5))
        self.assertEqual(sorted(os.listdir(self.folder)), ["class1.json", "class1.pb"])
        self.server.end()
        self.start()
        (told,) = self.server.models()["class1.pb"]["classes"]
        self.assertEqual((told["name"], told["colour"], told["threshold"], told["threshold_low"]),
                         ("Gewebe 布", "#12ABCD", 0.7, 0.7))

    def test_what_changes_nothing_is_no_step(self):
        self.start()
        self.assertEqual(self.change({})["settings"]["undo"], 0)
        model = self.change({"name": "class1", "colour": "#FF0000", "threshold": 0.5, "threshold_low": None})
        self.assertEqual((model["settings"]["undo"], self.file.exists()), (0, False))

    def test_what_else_stands_in_the_file_survives(self):
        written = {"comment": "of the file", "haya": 1, "input": {"mean": [127.5, 127.5, 127.5], "comment": "camera 2"},
                   "classes": [{"comment": "of the class", "smoothing_sigma": 1.5, "name": "weave",
                                "score": {"percent": 2, "type": "top_mean", "comment": "steady"}}]}
        self.file.write_text(json.dumps(written))
        self.file.chmod(0o640)
        self.start()
        self.change({"name": "other", "colour": "#010203", "threshold": 0.75, "threshold_low": 0.25})
        (known,) = written["classes"]
        known.update(name="other", color="#010203", thresholds={"high": 0.75, "low": 0.25})
        self.assertEqual(self.saved(), written)
        self.assertEqual(list(self.saved()), list(written))  # the order, too
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)
        self.assertEqual(self.undo().status, 200)
        known.update(name="weave", color="#FF0000", thresholds={"high": 0.5, "low": 0.5})
        self.assertEqual(self.saved(), written)

    def test_a_file_that_was_edited_meanwhile_keeps_that(self):
        self.start()
        self.change({"threshold": 0.6})
        by_hand = self.saved()
        by_hand["classes"][0].update(color="#00FF00", score={"type": "top_mean", "percent": 3})
        self.file.write_text(json.dumps(by_hand))
        model = self.change({"threshold_low": 0.3})  # at once: nobody has looked at the file
        (told,) = model["classes"]
        self.assertEqual((told["colour"], told["threshold"], told["threshold_low"], told["scoring"]),
                         ("#00FF00", 0.6, 0.3, {"type": "top_mean", "percent": 3}))
        by_hand["classes"][0]["thresholds"] = {"low": 0.3, "high": 0.6}
        self.assertEqual(self.saved(), by_hand)
        for low, high in ((0.5, 0.6), (0.5, 0.5)):
            (told,) = self.undo().json["model"]["classes"]
            self.assertEqual((told["colour"], told["threshold"], told["threshold_low"]), ("#00FF00", high, low))
        self.assertEqual(self.saved()["classes"][0]["score"], {"type": "top_mean", "percent": 3})

    def test_a_file_edited_by_hand_comes_into_force(self):
        self.start()
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        self.file.write_text('{"haya": 1, "classes": [{"name": "edited", "thresholds": {"high": 0.9}}]}')
        told = events.wait("model", lambda told: told["name"] == "edited")
        self.assertEqual((told["classes"][0]["threshold"], told["version"]), (0.9, 1))
        self.assertEqual(self.server.infer("class1.pb", body=PICTURE).json["classes"][0]["threshold"], 0.9)

    def test_other_classes_by_hand_end_what_can_be_taken_back(self):
        self.start()
        self.change({"threshold": 0.6})
        self.file.write_text('{"haya": 1, "classes": [{"name": "a"}, {"name": "b", "map": {"type": '
                             '"reconstruction_error"}}]}')
        self.check_refused(self.undo(), 409, "other classes by now")
        self.assertEqual(self.server.models()["class1.pb"]["settings"]["undo"], 0)
        self.check_refused(self.put({}, {"name": "a"}), 400, "both be called 'a'")
        self.assertEqual([told["name"] for told in self.change({}, {"name": "c"})["classes"]], ["a", "c"])

    def test_a_file_with_an_error_is_not_overwritten(self):
        self.start()
        for text, says in (('{"haya": 1, "classes": [{"name": "a", "maker": "me"}]}', "classes[0].maker"),
                           ('{"haya": 1, "classes"', "line 1"), ('{"haya": 2}', "version 1"), ("", "line 1")):
            self.file.write_text(text)
            self.check_refused(self.put({"name": "one"}), 422, says)
            self.assertEqual(self.file.read_text(), text)
        self.file.unlink()
        self.check_unchanged()

    def test_names_may_be_long_in_any_script(self):
        self.start()
        self.assertEqual(self.change({"name": "織" * 100})["name"], "織" * 100)
        self.check_refused(self.put({"name": "織" * 101}), 400, "1 to 100 characters")
        self.check_refused(self.put({"threshold": 1e31}), 400, "from -1e30 to 1e30")

    @unittest.skipIf(harness.has_sanitizer("tsan"), "it does not start without room for files")
    def test_a_full_disk_changes_nothing(self):
        self.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
        self.check_refused(self.put({"name": "one"}), 500, "class1.json cannot be written: File too large")
        self.assertEqual(os.listdir(self.folder), ["class1.pb"])
        self.check_unchanged()

    @unittest.skipUnless(can_be_without_power(), "the superuser's power cannot be given up")
    def test_a_folder_that_may_not_be_written_to_changes_nothing(self):
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        self.start(preexec_fn=without_power)
        self.check_refused(self.put({"colour": "#000000"}), 500, "class1.json cannot be written: Permission denied")
        self.assertEqual(os.listdir(self.folder), ["class1.pb"])
        self.check_unchanged()

    @unittest.skipUnless(can_be_without_power(), "the superuser's power cannot be given up")
    def test_a_file_that_may_not_be_written_to_changes_nothing(self):
        self.file.write_text('{"haya": 1}')
        self.file.chmod(0o444)
        self.start(preexec_fn=without_power)
        self.check_refused(self.put({"threshold": 0.9}), 500, "class1.json cannot be written: Permission denied")
        self.assertEqual(self.file.read_text(), '{"haya": 1}')
        self.check_unchanged()


if __name__ == "__main__":
    unittest.main()
