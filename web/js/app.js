// SPDX-License-Identifier: Apache-2.0
// Puts the page together.

import {startChips} from "./chips.js";
import {startDetail} from "./detail.js";
import {element} from "./dom.js";
import {startDrop} from "./drop.js";
import {startEvents} from "./events.js";
import {startFilters} from "./filters.js";
import {startFolders} from "./folders.js";
import {fixed, translatePage} from "./i18n.js";
import {startJudged} from "./judged.js";
import {startKeys} from "./keys.js";
import {startLatency} from "./latency.js";
import {startLog} from "./log.js";
import {startMemory} from "./memory.js";
import {startModels} from "./models.js";
import {fit, scaleNow, startPanes, zoomBy} from "./panes.js";
import {startPictures} from "./pictures.js";
import {startSettings} from "./settings.js";
import {changed, recall, state, watch} from "./state.js";
import {startUnder} from "./under.js";

function showZoom() {
  const scale = scaleNow();
  element("zoom").textContent = scale ? `${fixed(scale / devicePixelRatio * 100, 0)} %` : "–";
  element("zoom-out").disabled = state.view.zoom <= 1;
}

function startZoom() {
  element("zoom").onclick = fit;
  element("zoom-in").onclick = () => zoomBy(1.5);
  element("zoom-out").onclick = () => zoomBy(1 / 1.5);
  watch(["view", "picture", "panes", "layers"], () => requestAnimationFrame(showZoom));
}

// Where there is little room, run times and memory share a place.
function startSwap() {
  for (const button of document.querySelectorAll(".swap")) {
    button.onclick = () => document.querySelector(".below").classList.toggle("show-memory");
  }
}

recall();
for (const start of [
    startSettings, startLog, startFilters, startPictures, startFolders, startDrop, startPanes, startUnder,
    startModels, startDetail, startChips, startJudged, startLatency, startMemory, startKeys, startZoom,
    startSwap]) {
  start();
}
translatePage();
changed("language");
startEvents();
