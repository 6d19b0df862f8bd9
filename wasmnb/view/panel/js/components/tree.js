// The context tree, and the facts about the selected node.

import { STATE_COLOURS, count } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, empty, muted } from "../dom/widgets.js";

export function drawTree(panel, container) {
  const top = panel.get("tree") || {};
  if (!top.children) return replace(container, empty("No contexts."));
  const focusedPath = container.contains(document.activeElement) && document.activeElement.dataset.path;
  const scrolled = container.scrollTop;
  const tree = el(
    "ul",
    { class: "tree", role: "tree", "aria-label": "contexts", onkeydown: (e) => onTreeKey(panel, e) },
    top.children.map((child) => treeNode(panel, child, 0)),
  );
  const items = [...tree.querySelectorAll(".node")];
  const stop = items.find((n) => panel.selection.node && n.dataset.path === panel.selection.node.path) || items[0];
  if (stop) stop.tabIndex = 0; // the Tab key stops once at the tree, and the arrow keys move inside it
  replace(container, el("h4", {}, "contexts"), tree);
  container.scrollTop = scrolled;
  const focused = focusedPath && items.find((n) => n.dataset.path === focusedPath);
  if (focused) focused.focus();
}

function treeNode(panel, node, depth) {
  // Before the first exchange, the contexts that an exchange will create are shown.
  const upcoming = node.creates && isWorker(node) && !(panel.get("rows") || {}).total && !node.children.length;
  const hasChildren = node.children.length > 0 || upcoming;
  const open = panel.toggled.has(node.path) === node.folded;
  const chosen = panel.selection.node != null && panel.selection.node.path === node.path;
  const state = STATE_COLOURS[node.state] || "quiet";
  const line = el(
    "div",
    {
      class: "node",
      role: "treeitem",
      tabindex: -1,
      "aria-selected": chosen,
      "aria-expanded": hasChildren ? open : null,
      "aria-level": depth + 1,
      "data-path": node.path,
      style: `padding-left:${8 + depth * 14}px`,
      title: [node.kind, node.name, node.context, node.label, node.state, node.brief].filter(Boolean).join(" · "),
      onclick: () => panel.choose(chosen ? null : node),
    },
    el(
      "span",
      {
        class: "twist",
        onclick: (e) => {
          e.stopPropagation();
          panel.toggle(node.path);
        },
      },
      hasChildren ? (open ? "▾" : "▸") : "",
    ),
    el("span", { class: `dot ${state}` }),
    el("span", { class: node.kind === "vm" ? "label whole" : "label" }, node.name),
    node.label && node.label !== node.state && node.kind !== "stream" && muted(node.label),
    node.context && el("span", { class: "context" }, node.context),
    !["running", "", "template"].includes(node.state) &&
      el(
        "span",
        { class: { failed: "bad", paused: "warn" }[state] || "muted" },
        node.state === "paused" ? node.label || "paused" : node.state,
      ),
    el("span", { class: "details" }, node.brief),
  );
  const below =
    hasChildren &&
    open &&
    el(
      "ul",
      { role: "group" },
      node.children.map((child) => treeNode(panel, child, depth + 1)),
      upcoming && el("li", { class: "upcoming", style: `padding-left:${36 + depth * 14}px` }, node.creates),
      node.more > 0 &&
        el("li", { class: "muted", style: `padding-left:${36 + depth * 14}px` }, `… and ${count(node.more)} more`),
    );
  return el("li", { role: "none" }, line, below);
}

const isWorker = (node) => (node.scope.thread || "main") !== "main";

function onTreeKey(panel, event) {
  const items = [...event.currentTarget.querySelectorAll(".node")];
  const at = items.indexOf(event.target);
  if (at < 0) return;
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key in moves) items[Math.min(Math.max(moves[event.key], 0), items.length - 1)].focus();
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const expanded = event.target.getAttribute("aria-expanded");
    if (expanded === (event.key === "ArrowRight" ? "false" : "true")) panel.toggle(event.target.dataset.path);
  } else if (event.key === "Enter" || event.key === " ") event.target.click();
  else return;
  event.preventDefault();
}

// The current facts about the selected node.
export function drawNodeFacts(panel, container) {
  const node = panel.selection.node && findNode(panel.get("tree"), panel.selection.node.path);
  if (!panel.selection.node) return replace(container, contextNotes(panel));
  const exchange = (node || panel.selection.node).scope.exchange;
  replace(
    container,
    el(
      "h4",
      {},
      `${panel.selection.node.kind} ${panel.selection.node.name}`,
      button("show all", () => panel.choose(null), { class: "small" }),
      exchange != null &&
        button(`#${exchange}`, () => panel.pick(panel.selection.rowId(exchange), "Exchanges"), {
          class: "small",
          title: "show this exchange",
        }),
    ),
    node
      ? el(
          "dl",
          {},
          node.facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
        )
      : muted("No longer there."),
  );
}

// Descriptions of the contexts, for users who see the tree for the first time. They are folded after the first exchange.
function contextNotes(panel) {
  const { contexts = [] } = panel.get("start") || {};
  if (!contexts.length) return null;
  const { open = !(panel.get("rows") || {}).total } = panel.notes || {};
  const remember = () => (panel.notes = { open: !details.open });
  const details = el(
    "details",
    { class: "notes", open },
    el("summary", { onclick: remember }, "what these are"),
    contexts.map(([name, own, text]) =>
      el("p", {}, el("b", {}, name), own && el("span", { class: "own" }, ` ${own}`), muted(`: ${text}`)),
    ),
  );
  return details;
}

function findNode(node, path) {
  if (!node || node.path === path) return node;
  for (const child of node.children || []) {
    const match = findNode(child, path);
    if (match) return match;
  }
  return null;
}
