import assert from "node:assert/strict";
import { test } from "node:test";

import { listSegments, newestSegments, parseSegmentName, parseTrackName } from "../../../calls/console/segments.js";

const CALLER = "4:+15551230000";
const TRACK = "4~3A~2B15551230000";
const NOW = Date.parse("2026-11-25T10:00:20Z");

test("a segment's blob name is parsed", () => {
  const segment = parseSegmentName(`segments/c/20261125T100000000Z-00000000/${TRACK}/20261125T100005.250Z.wav`);
  assert.equal(segment.participant, CALLER);
  assert.equal(segment.startTime, Date.parse("2026-11-25T10:00:05.250Z"));
  assert.equal(parseSegmentName("segments/c/s/t/later.wav"), null);
  assert.equal(parseTrackName("mixed"), null);
});

test("an uploaded segment ends where the next one of its track begins", () => {
  const blobs = ["06", "01"].map((second) => `segments/c/s/${TRACK}/20261125T1000${second}.000Z.wav`);
  const segments = listSegments({ streams: [], landed_segments: blobs }, NOW);
  assert.deepEqual(segments.map(({ blob }) => blob), blobs.toReversed());
  assert.deepEqual(segments.map(({ endTime }) => endTime), [Date.parse("2026-11-25T10:00:06Z"), NOW]);
});

test("the newest segments keep their index among all segments of the track", () => {
  const blobs = ["06", "01", "03"].map((second) => `segments/c/s/${TRACK}/20261125T1000${second}.000Z.wav`);
  const record = { streams: [{ segments: [{ blob: blobs[0] }] }], landed_segments: blobs.slice(1) };
  assert.deepEqual(newestSegments(record, 2), [
    { blob: blobs[2], track: TRACK, index: 1 },
    { blob: blobs[0], track: TRACK, index: 2 },
  ]);
});
