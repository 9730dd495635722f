// SPDX-License-Identifier: Apache-2.0
// Making elements.

export const element = id => document.getElementById(id);

// make("button", {class: "main", onclick: f, "aria-label": "x"}, "text", child): null children are left out.
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
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

export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(child => child !== null && child !== undefined &&
      child !== false));
}
