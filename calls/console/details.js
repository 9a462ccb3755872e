// Build what surrounds the waveforms: the call's details, metrics, legend, events and table.

import { element } from "./dom.js";
import {
  formatBytes, formatClock, formatCount, formatDuration, formatEventType, formatExactTime, formatMoment,
  formatParticipant, formatPercent,
} from "./format.js";
import { formatParty, isIncoming, openPause, shownDurationMs } from "./record.js";
import { intersect, totalMs } from "./spans.js";

const NO_VALUE = "\u2013";
const SEPARATOR = " \u00b7 ";

/** Describe a call in one line, below its title. */
export function describeCall(record) {
  const details = [];
  if (isIncoming(record)) details.push(`Incoming call to ${formatParty(record, record.to)}`);
  else if (record.from) details.push(`From ${formatParty(record, record.from)}`);
  details.push(new Date(record.created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
  if (record.channels) details.push(record.channels === "unmixed" ? "One track per participant" : "Mixed audio");
  if (record.sample_rate) details.push(`${record.sample_rate / 1000} kHz`);
  const announcement = describeAnnouncement(record);
  if (announcement) details.push(announcement);
  if (record.operation_context) details.push(record.operation_context);
  if (record.hung_up_reason === "max_call_minutes") details.push("Hung up: longer than MAX_CALL_MINUTES");
  return details.join(SEPARATOR);
}

/** Describe how far the announcement is: "Announced at 10:00:05"; "" for a call without one. */
export function describeAnnouncement({ announcement }) {
  if (!announcement) return "";
  const played = announcement.plays.find((play) => play.state === "completed");
  if (played) return `Announced at ${formatExactTime(played.ended_at)}`;
  return announcement.state === "failed" ? "Not announced" : "Announcement pending";
}

/** Describe the pause that a call is in: who paused it, why, and when it resumes by itself; else "". */
export function describePause(record, now = Date.now()) {
  const pause = openPause(record);
  if (!pause) return "";
  const details = [pause.paused_by ? `Paused by ${pause.paused_by.name}` : "Paused"];
  if (pause.reason) details.push(pause.reason);
  if (pause.resume_at) {
    // Rounded up, so that it is 0:00 only when it is over.
    const seconds = Math.ceil(Math.max(0, Date.parse(pause.resume_at) - now) / 1000);
    details.push(`Resumes in ${formatClock(seconds * 1000)}`);
  }
  return details.join(SEPARATOR);
}

/** Build the metrics from a call record and a model of timeline.js. */
export function buildMetrics(model, record, isAssembled) {
  const durationMs = shownDurationMs(record);
  const metrics = [["Duration", durationMs === null ? NO_VALUE : formatClock(durationMs)]];
  if (isAssembled) {
    const silence = model.longestSilence;
    metrics.push(["Speech", record.summary ? formatPercent(record.summary.speech_share) : NO_VALUE]);
    if (model.tracks.length > 1) {
      metrics.push(["Overlap", model.overlaps.length ? formatDuration(totalMs(model.overlaps)) : "None"]);
      metrics.push(["Interruptions", String(model.interruptions.length)]);
    }
    metrics.push(["Longest silence", silence ? formatDuration(silence.end_ms - silence.start_ms) : NO_VALUE]);
  } else {
    const segments = model.tracks.reduce((sum, track) => sum + track.segments.length, 0);
    metrics.push(["Segments", String(segments)], ["Participants", String(record.participants.length)]);
  }
  if (record.summary) {
    const lostMs = record.summary.lost_ms;
    metrics.push(["Lost audio", lostMs ? formatDuration(lostMs) : "None"]);
  }
  return metrics.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

export function buildLegend(model, isAssembled) {
  const isAny = (member) => model.tracks.some((track) => track[member].length);
  const entries = isAssembled ? [["speech", "Speech"], ["silence", "No speech"]] : [["segment", "Segment"]];
  if (!isAssembled && isAny("peaks")) entries.push(["speech", "Sound"]);
  else if (!isAssembled && isAny("speech")) entries.push(["speech", "Speech"]);
  if (model.isLive) entries.push(["live", "Recording"]);
  if (model.overlaps.length) entries.push(["overlap", "Overlap"]);
  if (isAny("gaps")) entries.push(["gap", "Not streamed"]);
  if (isAny("losses")) entries.push(["loss", "Lost audio"]);
  if (model.missingSegments.length) entries.push(["missing", "Missing segment"]);
  return entries.map(([kind, text]) =>
    element("li", {}, element("span", { class: "legend-key", "data-kind": kind, "aria-hidden": "true" }), text));
}

/** Build the list of events, the newest first. */
export function buildEvents(record) {
  const events = record.events.filter((event) => event.type !== "ParticipantsUpdated");
  return events.toReversed().map((event) => {
    const isFailure = (event.result?.code ?? 200) >= 400 || event.type.endsWith("Failed");
    const notes = [event.operation_context, isFailure ? event.result?.message : null].filter(Boolean);
    return element("li", { "data-variant": isFailure ? "danger" : "info" },
      element("time", { datetime: event.time }, formatExactTime(event.time)),
      element("span", {}, formatEventType(event.type),
        notes.length ? element("small", {}, notes.join(SEPARATOR)) : null));
  });
}

/** Build the timeline as a table, for screen readers and spreadsheets. */
export function buildTable(model) {
  const rows = model.tracks.flatMap((track) => {
    const participant = formatParticipant(track.participant, track.name);
    const rowsOf = (spans, type) => spans.map((span) => [span.start_ms, span.end_ms, participant, type]);
    return [...rowsOf(track.speech, "Speech"), ...rowsOf(track.gaps, "Not streamed"),
      ...rowsOf(track.losses, "Lost audio"), ...rowsOf(track.missingSegments, "Missing segment")];
  });
  for (const span of model.overlaps) {
    const speakers = model.tracks.filter((track) => intersect([span], track.overlaps).length);
    const names = speakers.map((track) => formatParticipant(track.participant, track.name)).join(", ");
    rows.push([span.start_ms, span.end_ms, names, "Overlap"]);
  }
  const nameOf = (rawId) =>
    formatParticipant(rawId, model.tracks.find((track) => track.participant === rawId)?.name);
  for (const { at_ms: at, interrupter, interrupted } of model.interruptions) {
    rows.push([at, at, nameOf(interrupter), `Interrupts ${nameOf(interrupted)}`]);
  }
  for (const { start_ms: start, end_ms: end, paused_by: by, reason } of model.pauses) {
    rows.push([start, end, by?.name ?? NO_VALUE, reason ? `Paused: ${reason}` : "Paused"]);
  }
  // Most announcements end before the recording starts.
  for (const { start_ms: start, end_ms: end, to_all: isToAll, to } of model.announcements) {
    const names = isToAll ? formatParticipant(null) : to.map(nameOf).join(", ");
    if (end !== null && end > 0) rows.push([Math.max(0, start), end, names, "Announcement"]);
  }
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const headings = ["Start", "End", "Participant", "Type"].map((text) => element("th", { scope: "col" }, text));
  const body = rows.map(([start, end, participant, type]) => element("tr", {},
    ...[formatTenths(start), formatTenths(end), participant, type].map((text) => element("td", {}, text))));
  return element("table", {},
    element("thead", {}, element("tr", {}, ...headings)), element("tbody", {}, ...body));
}

const formatTenths = (ms) => `${formatClock(ms)}.${Math.floor(ms / 100) % 10}`;

/** Describe a legal hold: since when, by whom, and why. */
export function describeHold({ reason, placed_at: placedAt, placed_by: placedBy }) {
  return `On legal hold since ${formatMoment(placedAt)} by ${placedBy.name}: ${reason}`;
}

/** Describe how much a deletion has deleted, and what remains. */
export function describeDeletion({ state, deleted, remaining, restorable_until: restorableUntil }) {
  const count = deleted.reduce((sum, entry) => sum + entry.count, 0);
  const bytes = deleted.reduce((sum, entry) => sum + entry.bytes, 0);
  const parts = [`${formatCount(count, "file")} deleted (${formatBytes(bytes)})`];
  if (state === "waiting") {
    const protectedCount = remaining.reduce((sum, entry) => sum + entry.count, 0);
    const until = remaining.map((entry) => entry.until).filter(Boolean).sort().at(-1);
    parts.push(`${protectedCount} protected by an immutability policy${until ? ` until ${formatMoment(until)}` : ""}`);
  }
  if (restorableUntil) parts.push(`an administrator can restore them until ${formatMoment(restorableUntil)}`);
  return `${parts.join("; ")}.`;
}
