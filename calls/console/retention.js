// The retention of a call: its legal hold, and its deletion until the receipt is there.

import { send, sendJson } from "./api.js";
import { describeDeletion, describeHold } from "./details.js";
import { element, notify, setText } from "./dom.js";
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
  #poller = null;
  #isStopped = false;

  /** `onChanged()` is called after the hold has changed, `onDeleted()` once the call is being deleted. */
  constructor(path, parts, { onChanged, onDeleted }) {
    this.#path = path;
    this.#parts = parts;
    this.#onChanged = onChanged;
    this.#onDeleted = onDeleted;
    const { hold, deleteButton } = parts;
    hold.addEventListener("click", () => (hold.dataset.operation === "release" ? this.#release() : this.#place()));
    deleteButton.addEventListener("click", () => this.#delete());
  }

  stop() {
    this.#isStopped = true;
    this.#poller?.stop();
  }

  /** Show the hold, and the buttons that the user's roles and the call's state allow. */
  show(record) {
    const { retention, hold, deleteButton, holdNote } = this.#parts;
    const isHeld = Boolean(record.hold);
    setText(holdNote, isHeld ? describeHold(record.hold) : "");
    holdNote.hidden = !isHeld;
    hold.dataset.operation = isHeld ? "release" : "place";
    setText(hold, isHeld ? "Release hold" : "Place on hold");
    hold.hidden = !allows(isHeld ? "release_hold" : "place_hold");
    deleteButton.hidden = !allows("delete_call");
    deleteButton.disabled = isHeld;
    deleteButton.title = isHeld ? "The call is on legal hold" : "";
    retention.hidden = !record.state || !isOver(record) || (hold.hidden && deleteButton.hidden);
  }

  async #place() {
    const dialog = document.getElementById("hold-dialog");
    const reason = dialog.querySelector("input");
    reason.value = "";
    dialog.querySelector("[data-cancel]").onclick = () => dialog.close("no");
    if (!(await confirm(dialog)) || this.#isStopped || !reason.value.trim()) return;
    const body = { reason: reason.value.trim() };
    await this.#run(() => sendJson(`${this.#path}/hold`, { method: "PUT", body }));
  }

  async #release() {
    await this.#run(() => send(`${this.#path}/hold`, { method: "DELETE" }));
  }

  async #delete() {
    if (!(await confirm(document.getElementById("delete-dialog"))) || this.#isStopped) return;
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

/** Ask in a dialog; resolves to whether the answer was yes. */
async function confirm(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}
