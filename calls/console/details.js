// What is told of a call beside its waveform: figures, legend, faults, events, the table.

import { element, icon } from "./dom.js";
import { clock, exactMoment, isIncoming, length, percent, person, plural, words } from "./format.js";
import { covered, participantOf, total } from "./timeline.js";

/** The reason of a segment that the recording has, and the timeline has not: calls/timeline.py. */
const NOT_ANALYSED = "not analysed";

/** Replace a node's children, but only where they say something new: focus and reading stay. */
export function refill(node, children) {
  const same = node.childElementCount === children.length &&
    children.every((child, at) => child.isEqualNode(node.children[at]));
  if (!same) node.replaceChildren(...children);
}

/** The figures under the heading; `model` is timeline.js's, `isWhole` that it was put together. */
export function figures(model, record, lasted, isWhole) {
  const shown = [["Length", lasted === null ? "\u2013" : clock(lasted)]];
  if (isWhole) {
    const talk = covered(model.tracks.flatMap((track) => track.speech));
    const silence = model.longestSilence;
    shown.push(["Someone speaks", model.durationMs ? percent(talk / model.durationMs) : "\u2013"]);
    if (model.tracks.length > 1) {
      shown.push([`${several(model)} at once`, model.overlaps.length ? length(total(model.overlaps)) : "Never"]);
      shown.push(["Interruptions", String(model.interruptions.length)]);
    }
    shown.push(["Longest silence", silence ? length(silence.end_ms - silence.start_ms) : "\u2013"]);
  } else {
    const segments = model.tracks.reduce((sum, track) => sum + track.segments.length, 0);
    shown.push(["Segments landed", String(segments)], ["Participants", String(record.participants.length)]);
  }
  if (record.summary) {
    const lost = record.summary.lost_ms;
    shown.push(["Lost on the way", lost ? length(lost) : "Nothing"]);
  }
  return shown.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

const several = (model) => (model.tracks.length > 2 ? "Several" : "Both");

export function legend(model, isWhole) {
  const entries = isWhole ? [["speech", "Speech"], ["quiet", "No speech"]] : [["segment", "Segment landed"]];
  if (!isWhole && model.tracks.some((track) => track.peaks.length)) entries.push(["speech", "Sound"]);
  else if (!isWhole && model.tracks.some((track) => track.speech.length)) entries.push(["speech", "Speech"]);
  if (model.isLive) entries.push(["live", "Being recorded"]);
  if (model.overlaps.length) entries.push(["overlap", `${several(model)} speak`]);
  if (model.tracks.some((track) => track.gaps.length)) entries.push(["gap", "Not streamed"]);
  if (model.tracks.some((track) => track.faults.length)) entries.push(["fault", "Audio lost on the way"]);
  if (model.missing.length) entries.push(["missing", "Missing segment"]);
  return entries.map(([kind, text]) =>
    element("li", {}, element("span", { class: "key", "data-kind": kind, "aria-hidden": "true" }), text));
}

/** Faults and gaps, worst first; `onRetry(failure)` runs a failed segment again. */
export function faults(model, record, onRetry) {
  const found = [];
  for (const failure of record.failures ?? []) {
    const button = element("button", { class: "button small", type: "button" }, "Run it again");
    button.addEventListener("click", () => onRetry(failure, button));
    const isSegment = failure.track !== null;
    const title = isSegment ? "A segment could not be analysed" : "A stream could not be read";
    const where = isSegment ? `${person(participantOf(failure.track))}, ${exactMoment(failure.start)}: ` : "";
    found.push(fault("bad", title, where + failure.error, button));
  }
  for (const missing of model.missing) {
    const what = missing.reason === NOT_ANALYSED ? missing.reason : "missing";
    const why = what === missing.reason ? "it is heard, and its speech is not known" : missing.reason;
    found.push(fault("bad", `${clock(missing.start_ms)} to ${clock(missing.end_ms)}: ${what}`,
      `${person(missing.participant)}: ${why}`));
  }
  for (const track of model.tracks) {
    for (const lost of track.faults) {
      const gaps = lost.gaps ? ` in ${plural(lost.gaps, "gap")}` : "";
      found.push(fault("warn", `${clock(lost.start_ms)} to ${clock(lost.end_ms)}: ${length(lost.filled_ms)} lost${gaps}`,
        `${person(track.participant)}: silence stands in its place`));
    }
    for (const gap of track.gaps) {
      found.push(fault("info", `${clock(gap.start_ms)} to ${clock(gap.end_ms)}: not streamed`,
        `${person(track.participant)}: ${length(gap.end_ms - gap.start_ms)}`));
    }
  }
  for (const stream of record.streams) {
    const { late_dropped: late, lost, clock_steps: steps } = stream.counts;
    const facts = [];
    if (late) facts.push(`${plural(late, "frame")} came too late`);
    if (lost) facts.push(`${plural(lost, "frame")} found no room`);
    if (steps) facts.push(`the sender's clock was set back ${plural(steps, "time")}`);
    if (facts.length) found.push(fault("warn", facts.join("; "), `Stream of ${exactMoment(stream.started_at)}`));
  }
  return found;
}

const fault = (look, title, text, ...more) =>
  element("li", { "data-look": look }, icon("alert"),
    element("div", {}, element("b", {}, title), element("p", {}, text), ...more));

export function events(record) {
  const shown = record.events.filter((event) => event.type !== "ParticipantsUpdated");
  return shown.toReversed().map((event) => {
    const code = event.result?.code ?? 200;
    const bad = code >= 400 || event.type.endsWith("Failed");
    const notes = [event.operation_context, bad ? event.result?.message : null].filter(Boolean);
    return element("li", { "data-look": bad ? "bad" : "info" },
      element("time", { datetime: event.time }, exactMoment(event.time)),
      element("span", {}, words(event.type), notes.length ? element("small", {}, notes.join(" \u00b7 ")) : null));
  });
}

/** The lanes as a table: what a screen reader, or a spreadsheet, can take. */
export function table(model) {
  const rows = model.tracks.flatMap((track) => {
    const who = person(track.participant);
    const rowsOf = (spans, what) => spans.map((span) => [span.start_ms, span.end_ms, who, what]);
    return [...rowsOf(track.speech, "Speech"), ...rowsOf(track.gaps, "Not streamed"),
      ...rowsOf(track.faults, "Audio lost on the way"), ...rowsOf(track.missing, "Missing segment")];
  });
  for (const span of model.overlaps) rows.push([span.start_ms, span.end_ms, several(model), "Overlap"]);
  for (const { at_ms: at, by, of } of model.interruptions) {
    rows.push([at, at, person(by), `Interrupts ${person(of)}`]);
  }
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const head = ["From", "To", "Who", "What"].map((text) => element("th", { scope: "col" }, text));
  const body = rows.map(([from, to, who, what]) => element("tr", {},
    ...[tenths(from), tenths(to), who, what].map((text) => element("td", {}, text))));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
}

const tenths = (ms) => `${clock(ms)}.${Math.floor(ms / 100) % 10}`;

/** The line of facts under a call's name. */
export function facts(record) {
  const shown = [];
  if (isIncoming(record)) shown.push(`incoming, to ${person(record.to)}`);
  else if (record.from) shown.push(`from ${person(record.from)}`);
  shown.push(new Date(record.created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
  if (record.channels) shown.push(record.channels === "unmixed" ? "a track each" : "mixed");
  if (record.sample_rate) shown.push(`${record.sample_rate / 1000} kHz`);
  if (record.operation_context) shown.push(record.operation_context);
  return shown.join(" \u00b7 ");
}

/** What is wrong with the whole call, as alerts above everything else. */
export function alerts(record, model) {
  const shown = [];
  const say = (look, title, text) => shown.push(element("div", { class: "alert", "data-look": look },
    icon("alert"), element("div", {}, element("b", {}, title), text ? element("p", {}, text) : null)));
  if (record.state === "failed") say("bad", "The call failed", reason(record.result));
  if (record.streaming.state === "failed") {
    say("bad", "The media streaming failed", reason(record.streaming.result) || record.streaming.details);
  }
  const unheard = model.missing.filter((segment) => segment.reason !== NOT_ANALYSED).length;
  const missing = unheard || (model.missing.length ? 0 : (record.summary?.missing_segments ?? 0));
  if (missing) say("warn", `${plural(missing, "segment")} missing`, `The recording has silence in ${missing === 1 ? "its" : "their"} place.`);
  else if (model.partial) say("warn", "This call is not whole", "The end of one of its streams was never told.");
  return shown;
}

/** ACS's own word on what happened. */
function reason(result) {
  if (!result) return "";
  const codes = [result.code, result.subCode].filter((code) => code).join(", ");
  return `${result.message ?? ""} (code ${codes})`.trim();
}
