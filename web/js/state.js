// SPDX-License-Identifier: Apache-2.0
// What the page knows. Whoever changes something says so with changed("topic"); whoever shows it has said
// watch(["topic"], show). Watchers run once after all changes of a turn.

export const state = {
  server: null,            // GET /api/server
  connected: true,
  models: new Map(),       // id -> MODEL, in the server's order
  structures: [],
  preparing: {wanted: 0, ready: 0},
  model: null,             // id of the chosen one
  drafts: new Map(),       // id -> for each class what is changed, until the server has it
  folder: null,            // GET /api/data, and `loading`, `dropped`
  pictures: [],            // of the folder
  dropped: [],             // all that were dropped
  filtered: [],            // those that pass the filters
  picture: null,           // the chosen one
  results: new Map(),      // picture key -> Map of model id -> result
  mode: "one",             // "one": the chosen model's result, "all": those of the last round through all models
  round: [],               // ids of the models of that round
  busy: new Set(),         // ids of models that infer, or "all"
  layers: [],              // maps that are shown, see layers.js
  layer: 0,                // index of the one whose heat map is shown
  hidden: new Set(),       // classes that are not painted: "model id/index"
  region: null,            // {layer, index}: the one that is pointed at
  runs: [],                // inferences, for the chart
  log: [],
  view: {zoom: 1, x: null, y: null},   // 1 fits; x and y: what is in the middle, in pixels of the picture
  panes: {picture: true, heat: true, mask: true, overlay: true, truth: false},
  opacity: 0.6,
  outlines: true,
  colours: "haya",
  auto: true,
};

const watchers = [];
const waiting = new Set();

function run() {
  const topics = [...waiting];
  waiting.clear();
  for (const watcher of watchers) {
    if (topics.some(topic => watcher.topics.includes(topic))) watcher.show();
  }
}

export function watch(topics, show) {
  watchers.push({topics, show});
}

export function changed(...topics) {
  if (waiting.size === 0) queueMicrotask(run);
  for (const topic of topics) waiting.add(topic);
}

export function later(act, milliseconds) {
  let timer = null;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

// ---- What outlives the page ----

const KEPT = ["panes", "opacity", "outlines", "colours", "auto"];

export function remember() {
  try {
    localStorage.setItem("haya", JSON.stringify(Object.fromEntries(KEPT.map(key => [key, state[key]]))));
  } catch {
    // Storage may be forbidden; then nothing is remembered.
  }
}

export function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem("haya") ?? "{}");
    for (const key of KEPT) {
      if (typeof kept[key] === typeof state[key]) state[key] = kept[key];
    }
  } catch {
    // What can't be read is forgotten.
  }
}
