// The state view: Python variables by thread, metrics, shared data and shared queues.

import { count, plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, muted, table } from "../dom/widgets.js";

export class StateView {
  constructor(panel) {
    this.panel = panel;
    this.body = el("div", {});
    this.nodes = [this.body];
    this.on = { shared: () => this.draw(), python: () => this.draw() };
    this.draw();
  }

  narrowed() {
    this.draw();
  }

  draw() {
    const { metrics = {}, data = {}, queues = {} } = this.panel.get("shared") || {};
    replace(
      this.body,
      this.pythonState(),
      grid("metrics", ["name", "kind", "value"], metrics, "No metric has been defined."),
      grid("shared data", ["vm_id", "key", "value", "cas"], data, "No shared data."),
      grid("shared queues", ["vm_id", "name", "items", "oldest item", "receiver"], queues, "No queues."),
    );
  }

  // Each worker has its own Python variables. Workers share only shared data, queues and metrics.
  pythonState() {
    const { panel } = this;
    const {
      threads = [],
      variables = [],
      more = 0,
      left = 0,
      streams = [],
      more_streams = 0,
      problems = [],
    } = panel.get("python") || {};
    const { thread: chosen, plugins } = panel.selection.scope();
    const columns = threads.filter((t) => !chosen || t === chosen);
    const visible = variables.filter(
      (v) => !plugins || (v.plugin == null ? v.plugins.some((p) => plugins.includes(p)) : plugins.includes(v.plugin)),
    );
    const live = streams.filter((s) => panel.selection.covers(s));
    const differing = visible.filter((v) => v.differs).length;
    const agree =
      columns.length > 1 &&
      visible.length > 0 &&
      (differing
        ? el(
            "span",
            { class: "warn" },
            ` ≠ ${plural(differing, "variable")} differ${differing === 1 ? "s" : ""} between workers`,
          )
        : muted(" all workers agree"));
    return el(
      "section",
      {},
      el("h4", {}, "Python variables by thread", agree),
      visible.length
        ? el(
            "div",
            { class: "wide-table" },
            table(
              [["", ""], ["where", ""], ["name", ""], ...columns.map((t) => [t, ""])],
              visible.map((v) => variableRow(v, columns)),
            ),
          )
        : el(
            "p",
            { class: "muted" },
            problems.length ? "No variables." : threads.length ? "No attributes yet." : "Reading …",
          ),
      more > 0 && el("p", { class: "muted" }, `… and ${plural(more, "more variable")}`),
      left > 0 &&
        el(
          "p",
          { class: "muted" },
          `${plural(left, "more worker")} not read, because each takes some milliseconds. `,
          button("read all", () => panel.send("python"), { class: "small" }),
        ),
      live.length > 0 && [
        el("h4", {}, "live streams"),
        table(
          [
            ["thread", "nowrap"],
            ["stream", ""],
            ["attribute", ""],
            ["value", ""],
          ],
          live.flatMap(streamRows),
        ),
      ],
      more_streams > 0 && el("p", { class: "muted" }, `… and ${plural(more_streams, "more stream")}`),
      [...new Set(problems.map((p) => p.replace(/^VM\d+ on [^:]*: /, "")))].map((p) => el("p", { class: "muted" }, p)),
    );
  }
}

const NUMBERS = new Set(["value", "cas", "items"]);

function grid(title, heads, { rows = [], more = 0 }, empty) {
  const cellClass = (head) =>
    head === "vm_id" || head === "name" || head === "key"
      ? "mono"
      : NUMBERS.has(head) && title !== "shared data"
        ? "num wrap"
        : head === "cas"
          ? "num"
          : head === "kind"
            ? "nowrap"
            : "";
  return el(
    "section",
    {},
    el("h4", {}, title),
    rows.length
      ? table(
          heads.map((h) => [h, cellClass(h)]),
          rows.map((r) =>
            el(
              "tr",
              {},
              r.map((cell, i) => el("td", { class: cellClass(heads[i]) }, cell === "" ? muted('""') : cell)),
            ),
          ),
        )
      : el("p", { class: "muted" }, empty),
    more > 0 && el("p", { class: "muted" }, `… and ${count(more)} more`),
  );
}

// Values that differ from the most common one are marked.
function variableRow({ owner, name, values, differs }, columns) {
  const usual = values.reduce((a, b) => (b[1].length > a[1].length ? b : a), ["", []])[0];
  const of = new Map(values.flatMap(([value, threads]) => threads.map((t) => [t, value])));
  return el(
    "tr",
    { class: differs ? "changed" : "" },
    el("td", { class: "sign", title: differs ? "workers differ" : "" }, differs ? "≠" : ""),
    el("td", { class: "muted" }, owner),
    el("td", { class: "mono" }, name),
    runs(columns, of, differs).map(([value, span]) =>
      el(
        "td",
        { class: differs && value !== usual ? "mono odd" : "mono", colspan: span },
        value === undefined
          ? muted("—")
          : el("div", { class: span > 1 ? "" : "value" }, value, span > 1 && muted(`  same in ${span} threads`)),
      ),
    ),
  );
}

// Equal values of adjacent threads are shown in one cell, unless the variable differs between workers.
function runs(columns, of, differs) {
  const cells = [];
  for (const thread of columns) {
    const last = cells[cells.length - 1];
    const value = of.get(thread);
    if (last && !differs && value !== undefined && last[0] === value) last[1] += 1;
    else cells.push([value, 1]);
  }
  return cells;
}

function streamRows({ thread, about, attributes, more }) {
  if (!attributes.length) attributes = [[muted("none"), ""]];
  const rows = attributes.map(([name, value], i) =>
    el(
      "tr",
      {},
      el("td", { class: "nowrap" }, i ? "" : thread),
      el("td", {}, i ? "" : about),
      el("td", { class: "mono" }, name),
      el("td", { class: "mono" }, value),
    ),
  );
  return more > 0
    ? [...rows, el("tr", { class: "muted" }, el("td"), el("td"), el("td", {}, `… ${more} more`), el("td"))]
    : rows;
}
