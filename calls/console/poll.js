// Asking again and again: slower after failures, not at all while the page is hidden.

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Runs `work(signal)` until stopped; it returns the milliseconds until its next run.
 *
 * A failure waits twice as long each time, with some chance in it so that many open pages do not
 * come at once; `Retry-After` is kept to. `onState` is told `ok`, `failing` (with the error and
 * the wait) or `paused`.
 */
export class Poller {
  #work;
  #onState;
  #timer = null;
  #failures = 0;
  #abort = null;
  #onVisibility = () => (document.hidden ? this.#pause() : this.now());

  constructor(work, onState = () => {}) {
    this.#work = work;
    this.#onState = onState;
  }

  start() {
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.now();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }

  /** Run at once, rather than when it is next due. */
  now() {
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
    let wait;
    try {
      wait = await this.#work(signal);
      if (signal.aborted) return;
      this.#failures = 0;
      this.#onState("ok");
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      // A fault of this page is to be seen in its log, and must not look like a lost connection.
      if (error.status === undefined) console.error(error);
      wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      wait *= 0.75 + Math.random() / 2;
      if (error.retryAfter) wait = Math.max(wait, error.retryAfter * 1000);
      this.#failures += 1;
      this.#onState("failing", { error, wait });
    }
    // Whoever is told may have stopped it.
    if (signal.aborted) return;
    if (document.hidden) this.#onState("paused");
    else this.#timer = setTimeout(() => this.now(), wait);
  }
}
