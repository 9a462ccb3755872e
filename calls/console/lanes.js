// The lanes: one per track, with a waveform, talk share and mute button; zoom, scroll and playhead.
//
// When zoomed, an element as wide as the whole call gives the native scroll bar its range. The lanes
// stay fixed in the viewport and draw only the visible part.

import { setColor } from "./colors.js";
import { element, icon, setText } from "./dom.js";
import { formatCount, formatDuration, formatParticipant, formatPercent } from "./format.js";
import { totalMs } from "./spans.js";
import { drawAxis, drawTrack, fitCanvas, loudestPeak, readColors } from "./waveform.js";

const MIN_VISIBLE_MS = 5000;
const FOLLOW_MARGIN_PX = 24;

export class Lanes {
  #scroller;
  #extent = element("div", { class: "lanes-extent" });
  #viewport = element("div", { class: "lanes-viewport" });
  #axis = element("canvas", { class: "axis", "aria-hidden": "true" });
  #rows = [];
  #model = null;
  #zoom = 1;
  #positionMs = 0;
  #width = 0;
  #loudest = 1;
  #left = 0;
  #frame = null;
  #onSeek;
  #onMute;
  #resizeObserver = new ResizeObserver(() => this.#scheduleDraw());
  #darkScheme = matchMedia("(prefers-color-scheme: dark)");
  #onSchemeChange = () => this.#scheduleDraw();

  /** Calls `onSeek(ms)` and `onMute(channel, isMuted)`. */
  constructor(root, { onSeek, onMute }) {
    this.#onSeek = onSeek;
    this.#onMute = onMute;
    this.#scroller = root;
    this.#viewport.append(this.#axis);
    this.#extent.append(this.#viewport);
    root.append(this.#extent);
    root.addEventListener("scroll", () => this.#scheduleDraw(), { passive: true });
    this.#viewport.addEventListener("pointerdown", (event) => this.#seekTo(event));
    this.#viewport.addEventListener("pointermove", (event) => event.buttons === 1 && this.#seekTo(event));
    this.#resizeObserver.observe(root);
    this.#darkScheme.addEventListener("change", this.#onSchemeChange);
  }

  stop() {
    this.#resizeObserver.disconnect();
    this.#darkScheme.removeEventListener("change", this.#onSchemeChange);
    cancelAnimationFrame(this.#frame);
  }

  /** Show a model of timeline.js. `canMute`: each track is a channel of the recording. */
  show(model, { canSeek = false, canMute = false } = {}) {
    this.#model = model;
    this.#loudest = loudestPeak(model.tracks);
    this.#scroller.dataset.seekable = canSeek;
    model.tracks.forEach((track, index) => {
      this.#rows[index] ??= this.#addRow(index);
      this.#updateRow(this.#rows[index], track, canMute);
    });
    for (const row of this.#rows.splice(model.tracks.length)) row.root.remove();
    this.#scheduleDraw();
  }

  /** Move the playhead; with `follow`, scroll it into view. */
  moveTo(ms, { follow = false } = {}) {
    this.#positionMs = ms;
    if (follow && this.#zoom > 1) {
      const { from, to } = this.#visibleRange();
      if (ms < from || ms > to) {
        const width = this.#width * this.#zoom;
        this.#scroller.scrollLeft = (ms / this.#model.durationMs) * width - FOLLOW_MARGIN_PX;
      }
    }
    this.#drawPlayhead();
  }

  get canZoomIn() {
    return this.#model !== null && this.#model.durationMs / this.#zoom > MIN_VISIBLE_MS * 2;
  }

  get canZoomOut() {
    return this.#zoom > 1;
  }

  /** Zoom around the playhead if it is visible, else around the middle. */
  zoomBy(factor) {
    const { from, to } = this.#visibleRange();
    const isVisible = this.#positionMs >= from && this.#positionMs <= to;
    const centreMs = isVisible ? this.#positionMs : (from + to) / 2;
    const share = (centreMs - from) / (to - from || 1);
    this.#zoom = Math.max(1, this.#zoom * factor);
    this.#extent.style.width = `${this.#zoom * 100}%`;
    const width = this.#scroller.clientWidth * this.#zoom;
    const visibleMs = this.#model.durationMs / this.#zoom;
    this.#scroller.scrollLeft = ((centreMs - share * visibleMs) / this.#model.durationMs) * width;
    // What scrolls must be reachable with the keyboard.
    if (this.#zoom > 1) this.#scroller.tabIndex = 0;
    else this.#scroller.removeAttribute("tabindex");
    this.#scheduleDraw();
  }

  #addRow(index) {
    const row = {
      name: element("span", { class: "lane-name" }),
      share: element("span", { class: "lane-share" }),
      speech: element("span", { class: "lane-share lane-speech" }),
      bar: element("span", { class: "talk-bar", "aria-hidden": "true" }, element("span")),
      mute: element("button", { class: "icon-button mute", type: "button", "aria-pressed": "false" }),
      canvas: element("canvas", { class: "waveform", role: "img" }),
      playhead: element("div", { class: "playhead", "aria-hidden": "true" }),
    };
    row.mute.addEventListener("click", () => {
      const isMuted = !isRowMuted(row);
      row.mute.setAttribute("aria-pressed", String(isMuted));
      row.mute.replaceChildren(icon(isMuted ? "mute" : "sound"));
      this.#onMute(this.#model.tracks[index].channel, isMuted);
    });
    row.mute.append(icon("sound"));
    row.root = element(
      "div",
      { class: "lane" },
      element("div", { class: "lane-head" },
        element("span", { class: "swatch", "aria-hidden": "true" }),
        row.name, row.share, row.speech, row.bar, row.mute),
      element("div", { class: "waveform-frame" }, row.canvas, row.playhead),
    );
    setColor(row.root, index);
    this.#viewport.insertBefore(row.root, this.#axis);
    return row;
  }

  #updateRow(row, track, canMute) {
    const name = formatParticipant(track.participant, track.name);
    const share = track.talkShare;
    setText(row.name, name);
    setText(row.share, share === null ? "" : `${formatPercent(share)} of talk time`);
    setText(row.speech, share === null ? "" : `${formatDuration(track.speechMs)} speech`);
    row.bar.hidden = share === null;
    row.bar.firstChild.style.width = `${(share ?? 0) * 100}%`;
    row.mute.hidden = !canMute;
    // A new version of the recording starts with all channels audible.
    if (canMute) this.#onMute(track.channel, isRowMuted(row));
    row.mute.setAttribute("aria-label", `Mute ${name}`);
    row.mute.title = `Mute ${name}`;
    row.canvas.setAttribute("aria-label", describeWaveform(track, this.#model));
  }

  /** The visible part of the call, in milliseconds. */
  #visibleRange() {
    const visibleMs = this.#model.durationMs / this.#zoom;
    const from = (this.#left / (this.#width * this.#zoom || 1)) * this.#model.durationMs;
    return { from, to: from + visibleMs };
  }

  #seekTo(event) {
    if (this.#scroller.dataset.seekable !== "true" || event.target.closest(".lane-head")) return;
    const box = this.#viewport.getBoundingClientRect();
    const { from, to } = this.#visibleRange();
    this.#onSeek(from + ((event.clientX - box.left) / box.width) * (to - from));
  }

  #scheduleDraw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#model) this.#draw();
    });
  }

  #draw() {
    // Read once per drawing: reading them with every move of the playhead would force a layout.
    this.#width = this.#scroller.clientWidth;
    this.#left = this.#scroller.scrollLeft;
    this.#viewport.style.width = `${this.#width}px`;
    const range = this.#visibleRange();
    const colors = readColors(this.#scroller);
    this.#model.tracks.forEach((track, index) => {
      const { canvas, root } = this.#rows[index];
      const trackColor = getComputedStyle(root).getPropertyValue("--track").trim();
      drawTrack(fitCanvas(canvas), track, {
        model: this.#model, range, colors: { ...colors, track: trackColor }, loudest: this.#loudest,
      });
    });
    drawAxis(fitCanvas(this.#axis), range, colors);
    this.#drawPlayhead();
  }

  #drawPlayhead() {
    if (!this.#model) return;
    const { from, to } = this.#visibleRange();
    const share = (this.#positionMs - from) / (to - from || 1);
    for (const { playhead } of this.#rows) {
      playhead.classList.toggle("offscreen", share < 0 || share > 1);
      playhead.style.transform = `translateX(${share * this.#width}px)`;
    }
  }
}

const isRowMuted = (row) => row.mute.getAttribute("aria-pressed") === "true";

/** Describe a waveform for screen readers. */
function describeWaveform(track, model) {
  const { speech, overlaps, gaps, missingSegments, losses, segments } = track;
  const withTotal = (text, spans) => `${text}, ${formatDuration(totalMs(spans))} in total`;
  const facts = [`Waveform of ${formatParticipant(track.participant, track.name)}, ${formatDuration(model.durationMs)}`];
  if (speech.length) facts.push(withTotal(formatCount(speech.length, "speech section"), speech));
  if (overlaps.length) facts.push(withTotal(formatCount(overlaps.length, "overlap"), overlaps));
  if (gaps.length) facts.push(withTotal(`${formatCount(gaps.length, "gap")} without streaming`, gaps));
  if (missingSegments.length) facts.push(`${formatCount(missingSegments.length, "segment")} missing`);
  if (losses.length) facts.push(`audio lost in ${formatCount(losses.length, "segment")}`);
  if (model.isLive) facts.push(`${formatCount(segments.length, "segment")} uploaded, recording`);
  return `${facts.join("; ")}.`;
}
