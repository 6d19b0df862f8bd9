// The panel, which draws the traits of its model and sends the user's actions to the kernel. The traits contain all displayed
// data, so a panel without a kernel shows the last state.

import { drawFoot, drawHead, showNotice } from "./components/status.js";
import { RequestForm } from "./components/request_form.js";
import { drawSimulation } from "./components/simulation.js";
import { drawNodeFacts, drawTree } from "./components/tree.js";
import { ID } from "./data/rows.js";
import { el } from "./dom/nodes.js";
import { replace } from "./dom/replace.js";
import { button, muted } from "./dom/widgets.js";
import { KernelLink } from "./kernel.js";
import { Selection } from "./selection.js";
import { VIEWS } from "./views/index.js";

const VIEW_TRAITS = [
  "rows",
  "detail",
  "before",
  "picked",
  "lanes",
  "event",
  "latency",
  "baseline",
  "shared",
  "python",
  "log",
  "module",
  "start",
  "reports",
];

export class Panel {
  constructor(model, root) {
    // State of the views that is kept while another view is shown.
    this.viewState = {
      scroll: 0,
      find: "",
      sort: [ID, true],
      level: "trace",
      grep: "",
      window: null,
      subtract: false,
      bodyForm: "",
      seq: null,
    };
    Object.assign(this, { model, root, tab: "Exchanges", toggled: new Set(), listeners: [] });
    // SVG patterns are referenced by id, which must be unique if a page contains several panels.
    this.uid = `wasmnb-${Math.random().toString(36).slice(2)}`;
    this.selection = new Selection(model);
    this.kernel = new KernelLink(model, () => this.drawKernelState());
    this.layOut(root);
    this.listenToModel();
    this.drawHead();
    this.drawSide();
    this.drawFoot();
    this.show(this.tab);
    if (this.kernel.gone) this.drawKernelState();
    this.resized = new ResizeObserver(
      () => this.drawnWidth && this.drawnWidth !== this.width() && this.drawLater("size", () => this.view.narrowed()),
    );
    this.resized.observe(this.pane);
  }

  layOut(root) {
    this.head = el("div", { class: "head" });
    this.side = el("div", { class: "contexts" });
    this.facts = el("div", { class: "node-facts", "aria-live": "polite" });
    this.tabs = el("div", { class: "tabs", role: "tablist" });
    this.pane = el("div", { class: "pane", role: "tabpanel" });
    this.foot = el("div", { class: "foot", role: "status" });
    this.form = new RequestForm(this);
    root.classList.add("wasmnb-panel");
    root.append(
      this.head,
      ...this.form.nodes,
      el(
        "div",
        { class: "body" },
        el("div", { class: "side" }, this.side, this.facts),
        el("div", { class: "stage" }, this.tabs, this.pane),
      ),
      this.foot,
    );
  }

  // -- model -------------------------------------------------------------------------------------------------------

  listenToModel() {
    this.listen("change:head", () =>
      this.drawLater("head", () => {
        this.drawHead();
        this.drawFoot();
      }),
    );
    this.listen("change:tree", () => this.drawLater("tree", () => this.drawSide()));
    this.listen("change:start", () => this.drawLater("facts", () => drawNodeFacts(this, this.facts)));
    this.listen("change:notice", () => this.drawFoot());
    this.listen("change:rows", () => {
      const started = ((this.get("rows") || {}).total || 0) > 0;
      if (started !== this.started) this.drawLater("tree", () => this.drawSide());
      this.started = started;
    });
    this.listen("change:picked", () => {
      this.selection.exchange = this.get("picked");
    });
    for (const trait of VIEW_TRAITS) {
      this.listen(
        `change:${trait}`,
        () =>
          this.view && this.view.on[trait] && this.drawLater(trait, () => this.view.on[trait] && this.view.on[trait]()),
      );
    }
    this.listen("msg:custom", (message) => message && this.receive(message));
    this.listen("comm_live_update", () => this.kernel.markGone());
  }

  listen(name, action) {
    this.model.on(name, action);
    this.listeners.push([name, action]);
  }

  close() {
    this.resized.disconnect();
    this.kernel.close();
    for (const [name, action] of this.listeners) this.model.off(name, action);
  }

  get(name) {
    return this.model.get(name);
  }

  send(action, values, buffers) {
    if (this.kernel.gone) return this.notify("The kernel is gone. Run the cell again.", true);
    this.kernel.send(action, values, buffers);
  }

  receive(message) {
    if (message.kind === "file") offerFile(message);
    else if (message.kind === "form") this.form.load(message);
    else if (message.kind === "done") this.kernel.finishAction();
    this.kernel.markAlive();
  }

  // When several traits change together, each part is drawn once: immediately if the user waits for an action, otherwise in
  // the next frame.
  drawLater(part, draw) {
    if (!this.drawings) {
      this.drawings = new Map();
      if (this.kernel.pending > 0) queueMicrotask(() => this.drawNow());
      else requestAnimationFrame(() => this.drawNow());
    }
    this.drawings.set(part, draw);
  }

  drawNow() {
    const drawings = this.drawings;
    this.drawings = null;
    for (const draw of drawings.values()) draw();
  }

  // -- selection ---------------------------------------------------------------------------------------------------

  choose(node) {
    this.selection.node = node;
    this.drawSide();
    this.drawTabs();
    this.view.narrowed();
    this.sendScope();
  }

  chooseThread(name) {
    const node = ((this.get("tree") || {}).children || []).find((n) => n.name === name);
    if (node) this.choose(node);
  }

  chooseContext(thread, vm, context) {
    this.choose({
      path: `${thread} VM${vm} ${context}`,
      kind: "context",
      name: `${context} of VM${vm}`,
      scope: { thread, vm, context },
    });
  }

  sendScope() {
    this.send("narrow", { ...this.selection.scope(), level: this.viewState.level, text: this.viewState.grep });
  }

  sendScopeLater() {
    clearTimeout(this.scopeTimer);
    this.scopeTimer = setTimeout(() => this.sendScope(), 150);
  }

  toggle(path) {
    if (!this.toggled.delete(path)) this.toggled.add(path);
    drawTree(this, this.side);
  }

  pick(id, tab) {
    this.selection.exchange = id;
    this.send("pick", { exchange: id });
    if (tab && tab !== this.tab) this.go(tab);
    else if (this.view.picked) this.view.picked();
  }

  // -- views -------------------------------------------------------------------------------------------------------

  // Show the timeline around an exchange, or the most recent events if `id` is null.
  showOnTimeline(id) {
    this.tab = "Timeline";
    this.send("around", { exchange: id });
    this.show("Timeline");
  }

  go(tab) {
    this.tab = tab;
    this.send("look", { view: tab });
    this.show(tab);
  }

  show(tab) {
    this.view = new VIEWS[tab](this);
    this.pane.className = `pane${this.view.split ? " split" : ""}`;
    this.pane.replaceChildren(...this.view.nodes);
    this.drawTabs();
  }

  // Charts are drawn in the width of the pane in pixels, so that their text has the same size as other text.
  width() {
    this.drawnWidth = Math.max((this.pane.clientWidth || 780) - 24, 360);
    return this.drawnWidth;
  }

  drawTabs() {
    const focused = this.tabs.contains(document.activeElement);
    replace(
      this.tabs,
      Object.keys(VIEWS).map((name) =>
        button(name, () => this.go(name), {
          role: "tab",
          "aria-selected": name === this.tab,
          tabindex: name === this.tab ? 0 : -1,
          onkeydown: (e) => this.onTabKey(e, name),
        }),
      ),
      this.selection.node &&
        el(
          "span",
          { class: "hint" },
          muted(`only ${this.selection.label()}`),
          button("✕", () => this.choose(null), { class: "small", "aria-label": "clear the selection" }),
        ),
    );
    if (focused) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  onTabKey(event, name) {
    const names = Object.keys(VIEWS);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.go(names[(names.indexOf(name) + step + names.length) % names.length]);
  }

  // -- head, side, foot --------------------------------------------------------------------------------------------

  drawHead() {
    const head = this.get("head") || {};
    drawHead(this, this.head);
    const shut = this.kernel.gone || head.state === "closed"; // nothing can be sent
    for (const node of this.form.nodes) node.inert = shut;
    this.root.classList.toggle("shut", shut);
    this.root.classList.toggle("ended", head.state === "closed");
    const drawn = JSON.stringify([
      head.name,
      head.workers,
      head.listeners,
      head.restart,
      head.seed,
      head.plugins,
      head.clusters,
      head.callbacks,
    ]);
    if (this.drawnControls === drawn) return;
    this.drawnControls = drawn;
    this.form.draw(head.workers || 0, head.listeners);
    drawSimulation(this, this.form.simulation, head);
  }

  drawSide() {
    drawTree(this, this.side);
    drawNodeFacts(this, this.facts);
  }

  drawKernelState() {
    const { gone } = this.kernel;
    const changed = this.root.classList.contains("gone") !== gone;
    this.root.classList.toggle("gone", gone);
    this.drawHead();
    this.drawFoot();
    if (changed && gone && this.view) this.view.narrowed();
  }

  drawFoot() {
    drawFoot(this, this.foot);
  }

  notify(text, bad = false) {
    showNotice(this.foot, text, bad);
  }
}

// Let the browser save a file whose bytes the kernel has sent.
function offerFile(message) {
  const data =
    message.text !== undefined ? message.text : Uint8Array.from(atob(message.base64), (c) => c.charCodeAt(0));
  const link = el("a", { href: URL.createObjectURL(new Blob([data], { type: message.type })), download: message.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
