// SPDX-License-Identifier: Apache-2.0
// Asking for inferences, and what is kept of them.

import * as api from "./api.js";
import {milliseconds, t} from "./i18n.js";
import {shownResults, showLayers, verdictOfResult} from "./layers.js";
import {alertUser, note} from "./log.js";
import {referenceOf} from "./picture.js";
import {changed, later, state, watch} from "./state.js";

const MOST_PICTURES = 5000, MOST_RUNS = 500;

let number = 0;
const running = new Map();      // "one" or "all" -> {controller, request}

function keep(picture, json) {
  const results = state.results.get(picture.key) ?? new Map();
  state.results.delete(picture.key);
  state.results.set(picture.key, results);
  if (state.results.size > MOST_PICTURES) state.results.delete(state.results.keys().next().value);
  const result = {result: json.result, model: json.model, times: json.times, classes: json.classes.map(one => ({
    name: one.name, colour: one.colour, threshold: one.threshold, threshold_low: one.threshold_low,
    score: one.score, scoring: one.scoring, map: one.map}))};
  results.set(json.model.id, result);
  const kind = json.first_run ? "cold" : json.switched ? "switched" : "prepared";
  state.runs.push({model: json.model.name, kind, run: json.times.run_ms, total: json.times.total_ms});
  state.runs.splice(0, state.runs.length - MOST_RUNS);
  for (const one of json.classes) {
    if (one.map.nonfinite > 0) note("warning", t("nonfinite", {name: one.name, count: one.map.nonfinite}));
  }
  changed("results", "runs");
  return result;
}

function noteRun(json, picture, result) {
  const verdict = verdictOfResult(result);
  note("info", t(json.first_run ? "logFirst" : "logRun", {model: json.model.name,
      picture: picture.short ?? picture.name,
    time: milliseconds(json.times.run_ms), verdict: verdict ? t(verdict) : t("noVerdict")}));
}

function begin(kind, picture, model) {
  stop(kind);
  const one = {picture, model, controller: new AbortController(),
      request: `page-${Date.now().toString(36)}-${++number}`};
  running.set(kind, one);
  return one;
}

function stop(kind) {
  running.get(kind)?.controller.abort();
  running.delete(kind);
}

// An uploaded picture may have made room for others: then it is sent once more.
async function withReference(picture, signal, act) {
  const reference = await referenceOf(picture, signal);
  try {
    return await act(reference);
  } catch (error) {
    if (!picture.file || (error.http !== 404 && error.http !== 410)) throw error;
    picture.reference = null;
    return act(await referenceOf(picture, signal));
  }
}

const failed = error => {
  if (error.name !== "AbortError") alertUser(error.message);
};

export async function inferOne(id = state.model) {
  const picture = state.picture;
  if (!picture || !id) return;
  if (state.mode !== "one" || id !== state.model) {
    state.mode = "one";
    state.model = id;
    changed("model", "results");
  }
  const {controller: {signal}, request} = begin("one", picture, id);
  state.busy.add(id);
  changed("busy");
  try {
    const json = await withReference(picture, signal, reference =>
      api.post("/api/infer", {parameters: {model: id, picture: reference, request}, signal}));
    noteRun(json, picture, keep(picture, json));
    if (picture === state.picture && state.mode === "one") await showLayers();
  } catch (error) {
    failed(error);
  } finally {
    if (running.get("one")?.request === request) running.delete("one");
    if (running.get("one")?.model !== id) state.busy.delete(id);
    changed("busy");
  }
}

async function readRound(stream, picture) {
  for await (const line of stream) {
    if (line.type === "result") {
      keep(picture, {...line, picture: undefined});
      state.round.push(line.model.id);
      if (picture === state.picture && state.mode === "all") await showLayers();
    } else if (line.type === "error") {
      alertUser(line.error.message);
    } else if (line.type === "end" && !line.cancelled) {
      note("info", t("logAll", {picture: picture.short ?? picture.name, time: milliseconds(line.total_ms)}));
    }
  }
}

export async function inferAll() {
  const picture = state.picture;
  if (!picture || state.models.size === 0) return;
  const mine = begin("all", picture), {signal} = mine.controller;
  state.mode = "all";
  state.round = [];
  state.layers = [];
  state.busy.add("all");
  changed("busy", "results", "layers", "model");
  try {
    await withReference(picture, signal, reference => readRound(
      api.lines("POST", "/api/infer-all", {parameters: {picture: reference, request: mine.request}, signal}),
          picture));
  } catch (error) {
    failed(error);
  } finally {
    if (running.get("all") === mine) {
      state.busy.delete("all");
      running.delete("all");
    }
    changed("busy", "results");
  }
}

export const isInferring = () => state.busy.size > 0;

// Closing a request's connection cancels it.
export function cancel() {
  stop("one");
  stop("all");
  state.busy.clear();
  changed("busy");
}

// What a choice of picture or model leads to: what is known of it, else an inference once the choice rests.
const isWanted = () => {
  const one = running.get(state.mode);
  return one?.picture === state.picture && (state.mode === "all" || one.model === state.model);
};

const inferSoon = later(() => {
  if (!state.auto || !state.picture?.size || isWanted() || shownResults(state.picture).length > 0) return;
  if (state.mode === "all") inferAll();
  else inferOne();
}, 80);

function choose() {
  if (!isWanted()) {
    stop("one");
    stop("all");
  }
  showLayers();
  inferSoon();
}

watch(["picture", "model"], choose);
watch(["forgotten"], () => {
  state.results.clear();
  changed("results");
  choose();
});
