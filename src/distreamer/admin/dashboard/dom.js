// The few things that are done to the document. Nothing is touched that is as it should be: focus, selections and what
// a screen reader reads stay where they are.

export const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

export function set(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function made(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const kept = new WeakMap();

// Keeps the children of `list` in step with `items`: one for each, in their order, known by its key. Of those with the
// same key the first is always the first.
export function keep(list, items, keyOf, make, update) {
  const before = kept.get(list) ?? new Map();
  const now = new Map();
  let place = list.firstElementChild;
  for (const item of items) {
    let key = String(keyOf(item));
    while (now.has(key)) key += "'";
    const element = before.get(key) ?? make(item);
    before.delete(key);
    now.set(key, element);
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
    update(element, item);
  }
  for (const element of before.values()) element.remove();
  kept.set(list, now);
}
