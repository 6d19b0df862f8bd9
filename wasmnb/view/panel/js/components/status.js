// The top of the panel, with name, state and counts, and the bottom, with the result of the last action.

import { count } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { muted } from "../dom/widgets.js";

const badge = (kind, text) => el("span", { class: `badge ${kind}` }, text);

export function drawHead(panel, node) {
  const head = panel.get("head") || {};
  const { busy, gone } = panel.kernel;
  replace(
    node,
    el("span", { class: "name" }, head.name || "filter"),
    head.reason ? badge("bad", head.reason) : badge(head.state === "running" ? "good" : "bad", head.state || ""),
    gone && badge("bad", "kernel gone"),
    busy && badge("warn busy", "kernel busy"),
    muted(head.summary || ""),
    failedClusters(head),
    (head.faults || []).map((text) => badge("warn", text)),
    muted(el("span", { class: "push" }), head.clock || ""),
    droppedRecords(head, "trace", "events"),
    droppedRecords(head, "log", "lines"),
  );
}

function failedClusters({ clusters = [] }) {
  const names = clusters.filter(([, alive]) => !alive).map(([name]) => (name === "upstream" ? "the upstream" : name));
  return names.length > 0 && badge("warn", `${names.join(", ")} ${names.length > 1 ? "are" : "is"} down`);
}

function droppedRecords({ dropped = {}, kept = {} }, kind, noun) {
  return (
    dropped[kind] > 0 &&
    muted(`${kind}: the newest ${count(kept[kind])} of ${count(kept[kind] + dropped[kind])} ${noun}`)
  );
}

export function drawFoot(panel, node) {
  const { busy, gone, pending } = panel.kernel;
  const notice = panel.get("notice") || {};
  const { state, reason } = panel.get("head") || {};
  if (gone) showNotice(node, "The kernel is gone, so this is the last state that it sent. Run the cell again.", true);
  else if (busy) {
    const waiting = pending > 1 ? `${count(pending)} actions will run` : "your action will run";
    replace(
      node,
      el(
        "span",
        { class: "busy warn" },
        `The kernel is busy with a cell, and ${waiting} afterwards. Interrupt the kernel to stop the cell.`,
      ),
    );
  } else if (notice.bad) showNotice(node, notice.text, true);
  else if (state === "closed")
    replace(node, muted(reason ? `This is the last state before the proxy was ${reason}.` : "The proxy is closed."));
  else if (notice.text) showNotice(node, notice.text);
  else replace(node);
}

export function showNotice(node, text, bad = false) {
  replace(node, el("span", { class: bad ? "bad" : "" }, bad ? `✗ ${text}` : text));
}
