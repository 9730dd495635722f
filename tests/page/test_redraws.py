# SPDX-License-Identifier: Apache-2.0
"""What is drawn anew takes nothing away: no click that has begun, no focus, no place in a list, no choice; and ten
thousand pictures scroll as few do."""

import os
import unittest

from browsing import PageTest, expect, grey_png
from viewing import harness

FABRIC = "pictures/fabric/test/spot/000.png"


class Many(PageTest):
    """Ten thousand pictures in one folder."""

    @classmethod
    def colour_classes(cls):
        data = grey_png()
        folder = cls.data / "many"
        folder.mkdir()
        for number in range(10000):
            (folder / f"{number:05}.png").write_bytes(data)

    def setUp(self):
        super().setUp()
        self.page.locator("#auto").uncheck()

    def open_loading(self):
        """A page whose list has its first 500 pictures, and what lets the rest come."""
        held = []
        self.addCleanup(lambda: [route.abort() for route in held])
        page = self.open(lambda page: page.route(
            lambda url: "/api/data?" in url and "offset=500" in url, lambda route: held.append(route), times=1))
        page.locator("#auto").uncheck()
        expect(page.locator("#picture-count")).to_have_text("500")
        harness.wait_until(lambda: page.evaluate("1") and held, 60)

        def go_on():
            held.pop().continue_()
            expect(page.locator("#picture-count")).to_have_text("10,036")
        return page, go_on

    def open_many(self):
        self.page.locator(".folder", has_text="many").click()
        expect(self.page.locator("#picture-count")).to_have_text("10,000")

    def scroll_to(self, page, part):
        page.locator("#list").evaluate("(list, part) => { list.scrollTop = list.scrollHeight * part; }", part)

    def first_in_sight(self, page=None):
        """Name and place of the cell at the top of the list."""
        return (page or self.page).evaluate("""() => {
            const list = document.getElementById("list"), edge = list.getBoundingClientRect().top;
            const cells = [...document.querySelectorAll(".cell")].map(one => [one.title,
                Math.round(one.getBoundingClientRect().top - edge)]);
            return cells.filter(([, top]) => top > -60).sort((a, b) => a[1] - b[1])[0];
        }""")

    def test_a_click_while_the_list_loads_opens_the_folder(self):
        page, go_on = self.open_loading()
        page.locator(".folder", has_text="many").hover()
        page.mouse.down()
        go_on()
        page.mouse.up()
        expect(page.locator(".crumb[aria-current]")).to_have_text("many")
        expect(page.locator("#picture-count")).to_have_text("10,000")

    def test_a_folder_is_opened_before_the_list_is_whole(self):
        page, _ = self.open_loading()
        page.locator(".folder", has_text="fabric").click()
        expect(page.locator("#picture-count")).to_have_text("6")

    def test_the_focus_stays_while_the_list_loads(self):
        page, go_on = self.open_loading()
        page.locator(".folder", has_text="many").focus()
        go_on()
        expect(page.locator(".folder", has_text="many")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#picture-count")).to_have_text("10,000")
        expect(page.locator("#list")).to_be_focused()

    def test_choice_and_place_stay_while_the_list_loads(self):
        page, go_on = self.open_loading()
        self.scroll_to(page, 0.5)
        expect(page.locator(".cell").nth(12)).to_be_visible()
        cell = page.locator(".cell").nth(12)
        name, number = cell.get_attribute("title"), int(cell.get_attribute("aria-posinset"))
        self.pick(name, page)
        before = self.first_in_sight(page)
        go_on()
        expect(page.locator('.cell[aria-selected="true"]')).to_have_attribute("title", name)
        self.assertEqual(self.first_in_sight(page), before)
        page.keyboard.press("ArrowRight")
        expect(page.locator('.cell[aria-selected="true"]')).to_have_attribute("aria-posinset", str(number + 1))

    def test_a_folder_that_grows_keeps_its_place(self):
        self.open_many()
        self.scroll_to(self.page, 0.7)
        expect(self.page.locator(".cell", has_text="07001")).to_have_count(1)
        self.page.locator(".cell", has_text="07001").click()
        expect(self.page.locator("#verdict .of")).to_have_text("pictures/many/07001.png")
        before = self.first_in_sight()
        folder = self.data / "many"
        for name in ("00000a.png", "00000b.png"):
            (folder / (name + ".part")).write_bytes(grey_png())
            os.rename(folder / (name + ".part"), folder / name)
            self.addCleanup((folder / name).unlink)
        expect(self.page.locator("#picture-count")).to_have_text("10,002")
        self.assertEqual(self.first_in_sight(), before)
        expect(self.page.locator('.cell[aria-selected="true"]')).to_have_attribute("title", "pictures/many/07001.png")

    def test_only_what_is_in_sight_has_elements(self):
        self.open_many()
        self.assertLess(self.page.locator(".cell").count(), 60)
        slowest, whole = self.page.evaluate("""async () => {
            const list = document.getElementById("list"), times = [];
            for (let i = 0; i < 60; i++) {
                list.scrollTop = list.scrollHeight * i / 60;
                const before = performance.now();
                list.dispatchEvent(new Event("scroll"));
                times.push(performance.now() - before);
                await new Promise(requestAnimationFrame);
            }
            const before = performance.now(), all = document.createElement("div");
            for (let i = 0; i < 10000; i++) {
                all.append(list.querySelector(".cell").cloneNode(true));
            }
            list.append(all);
            all.offsetHeight;
            const whole = performance.now() - before;
            all.remove();
            return [times.sort((a, b) => a - b)[45], whole];
        }""")
        self.assertLess(slowest, whole / 10)    # which elements for all would take in this browser
        self.page.locator("#list").focus()
        self.page.keyboard.press("End")
        expect(self.page.locator("#verdict .of")).to_have_text("pictures/many/09999.png")
        expect(self.page.locator('.cell[aria-posinset="10000"]')).to_be_in_viewport()


class Meanwhile(PageTest):
    """Other clients use the models while one works on the page."""

    def setUp(self):
        super().setUp()
        self.page.locator("#auto").uncheck()

    def others_infer(self, file, name):
        """Until the page has heard of it."""
        figure = self.model(name).locator(".median")
        before = figure.get_attribute("value")
        self.server.infer(file, FABRIC)
        expect(figure).not_to_have_attribute("value", before)

    def test_a_click_on_a_region_is_not_lost(self):
        self.infer("class1", FABRIC)
        whole = self.page.locator("#zoom").inner_text()
        self.page.locator("#regions tbody tr").first.hover()
        self.page.mouse.down()
        self.others_infer("class1.pb", "class1")
        self.page.mouse.up()
        expect(self.page.locator("#zoom")).not_to_have_text(whole)

    def test_a_click_on_a_button_of_a_model_is_not_lost(self):
        self.pick(FABRIC)
        self.model("class2").locator(".infer").hover()
        self.page.mouse.down()
        self.others_infer("class2.pb", "class2")
        self.page.mouse.up()
        expect(self.page.locator("#verdict .by")).to_contain_text("class2")

    def test_the_focus_stays_on_switches_and_classes(self):
        for key in ("Space", "Enter"):
            self.page.locator(".toggle", has_text="Ground truth").focus()
            self.page.keyboard.press(key)
            expect(self.page.locator(".toggle", has_text="Ground truth")).to_be_focused()
        self.infer("all", FABRIC)
        chip = self.page.locator(".chip .choose").nth(2)
        chip.focus()
        self.page.keyboard.press("Enter")
        expect(chip).to_have_attribute("aria-pressed", "true")
        expect(chip).to_be_focused()

    def test_a_name_that_is_typed_is_not_written_over(self):
        self.infer("class1", FABRIC)
        name = self.page.get_by_label("Name of class")
        name.fill("half a na")
        self.others_infer("class1.pb", "class1")
        expect(name).to_have_value("half a na")
        expect(name).to_be_focused()
        self.page.keyboard.press("Escape")
        expect(name).to_have_value("class1")


if __name__ == "__main__":
    unittest.main()
