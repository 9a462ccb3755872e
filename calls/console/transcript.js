// The transcript: click an utterance to hear it; what is being said is marked.

import { element, setText } from "./dom.js";
import { clock, person, plural } from "./format.js";

const MANY = 200;
const STATES = {
  pending: "Being written. It appears here by itself.",
  failed: "It could not be written.",
  off: "Transcription is switched off.",
};

export class Transcript {
  #parts;
  #onSeek;
  #items = [];
  #current = new Set();
  #longest = 0;
  #query = "";

  constructor(parts, onSeek) {
    this.#parts = parts;
    this.#onSeek = onSeek;
    parts.find.querySelector("input").addEventListener("input", (event) => this.#find(event.target.value));
  }

  /** Say why there is none. */
  showNone(text) {
    this.#items = [];
    this.#current.clear();
    this.#parts.find.hidden = true;
    this.#parts.utterances.replaceChildren();
    setText(this.#parts.transcriptNote, text);
  }

  /** Show the answer of `GET /api/calls/{id}/transcript`; `tracks` give the speakers' colours. */
  show(found, tracks) {
    // Where some passages failed, what was heard in the others is there.
    if (!["complete", "failed"].includes(found.state) || !found.utterances.length) {
      const why = STATES[found.state] ?? "Nothing was said that could be understood.";
      return this.showNone(found.error ? `${why} ${found.error}` : why);
    }
    const colors = new Map(tracks.map((track, at) => [track.participant, at % 6]));
    const others = new Map();
    const colorOf = (who) => {
      if (colors.has(who)) return colors.get(who);
      // Speakers that were told apart in mixed audio have no track of their own.
      if (!others.has(who)) others.set(who, (colors.size + others.size) % 6);
      return others.get(who);
    };
    this.#current.clear();
    this.#items = found.utterances
      .toSorted((a, b) => a.start_ms - b.start_ms)
      .map((utterance) => this.#make(utterance, colorOf));
    this.#longest = Math.max(...this.#items.map((item) => item.end - item.start)) + 1;
    // A long call's utterances are laid out only where they are seen.
    this.#parts.utterances.classList.toggle("long", this.#items.length > MANY);
    this.#parts.utterances.replaceChildren(...this.#items.map((item) => item.root));
    this.#parts.find.hidden = false;
    const lacking = found.state === "failed" ? `. Not all could be written: ${found.error}` : "";
    setText(this.#parts.transcriptNote, plural(found.utterances.length, "utterance") + lacking);
  }

  /** Mark what is said at a moment; while playing, it is kept in sight. */
  moveTo(ms, { follow = false } = {}) {
    const now = this.#at(ms);
    for (const item of this.#current) if (!now.includes(item)) this.#end(item);
    for (const item of now) {
      if (!this.#current.has(item)) this.#begin(item, follow);
      markWord(item, ms);
    }
  }

  /** The items at a moment, found without looking at all: this runs for each frame drawn. */
  #at(ms) {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#items[middle].start <= ms) low = middle + 1;
      else high = middle;
    }
    const found = [];
    for (let at = low - 1; at >= 0 && this.#items[at].start > ms - this.#longest; at -= 1) {
      if (ms < this.#items[at].end) found.push(this.#items[at]);
    }
    return found;
  }

  #make(utterance, colorOf) {
    const text = element("span", { class: "said" }, utterance.text);
    const button = element(
      "button",
      { type: "button", class: "utterance", onclick: () => this.#onSeek(utterance.start_ms) },
      element("span", { class: "utterance-time" }, clock(utterance.start_ms)),
      element("span", { class: "utterance-who" },
        element("span", { class: "chip", "aria-hidden": "true" }), speaker(utterance)),
      text,
    );
    return {
      root: element("li", { "data-color": colorOf(utterance.participant) }, button),
      button, text, utterance, words: [], start: utterance.start_ms, end: utterance.end_ms,
    };
  }

  #begin(item, follow) {
    this.#current.add(item);
    item.button.setAttribute("aria-current", "true");
    const { words } = item.utterance;
    if (words?.length && !this.#query) {
      item.words = words.map((word) => element("span", { class: "word" }, word.text.trim()));
      item.text.replaceChildren(...item.words.flatMap((word, at) => (at ? [" ", word] : [word])));
    }
    if (follow) this.#keepInSight(item.root);
  }

  #end(item) {
    this.#current.delete(item);
    item.button.removeAttribute("aria-current");
    item.words = [];
    if (!this.#query) item.text.replaceChildren(item.utterance.text);
  }

  /** Scroll the list alone: the page stays where its reader has put it. */
  #keepInSight(row) {
    const list = this.#parts.utterances;
    if (list.scrollHeight <= list.clientHeight) return;
    const top = row.offsetTop - list.offsetTop;
    if (top >= list.scrollTop && top + row.offsetHeight <= list.scrollTop + list.clientHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    list.scrollTo({ top: top - list.clientHeight / 3, behavior: still ? "auto" : "smooth" });
  }

  #find(query) {
    this.#query = query.trim().toLowerCase();
    let count = 0;
    for (const item of this.#items) {
      const matches = !this.#query || item.utterance.text.toLowerCase().includes(this.#query);
      item.root.hidden = !matches;
      item.words = [];
      item.text.replaceChildren(...marked(item.utterance.text, this.#query));
      if (matches && this.#query) count += 1;
    }
    setText(this.#parts.found, this.#query ? plural(count, "match", "matches") : "");
  }
}

const speaker = (utterance) => (utterance.participant ? person(utterance.participant) : "");

function markWord(item, ms) {
  item.words.forEach((word, at) => {
    const { start_ms: start, end_ms: end } = item.utterance.words[at];
    word.classList.toggle("now", start <= ms && ms < end);
  });
}

/** The text with each find in a <mark>. */
function marked(text, query) {
  if (!query) return [text];
  const pieces = [];
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
    pieces.push(text.slice(from, at), element("mark", {}, text.slice(at, at + query.length)));
    from = at + query.length;
  }
  return [...pieces, text.slice(from)];
}
