// Ask the user before something is done that the console cannot undo, or that needs a reason.

import { element } from "./dom.js";

let count = 0;

/**
 * Ask in a dialog; resolves to whether the answer was yes.
 *
 * `action` is the text of the button that does it; `isDanger`: it destroys something. `fields` are
 * elements of the form; while a required one is empty, the answer cannot be yes.
 */
export async function ask({ heading, text, action, isDanger = false, fields = [] }) {
  count += 1;
  const [headingId, textId] = [`ask-heading-${count}`, `ask-text-${count}`];
  const cancel = element("button", { class: "button", type: "button", autofocus: !fields.length }, "Cancel");
  const dialog = element("dialog", { class: "dialog small", "aria-labelledby": headingId, "aria-describedby": textId },
    element("form", { method: "dialog" },
      element("h2", { id: headingId }, heading), element("p", { id: textId }, text), ...fields,
      element("div", { class: "dialog-actions" }, cancel,
        element("button", { class: `button ${isDanger ? "danger-solid" : "primary"}`, value: "yes" }, action))));
  cancel.addEventListener("click", () => dialog.close("no"));
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  dialog.remove();
  return dialog.returnValue === "yes";
}
