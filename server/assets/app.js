// The dashboard. Draws what the server says and nothing else: no point that was
// not measured, no text as HTML, no request to anybody else.

import * as actions from "./actions.js";
import { makeAsk } from "./ask.js";
import { showMetrics } from "./cards.js";
import { drawCharts, makeCharts, showOnCharts } from "./charts.js";
import { makeDemos, showHeld } from "./demos.js";
import { byId, setText } from "./dom.js";
import { countDown, showEpisodes, showEvents } from "./episodes.js";
import { follow } from "./feed.js";
import { showInside } from "./inside.js";
import { showRates } from "./rates.js";
import { ask } from "./remote.js";
import { makeRules, showEveryRule, showModes, showRules } from "./rules.js";
import * as series from "./series.js";
import { duration, timeOfDay } from "./time.js";
import { makeView } from "./view.js";

let health = null;
/// Whether what is known is old.
let stale = false;
let thresholds = {};
let generation = null;
/// The newest action that the hits of rules count.
let counted = 0;
/// What `/healing/status` was asked for last.
let known = "";
/// How far the server's clock is before this one, in milliseconds.
let ahead = 0;
/// Since when samples are missing, in Unix seconds; `null` if none are.
let missingSince = null;
/// When was asked last.
const asked = { past: 0, status: 0, rules: 0 };
let drawn = false;

const AGAIN_MS = 5000;
const LEAST_MS = 900;
const SELDOM_MS = 30000;
const SIGNS = { healthy: "●", degraded: "◐", unhealthy: "○" };

/// What only changes with the rules: thresholds of all metrics, the interval.
async function fetchRules() {
  const rules = await ask("/healing/rules");
  ({ generation } = rules);
  thresholds = rules.thresholds;
  showEveryRule(rules.rules);
}

/// What only changes while something is dealt with: episodes, rates, events.
async function fetchStatus() {
  const status = await ask("/healing/status");
  series.setSampleInterval(status.sample_interval_s);
  showEpisodes(status.episodes, actions.all(), Date.parse(status.timestamp) / 1000);
  showRates(status);
  showModes(status.modes);
  showEvents(status.recent_events);
}

/// Whether `/healing/status` has more to tell than it had.
function statusIsDue() {
  const waited = Date.now() - asked.status;
  const open = health.system_info.healing.in_progress;
  const now = JSON.stringify([open, actions.all().map((action) => [action.id, action.verdict])]);
  if (now === known && waited < (open.length ? LEAST_MS : AGAIN_MS)) return false;
  known = now;
  return true;
}

/// What was measured and done before this page listened, or while it could not.
async function fetchPast() {
  const [history, past] = await Promise.all([
    ask(missingSince ? `/metrics/history?since=${missingSince}` : "/metrics/history"), ask("/healing/actions"),
  ]);
  series.setSampleInterval(history.interval_s);
  series.addHistory(history.series);
  actions.merge(past.actions);
}

/// Whether it worked; if not, it is asked again with later news.
async function tryTo(fetch) {
  try {
    await fetch();
    return true;
  } catch {
    return false;
  }
}

/// The state in the head, in the tab's title and in its picture. Of what is stale only
/// what it was is known.
function showState() {
  if (!health) return;
  const { status } = health;
  const shown = stale ? "stale" : status;
  const state = byId("state");
  setText(state, stale ? `? unknown, was ${status}` : `${SIGNS[status] || ""} ${status}`);
  state.className = `badge state ${shown}`;
  document.title = shown === "healthy" ? "Chimera" : `${shown} · Chimera`;
  const picture = shown === "healthy" ? "/assets/icon.svg" : `/assets/icon-${shown}.svg`;
  if (byId("icon").getAttribute("href") !== picture) byId("icon").setAttribute("href", picture);
}

function showHead() {
  showState();
  const { system_info: info } = health;
  const parts = [];
  if (info.healing.in_progress.length) parts.push(`dealing with ${info.healing.in_progress.join(", ").replaceAll("-", " ")}`);
  if (info.throttle.background_duty < 1) parts.push(`background work runs ${(info.throttle.background_duty * 100).toFixed(1)} % of the time`);
  if (info.degradation_level > 0) parts.push(`requests are served at degradation level ${info.degradation_level}`);
  for (const [name, breaker] of Object.entries(info.circuit_breakers)) {
    if (breaker.state !== "closed") parts.push(`the breaker of ${name} is ${breaker.state}`);
  }
  setText(byId("doing"), parts.join(" · "));
  const error = info.healing.last_rule_error;
  byId("rule-trouble").hidden = !error;
  if (error) setText(byId("rule-trouble"), `A rule went wrong: ${error}`);
  const rate = info.healing.success_rate;
  setText(byId("success"), rate === null ? "–" : `${Math.round(rate * 100)} %`);
}

function showLink({ state, seconds }) {
  const link = byId("link");
  const words = {
    connecting: "connecting …",
    live: "live",
    polling: "polling: the server has no stream to spare",
    stale: `stale: no news for ${duration(seconds || 0)}`,
  };
  setText(link, words[state]);
  link.dataset.state = state;
  stale = state === "stale";
  document.body.classList.toggle("stale", stale);
  showState();
  if (!stale) countDown((Date.now() + ahead) / 1000);
  if (health) setText(byId("uptime"), duration(health.system_info.uptime_s + (stale ? 0 : seconds || 0)));
}

/// Draws once a frame at most, and not while nobody looks.
function draw() {
  if (drawn || !health) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    // The five that /health tells each time are the freshest.
    for (const [name, limit] of Object.entries(health.system_info.thresholds)) {
      const metric = name.replaceAll("_", "-");
      if (limit === null) delete thresholds[metric];
      else thresholds[metric] = limit;
    }
    showHead();
    showInside(health.system_info);
    showMetrics(health.metrics.all, thresholds);
    showHeld(health.metrics.all);
    actions.showActions();
    showRules(health.system_info.rules);
    showOnCharts(thresholds, actions.all());
    drawCharts();
  });
}

async function news(next) {
  const restarted = health && next.system_info.uptime_s < health.system_info.uptime_s;
  health = next;
  ahead = Date.parse(next.timestamp) - Date.now();
  if (restarted) actions.clear();
  const time = Date.parse(next.metrics.timestamp) / 1000;
  const last = series.times[series.times.length - 1] ?? 0;
  const paused = time - last > 3 * Math.max(1, series.sampleInterval());
  if ((restarted || paused) && missingSince === null) missingSince = last;
  if (missingSince !== null && Date.now() - asked.past > AGAIN_MS) {
    asked.past = Date.now();
    if (await tryTo(fetchPast)) missingSince = null;
  }
  if (next.system_info.healing.armed) series.add(time, next.metrics.all);
  actions.merge(next.recent_healing_actions);
  draw();
  const decided = actions.all().length ? actions.all()[actions.all().length - 1].id : 0;
  const others = generation !== next.system_info.rules.generation;
  // Facts may also be changed by hand, without another generation.
  if (others || decided !== counted || Date.now() - asked.rules > SELDOM_MS) {
    asked.rules = Date.now();
    if (await tryTo(fetchRules)) counted = decided;
    draw();
  }
  if (statusIsDue()) {
    asked.status = Date.now();
    if (!await tryTo(fetchStatus)) known = "";
  }
}

/// News in their order, one after the other. A mistake of ours goes to the console and
/// does not keep the next news from being shown.
let queue = Promise.resolve();
const inTurn = (next) => { queue = queue.then(() => news(next)).catch(reportError); };

makeCharts(byId("charts"));
makeView(draw);
actions.makeActions();
makeAsk();
makeDemos();
makeRules();
byId("others").addEventListener("toggle", draw);
follow(inTurn, (action) => actions.merge([action]), showLink);
setText(byId("opened"), timeOfDay(Date.now() / 1000));
