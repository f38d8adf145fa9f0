// What passes through the server and what it holds: requests of the window by route,
// why some failed, the breakers with their probes, and what memory can be given back.

import { byId, make, setText } from "./dom.js";
import { duration } from "./time.js";

const shown = new Map();

/// Puts rows into a table whose cells changed; without rows the table is not there.
function fill(id, rows) {
  const key = JSON.stringify(rows);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  byId(id).hidden = rows.length === 0;
  byId(id).tBodies[0].replaceChildren(...rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row", text: name }),
    ...cells.map((text) => make("td", { class: "number", text })))));
}

const share = (rate) => (rate === null ? "–" : `${(rate * 100).toFixed(rate > 0 && rate < 0.1 ? 1 : 0)} %`);
const millis = (ms) => (ms === null ? "–" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`);
const mib = (mb) => `${mb.toFixed(mb < 10 ? 1 : 0)} MiB`;

function state(breaker) {
  const probes = breaker.state === "half-open" ? `, ${breaker.probes} probes, ${breaker.probes_failed} failed` : "";
  return `${breaker.state} for ${duration(breaker.since_s)}${probes}`;
}

/// Shows what `/health` says of the server.
export function showInside({ requests, circuit_breakers: breakers, reclaimable }) {
  fill("routes", Object.entries(requests.by_route).sort(([, a], [, b]) => b.total - a.total)
    .map(([path, route]) => [path, String(route.total), String(route.failed), String(route.refused_by_healing), share(route.error_rate), millis(route.latency_p95_ms)]));
  setText(byId("routes-window"), `Requests of the last ${requests.window_s} s; a share or percentile from ${requests.volume_min} on.`);
  fill("causes", Object.entries(requests.by_cause).sort(([, a], [, b]) => b - a).map(([cause, count]) => [cause, String(count)]));
  byId("no-causes").hidden = Object.keys(requests.by_cause).length > 0;
  fill("breakers", Object.entries(breakers).map(([name, breaker]) => [name, state(breaker), String(breaker.failures)]));
  fill("reclaimable", reclaimable.map((one) => [one.name, mib(one.held_mb), String(one.reclaims), mib(one.reclaimed_mb)]));
}
