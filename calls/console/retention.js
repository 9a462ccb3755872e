// The retention of a call: its legal hold, the erasure of a participant, and its deletion until the receipt is there.

import { send, sendJson } from "./api.js";
import { ask } from "./ask.js";
import { describeDeletion, describeHold } from "./details.js";
import { element, notify, setText } from "./dom.js";
import { eraseParticipant } from "./erasure.js";
import { buildAlert } from "./issues.js";
import { Poller } from "./poll.js";
import { isOver } from "./record.js";
import { allows } from "./session.js";

const POLL_MS = 1000;
const WAITING_POLL_MS = 30_000;

export class CallRetention {
  #path;
  #parts;
  #onChanged;
  #onDeleted;
  #tracksOf;
  #poller = null;
  #isStopped = false;

  /**
   * `onChanged()` is called after the hold has changed or a participant was erased, `onDeleted()` once
   * the call is being deleted. `tracksOf()` returns the tracks of the call's timeline.
   */
  constructor(path, parts, { onChanged, onDeleted, tracksOf }) {
    this.#path = path;
    this.#parts = parts;
    this.#onChanged = onChanged;
    this.#onDeleted = onDeleted;
    this.#tracksOf = tracksOf;
    const { hold, erase, deleteButton } = parts;
    hold.addEventListener("click", () => (hold.dataset.operation === "release" ? this.#release() : this.#place()));
    deleteButton.addEventListener("click", () => this.#delete());
    erase.addEventListener("click", () => this.#erase());
  }

  stop() {
    this.#isStopped = true;
    this.#poller?.stop();
  }

  /** Show the hold, and the buttons that the user's roles and the call's state allow. */
  show(record) {
    const { retention, hold, erase, deleteButton, holdNote } = this.#parts;
    const isHeld = Boolean(record.hold);
    setText(holdNote, isHeld ? describeHold(record.hold) : "");
    holdNote.hidden = !isHeld;
    hold.dataset.operation = isHeld ? "release" : "place";
    setText(hold, isHeld ? "Release hold" : "Place on hold");
    hold.hidden = !allows(isHeld ? "release_hold" : "place_hold");
    deleteButton.hidden = !allows("delete_call");
    // In a mixed track, nobody can be told from the others.
    erase.hidden = !allows("delete_call") || this.#tracksOf().filter((track) => track.participant).length < 2;
    for (const button of [erase, deleteButton]) {
      button.disabled = isHeld;
      button.title = isHeld ? "The call is on legal hold" : "";
    }
    retention.hidden = !record.state || !isOver(record) || (hold.hidden && deleteButton.hidden);
  }

  async #place() {
    const reason = element("input", { id: "hold-reason", maxlength: 500, autocomplete: "off", required: true });
    const isSure = await ask({
      heading: "Place on legal hold?", action: "Place on hold",
      text: "Until the hold is released, the call cannot be deleted, and does not expire.",
      fields: [element("div", { class: "field" }, element("label", { for: "hold-reason" }, "Reason"), reason)],
    });
    if (!isSure || this.#isStopped || !reason.value.trim()) return;
    const body = { reason: reason.value.trim() };
    await this.#run(() => sendJson(`${this.#path}/hold`, { method: "PUT", body }));
  }

  async #release() {
    await this.#run(() => send(`${this.#path}/hold`, { method: "DELETE" }));
  }

  async #erase() {
    const tracks = this.#tracksOf().filter((track) => track.participant);
    await this.#run(() => eraseParticipant(this.#path, tracks, () => this.#isStopped));
  }

  async #delete() {
    const isSure = await ask({
      heading: "Delete this call?", action: "Delete call", isDanger: true,
      text: "Its recording, transcript and everything else are deleted. The console cannot undo this.",
    });
    if (!isSure || this.#isStopped) return;
    this.#parts.deleteButton.disabled = true;
    await this.#run(async () => {
      const deletion = await sendJson(this.#path, { method: "DELETE" });
      this.#onDeleted();
      this.#follow(deletion);
    });
    this.#parts.deleteButton.disabled = false;
  }

  /** Show how far a deletion is until it is completed. */
  #follow(deletion) {
    this.#showDeletion(deletion);
    this.#poller = new Poller(async (signal) => {
      const current = await sendJson(`deletions/${encodeURIComponent(deletion.id)}`, { signal });
      this.#showDeletion(current);
      if (current.state === "completed") this.#poller.stop();
      return current.state === "waiting" ? WAITING_POLL_MS : POLL_MS;
    });
    this.#poller.start();
  }

  #showDeletion(deletion) {
    const { alerts, title } = this.#parts;
    const heading = { running: "Deleting the call", waiting: "Deletion is waiting", completed: "Call deleted" };
    setText(title, heading[deletion.state]);
    const alert = buildAlert("info", heading[deletion.state], describeDeletion(deletion), { role: "status" });
    if (deletion.digest) alert.lastChild.append(element("p", {}, "Receipt ", element("code", {}, deletion.id)));
    alerts.replaceChildren(alert);
  }

  async #run(request) {
    try {
      await request();
    } catch (error) {
      if (error.status !== 401) notify(error.message, { isError: true });
    }
    if (!this.#isStopped) this.#onChanged();
  }
}
