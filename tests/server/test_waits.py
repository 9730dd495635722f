# SPDX-License-Identifier: Apache-2.0
"""What the server does by the clock after many seconds, all of it waited for at the same time."""

import socket
import threading
import time
import unittest

import viewing  # which makes the command's tests importable
import harness

HEADER_SECONDS = BODY_SECONDS = 15


class Connection:
    """One that sends a byte now and then, or none, on a thread, until it is closed."""

    def __init__(self, server, begin, byte):
        self.socket = socket.create_connection((server.host, server.port))
        self.socket.settimeout(0.2)
        self.socket.sendall(begin)
        self.byte, self.begun, self.seconds = byte, time.monotonic(), None
        self.ending = False
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()

    def go_on(self):
        got = b""
        while not self.ending:
            try:
                self.socket.sendall(self.byte)
                part = self.socket.recv(65536)
                if not part:
                    break
                got += part
            except TimeoutError:
                pass
            except OSError:
                break
        self.seconds, self.answer = time.monotonic() - self.begun, got

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close()


class Waits(viewing.ViewTest):
    def test_slow_clients_are_cut_off_and_streams_are_kept_alive(self):
        head = f"POST /api/prepare HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n"
        whole = f"GET /api/models HTTP/1.1\r\nHost: localhost:{self.server.port}\r\n\r\n"
        body = head + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        events = viewing.Events(self.server)
        self.addCleanup(events.close)
        connections = {"header": Connection(self.server, head.encode(), b"x"),
                       "body": Connection(self.server, body.encode(), b" "),
                       "next request": Connection(self.server, whole.encode(), b"")}
        for connection in connections.values():
            self.addCleanup(connection.close)
        events.wait("heartbeat")
        harness.wait_until(lambda: all(connection.seconds for connection in connections.values()))
        for name, connection in connections.items():
            self.assertGreater(connection.seconds, min(HEADER_SECONDS, BODY_SECONDS) - 1, name)
            self.assertEqual(connection.answer[:15], b"HTTP/1.1 200 OK" if name == "next request" else b"", name)
        self.assertFalse(events.ended)


if __name__ == "__main__":
    unittest.main()
