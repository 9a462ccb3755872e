// The list of calls. The newest page is polled; older pages load on request.

import { sendJson } from "./api.js";
import { element, setBadge, setText } from "./dom.js";
import { capitalise, formatClock, formatDay, formatPercent, formatTime } from "./format.js";
import { Poller } from "./poll.js";
import { callStatus, callTitle, isIncoming, isOver, isProcessing, shownDurationMs } from "./record.js";

const ACTIVE_POLL_MS = 2000;
const IDLE_POLL_MS = [3000, 5000, 8000, 12_000];

export class CallList {
  #list = document.getElementById("calls");
  #olderButton = document.getElementById("calls-older");
  #emptyText = document.getElementById("calls-empty");
  #rows = new Map();
  #dayHeadings = new Map();
  #records = new Map();
  #cursor = undefined;
  #unchangedPolls = 0;
  #lastPage = "";
  #selectedId = null;
  #poller;

  constructor(onState) {
    this.#poller = new Poller((signal) => this.#poll(signal), (state, details) => {
      if (state === "failing" && !this.#records.size) this.#showEmpty("The list of calls cannot be loaded");
      onState(state, details);
    });
    this.#olderButton.addEventListener("click", () => this.#loadOlder());
  }

  start() {
    this.#poller.start();
  }

  stop() {
    this.#poller.stop();
    this.#list.replaceChildren();
    this.#rows.clear();
    this.#dayHeadings.clear();
    this.#records.clear();
    this.#cursor = undefined;
    this.#lastPage = "";
  }

  refresh() {
    this.#poller.runNow();
  }

  /** Mark the call that is open; null for none. */
  select(id) {
    this.#selectedId = id;
    for (const [rowId, row] of this.#rows) this.#markSelected(rowId, row);
  }

  async #poll(signal) {
    const page = await sendJson("calls?limit=20", { signal });
    if (this.#cursor === undefined) this.#cursor = page.cursor;
    this.#removeDeleted(page);
    this.#addRecords(page.calls);
    const pageText = JSON.stringify(page.calls);
    this.#unchangedPolls = pageText === this.#lastPage ? this.#unchangedPolls + 1 : 0;
    this.#lastPage = pageText;
    const isActive = page.calls.some((record) => !isOver(record) || isProcessing(record));
    return isActive ? ACTIVE_POLL_MS : IDLE_POLL_MS[Math.min(this.#unchangedPolls, IDLE_POLL_MS.length - 1)];
  }

  async #loadOlder() {
    this.#olderButton.disabled = true;
    try {
      const page = await sendJson(`calls?limit=20&cursor=${encodeURIComponent(this.#cursor)}`);
      this.#cursor = page.cursor;
      this.#addRecords(page.calls);
      this.#rows.get(page.calls[0]?.call_connection_id)?.link.focus();
    } finally {
      this.#olderButton.disabled = false;
    }
  }

  /** Remove the calls that the newest page would have if they still existed. */
  #removeDeleted(page) {
    const ids = new Set(page.calls.map((record) => record.call_connection_id));
    const oldest = page.cursor ? Date.parse(page.calls.at(-1)?.created_at) : -Infinity;
    for (const [id, record] of this.#records) {
      if (ids.has(id) || !(Date.parse(record.created_at) >= oldest)) continue;
      this.#records.delete(id);
      this.#rows.delete(id);
    }
  }

  #addRecords(records) {
    for (const record of records) this.#records.set(record.call_connection_id, record);
    this.#show();
  }

  #show() {
    const records = [...this.#records.values()]
      .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
    const items = [];
    let day = null;
    for (const record of records) {
      const recordDay = formatDay(record.created_at);
      if (recordDay !== day) items.push(this.#dayHeading(recordDay));
      day = recordDay;
      items.push(this.#row(record).item);
    }
    placeChildren(this.#list, items);
    if (records.length) this.#emptyText.hidden = true;
    else this.#showEmpty("No calls yet");
    this.#olderButton.hidden = !this.#cursor;
  }

  #showEmpty(text) {
    setText(this.#emptyText, text);
    this.#emptyText.hidden = false;
  }

  /** Create or update the row of a call. */
  #row(record) {
    const id = record.call_connection_id;
    let row = this.#rows.get(id);
    if (!row) {
      row = createRow(id);
      this.#rows.set(id, row);
      this.#markSelected(id, row);
    }
    updateRow(row, record);
    return row;
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

/** Make a list hold these items. A moved element loses the focus, so those in place stay untouched. */
function placeChildren(list, items) {
  const isWanted = new Set(items);
  for (const item of [...list.children]) if (!isWanted.has(item)) item.remove();
  items.forEach((item, index) => {
    const current = list.children[index];
    if (current !== item) list.insertBefore(item, current ?? null);
  });
}

function createRow(id) {
  const parts = {
    title: element("span", { class: "call-row-title" }),
    badge: element("span", { class: "badge" }),
    time: element("span", {}),
    details: element("span", {}),
  };
  const link = element(
    "a",
    { class: "call-row", href: `#/calls/${encodeURIComponent(id)}` },
    element("span", { class: "call-row-top" }, parts.title, parts.badge),
    element("span", { class: "call-row-bottom" }, parts.time, parts.details),
  );
  return { item: element("li", {}, link), link, ...parts };
}

function updateRow(row, record) {
  setText(row.title, callTitle(record));
  setBadge(row.badge, callStatus(record));
  setText(row.time, formatTime(record.created_at));
  const details = isIncoming(record) ? ["Incoming"] : [];
  const durationMs = shownDurationMs(record);
  if (durationMs !== null) details.push(formatClock(durationMs));
  if (record.summary) details.push(`${formatPercent(record.summary.speech_share)} speech`);
  else if (record.channels) details.push(capitalise(record.channels));
  if (record.summary?.missing_segments) details.push("Incomplete");
  setText(row.details, details.join(" \u00b7 "));
}
