// The list of calls. The newest page is polled; older pages load on request.

import { sendJson } from "./api.js";
import { element, setBadge, setText } from "./dom.js";
import { capitalise, formatClock, formatPercent, formatTime } from "./format.js";
import { Poller } from "./poll.js";
import { callDurationMs, callStatus, callTitle, isIncoming, isOver, isProcessing } from "./record.js";

const ACTIVE_POLL_MS = 2000;
const IDLE_POLL_MS = [3000, 5000, 8000, 12_000];

export class CallList {
  #list = document.getElementById("calls");
  #olderButton = document.getElementById("calls-older");
  #emptyText = document.getElementById("calls-empty");
  #rows = new Map();
  #records = new Map();
  #cursor = undefined;
  #unchangedPolls = 0;
  #lastPage = "";
  #selectedId = null;
  #poller;

  constructor(onState) {
    this.#poller = new Poller((signal) => this.#poll(signal), onState);
    this.#olderButton.addEventListener("click", () => this.#loadOlder());
  }

  start() {
    this.#poller.start();
  }

  stop() {
    this.#poller.stop();
    for (const row of this.#rows.values()) row.item.remove();
    this.#rows.clear();
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

  #addRecords(records) {
    for (const record of records) this.#records.set(record.call_connection_id, record);
    this.#show();
  }

  #show() {
    const records = [...this.#records.values()]
      .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
    records.forEach((record, index) => {
      const id = record.call_connection_id;
      let row = this.#rows.get(id);
      if (!row) {
        row = createRow(id);
        this.#rows.set(id, row);
        this.#markSelected(id, row);
      }
      updateRow(row, record);
      // A moved element loses the focus, so rows that are in place stay untouched.
      const current = this.#list.children[index];
      if (current !== row.item) this.#list.insertBefore(row.item, current ?? null);
    });
    this.#emptyText.hidden = records.length > 0;
    this.#olderButton.hidden = !this.#cursor;
  }

  #markSelected(id, row) {
    if (id === this.#selectedId) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
  }
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
  const durationMs = callDurationMs(record);
  if (durationMs !== null) details.push(formatClock(durationMs));
  // The average of all tracks, so for unmixed audio it differs from the speech of the whole call.
  const unit = record.channels === "unmixed" ? "speech per track" : "speech";
  if (record.summary) details.push(`${formatPercent(record.summary.speech_share)} ${unit}`);
  else if (record.channels) details.push(capitalise(record.channels));
  if (record.summary?.missing_segments) details.push("Incomplete");
  setText(row.details, details.join(" \u00b7 "));
}
