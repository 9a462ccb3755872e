// List the segments of a call record: those in its streams' manifests, and those without one yet. Pure.

/**
 * All segments of a call, in order of their start.
 *
 * Each is `{ stream, participant, startTime, endTime, speech, blob }`, with times in milliseconds
 * since the epoch and speech as spans from the segment's start.
 */
export function listSegments(record, now = Date.now()) {
  return [...manifestSegments(record), ...uploadedSegments(record, now)]
    .sort((a, b) => a.startTime - b.startTime);
}

/** The segment of a call record with this blob, with or without a manifest; undefined for another blob. */
export function findSegment(record, blob) {
  return allSegments(record).find((segment) => segment.blob === blob);
}

/** The newest segments of each track, as `{ blob, track, index }`; the index is that of the API. */
export function newestSegments(record, limit) {
  const tracks = groupBy(allSegments(record), ({ track }) => track);
  return [...tracks.values()].flatMap((segments) =>
    segments
      .toSorted((a, b) => sortKey(a).localeCompare(sortKey(b)))
      .map(({ blob, track }, index) => ({ blob, track, index }))
      .slice(-limit));
}

function allSegments(record) {
  return [...record.streams.flatMap((stream) => stream.segments), ...record.landed_segments];
}

/** The API numbers a track's segments by start, then by stream: `{start}/{stream}` of a blob's name. */
function sortKey({ blob }) {
  const [, , stream, , start] = blob.split("/");
  return `${start}/${stream}`;
}

function manifestSegments(record) {
  return record.streams.flatMap((stream) => stream.segments.map((segment) => ({
    participant: segment.participant,
    startTime: Date.parse(segment.start),
    endTime: Date.parse(segment.end),
    speech: segment.speech ?? [],
    blob: segment.blob,
  })));
}

/** Segments of a running stream have no manifest yet: each one ends where the next begins. */
function uploadedSegments(record, now) {
  const segments = record.landed_segments.map(({ stream_id: stream, track, participant, start, blob }) => (
    { stream, track, participant, startTime: Date.parse(start), speech: [], blob }));
  const trackKey = ({ stream, track }) => `${stream} ${track}`;
  for (const trackSegments of groupBy(segments, trackKey).values()) {
    trackSegments.sort((a, b) => a.startTime - b.startTime);
    trackSegments.forEach((segment, index) => {
      segment.endTime = trackSegments[index + 1]?.startTime ?? Math.max(segment.startTime, now);
    });
  }
  return segments;
}

/** Map.groupBy, which some supported browsers lack. */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (groups.has(key)) groups.get(key).push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
