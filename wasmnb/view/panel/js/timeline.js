// ── the timeline: lanes to zoom into, and the callback that was chosen ──────────────────────────────────────────────

class TimelineView {
  constructor(ui) {
    this.ui = ui;
    this.tools = el("div", { class: "filters" });
    this.holder = el("div", { class: "picture", tabindex: 0, "aria-label": "timeline: plus and minus zoom, arrows move, Tab goes through the bars", onkeydown: (e) => this.key(e) });
    this.info = el("div", { class: "info" });
    this.nodes = [this.tools, this.holder, this.info];
    this.on = { lanes: () => this.read(), event: () => this.explained() };
    this.holder.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(e.deltaY > 0 ? 1.25 : .8, this.at(e)); }, { passive: false });
    this.holder.addEventListener("pointerdown", (e) => this.drag(e));
    this.read();
    this.explained();
  }

  narrowed() { this.read(); }

  read() {
    const { ui } = this, { bars = [], spans = [], window: asked = null, around = null } = ui.get("lanes") || {};
    const mine = bars.filter((b) => ui.covers({ thread: b[0], vm: b[7], root: b[9], exchange: b[5] }));
    if (!mine.length) {
      this.lanes = null;
      replace(this.tools, around != null && button("newest events", () => ui.around(null)));
      replace(this.info);
      return replace(this.holder, el("div", { class: "empty" }, bars.length ? "Nothing of the chosen node is among the events shown." : "Nothing has happened yet."));
    }
    const threads = [...new Set(mine.map((b) => b[0]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    this.start = Math.min(...mine.map((b) => b[1]));
    this.end = Math.max(...mine.map((b) => b[1] + b[2] / 1e9), ...spans.filter((s) => threads.includes(s[0])).map((s) => s[2]), this.start + 1e-9);
    // The start of the VMs is long beside a request: begin with the traffic, if there is any.
    const first = mine.find((b) => b[5] != null);
    this.traffic = first ? first[1] : this.start;
    this.lanes = new Lanes(ui, mine, spans.filter((s) => ui.covers({ thread: s[0], vm: s[6], root: s[7], exchange: s[5] })), threads, ui.width());
    if (around !== ui.shownAround) {
      ui.shownAround = around;
      ui.window = asked && [asked[0] - (asked[1] - asked[0]) * .1, asked[1] + (asked[1] - asked[0]) * .1 + 1e-7];
    }
    if (!ui.window || ui.window[0] > this.end || ui.window[1] < this.start) ui.window = null;
    this.drawTools(around);
    this.draw();
  }

  drawTools(around) {
    const { ui } = this, { bars = [], events = 0, made = 0 } = ui.get("lanes") || {};
    const show = (window) => { ui.window = window; this.draw(); };
    replace(this.tools,
      button("+", () => this.zoom(.5), { "aria-label": "zoom in" }), button("−", () => this.zoom(2), { "aria-label": "zoom out" }),
      button("all", () => show([this.start, this.end]), { title: "everything from the start of the VMs" }),
      button("traffic", () => show(null), { title: "from the first request shown" }),
      around != null && button("newest events", () => ui.around(null)), button("export for Perfetto", () => ui.ask("perfetto")),
      el("span", { class: "key" }, el("i", { class: "bar" }), "callback", el("i", { class: "host" }), "hostcall", el("i", { class: "pause" }), "paused", el("i", { class: "callout" }), "callout"),
      muted(around != null ? `around #${around}` : made > events ? `the newest ${plural(bars.length, "callback")}; ${count(made - events)} older events are left out` : ""));
  }

  view() {
    return this.ui.window || [this.traffic, this.end + (this.end - this.traffic) * .02];
  }

  draw() {
    if (!this.lanes) return;
    const focused = document.activeElement && this.holder.contains(document.activeElement) && document.activeElement.dataset.seq;
    this.holder.replaceChildren(this.lanes.picture(this.view(), (what) => this.choose(what)));
    const bars = [...this.holder.querySelectorAll(".call")];
    const stop = bars.find((b) => Number(b.dataset.seq) === this.ui.seq) || bars[0];
    if (stop) stop.setAttribute("tabindex", "0");
    const again = focused && bars.find((b) => b.dataset.seq === focused);
    if (again) again.focus();
  }

  zoom(factor, at = .5) {
    if (!this.lanes) return;
    const [a, b] = this.view(), middle = a + (b - a) * at, span = Math.min(Math.max((b - a) * factor, 1e-7), 2 * (this.end - this.start) + 1e-6);
    this.ui.window = [middle - span * at, middle + span * (1 - at)];
    this.draw();
  }

  move(share) {
    const [a, b] = this.view();
    this.ui.window = [a + (b - a) * share, b + (b - a) * share];
    this.draw();
  }

  at(event) {
    const box = this.holder.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left - LEFT) / Math.max(box.width - LEFT - RIGHT, 1), 0), 1);
  }

  drag(event) {
    if (!this.lanes || event.button !== 0) return;
    const from = this.at(event), [a, b] = this.view();
    let moved = false;
    const move = (e) => {
      const by = (from - this.at(e)) * (b - a);
      if (!moved && Math.abs(by) < (b - a) * .005) return; // a click, not a drag
      moved = true;
      this.ui.window = [a + by, b + by];
      this.draw();
    };
    const stop = () => { window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", stop); };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
  }

  key(event) {
    const actions = { "+": () => this.zoom(.5), "=": () => this.zoom(.5), "-": () => this.zoom(2) };
    if (event.target === this.holder) Object.assign(actions, { ArrowLeft: () => this.move(-.2), ArrowRight: () => this.move(.2) });
    else Object.assign(actions, { ArrowLeft: () => this.neighbour(-1), ArrowRight: () => this.neighbour(1) });
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  neighbour(step) {
    const bars = [...this.holder.querySelectorAll(".call")], at = bars.indexOf(document.activeElement);
    if (bars[at + step]) bars[at + step].focus();
  }

  choose(what) {
    this.ui.seq = what.seq;
    this.what = what;
    for (const bar of this.holder.querySelectorAll(".call")) bar.classList.toggle("chosen", Number(bar.dataset.seq) === what.seq);
    if (what.seq != null) this.ui.ask("event", { seq: what.seq });
    this.explained();
  }

  // What was chosen: at first what the bar tells, then the arguments and statuses that the kernel has decoded.
  explained() {
    const { ui, what } = this, event = ui.get("event") || {};
    const show = (number) => number != null && button(`show #${number}`, () => ui.pick(ui.now(number), "Exchanges"), { class: "small" });
    if (what && what.seq == null) return replace(this.info, el("b", {}, what.kind), ` ${what.text} `, show(what.exchange));
    if (event.seq != null && event.seq === ui.seq) {
      return replace(this.info, muted(`${event.thread}, VM${event.vm}, context ${event.context}, from ${(event.time * 1e3).toFixed(4)} ms: ${duration(event.ns)} in the filter, ${duration(event.host)} in the host `),
        show(event.exchange), callView(event, ui.plugin(event)));
    }
    if (!what) return replace(this.info, muted("The wheel or + and − zoom, dragging moves; a click on a bar shows its arguments."));
    replace(this.info, el("b", { class: "mono" }, what.name), ` ${what.thread}, VM${what.vm}, context ${what.context}: ${duration(what.ns)} from ${(what.time * 1e3).toFixed(4)} ms `, show(what.exchange),
      what.inner.map(([name, took]) => el("div", { class: "hostcall mono" }, name, muted(`  ${duration(took)}`))));
  }
}
