// Elements, in few words.

export const $ = (id) => document.getElementById(id);

// An element with properties, and children that may be elements, texts or nothing.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (key === "data") Object.assign(made.dataset, value);
    else if (key in made && key !== "list") made[key] = value;
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// The name space of drawings, without its address in a file of ours.
const NAMES = document.createRange().createContextualFragment("<svg></svg>").firstChild.namespaceURI;

export function draw(tag, attributes = {}, ...children) {
  const made = document.createElementNS(NAMES, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A choice among values, each with a text.
export function choice(properties, pairs, value) {
  const made = make("select", properties, pairs.map(([own, text]) => new Option(text, own)));
  made.value = value ?? "";
  if (made.selectedIndex < 0) made.selectedIndex = 0;
  return made;
}

export function labeled(text, field, ...more) {
  return make("label", {}, make("span", {}, text), field, ...more);
}
