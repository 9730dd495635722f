// SPDX-License-Identifier: Apache-2.0
// The maps that are shown: one for each class of each result. A layer has the exact numbers, and what they say by
// the thresholds as they are now.

import * as api from "./api.js";
import {classOf, thresholdsOf} from "./classes.js";
import {alertUser} from "./log.js";
import {edges, findRegions, judge, worst} from "./regions.js";
import {changed, state, watch} from "./state.js";

export const keyOfClass = layer => `${layer.model}/${layer.index}`;

// Classes that are not painted, at the user's wish. A single one always is.
export const isHidden = layer => state.layers.length > 1 && state.hidden.has(keyOfClass(layer));

const judgeClass = (model, index, one) => {
  const {low, high} = thresholdsOf(model, index, one);
  return judge(one.score, low, high, one.scoring);
};

// What a kept result says now.
export const verdictOfResult = result =>
  worst(result.classes.map((one, index) => judgeClass(result.model.id, index, one).verdict));

// What is shown of a picture: the chosen model's result, or those of a round.
export function shownResults(picture) {
  const results = picture && state.results.get(picture.key);
  if (!results) return [];
  const wanted = state.mode === "all" ? state.round : [state.model];
  return wanted.map(id => results.get(id)).filter(result => result);
}

export function verdictOf(picture) {
  const results = shownResults(picture);
  return results.length > 0 ? worst(results.map(verdictOfResult)) : null;
}

// Names of the classes that are not OK.
export const classesFound = picture => shownResults(picture).flatMap(({model, classes}) =>
  classes.flatMap((one, index) => (["NG", "unsure"].includes(judgeClass(model.id, index, one).verdict)
    ? [classOf(model.id, index)?.name ?? one.name] : [])));

function judgeLayer(layer) {
  const {verdict, reached} = judgeClass(layer.model, layer.index, layer.told);
  layer.verdict = verdict;
  if (layer.values && (layer.reached !== reached || !layer.labels)) {
    Object.assign(layer, findRegions(layer, reached, ...state.picture.size));
    layer.lines = edges(layer.labels, layer.width, layer.height);
  }
  layer.reached = reached;
}

function layerOf(result, index, kept) {
  const told = result.classes[index], now = classOf(result.model.id, index) ?? told;
  const key = `${result.result}/${index}`;
  return kept.get(key) ?? {
    key, told, model: result.model.id, modelName: result.model.name, index, name: now.name,
    colour: now.colour, score: told.score, width: told.map.width, height: told.map.height,
        url: told.map.url,
    values: null, labels: null, regions: [], lines: [], verdict: null, reached: undefined,
  };
}

// Of the chosen model's, the one with the highest score; what is not a number is above all.
function strongest(layers) {
  const own = layers.some(layer => layer.model === state.model), rank = layer => layer.score ?? Infinity;
  return layers.reduce((best, layer, i) => {
    if (own && layer.model !== state.model) return best;
    return best < 0 || rank(layer) > rank(layers[best]) ? i : best;
  }, -1);
}

let loading = null;

async function load(layers, signal) {
  await Promise.all(layers.filter(layer => !layer.values).map(async layer => {
    const values = await api.map(layer.url, signal);
    layer.values = values;
  }));
}

// Shows what there is of the chosen picture.
export async function showLayers() {
  loading?.abort();
  const mine = loading = new AbortController();
  const kept = new Map(state.layers.map(layer => [layer.key, layer]));
  // A picture that can't be read has no maps, and those of another must not stay.
  const results = state.picture?.failed ? [] : shownResults(state.picture);
  const layers = results.flatMap(result => result.classes.map((_, index) => layerOf(result, index, kept)));
  const before = state.layers[state.layer];
  try {
    if (layers.some(layer => !layer.values)) {
      // What belongs to another picture must not stay beside this one.
      if (!layers.some(layer => kept.has(layer.key)) && state.layers.length > 0) {
        state.layers = [];
        changed("layers");
      }
      await load(layers, mine.signal);
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.http !== 410 && error.http !== 404) alertUser(error.message);
    // A result that has made room for others is forgotten here too; it can be had anew.
    for (const result of results) state.results.get(state.picture?.key)?.delete(result.model.id);
    state.layers = [];
    changed("layers", "results");
    return;
  }
  if (mine.signal.aborted || !(state.picture?.size || state.picture?.failed)) return;
  state.layers = layers;
  layers.forEach(judgeLayer);
  const same = layers.findIndex(layer => before && layer.model === before.model && layer.index === before.index);
  state.layer = same >= 0 && before.model === state.model ? same : strongest(layers);
  state.region = null;
  changed("layers");
}

watch(["thresholds", "models"], () => {
  for (const layer of state.layers) {
    const now = classOf(layer.model, layer.index);
    if (now) Object.assign(layer, {colour: now.colour, name: now.name});
    judgeLayer(layer);
  }
  if (state.layers.length > 0) changed("judged");
});

export const shownRegions = () =>
  state.layers.flatMap((layer, i) => (isHidden(layer) ? []
    : layer.regions.map((region, index) => ({layer: i, index, region}))));

export function pointAt(region) {
  const same = region?.layer === state.region?.layer && region?.index === state.region?.index;
  if (same && Boolean(region) === Boolean(state.region)) return;
  state.region = region;
  changed("region");
}
