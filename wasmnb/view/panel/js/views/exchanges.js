// The exchanges view: a list like in the network panel of a browser, and the details of the selected exchange.

import { exchangeView } from "../components/exchange.js";
import {
  FILTER,
  ID,
  METHOD,
  PATH,
  PAUSED,
  STATE,
  STATUS,
  TOTAL,
  WAITED,
  WORKER,
  rowName,
  rowsOf,
} from "../data/rows.js";
import { count, duration, outcome } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, empty, muted, toolbar } from "../dom/widgets.js";
import { startSteps } from "./start.js";

const ROW_HEIGHT = 22; // pixels
const COLUMNS = [
  ["#", ID],
  ["status", STATUS],
  ["method", METHOD],
  ["path", PATH],
  ["worker", WORKER],
  ["total", TOTAL],
  ["filter", FILTER],
];
const NUMERIC = new Set([ID, TOTAL, FILTER]);

export class ExchangesView {
  constructor(panel) {
    this.panel = panel;
    this.split = true;
    this.heads = el("div", { class: "row exchange top", role: "presentation" });
    this.space = el("div", { class: "space" });
    this.list = el("div", {
      class: "list",
      tabindex: 0,
      role: "listbox",
      "aria-label": "exchanges",
      onkeydown: (e) => this.key(e),
      onscroll: () => {
        panel.viewState.scroll = this.list.scrollTop;
        this.drawRows();
      },
    });
    this.summary = muted();
    this.list.append(this.heads, this.space);
    const search = el("input", {
      placeholder: "filter by path, method or status",
      "aria-label": "search the exchanges",
      value: panel.viewState.find,
      oninput: (e) => {
        panel.viewState.find = e.target.value;
        this.drawList();
      },
    });
    this.upper = el("div", { class: "upper" }, toolbar(search, this.summary), this.list);
    this.lower = el("div", { class: "lower" });
    this.start = el("div", { class: "start-pane" });
    this.nodes = [this.upper, this.lower, this.start];
    this.on = {
      rows: () => this.drawList(),
      start: () => this.drawStart(),
      detail: () => this.drawDetail(),
      before: () => this.drawDetail(),
      picked: () => this.picked(),
    };
    this.drawHeads();
    this.drawList();
    this.drawDetail();
    requestAnimationFrame(() => {
      this.list.scrollTop = panel.viewState.scroll;
      this.drawRows();
    });
  }

  narrowed() {
    this.drawList();
  }

  drawHeads() {
    const [sorted, descending] = this.panel.viewState.sort;
    replace(
      this.heads,
      COLUMNS.map(([text, column]) =>
        button(
          [text, column === sorted && (sorted !== ID || !descending) ? (descending ? " ▾" : " ▴") : ""].join(""),
          () => this.sort(column),
          { class: NUMERIC.has(column) ? "num" : "", title: `sort by ${text}`, "aria-pressed": column === sorted },
        ),
      ),
    );
  }

  sort(column) {
    const [sorted, descending] = this.panel.viewState.sort;
    this.panel.viewState.sort = [column, column === sorted ? !descending : NUMERIC.has(column)];
    this.drawHeads();
    this.drawList();
  }

  drawList() {
    const { panel } = this;
    const all = rowsOf(panel.model);
    const text = panel.viewState.find.toLowerCase();
    const scope = panel.selection.scope();
    let rows = all;
    if (scope.thread || scope.exchange != null) rows = rows.filter((r) => panel.selection.coversRow(r));
    if (text)
      rows = rows.filter((r) =>
        `${r[METHOD]} ${r[PATH]} ${r[STATUS]} ${r[STATE]} ${r[PAUSED]}`.toLowerCase().includes(text),
      );
    const [column, descending] = panel.viewState.sort;
    if (column !== ID || !descending) {
      const order = (a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : b[ID] - a[ID]);
      rows = rows.slice().sort(descending ? (a, b) => order(b, a) : order);
    }
    this.rows = rows;
    const longest = all.length
      ? Math.max(rowName(panel.model, all[0][ID]).length, rowName(panel.model, all[all.length - 1][ID]).length)
      : 1;
    this.list.style.setProperty("--id", `${longest}ch`);
    // The list has the height of its rows if there is space, and the details have the remaining height.
    this.upper.style.setProperty("--rows", rows.length + 1);
    this.drawStart();
    this.space.style.height = `${Math.max(rows.length, 1) * ROW_HEIGHT}px`;
    const total = (panel.get("rows") || {}).total || 0;
    replace(
      this.summary,
      rows.length < all.length
        ? `${count(rows.length)} of ${count(all.length)}`
        : total > all.length
          ? `the newest ${count(all.length)} of ${count(total)}`
          : "",
    );
    this.drawRows();
  }

  // Before the first exchange, show the start of the proxy.
  drawStart() {
    const isEmpty = !rowsOf(this.panel.model).length;
    this.upper.hidden = this.lower.hidden = isEmpty;
    this.start.hidden = !isEmpty;
    if (!isEmpty) return this.start.replaceChildren();
    const ended = (this.panel.get("head") || {}).state === "closed" || this.panel.kernel.gone;
    replace(
      this.start,
      empty(`No exchanges yet.${ended ? "" : " Send a request above, or run traffic from a cell."}`),
      startSteps(this.panel),
    );
  }

  // Create only the rows that are visible, because there can be ten thousand rows.
  drawRows() {
    const { rows } = this;
    if (!rows.length) return replace(this.space, empty("No exchange matches."));
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW_HEIGHT) - 4);
    const last = Math.min(rows.length, first + Math.ceil((this.list.clientHeight || 300) / ROW_HEIGHT) + 8);
    this.drawn = rows.slice(first, last).map((row, i) => this.row(row, first + i));
    this.space.replaceChildren(...this.drawn);
  }

  row(row, index) {
    const { panel } = this;
    const chosen = panel.selection.exchange === row[ID];
    const state = row[STATE];
    const [outcomeClass, outcomeText] = outcome(row[METHOD], row[STATUS], state);
    const cell = (name, ...children) => el("span", { class: name }, ...children);
    return el(
      "div",
      {
        class: "row exchange",
        role: "option",
        id: `${panel.uid}-${row[ID]}`,
        "aria-selected": chosen,
        "data-id": row[ID],
        style: `top:${index * ROW_HEIGHT}px`,
        onclick: () => panel.pick(row[ID]),
      },
      cell("num muted", rowName(panel.model, row[ID])),
      cell(outcomeClass, outcomeText || "—"),
      cell("", row[METHOD]),
      cell(
        "",
        state !== "done" &&
          state !== outcomeText &&
          el("span", { class: state === "failed" ? "bad" : "warn", title: row[PAUSED] || state }, `${state}  `),
        el("span", { class: "mono" }, row[PATH]),
      ),
      cell("", row[WORKER]),
      totalCell(row),
      el("span", { class: "num" }, duration(row[FILTER] * 1e3)),
    );
  }

  // Mark the selected row immediately, before the kernel sends the details.
  picked() {
    for (const row of this.drawn || [])
      row.setAttribute("aria-selected", String(Number(row.dataset.id) === this.panel.selection.exchange));
    this.list.setAttribute("aria-activedescendant", `${this.panel.uid}-${this.panel.selection.exchange}`);
    if ((this.panel.get("detail") || {}).id === this.panel.selection.exchange || this.panel.kernel.gone)
      this.drawDetail();
  }

  drawDetail() {
    const top = this.drawnExchange === this.panel.selection.exchange ? this.lower.scrollTop : 0;
    if (
      this.drawnExchange != null &&
      (this.panel.get("detail") || {}).id !== this.panel.selection.exchange &&
      !this.panel.kernel.gone
    )
      return; // drawn when the kernel sends the details
    this.drawnExchange = this.panel.selection.exchange;
    replace(this.lower, exchangeView(this.panel));
    this.lower.scrollTop = top;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 }[event.key];
    if (!step || !this.rows.length || event.target !== this.list) return;
    event.preventDefault();
    const at = this.rows.findIndex((row) => row[ID] === this.panel.selection.exchange);
    const index = Math.min(Math.max(at + step, 0), this.rows.length - 1);
    const top = index * ROW_HEIGHT;
    const height = this.list.clientHeight - 2 * ROW_HEIGHT;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top > this.list.scrollTop + height) this.list.scrollTop = top - height;
    this.drawRows();
    this.panel.pick(this.rows[index][ID]);
  }
}

// The duration of an exchange. If the exchange hasn't ended, it is followed by an ellipsis.
function totalCell(row) {
  const lasts = row[STATE] === "open" || row[STATE] === "paused";
  const title = [
    lasts && "so far",
    row[WAITED] > 0 && `${duration(row[WAITED] * 1e3)} of it before ${row[WORKER]} was free`,
  ].filter(Boolean);
  return el(
    "span",
    { class: lasts || row[WAITED] > 0 ? "num muted" : "num", title: title.join(", ") || null },
    `${duration(row[TOTAL] * 1e3)}${lasts ? " …" : ""}`,
  );
}
