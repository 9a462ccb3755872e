// Build and update elements. Data only ever becomes text, never markup.

/** How long an object URL stays valid for the browser to save the file. */
const URL_LIFETIME_MS = 60_000;

/** Create an element with attributes, listeners (on*) and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Create an element of SVG with attributes and children. */
export function svgElement(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** Create an icon from the sprite in index.html. */
export function icon(name) {
  const svg = svgElement("svg", { class: "icon", "aria-hidden": "true" });
  svg.append(svgElement("use", { href: `#i-${name}` }));
  return svg;
}

/** Copy a template: its root element, and the elements in it by their `data-` names. */
export function cloneTemplate(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const node of [root, ...root.querySelectorAll("*")]) {
    for (const name of Object.keys(node.dataset)) parts[name] ??= node;
  }
  return { root, parts };
}

/** Set text only if it differs: a screen reader announces every change. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replace children only if they differ, which keeps the focus, the scroll position and what is open. */
export function setChildren(node, children) {
  const isSame = node.childElementCount === children.length &&
    children.every((child, index) => child.isEqualNode(withDetailsClosed(node.children[index])));
  if (!isSame) node.replaceChildren(...children);
}

function withDetailsClosed(node) {
  if (!node.querySelector("details[open]")) return node;
  const copy = node.cloneNode(true);
  for (const details of copy.querySelectorAll("details")) details.open = false;
  return copy;
}

/** Make a list hold these items. A moved element loses the focus, so those in place stay untouched. */
export function placeChildren(list, items) {
  const kept = new Set(items);
  for (const item of [...list.children]) if (!kept.has(item)) item.remove();
  let current = list.firstElementChild;
  for (const item of items) {
    if (current === item) current = current.nextElementSibling;
    else list.insertBefore(item, current);
  }
}

/** Show a status from record.js in a badge. */
export function setBadge(node, { text, variant }) {
  setText(node, text);
  node.dataset.variant = variant;
}

/** Announce a text to screen readers. */
export function announce(text) {
  setText(document.getElementById("announcement"), text);
}

/** Show a notification for six seconds; an error stays until it is dismissed. */
export function notify(text, { isError = false } = {}) {
  const notification = element(
    "div",
    { class: isError ? "notification error" : "notification", role: isError ? "alert" : "status" },
    element("p", {}, text),
    element("button", { class: "icon-button", type: "button", "aria-label": "Dismiss",
      onclick: () => notification.remove() }, "\u00d7"),
  );
  document.getElementById("notifications").append(notification);
  if (!isError) setTimeout(() => notification.remove(), 6000);
}

/** Let the browser save a file. */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), URL_LIFETIME_MS);
}
