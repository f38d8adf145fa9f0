// How often actions were verified, by fault and by strategy.

import { byId, make } from "./dom.js";

let shownRates = "";

const percent = (share) => `${Math.round(share * 100)} %`;

function row(name, tally) {
  const rate = tally.success_rate;
  const fill = make("div", { class: "fill" });
  fill.style.width = rate === null ? "0" : percent(rate).replace(" ", "");
  return make("tr", {}, make("th", { scope: "row", text: name }),
    make("td", { class: "rate" }, make("div", { class: "meter", "aria-hidden": "true" }, fill)),
    make("td", { class: "number", text: rate === null ? "–" : percent(rate) }),
    make("td", { class: "number", text: String(tally.verified) }), make("td", { class: "number", text: String(tally.failed) }),
    make("td", { class: "number", text: String(tally.inconclusive + tally.pending) }));
}

/// Shows what `/healing/status` counts.
export function showRates(status) {
  const { by_fault: faults, by_strategy: strategies } = status;
  const key = JSON.stringify([faults, strategies]);
  if (key === shownRates) return;
  shownRates = key;
  const any = Object.keys(faults).length > 0;
  byId("rates").hidden = !any;
  byId("no-rates").hidden = any;
  byId("rates").tBodies[0].replaceChildren(...Object.entries(faults).map(([name, tally]) => row(name.replaceAll("-", " "), tally)));
  byId("rates").tBodies[1].replaceChildren(...Object.entries(strategies).map(([name, tally]) => row(name, tally)));
}
