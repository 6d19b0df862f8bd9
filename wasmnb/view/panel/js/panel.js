// ── the panel ───────────────────────────────────────────────────────────────────────────────────────────────────────

const VIEWS = { Exchanges: ExchangesView, Timeline: TimelineView, Latency: LatencyView, State: StateView, Log: LogView, Module: ModuleView };
const PATIENCE = 700; // milliseconds before the panel says that the kernel is busy
const NOBODY = { thread: null, vm: null, root: null, context: null, exchange: null };

class Panel {
  constructor(model, root) {
    Object.assign(this, { model, root, tab: "Exchanges", node: null, toggled: new Set(), listeners: [],
      scroll: 0, find: "", sort: [ID, true], level: "trace", grep: "", window: null, subtract: false, form: "", gone: false, asked: 0 });
    // Several panels may be in one page; what their pictures refer to by id must be their own.
    this.uid = `wasmnb-${Math.random().toString(36).slice(2)}`;
    this.head = el("div", { class: "head" });
    this.side = el("div", { class: "contexts" });
    this.facts = el("div", { class: "node-facts", "aria-live": "polite" });
    this.tabs = el("div", { class: "tabs", role: "tablist" });
    this.pane = el("div", { class: "pane", role: "tabpanel" });
    this.foot = el("div", { class: "foot", role: "status" });
    this.request = new Form(this);
    root.classList.add("wasmnb-panel");
    root.append(this.head, ...this.request.nodes,
      el("div", { class: "body" }, el("div", { class: "side" }, this.side, this.facts), el("div", { class: "stage" }, this.tabs, this.pane)), this.foot);
    this.exchange = this.get("picked");
    this.listenToAll();
    this.drawHead();
    drawTree(this);
    this.drawFoot();
    this.show(this.tab);
    this.resized = new ResizeObserver(() => this.drawnWidth && this.drawnWidth !== this.width() && this.later("size", () => this.view.narrowed()));
    this.resized.observe(this.pane);
  }

  // -- the model ---------------------------------------------------------------------------------------------------

  listenToAll() {
    this.listen("change:head", () => this.later("head", () => this.drawHead()));
    this.listen("change:tree", () => this.later("tree", () => { drawTree(this); nodeFacts(this); }));
    this.listen("change:notice", () => this.drawFoot());
    this.listen("change:picked", () => { this.exchange = this.get("picked"); });
    for (const trait of ["rows", "detail", "before", "picked", "lanes", "event", "latency", "baseline", "shared", "python", "log", "module"]) {
      this.listen(`change:${trait}`, () => this.view && this.view.on[trait] && this.later(trait, () => this.view.on[trait] && this.view.on[trait]()));
    }
    this.listen("msg:custom", (message) => this.take(message));
    this.listen("comm_live_update", () => this.left());
    this.watchKernel();
  }

  // Where the front-end has notebooks (JupyterLab, Notebook), it knows of a kernel that was shut down or exchanged: widgets
  // are told of nothing but restarts.
  watchKernel() {
    const { context } = this.model.widget_manager || {}, session = context && context.sessionContext;
    if (!session || !session.kernelChanged || !session.statusChanged) return;
    const changed = (_, { oldValue, newValue }) => oldValue && (!newValue || newValue.id !== oldValue.id) && this.left();
    const status = (_, now) => now === "dead" && this.left();
    this.session = session;
    session.kernelChanged.connect(changed);
    session.statusChanged.connect(status);
    this.unwatch = () => { session.kernelChanged.disconnect(changed); session.statusChanged.disconnect(status); };
    if (session.isReady && !(session.session && session.session.kernel)) this.left();
  }

  listen(name, action) {
    this.model.on(name, action);
    this.listeners.push([name, action]);
  }

  close() {
    this.resized.disconnect();
    if (this.unwatch) this.unwatch();
    for (const [name, action] of this.listeners) this.model.off(name, action);
  }

  get(name) { return this.model.get(name); }

  // Several traits change at once; each part is drawn once: what somebody waits for at once, the rest with the next picture.
  later(part, draw) {
    if (!this.drawings) {
      this.drawings = new Map();
      if (this.asked > 0) queueMicrotask(() => this.drawLate());
      else requestAnimationFrame(() => this.drawLate());
    }
    this.drawings.set(part, draw);
  }

  drawLate() {
    const drawings = this.drawings;
    this.drawings = null;
    for (const one of drawings.values()) one();
  }

  ask(wish, values = {}, buffers) {
    if (this.gone) return this.say("The kernel is gone: run the cell again.", true);
    this.asked += 1;
    clearTimeout(this.impatience);
    this.impatience = setTimeout(() => this.wait(), PATIENCE);
    this.model.send({ wish, ...values }, undefined, buffers);
  }

  // Nothing has come back for a while: the kernel runs a cell. That is said at the head and at the foot. If it has nothing to
  // do, and had not a moment ago, it is another one than that which made the panel.
  wait(idled = false) {
    if (this.asked < 1) return;
    const kernel = this.session && this.session.session && this.session.session.kernel, idle = Boolean(kernel) && kernel.status === "idle";
    if (idle && idled) return this.left();
    if (idle) this.impatience = setTimeout(() => this.wait(true), PATIENCE);
    this.waits = true;
    this.drawHead();
    this.drawFoot();
  }

  take(message) {
    if (!message) return;
    if (message.kind === "file") this.offer(message);
    else if (message.kind === "form") this.request.take(message);
    else if (message.kind === "done" && this.asked > 0) {
      this.asked -= 1;
      if (this.waits) this.answered();
    }
    this.alive();
  }

  answered() {
    this.waits = this.asked > 0;
    this.drawFoot();
    if (!this.waits) this.drawHead();
  }

  // The front-end has lost the kernel. What it showed last stays.
  left() {
    this.gone = true;
    this.waits = false;
    this.asked = 0;
    this.root.classList.add("gone");
    this.drawHead();
    this.drawFoot();
    if (this.view) this.view.narrowed();
  }

  alive() {
    if (!this.gone) return;
    this.gone = false;
    this.root.classList.remove("gone");
    this.drawHead();
    this.drawFoot();
  }

  // A file to keep: the kernel sends its bytes, the page offers them.
  offer(message) {
    const data = message.text !== undefined ? message.text : Uint8Array.from(atob(message.base64), (c) => c.charCodeAt(0));
    const link = el("a", { href: URL.createObjectURL(new Blob([data], { type: message.type })), download: message.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // -- what is looked at -------------------------------------------------------------------------------------------

  // Row id of an exchange of the present version.
  now(number) { return ((this.get("rows") || {}).version || 0) * VERSION + number; }
  // Pictures are drawn pixel for pixel, so that their text is as large as the rest.
  width() {
    this.drawnWidth = Math.max((this.pane.clientWidth || 780) - 24, 360);
    return this.drawnWidth;
  }

  scope() { return { ...NOBODY, ...(this.node ? this.node.scope : {}) }; }

  // Whether the chosen node covers something on a thread, in a VM, in a context, of an exchange.
  covers(what) {
    const scope = this.scope();
    return Object.keys(NOBODY).every((key) => scope[key] == null || what[key] === undefined || what[key] === scope[key]);
  }

  // Name of the plugin that something belongs to; nothing if there is only one, or if its VM is gone.
  plugin({ vm, root }) {
    if (((this.get("head") || {}).plugins || []).length < 2) return "";
    const find = (node) => (node.kind === "plugin" && node.scope.vm === vm && node.scope.root === root ? node : (node.children || []).map(find).find(Boolean));
    return (find(this.get("tree") || {}) || {}).name || "";
  }

  coversRow(row) {
    const scope = this.scope();
    return (!scope.thread || row[WORKER] === scope.thread) && (scope.exchange == null || row[ID] === this.now(scope.exchange));
  }

  choose(node) {
    this.node = node;
    drawTree(this);
    nodeFacts(this);
    this.drawTabs();
    this.view.narrowed();
    this.narrow();
  }

  chooseThread(name) {
    const node = ((this.get("tree") || {}).children || []).find((n) => n.name === name);
    if (node) this.choose(node);
  }

  chooseContext(thread, vm, context) {
    this.choose({ path: `${thread} VM${vm} ${context}`, kind: "context", name: `${context} of VM${vm}`, scope: { thread, vm, context } });
  }

  narrow() { this.ask("narrow", { ...this.scope(), level: this.level, text: this.grep }); }

  narrowLater() {
    clearTimeout(this.narrowing);
    this.narrowing = setTimeout(() => this.narrow(), 150);
  }

  toggle(path) {
    if (!this.toggled.delete(path)) this.toggled.add(path);
    drawTree(this);
  }

  pick(id, tab) {
    this.exchange = id;
    this.ask("pick", { exchange: id });
    if (tab && tab !== this.tab) this.go(tab);
    else if (this.view.chosen) this.view.chosen();
  }

  around(id) {
    this.tab = "Timeline";
    this.ask("around", { exchange: id });
    this.show("Timeline");
  }

  go(tab) {
    this.tab = tab;
    this.ask("look", { view: tab });
    this.show(tab);
  }

  show(tab) {
    this.view = new VIEWS[tab](this);
    this.pane.className = `pane${this.view.split ? " split" : ""}`;
    this.pane.replaceChildren(...this.view.nodes);
    this.drawTabs();
  }

  // -- head, tabs, foot --------------------------------------------------------------------------------------------

  drawHead() {
    const head = this.get("head") || {}, dropped = head.dropped || {};
    const down = (head.clusters || []).filter(([, alive]) => !alive).map(([name]) => (name === "upstream" ? "the upstream" : name));
    replace(this.head, el("span", { class: "name" }, head.name || "filter"),
      el("span", { class: head.state === "running" ? "badge good" : "badge bad" }, head.state || ""), this.gone && el("span", { class: "badge bad" }, "kernel gone"),
      this.waits && el("span", { class: "badge warn busy" }, "kernel busy"),
      muted(head.summary || ""), down.length > 0 && el("span", { class: "badge warn" }, `${down.join(", ")} ${down.length > 1 ? "are" : "is"} down`),
      muted(el("span", { class: "push" }), head.clock || ""),
      dropped.trace > 0 && muted(`trace: the newest ${count(head.kept.trace)} of ${count(head.kept.trace + dropped.trace)} events`),
      dropped.log > 0 && muted(`log: the newest ${count(head.kept.log)} of ${count(head.kept.log + dropped.log)} lines`));
    const shut = this.gone || head.state === "closed"; // then nothing can be sent
    for (const node of this.request.nodes) node.inert = shut;
    this.root.classList.toggle("shut", shut);
    const made = JSON.stringify([head.name, head.workers, head.remake, head.seed, head.plugins, head.clusters, head.callbacks]);
    if (this.made === made) return;
    this.made = made;
    this.request.draw(head.workers || 0);
    drawControls(this, this.request.settings, head);
  }

  drawTabs() {
    const focused = this.tabs.contains(document.activeElement), narrowed = this.node && (this.node.scope.exchange != null ? `#${this.node.scope.exchange}` : `${this.node.scope.thread || ""} ${this.node.kind === "thread" ? "" : this.node.name}`.trim());
    replace(this.tabs, Object.keys(VIEWS).map((name) => button(name, () => this.go(name), {
      role: "tab", "aria-selected": name === this.tab, tabindex: name === this.tab ? 0 : -1, onkeydown: (e) => this.tabKey(e, name) })),
    this.node && el("span", { class: "hint" }, muted(`only ${narrowed}`), button("✕", () => this.choose(null), { class: "small", "aria-label": "no narrowing" })));
    if (focused) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  tabKey(event, name) {
    const names = Object.keys(VIEWS), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.go(names[(names.indexOf(name) + step + names.length) % names.length]);
  }

  say(text, bad = false) { replace(this.foot, el("span", { class: bad ? "bad" : "" }, bad ? `✗ ${text}` : text)); }

  drawFoot() {
    const notice = this.get("notice") || {};
    if (this.gone) return this.say("The kernel is gone. This is the last state that it showed; run the cell again.", true);
    if (this.waits) {
      const what = this.asked > 1 ? `the ${count(this.asked)} things that you asked for come` : "what you asked for comes";
      return replace(this.foot, el("span", { class: "busy warn" }, `The kernel is busy with a cell; ${what} after it. Interrupting the kernel ends it.`));
    }
    if (notice.text) this.say(notice.text, notice.bad);
    else replace(this.foot);
  }
}

function initialize({ model }) {
  const merge = (message) => message && message.kind === "rows" && mergeRows(model, message);
  model.on("msg:custom", merge);
  return () => model.off("msg:custom", merge);
}

function render({ model, el: root }) {
  const panel = new Panel(model, root);
  panel.ask("look", { view: panel.tab, fresh: true });
  return () => panel.close();
}

export default { initialize, render };
