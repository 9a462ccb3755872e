import assert from "node:assert/strict";
import { test } from "node:test";

import { splitRanges } from "../../../calls/console/rows.js";

const marked = (...parameters) =>
  splitRanges(...parameters).map(({ part, isMatch }) => (isMatch ? `[${part}]` : part)).join("");

test("the words that were found are marked, in any order and where they overlap", () => {
  assert.equal(marked("lost my lost card", [[8, 12], [0, 4]]), "[lost] my [lost] card");
  assert.equal(marked("lost card", [[0, 4], [2, 9]]), "[lost][ card]");
  assert.equal(marked("lost card", [[0, 9], [2, 4]]), "[lost card]");
  assert.equal(marked("nothing", []), "nothing");
});

test("ranges count characters, not code units", () => {
  assert.equal(marked("\u{1f600} caf\u00e9 card", [[7, 11]]), "\u{1f600} caf\u00e9 [card]");
});

test("a long beginning is cut", () => {
  assert.equal(marked("one two three four", [[14, 18]], 6), "\u2026three [four]");
  assert.equal(marked("<b>", [[0, 3]]), "[<b>]", "markup is text");
});
