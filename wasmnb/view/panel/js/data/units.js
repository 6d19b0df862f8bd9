// Format numbers, durations, sizes and statuses as text and colours. `view/render/units.py` formats numbers the same way.

const DURATIONS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];
const SIZES = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

// Smallest part of a unit that three digits show as 1.00.
const ONE = 0.9995;

// Colours of states. The name of the state is always shown as well, so that colours aren't needed.
export const STATE_COLOURS = {
  running: "running",
  done: "running",
  paused: "paused",
  failed: "failed",
  trapped: "failed",
};

function threeDigits(value) {
  const size = Math.abs(value);
  const places = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  const text = value.toFixed(places);
  return places ? text : Number(text).toLocaleString("en");
}

function inUnit(number, units) {
  const [factor, unit] = units.find(([factor]) => Math.abs(number) >= factor * ONE) || [];
  return factor && `${threeDigits(number / factor)} ${unit}`;
}

export const count = (n) => Number(n).toLocaleString("en");
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const duration = (ns) => inUnit(ns, DURATIONS) || "0";
export const bytes = (n) => inUnit(n, SIZES) || plural(Math.trunc(n), "byte");

// CSS class and text of the outcome of an exchange: the status of a response, or the state of a connection.
const CONNECTION_CLASSES = { done: "good", open: "", paused: "warn", failed: "bad", reset: "bad", refused: "bad" };
export function outcome(method, status, state) {
  if (method !== "TCP") return [statusClass(status), status || ""];
  return [CONNECTION_CLASSES[state] ?? "warn", state];
}

// CSS class of an HTTP status.
export const statusClass = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");
