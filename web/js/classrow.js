// SPDX-License-Identifier: Apache-2.0
// A class of the chosen model: its colour, name and score; its two thresholds on one line of OK, unsure and NG. The
// elements are made once and brought up to date by show(), so that a drag or a name that is typed goes on.

import {change, classOf, moveThreshold, save} from "./classes.js";
import {make, number, render} from "./dom.js";
import {score, t} from "./i18n.js";
import {shownResults} from "./layers.js";
import {later, state} from "./state.js";

// A colour is chosen from all, the six of old first.
const PALETTE = ["#FF0000", "#FFFF00", "#0000FF", "#008000", "#FFC0CB", "#800080", "#00C8D7", "#FF7A00"];

export const palette = () =>
  make("datalist", {id: "palette"}, PALETTE.map(value => make("option", {value})));

function colourField(id, index) {
  return make("input", {type: "color", list: "palette",
    oninput: event => change(id, index, {colour: event.target.value.toUpperCase()}), onchange: () => save(id)});
}

function nameField(id, index) {
  const restore = input => { input.value = classOf(id, index).name; };
  const commit = event => {
    const name = event.target.value.trim();
    if (name === "") return restore(event.target);
    change(id, index, {name});
    return save(id);
  };
  return make("input", {type: "text", class: "name", maxlength: 100, spellcheck: "false", autocomplete: "off",
    onchange: commit, onfocus: event => event.target.select(),
    onkeydown: event => {
      if (event.isComposing) return;
      if (event.key === "Escape") restore(event.target);
      if (event.key === "Escape" || event.key === "Enter") event.target.blur();
    }});
}

// Dragged, it is saved when let go; moved by keys, when it has rested.
function slider(id, index, which) {
  const rest = later(() => save(id), 400);
  let byKey = false;
  return make("input", {type: "range", class: which, min: 0, onpointerdown: () => { byKey = false; },
    onkeydown: () => { byKey = true; },
    oninput: event => moveThreshold(id, index, which, Number(event.target.value)),
    onchange: () => (byKey ? rest() : save(id))});
}

function numberField(id, index, which) {
  return make("input", {type: "number", class: which, min: 0, onchange: event => {
    const value = event.target.valueAsNumber;
    if (Number.isFinite(value)) moveThreshold(id, index, which, value);
    save(id);
  }});
}

// Where thresholds end: maps are from 0 to 1; areas and other scores go as far as they may reach.
function scaleOf({threshold, scoring}) {
  const isArea = scoring?.type === "area", above = threshold > 1 || isArea;
  const top = above ? 10 ** Math.max(Math.ceil(Math.log10(threshold * 2)), 1) : 1;
  return {top, step: isArea ? 1 : top / 1000};
}

function scoringText(scoring) {
  if (!scoring) return "";
  return t(`scoring_${scoring.type}`, {percent: scoring.percent, threshold: scoring.threshold});
}

function label(input, text) {
  if (input.ariaLabel !== text) input.ariaLabel = input.title = text;
}

// A row's parts, by what they are.
function partsOf(id, index) {
  const parts = {colour: colourField(id, index), name: nameField(id, index), value: make("span", {class: "value"}),
    lowField: numberField(id, index, "low"), highField: numberField(id, index, "high"),
    low: slider(id, index, "low"), high: slider(id, index, "high"),
    zones: ["OK", "unsure", "NG"].map(kind => make("i", {class: kind})),
    needle: make("b", {class: "needle", hidden: true}), none: make("span", {class: "none"}),
    set: make("button", {class: "quiet", onclick: () => {
      change(id, index, {threshold: 0.5, threshold_low: 0.5});
      save(id);
    }})};
  parts.track = make("div", {class: "track"}, make("div", {class: "zones"}, parts.zones, parts.needle), parts.low,
    parts.high);
  parts.without = make("div", {class: "without"}, parts.none, parts.set);
  parts.root = make("div", {class: "threshold"},
    make("div", {class: "who"}, parts.colour, parts.name, parts.value, parts.lowField, parts.highField),
    parts.track, parts.without);
  return parts;
}

function showThresholds(parts, now, isDraft) {
  const {top, step} = scaleOf(now), lower = now.threshold_low ?? now.threshold;
  for (const [input, field, value] of [[parts.low, parts.lowField, lower], [parts.high, parts.highField,
      now.threshold]]) {
    Object.assign(input, {max: top, step, value});
    Object.assign(field, {max: top, step});
    if (document.activeElement !== field || isDraft) field.value = Number(value.toFixed(4));
  }
  label(parts.low, t("thresholdLow", {name: now.name}));
  label(parts.high, t("thresholdHigh", {name: now.name}));
  label(parts.lowField, t("thresholdLow", {name: now.name}));
  label(parts.highField, t("thresholdHigh", {name: now.name}));
  // Of two thumbs at one place, the one that can be moved must be above.
  parts.low.classList.toggle("above", lower > top / 2);
  [lower, now.threshold - lower, top - now.threshold].forEach((width, i) => {
    parts.zones[i].style.flexGrow = Math.max(width, 0);
  });
  return top;
}

export function classRow(id, index) {
  const parts = partsOf(id, index);
  const show = () => {
    const now = classOf(id, index), has = now.threshold !== null;
    if (document.activeElement !== parts.name) parts.name.value = now.name;
    parts.colour.value = now.colour.toLowerCase();
    label(parts.name, t("nameOf", {name: now.name}));
    label(parts.colour, t("colourOf", {name: now.name}));
    parts.none.textContent = t("noThreshold");
    parts.set.textContent = t("setThreshold");
    for (const part of [parts.lowField, parts.highField, parts.track]) part.hidden = !has;
    parts.without.hidden = has;
    const result = shownResults(state.picture).find(kept => kept.model.id === id)?.classes[index];
    const top = has ? showThresholds(parts, now, state.drafts.has(id)) : 1;
    parts.needle.hidden = !result || result.score === null;
    parts.needle.style.left = `${Math.min(Math.max((result?.score ?? 0) / top, 0), 1) * 100}%`;
    render(parts.value, result && number(result.score, score(result.score, result.scoring), {class: "score"}));
    parts.value.title = scoringText(now.scoring);
  };
  show();
  return {root: parts.root, show, rename: () => parts.name.focus()};
}
