// SPDX-License-Identifier: Apache-2.0
// Names, colours and thresholds of the models' classes: as they are changed here, else as the server has them. A
// change is shown at once; at rest the server saves it, and each saved change is a step that can be undone.

import * as api from "./api.js";
import {score, t} from "./i18n.js";
import {alertUser, note} from "./log.js";
import {changed, state} from "./state.js";

export function classOf(id, index) {
  const one = state.models.get(id)?.classes[index];
  return one && {...one, ...state.drafts.get(id)?.[index]};
}

// `told`: what a result says of its class, in case the model is gone.
export function thresholdsOf(id, index, told) {
  const one = classOf(id, index) ?? told;
  return {low: one.threshold_low, high: one.threshold};
}

// Changes some keys of a class, until save() shown but not kept.
export function change(id, index, changes) {
  const model = state.models.get(id), before = state.drafts.get(id) ?? model.classes.map(() => ({}));
  state.drafts.set(id, before.map((one, i) => (i === index ? {...one, ...changes} : one)));
  changed("thresholds");
}

// The other threshold gives way; two that are one stay one when the upper is moved.
export function moveThreshold(id, index, which, value) {
  const {low, high} = thresholdsOf(id, index), joined = low === null || low === high;
  if (which === "high") change(id, index, {threshold: value, threshold_low: joined ? value : Math.min(low, value)});
  else change(id, index, {threshold: Math.max(high, value), threshold_low: value});
}

function drop(id, drafts) {
  // What was changed since stays a draft.
  if (state.drafts.get(id) === drafts) state.drafts.delete(id);
  changed("models", "thresholds");
}

// What a change was, in words: one sentence for each class.
function noteChanges(before, after) {
  after.classes.forEach((one, index) => {
    const was = before.classes[index], values = {model: after.name, name: one.name, was: was?.name,
      colour: one.colour};
    if (!was || was.name !== one.name) note("info", t("logRenamed", values));
    if (was?.colour !== one.colour) note("info", t("logColour", values));
    if (was?.threshold !== one.threshold || was?.threshold_low !== one.threshold_low) {
      note("info", t(one.threshold === null ? "logNoThreshold" : "logThresholds", {...values,
        low: score(one.threshold_low ?? one.threshold, one.scoring), high: score(one.threshold, one.scoring)}));
    }
  });
}

// `before`: as it was when it was asked for; the event of the change may have come before its answer.
function take(model, before) {
  state.models.set(model.id, model);
  noteChanges(before, model);
}

let saving = Promise.resolve();

async function put(id) {
  const model = state.models.get(id), drafts = state.drafts.get(id);
  if (!model || !drafts) return;
  const differs = (one, i) => Object.entries(one).some(([key, value]) => model.classes[i][key] !== value);
  try {
    if (drafts.some(differs)) {
      take((await api.put(`/api/models/${id}/settings`, {json: {classes: drafts}})).model, model);
    }
  } catch (error) {
    alertUser(error.message);
  }
  drop(id, drafts);
}

// One after the other: the server gets the changes in the order they were made in.
export function save(id) {
  saving = saving.then(() => put(id));
  return saving;
}

export function undo(id = state.model) {
  saving = saving.then(async () => {
    const before = state.models.get(id);
    if (!before?.settings.undo) return;
    try {
      const {model} = await api.post(`/api/models/${id}/settings/undo`);
      note("info", t("logUndone", {model: model.name}));
      take(model, before);
      changed("models", "thresholds");
    } catch (error) {
      alertUser(error.message);
    }
  });
  return saving;
}
