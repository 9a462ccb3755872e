import assert from "node:assert/strict";
import { test } from "node:test";

import { keepRows, splitFields, splitRows } from "../../../calls/console/csv.js";

const TEXT = 'id,notes\r\na,"one, ""two""\r\nthree"\r\nb,\r\nc,=1\r\n';

test("rows end at line breaks outside of quotes", () => {
  assert.deepEqual(splitRows(TEXT), ["id,notes\r\n", 'a,"one, ""two""\r\nthree"\r\n', "b,\r\n", "c,=1\r\n"]);
  assert.equal(splitRows(TEXT).join(""), TEXT);
  assert.deepEqual(splitFields('a,"one, ""two""\r\nthree",,x\r\n'), ["a", 'one, "two"\r\nthree', "", "x"]);
});

test("the header and the rows of these calls are kept as they are", () => {
  assert.equal(keepRows(TEXT, "id", new Set(["a", "c", "gone"])), 'id,notes\r\na,"one, ""two""\r\nthree"\r\nc,=1\r\n');
  assert.equal(keepRows(TEXT, "id", new Set(["b"]), { hasHeader: false }), "b,\r\n");
  assert.equal(keepRows("\ufeffid\r\nx\r\n", "id", new Set(["x"])), "\ufeffid\r\nx\r\n");
});
