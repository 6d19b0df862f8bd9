// ── numbers as people read them ─────────────────────────────────────────────────────────────────────────────────────

const three = (v) => (v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : Math.round(v).toLocaleString("en"));
const count = (n) => Number(n).toLocaleString("en");
const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

function duration(ns) {
  for (const [factor, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]]) {
    if (Math.abs(ns) >= factor) return `${three(ns / factor)} ${unit}`;
  }
  return "0";
}

function bytes(n) {
  if (n < 1e3) return plural(n, "byte");
  return n < 1e6 ? `${three(n / 1e3)} kB` : `${three(n / 1e6)} MB`;
}

// What a status means: its class, and the word that goes with it for those who do not see the colour.
const tone = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");

// States that have a colour; the word itself is always written, too.
const STATES = { running: "running", done: "running", paused: "paused", failed: "failed", trapped: "failed" };
