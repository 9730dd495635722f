// SPDX-License-Identifier: Apache-2.0
// Which pictures of the folder are listed: by what was judged, by the kind of defect that the folder tells, and by
// the class that was found in them.

import {element, make, render} from "./dom.js";
import {t} from "./i18n.js";
import {classesFound, verdictOf} from "./layers.js";
import {changed, later, state, watch} from "./state.js";

const VERDICTS = ["", "OK", "unsure", "NG", "none"];
const filter = {verdict: "", kind: ""};     // kind: "=scratch" by ground truth, "@fabric" by class, "" for all

export const kindOf = picture =>
  (picture.truth === "good" ? "good" : picture.defect ?? (picture.truth === "defect" ? "?" : ""));

export const nameOfKind = kind =>
  (kind === "good" ? t("good") : kind === "?" || kind === "" ? t("unknownKind") : kind);

function isOfKind(picture) {
  const name = filter.kind.slice(1);
  return filter.kind.startsWith("@") ? classesFound(picture).includes(name) : kindOf(picture) === name;
}

function apply() {
  state.filtered = state.pictures.filter(picture => (!filter.kind || isOfKind(picture)) &&
    (!filter.verdict || (verdictOf(picture) ?? "none") === filter.verdict));
  changed("filtered");
}

const option = (value, text, chosen) =>
  make("option", {value, selected: value === chosen, "data-key": value}, text);

function showFilters() {
  const texts = {"": t("allVerdicts"), OK: t("OK"), unsure: t("unsure"), NG: t("NG"), none: t("notJudged")};
  render(element("filter-verdict"), VERDICTS.map(value => option(value, texts[value], filter.verdict)));
  const kinds = [...new Set(state.pictures.map(kindOf))].sort();
  const named = [...state.models.values()].flatMap(model => model.classes.map(one => one.name));
  const classes = [...new Set(named)].sort();
  const known = [...kinds.map(kind => "=" + kind), ...classes.map(name => "@" + name)];
  // What a folder that is still read lacks may come yet.
  if (!state.folder?.loading && !known.includes(filter.kind) && filter.kind) {
    filter.kind = "";
    apply();
  }
  const group = (label, list) => list.length > 0 && make("optgroup", {label}, list);
  render(element("filter-class"), option("", t("allKinds"), filter.kind),
    group(t("kindsTold"), kinds.length > 1
      ? kinds.map(kind => option("=" + kind, nameOfKind(kind), filter.kind)) : []),
    group(t("kindsFound"), classes.map(name => option("@" + name, name, filter.kind))));
  for (const [id, value] of [["filter-verdict", filter.verdict], ["filter-class", filter.kind]]) {
    element(id).classList.toggle("set", value !== "");
  }
}

function setFilter(which, value) {
  filter[which] = value;
  showFilters();
  apply();
}

export const cycleFilter = () =>
  setFilter("verdict", VERDICTS[(VERDICTS.indexOf(filter.verdict) + 1) % VERDICTS.length]);

export function startFilters() {
  element("filter-verdict").onchange = event => setFilter("verdict", event.target.value);
  element("filter-class").onchange = event => setFilter("kind", event.target.value);
  const again = later(apply, 120);
  watch(["pictures"], apply);
  watch(["pictures", "folder", "models", "language"], showFilters);
  watch(["results", "thresholds", "model"], () => (filter.verdict || filter.kind.startsWith("@")) && again());
}
