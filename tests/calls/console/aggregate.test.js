import assert from "node:assert/strict";
import { test } from "node:test";

import { aggregate, chooseUnit, lastDay, lostShare, ownShare, silentShare, worstCalls } from "../../../calls/console/aggregate.js";

const call = (created, summary, parties = {}) => ({
  call_connection_id: String(created), created_at: created.toISOString(), direction: "outgoing", to: "+15551230000",
  from: "+15559990000", ...parties,
  summary: summary && { duration_ms: 10_000, audio_ms: 20_000, lost_ms: 0, speech_share: 0.6, talk: [], ...summary },
});
const TALK = [
  { participant: "4:+15551230000", speech_ms: 1000 }, { participant: "4:+15559990000", speech_ms: 3000 },
];

test("calls are summed up by day, with the days between them", () => {
  const calls = [
    call(new Date(2026, 10, 3, 12), { lost_ms: 400 }), call(new Date(2026, 10, 1, 0, 5), null),
    call(new Date(2026, 10, 1, 23, 55), {}),
  ];
  const { total, periods } = aggregate(calls, "day");
  assert.deepEqual(periods.map(({ start, calls: count, recorded }) => [start.getDate(), count, recorded]),
    [[1, 2, 1], [2, 0, 0], [3, 1, 1]]);
  assert.deepEqual([total.calls, total.recorded, total.lossy], [3, 2, 1]);
  assert.equal(lostShare(total), 0.01);
  assert.ok(Math.abs(silentShare(total) - 0.4) < 1e-9);
  assert.equal(lostShare(periods[1]), null);
  assert.deepEqual(aggregate([], "day").periods, []);
});

test("a week begins on Monday, and a day of a clock change is one day", () => {
  const calls = [call(new Date(2026, 9, 25, 12), {}), call(new Date(2026, 9, 26, 12), {})];
  const { periods } = aggregate(calls, "week");
  assert.deepEqual(periods.map(({ start }) => start.getDate()), [19, 26]);
  assert.equal(lastDay(periods[0].start, "week").getDate(), 25);
  const spring = aggregate([call(new Date(2026, 2, 28), {}), call(new Date(2026, 2, 30), {})], "day");
  assert.deepEqual(spring.periods.map(({ start }) => [start.getDate(), start.getHours()]), [[28, 0], [29, 0], [30, 0]]);
});

test("the talk share is that of your side, whoever has called", () => {
  const placed = call(new Date(2026, 10, 1), { talk: TALK });
  assert.equal(ownShare(aggregate([placed], "day").total), 0.75);
  const received = call(new Date(2026, 10, 1), { talk: TALK }, { direction: "incoming", from: "4:+15551230000", to: "4:+15559990000" });
  assert.equal(ownShare(aggregate([received], "day").total), 0.75);
  const mixed = call(new Date(2026, 10, 1), { talk: [{ participant: null, speech_ms: 4000 }] });
  assert.equal(ownShare(aggregate([mixed], "day").total), null);
});

test("a long time is summed up by week", () => {
  const first = call(new Date(2026, 8, 1), {});
  assert.equal(chooseUnit([first, call(new Date(2026, 8, 30), {})]), "day");
  assert.equal(chooseUnit([first, call(new Date(2026, 10, 1), {})]), "week");
  assert.equal(chooseUnit([]), "day");
});

test("the worst calls are those that lost the most audio", () => {
  const calls = [1, 500, 0, 20].map((lost) => call(new Date(2026, 10, 1), { lost_ms: lost }));
  assert.deepEqual(worstCalls(calls, 2).map(({ summary }) => summary.lost_ms), [500, 20]);
});
