// The tags and notes of a call: shown, and edited in place.

import { sendJson } from "./api.js";
import { announce, element, setChildren, setText } from "./dom.js";
import { allows } from "./session.js";

export class Annotations {
  #path;
  #parts;
  #onChanged;
  #record = null;

  /** `onChanged()` is called after each change. */
  constructor(path, parts, onChanged) {
    this.#path = path;
    this.#parts = parts;
    this.#onChanged = onChanged;
    const { tagList, tagAdd, tagForm, noteEdit, noteForm } = parts;
    tagList.addEventListener("click", (event) => {
      const { tag } = event.target.closest("button")?.dataset ?? {};
      if (tag) this.#removeTag(tag);
    });
    tagAdd.addEventListener("click", () => this.#editTag(true));
    tagForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addTag();
    });
    noteEdit.addEventListener("click", () => this.#editNote(true));
    noteForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#saveNote();
    });
    noteForm.querySelector("[data-cancel]").addEventListener("click", () => this.#editNote(false));
    tagForm.querySelector("[data-cancel]").addEventListener("click", () => this.#editTag(false));
    for (const [form, close] of [[tagForm, () => this.#editTag(false)], [noteForm, () => this.#editNote(false)]]) {
      form.addEventListener("keydown", (event) => {
        const isSave = event.key === "Enter" && (event.ctrlKey || event.metaKey);
        if (event.key !== "Escape" && !isSave) return;
        // Escape closes the editor, and not the call.
        event.stopPropagation();
        if (isSave) form.requestSubmit();
        else close();
      });
    }
  }

  /** Show a call's tags and notes. What is being edited stays as it is. */
  show(record) {
    this.#record = record;
    const { tagList, tagAdd, tagForm, tags, notePanel, noteText, noteEdit, noteForm } = this.#parts;
    const mayEdit = allows("change_call");
    const items = (record.tags ?? []).map((tag) => element("li", {}, element("span", { class: "tag" }, tag,
      mayEdit ? element("button", { type: "button", "data-tag": tag, "aria-label": `Remove tag ${tag}` }, "\u00d7") : null)));
    setChildren(tagList, items);
    tagList.hidden = !items.length;
    tagAdd.hidden = !mayEdit || !tagForm.hidden;
    tags.hidden = !mayEdit && !items.length;
    setText(noteText, record.notes ?? "");
    noteText.hidden = !record.notes || !noteForm.hidden;
    setText(noteEdit, record.notes ? "Edit" : "Add notes");
    noteEdit.hidden = !mayEdit || !noteForm.hidden;
    notePanel.hidden = !mayEdit && !record.notes;
  }

  #editTag(isOpen) {
    const { tagForm, tagAdd, tagError } = this.#parts;
    const input = tagForm.querySelector("input");
    tagForm.hidden = !isOpen;
    input.value = "";
    setText(tagError, "");
    this.show(this.#record);
    (isOpen ? input : tagAdd).focus();
  }

  async #addTag() {
    const { tagForm, tagError } = this.#parts;
    const input = tagForm.querySelector("input");
    const tag = input.value.trim();
    if (!tag) return this.#editTag(false);
    if (this.#record.tags.includes(tag)) return setText(tagError, "The call already has this tag");
    if (!(await this.#saveTags((tags) => [...tags, tag], tagError, input))) return;
    input.value = "";
    input.focus();
    announce(`Tag ${tag} added`);
  }

  async #removeTag(tag) {
    const { tagAdd, tagError } = this.#parts;
    if (!(await this.#saveTags((tags) => tags.filter((other) => other !== tag), tagError))) return;
    tagAdd.focus();
    announce(`Tag ${tag} removed`);
  }

  #editNote(isOpen) {
    const { noteForm, noteEdit, noteError } = this.#parts;
    const area = noteForm.querySelector("textarea");
    noteForm.hidden = !isOpen;
    if (isOpen) area.value = this.#record.notes ?? "";
    setText(noteError, "");
    this.show(this.#record);
    (isOpen ? area : noteEdit).focus();
  }

  async #saveNote() {
    const { noteForm, noteError } = this.#parts;
    const area = noteForm.querySelector("textarea");
    if (!(await this.#save(async () => ({ notes: area.value.trim() || null }), noteError, area))) return;
    this.#editNote(false);
    announce("Notes saved");
  }

  /** Change the tags that the call has now: somebody else may have changed them in the meantime. */
  #saveTags(change, errorText, field = null) {
    return this.#save(async () => ({ tags: change((await sendJson(this.#path)).tags) }), errorText, field);
  }

  /** Save what `getChanges` resolves to, or show why that fails; resolves to whether it succeeded. */
  async #save(getChanges, errorText, field = null) {
    setText(errorText, "");
    field?.removeAttribute("aria-invalid");
    try {
      const record = await sendJson(this.#path, { method: "PATCH", body: await getChanges() });
      this.#record = { ...this.#record, tags: record.tags, notes: record.notes };
      this.show(this.#record);
      this.#onChanged();
      return true;
    } catch (error) {
      const message = error.errors?.map((each) => each.message).join("; ") || error.message;
      if (error.status !== 401) setText(errorText, message);
      field?.setAttribute("aria-invalid", "true");
      return false;
    }
  }
}
