// The dialog that places a call.

import { sendJson } from "./api.js";
import { setText } from "./dom.js";
import { capitalise } from "./format.js";

const CALLER_ID_ITEM = "call-audio.caller-id";
const dialog = document.getElementById("place-dialog");
const form = document.getElementById("place-form");
const errorText = document.getElementById("place-error");
const submitButton = form.querySelector("[type=submit]");

/** The last request and its idempotency key. */
let lastRequest = null;

/** Set up the dialog; `onPlaced(record)` is called for each call that is placed. */
export function setUpPlaceCall(onPlaced) {
  document.getElementById("new-call").addEventListener("click", () => {
    form.from.value ||= sessionStorage.getItem(CALLER_ID_ITEM) ?? "";
    clearErrors();
    lastRequest = null;
    dialog.showModal();
    form.to.focus();
  });
  form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await placeCall(onPlaced);
  });
}

async function placeCall(onPlaced) {
  clearErrors();
  const body = readForm();
  if (!body.to) return showErrors([{ field: "to", message: "Enter a phone number or user ID." }]);
  // A retry after a lost response sends the same key, so that it does not place a second call.
  const text = JSON.stringify(body);
  if (lastRequest?.text !== text) lastRequest = { text, key: crypto.randomUUID() };
  submitButton.disabled = true;
  try {
    const headers = { "Idempotency-Key": lastRequest.key };
    const record = await sendJson("calls", { method: "POST", body, headers });
    if (body.from) sessionStorage.setItem(CALLER_ID_ITEM, body.from);
    dialog.close();
    onPlaced(record);
  } catch (error) {
    if (error.status === 401) dialog.close();
    else if (error.errors?.length) showErrors(error.errors);
    else setText(errorText, error.message);
  } finally {
    submitButton.disabled = false;
  }
}

function readForm() {
  const body = {
    to: normaliseNumber(form.to.value),
    channels: form.channels.value,
    sample_rate: Number(form.sample_rate.value),
    start_streaming: form.start_streaming.checked,
  };
  if (form.from.value.trim()) body.from = normaliseNumber(form.from.value);
  return body;
}

/** Remove spaces, brackets and dashes from a phone number: E.164 has none. */
function normaliseNumber(text) {
  return /^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text.trim();
}

function clearErrors() {
  setText(errorText, "");
  for (const name of ["to", "from"]) {
    setText(document.getElementById(`place-${name}-error`), "");
    form[name].removeAttribute("aria-invalid");
  }
}

/** Show each error at its field, and the others below the form. */
function showErrors(errors) {
  const otherMessages = [];
  for (const { field, message } of errors) {
    const fieldError = document.getElementById(`place-${field}-error`);
    if (!fieldError) otherMessages.push(`${field} ${message}`);
    else {
      setText(fieldError, capitalise(message));
      form[field].setAttribute("aria-invalid", "true");
    }
  }
  setText(errorText, otherMessages.join("; "));
  form.querySelector("[aria-invalid]")?.focus();
}
