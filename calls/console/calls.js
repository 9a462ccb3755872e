// The list of calls. Its first page is polled; further pages load on request, and at its end.

import { element, placeChildren, setText } from "./dom.js";
import { sendIfChanged, sendJson } from "./api.js";
import { capitalise, formatDay } from "./format.js";
import { Poller } from "./poll.js";
import { callDurationMs, isOver, isProcessing } from "./record.js";
import { DEFAULT_SORT, describeList, formatRoute, hasFilters, NO_FILTERS, toQuery } from "./route.js";
import { createRow, updateRow } from "./rows.js";
import { Selection } from "./selection.js";
import { isConsoleLocked } from "./session.js";

const PAGE_CALLS = 50;
const ACTIVE_POLL_MS = 2000;
const IDLE_POLL_MS = [3000, 5000, 8000, 12_000];
/** A search reads more than a list does, and its result seldom changes. */
const SEARCH_POLL_MS = 30_000;

export class CallList {
  #list = document.getElementById("calls");
  #olderButton = document.getElementById("calls-older");
  #emptyText = document.getElementById("calls-empty");
  #clearButton = document.getElementById("calls-clear");
  #countText = document.getElementById("calls-count");
  #filters = NO_FILTERS;
  #records = [];
  #rows = new Map();
  #dayHeadings = new Map();
  #cursor = undefined;
  #etag = null;
  #isActive = false;
  #unchangedPolls = 0;
  #selectedId = null;
  #isLoadingOlder = false;
  #end;
  #onMatch;
  #onSelection;
  #poller;
  selection = new Selection();

  /** `onState` is that of the poller; `onMatch(id, ms)` opens a passage; `onSelection()` follows changes. */
  constructor({ onState, onMatch, onSelection }) {
    this.#onMatch = onMatch;
    this.#onSelection = onSelection;
    this.#poller = new Poller((signal) => this.#poll(signal), (state, details) => {
      if (state === "failing") this.#showFailure(details.error);
      onState(state, details);
    });
    this.#olderButton.addEventListener("click", () => this.#loadOlder({ moveFocus: true }));
    this.#end = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.#loadOlder();
    });
    this.#end.observe(this.#olderButton);
  }

  /** The calls that are shown, in their order. */
  get records() {
    return this.#records;
  }

  get filters() {
    return this.#filters;
  }

  start() {
    this.#poller.start();
  }

  refresh() {
    this.#etag = null;
    this.#poller.runNow();
  }

  /** Show the calls of these filters; the former ones stay until they have been loaded. */
  setFilters(filters, { isStarted }) {
    this.#filters = filters;
    this.#cursor = undefined;
    this.#etag = null;
    this.#unchangedPolls = 0;
    this.#list.setAttribute("aria-busy", "true");
    if (isStarted) this.#poller.runNow();
  }

  /** Mark the call that is open; null for none. */
  select(id) {
    this.#selectedId = id;
    for (const [rowId, row] of this.#rows) this.#markSelected(rowId, row);
  }

  /** The link of a call's row; null if it is not shown. */
  linkOf(id) {
    return this.#rows.get(id)?.link ?? null;
  }

  /** Show a newer record of a call that may be on a page which is not polled. */
  update(record) {
    const index = this.#records.findIndex(({ call_connection_id: id }) => id === record.call_connection_id);
    if (index < 0) return;
    const { matches } = this.#records[index];
    this.#records[index] = matches ? { ...record, matches } : record;
    this.#updateRow(this.#records[index]);
  }

  /** Remove calls that have been deleted. */
  remove(ids) {
    this.#setRecords(this.#records.filter((record) => !ids.has(record.call_connection_id)));
    this.refresh();
  }

  /** Show which calls are selected, after the selection was changed from outside. */
  showSelection() {
    for (const [id, row] of this.#rows) {
      row.box.checked = this.selection.has(id);
      row.item.classList.toggle("selected", row.box.checked);
    }
    this.#list.classList.toggle("selecting", this.selection.size > 0);
    this.#onSelection();
  }

  setSelected(id, isSelected, isRange = false) {
    this.selection.set(id, isSelected, { isRange, shownIds: this.shownIds });
    this.showSelection();
  }

  get shownIds() {
    return this.#records.map((record) => record.call_connection_id);
  }

  // Loading.

  async #poll(signal) {
    const query = toQuery(this.#filters);
    query.set("limit", PAGE_CALLS);
    const response = await sendIfChanged(`calls?${query}`, { etag: this.#etag, signal });
    this.#unchangedPolls = response ? 0 : this.#unchangedPolls + 1;
    if (response) {
      const page = await response.json();
      // Locked meanwhile: nothing is left to show it in.
      if (isConsoleLocked()) return IDLE_POLL_MS[0];
      this.#etag = response.headers.get("ETag");
      this.#showFirstPage(page);
    } else this.#updateDurations();
    if (this.#filters.q) return SEARCH_POLL_MS;
    if (this.#isActive) return ACTIVE_POLL_MS;
    return IDLE_POLL_MS[Math.min(this.#unchangedPolls, IDLE_POLL_MS.length - 1)];
  }

  async #loadOlder({ moveFocus = false } = {}) {
    if (this.#isLoadingOlder || !this.#cursor) return;
    this.#isLoadingOlder = true;
    this.#olderButton.setAttribute("aria-busy", "true");
    const filters = this.#filters;
    try {
      const query = toQuery(filters);
      query.set("limit", PAGE_CALLS);
      query.set("cursor", this.#cursor);
      const page = await sendJson(`calls?${query}`);
      if (filters !== this.#filters) return;
      this.#cursor = page.cursor;
      const ids = new Set(this.shownIds);
      const older = page.calls.filter((record) => !ids.has(record.call_connection_id));
      this.#setRecords([...this.#records, ...older]);
      if (moveFocus) this.linkOf(older[0]?.call_connection_id)?.focus();
    } catch (error) {
      // Not again by itself: the button stays.
      setText(this.#countText, error.message);
      return;
    } finally {
      this.#isLoadingOlder = false;
      this.#olderButton.removeAttribute("aria-busy");
    }
    // A page of a search may be short, or empty: while its end is in sight, the next one follows.
    this.#end.unobserve(this.#olderButton);
    this.#end.observe(this.#olderButton);
  }

  /** Show a new first page before the calls of further pages, without those that were deleted. */
  #showFirstPage(page) {
    this.#isActive = page.calls.some((record) => !isOver(record) || isProcessing(record));
    const isNewList = this.#cursor === undefined;
    if (isNewList) this.#cursor = page.cursor;
    const ids = new Set(page.calls.map((record) => record.call_connection_id));
    const last = page.calls.at(-1);
    const isFurther = (record) =>
      page.cursor && !ids.has(record.call_connection_id) && !(last && this.#isBefore(record, last));
    this.#setRecords([...page.calls, ...(isNewList ? [] : this.#records.filter(isFurther))]);
    this.#list.removeAttribute("aria-busy");
    if (isNewList) this.#list.parentElement.scrollTop = 0;
  }

  /** Whether a call comes before another one in the list's order. */
  #isBefore(record, other) {
    const sort = this.#filters.sort ?? DEFAULT_SORT;
    const isDescending = sort.startsWith("-");
    // Without a duration, a call is last in both orders.
    const key = sort.endsWith("duration")
      ? (each) => (isOver(each) ? callDurationMs(each) : null) ?? (isDescending ? -1 : Infinity)
      : (each) => Date.parse(each.created_at);
    return isDescending ? key(record) > key(other) : key(record) < key(other);
  }

  // Showing.

  #setRecords(records) {
    this.#records = records;
    const items = [];
    const hasDays = !this.#filters.sort?.endsWith("duration");
    let day = null;
    for (const record of records) {
      const recordDay = formatDay(record.created_at);
      if (hasDays && recordDay !== day) items.push(this.#dayHeading(recordDay));
      day = recordDay;
      items.push(this.#updateRow(record).item);
    }
    placeChildren(this.#list, items);
    const ids = this.shownIds;
    const shown = new Set(ids);
    for (const id of this.#rows.keys()) if (!shown.has(id)) this.#rows.delete(id);
    this.selection.keepOnly(ids);
    this.#olderButton.hidden = !this.#cursor;
    this.#showCount();
    this.showSelection();
  }

  #showCount() {
    const count = this.#records.length;
    const isFiltered = hasFilters(this.#filters);
    setText(this.#countText, count ? `${count}${this.#cursor ? "+" : ""} ${count === 1 ? "call" : "calls"}` : "");
    this.#list.setAttribute("aria-label", describeList(this.#filters));
    this.#emptyText.hidden = count > 0 || this.#cursor !== null;
    this.#clearButton.hidden = count > 0 || !isFiltered;
    if (!count) setText(this.#emptyText, isFiltered ? "No calls match" : "No calls yet");
  }

  /** Say why the list cannot be shown: the filters may be wrong, or the app may not answer. */
  #showFailure(error) {
    const isRefused = [400, 403, 409].includes(error.status);
    // What is shown stays, unless it is the list of other filters.
    const isOutdated = isRefused || this.#list.hasAttribute("aria-busy");
    if (this.#records.length && !isOutdated) return;
    if (isOutdated) this.#setRecords([]);
    this.#list.removeAttribute("aria-busy");
    setText(this.#emptyText, error.status ? capitalise(error.message) : "The list of calls cannot be loaded");
    this.#emptyText.hidden = false;
  }

  /** Create the row of a call, or update it if its record has changed. */
  #updateRow(record) {
    const id = record.call_connection_id;
    let row = this.#rows.get(id);
    if (!row) {
      row = createRow(id, {
        onMatch: (ms) => this.#onMatch(id, ms),
        onSelect: (isSelected, isRange) => this.setSelected(id, isSelected, isRange),
      });
      this.#rows.set(id, row);
      this.#markSelected(id, row);
    }
    if (row.record !== record || row.filters !== this.#filters || !isOver(record)) {
      row.filters = this.#filters;
      updateRow(row, record, (startMs) => formatRoute({ view: "call", id, startMs, filters: this.#filters }));
    }
    return row;
  }

  /** Calls that are not over last longer with each poll. */
  #updateDurations() {
    for (const record of this.#records) if (!isOver(record)) this.#updateRow(record);
  }

  #dayHeading(day) {
    if (!this.#dayHeadings.has(day)) {
      this.#dayHeadings.set(day, element("li", { class: "day" }, element("h3", {}, day)));
    }
    return this.#dayHeadings.get(day);
  }

  #markSelected(id, row) {
    if (id === this.#selectedId) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
  }
}
