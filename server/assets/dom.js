// Making and finding elements. Text only ever becomes text: nothing here, or
// elsewhere on the page, takes HTML.

export const byId = (id) => document.getElementById(id);

// Signs that are not seen themselves but turn the text around them: written as Rust and
// MeTTa write them, so that no text looks like another.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

const plainly = (text) => String(text).replace(UNSEEN, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);

/// An element with attributes and children. `class` and `text` are what they
/// say, a function is a listener, `true` is an attribute without a value;
/// attributes that are null, undefined or false are left out.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = plainly(value);
    else if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined)
    .map((child) => child instanceof Node ? child : plainly(child)));
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
  const plain = plainly(text);
  if (element.textContent !== plain) element.textContent = plain;
}

/// A value of the style sheet's, such as `--good`.
export function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/// A small word in a box, with a sign besides the colour.
export function badge(word) {
  return make("span", { class: `badge ${word.replaceAll(" ", "-")}`, text: word });
}
