// Open episodes: which fault is being dealt with, how, and when the verdict is due.

import { badge, byId, make } from "./dom.js";
import { duration, timeOfDay } from "./time.js";

let shownEpisodes = "";
let shownEvents = "";
const EVENTS = 5;

function card(fault, actions) {
  const newest = actions.filter((action) => action.error_type.replaceAll("_", "-") === fault).pop();
  const state = !newest ? "detected" : newest.verdict === "pending" ? "verifying" : newest.verdict;
  return make("li", { class: "episode", "data-fault": fault },
    make("strong", { text: fault.replaceAll("-", " ") }), " ", make("span", { class: `badge ${state}`, text: state }),
    newest ? make("p", {}, make("code", { text: newest.healing_strategy })) : null,
    newest ? make("p", { class: "quiet", text: `${duration(Date.now() / 1000 - newest.unix)} ago: ${newest.reason}` }) : null);
}

/// Shows the faults whose episodes are open.
export function showEpisodes(faults, actions) {
  const newest = actions[actions.length - 1];
  const key = JSON.stringify([faults, newest?.id, newest?.verdict, faults.length ? Math.floor(Date.now() / 1000) : 0]);
  if (key === shownEpisodes) return;
  shownEpisodes = key;
  byId("no-episodes").hidden = faults.length > 0;
  byId("episodes").replaceChildren(...faults.map((fault) => card(fault, actions)));
}

/// Shows the newest events in words, and what rules see in each.
export function showEvents(events) {
  const newest = events.slice(0, EVENTS);
  const key = JSON.stringify(newest);
  if (key === shownEvents) return;
  shownEvents = key;
  byId("no-events").hidden = newest.length > 0;
  byId("events").replaceChildren(...newest.map((event) => make("li", {},
    make("time", { datetime: event.timestamp, class: "quiet", text: timeOfDay(Date.parse(event.timestamp) / 1000) }),
    make("span", { class: event.severity === "error" ? "wrong" : null, text: `${event.severity}: ${event.text}` }),
    event.class ? badge(event.class.replaceAll("-", " ")) : null)));
}
