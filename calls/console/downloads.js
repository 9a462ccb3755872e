// The panel of downloads. A link cannot send the function key, so each file is fetched first.

import { ALLOW_PARTIAL, send } from "./api.js";
import { announce, element, icon, notify, saveFile, setChildren } from "./dom.js";
import { downloadExport } from "./exports.js";
import { downloadInRanges } from "./ranges.js";
import { allows } from "./session.js";

export class Downloads {
  #id;
  #path;
  #parts;
  #getRecording;

  /** `getRecording()` returns the recording if the player has loaded it, else null. */
  constructor(id, path, parts, getRecording) {
    this.#id = id;
    this.#path = path;
    this.#parts = parts;
    this.#getRecording = getRecording;
  }

  /** Show the files of a call whose recording has this number of channels. */
  show(channels) {
    const files = [
      ["Recording", channels > 1 ? `${channels} channels, one per participant` : "One channel",
        () => this.#fetchRecording(), (blob) => (blob.type.includes("flac") ? "flac" : "wav")],
      ["Transcript (WebVTT)", "Captions", () => this.#fetchFile("transcript.vtt"), () => "vtt"],
      ["Transcript (text)", "Plain text", () => this.#fetchFile("transcript.txt"), () => "txt"],
      ["Transcript (JSON)", "With the time of each word", () => this.#fetchFile("transcript.json"), () => "json"],
      ["Timeline (JSON)", "Speech, overlaps and waveforms", () => this.#fetchFile("timeline"), () => "timeline.json"],
    ];
    if (allows("export_call")) {
      files.push(["All files (zip)", "With the manifests", () => downloadExport(this.#id), () => "zip"]);
    }
    setChildren(this.#parts.downloads, files.map(([name, description, fetchFile, suffixOf]) => {
      const button = element("button", { type: "button", class: "download" }, icon("download"),
        element("span", {}, element("b", {}, name), element("small", {}, description)));
      button.addEventListener("click", () => this.#download(button, fetchFile, suffixOf));
      return element("li", {}, button);
    }));
    this.#parts.downloadsPanel.hidden = false;
  }

  async #fetchRecording() {
    return this.#getRecording() ?? downloadInRanges(`${this.#path}/recording${ALLOW_PARTIAL}`);
  }

  async #fetchFile(file) {
    const response = await send(`${this.#path}/${file}${ALLOW_PARTIAL}`);
    return response.blob();
  }

  async #download(button, fetchFile, suffixOf) {
    button.setAttribute("aria-busy", "true");
    try {
      const blob = await fetchFile();
      const name = `call-${this.#id}.${suffixOf(blob)}`;
      saveFile(blob, name);
      announce(`${name} downloaded`);
    } catch (error) {
      notify(error.isNotReady ? "This file is not available yet." : error.message, { isError: true });
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}
