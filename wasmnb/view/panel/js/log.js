// ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"];
const LEVEL_TONES = { warn: "warn", error: "bad", critical: "bad", trace: "muted", debug: "muted" };

// Line: time, level, thread, context, exchange, text, VM, who wrote it, root context.
function logTable(ui, lines) {
  const row = ([time, level, thread, context, exchange, text, vm]) => el("tr", {},
    el("td", { class: "num muted nowrap" }, time.toFixed(6)), el("td", { class: `nowrap ${LEVEL_TONES[level] || ""}` }, level),
    el("td", { class: "nowrap" }, button(thread, () => ui.chooseThread(thread), { class: "link", title: "only this thread" })),
    el("td", { class: "num nowrap" }, context != null && button(context, () => ui.chooseContext(thread, vm, context), { class: "link", title: "only this context" })),
    el("td", { class: "num nowrap" }, exchange != null && button(`#${exchange}`, () => ui.pick(ui.now(exchange), "Exchanges"), { class: "link", title: "show the exchange" })),
    el("td", { class: exchange != null ? "link" : "", onclick: () => exchange != null && !String(getSelection()) && ui.pick(ui.now(exchange), "Exchanges") }, el("pre", {}, text)));
  return table([["time", "num nowrap"], ["level", "nowrap"], ["thread", "nowrap"], ["context", "num nowrap"], ["exchange", "num nowrap"], ["message", ""]], lines.map(row), { class: "log" });
}

class LogView {
  constructor(ui) {
    this.ui = ui;
    this.tail = muted();
    this.tools = el("div", { class: "filters" },
      select("lowest level", LEVELS.map((l) => [l, l === "trace" ? "every level" : l === "critical" ? l : `${l} and above`]), ui.level, (level) => { ui.level = level; this.sift(); }),
      el("input", { placeholder: "only lines with …", "aria-label": "search the log", value: ui.grep, oninput: (e) => { ui.grep = e.target.value; this.sift(); } }), this.tail);
    this.body = el("div", {});
    this.nodes = [this.tools, this.body];
    this.on = { log: () => this.draw() };
    this.draw();
  }

  narrowed() { this.draw(); }

  // What is here is sifted at once; the kernel then finds more of the same kind among older lines.
  sift() {
    this.draw();
    this.ui.narrowLater();
  }

  draw() {
    const { ui } = this, { written = 0, kept = 0, matching = 0, lines = [] } = ui.get("log") || {};
    const lowest = LEVELS.indexOf(ui.level);
    const wanted = lines.filter((l) => LEVELS.indexOf(l[1]) >= lowest && ui.covers({ thread: l[2], vm: l[6], root: l[8], context: l[3], exchange: l[4] }) && (!ui.grep || l[5].includes(ui.grep)));
    replace(this.body, wanted.length ? logTable(ui, wanted) : el("div", { class: "empty" }, "No lines."));
    replace(this.tail, matching > lines.length ? `the newest ${count(wanted.length)} of ${count(matching)}` : plural(wanted.length, "line"),
      written > kept && `; ${count(written - kept)} older ones are gone`);
  }
}
