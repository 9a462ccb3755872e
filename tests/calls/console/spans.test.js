import assert from "node:assert/strict";
import { test } from "node:test";

import { intersect, totalMs } from "../../../calls/console/spans.js";

const spansOf = (pairs) => pairs.map(([start_ms, end_ms]) => ({ start_ms, end_ms }));

test("spans intersect where both cover the time", () => {
  const spans = spansOf([[0, 1000], [3000, 5000]]);
  assert.deepEqual(intersect(spans, spansOf([[500, 3500], [4000, 4200]])),
    spansOf([[500, 1000], [3000, 3500], [4000, 4200]]));
  assert.deepEqual(intersect(spans, spansOf([[1000, 3000]])), []);
});

test("the total counts every span", () => {
  assert.equal(totalMs(spansOf([[0, 1000], [500, 2000]])), 2500);
});
