# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share. The programs are named by the environment: HAYA and MAKE_UNET."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest


SLOWER = float(os.environ.get("HAYA_TEST_SLOWER", "1"))  # under sanitizers everything takes longer


def program(variable):
    path = os.environ.get(variable)
    if not path:
        raise SystemExit(f"the environment variable {variable} must name the program to test")
    return os.path.abspath(path)


def has_sanitizer(name):
    """Whether the command was built with it: "asan" or "tsan"."""
    return f"__{name}_init".encode() in pathlib.Path(program("HAYA")).read_bytes()


def run(arguments, **options):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, timeout=600 * SLOWER,
                          **options)


def haya(*arguments, **options):
    return run([program("HAYA"), *arguments], **options)


def make_unet(*arguments):
    return run([program("MAKE_UNET"), *arguments])


def wait_until(condition, seconds=120):
    """What takes longer than a moment, since the machine stood still or is slow, counts as a moment."""
    waited, last = 0, time.monotonic()
    while not condition():
        if waited > seconds * SLOWER:
            raise AssertionError(f"did not happen within {seconds * SLOWER:.0f} s")
        time.sleep(0.002)
        now = time.monotonic()
        waited += min(now - last, 0.1)
        last = now


class HayaTest(unittest.TestCase):
    """Each test has a directory of its own; the models are made once for the class."""

    models = {}

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.shared = pathlib.Path(directory.name)
        for name, arguments in cls.models.items():
            result = make_unet(*arguments, cls.shared / name)
            assert result.returncode == 0, result.stderr

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def succeed(self, *arguments):
        result = haya(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def succeed_json(self, *arguments):
        return json.loads(self.succeed(*arguments, "--json"))

    def refuse(self, status, *arguments, says=()):
        """One sentence on stderr, and stdout empty, or with --json the error object."""
        result = haya(*arguments)
        sentence = result.stderr.decode()
        self.assertEqual(result.returncode, status, sentence)
        self.assertRegex(sentence, r"\Ahaya: [^\n]+\n\Z")
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, sentence)
        if "--json" in arguments:
            error = json.loads(result.stdout)["error"]
            self.assertEqual(set(error), {"status", "message", "node"})
            self.assertEqual(f"haya: {error['message']}\n", sentence)
            return error
        self.assertEqual(result.stdout, b"")
        return sentence
