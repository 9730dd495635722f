// SPDX-License-Identifier: Apache-2.0
// What the page says of the chosen picture: the verdict at the top, and the list of regions.

import {element, make, number, render, swatch} from "./dom.js";
import {count, fixed, score, SIGNS, t} from "./i18n.js";
import {pointAt, shownRegions, shownResults, verdictOf} from "./layers.js";
import {centreOn} from "./panes.js";
import {state, watch} from "./state.js";

const MOST_ROWS = 200;

function showVerdict() {
  const root = element("verdict"), results = shownResults(state.picture);
  const verdict = verdictOf(state.picture);
  if (!state.picture) return render(root);
  const classes = results.flatMap(result => result.classes), many = classes.length > 1;
  const bad = state.layers.filter(layer => layer.verdict === "NG").length;
  const most = results.length > 0 && Math.max(...classes.map(one => one.score ?? 0));
  const by = results.length === 0 ? "" : many && state.mode === "all"
      ? t(bad > 0 ? "verdictSome" : "verdictAll", {count: classes.length, bad})
    : t("verdictBy", {model: results[0].model.name, score: score(most, classes[0].scoring)});
  const sign = JSON.stringify([verdict, by, state.picture.key, document.documentElement.lang]);
  // A live region is read whenever it is written.
  if (root.dataset.sign === sign) return null;
  root.dataset.sign = sign;
  return render(root, results.length > 0 && make("strong", {class: `tag ${verdict ?? "none"}`},
    verdict ? `${SIGNS[verdict]} ${t(verdict)}` : t("noVerdict")),
  make("span", {class: "of"}, state.picture.path ?? state.picture.name), make("span", {class: "by"}, by));
}

function head(many) {
  const names = [["#", ""], many && [t("className"), "class"], [t("area"), "n"], [t("peak"), "n"],
      [t("box"), "n", t("boxTip")]];
  return make("thead", {}, make("tr", {}, names.filter(one => one).map(([text, kind, tip]) =>
    make("th", {scope: "col", class: kind, title: tip ?? null}, text))));
}

function regionRow({layer, index, region}, n, many) {
  const [left, top, right, bottom] = region.box, here = {layer, index};
  const label = t("region", {n: n + 1, area: region.area, peak: fixed(region.peak.value, 4)});
  const choose = () => { pointAt(here); centreOn(region); };
  return make("tr", {"data-key": `${state.layers[layer].key}/${region.peak.x},${region.peak.y}`,
    "data-layer": layer, "data-index": index, onpointerenter: () => pointAt(here),
    onpointerleave: () => pointAt(null), onclick: choose},
  make("td", {}, make("button", {class: "row", "aria-label": label, onfocus: () => pointAt(here)}, String(n + 1))),
  many && make("td", {class: "class"}, swatch(state.layers[layer].colour), state.layers[layer].name),
  make("td", {class: "n"}, number(region.area, count(region.area), {class: "area"})),
  make("td", {class: "n"}, number(region.peak.value, fixed(region.peak.value, 4), {class: "peak",
    title: `(${region.peak.x}, ${region.peak.y})`})),
  make("td", {class: "n"}, number(region.box.join(" "), `${left}, ${top}, ${right - left}×${bottom - top}`,
      {class: "box"})));
}

function showRegions() {
  const all = shownRegions(), many = state.layers.length > 1, table = element("regions");
  if (many) all.sort((a, b) => b.region.peak.value - a.region.peak.value);
  element("region-count").textContent = state.layers.length > 0 ? t("regionCount", {count: count(all.length)}) : "";
  if (all.length === 0) {
    const why = state.layers.length === 0 ? t("noResult") : t("noRegions");
    return render(table, make("tbody", {}, make("tr", {class: "empty"}, make("td", {}, why))));
  }
  const rows = all.slice(0, MOST_ROWS).map((one, n) => regionRow(one, n, many));
  if (all.length > MOST_ROWS) {
    rows.push(make("tr", {class: "empty"}, make("td", {colspan: 5}, t("firstRegions", {count: MOST_ROWS}))));
  }
  return render(table, head(many), make("tbody", {}, rows));
}

function showPointed() {
  for (const row of element("regions").querySelectorAll("tr[data-index]")) {
    const here = state.region && Number(row.dataset.layer) === state.region.layer &&
      Number(row.dataset.index) === state.region.index;
    row.classList.toggle("pointed", Boolean(here));
    if (here && !row.matches(":hover")) row.scrollIntoView({block: "nearest"});
  }
}

export function stepRegion(by) {
  const all = shownRegions();
  if (all.length === 0) return;
  const now = all.findIndex(one => one.layer === state.region?.layer && one.index === state.region?.index);
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : (now + by + all.length) % all.length];
  pointAt({layer: next.layer, index: next.index});
  centreOn(next.region);
}

export function startJudged() {
  watch(["picture", "results", "judged", "layers", "language", "model", "thresholds"], showVerdict);
  watch(["layers", "judged", "language"], showRegions);
  watch(["region", "layers", "judged"], showPointed);
}
