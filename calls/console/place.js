// The dialog that places a call.

import { sendJson } from "./api.js";
import { setText } from "./dom.js";
import { parseTags } from "./filters.js";
import { capitalise } from "./format.js";
import { normaliseNumber } from "./participants.js";

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
    form.reset();
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
  const optional = {
    from: normaliseNumber(form.from.value),
    locale: parseTags(form.locale.value),
    retention_days: Number(form.retention_days.value),
    dtmf: form.dtmf.value,
    announcement: readAnnouncement(),
    cognitive_services_endpoint: form.cognitive_services_endpoint.value.trim(),
    tags: parseTags(form.tags.value),
    names: form.elements.name.value.trim() && { [body.to]: form.elements.name.value.trim() },
  };
  // What is left empty is left to the app's settings.
  for (const [name, value] of Object.entries(optional)) if (value && value.length !== 0) body[name] = value;
  return body;
}

function readAnnouncement() {
  const text = form.announcement.value.trim();
  if (!text) return null;
  return { [/^https:\/\//i.test(text) ? "url" : "text"]: text, required: form.announcement_required.checked };
}

function clearErrors() {
  setText(errorText, "");
  for (const error of form.querySelectorAll(".field-error")) setText(error, "");
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Show each error at its field, and the others below the form. */
function showErrors(errors) {
  const otherMessages = [];
  for (const { field, message } of errors) {
    // `announcement.text` and `tags.0` are errors of the fields `announcement` and `tags`.
    const name = field.split(/[.[]/)[0];
    const fieldError = document.getElementById(`place-${name}-error`);
    if (!fieldError) otherMessages.push(`${field} ${message}`);
    else {
      setText(fieldError, capitalise(message));
      form.querySelector(`[aria-describedby~="place-${name}-error"]`).setAttribute("aria-invalid", "true");
      if (fieldError.closest("details")) fieldError.closest("details").open = true;
    }
  }
  setText(errorText, otherMessages.join("; "));
  form.querySelector("[aria-invalid]")?.focus();
}
