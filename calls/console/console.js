// The console's entry point: signing in, locking, the list of calls, and the route #/calls/{id}.

import { functionKey, keyEvents } from "./api.js";
import { CallView } from "./call.js";
import { CallList } from "./calls.js";
import { cloneTemplate, setText } from "./dom.js";
import { setUpPlaceCall } from "./place.js";
import { allows, loadSettings, loadUser, lock, lockWhenIdle, takeLockReason, usesSignIn } from "./session.js";
import { focusSignIn, hideSignIn, setUpSignIn, showSignIn } from "./signin.js";

const RETRY_MS = 3000;

const app = document.getElementById("app");
const main = document.getElementById("main");
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");

const list = new CallList(showConnection);
let view = null;
let isSignedIn = false;

/** Open the console for a user: `{ name, roles }`. */
function openApp({ name, roles }) {
  hideSignIn();
  app.hidden = false;
  isSignedIn = true;
  setText(document.getElementById("user"), `${name} (${roles.join(", ")})`);
  document.getElementById("new-call").hidden = !allows("place_call");
  lockWhenIdle();
  list.start();
  route();
}

/** Open the console if a key or a session is there; else ask for one. */
async function start() {
  try {
    await loadSettings();
    if (!usesSignIn() && !functionKey.get()) return showSignIn(takeLockReason());
    openApp(await loadUser());
  } catch (error) {
    if (error.status === 401 && usesSignIn()) return showSignIn(takeLockReason());
    if (error.status === 403) return showSignIn(`${error.message} Ask whoever administers the app.`, { hasNoRole: true });
    if (error.status === 401) return lock("The function key was rejected. Enter a new one.");
    showSignIn(error.message);
    setTimeout(start, RETRY_MS);
  }
}

function closeView() {
  view?.stop();
  view = null;
  main.replaceChildren();
}

/** Show what the URL's fragment names. */
function route() {
  if (!isSignedIn) return;
  const match = /^#\/calls\/([^/?]+)(?:\?(.*))?$/.exec(location.hash);
  const id = match && decodeId(match[1]);
  const startMs = match ? parseMoment(match[2]) : null;
  if (view !== null && view.id === id) {
    if (startMs !== null) view.seek(startMs);
    return;
  }
  closeView();
  app.dataset.route = match ? "call" : "list";
  if (match) {
    list.select(id);
    view = new CallView(id, { onChanged: () => list.refresh() });
    if (startMs !== null) view.seek(startMs);
    main.append(view.root);
    view.start();
  } else {
    list.select(null);
    main.append(cloneTemplate("t-empty").root);
    document.title = "Calls \u2013 Call Audio";
  }
  window.scrollTo(0, 0);
}

/** Decode an ID from the URL; a malformed one is returned as it is. */
function decodeId(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** The moment that a link names with `?t=`, in seconds; in milliseconds, null without one. */
function parseMoment(query) {
  const seconds = Number.parseFloat(new URLSearchParams(query ?? "").get("t"));
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/** After a route changes, its heading takes the focus, as on a new page. */
function focusHeading() {
  const isListOnly = app.dataset.route === "list" && getComputedStyle(main).display === "none";
  const heading = isListOnly ? document.getElementById("calls-heading") : main.querySelector("h1");
  heading?.focus({ preventScroll: true });
}

function showConnection(state, { error, delay } = {}) {
  connection.dataset.state = state;
  const texts = {
    ok: "Up to date",
    paused: "Paused",
    failing: `${error?.message ?? "No response."} Retrying in ${Math.ceil((delay ?? 0) / 1000)} s`,
  };
  setText(connectionText, texts[state]);
}

setUpSignIn((user) => {
  openApp(user);
  focusHeading();
});
document.getElementById("lock").addEventListener("click", () => lock());
keyEvents.addEventListener("rejected", () => {
  if (!isSignedIn) return;
  lock(usesSignIn() ? "Your session has ended." : "The function key was rejected. Enter a new one.");
});
window.addEventListener("hashchange", () => {
  const previousView = view;
  route();
  if (view !== previousView || view === null) focusHeading();
});
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  if (isSignedIn) main.focus();
  else focusSignIn();
});
setUpPlaceCall((record) => {
  list.refresh();
  location.hash = `#/calls/${encodeURIComponent(record.call_connection_id)}`;
});

await start();
