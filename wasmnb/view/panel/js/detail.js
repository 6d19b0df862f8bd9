// ── one exchange at its four stations ───────────────────────────────────────────────────────────────────────────────

const CHANGES = { "+": "added", "-": "removed", "~": "changed" };
const STATIONS = { request: ["request", "upstream_request"], response: ["upstream_response", "response"] };

function detailView(ui) {
  const detail = ui.get("detail") || {};
  if (ui.exchange == null) return el("div", { class: "empty" }, "Choose an exchange.");
  if (detail.id !== ui.exchange) return el("div", { class: "empty" }, ui.gone ? "Of this exchange only the line above is known." : "…");
  if (detail.gone) return el("div", { class: "empty" }, "Of this exchange only the line above is still known.");
  const before = ui.get("before") || {};
  const old = before.number === ui.exchange ? before : null;
  return el("div", {}, detailHead(ui, detail), old && comparison(detail, old),
    detail.local && el("p", { class: "warn" }, "Answered in the proxy; the upstream saw nothing."),
    (detail.explained || []).map((text) => el("p", {}, text)),
    detail.failure && el("pre", { class: "failure" }, detail.failure),
    (detail.notes || []).map((note) => el("p", { class: "warn" }, `! ${note}`)),
    detail.directions.map((d, i) => directionView(ui, d, old && old.directions[i])),
    detail.callouts.length > 0 && [el("h4", {}, "callouts"), detail.callouts.map(calloutLine)],
    detail.log.length > 0 && [el("h4", {}, "log"), logTable(ui, detail.log)],
    el("h4", {}, "callbacks and hostcalls"), detail.calls.map((call) => callView(call, ui.plugin(call))),
    detail.more > 0 && el("p", { class: "muted" }, `… ${plural(detail.more, "more callback")}`),
    detail.cut && el("p", { class: "muted" }, "… and more events; the trace has them."));
}

function detailHead(ui, detail) {
  const [, method, path, status, worker, whole, filter, state] = detail.row, id = detail.id;
  const past = Math.floor(id / VERSION) !== ((ui.get("rows") || {}).version || 0);
  return el("div", { class: "title" },
    el("h4", {}, `#${rowName(ui.model, id)} `, el("span", { class: "what" }, `${method} ${path}`), " → ", el("span", { class: tone(status) }, status || "no answer"),
      state !== "done" && el("span", { class: "warn" }, ` ${state}`)),
    muted(`${worker} · ${duration(whole * 1e3)} in all · ${duration(filter * 1e3)} in the filter${detail.details ? ` · ${detail.details}` : ""}`),
    el("span", { class: "actions" }, !past && method !== "TCP" && [button("send again", () => ui.ask("again", { exchange: id }), { class: "small", title: "Send the same request again" }),
      button("edit", () => ui.ask("edit", { exchange: id }), { class: "small", title: "Put the request into the form above" })],
    !past && button("on the timeline", () => ui.around(id), { class: "small" })));
}

// What the edited filter does otherwise with the same request.
function comparison(detail, old) {
  const found = [];
  if (old.row[STATUS] !== detail.row[STATUS]) found.push(`status ${old.row[STATUS] || "—"} → ${detail.row[STATUS] || "—"}`);
  detail.directions.forEach((direction, i) => {
    const then = new Map(((old.directions[i] || {}).rows || []).map((row) => [row[1], row[3]]));
    const now = new Map(direction.rows.map((row) => [row[1], row[3]]));
    for (const name of new Set([...then.keys(), ...now.keys()])) {
      if ((then.get(name) ?? null) !== (now.get(name) ?? null) && name !== "x-request-id" && name !== "date") found.push(`${direction.noun} ${name}: ${brief(then.get(name))} → ${brief(now.get(name))}`);
    }
    const last = (d) => JSON.stringify(((d || {}).bodies || []).map((b) => b.forms.text ?? b.forms.hex).slice(-1));
    if (last(direction) !== last(old.directions[i])) found.push(`${direction.noun} body`);
  });
  if (Boolean(detail.failure) !== Boolean(old.failure)) found.push(detail.failure ? "it fails now" : "it fails no longer");
  return el("p", { class: "edited" }, el("b", {}, "since the edit: "), found.length ? found.join(", ") : "nothing changed");
}

const brief = (value) => (value == null ? "—" : value === "" ? '""' : value.length > 60 ? `${value.slice(0, 60)}…` : value);

function directionView(ui, direction, previous) {
  const old = new Map((previous ? previous.rows : []).map((row) => [row[1], row[3]]));
  const side = (value) => (value === null ? muted("—") : value === "" ? '""' : value);
  const then = (name, after) => (!old.has(name) ? "new" : old.get(name) !== after ? `was ${old.get(name) ?? "—"}` : "");
  const row = ([sign, name, before, after]) => el("tr", { class: CHANGES[sign] || "" },
    el("td", { class: CHANGES[sign] ? "sign" : "sign muted by", title: CHANGES[sign] || "" }, sign.trim()), el("td", { class: "mono" }, name),
    el("td", {}, side(before)), el("td", {}, side(after)), previous && el("td", { class: "edited" }, then(name, after)));
  const heads = ["", direction.noun, ...direction.heads, ...(previous ? ["before the edit"] : [])];
  return [
    direction.rows.length > 0 && fill(table(heads.map((h) => [h, ""]), direction.rows.map(row), { class: "stations" }), {}, []),
    direction.more > 0 && el("p", { class: "muted" }, `… ${plural(direction.more, "more header")} cut here`),
    direction.bodies.map((body) => bodyView(ui, direction.noun, body, (STATIONS[direction.noun] || [])[direction.heads.indexOf(body.who)])),
  ];
}

function calloutLine(c) {
  const took = c.finished == null ? "pending" : duration((c.finished - c.started) * 1e9);
  return el("p", {}, el("span", { class: "mono" }, c.what), " → ", el("span", { class: c.state === "answered" ? tone(c.status) : "warn" }, c.status || c.state),
    muted(`  ${c.state}, ${took}${c.answer ? `, ${c.answer}` : ""}`));
}

function callLine(c, plugin) {
  return [plugin && muted(`${plugin}  `), el(c.kind === "callback" ? "b" : "span", { class: "mono" }, c.name.replace(/_/g, c.kind === "stream" || c.kind === "vm" ? " " : "_")),
    el("span", { class: "mono" }, `(${c.args})`), c.result && ` → ${c.result}`,
    c.status && c.status !== "OK" && el("span", { class: "warn" }, ` → ${c.status}`), c.ns > 0 && muted(`  ${duration(c.ns)}`)];
}

// Long lists of hostcalls are made when they are opened.
// `plugin` is whose call it is, where there are several.
function callView(call, plugin) {
  if (!call.inner.length) return el("div", { class: "call" }, callLine(call, plugin));
  const inside = () => [call.inner.map((inner) => el("div", { class: "hostcall" }, callLine(inner))),
    call.more > 0 && el("div", { class: "hostcall muted" }, `… ${plural(call.more, "more hostcall")}`)];
  const few = call.inner.length <= 30;
  const node = el("details", { open: few }, el("summary", {}, callLine(call, plugin), !few && muted(`  ${plural(call.inner.length + call.more, "hostcall")}`)), few && inside());
  if (!few) node.addEventListener("toggle", () => append(node, inside()), { once: true });
  return node;
}
