// SPDX-License-Identifier: Apache-2.0
// Colour maps whose lightness rises evenly, so that equal steps of the value look equal.

const STEPS = 256;

function encoded(linear) {
  const within = Math.min(Math.max(linear, 0), 1);
  return Math.round(255 * (within <= 0.0031308 ? 12.92 * within : 1.055 * within ** (1 / 2.4) - 0.055));
}

// Oklab, in which equal distances look about equal (Ottosson 2020), to the screen's sRGB.
function fromOklab(lightness, a, b) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  return [encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)];
}

function fromSteps(colour) {
  return Uint8ClampedArray.from({length: 3 * STEPS}, (_, i) => colour(Math.floor(i / 3) / (STEPS - 1))[i % 3]);
}

// What `haya run --heat` draws with: the hue turns evenly too, from violet blue to yellow.
function haya(at) {
  const chroma = 0.04 + (0.40 - 0.31 * at) * at, hue = (285 + 180 * at) * Math.PI / 180;
  return fromOklab(0.08 + 0.88 * at, chroma * Math.cos(hue), chroma * Math.sin(hue));
}

// A straight line from dark blue to yellow: it can be told apart with every kind of colour vision.
const blueYellow = at => fromOklab(0.22 + 0.72 * at, 0.01 * at, -0.09 + 0.25 * at);

const grey = at => [255 * at, 255 * at, 255 * at];

// Seventeen points of the maps of those names by Smith, van der Walt and Firing, in the public domain (CC0).
const POINTS = {
  viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1f9f8827ad813dbc745cc86381d34daadc32d5e21afde725",
  inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d04545e35933f1711ff98c0afcaa0ff9c932f2e865fcffa4",
  magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779cf4070e55064f4695cfb8761fea571fec287fde0a1fcfdbf",
};

const between = points => at => {
  const place = at * 16, first = Math.min(Math.floor(place), 15), weight = place - first;
  return [0, 1, 2].map(part => {
    const [from, to] = [first, first + 1].map(i => parseInt(points.slice(6 * i + 2 * part, 6 * i + 2 * part + 2),
        16));
    return from + (to - from) * weight;
  });
};

export const colourMaps = {
  haya: fromSteps(haya),
  viridis: fromSteps(between(POINTS.viridis)),
  inferno: fromSteps(between(POINTS.inferno)),
  magma: fromSteps(between(POINTS.magma)),
  "blue-yellow": fromSteps(blueYellow),
  grey: fromSteps(grey),
};

// What is not a number gets the highest colour: it must not look like "nothing".
export const colourIndex = value => (!(value < 1) ? STEPS - 1 : value > 0 ? Math.floor(value * (STEPS - 1) + 0.5)
    : 0);

export const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
