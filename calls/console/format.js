// Numbers, times and names, as people read them. Pure.

/** 75.4 s -> "1:15"; hours where there are any. */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** "15.2 s", "3 min 20 s", "2 h 5 min": a length. */
export function length(milliseconds) {
  if (Math.round(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(milliseconds / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const percent = (share) => `${Math.round(share * 100)} %`;

export function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** A time of day today, else with its date. */
export function moment(iso) {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  const options = { hour: "numeric", minute: "2-digit" };
  if (!today) Object.assign(options, { day: "numeric", month: "short" });
  return time.toLocaleString(undefined, options);
}

export function exactMoment(iso) {
  return new Date(iso).toLocaleTimeString(undefined, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
}

/** A raw id of ACS as people know it: "4:+15551230000" -> "+1 555 123 0000". */
export function person(rawId) {
  if (!rawId) return "Everyone, mixed";
  const text = rawId.replace(/^4:/, "");
  if (text === "anonymous") return "Number withheld";
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(text);
  if (american) return `+1 ${american[1]} ${american[2]} ${american[3]}`;
  const user = /^8:acs:([^_]+)(?:_(.*))?$/.exec(text);
  if (user) return `User ${user[1].slice(0, 8)}${user[2] ? `\u2026${user[2].slice(-4)}` : ""}`;
  return text;
}

const STATES = {
  connecting: "Connecting", connected: "Connected", disconnected: "Ended", failed: "Failed",
  starting: "Starting", stopping: "Stopping",
};
export const state = (name) => STATES[name] ?? name;
export const isIncoming = (record) => record.direction === "incoming";
export const isOver = (record) => record.state === "disconnected" || record.state === "failed";

/** How long the call has run, or ran, in milliseconds; null before it connects. */
export function duration(record, now = Date.now()) {
  if (!record.connected_at) return null;
  const end = record.ended_at ? Date.parse(record.ended_at) : now;
  return isOver(record) && !record.ended_at ? null : Math.max(0, end - Date.parse(record.connected_at));
}

/** "MediaStreamingStarted" -> "Media streaming started". */
export function words(name) {
  const spaced = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
