// ── exchanges: the list as a browser's network panel has it, and the chosen one ─────────────────────────────────────

const ROW = 22; // pixels of a row
const COLUMNS = [["#", ID], ["status", STATUS], ["method", METHOD], ["path", PATH], ["worker", WORKER], ["in all", WHOLE], ["filter", FILTER]];
const NUMERIC = new Set([ID, WHOLE, FILTER]);

class ExchangesView {
  constructor(ui) {
    this.ui = ui;
    this.split = true;
    this.heads = el("div", { class: "row exchange top", role: "presentation" });
    this.space = el("div", { class: "space" });
    this.list = el("div", { class: "list", tabindex: 0, role: "listbox", "aria-label": "exchanges", onkeydown: (e) => this.key(e),
      onscroll: () => { ui.scroll = this.list.scrollTop; this.drawRows(); } });
    this.found = muted();
    this.list.append(this.heads, this.space);
    const search = el("input", { placeholder: "only paths, methods or statuses with …", "aria-label": "search the exchanges", value: ui.find,
      oninput: (e) => { ui.find = e.target.value; this.drawList(); } });
    this.upper = el("div", { class: "upper" }, el("div", { class: "filters" }, search, this.found), this.list);
    this.lower = el("div", { class: "lower" });
    this.nodes = [this.upper, this.lower];
    this.on = { rows: () => this.drawList(), detail: () => this.drawDetail(), before: () => this.drawDetail(), picked: () => this.chosen() };
    this.drawHeads();
    this.drawList();
    this.drawDetail();
    requestAnimationFrame(() => { this.list.scrollTop = ui.scroll; this.drawRows(); });
  }

  narrowed() { this.drawList(); }

  drawHeads() {
    const [sorted, falls] = this.ui.sort;
    replace(this.heads, COLUMNS.map(([text, column]) => button(
      [text, column === sorted && (sorted !== ID || !falls) ? (falls ? " ▾" : " ▴") : ""].join(""), () => this.sort(column),
      { class: NUMERIC.has(column) ? "num" : "", title: `sort by ${text}`, "aria-pressed": column === sorted })));
  }

  sort(column) {
    const [sorted, falls] = this.ui.sort;
    this.ui.sort = [column, column === sorted ? !falls : NUMERIC.has(column)];
    this.drawHeads();
    this.drawList();
  }

  drawList() {
    const { ui } = this, all = rowsOf(ui.model), words = ui.find.toLowerCase();
    const scope = ui.scope();
    let rows = all;
    if (scope.thread || scope.exchange != null) rows = rows.filter((r) => ui.coversRow(r));
    if (words) rows = rows.filter((r) => `${r[METHOD]} ${r[PATH]} ${r[STATUS]} ${r[STATE]}`.toLowerCase().includes(words));
    const [column, falls] = ui.sort;
    if (column !== ID || !falls) {
      const order = (a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : b[ID] - a[ID]);
      rows = rows.slice().sort(falls ? (a, b) => order(b, a) : order);
    }
    this.rows = rows;
    this.space.style.height = `${Math.max(rows.length, 1) * ROW}px`;
    const total = (ui.get("rows") || {}).total || 0;
    replace(this.found, rows.length < all.length ? `${count(rows.length)} of ${count(all.length)}` : total > all.length ? `the newest ${count(all.length)} of ${count(total)}` : "");
    this.drawRows();
  }

  // Ten thousand rows: only those in sight are in the page.
  drawRows() {
    const { ui, rows } = this;
    if (!rows.length) {
      const none = rowsOf(ui.model).length ? "None of the exchanges." : "No exchanges yet. Send one above, or run traffic from a cell.";
      return replace(this.space, el("div", { class: "empty" }, none));
    }
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 4);
    const last = Math.min(rows.length, first + Math.ceil((this.list.clientHeight || 300) / ROW) + 8);
    this.drawn = rows.slice(first, last).map((row, i) => this.row(row, first + i));
    this.space.replaceChildren(...this.drawn);
  }

  row(row, place) {
    const { ui } = this, chosen = ui.exchange === row[ID], status = row[STATUS], state = row[STATE];
    const cell = (name, ...children) => el("span", { class: name }, ...children);
    return el("div", { class: "row exchange", role: "option", id: `${ui.uid}-${row[ID]}`, "aria-selected": chosen, "data-id": row[ID],
      style: `top:${place * ROW}px`, onclick: () => ui.pick(row[ID]) },
    cell("num muted", rowName(ui.model, row[ID])), cell(tone(status), status || "—"), cell("", row[METHOD]),
    cell("", state !== "done" && el("span", { class: state === "failed" ? "bad" : "warn" }, `${state}  `), el("span", { class: "mono" }, row[PATH])), cell("", row[WORKER]),
    cell("num", row[WHOLE] || state === "done" ? duration(row[WHOLE] * 1e3) : "—"), cell("num", duration(row[FILTER] * 1e3)));
  }

  // The chosen row is marked at once; the kernel's answer comes after.
  chosen() {
    for (const row of this.drawn || []) row.setAttribute("aria-selected", String(Number(row.dataset.id) === this.ui.exchange));
    this.list.setAttribute("aria-activedescendant", `${this.ui.uid}-${this.ui.exchange}`);
    if ((this.ui.get("detail") || {}).id === this.ui.exchange || this.ui.gone) this.drawDetail();
  }

  drawDetail() {
    const top = this.shownOf === this.ui.exchange ? this.lower.scrollTop : 0;
    if (this.shownOf != null && (this.ui.get("detail") || {}).id !== this.ui.exchange && !this.ui.gone) return; // it is on its way
    this.shownOf = this.ui.exchange;
    replace(this.lower, detailView(this.ui));
    this.lower.scrollTop = top;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 }[event.key];
    if (!step || !this.rows.length || event.target !== this.list) return;
    event.preventDefault();
    const at = this.rows.findIndex((row) => row[ID] === this.ui.exchange);
    const place = Math.min(Math.max(at + step, 0), this.rows.length - 1);
    const top = place * ROW, height = this.list.clientHeight - 2 * ROW;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top > this.list.scrollTop + height) this.list.scrollTop = top - height;
    this.drawRows();
    this.ui.pick(this.rows[place][ID]);
  }
}
