import assert from "node:assert/strict";
import { test } from "node:test";

import { callDurationMs, callNumber, callStatus, callTitle, hasResult, isProcessing, openPause, shownDurationMs } from "../../../calls/console/record.js";

const NOW = Date.parse("2026-11-25T10:01:00Z");

test("a call's duration grows until it ends", () => {
  const record = { state: "connected", connected_at: "2026-11-25T10:00:00Z" };
  assert.equal(callDurationMs(record, NOW), 60_000);
  assert.equal(callDurationMs({ ...record, state: "disconnected", ended_at: "2026-11-25T10:00:09Z" }), 9000);
  assert.equal(callDurationMs({ state: "connecting" }), null);
});

test("list and call show the recording's duration once there is one", () => {
  const record = { state: "disconnected", connected_at: "2026-11-25T10:00:00Z", ended_at: "2026-11-25T10:01:13Z" };
  assert.equal(shownDurationMs(record), 73_000);
  assert.equal(shownDurationMs({ ...record, summary: { duration_ms: 72_400 } }), 72_400);
});

test("a call is named for the other party", () => {
  const named = { direction: "outgoing", to: "+15551230000", names: { "4:+15551230000": "Zo\u00eb" } };
  assert.equal(callTitle(named), "Zo\u00eb (+1 555 123 0000)");
  assert.equal(callTitle(named, { withNumber: false }), "Zo\u00eb");
  assert.equal(callNumber(named), "+1 555 123 0000");
  assert.equal(callNumber({ call_connection_id: "0123456789", to: null }), null);
  const parties = { from: "4:+15559990000", to: "4:+15551230000" };
  assert.equal(callTitle({ direction: "outgoing", ...parties }), "+1 555 123 0000");
  assert.equal(callTitle({ direction: "incoming", ...parties }), "+1 555 999 0000");
  assert.equal(callTitle({ call_connection_id: "0123456789", to: null }), "Call 01234567");
});

test("the status follows the call, then its streaming", () => {
  const statusOf = (state, streaming) => callStatus({ state, streaming: { state: streaming }, summary: {} }).text;
  assert.equal(statusOf("connecting", "inactive"), "Connecting");
  assert.equal(statusOf("connected", "inactive"), "Not streaming");
  assert.equal(statusOf("connected", "starting"), "Starting");
  assert.equal(statusOf("connected", "active"), "Live");
  assert.equal(statusOf("connected", "failed"), "Streaming failed");
  assert.equal(statusOf("disconnected", "inactive"), "Ended");
  assert.equal(statusOf("failed", "active"), "Failed");
});

test("a pause that is not over is the status", () => {
  const paused = { paused_at: "2026-11-25T10:00:00Z", paused_by: { name: "agents" }, resumed_at: null };
  const record = { state: "connected", streaming: { state: "inactive" }, pauses: [paused] };
  assert.equal(openPause(record), paused);
  assert.equal(callStatus(record).text, "Paused");
  assert.equal(callStatus({ ...record, streaming: { state: "stopping" } }).text, "Pausing");
  const resumed = { ...paused, resumed_at: "2026-11-25T10:01:00Z" };
  const live = { ...record, streaming: { state: "active" }, pauses: [resumed] };
  assert.equal(openPause(live), null);
  assert.equal(callStatus(live).text, "Live");
  assert.equal(openPause({ ...record, state: "disconnected" }), null);
  assert.equal(openPause({ state: "connected" }), null);
});

test("the state of the result says whether there is one", () => {
  const endedWith = (state) => ({ state: "disconnected", result_state: state, streaming: { state: "inactive" } });
  assert.equal(callStatus(endedWith("processing")).text, "Processing");
  assert.ok(!isProcessing({ ...endedWith("processing"), state: "connected" }));
  for (const state of ["final", "partial"]) assert.ok(hasResult(endedWith(state)));
  for (const state of ["none", "processing", "recording"]) assert.ok(!hasResult(endedWith(state)));
  assert.equal(callStatus(endedWith("none")).text, "Ended");
});
