// SPDX-License-Identifier: Apache-2.0
// Where pictures come from: folders of the server, and what is dropped on the page.

import * as api from "./api.js";
import {element, make, replace} from "./dom.js";
import {t} from "./i18n.js";
import {alertUser} from "./log.js";
import {choosePicture} from "./picture.js";
import {chooseAt} from "./pictures.js";
import {changed, later, state, watch} from "./state.js";

const FIRST_PAGE = 500, PAGE = 5000;
let loading = null;
const dropped = [];

const item = folder => one => ({...one, key: one.path, short: shortName(folder, one)});

// "brick/scratch/000": the name, and what tells it from others of that name.
function shortName(folder, one) {
  const parts = one.path.slice(folder ? folder.length + 1 : 0).split("/").filter(part => part !== "test" &&
      part !== "train");
  return parts.slice(-3).join("/").replace(/\.[^.]+$/, "");
}

// Masks are listed with a data set's pictures as what they are; their folders alone are of no use here.
const isUseful = folder => !/^(ground_truth.*|Label)$/.test(folder.name);

async function readAll(path, signal) {
  for (let offset = 0; ; offset += offset === 0 ? FIRST_PAGE : PAGE) {
    const answer = await api.get("/api/data", {signal, parameters: {
      path, offset, limit: offset === 0 ? FIRST_PAGE : PAGE, flat: path === null ? null : 1}});
    if (signal.aborted) return;
    const before = offset === 0 ? [] : state.pictures;
    const known = new Map(state.pictures.map(picture => [picture.key, picture]));
    const read = answer.pictures.map(item(path)).map(one => Object.assign(known.get(one.key) ?? one, one));
    state.pictures = before.concat(read);
    const more = offset + answer.pictures.length < answer.total && answer.pictures.length > 0;
    state.folder = {...answer, pictures: null, loading: more};
    changed("pictures", "folder");
    if (!more) return;
  }
}

export async function openFolder(path, {keepPicture = false} = {}) {
  loading?.abort();
  const {signal} = loading = new AbortController();
  if (!keepPicture) {
    state.folder = {...(state.folder ?? {}), path, loading: true, folders: state.folder?.folders ?? []};
    state.pictures = [];
    changed("pictures", "folder");
  }
  try {
    await readAll(path, signal);
    // A single data folder is what there is to see.
    if (path === null && state.folder.folders.length === 1) return openFolder(state.folder.folders[0].path);
    if (!keepPicture && state.pictures.length > 0) chooseAt(0);
  } catch (error) {
    if (error.name === "AbortError") return;
    state.folder = {...state.folder, loading: false};
    changed("folder");
    alertUser(error.message);
  }
}

function openDropped() {
  loading?.abort();
  state.folder = {path: null, dropped: true, folders: [], loading: false, parent: null};
  state.pictures = [...dropped];
  changed("pictures", "folder");
}

// ---- What is dropped ----

const isPicture = file => /\.(png|jpe?g|tiff?|bmp)$/i.test(file.name) || file.type.startsWith("image/");

const fileOf = entry => new Promise((done, failed) => entry.file(done, failed));
const some = reader => new Promise((done, failed) => reader.readEntries(done, failed));

async function* filesIn(entry) {
  if (entry.isFile) {
    yield await fileOf(entry);
  } else {
    const reader = entry.createReader();
    for (let part = await some(reader); part.length > 0; part = await some(reader)) {
      for (const one of part) if (!one.name.startsWith(".")) yield* filesIn(one);
    }
  }
}

export async function takeFiles(files) {
  const made = [];
  for (const file of files) {
    if (!isPicture(file)) continue;
    made.push({key: `dropped:${dropped.length}`, path: null, file, name: file.name, truth: null, defect: null,
        mask: false});
    dropped.push(made.at(-1));
  }
  if (made.length === 0) {
    alertUser(t("noPicturesDropped"));
    return;
  }
  openDropped();
  await choosePicture(made[0]);
}

async function takeDrop(transfer) {
  // Entries have to be asked for before anything is waited for.
  const entries = [...transfer.items].map(one => one.webkitGetAsEntry?.()).filter(entry => entry);
  const plain = [...transfer.files], files = [];
  try {
    for (const entry of entries) for await (const file of filesIn(entry)) files.push(file);
  } catch (error) {
    alertUser(t("badFile", {name: error.message}));
  }
  await takeFiles(entries.length > 0 ? files : plain);
}

function startDrop() {
  const sign = element("drop");
  let depth = 0;
  const show = by => { sign.hidden = (depth = Math.max(depth + by, 0)) === 0; };
  const carriesFiles = event => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", event => carriesFiles(event) && (event.preventDefault(), show(1)));
  addEventListener("dragleave", event => carriesFiles(event) && show(-1));
  addEventListener("dragover", event => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(0);
    takeDrop(event.dataTransfer);
  });
}

// ---- Folders ----

function crumbs() {
  const path = state.folder?.path, parts = path ? path.split("/") : [];
  const roots = state.server?.data ?? [];
  const made = parts.map((part, i) => {
    const to = parts.slice(0, i + 1).join("/"), here = i === parts.length - 1;
    return make("button", {class: "crumb", "aria-current": here ? "true" : null, onclick: () => openFolder(to)},
        part);
  });
  if (roots.length > 1 || state.folder?.dropped) {
    made.unshift(make("button", {class: "crumb", onclick: () => openFolder(null)}, t("folders")));
  }
  if (state.folder?.dropped) made.push(make("button", {class: "crumb", "aria-current": "true"}, t("dropped")));
  else if (dropped.length > 0) {
    made.push(make("button", {class: "crumb other", onclick: openDropped}, `${t("dropped")} (${dropped.length})`));
  }
  return make("div", {class: "crumbs"}, made);
}

function showFolders() {
  const folders = (state.folder?.folders ?? []).filter(isUseful);
  replace(element("folders"), crumbs(), folders.length > 0 && make("ul", {class: "folders"}, folders.map(folder =>
    make("li", {}, make("button", {class: "folder", onclick: () => openFolder(folder.path)}, folder.name)))));
}

export function startFolders() {
  startDrop();
  const files = element("files");
  files.accept = "image/png,image/jpeg,image/tiff,image/bmp,.png,.jpg,.jpeg,.tif,.tiff,.bmp";
  element("choose-files").onclick = () => files.click();
  files.onchange = () => {
    takeFiles(files.files);
    files.value = "";
  };
  watch(["folder", "language", "server"], showFolders);
}

// A folder's content has changed; much at once is listed once.
const listAgain = later(() => state.folder?.path && openFolder(state.folder.path, {keepPicture: true}), 300);

export function folderChanged(path) {
  const here = state.folder?.path;
  if (here && (path === here || path.startsWith(here + "/"))) listAgain();
}
