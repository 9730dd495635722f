// SPDX-License-Identifier: Apache-2.0
// What the server tells as it happens. EventSource connects again by itself; after a restart all is asked for anew.

import * as api from "./api.js";
import {folderChanged, openFolder} from "./folders.js";
import {count, t} from "./i18n.js";
import {alertUser, note} from "./log.js";
import {changed, later, state} from "./state.js";

const structures = later(async () => {
  try {
    ({structures: state.structures} = await api.get("/api/models"));
    changed("structures");
  } catch {
    // The next event asks again.
  }
}, 500);

async function loadAll() {
  const [server, {models, structures: known, preparing}] = await Promise.all([api.get("/api/server"),
      api.get("/api/models")]);
  Object.assign(state, {server, structures: known, preparing, models: new Map(models.map(model => [model.id,
      model]))});
  if (!state.models.has(state.model)) state.model = state.models.keys().next().value ?? null;
  changed("server", "models", "structures", "model");
}

// The first of each connection.
async function greet({started, resumed}) {
  const restarted = state.server && state.server.started !== started, again = !state.connected;
  state.connected = true;
  changed("connection");
  if (resumed) return;
  try {
    await loadAll();
    if (restarted) {
      note("warning", t("restarted"));
      changed("forgotten");
    } else {
      note("info", again ? t("back") : t("logLoaded", {count: count(state.models.size)}));
    }
    if (!state.folder) await openFolder(null);
    else if (state.folder.path) await openFolder(state.folder.path, {again: true});
  } catch (error) {
    alertUser(error.message);
  }
}

export function startEvents() {
  const source = new EventSource("/api/events");
  const on = (name, act) => source.addEventListener(name, event => act(JSON.parse(event.data)));
  on("hello", greet);
  on("model", model => {
    const before = state.models.get(model.id);
    state.models.set(model.id, model);
    if (state.model === null) {
      state.model = model.id;
      changed("model");
    }
    if (before && before.version !== model.version) {
      for (const results of state.results.values()) results.delete(model.id);
      changed("results");
    }
    if (before?.structure !== model.structure || before?.state !== model.state) structures();
    changed("models");
  });
  on("model-removed", ({id}) => {
    state.models.delete(id);
    if (state.model === id) state.model = state.models.keys().next().value ?? null;
    changed("models", "model");
    structures();
  });
  on("preparing", preparing => {
    state.preparing = preparing;
    changed("models");
  });
  on("folder", ({path}) => folderChanged(path));
  on("log", ({level, message, time}) => note(level, message, time));
  source.onerror = () => {
    if (state.connected) note("warning", t("lost"));
    state.connected = false;
    changed("connection");
    // A server that refuses ends the stream for good; then it is tried anew.
    if (source.readyState === EventSource.CLOSED) setTimeout(startEvents, 3000);
  };
}
