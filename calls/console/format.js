// Format numbers, times and names for display. Pure.

/** Format a position: 75,400 ms -> "1:15"; with hours from one hour on. */
export function formatClock(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const pad = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** Format a duration: "420 ms", "15.2 s", "3 min 20 s" or "2 h 5 min". */
export function formatDuration(milliseconds) {
  if (Math.round(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(milliseconds / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Format a share from 0 to 1: 0.254 -> "25%". */
export const formatPercent = (share) => `${Math.round(share * 100)}%`;

/** Format a share that may be small: 0.0034 -> "0.34%", 0.00002 -> "<0.01%". */
export function formatSmallPercent(share) {
  if (share === 0 || share >= 0.1) return formatPercent(share);
  if (share < 0.0001) return "<0.01%";
  return `${Number((share * 100).toPrecision(2))}%`;
}

/** Format a size in decimal units: "1 kB", "4.2 MB" or "1.84 GB". */
export function formatBytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

/** Format a count with its noun: "1 match", "2 matches". */
export const formatCount = (count, singular, plural = `${singular}s`) =>
  `${count.toLocaleString()} ${count === 1 ? singular : plural}`;

/** Format a day and a time of day. */
export const formatMoment = (iso) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Format a time of day. */
export const formatTime = (iso) =>
  new Date(iso).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });

/** Format a day: "Today", "Yesterday", else with the weekday, and with the year if it is another one. */
export function formatDay(iso, now = new Date()) {
  const day = new Date(iso);
  const daysAgo = (count) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - count);
  if (day.toDateString() === now.toDateString()) return "Today";
  if (day.toDateString() === daysAgo(1).toDateString()) return "Yesterday";
  const options = { weekday: "short", day: "numeric", month: "short" };
  if (day.getFullYear() !== now.getFullYear()) options.year = "numeric";
  return day.toLocaleDateString(undefined, options);
}

/** Format a time of day to the second. */
export function formatExactTime(iso) {
  return new Date(iso).toLocaleTimeString(undefined, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
}

/**
 * Format a participant by raw ID and, if it is known, display name:
 * "4:+15551230000" -> "+1 555 123 0000" or "Zo\u00eb (+1 555 123 0000)".
 */
export function formatParticipant(rawId, name = null) {
  const id = formatRawId(rawId);
  return name ? `${name} (${id})` : id;
}

function formatRawId(rawId) {
  if (!rawId) return "All participants";
  const text = rawId.replace(/^4:/, "");
  if (text === "anonymous") return "Anonymous caller";
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(text);
  if (american) return `+1 ${american[1]} ${american[2]} ${american[3]}`;
  const user = /^8:acs:([^_]+)(?:_(.*))?$/.exec(text);
  if (user) return `User ${user[1].slice(0, 8)}${user[2] ? `\u2026${user[2].slice(-4)}` : ""}`;
  return text;
}

/** Format the type of an event: "MediaStreamingStarted" -> "Media streaming started". */
export function formatEventType(type) {
  return capitalise(type.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase());
}

/** Begin a text with a capital letter. */
export const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);
