// ── latency: histograms and percentiles, by worker, other figures laid over ─────────────────────────────────────────

const ROOM = 180; // pixels beside a histogram, for its name

class LatencyView {
  constructor(ui) {
    this.ui = ui;
    this.tools = el("div", { class: "filters" });
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { latency: () => this.draw(), baseline: () => this.draw() };
    this.draw();
  }

  narrowed() { this.draw(); }

  draw() {
    const { ui } = this, latency = ui.get("latency") || {}, baseline = ui.get("baseline") || {};
    const { series = [], harness = [], quantiles = [], threads = [] } = latency;
    if (!series.length) {
      replace(this.tools);
      return replace(this.body, el("div", { class: "empty" }, "No request has been measured yet."));
    }
    const before = new Map((baseline.series || []).map((s) => [s.name, s]));
    this.drawTools(latency, harness, before.size ? baseline.of : "");
    const off = (s) => (ui.subtract ? s.own : 0);
    const all = [...series, ...series.map((s) => before.get(s.name)).filter(Boolean)];
    const edges = all.flatMap((s) => s.buckets.flatMap((b) => [b[0] - off(s), b[1] - off(s)])).filter((e) => e >= 10);
    const low = edges.length ? Math.min(...edges) : 10, high = Math.max(low * 2, ...edges);
    const scale = { low, high, width: ui.width() };
    replace(this.body,
      el("div", { class: "picture" }, series.map((s, i) => histogram(s, before.get(s.name), off, { ...scale, named: i === 0 || i === series.length - 1 })),
        el("p", { class: "muted legend" }, "solid line: p50, dashed: p99", before.size > 0 && [" · filled: ", latency.of, " · outlined: ", baseline.of])),
      this.figures(series, before, baseline.of, quantiles, off, harness), threads.length > 1 && this.workers(threads, quantiles));
  }

  drawTools(latency, harness, over) {
    const { ui } = this, own = harness.length ? harness[0][1] : 0;
    const choices = [["", "nothing"], ...(latency.choices || []).map((c) => [c, c])];
    replace(this.tools, el("b", {}, latency.of),
      el("label", {}, "laid over: ", select("figures to compare with", choices, over || latency.against || "", (against) => ui.ask("against", { against }))),
      button("keep these figures", () => ui.ask("keep"), { title: "Keep them to compare later ones with" }),
      checkbox(`subtract the harness's own ${duration(own)} a callback`, ui.subtract, (on) => { ui.subtract = on; this.draw(); }));
  }

  figures(series, before, name, quantiles, off, harness) {
    const row = (s, text, tone_) => el("tr", { class: tone_ }, el("td", { class: "mono" }, text), el("td", { class: "num" }, count(s.count)),
      [...s.quantiles, s.max].map((v) => el("td", { class: "num" }, duration(Math.max(v - off(s), 0)))));
    const rows = series.flatMap((s) => [row(s, s.name, ""), before.has(s.name) && row(before.get(s.name), `${s.name} · ${name}`, "over")]);
    const own = harness.map(([text, ns]) => el("tr", { class: "muted" }, el("td", {}, `harness: ${text}`), el("td"), el("td", { class: "num" }, duration(ns)), el("td", { colspan: quantiles.length })));
    return table([["callback", ""], ["count", "num"], ...quantiles.map((q) => [q, "num"]), ["max", "num"]], [rows.filter(Boolean), own]);
  }

  workers(threads, quantiles) {
    const { ui } = this, slowest = Math.max(...threads.map((t) => t.quantiles[t.quantiles.length - 1])) || 1;
    return [el("h4", {}, "whole requests by worker"), table([["worker", ""], ["count", "num"], ...quantiles.map((q) => [q, "num"]), ["max", "num"], ["", ""]],
      threads.map((t) => el("tr", {}, el("td", {}, button(t.name, () => ui.chooseThread(t.name), { class: "link", title: "show only this one" })), el("td", { class: "num" }, count(t.count)),
        [...t.quantiles, t.max].map((v) => el("td", { class: "num" }, duration(v))),
        el("td", { class: "share" }, el("div", { class: "meter", style: `width:${100 * t.quantiles[t.quantiles.length - 1] / slowest}%` })))))];
  }
}

function histogram(one, other, off, { low, high, width, named }) {
  const H = named ? 62 : 46, base = 42, high_ = 36;
  const x = (ns) => ROOM + (width - ROOM - 10) * Math.log(Math.min(Math.max(ns, low), high) / low) / Math.log(high / low);
  const bars = (s, name) => {
    const total = s.buckets.reduce((sum, b) => sum + b[2], 0) || 1, top = Math.max(...s.buckets.map((b) => b[2])) / total;
    return s.buckets.map(([a, b, n]) => svg("rect", { class: `bar ${name}`, x: x(a - off(s)), width: Math.max(x(b - off(s)) - x(a - off(s)) - .5, .8),
      y: base - high_ * (n / total) / top, height: high_ * (n / total) / top }));
  };
  const mark = (ns, dashed) => svg("line", { class: dashed ? "mark dashed" : "mark", x1: x(ns - off(one)), x2: x(ns - off(one)), y1: 4, y2: base });
  return svg("svg", { viewBox: `0 0 ${width} ${H}`, height: H, role: "img", "aria-label": `histogram of ${one.name}: the table below has the numbers` },
    svg("line", { class: "axis", x1: ROOM, x2: width - 10, y1: base, y2: base }), svg("text", { x: ROOM - 8, y: base - 6, "text-anchor": "end" }, one.name),
    bars(one, ""), other && bars(other, "before"), mark(one.quantiles[0]), mark(one.quantiles[one.quantiles.length - 1], true),
    ticks(low, high).map((ns) => [svg("line", { class: "axis", x1: x(ns), x2: x(ns), y1: base, y2: base + 3 }),
      named && svg("text", { x: x(ns), y: H - 5, "text-anchor": "middle" }, duration(ns).replace(".00", "").replace(".0", ""))]));
}

function ticks(low, high) {
  const found = [];
  const steps = high / low < 100 ? [1, 2, 5] : [1];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) found.push(...steps.map((s) => s * 10 ** power));
  return found.filter((ns) => ns >= low && ns <= high);
}
