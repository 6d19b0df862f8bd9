// Format numbers, durations, sizes and statuses as text and colours.

const UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

// Colours of states. The name of the state is always shown as well, so that colours aren't needed.
export const STATE_COLOURS = {
  running: "running",
  done: "running",
  paused: "paused",
  failed: "failed",
  trapped: "failed",
};

const threeDigits = (v) => (v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : Math.round(v).toLocaleString("en"));
export const count = (n) => Number(n).toLocaleString("en");
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

export function duration(ns) {
  for (const [factor, unit] of UNITS) {
    if (Math.abs(ns) >= factor) return `${threeDigits(ns / factor)} ${unit}`;
  }
  return "0";
}

export function bytes(n) {
  if (n < 1e3) return plural(n, "byte");
  return n < 1e6 ? `${threeDigits(n / 1e3)} kB` : `${threeDigits(n / 1e6)} MB`;
}

// CSS class and text of the outcome of an exchange: the status of a response, or the state of a connection.
const CONNECTION_CLASSES = { done: "good", open: "", failed: "bad", reset: "bad", refused: "bad" };
export function outcome(method, status, state) {
  if (method !== "TCP") return [statusClass(status), status || ""];
  return state in CONNECTION_CLASSES ? [CONNECTION_CLASSES[state], state] : ["warn", "paused"];
}

// CSS class of an HTTP status.
export const statusClass = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");
