// Which calls are selected. Pure.

export class Selection {
  #ids = new Set();
  #anchor = null;

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  /** The selected IDs, in the order in which they are shown. */
  inOrder(shownIds) {
    return shownIds.filter((id) => this.#ids.has(id));
  }

  /** Select a call, or not; with `isRange`, all from the last one chosen to this one. */
  set(id, isSelected, { isRange = false, shownIds = [] } = {}) {
    const [anchor, index] = [shownIds.indexOf(this.#anchor), shownIds.indexOf(id)];
    const ids = isRange && anchor >= 0 && index >= 0
      ? shownIds.slice(Math.min(anchor, index), Math.max(anchor, index) + 1)
      : [id];
    for (const each of ids) {
      if (isSelected) this.#ids.add(each);
      else this.#ids.delete(each);
    }
    this.#anchor = id;
  }

  setAll(ids) {
    this.#ids = new Set(ids);
    this.#anchor = null;
  }

  clear() {
    this.setAll([]);
  }

  /** Forget the calls that are no longer shown: nothing is done to what the user does not see. */
  keepOnly(shownIds) {
    const shown = new Set(shownIds);
    for (const id of this.#ids) if (!shown.has(id)) this.#ids.delete(id);
  }
}
