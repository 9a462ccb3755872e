// The transcript: shows utterances, follows the playback, seeks on click, and searches.

import { setColor } from "./colors.js";
import { element, setText } from "./dom.js";
import { formatClock, formatCount, formatParticipant } from "./format.js";

/** From this many utterances on, only the visible ones are laid out. */
const LONG_TRANSCRIPT = 200;
const STATE_TEXTS = {
  pending: "Transcription in progress",
  failed: "Transcription failed.",
  off: "Transcription is turned off.",
};

export class Transcript {
  #parts;
  #onSeek;
  #items = [];
  #currentItems = new Set();
  #longestMs = 0;
  #query = "";

  /** `parts` are elements of the template; `onSeek(ms)` is called when an utterance is clicked. */
  constructor(parts, onSeek) {
    this.#parts = parts;
    this.#onSeek = onSeek;
    parts.search.querySelector("input").addEventListener("input", (event) => this.#search(event.target.value));
  }

  /** Show a text in place of the transcript. */
  showText(text) {
    this.#items = [];
    this.#currentItems.clear();
    this.#parts.search.hidden = true;
    this.#parts.transcriptRetry.hidden = true;
    this.#parts.utterances.replaceChildren();
    setText(this.#parts.transcriptNote, text);
  }

  /** Show the document of `GET /api/v1/calls/{id}/transcript` in the colours of the tracks. */
  show(transcript, tracks) {
    const { state, error, utterances } = transcript;
    // If some chunks failed, the utterances of the others are still there.
    if (!["complete", "failed"].includes(state) || !utterances.length) {
      const text = STATE_TEXTS[state] ?? "No speech recognised";
      this.showText(error ? `${text} ${error}` : text);
      this.#parts.transcriptRetry.hidden = state !== "failed";
      return;
    }
    const colorOf = assignColors(tracks);
    this.#currentItems.clear();
    this.#items = utterances
      .toSorted((a, b) => a.start_ms - b.start_ms)
      .map((utterance) => this.#createItem(utterance, colorOf));
    this.#longestMs = Math.max(...this.#items.map((item) => item.end - item.start)) + 1;
    this.#parts.utterances.classList.toggle("long", this.#items.length > LONG_TRANSCRIPT);
    this.#parts.utterances.replaceChildren(...this.#items.map((item) => item.root));
    this.#parts.search.hidden = false;
    this.#parts.transcriptRetry.hidden = state !== "failed";
    const failure = state === "failed" ? `. Incomplete: ${error}` : "";
    const voices = transcript.diarized === false ? ". The voices of the mixed track were not told apart" : "";
    setText(this.#parts.transcriptNote, formatCount(utterances.length, "utterance") + voices + failure);
  }

  /** Mark the utterances at a position; with `follow`, scroll them into view. */
  moveTo(ms, { follow = false } = {}) {
    const items = this.#itemsAt(ms);
    for (const item of this.#currentItems) if (!items.includes(item)) this.#unmark(item);
    for (const item of items) {
      if (!this.#currentItems.has(item)) this.#mark(item, follow);
      markWord(item, ms);
    }
  }

  /** The items at a position. A binary search, because it runs with every frame. */
  #itemsAt(ms) {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#items[middle].start <= ms) low = middle + 1;
      else high = middle;
    }
    const items = [];
    for (let index = low - 1; index >= 0 && this.#items[index].start > ms - this.#longestMs; index -= 1) {
      if (ms < this.#items[index].end) items.push(this.#items[index]);
    }
    return items;
  }

  #createItem(utterance, colorOf) {
    const text = element("span", { class: "utterance-text" }, utterance.text);
    const button = element(
      "button",
      { type: "button", class: "utterance", onclick: () => this.#onSeek(utterance.start_ms) },
      element("span", { class: "utterance-time" }, formatClock(utterance.start_ms)),
      (utterance.participant || utterance.speaker != null) && element("span", { class: "utterance-speaker" },
        element("span", { class: "swatch", "aria-hidden": "true" }),
        utterance.participant ? formatParticipant(utterance.participant, utterance.name) : `Speaker ${utterance.speaker}`),
      text,
    );
    const root = element("li", {}, button);
    setColor(root, colorOf(utterance.participant ?? utterance.speaker ?? null));
    return {
      root,
      button, text, utterance, words: [], start: utterance.start_ms, end: utterance.end_ms,
    };
  }

  #mark(item, follow) {
    this.#currentItems.add(item);
    item.button.setAttribute("aria-current", "true");
    const { words } = item.utterance;
    if (words?.length && !this.#query) {
      item.words = words.map((word) => element("span", { class: "word" }, word.text.trim()));
      item.text.replaceChildren(...item.words.flatMap((word, index) => (index ? [" ", word] : [word])));
    }
    if (follow) this.#scrollIntoView(item.root);
  }

  #unmark(item) {
    this.#currentItems.delete(item);
    item.button.removeAttribute("aria-current");
    item.words = [];
    if (!this.#query) item.text.replaceChildren(item.utterance.text);
  }

  /** Scroll the list of utterances, but never the window. */
  #scrollIntoView(item) {
    const list = this.#parts.utterances;
    if (list.scrollHeight <= list.clientHeight) return;
    const top = item.offsetTop - list.offsetTop;
    const isVisible = top >= list.scrollTop && top + item.offsetHeight <= list.scrollTop + list.clientHeight;
    if (isVisible) return;
    const reduceMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    list.scrollTo({ top: top - list.clientHeight / 3, behavior: reduceMotion ? "auto" : "smooth" });
  }

  #search(query) {
    this.#query = query.trim().toLowerCase();
    let count = 0;
    for (const item of this.#items) {
      const isMatch = !this.#query || item.utterance.text.toLowerCase().includes(this.#query);
      item.root.hidden = !isMatch;
      item.words = [];
      item.text.replaceChildren(...highlightMatches(item.utterance.text, this.#query));
      if (isMatch && this.#query) count += 1;
    }
    setText(this.#parts.searchStatus, this.#query ? formatCount(count, "match", "matches") : "");
  }
}

/** The colour of each participant: that of the track, or a free one for speakers in mixed audio. */
function assignColors(tracks) {
  const colors = new Map(tracks.map((track, index) => [track.participant, index]));
  return (participant) => {
    if (!colors.has(participant)) colors.set(participant, colors.size);
    return colors.get(participant);
  };
}

function markWord(item, ms) {
  item.words.forEach((word, index) => {
    const { start_ms: start, end_ms: end } = item.utterance.words[index];
    word.classList.toggle("current", start <= ms && ms < end);
  });
}

/** Split a text so that each match is in a <mark>. */
function highlightMatches(text, query) {
  if (!query) return [text];
  const pieces = [];
  const lowerCase = text.toLowerCase();
  let end = 0;
  for (let start = lowerCase.indexOf(query); start >= 0; start = lowerCase.indexOf(query, end)) {
    pieces.push(text.slice(end, start));
    end = start + query.length;
    pieces.push(element("mark", {}, text.slice(start, end)));
  }
  return [...pieces, text.slice(end)];
}
