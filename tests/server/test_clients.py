# SPDX-License-Identifier: Apache-2.0
"""Many clients at once: each gets its own model's numbers, whatever the others do. HAYA_TEST_SECONDS makes it
longer, and then memory must not grow."""

import json
import os
import threading
import time
import unittest
import urllib.parse

import numpy as np
import viewing  # which makes the command's tests importable
import harness
from test_pictures import png

CLIENTS = 64
SECONDS = float(os.environ.get("HAYA_TEST_SECONDS", "4"))


class Clients(viewing.ViewTest):
    models = {f"class{seed}.pb": ["--width", "4", "--levels", "3", "--size", "32x32", "--seed", str(seed)]
              for seed in range(1, 7)}

    @classmethod
    def fill(cls, data):
        for i in range(4):
            (data / f"{i}.png").write_bytes(png(np.random.default_rng(i).integers(0, 256, (32, 32))))

    def setUp(self):
        super().setUp()
        self.ids = [self.server.id(file) for file in self.models]
        self.expected = {}
        for id in self.ids:
            for i in range(4):
                answer = self.check(self.server.ask("POST", f"/api/infer?model={id}&picture=data/{i}.png")).json
                self.expected[id, i] = self.server.get(answer["classes"][0]["map"]["url"]).body
        self.assertEqual(len(set(self.expected.values())), len(self.expected))

    def incoherent(self, judged, values):
        """What is told of a class must be of one run and one state of the settings, whoever changes these."""
        found = viewing.judge(values, judged)
        if found != (judged["score"], judged["verdict"], judged["reached"]):
            return f"judged otherwise: {found} and {judged}"
        reaches = judged["reached"] is not None and values.max() >= np.float32(judged["reached"])
        return None if reaches == (judged["region_count"] > 0) else f"regions: {judged}"

    def change_settings(self, ask, id, random):
        """Thresholds as clients change them, and how scores are made, as somebody does by hand."""
        low, high = sorted(random.random(2))
        if random.random() < 0.7:
            answer = ask("PUT", f"/api/models/{id}/settings", json.dumps(
                {"classes": [{"threshold": high, "threshold_low": low}]}), "application/json")
            return None if answer.status == 200 else f"settings: {answer.status} {answer.body}"
        number = self.ids.index(id) + 1
        scoring = [{"type": "max"}, {"type": "top_mean", "percent": 5}, {"type": "area", "threshold": low}]
        file = self.shared / f"class{number}.json"
        new = self.shared / f"{threading.get_ident()}.new"
        new.write_text(json.dumps({"haya": 1, "classes": [{
            "name": f"class{number}", "score": scoring[random.integers(3)],
            "thresholds": {"low": low, "high": high}}]}))
        new.replace(file)
        return None

    def one(self, connection, random, number):
        """One request of a client; what is wrong, or None."""
        id, i = self.ids[random.integers(len(self.ids))], int(random.integers(4))
        choice = random.random()
        body = (self.data / f"{i}.png").read_bytes()

        def ask(method, path, body=None, type="image/png"):
            connection.request(method, path, body, {"Content-Type": type} if body else {})
            return viewing.Answer(connection.getresponse())

        if choice < 0.5:
            answer = ask("POST", f"/api/infer?model={id}&picture=data/{i}.png") if choice < 0.3 else \
                ask("POST", f"/api/infer?model={id}&request=client-{number}", body)
            if answer.status == 200:
                (judged,) = answer.json["classes"]
                kept = ask("GET", judged["map"]["url"])
                if kept.status != 200 or kept.body != self.expected[id, i]:
                    return "another map"
                return self.incoherent(judged, np.frombuffer(kept.body, "<f4"))
            return None if answer.status in (409, 503) else f"infer: {answer.status} {answer.body}"
        if choice < 0.6:
            answer = ask("POST", f"/api/infer-all?picture=data/{i}.png&request=client-{number}")
            if answer.status == 200:
                return None if answer.lines[-1]["type"] == "end" and not answer.lines[-1]["errors"] else "infer-all"
            return None if answer.status in (409, 503) else f"infer-all: {answer.status}"
        if choice < 0.7:
            answer = ask("DELETE", f"/api/requests/client-{random.integers(CLIENTS)}")
            return None if answer.status in (200, 404) else f"cancel: {answer.status}"
        if choice < 0.8:
            connection.request("POST", f"/api/infer?model={id}", body, {"Content-Type": "image/png"})
            connection.close()  # without waiting for the answer
            return None
        if choice < 0.85:
            return self.change_settings(ask, id, random)
        path = random.choice(["/api/models", "/api/memory", f"/api/data/thumbnail?path=data/{i}.png", "/",
                              f"/api/models/{id}", "/api/data?path=data", "/api/nothing"])
        answer = ask("GET", path)
        return None if answer.status == (404 if path == "/api/nothing" else 200) else f"{path}: {answer.status}"

    def client(self, number, end, problems, counts):
        random = np.random.default_rng(number)
        connection = self.server.connect()
        while not problems:
            try:
                problem = self.one(connection, random, number)
            except Exception as error:  # a lost connection, or an answer cut off
                problem = repr(error)
            if problem:
                problems.append(problem)
            counts[number] += 1
            if time.monotonic() >= end:  # asked at least once, however slow the machine
                break
        connection.close()

    def load(self, seconds):
        end, problems, counts = time.monotonic() + seconds, [], [0] * CLIENTS
        threads = [threading.Thread(target=self.client, args=(number, end, problems, counts))
                   for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertGreater(min(counts), 0)

    def private_bytes(self):
        return self.check(self.server.get("/api/memory")).json["process"]["private_bytes"]

    def test_clients_that_mix_models_and_cancel(self):
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        self.load(SECONDS * harness.SLOWER)
        self.assertFalse(events.ended)
        if SECONDS >= 60:
            before = self.private_bytes()
            results = self.server.get("/api/memory").json["caches"]["results"]["bytes"]
            self.load(2 * SECONDS)
            grown = self.private_bytes() - before
            kept = self.server.get("/api/memory").json["caches"]["results"]["bytes"] - results
            self.assertLess(grown - kept, 32 << 20)

    def test_results_make_room(self):
        """The cache's limit holds; what has made room is told as such."""
        id = self.ids[0]
        first = self.check(self.server.ask("POST", f"/api/infer?model={id}&picture=data/0.png")).json
        cache = self.server.get("/api/memory").json["caches"]["results"]
        self.assertLessEqual(cache["bytes"], cache["limit"])
        self.assertGreater(cache["count"], 0)
        start, _, number = first["result"].partition("-")
        self.assertEqual(self.server.get(f"/api/results/{start}-{int(number, 16) + 1000:x}/0").status, 404)
        self.assertEqual(self.server.get(f"/api/results/{first['result']}/1").status, 404)
        self.assertEqual(self.server.get(f"/api/results/{first['result']}/{urllib.parse.quote('0 ')}").status, 404)


if __name__ == "__main__":
    unittest.main()
