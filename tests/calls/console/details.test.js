import assert from "node:assert/strict";
import { test } from "node:test";

import {
  describeAnnouncement, describeDeletion, describeHold, describePause,
} from "../../../calls/console/details.js";

const NOW = Date.parse("2026-11-25T10:00:18Z");

test("a pause says who paused, why, and when the recording resumes", () => {
  const pause = { paused_by: { name: "agents" }, reason: "card payment", resume_at: "2026-11-25T10:01:00Z", resumed_at: null };
  const describe = (changes) => describePause({ state: "connected", pauses: [{ ...pause, ...changes }] }, NOW);
  assert.equal(describe({}), "Paused by agents \u00b7 card payment \u00b7 Resumes in 0:42");
  assert.equal(describe({ reason: null, resume_at: null }), "Paused by agents");
  assert.equal(describe({ paused_by: null, reason: null, resume_at: "2026-11-25T10:00:00Z" }), "Paused \u00b7 Resumes in 0:00");
  assert.equal(describe({ resumed_at: "2026-11-25T10:00:10Z" }), "");
  assert.equal(describePause({ state: "connected", pauses: [] }, NOW), "");
});

test("a hold says since when, by whom and why", () => {
  const hold = { reason: "Claim 118", placed_at: "2026-11-25T10:00:00Z", placed_by: { name: "Admin" } };
  assert.match(describeHold(hold), /^On legal hold since .*2026.* by Admin: Claim 118$/u);
});

test("a deletion says how much it has deleted, what remains, and what can be restored", () => {
  const deletion = { state: "running", deleted: [{ count: 1, bytes: 1000 }], remaining: [], restorable_until: null };
  assert.equal(describeDeletion(deletion), "1 file deleted (1 kB).");
  deletion.deleted.push({ count: 2, bytes: 0 });
  deletion.restorable_until = "2026-12-02T10:00:00Z";
  assert.match(describeDeletion({ ...deletion, state: "completed" }), /^3 files deleted .*; an administrator can restore them until .*2026/u);
  const remaining = [{ count: 1, until: "2027-01-02T12:00:00Z" }, { count: 2, until: null }];
  assert.match(describeDeletion({ ...deletion, state: "waiting", remaining }), /; 3 protected by an immutability policy until .*2027/u);
});

test("an announcement says when it was played, or that it was not", () => {
  const describe = (state, plays) => describeAnnouncement({ announcement: { state, plays } });
  assert.equal(describe("pending", []), "Announcement pending");
  assert.equal(describe("playing", [{ state: "playing", ended_at: null }]), "Announcement pending");
  assert.match(describe("completed", [{ state: "completed", ended_at: "2026-11-25T10:00:05Z" }]), /^Announced at \d\d:\d\d:05$/);
  assert.equal(describe("failed", [{ state: "failed", ended_at: "2026-11-25T10:00:05Z" }]), "Not announced");
  assert.equal(describeAnnouncement({ announcement: null }), "");
});
