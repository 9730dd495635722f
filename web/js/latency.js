// SPDX-License-Identifier: Apache-2.0
// Run times as they happen: cold, prepared and switched ones by colour and shape.

import {draw, element, make, number, render} from "./dom.js";
import {fixed, milliseconds, t} from "./i18n.js";
import {state, watch} from "./state.js";

const SHOWN = 80;
const KINDS = ["cold", "prepared", "switched"];
const nameOf = kind => t(`run${kind[0].toUpperCase()}${kind.slice(1)}`);

function shape(kind, x, y) {
  const r = 3.6;
  if (kind === "prepared") return draw("circle", {class: kind, cx: x, cy: y, r});
  if (kind === "switched") {
    return draw("path", {class: kind, d: `M${x} ${y - r * 1.15}L${x + r * 1.1} ${y + r * 0.9}H${x - r * 1.1}Z`});
  }
  const d = r * 1.35;
  return draw("path", {class: kind, d: `M${x} ${y - d}L${x + d} ${y}L${x} ${y + d}L${x - d} ${y}Z`});
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length === 0 ? null : sorted.length % 2 === 1 ? sorted[half]
      : (sorted[half - 1] + sorted[half]) / 2;
}

// A round step of the axis: 1, 2 or 5 times a power of ten.
export function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(one => one * power).find(one => one >= rough * 0.999);
}

function axis(top, y, left, right) {
  const step = roundStep(top / 3), lines = [];
  for (let value = 0; value <= top * 1.001; value += step) {
    lines.push(draw("line", {class: "grid", x1: left, x2: right, y1: y(value), y2: y(value)}),
      draw("text", {class: "axis", x: left - 6, y: y(value) + 3.5, "text-anchor": "end"},
          fixed(value, step < 1 ? 1 : 0)));
  }
  return lines;
}

function legend() {
  return make("ul", {class: "keys"}, KINDS.map(kind => {
    const value = median(state.runs.filter(run => run.kind === kind).map(run => run.run));
    const icon = draw("svg", {class: "icon", viewBox: "-6 -6 12 12", width: 12, height: 12, "aria-hidden": "true"},
        shape(kind, 0, 0));
    return make("li", {title: t(`${kind}Means`)}, icon, make("span", {}, nameOf(kind)),
      number(value, value === null ? "–" : fixed(value, value < 100 ? 1 : 0),
          {"data-kind": kind, title: t("medianShort",
        {value: milliseconds(value)})}));
  }));
}

function chart(width, height) {
  const runs = state.runs.slice(-SHOWN), left = 36, right = width - 8, bottom = height - 8, top = 8;
  // One very slow run must not flatten all others; it is drawn at the edge, and its title tells its time.
  const usual = median(runs.map(run => run.run)), most = Math.max(...runs.map(run => run.run));
  const limit = Math.min(most, usual * 6), step = roundStep(limit / 3), high = Math.ceil(limit / step) * step;
  const y = value => bottom - Math.min(value / high, 1) * (bottom - top);
  const slots = Math.max(runs.length, 20), x = i => left + 6 + (right - left - 12) * (i / (slots - 1));
  const marks = runs.map((run, i) => {
    const made = shape(run.kind, x(i), y(run.run));
    made.append(draw("title", {}, t("runTip", {model: run.model, time: milliseconds(run.run),
        kind: nameOf(run.kind)})));
    return made;
  });
  return draw("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": t("latencyChart", {count: runs.length})}, axis(high, y, left, right),
  marks);
}

function showLatency() {
  const root = element("latency"), width = root.clientWidth - 16,
      height = root.clientHeight - (width < 270 ? 44 : 24);
  if (state.runs.length === 0) return render(root, make("p", {class: "empty"}, t("noRuns")));
  if (width < 60 || height < 30) return null;
  return render(root, chart(width, height), legend());
}

export function startLatency() {
  new ResizeObserver(showLatency).observe(element("latency"));
  watch(["runs", "language"], showLatency);
}
