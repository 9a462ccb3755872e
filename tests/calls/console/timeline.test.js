import assert from "node:assert/strict";
import { test } from "node:test";

import { covered, fromRecord, fromTimeline, parseBlob, participantOf, peaksOf } from "../../../calls/console/timeline.js";

const CALLER = "4:+15551230000";
const TRACK = "4~3A~2B15551230000";
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

test("a segment's blob name is taken apart", () => {
  const found = parseBlob(`segments/c/20261125T100000000Z-00000000/${TRACK}/20261125T100005.250Z.wav`);
  assert.equal(found.participant, CALLER);
  assert.equal(found.from, Date.parse("2026-11-25T10:00:05.250Z"));
  assert.equal(parseBlob("segments/c/s/t/later.wav"), null);
  assert.equal(participantOf("mixed"), null);
});

test("everyone has a lane before the first segment lands", () => {
  const model = fromRecord(live(), NOW);
  assert.deepEqual(model.tracks.map((track) => track.participant), ["8:acs:agent_1", CALLER]);
  assert.equal(model.durationMs, 20_000);
  assert.equal(model.recordingFromMs, 1000);
  assert.ok(model.isLive);
  const mixed = fromRecord(live({ channels: "mixed" }), NOW);
  assert.deepEqual(mixed.tracks.map((track) => track.participant), [null]);
});

test("landed segments follow each other up to now", () => {
  const stem = `segments/c/s/${TRACK}`;
  const landed = [`${stem}/20261125T100006.000Z.wav`, `${stem}/20261125T100001.000Z.wav`];
  const model = fromRecord(live({ landed_segments: landed }), NOW);
  const spans = model.tracks[1].segments.map(({ start_ms, end_ms }) => [start_ms, end_ms]);
  assert.deepEqual(spans, [[1000, 6000], [6000, 20_000]]);
});

test("the speech of a stream that ended lies where it was, and shares the talk", () => {
  const segment = (participant, start, speech) => ({
    participant, start, end: "2026-11-25T10:00:10Z", analysed: true, speech,
  });
  const stream = { segments: [
    segment("8:acs:agent_1", "2026-11-25T10:00:02Z", [{ start_ms: 0, end_ms: 3000 }]),
    segment(CALLER, "2026-11-25T10:00:04Z", [{ start_ms: 500, end_ms: 1500 }]),
  ] };
  const model = fromRecord(live({ streams: [stream], streaming: { state: "inactive" } }), NOW);
  assert.deepEqual(model.tracks[1].speech, [{ start_ms: 4500, end_ms: 5500 }]);
  assert.deepEqual(model.tracks.map((track) => track.talkShare), [0.75, 0.25]);
  assert.equal(model.recordingFromMs, null);
});

test("a timeline's missing segments come to their tracks", () => {
  const model = fromTimeline({
    started_at: "2026-11-25T10:00:00Z", duration_ms: 9000, partial: false, overlaps: [],
    interruptions: [], longest_silence: null,
    tracks: [{ track: "a", participant: "a", speech_ms: 0, talk_share: 0 }, { track: "b", participant: "b", speech_ms: 0, talk_share: 0 }],
    missing_segments: [{ track: "b", start_ms: 0, end_ms: 5000, reason: "not in the storage" }],
  }, ["b", "a"]);
  assert.deepEqual(model.tracks.map((track) => track.missing.length), [1, 0]);
  assert.deepEqual(model.tracks.map((track) => track.channel), [1, 0], "in the order of participants");
});

test("a segment's peaks are those of its windows, and lie at its place", () => {
  const samples = Array.from({ length: 4000 }, (_, n) => (n === 2000 ? -16_384 : n < 1600 ? 8192 : 0));
  const header = [0x52494646, 0, 0x57415645, 0x666d7420, 16, 0, 0, 0, 0, 0x64617461, 8000];
  const file = new DataView(new ArrayBuffer(44 + 8000));
  header.forEach((value, at) => file.setUint32(at * 4, value, value < 0x10000));
  file.setUint32(24, 16_000, true);
  samples.forEach((sample, at) => file.setInt16(44 + at * 2, sample, true));
  const peaks = peaksOf(file.buffer);
  assert.deepEqual(peaks, [0.25, 0.5, 0]);
  const blob = `segments/c/s/${TRACK}/20261125T100001.000Z.wav`;
  const model = fromRecord(live({ landed_segments: [blob] }), NOW, (name) => (name === blob ? peaks : null));
  assert.deepEqual(model.tracks[1].peaks, [...Array(10).fill(0), 0.25, 0.5, 0]);
});

test("time that spans cover is counted once", () => {
  const spans = [[4000, 6000], [0, 1000], [500, 2000], [600, 700]];
  assert.equal(covered(spans.map(([start_ms, end_ms]) => ({ start_ms, end_ms }))), 4000);
  assert.equal(covered([]), 0);
});
