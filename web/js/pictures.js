// SPDX-License-Identifier: Apache-2.0
// The list of pictures: only rows in sight have elements, so that ten thousand pictures scroll as ten do.

import * as api from "./api.js";
import {element, make, render} from "./dom.js";
import {kindOf, nameOfKind} from "./filters.js";
import {count, SIGNS, t} from "./i18n.js";
import {verdictOf} from "./layers.js";
import {choosePicture, referenceOf} from "./picture.js";
import {state, watch} from "./state.js";

const SPARE_ROWS = 2, REST = 60;

let wide = 2, rowHeight = 100;
let listed = [];                // what the rows show, and where it was before a filter or the folder changed
let place = 0;                  // of the chosen picture, as long as it was in the list
const cells = new Map();        // key -> element

// ---- One picture ----

// Only what stays in sight for a moment is asked for, and a thumbnail that is too many at once is asked for again
// later. One that can't be had leaves its place empty.
function loadThumbnail(image, picture) {
  let tries = 0;
  const load = () => { if (image.isConnected) image.src = api.thumbnailUrl(picture.path); };
  image.onload = () => { image.hidden = false; };
  image.onerror = () => {
    image.hidden = true;
    if (tries++ < 4) setTimeout(load, 1000 * tries);
  };
  setTimeout(load, REST);
}

// What is no longer in sight is not waited for.
function dropCell(made) {
  const image = made.querySelector("img");
  image.onerror = null;
  image.removeAttribute("src");
}

// The browser shows its files itself; of those that it can't read (TIFF) the server makes PNGs.
function loadFile(image, picture) {
  picture.local ??= URL.createObjectURL(picture.file);
  image.onload = () => { image.hidden = false; };
  image.onerror = async () => {
    image.hidden = true;
    image.onerror = null;
    try {
      await referenceOf(picture);
      image.src = picture.url;
    } catch {
      // Choosing it will tell why.
    }
  };
  image.src = picture.local;
}

function cell(picture) {
  const image = make("img", {alt: "", draggable: "false", hidden: true, decoding: "async"});
  if (picture.file) loadFile(image, picture);
  else loadThumbnail(image, picture);
  return make("div", {role: "option", class: "cell", "data-key": picture.key, title: picture.path ?? picture.name},
    make("div", {class: "thumb"}, image), make("span", {class: "badge", "aria-hidden": "true"}),
    make("span", {class: "name"}, picture.short));
}

function labelOf(picture, verdict) {
  const kind = kindOf(picture);
  return [picture.name, kind && nameOfKind(kind), verdict && t(verdict), picture.failed].filter(part => part)
    .join(", ");
}

function put(made, picture, index) {
  const verdict = verdictOf(picture), badge = made.children[1], name = made.children[2];
  const attributes = {id: `picture-${index}`, "aria-setsize": listed.length, "aria-posinset": index + 1,
    "aria-selected": picture === state.picture, "aria-label": labelOf(picture, verdict)};
  for (const [key, value] of Object.entries(attributes)) {
    if (made.getAttribute(key) !== String(value)) made.setAttribute(key, value);
  }
  const style = {top: `${Math.floor(index / wide) * rowHeight}px`, left: `${index % wide * 100 / wide}%`,
    width: `${100 / wide}%`, height: `${rowHeight}px`};
  for (const [key, value] of Object.entries(style)) if (made.style[key] !== value) made.style[key] = value;
  badge.className = `badge ${picture.failed ? "broken" : verdict ?? "none"}`;
  badge.textContent = picture.failed ? "!" : verdict ? SIGNS[verdict] : "";
  if (name.textContent !== picture.short) name.textContent = picture.short;
}

// ---- The rows in sight ----

function cellOf(picture) {
  const made = cells.get(picture.key) ?? cell(picture);
  cells.set(picture.key, made);
  return made;
}

function showRows() {
  const list = element("list"), space = list.firstElementChild;
  const first = Math.max(Math.floor(list.scrollTop / rowHeight) - SPARE_ROWS, 0) * wide;
  const last = (Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + SPARE_ROWS) * wide;
  const inSight = listed.slice(first, last), keys = new Set(inSight.map(picture => picture.key));
  for (const [key, made] of cells) {
    if (keys.has(key)) continue;
    dropCell(made);
    cells.delete(key);
  }
  const made = inSight.map(cellOf);
  made.forEach((one, i) => put(one, inSight[i], first + i));
  render(space, made);
  const chosen = inSight.indexOf(state.picture);
  if (chosen >= 0) list.setAttribute("aria-activedescendant", `picture-${first + chosen}`);
  else list.removeAttribute("aria-activedescendant");
}

// Lays the list out anew. The picture that was at the top stays there, whatever came or went before it.
function layOut() {
  const list = element("list"), space = list.firstElementChild;
  const top = listed[Math.floor(list.scrollTop / rowHeight) * wide], part = list.scrollTop % rowHeight / rowHeight;
  const hadChosen = listed.includes(state.picture);
  listed = state.filtered;
  wide = Math.max(2, Math.floor(space.clientWidth / 88));
  rowHeight = Math.round(space.clientWidth / wide) + 16;
  space.style.height = `${Math.ceil(listed.length / wide) * rowHeight}px`;
  const index = list.scrollTop > 0 ? listed.indexOf(top) : -1;
  if (index >= 0) list.scrollTop = (Math.floor(index / wide) + part) * rowHeight;
  const chosen = listed.indexOf(state.picture);
  if (chosen >= 0) {
    place = chosen;
    // A filter that was opened shows where one is.
    if (!hadChosen) reveal(chosen);
  }
  showRows();
}

// What is chosen stays so while it is in the folder; else the one at its place is.
function keepChoice() {
  if (state.filtered.length > 0 && !state.pictures.includes(state.picture)) {
    chooseAt(Math.min(place, state.filtered.length - 1));
  }
}

function showList() {
  const all = state.pictures.length, some = state.filtered.length, list = element("list");
  element("picture-count").textContent = all > 0 ? t("outOf", {some: count(some), all: count(all)}) : "";
  const empty = state.folder?.loading ? (all === 0 ? t("loading") : "") : all === 0 ? t("noPictures")
    : some === 0 ? t("noneLeft") : "";
  render(list, list.firstElementChild, empty && make("p", {class: "empty"}, empty),
    state.folder?.truncated && make("p", {class: "empty"}, t("truncated", {count: count(all)})));
  layOut();
  keepChoice();
}

// ---- Choosing ----

function reveal(index) {
  const list = element("list"), top = Math.floor(index / wide) * rowHeight;
  const least = top + rowHeight - list.clientHeight;
  list.scrollTop = Math.min(Math.max(list.scrollTop, least), top);
}

export function chooseAt(index) {
  if (index < 0 || index >= state.filtered.length) return;
  place = index;
  choosePicture(state.filtered[index]);
  reveal(index);
}

// Steps through the list; rows of it where `rows` is true. From a picture that has left the list by a filter, the
// next is the one that stands at its place now.
export function step(by, rows = false) {
  const now = state.filtered.indexOf(state.picture), last = state.filtered.length - 1;
  const from = now >= 0 ? now : by > 0 ? place - 1 : place;
  return chooseAt(Math.min(Math.max(from + by * (rows && now >= 0 ? wide : 1), 0), last));
}

export function startPictures() {
  const list = element("list");
  list.addEventListener("scroll", showRows, {passive: true});
  list.onclick = event => {
    const key = event.target.closest(".cell")?.dataset.key;
    if (key !== undefined) chooseAt(state.filtered.findIndex(picture => picture.key === key));
  };
  new ResizeObserver(layOut).observe(list);
  watch(["opened"], () => {
    place = 0;
    listed = [];
    list.scrollTop = 0;
  });
  watch(["filtered", "folder", "language"], showList);
  watch(["chosen", "picture", "results", "judged", "models", "thresholds", "model"], showRows);
}
