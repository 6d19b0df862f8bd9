// The module view: facts about the module, problems, warnings, sections, imports and exports.

import { bytes } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, empty, select, table, toolbar } from "../dom/widgets.js";

export class ModuleView {
  constructor(panel) {
    this.panel = panel;
    this.tools = toolbar();
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { module: () => this.draw() };
    this.draw();
  }

  narrowed() {}

  // A selection of the plugin, if there is more than one.
  drawTools({ plugins = [], plugin = 0 }) {
    replace(
      this.tools,
      plugins.length > 1 &&
        el(
          "label",
          {},
          "plugin ",
          select(
            "plugin whose module is shown",
            plugins.map((name, i) => [i, `${i + 1}. ${name}`]),
            plugin,
            (i) => this.panel.send("module", { plugin: Number(i) }),
          ),
        ),
    );
  }

  draw() {
    const m = this.panel.get("module") || {};
    if (!m.facts)
      return replace(
        this.body,
        empty(this.panel.kernel.gone ? "The kernel stopped before this view was opened." : "Reading the module …"),
      );
    this.drawTools(m);
    const whole = m.sections.reduce((sum, s) => sum + s[1], 0) || 1;
    replace(
      this.body,
      el("h4", {}, "module"),
      table(
        [
          ["", ""],
          ["", ""],
        ],
        m.facts.map(([name, value]) =>
          el("tr", {}, el("td", { class: "muted nowrap" }, name), el("td", { class: "wide" }, value)),
        ),
        { class: "facts" },
      ),
      m.problems.length
        ? el(
            "div",
            {},
            el("p", { class: "bad" }, "✗ Envoy would reject this module:"),
            m.problems.map((p) => el("p", {}, `• ${p}`)),
          )
        : el("p", { class: "good" }, "✓ Envoy can load this module."),
      m.warnings.map((w) => el("p", {}, el("span", { class: "warn" }, "! "), w)),
      m.download &&
        el(
          "p",
          {},
          button("download the .wasm", () => this.panel.send("download")),
        ),
      m.sections.length > 0 && [
        el("h4", {}, "size by section"),
        table(
          [
            ["section", ""],
            ["size", "num"],
            ["", ""],
          ],
          m.sections.map(([name, size]) =>
            el(
              "tr",
              {},
              el("td", { class: "mono nowrap" }, name),
              el("td", { class: "num nowrap" }, bytes(size)),
              el(
                "td",
                { class: "share" },
                el("div", { class: "meter", style: `width:${Math.max((100 * size) / whole, 0.3)}%` }),
              ),
            ),
          ),
        ),
      ],
      ["exports", "imports"].map(
        (kind) =>
          m[kind].length > 0 &&
          el(
            "details",
            {},
            el("summary", {}, el("b", {}, kind), ` ${m[kind].length}`),
            el("pre", {}, m[kind].join("\n")),
          ),
      ),
    );
  }
}
