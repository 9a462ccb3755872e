// Poll with a back-off after failures, and pause while the tab is hidden.

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

/**
 * Runs `request(signal)` until stopped; it resolves to the milliseconds until the next run.
 *
 * After each failure the delay doubles, with jitter so that many consoles do not retry at once;
 * `Retry-After` is respected. `onState` receives `ok`, `failing` (with the error and the delay) or
 * `paused`.
 */
export class Poller {
  #request;
  #onState;
  #timer = null;
  #failures = 0;
  #abort = null;
  #onVisibilityChange = () => (document.hidden ? this.#pause() : this.runNow());

  constructor(request, onState = () => {}) {
    this.#request = request;
    this.#onState = onState;
  }

  start() {
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    this.runNow();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }

  /** Run at once instead of when the next run is due. */
  runNow() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#onState("paused");
  }

  async #run(signal) {
    let delay;
    try {
      delay = await this.#request(signal);
      if (signal.aborted) return;
      this.#failures = 0;
      this.#onState("ok");
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      // Without a status it is a bug in the console, so it belongs in the browser's log.
      if (error.status === undefined) console.error(error);
      delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      delay *= 0.75 + Math.random() / 2;
      if (error.retryAfter) delay = Math.max(delay, error.retryAfter * 1000);
      this.#failures += 1;
      this.#onState("failing", { error, delay });
    }
    // The state callback may have stopped the poller.
    if (signal.aborted) return;
    if (document.hidden) this.#onState("paused");
    else this.#timer = setTimeout(() => this.runNow(), delay);
  }
}
