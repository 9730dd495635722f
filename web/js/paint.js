// SPDX-License-Identifier: Apache-2.0
// Maps as pictures: canvases of the maps' own size, which the panes scale.

import {colourIndex, colourMaps, rgb} from "./colours.js";

function canvasOf(width, height, paint) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  paint(image.data);
  context.putImageData(image, 0, 0);
  return canvas;
}

// `weight`: whether what is low is transparent, as over a picture.
export function paintHeat(layer, colours, weight) {
  const table = colourMaps[colours];
  return canvasOf(layer.width, layer.height, data => {
    for (let i = 0; i < layer.values.length; i++) {
      const index = colourIndex(layer.values[i]);
      data[4 * i] = table[3 * index];
      data[4 * i + 1] = table[3 * index + 1];
      data[4 * i + 2] = table[3 * index + 2];
      data[4 * i + 3] = weight ? index : 255;
    }
  });
}

// What reaches the threshold, in the class's colour.
export function paintMask(layer) {
  const [red, green, blue] = rgb(layer.colour);
  return canvasOf(layer.width, layer.height, data => {
    for (let i = 0; i < layer.labels.length; i++) {
      if (layer.labels[i] > 0) data.set([red, green, blue, 255], 4 * i);
    }
  });
}

export function paintTruth(mask) {
  return canvasOf(mask.width, mask.height, data => {
    for (let i = 0; i < mask.values.length; i++) {
      const value = mask.values[i] > 0 ? 255 : 0;
      data.set([value, value, value, 255], 4 * i);
    }
  });
}

// Paintings are kept as long as what they show stays.
const kept = new WeakMap();

export function painted(owner, name, sign, paint) {
  const all = kept.get(owner) ?? kept.set(owner, {}).get(owner);
  if (all[name]?.sign !== sign) all[name] = {sign, canvas: paint()};
  return all[name].canvas;
}
