// SPDX-License-Identifier: Apache-2.0
// Language, theme, and whether choosing a picture infers.

import {element} from "./dom.js";
import {otherLanguage, setLanguage, t} from "./i18n.js";
import {changed, remember, state, watch} from "./state.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  element("theme").textContent = theme === "dark" ? "☾" : "☀";
  changed("theme");
}

// The system's, until somebody chooses another.
function chosenTheme() {
  try {
    return localStorage.getItem("haya.theme");
  } catch {
    return null;
  }
}

export function swapTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("haya.theme", theme);
  } catch {
    // Then it lasts as long as the page.
  }
  applyTheme(theme);
}

export const swapLanguage = () => setLanguage(otherLanguage());

function showLanguage() {
  const button = element("language");
  button.textContent = t("language");
  button.lang = otherLanguage();
  button.setAttribute("aria-label", t("languageLabel"));
}

export function startSettings() {
  const system = () => dark.matches ? "dark" : "light";
  applyTheme(chosenTheme() ?? system());
  dark.onchange = () => chosenTheme() ?? applyTheme(system());
  element("theme").onclick = swapTheme;
  element("language").onclick = swapLanguage;
  const auto = element("auto");
  auto.checked = state.auto;
  auto.onchange = () => {
    state.auto = auto.checked;
    remember();
    if (state.auto) changed("picture");
  };
  watch(["language"], showLanguage);
}
