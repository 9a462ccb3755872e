import assert from "node:assert/strict";
import { test } from "node:test";

import { findParticipant, listParticipants, normaliseNumber } from "../../../calls/console/participants.js";

const CALLS = [
  { to: "+15551230000", from: "+15559990000", participants: ["4:+15551230000"], names: { "4:+15551230000": "Robin Ray" } },
  { to: "8:acs:abc", from: null, names: {} },
];
const KNOWN = listParticipants(CALLS);

test("a phone number loses what E.164 does not have", () => {
  assert.equal(normaliseNumber("+1 (555) 123-0000"), "+15551230000");
  assert.equal(normaliseNumber(" 8:acs:abc "), "8:acs:abc");
});

test("the participants of calls are listed by name and number, each once", () => {
  assert.deepEqual(KNOWN, ["+15551230000", "+15559990000", "Robin Ray"]);
});

test("a whole number is a participant, and so is a known one without its beginning", () => {
  assert.equal(findParticipant("+49 30 1234567", KNOWN), "+49301234567");
  assert.equal(findParticipant("(555) 123-0000", KNOWN), "+15551230000");
  assert.equal(findParticipant("0555 1230000", KNOWN), "+15551230000");
});

test("a known name is a participant in any case; other words are not", () => {
  assert.equal(findParticipant("robin ray", KNOWN), "Robin Ray");
  for (const text of ["Robin", "24", "lost card", "0000"]) assert.equal(findParticipant(text, KNOWN), null, text);
});
