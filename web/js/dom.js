// SPDX-License-Identifier: Apache-2.0
// Making elements, and bringing those that are shown up to date.

export const element = id => document.getElementById(id);

// Listeners lie in a table, so that an element that stays takes over those of the one that was made anew.
const LISTENERS = Symbol("listeners");

function hear(event) {
  return this[LISTENERS][event.type]?.call(this, event);
}

function listen(one, listeners) {
  const before = one[LISTENERS] ?? {};
  for (const type of Object.keys(listeners)) if (!(type in before)) one.addEventListener(type, hear);
  for (const type of Object.keys(before)) before[type] = null;
  one[LISTENERS] = Object.assign(before, listeners);
}

const present = children => children.flat(Infinity).filter(child => child !== null && child !== undefined &&
    child !== false);

// make("button", {class: "main", onclick: f, "aria-label": "x"}, "text", child): null children are left out.
function fill(made, attributes, children) {
  const listeners = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) listeners[name.slice(2)] = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  listen(made, listeners);
  made.append(...present(children));
  return made;
}

export const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

export const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// A number as it is, and as it is read: <data value="0.9999949932098389">1.0000</data>.
export function number(value, text, attributes = {}) {
  return make("data", {value: value === null || value === undefined ? "" : String(value), ...attributes}, text);
}

// A spot of a class's colour. The policy forbids style attributes; this sets the property.
export function swatch(colour) {
  const made = make("span", {class: "swatch", "aria-hidden": "true"});
  made.style.backgroundColor = colour;
  return made;
}

// ---- Bringing up to date ----

const keyOf = node => node.dataset?.key;

// Which of the children that are there becomes which wanted one: itself, the one of its key, or the next alike.
function match(parent, wanted) {
  const free = new Set(parent.childNodes), keyed = new Map();
  for (const child of free) if (keyOf(child)) keyed.set(keyOf(child), child);
  for (const one of wanted) free.delete(one);
  const loose = [...free].filter(child => !keyOf(child));
  return wanted.map(one => {
    if (one.parentNode === parent) return one;
    const key = keyOf(one);
    const at = loose.findIndex(child => child.nodeName === one.nodeName);
    const found = key ? keyed.get(key) : at >= 0 ? loose.splice(at, 1)[0] : null;
    return found && free.delete(found) && found.nodeName === one.nodeName ? found : one;
  });
}

// Makes an element that is shown what `one` is.
export function adopt(old, one) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== one.data) old.data = one.data;
    return;
  }
  for (const {name} of [...old.attributes]) {
    if (name !== "style" && !one.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const {name, value} of one.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== one.style.cssText) old.style.cssText = one.style.cssText;
  const selected = one.hasAttribute("selected");
  if (old.nodeName === "OPTION" && old.selected !== selected) old.selected = selected;
  listen(old, one[LISTENERS] ?? {});
  render(old, [...one.childNodes]);
}

// Makes `children` those of `parent`. What is there and stays (the same key, else the same kind in the same order)
// is changed in place and keeps the focus, the scroll position, and a click that has begun: a redraw takes nothing
// away.
export function render(parent, ...children) {
  const wanted = present(children).map(one => (one instanceof Node ? one : document.createTextNode(one)));
  const focused = document.activeElement, kept = match(parent, wanted), stays = new Set(kept);
  for (const child of [...parent.childNodes]) if (!stays.has(child)) child.remove();
  let next = parent.firstChild;
  for (const one of kept) {
    if (one === next) next = next.nextSibling;
    else parent.insertBefore(one, next);
  }
  kept.forEach((one, i) => { if (one !== wanted[i]) adopt(one, wanted[i]); });
  // A moved element loses the focus.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({preventScroll: true});
}
