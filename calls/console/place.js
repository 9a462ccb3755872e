// The dialog that places a call.

import { json } from "./api.js";
import { setText } from "./dom.js";

const CALLER = "call-audio.caller-id";
const dialog = document.getElementById("place-dialog");
const form = document.getElementById("place-form");
const fault = document.getElementById("place-error");
const submit = form.querySelector("[type=submit]");

let repeatable = null;

/** Set the dialog up; `onPlaced(record)` is told of each call that was placed. */
export function setUpPlacing(onPlaced) {
  document.getElementById("place").addEventListener("click", () => {
    form.from.value ||= sessionStorage.getItem(CALLER) ?? "";
    clearFaults();
    repeatable = null;
    dialog.showModal();
    form.to.focus();
  });
  form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await place(onPlaced);
  });
}

async function place(onPlaced) {
  clearFaults();
  const body = asked();
  if (!body.to) return showFaults([{ field: "to", message: "Whom shall it call?" }]);
  // The same request sent again, after an answer that was lost, must not ring a phone twice.
  const text = JSON.stringify(body);
  if (repeatable?.text !== text) repeatable = { text, key: crypto.randomUUID() };
  submit.disabled = true;
  try {
    const headers = { "Idempotency-Key": repeatable.key };
    const record = await json("calls", { method: "POST", body, headers });
    if (body.from) sessionStorage.setItem(CALLER, body.from);
    dialog.close();
    onPlaced(record);
  } catch (error) {
    if (error.status === 401) dialog.close();
    else if (error.errors?.length) showFaults(error.errors);
    else setText(fault, error.message);
  } finally {
    submit.disabled = false;
  }
}

function asked() {
  // People write numbers with spaces, brackets and dashes; E.164 has none.
  const plain = (text) => (/^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text.trim());
  const body = {
    to: plain(form.to.value),
    channels: form.channels.value,
    sample_rate: Number(form.sample_rate.value),
    start_streaming: form.start_streaming.checked,
  };
  if (form.from.value.trim()) body.from = plain(form.from.value);
  return body;
}

function clearFaults() {
  setText(fault, "");
  for (const name of ["to", "from"]) {
    setText(document.getElementById(`place-${name}-error`), "");
    form[name].removeAttribute("aria-invalid");
  }
}

function showFaults(errors) {
  const elsewhere = [];
  for (const { field, message } of errors) {
    const place = document.getElementById(`place-${field}-error`);
    if (!place) elsewhere.push(`${field} ${message}`);
    else {
      setText(place, message.charAt(0).toUpperCase() + message.slice(1));
      form[field].setAttribute("aria-invalid", "true");
    }
  }
  setText(fault, elsewhere.join("; "));
  form.querySelector("[aria-invalid]")?.focus();
}
