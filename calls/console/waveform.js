// Draw a track's waveform, and the time axis, on a canvas.
//
// A `surface` is `{ pen, width, height }` in CSS pixels; a `range` is `{ from, to }` in milliseconds.

import { formatClock } from "./format.js";

const BAR_PX = 2;
const BAR_STEP_PX = 3;
const SEGMENT_INSET_PX = 8;
const SEGMENT_GAP_PX = 0.75;
const MIN_SPAN_PX = 3;
const MIN_TICK_DISTANCE_PX = 64;
/** A peak above this level counts as sound while the speech is not known. */
const AUDIBLE_PEAK = 0.02;
/** The scale of a silent call, so that its noise is not drawn as if it were speech. */
const MIN_SCALE = 0.05;
const TICK_STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].map((s) => s * 1000);

/** The peak that fills the height of the waveforms. */
export function loudestPeak(tracks) {
  let loudest = MIN_SCALE;
  for (const { peaks } of tracks) for (const peak of peaks) if (peak > loudest) loudest = peak;
  return loudest;
}

/** Read the colours from the style sheet, which defines them for the light and the dark scheme. */
export function readColors(node) {
  const style = getComputedStyle(node);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    silence: read("--waveform-silence"), line: read("--line"), muted: read("--muted"),
    overlap: read("--overlap"), missing: read("--danger"), loss: read("--warning-line"),
    live: read("--live"),
    font: style.fontFamily,
  };
}

/** Fit a canvas to its size in device pixels, clear it, and return its surface. */
export function fitCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** Draw a track; the scene is `{ model, range, colors, loudest }`. */
export function drawTrack(surface, track, scene) {
  const { pen, width, height } = surface;
  const { range, colors, model } = scene;
  const x = (ms) => ((ms - range.from) / (range.to - range.from || 1)) * width;
  const visible = (spans) => spans.filter((span) => span.end_ms > range.from && span.start_ms < range.to);
  const extent = (span) => [x(span.start_ms), Math.max(MIN_SPAN_PX, x(span.end_ms) - x(span.start_ms))];

  pen.fillStyle = colors.overlap;
  for (const span of visible(track.overlaps)) {
    pen.fillRect(x(span.start_ms), 0, Math.max(1, x(span.end_ms) - x(span.start_ms)), height);
  }
  pen.fillStyle = colors.line;
  pen.fillRect(0, height / 2 - 0.5, width, 1);

  if (track.segments.length || model.isLive) drawSegments(surface, track, scene, x, visible);
  if (track.peaks.length) drawPeaks(surface, track, scene, visible(track.speech));

  for (const span of visible(track.gaps)) drawHatching(surface, ...extent(span), colors.muted);
  for (const span of visible(track.missingSegments)) drawHatching(surface, ...extent(span), colors.missing);
  pen.fillStyle = colors.loss;
  for (const span of visible(track.losses)) {
    const [left, spanWidth] = extent(span);
    pen.fillRect(left, height - 4, spanWidth, 3);
  }
}

function drawPeaks({ pen, width, height }, track, { range, colors, loudest }, speech) {
  const msPerPixel = (range.to - range.from) / width;
  // A bar is never narrower than a window of the waveform, which is its resolution.
  const step = Math.max(BAR_STEP_PX, track.windowMs / msPerPixel);
  const start = -((range.from / msPerPixel) % step);
  const isLive = track.segments.length > 0;
  let next = 0;
  for (let left = start; left < width; left += step) {
    const [from, to] = [range.from + left * msPerPixel, range.from + (left + step) * msPerPixel];
    const peak = highestPeak(track, from, to);
    while (next < speech.length && speech[next].end_ms <= from) next += 1;
    if (!peak && isLive) continue;
    const isSpeech = next < speech.length && speech[next].start_ms < to;
    const isSound = isLive && peak > AUDIBLE_PEAK;
    // The square root keeps quiet speech visible beside loud speech.
    const barHeight = Math.max(1, Math.sqrt(peak / loudest) * (height - 6));
    pen.fillStyle = isSpeech || isSound ? colors.track : colors.silence;
    pen.beginPath();
    pen.roundRect(left, (height - barHeight) / 2, (step * BAR_PX) / BAR_STEP_PX, barHeight, 1);
    pen.fill();
  }
}

function highestPeak({ peaks, windowMs }, from, to) {
  const first = Math.max(0, Math.floor(from / windowMs + 1e-6));
  const last = Math.max(first + 1, Math.ceil(to / windowMs - 1e-6));
  let highest = 0;
  for (let n = first; n < last && n < peaks.length; n += 1) highest = Math.max(highest, peaks[n]);
  return highest;
}

/** Draw a live track: its uploaded segments, their speech if there are no peaks, and the recording. */
function drawSegments({ pen, height }, track, { model, colors }, x, visible) {
  const [top, boxHeight] = [SEGMENT_INSET_PX, height - 2 * SEGMENT_INSET_PX];
  pen.fillStyle = colors.track;
  if (model.recordingFromMs !== null) {
    pen.globalAlpha = 0.1;
    drawBox(pen, x(model.recordingFromMs), x(model.durationMs), top, boxHeight);
    pen.globalAlpha = 1;
    pen.fillStyle = colors.live;
    drawBox(pen, x(model.durationMs) - 3, x(model.durationMs), top, boxHeight);
  }
  pen.fillStyle = colors.track;
  pen.globalAlpha = 0.16;
  for (const { start_ms: start, end_ms: end } of visible(track.segments)) {
    drawBox(pen, x(start) + SEGMENT_GAP_PX, x(end) - SEGMENT_GAP_PX, top, boxHeight);
  }
  pen.globalAlpha = 1;
  if (track.peaks.length) return;
  for (const span of visible(track.speech)) drawBox(pen, x(span.start_ms), x(span.end_ms), height / 2 - 9, 18);
}

function drawBox(pen, left, right, top, height) {
  pen.beginPath();
  pen.roundRect(left, top, Math.max(1, right - left), height, 3);
  pen.fill();
}

function drawHatching({ pen, height }, left, width, color) {
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
  for (let x = left - height; x < left + width; x += 5) {
    pen.moveTo(x, height);
    pen.lineTo(x + height, 0);
  }
  pen.stroke();
  pen.restore();
}

/** Draw the time axis. */
export function drawAxis({ pen, width }, range, colors) {
  const visibleMs = range.to - range.from;
  if (!visibleMs) return;
  const isWideEnough = (step) => (step / visibleMs) * width >= MIN_TICK_DISTANCE_PX;
  const step = TICK_STEPS_MS.find(isWideEnough) ?? TICK_STEPS_MS.at(-1);
  pen.fillStyle = colors.muted;
  pen.font = `11px ${colors.font}`;
  pen.textBaseline = "top";
  for (let ms = Math.ceil(range.from / step) * step; ms <= range.to; ms += step) {
    const left = ((ms - range.from) / visibleMs) * width;
    pen.fillRect(Math.min(left, width - 1), 0, 1, 4);
    const text = formatClock(ms);
    const textWidth = pen.measureText(text).width;
    pen.fillText(text, Math.min(Math.max(left - textWidth / 2, 0), width - textWidth), 7);
  }
}
