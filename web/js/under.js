// SPDX-License-Identifier: Apache-2.0
// The bar below the panes: values under the pointer, opacity, outlines, colours, legend.

import {thresholdsOf} from "./classes.js";
import {colourMaps} from "./colours.js";
import {element, make, number, render} from "./dom.js";
import {exact, t} from "./i18n.js";
import {changed, remember, state, watch} from "./state.js";

let last = null;

// What lies at a place of the picture: its pixel, and the maps' exact numbers.
export function showUnder(at) {
  last = at;
  const shown = element("under");
  if (!at || !state.picture?.pixels) {
    render(shown, make("span", {class: "hint"}, state.picture?.bitmap ? t("pointAt") : ""));
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
    parts.push(make("span", {class: "truth"}, t("truthValue", {value: inside ? 1 : 0})));
  }
  render(shown, parts);
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
  const {low, high} = layer ? thresholdsOf(layer.model, layer.index, layer.told) : {low: null, high: null};
  const at = (value, text, kind) => {
    const made = make("span", {class: `mark ${kind}`}, text);
    made.style.left = `${Math.min(Math.max(value, 0), 1) * 100}%`;
    return made;
  };
  const limits = [[low, "unsure"], [high, "NG"]].filter(([value]) => value !== null && value >= 0 && value <= 1);
  render(marks, at(0, "0", "number"), at(0.5, "0.5", "number"), at(1, "1", "number"),
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
  render(colours, names.map(name => make("option", {value: name, selected: name === state.colours},
      t(`colours_${name}`))));
  element("opacity").value = Math.round(state.opacity * 100);
  element("outlines").setAttribute("aria-pressed", String(state.outlines));
  showLegend();
}

export function startUnder() {
  element("colours").onchange = event => setColours(event.target.value);
  element("opacity").oninput = event => setOpacity(event.target.value / 100);
  element("outlines").onclick = toggleOutlines;
  watch(["display", "language"], showDisplay);
  watch(["layers", "layer", "judged", "thresholds", "models"], showLegend);
  watch(["picture", "layers", "layer", "language"], () => showUnder(last));
}
