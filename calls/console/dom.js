// Making elements. Data only ever becomes text: nothing here takes markup.

/** An element with attributes, properties (on*) and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** An icon of the sprite in index.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** The template's first element, and its parts by their `data-` names. */
export function template(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const part of [root, ...root.querySelectorAll("*")]) {
    for (const name of Object.keys(part.dataset)) parts[name] ??= part;
  }
  return { root, parts };
}

/** Set text only where it changed, so that a screen reader is not told of it again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Say something to screen readers. */
export function say(text) {
  setText(document.getElementById("said"), text);
}

/** Show a notice for a while; a fault stays until it is dismissed. */
export function notify(text, { fault = false } = {}) {
  const notice = element(
    "div",
    { class: fault ? "notice fault" : "notice", role: fault ? "alert" : "status" },
    element("p", {}, text),
    element("button", { class: "icon-button", type: "button", "aria-label": "Dismiss",
      onclick: () => notice.remove() }, "\u00d7"),
  );
  document.getElementById("notices").append(notice);
  if (!fault) setTimeout(() => notice.remove(), 6000);
}
