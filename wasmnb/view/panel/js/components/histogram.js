// One latency histogram with a logarithmic axis.

import { duration } from "../data/units.js";
import { svg } from "../dom/nodes.js";

const LABEL_WIDTH = 180; // pixels for the name, left of the bars

// The bars of `other` are outlined behind those of `one`. `offset(series)` is subtracted from the times of a series.
export function histogram(one, other, offset, { low, high, width, named }) {
  const H = named ? 62 : 46;
  const base = 42;
  const barHeight = 36;
  const x = (ns) =>
    LABEL_WIDTH +
    ((width - LABEL_WIDTH - 10) * Math.log(Math.min(Math.max(ns, low), high) / low)) / Math.log(high / low);
  const bars = (s, name) => {
    const total = s.buckets.reduce((sum, b) => sum + b[2], 0) || 1;
    const top = Math.max(...s.buckets.map((b) => b[2])) / total;
    return s.buckets.map(([a, b, n]) =>
      svg("rect", {
        class: `bar ${name}`,
        x: x(a - offset(s)),
        width: Math.max(x(b - offset(s)) - x(a - offset(s)) - 0.5, 0.8),
        y: base - (barHeight * (n / total)) / top,
        height: (barHeight * (n / total)) / top,
      }),
    );
  };
  const mark = (ns, dashed) =>
    svg("line", {
      class: dashed ? "mark dashed" : "mark",
      x1: x(ns - offset(one)),
      x2: x(ns - offset(one)),
      y1: 4,
      y2: base,
    });
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${H}`,
      height: H,
      role: "img",
      "aria-label": `histogram of ${one.name}, whose numbers are in the table below`,
    },
    svg("line", { class: "axis", x1: LABEL_WIDTH, x2: width - 10, y1: base, y2: base }),
    svg("text", { x: LABEL_WIDTH - 8, y: base - 6, "text-anchor": "end" }, one.name),
    bars(one, ""),
    other && bars(other, "before"),
    mark(one.quantiles[0]),
    mark(one.quantiles[one.quantiles.length - 1], true),
    ticks(low, high).map((ns) => [
      svg("line", { class: "axis", x1: x(ns), x2: x(ns), y1: base, y2: base + 3 }),
      named && svg("text", { x: x(ns), y: H - 5, "text-anchor": anchor(x(ns), width) }, label(ns)),
    ]),
  );
}

const label = (ns) => duration(ns).replace(".00", "").replace(".0", "");

// The last label of the axis is aligned so that it stays inside the picture.
const anchor = (x, width) => (x > width - 32 ? "end" : "middle");

function ticks(low, high) {
  const candidates = [];
  const steps = high / low < 100 ? [1, 2, 5] : [1];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    candidates.push(...steps.map((s) => s * 10 ** power));
  return candidates.filter((ns) => ns >= low && ns <= high);
}
