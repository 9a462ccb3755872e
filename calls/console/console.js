// The console's entry point: signing in, locking, the list of calls, and the view that the URL names.

import { functionKey, keyEvents } from "./api.js";
import { BulkActions } from "./bulk.js";
import { CallView } from "./call.js";
import { CallList } from "./calls.js";
import { cloneTemplate, setText } from "./dom.js";
import { Filters } from "./filters.js";
import { setUpKeys } from "./keys.js";
import { setUpPlaceCall } from "./place.js";
import { QualityView } from "./quality.js";
import { describeList, formatRoute, isSameFilters, parseRoute } from "./route.js";
import { allows, loadSettings, loadUser, lock, lockWhenIdle, takeLockReason, usesSignIn } from "./session.js";
import { focusSignIn, hideSignIn, setUpSignIn, showSignIn } from "./signin.js";

const RETRY_MS = 3000;

const app = document.getElementById("app");
const main = document.getElementById("main");
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");

const list = new CallList({
  onState: showConnection,
  onMatch: (id, startMs) => navigate({ view: "call", id, startMs, filters: current.filters }, { play: true }),
  onSelection: () => {
    bulk.show();
    filters.offerKnown(list.records);
  },
});
const bulk = new BulkActions(list);
const filters = new Filters((chosen) => navigate({ ...current, startMs: null, filters: chosen }));
let view = null;
let isSignedIn = false;
/** The route that is shown; null before the first one. */
let current = null;

/** Open the console for a user: `{ name, roles }`. */
function openApp({ name, roles }) {
  hideSignIn();
  app.hidden = false;
  isSignedIn = true;
  setText(document.getElementById("user"), `${name} (${roles.join(", ")})`);
  document.getElementById("new-call").hidden = !allows("place_call");
  lockWhenIdle();
  route();
  list.start();
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

/** Go to a route, as a link would, but at once: the event of a link comes later. */
function navigate(next, options) {
  const hash = formatRoute(next);
  if (hash !== location.hash) history.pushState(null, "", hash);
  route(options);
}

/** Show what the URL's fragment names; with `play`, play the call from the moment that it names. */
function route({ play = false } = {}) {
  if (!isSignedIn) return;
  const previous = current;
  current = parseRoute(location.hash);
  const isNewView = !previous || current.view !== previous.view || current.id !== previous.id;
  const isNewList = !previous || !isSameFilters(current.filters, previous.filters);
  if (isNewList) {
    filters.show(current.filters);
    list.setFilters(current.filters, { isStarted: previous !== null });
    document.getElementById("view-calls").href = formatRoute({ view: "list", filters: current.filters });
    document.getElementById("view-quality").href = formatRoute({ view: "quality", filters: current.filters });
  }
  if (isNewView) openView();
  else if (isNewList) view?.setFilters?.(current.filters);
  if (current.startMs !== null) view.seek(current.startMs, { play });
  if (current.view === "list") document.title = `${describeList(current.filters)} \u2013 Call Audio`;
  if (view?.backLink) view.backLink.href = formatRoute({ view: "list", filters: current.filters });
  if (isNewView && previous) focusHeading();
}

/** Replace the view by that of the current route. */
function openView() {
  view?.stop();
  view = null;
  app.dataset.route = current.view;
  for (const name of ["calls", "quality"]) {
    const isOpen = (name === "quality") === (current.view === "quality");
    document.getElementById(`view-${name}`).toggleAttribute("aria-current", isOpen);
  }
  list.select(current.id);
  if (current.view === "call") {
    view = new CallView(current.id, {
      onChanged: () => list.refresh(),
      onRecord: (record) => list.update(record),
    });
  } else if (current.view === "quality") view = new QualityView(current.filters);
  main.replaceChildren(view?.root ?? cloneTemplate("t-empty").root);
  view?.start();
  window.scrollTo(0, 0);
}

/** After the view changes, its heading takes the focus, as on a new page. */
function focusHeading() {
  const isListOnly = app.dataset.route === "list" && getComputedStyle(main).display === "none";
  const heading = isListOnly ? document.getElementById("calls-heading") : main.querySelector("h1");
  heading?.focus({ preventScroll: true });
}

/** Escape clears the selection, or returns from a view to the list. */
function leave() {
  if (list.selection.size) return bulk.clear();
  if (document.activeElement?.id === "search-calls") return document.activeElement.blur();
  if (current.view === "list") return;
  const { id } = current;
  navigate({ view: "list", filters: current.filters });
  list.linkOf(id)?.focus();
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
window.addEventListener("hashchange", () => route());
document.getElementById("calls-clear").addEventListener("click", () => filters.clear());
setUpKeys({
  list, onSearch: () => filters.focusSearch(), onEscape: leave, isActive: () => isSignedIn,
});
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  if (isSignedIn) main.focus();
  else focusSignIn();
});
setUpPlaceCall((record) => {
  list.refresh();
  navigate({ view: "call", id: record.call_connection_id, filters: current.filters });
});

await start();
