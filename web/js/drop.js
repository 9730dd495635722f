// SPDX-License-Identifier: Apache-2.0
// Files and folders that are dropped on the page or chosen in the system's dialog.

import {element} from "./dom.js";
import {openDropped} from "./folders.js";
import {t} from "./i18n.js";
import {alertUser} from "./log.js";
import {choosePicture} from "./picture.js";
import {state} from "./state.js";

const isPicture = file => /\.(png|jpe?g|tiff?|bmp)$/i.test(file.name) || file.type.startsWith("image/");

const fileOf = entry => new Promise((done, failed) => entry.file(done, failed));
const some = reader => new Promise((done, failed) => reader.readEntries(done, failed));
const {compare} = new Intl.Collator("en", {numeric: true});

// Files of an entry and of all below, with their paths in what was dropped, as a file manager lists them.
async function* filesIn(entry) {
  if (entry.isFile) {
    yield {file: await fileOf(entry), path: entry.fullPath.replace(/^\//, "")};
    return;
  }
  const reader = entry.createReader(), all = [];
  for (let part = await some(reader); part.length > 0; part = await some(reader)) all.push(...part);
  all.sort((a, b) => compare(a.name, b.name));
  for (const one of all) if (!one.name.startsWith(".")) yield* filesIn(one);
}

// A picture's name, and of the folders above as much as a cell has room for.
const shortName = path => path.split("/").slice(-3).join("/").replace(/\.[^.]+$/, "");

function takeFiles(found) {
  const made = found.filter(({file}) => isPicture(file)).map(({file, path}, i) => ({
    key: `dropped:${state.dropped.length + i}`, path: null, file, name: path, short: shortName(path), truth: null,
    defect: null, mask: false}));
  if (made.length === 0) {
    alertUser(t("noPicturesDropped"));
    return;
  }
  state.dropped.push(...made);
  openDropped();
  choosePicture(made[0]);
}

async function takeDrop(transfer) {
  // Entries have to be asked for before anything is waited for.
  const entries = [...transfer.items].map(one => one.webkitGetAsEntry?.()).filter(entry => entry);
  const plain = [...transfer.files].map(file => ({file, path: file.name})), found = [];
  try {
    for (const entry of entries) for await (const one of filesIn(entry)) found.push(one);
  } catch (error) {
    alertUser(t("badFile", {name: error.message}));
  }
  takeFiles(entries.length > 0 ? found : plain);
}

export function startDrop() {
  const sign = element("drop"), files = element("files");
  let depth = 0;
  const enter = by => { sign.hidden = (depth = Math.max(depth + by, 0)) === 0; };
  const carriesFiles = event => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", event => carriesFiles(event) && (event.preventDefault(), enter(1)));
  addEventListener("dragleave", event => carriesFiles(event) && enter(-1));
  addEventListener("dragover", event => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    enter(0);
    takeDrop(event.dataTransfer);
  });
  files.accept = "image/png,image/jpeg,image/tiff,image/bmp,.png,.jpg,.jpeg,.tif,.tiff,.bmp";
  element("choose-files").onclick = () => files.click();
  files.onchange = () => {
    takeFiles([...files.files].map(file => ({file, path: file.name})));
    files.value = "";
  };
}
