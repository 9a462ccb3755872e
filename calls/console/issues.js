// Build what is wrong with a call: alerts about the whole call, and the list of issues.

import { element, icon } from "./dom.js";
import { capitalise, formatClock, formatCount, formatDuration, formatExactTime, formatParticipant } from "./format.js";
import { findSegment } from "./segments.js";
import { totalMs } from "./spans.js";

/** So many issues of a kind and a participant are listed one by one; more of them are summarized. */
const MAX_LISTED = 3;

/** The reason of a segment that is in the recording but has no analysis: NOT_ANALYSED in the app. */
export const NOT_ANALYSED = "not analysed";

/** Build the alerts above the timeline. */
export function buildAlerts(record, model) {
  const alerts = [];
  if (record.state === "failed") alerts.push(buildAlert("danger", "Call failed", describeResult(record.result)));
  if (record.streaming.state === "failed") {
    const reason = describeResult(record.streaming.result) || record.streaming.details;
    alerts.push(buildAlert("danger", "Media streaming failed", reason));
  }
  const { announcement } = record;
  if (announcement?.state === "failed") {
    const reason = describeResult(announcement.plays.findLast((play) => play.result)?.result);
    const isRequired = announcement.policy === "required";
    alerts.push(buildAlert(isRequired ? "danger" : "warning",
      isRequired ? "Not recorded: the announcement could not be played" : "Announcement not played", reason));
  }
  const absent = model.missingSegments.filter((segment) => segment.reason !== NOT_ANALYSED).length;
  const missing = absent || (model.missingSegments.length ? 0 : (record.summary?.missing_segments ?? 0));
  if (missing) {
    const place = missing === 1 ? "its" : "their";
    alerts.push(buildAlert("warning", `${formatCount(missing, "segment")} missing`,
      `The recording contains silence in ${place} place.`));
  } else if (record.result_state === "partial") {
    alerts.push(buildAlert("warning", "Call incomplete", capitalise(record.result_reason ?? "")));
  }
  return alerts;
}

/** Build one alert; with `role: "alert"` it is announced. */
export function buildAlert(variant, title, text, attributes = {}) {
  return element("div", { class: "alert", "data-variant": variant, ...attributes }, icon("alert"),
    element("div", {}, element("b", {}, title), text ? element("p", {}, text) : null));
}

/** Describe a result of ACS: its message and codes. */
function describeResult(result) {
  if (!result) return "";
  const codes = [result.code, result.sub_code].filter((code) => code).join(", ");
  return `${result.message ?? ""}${codes ? ` (code ${codes})` : ""}`.trim();
}

/** Build the list of issues, the worst first; `onRetry(failure, button)` retries a failed segment, null if none may. */
export function buildIssues(model, record, onRetry) {
  return [
    ...(record.failures ?? []).map((failure) => buildFailure(failure, record, onRetry)),
    ...model.tracks.flatMap((track) => buildMissingSegments(track)),
    ...model.tracks.flatMap((track) => [...buildLosses(track), ...buildGaps(track)]),
    ...record.streams.map(buildStreamIssue).filter((issue) => issue),
  ];
}

function buildIssue(variant, title, text, ...children) {
  return element("li", { "data-variant": variant }, icon("alert"),
    element("div", {}, element("b", {}, title), element("p", {}, text), ...children));
}

const formatRange = (span) => `${formatClock(span.start_ms)}\u2013${formatClock(span.end_ms)}`;

function buildFailure(failure, record, onRetry) {
  const button = onRetry && element("button", { class: "button small", type: "button" }, "Retry");
  button?.addEventListener("click", () => onRetry(failure, button));
  if (failure.track === null) return buildIssue("danger", "Stream processing failed", failure.error, button);
  const segment = findSegment(record, `${failure.container}/${failure.blob}`);
  const participant = formatParticipant(segment ? segment.participant : failure.track);
  const text = `${participant}, ${formatExactTime(failure.start)}: ${failure.error}`;
  return buildIssue("danger", "Segment analysis failed", text, button);
}

function buildMissingSegments(track) {
  const isAnalysisMissing = (segment) => segment.reason === NOT_ANALYSED;
  const name = formatParticipant(track.participant, track.name);
  const list = (segments, title, describe) =>
    listOrSummarize(segments, "danger", title, {
      describe: (segment) => `${name}: ${describe(segment)}`,
      summarize: () => `${name}: ${formatCount(segments.length, "segment")}, ${formatDuration(totalMs(segments))}`,
    });
  return [
    ...list(track.missingSegments.filter((segment) => !isAnalysisMissing(segment)), "Missing segment",
      (segment) => capitalise(segment.reason)),
    ...list(track.missingSegments.filter(isAnalysisMissing), "Not analysed",
      () => "In the recording, but without speech detection"),
  ];
}

function buildLosses(track) {
  const name = formatParticipant(track.participant, track.name);
  const describe = (losses) => {
    const filledMs = losses.reduce((sum, loss) => sum + loss.filled_ms, 0);
    const gaps = losses.reduce((sum, loss) => sum + loss.gaps, 0);
    const place = gaps ? ` in ${formatCount(gaps, "gap")}` : "";
    return `${name}: ${formatDuration(filledMs)}${place}, replaced with silence`;
  };
  return listOrSummarize(track.losses, "warning", "Lost audio", {
    describe: (loss) => describe([loss]), summarize: () => describe(track.losses),
  });
}

function buildGaps(track) {
  const name = formatParticipant(track.participant, track.name);
  return listOrSummarize(track.gaps, "info", "Not streamed", {
    describe: (gap) => `${name}: ${formatDuration(gap.end_ms - gap.start_ms)}`,
    summarize: () => `${name}: ${formatDuration(totalMs(track.gaps))} in ${formatCount(track.gaps.length, "gap")}`,
  });
}

/** Build an issue for each span, or one for all that lists them on request if there are many. */
function listOrSummarize(spans, variant, title, { describe, summarize }) {
  if (spans.length <= MAX_LISTED) {
    return spans.map((span) => buildIssue(variant, `${title}, ${formatRange(span)}`, describe(span)));
  }
  const items = spans.map((span) => element("li", {}, formatRange(span)));
  return [buildIssue(variant, title, summarize(), element("details", { class: "disclosure" },
    element("summary", {}, `Show all ${spans.length}`), element("ol", {}, ...items)))];
}

/** Build the issue of a stream that dropped frames or changed its clock; null for a clean stream. */
function buildStreamIssue(stream) {
  const { late_dropped: late, lost, clock_steps: clockSteps } = stream.counts;
  const facts = [];
  if (late) facts.push(`${formatCount(late, "frame")} arrived too late`);
  if (lost) facts.push(`${formatCount(lost, "frame")} dropped because the buffer was full`);
  if (clockSteps) facts.push(`sender clock set back ${formatCount(clockSteps, "time")}`);
  if (!facts.length) return null;
  return buildIssue("warning", capitalise(facts.join("; ")), `Stream started at ${formatExactTime(stream.started_at)}`);
}
