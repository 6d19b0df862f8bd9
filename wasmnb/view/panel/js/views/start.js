// The start view: how Envoy starts the filter in each VM. It is also shown instead of an empty list of exchanges.

import { callView } from "../components/call.js";
import { logTable } from "../components/log_table.js";
import { count, duration } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { empty, muted } from "../dom/widgets.js";

export class StartView {
  constructor(panel) {
    this.panel = panel;
    this.body = el("div", {});
    this.nodes = [this.body];
    this.on = { start: () => this.draw() };
    this.draw();
  }

  narrowed() {
    this.draw();
  }

  draw() {
    replace(this.body, startSteps(this.panel));
  }
}

// Steps of the VMs that belong to the selected node. All workers start in the same way, so only the first one is unfolded.
export function startSteps(panel) {
  const { summary = "", vms = [], more = 0 } = panel.get("start") || {};
  if (!vms.length) return empty(panel.kernel.gone ? "The kernel stopped before this view was opened." : "Reading …");
  const visible = vms.filter((vm) => panel.selection.covers({ thread: vm.thread, vm: vm.vm }));
  if (!visible.length) return empty("The trace has discarded the start of the selected node.");
  const first = visible.find((vm) => vm.role === "worker");
  return el(
    "div",
    { class: "start" },
    el("h4", {}, `start: ${summary}`),
    visible.map((vm) => vmStart(panel, vm, vm.role !== "worker" || vm === first)),
    more > 0 && el("p", { class: "muted" }, `… and ${count(more)} more VMs`),
  );
}

function vmStart(panel, vm, open) {
  const end = { base: "done", canary: "done" }[vm.role] || "ready";
  return el(
    "details",
    { open: open || Boolean(vm.failure), class: "vm-start" },
    el(
      "summary",
      {},
      el("b", {}, vm.title),
      muted(`  ${duration(vm.took)}, ${end} at ${duration(vm.ready)}`),
      vm.failure && el("span", { class: "bad" }, `  ✗ ${vm.failure}`),
    ),
    el("p", { class: "muted" }, vm.reason),
    vm.steps.map(({ call, meaning }) => [
      callView(call, panel.selection.pluginName(call)),
      meaning && el("p", { class: "meaning muted" }, meaning),
    ]),
    vm.log.length > 0 && logTable(panel, vm.log),
    vm.closed && !vm.failure && el("p", { class: "muted" }, "dropped"),
  );
}
