// SPDX-License-Identifier: Apache-2.0
// The list of pictures: only rows in sight have elements, so that ten thousand pictures scroll as ten do.

import * as api from "./api.js";
import {element, make, replace} from "./dom.js";
import {count, t} from "./i18n.js";
import {verdictOf} from "./layers.js";
import {choosePicture} from "./picture.js";
import {changed, later, state, watch} from "./state.js";

const SPARE_ROWS = 2;
const BADGES = {OK: "✓", unsure: "?", NG: "✕"};

let wide = 2, rowHeight = 100;
const shown = new Map();        // index -> element
let filter = {verdict: "", kind: ""};

// ---- Filters ----

const kindOf = picture => (picture.truth === "good" ? "good" : picture.defect ?? (picture.truth === "defect" ? "?"
    : ""));

function filterPictures() {
  state.filtered = state.pictures.filter(picture => {
    const verdict = filter.verdict && (verdictOf(picture) ?? "none");
    return (!filter.kind || kindOf(picture) === filter.kind.slice(1)) &&
        (!filter.verdict || verdict === filter.verdict);
  });
  changed("filtered");
}

const options = (list, chosen) => list.map(([value, text]) =>
    make("option", {value, selected: value === chosen}, text));

function showFilters() {
  replace(element("filter-verdict"), options([["", t("allVerdicts")], ["OK", t("OK")], ["unsure", t("unsure")],
    ["NG", t("NG")], ["none", t("notJudged")]], filter.verdict));
  const kinds = [...new Set(state.pictures.map(kindOf))].sort();
  if (!kinds.includes(filter.kind.slice(1))) filter.kind = "";
  const name = kind => (kind === "good" ? t("good") : kind === "?" || kind === "" ? t("unknownKind") : kind);
  replace(element("filter-class"), options([["", t("allKinds")], ...kinds.map(kind => ["=" + kind, name(kind)])],
    filter.kind));
  element("filter-class").disabled = kinds.length < 2;
}

// ---- Rows ----

// A thumbnail that is too many at once comes later; one that can't be had leaves its place empty.
function loadThumbnail(image, picture) {
  if (picture.file) {
    if (picture.local === undefined) picture.local = URL.createObjectURL(picture.file);
    image.src = picture.local;
    image.onerror = () => { image.hidden = true; };
    return;
  }
  let tries = 0;
  image.onerror = () => {
    image.hidden = true;
    if (tries++ < 4) setTimeout(() => image.isConnected && (image.src = api.thumbnailUrl(picture.path)),
        1000 * tries);
  };
  image.onload = () => { image.hidden = false; };
  image.src = api.thumbnailUrl(picture.path);
}

function labelOf(picture, verdict) {
  const kind = kindOf(picture);
  return [picture.name, kind === "good" ? t("good") : kind, verdict && t(verdict)].filter(part => part).join(", ");
}

function cell(index) {
  const picture = state.filtered[index];
  const image = make("img", {alt: "", draggable: "false", hidden: true});
  if (picture.file) image.hidden = false;
  const made = make("div", {role: "option", class: "cell", id: `picture-${index}`, "data-key": picture.key,
    "aria-setsize": state.filtered.length, "aria-posinset": index + 1, onclick: () => chooseAt(index, false)},
    make("div", {class: "thumb"}, image), make("span", {class: "badge", "aria-hidden": "true"}),
    make("span", {class: "name"}, picture.file ? picture.name : picture.short));
  loadThumbnail(image, picture);
  return made;
}

function mark(made, index) {
  const picture = state.filtered[index], verdict = verdictOf(picture), chosen = picture === state.picture;
  made.setAttribute("aria-selected", chosen);
  made.setAttribute("aria-label", labelOf(picture, verdict));
  made.title = picture.path ?? picture.name;
  const badge = made.children[1];
  badge.className = `badge ${verdict ?? "none"}`;
  badge.textContent = verdict ? BADGES[verdict] : "";
}

function place(made, index) {
  made.style.top = `${Math.floor(index / wide) * rowHeight}px`;
  made.style.left = `${index % wide * 100 / wide}%`;
  made.style.width = `${100 / wide}%`;
  made.style.height = `${rowHeight}px`;
}

function showRows() {
  const list = element("list"), space = list.firstElementChild;
  const first = Math.max(Math.floor(list.scrollTop / rowHeight) - SPARE_ROWS, 0) * wide;
  const last = (Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + SPARE_ROWS) * wide;
  for (const [index, made] of shown) {
    if (index < first || index >= last || state.filtered[index]?.key !== made.dataset.key) {
      made.remove();
      shown.delete(index);
    }
  }
  for (let index = first; index < Math.min(last, state.filtered.length); index++) {
    let made = shown.get(index);
    if (!made) {
      shown.set(index, made = cell(index));
      place(made, index);
      space.append(made);
    }
    mark(made, index);
  }
  const chosen = state.filtered.indexOf(state.picture);
  if (chosen >= 0 && shown.has(chosen)) list.setAttribute("aria-activedescendant", `picture-${chosen}`);
  else list.removeAttribute("aria-activedescendant");
}

function measure() {
  const list = element("list"), space = list.firstElementChild;
  const width = space.clientWidth;
  wide = Math.max(2, Math.floor(width / 88));
  rowHeight = Math.round(width / wide) + 16;
  space.style.height = `${Math.ceil(state.filtered.length / wide) * rowHeight}px`;
  for (const [index, made] of shown) place(made, index);
  showRows();
}

function showList() {
  const all = state.pictures.length, some = state.filtered.length;
  element("picture-count").textContent = all > 0 ? t("outOf", {some: count(some), all: count(all)}) : "";
  const list = element("list");
  list.querySelector(".empty")?.remove();
  const empty = state.folder?.loading ? (all === 0 ? t("loading") : "") : all === 0 ? t("noPictures")
    : some === 0 ? t("noneLeft") : "";
  if (empty) list.append(make("p", {class: "empty"}, empty));
  if (state.folder?.truncated) list.append(make("p", {class: "empty"}, t("truncated", {count: count(all)})));
  measure();
}

// ---- Choosing ----

export function chooseAt(index, scroll = true) {
  if (index < 0 || index >= state.filtered.length) return;
  choosePicture(state.filtered[index]);
  if (!scroll) return;
  const list = element("list"), top = Math.floor(index / wide) * rowHeight;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = top +
      rowHeight - list.clientHeight;
}

// Steps through the list; rows of it where `rows` is true.
export function step(by, rows = false) {
  const now = state.filtered.indexOf(state.picture), last = state.filtered.length - 1;
  if (now < 0) return chooseAt(by > 0 ? 0 : last);
  return chooseAt(Math.min(Math.max(now + by * (rows ? wide : 1), 0), last));
}

export const cycleFilter = () => {
  const values = ["", "OK", "unsure", "NG", "none"];
  filter.verdict = values[(values.indexOf(filter.verdict) + 1) % values.length];
  showFilters();
  filterPictures();
};

export function startPictures() {
  element("filter-verdict").onchange = event => { filter.verdict = event.target.value; filterPictures(); };
  element("filter-class").onchange = event => { filter.kind = event.target.value; filterPictures(); };
  element("list").addEventListener("scroll", showRows, {passive: true});
  new ResizeObserver(measure).observe(element("list"));
  const refilter = later(filterPictures, 120);
  watch(["pictures"], () => { showFilters(); filterPictures(); });
  watch(["language"], () => { showFilters(); showList(); });
  watch(["filtered", "folder"], showList);
  watch(["chosen", "results", "judged", "models", "thresholds", "model"], showRows);
  watch(["results", "thresholds"], () => filter.verdict && refilter());
}
