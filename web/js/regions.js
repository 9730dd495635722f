// SPDX-License-Identifier: Apache-2.0
// The page judges by itself while a threshold is dragged, by the rules of the server (inspection/verdict.c,
// pictures/regions.c), on the same 32-bit numbers.

// Verdict and the threshold that the regions reach, or null, for a score. A map is of 32-bit numbers, so 0.7 in it
// is at the 32-bit 0.7; areas are counts, and their regions are what was counted.
export function judge(score, low, high, scoring) {
  if (high === null) return {verdict: null, reached: null};
  const isArea = scoring?.type === "area", rounded = value => (isArea ? value : Math.fround(value));
  const upper = rounded(high), lower = rounded(low ?? high);
  if (score === null) return {verdict: "unsure", reached: null};
  if (score < lower && score < upper) return {verdict: "OK", reached: null};
  const verdict = score >= upper ? "NG" : "unsure";
  return {verdict, reached: isArea ? Math.fround(scoring.threshold) : score >= upper ? upper : lower};
}

const SEVERITY = [null, "OK", "unsure", "NG"];

export const worst = verdicts =>
  SEVERITY[Math.max(0, ...verdicts.map(verdict => SEVERITY.indexOf(verdict)))];

// One region: all pixels at or above the threshold that touch, also at corners. Its number goes into `labels`.
function grow(map, threshold, labels, waiting, start, label) {
  const {values, width, height} = map;
  const region = {area: 0, left: width, top: height, right: 0, bottom: 0, peak: -Infinity, x: 0, y: 0};
  let count = 0;
  labels[start] = label;
  waiting[count++] = start;
  while (count > 0) {
    const at = waiting[--count], x = at % width, y = (at - x) / width, value = values[at];
    const earlier = y < region.y || (y === region.y && x < region.x);
    if (region.area === 0 || value > region.peak || (value === region.peak && earlier)) {
      Object.assign(region, {peak: value, x, y});
    }
    region.area++;
    region.left = Math.min(region.left, x);
    region.top = Math.min(region.top, y);
    region.right = Math.max(region.right, x + 1);
    region.bottom = Math.max(region.bottom, y + 1);
    for (let ny = Math.max(y - 1, 0); ny <= y + 1 && ny < height; ny++) {
      for (let nx = Math.max(x - 1, 0); nx <= x + 1 && nx < width; nx++) {
        const next = ny * width + nx;
        if (labels[next] === 0 && values[next] >= threshold) {
          labels[next] = label;
          waiting[count++] = next;
        }
      }
    }
  }
  return region;
}

// In the pixels of a picture that the map covers.
function scaled(region, map, width, height) {
  const down = (at, from, to) => Math.floor(at * to / from), up = (at, from, to) =>
      Math.floor((at * to + from - 1) / from);
  const ratio = width / map.width * (height / map.height);
  return {
    label: region.label,
    area: Math.max(Math.round(region.area * ratio), 1),
    box: [down(region.left, map.width, width), down(region.top, map.height, height),
          up(region.right, map.width, width), up(region.bottom, map.height, height)],
    peak: {value: region.peak, x: down(2 * region.x + 1, 2 * map.width, width),
           y: down(2 * region.y + 1, 2 * map.height, height)},
  };
}

// Largest peak first. `labels` has for each pixel of the map the label of its region, 0 for none.
export function findRegions(map, threshold, width, height) {
  const labels = new Int32Array(map.values.length), regions = [];
  if (threshold !== null) {
    const waiting = new Int32Array(map.values.length);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === 0 && map.values[i] >= threshold) {
        const label = regions.length + 1;
        regions.push({...grow(map, threshold, labels, waiting, i, label), label});
      }
    }
  }
  regions.sort((a, b) => b.peak - a.peak || b.area - a.area || a.y - b.y || a.x - b.x);
  return {labels, regions: regions.map(region => scaled(region, map, width, height))};
}

// The edges of what is inside, as lines along the pixels' sides: [x0, y0, x1, y1, ...], runs joined.
export function edges(inside, width, height) {
  const lines = [];
  for (let y = 0; y <= height; y++) {
    let start = -1;
    for (let x = 0; x <= width; x++) {
      const differs = x < width &&
        (y > 0 && inside[(y - 1) * width + x] ? 1 : 0) !== (y < height && inside[y * width + x] ? 1 : 0);
      if (differs && start < 0) start = x;
      if (!differs && start >= 0) {
        lines.push(start, y, x, y);
        start = -1;
      }
    }
  }
  for (let x = 0; x <= width; x++) {
    let start = -1;
    for (let y = 0; y <= height; y++) {
      const differs = y < height &&
        (x > 0 && inside[y * width + x - 1] ? 1 : 0) !== (x < width && inside[y * width + x] ? 1 : 0);
      if (differs && start < 0) start = y;
      if (!differs && start >= 0) {
        lines.push(x, start, x, y);
        start = -1;
      }
    }
  }
  return lines;
}
