// One call: watched while it runs, then heard and read.

import { callPath, inParts, json, send } from "./api.js";
import { nameOf, pill, showPill } from "./calls.js";
import * as details from "./details.js";
import { element, icon, notify, say, setText, template } from "./dom.js";
import { duration, isOver } from "./format.js";
import { Lanes } from "./lanes.js";
import { LivePeaks } from "./live.js";
import { Player } from "./player.js";
import { Poller } from "./poll.js";
import { fromRecord, fromTimeline } from "./timeline.js";
import { Transcript } from "./transcript.js";

const LIVE_MS = 1000;
const WAITING_MS = [1000, 1500, 2000, 3000, 5000, 10_000];
const SETTLED_MS = 20_000;
const TICK_MS = 250;
const ZOOM = 2;

export class CallView {
  #id;
  #path;
  #parts;
  #poller;
  #lanes;
  #player;
  #transcript;
  #live;
  #onChanged;
  #tick = null;
  #record = null;
  #model = null;
  #timeline = null;
  #loaded = "";
  #isPending = false;
  #waits = 0;
  #said = "";
  #isStopped = false;

  constructor(id, { onChanged }) {
    this.#id = id;
    this.#path = callPath(id);
    this.#onChanged = onChanged;
    const { root, parts } = template("t-call");
    this.root = root;
    this.#parts = parts;
    this.#lanes = new Lanes(parts.lanes, {
      onSeek: (ms) => this.#player.seek(ms),
      onMute: (channel, muted) => this.#player.mute(channel, muted),
    });
    this.#player = new Player(parts, (ms, follow) => {
      this.#lanes.moveTo(ms, { follow });
      this.#transcript.moveTo(ms, { follow });
    });
    this.#transcript = new Transcript(parts, (ms) => this.#player.seek(ms));
    this.#live = new LivePeaks(this.#path, () => this.#show());
    this.#poller = new Poller((signal) => this.#poll(signal), (state, told) => this.#onState(state, told));
    this.#listen();
    this.#showHead({ call_connection_id: id, to: null });
    this.#transcript.showNone("It appears once the call has been put together.");
  }

  start() {
    this.#poller.start();
    // Between two answers a live call goes on: its lanes and its clock do, too.
    this.#tick = setInterval(() => this.#record && !isOver(this.#record) && this.#show(), TICK_MS);
  }

  stop() {
    this.#isStopped = true;
    clearInterval(this.#tick);
    this.#poller.stop();
    this.#player.stop();
    this.#lanes.stop();
    this.#live.stop();
  }

  #listen() {
    const { stream, hangup, copy, zoomIn, zoomOut, tableDetails } = this.#parts;
    stream.addEventListener("click", () => this.#stream(stream.dataset.operation));
    hangup.addEventListener("click", () => this.#hangUp());
    copy.addEventListener("click", () => navigator.clipboard.writeText(this.#id).then(
      () => notify("The call id is copied."),
      () => notify("The browser does not let this page copy.", { fault: true }),
    ));
    const zoom = (factor) => {
      this.#lanes.zoomBy(factor);
      this.#showZoom();
    };
    zoomIn.addEventListener("click", () => zoom(ZOOM));
    zoomOut.addEventListener("click", () => zoom(1 / ZOOM));
    tableDetails.addEventListener("toggle", () => this.#showTable());
  }

  async #poll(signal) {
    const record = await json(this.#path, { signal });
    this.#record = record;
    this.root.dataset.state = "shown";
    this.#tell(record);
    this.#show();
    if (!isOver(record)) {
      this.#live.fetch(record);
      return LIVE_MS;
    }
    if (record.summary) await this.#loadWhole(record);
    if (this.#timeline && !this.#isPending) return SETTLED_MS;
    this.#waits += 1;
    return WAITING_MS[Math.min(this.#waits, WAITING_MS.length) - 1];
  }

  #onState(state, { error } = {}) {
    if (state !== "failing" || this.#isStopped) return;
    if (error.status === 404 && !this.#record) {
      this.#poller.stop();
      const alert = element("div", { class: "alert", "data-look": "bad", role: "alert" }, icon("alert"),
        element("div", {}, element("b", {}, "The app knows no call of this id"),
          element("p", {}, "It may belong to another app, or its records may have been deleted.")));
      this.#parts.alerts.replaceChildren(alert);
      setText(this.#parts.name, "No such call");
    }
  }

  /** Say a change of state, once. */
  #tell(record) {
    const [text] = pill(record);
    if (this.#said && this.#said !== text) say(`${nameOf(record)}: ${text}`);
    this.#said = text;
  }

  /** Timeline, transcript and recording of a call that was put together, or was so anew. */
  async #loadWhole(record) {
    const version = JSON.stringify([record.summary, record.put_together_at]);
    if (version === this.#loaded) {
      if (this.#isPending) await this.#loadTranscript();
      return;
    }
    try {
      this.#timeline = await json(`${this.#path}/timeline`);
    } catch (error) {
      if (error.isNotReady) return;
      throw error;
    }
    if (this.#isStopped) return;
    this.#loaded = version;
    this.#show();
    this.#showDownloads();
    this.#showTable();
    // The recording may be long: what else is known of the call does not wait for it.
    if (this.#timeline.duration_ms) this.#loadRecording();
    await this.#loadTranscript();
  }

  async #loadRecording() {
    const isReady = await this.#player.load(`${this.#path}/recording`, this.#model.tracks.length);
    if (isReady && !this.#isStopped) this.#show();
  }

  async #loadTranscript() {
    let found;
    try {
      found = await json(`${this.#path}/transcript`, { headers: { Accept: "application/json" } });
    } catch (error) {
      this.#isPending = true;
      this.#transcript.showNone(error.isNotReady ? "It is not there yet." : error.message);
      if (error.isNotReady) return;
      throw error;
    }
    this.#isPending = found.state === "pending";
    this.#transcript.show(found, this.#model.tracks);
  }

  #show() {
    const record = this.#record;
    const isWhole = this.#timeline !== null && isOver(record);
    this.#model = isWhole ? fromTimeline(this.#timeline, record.participants) : fromRecord(record, Date.now(), (blob) => this.#live.of(blob));
    const model = this.#model;
    const parts = this.#parts;
    this.#showHead(record);
    setText(parts.timelineNote, note(record, isWhole && model.durationMs > 0));
    this.#lanes.show(model, {
      canSeek: this.#player.isReady,
      canMute: this.#player.isReady && model.tracks.length > 1,
    });
    this.#showZoom();
    const lasted = isWhole && !record.connected_at ? model.durationMs : duration(record);
    details.refill(parts.figures, details.figures(model, record, lasted, isWhole));
    details.refill(parts.legend, details.legend(model, isWhole));
    details.refill(parts.alerts, details.alerts(record, model));
    details.refill(parts.events, details.events(record));
    const faults = details.faults(model, record, (failure, button) => this.#retry(failure, button));
    details.refill(parts.faults, faults);
    parts.faultsPanel.hidden = !faults.length;
    parts.tableDetails.hidden = !isWhole;
  }

  #showHead(record) {
    const { name, facts, id, actions, stream, hangup } = this.#parts;
    setText(name, nameOf(record));
    document.title = `${nameOf(record)} \u2013 Call audio`;
    setText(id, record.call_connection_id);
    actions.hidden = !record.state || isOver(record);
    if (!record.state) return;
    setText(facts, details.facts(record));
    showPill(this.#parts.pill, record);
    const streaming = record.streaming.state;
    const isOn = streaming === "active" || streaming === "stopping";
    stream.dataset.operation = isOn ? "stop" : "start";
    setText(stream, isOn ? "Stop streaming" : "Start streaming");
    stream.disabled = record.state !== "connected" || streaming === "starting" || streaming === "stopping";
    hangup.disabled = record.state === "connecting";
  }

  #showZoom() {
    const { zoom, zoomIn, zoomOut } = this.#parts;
    zoom.hidden = !this.#lanes.canZoomIn && !this.#lanes.canZoomOut;
    zoomIn.disabled = !this.#lanes.canZoomIn;
    zoomOut.disabled = !this.#lanes.canZoomOut;
  }

  #showTable() {
    if (this.#timeline && this.#parts.tableDetails.open) {
      this.#parts.table.replaceChildren(details.table(this.#model));
    }
  }

  // What can be done to a call.

  async #stream(operation) {
    this.#parts.stream.disabled = true;
    await this.#act(() => json(`${this.#path}/streaming/${operation}`, { method: "POST", body: {} }));
  }

  async #hangUp() {
    const dialog = document.getElementById("hangup-dialog");
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    if (dialog.returnValue !== "yes" || this.#isStopped) return;
    this.#parts.hangup.disabled = true;
    await this.#act(() => json(this.#path, { method: "DELETE" }));
    // The button is about to go: the heading takes its focus.
    this.#parts.name.focus({ preventScroll: true });
  }

  async #retry(failure, button) {
    button.disabled = true;
    const path = `failures/${encodeURIComponent(failure.id)}/retry`;
    if (await this.#act(() => send(path, { method: "POST", body: {} }))) notify("The segment runs again.");
    button.disabled = false;
  }

  /** Do something, then show what came of it; whether it was taken. */
  async #act(work) {
    try {
      await work();
      return true;
    } catch (error) {
      if (error.status !== 401) notify(error.message, { fault: true });
      return false;
    } finally {
      if (!this.#isStopped) {
        this.#poller.now();
        this.#onChanged();
      }
    }
  }

  // Downloads. A link cannot send the key, so each file is fetched, and then handed over.

  #showDownloads() {
    const channels = this.#model.tracks.length;
    const files = [
      ["Recording", channels > 1 ? `${channels} channels, one each` : "One channel", "recording", null],
      ["Transcript, WebVTT", "Captions with times", "transcript.vtt", "vtt"],
      ["Transcript, text", "To read", "transcript.txt", "txt"],
      ["Transcript, JSON", "With every word's time", "transcript.json", "json"],
      ["Timeline, JSON", "Speech, overlaps, waveform", "timeline", "json"],
    ];
    details.refill(this.#parts.downloads, files.map(([name, text, file, suffix]) => {
      const button = element("button", { type: "button", class: "download" }, icon("download"),
        element("span", {}, element("b", {}, name), element("small", {}, text)));
      button.addEventListener("click", () => this.#download(button, file, suffix));
      return element("li", {}, button);
    }));
    this.#parts.downloadsPanel.hidden = false;
  }

  async #download(button, file, suffix) {
    button.setAttribute("aria-busy", "true");
    try {
      const loaded = file === "recording" ? this.#player.blob : null;
      const blob = loaded ?? (file === "recording"
        ? await inParts(`${this.#path}/${file}`)
        : await (await send(`${this.#path}/${file}`)).blob());
      const ending = suffix ?? (blob.type.includes("flac") ? "flac" : "wav");
      const url = URL.createObjectURL(blob);
      const name = `call-${this.#id}.${file === "timeline" ? "timeline." : ""}${ending}`;
      element("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      say(`${name} is saved.`);
    } catch (error) {
      notify(error.isNotReady ? "This file is not there." : error.message, { fault: true });
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

/** What the timeline's panel says beside its heading. */
function note(record, isWhole) {
  if (isWhole) return "";
  if (isOver(record)) {
    const isAny = record.streams.some((stream) => stream.segments.length) || record.landed_segments.length;
    return isAny ? "Being put together" : "No audio was streamed";
  }
  if (record.state === "connecting") return "Ringing";
  if (record.streaming.state === "active") return "Recording";
  return record.streaming.state === "inactive" ? "Nothing is streamed now" : "";
}
