// The user's selection: a node of the context tree, which narrows all views, and an exchange of the list.

import { ID, WORKER, rowId } from "./data/rows.js";

const EVERYTHING = { thread: null, vm: null, root: null, context: null, exchange: null };

export class Selection {
  constructor(model) {
    this.model = model;
    this.node = null;
    this.exchange = model.get("picked"); // row id
  }

  scope() {
    return { ...EVERYTHING, ...(this.node ? this.node.scope : {}) };
  }

  // Whether the selected node covers something on a thread, in a VM, in a context, of an exchange.
  covers(item) {
    const scope = this.scope();
    return Object.keys(EVERYTHING).every(
      (key) => scope[key] == null || item[key] === undefined || item[key] === scope[key],
    );
  }

  coversRow(row) {
    const scope = this.scope();
    return (
      (!scope.thread || row[WORKER] === scope.thread) &&
      (scope.exchange == null || row[ID] === this.rowId(scope.exchange))
    );
  }

  // Row id of an exchange of the current version.
  rowId(number) {
    return rowId(this.model, number);
  }

  // Name of the plugin that an event belongs to; "" if there is only one plugin, or if its VM is gone.
  pluginName({ vm, root }) {
    if (((this.model.get("head") || {}).plugins || []).length < 2) return "";
    const matches = (node) => node.kind === "plugin" && node.scope.vm === vm && node.scope.root === root;
    const find = (node) => (matches(node) ? node : (node.children || []).map(find).find(Boolean));
    return (find(this.model.get("tree") || {}) || {}).name || "";
  }

  // The selected node in a few words, for the hint above the views.
  label() {
    const { kind, name, scope } = this.node;
    return scope.exchange != null
      ? `#${scope.exchange}`
      : `${scope.thread || ""} ${kind === "thread" ? "" : name}`.trim();
  }
}
