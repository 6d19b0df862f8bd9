// ── bodies: the same bytes as JSON, text, hex, or as what changed ───────────────────────────────────────────────────

const OPEN = 600; // bytes of a body that is shown without being asked for

function bodyView(ui, noun, body, station) {
  const forms = Object.keys(body.forms);
  const text = el("pre", {});
  const draw = () => {
    const form = forms.includes(ui.form) ? ui.form : forms[0];
    replace(text, form === "changes" ? body.forms.changes.split("\n").map(changedLine) : body.forms[form] || "");
    for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.form === form));
  };
  const choices = forms.map((form) => button(form, () => { ui.form = form; draw(); }, { "data-form": form, class: "small" }));
  const keep = station && body.size > 0 && button("save", () => ui.ask("body", { exchange: ui.exchange, station }), { class: "small", title: "Save the whole body as a file" });
  draw();
  return el("details", { open: body.size > 0 && body.size <= OPEN },
    el("summary", {}, el("b", {}, `${noun} body`), muted(` ${body.who}, ${bytes(body.size)}, ${body.kind}${chunksOf(body)}`),
      body.changed && el("span", { class: "warn" }, " changed")),
    el("div", { class: "forms", role: "group", "aria-label": "form of the body" }, choices, keep), text);
}

function changedLine(line) {
  const name = { "+": "added", "-": "removed" }[line[0]];
  return el("div", { class: name || "" }, line);
}

function chunksOf({ chunks, pieces }) {
  if (!pieces) return "";
  return `, in ${plural(pieces, "chunk")}: ${chunks.join(" + ")}${pieces > chunks.length ? " + …" : ""}`;
}
