// The latency view: histograms and percentiles by callback, optionally compared with earlier latencies.

import { histogram } from "../components/histogram.js";
import { count, duration } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, checkbox, empty, select, table, toolbar } from "../dom/widgets.js";

export class LatencyView {
  constructor(panel) {
    this.panel = panel;
    this.tools = toolbar();
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { latency: () => this.draw(), baseline: () => this.draw() };
    this.draw();
  }

  narrowed() {
    this.draw();
  }

  draw() {
    const { panel } = this;
    const latency = panel.get("latency") || {};
    const baseline = panel.get("baseline") || {};
    const { series = [], harness = [], quantiles = [], threads = [] } = latency;
    if (!series.length) {
      replace(this.tools);
      return replace(this.body, empty("No measurements yet."));
    }
    const before = new Map((baseline.series || []).map((s) => [s.name, s]));
    this.drawTools(latency, harness, before.size ? baseline.of : "");
    const offset = (s) => (panel.viewState.subtract ? s.own : 0);
    const all = [...series, ...series.map((s) => before.get(s.name)).filter(Boolean)];
    const edges = all
      .flatMap((s) => s.buckets.flatMap((b) => [b[0] - offset(s), b[1] - offset(s)]))
      .filter((e) => e >= 10);
    const low = edges.length ? Math.min(...edges) : 10;
    const high = Math.max(low * 2, ...edges);
    const scale = { low, high, width: panel.width() };
    replace(
      this.body,
      el(
        "div",
        { class: "picture" },
        series.map((s, i) =>
          histogram(s, before.get(s.name), offset, { ...scale, named: i === 0 || i === series.length - 1 }),
        ),
        el(
          "p",
          { class: "muted legend" },
          "solid line: p50, dashed: p99",
          before.size > 0 && [" · filled: ", latency.of, " · outlined: ", baseline.of],
        ),
      ),
      this.figures(series, before, baseline.of, quantiles, offset, harness),
      threads.length > 1 && this.workers(threads, quantiles),
    );
  }

  drawTools(latency, harness, baseline) {
    const { panel } = this;
    const own = harness.length ? harness[0][1] : 0;
    const choices = [["", "nothing"], ...(latency.choices || []).map((c) => [c, c])];
    replace(
      this.tools,
      el("b", {}, latency.of),
      el(
        "label",
        {},
        "compare with: ",
        select("latencies to compare with", choices, baseline || latency.against || "", (against) =>
          panel.send("against", { against }),
        ),
      ),
      button("store as baseline", () => panel.send("keep"), {
        title: "Store these latencies, to compare later ones with them",
      }),
      checkbox(`subtract ${duration(own)} per callback for the harness`, panel.viewState.subtract, (on) => {
        panel.viewState.subtract = on;
        this.draw();
      }),
    );
  }

  figures(series, before, name, quantiles, offset, harness) {
    const row = (s, text, cellClass) =>
      el(
        "tr",
        { class: cellClass },
        el("td", { class: "mono" }, text),
        el("td", { class: "num" }, count(s.count)),
        [...s.quantiles, s.max].map((v) => el("td", { class: "num" }, duration(Math.max(v - offset(s), 0)))),
      );
    const rows = series.flatMap((s) => [
      row(s, s.name, ""),
      before.has(s.name) && row(before.get(s.name), `${s.name} · ${name}`, "over"),
    ]);
    const own = harness.map(([text, ns]) =>
      el(
        "tr",
        { class: "muted" },
        el("td", {}, `harness: ${text}`),
        el("td"),
        el("td", { class: "num" }, duration(ns)),
        el("td", { colspan: quantiles.length }),
      ),
    );
    return table(
      [["callback", ""], ["count", "num"], ...quantiles.map((q) => [q, "num"]), ["max", "num"]],
      [rows.filter(Boolean), own],
    );
  }

  workers(threads, quantiles) {
    const { panel } = this;
    const slowest = Math.max(...threads.map((t) => t.quantiles[t.quantiles.length - 1])) || 1;
    return [
      el("h4", {}, "requests by worker"),
      table(
        [["worker", ""], ["count", "num"], ...quantiles.map((q) => [q, "num"]), ["max", "num"], ["", ""]],
        threads.map((t) =>
          el(
            "tr",
            {},
            el(
              "td",
              {},
              button(t.name, () => panel.chooseThread(t.name), { class: "link", title: "show only this worker" }),
            ),
            el("td", { class: "num" }, count(t.count)),
            [...t.quantiles, t.max].map((v) => el("td", { class: "num" }, duration(v))),
            el(
              "td",
              { class: "share" },
              el("div", { class: "meter", style: `width:${(100 * t.quantiles[t.quantiles.length - 1]) / slowest}%` }),
            ),
          ),
        ),
      ),
    ];
  }
}
