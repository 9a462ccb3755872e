// The player: the recording, loaded with the key, and heard in step with lanes and transcript.

import { inParts } from "./api.js";
import { say, setText } from "./dom.js";
import { bytes, clock } from "./format.js";

/** Beyond this a recording is loaded only when asked for: an eight-hour call has a gigabyte. */
const UNASKED_BYTES = 64 * 1024 * 1024;
const SKIP_SECONDS = 5;

export class Player {
  #parts;
  #audio;
  #onTime;
  #gains = [];
  #context = null;
  #source = null;
  #splitter = null;
  #frame = null;
  #abort = new AbortController();
  #url = null;
  #wanted = 0;
  #isAsked = false;
  blob = null;

  /** `parts` are the template's; `onTime(ms, isPlaying)` is told where the recording is. */
  constructor(parts, onTime) {
    this.#parts = parts;
    this.#audio = parts.audio;
    this.#onTime = onTime;
    parts.play.addEventListener("click", () => this.toggle());
    parts.back.addEventListener("click", () => this.seek(this.ms - SKIP_SECONDS * 1000));
    parts.ahead.addEventListener("click", () => this.seek(this.ms + SKIP_SECONDS * 1000));
    parts.seek.addEventListener("input", () => this.seek(Number(parts.seek.value) * 1000));
    parts.seek.addEventListener("keydown", (event) => this.#onKey(event));
    parts.rate.addEventListener("change", () => {
      this.#audio.playbackRate = Number(parts.rate.value);
    });
    for (const name of ["play", "pause", "ended"]) {
      this.#audio.addEventListener(name, () => this.#showState());
    }
    for (const name of ["seeked", "timeupdate"]) {
      this.#audio.addEventListener(name, () => this.#tell());
    }
  }

  get isReady() {
    return this.#url !== null;
  }

  get ms() {
    return this.isReady ? Math.round(this.#audio.currentTime * 1000) : this.#wanted;
  }

  stop() {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#drop();
    this.#context?.close();
  }

  /**
   * Load the recording of so many channels. One that was put together anew takes the place of the
   * one that is heard, at the same moment. Resolves when it can be played, or with false where there
   * is none (yet), or the load failed, which is then shown.
   */
  async load(path, channels) {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (!this.isReady) this.#showLoading();
    try {
      this.blob = await inParts(path, { signal, onPart: (...seen) => this.#onPart(...seen, signal) });
    } catch (error) {
      if (signal.aborted) return false;
      if (error.isNotReady) this.#parts.player.hidden = true;
      else this.#fail(error.message, () => this.load(path, channels));
      return false;
    }
    if (signal.aborted || !(await this.#take(this.blob, channels))) return false;
    this.#showReady();
    return true;
  }

  /** Let the audio element have the recording; false where it cannot play it. */
  async #take(blob, channels) {
    const wasPlaying = this.isReady && !this.#audio.paused;
    this.#wanted = this.ms;
    this.#drop();
    // Before the recording is there: Chromium else plays none of more than eight channels.
    this.#route(channels);
    const url = URL.createObjectURL(blob);
    const loaded = new Promise((resolve) => {
      this.#audio.onloadedmetadata = () => resolve(true);
      this.#audio.onerror = () => resolve(false);
    });
    this.#audio.src = url;
    if (!(await loaded)) {
      URL.revokeObjectURL(url);
      this.#fail("The browser cannot play this recording. It can be downloaded.");
      return false;
    }
    this.#url = url;
    this.seek(this.#wanted);
    if (wasPlaying) await this.#audio.play();
    return true;
  }

  #showLoading() {
    const { player, load, transport, loadBar, loadButton, loadText } = this.#parts;
    player.hidden = false;
    load.hidden = false;
    transport.hidden = true;
    loadBar.hidden = false;
    loadButton.hidden = true;
    setText(loadText, "Loading the recording");
  }

  #showReady() {
    const { load, transport, seek, length } = this.#parts;
    load.hidden = true;
    transport.hidden = false;
    seek.max = this.#audio.duration.toFixed(1);
    setText(length, clock(this.#audio.duration * 1000));
    this.#audio.playbackRate = Number(this.#parts.rate.value);
    this.#showState();
    say("The recording is ready.");
  }

  async toggle() {
    if (!this.isReady) return;
    if (!this.#audio.paused) return this.#audio.pause();
    // Browsers let a page sound only once it was touched.
    await this.#context?.resume();
    await this.#audio.play();
  }

  seek(ms) {
    this.#wanted = ms;
    if (!this.isReady) return;
    this.#audio.currentTime = Math.min(Math.max(0, ms / 1000), this.#audio.duration || 0);
    this.#tell();
  }

  /** Mute a channel, or let it be heard. */
  mute(channel, muted) {
    const gain = this.#gains[channel];
    if (gain) gain.gain.value = muted ? 0 : 1;
  }

  /** The slider's own step is a tenth of a second, for the pointer: keys go further. */
  #onKey(event) {
    const seconds = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
    if (!(event.key in seconds) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.seek(this.ms + seconds[event.key] * 1000);
  }

  async #onPart(loaded, total, signal) {
    const { loadBar, loadText, loadButton } = this.#parts;
    loadBar.value = loaded / total;
    setText(loadText, `Loading the recording: ${bytes(loaded)} of ${bytes(total)}`);
    const isFirst = loaded <= UNASKED_BYTES && total > UNASKED_BYTES && loaded < total;
    if (!isFirst || this.isReady || this.#isAsked) return;
    this.#isAsked = true;
    loadBar.hidden = true;
    loadButton.hidden = false;
    setText(loadText, `The recording has ${bytes(total)}`);
    await new Promise((resolve, reject) => {
      loadButton.onclick = resolve;
      signal.addEventListener("abort", reject, { once: true });
    });
    loadButton.hidden = true;
    loadBar.hidden = false;
  }

  #fail(message, again) {
    const { load, loadBar, loadText, loadButton, transport } = this.#parts;
    load.hidden = false;
    transport.hidden = true;
    loadBar.hidden = true;
    setText(loadText, message);
    loadButton.hidden = !again;
    loadButton.onclick = again ?? null;
    say(message);
  }

  /** Each participant is a channel: all are heard in the middle, and each can be muted. */
  #route(channels) {
    if (channels < 2 && !this.#context) return;
    this.#context ??= new AudioContext();
    this.#source ??= this.#context.createMediaElementSource(this.#audio);
    this.#source.disconnect();
    this.#splitter?.disconnect();
    this.#splitter = this.#context.createChannelSplitter(channels);
    this.#source.connect(this.#splitter);
    this.#gains = [];
    for (let channel = 0; channel < channels; channel += 1) {
      const gain = this.#context.createGain();
      this.#splitter.connect(gain, channel);
      gain.connect(this.#context.destination);
      this.#gains.push(gain);
    }
  }

  #drop() {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  #showState() {
    const playing = !this.#audio.paused;
    this.#parts.play.dataset.playing = playing;
    this.#parts.play.querySelector("use").setAttribute("href", playing ? "#i-pause" : "#i-play");
    setText(this.#parts.playText, playing ? "Pause" : "Play");
    this.#tell();
    if (playing) this.#follow();
  }

  /** While it plays, tell of each frame that is drawn: `timeupdate` comes four times a second. */
  #follow() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#tell();
      if (!this.#audio.paused) this.#follow();
    });
  }

  #tell() {
    const { seek, clock: shown } = this.#parts;
    seek.value = this.#audio.currentTime.toFixed(1);
    seek.style.setProperty("--played", `${(this.#audio.currentTime / (this.#audio.duration || 1)) * 100}%`);
    const text = clock(this.ms);
    setText(shown, text);
    seek.setAttribute("aria-valuetext", `${text} of ${clock((this.#audio.duration || 0) * 1000)}`);
    this.#onTime(this.ms, !this.#audio.paused);
  }
}
