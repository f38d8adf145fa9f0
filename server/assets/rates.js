// How often actions were verified, by fault, by effector and by ladder.

import { byId, make } from "./dom.js";

let shownRates = "";

const percent = (share) => `${Math.round(share * 100)} %`;

function row(name, tally, other = tally.inconclusive + tally.pending) {
  const rate = tally.success_rate;
  const fill = make("div", { class: "fill" });
  fill.style.width = rate === null ? "0" : percent(rate).replace(" ", "");
  return make("tr", {}, make("th", { scope: "row", text: name }),
    make("td", { class: "rate" }, make("div", { class: "meter", "aria-hidden": "true" }, fill)),
    make("td", { class: "number", text: rate === null ? "–" : percent(rate) }),
    make("td", { class: "number", text: String(tally.verified) }), make("td", { class: "number", text: String(tally.failed) }),
    make("td", { class: "number", text: String(other) }));
}

/// Shows what `/healing/status` counts.
export function showRates(status) {
  const { by_fault: faults, by_strategy: effectors, strategies: ladders } = status;
  const key = JSON.stringify([faults, effectors, ladders]);
  if (key === shownRates) return;
  shownRates = key;
  const any = Object.keys(faults).length > 0;
  byId("rates").hidden = !any;
  byId("no-rates").hidden = any;
  byId("rates").tBodies[0].replaceChildren(...Object.entries(faults).map(([name, tally]) => row(name.replaceAll("-", " "), tally)));
  byId("rates").tBodies[1].replaceChildren(...Object.entries(effectors).map(([name, tally]) => row(name, tally)));
  byId("rates").tBodies[2].replaceChildren(...ladders.map((ladder) => row(
    `${ladder.fault.replaceAll("-", " ")}: ${ladder.strategy}, weight ${ladder.mean.toFixed(2)}${ladder.learned ? ", learned" : ""}`, ladder, ladder.inconclusive)));
}
