// SPDX-License-Identifier: Apache-2.0
// The bar below the panes: values under the pointer, opacity, outlines, colours, legend; and the classes above.

import {colourMaps} from "./colours.js";
import {element, make, number, replace, swatch} from "./dom.js";
import {exact, score, t} from "./i18n.js";
import {thresholdsOf} from "./layers.js";
import {changed, remember, state, watch} from "./state.js";

let last = null;

// What lies at a place of the picture: its pixel, and the maps' exact numbers.
export function showUnder(at) {
  last = at;
  const shown = element("under");
  if (!at || !state.picture?.pixels) {
    replace(shown, make("span", {class: "hint"}, state.picture?.bitmap ? t("pointAt") : ""));
    return;
  }
  const [w, h] = state.picture.size, x = Math.floor(at.x), y = Math.floor(at.y);
  const pixel = state.picture.pixels.slice(4 * (y * w + x), 4 * (y * w + x) + 3);
  const isGrey = pixel[0] === pixel[1] && pixel[1] === pixel[2];
  const parts = [make("span", {class: "place"}, t("pixel", {x, y})),
    make("span", {}, isGrey ? t("grey", {value: pixel[0]}) : t("rgb", {value: [...pixel].join(" ")}))];
  const layer = state.layers[state.layer];
  if (layer?.values) {
    const value = layer.values[Math.floor(y * layer.height / h) * layer.width + Math.floor(x * layer.width / w)];
    parts.push(number(value, t("mapValue", {value: exact(value)}), {class: "map-value"}));
  }
  const truth = state.picture.truthMask;
  if (truth) {
    const inside = truth.values[Math.floor(y * truth.height / h) * truth.width +
        Math.floor(x * truth.width / w)] > 0;
    parts.push(make("span", {}, t(inside ? "truthIn" : "truthOut")));
  }
  replace(shown, parts);
}

// ---- The legend ----

function showLegend() {
  const root = element("legend"), canvas = root.firstElementChild, marks = root.lastElementChild;
  canvas.width = 256;
  const context = canvas.getContext("2d"), image = context.createImageData(256, 10),
      table = colourMaps[state.colours];
  for (let i = 0; i < 2560; i++) {
    const at = i % 256;
    image.data.set([table[3 * at], table[3 * at + 1], table[3 * at + 2], 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  const layer = state.layers[state.layer];
  const {low, high} = layer ? thresholdsOf(layer.model, layer.index,
      {low: layer.told.threshold_low, high: layer.told.threshold})
    : {low: null, high: null};
  const at = (value, text, kind) => {
    const made = make("span", {class: `mark ${kind}`}, text);
    made.style.left = `${Math.min(Math.max(value, 0), 1) * 100}%`;
    return made;
  };
  const limits = [[low, "unsure"], [high, "NG"]].filter(([value]) => value !== null && value >= 0 && value <= 1);
  replace(marks, at(0, "0", "number"), at(0.5, "0.5", "number"), at(1, "1", "number"),
    limits.map(([value, kind]) => at(value, "", `limit ${kind}`)));
}

export function nextColours() {
  const names = Object.keys(colourMaps);
  setColours(names[(names.indexOf(state.colours) + 1) % names.length]);
}

function setColours(name) {
  state.colours = name;
  remember();
  changed("display");
}

export function setOpacity(value) {
  state.opacity = Math.min(Math.max(value, 0), 1);
  remember();
  changed("display");
}

export function toggleOutlines() {
  state.outlines = !state.outlines;
  remember();
  changed("display");
}

function showDisplay() {
  const colours = element("colours"), names = Object.keys(colourMaps);
  replace(colours, names.map(name => make("option", {value: name, selected: name === state.colours},
      t(`colours_${name}`))));
  element("opacity").value = Math.round(state.opacity * 100);
  element("outlines").setAttribute("aria-pressed", String(state.outlines));
  showLegend();
}

// ---- The classes that are shown ----

export function chooseLayer(index) {
  state.layer = index;
  const {model} = state.layers[index];
  if (model !== state.model) {
    state.model = model;
    changed("model");
  }
  changed("layer");
}

function chip(layer, index) {
  const verdict = layer.verdict ?? "none";
  const name = state.mode === "one" || layer.name.startsWith(layer.modelName) ? layer.name
      : `${layer.modelName} · ${layer.name}`;
  return make("button", {class: `chip ${verdict}`, "aria-pressed": String(index === state.layer),
    onclick: () => chooseLayer(index)}, swatch(layer.colour), make("span", {class: "chip-name"}, name),
  number(layer.score, score(layer.score), {class: "score"}),
  layer.verdict && make("span", {class: `tag ${verdict}`}, t(layer.verdict)));
}

// In place where only numbers change: the focus stays.
function showClasses() {
  const root = element("classes"), had = [...root.children].indexOf(document.activeElement);
  root.hidden = state.layers.length < 2;
  replace(root, state.layers.length < 2 ? [] : state.layers.map(chip));
  if (had >= 0) root.children[had]?.focus();
}

export function startUnder() {
  element("colours").onchange = event => setColours(event.target.value);
  element("opacity").oninput = event => setOpacity(event.target.value / 100);
  element("outlines").onclick = toggleOutlines;
  watch(["display", "language"], showDisplay);
  watch(["layers", "layer", "judged", "thresholds", "models"], showLegend);
  watch(["layers", "layer", "judged", "language"], showClasses);
  watch(["picture", "layers", "layer", "language"], () => showUnder(last));
}
