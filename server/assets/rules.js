// The rules in force: files, generation, the last reload, what is wrong.

import { byId, make, setText } from "./dom.js";
import { dateAndTime } from "./time.js";

let shownRules = "";
let shownModes = "";

function place(error) {
  return error.line ? `${error.file}:${error.line}:${error.column}` : error.file;
}

/// Shows what `/health` says of the rules, and a notice while files are wrong.
export function showRules(rules) {
  setText(byId("generation"), rules.generation.slice(0, 12) || "none");
  byId("generation").title = rules.generation;
  const key = JSON.stringify(rules);
  if (key === shownRules) return;
  shownRules = key;
  const { error } = rules;
  byId("rules-error").hidden = !error;
  if (error) {
    setText(byId("rules-error-place"), `${place(error)}: ${error.message}`);
    setText(byId("rules-error-source"), error.source);
    byId("rules-error-source").hidden = !error.source;
  }
  const loaded = dateAndTime(Date.parse(rules.loaded) / 1000);
  const rows = [
    ["Generation", make("code", { text: rules.generation || "none" })],
    ["In force since", make("span", { text: loaded })],
    ["Files", rules.files.length ? make("ul", { class: "plain" }, ...rules.files.map((file) => make("li", {}, make("code", { text: file })))) : make("span", { text: "none: nothing is ever done" })],
    ["Last reload", error
      ? make("div", {}, make("span", { class: "wrong", text: `refused: ${place(error)}: ${error.message}` }),
        error.source ? make("pre", { tabindex: "0", text: error.source }) : null)
      : make("span", { class: "good", text: "good: what is on disk is in force" })],
  ];
  byId("rules").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", {}, value)]));
}

/// Shows the modes of the rules that have one, as `/healing/status` tells them.
export function showModes(modes) {
  const key = JSON.stringify(modes);
  if (key === shownModes) return;
  shownModes = key;
  byId("modes-part").hidden = modes.length === 0;
  byId("modes").tBodies[0].replaceChildren(...modes.map((one) => make("tr", {},
    make("th", { scope: "row", text: one.fault.replaceAll("-", " ") }), make("td", {}, make("code", { text: one.rule })),
    make("td", {}, one.mode, one.live ? make("span", { class: "quiet", text: " switched live" }) : null))));
}
