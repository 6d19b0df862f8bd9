// The controls of the simulation: time, ticks, faults, configuration and restart.

import { plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, select } from "../dom/widgets.js";

export function drawSimulation(panel, node, head) {
  const number = (name, value, attributes) =>
    el("input", { name, type: "number", value, "aria-label": name, ...attributes });
  const kept = (name, initial) => (node.querySelector(`[name=${name}]`) || { value: initial }).value;
  const workers = head.workers || 0;
  const plugins = head.plugins || [];
  const clusters = head.clusters || [];
  const threads = [
    ["", "every thread"],
    [0, "main"],
    ...Array.from({ length: workers }, (_, i) => [i + 1, `worker-${i + 1}`]),
  ];
  const seconds = number("seconds", kept("seconds", 1), { min: 0, step: "any" });
  const ticking = select("thread that ticks", threads, kept("ticks", ""), null, { name: "ticks" });
  const victim = select("thread that traps", [["", "any worker"], ...threads.slice(1)], kept("victim", ""), null, {
    name: "victim",
  });
  const callback = select(
    "callback that traps",
    [["", "next callback"], ...(head.callbacks || []).map((c) => [c, c])],
    kept("callback", ""),
    null,
    { name: "callback" },
  );
  const group = (title, ...children) =>
    el("fieldset", {}, el("legend", {}, title), el("div", { class: "line" }, ...children));
  const labelled = (text, control) => el("label", { class: "inline" }, text, control);
  replace(
    node,
    group(
      "time",
      labelled("seconds", seconds),
      button("advance", () => panel.send("advance", { seconds: Number(seconds.value) }), {
        title: "advance the virtual clock by this number of seconds",
      }),
      labelled("on", ticking),
      button("tick now", () => panel.send("tick", { worker: ticking.value }), {
        title: "run on_tick now, regardless of the tick period",
      }),
    ),
    group(
      "faults",
      labelled("in", victim),
      labelled("at the", callback),
      button("inject a trap", () => panel.send("trap", { worker: victim.value, callback: callback.value }), {
        title: "the next callback of this kind traps",
      }),
      clusters.map(([name, alive]) =>
        button(
          `${alive ? "fail" : "restore"} ${name === "upstream" ? "the upstream" : name}`,
          () => panel.send("fail", { cluster: name }),
          { "aria-pressed": String(!alive) },
        ),
      ),
    ),
    plugins.map(([name, config], i) =>
      configuration(panel, plugins.length > 1 ? `configuration of ${name}` : "configuration", config, i),
    ),
    restart(panel, head, number, group),
  );
}

function configuration(panel, title, config, plugin) {
  const text = el("textarea", {
    name: `config-${plugin}`,
    rows: Math.min(Math.max(config.split("\n").length, 1), 6),
    "aria-label": title,
    spellcheck: "false",
  });
  text.value = config;
  return el(
    "fieldset",
    { class: "wide" },
    el("legend", {}, title),
    el(
      "div",
      { class: "line top" },
      text,
      button("replace while running", () => panel.send("configure", { config: text.value, plugin }), {
        title: "replace the configuration like a listener update in Envoy",
      }),
    ),
  );
}

function restart(panel, head, number, group) {
  if (!head.restart) {
    return el(
      "fieldset",
      { class: "wide" },
      el("legend", {}, "restart"),
      el(
        "p",
        { class: "why" },
        el("b", {}, "Not available here. "),
        `This proxy was created by your own code with ${plural(head.workers || 0, "worker")}. For other settings, change and run that code. `,
        "Proxies of %%wasmfilter cells can be restarted and reset here.",
      ),
    );
  }
  const workers = number("workers", head.workers || 4, { min: 1, max: 64 });
  const seed = number("seed", head.seed || 0, {});
  const settings = () => ({
    workers: Number(workers.value),
    seed: Number(seed.value),
    config: (panel.form.simulation.querySelector("[name=config-0]") || {}).value,
  });
  return group(
    "restart",
    el("label", { class: "inline" }, "workers", workers),
    el("label", { class: "inline" }, "seed", seed),
    button("restart with these", () => panel.send("restart", settings()), {
      title: "keep the list and send the last request again",
    }),
    button("reset", () => panel.send("reset", settings()), { title: "restart with an empty list, log and trace" }),
  );
}
