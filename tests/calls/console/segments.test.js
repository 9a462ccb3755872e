import assert from "node:assert/strict";
import { test } from "node:test";

import { findSegment, listSegments, newestSegments } from "../../../calls/console/segments.js";

const CALLER = "4:+15551230000";
const NOW = Date.parse("2026-11-25T10:00:20Z");

const landed = (second, stream = "s", streamTrack = "p2") => ({
  stream_id: stream, track: "p2", participant: CALLER, start: `2026-11-25T10:00:${second}.000Z`,
  blob: `segments/c/${stream}/${streamTrack}/20261125T1000${second}.000Z.wav`,
});

test("an uploaded segment ends where the next one of its track begins", () => {
  const uploaded = [landed("06"), landed("01")];
  const segments = listSegments({ streams: [], landed_segments: uploaded }, NOW);
  assert.deepEqual(segments.map(({ blob }) => blob), uploaded.map(({ blob }) => blob).toReversed());
  assert.deepEqual(segments.map(({ endTime }) => endTime), [Date.parse("2026-11-25T10:00:06Z"), NOW]);
  assert.deepEqual(segments.map(({ participant }) => participant), [CALLER, CALLER]);
});

test("the newest segments keep their index among all segments of the track, in whatever stream", () => {
  const [sixth, first, third] = [landed("06", "t", "p1"), landed("01"), landed("03")];
  const record = { streams: [{ segments: [sixth] }], landed_segments: [first, third] };
  assert.deepEqual(newestSegments(record, 2), [
    { blob: third.blob, track: "p2", index: 1 },
    { blob: sixth.blob, track: "p2", index: 2 },
  ]);
});

test("a segment is found by its blob, with or without a manifest", () => {
  const record = { streams: [{ segments: [landed("01")] }], landed_segments: [landed("03")] };
  assert.equal(findSegment(record, landed("01").blob).participant, CALLER);
  assert.equal(findSegment(record, landed("03").blob).participant, CALLER);
  assert.equal(findSegment(record, landed("04").blob), undefined);
});
