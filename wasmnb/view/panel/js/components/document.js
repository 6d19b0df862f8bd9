// Documents with the same blocks as static outputs, drawn with the panel's styles.

import { count } from "../data/units.js";
import { el } from "../dom/nodes.js";

const ROW_CLASSES = { added: "added", removed: "removed", changed: "changed" };
const SPAN_CLASSES = { code: "mono", changed: "differs", added: "good", removed: "bad", badge: "mono" };

const span = ([text, role]) =>
  role === "lines" || role === "unwrapped"
    ? el("pre", { class: role === "unwrapped" ? "carets" : "" }, text)
    : role === "strong"
      ? el("b", {}, text)
      : role
        ? el("span", { class: SPAN_CLASSES[role] || role }, text)
        : text;
const line = (spans) => spans.map(span);

const DRAWINGS = {
  title: (block) => el("h4", { class: "headline" }, line(block.line)),
  paragraph: (block) => el("p", {}, line(block.line)),
  code: (block) => el("pre", { class: block.wrap ? "" : "carets" }, block.text),
  picture: (block) =>
    el("img", { src: `data:image/png;base64,${block.data}`, alt: block.alt, style: `max-width:${block.width}px` }),
  outline: (block) => outline(block.items),
  fold: (block) =>
    el("details", { open: block.open }, el("summary", {}, line(block.line)), block.blocks.map(drawBlock)),
  table: drawTable,
};

export const drawDocument = (blocks) => el("div", { class: "document" }, blocks.map(drawBlock));

function drawBlock(block) {
  const draw = DRAWINGS[block.kind];
  return draw ? draw(block) : null;
}

function drawTable({ columns, rows, more }) {
  const cellClass = ([, align, wrap]) => [align === "right" ? "num" : "", wrap ? "" : "nowrap"].join(" ").trim();
  return el(
    "div",
    { class: "report-table" },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          columns.map((c) => el("th", { class: cellClass(c), scope: "col" }, c[0])),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((row) =>
          el(
            "tr",
            { class: ROW_CLASSES[row.role] || "" },
            row.cells.map((cell, i) => el("td", { class: cellClass(columns[i]) }, line(cell))),
          ),
        ),
      ),
    ),
    more > 0 && el("p", { class: "muted" }, `… and ${count(more)} more rows`),
  );
}

function outline(items) {
  return el(
    "ul",
    { class: "outline" },
    items.map((item) =>
      el(
        "li",
        {},
        item.children.length
          ? el("details", { open: !item.folded }, el("summary", {}, line(item.line)), outline(item.children))
          : line(item.line),
      ),
    ),
  );
}
