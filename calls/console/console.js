// The console's entry point: sign-in, the list of calls, and the route #/calls/{id}.

import { functionKey, keyEvents } from "./api.js";
import { CallView } from "./call.js";
import { CallList } from "./calls.js";
import { cloneTemplate, setText } from "./dom.js";
import { setUpPlaceCall } from "./place.js";
import { focusKey, hideSignIn, setUpSignIn, showSignIn } from "./signin.js";

const app = document.getElementById("app");
const main = document.getElementById("main");
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");

const list = new CallList(showConnection);
let view = null;
let isSignedIn = false;

function openApp() {
  hideSignIn();
  app.hidden = false;
  isSignedIn = true;
  list.start();
  route();
}

/** Remove the key and everything that was loaded with it. */
function signOut(reason = "") {
  functionKey.remove();
  isSignedIn = false;
  list.stop();
  closeView();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  app.hidden = true;
  document.title = "Call Audio";
  showSignIn(reason);
}

function closeView() {
  view?.stop();
  view = null;
  main.replaceChildren();
}

/** Show what the URL's fragment names. */
function route() {
  if (!isSignedIn) return;
  closeView();
  const match = /^#\/calls\/([^/]+)$/.exec(location.hash);
  app.dataset.route = match ? "call" : "list";
  if (match) {
    const id = decodeId(match[1]);
    list.select(id);
    view = new CallView(id, { onChanged: () => list.refresh() });
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

setUpSignIn(() => {
  openApp();
  focusHeading();
});
document.getElementById("sign-out").addEventListener("click", () => signOut());
keyEvents.addEventListener("rejected", () => {
  if (isSignedIn) signOut("The function key was rejected. Enter a new one.");
});
window.addEventListener("hashchange", () => {
  route();
  focusHeading();
});
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  if (isSignedIn) main.focus();
  else focusKey();
});
setUpPlaceCall((record) => {
  list.refresh();
  location.hash = `#/calls/${encodeURIComponent(record.call_connection_id)}`;
});

if (functionKey.get()) openApp();
else signOut();
