import assert from "node:assert/strict";
import { test } from "node:test";

import { buildModelFromRecord, buildModelFromTimeline } from "../../../calls/console/timeline.js";
import { computePeaks } from "../../../calls/console/wav.js";

const CALLER = "4:+15551230000";
const landed = (second) => ({
  stream_id: "s", track: "p2", participant: CALLER, start: `2026-11-25T10:00:${second}.000Z`,
  blob: `segments/c/s/p2/20261125T1000${second}.000Z.wav`,
});
const NOW = Date.parse("2026-11-25T10:00:20Z");

function live(members = {}) {
  return {
    state: "connected",
    streaming: { state: "active" },
    channels: "unmixed",
    created_at: "2026-11-25T09:59:58Z",
    connected_at: "2026-11-25T10:00:00Z",
    participants: ["8:acs:agent_1", CALLER],
    events: [{ type: "MediaStreamingStarted", time: "2026-11-25T10:00:01Z" }],
    streams: [],
    landed_segments: [],
    ...members,
  };
}

test("every participant has a track before the first segment is uploaded", () => {
  const model = buildModelFromRecord(live(), NOW);
  assert.deepEqual(model.tracks.map((track) => track.participant), ["8:acs:agent_1", CALLER]);
  assert.equal(model.durationMs, 20_000);
  assert.equal(model.recordingFromMs, 1000);
  assert.ok(model.isLive);
  const mixed = buildModelFromRecord(live({ channels: "mixed" }), NOW);
  assert.deepEqual(mixed.tracks.map((track) => track.participant), [null]);
  const named = buildModelFromRecord(live({ names: { [CALLER]: "Zo\u00eb" } }), NOW);
  assert.deepEqual(named.tracks.map((track) => track.name), [null, "Zo\u00eb"]);
});

test("uploaded segments follow each other up to now", () => {
  const model = buildModelFromRecord(live({ landed_segments: [landed("06"), landed("01")] }), NOW);
  const spans = model.tracks[1].segments.map(({ start_ms, end_ms }) => [start_ms, end_ms]);
  assert.deepEqual(spans, [[1000, 6000], [6000, 20_000]]);
});

test("the speech of an ended stream keeps its place and counts towards talk time", () => {
  const segment = (participant, start, speech) => ({
    participant, start, end: "2026-11-25T10:00:10Z", analysed: true, speech,
  });
  const stream = { segments: [
    segment("8:acs:agent_1", "2026-11-25T10:00:02Z", [{ start_ms: 0, end_ms: 3000 }]),
    segment(CALLER, "2026-11-25T10:00:04Z", [{ start_ms: 500, end_ms: 1500 }]),
  ] };
  const model = buildModelFromRecord(live({ streams: [stream], streaming: { state: "inactive" } }), NOW);
  assert.deepEqual(model.tracks[1].speech, [{ start_ms: 4500, end_ms: 5500 }]);
  assert.deepEqual(model.tracks.map((track) => track.talkShare), [0.75, 0.25]);
  assert.equal(model.recordingFromMs, null);
});

test("a timeline's missing segments and losses belong to their tracks", () => {
  const model = buildModelFromTimeline({
    started_at: "2026-11-25T10:00:00Z", duration_ms: 9000, partial: false, overlaps: [],
    interruptions: [], longest_silence: null,
    tracks: [
      { track: "a", participant: "a", speech_ms: 0, talk_share: 0, losses: [{ start_ms: 0, end_ms: 100, filled_ms: 60, gaps: 1 }] },
      { track: "b", participant: "b", speech_ms: 0, talk_share: 0 },
    ],
    missing_segments: [{ track: "b", start_ms: 0, end_ms: 5000, reason: "not in the storage" }],
  }, ["b", "a"]);
  assert.deepEqual(model.tracks.map((track) => track.missingSegments.length), [1, 0]);
  assert.deepEqual(model.tracks.map((track) => track.losses.length), [0, 1]);
  assert.deepEqual(model.tracks.map((track) => track.channel), [1, 0], "in the order of participants");
});

test("an overlap belongs to those who overlap", () => {
  const track = (name, start_ms, end_ms) => ({ track: name, participant: name, speech: [{ start_ms, end_ms }] });
  const model = buildModelFromTimeline({
    started_at: "2026-11-25T10:00:00Z", duration_ms: 9000, overlaps: [{ start_ms: 2000, end_ms: 3000 }],
    tracks: [track("a", 0, 3000), track("b", 2000, 5000), track("c", 6000, 8000)],
  });
  assert.deepEqual(model.tracks.map(({ overlaps }) => overlaps.length), [1, 1, 0]);
});

test("a segment's peaks are computed per window and placed at its start", () => {
  const samples = Array.from({ length: 4000 }, (_, n) => (n === 2000 ? -16_384 : n < 1600 ? 8192 : 0));
  const header = [0x52494646, 0, 0x57415645, 0x666d7420, 16, 0, 0, 0, 0, 0x64617461, 8000];
  const file = new DataView(new ArrayBuffer(44 + 8000));
  header.forEach((value, at) => file.setUint32(at * 4, value, value < 0x10000));
  file.setUint32(24, 16_000, true);
  samples.forEach((sample, at) => file.setInt16(44 + at * 2, sample, true));
  const peaks = computePeaks(file.buffer);
  assert.deepEqual(peaks, [0.25, 0.5, 0]);
  const segment = landed("01");
  const peaksOf = (blob) => (blob === segment.blob ? peaks : null);
  const model = buildModelFromRecord(live({ landed_segments: [segment] }), NOW, peaksOf);
  assert.deepEqual(model.tracks[1].peaks, [...Array(10).fill(0), 0.25, 0.5, 0]);
});
