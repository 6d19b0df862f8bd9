// Elements that all views use: buttons, selections, check boxes and tables.

import { el } from "./nodes.js";

export const button = (text, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, text);
export const muted = (...children) => el("span", { class: "muted" }, ...children);
export const empty = (text) => el("div", { class: "empty" }, text);
export const toolbar = (...children) => el("div", { class: "filters" }, ...children);

// `heads` are pairs of text and CSS class.
export function table(heads, rows, attributes) {
  return el(
    "table",
    attributes,
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map(([text, name]) => el("th", { class: name, scope: "col" }, text)),
      ),
    ),
    el("tbody", {}, rows),
  );
}

// `options` are pairs of value and text.
export function select(label, options, chosen, onchange, attributes) {
  return el(
    "select",
    { "aria-label": label, onchange: (e) => onchange && onchange(e.target.value), ...attributes },
    options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)),
  );
}

export function checkbox(text, checked, onchange, attributes) {
  return el(
    "label",
    { class: "check" },
    el("input", { type: "checkbox", checked, onchange: (e) => onchange && onchange(e.target.checked), ...attributes }),
    text,
  );
}
