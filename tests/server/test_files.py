# SPDX-License-Identifier: Apache-2.0
"""Model files that are replaced, broken, truncated and deleted under a running server, and its events."""

import os
import shutil
import unittest

import numpy as np
import viewing  # which makes the command's tests importable
import harness
from test_pictures import png

PICTURE = png(np.random.default_rng(1).integers(0, 256, (32, 32)))


class Files(harness.HayaTest):
    models = viewing.ViewTest.models

    def setUp(self):
        super().setUp()
        self.folder = self.directory / "models"
        self.folder.mkdir()
        shutil.copy2(self.shared / "class1.pb", self.folder)
        shutil.copy2(self.shared / "class2.pb", self.folder)
        self.server = viewing.Server(self.folder)
        self.addCleanup(lambda: self.assertEqual(self.server.end(), 0))

    def replace(self, file, source=None, content=None):
        temporary = self.directory / "new"
        temporary.write_bytes(content if source is None else (self.shared / source).read_bytes())
        os.replace(temporary, self.folder / file)

    def map_of(self, file):
        answer = self.server.infer(file, body=PICTURE)
        self.assertEqual(answer.status, 200, answer.body)
        return self.server.get(answer.json["classes"][0]["map"]["url"]).body

    def test_a_replaced_file_is_a_new_version(self):
        first, second = self.map_of("class1.pb"), self.map_of("class2.pb")
        self.assertNotEqual(first, second)
        old = self.server.infer("class1.pb", body=PICTURE).json
        self.replace("class1.pb", "class2.pb")
        model = self.server.wait_for("class1.pb", lambda model: model["version"] == 2)
        self.assertEqual((model["id"], model["error"], model["warning"]), (old["model"]["id"], None, None))
        self.assertEqual(self.map_of("class1.pb"), second)
        self.assertEqual(self.server.get(old["classes"][0]["map"]["url"]).body, first)

    def test_a_broken_file_leaves_the_old_one_serving(self):
        first = self.map_of("class1.pb")
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        events.wait("hello")
        self.replace("class1.pb", content=b"this is no model")
        model = self.server.wait_for("class1.pb", lambda model: model["warning"])
        self.assertIn("class1.pb", model["warning"])
        self.assertIn("goes on serving", model["warning"])
        self.assertNotEqual(model["state"], "broken")
        self.assertEqual(self.map_of("class1.pb"), first)
        events.wait("log", lambda told: told["level"] == "warning" and "class1.pb" in told["message"])
        events.wait("model", lambda told: told["id"] == model["id"] and told["warning"])

    def test_a_truncated_file_fails_its_own_requests(self):
        first, second = self.map_of("class1.pb"), self.map_of("class2.pb")
        os.truncate(self.folder / "class1.pb", 5000)
        answer = self.server.infer("class1.pb", body=PICTURE)
        self.assertEqual(answer.status, 422)
        self.assertIn("class1.pb", answer.sentence)
        self.assertEqual(self.map_of("class2.pb"), second)
        model = self.server.wait_for("class1.pb", lambda model: model["state"] == "broken")
        self.assertIn("class1.pb", model["error"])
        answer = self.server.ask("POST", "/api/infer-all", PICTURE)
        self.assertEqual([line["type"] for line in answer.lines], ["begin", "result", "end"])
        self.replace("class1.pb", "class1.pb")
        self.server.wait_for("class1.pb", lambda model: model["state"] != "broken")
        self.assertEqual(self.map_of("class1.pb"), first)

    def test_a_deleted_file_is_told(self):
        id = self.server.id("class1.pb")
        self.server.id("class2.pb")
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        events.wait("hello")
        os.remove(self.folder / "class1.pb")
        self.assertEqual(events.wait("model-removed"), {"id": id, "name": "class1.pb"})
        self.assertEqual(list(self.server.models()), ["class2.pb"])
        answer = self.server.ask("POST", f"/api/infer?model={id}", PICTURE)
        self.assertEqual(answer.status, 404)

    def test_new_files_are_told_and_prepared(self):
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        events.wait("hello")
        shutil.copy(self.shared / "class1.pb", self.folder / "class3.pb")
        model = events.wait("model", lambda told: told["file"] == "class3.pb" and told["state"] == "ready")
        self.assertEqual(model["name"], "class3")
        events.wait("preparing", lambda told: told == {"wanted": 3, "ready": 3})

    def test_missed_events_are_sent_again(self):
        events = viewing.Events(self.server)
        events.wait("hello")
        id = self.server.id("class1.pb")
        self.server.ask("PUT", f"/api/models/{id}/settings", {"classes": [{"name": "one"}]})
        events.wait("model", lambda told: told["name"] == "one")
        last = events.events[-1][2]
        events.close()
        self.server.ask("PUT", f"/api/models/{id}/settings", {"classes": [{"name": "two"}]})
        self.server.wait_for("class1.pb", lambda model: model["name"] == "two")
        again = viewing.Events(self.server, last)
        self.addCleanup(again.close)
        self.assertTrue(again.wait("hello")["resumed"])
        again.wait("model", lambda told: told["name"] == "two")
        for unknown in ("1-1", "x", "ffffffffffff-99999999"):
            stranger = viewing.Events(self.server, unknown)
            self.assertFalse(stranger.wait("hello")["resumed"])
            stranger.close()


if __name__ == "__main__":
    unittest.main()
