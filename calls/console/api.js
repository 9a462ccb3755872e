// Requests to the app, each with the function key of this tab.

const ROOT = new URL("../", import.meta.url);
const STORED = "call-audio.function-key";
const PART_BYTES = 4 * 1024 * 1024;
const PART_TRIES = 4;

/** An answer other than 2xx, or none at all (status 0). The message is fit to be shown. */
export class ApiError extends Error {
  constructor(status, message, { errors = [], code = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, errors, code, retryAfter });
  }

  /** What was asked for is not there yet. */
  get isNotReady() {
    return this.status === 404;
  }
}

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (value) => sessionStorage.setItem(STORED, value),
  forget: () => sessionStorage.removeItem(STORED),
};

/** Dispatches `refused` when the app does not take the key (any more). */
export const keyEvents = new EventTarget();

/** A request; its answer where that is 2xx. Raises ApiError, or AbortError by the signal. */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  const all = { "x-functions-key": key.get() ?? "", ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), {
      method, signal, headers: all, cache: "no-store", credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The app cannot be reached.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) {
    keyEvents.dispatchEvent(new Event("refused"));
    throw new ApiError(401, "The app refused this key.");
  }
  throw await asError(answer);
}

async function asError(answer) {
  let problem = {};
  if ((answer.headers.get("Content-Type") ?? "").includes("json")) {
    problem = await answer.json().catch(() => ({}));
  }
  let message = problem.detail ?? `The app answered with status ${answer.status}.`;
  if (problem.acs?.message) message += ` (ACS: ${problem.acs.message})`;
  const { errors = [], code = null } = problem;
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  return new ApiError(answer.status, message, { errors, code, retryAfter });
}

/** A request's document; null where the answer has none. */
export async function json(path, options) {
  const answer = await send(path, options);
  return answer.status === 204 ? null : answer.json();
}

export const callPath = (id) => `calls/${encodeURIComponent(id)}`;

/**
 * A long file, fetched in ranges of 4 MiB, since a media element cannot send the key.
 *
 * `onPart(loaded, total)` is told of each part and may return a promise, which is waited for.
 * A file that was put together anew in the meantime (another ETag) is begun again.
 */
export async function inParts(path, { onPart = () => {}, signal } = {}) {
  let parts = [];
  let loaded = 0;
  let total = Infinity;
  let etag = null;
  let type = "";
  while (loaded < total) {
    const range = `bytes=${loaded}-${loaded + PART_BYTES - 1}`;
    const answer = await patiently(() => send(path, { headers: { Range: range }, signal }), signal);
    const found = answer.headers.get("ETag");
    if (loaded && found !== etag) {
      [parts, loaded, total, etag] = [[], 0, Infinity, null];
      continue;
    }
    etag = found;
    type = answer.headers.get("Content-Type") ?? "";
    const part = await answer.blob();
    parts.push(part);
    loaded += part.size;
    const named = /\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "");
    total = answer.status === 206 && named ? Number(named[1]) : loaded;
    if (!part.size && loaded < total) throw new ApiError(0, "The recording came incomplete.");
    await onPart(loaded, total);
  }
  return new Blob(parts, { type });
}

async function patiently(ask, signal) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (error) {
      const passing = error.status === 0 || error.status >= 500;
      if (!passing || tried === PART_TRIES || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** tried));
    }
  }
}
