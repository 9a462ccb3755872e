// The sign-in form: asks for the function key and checks it with a request.

import { functionKey, sendJson } from "./api.js";
import { setText } from "./dom.js";

const page = document.getElementById("sign-in");
const form = document.getElementById("sign-in-form");
const keyInput = document.getElementById("sign-in-key");
const allTabsBox = document.getElementById("sign-in-all-tabs");
const errorText = document.getElementById("sign-in-error");
const submitButton = form.querySelector("[type=submit]");

/** Set up the form; `onSignIn()` is called when the app has accepted the key. */
export function setUpSignIn(onSignIn) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await signIn()) onSignIn();
  });
}

/** Show the form, with the reason why a key is needed again. */
export function showSignIn(reason = "") {
  page.hidden = false;
  showError(reason);
  focusKey();
}

export function hideSignIn() {
  page.hidden = true;
}

export function focusKey() {
  keyInput.focus();
}

/** Store the key that was entered; false, with an error shown, if it is not valid. */
async function signIn() {
  showError("");
  const key = keyInput.value.trim();
  if (!key) return showError("Enter a function key.");
  // An HTTP header allows no other characters, and no function key contains them.
  if (!/^[\x21-\x7e]+$/.test(key)) return showError("A function key cannot contain spaces or special characters.");
  functionKey.set(key, { inAllTabs: allTabsBox.checked });
  submitButton.disabled = true;
  try {
    await sendJson("calls?limit=1");
  } catch (error) {
    functionKey.remove();
    showError(error.status === 401 ? "The function key is not valid. Check it and try again." : error.message);
    keyInput.focus();
    keyInput.select();
    return false;
  } finally {
    submitButton.disabled = false;
  }
  keyInput.value = "";
  return true;
}

function showError(message) {
  setText(errorText, message);
  if (message) keyInput.setAttribute("aria-invalid", "true");
  else keyInput.removeAttribute("aria-invalid");
  return false;
}
