// SPDX-License-Identifier: Apache-2.0
// The panes: picture, heat map, mask, overlay, ground truth. All show the same part at the same size.

import {chooseLayer} from "./chips.js";
import {element, make, render} from "./dom.js";
import {t} from "./i18n.js";
import {isHidden, pointAt} from "./layers.js";
import {painted, paintHeat, paintMask, paintTruth} from "./paint.js";
import {edges} from "./regions.js";
import {changed, remember, state, watch} from "./state.js";
import {showUnder} from "./under.js";

export const NAMES = ["picture", "heat", "mask", "overlay", "truth"];
const panes = new Map();        // name -> {root, canvas, message}
let waiting = false;

// ---- Where things are ----

// How a pane of this size shows the picture: screen = (picture - origin) * scale, in device pixels.
function placeIn(width, height) {
  const [w, h] = state.picture.size, fit = Math.min(width / w, height / h), scale = fit * state.view.zoom;
  const clampMiddle = (value, size, room) =>
    (size * scale <= room ? size / 2 : Math.min(Math.max(value ?? size / 2, room / 2 / scale),
        size - room / 2 / scale));
  const x = clampMiddle(state.view.x, w, width), y = clampMiddle(state.view.y, h, height);
  return {scale, fit, x: x - width / 2 / scale, y: y - height / 2 / scale};
}

const anyCanvas = () => [...panes.values()].find(pane => pane.canvas.width > 0 && !pane.root.hidden)?.canvas;

export function scaleNow() {
  const canvas = anyCanvas();
  return canvas && state.picture?.size ? placeIn(canvas.width, canvas.height).scale : null;
}

// Zooms by a factor; what lies at `at`, in pixels of the picture, stays where it is.
export function zoomBy(factor, at = null) {
  const canvas = anyCanvas();
  if (!canvas || !state.picture?.size) return;
  const before = placeIn(canvas.width, canvas.height);
  const most = Math.max(1, 96 * devicePixelRatio / before.fit);
  const zoom = Math.min(Math.max(state.view.zoom * factor, 1), most);
  const middle = {x: before.x + canvas.width / 2 / before.scale, y: before.y + canvas.height / 2 / before.scale};
  const fixed = at ?? middle, ratio = state.view.zoom / zoom;
  state.view = {zoom, x: fixed.x + (middle.x - fixed.x) * ratio, y: fixed.y + (middle.y - fixed.y) * ratio};
  changed("view");
}

export function fit() {
  state.view = {zoom: 1, x: null, y: null};
  changed("view");
}

export function pixelForPixel() {
  const scale = scaleNow();
  if (scale) zoomBy(devicePixelRatio / scale);
}

// By parts of what is in sight.
export function pan(dx, dy) {
  const canvas = anyCanvas();
  if (!canvas || !state.picture?.size) return;
  const place = placeIn(canvas.width, canvas.height);
  panTo(place.x + canvas.width / place.scale * (0.5 + dx), place.y + canvas.height / place.scale * (0.5 + dy));
}

function panTo(x, y) {
  const canvas = anyCanvas();
  state.view = {...state.view, x, y};
  // Kept within the picture, so that the way back begins at once.
  const place = placeIn(canvas.width, canvas.height);
  state.view.x = place.x + canvas.width / 2 / place.scale;
  state.view.y = place.y + canvas.height / 2 / place.scale;
  changed("view");
}

// Brings a region to the middle, with room around it.
export function centreOn(region) {
  const canvas = anyCanvas();
  if (!canvas) return;
  const [left, top, right, bottom] = region.box, {fit: whole} = placeIn(canvas.width, canvas.height);
  const room = Math.min(canvas.width / (right - left), canvas.height / (bottom - top)) / 3;
  state.view.zoom = Math.max(1, Math.min(room / whole, 96 / whole, Math.max(state.view.zoom, 4)));
  panTo((left + right) / 2, (top + bottom) / 2);
}

function pictureAt(canvas, event) {
  const box = canvas.getBoundingClientRect(), place = placeIn(canvas.width, canvas.height);
  return {x: place.x + (event.clientX - box.left) * canvas.width / box.width / place.scale,
          y: place.y + (event.clientY - box.top) * canvas.height / box.height / place.scale};
}

// ---- Drawing ----

function strokeLines(context, place, lines, sx, sy, colour, width, dash = []) {
  context.beginPath();
  for (let i = 0; i < lines.length; i += 4) {
    context.moveTo((lines[i] * sx - place.x) * place.scale, (lines[i + 1] * sy - place.y) * place.scale);
    context.lineTo((lines[i + 2] * sx - place.x) * place.scale, (lines[i + 3] * sy - place.y) * place.scale);
  }
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineCap = "square";
  context.stroke();
  context.setLineDash([]);
}

// Black beneath, so that every colour stands out from every picture.
function outlineLayer(context, place, layer, ratio) {
  const [w, h] = state.picture.size, sx = w / layer.width, sy = h / layer.height;
  strokeLines(context, place, layer.lines, sx, sy, "rgb(0 0 0 / 60%)", 3.5 * ratio);
  strokeLines(context, place, layer.lines, sx, sy, layer.colour, 1.75 * ratio);
}

function drawScaled(context, place, source) {
  const [w, h] = state.picture.size;
  context.imageSmoothingEnabled = place.scale < 1;
  context.drawImage(source, -place.x * place.scale, -place.y * place.scale, w * place.scale, h * place.scale);
}

function truthLines() {
  const mask = state.picture.truthMask;
  return (mask.lines ??= edges(mask.values, mask.width, mask.height));
}

function outlineTruth(context, place, ratio) {
  const [w, h] = state.picture.size, mask = state.picture.truthMask;
  strokeLines(context, place, truthLines(), w / mask.width, h / mask.height, "#000", 3 * ratio);
  strokeLines(context, place, truthLines(), w / mask.width, h / mask.height, "#fff", 1.5 * ratio,
      [5 * ratio, 4 * ratio]);
}

function drawRegion(context, place, ratio) {
  const found = state.region && state.layers[state.region.layer]?.regions[state.region.index];
  if (!found) return;
  const [left, top, right, bottom] = found.box, gap = 4 * ratio;
  const x = (left - place.x) * place.scale - gap, y = (top - place.y) * place.scale - gap;
  const w = (right - left) * place.scale + 2 * gap, h = (bottom - top) * place.scale + 2 * gap;
  for (const [colour, width] of [["#000", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    context.strokeRect(x, y, w, h);
  }
}

const heat = (layer, weight) => painted(layer, weight ? "weighted" : "heat", state.colours,
  () => paintHeat(layer, state.colours, weight));
const mask = layer => painted(layer, "mask", `${layer.reached} ${layer.colour}`, () => paintMask(layer));

const paintedLayers = () => state.layers.filter(layer => !isHidden(layer));

const DRAWINGS = {
  picture(context, place) {
    drawScaled(context, place, state.picture.bitmap);
  },
  heat(context, place) {
    drawScaled(context, place, heat(state.layers[state.layer], false));
  },
  mask(context, place, ratio) {
    const [w, h] = state.picture.size;
    context.fillStyle = "#000";
    context.fillRect(-place.x * place.scale, -place.y * place.scale, w * place.scale, h * place.scale);
    for (const layer of paintedLayers()) drawScaled(context, place, mask(layer));
    if (state.picture.truthMask && state.outlines) outlineTruth(context, place, ratio);
  },
  overlay(context, place) {
    drawScaled(context, place, state.picture.bitmap);
    context.globalAlpha = state.opacity;
    // One map: its heat. Many: each class in its colour.
    if (state.layers.length === 1) drawScaled(context, place, heat(state.layers[0], true));
    else for (const layer of paintedLayers()) drawScaled(context, place, mask(layer));
    context.globalAlpha = 1;
  },
  truth(context, place) {
    const truth = state.picture.truthMask;
    drawScaled(context, place, painted(truth, "truth", "", () => paintTruth(truth)));
  },
};

function missing(name) {
  if (!state.picture) return t("choosePicture");
  if (!state.picture.bitmap) return state.picture.failed ?? "";
  if (name === "truth") return state.picture.truthMask ? "" : t("noTruth");
  return name === "picture" || state.layers.length > 0 ? "" : t("noResult");
}

function drawPane(name, pane) {
  const {canvas, root} = pane, box = root.getBoundingClientRect(), ratio = devicePixelRatio;
  const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d"), why = missing(name);
  context.clearRect(0, 0, width, height);
  pane.message.textContent = why;
  const what = [t(`pane_${name}`), state.picture?.name, why].filter(part => part).join(", ");
  canvas.setAttribute("aria-label", what);
  if (why || !state.picture?.bitmap || width === 0) return;
  const place = placeIn(width, height);
  DRAWINGS[name](context, place, ratio);
  if (state.outlines && name !== "mask" && name !== "truth") {
    const outlined = name === "heat" ? [state.layers[state.layer]] : paintedLayers();
    for (const layer of outlined) if (layer?.labels) outlineLayer(context, place, layer, ratio);
  }
  drawRegion(context, place, ratio);
}

function drawAll() {
  waiting = false;
  for (const [name, pane] of panes) if (!pane.root.hidden) drawPane(name, pane);
}

export function redraw() {
  if (!waiting) requestAnimationFrame(drawAll);
  waiting = true;
}

// ---- The pointer ----

function regionUnder(at) {
  const [w, h] = state.picture.size;
  const order = [state.layer, ...state.layers.keys()];
  for (const i of order) {
    const layer = state.layers[i];
    if (!layer?.labels || isHidden(layer)) continue;
    const label = layer.labels[Math.floor(at.y * layer.height / h) * layer.width +
        Math.floor(at.x * layer.width / w)];
    const index = label > 0 ? layer.regions.findIndex(region => region.label === label) : -1;
    if (index >= 0) return {layer: i, index};
  }
  return null;
}

const isInside = at => {
  const [w, h] = state.picture.size;
  return at.x >= 0 && at.y >= 0 && at.x < w && at.y < h;
};

function follow(canvas) {
  let drag = null;
  const shows = () => state.picture?.bitmap;
  canvas.addEventListener("wheel", event => {
    if (!shows()) return;
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), pictureAt(canvas, event));
  }, {passive: false});
  canvas.addEventListener("pointerdown", event => {
    if (!shows() || event.button > 1) return;
    drag = {...pictureAt(canvas, event), moved: false};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (!shows()) return;
    const at = pictureAt(canvas, event), place = placeIn(canvas.width, canvas.height);
    if (drag && (drag.moved || Math.hypot(at.x - drag.x, at.y - drag.y) * place.scale > 4)) {
      drag.moved = true;
      panTo(place.x + canvas.width / 2 / place.scale + drag.x - at.x,
        place.y + canvas.height / 2 / place.scale + drag.y - at.y);
      return;
    }
    showUnder(isInside(at) ? at : null);
    pointAt(isInside(at) ? regionUnder(at) : null);
  });
  canvas.addEventListener("pointerup", event => {
    if (drag && !drag.moved && shows()) {
      const region = regionUnder(pictureAt(canvas, event));
      if (region && region.layer !== state.layer) chooseLayer(region.layer);
    }
    drag = null;
  });
  canvas.addEventListener("pointerleave", () => {
    showUnder(null);
    pointAt(null);
  });
  canvas.addEventListener("dblclick", event => {
    if (shows()) state.view.zoom > 1 ? fit() : zoomBy(4, pictureAt(canvas, event));
  });
}

// ---- The panes themselves ----

export function togglePane(name) {
  if (state.panes[name] && NAMES.filter(one => state.panes[one]).length === 1) return;
  state.panes[name] = !state.panes[name];
  remember();
  changed("panes");
}

function showPanes() {
  const shown = NAMES.filter(name => state.panes[name]);
  for (const [name, {root}] of panes) root.hidden = !state.panes[name];
  element("panes").dataset.count = shown.length;
  render(element("pane-switches"), NAMES.map((name, i) => make("button", {class: "quiet toggle",
    "aria-pressed": String(state.panes[name]), "aria-keyshortcuts": String(i + 1), onclick: () => togglePane(name)},
  t(`pane_${name}`))));
  redraw();
}

function showNames() {
  for (const [name, pane] of panes) {
    const layer = state.layers[state.layer];
    const what = name === "heat" && state.layers.length > 1 && layer ? ` · ${layer.name}` : "";
    pane.name.textContent = t(`pane_${name}`) + what;
  }
}

export function startPanes() {
  for (const name of NAMES) {
    const canvas = make("canvas", {role: "img", class: "view"});
    const pane = {canvas, message: make("p", {class: "message"}), name: make("span", {class: "pane-name"})};
    pane.root = make("div", {class: "pane", "data-name": name}, canvas, pane.name, pane.message);
    panes.set(name, pane);
    element("panes").append(pane.root);
    follow(canvas);
  }
  new ResizeObserver(redraw).observe(element("panes"));
  watch(["panes", "language"], showPanes);
  watch(["layers", "layer", "language"], showNames);
  watch(["picture", "layers", "layer", "judged", "view", "display", "region", "theme"], redraw);
}
