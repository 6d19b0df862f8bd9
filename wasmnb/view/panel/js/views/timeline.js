// The timeline view: swim lanes that can be zoomed, and details of the selected callback.

import { callView } from "../components/call.js";
import { LEFT, Lanes, RIGHT } from "../components/lanes.js";
import { count, duration, plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, empty, muted, toolbar } from "../dom/widgets.js";

export class TimelineView {
  constructor(panel) {
    this.panel = panel;
    this.tools = toolbar();
    this.holder = el("div", {
      class: "picture",
      tabindex: 0,
      "aria-label": "timeline: plus and minus zoom, arrows move, Tab goes through the bars",
      onkeydown: (e) => this.key(e),
    });
    this.info = el("div", { class: "info" });
    this.nodes = [this.tools, this.holder, this.info];
    this.on = { lanes: () => this.load(), event: () => this.drawInfo() };
    this.holder.addEventListener(
      "wheel",
      (e) => {
        e.preventDefault();
        this.zoom(e.deltaY > 0 ? 1.25 : 0.8, this.shareAt(e));
      },
      { passive: false },
    );
    this.holder.addEventListener("pointerdown", (e) => this.drag(e));
    this.load();
    this.drawInfo();
  }

  narrowed() {
    this.load();
  }

  load() {
    const { panel } = this;
    const { bars = [], spans = [], vms = [], window: asked = null, around = null } = panel.get("lanes") || {};
    const visible = bars.filter((b) => panel.selection.covers({ thread: b[0], vm: b[7], root: b[9], exchange: b[5] }));
    if (!visible.length) {
      this.lanes = null;
      replace(this.tools, around != null && button("newest events", () => panel.showOnTimeline(null)));
      replace(this.info);
      return replace(
        this.holder,
        empty(bars.length ? "No events of the selected node in this part of the trace." : "No events yet."),
      );
    }
    const lanes = lanesOf(visible, vms);
    const threads = new Set(lanes.map((lane) => lane.thread));
    this.start = Math.min(...visible.map((b) => b[1]));
    this.end = Math.max(
      ...visible.map((b) => b[1] + b[2] / 1e9),
      ...spans.filter((s) => threads.has(s[0])).map((s) => s[2]),
      this.start + 1e-9,
    );
    // Starting VMs takes much longer than a request, so the timeline begins with the first request, if there is one.
    const first = visible.find((b) => b[5] != null);
    this.traffic = first ? first[1] : this.start;
    this.lanes = new Lanes(
      panel,
      visible,
      spans.filter((s) => panel.selection.covers({ thread: s[0], vm: s[6], root: s[7], exchange: s[5] })),
      lanes,
      vms,
      panel.width(),
    );
    if (around !== panel.viewState.around) {
      panel.viewState.around = around;
      panel.viewState.window = asked && [
        asked[0] - (asked[1] - asked[0]) * 0.1,
        asked[1] + (asked[1] - asked[0]) * 0.1 + 1e-7,
      ];
    }
    if (!panel.viewState.window || panel.viewState.window[0] > this.end || panel.viewState.window[1] < this.start)
      panel.viewState.window = null;
    this.drawTools(around);
    this.draw();
  }

  drawTools(around) {
    const { panel } = this;
    const { bars = [], events = 0, total = 0 } = panel.get("lanes") || {};
    const show = (window) => {
      panel.viewState.window = window;
      this.draw();
    };
    replace(
      this.tools,
      button("+", () => this.zoom(0.5), { "aria-label": "zoom in" }),
      button("−", () => this.zoom(2), { "aria-label": "zoom out" }),
      button("all", () => show([this.start, this.end]), { title: "from the start of the VMs" }),
      button("traffic", () => show(null), { title: "from the first request on" }),
      around != null && button("newest events", () => panel.showOnTimeline(null)),
      button("export for Perfetto", () => panel.send("perfetto")),
      el(
        "span",
        { class: "key" },
        el("i", { class: "bar" }),
        "callback",
        el("i", { class: "host" }),
        "hostcall",
        el("i", { class: "pause" }),
        "paused",
        el("i", { class: "callout" }),
        "callout",
      ),
      muted(
        around != null
          ? `around #${around}`
          : total > events
            ? `the newest ${plural(bars.length, "callback")}; ${count(total - events)} older events are not shown`
            : "",
      ),
    );
  }

  view() {
    return this.panel.viewState.window || [this.traffic, this.end + (this.end - this.traffic) * 0.02];
  }

  draw() {
    if (!this.lanes) return;
    const focused =
      document.activeElement && this.holder.contains(document.activeElement) && document.activeElement.dataset.seq;
    this.holder.replaceChildren(this.lanes.picture(this.view(), (item) => this.choose(item)));
    const bars = [...this.holder.querySelectorAll(".call")];
    const stop = bars.find((b) => Number(b.dataset.seq) === this.panel.viewState.seq) || bars[0];
    if (stop) stop.setAttribute("tabindex", "0");
    const refocused = focused && bars.find((b) => b.dataset.seq === focused);
    if (refocused) refocused.focus();
  }

  zoom(factor, anchor = 0.5) {
    if (!this.lanes) return;
    const [a, b] = this.view();
    const middle = a + (b - a) * anchor;
    const span = Math.min(Math.max((b - a) * factor, 1e-7), 2 * (this.end - this.start) + 1e-6);
    this.panel.viewState.window = [middle - span * anchor, middle + span * (1 - anchor)];
    this.draw();
  }

  move(share) {
    const [a, b] = this.view();
    this.panel.viewState.window = [a + (b - a) * share, b + (b - a) * share];
    this.draw();
  }

  shareAt(event) {
    const box = this.holder.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left - LEFT) / Math.max(box.width - LEFT - RIGHT, 1), 0), 1);
  }

  drag(event) {
    if (!this.lanes || event.button !== 0) return;
    const from = this.shareAt(event);
    const [a, b] = this.view();
    let moved = false;
    const move = (e) => {
      const shift = (from - this.shareAt(e)) * (b - a);
      if (!moved && Math.abs(shift) < (b - a) * 0.005) return; // a click, not a drag
      moved = true;
      this.panel.viewState.window = [a + shift, b + shift];
      this.draw();
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
  }

  key(event) {
    const actions = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2) };
    if (event.target === this.holder)
      Object.assign(actions, { ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2) });
    else Object.assign(actions, { ArrowLeft: () => this.focusNeighbour(-1), ArrowRight: () => this.focusNeighbour(1) });
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  focusNeighbour(step) {
    const bars = [...this.holder.querySelectorAll(".call")];
    const index = bars.indexOf(document.activeElement);
    if (bars[index + step]) bars[index + step].focus();
  }

  choose(item) {
    this.panel.viewState.seq = item.seq;
    this.selected = item;
    for (const bar of this.holder.querySelectorAll(".call"))
      bar.classList.toggle("chosen", Number(bar.dataset.seq) === item.seq);
    if (item.seq != null) this.panel.send("event", { seq: item.seq });
    this.drawInfo();
  }

  // Details of the selected bar. The kernel then sends decoded arguments and statuses.
  drawInfo() {
    const { panel, selected: item } = this;
    const event = panel.get("event") || {};
    const show = (number) =>
      number != null &&
      button(`show #${number}`, () => panel.pick(panel.selection.rowId(number), "Exchanges"), { class: "small" });
    if (item && item.seq == null)
      return replace(this.info, el("b", {}, item.kind), ` ${item.text} `, show(item.exchange));
    if (event.seq != null && event.seq === panel.viewState.seq) {
      return replace(
        this.info,
        muted(
          `${event.thread}, VM${event.vm}, context ${event.context}, from ${(event.time * 1e3).toFixed(4)} ms: ${duration(event.ns)} in the filter, ${duration(event.host)} in the host `,
        ),
        show(event.exchange),
        callView(event, panel.selection.pluginName(event)),
      );
    }
    if (!item)
      return replace(this.info, muted("Zoom with the wheel or + and −, drag to move, click a bar for its arguments."));
    replace(
      this.info,
      el("b", { class: "mono" }, item.name),
      ` ${item.thread}, VM${item.vm}, context ${item.context}: ${duration(item.ns)} from ${(item.time * 1e3).toFixed(4)} ms `,
      show(item.exchange),
      item.inner.map(([name, took]) => el("div", { class: "hostcall mono" }, name, muted(`  ${duration(took)}`))),
    );
  }
}

// One lane for each VM with bars, sorted by thread and then by creation.
function lanesOf(bars, vms) {
  const roles = new Map(vms.map((vm) => [vm[0], vm[2]]));
  const lanes = new Map(bars.map((b) => [`${b[0]} ${b[7]}`, { thread: b[0], vm: b[7], role: roles.get(b[7]) || "" }]));
  return [...lanes.values()].sort((a, b) => a.thread.localeCompare(b.thread, "en", { numeric: true }) || a.vm - b.vm);
}
