// What is known of metrics: their titles, units and how their values are written.

const KNOWN = {
  "memory-mb": { title: "Memory", unit: "MiB", digits: 0 },
  "cpu-percent": { title: "CPU", unit: "% of a core", digits: 0 },
  "cpu-wanted-percent": { title: "CPU wanted", unit: "% of a core", digits: 0 },
  "scheduling-delay-percent": { title: "CPU wait", unit: "%", digits: 0 },
  "connection-count": { title: "Connections", unit: "", digits: 0 },
  "sockets.half-closed": { title: "Half-closed connections", unit: "", digits: 0 },
  "request-latency-ms": { title: "Latency p95", unit: "ms", digits: 1 },
  "error-rate": { title: "Error rate", unit: "%", digits: 1, scale: 100 },
  "latency-p50-ms": { title: "Latency p50", unit: "ms", digits: 1 },
  "latency-p99-ms": { title: "Latency p99", unit: "ms", digits: 1 },
  "client-visible-error-rate": { title: "Errors clients see", unit: "%", digits: 1, scale: 100 },
  "throttled-percent": { title: "Throttled", unit: "%", digits: 0 },
  "background-delay-percent": { title: "Background wait", unit: "%", digits: 0 },
  "events.pool-exhaustion": { title: "Pool exhausted", unit: "events", digits: 1 },
  "events.processing-timeout": { title: "Timeouts", unit: "events", digits: 1 },
  "events.thread-exhaustion": { title: "Out of threads", unit: "events", digits: 1 },
  "upstream-error-rate": { title: "Upstream errors", unit: "% of calls", digits: 1, scale: 100 },
  "upstream-deadline-ms": { title: "Upstream deadline", unit: "ms", digits: 0 },
  "background-duty": { title: "Background duty", unit: "%", digits: 1, scale: 100 },
};

/// In which order metrics with a threshold are shown; others follow by name.
const ORDER = Object.keys(KNOWN);

/// Which metric a fault of the shipped rules is about, where its proof names none.
const OF_FAULT = {
  memory_leak: ["memory-mb"],
  cpu_overload: ["cpu-percent"],
  connection_issues: ["connection-count"],
  request_failures: ["error-rate", "request-latency-ms"],
};

function guessed(name) {
  if (name.startsWith("events.")) return { ...guessed(name.slice(7)), unit: "events", digits: 1, scale: 1 };
  const words = name.replaceAll("-", " ");
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  if (name.endsWith("-mb")) return { title: title.slice(0, -3), unit: "MiB", digits: 1 };
  if (name.endsWith("-ms")) return { title: title.slice(0, -3), unit: "ms", digits: 1 };
  if (name.endsWith("-percent")) return { title: title.slice(0, -8), unit: "%", digits: 1 };
  if (name.endsWith("-rate")) return { title, unit: "%", digits: 1, scale: 100 };
  return { title, unit: "", digits: 2 };
}

/// Title, unit, digits and scale of a metric, known or not.
export function describe(name) {
  return { name, scale: 1, ...(KNOWN[name] || guessed(name)) };
}

export const inOrder = (names) => [...names].sort((a, b) => {
  const place = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return place(a) - place(b) || a.localeCompare(b);
});

/// A number with so many digits after the point; what they would round to nothing
/// keeps one that says something.
export function number(value, digits) {
  const tiny = digits > 0 && value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits;
  return value.toLocaleString("en", tiny ? { maximumSignificantDigits: 1 } : { maximumFractionDigits: digits });
}

const absent = (value) => value === undefined || value === null;

/// A metric's value in its unit's scale, without the unit; a dash if there is none.
export function shown(metric, value) {
  return absent(value) ? "–" : number(value * metric.scale, metric.digits);
}

/// The same with the unit.
export function measured(metric, value) {
  if (absent(value)) return "–";
  const unit = metric.unit.startsWith("%") ? ` ${metric.unit.split(" ")[0]}` : ` ${metric.unit}`;
  return shown(metric, value) + (metric.unit && metric.unit !== "events" ? unit : "");
}

/// How a value stands to its threshold: a word, the share, and it in words.
export function standing(metric, value, limit) {
  if (typeof limit !== "number") return { word: "no threshold", share: null, words: "no threshold in the rules" };
  const named = measured(metric, limit);
  if (absent(value)) return { word: "collecting", share: null, words: `collecting; threshold ${named}` };
  const share = limit > 0 ? value / limit : null;
  // Of a large threshold, fractions say nothing.
  const coarse = limit * metric.scale >= 100 ? { ...metric, digits: 0 } : metric;
  const distance = measured(coarse, Math.abs(limit - value));
  if (value > limit) return { word: "over", share, words: `${distance} over the threshold ${named}` };
  const word = value > 0.9 * limit ? "near" : "ok";
  return { word, share, words: `${distance} below the threshold ${named}` };
}

/// Whether a text names a metric, as a word of its own.
function names(text, metric) {
  const at = text.indexOf(metric);
  if (at < 0) return false;
  const edge = (character) => character === undefined || !/[\w-]/.test(character);
  return edge(text[at - 1]) && edge(text[at + metric.length]);
}

/// The metrics that an action is about: those that its reason or a fact of its
/// proof names, else those of its fault. Kept with the action once known.
export function metricsOf(action) {
  if (action.about) return action.about;
  const texts = [action.reason, ...action.because.filter((link) => link.kind === "fact").map((link) => link.text)];
  const measuredThen = Object.keys(action.evidence.before);
  // A reason may write a name as words.
  const ofReason = measuredThen.filter((metric) => names(action.reason, metric)
    || (metric.includes("-") && names(action.reason, metric.replaceAll("-", " "))));
  const ofProof = measuredThen.filter((metric) => texts.some((text) => names(text, metric)));
  const usual = OF_FAULT[action.error_type] || [];
  action.about = [...new Set([...ofReason, ...usual, ...ofProof])];
  return action.about;
}
