// A table of log lines, in which thread, context and exchange are links.

import { el } from "../dom/nodes.js";
import { button, table } from "../dom/widgets.js";

const LEVEL_CLASSES = { warn: "warn", error: "bad", critical: "bad", trace: "muted", debug: "muted" };

// Lines of carets that point at the line above, as in tracebacks.
const CARETS = /^ +[~^]+$/m;

// Line: time, level, thread, context, exchange, text, VM, source, root context.
export function logTable(panel, lines) {
  const row = ([time, level, thread, context, exchange, text, vm]) =>
    el(
      "tr",
      {},
      el("td", { class: "num muted nowrap" }, time.toFixed(6)),
      el("td", { class: `nowrap ${LEVEL_CLASSES[level] || ""}` }, level),
      el(
        "td",
        { class: "nowrap" },
        button(thread, () => panel.chooseThread(thread), { class: "link", title: "only this thread" }),
      ),
      el("td", { class: "nowrap muted" }, vm != null && `VM${vm}`),
      el(
        "td",
        { class: "num nowrap" },
        context != null &&
          button(context, () => panel.chooseContext(thread, vm, context), {
            class: "link",
            title: "only this context",
          }),
      ),
      el(
        "td",
        { class: "num nowrap" },
        exchange != null &&
          button(`#${exchange}`, () => panel.pick(panel.selection.rowId(exchange), "Exchanges"), {
            class: "link",
            title: "show the exchange",
          }),
      ),
      el(
        "td",
        {
          class: exchange != null ? "link" : "",
          onclick: () =>
            exchange != null && !String(getSelection()) && panel.pick(panel.selection.rowId(exchange), "Exchanges"),
        },
        el("pre", { class: CARETS.test(text) ? "carets" : "" }, text),
      ),
    );
  return table(
    [
      ["time", "num nowrap"],
      ["level", "nowrap"],
      ["thread", "nowrap"],
      ["VM", "nowrap"],
      ["context", "num nowrap"],
      ["exchange", "num nowrap"],
      ["message", ""],
    ],
    lines.map(row),
    { class: "log" },
  );
}
