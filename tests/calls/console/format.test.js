import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, clock, duration, length, person, plural, words } from "../../../calls/console/format.js";

test("a clock has hours only where there are any", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(75_400), "1:15");
  assert.equal(clock(8 * 3600_000 + 61_000), "8:01:01");
  assert.equal(clock(-5), "0:00");
});

test("lengths and sizes have the unit that people would use", () => {
  assert.equal(length(420), "420 ms");
  assert.equal(length(15_249), "15.2 s");
  assert.equal(length(200_000), "3 min 20 s");
  assert.equal(length(7_500_000), "2 h 5 min");
  assert.equal(bytes(900), "1 kB");
  assert.equal(bytes(4_200_000), "4.2 MB");
  assert.equal(bytes(1_840_000_000), "1.84 GB");
  assert.equal(plural(1, "match", "matches"), "1 match");
  assert.equal(plural(2, "gap"), "2 gaps");
});

test("a length never rounds into another unit", () => {
  assert.equal(length(999.6), "1.0 s");
  assert.equal(length(59_960), "1 min 0 s");
  assert.equal(length(119_700), "2 min 0 s");
  assert.equal(length(3_599_800), "1 h 0 min");
});

test("raw ids are shown as people know them, and others as they are", () => {
  assert.equal(person("4:+15551230000"), "+1 555 123 0000");
  assert.equal(person("4:+4930123456"), "+4930123456");
  assert.equal(person("8:acs:3d20e1de-0f28-41c5_0000-1a2b"), "User 3d20e1de\u20261a2b");
  assert.equal(person("8:acs:emulator_agent"), "User emulator\u2026gent");
  assert.equal(person("anonymous"), "Number withheld");
  assert.equal(person("speaker 2"), "speaker 2");
  assert.equal(person(null), "Everyone, mixed");
});

test("a call's duration runs on until it ends", () => {
  const record = { state: "connected", connected_at: "2026-11-25T10:00:00Z" };
  assert.equal(duration(record, Date.parse("2026-11-25T10:01:00Z")), 60_000);
  assert.equal(duration({ ...record, state: "disconnected", ended_at: "2026-11-25T10:00:09Z" }), 9000);
  assert.equal(duration({ state: "connecting" }), null);
});

test("events are words", () => {
  assert.equal(words("MediaStreamingStarted"), "Media streaming started");
});
