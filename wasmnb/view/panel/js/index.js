// Entry point of the widget: the two functions that anywidget calls.

import { mergeRows } from "./data/rows.js";
import { Panel } from "./panel.js";

function initialize({ model }) {
  const merge = (message) => message && message.kind === "rows" && mergeRows(model, message);
  model.on("msg:custom", merge);
  return () => model.off("msg:custom", merge);
}

function render({ model, el: root }) {
  const panel = new Panel(model, root);
  panel.send("look", { view: panel.tab, fresh: true });
  return () => panel.close();
}

export default { initialize, render };
