// List the segments of a call record: from its streams' manifests and from the blobs' names. Pure.

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

/** The newest segments of each track, as `{ blob, track, index }`; the index is that of the API. */
export function newestSegments(record, limit) {
  const blobs = [
    ...record.streams.flatMap((stream) => stream.segments.map((segment) => segment.blob)),
    ...record.landed_segments,
  ];
  const tracks = groupBy(blobs, (blob) => blob.split("/")[3]);
  return [...tracks].flatMap(([track, names]) =>
    names
      .toSorted((a, b) => sortKey(a).localeCompare(sortKey(b)))
      .map((blob, index) => ({ blob, track, index }))
      .slice(-limit));
}

/** The API numbers a track's segments by start, then by stream. */
function sortKey(blob) {
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
  const segments = record.landed_segments.map(parseSegmentName).filter((segment) => segment);
  const trackKey = ({ stream, participant }) => `${stream} ${participant}`;
  for (const trackSegments of groupBy(segments, trackKey).values()) {
    trackSegments.sort((a, b) => a.startTime - b.startTime);
    trackSegments.forEach((segment, index) => {
      segment.endTime = trackSegments[index + 1]?.startTime ?? Math.max(segment.startTime, now);
    });
  }
  return segments;
}

/** Parse `segments/{call}/{stream}/{track}/20241115T191612.925Z.wav`; null for any other name. */
export function parseSegmentName(blob) {
  const parts = blob.split("/");
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z\.wav$/.exec(parts[4] ?? "");
  if (parts.length !== 5 || !stamp) return null;
  const [, year, month, day, hour, minute, second] = stamp;
  return {
    stream: parts[2],
    participant: parseTrackName(parts[3]),
    startTime: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`),
    speech: [],
    blob,
  };
}

/** The raw ID in a track's name; null for the mixed track. Mirrors contract/names.py. */
export function parseTrackName(track) {
  return track === "mixed" ? null : decodeURIComponent(track.replaceAll("~", "%"));
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
