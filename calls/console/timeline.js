// What is known of a call over time, whether it runs still or was put together. Pure.

const WINDOW_MS = 100;
const FULL_SCALE = 32_768;

/**
 * The shape that the lanes draw; times are in milliseconds from the call's first audio.
 *
 * { startedAt, durationMs, isLive, recordingFromMs, overlaps, interruptions, longestSilence, missing,
 *   partial, tracks: [{ participant, channel, speech, gaps, faults, missing, speechMs, talkShare, peaks,
 *   windowMs, segments }] }
 *
 * Gaps are stretches without streaming; faults are segments in which audio was lost on the way;
 * missing ones never came to the recording.
 */

/**
 * From `GET /api/calls/{id}/timeline`. Tracks come in the order of `participants`, as while the call
 * ran; `channel` is a track's place in the recording.
 */
export function fromTimeline(found, participants = []) {
  const place = (track) => (participants.indexOf(track.participant) + 1) || Infinity;
  const missing = found.missing_segments ?? [];
  return {
    startedAt: Date.parse(found.started_at),
    durationMs: found.duration_ms,
    isLive: false,
    recordingFromMs: null,
    partial: found.partial,
    overlaps: found.overlaps ?? [],
    interruptions: found.interruptions ?? [],
    longestSilence: found.longest_silence ?? null,
    missing,
    tracks: found.tracks.map((track, channel) => ({
      channel,
      participant: track.participant,
      speech: track.speech ?? [],
      gaps: track.gaps ?? [],
      faults: track.faults ?? [],
      missing: missing.filter((segment) => segment.track === track.track),
      speechMs: track.speech_ms,
      talkShare: track.talk_share,
      peaks: track.waveform?.peaks ?? [],
      windowMs: track.waveform?.window_ms ?? 100,
      segments: [],
    })).sort((a, b) => place(a) - place(b) || a.channel - b.channel),
  };
}

/**
 * From a call's record while there is no timeline: which segments came, and what is in them.
 * `peaksOfBlob` gives the peaks of those whose audio was looked at.
 */
export function fromRecord(record, now = Date.now(), peaksOfBlob = () => null) {
  const segments = [...ended(record), ...landed(record, now)].sort((a, b) => a.from - b.from);
  const isLive = record.state === "connected" && record.streaming.state === "active";
  const since = isLive ? streamingSince(record) : null;
  const connected = Date.parse(record.connected_at ?? record.created_at);
  const first = Math.min(connected, ...segments.map((segment) => segment.from));
  const last = Math.max(connected, ...segments.map((segment) => segment.to), isLive ? now : 0);
  const tracks = new Map();
  const trackOf = (participant) => {
    if (!tracks.has(participant)) tracks.set(participant, emptyTrack(participant));
    return tracks.get(participant);
  };
  // Who takes part has a lane before the first segment lands.
  if (record.channels === "unmixed") record.participants.forEach(trackOf);
  else trackOf(null);
  for (const segment of segments) {
    const track = trackOf(segment.participant);
    const at = segment.from - first;
    track.segments.push({ start_ms: at, end_ms: segment.to - first });
    place(track.peaks, peaksOfBlob(segment.blob), at);
    for (const span of segment.speech) {
      track.speech.push({ start_ms: at + span.start_ms, end_ms: at + span.end_ms });
      track.speechMs += span.end_ms - span.start_ms;
    }
  }
  const spoken = [...tracks.values()].reduce((sum, track) => sum + track.speechMs, 0);
  for (const track of tracks.values()) track.talkShare = spoken ? track.speechMs / spoken : null;
  return {
    startedAt: first, durationMs: last - first, isLive, partial: false, overlaps: [],
    recordingFromMs: since === null ? null : Math.max(0, since - first),
    interruptions: [], longestSilence: null, missing: [], tracks: [...tracks.values()],
  };
}

const emptyTrack = (participant) => ({
  participant, channel: null, speech: [], gaps: [], faults: [], missing: [], speechMs: 0, talkShare: null,
  peaks: [], windowMs: WINDOW_MS, segments: [],
});

/** Put a segment's peaks where they belong in those of its track. */
function place(peaks, found, startMs) {
  if (!found) return;
  const first = Math.round(startMs / WINDOW_MS);
  while (peaks.length < first + found.length) peaks.push(0);
  found.forEach((peak, at) => {
    peaks[first + at] = Math.max(peaks[first + at], peak);
  });
}

/** The highest sample of each window of a WAV file of 16 bit and one channel, 0 to 1. */
export function peaksOf(file) {
  const view = new DataView(file);
  const name = (at) => String.fromCharCode(...new Uint8Array(file, at, 4));
  let at = 12;
  let rate = 16_000;
  while (at + 8 <= file.byteLength && name(at) !== "data") {
    if (name(at) === "fmt ") rate = view.getUint32(at + 12, true);
    at += 8 + view.getUint32(at + 4, true);
  }
  const samples = new Int16Array(file.slice(at + 8, file.byteLength - ((file.byteLength - at) % 2)));
  const size = (rate * WINDOW_MS) / 1000;
  const peaks = [];
  for (let first = 0; first < samples.length; first += size) {
    let peak = 0;
    for (let n = first; n < Math.min(first + size, samples.length); n += 1) {
      peak = Math.max(peak, Math.abs(samples[n]));
    }
    peaks.push(peak / FULL_SCALE);
  }
  return peaks;
}

/** When the stream that runs began. */
function streamingSince(record) {
  const begun = record.events.filter((event) => event.type === "MediaStreamingStarted");
  return begun.length ? Date.parse(begun.at(-1).time) : null;
}

function ended(record) {
  return record.streams.flatMap((stream) => stream.segments.map((segment) => ({
    participant: segment.participant,
    from: Date.parse(segment.start),
    to: Date.parse(segment.end),
    speech: segment.speech ?? [],
    blob: segment.blob,
  })));
}

/** Segments of a stream that still runs: their names alone tell of them. */
function landed(record, now) {
  const found = record.landed_segments.map(parseBlob).filter((segment) => segment);
  const key = ({ stream, participant }) => `${stream} ${participant}`;
  for (const segments of grouped(found, key).values()) {
    segments.sort((a, b) => a.from - b.from);
    segments.forEach((segment, at) => {
      segment.to = segments[at + 1]?.from ?? Math.max(segment.from, now);
    });
  }
  return found;
}

/** `segments/{call}/{stream}/{track}/20241115T191612.925Z.wav`; null where it is none. */
export function parseBlob(blob) {
  const parts = blob.split("/");
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z\.wav$/.exec(parts[4] ?? "");
  if (parts.length !== 5 || !stamp) return null;
  const [, year, month, day, hour, minute, second] = stamp;
  return {
    stream: parts[2],
    participant: participantOf(parts[3]),
    from: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`),
    speech: [],
    blob,
  };
}

/** The raw id that a track was named for; null for the mixed one. Mirrors contract/names.py. */
export function participantOf(track) {
  return track === "mixed" ? null : decodeURIComponent(track.replaceAll("~", "%"));
}

export const total = (spans) => spans.reduce((sum, span) => sum + span.end_ms - span.start_ms, 0);

/** The items by their keys, as Map.groupBy, which not every browser has yet. */
export function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (groups.has(key)) groups.get(key).push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** How long at least one of the spans lasts. */
export function covered(spans) {
  let [sum, reached] = [0, -Infinity];
  for (const { start_ms: start, end_ms: end } of spans.toSorted((a, b) => a.start_ms - b.start_ms)) {
    sum += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return sum;
}
