// One line with the differences between the results of a request before and after the filter was edited. The status and the
// first header changes are shown with both values. The column "before the edit" shows the earlier values.

import { STATUS } from "../data/rows.js";
import { plural, statusClass } from "../data/units.js";
import { el } from "../dom/nodes.js";

const SHOWN = 2; // maximum number of header changes that are shown with their values
const UNSTABLE = new Set([":status", "x-request-id", "date", "content-length"]);

export function editDiff(detail, old) {
  const [before, after] = [old.row[STATUS], detail.row[STATUS]];
  const parts = [];
  if (before !== after)
    parts.push([
      "status ",
      el("span", { class: statusClass(before) }, before || "—"),
      " → ",
      el("span", { class: statusClass(after) }, after || "—"),
    ]);
  if (Boolean(detail.failure) !== Boolean(old.failure))
    parts.push(detail.failure ? "the filter fails now" : "the filter no longer fails");
  detail.directions.forEach((direction) => {
    const previous = old.directions.find((d) => d.noun === direction.noun);
    // A local reply and a response of the upstream aren't compared.
    if (previous && (before === after || direction.noun === "request"))
      parts.push(...directionChanges(direction, previous));
  });
  return el(
    "p",
    { class: "edited" },
    el("b", {}, "since the edit: "),
    parts.length ? parts.map((part, i) => [i > 0 && " · ", part]) : "nothing changed",
  );
}

function directionChanges(direction, previous) {
  const then = new Map(previous.rows.map((row) => [row[1], row[3]]));
  const now = new Map(direction.rows.map((row) => [row[1], row[3]]));
  const changed = [...new Set([...then.keys(), ...now.keys()])].filter(
    (name) => (then.get(name) ?? null) !== (now.get(name) ?? null) && !UNSTABLE.has(name),
  );
  const parts = changed
    .slice(0, SHOWN)
    .map((name) => `${direction.noun} ${name}: ${brief(then.get(name))} → ${brief(now.get(name))}`);
  if (changed.length > SHOWN) parts.push(`${plural(changed.length - SHOWN, `more ${direction.noun} header`)}`);
  const lastBody = (d) => JSON.stringify((d.bodies || []).map((b) => b.forms.text ?? b.forms.hex).slice(-1));
  if (lastBody(direction) !== lastBody(previous)) parts.push(`${direction.noun} body`);
  return parts;
}

const brief = (value) =>
  value == null ? "—" : value === "" ? '""' : value.length > 40 ? `${value.slice(0, 40)}…` : value;
