// Differences in the result of the same request before and after the filter was edited.

import { STATUS } from "../data/rows.js";
import { el } from "../dom/nodes.js";

export function editDiff(detail, old) {
  const changes = [];
  if (old.row[STATUS] !== detail.row[STATUS])
    changes.push(`status ${old.row[STATUS] || "—"} → ${detail.row[STATUS] || "—"}`);
  detail.directions.forEach((direction, i) => {
    const then = new Map(((old.directions[i] || {}).rows || []).map((row) => [row[1], row[3]]));
    const now = new Map(direction.rows.map((row) => [row[1], row[3]]));
    for (const name of new Set([...then.keys(), ...now.keys()])) {
      if ((then.get(name) ?? null) !== (now.get(name) ?? null) && name !== "x-request-id" && name !== "date")
        changes.push(`${direction.noun} ${name}: ${brief(then.get(name))} → ${brief(now.get(name))}`);
    }
    const lastBody = (d) => JSON.stringify(((d || {}).bodies || []).map((b) => b.forms.text ?? b.forms.hex).slice(-1));
    if (lastBody(direction) !== lastBody(old.directions[i])) changes.push(`${direction.noun} body`);
  });
  if (Boolean(detail.failure) !== Boolean(old.failure))
    changes.push(detail.failure ? "it fails now" : "it doesn't fail any more");
  return el(
    "p",
    { class: "edited" },
    el("b", {}, "since the edit: "),
    changes.length ? changes.join(", ") : "nothing changed",
  );
}

const brief = (value) =>
  value == null ? "—" : value === "" ? '""' : value.length > 60 ? `${value.slice(0, 60)}…` : value;
