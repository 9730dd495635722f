# SPDX-License-Identifier: Apache-2.0
"""A running `haya view`, and what asks it: what the tests of the server share."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import harness  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TIMEOUT = 120 * harness.SLOWER  # of a connection on which nothing happens


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def sentence(self):
        return self.json["error"]["message"]

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class Server:
    """The command, on a port of its own choice."""

    def __init__(self, *arguments, environment=None, preexec_fn=None, before=()):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*before, harness.program("HAYA"), "view", "--no-browser", "--json", *map(str, arguments),
             *(() if "--port" in arguments else ("--port", "0"))], stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **(environment or {})}, preexec_fn=preexec_fn)
        text = b""
        while line := self.process.stdout.readline():
            text += line
            if line == b"}\n":
                break
        if not text:
            raise AssertionError(f"it did not start: {self.errors()}")
        self.address = json.loads(text)["address"]
        parts = urllib.parse.urlsplit(self.address)
        self.host, self.port = parts.hostname, parts.port
        self.token = urllib.parse.parse_qs(parts.query).get("token", [None])[0]

    def errors(self):
        if self.log.closed:
            return self.ended_with
        self.log.seek(0)
        return self.log.read().decode()

    def end(self, number=signal.SIGTERM):
        """The exit status."""
        if self.log.closed:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(TIMEOUT)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.ended_with = self.errors()
            self.log.close()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1" if self.host == "localhost" else self.host, self.port,
                                          timeout=TIMEOUT)

    def ask(self, method, path, body=None, type=None, headers=None, connection=None):
        """Parameters of the path are its author's to escape."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body, type = json.dumps(body), "application/json"
        if body is not None:
            headers.setdefault("Content-Type", type or "application/octet-stream")
        with contextlib.closing(connection or self.connect()) as c:
            c.request(method, path, body, headers)
            return Answer(c.getresponse())

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def models(self):
        return {model["file"]: model for model in self.get("/api/models").json["models"]}

    def wait_for(self, file, condition):
        """The model of the file once the condition holds on it."""
        found = []
        def holds():
            model = self.models().get(file)
            found[:] = [model]
            return model is not None and condition(model)
        harness.wait_until(holds)
        return found[0]

    def id(self, file):
        return self.wait_for(file, lambda model: True)["id"]

    def infer(self, file, picture=None, body=None, **parameters):
        query = {"model": self.id(file), **({"picture": picture} if picture else {}), **parameters}
        return self.ask("POST", "/api/infer?" + urllib.parse.urlencode(query), body)

    def raw(self, data):
        """What comes back for these bytes until the server closes the connection, which may be before it has taken
        them all."""
        with socket.create_connection((self.host, self.port), timeout=TIMEOUT) as s:
            got = b""
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
            with contextlib.suppress(ConnectionError):
                while part := s.recv(65536):
                    got += part
            return got


class Events:
    """A stream of events, read on a thread."""

    def __init__(self, server, last=None):
        self.connection = server.connect()
        self.connection.request("GET", "/api/events", headers={"Last-Event-ID": last} if last else {})
        self.response = self.connection.getresponse()
        self.events, self.ended = [], False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        event = {}
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self.response.readline():
                key, colon, value = line.decode().rstrip("\n").partition(": ")
                if colon:
                    event[key] = value
                elif event:
                    self.events.append((event["event"], json.loads(event["data"]), event["id"]))
                    event = {}
        self.ended = True

    def wait(self, kind, condition=lambda data: True):
        found = []
        def seen():
            found[:] = [data for name, data, _ in list(self.events) if name == kind and condition(data)]
            return bool(found)
        harness.wait_until(seen)
        return found[0]

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self.response.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # ends what the thread waits for
        self.thread.join(10)
        self.response.close()
        self.connection.close()


def age(*paths):
    """Makes files look as if they had rested for long."""
    for path in paths:
        old = time.time() - 3600
        os.utime(path, (old, old))


def judge(values, told):
    """Score, verdict and reached as docs/viewer-api.md says that a page finds them."""
    import numpy as np  # here, since the environment of the page's tests has none
    how, high, low = told["scoring"], told["threshold"], told["threshold_low"]
    if how["type"] == "area":
        score = float(np.count_nonzero(values >= np.float32(how["threshold"])))
    else:
        count = max(1, int(how["percent"] / 100 * values.size)) if how["type"] == "top_mean" else 1
        score = float(np.float32(np.sort(values.ravel())[::-1][:count].astype(np.float64).sum() / count))
        high, low = float(np.float32(high)), float(np.float32(low))
    verdict = "NG" if score >= high else "unsure" if score >= low else "OK"
    reached = {"NG": high, "unsure": low, "OK": None}[verdict]
    if reached is not None and how["type"] == "area":
        reached = how["threshold"]
    return score, verdict, reached and float(np.float32(reached))


class ViewTest(harness.HayaTest):
    """The class's models in a folder, and one server on it and a folder of pictures, for all tests of the class."""

    models = {f"class{seed}.pb": ["--width", "4", "--levels", "3", "--size", "32x32", "--seed", str(seed)]
              for seed in (1, 2)}
    arguments = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.shared / "data"
        cls.data.mkdir()
        cls.fill(cls.data)
        cls.server = Server(cls.shared, "--data", cls.data, *cls.arguments)
        cls.addClassCleanup(cls.end_server)

    @classmethod
    def end_server(cls):
        status = cls.server.end()
        assert status == 0, f"exit status {status}: {cls.server.errors()}"

    @classmethod
    def fill(cls, data):
        """Puts pictures there."""

    def check(self, answer, status=200):
        self.assertEqual(answer.status, status, answer.body[:500])
        return answer

    def check_refused(self, answer, status, says):
        """An error of one plain sentence."""
        self.assertEqual(answer.status, status, answer.body[:500])
        self.assertEqual(set(answer.json["error"]), {"status", "message", "node"})
        self.assertIn(says, answer.sentence)
        self.assertNotIn("\n", answer.sentence)
