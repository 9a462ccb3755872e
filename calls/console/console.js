// The page: the key, the list, and the call that its address names (#/calls/{id}).

import { json, key, keyEvents } from "./api.js";
import { CallView } from "./call.js";
import { CallList } from "./calls.js";
import { setText, template } from "./dom.js";
import { setUpPlacing } from "./place.js";

const gate = document.getElementById("gate");
const app = document.getElementById("app");
const main = document.getElementById("main");
const keyField = document.getElementById("gate-key");
const keyFault = document.getElementById("gate-error");
const keyButton = document.querySelector("#gate-form button");
const link = document.getElementById("link");
const linkText = document.getElementById("link-text");

const list = new CallList(showLink);
let view = null;
let isOpen = false;

function open() {
  gate.hidden = true;
  app.hidden = false;
  isOpen = true;
  list.start();
  route();
}

/** Forget the key and all that was shown with it, and say why. */
function lock(why = "") {
  key.forget();
  isOpen = false;
  list.stop();
  leave();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  app.hidden = true;
  gate.hidden = false;
  document.title = "Call audio";
  refuse(why);
  keyField.focus();
}

function refuse(why) {
  setText(keyFault, why);
  if (why) keyField.setAttribute("aria-invalid", "true");
  else keyField.removeAttribute("aria-invalid");
}

function leave() {
  view?.stop();
  view = null;
  main.replaceChildren();
}

/** Show what the address names. The heading takes the focus, as a new page's would. */
function route() {
  if (!isOpen) return;
  leave();
  const named = /^#\/calls\/([^/]+)$/.exec(location.hash);
  app.dataset.shows = named ? "call" : "list";
  if (named) {
    const id = decoded(named[1]);
    list.select(id);
    view = new CallView(id, { onChanged: () => list.now() });
    main.append(view.root);
    view.start();
  } else {
    list.select(null);
    main.append(template("t-nothing").root);
    document.title = "Calls \u2013 Call audio";
  }
  window.scrollTo(0, 0);
}

/** As the address names it; one that was cut short is shown as it is. */
function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function focusHeading() {
  const isPhone = app.dataset.shows === "list" && getComputedStyle(main).display === "none";
  const heading = isPhone ? document.getElementById("calls-heading") : main.querySelector("h1");
  heading?.focus({ preventScroll: true });
}

function showLink(state, { error, wait } = {}) {
  link.dataset.state = state;
  const texts = {
    ok: "Up to date",
    paused: "Paused",
    failing: `${error?.message ?? "No answer."} Next try in ${Math.ceil((wait ?? 0) / 1000)} s`,
  };
  setText(linkText, texts[state]);
}

document.getElementById("gate-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  refuse("");
  const given = keyField.value.trim();
  if (!given) return refuse("Enter the function key.");
  // A header can hold nothing else, and no key has it.
  if (!/^[\x21-\x7e]+$/.test(given)) return refuse("This is no function key: it has characters that no key has.");
  key.set(given);
  keyButton.disabled = true;
  try {
    await json("calls?limit=1");
  } catch (error) {
    key.forget();
    refuse(error.status === 401 ? "The app refused this key. Check it and try again." : error.message);
    keyField.focus();
    keyField.select();
    return;
  } finally {
    keyButton.disabled = false;
  }
  keyField.value = "";
  open();
  focusHeading();
});

document.getElementById("lock").addEventListener("click", () => lock());
keyEvents.addEventListener("refused", () => {
  if (isOpen) lock("The app no longer takes this key. Enter the one that it takes now.");
});
window.addEventListener("hashchange", () => {
  route();
  focusHeading();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  (isOpen ? main : keyField).focus();
});
setUpPlacing((record) => {
  list.now();
  location.hash = `#/calls/${encodeURIComponent(record.call_connection_id)}`;
});

if (key.get()) open();
else lock();
