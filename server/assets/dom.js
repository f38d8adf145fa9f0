// Making and finding elements. Text only ever becomes text: nothing here, or
// elsewhere on the page, takes HTML.

export const byId = (id) => document.getElementById(id);

/// An element with attributes and children. `class` and `text` are what they
/// say, a function is a listener, `true` is an attribute without a value;
/// attributes that are null, undefined or false are left out.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function makeSvg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/// Sets a text only where it differs, so that selections and screen readers are
/// not disturbed each second.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/// A value of the style sheet's, such as `--good`.
export function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/// A small word in a box, with a sign besides the colour.
export function badge(word) {
  return make("span", { class: `badge ${word.replaceAll(" ", "-")}`, text: word });
}
