// Healing actions as a table; each row opens to why it was done.

import { badge, byId, make, setText } from "./dom.js";
import { describe, measured, metricsOf } from "./metrics.js";
import { ask } from "./remote.js";
import { dateAndTime, duration, timeOfDay } from "./time.js";

const KEPT = 500;
const SHOWN = 50;

let actions = [];
let limit = SHOWN;
const rows = new Map();
const opened = new Set();

export const all = () => actions;

/// Takes newer words on actions, by id.
export function merge(newer) {
  const known = new Map(actions.map((action) => [action.id, action]));
  for (const action of newer) {
    metricsOf(action);
    known.set(action.id, action);
  }
  actions = [...known.values()].sort((a, b) => a.id - b.id).slice(-KEPT);
}

/// Forgets all: ids begin anew when the server does.
export function clear() {
  actions = [];
  rows.clear();
  opened.clear();
}

const inWords = (fault) => fault.replaceAll("_", " ");

function beforeAndAfter(action) {
  const name = action.about.find((metric) => metric in action.evidence.before);
  if (!name) return make("span", { text: "–" });
  const metric = describe(name);
  const { before, after } = action.evidence;
  const then = action.verdict === "pending" ? "…" : after && name in after ? measured(metric, after[name]) : "not measured";
  return make("span", {}, make("span", { class: "quiet", text: `${metric.title} ` }),
    `${measured(metric, before[name])} → `, make("strong", { text: then }));
}

function links(title, found, withPlace) {
  if (!found.length) return null;
  return make("div", { class: "links" }, make("h3", { text: title }),
    make("ul", {}, ...found.map((link) => make("li", {}, make("code", { text: link.text }),
      withPlace && link.place ? make("span", { class: "place", text: link.place }) : null))));
}

/// The rules that decided, each opening to what is written at its place.
function rules(found) {
  if (!found.length) return null;
  return make("div", { class: "links" }, make("h3", { text: "Rules" }), ...found.map((rule) => {
    const name = make("span", { class: "named" }, make("code", { text: rule.text }),
      rule.place ? make("span", { class: "place", text: rule.place }) : null);
    if (!rule.source) return make("p", { class: "rule" }, name);
    return make("details", { class: "rule" }, make("summary", {}, name), make("pre", { tabindex: "0", text: rule.source }));
  }));
}

function evidence(action) {
  const { before, after } = action.evidence;
  const table = (names) => make("table", { class: "evidence", "aria-label": "Samples before and after" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col", text: "metric" }),
      make("th", { scope: "col", text: "decided on" }), make("th", { scope: "col", text: "judged by" }))),
    make("tbody", {}, ...names.map((name) => make("tr", {},
      make("th", { scope: "row" }, make("code", { text: name })),
      make("td", { text: measured(describe(name), before[name]) }),
      make("td", { text: after ? measured(describe(name), after[name]) : "…" })))));
  const about = action.about.filter((name) => name in before);
  const others = Object.keys(before).filter((name) => !about.includes(name)).sort();
  return make("div", { class: "links" }, make("h3", { text: "Samples before and after" }), table(about),
    make("details", {}, make("summary", { text: `${others.length} other metrics` }), table(others)));
}

/// By which rule it is, as which step, and what it was expected to do.
function whose(action) {
  const parts = [];
  if (action.rule) parts.push(`wanted by the rule ${action.rule}`);
  if (action.rung > 0) parts.push(`rung ${action.rung} of the ladder ${action.strategy}`);
  if (action.mode === "shadow") parts.push("only recorded, as the rule is in shadow mode");
  if (action.mode === "refused") parts.push("refused");
  if (action.expected && action.expected !== "unknown") parts.push(`expected to be ${action.expected}`);
  const text = parts.join(", ");
  return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : "";
}

function why(action) {
  const of = (kind) => action.because.filter((link) => link.kind === kind);
  const facts = of("fact");
  const operations = [...new Set(of("operation").map((link) => link.text))];
  const judged = action.duration_ms === null ? "the verdict is open" : `judged ${duration(action.duration_ms / 1000)} later`;
  return make("div", { class: "why" },
    make("p", {}, make("strong", { text: "Because " }), action.reason, "."),
    make("p", {}, whose(action)),
    make("p", { class: "quiet" }, `${action.applied ? "Done" : "Not done"}: ${action.outcome}. Decided in ${(action.decided_us / 1000).toFixed(1)} ms, ${judged}. `,
      make("a", { href: action.decision_trace_url, text: `action ${action.id} as JSON` })),
    make("div", { class: "proof" },
      rules(of("rule")),
      links("Facts", facts.filter((fact) => fact.place), true),
      links("Samples and episodes", facts.filter((fact) => !fact.place), false),
      evidence(action),
      operations.length ? make("div", { class: "links" }, make("h3", { text: "Operations" }), make("p", {}, make("code", { text: operations.join("  ") }))) : null));
}

class Row {
  constructor(action) {
    this.id = action.id;
    this.verdict = make("td", { "data-title": "Verdict" });
    this.evidence = make("td", { class: "number", "data-title": "Before → after" });
    this.button = make("button", {
      type: "button", class: "small", "aria-expanded": "false", "aria-controls": `why-${action.id}`, click: () => this.toggle(),
    }, "why", make("span", { class: "unseen", text: ` was action ${action.id} done` }));
    this.done = make("td", { "data-title": "Action" });
    this.row = make("tr", { id: `action-${action.id}` },
      make("td", { class: "time", "data-title": "Time" }, make("time", { datetime: action.timestamp, title: dateAndTime(action.unix), text: timeOfDay(action.unix) })),
      make("td", { "data-title": "Fault", text: inWords(action.error_type) }),
      this.done, this.evidence, this.verdict, make("td", { class: "last" }, this.button));
    this.cell = make("td", { colspan: "6" });
    this.detail = make("tr", { class: "detail", id: `why-${action.id}`, hidden: true }, this.cell);
    this.update(action);
  }

  update(action) {
    if (this.action && this.action.verdict === action.verdict && this.action.outcome === action.outcome) return;
    this.action = action;
    this.full = null;
    this.row.dataset.verdict = action.verdict;
    this.done.replaceChildren(make("code", { text: action.healing_strategy }),
      ...(action.mode === "enforce" ? [] : [" ", badge(action.mode)]),
      make("div", { class: action.applied ? "quiet" : "wrong", text: action.outcome }));
    this.evidence.replaceChildren(beforeAndAfter(action));
    this.verdict.replaceChildren(badge(action.verdict));
    this.show();
  }

  toggle() {
    if (opened.has(this.id)) opened.delete(this.id);
    else opened.add(this.id);
    this.show();
  }

  show() {
    const open = opened.has(this.id);
    this.button.setAttribute("aria-expanded", String(open));
    this.detail.hidden = !open;
    this.cell.replaceChildren(...(open ? [why(this.full || this.action)] : []));
    if (open && !this.full) this.fetch();
  }

  /// What only the action by itself tells: the texts of its rules.
  async fetch() {
    const asked = this.action;
    try {
      const full = await ask(asked.decision_trace_url);
      if (this.action !== asked) return;
      metricsOf(full);
      this.full = full;
      this.show();
    } catch (error) {
      this.cell.append(make("p", { class: "wrong", text: `The texts of its rules could not be fetched: ${error.message}` }));
    }
  }
}

function options(select, values) {
  const wanted = ["", ...values];
  if (wanted.length === select.options.length) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map((value) => make("option", { value, text: value ? inWords(value) : "all" })));
  select.value = chosen;
}

/// Shows what is known, newest first, as far as the filters let it through.
export function showActions() {
  options(byId("filter-fault"), [...new Set(actions.map((action) => action.error_type))].sort());
  options(byId("filter-verdict"), ["pending", "verified", "failed", "inconclusive"]);
  const fault = byId("filter-fault").value;
  const verdict = byId("filter-verdict").value;
  const fitting = actions.filter((action) => (!fault || action.error_type === fault) && (!verdict || action.verdict === verdict)).reverse();
  const wanted = fitting.slice(0, limit).flatMap((action) => {
    if (!rows.has(action.id)) rows.set(action.id, new Row(action));
    const row = rows.get(action.id);
    row.update(action);
    return [row.row, row.detail];
  });
  const body = byId("actions").tBodies[0];
  if (wanted.length !== body.children.length || wanted.some((row, index) => row !== body.children[index])) body.replaceChildren(...wanted);
  byId("actions").hidden = wanted.length === 0;
  byId("no-actions").hidden = wanted.length > 0;
  setText(byId("no-actions"), actions.length ? "No action fits the filter." : "Nothing has been healed yet: no rule has decided anything.");
  byId("more-actions").hidden = fitting.length <= limit;
  const kept = new Set(actions.map((action) => action.id));
  for (const id of rows.keys()) if (!kept.has(id)) rows.delete(id);
}

export function makeActions() {
  for (const id of ["filter-fault", "filter-verdict"]) byId(id).addEventListener("change", showActions);
  byId("more-actions").addEventListener("click", () => {
    limit += SHOWN;
    showActions();
  });
}
