# SPDX-License-Identifier: Apache-2.0
"""The viewer's page, used as people use it."""

import json
import re
import unittest

from browsing import DEMO, PageTest, expect, single
from viewing import Server, harness

BRICK = "pictures/brick/test/patch/000.png"
FABRIC = "pictures/fabric/test/spot/000.png"
SCRATCH = "pictures/fabric/test/scratch/000.png"
GOOD = "pictures/fabric/test/good/000.png"


class Looking(PageTest):
    def setUp(self):
        super().setUp()
        self.page.locator("#auto").uncheck()

    def test_it_opens_with_the_pictures_and_models_that_there_are(self):
        expect(self.page.locator(".model")).to_have_count(7)
        expect(self.page.locator("#picture-count")).to_have_text("36")
        expect(self.page.locator(".folder")).to_have_text(["brick", "fabric", "grid", "leather", "metal", "wood"])
        expect(self.model("class3").locator(".state")).to_have_text("ready")
        expect(self.page.locator(".structure .id")).to_have_count(2)

    def test_numbers_are_the_servers_to_the_bit(self):
        result = self.infer("class1", FABRIC)
        judged = result["classes"][0]
        expect(self.page.locator("#regions tbody tr")).to_have_count(judged["region_count"])
        self.assertEqual(self.numbers(".threshold .score"), [judged["score"]])
        self.assertEqual(self.numbers("#regions .area"), [one["area"] for one in judged["regions"]])
        self.assertEqual([single(value) for value in self.numbers("#regions .peak")],
                         [single(one["peak"]["value"]) for one in judged["regions"]])
        boxes = self.page.locator("#regions .box").evaluate_all("all => all.map(one => one.value)")
        self.assertEqual(boxes, [" ".join(map(str, one["box"])) for one in judged["regions"]])
        self.server.wait_for("class1.pb", lambda model: model["times"]["last_ms"] == result["times"]["run_ms"])
        times = self.server.models()["class1.pb"]["times"]

        def shown():
            found = self.page.locator(".figures-list data").evaluate_all(
                "all => all.map(one => [one.dataset.key, one.value])")
            return {key: float(value or "nan") for key, value in found if key in times}

        harness.wait_until(lambda: shown() == times)  # an event tells

    def test_the_value_under_the_pointer_is_the_maps(self):
        result = self.infer("class1", FABRIC)
        peak = result["classes"][0]["regions"][0]["peak"]
        values = self.server.get(result["classes"][0]["map"]["url"]).body
        box = self.page.locator('.pane[data-name="heat"] canvas').bounding_box()
        side = min(box["width"], box["height"]) / 256
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.move(middle[0] + (peak["x"] + .5 - 128) * side, middle[1] + (peak["y"] + .5 - 128) * side)
        expect(self.page.locator(".under .place")).to_have_text(f"x {peak['x']}  y {peak['y']}")
        (shown,) = self.numbers(".under .map-value")
        self.assertEqual(single(shown), values[4 * (256 * peak["y"] + peak["x"]):][:4])

    def test_pictures_are_judged_as_one_steps_through_them(self):
        self.page.locator("#auto").check()
        self.model("class1").locator(".pick").click()
        self.page.locator(".folder", has_text="fabric").click()
        expect(self.page.locator("#picture-count")).to_have_text("6")
        self.page.locator("#list").focus()
        for judged in range(1, 7):
            expect(self.page.locator(".badge:not(.none)")).to_have_count(judged)
            self.page.keyboard.press("ArrowRight")
        expect(self.page.locator(".badge.NG")).to_have_count(4)
        self.page.locator("#filter-verdict").select_option("OK")
        expect(self.page.locator(".cell .name")).to_have_text(["good/000", "good/001"])
        self.page.locator("#filter-verdict").select_option("")
        self.page.locator("#filter-class").select_option(label="scratch")
        expect(self.page.locator("#picture-count")).to_have_text("1 of 6")

    def test_a_dropped_picture_is_inferred(self):
        self.page.locator("#auto").check()
        data = (DEMO / "pictures/brick/test/patch/000.png").read_bytes()
        with self.page.expect_response(lambda response: "picture=%40" in response.url) as answer:
            self.page.evaluate("""bytes => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], "part.png", {type: "image/png"}));
                for (const kind of ["dragenter", "dragover", "drop"]) {
                    document.body.dispatchEvent(new DragEvent(kind,
                        {dataTransfer: transfer, bubbles: true, cancelable: true}));
                }
            }""", list(data))
        result = answer.value.json()
        self.assertEqual(result["picture"]["name"], "part.png")
        self.assertTrue(result["picture"]["ref"].startswith("@"))
        expect(self.page.locator("#verdict .of")).to_have_text("part.png")
        words = {"OK": "OK", "unsure": "Unsure", "NG": "NG"}
        expect(self.page.locator("#verdict .tag")).to_contain_text(words[result["verdict"]])
        expect(self.page.locator("#drop")).to_be_hidden()

    def test_what_is_no_picture_is_refused_in_a_sentence(self):
        self.page.locator("#files").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
        expect(self.page.locator(".alert")).to_contain_text("There is no picture")

    def test_all_models_look_at_one_picture(self):
        self.pick(BRICK)
        self.page.locator("#infer-all").click()
        expect(self.page.locator(".chip")).to_have_count(12)
        lines = self.server.ask("POST", "/api/infer-all?picture=" + BRICK).lines
        scores = [one["score"] for line in lines if line["type"] == "result" for one in line["classes"]]
        expect(self.page.locator(".chip .score")).to_have_count(12)
        self.assertEqual(self.numbers(".chip .score"), scores)
        self.page.locator(".chip").nth(5).click()
        expect(self.page.locator('.pane[data-name="heat"] .pane-name')).to_contain_text("all 6")

    def test_a_switch_of_models_is_told_from_other_runs(self):
        self.infer("class1", FABRIC)
        self.infer("class2", FABRIC)
        self.assertTrue(self.infer("class3", FABRIC)["switched"])
        self.assertFalse(self.infer("class3", FABRIC)["switched"])
        expect(self.page.locator("#latency svg[role=img] .prepared")).not_to_have_count(0)
        switched = self.page.locator("#latency svg[role=img] .switched").count()
        self.assertGreaterEqual(switched, 2)

    def test_regions_are_found_from_the_list_and_from_the_picture(self):
        self.infer("class1", FABRIC)
        row = self.page.locator("#regions tbody tr").first
        row.hover()
        expect(row).to_have_class(re.compile("pointed"))
        whole = self.page.locator("#zoom").inner_text()
        row.click()
        expect(self.page.locator("#zoom")).not_to_have_text(whole)
        self.page.keyboard.press("0")
        expect(self.page.locator("#zoom")).to_have_text(whole)


class Thresholds(PageTest):
    def classes(self):
        return self.server.models()["class1.pb"]["classes"][0]

    def drag(self, slider, to):
        """Without letting go."""
        box = slider.bounding_box()
        inner = box["width"] - 14
        x = lambda value: box["x"] + 7 + inner * value
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(x(float(slider.input_value())), y)
        self.page.mouse.down()
        self.page.mouse.move(x(to), y, steps=8)

    def test_a_dragged_threshold_judges_at_once_and_is_saved_at_rest_and_undone(self):
        self.page.locator("#auto").uncheck()
        self.infer("class1", SCRATCH)
        expect(self.page.locator("#verdict .tag")).to_contain_text("NG")
        before = self.classes()
        puts = []
        self.page.on("request", lambda request: request.url.endswith("/settings") and puts.append(request.url))
        self.drag(self.page.locator(".track .high"), 1.0)
        expect(self.page.locator("#verdict .tag")).to_contain_text("Unsure")
        self.assertEqual(puts, [])
        self.assertEqual(self.classes(), before)
        self.page.mouse.up()
        harness.wait_until(lambda: self.classes()["threshold"] == 1.0)
        settings = json.loads((self.shared / "class1.json").read_text())
        self.assertIn("1.0", json.dumps(settings))
        expect(self.page.locator(".detail .head button")).to_be_enabled()   # while this asks, its events come in
        self.page.wait_for_timeout(100)
        self.assertEqual(len(puts), 1)
        result = self.infer("class1", SCRATCH)
        self.assertEqual(result["verdict"], "unsure")
        expect(self.page.locator("#regions tbody tr")).to_have_count(result["classes"][0]["region_count"])
        self.assertEqual(self.numbers("#regions .area"), [one["area"] for one in result["classes"][0]["regions"]])
        undo = self.server.models()["class1.pb"]["settings"]["undo"]
        expect(self.page.locator(".detail .head button")).to_have_text(f"Undo ({undo})")
        self.page.locator(".detail .head button").click()
        expect(self.page.locator("#verdict .tag")).to_contain_text("NG")
        self.assertEqual(self.classes(), before)
        self.assertEqual(self.server.models()["class1.pb"]["settings"]["undo"], undo - 1)

    def test_regions_while_dragging_are_those_of_the_server_at_that_threshold(self):
        self.page.locator("#auto").uncheck()
        for value in (0.05, 0.35, 0.95):
            self.infer("class1", FABRIC)
            field = self.page.locator(".who .high")
            field.fill(str(value))
            field.press("Tab")
            harness.wait_until(lambda: self.classes()["threshold"] == value)
            expect(self.page.locator("#regions .area").first).to_be_visible()
            shown = [(area, single(peak)) for area, peak in
                     zip(self.numbers("#regions .area"), self.numbers("#regions .peak"))]
            regions = self.infer("class1", FABRIC)["classes"][0]["regions"]
            self.assertEqual(shown, [(one["area"], single(one["peak"]["value"])) for one in regions])


class Cold(PageTest):
    arguments = ("--no-prepare",)

    def test_a_cold_model_is_prepared_or_inferred_with(self):
        self.page.locator("#auto").uncheck()
        self.assertEqual(self.model("class2").get_attribute("data-state"), "cold")
        self.model("class2").locator(".prepare").click()
        expect(self.model("class2").locator(".state")).to_have_text("ready")
        self.assertFalse(self.infer("class2", GOOD)["first_run"])
        self.assertTrue(self.infer("class4", GOOD)["first_run"])
        expect(self.page.locator("#latency svg[role=img] .cold", has_text="class4")).to_have_count(1)
        self.page.locator("#prepare-all").click()
        expect(self.page.locator('.model[data-state="ready"]')).to_have_count(7)
        expect(self.page.locator("#prepare-all")).to_be_disabled()


class Looks(PageTest):
    def test_both_languages_at_once(self):
        expect(self.page.locator("#infer-all")).to_have_text("Infer all")
        self.page.keyboard.press("l")
        expect(self.page.locator("#infer-all")).to_have_text("全モデル推論")
        expect(self.page.locator("html")).to_have_attribute("lang", "ja")
        self.page.reload()
        expect(self.page.locator("#infer-all")).to_have_text("全モデル推論")
        japanese = self.open(locale="ja-JP")
        expect(japanese.locator("#models-title")).to_have_text("モデル")

    def test_every_text_is_there_in_both_languages(self):
        tables = self.page.evaluate("""async () => {
            const {en} = await import("/js/en.js"), {ja} = await import("/js/ja.js");
            const names = text => typeof text === "function" ? null
                : [...text.matchAll(/\\{\\w+\\}/g)].map(String).sort();
            return [en, ja].map(table => Object.fromEntries(
                Object.entries(table).map(([key, text]) => [key, names(text)])));
        }""")
        self.assertEqual(set(tables[0]), set(tables[1]))
        for key, names in tables[0].items():
            if names is not None and tables[1][key] is not None:
                self.assertEqual(names, tables[1][key], key)

    def test_nothing_is_cut_off_beyond_the_window(self):
        for width, height in ((1024, 768), (1280, 720), (1440, 900), (1920, 1080)):
            for locale in ("en-US", "ja-JP"):
                page = self.open(viewport={"width": width, "height": height}, locale=locale)
                expect(page.locator("#verdict .tag")).to_be_visible()
                wide = page.evaluate("(root => [root.scrollWidth, root.scrollHeight])(document.documentElement)")
                self.assertEqual(wide, [width, height])
                cut = page.evaluate("""() => [...document.querySelectorAll(
                        "button, .tag, th, h2, h3, .state, .threshold input")]
                    .filter(one => one.offsetParent && (one.scrollWidth > one.clientWidth + 1 ||
                        one.getBoundingClientRect().right > innerWidth + 1))
                    .filter(one => !one.closest(".pick, .hidden")).map(one => one.outerHTML)""")
                self.assertEqual(cut, [], (width, locale))
                page.context.close()

    def test_an_accessibility_checker_finds_nothing_serious(self):
        from axe_playwright_python.sync_playwright import Axe
        for scheme in ("light", "dark"):
            page = self.open(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-theme", scheme)
            expect(page.locator("#verdict .tag")).to_be_visible()
            page.wait_for_timeout(1500)
            for state in ("as it opens", "all models", "keys"):
                if state != "as it opens":
                    page.keyboard.press("a" if state == "all models" else "?")
                    if state == "all models":
                        expect(page.locator(".chip .score")).to_have_count(12)
                    else:
                        expect(page.locator("#keys")).to_be_visible()
                    page.wait_for_timeout(500)
                found = Axe().run(page).response["violations"]
                found = [(one["id"], node["html"], node["failureSummary"]) for one in found for node in one["nodes"]
                         if one["impact"] in ("serious", "critical", "moderate")]
                self.assertEqual(found, [], (scheme, state))

    def test_keys_work_and_are_listed(self):
        expect(self.page.locator("#verdict .tag")).to_be_visible()
        self.page.keyboard.press("?")
        expect(self.page.locator("#keys")).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.page.locator("#keys")).to_be_hidden()
        self.page.keyboard.press("5")
        expect(self.page.locator('.pane[data-name="truth"]')).to_be_visible()
        self.page.keyboard.press("]")
        expect(self.model("class1")).to_have_attribute("aria-current", "true")
        self.page.keyboard.press("t")
        expect(self.page.locator("html")).to_have_attribute("data-theme", "dark")
        self.page.keyboard.press("+")
        expect(self.page.locator("#zoom-out")).to_be_enabled()


class Trouble(PageTest):
    allowed = ("net::ERR", "Failed to load resource")

    def test_a_server_that_starts_again_is_found_again(self):
        self.page.locator("#auto").uncheck()
        self.infer("class1", FABRIC)
        port = str(self.server.port)
        self.server.end()
        expect(self.page.locator("#lost")).to_be_visible()
        type(self).server = Server(self.shared, "--data", self.data, "--port", port)
        expect(self.page.locator("#lost")).to_have_count(0)
        expect(self.page.locator("#log")).to_contain_text("started anew")
        self.infer("class1", FABRIC)
        expect(self.page.locator("#regions .area").first).to_be_visible()

    def test_what_the_server_refuses_is_said_as_it_says_it(self):
        self.page.locator("#auto").uncheck()
        (self.data / "odd").mkdir()
        (self.data / "odd/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
        self.page.reload()
        self.page.locator(".folder", has_text="odd").click()
        expect(self.page.locator(".alert")).to_contain_text("broken.png")

    def test_a_model_that_is_deleted_goes_and_a_broken_one_says_why(self):
        self.page.locator("#auto").uncheck()
        (self.shared / "bad.pb").write_bytes(b"\x0a\xff\xff\xff" * 40)
        expect(self.page.locator(".model .problem")).to_contain_text("bad.pb")
        expect(self.model("bad").locator(".infer")).to_be_disabled()
        (self.shared / "bad.pb").unlink()
        expect(self.model("bad")).to_have_count(0)
        self.infer("class1", FABRIC)

    def test_a_broken_picture_leaves_nothing_of_the_one_before(self):
        (self.data / "torn").mkdir()
        (self.data / "torn/a.png").write_bytes((DEMO / "pictures/brick/test/patch/000.png").read_bytes())
        (self.data / "torn/b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
        self.page.reload()
        self.page.locator(".folder", has_text="torn").click()
        expect(self.page.locator("#verdict .of")).to_have_text("pictures/torn/a.png")
        expect(self.page.locator("#regions .area").first).to_be_visible()
        self.page.keyboard.press("ArrowRight")
        expect(self.page.locator("#verdict .of")).to_have_text("pictures/torn/b.png")
        expect(self.page.locator('.pane[data-name="picture"] .message')).to_contain_text("b.png")
        expect(self.page.locator("#regions .area")).to_have_count(0)
        expect(self.page.locator("#verdict .tag")).to_have_count(0)
        expect(self.page.locator(".badge.broken")).to_have_count(1)


if __name__ == "__main__":
    unittest.main()
