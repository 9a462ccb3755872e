// What the user can do to a call: pause and resume its recording, start and stop streaming, hang up, and
// retry what failed.

import { send, sendJson } from "./api.js";
import { ask } from "./ask.js";
import { notify, setText } from "./dom.js";
import { isOver, openPause } from "./record.js";
import { allows } from "./session.js";

export class CallActions {
  #path;
  #parts;
  #onDone;
  #isStopped = false;

  /** `path` is the path of the call; `onDone()` is called after each request, failed ones too. */
  constructor(path, parts, onDone) {
    this.#path = path;
    this.#parts = parts;
    this.#onDone = onDone;
    const { pause, streaming, hangup } = parts;
    pause.addEventListener("click", () => this.#setPause(pause.dataset.operation));
    streaming.addEventListener("click", () => this.#setStreaming(streaming.dataset.operation));
    hangup.addEventListener("click", () => this.#hangUp());
  }

  stop() {
    this.#isStopped = true;
  }

  /** Show the buttons that the state of the call allows. */
  show(record) {
    const { actions, pause, streaming, hangup } = this.#parts;
    actions.hidden = !record.state || isOver(record);
    if (!record.state) return;
    const state = record.streaming.state;
    const isStreaming = state === "active" || state === "stopping";
    streaming.dataset.operation = isStreaming ? "stop" : "start";
    setText(streaming, isStreaming ? "Stop streaming" : "Start streaming");
    streaming.disabled = record.state !== "connected" || state === "starting" || state === "stopping";
    hangup.disabled = record.state === "connecting";
    const isPaused = openPause(record) !== null;
    pause.dataset.operation = isPaused ? "resume" : "pause";
    setText(pause, isPaused ? "Resume recording" : "Pause recording");
    pause.hidden = (!isPaused && state !== "active") || !allows(isPaused ? "resume_call" : "pause_call");
    streaming.hidden = isPaused || !allows(isStreaming ? "stop_streaming" : "start_streaming");
    hangup.hidden = !allows("hang_up");
  }

  /** Retry the analysis of a failed segment. */
  retry(failure, button) {
    return this.#retry(`failures/${encodeURIComponent(failure.id)}/retry`, button);
  }

  /** Retry a failed transcript; resolves to whether a retry has started. */
  retryTranscript(button) {
    return this.#retry(`${this.#path}/transcript/retry`, button);
  }

  async #retry(path, button) {
    button.disabled = true;
    const isStarted = await this.#run(() => send(path, { method: "POST", body: {} }));
    if (isStarted) notify("Retry started");
    button.disabled = false;
    return isStarted;
  }

  async #setPause(operation) {
    this.#parts.pause.disabled = true;
    await this.#run(() => sendJson(`${this.#path}/${operation}`, { method: "POST", body: {} }));
    this.#parts.pause.disabled = false;
  }

  async #setStreaming(operation) {
    this.#parts.streaming.disabled = true;
    await this.#run(() => sendJson(`${this.#path}/streaming/${operation}`, { method: "POST", body: {} }));
  }

  async #hangUp() {
    const isSure = await ask({
      heading: "Hang up for everyone?", action: "Hang up", isDanger: true,
      text: "This ends the call for all participants. Audio recorded so far is kept.",
    });
    if (!isSure || this.#isStopped) return;
    this.#parts.hangup.disabled = true;
    await this.#run(() => sendJson(`${this.#path}/hangup`, { method: "POST" }));
    // The button disappears, so the heading takes the focus.
    this.#parts.title.focus({ preventScroll: true });
  }

  /** Send a request and show its error, if any; resolves to whether it succeeded. */
  async #run(request) {
    try {
      await request();
      return true;
    } catch (error) {
      if (error.status !== 401) notify(error.message, { isError: true });
      return false;
    } finally {
      if (!this.#isStopped) this.#onDone();
    }
  }
}
