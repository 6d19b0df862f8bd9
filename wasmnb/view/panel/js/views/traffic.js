// The traffic view: reports of replays, comparisons and loads. Here recordings can be replayed and versions compared.

import { drawDocument } from "../components/document.js";
import { bytes } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, empty, select, toolbar } from "../dom/widgets.js";

const PART = 4 << 20; // bytes of a file in one message
const FILE_LIMIT = 64 << 20;

export class TrafficView {
  constructor(panel) {
    this.panel = panel;
    this.tools = toolbar();
    this.body = el("div", {});
    this.file = el("input", { type: "file", hidden: true, "aria-label": "recording", onchange: () => this.replay() });
    this.nodes = [this.tools, this.file, this.body];
    this.on = { reports: () => this.draw() };
    this.draw();
  }

  narrowed() {}

  draw() {
    const { panel } = this;
    const { titles = [], picked = 0, blocks = [], versions = [] } = panel.get("reports") || {};
    const ended = (panel.get("head") || {}).state === "closed";
    replace(
      this.tools,
      titles.length > 0 &&
        select(
          "report",
          titles.map((title, i) => [i, title]),
          picked,
          (report) => panel.send("report", { report: Number(report) }),
        ),
      !ended && [
        button("replay a recording …", () => this.file.click(), {
          title: "HAR, Envoy's tap or access log, curl commands, raw HTTP/1, .jsonl",
        }),
        versions.map((version) =>
          button(`compare with ${version}`, () => panel.send("compare", { version }), {
            title: "send the most recent requests through both versions, and show the differences",
          }),
        ),
      ],
    );
    replace(
      this.body,
      blocks.length
        ? drawDocument(blocks)
        : empty(
            "No reports yet. Replay a recording here or with %wasmreplay, edit the filter to compare its versions, or run " +
              "%wasmload.",
          ),
    );
  }

  async replay() {
    const { panel } = this;
    const file = this.file.files[0];
    if (!file) return;
    if (file.size > FILE_LIMIT)
      return panel.notify(
        `${file.name} has ${bytes(file.size)}, but the panel can send at most ${bytes(FILE_LIMIT)}. Use %wasmreplay in a cell.`,
        true,
      );
    const data = await file.arrayBuffer();
    for (let at = 0; at === 0 || at < data.byteLength; at += PART)
      panel.send("upload", { first: at === 0, last: false }, [data.slice(at, at + PART)]);
    panel.send("replay", { name: file.name });
    this.file.value = "";
  }
}
