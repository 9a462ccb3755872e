// The panel of a call's audit trail: who did what, for those who may read it.

import { sendJson } from "./api.js";
import { element, setText } from "./dom.js";
import { capitalise, formatDay, formatExactTime } from "./format.js";
import { allows } from "./session.js";

const PAGE_ENTRIES = 500;
const MAX_PAGES = 20;
/** A call is placed before its record is created. */
const EARLIER_MS = 60_000;
const SEPARATOR = " \u00b7 ";
const ACTIONS = {
  create_links: "Created links to audio",
  play_recording: "Played the recording",
  play_segment: "Played a segment",
  send_recording: "Downloaded the recording",
  send_segment: "Downloaded a segment",
  show_timeline: "Read the timeline",
  show_transcript: "Read the transcript",
};

export class AuditPanel {
  #id;
  #parts;
  #record = null;

  constructor(id, parts) {
    this.#id = id;
    this.#parts = parts;
    parts.auditDetails.addEventListener("toggle", () => parts.auditDetails.open && this.#load());
  }

  /** Offer the trail of a call, if the user may read it; it is loaded when it is opened. */
  show(record) {
    this.#record = record;
    this.#parts.auditPanel.hidden = !allows("read_audit");
  }

  async #load() {
    const { audit, auditNote } = this.#parts;
    setText(auditNote, "Loading");
    try {
      const entries = await this.#fetchEntries();
      audit.replaceChildren(...entries.reverse().map(buildEntry));
      setText(auditNote, entries.length ? "" : "Nothing is recorded for this call");
    } catch (error) {
      setText(auditNote, error.message);
    }
  }

  async #fetchEntries() {
    const since = new Date(Date.parse(this.#record.created_at) - EARLIER_MS).toISOString();
    const query = new URLSearchParams({ call: this.#id, from: since, limit: PAGE_ENTRIES });
    const entries = [];
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const { entries: more, cursor } = await sendJson(`audit?${query}`);
      entries.push(...more);
      if (!cursor) break;
      query.set("cursor", cursor);
    }
    // A change has an entry before and another one after it, which says the rest.
    const ended = new Set(entries.filter(({ outcome }) => outcome !== "begun").map(({ request }) => request));
    return entries.filter(({ outcome, request }) => outcome !== "begun" || !ended.has(request));
  }
}

function buildEntry({ time, action, outcome, principal, address, details }) {
  const text = ACTIONS[action] ?? capitalise(action.replaceAll("_", " "));
  const result = outcome === "done" ? "" : ` (${outcome}${details.code ? `: ${details.code}` : ""})`;
  const who = [principal.name, address, formatDay(time)].filter(Boolean).join(SEPARATOR);
  return element("li", { "data-variant": outcome === "done" ? "info" : "warning" },
    element("time", { datetime: time }, formatExactTime(time)),
    element("span", {}, `${text}${result}`, element("small", {}, who)));
}
