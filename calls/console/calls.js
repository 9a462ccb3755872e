// The list of calls: the newest page asked for again and again, older ones on demand.

import { json } from "./api.js";
import { element, setText } from "./dom.js";
import { clock, duration, isIncoming, isOver, moment, percent, person, state } from "./format.js";
import { Poller } from "./poll.js";

const ENDING_MS = 60_000;
const BUSY_MS = 2000;
const IDLE_MS = [3000, 5000, 8000, 12_000];

/** Which pill a call wears: its words and its look. */
export function pill(record) {
  const streaming = record.streaming?.state;
  if (record.state === "failed") return ["Failed", "bad"];
  if (isOver(record)) return isBeingPutTogether(record) ? ["Ending", "wait"] : ["Ended", "done"];
  if (streaming === "failed") return ["Streaming failed", "bad"];
  if (streaming === "active") return ["Live", "live"];
  if (streaming === "starting" || streaming === "stopping") return [state(streaming), "wait"];
  return record.state === "connected" ? ["Not streaming", "wait"] : [state(record.state), "wait"];
}

/** A call without audio is never put together: it is not waited for longer than this. */
function isBeingPutTogether(record) {
  return !record.summary && Date.now() - Date.parse(record.ended_at ?? record.created_at) < ENDING_MS;
}

export function showPill(node, record) {
  const [text, look] = pill(record);
  setText(node, text);
  node.dataset.look = look;
}

/** Whom the list names: the one who was called, or who calls. */
export const nameOf = (record) => {
  const other = isIncoming(record) ? record.from : record.to;
  return other ? person(other) : `Call ${record.call_connection_id.slice(0, 8)}`;
};

export class CallList {
  #ul = document.getElementById("calls");
  #older = document.getElementById("calls-older");
  #empty = document.getElementById("calls-empty");
  #rows = new Map();
  #records = new Map();
  #cursor = undefined;
  #same = 0;
  #last = "";
  #current = null;
  #poller;

  constructor(onState) {
    this.#poller = new Poller((signal) => this.#poll(signal), onState);
    this.#older.addEventListener("click", () => this.#showOlder());
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
    this.#last = "";
  }

  now() {
    this.#poller.now();
  }

  /** Mark the call that is shown. */
  select(id) {
    this.#current = id;
    for (const [known, row] of this.#rows) this.#mark(known, row);
  }

  async #poll(signal) {
    const page = await json("calls?limit=20", { signal });
    if (this.#cursor === undefined) this.#cursor = page.cursor;
    for (const record of page.calls) this.#records.set(record.call_connection_id, record);
    this.#show();
    const text = JSON.stringify(page.calls);
    this.#same = text === this.#last ? this.#same + 1 : 0;
    this.#last = text;
    const busy = page.calls.some((record) => !isOver(record) || isBeingPutTogether(record));
    return busy ? BUSY_MS : IDLE_MS[Math.min(this.#same, IDLE_MS.length - 1)];
  }

  async #showOlder() {
    this.#older.disabled = true;
    try {
      const page = await json(`calls?limit=20&cursor=${encodeURIComponent(this.#cursor)}`);
      this.#cursor = page.cursor;
      for (const record of page.calls) this.#records.set(record.call_connection_id, record);
      this.#show();
      this.#rows.get(page.calls[0]?.call_connection_id)?.link.focus();
    } finally {
      this.#older.disabled = false;
    }
  }

  #show() {
    const records = [...this.#records.values()]
      .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
    records.forEach((record, at) => {
      const id = record.call_connection_id;
      let row = this.#rows.get(id);
      if (!row) {
        row = makeRow(id);
        this.#rows.set(id, row);
        this.#mark(id, row);
      }
      fill(row, record);
      // Moving an element loses its focus: only what is out of place is moved.
      const there = this.#ul.children[at];
      if (there !== row.item) this.#ul.insertBefore(row.item, there ?? null);
    });
    this.#empty.hidden = records.length > 0;
    this.#older.hidden = !this.#cursor;
  }

  #mark(id, row) {
    if (id === this.#current) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
  }
}

function makeRow(id) {
  const parts = {
    name: element("span", { class: "row-name" }),
    pill: element("span", { class: "pill" }),
    when: element("span", {}),
    what: element("span", {}),
  };
  const link = element(
    "a",
    { class: "row", href: `#/calls/${encodeURIComponent(id)}` },
    element("span", { class: "row-top" }, parts.name, parts.pill),
    element("span", { class: "row-bottom" }, parts.when, parts.what),
  );
  return { item: element("li", {}, link), link, ...parts };
}

function fill(row, record) {
  setText(row.name, nameOf(record));
  showPill(row.pill, record);
  setText(row.when, moment(record.created_at));
  const lasted = duration(record);
  const facts = isIncoming(record) ? ["incoming"] : [];
  if (lasted !== null) facts.push(clock(lasted));
  if (record.summary) facts.push(`${percent(record.summary.speech_share)} speech`);
  else if (record.channels) facts.push(record.channels);
  if (record.summary?.missing_segments) facts.push("incomplete");
  setText(row.what, facts.join(" \u00b7 "));
}
