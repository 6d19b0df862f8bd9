// The panel: draws the traits of its model, and sends wishes to the kernel. It holds no truth of its own: everything
// shown is in the traits, which the kernel replaces, so that a panel whose kernel is gone still shows its last state.
// All text reaches the page as text nodes and attributes; no string is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";
const ROW = 22; // pixels of a row in the list of exchanges

// ── making nodes ────────────────────────────────────────────────────────────────────────────────────────────────────

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && value != null) node.setAttribute(name, String(value));
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const three = (v) => (v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : Math.round(v).toLocaleString("en"));

function duration(ns) {
  for (const [factor, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]]) {
    if (Math.abs(ns) >= factor) return `${three(ns / factor)} ${unit}`;
  }
  return "0";
}

const bytes = (n) => (n < 1024 ? `${n} bytes` : n < 1 << 20 ? `${three(n / 1024)} kB` : `${three(n / (1 << 20))} MB`);
const tone = (status) => (!status || status >= 500 ? "bad" : status >= 400 ? "warn" : "good");
const STATES = { running: "", done: "", paused: "paused", failed: "failed", trapped: "failed" };

// ── the tree of contexts ────────────────────────────────────────────────────────────────────────────────────────────

function treeView(ui) {
  const node = ui.get("tree");
  if (!node || !node.children) return el("div", { class: "empty" }, "No contexts.");
  return el("ul", { class: "tree", role: "tree", "aria-label": "contexts", onkeydown: (e) => treeKey(ui, e) },
    node.children.map((child) => treeNode(ui, child, 0)));
}

function treeNode(ui, node, depth) {
  const inside = node.children.length > 0;
  const open = ui.toggled.has(node.path) === node.folded;
  const chosen = ui.node && ui.node.path === node.path;
  const quiet = !(node.state in STATES);
  const line = el("div", {
    class: "node", role: "treeitem", tabindex: chosen || (!ui.node && depth === 0) ? 0 : -1, "aria-selected": !!chosen,
    "aria-expanded": inside ? open : null, "data-path": node.path, style: `padding-left:${8 + depth * 14}px`,
    title: [node.kind, node.name, node.label, node.state, node.details].filter(Boolean).join(" · "),
    onclick: () => ui.choose(chosen ? null : node),
  },
  el("span", { class: "twist", onclick: (e) => { e.stopPropagation(); ui.toggle(node.path); } }, inside ? (open ? "▾" : "▸") : ""),
  el("span", { class: `dot ${quiet ? "quiet" : STATES[node.state]}` }),
  el("span", {}, node.name), node.label && el("span", { class: "muted" }, node.label),
  node.state !== "running" && node.state && el("span", { class: quiet ? "muted" : STATES[node.state] === "failed" ? "bad" : "warn" }, node.state),
  el("span", { class: "details" }, node.details));
  return el("li", { role: "none" }, line,
    inside && open && el("ul", { role: "group" }, node.children.map((child) => treeNode(ui, child, depth + 1)),
      node.more > 0 && el("li", { class: "muted", style: `padding-left:${36 + depth * 14}px` }, `… and ${node.more} more`)));
}

function treeKey(ui, event) {
  const items = [...event.currentTarget.querySelectorAll(".node")];
  const at = items.indexOf(event.target);
  if (at < 0) return;
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key in moves) items[Math.min(Math.max(moves[event.key], 0), items.length - 1)].focus();
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const expanded = event.target.getAttribute("aria-expanded");
    if (expanded === (event.key === "ArrowRight" ? "false" : "true")) ui.toggle(event.target.dataset.path);
  } else if (event.key === "Enter" || event.key === " ") event.target.click();
  else return;
  event.preventDefault();
}

// ── exchanges ───────────────────────────────────────────────────────────────────────────────────────────────────────

const HEADS = ["#", "status", "method", "path", "worker", "in all", "filter"];

const VERSION = 1_000_000; // row ids of one version of the filter begin at its multiples

function rowName(ui, id) {
  const version = Math.floor(id / VERSION);
  return version === ((ui.get("rows") || {}).version || 0) ? `${id % VERSION}` : `v${version + 1} ${id % VERSION}`;
}

function exchangeCells(ui, [id, method, path, status, worker, whole, filter, state]) {
  return [el("span", { class: "num muted" }, rowName(ui, id)),
    el("span", { class: tone(status) }, status || "—", state !== "done" && ` ${state}`),
    el("span", {}, method), el("span", { class: "mono" }, path), el("span", {}, worker),
    el("span", { class: "num" }, duration(whole * 1e3)), el("span", { class: "num" }, duration(filter * 1e3))];
}

// Ten thousand rows: only those in sight are in the page.
function exchangeList(ui) {
  const rows = ui.rows();
  const list = el("div", { class: "list", tabindex: 0, role: "listbox", "aria-label": "exchanges" });
  const head = el("div", { class: "row exchange top", style: "position:sticky" }, HEADS.map((h, i) => el("span", { class: i === 0 || i > 4 ? "num" : "" }, h)));
  const space = el("div", { style: `position:relative;height:${rows.length * ROW}px` });
  const draw = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 8);
    const last = Math.min(rows.length, first + Math.ceil((list.clientHeight || 400) / ROW) + 16);
    space.replaceChildren(...rows.slice(first, last).map((row, i) => el("div", {
      class: "row exchange", role: "option", style: `top:${(first + i) * ROW}px`, "aria-selected": ui.exchange === row[0],
      onclick: () => ui.pick(row[0]),
    }, exchangeCells(ui, row))));
  };
  list.addEventListener("scroll", () => { ui.scroll = list.scrollTop; draw(); });
  list.addEventListener("keydown", (e) => listKey(ui, e, rows));
  list.append(head, rows.length ? space : el("div", { class: "empty" }, "No exchanges yet. Send one above, or run traffic from a cell."));
  requestAnimationFrame(() => { list.scrollTop = ui.scroll; draw(); });
  draw();
  return list;
}

function listKey(ui, event, rows) {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
  if (!step || !rows.length) return;
  event.preventDefault();
  const at = rows.findIndex((row) => row[0] === ui.exchange);
  ui.pick(rows[Math.min(Math.max(at + step, 0), rows.length - 1)][0]);
}

const CHANGES = { "+": "added", "-": "removed", "~": "changed" };

function directionView(direction, previous) {
  const old = new Map((previous ? previous.rows : []).map((row) => [row[1], row[3]]));
  const side = (value) => (value === null ? el("span", { class: "muted" }, "—") : value === "" ? '""' : value);
  const row = ([sign, name, before, after]) => el("tr", { class: CHANGES[sign] || "" },
    el("td", { class: CHANGES[sign] ? "sign" : "sign muted by" }, sign.trim()), el("td", { class: "mono" }, name), el("td", {}, side(before)), el("td", {}, side(after)),
    previous && el("td", { class: "muted" }, old.has(name) ? (old.get(name) !== after ? `was ${old.get(name) ?? "—"}` : "") : "new"));
  const heads = ["", direction.noun, ...direction.heads, ...(previous ? ["before the edit"] : [])];
  return [
    direction.rows.length > 0 && el("table", { class: "stations" }, el("colgroup", {}, el("col", { style: "width:52px" }), el("col", { style: "width:27%" }), el("col"), el("col"), previous && el("col")), el("thead", {}, el("tr", {}, heads.map((h) => el("th", {}, h)))), el("tbody", {}, direction.rows.map(row))),
    direction.bodies.map((body) => el("details", { open: body.size <= 400 && body.size > 0 },
      el("summary", {}, el("b", {}, `${direction.noun} body`), el("span", { class: "muted" }, `  ${body.who}, ${bytes(body.size)}, ${body.kind}${body.changed ? ", changed" : ""}`)),
      el("pre", {}, body.text))),
  ];
}

function callView(call) {
  const status = call.status && call.status !== "OK";
  const line = (c) => [el(c.kind === "callback" ? "b" : "span", { class: "mono" }, c.name), el("span", { class: "mono" }, `(${c.args})`),
    c.result && ` → ${c.result}`, c.status && c.status !== "OK" && el("span", { class: "warn" }, ` → ${c.status}`), el("span", { class: "muted" }, `  ${duration(c.ns)}`)];
  if (!call.inner.length) return el("div", { style: "margin:2px 12px 2px 26px" }, line(call));
  return el("details", { open: true }, el("summary", {}, line(call)),
    call.inner.map((inner) => el("div", { style: "margin-left:22px" }, line(inner))),
    call.more > 0 && el("div", { class: "muted", style: "margin-left:22px" }, `… ${call.more} more`), status && "");
}

function detailView(ui) {
  const detail = ui.get("detail");
  if (!detail || detail.id !== ui.exchange) return el("div", { class: "empty" }, ui.exchange == null ? "Choose an exchange." : "…");
  if (detail.gone) return el("div", { class: "empty" }, "Of this exchange only the line above is still known.");
  const [, method, path, status, worker, whole, filter, state] = detail.row;
  const before = ui.get("before") || {};
  const number = ui.exchange, old = before.number === number ? before.directions : null;
  return el("div", {},
    el("h4", {}, `#${rowName(ui, number)} `, el("span", { style: "color:var(--text)" }, `${method} ${path}`), " → ", el("span", { class: tone(status) }, status || "no answer"),
      state !== "done" && el("span", { class: "warn" }, ` ${state}`), `  ${worker} · ${duration(whole * 1e3)} in all · ${duration(filter * 1e3)} in the filter`,
      el("button", { class: "again", onclick: () => ui.ask("again", { exchange: number }), title: "Send the same request again" }, "send again")),
    detail.local && el("div", { class: "warn", style: "padding:0 12px" }, "Answered in the proxy; the upstream saw nothing."),
    detail.failure && el("pre", { class: "failure" }, detail.failure),
    (detail.notes || []).map((note) => el("div", { class: "warn", style: "padding:0 12px" }, `! ${note}`)),
    detail.directions.map((d, i) => directionView(d, old && old[i])),
    detail.log.length > 0 && [el("h4", {}, "log"), logTable(ui, detail.log)],
    el("h4", {}, "callbacks and hostcalls"), detail.calls.map(callView),
    detail.more > 0 && el("div", { class: "muted", style: "margin:2px 12px" }, `… ${detail.more} more callbacks`));
}

const exchangesView = (ui) => [exchangeList(ui), detailView(ui)];

// ── log ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"];
const LEVEL_TONES = { warn: "warn", error: "bad", critical: "bad", trace: "muted", debug: "muted" };

function logTable(ui, lines) {
  const row = ([time, level, thread, context, exchange, text]) => el("tr", { class: exchange == null ? "" : "link", onclick: () => exchange != null && ui.pick(ui.now(exchange), "Exchanges") },
    el("td", { class: "num muted nowrap" }, time.toFixed(6)), el("td", { class: `nowrap ${LEVEL_TONES[level] || ""}` }, level), el("td", { class: "nowrap" }, thread),
    el("td", { class: "num nowrap" }, exchange == null ? "" : `#${exchange}`), el("td", {}, el("pre", {}, text)));
  return el("table", {}, el("thead", {}, el("tr", {}, [["time", "num"], ["level", ""], ["thread", ""], ["exchange", "num"], ["message", ""]].map(([h, c]) => el("th", { class: `nowrap ${c}` }, h)))),
    el("tbody", {}, lines.map(row)));
}

function logView(ui) {
  const { total, lines } = ui.get("log") || { total: 0, lines: [] };
  const table = el("div", {});
  const draw = () => {
    const lowest = LEVELS.indexOf(ui.level);
    const wanted = lines.filter((l) => LEVELS.indexOf(l[1]) >= lowest && ui.covers(l[2], l[3]) && (!ui.grep || l[5].includes(ui.grep)));
    table.replaceChildren(wanted.length ? logTable(ui, wanted) : el("div", { class: "empty" }, "No lines."),
      el("div", { class: "muted", style: "padding:4px 12px" }, total > lines.length ? `The newest ${lines.length} of ${total.toLocaleString("en")} lines.` : ""));
  };
  draw();
  return [el("div", { class: "filters" },
    el("select", { "aria-label": "lowest level", onchange: (e) => { ui.level = e.target.value; draw(); } }, LEVELS.map((l) => el("option", { value: l, selected: l === ui.level }, l))),
    el("input", { placeholder: "only lines with …", "aria-label": "search the log", value: ui.grep, oninput: (e) => { ui.grep = e.target.value; draw(); } })), table];
}

// ── latency ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function histogram(one, other, low, high, subtract, width) {
  const [W, H, L] = [width, 64, 170];
  const x = (ns) => L + (W - L - 10) * Math.log(Math.max(ns, low) / low) / Math.log(high / low);
  const bars = (buckets, name) => {
    const total = buckets.reduce((sum, b) => sum + b[2], 0);
    const top = Math.max(...buckets.map((b) => b[2])) / total;
    return buckets.map(([a, b, n]) => svg("rect", { class: `bar ${name}`, x: x(a - subtract), width: Math.max(x(b - subtract) - x(a - subtract) - .5, .8), y: H - 16 - 40 * (n / total) / top, height: 40 * (n / total) / top }));
  };
  const mark = (ns, dashed) => svg("line", { class: dashed ? "mark dashed" : "mark", x1: x(ns - subtract), x2: x(ns - subtract), y1: 6, y2: H - 16 });
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `histogram of ${one.name}` },
    svg("line", { class: "axis", x1: L, x2: W - 10, y1: H - 16, y2: H - 16 }), svg("text", { x: L - 8, y: H - 24, "text-anchor": "end" }, one.name),
    bars(one.buckets, ""), other && bars(other.buckets, "before"), mark(one.quantiles[0]), mark(one.quantiles[one.quantiles.length - 1], true),
    ticks(low, high).map((ns) => svg("text", { x: x(ns), y: H - 4, "text-anchor": "middle" }, duration(ns).replace(".00", "").replace(".0", ""))));
}

function ticks(low, high) {
  const found = [];
  for (let p = Math.ceil(Math.log10(low)); p <= Math.log10(high); p++) found.push(10 ** p);
  return found;
}

function latencyView(ui) {
  const { series = [], harness = [], quantiles = [] } = ui.get("latency") || {};
  const before = new Map(((ui.get("baseline") || {}).series || []).map((s) => [s.name, s]));
  if (!series.length) return el("div", { class: "empty" }, "Nothing has been measured yet.");
  const own = harness.length ? harness[0][1] : 0;
  const subtract = ui.subtract ? own : 0;
  const edges = series.flatMap((s) => s.buckets.flatMap((b) => [b[0] - subtract, b[1] - subtract])).filter((e) => e > 0);
  const [low, high] = edges.length ? [Math.min(...edges), Math.max(...edges, Math.min(...edges) * 2)] : [1, 10];
  const cut = (ns) => duration(Math.max(ns - subtract, 0));
  const row = (s, name, tone_) => el("tr", { class: tone_ }, el("td", { class: "mono" }, name), el("td", { class: "num" }, s.count.toLocaleString("en")),
    s.quantiles.map((q) => el("td", { class: "num" }, cut(q))), el("td", { class: "num" }, cut(s.max)));
  return [
    el("div", { class: "filters" },
      el("label", {}, el("input", { type: "checkbox", style: "flex:none;min-width:0;min-height:0", checked: ui.subtract, onchange: (e) => { ui.subtract = e.target.checked; ui.redraw(); } }), ` without the harness's own ${duration(own)} a callback`),
      el("button", { onclick: () => ui.ask("keep") }, "keep as baseline"), before.size > 0 && el("button", { onclick: () => ui.ask("forget") }, "forget baseline"),
      before.size > 0 && el("span", { class: "warn" }, "outlined: baseline")),
    el("div", { style: "padding:4px 12px" }, series.map((s) => histogram(s, before.get(s.name), low, high, subtract, ui.width()))),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "callback"), ["count", ...quantiles, "max"].map((h) => el("th", { class: "num" }, h)))),
      el("tbody", {}, series.map((s) => [row(s, s.name, ""), before.has(s.name) && row(before.get(s.name), `${s.name} (baseline)`, "changed")]),
        harness.map(([name, ns]) => el("tr", { class: "muted" }, el("td", {}, `harness: ${name}`), el("td"), el("td", { class: "num" }, duration(ns)), el("td", { colspan: quantiles.length }))))),
  ];
}

// ── timeline ────────────────────────────────────────────────────────────────────────────────────────────────────────

function timelineView(ui) {
  const { bars = [], spans = [], cut = 0 } = ui.get("lanes") || {};
  const shown = bars.filter((b) => ui.covers(b[0], b[6]));
  if (!shown.length) return el("div", { class: "empty" }, "Nothing has happened yet.");
  const start = Math.min(...shown.map((b) => b[1]));
  const end = Math.max(...shown.map((b) => b[1] + b[2] / 1e9), start + 1e-9);
  // The start of the VMs is long beside a request: begin with the traffic, if there is any.
  const traffic = shown.filter((b) => b[5] != null), first = traffic.length ? traffic[0][1] : start;
  if (!ui.window || ui.window[0] > end || ui.window[1] < start || !ui.moved) ui.window = [first, end + (end - first) * .02];
  const holder = el("div", { style: "padding:4px 12px" });
  const info = el("div", { style: "padding:0 12px 8px" }, el("span", { class: "muted" }, "Wheel zooms, dragging moves, a click shows a callback."));
  const lasting = spans.filter((s) => ui.covers(s[0]));
  const draw = () => holder.replaceChildren(lanesPicture(ui, shown, lasting, info));
  const zoom = (factor, at = .5) => {
    const [a, b] = ui.window, middle = a + (b - a) * at, span = Math.max((b - a) * factor, 1e-7);
    ui.window = [middle - span * at, middle + span * (1 - at)];
    ui.moved = true;
    draw();
  };
  holder.addEventListener("wheel", (e) => { e.preventDefault(); zoom(e.deltaY > 0 ? 1.25 : .8, laneAt(holder, e)); }, { passive: false });
  holder.addEventListener("pointerdown", (e) => dragLanes(ui, holder, e, draw));
  draw();
  return [el("div", { class: "filters" },
    el("button", { onclick: () => zoom(.5), "aria-label": "zoom in" }, "+"), el("button", { onclick: () => zoom(2), "aria-label": "zoom out" }, "−"),
    el("button", { onclick: () => { ui.window = [start, end]; ui.moved = true; draw(); } }, "all"),
    el("button", { onclick: () => { ui.window = [first, end]; ui.moved = false; draw(); } }, "traffic"),
    el("button", { onclick: () => ui.ask("perfetto") }, "export for Perfetto"),
    cut > 0 && el("span", { class: "muted" }, `the newest ${bars.length.toLocaleString("en")} callbacks; ${cut.toLocaleString("en")} older events are left out`)), holder, info];
}

const LANE = 34, LEFT = 84;

function laneAt(holder, event) {
  const box = holder.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left - LEFT) / Math.max(box.width - LEFT - 24, 1), 0), 1);
}

function dragLanes(ui, holder, event, draw) {
  const from = laneAt(holder, event), [a, b] = ui.window;
  const move = (e) => { const by = (from - laneAt(holder, e)) * (b - a); ui.window = [a + by, b + by]; ui.moved = true; draw(); };
  const stop = () => { window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", stop); };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", stop);
}

function lanesPicture(ui, bars, spans, info) {
  const W = ui.width(), threads = [...new Set(bars.map((b) => b[0]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const [a, b] = ui.window, x = (t) => LEFT + (W - LEFT - 10) * (t - a) / (b - a), H = threads.length * LANE + 24;
  const sight = bars.filter((bar) => bar[1] <= b && bar[1] + bar[2] / 1e9 >= a);
  const marks = Array.from({ length: 6 }, (_, i) => a + (b - a) * i / 5);
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "timeline by worker" },
    svg("defs", {}, svg("clipPath", { id: `${ui.uid}-clip` }, svg("rect", { x: LEFT, y: 0, width: W - LEFT - 10, height: H })),
      svg("pattern", { id: `${ui.uid}-hatch`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" }))),
    threads.map((t, i) => [svg("line", { class: "axis", x1: LEFT, x2: W - 10, y1: (i + 1) * LANE, y2: (i + 1) * LANE }), svg("text", { x: LEFT - 8, y: i * LANE + 22, "text-anchor": "end" }, t)]),
    svg("g", { "clip-path": `url(#${ui.uid}-clip)` }, spans.filter((s) => s[1] <= b && s[2] >= a && threads.includes(s[0])).slice(0, 1000).map((s) => laneSpan(ui, s, threads.indexOf(s[0]), x, info)), sight.slice(0, 2500).map((bar) => laneBar(ui, bar, threads.indexOf(bar[0]), x, info))),
    marks.map((t, i) => svg("text", { x: x(t), y: H - 6, "text-anchor": i === 5 ? "end" : "middle" }, `${(t * 1e3).toFixed((b - a) < 1e-3 ? 4 : (b - a) < .1 ? 3 : 1)} ms`)));
}

// A pause is hatched, a callout a line with ends, both under the callbacks of their lane.
function laneSpan(ui, [thread, start, end, kind, label, exchange], lane, x, info) {
  const left = x(start), width = Math.max(x(end) - left, 1.5), y = lane * LANE + (kind === "paused" ? 6 : 26);
  const text = `${label}, ${duration((end - start) * 1e9)} on ${thread}`;
  const explain = () => info.replaceChildren(...[el("b", {}, kind), ` ${text} `, exchange != null && el("button", { onclick: () => ui.pick(ui.now(exchange), "Exchanges") }, `show #${exchange}`)].filter(Boolean));
  return svg("rect", { class: kind === "paused" ? "span" : "callout", style: kind === "paused" ? `fill:url(#${ui.uid}-hatch)` : null, x: left, y, width, height: kind === "paused" ? LANE - 12 : 5, onclick: explain, tabindex: 0, onkeydown: (e) => e.key === "Enter" && explain() }, svg("title", {}, text));
}

function laneBar(ui, [thread, time, ns, seq, name, exchange, context, inner], lane, x, info) {
  const left = x(time), width = Math.max(x(time + ns / 1e9) - left, 1.2), y = lane * LANE + 6;
  const title = `${name} on ${thread}, context ${context}: ${duration(ns)}`;
  const explain = () => info.replaceChildren(el("b", { class: "mono" }, name), ` ${thread}, context ${context}${exchange == null ? "" : `, exchange #${exchange}`}: ${duration(ns)} from ${(time * 1e3).toFixed(4)} ms `,
    exchange != null && el("button", { onclick: () => ui.pick(ui.now(exchange), "Exchanges") }, `show #${exchange}`),
    inner.map(([n, took]) => el("div", { class: "mono", style: "margin-left:20px" }, n, el("span", { class: "muted" }, `  ${duration(took)}`))));
  let place = left;
  const total = Math.max(ns, 1), gap = width * Math.max(0, 1 - inner.reduce((s, i) => s + i[1], 0) / total) / (inner.length + 1);
  const hosts = width > 6 ? inner.map(([, took]) => { place += gap; const w = Math.max(width * took / total, .6); const r = svg("rect", { class: "host", x: place, y: y + 12, width: w, height: 8 }); place += w; return r; }) : [];
  return svg("g", {}, svg("rect", { class: "call", x: left, y, width, height: LANE - 12, onclick: explain, tabindex: 0, onkeydown: (e) => e.key === "Enter" && explain() }, svg("title", {}, title)), hosts,
    width > 70 && svg("text", { x: left + 4, y: y + 10, style: "pointer-events:none;fill:var(--text)" }, name.length * 6 > width ? `${name.slice(0, Math.floor(width / 6) - 1)}…` : name));
}

// ── state and module ────────────────────────────────────────────────────────────────────────────────────────────────

function grid(title, heads, rows, empty) {
  return [el("h4", {}, title), rows.length
    ? el("table", {}, el("thead", {}, el("tr", {}, heads.map((h) => el("th", {}, h)))), el("tbody", {}, rows.map((r) => el("tr", {}, r.map((c, i) => el("td", { class: i === 0 ? "mono" : "" }, c))))))
    : el("div", { class: "muted", style: "padding:0 12px 6px" }, empty)];
}

function stateView(ui) {
  const state = ui.get("shared") || {};
  return [grid("metrics", ["name", "kind", "value"], state.metrics || [], "No metric has been defined."),
    grid("shared data", ["vm_id", "key", "value", "cas"], state.data || [], "No shared data."),
    grid("shared queues", ["vm_id", "name", "items", "receiver"], state.queues || [], "No queues.")];
}

function moduleView(ui) {
  const m = ui.get("module") || {};
  if (!m.facts) return el("div", { class: "empty" }, "No module.");
  const whole = m.sections.reduce((sum, s) => sum + s[1], 0) || 1;
  return [grid("module", ["", ""], m.facts, ""),
    m.problems.length ? el("div", { style: "padding:0 12px" }, el("div", { class: "bad" }, "✗ Envoy would refuse this module:"), m.problems.map((p) => el("div", {}, `• ${p}`))) : el("div", { class: "good", style: "padding:0 12px" }, "✓ Nothing stops Envoy from loading this module."),
    el("div", { style: "padding:6px 12px" }, el("button", { onclick: () => ui.ask("download") }, "download the .wasm")),
    m.sections.length > 0 && [el("h4", {}, "what makes up its size"), el("table", {}, el("tbody", {}, m.sections.map(([name, size]) => el("tr", {}, el("td", { class: "mono nowrap" }, name), el("td", { class: "num nowrap" }, bytes(size)),
      el("td", { style: "width:70%" }, el("div", { style: `height:10px;margin-top:5px;border-radius:2px;background:var(--brand);opacity:.7;width:${Math.max(100 * size / whole, .3)}%` }))))))],
    ["exports", "imports"].map((k) => m[k].length > 0 && el("details", {}, el("summary", {}, el("b", {}, k), ` ${m[k].length}`), el("pre", {}, m[k].join("\n"))))];
}

// ── sending and controls ────────────────────────────────────────────────────────────────────────────────────────────

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

function sendBar(ui) {
  const head = ui.get("head") || {};
  const field = (name) => bar.querySelector(`[name=${name}]`).value;
  const more = el("div", { class: "more", hidden: true });
  const bar = el("form", { class: "send", onsubmit: (e) => { e.preventDefault(); send(); } },
    el("select", { name: "method", "aria-label": "method" }, METHODS.map((m) => el("option", {}, m))),
    el("input", { name: "path", value: "/", "aria-label": "path", spellcheck: "false" }),
    el("select", { name: "worker", "aria-label": "worker" }, el("option", { value: "" }, "any worker"), Array.from({ length: head.workers || 0 }, (_, i) => el("option", { value: i + 1 }, `worker-${i + 1}`))),
    el("button", { type: "submit", class: "main" }, "Send"),
    el("button", { type: "button", "aria-expanded": "false", onclick: (e) => { more.hidden = !more.hidden; e.target.setAttribute("aria-expanded", String(!more.hidden)); } }, "more"));
  const send = () => ui.ask("send", { method: field("method"), path: field("path"), worker: field("worker"), headers: more.querySelector("[name=headers]").value, body: more.querySelector("[name=text]").value });
  more.append(
    el("label", {}, "headers, one a line", el("textarea", { name: "headers", rows: 3, placeholder: "x-user: ann", spellcheck: "false" })),
    el("label", {}, "body", el("textarea", { name: "text", rows: 3, spellcheck: "false" })),
    el("label", { class: "wide" }, "or a curl command", el("div", { class: "line" }, el("input", { name: "curl", style: "flex:1;font-family:var(--mono)", placeholder: "curl 'http://example.com/pay' -H 'x-user: ann' -d a=1", spellcheck: "false" }),
      el("button", { type: "button", onclick: () => ui.ask("curl", { line: more.querySelector("[name=curl]").value }) }, "Send it"))),
    controls(ui, head));
  return [bar, more];
}

function controls(ui, head) {
  const number = (name, value, attributes) => el("input", { name, type: "number", value, style: "width:6em", "aria-label": name, ...attributes });
  const seconds = number("seconds", 1, { min: 0, step: "any" }), workers = number("workers", head.workers || 4, { min: 1, max: 64 }), seed = number("seed", head.seed || 0, {});
  const config = el("input", { name: "config", value: head.config || "", style: "flex:1;font-family:var(--mono)", "aria-label": "plugin configuration", spellcheck: "false" });
  return el("div", { class: "wide" },
    el("div", { class: "line" }, el("span", { class: "muted" }, "time"), seconds, el("button", { type: "button", onclick: () => ui.ask("advance", { seconds: Number(seconds.value) }) }, "advance seconds"),
      el("button", { type: "button", onclick: () => ui.ask("fail") }, "fail or mend the upstream"),
      head.remake && [el("span", { class: "muted" }, "workers"), workers, el("span", { class: "muted" }, "seed"), seed,
        el("button", { type: "button", onclick: () => ui.ask("restart", { workers: Number(workers.value), seed: Number(seed.value), config: config.value }) }, "restart with these")]),
    el("div", { class: "line", style: "margin-top:6px" }, el("span", { class: "muted" }, "configuration"), config,
      el("button", { type: "button", onclick: () => ui.ask("configure", { config: config.value }) }, "replace it while running")));
}

// ── the panel ───────────────────────────────────────────────────────────────────────────────────────────────────────

const VIEWS = {
  Exchanges: [exchangesView, ["rows", "detail", "before"], "split"], Timeline: [timelineView, ["lanes"]], Latency: [latencyView, ["latency", "baseline"]],
  State: [stateView, ["shared"]], Log: [logView, ["log"]], Module: [moduleView, ["module"]],
};

class Panel {
  constructor(model, root) {
    Object.assign(this, { model, root, tab: "Exchanges", node: null, exchange: null, toggled: new Set(), scroll: 0, level: "trace", grep: "", window: null, subtract: false });
    // Several panels may be in one page; what their pictures refer to by id must be their own.
    this.uid = `wasmnb-${Math.random().toString(36).slice(2)}`;
    this.head = el("div", { class: "head" });
    this.send = el("div", {});
    this.side = el("div", { class: "side" });
    this.tabs = el("div", { class: "tabs", role: "tablist" });
    this.pane = el("div", { class: "pane", role: "tabpanel" });
    this.foot = el("div", { class: "foot", role: "status" });
    root.classList.add("wasmnb-panel");
    root.append(this.head, this.send, el("div", { class: "body" }, this.side, el("div", { class: "stage" }, this.tabs, this.pane)), this.foot);
    this.listeners = [];
    this.listen("change:head", () => { this.drawHead(); });
    this.listen("change:tree", () => this.drawTree());
    this.listen("change:notice", () => this.drawFoot());
    this.listen("change:picked", () => { this.exchange = this.get("picked"); });
    for (const [name, [, traits]] of Object.entries(VIEWS)) {
      for (const trait of traits) this.listen(`change:${trait}`, () => this.tab === name && this.later());
    }
    this.listen("msg:custom", (message) => this.take(message));
    this.exchange = this.get("picked");
    this.drawHead(); this.drawTree(); this.drawFoot(); this.redraw();
  }

  listen(name, action) { this.model.on(name, action); this.listeners.push([name, action]); }
  close() { for (const [name, action] of this.listeners) this.model.off(name, action); }
  get(name) { return this.model.get(name); }
  ask(wish, values = {}) { this.model.send({ wish, ...values }); }

  // Row id of an exchange of the present version.
  now(number) { return ((this.get("rows") || {}).version || 0) * VERSION + number; }
  // Pictures are drawn pixel for pixel, so that their text is as large as the rest.
  width() { return Math.max((this.pane.clientWidth || 780) - 24, 420); }
  rows() { return ((this.get("rows") || {}).rows || []).filter((row) => this.covers(row[4])); }

  // Whether the chosen node covers a thread (and a context in it).
  covers(thread, context) {
    if (!this.node || !this.node.thread) return true;
    return thread === this.node.thread && (context === undefined || this.node.context == null || context === this.node.context);
  }

  choose(node) { this.node = node; this.drawTree(); this.redraw(); }
  toggle(path) { if (!this.toggled.delete(path)) this.toggled.add(path); this.drawTree(path); }

  pick(number, tab) {
    this.exchange = number;
    if (tab) this.tab = tab;
    this.ask("pick", { exchange: number });
    this.redraw();
  }

  // Several traits change at once; one drawing is enough.
  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = null; this.redraw(); });
  }

  drawHead() {
    const head = this.get("head") || {};
    this.head.replaceChildren(...[
      el("span", { class: "name" }, head.name || "filter"), el("span", { class: head.state === "running" ? "good" : "bad" }, head.state || ""),
      el("span", { class: "muted" }, head.summary || ""), head.upstream_down && el("span", { class: "warn" }, "the upstream is down"), el("span", { class: "muted push" }, head.clock || "")].filter(Boolean));
    const made = `${head.name} ${head.workers} ${head.remake}`;
    if (this.made !== made) { this.made = made; this.send.replaceChildren(...sendBar(this)); }
  }

  drawTree(focus) {
    this.side.replaceChildren(el("h4", {}, "contexts", this.node && el("button", { style: "float:right;min-height:0;padding:0 6px", onclick: () => this.choose(null) }, "show all")), treeView(this));
    const wanted = focus && [...this.side.querySelectorAll(".node")].find((n) => n.dataset.path === focus);
    if (wanted) wanted.focus();
  }

  drawFoot() {
    const notice = this.get("notice") || {};
    this.foot.replaceChildren(el("span", { class: notice.bad ? "bad" : "" }, notice.text || ""));
  }

  redraw() {
    const [view, , style] = VIEWS[this.tab];
    this.tabs.replaceChildren(...Object.keys(VIEWS).map((name) => el("button", {
      role: "tab", "aria-selected": name === this.tab, tabindex: name === this.tab ? 0 : -1,
      onclick: () => { this.tab = name; this.ask("look", { view: name }); this.redraw(); }, onkeydown: (e) => this.tabKey(e, name),
    }, name)), this.node ? el("span", { class: "hint muted" }, `only ${this.node.thread || this.node.name}`) : "");
    const top = this.pane.scrollTop, focused = this.pane.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    this.pane.className = `pane ${style || ""}`;
    this.pane.replaceChildren(...[view(this)].flat(Infinity).filter(Boolean));
    this.pane.scrollTop = top;
    const again = focused && this.pane.querySelector(`[aria-label="${CSS.escape(focused)}"]`);
    if (again) again.focus();
  }

  tabKey(event, name) {
    const names = Object.keys(VIEWS), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    this.tab = names[(names.indexOf(name) + step + names.length) % names.length];
    this.ask("look", { view: this.tab });
    this.redraw();
    this.tabs.querySelector("[aria-selected=true]").focus();
  }

  // A file to keep: the kernel sends its bytes, the page offers them.
  take(message, buffers) {
    if (!message || message.kind !== "file") return;
    const data = message.text !== undefined ? message.text : Uint8Array.from(atob(message.base64), (c) => c.charCodeAt(0));
    const link = el("a", { href: URL.createObjectURL(new Blob([data], { type: message.type })), download: message.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

function render({ model, el: root }) {
  const panel = new Panel(model, root);
  panel.ask("look", { view: panel.tab });
  return () => panel.close();
}

export default { render };
