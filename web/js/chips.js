// SPDX-License-Identifier: Apache-2.0
// The classes of what is shown: which one's heat map it is, and which are painted.

import {element, make, number, render, swatch} from "./dom.js";
import {score, SIGNS, t} from "./i18n.js";
import {isHidden, keyOfClass} from "./layers.js";
import {changed, state, watch} from "./state.js";

export function chooseLayer(index) {
  state.layer = index;
  const {model} = state.layers[index];
  if (model !== state.model) {
    state.model = model;
    changed("model");
  }
  changed("layer");
}

export const nextClass = () => state.layers.length > 0 && chooseLayer((state.layer + 1) % state.layers.length);

export function toggleClass(layer = state.layers[state.layer]) {
  if (!layer) return;
  const key = keyOfClass(layer);
  if (!state.hidden.delete(key)) state.hidden.add(key);
  changed("judged");
}

// This class alone, or all again.
export function onlyClass(layer = state.layers[state.layer]) {
  const others = state.layers.filter(one => one !== layer).map(keyOfClass);
  const alone = others.every(key => state.hidden.has(key)) && !isHidden(layer);
  state.hidden = new Set(alone ? [] : others);
  changed("judged");
}

function chip(layer, index) {
  const {verdict, name, modelName} = layer, hidden = isHidden(layer);
  const text = state.mode === "one" || name === modelName ? name : `${modelName} · ${name}`;
  return make("div", {class: `chip${index === state.layer ? " chosen" : ""}${hidden ? " off" : ""}`,
    "data-key": keyOfClass(layer)},
  make("button", {class: "paints", "aria-pressed": String(!hidden), "aria-label": t("paintClass", {name: text}),
    title: t("paintTip"), onclick: event => (event.shiftKey ? onlyClass(layer) : toggleClass(layer))},
  swatch(layer.colour)),
  make("button", {class: "choose", "aria-pressed": String(index === state.layer),
    onclick: () => chooseLayer(index)}, make("span", {class: "chip-name"}, text),
  number(layer.score, score(layer.score, layer.told.scoring), {class: "score"}),
    verdict && make("span", {class: `tag ${verdict}`, title: t(verdict)},
      make("span", {"aria-hidden": "true"}, SIGNS[verdict]), make("span", {class: "hidden"}, t(verdict)))));
}

function showChips() {
  const root = element("classes");
  root.hidden = state.layers.length < 2;
  render(root, root.hidden ? [] : state.layers.map(chip));
}

export function startChips() {
  watch(["layers", "layer", "judged", "language"], showChips);
}
