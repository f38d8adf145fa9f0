// A card for each metric: value, the last minutes as a line, distance to the
// threshold. Metrics without a threshold stand in a list below.

import { byId, make, makeSvg, setText } from "./dom.js";
import { describe, inOrder, measured, shown, standing } from "./metrics.js";
import * as series from "./series.js";

const POINTS = 120;
const WIDTH = 160;
const HEIGHT = 34;
const LEAST_WIDTH = 180;
const SIGNS = { ok: "✓", near: "!", over: "▲" };

/// A line of the newest values, broken where nothing was measured.
function sparkline() {
  const line = makeSvg("path", { class: "line" });
  const limit = makeSvg("line", { class: "limit", x1: 0, x2: WIDTH, y1: 0, y2: 0, visibility: "hidden" });
  const drawing = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, limit, line);
  const empty = make("span", { class: "collecting", text: "collecting" });
  const box = make("div", { class: "sparkline" }, drawing, empty);
  const draw = (values, threshold) => {
    const present = values.filter((value) => value !== null);
    empty.hidden = present.length > 1;
    drawing.toggleAttribute("hidden", present.length < 2);
    if (present.length < 2) return;
    let top = Math.max(...present);
    const limitShown = typeof threshold === "number" && threshold > 0 && top > 0.4 * threshold;
    if (limitShown) top = Math.max(top, threshold);
    const scale = top > 0 ? (HEIGHT - 4) / top : 0;
    const y = (value) => (HEIGHT - 2 - Math.max(0, value) * scale).toFixed(1);
    let path = "";
    let pen = "M";
    values.forEach((value, index) => {
      if (value === null) {
        pen = "M";
        return;
      }
      path += `${pen}${(WIDTH - (values.length - 1 - index) * (WIDTH / (POINTS - 1))).toFixed(1)} ${y(value)}`;
      pen = "L";
    });
    line.setAttribute("d", path);
    limit.setAttribute("visibility", limitShown ? "visible" : "hidden");
    if (limitShown) for (const end of ["y1", "y2"]) limit.setAttribute(end, y(threshold));
  };
  return { box, draw };
}

class Card {
  constructor(name) {
    this.metric = describe(name);
    this.value = make("span", { class: "value", text: "–" });
    this.word = make("span", { class: "badge", hidden: true });
    this.fill = make("div", { class: "fill" });
    this.meter = make("div", { class: "meter", "aria-hidden": "true" }, this.fill);
    this.words = make("p", { class: "limit", text: "" });
    this.line = sparkline();
    this.element = make("li", { class: "card", id: `card-${name}` },
      make("h3", { text: this.metric.title, title: name }),
      make("div", { class: "top" },
        make("div", { class: "now" }, this.value, " ", make("span", { class: "unit", text: this.metric.unit })), this.word),
      this.line.box, this.meter, this.words);
  }

  show(value, limit) {
    const { word, share, words } = standing(this.metric, value, limit);
    setText(this.value, shown(this.metric, value));
    // The words below say it where there is nothing to judge.
    this.word.hidden = !SIGNS[word];
    setText(this.word, `${SIGNS[word]} ${word}`);
    this.word.className = `badge ${word}`;
    this.element.dataset.state = word;
    setText(this.words, words);
    this.fill.style.width = `${Math.min(100, 100 * (share ?? 0))}%`;
    this.line.draw(series.newest(this.metric.name, POINTS), limit);
  }
}

class Row {
  constructor(name) {
    this.metric = describe(name);
    this.value = make("td", { class: "number" });
    this.line = sparkline();
    this.element = make("tr", {},
      make("th", { scope: "row" }, make("code", { text: name })), this.value, make("td", {}, this.line.box));
  }

  show(value) {
    setText(this.value, measured(this.metric, value));
    this.line.draw(series.newest(this.metric.name, POINTS));
  }
}

const cards = new Map();
const rows = new Map();

/// Makes the children of `parent` the parts for these names, in this order.
function arrange(parent, parts, names, Part) {
  for (const name of names) if (!parts.has(name)) parts.set(name, new Part(name));
  for (const name of parts.keys()) if (!names.includes(name)) parts.delete(name);
  const wanted = names.map((name) => parts.get(name).element);
  if (wanted.length !== parent.children.length || wanted.some((one, index) => one !== parent.children[index])) {
    parent.replaceChildren(...wanted);
  }
}

/// Rows of cards as even as their number allows.
function setColumns(count) {
  const most = Math.max(2, Math.floor(byId("cards").clientWidth / LEAST_WIDTH));
  const columns = Math.ceil(count / Math.ceil(count / most));
  byId("cards").style.setProperty("--columns", String(columns || 1));
}

/// Shows all metrics of one reading.
export function showMetrics(metrics, thresholds) {
  const limited = inOrder(Object.keys(thresholds));
  arrange(byId("cards"), cards, limited, Card);
  setColumns(limited.length);
  byId("no-thresholds").hidden = limited.length > 0;
  for (const [name, card] of cards) card.show(metrics[name], thresholds[name]);
  const others = [...new Set([...series.metricNames(), ...Object.keys(metrics)])]
    .filter((name) => !limited.includes(name)).sort();
  arrange(byId("other-metrics").tBodies[0], rows, others, Row);
  // Rows that nobody sees need no drawing.
  if (byId("others").open) for (const [name, row] of rows) row.show(metrics[name]);
}
