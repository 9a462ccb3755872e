// Download a call's export: a zip file of its recording, transcript, timeline and manifests.

import { callPath, send } from "./api.js";
import { downloadInRanges } from "./ranges.js";

const RETRY_MS = 2000;
/** The first byte alone says whether the file has been built. */
const FIRST_BYTE = { Range: "bytes=0-0" };

/** Wait until the app has built the export, and download it. `signal` ends the waiting. */
export async function downloadExport(id, { signal } = {}) {
  const path = `${callPath(id)}/export`;
  for (;;) {
    const response = await send(path, { headers: FIRST_BYTE, signal });
    if (response.status !== 202) break;
    const seconds = Number(response.headers.get("Retry-After"));
    await new Promise((resolve) => setTimeout(resolve, seconds ? seconds * 1000 : RETRY_MS));
    signal?.throwIfAborted();
  }
  return downloadInRanges(path, { signal });
}
