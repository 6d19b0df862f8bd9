// ── the module ──────────────────────────────────────────────────────────────────────────────────────────────────────

class ModuleView {
  constructor(ui) {
    this.ui = ui;
    this.tools = el("div", { class: "filters" });
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { module: () => this.draw() };
    this.draw();
  }

  narrowed() {}

  // The modules of a chain, to choose among.
  drawTools({ plugins = [], place = 0 }) {
    replace(this.tools, plugins.length > 1 && el("label", {}, "plugin ", select("plugin whose module is shown", plugins.map((name, i) => [i, `${i + 1}. ${name}`]), place, (i) => this.ui.ask("module", { plugin: Number(i) }))));
  }

  draw() {
    const m = this.ui.get("module") || {};
    if (!m.facts) return replace(this.body, el("div", { class: "empty" }, this.ui.gone ? "The module was not looked at while the kernel was there." : "Reading the module …"));
    this.drawTools(m);
    const whole = m.sections.reduce((sum, s) => sum + s[1], 0) || 1;
    replace(this.body, el("h4", {}, "module"),
      table([["", ""], ["", ""]], m.facts.map(([name, value]) => el("tr", {}, el("td", { class: "muted nowrap" }, name), el("td", { class: "wide" }, value))), { class: "facts" }),
      m.problems.length ? el("div", {}, el("p", { class: "bad" }, "✗ Envoy would refuse this module:"), m.problems.map((p) => el("p", {}, `• ${p}`)))
        : el("p", { class: "good" }, "✓ Nothing stops Envoy from loading this module."),
      m.download && el("p", {}, button("download the .wasm", () => this.ui.ask("download"))),
      m.sections.length > 0 && [el("h4", {}, "what makes up its size"), table([["section", ""], ["size", "num"], ["", ""]], m.sections.map(([name, size]) => el("tr", {},
        el("td", { class: "mono nowrap" }, name), el("td", { class: "num nowrap" }, bytes(size)),
        el("td", { class: "share" }, el("div", { class: "meter", style: `width:${Math.max(100 * size / whole, .3)}%` })))))],
      ["exports", "imports"].map((kind) => m[kind].length > 0 && el("details", {}, el("summary", {}, el("b", {}, kind), ` ${m[kind].length}`), el("pre", {}, m[kind].join("\n")))));
  }
}
