// The user's selection: a node of the context tree, to which all views are limited, and an exchange of the list.

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

  // Whether an item with a thread, VM, context or exchange belongs to the selected node.
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

  // Name of the plugin of an event. Returns "" if there is only one plugin, or if the VM no longer exists.
  pluginName({ vm, root }) {
    if (((this.model.get("head") || {}).plugins || []).length < 2) return "";
    const matches = (node) => node.kind === "plugin" && node.scope.vm === vm && node.scope.root === root;
    const find = (node) => (matches(node) ? node : (node.children || []).map(find).find(Boolean));
    return (find(this.model.get("tree") || {}) || {}).name || "";
  }

  // Short name of the selected node, for the hint above the views.
  label() {
    const { kind, name, scope } = this.node;
    return scope.exchange != null
      ? `#${scope.exchange}`
      : `${scope.thread || ""} ${kind === "thread" ? "" : name}`.trim();
  }
}
