// Keyboard shortcuts, and the dialog that lists them.

import { element } from "./dom.js";

const OFF_ITEM = "call-audio.single-keys-off";
const HELP = [
  ["/", "Search calls"],
  ["j  k", "Next and previous call"],
  ["\u2193  \u2191", "The same, while a call of the list has the focus"],
  ["Enter", "Open the call"],
  ["x", "Select the call; with Shift, all from the last one selected"],
  ["Space", "Play and pause, on a call\u2019s page"],
  ["Esc", "Close, clear the selection, or return to the list"],
  ["?", "Show this help"],
];
const TYPING = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select";

const areSingleKeysOff = () => localStorage.getItem(OFF_ITEM) === "yes";

/**
 * Set up the shortcuts.
 *
 * `list` is the list of calls; `onSearch()` and `onEscape()` are called for their keys. Nothing
 * happens while `isActive()` is false, or a dialog is open.
 */
export function setUpKeys({ list, onSearch, onEscape, isActive }) {
  const help = buildHelp();
  document.body.append(help);
  document.getElementById("help").addEventListener("click", () => help.showModal());
  const shortcuts = {
    "/": onSearch,
    "?": () => help.showModal(),
    j: () => moveFocus(list, 1),
    k: () => moveFocus(list, -1),
    x: (event) => toggle(list, event.shiftKey),
  };
  document.addEventListener("keydown", (event) => {
    if (!isActive() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const isTyping = event.target.matches?.(TYPING);
    // In a field, Escape closes what it has opened.
    if (event.key === "Escape") return isTyping && event.target.id !== "search-calls" ? null : onEscape();
    if (isTyping) {
      // From the search field, down into the list.
      if (event.key === "ArrowDown" && event.target.id === "search-calls") move(event, () => moveFocus(list, 1));
      return;
    }
    const arrow = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (arrow && focusedId()) return move(event, () => moveFocus(list, arrow));
    const shortcut = shortcuts[event.key?.toLowerCase()];
    if (shortcut && !areSingleKeysOff()) move(event, () => shortcut(event));
  });
}

function move(event, run) {
  event.preventDefault();
  run();
}

/** The ID of the call whose row has the focus; null if none has. */
function focusedId() {
  const item = document.activeElement?.closest("#calls > li");
  return item?.querySelector("[data-call]")?.dataset.call ?? null;
}

/** Move the focus to the next or previous call; at first, to the one that is open, or the first. */
function moveFocus(list, step) {
  const ids = list.shownIds;
  const index = ids.indexOf(focusedId());
  const open = ids.findIndex((id) => list.linkOf(id).getAttribute("aria-current") === "page");
  const next = index >= 0 ? index + step : open >= 0 ? open + step : 0;
  const link = list.linkOf(ids[Math.min(Math.max(next, 0), ids.length - 1)]);
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
}

function toggle(list, isRange) {
  const id = focusedId();
  if (id) list.setSelected(id, isRange || !list.selection.has(id), isRange);
}

function buildHelp() {
  const box = element("input", { type: "checkbox" });
  box.checked = !areSingleKeysOff();
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF_ITEM);
    else localStorage.setItem(OFF_ITEM, "yes");
  });
  const rows = HELP.map(([keys, text]) =>
    element("div", {}, element("dt", {}, ...keys.split("  ").flatMap((key, index) =>
      [index ? " " : "", element("kbd", {}, key)])), element("dd", {}, text)));
  const close = element("button", { class: "button", value: "close", autofocus: true }, "Close");
  return element("dialog", { class: "dialog small", "aria-labelledby": "help-heading" },
    element("form", { method: "dialog" },
      element("h2", { id: "help-heading" }, "Keyboard shortcuts"),
      element("dl", { class: "shortcuts" }, ...rows),
      element("label", { class: "checkbox" }, box, element("span", {}, "Shortcuts of a single letter or sign")),
      element("div", { class: "dialog-actions" }, close)));
}
