// Build the model of a call's timeline, from a live record or from the assembled timeline. Pure.
//
// Times in a model are milliseconds from the call's first audio:
//
// { startedAt, durationMs, isLive, recordingFromMs, overlaps, interruptions, longestSilence,
//   pauses, announcements, missingSegments,
//   tracks: [{ participant, name, channel, speech, overlaps, gaps, losses, missingSegments, speechMs, talkShare,
//     peaks, windowMs, segments }] }
//
// `gaps` are times without streaming, `losses` are segments that lost audio on the network or in the
// streamer, and `missingSegments` are not in the recording or not analysed.

import { listSegments } from "./segments.js";
import { intersect } from "./spans.js";
import { WINDOW_MS } from "./wav.js";

/**
 * Build the model from `GET /api/v1/calls/{id}/timeline`.
 *
 * Tracks are sorted in the order of `participants`, as in a live call. `channel` is the track's
 * channel in the recording.
 */
export function buildModelFromTimeline(timeline, participants = []) {
  const rank = (track) => (participants.indexOf(track.participant) + 1) || Infinity;
  const missingSegments = timeline.missing_segments ?? [];
  const tracks = timeline.tracks.map((track, channel) => ({
    channel,
    track: track.track,
    participant: track.participant,
    name: track.name ?? null,
    speech: track.speech ?? [],
    // Between other participants, an overlap does not concern this one.
    overlaps: intersect(timeline.overlaps ?? [], track.speech ?? []),
    gaps: track.gaps ?? [],
    losses: track.losses ?? [],
    missingSegments: missingSegments.filter((segment) => segment.track === track.track),
    speechMs: track.speech_ms,
    talkShare: track.talk_share,
    peaks: track.waveform?.peaks ?? [],
    windowMs: track.waveform?.window_ms ?? WINDOW_MS,
    segments: [],
  }));
  return {
    startedAt: Date.parse(timeline.started_at),
    durationMs: timeline.duration_ms,
    isLive: false,
    recordingFromMs: null,
    overlaps: timeline.overlaps ?? [],
    interruptions: timeline.interruptions ?? [],
    pauses: timeline.pauses ?? [],
    announcements: timeline.announcements ?? [],
    longestSilence: timeline.longest_silence ?? null,
    missingSegments,
    tracks: tracks.sort((a, b) => rank(a) - rank(b) || a.channel - b.channel),
  };
}

/**
 * Build the model from a call record that has no timeline yet.
 *
 * `peaksOfBlob(blob)` returns the peaks of a segment's audio, or null where they are not computed.
 */
export function buildModelFromRecord(record, now = Date.now(), peaksOfBlob = () => null) {
  const segments = listSegments(record, now);
  const isLive = record.state === "connected" && record.streaming.state === "active";
  const streamingSince = isLive ? findStreamingStart(record) : null;
  const connectedAt = Date.parse(record.connected_at ?? record.created_at);
  const startedAt = Math.min(connectedAt, ...segments.map((segment) => segment.startTime));
  const endedAt = Math.max(connectedAt, ...segments.map((segment) => segment.endTime), isLive ? now : 0);
  return {
    startedAt,
    durationMs: endedAt - startedAt,
    isLive,
    recordingFromMs: streamingSince === null ? null : Math.max(0, streamingSince - startedAt),
    overlaps: [],
    interruptions: [],
    pauses: [],
    announcements: [],
    longestSilence: null,
    missingSegments: [],
    tracks: buildTracks(record, segments, startedAt, peaksOfBlob),
  };
}

function buildTracks(record, segments, startedAt, peaksOfBlob) {
  const tracks = new Map();
  const trackOf = (participant) => {
    if (!tracks.has(participant)) tracks.set(participant, emptyTrack(participant, record.names?.[participant] ?? null));
    return tracks.get(participant);
  };
  // Every participant has a track before the first segment is uploaded.
  if (record.channels === "unmixed") record.participants.forEach(trackOf);
  else trackOf(null);
  for (const segment of segments) {
    const track = trackOf(segment.participant);
    const offset = segment.startTime - startedAt;
    track.segments.push({ start_ms: offset, end_ms: segment.endTime - startedAt });
    mergePeaks(track.peaks, peaksOfBlob(segment.blob), offset);
    for (const span of segment.speech) {
      track.speech.push({ start_ms: offset + span.start_ms, end_ms: offset + span.end_ms });
      track.speechMs += span.end_ms - span.start_ms;
    }
  }
  const speechMs = [...tracks.values()].reduce((sum, track) => sum + track.speechMs, 0);
  for (const track of tracks.values()) track.talkShare = speechMs ? track.speechMs / speechMs : null;
  return [...tracks.values()];
}

const emptyTrack = (participant, name) => ({
  participant, name, channel: null, speech: [], overlaps: [], gaps: [], losses: [], missingSegments: [], speechMs: 0,
  talkShare: null, peaks: [], windowMs: WINDOW_MS, segments: [],
});

/** Write a segment's peaks to their place among the track's peaks. */
function mergePeaks(trackPeaks, segmentPeaks, startMs) {
  if (!segmentPeaks) return;
  const start = Math.round(startMs / WINDOW_MS);
  while (trackPeaks.length < start + segmentPeaks.length) trackPeaks.push(0);
  segmentPeaks.forEach((peak, index) => {
    trackPeaks[start + index] = Math.max(trackPeaks[start + index], peak);
  });
}

/** When the current stream started. */
function findStreamingStart(record) {
  const event = record.events.findLast(({ type }) => type === "MediaStreamingStarted");
  return event ? Date.parse(event.time) : null;
}
