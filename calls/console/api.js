// Requests to the app, each with the function key of this tab.

const ROOT = new URL("../", import.meta.url);
const STORED = "call-audio.function-key";
const PART_BYTES = 4 * 1024 * 1024;
const PART_TRIES = 4;
const MOST_BEGINNINGS = 5;

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
 * A file that was put together anew in the meantime is begun again.
 */
export async function inParts(path, { onPart = () => {}, signal } = {}) {
  for (let begun = 0; begun < MOST_BEGINNINGS; begun += 1) {
    const whole = await allParts(path, onPart, signal);
    if (whole) return whole;
  }
  throw new ApiError(0, "The recording keeps changing. Try again later.");
}

/** The file as one Blob; null where it changed between two parts (another ETag). */
async function allParts(path, onPart, signal) {
  const parts = [];
  let [loaded, total, etag] = [0, Infinity, null];
  while (loaded < total) {
    const range = `bytes=${loaded}-${loaded + PART_BYTES - 1}`;
    let answer;
    try {
      answer = await patiently(() => send(path, { headers: { Range: range }, signal }), signal);
    } catch (error) {
      if (error.status === 412 || error.status === 416) return null;
      throw error;
    }
    const part = await answer.blob();
    if (answer.status !== 206) return part;
    if (loaded && answer.headers.get("ETag") !== etag) return null;
    etag = answer.headers.get("ETag");
    total = Number(/\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1]);
    if (!part.size || !total) throw new ApiError(0, "The recording came incomplete.");
    parts.push(part);
    loaded += part.size;
    await onPart(loaded, total);
  }
  return new Blob(parts, { type: parts[0].type });
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
