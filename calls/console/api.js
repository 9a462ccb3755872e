// Send requests to the app, with the function key of this tab or the cookie of whoever is signed in.

const API_ROOT = new URL("../v1/", import.meta.url);
const KEY_ITEM = "call-audio.function-key";

/** A response other than 2xx, or none at all (status 0). The message can be shown to the user. */
export class ApiError extends Error {
  constructor(status, message, { errors = [], code = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, errors, code, retryAfter });
  }

  get isNotFound() {
    return this.status === 404;
  }

  /** Whether the call has no result, or none yet. */
  get isNotReady() {
    return this.isNotFound || this.status === 409;
  }
}

/** The function key, kept in this tab's session storage or, if the user says so, in the browser's. */
export const functionKey = {
  get: () => sessionStorage.getItem(KEY_ITEM) ?? localStorage.getItem(KEY_ITEM),
  set: (value, { inAllTabs = false } = {}) =>
    (inAllTabs ? localStorage : sessionStorage).setItem(KEY_ITEM, value),
  remove: () => {
    sessionStorage.removeItem(KEY_ITEM);
    localStorage.removeItem(KEY_ITEM);
  },
};

/** Dispatches `rejected` when the app rejects the function key, or nobody is signed in any longer. */
export const keyEvents = new EventTarget();

/**
 * Send a request and return the response.
 *
 * @throws {ApiError} unless the status is 2xx
 * @throws {DOMException} AbortError, when the signal aborts the request
 */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  // Another site's page cannot send this header: with sign-in, the app accepts no change without it.
  const allHeaders = { "X-Requested-With": "call-audio", ...headers };
  const key = functionKey.get();
  if (key) allHeaders["x-functions-key"] = key;
  if (body !== undefined) allHeaders["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(path, API_ROOT), {
      method, signal, headers: allHeaders, cache: "no-store", credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "Cannot reach the app. Check that it is running.");
  }
  if (response.ok) return response;
  if (response.status === 401) {
    keyEvents.dispatchEvent(new Event("rejected"));
    throw new ApiError(401, key ? "The function key is not valid." : "Nobody is signed in.");
  }
  throw await parseError(response);
}

async function parseError(response) {
  let problem = {};
  if ((response.headers.get("Content-Type") ?? "").includes("json")) {
    problem = await response.json().catch(() => ({}));
  }
  let message = problem.detail ?? `The app returned status ${response.status}.`;
  if (problem.code === "role_required") message = `You are not allowed to do this: ${message}.`;
  if (problem.acs?.message) message += ` (ACS: ${problem.acs.message})`;
  const { errors = [], code = null } = problem;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  return new ApiError(response.status, message, { errors, code, retryAfter });
}

/** Send a GET request; null if the document still has this ETag (null: there is none yet). */
export async function sendIfChanged(path, { etag, signal }) {
  try {
    return await send(path, { signal, headers: etag ? { "If-None-Match": etag } : {} });
  } catch (error) {
    if (error.status === 304) return null;
    throw error;
  }
}

/** Send a request and return its JSON document; null where the response is empty. */
export async function sendJson(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/** The query that asks for a partial result, too: the console says what it lacks. */
export const ALLOW_PARTIAL = "?allow_partial=true";

export const callPath = (id) => `calls/${encodeURIComponent(id)}`;
