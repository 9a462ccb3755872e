import assert from "node:assert/strict";
import { test } from "node:test";

import {
  describeFilters, describeList, formatDayField, formatRoute, hasFilters, isSameFilters, NO_FILTERS, parseRoute, toQuery,
  withoutFilter,
} from "../../../calls/console/route.js";

const FILTERS = {
  q: "lost card", participant: "+15551230000", state: "disconnected", result_state: "partial", direction: "incoming",
  from: "2026-11-01", until: "2026-11-26", min_duration: 300, sort: "-duration", tags: ["vip", "a&b"],
};

test("a route survives its URL", () => {
  for (const route of [
    { view: "list", id: null, startMs: null, filters: NO_FILTERS },
    { view: "quality", id: null, startMs: null, filters: FILTERS },
    { view: "call", id: "a/b?c%", startMs: 12_500, filters: FILTERS },
  ]) {
    const { filters, ...others } = parseRoute(formatRoute(route));
    assert.deepEqual(others, { view: route.view, id: route.id, startMs: route.startMs });
    assert.ok(isSameFilters(filters, route.filters));
    assert.deepEqual(filters.tags, [...route.filters.tags]);
  }
  assert.equal(formatRoute({ view: "list" }), "#/");
  assert.equal(formatRoute({ view: "call", id: "x" }), "#/calls/x");
});

test("what is malformed in a URL is ignored", () => {
  const { view, filters } = parseRoute("#/?state=gone&from=2026-13-45x&min_duration=-3&sort=name&tag=&q=%20&result_state=toString");
  assert.equal(view, "list");
  assert.deepEqual(filters, { tags: [] });
  assert.deepEqual(parseRoute("#/?sort=-created_at").filters, { tags: [] });
  assert.equal(parseRoute("").view, "list");
  assert.equal(parseRoute("#/nowhere").view, "list");
  assert.equal(parseRoute("#/calls/%E0%A4%A").id, "%E0%A4%A");
  assert.equal(parseRoute("#/calls/x?t=nonsense").startMs, null);
});

test("a query has whole days, in the user's time zone", () => {
  const query = toQuery({ tags: ["a", "b"], from: "2026-11-01", until: "2026-11-01" });
  assert.equal(query.get("from"), new Date(2026, 10, 1).toISOString());
  assert.equal(query.get("until"), new Date(2026, 10, 2).toISOString());
  assert.deepEqual(query.getAll("tag"), ["a", "b"]);
  assert.equal(toQuery(NO_FILTERS).size, 0);
});

test("each filter has a chip, and can be removed", () => {
  const chips = describeFilters(FILTERS);
  assert.deepEqual(chips.map(({ name }) => name),
    ["q", "participant", "state", "result_state", "direction", "from", "until", "min_duration", "tag", "tag"]);
  assert.ok(chips.some(({ text }) => text === "+1 555 123 0000"));
  assert.ok(chips.some(({ text }) => text === "At least 5 min"));
  let filters = FILTERS;
  for (const { name, value } of chips) filters = withoutFilter(filters, name, value);
  assert.ok(!hasFilters(filters));
  assert.equal(filters.sort, "-duration", "the sort order stays");
});

test("a list is named for its filters", () => {
  assert.equal(describeList(NO_FILTERS), "Calls");
  assert.equal(describeList({ ...NO_FILTERS, state: "failed" }), "Calls: Failed");
});

test("days are counted back over a month's beginning", () => {
  assert.equal(formatDayField(1, new Date(2026, 2, 1, 0, 30)), "2026-02-28");
  assert.equal(formatDayField(0, new Date(2026, 2, 1, 23, 59)), "2026-03-01");
});
