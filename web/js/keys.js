// SPDX-License-Identifier: Apache-2.0
// The keyboard, and the list of its keys.

import {nextClass, onlyClass, toggleClass} from "./chips.js";
import {undo} from "./classes.js";
import {rename} from "./detail.js";
import {element, make, render} from "./dom.js";
import {cycleFilter} from "./filters.js";
import {t} from "./i18n.js";
import {cancel, inferAll, inferOne, isInferring} from "./infer.js";
import {stepRegion} from "./judged.js";
import {prepare, stepModel} from "./models.js";
import {fit, NAMES, pan, pixelForPixel, togglePane, zoomBy} from "./panes.js";
import {chooseAt, step} from "./pictures.js";
import {swapLanguage, swapTheme} from "./settings.js";
import {state} from "./state.js";
import {nextColours, setOpacity, toggleOutlines} from "./under.js";

// By event.key, with "shift+" or "ctrl+" before what is held besides.
const ACTS = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => step(-1, true), ArrowDown: () =>
      step(1, true),
  Home: () => chooseAt(0), End: () => chooseAt(state.filtered.length - 1), f: cycleFilter,
  "shift+ArrowLeft": () => pan(-0.2, 0), "shift+ArrowRight": () => pan(0.2, 0),
  "shift+ArrowUp": () => pan(0, -0.2), "shift+ArrowDown": () => pan(0, 0.2),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: fit, 9: pixelForPixel,
  o: toggleOutlines, c: nextColours, ",": () => setOpacity(state.opacity - 0.1), ".": () =>
      setOpacity(state.opacity + 0.1),
  n: () => stepRegion(1), "shift+N": () => stepRegion(-1), k: nextClass,
  h: () => toggleClass(), "shift+H": () => onlyClass(), F2: rename,
  "[": () => stepModel(-1), "]": () => stepModel(1), Enter: () => inferOne(), i: () => inferOne(), a: inferAll,
  p: () => state.model && prepare([state.model]), "shift+P": () => prepare(), u: () => undo(), "ctrl+z": () =>
      undo(),
  l: swapLanguage, t: swapTheme, "?": () => showKeys(), Escape: () => isInferring() && cancel(),
  "ctrl+o": () => element("choose-files").click(),
};
NAMES.forEach((name, i) => { ACTS[i + 1] = () => togglePane(name); });

const LIST = [
  ["keysPictures", [["key_choose", "← →"], ["key_row", "↑ ↓"], ["key_ends", "Home End"], ["key_filter", "F"],
      ["key_open", "Ctrl+O"]]],
  ["keysView", [["key_panes", "1 2 3 4 5"], ["key_zoom", "+ −"], ["key_fit", "0 9"], ["key_pan", "Shift+← → ↑ ↓"],
    ["key_outlines", "O"], ["key_colours", "C"], ["key_opacity", ", ."], ["key_region", "Shift+N N"],
        ["key_class", "K"], ["key_paint", "H Shift+H"]]],
  ["keysModels", [["key_model", "[ ]"], ["key_infer", "Enter"], ["key_all", "A"], ["key_prepare", "P Shift+P"],
      ["key_rename", "F2"], ["key_undo", "U"],
    ["key_cancel", "Esc"]]],
  ["keysMouse", [["key_wheel", "mouse_wheel"], ["key_drag", "mouse_drag"], ["key_double", "mouse_double"],
    ["key_swatch", "Shift mouse_click"]]],
  ["keysPage", [["key_language", "L"], ["key_theme", "T"], ["key_help", "?"]]],
];

const caps = keys => keys.split(" ").map(key => make("kbd", {}, key.startsWith("mouse_") ? t(key) : key));

export function showKeys() {
  const dialog = element("keys");
  if (dialog.open) return dialog.close();
  render(dialog, make("div", {class: "head"}, make("h2", {id: "keys-title"}, t("keysTitle")),
    make("button", {class: "quiet icon", "aria-label": t("close"), onclick: () => dialog.close()}, "×")),
  make("div", {class: "columns"}, LIST.map(([title, keys]) => make("section", {}, make("h3", {}, t(title)),
    make("dl", {}, keys.map(([what, cap]) => make("div", {}, make("dt", {}, caps(cap)), make("dd", {},
        t(what)))))))));
  return dialog.showModal();
}

// Keys that an element uses itself are left to it.
function isTaken(event, name) {
  const at = event.target;
  if (element("keys").open) return event.key !== "?";
  if (at.matches("input[type=number], input[type=text]")) return true;
  if (at.matches("input, select, textarea")) return /^(Arrow|Home|End|Page|Enter)/.test(event.key) ||
      at.matches("select");
  if (at.matches("button, summary, a")) return event.key === "Enter";
  if (at.matches(".scroll")) return /^(Arrow|Home|End)/.test(name);
  return false;
}

export function startKeys() {
  element("help").onclick = showKeys;
  element("keys").onclick = event => event.target === element("keys") && element("keys").close();
  addEventListener("keydown", event => {
    if (event.altKey || event.isComposing) return;
    const held = event.ctrlKey || event.metaKey ? "ctrl+" : event.shiftKey && /^(Arrow|[A-Z]$)/.test(event.key)
        ? "shift+" : "";
    const key = event.key.length === 1 && held !== "shift+" ? event.key.toLowerCase() : event.key;
    const act = ACTS[held + key];
    if (!act || isTaken(event, key) || (event.repeat && !/^(Arrow|[-+=,.]|n$)/.test(key))) return;
    event.preventDefault();
    act();
  });
}
