import assert from "node:assert/strict";
import { test } from "node:test";

import { coveredMs, totalMs } from "../../../calls/console/spans.js";

const spansOf = (pairs) => pairs.map(([start_ms, end_ms]) => ({ start_ms, end_ms }));

test("time that several spans cover is counted once", () => {
  assert.equal(coveredMs(spansOf([[4000, 6000], [0, 1000], [500, 2000], [600, 700]])), 4000);
  assert.equal(coveredMs([]), 0);
});

test("the total counts every span", () => {
  assert.equal(totalMs(spansOf([[0, 1000], [500, 2000]])), 2500);
});
