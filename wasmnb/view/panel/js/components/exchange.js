// The details of an exchange: headers and bodies before and after the filter, callouts, log lines and callbacks.

import { PAUSED, WAITED, isOldVersion, rowName } from "../data/rows.js";
import { duration, outcome, plural, statusClass } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { button, empty, muted, table } from "../dom/widgets.js";
import { bodyView } from "./body.js";
import { callView } from "./call.js";
import { editDiff } from "./edit_diff.js";
import { logTable } from "./log_table.js";

const SIGN_CLASSES = { "+": "added", "-": "removed", "~": "changed" };
const STATIONS = { request: ["request", "upstream_request"], response: ["upstream_response", "response"] };

export function exchangeView(panel) {
  const detail = panel.get("detail") || {};
  if (panel.selection.exchange == null) return empty("Select an exchange.");
  if (detail.id !== panel.selection.exchange)
    return empty(panel.kernel.gone ? "Only the row above is known about this exchange." : "…");
  if (detail.gone) return empty("The proxy has discarded this exchange. Only its row is left.");
  const before = panel.get("before") || {};
  const old = before.number === panel.selection.exchange ? before : null;
  return el(
    "div",
    {},
    detailHead(panel, detail),
    old && editDiff(detail, old),
    detail.local && el("p", { class: "warn" }, "The proxy sent a local reply; the upstream got no request."),
    (detail.reasons || []).map((text) => el("p", { class: "warn" }, text)),
    (detail.explanations || []).map((text) => el("p", {}, text)),
    detail.failure && el("pre", { class: "failure" }, detail.failure),
    (detail.notes || []).map((note) => el("p", { class: "warn" }, `! ${note}`)),
    detail.directions.map((d, i) => directionView(panel, d, old && old.directions[i])),
    detail.record && [el("h4", {}, "access log"), el("p", { class: "record" }, detail.record)],
    detail.callouts.length > 0 && [el("h4", {}, "callouts"), detail.callouts.map(calloutLine)],
    detail.log.length > 0 && [el("h4", {}, "log"), logTable(panel, detail.log)],
    el("h4", {}, "callbacks and hostcalls"),
    detail.calls.map((call) => callView(call, panel.selection.pluginName(call))),
    detail.more > 0 && el("p", { class: "muted" }, `… ${plural(detail.more, "more callback")}`),
    detail.cut && el("p", { class: "muted" }, "… and more events, which are in the trace."),
  );
}

function detailHead(panel, detail) {
  const [, method, path, status, worker, whole, filter, state] = detail.row;
  const waited = detail.row[WAITED];
  const description = detail.row[PAUSED] || state;
  const [outcomeClass, outcomeText] = outcome(method, status, state);
  const id = detail.id;
  const past = isOldVersion(panel.model, id);
  return el(
    "div",
    { class: "title" },
    el(
      "h4",
      {},
      `#${rowName(panel.model, id)} `,
      el("span", { class: "what" }, `${method} ${path}`),
      " → ",
      el("span", { class: outcomeClass }, outcomeText || "no response"),
      description !== "done" && description !== outcomeText && el("span", { class: "warn" }, ` ${description}`),
    ),
    muted(
      [
        worker,
        `${duration(whole * 1e3)} ${detail.final ? "in total" : "so far"}`,
        waited > 0 && `${duration(waited * 1e3)} of it before ${worker} was free`,
        `${duration(filter * 1e3)} in the filter`,
        detail.details,
      ]
        .filter(Boolean)
        .join(" · "),
    ),
    el(
      "span",
      { class: "actions" },
      !past && [
        button("send again", () => panel.send("again", { exchange: id }), {
          class: "small",
          title: `Send the same ${method === "TCP" ? "bytes" : "request"} again`,
        }),
        button("edit", () => panel.send("edit", { exchange: id }), {
          class: "small",
          title: `Load the ${method === "TCP" ? "bytes" : "request"} into the form above`,
        }),
      ],
      !past &&
        button("save as test", () => panel.send("test", { exchange: id }), {
          class: "small",
          title: "Save a pytest test that sends the same and expects the same results",
        }),
      !past && button("on the timeline", () => panel.showOnTimeline(id), { class: "small" }),
    ),
  );
}

function directionView(panel, direction, previous) {
  const old = new Map((previous ? previous.rows : []).map((row) => [row[1], row[3]]));
  const side = (value) => (value === null ? muted("—") : value === "" ? '""' : value);
  const then = (name, after) => (!old.has(name) ? "new" : old.get(name) !== after ? `was ${old.get(name) ?? "—"}` : "");
  const row = ([sign, name, before, after]) =>
    el(
      "tr",
      { class: SIGN_CLASSES[sign] || "" },
      el("td", { class: SIGN_CLASSES[sign] ? "sign" : "sign muted by", title: SIGN_CLASSES[sign] || "" }, sign.trim()),
      el("td", { class: "mono" }, name),
      el("td", {}, side(before)),
      el("td", {}, side(after)),
      previous && el("td", { class: "edited" }, then(name, after)),
    );
  const heads = ["", direction.noun, ...direction.heads, ...(previous ? ["before the edit"] : [])];
  return [
    direction.rows.length > 0 &&
      table(
        heads.map((h) => [h, ""]),
        direction.rows.map(row),
        { class: "stations" },
      ),
    direction.more > 0 && el("p", { class: "muted" }, `… ${plural(direction.more, "more header")}`),
    direction.bodies.map((body) =>
      bodyView(panel, direction.noun, body, (STATIONS[direction.noun] || [])[direction.heads.indexOf(body.who)]),
    ),
  ];
}

function calloutLine(c) {
  const took = c.finished == null ? "pending" : duration((c.finished - c.started) * 1e9);
  return el(
    "p",
    {},
    el("span", { class: "mono" }, c.target),
    " → ",
    el("span", { class: c.state === "answered" ? statusClass(c.status) : "warn" }, c.status || c.state),
    muted(`  ${c.state}, ${took}${c.response ? `, ${c.response}` : ""}`),
  );
}
