# SPDX-License-Identifier: Apache-2.0
"""The pictures of the viewer in the README: take_pictures.py FOLDER, with HAYA naming the command.

They show `make demo`'s viewer as it comes: the demo's models with their settings, on its pictures.
"""

import pathlib
import shutil
import sys
import tempfile

from browsing import DEMO, chromium, expect, sync_playwright
from viewing import Server


def take(browser, server, path, folder, picture, model, look_at, **options):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, **options)
    page.goto(server.address)
    expect(page.locator(".model .state:text-matches('ready|準備完了')")).to_have_count(7)
    page.locator("#auto").check()
    page.locator(".model", has=page.locator(f'.pick .name:text-is("{model}")')).locator(".pick").click()
    page.locator(".folder", has_text=folder).click()
    expect(page.locator(".cell")).to_have_count(6)
    page.locator("#list").focus()
    for judged in range(1, 7):  # one steps through them
        expect(page.locator(".badge:not(.none)")).to_have_count(judged)
        page.keyboard.press("ArrowRight")
    page.locator(f'.cell[title="pictures/{folder}/test/{picture}.png"]').click()
    if look_at:
        page.locator('.pane[data-name="picture"] canvas').hover(position=look_at)
    expect(page.locator("#memory")).to_contain_text("MB")
    page.wait_for_timeout(1000)  # times are told twice a second at most
    page.screenshot(path=path)
    page.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as models:
        shutil.copytree(DEMO / "models", models, dirs_exist_ok=True)
        server = Server(models, "--data", DEMO / "pictures")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            take(browser, server, folder / "viewer-light.png", "brick", "patch/000", "brick", None,
                 locale="en-US", color_scheme="light")
            take(browser, server, folder / "viewer-dark.png", "fabric", "spot/000", "all", {"x": 175, "y": 140},
                 locale="ja-JP", color_scheme="dark")
            browser.close()
        server.end()


if __name__ == "__main__":
    main()
