// The rows of the list of calls, and the passages of transcripts that a search has found.

import { element, icon, setBadge, setChildren, setText } from "./dom.js";
import { formatClock, formatParticipant, formatPercent, formatTime } from "./format.js";
import { callNumber, callStatus, callTitle, isIncoming, shownDurationMs } from "./record.js";

const SEPARATOR = " \u00b7 ";
/** Characters before the first word found that a passage keeps. */
const CONTEXT_CHARACTERS = 40;

/**
 * Create the row of a call.
 *
 * `onMatch(ms)` is called when a passage is chosen, `onSelect(isSelected, isRange)` when the box is.
 */
export function createRow(id, { onMatch, onSelect }) {
  const parts = {
    title: element("span", { class: "call-row-title" }),
    badge: element("span", { class: "badge" }),
    time: element("span", { class: "call-row-time" }),
    details: element("span", { class: "call-row-details" }),
    direction: element("span", { class: "visually-hidden" }),
    tags: element("span", { class: "call-row-tags", hidden: true }),
  };
  const link = element("a", { class: "call-row", "data-call": id },
    element("span", { class: "call-row-top" }, parts.title, parts.badge),
    element("span", { class: "call-row-bottom" }, parts.time, parts.details, parts.direction),
    parts.tags,
  );
  const box = element("input", { type: "checkbox" });
  // The click says whether Shift was held; it comes for the space key, too.
  box.addEventListener("click", (event) => onSelect(box.checked, event.shiftKey));
  const matches = element("div", { class: "matches", hidden: true });
  matches.addEventListener("click", (event) => {
    const match = event.target.closest("[data-ms]");
    if (!match || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onMatch(Number(match.dataset.ms));
  });
  const arrow = icon("outgoing");
  const item = element("li", {}, element("label", { class: "row-box" }, arrow, box), link, matches);
  return { item, link, box, arrow: arrow.firstChild, matches, ...parts, record: null };
}

/** Show a call in its row. `hrefAt(ms)` is the link to the call, at a moment or, with null, as such. */
export function updateRow(row, record, hrefAt) {
  row.record = record;
  const title = callTitle(record, { withNumber: false });
  setText(row.title, title);
  setBadge(row.badge, rowStatus(record));
  const time = formatTime(record.created_at);
  const number = callNumber(record);
  setText(row.time, [time, number === title ? null : number].filter(Boolean).join(SEPARATOR));
  setText(row.details, describeRow(record));
  setText(row.direction, isIncoming(record) ? "Incoming" : "");
  row.arrow.setAttribute("href", isIncoming(record) ? "#i-incoming" : "#i-outgoing");
  setChildren(row.tags, (record.tags ?? []).map((tag) => element("span", { class: "tag" }, tag)));
  row.tags.hidden = !record.tags?.length;
  row.box.setAttribute("aria-label", `Select ${title}, ${time}`);
  row.link.setAttribute("href", hrefAt(null));
  setChildren(row.matches, (record.matches ?? []).map((match) => buildMatch(match, hrefAt)));
  row.matches.hidden = !record.matches?.length;
}

/** The status of a call, where it says more than that all went well. */
function rowStatus(record) {
  const status = callStatus(record);
  if (status.variant !== "neutral") return status;
  return record.result_state === "partial" || record.summary?.missing_segments
    ? { text: "Incomplete", variant: "pending" }
    : { text: "", variant: "neutral" };
}

function describeRow(record) {
  const durationMs = shownDurationMs(record);
  const details = durationMs === null ? [] : [formatClock(durationMs)];
  if (record.summary) details.push(`${formatPercent(record.summary.speech_share)} speech`);
  return details.join(SEPARATOR);
}

function buildMatch(match, hrefAt) {
  const speaker = match.participant
    ? (match.name ?? formatParticipant(match.participant))
    : match.speaker !== null && `Speaker ${match.speaker}`;
  return element("a", { class: "match", "data-ms": match.start_ms, href: hrefAt(match.start_ms) },
    element("span", { class: "match-time" }, formatClock(match.start_ms)),
    element("span", { class: "match-text" },
      speaker ? element("b", {}, `${speaker}: `) : null, ...highlightRanges(match.text, match.ranges)));
}

/** Split a text so that each range, `[from, to]` in its characters, is in a <mark>. */
function highlightRanges(text, ranges) {
  return splitRanges(text, ranges, CONTEXT_CHARACTERS).map(({ part, isMatch }) =>
    (isMatch ? element("mark", {}, part) : part));
}

/**
 * Split a text at ranges: `[{ part, isMatch }]`, shortened to `context` characters before the first.
 *
 * Ranges count Unicode characters, as Python does, and may come in any order, or overlap.
 */
export function splitRanges(text, ranges, context = Infinity) {
  const characters = [...text];
  const sorted = ranges.toSorted((a, b) => a[0] - b[0]);
  let end = Math.max(0, (sorted[0]?.[0] ?? 0) - context);
  const parts = [{ part: end ? "\u2026" : "", isMatch: false }];
  for (const [from, to] of sorted) {
    if (to <= end) continue;
    parts.push({ part: characters.slice(end, from).join(""), isMatch: false });
    parts.push({ part: characters.slice(Math.max(from, end), to).join(""), isMatch: true });
    end = to;
  }
  parts.push({ part: characters.slice(end).join(""), isMatch: false });
  return parts.filter(({ part }) => part);
}
