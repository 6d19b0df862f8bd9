// The log view: log lines, filtered by level, text and selection.

import { logTable } from "../components/log_table.js";
import { count, plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { empty, muted, select, toolbar } from "../dom/widgets.js";

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"];

export class LogView {
  constructor(panel) {
    this.panel = panel;
    this.summary = muted();
    this.tools = toolbar(
      select(
        "lowest level",
        LEVELS.map((l) => [l, l === "trace" ? "every level" : l === "critical" ? l : `${l} and above`]),
        panel.viewState.level,
        (level) => {
          panel.viewState.level = level;
          this.applyFilter();
        },
      ),
      el("input", {
        placeholder: "filter by text",
        "aria-label": "search the log",
        value: panel.viewState.grep,
        oninput: (e) => {
          panel.viewState.grep = e.target.value;
          this.applyFilter();
        },
      }),
      this.summary,
    );
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { log: () => this.draw() };
    this.draw();
  }

  narrowed() {
    this.draw();
  }

  // Filter the available lines immediately. The kernel then sends older lines that match.
  applyFilter() {
    this.draw();
    this.panel.sendScopeLater();
  }

  draw() {
    const { panel } = this;
    const { written = 0, kept = 0, matching = 0, lines = [] } = panel.get("log") || {};
    const lowest = LEVELS.indexOf(panel.viewState.level);
    const matches = lines.filter(
      (l) =>
        LEVELS.indexOf(l[1]) >= lowest &&
        panel.selection.covers({ thread: l[2], vm: l[6], root: l[8], context: l[3], exchange: l[4] }) &&
        (!panel.viewState.grep || l[5].includes(panel.viewState.grep)),
    );
    replace(this.body, matches.length ? logTable(panel, matches) : empty("No lines."));
    replace(
      this.summary,
      matching > lines.length
        ? `the newest ${count(matches.length)} of ${count(matching)}`
        : plural(matches.length, "line"),
      written > kept && `; ${count(written - kept)} older lines were dropped`,
    );
  }
}
