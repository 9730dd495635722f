// SPDX-License-Identifier: Apache-2.0
// Two thresholds of a class on one line: OK, unsure, NG. While one is dragged the page judges by itself; when it
// rests the server saves it.

import * as api from "./api.js";
import {make, number, swatch} from "./dom.js";
import {score, t} from "./i18n.js";
import {shownResults, thresholdsOf} from "./layers.js";
import {alertUser, note} from "./log.js";
import {changed, state} from "./state.js";

const same = (model, drafts) => drafts.every((one, i) =>
  one.high === model.classes[i].threshold && one.low === model.classes[i].threshold_low);

const takeModel = model => {
  state.models.set(model.id, model);
  state.drafts.delete(model.id);
  changed("models", "thresholds");
};

let saving = Promise.resolve();

async function put(id, classes) {
  try {
    const {model} = await api.put(`/api/models/${id}/settings`, {json: {classes}});
    takeModel(model);
    note("info", t("logSaved", {model: model.name}));
  } catch (error) {
    state.drafts.delete(id);
    changed("thresholds", "models");
    alertUser(error.message);
  }
}

// One change after the other, each a step that can be undone.
function save(id) {
  saving = saving.then(() => {
    const model = state.models.get(id), drafts = state.drafts.get(id);
    if (!model || !drafts) return;
    if (same(model, drafts)) {
      state.drafts.delete(id);
      return;
    }
    return put(id, drafts.map(({low, high}) => ({threshold: high, threshold_low: low})));
  });
  return saving;
}

export async function undo(id = state.model) {
  if (!state.models.get(id)?.settings.undo) return;
  try {
    const {model} = await api.post(`/api/models/${id}/settings/undo`);
    takeModel(model);
    note("info", t("logUndone", {model: model.name}));
  } catch (error) {
    alertUser(error.message);
  }
}

export function saveColour(id, index, colour) {
  const model = state.models.get(id);
  return put(id, model.classes.map((_, i) => (i === index ? {colour: colour.toUpperCase()} : {})));
}

// The other threshold gives way.
function drag(id, index, which, value) {
  const model = state.models.get(id);
  const drafts = state.drafts.get(id) ?? model.classes.map((_, i) => ({...thresholdsOf(id, i)}));
  const one = drafts[index], apart = one.low !== one.high;
  one[which] = value;
  if (which === "high" && (!apart || one.low > value)) one.low = value;
  if (which === "low" && one.high < value) one.high = value;
  state.drafts.set(id, drafts);
  changed("thresholds");
}

function slider(id, index, which, top, step, label) {
  return make("input", {type: "range", class: which, min: 0, max: top, step, "aria-label": label,
    oninput: event => drag(id, index, which, Number(event.target.value)), onchange: () => save(id)});
}

function field(id, index, which, top, step, label) {
  return make("input", {type: "number", class: which, min: 0, max: top, step, "aria-label": label,
    onchange: event => {
      const value = event.target.valueAsNumber;
      if (Number.isFinite(value)) drag(id, index, which, value);
      save(id);
    }});
}

// Where thresholds go: maps are from 0 to 1; areas and other scores as far as they may reach.
function topOf(model) {
  const most = Math.max(1, ...model.classes.flatMap(one => [one.threshold ?? 0]));
  return most > 1 ? 10 ** Math.ceil(Math.log10(most * 2)) : 1;
}

function noThreshold(model, index, one) {
  return make("div", {class: "threshold"}, make("div", {class: "who"}, swatch(one.colour), one.name,
      t("noThreshold"),
    make("button", {class: "quiet", onclick: () => put(model.id, model.classes.map((_, i) =>
      (i === index ? {threshold: 0.5, threshold_low: null} : {})))}, t("setThreshold"))));
}

// The elements of a class's thresholds; show() brings them up to date without making them anew: a drag goes on.
export function thresholdRow(model, index) {
  const one = model.classes[index], {id} = model;
  if (one.threshold === null) return {root: noThreshold(model, index, one), show() {}};
  const top = topOf(model), step = top === 1 ? 0.001 : 1;
  const lowLabel = t("thresholdLow", {name: one.name}), highLabel = t("thresholdHigh", {name: one.name});
  const low = slider(id, index, "low", top, step, lowLabel), high = slider(id, index, "high", top, step, highLabel);
  const lowField = field(id, index, "low", top, step, lowLabel),
      highField = field(id, index, "high", top, step, highLabel);
  const colour = make("input", {type: "color", "aria-label": t("colourOf", {name: one.name}),
    onchange: event => saveColour(id, index, event.target.value)});
  const zones = ["OK", "unsure", "NG"].map(kind => make("i", {class: kind}));
  const needle = make("b", {class: "needle", hidden: true}), value = make("span", {class: "value"});
  const root = make("div", {class: "threshold"},
    make("div", {class: "who"}, colour, make("span", {class: "name"}, one.name), value, lowField, highField),
    make("div", {class: "track"}, make("div", {class: "zones"}, zones, needle), low, high));
  const show = () => {
    const now = thresholdsOf(id, index), lower = now.low ?? now.high;
    low.value = lower;
    high.value = now.high;
    // Of two thumbs at one place, the one that can be moved must be above.
    low.classList.toggle("above", lower > top / 2);
    for (const [input, number] of [[lowField, lower], [highField, now.high]]) {
      if (document.activeElement !== input || state.drafts.has(id)) input.value = Number(number.toFixed(4));
    }
    colour.value = state.models.get(id)?.classes[index]?.colour.toLowerCase() ?? "#000000";
    const widths = [lower, now.high - lower, top - now.high];
    zones.forEach((zone, i) => { zone.style.flexGrow = Math.max(widths[i], 0); });
    const result = shownResults(state.picture).find(kept => kept.model.id === id)?.classes[index];
    needle.hidden = !result || result.score === null;
    const at = Math.min(Math.max((result?.score ?? 0) / top, 0), 1);
    needle.style.left = `${at * 100}%`;
    value.replaceChildren(result ? number(result.score, score(result.score), {class: "score"}) : "");
  };
  show();
  return {root, show};
}
