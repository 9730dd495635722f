# SPDX-License-Identifier: Apache-2.0
"""A running `haya view` on the demo's models and pictures, and a browser that looks at it."""

import pathlib
import shutil
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))
import viewing  # noqa: E402
import harness  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

DEMO = viewing.ROOT / "demo"
COLOURS = ["#FF0000", "#FFFF00", "#0000FF", "#008000", "#FFC0CB", "#800080"]
expect.set_options(timeout=60000 * harness.SLOWER)


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise SystemExit("there is no chromium; tools/setup page installs it")


def single(value):
    """As a 32-bit number, by its bits."""
    return struct.pack("<f", value)


def grey_png(width=8, height=1):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", rows) + chunk(b"IEND", b""))


class PageTest(viewing.harness.HayaTest):
    """One server and one browser for the class; a page of its own for each test, at the end of which the console
    must be empty."""

    arguments = ()
    page_options = {}
    allowed = ()                    # parts of messages of the console that belong to the test

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for path in (DEMO / "models").glob("*.pb"):
            shutil.copy(path, cls.shared)
        cls.data = cls.shared / "pictures"
        shutil.copytree(DEMO / "pictures", cls.data)
        cls.server = viewing.Server(cls.shared, "--data", cls.data, *cls.arguments)
        cls.addClassCleanup(lambda: cls.server.end())
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        # Chromium's own sandbox does not work for root, which tests in containers run as.
        cls.browser = cls.playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)
        cls.colour_classes()

    @classmethod
    def colour_classes(cls):
        """Colours and thresholds as somebody would set them."""
        files = sorted(path.name for path in (DEMO / "models").glob("*.pb"))
        for file in files:
            cold = "--no-prepare" in cls.arguments
            model = cls.server.wait_for(file, lambda model: cold or model["state"] == "ready")
            if model["classes"]:
                count = len(model["classes"])
                colours = COLOURS if count == 6 else [COLOURS[int(model["name"][-1]) - 1]]
                cls.put(model["id"], [{"colour": colour, "threshold": 0.8, "threshold_low": 0.4}
                                      for colour in colours])

    @classmethod
    def put(cls, id, classes):
        answer = cls.server.ask("PUT", f"/api/models/{id}/settings", {"classes": classes})
        assert answer.status == 200, answer.body

    def setUp(self):
        super().setUp()
        self.messages = []
        self.page = self.open()

    def open(self, prepare=lambda page: None, **options):
        """A page of its own browser context, as somebody opens it; `prepare` sees it before it goes there."""
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US", **self.page_options, **options}
        context = self.browser.new_context(**options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.on("console", lambda message: self.messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.messages.append(f"error: {error}"))
        prepare(page)
        page.goto(self.server.address)
        expect(page.locator(".model").first).to_be_visible()
        return page

    def tearDown(self):
        left = [one for one in self.messages if not any(part in one for part in self.allowed)]
        self.assertEqual(left, [], "the console")

    # ---- What one does on the page ----

    def pick(self, name, page=None):
        """A picture by its title, and what the page then shows of it."""
        page = page or self.page
        page.locator(f'.cell[title="{name}"]').click()
        expect(page.locator("#verdict .of")).to_have_text(name)

    def model(self, name, page=None):
        page = page or self.page
        return page.locator(".model", has=page.locator(f'.pick .name:text-is("{name}")'))

    def infer(self, model, picture):
        self.pick(picture)
        with self.page.expect_response(lambda response: "/api/infer?" in response.url) as answer:
            self.model(model).locator(".infer").click()
        result = answer.value.json()
        expect(self.page.locator("#verdict .by")).to_contain_text(model)
        return result

    def numbers(self, selector):
        """The numbers that the page holds, not as it rounds them."""
        values = self.page.locator(selector).evaluate_all("all => all.map(one => one.value)")
        return [float(value) for value in values]
