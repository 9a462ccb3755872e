// Who uses the console and what they may do; locking, which removes all that the console keeps.

import { sendJson } from "./api.js";

const PREFIX = "call-audio.";
const REASON_ITEM = `${PREFIX}lock-reason`;
const ACTIVE_ITEM = `${PREFIX}active-at`;
const ACTIVE_MS = 5000;
const CHECK_MS = 5000;
const INPUT_EVENTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "timeupdate"];
const CONSOLE = new URL("../console", import.meta.url).pathname;

const otherTabs = new BroadcastChannel(`${PREFIX}lock`);
otherTabs.addEventListener("message", ({ data }) => forget(data));

let settings = { authentication: "keys", lock_minutes: 0 };
let operations = new Set();
let isLocked = false;

/** Load what the app says about signing in and locking; it needs no key. */
export async function loadSettings() {
  const response = await fetch(new URL("settings.json", import.meta.url), { cache: "no-store" });
  if (!response.ok) throw new Error(`The app returned status ${response.status}.`);
  settings = await response.json();
}

/** Whether users sign in with Entra ID, by App Service Authentication, instead of sending a key. */
export const usesSignIn = () => settings.authentication === "entra";

/** Load who the user is and what they may do; rejects with an ApiError if they may do nothing. */
export async function loadUser() {
  const { principal, roles, operations: allowed } = await sendJson("me");
  operations = new Set(allowed);
  return { name: principal.name, roles };
}

/** Whether the user's roles allow an operation, by its ID in the OpenAPI document. */
export const allows = (operation) => operations.has(operation);

/** Where App Service Authentication signs in and out, and then returns to the console. */
export const signInPath = () => `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(CONSOLE)}`;
const signOutPath = () => `/.auth/logout?post_logout_redirect_uri=${encodeURIComponent(CONSOLE)}`;

/**
 * Lock the console in all tabs: remove the key, the session and everything that was loaded with them.
 *
 * A new document replaces this one, and with it go all data in memory and all object URLs.
 */
export function lock(reason = "") {
  otherTabs.postMessage(reason);
  forget(reason);
}

/** Whether the console is locked: nothing of it is left in the document. */
export function isConsoleLocked() {
  return isLocked;
}

function forget(reason) {
  if (isLocked) return;
  isLocked = true;
  clearStorage();
  if (reason) sessionStorage.setItem(REASON_ITEM, reason);
  // Nothing may be readable while the browser loads the next page.
  document.body.replaceChildren();
  document.title = "Call Audio";
  history.replaceState(null, "", CONSOLE);
  if (usesSignIn()) location.replace(signOutPath());
  else location.reload();
}

/** Remove all that the console keeps in the browser's storage. */
function clearStorage() {
  for (const storage of [sessionStorage, localStorage]) {
    for (const name of Object.keys(storage)) if (name.startsWith(PREFIX)) storage.removeItem(name);
  }
}

/** Why the console was locked; shown once. */
export function takeLockReason() {
  const reason = sessionStorage.getItem(REASON_ITEM) ?? "";
  sessionStorage.removeItem(REASON_ITEM);
  return reason;
}

/** Whether the console was left alone for so long that it is to be locked, in any tab. */
function isIdle() {
  const activeAt = Number(localStorage.getItem(ACTIVE_ITEM)) || Date.now();
  return settings.lock_minutes > 0 && Date.now() - activeAt >= settings.lock_minutes * 60_000;
}

/** Lock when there was no input and no playback for the setting's minutes; at once if it is so already. */
export function lockWhenIdle() {
  const check = () => {
    const minutes = settings.lock_minutes === 1 ? "a minute" : `${settings.lock_minutes} minutes`;
    if (isIdle()) lock(`Locked after ${minutes} without input.`);
    return isLocked;
  };
  if (!settings.lock_minutes || check()) return;
  let noticedAt = 0;
  const notice = () => {
    // After a long sleep, the first input finds the console locked, and does not unlock it.
    if (isLocked || Date.now() - noticedAt < ACTIVE_MS || check()) return;
    noticedAt = Date.now();
    localStorage.setItem(ACTIVE_ITEM, String(noticedAt));
  };
  for (const name of INPUT_EVENTS) {
    document.addEventListener(name, notice, { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", check);
  setInterval(check, CHECK_MS);
  notice();
}
