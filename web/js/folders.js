// SPDX-License-Identifier: Apache-2.0
// Where pictures come from: the folders of the server, and what was dropped on the page.

import * as api from "./api.js";
import {element, make, render} from "./dom.js";
import {t} from "./i18n.js";
import {alertUser} from "./log.js";
import {changed, later, state, watch} from "./state.js";

const FIRST_PAGE = 500, PAGE = 5000;
let loading = null;

// "brick/scratch/000": the name, and what tells it from others of that name.
function shortName(folder, one) {
  const parts = one.path.slice(folder ? folder.length + 1 : 0).split("/").filter(part => part !== "test" &&
      part !== "train");
  return parts.slice(-3).join("/").replace(/\.[^.]+$/, "");
}

// Masks are listed with a data set's pictures as what they are; their folders alone are of no use here.
const isUseful = folder => !/^(ground_truth.*|Label)$/.test(folder.name);

// The folder's pictures, part by part. Those that are known stay the same objects: results, the choice, and cells
// hang on them.
async function* readParts(path, signal) {
  const known = new Map(state.pictures.map(picture => [picture.key, picture]));
  for (let offset = 0, limit = FIRST_PAGE, more = true; more; limit = PAGE) {
    const answer = await api.get("/api/data", {signal, parameters: {path, offset, limit, flat: path === null ? null
        : 1}});
    const pictures = answer.pictures.map(one => Object.assign(known.get(one.path) ?? {}, one, {key: one.path,
        short: shortName(path, one)}));
    offset += pictures.length;
    more = pictures.length > 0 && offset < answer.total;
    yield {folder: {...answer, pictures: null, loading: more}, pictures};
  }
}

// What is open already, `again`, changes at once when all is read: a list that shrinks meanwhile would lose its
// place.
async function readAll(path, signal, again) {
  const all = [];
  for await (const {folder, pictures} of readParts(path, signal)) {
    if (signal.aborted) return;
    for (const one of pictures) all.push(one);
    if (again && folder.loading) continue;
    state.pictures = [...all];
    state.folder = folder;
    changed("pictures", "folder");
  }
}

export async function openFolder(path, {again = false} = {}) {
  loading?.abort();
  const {signal} = loading = new AbortController();
  const reading = readAll(path, signal, again);
  if (!again) {
    // The way back is there while the folder is read.
    state.folder = {path, loading: true, folders: []};
    state.pictures = [];
    changed("opened", "pictures", "folder");
  }
  try {
    await reading;
    // A single data folder is what there is to see.
    if (!signal.aborted && path === null && state.folder.folders.length === 1) {
      await openFolder(state.folder.folders[0].path);
    }
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    state.folder = {...state.folder, loading: false};
    changed("folder");
    alertUser(error.message);
  }
}

export function openDropped() {
  loading?.abort();
  state.folder = {path: null, dropped: true, folders: [], loading: false};
  state.pictures = [...state.dropped];
  changed("opened", "pictures", "folder");
}

const LAYOUTS = {mvtec: "MVTec AD", dagm: "DAGM 2007", "dagm-old": "DAGM 2007"};

const crumb = (key, text, here, open) => make("button", {class: "crumb", "data-key": key,
  "aria-current": here ? "true" : null, onclick: open}, text);

function crumbs() {
  const {path, dropped} = state.folder ?? {}, parts = path ? path.split("/") : [], roots = state.server?.data ?? [];
  const made = parts.map((part, i) => {
    const to = parts.slice(0, i + 1).join("/");
    return crumb(`folder:${to}`, part, to === path, () => openFolder(to));
  });
  if (roots.length > 1 || (dropped && roots.length > 0)) {
    made.unshift(crumb("roots", t("folders"), false, () => openFolder(null)));
  }
  if (dropped) made.push(crumb("dropped", t("dropped"), true, openDropped));
  const others = !dropped && state.dropped.length > 0 && make("button", {class: "crumb other", "data-key": "others",
    onclick: openDropped}, `${t("dropped")} (${state.dropped.length})`);
  const layout = LAYOUTS[state.folder?.layout];
  return make("div", {class: "crumbs"}, made, others, layout && make("span", {class: "layout", title: t("layout")},
    layout));
}

function showFolders() {
  const root = element("folders"), hadFocus = root.contains(document.activeElement);
  const folders = (state.folder?.folders ?? []).filter(isUseful);
  render(root, crumbs(), make("ul", {class: "folders", hidden: folders.length === 0}, folders.map(folder =>
    make("li", {"data-key": folder.path}, make("button", {class: "folder", onclick: () => openFolder(folder.path)},
      folder.name)))));
  // Who opened a folder goes on in it.
  if (hadFocus && !root.contains(document.activeElement)) element("list").focus({preventScroll: true});
}

export function startFolders() {
  watch(["folder", "language", "server"], showFolders);
}

// A folder's content has changed; much at once is listed once.
const listAgain = later(() => state.folder?.path && openFolder(state.folder.path, {again: true}), 300);

export function folderChanged(path) {
  const here = state.folder?.path;
  if (here && (path === here || path.startsWith(here + "/"))) listAgain();
}
