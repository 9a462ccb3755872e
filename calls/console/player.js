// The player of a call's recording.

import { ALLOW_PARTIAL, sendJson } from "./api.js";
import { announce, setText } from "./dom.js";
import { formatBytes, formatClock } from "./format.js";
import { ChannelMixer } from "./mixer.js";
import { downloadInRanges } from "./ranges.js";

/** A link that failed so soon after the one before it is not replaced by another. */
const MIN_LINK_MS = 5000;
/** A larger recording loads only on request: an eight-hour call takes about a gigabyte. */
const AUTO_LOAD_BYTES = 64 * 1024 * 1024;
const SKIP_MS = 5000;
const KEY_SECONDS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };

export class Player {
  #parts;
  #audio;
  #mixer;
  #onTime;
  #frame = null;
  #abort = new AbortController();
  #url = null;
  #requestedMs = 0;
  #hasAsked = false;
  #isPlayRequested = false;
  blob = null;

  /** `parts` are elements of the template; `onTime(ms, isPlaying)` is called when the position changes. */
  constructor(parts, onTime) {
    this.#parts = parts;
    this.#audio = parts.audio;
    this.#mixer = new ChannelMixer(parts.audio);
    this.#onTime = onTime;
    parts.play.addEventListener("click", () => this.togglePlay());
    parts.skipBack.addEventListener("click", () => this.seek(this.positionMs - SKIP_MS));
    parts.skipForward.addEventListener("click", () => this.seek(this.positionMs + SKIP_MS));
    parts.seek.addEventListener("input", () => this.seek(Number(parts.seek.value) * 1000));
    parts.seek.addEventListener("keydown", (event) => this.#onKey(event));
    parts.rate.addEventListener("change", () => {
      this.#audio.playbackRate = Number(parts.rate.value);
    });
    for (const name of ["play", "pause", "ended"]) {
      this.#audio.addEventListener(name, () => this.#showPlaying());
    }
    for (const name of ["seeked", "timeupdate"]) {
      this.#audio.addEventListener(name, () => this.#showPosition());
    }
  }

  get isReady() {
    return this.#url !== null;
  }

  get positionMs() {
    return this.isReady ? Math.round(this.#audio.currentTime * 1000) : this.#requestedMs;
  }

  stop() {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#revokeUrl();
    this.#mixer.close();
  }

  /**
   * Load the recording `{ path, blob, channels }`, and resolve to whether it can be played.
   *
   * It is played through a link to Blob Storage, which sends only what is played. Where the browser
   * cannot reach Blob Storage, the whole recording is downloaded from the app. A newer version of the
   * recording replaces the current one at the same position. The player stays hidden
   * while nothing is recorded yet; if loading fails, it shows the error.
   */
  async load(recording) {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (!this.isReady) this.#showLoading();
    const isReady = (await this.#stream(recording, signal)) || (await this.#download(recording, signal));
    // The player was stopped meanwhile: there is nobody to play it to.
    if (signal.aborted) return false;
    if (isReady) this.#showReady();
    if (isReady && this.#isPlayRequested) this.playWhenReady();
    return isReady;
  }

  /** Play through a link; false if that is not possible. */
  async #stream(recording, signal) {
    let url;
    try {
      const body = { blobs: [recording.blob] };
      const { links } = await sendJson(`${recording.path}/links`, { method: "POST", body, signal });
      url = links[0].url;
    } catch {
      return false; // The download fails, too, and its error is shown.
    }
    const createdAt = Date.now();
    if (signal.aborted || !(await this.#open(url, recording.channels))) return false;
    this.blob = null;
    this.#audio.onerror = () => {
      // The link has expired, or the connection was lost.
      if (Date.now() - createdAt >= MIN_LINK_MS) this.load(recording);
      else this.#showError("The recording cannot be loaded.", () => this.load(recording));
    };
    return true;
  }

  /** Download the whole recording and play it; false if that fails. */
  async #download(recording, signal) {
    if (signal.aborted) return false;
    let blob;
    try {
      const onProgress = (loaded, total) => this.#onProgress(loaded, total, signal);
      blob = await downloadInRanges(`${recording.path}/recording${ALLOW_PARTIAL}`, { signal, onProgress });
    } catch (error) {
      if (signal.aborted) return false;
      if (error.isNotReady) this.#parts.player.hidden = true;
      else this.#showError(error.message, () => this.load(recording));
      return false;
    }
    if (signal.aborted) return false;
    const url = URL.createObjectURL(blob);
    if (!(await this.#open(url, recording.channels))) {
      URL.revokeObjectURL(url);
      this.#showError("This browser cannot play the recording. Download it instead.");
      return false;
    }
    this.blob = blob;
    return true;
  }

  /** Open a URL in the audio element; false if the browser cannot play it. */
  async #open(url, channels) {
    // What plays goes on as soon as the new version is ready.
    this.#isPlayRequested ||= this.isReady && !this.#audio.paused;
    this.#requestedMs = this.positionMs;
    this.#revokeUrl();
    // Connect first: otherwise Chromium plays no recording with more than eight channels.
    this.#mixer.connect(channels);
    const isPlayable = new Promise((resolve) => {
      this.#audio.onloadedmetadata = () => resolve(true);
      this.#audio.onerror = () => resolve(false);
    });
    // Without it, the mixer gets only silence from another origin.
    this.#audio.crossOrigin = "anonymous";
    this.#audio.src = url;
    if (!(await isPlayable)) return false;
    this.#url = url;
    this.seek(this.#requestedMs);
    return true;
  }

  async togglePlay() {
    if (!this.isReady) {
      this.#isPlayRequested = !this.#isPlayRequested;
      return;
    }
    if (!this.#audio.paused) return this.#audio.pause();
    await this.#play();
  }

  async #play() {
    await this.#mixer.resume();
    try {
      await this.#audio.play();
    } catch (error) {
      // It was paused before it began, or the browser wants a click on Play first.
      if (!["AbortError", "NotAllowedError"].includes(error.name)) throw error;
    }
  }

  /** Play now or, if the recording is not loaded yet, as soon as it is. */
  async playWhenReady() {
    this.#isPlayRequested = !this.isReady;
    if (this.isReady) await this.#play();
  }

  seek(ms) {
    this.#requestedMs = ms;
    if (!this.isReady) return;
    this.#audio.currentTime = Math.min(Math.max(0, ms / 1000), this.#audio.duration || 0);
    this.#showPosition();
  }

  setMuted(channel, isMuted) {
    this.#mixer.setMuted(channel, isMuted);
  }

  /** The slider's step of a tenth of a second suits the pointer; keys move further. */
  #onKey(event) {
    const seconds = KEY_SECONDS[event.key];
    if (!seconds || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.seek(this.positionMs + seconds * 1000);
  }

  /** Show the progress; before a large recording, wait until the user asks for it. */
  async #onProgress(loaded, total, signal) {
    const { loadBar, loadText, loadButton } = this.#parts;
    loadBar.value = loaded / total;
    setText(loadText, `Loading recording: ${formatBytes(loaded)} of ${formatBytes(total)}`);
    const isLarge = loaded <= AUTO_LOAD_BYTES && total > AUTO_LOAD_BYTES && loaded < total;
    if (!isLarge || this.isReady || this.#hasAsked) return;
    this.#hasAsked = true;
    loadBar.hidden = true;
    loadButton.hidden = false;
    setText(loadText, `Recording size: ${formatBytes(total)}`);
    await new Promise((resolve, reject) => {
      loadButton.onclick = resolve;
      signal.addEventListener("abort", reject, { once: true });
    });
    loadButton.hidden = true;
    loadBar.hidden = false;
  }

  #showLoading() {
    const { player, loading, controls, loadBar, loadButton, loadText } = this.#parts;
    player.hidden = false;
    loading.hidden = false;
    controls.hidden = true;
    loadBar.hidden = false;
    loadButton.hidden = true;
    setText(loadText, "Loading recording");
  }

  #showReady() {
    const { loading, controls, seek, duration } = this.#parts;
    loading.hidden = true;
    controls.hidden = false;
    seek.max = this.#audio.duration.toFixed(1);
    setText(duration, formatClock(this.#audio.duration * 1000));
    this.#audio.playbackRate = Number(this.#parts.rate.value);
    this.#showPlaying();
    announce("Recording ready");
  }

  #showError(message, retry) {
    const { loading, loadBar, loadText, loadButton, controls } = this.#parts;
    loading.hidden = false;
    controls.hidden = true;
    loadBar.hidden = true;
    setText(loadText, message);
    loadButton.hidden = !retry;
    loadButton.onclick = retry ?? null;
    announce(message);
  }

  #revokeUrl() {
    if (this.#url?.startsWith("blob:")) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  #showPlaying() {
    const isPlaying = !this.#audio.paused;
    this.#parts.play.querySelector("use").setAttribute("href", isPlaying ? "#i-pause" : "#i-play");
    setText(this.#parts.playText, isPlaying ? "Pause" : "Play");
    this.#showPosition();
    if (isPlaying) this.#followFrames();
  }

  /** Update the position with every frame: `timeupdate` comes only four times a second. */
  #followFrames() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#showPosition();
      if (!this.#audio.paused) this.#followFrames();
    });
  }

  #showPosition() {
    const { seek, position } = this.#parts;
    const duration = this.#audio.duration || 0;
    seek.value = this.#audio.currentTime.toFixed(1);
    seek.style.setProperty("--played", `${(this.#audio.currentTime / (duration || 1)) * 100}%`);
    const text = formatClock(this.positionMs);
    setText(position, text);
    seek.setAttribute("aria-valuetext", `${text} of ${formatClock(duration * 1000)}`);
    this.#onTime(this.positionMs, !this.#audio.paused);
  }
}
