// News from the server: its stream of events, or polling where it has no stream
// left to give. Says how fresh the news is; what is old is never shown as new.

import * as series from "./series.js";
import { ask } from "./remote.js";

const STALE_SECONDS = 3;
const STALE_INTERVALS = 3;
const POLL_MS = 1000;
const RETRY_MS = 15000;

let heard = 0;
let mode = "connecting";
let tell = () => {};

/// Seconds since the last news; `null` before the first.
const age = () => (heard ? (Date.now() - heard) / 1000 : null);

/// How the news comes: `connecting`, `live`, `polling` or `stale`, and its age.
function link() {
  const seconds = age();
  if (seconds === null) return { state: "connecting", seconds };
  const patience = Math.max(STALE_SECONDS, STALE_INTERVALS * series.sampleInterval());
  return { state: seconds > patience ? "stale" : mode, seconds };
}

function take(health) {
  heard = Date.now();
  tell.news(health);
}

async function poll(until) {
  while (Date.now() < until) {
    try {
      const health = await ask("/health");
      mode = "polling";
      take(health);
    } catch {
      // The age of the news says so.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function listen() {
  const stream = new EventSource("/events");
  stream.addEventListener("message", (event) => {
    mode = "live";
    take(JSON.parse(event.data));
  });
  // More may happen between two of those than each of them tells.
  stream.addEventListener("action", (event) => tell.action(JSON.parse(event.data)));
  stream.addEventListener("error", async () => {
    // While it is connecting again by itself, there is nothing to do.
    if (stream.readyState !== EventSource.CLOSED) return;
    await poll(Date.now() + RETRY_MS);
    listen();
  });
}

/// Begins. `news` gets what `/health` answers, `action` each action that was decided or
/// judged, `state` how fresh the news are, twice a second.
export function follow(news, action, state) {
  tell = { news, action };
  setInterval(() => state(link()), 500);
  listen();
}
