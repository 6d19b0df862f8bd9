// A callback with its arguments, its result and its hostcalls.

import { duration, plural } from "../data/units.js";
import { append, el } from "../dom/nodes.js";
import { muted } from "../dom/widgets.js";

function callLine(c, plugin) {
  return [
    plugin && muted(`${plugin}  `),
    el(
      c.kind === "callback" ? "b" : "span",
      { class: "mono" },
      c.name.replace(/_/g, c.kind === "stream" || c.kind === "vm" ? " " : "_"),
    ),
    el("span", { class: "mono" }, `(${c.args})`),
    c.result && ` → ${c.result}`,
    c.status && c.status !== "OK" && el("span", { class: "warn" }, ` → ${c.status}`),
    c.ns > 0 && muted(`  ${duration(c.ns)}`),
  ];
}

// A callback that can be unfolded. Long lists of hostcalls are drawn when they are unfolded. `plugin` is the name of the
// callback's plugin, if the proxy has more than one.
export function callView(call, plugin) {
  if (!call.inner.length) return el("div", { class: "call" }, callLine(call, plugin));
  const hostcalls = () => [
    call.inner.map((inner) => el("div", { class: "hostcall" }, callLine(inner))),
    call.more > 0 && el("div", { class: "hostcall muted" }, `… ${plural(call.more, "more hostcall")}`),
  ];
  const few = call.inner.length <= 30;
  const node = el(
    "details",
    { open: few },
    el("summary", {}, callLine(call, plugin), !few && muted(`  ${plural(call.inner.length + call.more, "hostcall")}`)),
    few && hostcalls(),
  );
  if (!few) node.addEventListener("toggle", () => append(node, [hostcalls()]), { once: true });
  return node;
}
