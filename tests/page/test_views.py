# SPDX-License-Identifier: Apache-2.0
"""The panes and what is beneath them: linked, to the pixel, in colours on a fixed scale; and the charts."""

import struct
import unittest

from browsing import DEMO, PageTest, expect, grey_png, single
from viewing import ROOT, harness

FABRIC = "pictures/fabric/test/spot/000.png"
GOOD = "pictures/fabric/test/good/000.png"
PANES = ("picture", "heat", "mask", "overlay", "truth")

# The colours of a pane in the middle of the pixel of the canvas at x, y of its width and height.
COLOUR = """async ([name, x, y]) => {
    await new Promise(requestAnimationFrame);
    const canvas = document.querySelector(`.pane[data-name="${name}"] canvas`);
    return [...canvas.getContext("2d").getImageData(canvas.width * x, canvas.height * y, 1, 1).data].slice(0, 3);
}"""
# Whether two panes show the same.
SAME = """async ([one, other]) => {
    await new Promise(requestAnimationFrame);
    const [a, b] = [one, other].map(name => {
        const canvas = document.querySelector(`.pane[data-name="${name}"] canvas`);
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    });
    return a.length === b.length && a.every((value, i) => value === b[i]);
}"""


class Views(PageTest):
    allowed = ("willReadFrequently",)       # the tests read panes often

    def setUp(self):
        super().setUp()
        self.page.locator("#auto").uncheck()

    def colour(self, pane, x=.5, y=.5):
        return self.page.evaluate(COLOUR, [pane, x, y])

    def same(self, one, other):
        return self.page.evaluate(SAME, [one, other])

    def set_opacity(self, percent):
        self.page.locator("#opacity").evaluate("""(one, value) => {
            one.value = value;
            one.dispatchEvent(new Event("input", {bubbles: true}));
        }""", percent)

    def zoom_to(self, x, y, steps=12, pane="heat"):
        """Brings a pixel of the picture of 256 x 256 beneath the pointer and zooms in on it."""
        box = self.page.locator(f'.pane[data-name="{pane}"] canvas').bounding_box()
        side = min(box["width"], box["height"]) / 256
        at = (box["x"] + box["width"] / 2 + (x + .5 - 128) * side, box["y"] + box["height"] / 2 + (y + .5 - 128) * side)
        self.page.mouse.move(*at)
        expect(self.page.locator(".under .place")).to_have_text(f"x {x}  y {y}")
        for _ in range(steps):
            self.page.mouse.wheel(0, -300)
        expect(self.page.locator("#zoom-in")).to_be_enabled()
        return (at[0] - box["x"]) / box["width"], (at[1] - box["y"]) / box["height"]

    def test_all_panes_show_the_same_part(self):
        peak = self.infer("class1", FABRIC)["classes"][0]["regions"][0]["peak"]
        self.page.locator("#outlines").click()
        self.set_opacity(0)
        self.assertTrue(self.same("picture", "overlay"))
        whole = self.page.locator("#zoom").inner_text()
        self.zoom_to(peak["x"], peak["y"], 4)
        expect(self.page.locator("#zoom")).not_to_have_text(whole)
        self.page.mouse.move(5, 5)
        self.assertTrue(self.same("picture", "overlay"))
        self.set_opacity(60)
        self.assertFalse(self.same("picture", "overlay"))

    def test_zoomed_to_the_pixel_colours_are_those_of_the_exact_value_on_a_fixed_scale(self):
        for picture in (FABRIC, GOOD):
            result = self.infer("class1", picture)
            values = self.server.get(result["classes"][0]["map"]["url"]).body
            numbers = struct.unpack(f"<{256 * 256}f", values)
            at = max(range(len(numbers)), key=numbers.__getitem__)
            x, y = at % 256, at // 256
            where = self.zoom_to(min(max(x, 2), 253), min(max(y, 2), 253))
            value = numbers[min(max(y, 2), 253) * 256 + min(max(x, 2), 253)]
            expected = self.page.evaluate("""async value => {
                const {colourMaps} = await import("/js/colours.js"), at = Math.floor(value * 255 + 0.5);
                return [...colourMaps.haya.slice(3 * at, 3 * at + 3)];
            }""", value)
            self.page.keyboard.press("o")
            self.assertEqual(self.colour("heat", *where), expected, picture)
            (shown,) = self.numbers(".under .map-value")
            self.assertEqual(single(shown), single(value))
            self.page.keyboard.press("o")
            self.page.keyboard.press("0")

    def test_it_is_panned_by_dragging_and_by_keys(self):
        self.infer("class1", FABRIC)
        self.zoom_to(128, 128, 6)
        before = self.page.locator(".under .place").inner_text()
        box = self.page.locator('.pane[data-name="mask"] canvas').bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.move(*middle)
        expect(self.page.locator(".under .place")).not_to_have_text("")
        before = self.page.locator(".under .place").inner_text()
        self.page.mouse.down()
        self.page.mouse.move(middle[0] + 80, middle[1] + 40, steps=5)
        self.page.mouse.up()
        self.page.mouse.move(middle[0] + 80, middle[1] + 40.5)
        expect(self.page.locator(".under .place")).to_have_text(before)     # the same pixel is under the pointer
        self.page.keyboard.press("Shift+ArrowRight")
        self.page.mouse.move(middle[0] + 80, middle[1] + 40)
        expect(self.page.locator(".under .place")).not_to_have_text(before)

    def test_outlines_and_colours_are_switched_and_remembered(self):
        self.infer("class1", FABRIC)
        self.set_opacity(0)
        self.page.mouse.move(5, 5)
        peak = (.5, .5)
        before = self.colour("heat", *peak)
        self.page.keyboard.press("c")
        expect(self.page.locator("#colours")).to_have_value("viridis")
        harness.wait_until(lambda: self.colour("heat", *peak) != before)
        self.page.keyboard.press("o")
        expect(self.page.locator("#outlines")).to_have_attribute("aria-pressed", "false")
        self.page.reload()
        expect(self.page.locator("#colours")).to_have_value("viridis")
        expect(self.page.locator("#outlines")).to_have_attribute("aria-pressed", "false")
        expect(self.page.locator("#opacity")).to_have_value("0")

    def test_colour_maps_rise_evenly_in_lightness(self):
        tables = self.page.evaluate("""async () => {
            const {colourMaps} = await import("/js/colours.js");
            return Object.fromEntries(Object.entries(colourMaps).map(([name, table]) => [name, [...table]]));
        }""")

        def lightness(colour):
            """CIE L* of sRGB."""
            linear = [value / 12.92 if value <= .04045 else ((value + .055) / 1.055) ** 2.4
                      for value in (part / 255 for part in colour)]
            y = .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2]
            return 116 * y ** (1 / 3) - 16 if y > .008856 else 903.3 * y

        for name, table in tables.items():
            rise = [lightness(table[3 * i:3 * i + 3]) for i in range(256)]
            self.assertEqual(rise, sorted(rise), name)
            self.assertGreater(rise[-1] - rise[0], 60, name)
            line = [rise[0] + (rise[-1] - rise[0]) * i / 255 for i in range(256)]
            self.assertLess(max(abs(a - b) for a, b in zip(rise, line)), 8, name)

    def test_the_legend_has_the_thresholds_on_a_scale_from_0_to_1(self):
        self.infer("class1", FABRIC)
        expect(self.page.locator(".mark.number")).to_have_text(["0", "0.5", "1"])
        places = self.page.locator(".mark.limit").evaluate_all("all => all.map(one => one.style.left)")
        self.assertEqual(places, ["40%", "80%"])

    def test_classes_are_painted_or_not(self):
        self.infer("all", "pictures/brick/test/patch/000.png")
        everywhere = self.page.locator("#regions tbody tr:not(.empty)")
        expect(everywhere.first).to_be_visible()
        chosen = self.page.locator(".chip.chosen")
        self.page.keyboard.press("h")
        expect(chosen).to_have_class("chip chosen off")
        name = chosen.locator(".chip-name").inner_text()
        expect(self.page.locator("#regions .class", has_text=name)).to_have_count(0)
        expect(self.page.locator("#verdict .tag")).to_contain_text("NG")     # what is not painted still counts
        self.page.keyboard.press("h")
        self.page.keyboard.press("Shift+H")
        expect(self.page.locator(".chip.off")).to_have_count(5)
        self.page.keyboard.press("Shift+H")
        expect(self.page.locator(".chip.off")).to_have_count(0)

    def test_the_overlay_paints_each_class_in_its_colour(self):
        self.infer("all", "pictures/brick/test/patch/000.png")
        region = self.page.locator("#regions tbody tr").first
        name = region.locator(".class").inner_text()
        classes = {one["name"]: one["colour"] for one in self.server.models()["all.pb"]["classes"]}
        box = [int(value) for value in region.locator(".box").get_attribute("value").split()]
        colours = self.page.evaluate("""async () => {
            await new Promise(requestAnimationFrame);
            const canvas = document.querySelector('.pane[data-name="mask"] canvas'), found = new Set();
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4) {
                found.add("#" + [0, 1, 2].map(j => data[i + j].toString(16).padStart(2, "0")).join("").toUpperCase());
            }
            return [...found];
        }""")
        self.assertIn(classes[name], colours)
        self.assertGreater(box[2] - box[0], 3)

    def test_memory_is_the_servers_and_what_was_measured_elsewhere_is_documented(self):
        self.infer("class1", FABRIC)
        expect(self.page.locator('#memory data[data-key="models"]')).to_be_visible()
        memory = self.server.get("/api/memory").json
        expect(self.page.locator('#memory data[data-key="models"]')).to_have_attribute(
            "value", str(memory["models"]["private_bytes"]))
        expect(self.page.locator('#memory data[data-key="files"]')).to_have_attribute(
            "value", str(memory["models"]["file_bytes_mapped"]))
        text = (ROOT / "docs/performance.md").read_text()
        first = text[text.index("Memory, 2 threads"):].split("Largest difference")[0]
        rows = {row.split("|")[1].strip(): [cell.strip().strip("*") for cell in row.split("|")[2:]]
                for row in first.splitlines() if row.startswith("|")}
        for key, name in (("haya", "haya"), ("tensorflow", "TensorFlow")):
            shown = self.numbers(f'#memory [data-key^="{key}-"]')
            self.assertEqual([round(value / 1e6, 3) for value in shown], [float(rows[name][0]), float(rows[name][2])])
        source = self.page.locator("#memory .note").inner_text()
        self.assertIn("docs/performance.md", source)
        self.assertIn(next(word for word in source.split() if word.startswith("20")), text)

    def test_the_log_tells_in_words_and_times_what_happened(self):
        result = self.infer("class1", FABRIC)
        entry = self.page.locator("#log p", has_text="class1: fabric/spot/000 in").last
        expect(entry).to_contain_text("NG")
        self.assertRegex(entry.locator("time").inner_text(), r"^\d\d:\d\d:\d\d$")
        self.assertEqual(result["verdict"], "NG")


class Layouts(PageTest):
    """Data sets as people have them on disk."""

    @classmethod
    def colour_classes(cls):
        def put(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(grey_png(24, 20))

        for split in ("Train", "Test"):
            for number in (1, 2):
                put(cls.data / f"dagm/Class1/{split}/000{number}.PNG")
            put(cls.data / f"dagm/Class1/{split}/Label/0002_label.PNG")
            (cls.data / f"dagm/Class1/{split}/Label/Labels.txt").write_text(
                "1\n0001\t0\t0001.PNG\t0\t0\n0002\t1\t0002.PNG\t1\t0002_label.PNG\n")
        put(cls.data / "plain/a.png")
        put(cls.data / "pcb/test/bad/010.png")
        put(cls.data / "pcb/test/good/011.png")
        put(cls.data / "pcb/train/good/1.png")
        put(cls.data / "pcb/ground_truth/bad/010.png")

    def go(self, *names):
        for name in names:
            self.page.locator(".folder", has_text=name).click()
            expect(self.page.locator(".crumb[aria-current]")).to_have_text(name)

    def test_layouts_are_named_and_their_truth_is_shown(self):
        self.page.locator("#auto").uncheck()
        self.page.keyboard.press("5")
        for names, layout, picture in ((("brick",), "MVTec AD", "pictures/brick/test/patch/000.png"),
                                       (("pcb",), "MVTec AD", "pictures/pcb/test/bad/010.png"),
                                       (("dagm", "Class1"), "DAGM 2007", "pictures/dagm/Class1/Test/0002.PNG")):
            self.go(*names)
            expect(self.page.locator(".crumbs .layout")).to_have_text(layout)
            self.pick(picture)
            expect(self.page.locator('.pane[data-name="truth"] .message')).to_have_text("")
            self.page.locator(".crumb", has_text="pictures").click()
        self.go("plain")
        expect(self.page.locator(".crumbs .layout")).to_have_count(0)
        self.pick("pictures/plain/a.png")
        expect(self.page.locator('.pane[data-name="truth"] .message')).to_have_text("No ground truth")

    def test_pictures_are_filtered_by_kind_and_by_the_class_found(self):
        self.page.locator("#auto").uncheck()
        self.go("wood")
        expect(self.page.locator("#picture-count")).to_have_text("6")
        self.page.locator("#filter-class").select_option("=good")
        expect(self.page.locator("#picture-count")).to_have_text("2 of 6")
        self.page.locator("#filter-class").select_option("")
        result = self.infer("all", "pictures/wood/test/patch/000.png")
        found = next(one["name"] for one in result["classes"] if one["verdict"] == "NG")
        self.page.locator("#filter-class").select_option("@" + found)
        expect(self.page.locator("#picture-count")).to_have_text("1 of 6")
        expect(self.page.locator(".cell")).to_have_attribute("title", "pictures/wood/test/patch/000.png")


class Dropping(PageTest):
    # A folder as the system gives it to a drop: entries with paths.
    DROP = """files => {
        const entry = (name, path, bytes) => ({isFile: true, name, fullPath: path,
            file: done => done(new File([new Uint8Array(bytes)], name))});
        const folder = (name, path, entries) => ({isFile: false, name, fullPath: path, createReader: () => {
            let rest = entries;
            return {readEntries: done => { done(rest); rest = []; }};
        }});
        const inside = files.map(([name, bytes]) => entry(name, `/part/lot/${name}`, bytes)).reverse();
        const root = folder("part", "/part", [folder("lot", "/part/lot", inside)]);
        const event = new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: new DataTransfer()});
        Object.defineProperty(event, "dataTransfer", {value: {types: ["Files"], files: [],
            items: [{webkitGetAsEntry: () => root}]}});
        document.body.dispatchEvent(event);
    }"""

    def test_a_dropped_folder_is_listed_in_order_and_inferred(self):
        data = list((DEMO / "pictures/brick/test/patch/000.png").read_bytes())
        self.page.evaluate(self.DROP, [["2.png", data], ["10.png", data], ["notes.txt", [65]]])
        expect(self.page.locator(".cell .name")).to_have_text(["part/lot/2", "part/lot/10"])
        expect(self.page.locator("#verdict .of")).to_have_text("part/lot/2.png")
        expect(self.page.locator("#verdict .tag")).to_be_visible()
        self.page.keyboard.press("ArrowRight")
        expect(self.page.locator("#verdict .of")).to_have_text("part/lot/10.png")
        expect(self.page.locator(".badge:not(.none)")).to_have_count(2)
        self.page.locator(".crumb", has_text="Folders").click()
        expect(self.page.locator(".crumb.other")).to_have_text("Dropped pictures (2)")


if __name__ == "__main__":
    unittest.main()
