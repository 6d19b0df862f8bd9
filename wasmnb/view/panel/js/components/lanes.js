// Swim lanes, one per VM and grouped by thread, with a bar for each callback, pause and callout. The band behind the bars
// shows the lifetime of the VM.

import { duration } from "../data/units.js";
import { svg } from "../dom/nodes.js";

export const LEFT = 148; // pixels of margin
export const RIGHT = 10;
const FOOT = 24;
const MAX_BARS = 1_500; // maximum number of bars that are drawn

// Bar: thread, start, nanoseconds, number, name, exchange, context, VM, hostcalls inside, root context.
// Span: thread, start, end, kind, label, exchange, VM, root context.
export class Lanes {
  // `lanes` are objects with thread, VM and role, from top to bottom. `vms` are the lifetimes of VMs: number, thread, role, and
  // the times of creation, end and failure.
  constructor(panel, bars, spans, lanes, vms, width) {
    Object.assign(this, { panel, bars, spans, lanes, width });
    this.lives = new Map(vms.map((vm) => [vm[0], vm]));
    this.height = lanes.length > 12 ? 20 : 34;
    this.places = new Map(lanes.map(({ thread, vm }, i) => [`${thread} ${vm}`, i]));
  }

  // The lane of a bar or span. Spans of a stream without a VM are in the first lane of their thread.
  place(thread, vm) {
    return this.places.get(`${thread} ${vm}`) ?? this.lanes.findIndex((lane) => lane.thread === thread);
  }

  x(time) {
    return LEFT + ((this.width - LEFT - RIGHT) * (time - this.from)) / (this.to - this.from);
  }

  picture([from, to], explain) {
    Object.assign(this, { from, to, explain });
    const W = this.width;
    const H = this.lanes.length * this.height + FOOT;
    const { panel } = this;
    const bars = this.bars.filter((bar) => bar[1] <= to && bar[1] + bar[2] / 1e9 >= from);
    const spans = this.spans.filter((s) => s[1] <= to && s[2] >= from && this.place(s[0], s[6]) >= 0);
    return svg(
      "svg",
      { viewBox: `0 0 ${W} ${H}`, height: H, role: "group", "aria-label": "timeline by worker" },
      svg(
        "defs",
        {},
        svg(
          "clipPath",
          { id: `${panel.uid}-clip` },
          svg("rect", { x: LEFT, y: 0, width: W - LEFT - RIGHT, height: H }),
        ),
        svg(
          "pattern",
          {
            id: `${panel.uid}-hatch`,
            width: 6,
            height: 6,
            patternUnits: "userSpaceOnUse",
            patternTransform: "rotate(45)",
          },
          svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" }),
        ),
      ),
      svg(
        "g",
        { "clip-path": `url(#${panel.uid}-clip)` },
        this.lanes.map((lane, i) => this.band(lane, i)),
      ),
      this.axis(H),
      this.lanes.map((lane, i) => this.laneName(lane, i)),
      svg(
        "g",
        { "clip-path": `url(#${panel.uid}-clip)` },
        spans.slice(0, 500).map((s) => this.span(s, this.place(s[0], s[6]))),
        this.drawBars(bars),
      ),
    );
  }

  // The lifetime of a VM, from its creation to its end or failure.
  band({ vm, thread, role }, i) {
    const [, , , created = this.from, ended = null, failed = null] = this.lives.get(vm) || [];
    const left = Math.max(this.x(created), LEFT);
    const right = Math.min(this.x(ended ?? failed ?? this.to), this.width - RIGHT);
    const end = failed != null ? ", failed" : ended != null ? ", dropped" : "";
    const band = (from, to, name) =>
      to > from &&
      svg(
        "rect",
        { class: name, x: from, y: i * this.height + 2, width: to - from, height: this.height - 4 },
        svg("title", {}, `VM${vm} (${role || "VM"}) on ${thread}${end}`),
      );
    return [
      band(left, right, "band"),
      failed != null && band(Math.max(right, LEFT), this.width - RIGHT, "band failed"),
    ];
  }

  laneName({ thread, vm, role }, i) {
    const first = !i || this.lanes[i - 1].thread !== thread;
    const bottom = (i + 1) * this.height;
    const last = i + 1 === this.lanes.length || this.lanes[i + 1].thread !== thread;
    const y = (i + 0.5) * this.height + 4;
    return [
      svg("line", { class: "axis", x1: last ? 0 : LEFT, x2: this.width - RIGHT, y1: bottom, y2: bottom }),
      first && svg("text", { class: "thread", x: 0, y }, thread),
      svg("text", { x: LEFT - 8, y, "text-anchor": "end" }, `VM${vm}${role && role !== "worker" ? ` ${role}` : ""}`),
    ];
  }

  // Ticks at round times, about 100 pixels apart, in a unit that suits the visible range.
  axis(H) {
    const span = this.to - this.from;
    const rough = span / Math.max(Math.floor((this.width - LEFT - RIGHT) / 110), 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((s) => s * power >= rough * 0.999);
    const [factor, unit] = this.to < 1e-3 ? [1e6, "µs"] : this.to < 10 ? [1e3, "ms"] : [1, "s"];
    const digits = Math.max(0, -Math.floor(Math.log10(step * factor) + 1e-9));
    const first = Math.ceil(this.from / step - 1e-9);
    return Array.from({ length: Math.floor(this.to / step + 1e-9) - first + 1 }, (_, i) => {
      const time = (first + i) * step;
      const x = this.x(time);
      const anchor = x < LEFT + 20 ? "start" : x > this.width - RIGHT - 30 ? "end" : "middle";
      return [
        svg("line", { class: "axis", x1: x, x2: x, y1: 0, y2: H - FOOT + 4 }),
        svg("text", { x, y: H - 6, "text-anchor": anchor }, `${(time * factor).toFixed(digits)} ${unit}`),
      ];
    });
  }

  // Bars that would overlap are drawn as one bar. Zooming in separates them.
  drawBars(bars) {
    const ends = new Map();
    const visible = [];
    for (const bar of bars) {
      const left = this.x(bar[1]);
      const right = this.x(bar[1] + bar[2] / 1e9);
      const lane = `${bar[0]} ${bar[7]}`;
      const end = ends.get(lane) ?? -1e9;
      if (right - end < 0.7 && right - left < 3) continue;
      ends.set(lane, Math.max(right, end));
      visible.push(bar);
      if (visible.length >= MAX_BARS) break;
    }
    return visible.map((bar) => this.bar(bar, this.place(bar[0], bar[7])));
  }

  // Pauses are hatched, and callouts are thin bars at the bottom of their lane.
  span([thread, start, end, kind, label, exchange], lane) {
    const left = this.x(start);
    const width = Math.max(this.x(end) - left, 1.5);
    const pause = kind === "paused";
    const top = lane * this.height + (pause ? 4 : this.height - 8);
    const text = `${label}, ${duration((end - start) * 1e9)} on ${thread}`;
    return this.shape(
      {
        class: pause ? "span" : "callout",
        style: pause ? `fill:url(#${this.panel.uid}-hatch)` : null,
        x: left,
        y: top,
        width,
        height: pause ? this.height - 8 : 5,
      },
      `${kind}: ${text}`,
      () => this.explain({ kind, text, exchange }),
    );
  }

  bar(bar, lane) {
    const [thread, time, ns, seq, name, exchange, context, vm, inner] = bar;
    const left = this.x(time);
    const width = Math.max(this.x(time + ns / 1e9) - left, 1.2);
    const top = lane * this.height + 5;
    const H = this.height - 10;
    const title = `${name} on ${thread}, VM${vm} context ${context}: ${duration(ns)}`;
    const chosen = this.panel.viewState.seq === seq;
    const shape = this.shape(
      { class: chosen ? "call chosen" : "call", x: left, y: top, width, height: H, "data-seq": seq },
      title,
      () => this.explain({ seq, name, thread, vm, context, exchange, ns, time, inner }),
    );
    const text =
      width > 70 &&
      H > 16 &&
      svg(
        "text",
        { x: left + 4, y: top + 11, class: "name" },
        name.length * 6 > width ? `${name.slice(0, Math.floor(width / 6) - 1)}…` : name,
      );
    return [shape, width > 6 && this.drawHostcalls(inner, left, top, width, ns, H), text];
  }

  // The start times of hostcalls aren't recorded, so hostcalls are distributed evenly over their callback, in order.
  drawHostcalls(inner, left, top, width, ns, H) {
    const total = Math.max(ns, 1);
    const gap = (width * Math.max(0, 1 - inner.reduce((sum, i) => sum + i[1], 0) / total)) / (inner.length + 1);
    let x = left;
    return inner.map(([, took]) => {
      x += gap;
      const start = x;
      const w = Math.max((width * took) / total, 0.6);
      x += w;
      return (
        start + w <= left + width + 0.5 &&
        svg("rect", { class: "host", x: start, y: top + H / 2, width: w, height: H / 2 - 2 })
      );
    });
  }

  shape(attributes, title, explain) {
    return svg(
      "rect",
      {
        ...attributes,
        tabindex: -1,
        role: "button",
        "aria-label": title,
        onclick: explain,
        onkeydown: (e) => (e.key === "Enter" || e.key === " ") && (e.preventDefault(), explain()),
      },
      svg("title", {}, title),
    );
  }
}
