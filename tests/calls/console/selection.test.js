import assert from "node:assert/strict";
import { test } from "node:test";

import { Selection } from "../../../calls/console/selection.js";

const SHOWN = ["a", "b", "c", "d", "e"];

test("with Shift, all from the last one chosen are selected, upwards too", () => {
  const selection = new Selection();
  selection.set("d", true, { shownIds: SHOWN });
  selection.set("b", true, { isRange: true, shownIds: SHOWN });
  assert.deepEqual(selection.inOrder(SHOWN), ["b", "c", "d"]);
  selection.set("c", false, { isRange: true, shownIds: SHOWN });
  assert.deepEqual(selection.inOrder(SHOWN), ["d"]);
});

test("without anything chosen before, Shift selects one", () => {
  const selection = new Selection();
  selection.set("c", true, { isRange: true, shownIds: SHOWN });
  assert.deepEqual(selection.inOrder(SHOWN), ["c"]);
});

test("what the list has lost is not selected either", () => {
  const selection = new Selection();
  selection.setAll(SHOWN);
  selection.keepOnly(["e", "x"]);
  assert.equal(selection.size, 1);
  assert.ok(selection.has("e"));
  selection.clear();
  assert.equal(selection.size, 0);
});
