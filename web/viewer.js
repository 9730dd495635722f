// SPDX-License-Identifier: Apache-2.0
// Models with their states; a dropped picture goes through the one chosen.

const element = id => document.getElementById(id);
const models = new Map();
let chosen = null;
let picture = null;

async function ask(method, path, body, type) {
  const response = await fetch(path, {method, body, headers: type ? {"Content-Type": type} : {}});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

function show() {
  const rows = [...models.values()].map(model => {
    const row = document.createElement("tr");
    const run = model.times.last_ms;
    for (const text of [model.name, model.state, run === null ? "" : `${run.toFixed(1)} ms`]) {
      row.insertCell().textContent = text;
    }
    row.title = model.error ?? model.warning ?? model.path;
    row.className = model.id === chosen ? "chosen" : "";
    row.onclick = () => { chosen = model.id; show(); infer(); };
    return row;
  });
  element("models").replaceChildren(...rows);
}

async function infer() {
  if (!chosen || !picture) return;
  try {
    const query = new URLSearchParams({model: chosen, name: picture.name});
    const result = await ask("POST", `/api/infer?${query}`, picture, "application/octet-stream");
    const map = result.classes[0].map.url;
    element("verdict").textContent = result.classes.map(c => `${c.name}: ${c.verdict ?? ""} ${c.score?.toFixed(4)}`)
      .join(", ");
    element("overlay").src = `${map}?format=overlay`;
    element("heat").src = `${map}?format=heat`;
    element("message").textContent = `${result.model.name}: ${result.times.run_ms.toFixed(1)} ms`;
  } catch (error) {
    element("message").textContent = error.message;
  }
}

function take(files) {
  if (files.length > 0) {
    picture = files[0];
    infer();
  }
}

const drop = element("drop");
drop.ondragover = event => { event.preventDefault(); drop.classList.add("over"); };
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = event => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files); };
element("file").onchange = event => take(event.target.files);

const events = new EventSource("/api/events");
events.addEventListener("hello", async event => {
  if (JSON.parse(event.data).resumed) return;
  models.clear();
  for (const model of (await ask("GET", "/api/models")).models) models.set(model.id, model);
  chosen ??= models.keys().next().value;
  show();
});
events.addEventListener("model", event => {
  const model = JSON.parse(event.data);
  models.set(model.id, model);
  show();
});
events.addEventListener("model-removed", event => { models.delete(JSON.parse(event.data).id); show(); });
