// The page before the console is open: asks for the function key, or leads to Entra ID's sign-in.

import { functionKey } from "./api.js";
import { setText } from "./dom.js";
import { loadUser, lock, signInPath, usesSignIn } from "./session.js";

const page = document.getElementById("sign-in");
const form = document.getElementById("sign-in-form");
const card = document.getElementById("sign-in-card");
const link = document.getElementById("sign-in-link");
const signOutButton = document.getElementById("sign-in-other");
const cardText = document.getElementById("sign-in-text");
const keyInput = document.getElementById("sign-in-key");
const allTabsBox = document.getElementById("sign-in-all-tabs");
const errorText = document.getElementById("sign-in-error");
const submitButton = form.querySelector("[type=submit]");

/** Set up the page; `onSignIn(user)` is called when the app has accepted the key. */
export function setUpSignIn(onSignIn) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const user = await signIn();
    if (user) onSignIn(user);
  });
  signOutButton.addEventListener("click", () => lock());
}

/** Show the page, with the reason why signing in is needed again; `hasNoRole`: why it is of no use. */
export function showSignIn(reason = "", { hasNoRole = false } = {}) {
  page.hidden = false;
  form.hidden = usesSignIn();
  card.hidden = !usesSignIn();
  link.hidden = hasNoRole;
  signOutButton.hidden = !hasNoRole;
  if (usesSignIn()) {
    link.setAttribute("href", signInPath());
    setText(cardText, reason);
  } else showError(reason);
  focusSignIn();
}

export function hideSignIn() {
  page.hidden = true;
}

export function focusSignIn() {
  if (!usesSignIn()) keyInput.focus();
  else if (link.hidden) signOutButton.focus();
  else link.focus();
}

/** Store the key that was entered; null, with an error shown, if it is not valid. */
async function signIn() {
  showError("");
  const key = keyInput.value.trim();
  if (!key) return showError("Enter a function key.");
  // An HTTP header allows no other characters, and no function key contains them.
  if (!/^[\x21-\x7e]+$/.test(key)) return showError("A function key cannot contain spaces or special characters.");
  functionKey.set(key, { inAllTabs: allTabsBox.checked });
  submitButton.disabled = true;
  let user;
  try {
    user = await loadUser();
  } catch (error) {
    functionKey.remove();
    showError(error.status === 401 ? "The function key is not valid. Check it and try again." : error.message);
    keyInput.focus();
    keyInput.select();
    return null;
  } finally {
    submitButton.disabled = false;
  }
  keyInput.value = "";
  return user;
}

function showError(message) {
  setText(errorText, message);
  if (message) keyInput.setAttribute("aria-invalid", "true");
  else keyInput.removeAttribute("aria-invalid");
  return null;
}
