// SPDX-License-Identifier: Apache-2.0
// The models: by structure, each with its state, times and memory; below, the chosen one.

import * as api from "./api.js";
import {element, make, number, replace, swatch} from "./dom.js";
import {bytes, count, milliseconds, score, t} from "./i18n.js";
import {cancel, inferAll, inferOne} from "./infer.js";
import {shownResults, verdictOfResult} from "./layers.js";
import {alertUser} from "./log.js";
import {changed, later, state, watch} from "./state.js";
import {thresholdRow, undo} from "./thresholds.js";

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
    if (isIntersecting) inSight.add(target.dataset.id);
    else inSight.delete(target.dataset.id);
  }
  tellVisible();
});

function resultTag(model) {
  const result = shownResults(state.picture).find(one => one.model.id === model.id);
  const verdict = result && verdictOfResult(result);
  if (!verdict) return null;
  const most = Math.max(...result.classes.map(one => one.score ?? 0));
  return make("span", {class: `tag ${verdict}`}, t(verdict), " ", number(most, score(most), {class: "score"}));
}

function row(model) {
  const busy = state.busy.has(model.id);
  const spots = model.classes.slice(0, 6).map(one => swatch(one.colour));
  return make("div", {class: "model", "data-id": model.id, "data-state": model.state,
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

// Rows that show the same stay as they are, with their focus.
function rowOf(model) {
  const result = shownResults(state.picture).find(one => one.model.id === model.id);
  const sign = JSON.stringify([document.documentElement.lang, {...model, modified: 0}, model.id === state.model,
      state.mode,
    state.busy.has(model.id), !state.picture, result && [result.result, verdictOfResult(result)]]);
  const known = rows.get(model.id);
  if (known?.sign === sign) return known.root;
  const root = row(model);
  if (known) sight.unobserve(known.root);
  sight.observe(root);
  rows.set(model.id, {root, sign});
  return root;
}

function structureRow(id, models) {
  const one = state.structures.find(structure => structure.structure === id);
  if (!id) return make("p", {class: "structure"}, make("span", {}, t("noStructure")));
  return make("p", {class: "structure", title: id}, 
    make("span", {class: "id"}, t("structure", {name: id.slice(0, 8)})),
    make("span", {}, t("structureOf", {models: count(models.length), plan: milliseconds(one?.plan_ms)})));
}

function sortModels() {
  const compare = new Intl.Collator("en", {numeric: true}).compare;
  state.models = new Map([...state.models].sort(([, a], [, b]) =>
    compare(a.name, b.name) || compare(a.file, b.file)));
}

function showList() {
  const list = element("model-list");
  const groups = grouped();
  const made = [...groups].flatMap(([id, models]) => [structureRow(id, models), ...models.map(rowOf)]);
  if (made.length === 0) made.push(make("p", {class: "empty"}, t("noModels")));
  const focused = document.activeElement?.closest?.(".model")?.dataset.id,
      which = document.activeElement?.className;
  // Elements that are where they belong are not touched: a replaced one loses the focus and its clicks.
  made.forEach((one, i) => { if (list.children[i] !== one) list.insertBefore(one, list.children[i] ?? null); });
  while (list.childElementCount > made.length) list.lastElementChild.remove();
  if (focused && !list.contains(document.activeElement)) {
    rows.get(focused)?.root.getElementsByClassName(which)[0]?.focus({preventScroll: true});
  }
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

// ---- The chosen model ----

let detail = {sign: "", rows: [], times: null, undo: null};

function figures(model) {
  const {times, memory, input} = model;
  const size = input && [input.width ?? "?", input.height ?? "?", input.channels ?? "?"].join(" × ");
  const pairs = [
    ...["open_ms", "bind_ms", "first_ms", "last_ms", "median_ms"].map(key =>
        [key, times[key], milliseconds(times[key])]),
    ["runs", times.runs, count(times.runs)],
    ...["private_bytes", "derived_bytes", "file_bytes"].map(key => [key, memory[key], bytes(memory[key])])];
  return [pairs.map(([key, value, text]) => make("div", {class: "pair"}, make("dt", {}, t(key)),
    make("dd", {}, number(value, text, {"data-key": key})))),
  make("div", {class: "pair wide"}, make("dt", {}, t("inputOf")),
      make("dd", {}, input ? `${input.name}, ${size}` : "–")),
  make("div", {class: "pair wide"}, make("dt", {}, t("file")), make("dd", {title: model.path}, model.file))];
}

function showDetail() {
  const root = element("model-detail"), model = state.models.get(state.model);
  if (!model) {
    replace(root, make("p", {class: "empty"}, state.models.size > 0 ? t("chooseModel") : ""));
    detail = {sign: ""};
    return;
  }
  const sign = JSON.stringify([document.documentElement.lang, model.id, model.classes.map(one => [one.name,
      one.threshold === null,
    one.threshold > 1])]);
  if (sign !== detail.sign) {
    detail = {sign, rows: model.classes.map((_, index) => thresholdRow(model, index)),
        times: make("dl", {class: "figures-list"}),
      undo: make("button", {class: "quiet", onclick: () => undo()})};
    replace(root, make("div", {class: "head"}, make("h3", {}, `${model.name} · ${t("thresholds")}`), detail.undo),
      model.classes.length > 0 && make("div", {class: "threshold-head", "aria-hidden": "true"},
          make("span", {}, t("score")),
        make("span", {class: "unsure"}, `${t("unsure")} ≥`), make("span", {class: "NG"}, `${t("NG")} ≥`)),
      model.classes.length > 0 ? detail.rows.map(one => one.root) : make("p", {class: "empty"}, t("noStructure")),
          detail.times);
  }
  detail.rows.forEach(one => one.show());
  detail.undo.textContent = model.settings.undo > 0 ? t("undoCount", {count: model.settings.undo}) : t("undo");
  detail.undo.disabled = model.settings.undo === 0;
  detail.undo.title = t("save", {file: model.settings.file ?? ""});
  replace(detail.times, figures(model));
}

export function startModels() {
  element("prepare-all").onclick = () => prepare();
  element("infer-all").onclick = () => (state.busy.has("all") ? cancel() : inferAll());
  watch(["models"], sortModels);
  watch(["models", "structures", "model", "busy", "results", "judged", "picture", "language"], showList);
  watch(["busy", "picture", "models", "model", "results", "language"], showButtons);
  watch(["models", "model", "thresholds", "results", "judged", "picture", "language"], showDetail);
}
