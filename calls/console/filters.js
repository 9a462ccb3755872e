// The search field, the filters, their chips, and the sort order of the list of calls.

import { element, setChildren, setText } from "./dom.js";
import { findParticipant, listParticipants, normaliseNumber } from "./participants.js";
import {
  DEFAULT_SORT, describeFilters, DIRECTIONS, formatDayField, NO_FILTERS, RESULT_STATES, SORTS, STATES, withoutFilter,
} from "./route.js";
import { allows } from "./session.js";

const MIN_DURATIONS = { 60: "1 minute", 300: "5 minutes", 600: "10 minutes", 1800: "30 minutes" };
/** So many tags and participants are offered. */
const MAX_OFFERED = 200;
/** Who may not read transcripts can only search for names and numbers. */
const READ_TRANSCRIPTS = "show_transcript";

export class Filters {
  #form = document.getElementById("filter-form");
  #toggle = document.getElementById("filter-toggle");
  #searchForm = document.getElementById("search-form");
  #search = document.getElementById("search-calls");
  #asParticipant = document.getElementById("search-participant");
  #chips = document.getElementById("filter-chips");
  #sort = document.getElementById("sort");
  #knownTags = document.getElementById("known-tags");
  #knownParticipants = document.getElementById("known-participants");
  #filters = NO_FILTERS;
  #known = [];
  #onChange;

  /** `onChange(filters)` is called with the filters that the user has chosen. */
  constructor(onChange) {
    this.#onChange = onChange;
    fillSelect(this.#form.state, STATES, "Any");
    fillSelect(this.#form.result_state, RESULT_STATES, "Any");
    fillSelect(this.#form.direction, DIRECTIONS, "Any");
    fillSelect(this.#form.min_duration, MIN_DURATIONS, "Any");
    fillSelect(this.#sort, SORTS);
    this.#listen();
  }

  #listen() {
    this.#toggle.addEventListener("click", () => this.#setOpen(this.#form.hidden));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change(this.#readForm());
      this.#setOpen(false);
    });
    // Choices apply at once, and texts when they are left; the list shows what they do.
    this.#form.addEventListener("change", () => this.#change(this.#readForm()));
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#setOpen(false);
    });
    for (const button of this.#form.querySelectorAll("[data-days]")) {
      button.addEventListener("click", () => {
        const from = formatDayField(Number(button.dataset.days));
        this.#change({ ...withoutFilter(this.#filters, "until"), from });
      });
    }
    this.#sort.addEventListener("change", () => {
      const sort = this.#sort.value === DEFAULT_SORT ? undefined : this.#sort.value;
      this.#change({ ...this.#filters, sort });
    });
    this.#searchForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitSearch();
    });
    this.#search.addEventListener("input", () => this.#showHint());
    // The cross of the field clears the search, as does emptying it and leaving.
    for (const name of ["search", "change"]) {
      this.#search.addEventListener(name, () => {
        if (!this.#search.value.trim() && this.#filters.q) this.#change(withoutFilter(this.#filters, "q"));
      });
    }
    this.#asParticipant.addEventListener("click", () => this.#searchParticipant());
  }

  /** Show these filters; `records` are calls whose tags are offered. */
  show(filters) {
    this.#filters = filters;
    const { elements } = this.#form;
    for (const name of ["state", "result_state", "direction", "from", "until", "participant", "min_duration"]) {
      elements[name].value = filters[name] ?? "";
    }
    elements.tags.value = filters.tags.join(", ");
    elements.from.max = filters.until ?? "";
    elements.until.min = filters.from ?? "";
    this.#search.value = filters.q ?? "";
    this.#sort.value = filters.sort ?? DEFAULT_SORT;
    this.#search.placeholder = allows(READ_TRANSCRIPTS) ? "Words, names, numbers" : "Names, numbers";
    this.#showHint();
    this.#showChips();
  }

  /** Offer the tags and the participants of these calls. */
  offerKnown(records) {
    const tags = [...new Set(records.flatMap((record) => record.tags ?? []))].sort();
    this.#known = listParticipants(records);
    for (const [list, values] of [[this.#knownTags, tags], [this.#knownParticipants, this.#known]]) {
      setChildren(list, values.slice(0, MAX_OFFERED).map((value) => element("option", { value })));
    }
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  clear() {
    this.#change({ ...NO_FILTERS, sort: this.#filters.sort });
  }

  #showChips() {
    // The search field itself shows what is searched.
    const chips = describeFilters(this.#filters).filter(({ name }) => name !== "q").map(({ name, value, text }) =>
      element("li", {}, element("button", { type: "button", class: "chip", "data-name": name, "data-value": value,
        "aria-label": `Remove filter: ${text}` }, element("span", {}, text), element("span", { "aria-hidden": "true" }, "\u00d7"))));
    setText(this.#toggle.querySelector("[data-count]"), chips.length ? String(chips.length) : "");
    if (chips.length > 1) chips.push(element("li", {}, element("button", { type: "button", class: "chip clear" }, "Clear all")));
    setChildren(this.#chips, chips);
    this.#chips.hidden = !chips.length;
    this.#chips.onclick = (event) => {
      const chip = event.target.closest("button");
      if (!chip) return;
      const { name, value } = chip.dataset;
      if (name) this.#change(withoutFilter(this.#filters, name, value));
      else this.clear();
      // The chip is gone: the next one takes the focus, or the field that had set it.
      (this.#chips.querySelector("button") ?? this.#search).focus();
    };
  }

  #setOpen(isOpen) {
    this.#form.hidden = !isOpen;
    this.#toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#form.state.focus();
    else this.#toggle.focus();
  }

  /** A number, or the name of somebody in the list, is a participant; other words are searched in transcripts. */
  #submitSearch() {
    const text = this.#search.value.trim();
    if (text && (findParticipant(text, this.#known) || !allows(READ_TRANSCRIPTS))) this.#searchParticipant();
    else this.#change({ ...withoutFilter(this.#filters, "q"), ...(text && { q: text }) });
  }

  #searchParticipant() {
    const text = this.#search.value;
    const participant = findParticipant(text, this.#known) ?? normaliseNumber(text);
    if (participant) this.#change({ ...withoutFilter(this.#filters, "q"), participant });
    this.#search.focus();
  }

  #showHint() {
    const text = this.#search.value.trim();
    const isOffered = text && text !== this.#filters.q && !findParticipant(text, this.#known) && allows(READ_TRANSCRIPTS);
    this.#asParticipant.hidden = !isOffered;
    setText(this.#asParticipant.querySelector("[data-text]"), text);
  }

  #readForm() {
    const { elements } = this.#form;
    const filters = { q: this.#filters.q, sort: this.#filters.sort, tags: parseTags(elements.tags.value) };
    for (const name of ["state", "result_state", "direction", "from", "until"]) {
      filters[name] = elements[name].value || undefined;
    }
    const participant = elements.participant.value;
    filters.participant = (findParticipant(participant, this.#known) ?? normaliseNumber(participant)) || undefined;
    filters.min_duration = Number(elements.min_duration.value) || undefined;
    return filters;
  }

  #change(filters) {
    this.#onChange(filters);
  }
}

/** Parse tags with commas between them. */
export const parseTags = (text) => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];

function fillSelect(select, choices, anyText) {
  if (anyText) select.append(element("option", { value: "" }, anyText));
  // Objects list keys that are numbers first, in their order; all others as they were written.
  for (const [value, text] of Object.entries(choices)) select.append(element("option", { value }, text));
}
