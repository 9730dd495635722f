# SPDX-License-Identifier: Apache-2.0
"""The last part of `make demo`, the viewer: in a terminal until Ctrl-C, and without one.

The programs are named by the environment: HAYA and HAYA_DEMO.
"""

import contextlib
import http.client
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))

import harness  # noqa: E402

MODELS = ROOT / "demo/models"
SECONDS = 120 * harness.SLOWER
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"


class Terminal:
    """A program in a new terminal, which sends signals for keys as any other does."""

    def __init__(self, arguments, environment):
        self.process, self.master = pty.fork()
        if self.process == 0:
            try:
                os.chdir(ROOT)
                os.execvpe(arguments[0], arguments, environment)
            finally:
                os._exit(127)
        self.shown = b""
        self.status = None
        self.closing = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with contextlib.suppress(OSError):  # how Linux tells that nobody has the terminal any more
            while not self.closing:  # no read may be under way then: the terminal would stay open for it
                if select.select([self.master], [], [], 0.05)[0]:
                    self.shown += os.read(self.master, 65536)

    @property
    def text(self):
        return self.shown.decode().replace("\r\n", "\n")

    def wait_for(self, pattern):
        found = []

        def is_shown():
            found[:] = [re.search(pattern, self.text)]
            if not found[0] and not self.reader.is_alive():
                raise AssertionError(f"ended without {pattern!r}: {self.text}")
            return found[0]

        harness.wait_until(is_shown)
        return found[0]

    def press(self, key):
        os.write(self.master, key)

    def wait(self):
        """The exit status, negative for a signal, once all that was shown has been read."""
        def has_ended():
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self.status = os.waitstatus_to_exitcode(status)
            return process

        if self.status is None:
            harness.wait_until(has_ended)
            self.reader.join(SECONDS)
        return self.status

    def close(self):
        """Hangs up, as closing a window does."""
        self.closing = True
        self.reader.join()
        if self.master is not None:
            os.close(self.master)
            self.master = None

    def end(self):
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)  # all that runs in the terminal is then told that it has gone
            self.wait()
        self.close()


def stat(process):
    """From the state on."""
    return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()


def children(process):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(stat(path.name)[1]) == process:
                found.append(int(path.name))
    return found


class DemoTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.build = self.directory / "build"
        for folder, variable in (("cli/haya", "HAYA"), ("demo/haya-demo", "HAYA_DEMO")):
            (self.build / folder).parent.mkdir(parents=True)
            (self.build / folder).symlink_to(harness.program(variable))
        self.command = f"{self.build}/cli/haya view {self.build}/demo/models --data demo/pictures"
        (self.directory / "Makefile").write_text(f"demo:\n\t@tools/demo {self.build} view\n.PHONY: demo\n")
        screen = ("DISPLAY", "WAYLAND_DISPLAY")
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in screen and not name.startswith("MAKE")}

    def start(self, command=None, **environment):
        """`make demo` in a terminal, with a shell behind it."""
        command = command or f"make -f {self.directory}/Makefile demo"
        terminal = Terminal(["sh", "-c", f"sh -c 'echo process $$; exec {command}'; exit $?"],
                            {**self.environment, **environment})
        self.addCleanup(terminal.end)
        return terminal

    def address(self, terminal):
        """Host and port."""
        found = terminal.wait_for(r"\nhttp://(127\.0\.0\.1):(\d+)/\n")
        return found[1], int(found[2])

    def ask(self, address, method, path, body=None):
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=SECONDS)) as connection:
            connection.request(method, path, json.dumps(body) if body else None,
                               {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            content = response.read()
            self.assertEqual(response.status, 200, content)
            return content

    def run_without_terminal(self, *parts):
        result = subprocess.run(["tools/demo", self.build, *parts], cwd=ROOT, env=self.environment,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def models(self, address):
        return json.loads(self.ask(address, "GET", "/api/models"))["models"]

    def wait_until_closed(self, address):
        def is_closed():
            try:
                socket.create_connection(address, SECONDS).close()
            except ConnectionRefusedError:
                return True
            return False

        harness.wait_until(is_closed)


@unittest.skipUnless(shutil.which("make"), "there is no make")
class InATerminal(DemoTest):
    def test_all_models_become_ready_and_control_c_ends_it_without_an_error(self):
        terminal = self.start()
        address = self.address(terminal)
        harness.wait_until(lambda: [model["state"] for model in self.models(address)] == ["ready"] * 7)
        self.assertIn(b"<html", self.ask(address, "GET", "/"))
        self.assertIn(b'"brick"', self.ask(address, "GET", "/api/data?path=pictures"))
        terminal.press(CTRL_C)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        rest = terminal.text.partition(f":{address[1]}/\n")[2]
        self.assertEqual(rest, f"^C\nThe viewer has ended. Again: {self.command}\n")
        self.wait_until_closed(address)

    def test_pressed_twice_it_ends_too(self):
        terminal = self.start()
        address = self.address(terminal)
        terminal.press(CTRL_C)
        terminal.press(CTRL_C)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertIn("The viewer has ended.", terminal.text)
        self.wait_until_closed(address)

    def test_stopped_it_goes_on(self):
        terminal = self.start()
        address = self.address(terminal)
        viewer = children(*children(int(terminal.wait_for(r"process (\d+)\n")[1])))
        self.assertEqual(len(viewer), 1)
        for _ in range(3):
            os.kill(*viewer, signal.SIGSTOP)
            harness.wait_until(lambda: stat(*viewer)[0] != "T")
            harness.wait_until(lambda: len(self.models(address)) == 7)
        terminal.press(CTRL_C)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertIn(":%d/\n^C\nThe viewer has ended." % address[1], terminal.text)

    def test_other_shells_do_the_same(self):
        tried = [shell for shell in (["bash", "--posix"], ["busybox", "sh"]) if shutil.which(shell[0])]
        for shell in tried or self.skipTest("there is no other shell"):
            words = [*shell, "-m", "tools/demo_viewer", *self.command.replace(" view ", " ").split()]
            (self.directory / "Makefile").write_text(f"demo:\n\t@{' '.join(words)}\n.PHONY: demo\n")
            self.run_without_terminal("view")  # which makes the copies
            terminal = self.start()
            address = self.address(terminal)
            terminal.press(CTRL_Z)
            terminal.press(CTRL_C)
            self.assertEqual(terminal.wait(), 0, terminal.text)
            self.assertTrue(terminal.text.endswith(f"^C\nThe viewer has ended. Again: {self.command}\n"),
                            terminal.text)
            self.wait_until_closed(address)

    def test_nothing_of_it_stays_when_make_is_terminated_or_the_terminal_closed(self):
        def terminate(terminal):
            os.kill(int(terminal.wait_for(r"process (\d+)\n")[1]), signal.SIGTERM)

        for end in (terminate, Terminal.close, Terminal.end):
            terminal = self.start()
            address = self.address(terminal)
            end(terminal)
            terminal.wait()
            self.wait_until_closed(address)

    def test_a_port_in_use_is_gone_around_and_said(self):
        with socket.socket() as taken:
            with contextlib.suppress(OSError):  # somebody else has it: just as well
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", 8765))
                taken.listen()
            terminal = self.start()
            address = self.address(terminal)
            self.assertNotEqual(address[1], 8765)
            self.assertIn("haya: note: port 8765 is taken, another one is used\n", terminal.text)
            terminal.press(CTRL_C)
            self.assertEqual(terminal.wait(), 0, terminal.text)

    def test_a_browser_is_given_the_address_and_lives_on(self):
        opened = self.directory / "opened"
        browser = self.directory / "xdg-open"
        browser.write_text(f'#!/bin/sh\necho "$$ $1" >{opened}.part\nmv {opened}.part {opened}\nexec sleep 600\n')
        browser.chmod(0o755)
        for command in (None, f"{harness.program('HAYA')} view demo/models"):
            terminal = self.start(command, PATH=f"{self.directory}:{os.environ['PATH']}", DISPLAY=":0")
            host, port = self.address(terminal)
            harness.wait_until(opened.exists)
            process, url = opened.read_text().split()
            self.addCleanup(os.kill, int(process), signal.SIGKILL)
            self.assertEqual(url, f"http://{host}:{port}/")
            terminal.press(CTRL_C)
            terminal.wait()
            self.assertIn("sleep", pathlib.Path(f"/proc/{process}/cmdline").read_text())
            opened.unlink()

    def test_what_is_saved_stays_with_the_copies(self):
        before = {path.name: path.read_bytes() for path in MODELS.iterdir()}
        saved = {"classes": [{"threshold": 0.875, "threshold_low": 0.125}]}
        for first in (True, False):
            terminal = self.start()
            address = self.address(terminal)
            harness.wait_until(lambda: sum(bool(model["classes"]) for model in self.models(address)) == 7)
            model = next(model for model in self.models(address) if model["file"] == "class1.pb")
            if first:
                self.ask(address, "PUT", f"/api/models/{model['id']}/settings", saved)
            else:
                judged, = model["classes"]
                self.assertEqual((judged["threshold"], judged["threshold_low"]), (0.875, 0.125))
            terminal.press(CTRL_C)
            self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertEqual({path.name: path.read_bytes() for path in MODELS.iterdir()}, before)
        newer = MODELS / "class1.json"
        os.utime(self.build / "demo/models/class1.json", (0, 0))
        self.run_without_terminal("view")
        self.assertEqual((self.build / "demo/models/class1.json").read_bytes(), newer.read_bytes())

    def test_a_viewer_that_fails_is_reported(self):
        program = self.build / "cli/haya"
        program.unlink()
        program.write_text('#!/bin/sh\n[ "$2" = --help ] || exit 3\n')
        program.chmod(0o755)
        terminal = self.start()
        self.assertEqual(terminal.wait(), 2)
        self.assertIn("Error 3", terminal.text)
        self.assertNotIn("has ended", terminal.text)


class WithoutATerminal(DemoTest):
    def test_it_ends_after_the_tables_and_names_a_command_that_works(self):
        shown = self.run_without_terminal("work", "view")
        self.assertIn("\n7 models on 36 pictures of 6 classes", shown)
        last = shown.splitlines()[-1]
        self.assertEqual(last, f"To look at them in a browser: {self.command}")
        terminal = self.start(f"{self.command} --port 0")
        address = self.address(terminal)
        harness.wait_until(lambda: len(self.models(address)) == 7)
        self.assertEqual({path.name: path.read_bytes() for path in (self.build / "demo/models").iterdir()},
                         {path.name: path.read_bytes() for path in MODELS.iterdir()})

    def test_a_terminal_for_one_of_both_is_none(self):
        for redirection in ("</dev/null", "| cat"):
            terminal = self.start(f"tools/demo {self.build} view {redirection}")
            self.assertEqual(terminal.wait(), 0)
            self.assertEqual(terminal.text.partition("\n")[2], f"To look at them in a browser: {self.command}\n")

    def test_a_build_without_the_viewer_says_so(self):
        program = self.build / "cli/haya"
        program.unlink()
        program.symlink_to(shutil.which("false"))
        self.assertEqual(self.run_without_terminal("view"),
                         "There is no viewer in this build: -Dview=disabled has left it out.\n")

    def test_wrong_parts_are_refused(self):
        result = subprocess.run(["tools/demo", self.build, "wok"], cwd=ROOT, capture_output=True)
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn(b"usage: ", result.stderr)


if __name__ == "__main__":
    unittest.main()
