// A body in several forms: JSON, text, hex, and the changes made by the filter.

import { bytes, plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, muted } from "../dom/widgets.js";

const OPEN_LIMIT = 600; // maximum size in bytes of a body that is shown unfolded

// `station` is the attribute of the exchange that contains the message. It is needed to save the body.
export function bodyView(panel, noun, body, station) {
  const forms = Object.keys(body.forms);
  const text = el("pre", {});
  const draw = () => {
    const form = forms.includes(panel.viewState.bodyForm) ? panel.viewState.bodyForm : forms[0];
    replace(text, form === "changes" ? body.forms.changes.split("\n").map(changedLine) : body.forms[form] || "");
    for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.form === form));
  };
  const choices = forms.map((form) =>
    button(
      form,
      () => {
        panel.viewState.bodyForm = form;
        draw();
      },
      { "data-form": form, class: "small" },
    ),
  );
  const save =
    station &&
    body.size > 0 &&
    button("save", () => panel.send("body", { exchange: panel.selection.exchange, station }), {
      class: "small",
      title: "Save the whole body to a file",
    });
  draw();
  return el(
    "details",
    { open: body.size > 0 && body.size <= OPEN_LIMIT },
    el(
      "summary",
      {},
      el("b", {}, `${noun} body`),
      muted(` ${body.who}, ${bytes(body.size)}, ${body.kind}${chunksOf(body)}`),
      body.changed && el("span", { class: "warn" }, " changed"),
    ),
    el("div", { class: "forms", role: "group", "aria-label": "form of the body" }, choices, save),
    text,
  );
}

function changedLine(line) {
  const name = { "+": "added", "-": "removed" }[line[0]];
  return el("div", { class: name || "" }, line);
}

function chunksOf({ chunk_count, chunk_sizes }) {
  if (!chunk_count) return "";
  return `, in ${plural(chunk_count, "chunk")}: ${chunk_sizes.join(" + ")}${chunk_count > chunk_sizes.length ? " + …" : ""}`;
}
