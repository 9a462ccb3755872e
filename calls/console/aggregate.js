// The quality of calls, summed up by day or week. Pure.

import { otherParty } from "./record.js";

/** Up to so many days, a plot has a bar for each. */
const MAX_DAYS = 35;
const DAY_MS = 86_400_000;

/** Whether to sum up by "day" or "week", by the span of these calls. */
export function chooseUnit(records) {
  const times = records.map((record) => Date.parse(record.created_at));
  return times.length && Math.max(...times) - Math.min(...times) > MAX_DAYS * DAY_MS ? "week" : "day";
}

/**
 * Sum up calls by "day" or "week" (from Monday), in the user's time zone.
 *
 * Returns `{ total, periods }`: a period for each day or week from the first call to the last, those
 * without calls, too. Each has `start` (a Date), `calls`, `recorded` (calls with audio), and sums in
 * milliseconds: `durationMs`, `audioMs` (of all tracks), `lostMs`, `silentMs`, `ownMs` and `otherMs`
 * (speech of the called or calling party, and of all others, where each has a track). `lossy` counts
 * the calls that lost audio.
 */
export function aggregate(records, unit) {
  const periods = new Map();
  const total = createSums(null);
  const starts = records.map((record) => startOf(new Date(record.created_at), unit));
  if (records.length) {
    const last = Math.max(...starts);
    // A day of a change to daylight saving time has 23 or 25 hours, so days are not counted in hours.
    for (let start = new Date(Math.min(...starts)); start <= last; start = next(start, unit)) {
      periods.set(start.getTime(), createSums(start));
    }
  }
  records.forEach((record, index) => {
    for (const sums of [total, periods.get(starts[index].getTime())]) add(sums, record);
  });
  return { total, periods: [...periods.values()] };
}

/** The share of the audio that was lost, 0 to 1; null without audio. So are the other shares. */
export const lostShare = ({ lostMs, audioMs }) => (audioMs ? lostMs / audioMs : null);
export const silentShare = ({ silentMs, durationMs }) => (durationMs ? silentMs / durationMs : null);
export const ownShare = ({ ownMs, otherMs }) => (ownMs + otherMs ? ownMs / (ownMs + otherMs) : null);

/** The calls that lost the most audio, the worst first. */
export function worstCalls(records, limit) {
  return records
    .filter((record) => record.summary?.lost_ms > 0)
    .sort((a, b) => b.summary.lost_ms - a.summary.lost_ms)
    .slice(0, limit);
}

function createSums(start) {
  return { start, calls: 0, recorded: 0, lossy: 0, durationMs: 0, audioMs: 0, lostMs: 0, silentMs: 0, ownMs: 0, otherMs: 0 };
}

function add(sums, record) {
  sums.calls += 1;
  const { summary } = record;
  if (!summary?.duration_ms) return;
  sums.recorded += 1;
  sums.durationMs += summary.duration_ms;
  sums.audioMs += summary.audio_ms;
  sums.lostMs += summary.lost_ms;
  sums.silentMs += summary.duration_ms * (1 - summary.speech_share);
  if (summary.lost_ms > 0) sums.lossy += 1;
  const other = otherParty(record);
  const isOther = ({ participant }) => participant === other || participant === `4:${other}`;
  if (!other || !summary.talk.some(isOther)) return;
  for (const talk of summary.talk) sums[isOther(talk) ? "otherMs" : "ownMs"] += talk.speech_ms;
}

function startOf(time, unit) {
  const weekday = (time.getDay() + 6) % 7;
  return new Date(time.getFullYear(), time.getMonth(), time.getDate() - (unit === "week" ? weekday : 0));
}

const next = (start, unit) =>
  new Date(start.getFullYear(), start.getMonth(), start.getDate() + (unit === "week" ? 7 : 1));

/** The last day of a period, which begins at `start`. */
export const lastDay = (start, unit) =>
  new Date(start.getFullYear(), start.getMonth(), start.getDate() + (unit === "week" ? 6 : 0));
