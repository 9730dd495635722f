// SPDX-License-Identifier: Apache-2.0
// The chosen model: its classes, its times and its memory.

import {undo} from "./classes.js";
import {classRow, palette} from "./classrow.js";
import {element, make, number, render} from "./dom.js";
import {bytes, count, milliseconds, t} from "./i18n.js";
import {state, watch} from "./state.js";

let shown = {sign: ""};     // the elements of one model; another model has others

function figures(model) {
  const {times, memory, input} = model;
  const size = input && [input.width ?? "?", input.height ?? "?", input.channels ?? "?"].join(" × ");
  const pairs = [
    ...["open_ms", "bind_ms", "first_ms", "last_ms", "median_ms"].map(key => [key, times[key],
        milliseconds(times[key])]),
    ["runs", times.runs, count(times.runs)],
    ...["private_bytes", "derived_bytes", "file_bytes"].map(key => [key, memory[key], bytes(memory[key])])];
  const wide = (name, text, tip) => make("div", {class: "pair wide"}, make("dt", {}, name), make("dd", {title: tip},
      text));
  return [pairs.map(([key, value, text]) => make("div", {class: "pair", title: t(`${key}_tip`)},
    make("dt", {}, t(key)), make("dd", {}, number(value, text, {"data-key": key})))),
  wide(t("inputOf"), input ? `${input.name}, ${size}` : "–"), wide(t("file"), model.file, model.path)];
}

function build(model) {
  const rows = model.classes.map((_, index) => classRow(model.id, index));
  const parts = {rows, title: make("h3"), undo: make("button", {class: "quiet", onclick: () => undo()}),
    names: make("div", {class: "threshold-head", "aria-hidden": "true"}), empty: make("p", {class: "empty"}),
    figures: make("dl", {class: "figures-list"})};
  element("model-detail").replaceChildren(make("div", {class: "head"}, parts.title, parts.undo), parts.names,
    parts.empty, ...rows.map(one => one.root), parts.figures, palette());
  return parts;
}

function showDetail() {
  const root = element("model-detail"), model = state.models.get(state.model);
  if (!model) {
    shown = {sign: ""};
    root.replaceChildren(make("p", {class: "empty"}, state.models.size > 0 ? t("chooseModel") : ""));
    return;
  }
  const sign = `${model.id} ${model.classes.length}`;
  if (sign !== shown.sign) shown = {sign, ...build(model)};
  const none = model.classes.length === 0, {file, undo: steps} = model.settings;
  shown.title.textContent = t("classesOf", {model: model.name});
  shown.undo.textContent = steps > 0 ? t("undoCount", {count: steps}) : t("undo");
  shown.undo.disabled = steps === 0;
  shown.undo.title = t("save", {file: file ?? ""});
  shown.names.hidden = none;
  render(shown.names, make("span", {}, t("score")), make("span", {class: "unsure"}, `${t("unsure")} ≥`),
    make("span", {class: "NG"}, `${t("NG")} ≥`));
  shown.empty.hidden = !none;
  shown.empty.textContent = model.error ?? t("notOpened");
  shown.rows.forEach(one => one.show());
  render(shown.figures, figures(model));
}

// The name of the class that is looked at, else of the first, to be typed anew.
export function rename() {
  const layer = state.layers[state.layer];
  shown.rows?.[layer?.model === state.model ? layer.index : 0]?.rename();
}

export function startDetail() {
  watch(["models", "model", "thresholds", "results", "judged", "picture", "language"], showDetail);
}
