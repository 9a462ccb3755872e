import assert from "node:assert/strict";
import { test } from "node:test";

import { niceMax } from "../../../calls/console/plots.js";

test("an axis ends at a round number, at or above the largest value", () => {
  assert.equal(niceMax(0.034), 0.05);
  assert.equal(niceMax(0.05), 0.05);
  assert.equal(niceMax(0.21), 0.25);
  assert.equal(niceMax(7), 10);
  assert.equal(niceMax(0), 1);
});
