// The waveform of a call that runs: worked out here, from the segments that have landed.

import { send } from "./api.js";
import { grouped, peaksOf } from "./timeline.js";

/** Of each track, only the newest are fetched: a page opened late must not load hours of audio. */
const NEWEST = 20;

export class LivePeaks {
  #path;
  #onFound;
  #known = new Map();
  #isBusy = false;
  #abort = new AbortController();

  /** `path` is the call's; `onFound()` is told when there is more to draw. */
  constructor(path, onFound) {
    this.#path = path;
    this.#onFound = onFound;
  }

  stop() {
    this.#abort.abort();
    this.#known.clear();
  }

  /** The peaks of a segment by its blob's name, once they were worked out. */
  of(blob) {
    return this.#known.get(blob) ?? null;
  }

  /** Fetch what has landed in the meantime, one segment after the other. */
  async fetch(record) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (const { blob, track, index } of newest(record)) {
        if (this.#known.has(blob)) continue;
        const path = `${this.#path}/segments/${encodeURIComponent(track)}/${index}`;
        const answer = await send(path, { signal: this.#abort.signal });
        this.#known.set(blob, peaksOf(await answer.arrayBuffer()));
        this.#onFound();
      }
    } catch (error) {
      // Blocks stand for what has no waveform, and the next answer about the call tries again.
      if (error.name !== "AbortError" && error.status === undefined) throw error;
    } finally {
      this.#isBusy = false;
    }
  }
}

/** The newest segments of each track, and their numbers among all of its segments. */
function newest(record) {
  const blobs = [
    ...record.streams.flatMap((stream) => stream.segments.map((segment) => segment.blob)),
    ...record.landed_segments,
  ];
  const tracks = grouped(blobs, (blob) => blob.split("/")[3]);
  return [...tracks].flatMap(([track, names]) =>
    names
      .toSorted((a, b) => order(a).localeCompare(order(b)))
      .map((blob, index) => ({ blob, track, index }))
      .slice(-NEWEST));
}

/** As the app numbers them: by start, then by stream. */
function order(blob) {
  const [, , stream, , start] = blob.split("/");
  return `${start}/${stream}`;
}
