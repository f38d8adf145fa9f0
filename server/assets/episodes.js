// Open episodes: where each is on its way, on which rung, when the verdict is due;
// and what went wrong in words.

import { badge, byId, make, setText } from "./dom.js";
import { duration, timeOfDay } from "./time.js";

const STEPS = ["detected", "acting", "verifying", "recovered"];
const EVENTS = 5;

let shownEpisodes = "";
let shownEvents = "";
/// What counts down or up, as `(now) => …` with the server's time.
let running = [];
/// When the verdict of each fault's action is due, in Unix seconds.
const dues = new Map();

/// The way of an episode, with where it is.
function way(state) {
  if (state === "given-up" || state === "held") return null;
  return make("ol", { class: "way" }, ...STEPS.map((step) => make("li", {
    "aria-current": step === state ? "step" : null,
    class: STEPS.indexOf(step) < STEPS.indexOf(state) ? "past" : null, text: step,
  })));
}

function card(episode, action) {
  const { error_type: fault, state } = episode;
  const opened = Date.parse(episode.opened) / 1000;
  const time = make("span");
  running.push((now) => {
    const due = dues.get(fault);
    const wait = due === null ? "" : due > now ? ` · verdict in ${duration(Math.ceil(due - now))}` : " · verdict due";
    setText(time, `open for ${duration(now - opened)}${wait}`);
  });
  const ladder = episode.strategy === "none" ? "" : `, ladder ${episode.strategy}`;
  return make("li", { class: `episode ${state}`, "data-fault": fault },
    make("div", { class: "bar" }, make("strong", { text: fault.replaceAll("_", " ") }),
      state === "given-up" ? badge("given up") : state === "held" ? badge("held by what stands") : null,
      episode.rung > 0 ? make("span", { class: "rung", text: `rung ${episode.rung}${ladder}` }) : null, time),
    way(state),
    action ? make("p", {}, make("code", { text: action.healing_strategy })) : null,
    make("p", { class: "quiet", text: episode.reason }),
    episode.gave_up > 0 ? make("p", { class: "wrong", text: `given up ${episode.gave_up === 1 ? "once" : `${episode.gave_up} times in a row`}; it is tried again later` }) : null);
}

/// Shows the open episodes as `/healing/status` told them at `asked`, in Unix
/// seconds of the server's.
export function showEpisodes(episodes, actions, asked) {
  const newest = (fault) => actions.filter((action) => action.error_type === fault).pop();
  for (const { error_type: fault, verdict_in_s: wait } of episodes) dues.set(fault, wait === null ? null : asked + wait);
  const key = JSON.stringify(episodes.map((episode) => [
    { ...episode, verdict_in_s: null, since: null, opened: episode.opened.slice(0, 19) }, newest(episode.error_type)?.id,
  ]));
  if (key === shownEpisodes) return;
  shownEpisodes = key;
  running = [];
  byId("no-episodes").hidden = episodes.length > 0;
  byId("episodes").replaceChildren(...episodes.map((episode) => card(episode, newest(episode.error_type))));
  countDown(asked);
}

/// Lets the countdowns go on; `now` is the server's time in Unix seconds.
export function countDown(now) {
  for (const show of running) show(now);
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
