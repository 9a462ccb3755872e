import assert from "node:assert/strict";
import { test } from "node:test";

import {
  formatBytes, formatClock, formatCount, formatDay, formatDuration, formatEventType, formatParticipant, formatPercent, formatSmallPercent,
} from "../../../calls/console/format.js";

test("a position shows hours only from one hour on", () => {
  assert.equal(formatClock(0), "0:00");
  assert.equal(formatClock(75_400), "1:15");
  assert.equal(formatClock(8 * 3600_000 + 61_000), "8:01:01");
  assert.equal(formatClock(-5), "0:00");
});

test("a day is named for its distance, and shows another year", () => {
  const now = new Date(2026, 2, 1, 9);
  const dayOf = (...parts) => formatDay(new Date(...parts).toISOString(), now);
  assert.equal(dayOf(2026, 2, 1, 0, 1), "Today");
  assert.equal(dayOf(2026, 1, 28, 23, 59), "Yesterday");
  assert.doesNotMatch(dayOf(2026, 1, 27, 12), /2026|day/);
  assert.match(dayOf(2025, 2, 1, 12), /2025/);
});

test("durations, sizes and counts have the customary unit", () => {
  assert.equal(formatDuration(420), "420 ms");
  assert.equal(formatDuration(15_249), "15.2 s");
  assert.equal(formatDuration(200_000), "3 min 20 s");
  assert.equal(formatDuration(7_500_000), "2 h 5 min");
  assert.equal(formatBytes(900), "1 kB");
  assert.equal(formatBytes(4_200_000), "4.2 MB");
  assert.equal(formatBytes(1_840_000_000), "1.84 GB");
  assert.equal(formatCount(1, "match", "matches"), "1 match");
  assert.equal(formatCount(2, "gap"), "2 gaps");
});

test("a duration never rounds up to a full unit of its own", () => {
  assert.equal(formatDuration(999.6), "1.0 s");
  assert.equal(formatDuration(59_960), "1 min 0 s");
  assert.equal(formatDuration(119_700), "2 min 0 s");
  assert.equal(formatDuration(3_599_800), "1 h 0 min");
});

test("raw IDs are shown as phone numbers and users, other IDs as they are", () => {
  assert.equal(formatParticipant("4:+15551230000"), "+1 555 123 0000");
  assert.equal(formatParticipant("4:+4930123456"), "+4930123456");
  assert.equal(formatParticipant("8:acs:3d20e1de-0f28-41c5_0000-1a2b"), "User 3d20e1de\u20261a2b");
  assert.equal(formatParticipant("8:acs:emulator_agent"), "User emulator\u2026gent");
  assert.equal(formatParticipant("anonymous"), "Anonymous caller");
  assert.equal(formatParticipant("speaker 2"), "speaker 2");
  assert.equal(formatParticipant(null), "All participants");
  assert.equal(formatParticipant("4:+15551230000", "Zo\u00eb"), "Zo\u00eb (+1 555 123 0000)");
});

test("an event's type is shown as words", () => {
  assert.equal(formatEventType("MediaStreamingStarted"), "Media streaming started");
});

test("a share is shown as a whole percentage", () => {
  assert.equal(formatPercent(0.254), "25%");
});

test("a share that is small keeps two digits", () => {
  assert.equal(formatSmallPercent(0), "0%");
  assert.equal(formatSmallPercent(0.00001), "<0.01%");
  assert.equal(formatSmallPercent(0.00342), "0.34%");
  assert.equal(formatSmallPercent(0.0512), "5.1%");
  assert.equal(formatSmallPercent(0.254), "25%");
});
