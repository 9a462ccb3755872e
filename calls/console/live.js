// The waveform of a live call, computed in the browser from the segments uploaded so far.

import { downloadInRanges } from "./ranges.js";
import { newestSegments } from "./segments.js";
import { computePeaks } from "./wav.js";

/** A console opened late in a call must not download hours of audio. */
const MAX_SEGMENTS_PER_TRACK = 20;

export class LiveWaveform {
  #path;
  #onUpdate;
  #peaks = new Map();
  #isLoading = false;
  #abort = new AbortController();

  /** `path` is the path of the call; `onUpdate()` is called when there are new peaks. */
  constructor(path, onUpdate) {
    this.#path = path;
    this.#onUpdate = onUpdate;
  }

  stop() {
    this.#abort.abort();
    this.#peaks.clear();
  }

  /** The peaks of a segment by the name of its blob; null if they are not computed. */
  peaksOf(blob) {
    return this.#peaks.get(blob) ?? null;
  }

  /** Download the segments that are new in the record, one after the other. */
  async load(record) {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      for (const { blob, track, index } of newestSegments(record, MAX_SEGMENTS_PER_TRACK)) {
        if (this.#peaks.has(blob)) continue;
        const path = `${this.#path}/segments/${encodeURIComponent(track)}/${index}`;
        const file = await downloadInRanges(path, { signal: this.#abort.signal });
        this.#peaks.set(blob, computePeaks(await file.arrayBuffer()));
        this.#onUpdate();
      }
    } catch (error) {
      // A segment without peaks is drawn as a block, and the next poll tries again.
      if (error.name !== "AbortError" && error.status === undefined) throw error;
    } finally {
      this.#isLoading = false;
    }
  }
}
