# SPDX-License-Identifier: Apache-2.0
"""Who may ask, what can be read, and how much."""

import contextlib
import http.client
import os
import socket
import struct
import unittest
import urllib.parse

import viewing  # which makes the command's tests importable
import harness
import numpy as np
from test_pictures import png


def grey(seed):
    return np.random.default_rng(seed).integers(0, 256, (32, 32))


class Hosts(viewing.ViewTest):
    arguments = ("--allow-host", "viewer.example", "--allow-host", "proxy.example:443")

    def ask_as(self, host=None, path="/api/models", method="GET", body=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if host:
            headers["Host"] = host
        return self.server.ask(method, path, body, headers=headers)

    def test_other_names_of_this_address_are_refused(self):
        port = self.server.port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"viewer.example:{port}",
                     f"LocalHost:{port}", "proxy.example:443"):
            self.check(self.ask_as(host))
        for host in ("evil.example", f"evil.example:{port}", "localhost", f"localhost:{port + 1}", "127.0.0.1:80",
                     f"127.0.0.1.evil.example:{port}", f"localhost:{port}.evil", f"evil@localhost:{port}",
                     "proxy.example",
                     f"[::1:{port}", ":", f"localhost.:{port}"):
            for path in ("/api/models", "/"):
                with self.subTest(host=host, path=path):
                    self.check_refused(self.ask_as(host, path), 403, "Host is not this server")
        self.assertIn(b"400", self.server.raw(b"GET /api/models HTTP/1.1\r\n\r\n")[:20])

    def test_requests_of_other_pages_are_refused(self):
        own = f"http://127.0.0.1:{self.server.port}"
        id = self.server.id("class1.pb")
        for origin in ("http://evil.example", f"http://localhost:{self.server.port}", "null", own + "1",
                       own + ".evil", "https://proxy.example:443", ""):
            for method, path, body in (("GET", "/api/models", None),
                                       ("POST", f"/api/infer?model={id}", png(grey(1))),
                                       ("POST", "/api/prepare", None)):
                self.check_refused(self.ask_as(None, path, method, body, Origin=origin), 403, "by its Origin")
        self.check(self.ask_as(None, f"/api/infer?model={id}", "POST", png(grey(1)), Origin=own))
        for site in ("cross-site", "same-site"):
            for path in ("/api/models", f"/api/data/thumbnail?path=data/x.png", "/viewer.js"):
                self.check_refused(self.ask_as(None, path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors"), 403,
                                   "by its Sec-Fetch-Site")
            self.check_refused(self.ask_as(None, "/api/models", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate"),
                               403,
                               "by its Sec-Fetch-Site")
            self.check(self.ask_as(None, "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate"))  # a link to the page
        for site in ("same-origin", "none"):
            self.check(self.ask_as(Sec_Fetch_Site=site))

    def test_answers_are_for_this_page_alone(self):
        answer = self.ask_as()
        self.assertEqual(answer.headers["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
        self.assertEqual(self.server.ask("OPTIONS", "/api/models").status, 405)


class Tokens(harness.HayaTest):
    models = {"class1.pb": viewing.ViewTest.models["class1.pb"]}

    def start(self, *arguments):
        server = viewing.Server(self.shared, *arguments)
        self.addCleanup(server.end)
        return server

    def test_beyond_loopback_a_token_is_needed(self):
        server = self.start("--listen", "0.0.0.0")
        self.assertRegex(server.token, r"\A[0-9a-f]{32}\Z")
        self.assertNotIn(server.token, server.errors())
        wrong = "0" * 32
        for path in ("/", "/api/models", "/viewer.js", f"/?token={wrong}", f"/api/models?token={server.token}"):
            answer = server.get(path)
            self.assertEqual(answer.status, 401, path)
            self.assertIn("token is needed", answer.sentence)
            self.assertNotIn(server.token.encode(), answer.body)
        for value in (wrong, "", server.token[:-1], server.token + "0"):
            for headers in ({"Authorization": f"Bearer {value}"}, {"Cookie": f"haya_{server.port}={value}"}):
                self.assertEqual(server.get("/api/models", headers=headers).status, 401)
        self.assertEqual(server.get("/api/models", headers={"Authorization": f"Bearer {server.token}"}).status, 200)
        greeting = server.get(f"/?token={server.token}")
        self.assertEqual((greeting.status, greeting.headers["Location"]), (303, "/"))
        cookie, *attributes = greeting.headers["Set-Cookie"].split("; ")
        self.assertEqual(set(attributes), {"Path=/", "HttpOnly", "SameSite=Strict"})
        for header in (cookie, f"other=1; {cookie}; more=2"):
            self.assertEqual(server.get("/", headers={"Cookie": header}).status, 200)
        foreign = {"Cookie": cookie, "Origin": "http://evil.example"}
        self.assertEqual(server.ask("POST", "/api/prepare", headers=foreign).status, 403)

    def test_who_wants_none_is_warned(self):
        server = self.start("--listen", "0.0.0.0", "--no-auth")
        self.assertIsNone(server.token)
        self.assertEqual(server.get("/api/models").status, 200)
        harness.wait_until(lambda: "whoever reaches this address" in server.errors())
        self.assertIsNone(self.start("--listen", "127.0.0.1").token)


class Paths(viewing.ViewTest):
    """Nothing but what lies in the folders that were named."""

    @classmethod
    def fill(cls, data):
        (cls.shared / "secret.png").write_bytes(png(grey(1)))
        (data / "open.png").write_bytes(png(grey(2)))
        (data / "sub").mkdir()
        (data / "sub" / "deep ä&?.png").write_bytes(png(grey(3)))
        (data / "notes.txt").write_text("not for everybody")
        (data / ".hidden.png").write_bytes(png(grey(4)))
        (data / "inside.png").symlink_to("sub/deep ä&?.png")
        (data / "out.png").symlink_to("../secret.png")
        (data / "absolute.png").symlink_to(cls.shared / "secret.png")
        (data / "out").symlink_to("..")
        (data / "loop").symlink_to("loop")
        (data / "passwd.png").symlink_to("/proc/self/environ")
        os.mkfifo(data / "fifo.png")

    def test_what_leads_out_is_refused(self):
        id = self.server.id("class1.pb")
        for path in ("data/../secret.png", "data/sub/../../secret.png", "data/out.png", "data/absolute.png",
                     "data/out/secret.png", "data/passwd.png", "data/loop/x.png", "data//../secret.png",
                     "data/./../secret.png"):
            query = urllib.parse.quote(path)
            for route in ("picture", "thumbnail", "mask"):
                answer = self.server.get(f"/api/data/{route}?path={query}")
                self.check_refused(answer, 403, "leads out of the folder")
            self.check_refused(self.server.ask("POST", f"/api/infer?model={id}&picture={query}"), 403, "leads out")
        for path in ("/etc/passwd.png", "../secret.png", "secret.png", "data2/open.png", "", "/", "..", "dat"):
            answer = self.server.get(f"/api/data/picture?path={urllib.parse.quote(path)}")
            self.assertIn(answer.status, (400, 404), path)
        for path in ("data/..", "data/out", "data/sub/../.."):
            self.check_refused(self.server.get(f"/api/data?path={path}"), 403, "leads out")
        for path in ("/../secret.png", "/%2e%2e/secret.png", "/..%2fsecret.png", "/web/index.html", "//etc/passwd"):
            self.assertEqual(self.server.get(path).status, 404, path)

    def test_what_is_no_picture_is_not_read(self):
        for path in ("data/notes.txt", "data/sub", "data/fifo.png"):
            self.assertEqual(self.server.get(f"/api/data/picture?path={path}").status, 404)
        listed = self.server.get("/api/data?path=data").json
        self.assertEqual([item["name"] for item in listed["pictures"]], ["inside.png", "open.png"])
        self.assertEqual([item["name"] for item in listed["folders"]], ["sub"])

    def test_names_of_any_kind_work(self):
        (item,) = self.server.get("/api/data?path=data/sub").json["pictures"]
        self.assertEqual(item["name"], "deep ä&?.png")
        query = urllib.parse.quote(item["path"])
        self.assertEqual(self.check(self.server.get(f"/api/data/picture?path={query}")).body, png(grey(3)))
        result = self.check(self.server.infer("class1.pb", item["path"])).json
        self.assertEqual(self.check(self.server.get(result["picture"]["url"])).body, png(grey(3)))
        self.check(self.server.get("/api/data/picture?path=data/inside.png"))


class Limits(viewing.ViewTest):
    models = {**viewing.ViewTest.models,
              "slow.pb": ["--width", "16", "--levels", "4", "--size", "256x256"],
              "large.pb": ["--width", "16", "--levels", "4", "--size", "640x640"]}
    arguments = ("--threads", "1")  # so that a client need not be quick, however many processors there are

    def test_bodies_that_are_too_large_are_refused(self):
        for method, path, type, limit in (("POST", "/api/prepare", "application/json", 65536),
                                          ("POST", "/api/pictures", "image/png", 64 << 20),
                                          ("GET", "/api/models", "image/png", 0)):
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.server.port}\r\nContent-Type: {type}\r\n"
            head += "Connection: close\r\n"
            got = self.server.raw((head + f"Content-Length: {limit + 1}\r\n\r\n").encode())
            self.assertIn(b" 413 ", got[:20], path)
            self.assertIn(b"at most", got)
            if limit:
                block = b"10000\r\n" + bytes(65536) + b"\r\n"
                blocks = block * (limit // 65536 + 1) + b"0\r\n\r\n"
                got = self.server.raw((head + "Transfer-Encoding: chunked\r\n\r\n").encode() + blocks)
                self.assertIn(b" 413 ", got[:20], path)
        for length in ("99999999999999999999999", "-1", "1x"):
            head = f"POST /api/prepare HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            self.assertRegex(self.server.raw(head.encode())[:16], rb"\AHTTP/1.1 4")
        self.check(self.server.get("/api/models"))

    def test_headers_that_are_too_large_are_refused(self):
        head = f"GET /api/models HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n"
        self.assertIn(b"431", self.server.raw((head + f"X: {'x' * 40000}\r\n\r\n").encode())[:20])
        self.assertRegex(self.server.raw(f"GET /{'x' * 40000} HTTP/1.1\r\n\r\n".encode())[:20], rb"41[34]|431")
        for size, status in ((15000, b"200"), (17000, b"431")):
            request = f"{head}X: {'x' * size}\r\nConnection: close\r\n\r\n"
            self.assertIn(status, self.server.raw(request.encode())[:20])
        lines = "".join(f"X-{i}: x\r\n" for i in range(10000))
        self.assertRegex(self.server.raw((head + lines + "\r\n").encode())[:20], rb"413|431|\A\Z")
        self.check(self.server.get("/api/models"))

    def test_garbage_does_no_harm(self):
        random = np.random.default_rng(1)
        id = self.server.id("class1.pb")
        whole = (f"POST /api/infer?model={id} HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n"
                 "Content-Type: image/png\r\nContent-Length: 100\r\n\r\n").encode() + bytes(100)
        for i in range(60):
            data = bytearray(whole)
            for at in random.integers(0, len(whole), 1 + i % 8):
                data[at] = random.integers(0, 256)
            with socket.create_connection((self.server.host, self.server.port), timeout=viewing.TIMEOUT) as s:
                s.sendall(bytes(data[:random.integers(1, len(data))] if i % 3 == 0 else data))
        for data in (b"\0" * 1000, b"\r\n" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"\x16\x03\x01\x02\x00"):
            with socket.create_connection((self.server.host, self.server.port), timeout=viewing.TIMEOUT) as s:
                s.sendall(data)
        self.check(self.server.get("/api/models"))
        self.check(self.server.infer("class1.pb", body=png(grey(1))))

    def test_event_streams_are_limited(self):
        streams = []
        try:
            for _ in range(32):
                streams.append(viewing.Events(self.server))
            self.assertEqual({stream.response.status for stream in streams}, {200})
            answer = self.server.get("/api/events")
            self.check_refused(answer, 503, "too many event streams")
            self.assertEqual(answer.headers["Retry-After"], "10")
        finally:
            for stream in streams:
                stream.close()
        harness.wait_until(self.stream_is_free, 5)  # which is before the next event would be sent to them

    def stream_is_free(self):
        stream = viewing.Events(self.server)
        status = stream.response.status
        stream.close()
        return status == 200

    @contextlib.contextmanager
    def busy(self, clients=24):
        """The queue is long meanwhile: these want many results of the large model, one of each in turn. What each was
        answered is in the list afterwards."""
        ids, statuses = ",".join([self.server.id("large.pb")] * 300), []
        connections = [self.server.connect() for _ in range(clients)]
        for connection in connections:
            connection.request("POST", f"/api/infer-all?models={ids}&request=busy", png(grey(1)),
                               {"Content-Type": "image/png"})
        last = connections.pop()
        responses = [last.getresponse()]  # has begun, or was refused; so are those before it, or very soon
        yield statuses
        self.check(self.server.ask("DELETE", "/api/requests/busy"))
        responses += [connection.getresponse() for connection in connections]
        statuses += [viewing.Answer(response).status for response in responses]
        for connection in (*connections, last):
            connection.close()

    def send_slow(self, count, **parameters):
        """Requests for the slow model, each on a connection of its own; not the answers."""
        query = urllib.parse.urlencode({"model": self.server.id("slow.pb"), **parameters})
        connections = [self.server.connect() for _ in range(count)]
        for connection in connections:
            connection.request("POST", f"/api/infer?{query}", png(grey(1)), {"Content-Type": "image/png"})
        return connections

    def statuses(self, connections):
        answers = [connection.getresponse().status for connection in connections]
        for connection in connections:
            connection.close()
        return answers

    def test_a_full_queue_says_when_to_come_back(self):
        body = png(grey(1))
        with self.busy(80) as statuses:
            harness.wait_until(lambda: self.server.infer("slow.pb", body=body).status == 503)
            for _ in range(5):
                answer = self.server.infer("slow.pb", body=body)
                self.check_refused(answer, 503, "too many requests")
                self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertEqual(set(statuses) - {409}, {200, 503})  # 409: cancelled before it had begun
        self.assertGreaterEqual(len(statuses) - statuses.count(503), 64)
        self.check(self.server.infer("slow.pb", body=body))

    def test_what_waits_can_be_cancelled(self):
        cancelled = []
        def all_are_cancelled():
            answer = self.server.ask("DELETE", "/api/requests/job-1")
            self.assertIn(answer.status, (200, 404))
            cancelled.append(answer.json["cancelled"] if answer.status == 200 else 0)
            return sum(cancelled) == 15
        with self.busy():
            kept, dropped = self.send_slow(15, request="job-0"), self.send_slow(15, request="job-1")
            harness.wait_until(all_are_cancelled)
        self.assertEqual(set(self.statuses(kept)), {200})
        self.assertEqual(set(self.statuses(dropped)), {409})
        self.check_refused(self.server.ask("DELETE", "/api/requests/job-1"), 404, "no request of the name")

    def test_a_client_that_goes_away_cancels_what_it_waited_for(self):
        before = self.server.wait_for("slow.pb", lambda model: True)["times"]["runs"]
        with self.busy():
            for connection in self.send_slow(40):
                connection.close()
        self.check(self.server.infer("slow.pb", body=png(grey(1))))
        self.assertEqual(self.server.models()["slow.pb"]["times"]["runs"] - before, 1)

    def test_an_infer_all_is_cancelled_in_its_middle(self):
        ids = ",".join([self.server.id("large.pb")] * 200)
        connection = self.server.connect()
        connection.request("POST", f"/api/infer-all?models={ids}&request=many", png(grey(1)),
                           {"Content-Type": "image/png"})
        response = connection.getresponse()
        lines = [response.readline(), response.readline()]
        self.assertEqual(self.server.ask("DELETE", "/api/requests/many").status, 200)
        lines += response.read().splitlines()
        connection.close()
        end = viewing.json.loads(lines[-1])
        self.assertTrue(end["cancelled"])
        self.assertLess(end["results"], 150)
        self.assertEqual(len(lines), end["results"] + 2)

    def test_more_connections_than_allowed_wait_or_are_closed(self):
        held = []
        try:
            for _ in range(300):
                held.append(socket.create_connection((self.server.host, self.server.port), timeout=5))
        except OSError:
            pass
        finally:
            for s in held:
                s.close()
        harness.wait_until(self.models_are_told)

    def models_are_told(self):
        try:
            return self.server.get("/api/models").status == 200
        except (OSError, http.client.HTTPException):  # closed, as long as those before are not
            return False


class Damage(viewing.ViewTest):
    """Fuzzing of pictures through the whole server: each answer is a result or a sentence."""

    def test_damaged_pictures_never_end_it(self):
        random, folder = np.random.default_rng(7), viewing.ROOT / "tests/pictures/data"
        files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg", ".tif", ".bmp"))
        connection = self.server.connect()
        self.addCleanup(connection.close)
        id = self.server.id("class1.pb")
        for i in range(200):
            data = bytearray(files[i % len(files)].read_bytes())
            for at in random.integers(0, len(data), 1 + i % 5):
                data[at] = random.integers(0, 256)
            data = bytes(data[:random.integers(1, len(data))] if i % 4 == 0 else data)
            connection.request("POST", f"/api/infer?model={id}", data, {"Content-Type": "image/png"})
            answer = viewing.Answer(connection.getresponse())
            self.assertIn(answer.status, (200, 413, 415, 422))
            if answer.status != 200:
                self.assertGreater(len(answer.sentence), 10)

    def test_a_png_that_claims_much_takes_no_memory(self):
        header = struct.pack(">2I5B", 16000, 16000, 16, 6, 0, 0, 0)
        whole = png(grey(1))
        content = whole[:16] + header + whole[29:]
        before = self.server.get("/api/memory").json["process"]["peak_bytes"]
        answer = self.server.infer("class1.pb", body=content)
        self.assertIn(answer.status, (413, 422))
        self.assertLess(self.server.get("/api/memory").json["process"]["peak_bytes"] - before, 64 << 20)


if __name__ == "__main__":
    unittest.main()
