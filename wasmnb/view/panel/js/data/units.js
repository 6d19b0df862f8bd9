// Numbers, durations, sizes and statuses as text and colour.

const UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

// Colours of states; the state itself is always written, for readers who don't see the colour.
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

// CSS class of an HTTP status.
export const statusClass = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");
