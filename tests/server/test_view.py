# SPDX-License-Identifier: Apache-2.0
"""The viewer's interface, route by route; numbers are those of `haya run`."""

import json
import shutil
import signal
import struct
import subprocess
import unittest

import numpy as np
import viewing  # which makes the command's tests importable
import graphs
import harness
from test_pictures import png, read_png

PICTURES = viewing.ROOT / "tests/pictures/data"


def grey(seed, size=(40, 30)):
    return np.random.default_rng(seed).integers(0, 256, size)


class Numbers(viewing.ViewTest):
    """Maps, scores and pictures are those of the command."""

    @classmethod
    def fill(cls, data):
        (data / "grey.png").write_bytes(png(grey(1)))
        (data / "rgb.png").write_bytes(png(np.random.default_rng(2).integers(0, 256, (32, 32, 3))))
        (data / "deep.png").write_bytes(png(np.random.default_rng(3).integers(0, 65536, (50, 33)), 16))
        for name in ("grey.jpg", "float.tif", "exif6.jpg"):
            shutil.copy(PICTURES / name, data)

    def setUp(self):
        super().setUp()
        for file in self.models:  # preparing takes sessions now and then, and which one a run gets is told
            self.server.wait_for(file, lambda model: model["state"] == "ready")

    def run_command(self, model, picture, *options):
        target = self.directory / "map.npy"
        report = self.succeed_json("run", self.shared / model, "-i", self.data / picture, "-o", target, *options)
        return np.load(target)[0, ..., 0], report["outputs"][0]

    def test_maps_are_those_of_haya_run_to_the_bit(self):
        for picture in ("grey.png", "rgb.png", "deep.png", "grey.jpg", "float.tif", "exif6.jpg"):
            for model in ("class1.pb", "class2.pb"):
                expected, _ = self.run_command(model, picture)
                by_path = self.check(self.server.infer(model, f"data/{picture}")).json
                uploaded = self.check(self.server.infer(model, body=(self.data / picture).read_bytes())).json
                for result in (by_path, uploaded):
                    told = result["classes"][0]["map"]
                    answer = self.check(self.server.get(told["url"]))
                    self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
                    self.assertEqual((answer.headers["X-Map-Width"], answer.headers["X-Map-Height"]), ("32", "32"))
                    self.assertEqual(answer.body, expected.astype("<f4").tobytes(), (picture, model))
                    self.assertEqual(np.float32(told["max"]), expected.max())
                    self.assertEqual(np.float32(told["min"]), expected.min())

    def test_score_verdict_and_regions_are_those_of_haya_run(self):
        result = self.check(self.server.infer("class1.pb", "data/grey.png")).json
        _, output = self.run_command("class1.pb", "grey.png", "--threshold", "0.5")
        (judged,) = result["classes"]
        self.assertAlmostEqual(judged["score"], output["score"], places=6)
        self.assertEqual((judged["verdict"], result["verdict"]), (output["verdict"],) * 2)
        self.assertEqual(judged["region_count"], len(output["regions"]))
        for mine, theirs in zip(judged["regions"], output["regions"]):
            self.assertEqual((mine["area"], mine["box"]), (theirs["area"], theirs["box"]))

    def test_drawn_maps_are_those_of_haya_run(self):
        url = self.server.infer("class1.pb", "data/grey.png").json["classes"][0]["map"]["url"]
        files = {kind: self.directory / f"{kind}.png" for kind in ("png8", "png16", "heat", "overlay")}
        model = ["run", self.shared / "class1.pb", "-i", self.data / "grey.png"]
        self.succeed(*model, "-o", files["png8"], "--heat", files["heat"])
        self.succeed(*model, "-o", files["png16"], "--bits", "16")
        for kind in ("png8", "png16", "heat"):
            answer = self.check(self.server.get(f"{url}?format={kind}"))
            self.assertEqual(answer.headers["Content-Type"], "image/png")
            self.assertEqual(answer.body, files[kind].read_bytes(), kind)
        files["overlay"].write_bytes(self.check(self.server.get(f"{url}?format=overlay&threshold=0.5")).body)
        self.assertEqual(read_png(files["overlay"]).shape, (40, 30, 3))
        tiff = self.check(self.server.get(f"{url}?format=tiff"))
        self.assertEqual(tiff.headers["Content-Type"], "image/tiff")
        self.assertIn(self.server.get(url).body, tiff.body)

    def test_infer_all_streams_each_models_result(self):
        answer = self.check(self.server.ask("POST", "/api/infer-all?picture=data/grey.png&request=all-1"))
        self.assertEqual(answer.headers["Content-Type"], "application/x-ndjson")
        begin, *results, end = answer.lines
        self.assertEqual((begin["type"], begin["models"], begin["request"]), ("begin", 2, "all-1"))
        self.assertEqual(begin["picture"]["ref"], "data/grey.png")
        self.assertEqual([result["model"]["name"] for result in results], ["class1", "class2"])
        for result in results:
            expected, _ = self.run_command(result["model"]["name"] + ".pb", "grey.png")
            self.assertEqual(self.server.get(result["classes"][0]["map"]["url"]).body, expected.tobytes())
        self.assertEqual((end["type"], end["results"], end["errors"], end["cancelled"]), ("end", 2, 0, False))
        one = self.server.id("class2.pb")
        answer = self.check(self.server.ask("POST", f"/api/infer-all?models={one}", png(grey(9))))
        self.assertEqual([line["type"] for line in answer.lines], ["begin", "result", "end"])

    def test_times_tell_what_was_done(self):
        self.server.infer("class1.pb", "data/grey.png")
        other = self.server.infer("class2.pb", "data/grey.png").json
        same = self.server.infer("class2.pb", "data/grey.png").json
        self.assertTrue(other["switched"])
        self.assertFalse(same["switched"] or same["first_run"])
        for key in ("decode_ms", "resize_ms", "run_ms", "post_ms", "total_ms", "queue_ms"):
            self.assertGreater(same["times"][key], 0)
        self.assertEqual([same["times"][key] for key in ("open_ms", "bind_ms", "plan_ms")], [None] * 3)
        parts = sum(same["times"][key] for key in ("decode_ms", "resize_ms", "run_ms", "post_ms"))
        self.assertGreaterEqual(same["times"]["total_ms"], parts)
        times = self.server.models()["class2.pb"]["times"]
        self.assertGreaterEqual(times["runs"], 2)
        self.assertGreater(min(times[key] for key in ("first_ms", "last_ms", "median_ms", "open_ms", "bind_ms")), 0)


class Judging(viewing.ViewTest):
    """Who has the map and what is told of its class finds what the server finds."""

    @classmethod
    def fill(cls, data):
        (data / "grey.png").write_bytes(png(grey(1)))

    def test_a_page_that_judges_by_the_map_finds_what_the_server_finds(self):
        file, seen = self.shared / "class1.json", set()
        for scoring, sigma in (({"type": "max"}, 0.0), ({"type": "max"}, 1.5),
                               ({"type": "top_mean", "percent": 0.05}, 0.0),
                               ({"type": "top_mean", "percent": 7.3}, 2.0),
                               ({"type": "area", "threshold": 0.5}, 0.0), ({"type": "area", "threshold": 0.4}, 1.0)):
            new = self.directory / "new.json"
            new.write_text(json.dumps({"haya": 1, "classes": [
                {"name": "one", "score": scoring, "smoothing_sigma": sigma}]}))
            new.rename(file)
            told = self.server.wait_for("class1.pb", lambda model: model["classes"] and (
                model["classes"][0]["scoring"] == scoring and model["classes"][0]["smoothing_sigma"] == sigma))
            exact = self.server.infer("class1.pb", "data/grey.png").json["classes"][0]["score"]
            for high, low in ((exact, exact), (exact * 1.01, exact), (exact * 1.02, exact * 1.01), (0.7, 0.3),
                              (exact * 0.99, exact * 0.5)):
                put = {"classes": [{"threshold": high, "threshold_low": low}]}
                self.check(self.server.ask("PUT", f"/api/models/{told['id']}/settings", put))
                result = self.check(self.server.infer("class1.pb", "data/grey.png")).json
                (judged,) = result["classes"]
                self.assertEqual((judged["scoring"], judged["smoothing_sigma"]), (scoring, sigma))
                values = np.frombuffer(self.server.get(judged["map"]["url"]).body, "<f4")
                self.assertEqual(viewing.judge(values, judged),
                                 (judged["score"], judged["verdict"], judged["reached"]), (scoring, sigma, high, low))
                self.assertEqual(judged["verdict"], result["verdict"])
                self.assertEqual(judged["region_count"] > 0,
                                 judged["reached"] is not None and values.max() >= np.float32(judged["reached"]))
                seen.add((scoring["type"], judged["verdict"]))
        self.assertEqual(len(seen), 9)  # each kind of score with each verdict


class Models(viewing.ViewTest):
    models = {**viewing.ViewTest.models, "class10.pb": ["--width", "4", "--levels", "3", "--size", "32x32"],
              "six.pb": ["--width", "4", "--levels", "2", "--size", "open", "--outputs", "6", "--channels", "6"]}

    def test_models_are_listed_with_what_is_known_of_them(self):
        for file in self.models:
            self.server.wait_for(file, lambda model: model["state"] == "ready")
        answer = self.server.get("/api/models").json
        self.assertEqual([model["name"] for model in answer["models"]], ["class1", "class2", "class10", "six"])
        first, six = answer["models"][0], answer["models"][3]
        self.assertEqual(first["input"], {"name": "input_1", "width": 32, "height": 32, "channels": 1})
        self.assertEqual(six["input"], {"name": "input_1", "width": None, "height": None, "channels": 6})
        self.assertEqual((first["version"], first["error"], first["warning"]), (1, None, None))
        self.assertEqual(first["bytes"], (self.shared / "class1.pb").stat().st_size)
        self.assertEqual(first["path"], str(self.shared / "class1.pb"))
        self.assertEqual([known["colour"] for known in six["classes"]],
                         ["#FF0000", "#FFFF00", "#0000FF", "#008000", "#FFC0CB", "#800080"])
        structures = {known["structure"]: known for known in answer["structures"]}
        self.assertEqual(structures[first["structure"]]["models"], 3)
        self.assertEqual(structures[first["structure"]]["plans"], 1)
        self.assertEqual(structures[six["structure"]]["models"], 1)
        self.assertEqual(answer["preparing"], {"wanted": 4, "ready": 4})
        one = self.server.get(f"/api/models/{first['id']}").json["model"]
        self.assertEqual({key for key in one if one[key] != first[key]} - {"times", "memory"}, set())
        self.assertGreater(one["memory"]["resident_bytes"], 0)
        self.assertEqual(one["memory"]["file_bytes"], first["bytes"])
        self.assertGreater(one["memory"]["private_bytes"], 0)

    def test_a_model_with_six_maps_has_six_classes(self):
        result = self.check(self.server.infer("six.pb", body=png(grey(1, (64, 96))))).json
        self.assertEqual([judged["name"] for judged in result["classes"]], [f"six {i}" for i in range(1, 7)])
        maps = [self.server.get(judged["map"]["url"]).body for judged in result["classes"]]
        self.assertEqual({len(map) for map in maps}, {64 * 96 * 4})
        self.assertEqual(len(set(maps)), 6)
        target = self.directory / "all.npy"
        (self.directory / "p.png").write_bytes(png(grey(1, (64, 96))))
        self.succeed("run", self.shared / "six.pb", "-i", self.directory / "p.png", "-o", target)
        together = np.stack([np.frombuffer(map, "<f4").reshape(64, 96) for map in maps], 2)
        np.testing.assert_array_equal(together, np.load(target)[0])

    def test_settings_are_saved_told_and_taken_back(self):
        id, file = self.server.id("class1.pb"), self.shared / "class1.json"
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        put = {"classes": [{"name": "Fäden", "colour": "#00ff7f", "threshold": 0.75, "threshold_low": 0.25}]}
        model = self.check(self.server.ask("PUT", f"/api/models/{id}/settings", put)).json["model"]
        self.assertEqual(model["classes"], [{**put["classes"][0], "colour": "#00FF7F", "scoring": {"type": "max"},
                                             "smoothing_sigma": 0.0}])
        self.assertEqual((model["name"], model["settings"]["undo"]), ("Fäden", 1))
        self.assertIn("Fäden", file.read_text(encoding="utf-8"))
        events.wait("model", lambda told: told["id"] == id and told["name"] == "Fäden")
        judged = self.server.infer("class1.pb", body=png(grey(1))).json["classes"][0]
        self.assertEqual((judged["threshold"], judged["threshold_low"]), (0.75, 0.25))
        put = {"classes": [{"threshold": 0.8, "threshold_low": None}]}
        model = self.check(self.server.ask("PUT", f"/api/models/{id}/settings", put)).json["model"]
        self.assertEqual((model["classes"][0]["threshold_low"], model["classes"][0]["name"]), (0.8, "Fäden"))
        for expected in (0.75, 0.5):
            model = self.check(self.server.ask("POST", f"/api/models/{id}/settings/undo")).json["model"]
            self.assertEqual(model["classes"][0]["threshold"], expected)
        self.assertEqual((model["name"], model["settings"]["undo"]), ("class1", 0))
        self.check_refused(self.server.ask("POST", f"/api/models/{id}/settings/undo"), 409,
                           "no change to take back")

    def test_wrong_settings_change_nothing(self):
        id = self.server.id("class2.pb")
        before = self.server.wait_for("class2.pb", lambda model: model["classes"])["classes"]
        for put, says in (({"classes": [{"threshold": "high"}]}, "must be a number"),
                          ({"classes": [{"threshold_low": 0.9}]}, "above the upper one"),
                          ({"classes": [{"colour": "red"}]}, "#RRGGBB"),
                          ({"classes": [{"name": ""}]}, "characters"),
                          ({"classes": [{"name": "a\nb"}]}, "control character"),
                          ({"classes": [{}, {}]}, "1 classes"),
                          ({"classes": [{"name": "n" * 101}]}, "1 to 100"), ({"classes": 3}, "array"),
                          ({"classes": [{"size": 3}]}, "no key 'size'"), ({}, "array"), ({"name": "x"}, "no key")):
            self.check_refused(self.server.ask("PUT", f"/api/models/{id}/settings", put), 400, says)
        self.assertEqual(self.server.models()["class2.pb"]["classes"], before)
        self.assertFalse((self.shared / "class2.json").exists())

    def test_preparing_is_asked_for(self):
        id = self.server.id("class1.pb")
        answer = self.check(self.server.ask("POST", f"/api/models/{id}/prepare"), 202).json
        self.assertEqual(answer["wanted"], 1)
        self.assertEqual(self.check(self.server.ask("POST", "/api/prepare"), 202).json["wanted"], 4)
        self.assertEqual(self.check(self.server.ask("POST", "/api/prepare", {"models": [id]}),
                                    202).json["wanted"], 1)
        self.assertEqual(self.check(self.server.ask("PUT", "/api/visible", {"models": [id]})).json, {"visible": 1})
        for method, path in (("POST", "/api/prepare"), ("PUT", "/api/visible")):
            self.check_refused(self.server.ask(method, path, {"models": ["0" * 16]}), 404, "no model of the id")
            self.check_refused(self.server.ask(method, path, {"models": [3]}), 400, "array of ids")

    def test_memory_and_server_are_told(self):
        self.server.infer("class1.pb", body=png(grey(1)))
        memory = self.check(self.server.get("/api/memory")).json
        self.assertEqual(memory["models"]["count"], 4)
        self.assertGreater(memory["process"]["private_bytes"], 0)
        self.assertGreater(memory["models"]["file_bytes_resident"], 0)
        self.assertGreater(memory["sessions"][0]["scratch_bytes"], 0)
        self.assertGreater(memory["caches"]["results"]["bytes"], 32 * 32 * 4)
        told = self.check(self.server.get("/api/server")).json
        self.assertEqual(told["data"][0]["path"], "data")
        self.assertEqual(told["models_folder"], str(self.shared))
        self.assertGreater(told["threads"], 0)
        self.assertEqual(told["picture_formats"], ["PNG", "JPEG", "TIFF", "BMP"])


class Pictures(viewing.ViewTest):
    @classmethod
    def fill(cls, data):
        shutil.copytree(PICTURES, data / "kinds")
        truncated = (PICTURES / "grey.png") if (PICTURES / "grey.png").exists() else None
        (data / "broken.png").write_bytes(truncated.read_bytes()[:100] if truncated else png(grey(1))[:100])
        (data / "large.png").write_bytes(png(grey(1, (300, 500))))
        (data / "wide.png").write_bytes(png(grey(1, (1, 900))))

    def test_an_uploaded_picture_is_kept_under_its_content(self):
        content = png(grey(5))
        first = self.check(self.server.ask("POST", "/api/pictures?name=part.png", content, "image/png"), 201).json
        again = self.check(self.server.ask("POST", "/api/pictures", content), 201).json
        other = self.check(self.server.ask("POST", "/api/pictures", png(grey(6))), 201).json
        self.assertEqual(first["picture"]["ref"], again["picture"]["ref"])
        self.assertNotEqual(first["picture"]["ref"], other["picture"]["ref"])
        self.assertEqual((first["picture"]["width"], first["picture"]["height"]), (30, 40))
        answer = self.check(self.server.get(first["picture"]["url"]))
        self.assertEqual((answer.body, answer.headers["Content-Type"]), (content, "image/png"))
        result = self.check(self.server.infer("class1.pb", first["picture"]["ref"])).json
        self.assertEqual(result["picture"]["name"], "part.png")
        self.check_refused(self.server.infer("class1.pb", "@" + "0" * 32), 410, "upload it again")
        self.check_refused(self.server.get("/api/pictures/" + "0" * 32), 410, "upload it again")

    def test_browsers_get_what_they_can_show(self):
        for name, type in (("grey.jpg", "image/jpeg"), ("grey1.png", "image/png"), ("float.tif", "image/png"),
                           ("grey16-strips.tif", "image/png")):
            answer = self.check(self.server.get(f"/api/data/picture?path=data/kinds/{name}"))
            self.assertEqual(answer.headers["Content-Type"], type)
            raw = (PICTURES / name).read_bytes()
            self.assertEqual(answer.body == raw, not name.endswith(".tif"))
            content = self.check(self.server.get(f"/api/data/picture?path=data/kinds/{name}&as=png")).body
            self.assertTrue(content.startswith(b"\x89PNG"))
            uploaded = self.server.ask("POST", "/api/pictures", raw).json["picture"]["url"]
            self.assertEqual(self.check(self.server.get(uploaded)).headers["Content-Type"], type)

    def test_a_tiff_of_16_bits_keeps_its_greys(self):
        shown, wanted = self.directory / "shown.png", self.directory / "wanted.npy"
        shown.write_bytes(self.server.get("/api/data/picture?path=data/kinds/grey16-strips.tif").body)
        model = self.directory / "model.pb"
        model.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, (-1, -1, -1, 1)) +
                          graphs.identity("y", "x", graphs.DT_FLOAT))
        self.succeed("run", model, "-i", PICTURES / "grey16-strips.tif", "-o", wanted, "--mean", "0", "--std", "1")
        np.testing.assert_allclose(read_png(shown), np.load(wanted)[0, ..., 0], atol=0.51)

    def test_thumbnails_fit_and_are_remembered(self):
        for size, shape in ((None, (77, 128)), (64, (38, 64)), (512, (300, 500))):
            query = f"&size={size}" if size else ""
            path = f"/api/data/thumbnail?path=data/large.png{query}"
            answer = self.check(self.server.get(path))
            (self.directory / "t.png").write_bytes(answer.body)
            self.assertEqual(read_png(self.directory / "t.png").shape, shape)
            self.assertEqual(self.server.get(path).body, answer.body)
            etag = answer.headers["ETag"]
            self.check(self.server.get(path, headers={"If-None-Match": etag}), 304)
        self.check(self.server.get("/api/data/thumbnail?path=data/wide.png&size=16"))
        self.check_refused(self.server.get("/api/data/thumbnail?path=data/large.png&size=8"), 400, "16 to 512")
        self.assertGreater(self.server.get("/api/memory").json["caches"]["thumbnails"]["count"], 2)

    def test_damaged_pictures_are_refused_with_a_sentence(self):
        self.check_refused(self.server.get("/api/data/thumbnail?path=data/broken.png"), 422, "broken.png")
        self.check_refused(self.server.infer("class1.pb", "data/broken.png"), 422, "broken.png")
        self.check_refused(self.server.get("/api/data/picture?path=data/broken.png&as=png"), 422, "broken.png")
        self.check_refused(self.server.infer("class1.pb", "data/none.png"), 404, "none.png")
        self.check_refused(self.server.infer("class1.pb", body=b"GIF89a and so on"), 415,
                           "not a PNG, JPEG, TIFF or BMP")
        whole = png(grey(1))
        for cut in (9, 40, len(whole) - 5):
            self.assertIn(self.server.infer("class1.pb", body=whole[:cut]).status, (415, 422))
        huge = whole[:16] + struct.pack(">2I", 100000, 100000) + whole[24:]
        self.assertIn(self.server.infer("class1.pb", body=huge).status, (413, 422))
        self.check_refused(self.server.ask("POST", f"/api/infer?model={self.server.id('class1.pb')}"), 400,
                           "a picture is missing")
        self.check_refused(self.server.infer("class1.pb", "data/large.png", body=whole), 400, "given twice")
        self.check(self.server.infer("class1.pb", "data/large.png"))


class Wrong(viewing.ViewTest):
    def test_wrong_requests_are_told_what_is_wrong(self):
        id = self.server.id("class1.pb")
        for method, path, body, status, says in (
                ("GET", "/api/nothing", None, 404, "nothing at /api/nothing"),
                ("GET", "/nothing.html", None, 404, "nothing at"),
                ("POST", "/", b"x", 405, "nothing at"),
                ("DELETE", "/api/models", None, 405, "asked for by GET"),
                ("GET", "/api/infer", None, 405, "asked for by POST"),
                ("GET", f"/api/models/{id}?x=1", None, 400, "no parameter 'x'"),
                ("GET", "/api/models/0123456789abcdef", None, 404, "no model of the id"),
                ("POST", "/api/infer", png(grey(1)), 400, "'model' is missing"),
                ("POST", "/api/infer?model=x", png(grey(1)), 404, "no model of the id"),
                ("POST", f"/api/infer?model={id}&model={id}", png(grey(1)), 400, "given twice"),
                ("POST", f"/api/infer?model={id}&request=a/b", png(grey(1)), 400, "'request' must"),
                ("POST", "/api/infer-all?models=1,2", png(grey(1)), 404, "no model of the id"),
                ("POST", f"/api/infer-all?models={id},", png(grey(1)), 404, "no model of the id"),
                ("GET", "/api/results/1-1/0", None, 404, "no map"),
                ("DELETE", "/api/requests/none", None, 404, "no request of the name"),
                ("GET", "/api/data?path=data&limit=1e9", None, 400, "whole number"),
                ("GET", "/api/data?path=data&offset=-1", None, 400, "whole number"),
                ("GET", "/api/data/picture", None, 400, "'path' is missing"),
                ("GET", "/api/data/picture?path=data/none.png", None, 404, "there is no"),
                ("GET", "/api/data/picture?path=data/none.txt", None, 404, "no picture by its name"),
                ("GET", "/api/data?path=data%00x", None, 400, "zero byte")):
            self.check_refused(self.server.ask(method, path, body), status, says)
        self.assertEqual(self.server.ask("DELETE", "/api/models").headers["Allow"], "GET")

    def test_bodies_must_be_what_they_are_said_to_be(self):
        for body, type, status, says in ((b"{", "application/json", 400, "no JSON object"),
                                         (b"[1]", "application/json", 400, "no JSON object"),
                                         (b'{"a":1,"a":2}', "application/json", 400, "no JSON object"),
                                         (b"\xff\xfe", "application/json", 400, "no JSON object"),
                                         (b"{}", "text/plain", 415, "application/json"),
                                         (b"[" * 60000, "application/json", 400, "no JSON object")):
            self.check_refused(self.server.ask("POST", "/api/prepare", body, type), status, says)
        self.check_refused(self.server.ask("POST", "/api/pictures", png(grey(1)), "multipart/form-data"), 415,
                           "Content-Type must be")


class Page(viewing.ViewTest):
    def test_the_page_comes_with_its_types_and_a_strict_policy(self):
        for path, type in (("/", "text/html; charset=utf-8"), ("/index.html", "text/html; charset=utf-8")):
            answer = self.check(self.server.get(path))
            self.assertEqual(answer.headers["Content-Type"], type)
            self.assertEqual(answer.body, (viewing.ROOT / "web/index.html").read_bytes())
            policy = answer.headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            etag = answer.headers["ETag"]
            again = self.check(self.server.get(path, headers={"If-None-Match": etag}), 304)
            self.assertEqual((again.body, again.headers["ETag"]), (b"", etag))
        for file in (viewing.ROOT / "web").rglob("*.*"):
            answer = self.check(self.server.get("/" + file.relative_to(viewing.ROOT / "web").as_posix()))
            self.assertEqual(answer.body, file.read_bytes())

    def test_head_tells_the_same_without_a_body(self):
        answer = self.check(self.server.ask("HEAD", "/"))
        self.assertEqual(answer.body, b"")
        self.assertEqual(int(answer.headers["Content-Length"]), (viewing.ROOT / "web/index.html").stat().st_size)


class Ends(harness.HayaTest):
    models = viewing.ViewTest.models

    def test_signals_end_it_cleanly_in_the_middle_of_work(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = viewing.Server(self.shared)
            events = viewing.Events(server)
            events.wait("hello")
            connections = []
            for _ in range(5):
                connections.append(server.connect())
                connections[-1].request("POST", "/api/infer-all", png(grey(1)),
                                        {"Content-Type": "application/octet-stream"})
            self.assertEqual(server.end(number), 0, server.errors())
            harness.wait_until(lambda: events.ended)
            for connection in (events, *connections):
                connection.close()

    def test_a_port_in_use_is_told_or_gone_around(self):
        first = viewing.Server(self.shared)
        self.addCleanup(first.end)
        result = harness.haya("view", self.shared, "--no-browser", "--port", str(first.port))
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"cannot listen on 127.0.0.1, port {first.port}", result.stderr.decode())

    def test_wrong_usage_is_refused(self):
        self.refuse(2, "view", self.shared, self.shared, "--no-browser", says="is a folder")
        self.refuse(2, "view", "--port", "70000", says="from 0 to 65535")
        self.refuse(2, "view", "--listen", "everywhere", "--port", "0", "--no-browser", says="no address")
        self.refuse(1, "view", self.shared, "--data", self.directory / "none", "--no-browser", says="none")
        self.refuse(1, "view", self.directory / "none.pb", "--no-browser", says="none.pb")

    def test_single_files_are_served(self):
        server = viewing.Server(self.shared / "class1.pb")
        self.addCleanup(server.end)
        server.id("class1.pb")
        self.assertEqual(list(server.models()), ["class1.pb"])
        self.assertEqual(server.infer("class1.pb", body=png(grey(1))).status, 200)
        self.assertEqual(server.get("/api/data").json["folders"], [])

    def test_the_address_is_printed(self):
        process = subprocess.Popen([harness.program("HAYA"), "view", "--no-browser", "--port", "0", self.shared],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.assertRegex(process.stdout.readline().decode(), r"\Ahttp://127\.0\.0\.1:\d+/\n\Z")
        process.terminate()
        self.assertEqual(process.wait(viewing.TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main()
