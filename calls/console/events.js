// Follow a call by long polling: the app answers when something has happened, or after half a minute.

import { sendJson } from "./api.js";

const WAIT_SECONDS = 25;
const FIRST_RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;

/** Calls `onChange()` when something has happened in a call. */
export class CallEvents {
  #path;
  #onChange;
  #abort = null;
  #retryTimer = null;
  #onVisibilityChange = () => (document.hidden ? this.#halt() : this.#run());
  /** Whether the app answers; until it does, and while it does not, the call has to be polled. */
  isConnected = false;

  constructor(path, onChange) {
    this.#path = path;
    this.#onChange = onChange;
  }

  start() {
    if (this.#abort) return;
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    if (!document.hidden) this.#run();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    this.#halt();
  }

  #halt() {
    clearTimeout(this.#retryTimer);
    this.#abort?.abort();
    this.#abort = null;
    this.isConnected = false;
  }

  async #run() {
    this.#halt();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    let [cursor, failures] = [null, 0];
    while (!signal.aborted) {
      try {
        const query = new URLSearchParams({ wait_s: cursor === null ? 0 : WAIT_SECONDS });
        if (cursor !== null) query.set("after", cursor);
        const startedAt = performance.now();
        const news = await sendJson(`${this.#path}/events?${query}`, { signal });
        // Before the first answer, something may have happened since the call was loaded.
        const hasNews = cursor === null || news.call_changed || news.events.length > 0;
        [cursor, failures, this.isConnected] = [news.cursor, 0, true];
        if (hasNews) this.#onChange();
        else if (performance.now() - startedAt < FIRST_RETRY_MS) await this.#wait(FIRST_RETRY_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        // The call was deleted: loading it says so.
        if (error.status === 410 && this.isConnected) this.#onChange();
        this.isConnected = false;
        await this.#wait(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures), signal);
        failures += 1;
      }
    }
  }

  #wait(milliseconds, signal) {
    return new Promise((resolve) => {
      this.#retryTimer = setTimeout(resolve, milliseconds);
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}
