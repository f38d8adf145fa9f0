// The query box: one atom, evaluated over the live spaces; results as a table.

import { byId, make, setText } from "./dom.js";
import { ask } from "./remote.js";

const EXAMPLES = [
  ["Thresholds", "(match &self (threshold $metric $limit) ($metric $limit))"],
  ["Memory samples", "(match &samples (sample memory-mb $mib $seconds) $mib)"],
  ["What went wrong", "(match &events (event $severity $text $seconds) $text)"],
  ["Open episodes", "(match &episodes (episode $fault $since) $fault)"],
  ["Limits of the envelope", "(match &limits $limit $limit)"],
];

function table(answer) {
  const variables = [...new Set(answer.bindings.flatMap((bindings) => Object.keys(bindings)))];
  const column = (text) => make("th", { scope: "col", text });
  const cell = (text) => make("td", {}, make("code", { text: text ?? "" }));
  return make("table", { "aria-label": "Results" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "number", text: "#" }), column("result"), ...variables.map(column))),
    make("tbody", {}, ...answer.results.map((result, index) => make("tr", { class: result.startsWith("(Error ") ? "wrong" : null },
      make("td", { class: "number quiet", text: String(index + 1) }), cell(result),
      ...variables.map((variable) => cell(answer.bindings[index]?.[variable]))))));
}

async function evaluate() {
  const summary = byId("query-summary");
  const results = byId("query-results");
  const button = byId("ask-button");
  button.disabled = true;
  summary.className = "quiet";
  setText(summary, "evaluating …");
  try {
    const answer = await ask("/atomspace/query", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: byId("query").value }),
    });
    const count = answer.results.length;
    setText(summary, `${count === 0 ? "No results" : count === 1 ? "One result" : `${count} results`}${answer.truncated ? ", and more that are not shown" : ""}, rules ${answer.generation.slice(0, 12)}.`);
    results.replaceChildren(...(count ? [table(answer)] : []));
  } catch (error) {
    summary.className = "wrong";
    setText(summary, "This did not work:");
    results.replaceChildren(make("pre", { text: error.message }));
  }
  button.disabled = false;
}

export function makeAsk() {
  const query = byId("query");
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    evaluate();
  });
  query.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    evaluate();
  });
  byId("examples").append(...EXAMPLES.map(([title, text]) => make("button", {
    type: "button", class: "small", text: title, title: text,
    click: () => {
      query.value = text;
      evaluate();
    },
  })));
}
