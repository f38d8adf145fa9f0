// What was measured, as columns over one list of times. A metric that had no
// value at a time has null there, and a pause in the samples is a row of nulls:
// lines then break instead of telling what nobody measured.

const ROWS_MAX = 7200;
/// A pause of so many intervals breaks the lines.
const PAUSE_INTERVALS = 4;

export const times = [];
const columns = new Map();
let interval = 1;

export const setSampleInterval = (seconds) => { interval = seconds; };
export const sampleInterval = () => interval;

/// The values of a metric, one for each of `times`.
export function column(metric) {
  let values = columns.get(metric);
  if (!values) {
    values = new Array(times.length).fill(null);
    columns.set(metric, values);
  }
  return values;
}

export const metricNames = () => [...columns.keys()];

function push(time, metrics) {
  times.push(time);
  for (const metric of Object.keys(metrics)) column(metric);
  for (const [metric, values] of columns) {
    while (values.length < times.length - 1) values.push(null);
    values[times.length - 1] = metrics[metric] ?? null;
  }
  if (times.length > ROWS_MAX) {
    times.shift();
    for (const values of columns.values()) values.shift();
  }
}

/// Adds one reading, unless it is not newer than the last.
export function add(time, metrics) {
  const last = times[times.length - 1];
  if (last !== undefined) {
    // Times are rounded to milliseconds here and cut there.
    if (time < last + 0.002) return;
    if (time - last > PAUSE_INTERVALS * Math.max(interval, 0.5)) push((time + last) / 2, {});
  }
  push(time, metrics);
}

/// Adds what `/metrics/history` answers, `[time, value]` pairs by metric, before,
/// between and after what is known.
export function addHistory(series) {
  const rows = new Map(times.map((time, index) => [
    time, Object.fromEntries([...columns].map(([metric, values]) => [metric, values[index]]).filter(([, value]) => value !== null)),
  ]));
  for (const [time, row] of rows) if (Object.keys(row).length === 0) rows.delete(time);
  clear();
  for (const [metric, points] of Object.entries(series)) {
    for (const [time, value] of points) {
      if (!rows.has(time)) rows.set(time, {});
      rows.get(time)[metric] = value;
    }
  }
  for (const time of [...rows.keys()].sort((a, b) => a - b)) add(time, rows.get(time));
}

function clear() {
  times.length = 0;
  columns.clear();
}

/// The newest `count` values of a metric.
export function newest(metric, count) {
  return columns.has(metric) ? columns.get(metric).slice(-count) : [];
}

/// Whether there is any value of one of these metrics.
export function has(metrics) {
  return metrics.some((metric) => columns.get(metric)?.some((value) => value !== null));
}
