// What is done to the calls that are selected: exporting them, and deleting them.

import { callPath, send, sendJson } from "./api.js";
import { ask } from "./ask.js";
import { announce, element, notify, saveFile, setChildren, setText } from "./dom.js";
import { keepRows } from "./csv.js";
import { downloadExport } from "./exports.js";
import { capitalise, formatCount, formatMoment, formatTime } from "./format.js";
import { callTitle } from "./record.js";
import { toQuery } from "./route.js";
import { allows } from "./session.js";

const POLL_MS = 1000;
const MAX_CSV_ROWS = 5000;
/** So many calls are exported or deleted at a time: the app sends 16 files at a time, to everyone. */
const CONCURRENCY = 3;
/** A deletion goes on in the app; after so many polls, the console no longer waits for it. */
const MAX_POLLS = 120;

export class BulkActions {
  #list;
  #bar = document.getElementById("bulk-bar");
  #all = document.getElementById("select-all");
  #dialog = buildDialog();
  #isRunning = false;
  #isCancelled = false;

  constructor(list) {
    this.#list = list;
    document.body.append(this.#dialog.root);
    const { bar, root } = { bar: this.#bar, root: this.#dialog.root };
    bar.querySelector("[data-csv]").addEventListener("click", () => this.#exportCsv());
    bar.querySelector("[data-zip]").addEventListener("click", () => this.#exportFiles());
    bar.querySelector("[data-delete]").addEventListener("click", () => this.#delete());
    bar.querySelector("[data-clear]").addEventListener("click", () => this.clear());
    this.#all.addEventListener("change", () => {
      this.#list.selection.setAll(this.#all.checked ? this.#list.shownIds : []);
      this.#list.showSelection();
    });
    // While it runs, closing means stopping: what has been done stays done.
    root.addEventListener("cancel", (event) => {
      this.#isCancelled = true;
      if (this.#isRunning) event.preventDefault();
    });
    this.#dialog.button.addEventListener("click", () => {
      this.#isCancelled = true;
      if (!this.#isRunning) root.close();
    });
  }

  /** Show how many calls are selected, and what the user may do to them. */
  show() {
    const [count, all] = [this.#list.selection.size, this.#list.shownIds.length];
    this.#bar.hidden = !count;
    setText(this.#bar.querySelector("[data-selected]"), `${count} selected`);
    this.#all.checked = count > 0 && count === all;
    this.#all.indeterminate = count > 0 && count < all;
    this.#all.disabled = !all;
    this.#bar.querySelector("[data-csv]").hidden = !allows("export_calls");
    this.#bar.querySelector("[data-zip]").hidden = !allows("export_call");
    this.#bar.querySelector("[data-delete]").hidden = !allows("delete_call");
  }

  clear() {
    this.#list.selection.clear();
    this.#list.showSelection();
  }

  get #selected() {
    return this.#list.records.filter((record) => this.#list.selection.has(record.call_connection_id));
  }

  /** Export the selected calls' rows of the app's own CSV. */
  async #exportCsv() {
    const records = this.#selected;
    const times = records.map((record) => Date.parse(record.created_at));
    const query = toQuery(this.#list.filters);
    query.set("from", new Date(Math.min(...times)).toISOString());
    query.set("until", new Date(Math.max(...times) + 1000).toISOString());
    query.set("limit", MAX_CSV_ROWS);
    try {
      const ids = new Set(records.map((record) => record.call_connection_id));
      let text = "";
      for (let path = `calls.csv?${query}`; path;) {
        const response = await send(path);
        text += keepRows(await response.text(), "call_connection_id", ids, { hasHeader: !text });
        path = /<([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
      }
      saveFile(new Blob([text], { type: "text/csv" }), "calls.csv");
      announce(`${formatCount(records.length, "call")} exported`);
    } catch (error) {
      if (error.status !== 401) notify(capitalise(error.message), { isError: true });
    }
  }

  async #exportFiles() {
    await this.#run("Exporting", "exported", this.#selected, async (record) => {
      const id = record.call_connection_id;
      saveFile(await downloadExport(id), `call-${id}.zip`);
    });
  }

  async #delete() {
    const records = this.#selected;
    const noun = formatCount(records.length, "call");
    const isSure = await ask({
      heading: `Delete ${noun}?`, action: `Delete ${noun}`, isDanger: true,
      text: "Their recordings, transcripts and everything else are deleted. The console cannot undo this. "
        + "Calls on legal hold, and calls that have not ended, stay.",
    });
    if (!isSure) return;
    const deleted = new Set();
    await this.#run("Deleting", "deleted", records, async (record) => {
      const id = record.call_connection_id;
      const deletion = await sendJson(callPath(id), { method: "DELETE" });
      deleted.add(id);
      await followDeletion(deletion);
    });
    this.#list.remove(deleted);
  }

  /** Do something to each call, show how far it is, and in the end which calls failed and why. */
  async #run(heading, participle, records, runOne) {
    const { root, title, bar, text, failures, button } = this.#dialog;
    const failed = [];
    const queue = [...records];
    let done = 0;
    [this.#isRunning, this.#isCancelled] = [true, false];
    const show = () => {
      const count = done + failed.length;
      bar.value = count;
      setText(text, `${count} of ${records.length}`);
      setChildren(failures, failed);
    };
    setText(title, heading);
    setText(button, "Stop");
    bar.max = records.length;
    bar.hidden = false;
    show();
    root.showModal();
    const work = async () => {
      for (let record = queue.shift(); record && !this.#isCancelled; record = queue.shift()) {
        try {
          await runOne(record);
          done += 1;
        } catch (error) {
          failed.push(buildFailure(record, error));
        }
        show();
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    this.#isRunning = false;
    const summary = `${done} of ${formatCount(records.length, "call")} ${participle}`;
    setText(title, summary);
    setText(text, failed.length ? `${failed.length} failed:` : "");
    setText(button, "Close");
    bar.hidden = true;
    button.focus();
    announce(summary);
    if (!failed.length) root.close();
    if (!failed.length && done) notify(summary);
  }
}

/** Wait until a deletion is complete. Rejects if something protects the call's files. */
async function followDeletion(deletion) {
  for (let poll = 0; deletion.state !== "completed" && poll < MAX_POLLS; poll += 1) {
    if (deletion.state === "waiting") {
      const until = deletion.remaining.map((entry) => entry.until).filter(Boolean).sort().at(-1);
      const time = until ? ` until ${formatMoment(until)}` : "";
      throw new Error(`Deleted in part: an immutability policy protects the rest${time}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    deletion = await sendJson(`deletions/${encodeURIComponent(deletion.id)}`);
  }
}

function buildFailure(record, error) {
  const name = `${callTitle(record)}, ${formatTime(record.created_at)}`;
  return element("li", {}, element("b", {}, name), element("p", {}, capitalise(error.message)));
}

function buildDialog() {
  const parts = {
    title: element("h2", { id: "bulk-heading", tabindex: "-1" }),
    bar: element("progress", { value: 0, max: 1, "aria-labelledby": "bulk-heading" }),
    text: element("p", { class: "muted" }),
    failures: element("ul", { class: "bulk-failures" }),
    button: element("button", { class: "button", type: "button" }),
  };
  const root = element("dialog", { class: "dialog small", "aria-labelledby": "bulk-heading" },
    parts.title, parts.bar, parts.text, parts.failures, element("div", { class: "dialog-actions" }, parts.button));
  return { root, ...parts };
}
