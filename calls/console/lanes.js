// The lanes: a waveform per participant, with speech, overlaps, gaps and what is being recorded.
//
// A wide, empty element inside the scroller makes a zoomed call scroll as the browser scrolls
// anything; the lanes themselves stick to its view, and draw only what is seen.

import { element, icon, setText } from "./dom.js";
import { clock, length, percent, person, plural } from "./format.js";
import { total } from "./timeline.js";

const BAR = 2;
const STEP = 3;
const AUDIBLE = 0.02;
/** A call in which nobody is louder is not drawn as if somebody were. */
const QUIETEST_SCALE = 0.05;
const NARROWEST_MS = 5000;
const SHARES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].map((s) => s * 1000);

export class Lanes {
  #scroller;
  #wide = element("div", { class: "lanes-wide" });
  #stuck = element("div", { class: "lanes-view" });
  #axis = element("canvas", { class: "axis", "aria-hidden": "true" });
  #rows = [];
  #model = null;
  #zoom = 1;
  #at = 0;
  #width = 0;
  #loudest = 1;
  #left = 0;
  #frame = null;
  #onSeek;
  #onMute;
  #resize = new ResizeObserver(() => this.draw());
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #onScheme = () => this.draw();

  /** `onSeek(ms)`, `onMute(channel, muted)`. */
  constructor(root, { onSeek, onMute }) {
    this.#onSeek = onSeek;
    this.#onMute = onMute;
    this.#scroller = root;
    this.#stuck.append(this.#axis);
    this.#wide.append(this.#stuck);
    root.append(this.#wide);
    root.addEventListener("scroll", () => this.draw(), { passive: true });
    this.#stuck.addEventListener("pointerdown", (event) => this.#point(event));
    this.#stuck.addEventListener("pointermove", (event) => event.buttons === 1 && this.#point(event));
    this.#resize.observe(root);
    this.#dark.addEventListener("change", this.#onScheme);
  }

  stop() {
    this.#resize.disconnect();
    this.#dark.removeEventListener("change", this.#onScheme);
    cancelAnimationFrame(this.#frame);
  }

  /** Show a call, in the shape of timeline.js. `canMute`: each track is a channel of its own. */
  show(model, { canSeek = false, canMute = false } = {}) {
    this.#model = model;
    this.#loudest = Math.max(QUIETEST_SCALE, ...model.tracks.map((track) => highest(track.peaks)));
    this.#scroller.dataset.seekable = canSeek;
    model.tracks.forEach((track, at) => {
      this.#rows[at] ??= this.#addRow(at);
      this.#fill(this.#rows[at], track, canMute);
    });
    for (const row of this.#rows.splice(model.tracks.length)) row.root.remove();
    this.draw();
  }

  /** Move the playhead; while playing, the view follows it. */
  moveTo(ms, { follow = false } = {}) {
    this.#at = ms;
    if (follow && this.#zoom > 1) {
      const { from, to } = this.#view();
      if (ms < from || ms > to) {
        const width = this.#width * this.#zoom;
        this.#scroller.scrollLeft = (ms / this.#model.durationMs) * width - 24;
      }
    }
    this.#placeHead();
  }

  get canZoomIn() {
    return this.#model !== null && this.#model.durationMs / this.#zoom > NARROWEST_MS * 2;
  }

  get canZoomOut() {
    return this.#zoom > 1;
  }

  /** Zoom about the playhead where it is seen, else about the view's middle. */
  zoomBy(factor) {
    const { from, to } = this.#view();
    const about = this.#at >= from && this.#at <= to ? this.#at : (from + to) / 2;
    const share = (about - from) / (to - from || 1);
    this.#zoom = Math.max(1, this.#zoom * factor);
    this.#wide.style.width = `${this.#zoom * 100}%`;
    const width = this.#scroller.clientWidth * this.#zoom;
    const seen = this.#model.durationMs / this.#zoom;
    this.#scroller.scrollLeft = ((about - share * seen) / this.#model.durationMs) * width;
    // What scrolls must be within reach of the keyboard.
    if (this.#zoom > 1) this.#scroller.tabIndex = 0;
    else this.#scroller.removeAttribute("tabindex");
    this.draw();
  }

  draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#model) this.#drawNow();
    });
  }

  #addRow(at) {
    const row = {
      name: element("span", { class: "lane-name" }),
      talk: element("span", { class: "lane-talk" }),
      spoken: element("span", { class: "lane-talk spoken" }),
      share: element("span", { class: "share", "aria-hidden": "true" }, element("span")),
      mute: element("button", { class: "icon-button mute", type: "button", "aria-pressed": "false" }),
      canvas: element("canvas", { class: "wave", role: "img" }),
      playhead: element("div", { class: "playhead", "aria-hidden": "true" }),
    };
    row.mute.addEventListener("click", () => {
      const muted = row.mute.getAttribute("aria-pressed") !== "true";
      row.mute.setAttribute("aria-pressed", String(muted));
      row.mute.replaceChildren(icon(muted ? "mute" : "sound"));
      this.#onMute(this.#model.tracks[at].channel, muted);
    });
    row.mute.append(icon("sound"));
    row.root = element(
      "div",
      { class: "lane", "data-color": at % 6 },
      element("div", { class: "lane-head" },
        element("span", { class: "chip", "aria-hidden": "true" }), row.name, row.talk, row.spoken, row.share, row.mute),
      element("div", { class: "wave-wrap" }, row.canvas, row.playhead),
    );
    this.#stuck.insertBefore(row.root, this.#axis);
    return row;
  }

  #fill(row, track, canMute) {
    const name = person(track.participant);
    setText(row.name, name);
    const share = track.talkShare;
    setText(row.talk, share === null ? "" : `${percent(share)} of the talk`);
    setText(row.spoken, share === null ? "" : `${length(track.speechMs)} of speech`);
    row.share.hidden = share === null;
    row.share.firstChild.style.width = `${(share ?? 0) * 100}%`;
    row.mute.hidden = !canMute;
    // A recording that was put together anew has other channels, none of them muted.
    if (canMute) this.#onMute(track.channel, row.mute.getAttribute("aria-pressed") === "true");
    row.mute.setAttribute("aria-label", `Mute ${name}`);
    row.mute.title = `Mute ${name}`;
    const facts = [`Waveform of ${name}, ${length(this.#model.durationMs)}`];
    if (track.speech.length) facts.push(`${plural(track.speech.length, "stretch", "stretches")} of speech, ${length(total(track.speech))} in all`);
    if (track.gaps.length) facts.push(`${plural(track.gaps.length, "gap without streaming", "gaps without streaming")}, ${length(total(track.gaps))} in all`);
    if (track.missing.length) facts.push(`${plural(track.missing.length, "segment")} missing`);
    if (track.faults.length) facts.push(`audio lost in ${plural(track.faults.length, "segment")}`);
    if (this.#model.isLive) facts.push(`${plural(track.segments.length, "segment")} landed, recording`);
    row.canvas.setAttribute("aria-label", `${facts.join("; ")}.`);
  }

  #view() {
    const span = this.#model.durationMs / this.#zoom;
    const from = (this.#left / (this.#width * this.#zoom || 1)) * this.#model.durationMs;
    return { from, to: from + span };
  }

  #point(event) {
    if (this.#scroller.dataset.seekable !== "true" || event.target.closest(".lane-head")) return;
    const box = this.#stuck.getBoundingClientRect();
    const { from, to } = this.#view();
    this.#onSeek(from + ((event.clientX - box.left) / box.width) * (to - from));
  }

  #placeHead() {
    if (!this.#model) return;
    const { from, to } = this.#view();
    const share = (this.#at - from) / (to - from || 1);
    for (const { playhead } of this.#rows) {
      playhead.classList.toggle("outside", share < 0 || share > 1);
      playhead.style.transform = `translateX(${share * this.#width}px)`;
    }
  }

  #drawNow() {
    // Asked for once, rather than with every move of the playhead.
    this.#width = this.#scroller.clientWidth;
    this.#left = this.#scroller.scrollLeft;
    // As wide as what is seen, however wide the call is zoomed.
    this.#stuck.style.width = `${this.#width}px`;
    const view = this.#view();
    const colors = readColors(this.#scroller);
    this.#model.tracks.forEach((track, at) => {
      const canvas = this.#rows[at].canvas;
      const pen = prepare(canvas);
      const own = getComputedStyle(this.#rows[at].root).getPropertyValue("--track").trim();
      drawTrack(pen, track, this.#model, view, { ...colors, own }, this.#loudest);
    });
    drawAxis(prepare(this.#axis), view, colors);
    this.#placeHead();
  }
}

/** The colours that the style sheet gives, so that light and dark are said in one place. */
function readColors(node) {
  const style = getComputedStyle(node);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    quiet: read("--wave-quiet"), line: read("--line"), muted: read("--muted"),
    overlap: read("--overlap"), missing: read("--danger"), fault: read("--warn-line"),
    live: read("--live"),
    font: style.fontFamily,
  };
}

/** Fit a canvas to its place in device pixels, and clear it. */
function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function highest(peaks) {
  let found = 0;
  for (const peak of peaks) if (peak > found) found = peak;
  return found;
}

function drawTrack({ pen, width, height }, track, model, view, colors, loudest) {
  const x = (ms) => ((ms - view.from) / (view.to - view.from || 1)) * width;
  const seen = (spans) => spans.filter((span) => span.end_ms > view.from && span.start_ms < view.to);
  const middle = height / 2;

  pen.fillStyle = colors.overlap;
  for (const span of seen(model.overlaps)) {
    pen.fillRect(x(span.start_ms), 0, Math.max(1, x(span.end_ms) - x(span.start_ms)), height);
  }
  pen.fillStyle = colors.line;
  pen.fillRect(0, middle - 0.5, width, 1);

  if (track.segments.length || model.isLive) drawSegments(pen, track, model, x, seen, height, colors);
  if (track.peaks.length) drawPeaks(pen, track, view, width, height, colors, loudest, seen(track.speech));

  const across = (span) => [x(span.start_ms), Math.max(3, x(span.end_ms) - x(span.start_ms)), height];
  for (const span of seen(track.gaps)) hatch(pen, ...across(span), colors.muted);
  for (const span of seen(track.missing)) hatch(pen, ...across(span), colors.missing);
  pen.fillStyle = colors.fault;
  for (const span of seen(track.faults)) {
    const [left, wide] = across(span);
    pen.fillRect(left, height - 4, wide, 3);
  }
}

function drawPeaks(pen, track, view, width, height, colors, loudest, speech) {
  const perPixel = (view.to - view.from) / width;
  // Zoomed in, a bar is as wide as a window: narrower ones would say more than is known.
  const step = Math.max(STEP, track.windowMs / perPixel);
  const start = -((view.from / perPixel) % step);
  const isLevelOnly = track.segments.length > 0;
  let span = 0;
  for (let left = start; left < width; left += step) {
    const [from, to] = [view.from + left * perPixel, view.from + (left + step) * perPixel];
    const first = Math.max(0, Math.floor(from / track.windowMs + 1e-6));
    const last = Math.max(first + 1, Math.ceil(to / track.windowMs - 1e-6));
    let peak = 0;
    for (let n = first; n < last && n < track.peaks.length; n += 1) peak = Math.max(peak, track.peaks[n]);
    while (span < speech.length && speech[span].end_ms <= from) span += 1;
    const speaks = (span < speech.length && speech[span].start_ms < to) || (isLevelOnly && peak > AUDIBLE);
    if (!peak && isLevelOnly) continue;
    // Quiet speech must be seen beside loud: the bars grow with the root of the level.
    const tall = Math.max(1, Math.sqrt(peak / loudest) * (height - 6));
    pen.fillStyle = speaks ? colors.own : colors.quiet;
    pen.beginPath();
    pen.roundRect(left, (height - tall) / 2, (step * BAR) / STEP, tall, 1);
    pen.fill();
  }
}

/** While a call runs: each segment that has landed, and the speech found where none is drawn. */
function drawSegments(pen, track, model, x, seen, height, colors) {
  if (model.recordingFromMs !== null) {
    pen.globalAlpha = 0.1;
    pen.fillStyle = colors.own;
    box(pen, x(model.recordingFromMs), x(model.durationMs), 8, height - 16);
    pen.globalAlpha = 1;
    pen.fillStyle = colors.live;
    box(pen, x(model.durationMs) - 3, x(model.durationMs), 8, height - 16);
  }
  for (const segment of seen(track.segments)) {
    pen.globalAlpha = 0.16;
    pen.fillStyle = colors.own;
    box(pen, x(segment.start_ms) + 0.75, x(segment.end_ms) - 0.75, 8, height - 16);
  }
  pen.globalAlpha = 1;
  pen.fillStyle = colors.own;
  for (const span of track.peaks.length ? [] : seen(track.speech)) box(pen, x(span.start_ms), x(span.end_ms), height / 2 - 9, 18);
}

function box(pen, from, to, top, tall) {
  pen.beginPath();
  pen.roundRect(from, top, Math.max(1, to - from), tall, 3);
  pen.fill();
}

function hatch(pen, left, width, height, color) {
  pen.save();
  pen.beginPath();
  pen.rect(left, 2, width, height - 4);
  pen.clip();
  pen.fillStyle = pen.strokeStyle = color;
  pen.globalAlpha = 0.16;
  pen.fillRect(left, 2, width, height - 4);
  pen.globalAlpha = 0.9;
  pen.lineWidth = 1.25;
  pen.beginPath();
  for (let at = left - height; at < left + width; at += 5) {
    pen.moveTo(at, height);
    pen.lineTo(at + height, 0);
  }
  pen.stroke();
  pen.restore();
}

function drawAxis({ pen, width }, view, colors) {
  const span = view.to - view.from;
  if (!span) return;
  const step = SHARES.find((candidate) => (candidate / span) * width >= 64) ?? SHARES.at(-1);
  pen.fillStyle = colors.muted;
  pen.strokeStyle = colors.line;
  pen.font = `11px ${colors.font}`;
  pen.textBaseline = "top";
  for (let ms = Math.ceil(view.from / step) * step; ms <= view.to; ms += step) {
    const left = ((ms - view.from) / span) * width;
    pen.fillRect(Math.min(left, width - 1), 0, 1, 4);
    const text = clock(ms);
    const wide = pen.measureText(text).width;
    pen.fillText(text, Math.min(Math.max(left - wide / 2, 0), width - wide), 7);
  }
}
