// The view of one call: polls its record, and loads timeline, recording and transcript when it is over.

import { CallActions } from "./actions.js";
import { Annotations } from "./annotations.js";
import { ALLOW_PARTIAL, callPath, sendJson } from "./api.js";
import { AuditPanel } from "./audit.js";
import { buildEvents, buildLegend, buildMetrics, buildTable, describeCall, describePause } from "./details.js";
import { announce, cloneTemplate, element, notify, setBadge, setChildren, setText } from "./dom.js";
import { Downloads } from "./downloads.js";
import { CallEvents } from "./events.js";
import { formatClock } from "./format.js";
import { buildAlert, buildAlerts, buildIssues } from "./issues.js";
import { Lanes } from "./lanes.js";
import { CallRetention } from "./retention.js";
import { LiveWaveform } from "./live.js";
import { Player } from "./player.js";
import { Poller } from "./poll.js";
import { callStatus, callTitle, hasResult, isOver, isProcessing, openPause } from "./record.js";
import { allows } from "./session.js";
import { buildModelFromRecord, buildModelFromTimeline } from "./timeline.js";
import { Transcript } from "./transcript.js";

const LIVE_POLL_MS = 1000;
/** While the app reports what happens, polling only makes sure that nothing was missed. */
const FOLLOWED_POLL_MS = 15_000;
const PROCESSING_POLL_MS = [1000, 1500, 2000, 3000, 5000, 10_000];
const FINAL_POLL_MS = 20_000;
const REDRAW_MS = 250;
const ZOOM_FACTOR = 2;
const NOT_A_LISTENER = "You need the role Listener to hear and read calls";

export class CallView {
  #id;
  #path;
  #parts;
  #poller;
  #lanes;
  #player;
  #transcript;
  #liveWaveform;
  #actions;
  #retention;
  #isDeleted = false;
  #downloads;
  #annotations;
  #events;
  #audit;
  #redrawTimer = null;
  #record = null;
  #model = null;
  #timeline = null;
  #loadedVersion = "";
  #isTranscriptPending = false;
  #processingPolls = 0;
  #lastStatus = "";
  #isStopped = false;
  #onRecord;
  #listeners = new AbortController();

  /** `onChanged()` is called after the user changed the call, `onRecord(record)` when it was loaded. */
  constructor(id, { onChanged, onRecord }) {
    this.#id = id;
    this.#path = callPath(id);
    const { root, parts } = cloneTemplate("t-call");
    this.root = root;
    this.backLink = parts.back;
    this.#parts = parts;
    this.#onRecord = onRecord;
    this.#lanes = new Lanes(parts.lanes, {
      onSeek: (ms) => this.#player.seek(ms),
      onMute: (channel, isMuted) => this.#player.setMuted(channel, isMuted),
    });
    this.#player = new Player(parts, (ms, follow) => {
      this.#lanes.moveTo(ms, { follow });
      this.#transcript.moveTo(ms, { follow });
    });
    this.#transcript = new Transcript(parts, (ms) => this.#player.seek(ms));
    this.#liveWaveform = new LiveWaveform(this.#path, () => this.#show());
    this.#audit = new AuditPanel(id, parts);
    this.#downloads = new Downloads(id, this.#path, parts, () => this.#player.blob);
    this.#events = new CallEvents(this.#path, () => this.#poller.runNow());
    this.#annotations = new Annotations(this.#path, parts, () => {
      // A request that is under way would bring back the former tags.
      this.#poller.runNow();
      onChanged();
    });
    this.#actions = new CallActions(this.#path, parts, () => {
      this.#poller.runNow();
      onChanged();
    });
    this.#retention = new CallRetention(this.#path, parts, {
      onChanged: () => {
        if (!this.#isDeleted) this.#poller.runNow();
        onChanged();
      },
      onDeleted: () => this.#hideDeleted(),
      tracksOf: () => (this.#timeline ? this.#model.tracks : []),
    });
    this.#poller = new Poller((signal) => this.#poll(signal), (state, { error } = {}) => {
      if (state === "failing" && error.code === "call_deleted") this.#showDeleted(error);
      if (state !== "failing" || this.#record || this.#isDeleted) return;
      if (error.isNotFound) this.#showNotFound();
      else this.#showUnavailable(error);
    });
    this.#listen();
    this.#showHead({ call_connection_id: id, to: null });
    const canListen = allows("show_timeline");
    this.#transcript.showText(canListen ? "Available after the call has been processed" : NOT_A_LISTENER);
    if (!allows("retry_transcript")) parts.transcriptRetry.remove();
  }

  get id() {
    return this.#id;
  }

  /** Move the playback to a position, and play; before the recording is loaded, that waits for it. */
  seek(ms, { play = false } = {}) {
    this.#player.seek(ms);
    if (play) this.#player.playWhenReady();
  }

  start() {
    this.#poller.start();
    // A live call moves on between two polls.
    this.#redrawTimer = setInterval(() => this.#record && !isOver(this.#record) && this.#show(), REDRAW_MS);
  }

  stop() {
    this.#isStopped = true;
    this.#listeners.abort();
    clearInterval(this.#redrawTimer);
    this.#poller.stop();
    this.#events.stop();
    this.#actions.stop();
    this.#retention.stop();
    this.#player.stop();
    this.#lanes.stop();
    this.#liveWaveform.stop();
  }

  #listen() {
    const { copy, copyMoment, transcriptRetry, zoomIn, zoomOut, tableDetails } = this.#parts;
    copy.addEventListener("click", () => copyText(this.#id, "Call ID copied"));
    copyMoment.addEventListener("click", () => {
      const seconds = Math.floor(this.#player.positionMs / 1000);
      const link = new URL(`#/calls/${encodeURIComponent(this.#id)}?t=${seconds}`, location.href);
      copyText(link.href, `Link to ${formatClock(seconds * 1000)} copied`);
    });
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal: this.#listeners.signal });
    transcriptRetry.addEventListener("click", async () => {
      if (!(await this.#actions.retryTranscript(transcriptRetry))) return;
      this.#isTranscriptPending = true;
      this.#processingPolls = 0;
      this.#poller.runNow();
    });
    const zoomBy = (factor) => {
      this.#lanes.zoomBy(factor);
      this.#showZoom();
    };
    zoomIn.addEventListener("click", () => zoomBy(ZOOM_FACTOR));
    zoomOut.addEventListener("click", () => zoomBy(1 / ZOOM_FACTOR));
    tableDetails.addEventListener("toggle", () => this.#showTable());
  }

  /** Space plays and pauses, unless it types, presses or opens something. */
  #onKey(event) {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || !this.#player.isReady) return;
    const isSeek = event.target === this.#parts.seek;
    if (!isSeek && event.target.closest("input, select, textarea, button, a, summary, dialog")) return;
    event.preventDefault();
    this.#player.togglePlay();
  }

  // Loading.

  async #poll(signal) {
    const record = await sendJson(this.#path, { signal });
    if (this.#isDeleted || this.#isStopped) return FINAL_POLL_MS;
    this.#record = record;
    this.#onRecord(record);
    this.root.dataset.state = "loaded";
    this.#announceStatus(record);
    this.#show();
    if (!isOver(record)) {
      this.#events.start();
      if (allows("send_segment")) this.#liveWaveform.load(record);
      return this.#events.isConnected ? FOLLOWED_POLL_MS : LIVE_POLL_MS;
    }
    if (hasResult(record) && allows("show_timeline")) await this.#loadResult(record);
    if (!isProcessing(record) && !this.#isTranscriptPending) {
      this.#events.stop();
      return FINAL_POLL_MS;
    }
    this.#events.start();
    if (this.#events.isConnected) return FOLLOWED_POLL_MS;
    this.#processingPolls += 1;
    return PROCESSING_POLL_MS[Math.min(this.#processingPolls, PROCESSING_POLL_MS.length) - 1];
  }

  /** Load timeline, transcript and recording, if there is a new version of them. */
  async #loadResult(record) {
    const version = JSON.stringify([record.summary, record.assembled_at, record.result_state]);
    if (version === this.#loadedVersion) {
      if (this.#isTranscriptPending) await this.#loadTranscript();
      return;
    }
    try {
      this.#timeline = await sendJson(`${this.#path}/timeline${ALLOW_PARTIAL}`);
    } catch (error) {
      if (error.isNotReady) return;
      throw error;
    }
    if (this.#isStopped) return;
    this.#loadedVersion = version;
    this.#show();
    this.#downloads.show(this.#model.tracks.length);
    this.#showTable();
    // Not awaited: the recording may be long, and the transcript does not need it.
    if (this.#timeline.duration_ms) this.#loadRecording();
    await this.#loadTranscript();
  }

  async #loadRecording() {
    const blob = `recordings/${this.#id}/recording`;
    const isReady = await this.#player.load({ path: this.#path, blob, channels: this.#model.tracks.length });
    if (isReady && !this.#isStopped) this.#show();
  }

  async #loadTranscript() {
    let transcript;
    try {
      const headers = { Accept: "application/json" };
      transcript = await sendJson(`${this.#path}/transcript${ALLOW_PARTIAL}`, { headers });
    } catch (error) {
      this.#isTranscriptPending = true;
      this.#transcript.showText(error.isNotReady ? "Not available yet" : error.message);
      if (error.isNotReady) return;
      throw error;
    }
    this.#isTranscriptPending = transcript.state === "pending";
    this.#transcript.show(transcript, this.#model.tracks);
  }

  // Showing.

  #show() {
    const record = this.#record;
    const isAssembled = this.#timeline !== null && isOver(record);
    const model = isAssembled
      ? buildModelFromTimeline(this.#timeline, record.participants)
      : buildModelFromRecord(record, Date.now(), (blob) => this.#liveWaveform.peaksOf(blob));
    this.#model = model;
    const parts = this.#parts;
    this.#showHead(record);
    setText(parts.timelineNote, isAssembled && model.durationMs > 0 ? "" : describeProgress(record));
    this.#lanes.show(model, {
      canSeek: this.#player.isReady,
      canMute: this.#player.isReady && model.tracks.length > 1,
    });
    this.#showZoom();
    setChildren(parts.metrics, buildMetrics(model, record, isAssembled));
    setChildren(parts.legend, buildLegend(model, isAssembled));
    setChildren(parts.alerts, buildAlerts(record, model));
    setChildren(parts.events, buildEvents(record));
    const retry = (failure, button) => this.#actions.retry(failure, button);
    const issues = buildIssues(model, record, allows("retry_failure") ? retry : null);
    setChildren(parts.issues, issues);
    parts.issuesPanel.hidden = !issues.length;
    this.#audit.show(record);
    this.#annotations.show(record);
    parts.tableDetails.hidden = !isAssembled;
  }

  #showHead(record) {
    const { title, callId, details, badge, pauseNote } = this.#parts;
    setText(title, callTitle(record));
    document.title = `${callTitle(record)} \u2013 Call Audio`;
    setText(callId, record.call_connection_id);
    this.#actions.show(record);
    this.#retention.show(record);
    if (!record.state) return;
    setText(details, describeCall(record));
    const pause = describePause(record);
    setText(pauseNote, pause);
    pauseNote.hidden = !pause;
    setBadge(badge, callStatus(record));
  }

  #showZoom() {
    const { zoom, zoomIn, zoomOut } = this.#parts;
    zoom.hidden = !this.#lanes.canZoomIn && !this.#lanes.canZoomOut;
    zoomIn.disabled = !this.#lanes.canZoomIn;
    zoomOut.disabled = !this.#lanes.canZoomOut;
  }

  #showTable() {
    if (this.#timeline && this.#parts.tableDetails.open) {
      this.#parts.table.replaceChildren(buildTable(this.#model));
    }
  }

  /** Say that the app does not answer, while no record can be shown; the poller tries again. */
  #showUnavailable(error) {
    const button = element("button", { class: "button small", type: "button", onclick: () => this.#poller.runNow() },
      "Try now");
    const alert = buildAlert("danger", "This call cannot be loaded", error.message, { role: "alert" });
    alert.lastChild.append(element("p", {}, "The console tries again by itself."), button);
    setChildren(this.#parts.alerts, [alert]);
  }

  #showNotFound() {
    this.#poller.stop();
    this.#events.stop();
    const text = "It may belong to another app, or its data may have been deleted.";
    const alert = buildAlert("danger", "No call has this ID", text, { role: "alert" });
    this.#parts.alerts.replaceChildren(alert);
    setText(this.#parts.title, "Call not found");
  }

  /** Hide what is shown of a call that is deleted, and stop loading it. */
  #hideDeleted() {
    this.#isDeleted = true;
    clearInterval(this.#redrawTimer);
    this.#poller.stop();
    this.#events.stop();
    this.#player.stop();
    this.root.dataset.state = "deleted";
    this.#parts.retention.hidden = this.#parts.actions.hidden = true;
  }

  /** Somebody else has deleted the call. */
  #showDeleted(error) {
    if (this.#isDeleted) return;
    this.#hideDeleted();
    const alert = buildAlert("info", "Call deleted", error.message, { role: "alert" });
    this.#parts.alerts.replaceChildren(alert);
    setText(this.#parts.title, "Call deleted");
  }

  /** Announce a change of status, once. */
  #announceStatus(record) {
    const { text } = callStatus(record);
    if (this.#lastStatus && this.#lastStatus !== text) announce(`${callTitle(record)}: ${text}`);
    this.#lastStatus = text;
  }
}

function copyText(text, message) {
  navigator.clipboard.writeText(text).then(
    () => notify(message),
    () => notify("The browser blocked access to the clipboard.", { isError: true }),
  );
}

/** Describe, beside the timeline's heading, what happens to a call without a result. */
function describeProgress(record) {
  if (isOver(record)) {
    if (hasResult(record) && !allows("show_timeline")) return NOT_A_LISTENER;
    if (record.result_state === "none") return "No audio was streamed";
    return isProcessing(record) ? "Processing" : "";
  }
  if (record.state === "connecting") return "Ringing";
  if (openPause(record)) return "Paused";
  if (record.streaming.state === "active") return "Recording";
  return record.streaming.state === "inactive" ? "Not streaming" : "";
}
