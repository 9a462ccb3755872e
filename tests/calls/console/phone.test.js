import assert from "node:assert/strict";
import { test } from "node:test";

import { isNumberLike, normaliseNumber } from "../../../calls/console/phone.js";

test("a part of a phone number is told from words", () => {
  for (const text of ["+1 (555) 123-0000", "555", "0049 30"]) assert.ok(isNumberLike(text), text);
  for (const text of ["Robin", "24", "...", "room 555", ""]) assert.ok(!isNumberLike(text), text);
});

test("a phone number loses what E.164 does not have", () => {
  assert.equal(normaliseNumber("+1 (555) 123-0000"), "+15551230000");
  assert.equal(normaliseNumber(" 8:acs:abc "), "8:acs:abc");
});
