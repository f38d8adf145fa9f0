// The rules in force: files, generation, the last reload, what is wrong; their modes
// and how often each led to decisions.

import { byId, make, setText } from "./dom.js";
import { post } from "./remote.js";
import { dateAndTime } from "./time.js";

const MODES = ["enforce", "shadow", "canary 10"];
/// Rules that are listed at once.
const LISTED = 200;

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

let everyRule = [];

/// Shows every rule of the files, those that led to most decisions first.
export function showEveryRule(rules) {
  everyRule = rules.map((rule, place) => ({ rule, place }))
    .sort((a, b) => b.rule.decisions - a.rule.decisions || a.place - b.place)
    .map(({ rule }) => rule);
  byId("every-rule").hidden = rules.length === 0;
  const decided = rules.filter((rule) => rule.decisions > 0).length;
  setText(byId("rule-counts"), `${rules.length.toLocaleString("en")}, of which ${decided} led to decisions`);
  listRules();
}

/// Lists those that the filter leaves, while the list is open.
function listRules() {
  if (!byId("every-rule").open) return;
  const words = byId("rule-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (rule) => `${rule.rule} ${rule.mode} ${rule.place}`.toLowerCase();
  const left = everyRule.filter((rule) => words.every((word) => text(rule).includes(word)));
  byId("every-rule-table").tBodies[0].replaceChildren(...left.slice(0, LISTED).map((one) => make("tr", { class: one.decisions ? null : "never" },
    make("td", { class: "number", text: one.decisions.toLocaleString("en") }), make("td", {}, make("code", { text: one.rule })),
    make("td", { text: one.mode, title: one.modes.map((mode) => `${mode.fault} ${mode.rule}: ${mode.mode}`).join("\n") || null }),
    make("td", {}, make("code", { class: "place", text: one.place.split("/").pop(), title: one.place })))));
  const out = byId("rules-left-out");
  out.hidden = left.length > 0 && left.length <= LISTED;
  setText(out, left.length ? `${LISTED} of ${left.length.toLocaleString("en")} are shown; say more of what you look for.` : "No rule has that.");
}

/// A choice of modes for one rule; the mode it has is one of them, whatever it is.
function choice(one) {
  const label = `Mode of ${one.rule} for ${one.fault.replaceAll("-", " ")}`;
  const select = make("select", { "aria-label": label, "data-fault": one.fault, "data-rule": one.rule },
    ...[...new Set([one.mode, ...MODES])].map((mode) => make("option", { value: mode, text: mode })),
    one.live ? make("option", { value: "rules", text: "as the rules say" }) : null);
  select.value = one.mode;
  return select;
}

/// Shows the modes of the rules that have one, as `/healing/status` tells them.
export function showModes(modes) {
  const key = JSON.stringify(modes);
  // What is being chosen must not change under the one who chooses.
  if (key === shownModes || byId("modes").contains(document.activeElement)) return;
  shownModes = key;
  byId("modes-part").hidden = modes.length === 0;
  byId("modes").tBodies[0].replaceChildren(...modes.map((one) => make("tr", {},
    make("th", { scope: "row", text: one.fault.replaceAll("-", " ") }), make("td", {}, make("code", { text: one.rule })),
    make("td", {}, choice(one), one.live ? make("span", { class: "quiet", text: " switched live" }) : null))));
}

/// Makes the list of rules and its filter work, and the choices switch modes, until
/// the next switch or start.
export function makeRules() {
  byId("every-rule").addEventListener("toggle", listRules);
  byId("rule-filter").addEventListener("input", listRules);
  byId("modes").addEventListener("change", async (event) => {
    const select = event.target;
    const asked = new URLSearchParams({ fault: select.dataset.fault, rule: select.dataset.rule, mode: select.value });
    const said = byId("modes-answer");
    select.blur();
    try {
      const { modes } = await post(`/healing/mode?${asked}`);
      said.className = "quiet";
      setText(said, `${select.dataset.rule} of ${select.dataset.fault} is switched until the next switch or start.`);
      showModes(modes);
    } catch (error) {
      said.className = "wrong";
      setText(said, error.message);
      shownModes = "";
    }
  });
}
