// Erasing one participant from a call: who, and how far it is.

import { sendJson } from "./api.js";
import { ask } from "./ask.js";
import { element, notify } from "./dom.js";
import { formatParticipant } from "./format.js";

const POLL_MS = 1000;

/**
 * Ask whom to erase, and wait until that is done; resolves to whether it was.
 *
 * `tracks` are those of the call's timeline: `{ track, participant, name }`. The request names the
 * track, because a URL must have no phone number. `isStopped()` ends the waiting.
 */
export async function eraseParticipant(path, tracks, isStopped) {
  const choices = tracks.map(({ track, participant, name }) =>
    element("label", { class: "radio-card" },
      element("input", { type: "radio", name: "participant", value: track, required: true }),
      element("span", {}, element("b", {}, formatParticipant(participant, name)))));
  const fieldset = element("fieldset", { class: "field" }, element("legend", {}, "Participant"),
    element("div", { class: "stack" }, ...choices));
  const isSure = await ask({
    heading: "Erase a participant?", action: "Erase", isDanger: true, fields: [fieldset],
    text: "Their audio, words and every mention of them are deleted, and the recording is made again without them. "
      + "The console cannot undo this.",
  });
  if (!isSure || isStopped()) return false;
  const track = fieldset.querySelector(":checked").value;
  notify("Erasing the participant");
  let deletion = await sendJson(`${path}?participant=${encodeURIComponent(track)}`, { method: "DELETE" });
  while (deletion.state === "running" && !isStopped()) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    deletion = await sendJson(`deletions/${encodeURIComponent(deletion.id)}`);
  }
  if (isStopped()) return false;
  notify(deletion.state === "completed" ? "Participant erased"
    : "Erased in part: an immutability policy protects the rest", { isError: deletion.state !== "completed" });
  return true;
}
