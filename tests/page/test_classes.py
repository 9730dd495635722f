# SPDX-License-Identifier: Apache-2.0
"""Names and colours of classes are changed on the page, saved in MODEL.json, and undone."""

import json
import unittest

from browsing import PageTest, expect
from viewing import harness

FABRIC = "pictures/fabric/test/spot/000.png"


class Classes(PageTest):
    allowed = ("400", "willReadFrequently")     # a name that is refused; panes that are looked at until they show it

    def setUp(self):
        super().setUp()
        self.page.locator("#auto").uncheck()

    def saved(self, file="class1.json"):
        return json.loads((self.shared / file).read_text())["classes"]

    def told(self, file="class1.pb"):
        return self.server.models()[file]["classes"]

    def undo(self):
        self.page.locator(".detail .head button").click()

    def test_a_class_is_renamed_and_the_name_taken_back(self):
        self.infer("class1", FABRIC)
        rest = {key: value for key, value in self.saved()[0].items() if key != "name"}
        self.page.keyboard.press("F2")
        name = self.page.get_by_label("Name of class class1")
        expect(name).to_be_focused()
        self.page.keyboard.type("織物 <b>")
        self.page.keyboard.press("Enter")
        expect(self.model("織物 <b>")).to_be_visible()
        harness.wait_until(lambda: self.told()[0]["name"] == "織物 <b>")
        self.assertEqual(self.saved()[0], {"name": "織物 <b>", **rest})
        expect(self.page.locator("#log")).to_contain_text("class class1 is called 織物 <b> now")
        self.undo()
        expect(self.model("class1")).to_be_visible()
        self.assertEqual(self.told()[0]["name"], "class1")
        self.assertEqual(self.saved()[0], {"name": "class1", **rest})

    def test_a_colour_shows_at_once_and_is_saved_when_chosen(self):
        self.infer("class1", FABRIC)
        before = self.saved()
        colour = self.page.get_by_label("Colour of class1")
        colour.evaluate("""one => {
            one.value = "#00c8d7";
            one.dispatchEvent(new Event("input", {bubbles: true}));
        }""")
        pixels = """async () => {
            await new Promise(requestAnimationFrame);
            const canvas = document.querySelector('.pane[data-name="mask"] canvas');
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i] === 0 && data[i + 1] === 0xC8 && data[i + 2] === 0xD7) found++;
            }
            return found;
        }"""
        harness.wait_until(lambda: self.page.evaluate(pixels) > 100)
        self.assertEqual(self.saved(), before)
        colour.evaluate("one => one.dispatchEvent(new Event('change', {bubbles: true}))")
        harness.wait_until(lambda: self.told()[0]["colour"] == "#00C8D7")
        self.assertEqual(self.saved()[0]["color"], "#00C8D7")
        expect(self.page.locator("#log")).to_contain_text("class1 is painted #00C8D7 now")
        self.undo()
        expect(colour).to_have_value("#ff0000")
        self.assertEqual(self.saved(), before)

    def test_a_name_that_is_taken_is_refused_in_a_sentence_and_stays(self):
        self.infer("all", FABRIC)
        names = [one["name"] for one in self.told("all.pb")]
        field = self.page.locator(".who .name").nth(1)
        field.fill(names[0])
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".alert")).to_contain_text(names[0])
        expect(field).to_have_value(names[1])
        self.assertEqual([one["name"] for one in self.told("all.pb")], names)

    def test_an_empty_name_and_escape_leave_the_name(self):
        self.model("class2").locator(".pick").click()
        field = self.page.get_by_label("Name of class class2")
        puts = []
        self.page.on("request", lambda request: request.method == "PUT" and "settings" in request.url and
                     puts.append(request.url))
        for text, key in (("  ", "Enter"), ("other", "Escape")):
            field.fill(text)
            self.page.keyboard.press(key)
            expect(field).to_have_value("class2")
        self.assertEqual(puts, [])

    def test_changes_of_one_class_leave_the_others(self):
        self.model("all").locator(".pick").click()
        before = self.told("all.pb")
        field = self.page.locator(".who .name").nth(3)
        field.fill("leder")
        self.page.keyboard.press("Tab")
        harness.wait_until(lambda: self.told("all.pb")[3]["name"] == "leder")
        after = self.told("all.pb")
        self.assertEqual(after, [*before[:3], {**before[3], "name": "leder"}, *before[4:]])
        self.undo()
        harness.wait_until(lambda: self.told("all.pb") == before)

    def test_it_is_so_in_japanese_too(self):
        page = self.open(locale="ja-JP")
        self.model("class3", page).locator(".pick").click()
        page.get_by_label("クラス class3 の名前").fill("木材")
        page.keyboard.press("Enter")
        expect(page.locator("#log")).to_contain_text("クラス class3 の名前を 木材 に変更しました")
        expect(self.model("木材")).to_be_visible()     # the other page has heard of it
        page.get_by_role("button", name="元に戻す").click()
        expect(self.model("class3", page)).to_be_visible()
        expect(page.locator("#log")).to_contain_text("直前の変更を元に戻しました")


if __name__ == "__main__":
    unittest.main()
