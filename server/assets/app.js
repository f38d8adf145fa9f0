// The dashboard: asks /health each second and shows what it says. Nothing that
// the server sends is ever put in as HTML, and no point is drawn that was not measured.
"use strict";

const SPAN_SECONDS = 300;
const STALE_SECONDS = 3;

const METRICS = [
  { name: "memory-mb", title: "Memory", unit: "MiB", limit: "memory_mb", digits: 0 },
  { name: "cpu-percent", title: "CPU", unit: "% of a core", limit: "cpu_percent", digits: 0 },
  { name: "connection-count", title: "Connections", unit: "established", limit: "connection_count", digits: 0 },
  { name: "request-latency-ms", title: "Latency p95", unit: "ms", limit: "request_latency_ms", digits: 1 },
  { name: "error-rate", title: "Error rate", unit: "% of requests", limit: "error_rate", digits: 1, scale: 100 },
];
const METRIC_OF_FAULT = {
  memory_leak: "memory-mb", cpu_overload: "cpu-percent",
  connection_issues: "connection-count", request_failures: "error-rate",
};

const byId = (id) => document.getElementById(id);
const series = new Map(METRICS.map((metric) => [metric.name, { times: [], values: [] }]));
const charts = new Map();
let actions = [];
let thresholds = {};
let lastHeard = 0;
let lastReading = "";

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function shown(metric, value) {
  if (value === undefined || value === null) return "–";
  return (value * (metric.scale || 1)).toFixed(metric.digits);
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// ---- Series and charts -------------------------------------------------------

function addPoint(name, time, value) {
  const { times, values } = series.get(name);
  if (times.length && time <= times[times.length - 1]) return;
  times.push(time);
  values.push(value);
  while (times.length && times[0] < time - SPAN_SECONDS) {
    times.shift();
    values.shift();
  }
}

function makeChart(metric, box) {
  const marks = (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    const limit = thresholds[metric.limit];
    if (typeof limit === "number") {
      const y = plot.valToPos(limit * (metric.scale || 1), "y", true);
      if (y >= bbox.top && y <= bbox.top + bbox.height) {
        ctx.strokeStyle = color("--limit");
        ctx.setLineDash([6, 4]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = color("--mark");
    for (const action of actions) {
      if (METRIC_OF_FAULT[action.error_type] !== metric.name) continue;
      const x = plot.valToPos(action.unix, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const options = {
    width: box.clientWidth || 360,
    height: 150,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: true },
      y: {
        range: (_, low, high) => {
          const limit = thresholds[metric.limit];
          const top = Math.max(high || 0, typeof limit === "number" ? limit * (metric.scale || 1) : 0);
          return [0, top > 0 ? top * 1.15 : 1];
        },
      },
    },
    axes: [{ ...axis, values: "{HH}:{mm}:{ss}", space: 70 }, { ...axis, size: 48 }],
    series: [{}, { stroke: color("--plot"), width: 1.6, points: { show: false } }],
    hooks: { draw: [marks] },
  };
  return new uPlot(options, [[], []], box);
}

function drawCharts() {
  for (const metric of METRICS) {
    const { times, values } = series.get(metric.name);
    const box = byId(`plot-${metric.name}`);
    if (times.length < 2) {
      if (!box.firstChild) {
        box.append(element("p", metric.name === "request-latency-ms" || metric.name === "error-rate"
          ? "collecting: needs ten requests in half a minute" : "collecting", "collecting"));
      }
      continue;
    }
    let chart = charts.get(metric.name);
    if (!chart) {
      box.replaceChildren();
      chart = makeChart(metric, box);
      charts.set(metric.name, chart);
    }
    if (chart.width !== box.clientWidth && box.clientWidth) {
      chart.setSize({ width: box.clientWidth, height: 150 });
    }
    const scale = metric.scale || 1;
    chart.setData([times, scale === 1 ? values : values.map((value) => value * scale)]);
  }
}

// ---- What /health says -------------------------------------------------------

function showTiles(metrics) {
  for (const metric of METRICS) {
    const value = metrics[metric.name];
    const limit = thresholds[metric.limit];
    const tile = byId(`tile-${metric.name}`);
    tile.querySelector(".value").textContent = shown(metric, value);
    const word = tile.querySelector(".badge");
    let state = "no threshold";
    if (typeof limit === "number") {
      if (value === undefined || value === null) state = "not measured";
      else if (value > limit) state = "over";
      else if (value > 0.9 * limit) state = "near";
      else state = "ok";
    }
    word.textContent = state;
    word.className = `badge ${state}`;
    tile.querySelector(".limit").textContent =
      typeof limit === "number" ? `threshold ${shown(metric, limit)}` : "no threshold in the rules";
  }
}

function showState(health) {
  const state = byId("state");
  state.textContent = health.status;
  state.className = `badge ${health.status}`;
  const healing = health.system_info.healing;
  const parts = [];
  if (healing.in_progress.length) parts.push(`dealing with ${healing.in_progress.join(", ")}`);
  if (healing.success_rate !== null) parts.push(`${Math.round(healing.success_rate * 100)} % of judged actions verified`);
  const throttle = health.system_info.throttle;
  if (throttle.background_duty < 1) parts.push(`background work throttled to ${(throttle.background_duty * 100).toFixed(1)} %`);
  if (healing.last_rule_error) parts.push(`a rule went wrong: ${healing.last_rule_error}`);
  byId("since").textContent = parts.join(" · ");
}

function showRules(rules) {
  const panel = byId("rules-error");
  panel.hidden = !rules.error;
  if (rules.error) {
    const place = rules.error.line ? `${rules.error.file}:${rules.error.line}:${rules.error.column}` : rules.error.file;
    byId("rules-error-place").textContent = `${place}: ${rules.error.message}`;
    byId("rules-error-source").textContent = rules.error.source;
    byId("rules-error-source").hidden = !rules.error.source;
  }
  const list = byId("rules");
  list.replaceChildren();
  const rows = [
    ["generation", rules.generation],
    ["since", new Date(rules.loaded).toLocaleString()],
    ["files", rules.files.join(", ") || "none"],
    ["files on disk", rules.error ? "wrong; see above" : "the same"],
  ];
  for (const [name, text] of rows) list.append(element("dt", name), element("dd", text));
}

function beforeAfter(action) {
  const metric = METRICS.find((one) => one.name === METRIC_OF_FAULT[action.error_type]);
  if (!metric) return "–";
  const { before, after } = action.evidence;
  const text = `${shown(metric, before[metric.name])} → ${after ? shown(metric, after[metric.name]) : "…"}`;
  return `${text} ${metric.unit}`;
}

function actionRow(action, open) {
  const row = element("tr");
  row.dataset.id = action.id;
  row.append(
    element("td", new Date(action.timestamp).toLocaleTimeString(), "time"),
    element("td", action.error_type.replaceAll("_", " ")),
  );
  const done = element("td");
  done.append(element("code", action.healing_strategy), element("div", action.outcome, "quiet"));
  const why = element("td");
  why.append(element("div", action.reason));
  const details = element("details");
  details.open = open;
  details.append(element("summary", `how it was decided (${(action.decided_us / 1000).toFixed(1)} ms)`));
  const list = element("ul");
  for (const link of action.because) {
    const item = element("li");
    item.append(`${link.kind} `, element("code", link.text));
    if (link.place) item.append(` at ${link.place}`);
    list.append(item);
  }
  details.append(list);
  why.append(details);
  const verdict = element("td");
  verdict.append(element("span", action.verdict, `badge ${action.verdict}`));
  row.append(done, why, element("td", beforeAfter(action), "number"), verdict);
  return row;
}

function showActions() {
  const table = byId("actions");
  const body = table.tBodies[0];
  byId("no-actions").hidden = actions.length > 0;
  table.hidden = actions.length === 0;
  const key = actions.map((action) => `${action.id}${action.verdict}`).join();
  if (body.dataset.key === key) return;
  body.dataset.key = key;
  const open = new Set([...body.querySelectorAll("tr")]
    .filter((row) => row.querySelector("details").open).map((row) => Number(row.dataset.id)));
  body.replaceChildren(...actions.slice(-30).reverse().map((action) => actionRow(action, open.has(action.id))));
}

function mergeActions(newer) {
  const known = new Map(actions.map((action) => [action.id, action]));
  for (const action of newer) known.set(action.id, action);
  actions = [...known.values()].sort((a, b) => a.id - b.id).slice(-200);
}

function showHealth(health) {
  lastHeard = Date.now();
  thresholds = health.system_info.thresholds;
  showState(health);
  showTiles(health.metrics.all);
  if (health.metrics.timestamp !== lastReading) {
    lastReading = health.metrics.timestamp;
    const time = Date.parse(lastReading) / 1000;
    for (const { name } of METRICS) {
      if (name in health.metrics.all) addPoint(name, time, health.metrics.all[name]);
    }
  }
  mergeActions(health.recent_healing_actions);
  showActions();
  showRules(health.system_info.rules);
  drawCharts();
}

// ---- Asking ------------------------------------------------------------------

async function askJson(path, options) {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(10000) });
  const answer = await response.json();
  if (!response.ok) {
    const detail = answer.detail;
    throw new Error(Array.isArray(detail) ? detail.map((one) => `${one.loc[1]}: ${one.msg}`).join("; ") : detail);
  }
  return answer;
}

async function poll() {
  try {
    showHealth(await askJson("/health"));
  } catch {
    if (Date.now() - lastHeard > STALE_SECONDS * 1000) {
      const state = byId("state");
      state.textContent = lastHeard ? "stale: the server does not answer" : "no answer yet";
      state.className = "badge stale";
    }
  }
  setTimeout(poll, 1000);
}

async function fillHistory() {
  try {
    const since = Date.now() / 1000 - SPAN_SECONDS;
    const [history, past] = await Promise.all([
      askJson(`/metrics/history?since=${Math.floor(since)}`), askJson("/healing/actions"),
    ]);
    for (const { name } of METRICS) {
      for (const [time, value] of history.series[name] || []) addPoint(name, time, value);
    }
    mergeActions(past.actions);
  } catch {
    // The charts then begin with what /health says next.
  }
}

function makePage() {
  for (const metric of METRICS) {
    const tile = element("div", undefined, "tile");
    tile.id = `tile-${metric.name}`;
    const value = element("div");
    value.append(element("span", "–", "value"), " ", element("span", metric.unit, "unit"));
    tile.append(element("div", metric.title, "name"), value, element("span", "…", "badge"), element("div", "", "limit"));
    byId("tiles").append(tile);
    const chart = element("div", undefined, "chart");
    const box = element("div", undefined, "plot");
    box.id = `plot-${metric.name}`;
    chart.append(element("h3", `${metric.title}, ${metric.unit}`), box);
    byId("charts").append(chart);
  }
  for (const button of document.querySelectorAll("button[data-post]")) {
    button.addEventListener("click", async () => {
      const answer = byId("answer");
      button.disabled = true;
      answer.className = "answer";
      answer.textContent = "…";
      try {
        const times = Number(button.dataset.times || 1);
        if (times > 1) {
          // One after the other, as clients would; failures are what is asked for.
          const counts = { served: 0, degraded: 0, failed: 0 };
          for (let time = 0; time < times; time += 1) {
            try {
              const said = await askJson(button.dataset.post, { method: "POST" });
              counts[said.degraded ? "degraded" : "served"] += 1;
            } catch {
              counts.failed += 1;
            }
            answer.textContent = `${counts.served} served, ${counts.degraded} degraded, ${counts.failed} failed`;
          }
        } else {
          const said = await askJson(button.dataset.post, { method: "POST" });
          answer.textContent = said.message || `rules ${said.generation} are in force`;
        }
      } catch (error) {
        answer.textContent = error.message;
        answer.className = "answer wrong";
      }
      button.disabled = false;
    });
  }
  byId("ask").addEventListener("submit", async (event) => {
    event.preventDefault();
    const results = byId("results");
    results.hidden = false;
    results.textContent = "…";
    try {
      const said = await askJson("/atomspace/query", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: byId("query").value }),
      });
      const lines = said.results.length ? said.results : ["no results"];
      results.textContent = lines.join("\n") + (said.truncated ? "\n… and more" : "");
    } catch (error) {
      results.textContent = error.message;
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts.values()) chart.destroy();
    charts.clear();
    drawCharts();
  });
  addEventListener("resize", drawCharts);
}

makePage();
fillHistory().then(poll);
