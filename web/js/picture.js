// SPDX-License-Identifier: Apache-2.0
// The chosen picture: its reference, its pixels, its ground truth.

import * as api from "./api.js";
import {t} from "./i18n.js";
import {alertUser} from "./log.js";
import {changed, state} from "./state.js";

// What the server knows a picture by: its path, or, after it was sent, "@ID".
export async function referenceOf(picture, signal) {
  if (picture.path) return picture.path;
  if (!picture.reference) {
    const {picture: sent} = await api.post("/api/pictures", {parameters: {name: picture.name}, body: picture.file,
        signal});
    picture.reference = sent.ref;
    picture.url = sent.url;
  }
  return picture.reference;
}

const image = async (url, signal) => createImageBitmap(await (await api.ask("GET", url, {signal})).blob());

export function pixelsOf(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}

async function bitmapOf(picture, signal) {
  if (picture.path) return image(api.pictureUrl(picture.path), signal);
  // The browser may not know the format (TIFF); the server makes a PNG of it.
  await referenceOf(picture, signal);
  return image(picture.url, signal);
}

let loading = null;

// Chooses a picture; null for none. It is chosen once it can be shown, or can't.
export async function choosePicture(picture) {
  if (picture === state.picture) return;
  loading?.abort();
  const {signal} = loading = new AbortController();
  const before = state.picture;
  state.picture = picture;
  changed("chosen");
  if (!picture) {
    changed("picture");
    return;
  }
  if (before && before.bitmap) Object.assign(before, {bitmap: null, pixels: null, truthMask: null});
  try {
    const [bitmap, truth] = await Promise.all([
      bitmapOf(picture, signal), picture.mask ? image(api.maskUrl(picture.path), signal) : null]);
    if (signal.aborted) return;
    const size = [bitmap.width, bitmap.height];
    if (!before?.size || size.join() !== before.size.join()) state.view = {zoom: 1, x: null, y: null};
    Object.assign(picture, {bitmap, size, pixels: pixelsOf(bitmap), failed: null, truthMask: truth && {
      width: truth.width, height: truth.height, values: pixelsOf(truth).filter((_, i) => i % 4 === 0)}});
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    picture.failed = error instanceof api.ServerError ? error.message : t("badFile", {name: picture.name});
    alertUser(picture.failed);
  }
  changed("picture");
}
