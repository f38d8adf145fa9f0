// The charts: lines over one common range of time, thresholds of the rules,
// healing actions as markers; zoom, hover, keys. Drawn by uPlot.

/* global uPlot */
import { make, setText, styled } from "./dom.js";
import { draw as drawMarks, nearest } from "./marks.js";
import { describe, measured } from "./metrics.js";
import * as series from "./series.js";
import { timeOfDay } from "./time.js";
import { makeTouch } from "./touch.js";
import * as view from "./view.js";

const HEIGHT = 170;
const MARK_REACH = 9;
const TOO_FEW = "needs ten requests within the window";

const CHARTS = [
  { id: "memory", title: "Memory", unit: "MiB", lines: [
    { metric: "memory-mb", label: "resident", fill: true }, { metric: "cache-mb", label: "session cache" }] },
  { id: "cpu", title: "CPU", unit: "% of a core", lines: [
    // Drawn last, since what is wanted is mostly what is used.
    { metric: "cpu-wanted-percent", label: "wanted", color: 2 }, { metric: "cpu-percent", label: "used", color: 1, fill: true }] },
  { id: "connections", title: "Connections", unit: "established, both ends", lines: [
    { metric: "connection-count", label: "all", fill: true }, { metric: "pool-idle", label: "idle in the pool" }] },
  { id: "latency", title: "Latency", unit: "ms, logarithmic", log: true, hint: TOO_FEW, lines: [
    { metric: "latency-p50-ms", label: "p50" }, { metric: "request-latency-ms", label: "p95" }, { metric: "latency-p99-ms", label: "p99" }] },
  { id: "errors", title: "Error rate", unit: "%", hint: TOO_FEW, lines: [
    { metric: "error-rate", label: "of requests", fill: true }, { metric: "upstream-error-rate", label: "of upstream calls" }] },
  { id: "requests", title: "Requests", unit: "within the window", lines: [
    { metric: "requests-in-window", label: "all", fill: true }, { metric: "refused-by-healing", label: "refused by healing" }, { metric: "errors-in-window", label: "failed" }] },
];

/// Of the lines of a logarithmic axis, those at powers of ten.
const wholePowers = (_, splits) => splits.map((value) => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null));

let thresholds = {};
let actions = [];
const charts = [];

class Chart {
  constructor(description) {
    Object.assign(this, description);
    this.lines = description.lines.map((line, index) => ({ color: index + 1, ...line, ...describe(line.metric), label: line.label }));
    this.metrics = this.lines.map((line) => line.metric);
    this.plot = null;
    this.legend = this.lines.map((line) => ({
      line, value: make("span", { class: "number", text: "–" }), key: make("span", { class: `key key-${line.color}` }),
    }));
    this.when = make("span", { class: "when" });
    this.limits = make("span", { class: "limits" });
    this.box = make("div", { class: "plot" });
    this.empty = make("p", { class: "collecting" });
    this.tip = make("div", { class: "tip", hidden: true });
    this.spoken = make("p", { class: "unseen", "aria-live": "polite" });
    this.frame = make("div", {
      class: "frame", tabindex: "0", role: "group", "aria-roledescription": "chart",
      "aria-describedby": "chart-keys", keydown: (event) => this.key(event), blur: () => this.point(null),
    }, this.box, this.empty, this.tip, this.spoken);
    makeTouch(this.frame, () => this.plot?.over.getBoundingClientRect() ?? null,
      (left) => this.plot.setCursor({ left, top: 20 }));
    this.element = make("figure", { class: "chart", id: `chart-${this.id}` },
      make("figcaption", {},
        make("h3", {}, this.title, " ", make("span", { class: "unit", text: this.unit })), this.when,
        make("ul", { class: "legend" }, ...this.legend.map(({ line, value, key }) => make("li", {}, key, `${line.label} `, value)),
          make("li", {}, this.limits))),
      this.frame);
  }

  /// The thresholds of its metrics, in the unit that is drawn.
  thresholdLines() {
    return this.lines.filter((line) => typeof thresholds[line.metric] === "number")
      .map((line) => ({ line, value: thresholds[line.metric] * line.scale }));
  }

  options() {
    const axis = {
      stroke: styled("--quiet"), grid: { stroke: styled("--grid"), width: 1 }, ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    const y = this.log
      ? { distr: 3, range: (_, low, high) => this.logRange(low, high) }
      : { range: (_, __, high) => [0, this.top(high)] };
    const line = (one) => ({
      label: one.label, stroke: styled(`--plot-${one.color}`), width: one.fill || this.log ? 1.8 : 1.4,
      fill: one.fill ? styled("--plot-fill") : undefined, points: { show: false }, spanGaps: false,
    });
    return {
      width: Math.max(200, this.box.clientWidth), height: HEIGHT, padding: [12, 26, 0, 0],
      legend: { show: false },
      cursor: {
        y: false, sync: { key: "time" }, drag: { x: true, y: false, setScale: false },
        points: { size: 7 }, bind: { dblclick: () => () => { view.live(); return null; } },
      },
      scales: { x: { time: true, auto: false, range: () => view.range() }, y },
      axes: [
        { ...axis, space: 75, size: 26, values: (_, splits) => splits.map(timeOfDay) },
        { ...axis, size: 46, ...(this.log ? { filter: wholePowers, grid: { ...axis.grid, filter: wholePowers } } : {}), values: (_, splits) => splits.map((value) => (value === null ? "" : value.toLocaleString("en"))) },
      ],
      series: [{}, ...this.lines.map(line)],
      hooks: {
        draw: [(plot) => drawMarks(plot, this.thresholdLines(), this.marks())],
        setCursor: [(plot) => this.hover(plot)],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  top(high) {
    const limits = this.thresholdLines().map(({ value }) => value);
    const top = Math.max(high || 0, ...limits);
    return top > 0 ? top * 1.12 : 1;
  }

  logRange(low, high) {
    const limits = this.thresholdLines().map(({ value }) => value).filter((value) => value > 0);
    const least = Math.min(low > 0 ? low : 1, ...limits);
    const most = Math.max(high > 0 ? high : 10, ...limits);
    return [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(most * 1.05))];
  }

  marks() {
    return actions.filter((action) => action.about.some((metric) => this.metrics.includes(metric)));
  }

  data() {
    return [series.times, ...this.lines.map((line) => {
      const values = series.column(line.metric);
      if (this.log) return values.map((value) => (value > 0 ? value : null));
      return line.scale === 1 ? values : values.map((value) => (value === null ? null : value * line.scale));
    })];
  }

  draw() {
    const collecting = !series.has(this.metrics);
    this.empty.hidden = !collecting;
    if (collecting) setText(this.empty, this.hint ? `collecting: ${this.hint}` : "collecting");
    this.box.classList.toggle("unseen-plot", collecting);
    const width = this.box.clientWidth;
    if (!width) return;
    if (!this.plot) this.plot = new uPlot(this.options(), this.data(), this.box);
    else {
      if (this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT });
      this.plot.setData(this.data(), false);
    }
    const [min, max] = view.range();
    this.plot.setScale("x", { min, max });
    if (this.plot.cursor.idx === null || this.plot.cursor.left < 0) this.showValues(series.times.length - 1, false);
    const limits = this.thresholdLines().map(({ line }) => measured(line, thresholds[line.metric]));
    setText(this.limits, limits.length ? `┄ threshold ${limits.join(", ")}` : "");
    this.name();
  }

  /// What a screen reader says of the whole.
  name() {
    const parts = this.lines.map((line) => {
      const column = series.column(line.metric);
      const values = column.filter((value) => value !== null);
      if (!values.length) return `${line.label}: collecting`;
      const newest = column[column.length - 1];
      const now = newest === null ? "not measured now" : `now ${measured(line, newest)}`;
      return `${line.label} ${now}, at most ${measured(line, Math.max(...values))}`;
    });
    this.frame.setAttribute("aria-label", `${this.title}: ${parts.join("; ")}`);
  }

  showValues(index, past) {
    for (const { line, value } of this.legend) {
      setText(value, measured(line, index < 0 ? null : series.column(line.metric)[index]));
    }
    setText(this.when, past && index >= 0 ? timeOfDay(series.times[index]) : "");
  }

  hover(plot) {
    const { idx, left } = plot.cursor;
    const inside = idx !== null && idx !== undefined && left >= 0;
    this.showValues(inside ? idx : series.times.length - 1, inside);
    const mark = inside ? nearest(plot, this.marks(), left, MARK_REACH) : null;
    this.tip.hidden = !mark;
    if (!mark) return;
    setText(this.tip, `${timeOfDay(mark.unix)} ${mark.error_type.replaceAll("_", " ")}: ${mark.healing_strategy} ${mark.verdict}`);
    const room = this.box.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(0, Math.min(room, plot.over.offsetLeft + left + 10))}px`;
  }

  select(plot) {
    if (plot.select.width < 4) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    view.zoom(from, to);
  }

  /// Puts the cursor at a sample, or nowhere.
  point(index) {
    if (!this.plot) return;
    this.at = index;
    const left = index === null ? -10 : this.plot.valToPos(series.times[index], "x");
    this.plot.setCursor({ left, top: index === null ? -10 : 20 });
  }

  key(event) {
    const last = series.times.length - 1;
    if (last < 0) return;
    const [min, max] = view.range();
    const first = Math.max(0, series.times.findIndex((time) => time >= min));
    const end = series.times.findLastIndex((time) => time <= max);
    const at = this.at ?? end;
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: first, End: end }[event.key];
    if (to !== undefined) {
      this.point(Math.min(end, Math.max(first, to)));
      const values = this.legend.map(({ line, value }) => `${line.label} ${value.textContent}`);
      setText(this.spoken, `${timeOfDay(series.times[this.at])}: ${values.join(", ")}`);
    } else if (event.key === "PageUp" || event.key === "PageDown") view.move(event.key === "PageUp" ? -0.5 : 0.5);
    else if (event.key === "+" || event.key === "=") view.scale(0.5, series.times[at]);
    else if (event.key === "-") view.scale(2, series.times[at]);
    else if (event.key === "Escape" || event.key === "0") {
      this.point(null);
      view.live();
    } else return;
    event.preventDefault();
  }

  forget() {
    this.plot?.destroy();
    this.plot = null;
  }
}

/// Draws all charts with what is known now.
export function drawCharts() {
  for (const chart of charts) chart.draw();
}

/// What the lines and markers of the next drawing are.
export function showOnCharts(newThresholds, newActions) {
  thresholds = newThresholds;
  actions = newActions;
}

export function makeCharts(parent) {
  for (const description of CHARTS) charts.push(new Chart(description));
  parent.append(...charts.map((chart) => chart.element));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts) chart.forget();
    drawCharts();
  });
  new ResizeObserver(drawCharts).observe(parent);
}
