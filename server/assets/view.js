// The range of time that all charts show: the last so many seconds, or what was
// zoomed into, which stays where it is while new samples come.

import { byId } from "./dom.js";
import * as series from "./series.js";
import { timeOfDay } from "./time.js";

const LEAST_SECONDS = 5;
const WHILE_NEW_SECONDS = 60;

let span = 300;
let fixed = null;
let changed = () => {};

const newest = () => series.times[series.times.length - 1] ?? Date.now() / 1000;

/// The range as `[from, to]` in Unix seconds.
export function range() {
  if (fixed) return fixed;
  const to = newest();
  // While less than the span has been measured, what has been fills the chart.
  const began = Math.min(series.times[0] ?? to, to - WHILE_NEW_SECONDS);
  return [Math.max(began, to - span), to];
}

function show() {
  for (const button of byId("ranges").querySelectorAll("button[data-seconds]")) {
    const own = button.dataset.seconds === "all" ? Infinity : Number(button.dataset.seconds);
    button.setAttribute("aria-pressed", String(!fixed && own === span));
  }
  byId("back-to-live").hidden = !fixed;
  byId("zoomed").textContent = fixed ? `${timeOfDay(fixed[0])} to ${timeOfDay(fixed[1])}` : "";
  changed();
}

export function zoom(from, to) {
  // Neither shorter than can be read nor longer than what there is, and some of it seen.
  const first = series.times[0] ?? from;
  const most = Math.max(newest() - first, WHILE_NEW_SECONDS);
  const half = Math.min(Math.max(to - from, LEAST_SECONDS), most) / 2;
  const middle = Math.min(Math.max((from + to) / 2, first), newest());
  fixed = [middle - half, middle + half];
  show();
}

/// Whether the range stays where it is.
export const isFixed = () => fixed !== null;

/// Makes the range `factor` times as long, with `time` where it is.
export function stretch(factor, time) {
  const [from, to] = range();
  zoom(time - (time - from) * factor, time + (to - time) * factor);
}

/// Moves the range by so many times its length.
export function move(lengths) {
  const [from, to] = range();
  const by = (to - from) * lengths;
  zoom(from + by, to + by);
}

/// Makes the range `factor` times as long, about `middle`.
export function scale(factor, middle) {
  const [from, to] = range();
  const half = ((to - from) * factor) / 2;
  zoom(middle - half, middle + half);
}

/// Follows new samples again.
export function live() {
  fixed = null;
  show();
}

/// Makes the buttons work; `redraw` is called when the range is another.
export function makeView(redraw) {
  changed = redraw;
  for (const button of byId("ranges").querySelectorAll("button[data-seconds]")) {
    button.addEventListener("click", () => {
      span = button.dataset.seconds === "all" ? Infinity : Number(button.dataset.seconds);
      live();
    });
  }
  byId("back-to-live").addEventListener("click", live);
  show();
}
