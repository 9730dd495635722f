// SPDX-License-Identifier: Apache-2.0
// The models: by structure, each with its state, times and memory.

import * as api from "./api.js";
import {adopt, element, make, number, render, swatch} from "./dom.js";
import {bytes, count, milliseconds, score, t} from "./i18n.js";
import {cancel, inferAll, inferOne} from "./infer.js";
import {shownResults, verdictOfResult} from "./layers.js";
import {alertUser} from "./log.js";
import {changed, later, state, watch} from "./state.js";

const rows = new Map();         // id -> {root, sign}

export async function prepare(ids) {
  try {
    await api.post("/api/prepare", {json: ids ? {models: ids} : undefined});
  } catch (error) {
    alertUser(error.message);
  }
}

export function chooseModel(id) {
  if (!state.models.has(id) || (id === state.model && state.mode === "one")) return;
  state.model = id;
  state.mode = "one";
  changed("model", "results");
}

export function stepModel(by) {
  const ids = [...state.models.keys()], now = ids.indexOf(state.model);
  if (ids.length === 0) return;
  chooseModel(ids[(now + by + ids.length) % ids.length]);
  rows.get(state.model)?.root.scrollIntoView({block: "nearest"});
}

// ---- The list ----

// Which rows are in sight: these are prepared first.
const inSight = new Set();
const tellVisible = later(() => {
  api.put("/api/visible", {json: {models: [...inSight].slice(0, 1000)}}).catch(() => {});
}, 400);
const sight = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) {
    if (isIntersecting) inSight.add(target.dataset.key);
    else inSight.delete(target.dataset.key);
  }
  tellVisible();
});

function resultTag(model) {
  const result = shownResults(state.picture).find(one => one.model.id === model.id);
  const verdict = result && verdictOfResult(result);
  if (!verdict) return null;
  const most = Math.max(...result.classes.map(one => one.score ?? 0));
  return make("span", {class: `tag ${verdict}`}, t(verdict), " ",
    number(most, score(most, result.classes[0].scoring), {class: "score"}));
}

function row(model) {
  const busy = state.busy.has(model.id);
  const spots = model.classes.slice(0, 6).map(one => swatch(one.colour));
  return make("div", {class: "model", "data-key": model.id, "data-state": model.state,
    "aria-current": model.id === state.model ? "true" : null},
  make("button", {class: "pick", onclick: () => chooseModel(model.id), title: model.path},
    make("span", {class: "spots"}, spots), make("span", {class: "name"}, model.name),
    resultTag(model)),
  make("span", {class: `state ${model.state}`, title: model.state === "cold" ? t("coldTip") : model.error},
    t(model.state)),
  make("span", {class: "figures"}, number(model.times.median_ms ?? model.times.first_ms,
    milliseconds(model.times.median_ms ?? model.times.first_ms), {class: "median"}),
  number(model.memory.private_bytes, model.state === "cold" ? "–" : bytes(model.memory.private_bytes),
      {class: "private"})),
  make("span", {class: "acts"},
    make("button", {class: "quiet prepare", disabled: ["ready", "preparing", "broken"].includes(model.state),
      onclick: () => prepare([model.id]), "aria-label": `${t("prepare")} ${model.name}`}, t("prepare")),
    make("button", {class: "quiet infer", disabled: model.state === "broken" || !state.picture || busy,
      onclick: () => inferOne(model.id), "aria-label": `${t("infer")} ${model.name}`}, t("infer"))),
  (model.error ?? model.warning) && make("p", {class: model.error ? "problem" : "caution"},
      model.error ?? model.warning));
}

// A model's row is made once; what shows the same is left alone.
function rowOf(model) {
  const result = shownResults(state.picture).find(one => one.model.id === model.id);
  const sign = JSON.stringify([document.documentElement.lang, {...model, modified: 0}, model.id === state.model,
      state.mode,
    state.busy.has(model.id), !state.picture, result && [result.result, verdictOfResult(result)]]);
  const known = rows.get(model.id);
  if (known?.sign === sign) return known.root;
  const made = row(model), root = known?.root ?? made;
  if (known) adopt(root, made);
  else sight.observe(root);
  rows.set(model.id, {root, sign});
  return root;
}

function structureRow(id, models) {
  const one = state.structures.find(structure => structure.structure === id);
  if (!id) return make("p", {class: "structure", "data-key": "none"}, make("span", {}, t("noStructure")));
  return make("p", {class: "structure", "data-key": id, title: id}, 
    make("span", {class: "id"}, t("structure", {name: id.slice(0, 8)})),
    make("span", {}, t("structureOf", {models: count(models.length), plan: milliseconds(one?.plan_ms)})));
}

function sortModels() {
  const compare = new Intl.Collator("en", {numeric: true}).compare;
  state.models = new Map([...state.models].sort(([, a], [, b]) =>
    compare(a.name, b.name) || compare(a.file, b.file)));
}

function showList() {
  const made = [...grouped()].flatMap(([id, models]) => [structureRow(id, models), ...models.map(rowOf)]);
  if (made.length === 0) made.push(make("p", {class: "empty"}, t("noModels")));
  render(element("model-list"), made);
  for (const [id, {root}] of rows) {
    if (!state.models.has(id)) {
      sight.unobserve(root);
      rows.delete(id);
    }
  }
  const ready = [...state.models.values()].filter(model => model.state === "ready").length;
  const numbers = {ready: count(ready), all: count(state.models.size)}, shown = element("ready-count");
  shown.textContent = state.models.size > 0 ? t("readyShort", numbers) : "";
  shown.title = t("readyOf", numbers);
  element("prepare-all").disabled = ready === state.models.size;
}

function grouped() {
  const groups = new Map();
  for (const model of state.models.values()) {
    groups.set(model.structure, [...(groups.get(model.structure) ?? []), model]);
  }
  return groups;
}

function showButtons() {
  const all = element("infer-all"), busy = state.busy.has("all");
  all.textContent = t(busy ? "cancel" : "inferAll");
  all.disabled = !busy && (!state.picture || state.models.size === 0);
  all.setAttribute("aria-pressed", String(state.mode === "all"));
}

export function startModels() {
  element("prepare-all").onclick = () => prepare();
  element("infer-all").onclick = () => (state.busy.has("all") ? cancel() : inferAll());
  watch(["models"], sortModels);
  watch(["models", "structures", "model", "busy", "results", "judged", "picture", "language"], showList);
  watch(["busy", "picture", "models", "model", "results", "language"], showButtons);
}
