// The URL's fragment: which view is open, and which calls the list has. Pure.
//
// #/?state=connected&tag=vip        the list of these calls
// #/calls/{id}?t=12.5&tag=vip       one of them, at a moment of its recording
// #/quality?from=2026-11-01         their quality over time
//
// The fragment is never sent to the app. Days are the user's own: a link's `from=2026-11-01` is that
// day wherever it is opened.

import { capitalise, formatParticipant } from "./format.js";

export const STATES = {
  connecting: "Connecting", connected: "In progress", disconnected: "Ended", failed: "Failed",
};
export const RESULT_STATES = {
  processing: "Processing", final: "Complete", partial: "Incomplete", none: "No audio",
};
export const DIRECTIONS = { incoming: "Incoming", outgoing: "Outgoing" };
export const SORTS = {
  "-created_at": "Newest first", created_at: "Oldest first", "-duration": "Longest first", duration: "Shortest first",
};
export const DEFAULT_SORT = "-created_at";

const CHOICES = { state: STATES, result_state: RESULT_STATES, direction: DIRECTIONS, sort: SORTS };
const TEXTS = ["q", "participant"];
const DAYS = ["from", "until"];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The filters of all calls. `tags` is a list, `min_duration` is in seconds, all others are texts. */
export const NO_FILTERS = Object.freeze({ tags: Object.freeze([]) });

/** Parse a fragment: `{ view, id, startMs, filters }`. What is malformed in it is ignored. */
export function parseRoute(hash) {
  const [path, query = ""] = splitOnce(hash.replace(/^#/, ""), "?");
  const parameters = new URLSearchParams(query);
  const filters = parseFilters(parameters);
  const call = /^\/calls\/([^/]+)$/.exec(path);
  if (call) return { view: "call", id: decodeId(call[1]), startMs: parseMoment(parameters.get("t")), filters };
  return { view: path === "/quality" ? "quality" : "list", id: null, startMs: null, filters };
}

/** Format a route as a fragment. */
export function formatRoute({ view, id = null, startMs = null, filters = NO_FILTERS }) {
  const parameters = new URLSearchParams();
  if (startMs !== null) parameters.set("t", String(startMs / 1000));
  for (const [name, value] of filterEntries(filters)) parameters.append(name, value);
  const query = parameters.size ? `?${parameters}` : "";
  if (view === "call") return `#/calls/${encodeURIComponent(id)}${query}`;
  return `#/${view === "quality" ? "quality" : ""}${query}`;
}

/** The query of `GET /api/v1/calls`: days become moments, from the first one's start to the last one's end. */
export function toQuery(filters) {
  const query = new URLSearchParams(filterEntries(filters));
  if (filters.from) query.set("from", startOfDay(filters.from).toISOString());
  if (filters.until) query.set("until", startOfDay(filters.until, 1).toISOString());
  return query;
}

/** Describe each filter, for a chip: `{ name, value, text }`. The sort order is none. */
export function describeFilters(filters) {
  const texts = {
    q: (value) => `\u201c${value}\u201d`,
    participant: (value) => formatParticipant(value),
    state: (value) => STATES[value],
    result_state: (value) => `Result: ${RESULT_STATES[value].toLowerCase()}`,
    direction: (value) => DIRECTIONS[value],
    from: (value) => `Since ${formatDate(value)}`,
    until: (value) => `Until ${formatDate(value)}`,
    tag: (value) => `#${value}`,
    min_duration: (value) => `At least ${formatMinimum(Number(value))}`,
  };
  return filterEntries(filters)
    .filter(([name]) => name !== "sort")
    .map(([name, value]) => ({ name, value, text: texts[name](value) }));
}

/** The filters without one of them. */
export function withoutFilter(filters, name, value) {
  if (name === "tag") return { ...filters, tags: filters.tags.filter((tag) => tag !== value) };
  const { [name]: _, ...others } = filters;
  return others;
}

/** Whether any filter but the sort order is set. */
export const hasFilters = (filters) => describeFilters(filters).length > 0;

export const isSameFilters = (a, b) => formatRoute({ filters: a }) === formatRoute({ filters: b });

/** A day as a date field has it, in the user's time zone: "2026-11-26"; `daysAgo` counts back from `now`. */
export function formatDayField(daysAgo = 0, now = new Date()) {
  return formatDayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo));
}

/** The day of a Date as a date field has it. */
export function formatDayOf(day) {
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()]
    .map((number, index) => String(number).padStart(index ? 2 : 4, "0")).join("-");
}

function parseFilters(parameters) {
  const filters = { tags: [...new Set(parameters.getAll("tag").filter(Boolean))] };
  for (const name of TEXTS) if (parameters.get(name)?.trim()) filters[name] = parameters.get(name).trim();
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (Object.hasOwn(choices, parameters.get(name) ?? "")) filters[name] = parameters.get(name);
  }
  for (const name of DAYS) if (isDay(parameters.get(name))) filters[name] = parameters.get(name);
  const seconds = Number(parameters.get("min_duration"));
  if (Number.isInteger(seconds) && seconds > 0) filters.min_duration = seconds;
  if (filters.sort === DEFAULT_SORT) delete filters.sort;
  return filters;
}

/** Each filter by its name in the URL, in a fixed order. */
function filterEntries(filters) {
  const names = ["q", "participant", "state", "result_state", "direction", ...DAYS, "min_duration", "sort"];
  const entries = names.filter((name) => filters[name] !== undefined).map((name) => [name, String(filters[name])]);
  return [...entries, ...filters.tags.map((tag) => ["tag", tag])];
}

const isDay = (text) => DAY.test(text ?? "") && !Number.isNaN(startOfDay(text).getTime());

function startOfDay(text, daysLater = 0) {
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day + daysLater);
}

function formatDate(text) {
  const day = startOfDay(text);
  const options = { day: "numeric", month: "short" };
  if (day.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return day.toLocaleDateString(undefined, options);
}

const formatMinimum = (seconds) => (seconds % 60 ? `${seconds} s` : `${seconds / 60} min`);

/** Decode an ID from the URL; a malformed one is returned as it is. */
function decodeId(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** A moment in seconds as milliseconds; null if it is none. */
function parseMoment(text) {
  const seconds = Number.parseFloat(text);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

function splitOnce(text, separator) {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

/** The title of a list of calls, for the document and for screen readers. */
export function describeList(filters) {
  const texts = describeFilters(filters).map(({ text }) => text);
  return texts.length ? capitalise(`calls: ${texts.join(", ")}`) : "Calls";
}
