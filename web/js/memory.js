// SPDX-License-Identifier: Apache-2.0
// Where the memory goes: one plan, and N files; beside it what N sessions of TensorFlow take, as it was measured.

import * as api from "./api.js";
import {element, make, number, render} from "./dom.js";
import {bytes, count, t} from "./i18n.js";
import {MEASURED} from "./measured.js";
import {later, state, watch} from "./state.js";

let memory = null;

function bar(parts, whole) {
  return make("div", {class: "stack", "aria-hidden": "true"}, parts.filter(part => part.bytes > 0).map(part => {
    const made = make("i", {class: part.kind, title: `${part.name}: ${bytes(part.bytes)}`});
    made.style.width = `${part.bytes / whole * 100}%`;
    return made;
  }));
}

const row = part => make("li", {title: part.tip}, make("i", {class: `key ${part.kind}`, "aria-hidden": "true"}),
  make("span", {}, part.name), number(part.bytes, bytes(part.bytes), {"data-key": part.key}));

function parts() {
  const {process, models, sessions, caches} = memory;
  const scratch = sessions.reduce((sum, one) => sum + one.scratch_bytes, 0);
  const cached = Object.values(caches).reduce((sum, one) => sum + one.bytes, 0);
  const rest = process ? Math.max(process.private_bytes - scratch - cached - models.private_bytes, 0) : 0;
  return [{kind: "plan", key: "scratch", name: t("memoryPlan"), tip: t("memoryPlanTip"), bytes: scratch},
    {kind: "models", key: "models", name: t("memoryModels", {count: count(models.opened)}),
        tip: t("memoryModelsTip"), bytes: models.private_bytes},
    {kind: "caches", key: "caches", name: t("memoryCaches"), tip: t("memoryCachesTip"), bytes: cached},
    {kind: "rest", key: "rest", name: t("memoryRest"), tip: t("memoryRestTip"), bytes: rest},
    {kind: "files", key: "files", name: t("memoryFiles", {count: count(models.opened)}), tip: t("memoryFilesTip"),
        bytes: models.file_bytes_mapped}];
}

// Two bars from one zero: the difference is the point, so neither is cut off.
function comparison() {
  const {haya, tensorflow, date} = MEASURED, most = tensorflow.first + tensorflow.further;
  const one = (key, name, {first, further}, kind) => make("div", {class: "versus"}, make("span", {}, name),
    make("b", {}, number(first, bytes(first), {"data-key": `${key}-first`}), " + ",
      number(further, bytes(further), {"data-key": `${key}-further`})),
    bar([{kind, name, bytes: first}, {kind: `${kind} further`, name, bytes: further}], most));
  return make("div", {class: "compare"}, make("h4", {}, t("memoryCompare")),
    one("haya", t("memoryHaya"), haya, "plan"), one("tensorflow", t("memoryTensorflow"), tensorflow, "other"),
    make("p", {class: "note"}, t("memorySource", {date})));
}

function showMemory() {
  if (!memory) return;
  const all = parts(), whole = all.reduce((sum, part) => sum + part.bytes, 0);
  render(element("memory"), make("h4", {}, t("memoryHere"), memory.process && [" · ",
      number(memory.process.private_bytes,
    bytes(memory.process.private_bytes), {"data-key": "process"}), ` ${t("privateTotal")}`]), bar(all, whole),
  make("ul", {class: "parts"}, all.map(row)), comparison());
}

const ask = later(async () => {
  try {
    memory = await api.get("/api/memory");
    showMemory();
  } catch {
    // The next change asks again; the connection's loss is shown elsewhere.
  }
}, 700);

export function startMemory() {
  watch(["models", "results", "connection"], () => state.connected && ask());
  watch(["language"], showMemory);
}
