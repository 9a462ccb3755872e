// Read a call record: its title, status and duration. Pure.

import { capitalise, formatParticipant } from "./format.js";

export const isIncoming = (record) => record.direction === "incoming";
/** The pause that a call is in; null if it is in none. */
export const openPause = (record) => {
  const pause = record.pauses?.at(-1);
  return pause && !pause.resumed_at && !isOver(record) ? pause : null;
};

export const isOver = (record) => record.state === "disconnected" || record.state === "failed";

/** Whether a call has ended and its result is still expected. */
export const isProcessing = (record) => isOver(record) && record.result_state === "processing";

/** Whether a call has ended and its result can be shown, even if audio is missing. */
export const hasResult = (record) => ["final", "partial"].includes(record.result_state);

/**
 * Format a party of a call, with its display name if the record has one. `to` and `from` have phone
 * numbers without the "4:" of their raw IDs.
 */
export const formatParty = (record, party) =>
  formatParticipant(party, partyName(record, party));

const partyName = (record, party) => record.names?.[party] ?? record.names?.[`4:${party}`] ?? null;

/** The other party of a call: the caller of an incoming call, else the person called. */
export const otherParty = (record) => (isIncoming(record) ? record.from : record.to);

/** A call is named for its other party: by name, with or without the number, else by number. */
export function callTitle(record, { withNumber = true } = {}) {
  const party = otherParty(record);
  if (!party) return `Call ${record.call_connection_id.slice(0, 8)}`;
  return (withNumber ? null : partyName(record, party)) ?? formatParty(record, party);
}

/** The number, or ID, of a call's other party; null if it is not known. */
export function callNumber(record) {
  const party = otherParty(record);
  return party ? formatParticipant(party) : null;
}

/** The status badge of a call: `{ text, variant }`. */
export function callStatus(record) {
  const streaming = record.streaming?.state;
  if (record.state === "failed") return { text: "Failed", variant: "danger" };
  if (isOver(record)) {
    return isProcessing(record)
      ? { text: "Processing", variant: "pending" }
      : { text: "Ended", variant: "neutral" };
  }
  if (streaming === "failed") return { text: "Streaming failed", variant: "danger" };
  if (openPause(record)) {
    return { text: streaming === "stopping" ? "Pausing" : "Paused", variant: "pending" };
  }
  if (streaming === "active") return { text: "Live", variant: "live" };
  if (streaming === "starting" || streaming === "stopping") {
    return { text: capitalise(streaming), variant: "pending" };
  }
  const text = record.state === "connected" ? "Not streaming" : capitalise(record.state);
  return { text, variant: "pending" };
}

/**
 * The duration that list and call show, in milliseconds: the recording's once there is one, else how
 * long the call has lasted. Null before it connects.
 */
export const shownDurationMs = (record, now = Date.now()) =>
  record.summary ? record.summary.duration_ms : callDurationMs(record, now);

/** How long a call has lasted, in milliseconds; null before it connects. */
export function callDurationMs(record, now = Date.now()) {
  if (!record.connected_at) return null;
  if (isOver(record) && !record.ended_at) return null;
  const end = record.ended_at ? Date.parse(record.ended_at) : now;
  return Math.max(0, end - Date.parse(record.connected_at));
}
