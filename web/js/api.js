// SPDX-License-Identifier: Apache-2.0
// The server's interface, docs/viewer-api.md.

import {t} from "./i18n.js";

// An error whose message can be shown as it is.
export class ServerError extends Error {
  constructor(message, http, status) {
    super(message);
    this.http = http;
    this.status = status;
  }
}

const query = parameters => {
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return given.length > 0 ? "?" + new URLSearchParams(given) : "";
};

const pause = seconds => new Promise(done => setTimeout(done, seconds * 1000));

async function failure(response) {
  try {
    const {error} = await response.json();
    return new ServerError(error.message, response.status, error.status);
  } catch {
    return new ServerError(t("httpError", {status: response.status}), response.status, null);
  }
}

// A response that is fine; too much at once is tried again a few times, when the server says.
export async function ask(method, path, {parameters, body, json, signal} = {}) {
  const headers = json ? {"Content-Type": "application/json"} : body ? {"Content-Type": "application/octet-stream"}
      : {};
  for (let tries = 0; ; tries++) {
    let response;
    try {
      response = await fetch(path + query(parameters), {method, headers, signal, body: json ? JSON.stringify(json)
          : body});
    } catch (error) {
      throw error.name === "AbortError" ? error : new ServerError(t("noServer"), 0, null);
    }
    if (response.ok) return response;
    if (response.status !== 503 || tries === 5) throw await failure(response);
    await pause(Number(response.headers.get("Retry-After")) || 1);
  }
}

export const get = async (path, options) => (await ask("GET", path, options)).json();
export const post = async (path, options) => (await ask("POST", path, options)).json();
export const put = async (path, options) => (await ask("PUT", path, options)).json();

// The objects of a stream of JSON lines, each as soon as it is there.
export async function* lines(method, path, options) {
  const reader = (await ask(method, path, options)).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (true) {
      const {value, done} = await reader.read();
      if (done) break;
      text += value;
      const ends = text.split("\n");
      text = ends.pop();
      yield* ends.filter(line => line).map(line => JSON.parse(line));
    }
  } catch (error) {
    throw error.name === "AbortError" ? error : new ServerError(t("noServer"), 0, null);
  } finally {
    reader.releaseLock();
  }
}

// The exact numbers of a map. All machines that browsers run on are little-endian, as the numbers are.
export async function map(url, signal) {
  return new Float32Array(await (await ask("GET", url, {signal})).arrayBuffer());
}

export const pictureUrl = path => "/api/data/picture" + query({path});
export const thumbnailUrl = path => "/api/data/thumbnail" + query({path});
export const maskUrl = path => "/api/data/mask" + query({path});
