// SPDX-License-Identifier: Apache-2.0
// Two languages, and how each writes numbers.

import {en} from "./en.js";
import {ja} from "./ja.js";
import {changed} from "./state.js";

const tables = {en, ja};

function first() {
  try {
    const kept = localStorage.getItem("haya.language");
    if (kept in tables) return kept;
  } catch {
    // Storage may be forbidden.
  }
  const wanted = navigator.languages?.map(tag => tag.slice(0, 2)).find(tag => tag in tables);
  return wanted ?? "en";
}

export let language = first();

// The text of a key; {name} in it is replaced by values.name. A text may be a function of the values.
export function t(key, values = {}) {
  const text = tables[language][key] ?? tables.en[key] ?? key;
  return typeof text === "function" ? text(values) : text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Of verdicts, for those who can't tell their colours.
export const SIGNS = {OK: "✓", unsure: "?", NG: "✕"};

// Texts that stand in the page: data-t is an element's text, data-label what it is called (and its tip).
export function translatePage() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", t(one.dataset.label));
    if (one.matches("button, select")) one.title = t(one.dataset.label);
  }
}

export function setLanguage(to) {
  language = to;
  try {
    localStorage.setItem("haya.language", to);
  } catch {
    // Then it is the browser's again next time.
  }
  translatePage();
  changed("language");
}

export const otherLanguage = () => (language === "en" ? "ja" : "en");

// ---- Numbers ----

export const count = value => value.toLocaleString(language);

export const fixed = (value, digits) => value.toLocaleString(language, {minimumFractionDigits: digits,
  maximumFractionDigits: digits, useGrouping: digits === 0});

// Milliseconds with three or so digits that count.
export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return `${fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 999.5 && unit < 4; unit++) value /= 1000;
  return `${fixed(value, unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${units[unit]}`;
}

// A score or a threshold of it; `scoring` tells whether it is an area, which is counted.
export const score = (value, scoring) => (value === null ? "–"
  : fixed(value, scoring?.type === "area" ? 0 : Math.abs(value) < 100 ? 4 : 1));

// The shortest decimal that is this 32-bit number, as the map has it.
export function exact(value) {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

export const clock = seconds => new Date(seconds * 1000).toLocaleTimeString("en-GB");
