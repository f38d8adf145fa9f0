// The demo faults, and what they hold now. Real faults, by POST.

import { byId, make, setText } from "./dom.js";
import { measured, describe } from "./metrics.js";
import { post } from "./remote.js";

function say(text, wrong = false) {
  const answer = byId("answer");
  answer.className = wrong ? "answer wrong" : "answer";
  setText(answer, text);
}

/// Requests one after the other for so many seconds, as clients would send them, so that
/// the rules have the time to see and heal it; that some fail is what is asked for.
async function repeat(path, seconds) {
  const counts = { served: 0, degraded: 0, failed: 0 };
  const end = performance.now() + 1000 * seconds;
  for (let sent = 1, when = "so far"; when === "so far"; sent += 1) {
    try {
      const said = await post(path);
      counts[said.degraded ? "degraded" : "served"] += 1;
    } catch (error) {
      if (error.status === undefined || error.status === 401) throw error;
      counts.failed += 1;
    }
    if (performance.now() >= end) when = `in ${seconds} s`;
    say(`${sent} requests ${when}: ${counts.served} served, ${counts.degraded} degraded, ${counts.failed} failed`);
  }
}

async function press(button) {
  const { post: path, seconds } = button.dataset;
  button.disabled = true;
  say("…");
  try {
    if (seconds) await repeat(path, Number(seconds));
    else {
      const said = await post(path);
      say(said.message || `The rules on disk are in force: generation ${said.generation.slice(0, 12)}`);
    }
  } catch (error) {
    say(error.message, true);
  }
  button.disabled = false;
}

/// Shows what the demonstrations hold, by the metrics of the newest sample.
export function showHeld(metrics) {
  if (!byId("held")) return;
  const held = [
    ["cache-mb", (value) => `${measured(describe("cache-mb"), value)} in the cache`],
    ["background-threads", (value) => `${value} threads burning`],
    ["pool-idle", (value) => `${value} idle connections`],
  ].filter(([name]) => metrics[name] > 0).map(([name, words]) => words(metrics[name]));
  setText(byId("held"), held.length ? `Held now: ${held.join(", ")}.` : "Nothing is held now.");
}

/// Makes buttons with `data-post` work; the demos go where the server has none.
export function makeDemos() {
  if (document.documentElement.dataset.demos === "off") {
    byId("demos").replaceChildren(make("p", { class: "quiet", text: "The demo faults are switched off on this server." }));
  }
  for (const button of document.querySelectorAll("button[data-post]")) {
    button.addEventListener("click", () => press(button));
  }
}
