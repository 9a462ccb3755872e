// Download a long file in ranges. A media element cannot send the function key, so the console does.

import { ApiError, send } from "./api.js";

const RANGE_BYTES = 4 * 1024 * 1024;
const MAX_ATTEMPTS_PER_RANGE = 4;
const MAX_ATTEMPTS_PER_FILE = 5;

/**
 * Download a file in ranges of 4 MiB and return it as a Blob.
 *
 * `onProgress(loadedBytes, totalBytes)` is called after each range; a promise that it returns is
 * awaited. If the file changes meanwhile, the download starts over.
 *
 * @throws {ApiError} if a range fails repeatedly, or the file keeps changing
 */
export async function downloadInRanges(path, { onProgress = () => {}, signal } = {}) {
  for (let attempt = 0; attempt < MAX_ATTEMPTS_PER_FILE; attempt += 1) {
    const file = await downloadVersion(path, onProgress, signal);
    if (file) return file;
  }
  throw new ApiError(0, "The recording changed during the download. Try again later.");
}

/** Download one version of the file; null if its ETag changes between two ranges. */
async function downloadVersion(path, onProgress, signal) {
  const parts = [];
  let [loaded, total, etag] = [0, Infinity, null];
  while (loaded < total) {
    const range = `bytes=${loaded}-${loaded + RANGE_BYTES - 1}`;
    let response;
    try {
      response = await retry(() => send(path, { headers: { Range: range }, signal }), signal);
    } catch (error) {
      if (error.status === 412 || error.status === 416) return null;
      throw error;
    }
    const part = await response.blob();
    if (response.status !== 206) return part;
    if (loaded && response.headers.get("ETag") !== etag) return null;
    etag = response.headers.get("ETag");
    total = Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1]);
    if (!part.size || !total) throw new ApiError(0, "The download is incomplete. Try again.");
    parts.push(part);
    loaded += part.size;
    await onProgress(loaded, total);
  }
  return new Blob(parts, { type: parts[0].type });
}

async function retry(request, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      const isTransient = error.status === 0 || error.status >= 500;
      if (!isTransient || attempt === MAX_ATTEMPTS_PER_RANGE || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** attempt));
    }
  }
}
