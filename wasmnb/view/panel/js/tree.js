// ── the tree of contexts ────────────────────────────────────────────────────────────────────────────────────────────

function drawTree(ui) {
  const top = ui.get("tree") || {};
  if (!top.children) return replace(ui.side, el("div", { class: "empty" }, "No contexts."));
  const had = ui.side.contains(document.activeElement) && document.activeElement.dataset.path;
  const scrolled = ui.side.scrollTop;
  const tree = el("ul", { class: "tree", role: "tree", "aria-label": "contexts", onkeydown: (e) => treeKey(ui, e) },
    top.children.map((child) => treeNode(ui, child, 0)));
  const items = [...tree.querySelectorAll(".node")];
  const stop = items.find((n) => ui.node && n.dataset.path === ui.node.path) || items[0];
  if (stop) stop.tabIndex = 0; // one stop for the Tab key, the arrows do the rest
  replace(ui.side, el("h4", {}, "contexts"), tree);
  ui.side.scrollTop = scrolled;
  const again = had && items.find((n) => n.dataset.path === had);
  if (again) again.focus();
}

function treeNode(ui, node, depth) {
  const inside = node.children.length > 0;
  const open = ui.toggled.has(node.path) === node.folded;
  const chosen = ui.node != null && ui.node.path === node.path;
  const state = STATES[node.state] || "quiet";
  const line = el("div", {
    class: "node", role: "treeitem", tabindex: -1, "aria-selected": chosen, "aria-expanded": inside ? open : null,
    "aria-level": depth + 1, "data-path": node.path, style: `padding-left:${8 + depth * 14}px`,
    title: [node.kind, node.name, node.label, node.state, node.brief].filter(Boolean).join(" · "),
    onclick: () => ui.choose(chosen ? null : node),
  },
  el("span", { class: "twist", onclick: (e) => { e.stopPropagation(); ui.toggle(node.path); } }, inside ? (open ? "▾" : "▸") : ""),
  el("span", { class: `dot ${state}` }), el("span", { class: "label" }, node.name),
  node.label && node.label !== node.state && node.kind !== "stream" && muted(node.label),
  !["running", "", "template"].includes(node.state) && el("span", { class: { failed: "bad", paused: "warn" }[state] || "muted" },
    node.state === "paused" ? node.label || "paused" : node.state),
  el("span", { class: "details" }, node.brief));
  const below = inside && open && el("ul", { role: "group" }, node.children.map((child) => treeNode(ui, child, depth + 1)),
    node.more > 0 && el("li", { class: "muted", style: `padding-left:${36 + depth * 14}px` }, `… and ${count(node.more)} more`));
  return el("li", { role: "none" }, line, below);
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

// All that is known of the chosen node, as it is now.
function nodeFacts(ui) {
  const node = ui.node && findNode(ui.get("tree"), ui.node.path);
  if (!ui.node) return replace(ui.facts);
  const exchange = (node || ui.node).scope.exchange;
  replace(ui.facts,
    el("h4", {}, `${ui.node.kind} ${ui.node.name}`, button("show all", () => ui.choose(null), { class: "small" }),
      exchange != null && button(`#${exchange}`, () => ui.pick(ui.now(exchange), "Exchanges"), { class: "small", title: "show this exchange" })),
    node ? el("dl", {}, node.facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])) : muted("It is gone."));
}

function findNode(node, path) {
  if (!node || node.path === path) return node;
  for (const child of node.children || []) {
    const found = findNode(child, path);
    if (found) return found;
  }
  return null;
}
