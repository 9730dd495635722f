// SPDX-License-Identifier: Apache-2.0
// What happened, in plain words with times; and what went wrong, where it is seen.

import {element, make, render} from "./dom.js";
import {clock, t} from "./i18n.js";
import {changed, state, watch} from "./state.js";

const MOST = 500;

export function note(level, message, time = Date.now() / 1000) {
  state.log.push({level, message, time});
  state.log.splice(0, state.log.length - MOST);
  changed("log");
}

const entryKey = entry => `${entry.time} ${entry.message}`;

function entry(one) {
  return make("p", {class: one.level, "data-key": entryKey(one)},
    make("time", {datetime: new Date(one.time * 1000).toISOString()}, clock(one.time)),
        make("span", {}, one.message));
}

function showLog() {
  const list = element("log");
  const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 24;
  // Only what is new is added: a screen reader reads what is added.
  const last = list.lastElementChild?.dataset.key;
  const known = state.log.findLastIndex(one => entryKey(one) === last);
  list.append(...state.log.slice(known + 1).map(entry));
  while (list.childElementCount > MOST) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// An error of a request. The same sentence is shown once.
export function alertUser(message) {
  note("error", message);
  const alerts = element("alerts");
  for (const old of [...alerts.children].filter(one => one.dataset.message === message)) old.remove();
  const close = () => made.remove();
  const made = make("p", {class: "alert", "data-message": message}, make("span", {}, message),
    make("button", {class: "quiet icon", "aria-label": t("close"), onclick: close}, "×"));
  alerts.append(made);
  while (alerts.childElementCount > 3) alerts.firstElementChild.remove();
  setTimeout(close, 15000);
}

// The connection is lost, or there again.
export function showConnection() {
  const old = element("lost");
  if (state.connected) old?.remove();
  else if (!old) element("alerts").prepend(make("p", {id: "lost", class: "alert"}, make("span", {}, t("lost"))));
  else render(old, make("span", {}, t("lost")));
}

export function startLog() {
  watch(["log"], showLog);
  watch(["connection", "language"], showConnection);
}
