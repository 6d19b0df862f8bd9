// ── controls: time, ticks, faults, the configuration, starting anew ─────────────────────────────────────────────────

function drawControls(ui, node, head) {
  const number = (name, value, attributes) => el("input", { name, type: "number", value, "aria-label": name, ...attributes });
  const had = (name, otherwise) => (node.querySelector(`[name=${name}]`) || { value: otherwise }).value;
  const workers = head.workers || 0, plugins = head.plugins || [], clusters = head.clusters || [];
  const threads = [["", "every thread"], [0, "main"], ...Array.from({ length: workers }, (_, i) => [i + 1, `worker-${i + 1}`])];
  const seconds = number("seconds", had("seconds", 1), { min: 0, step: "any" });
  const who = select("thread that ticks", threads, had("ticks", ""), null, { name: "ticks" });
  const victim = select("thread that traps", [["", "some worker"], ...threads.slice(1)], had("victim", ""), null, { name: "victim" });
  const callback = select("callback that traps", [["", "next callback"], ...(head.callbacks || []).map((c) => [c, c])], had("callback", ""), null, { name: "callback" });
  const group = (title, ...children) => el("fieldset", {}, el("legend", {}, title), el("div", { class: "line" }, ...children));
  const labelled = (text, control) => el("label", { class: "inline" }, text, control);
  replace(node,
    group("time", labelled("seconds", seconds), button("advance", () => ui.ask("advance", { seconds: Number(seconds.value) }), { title: "let so many virtual seconds go by" }),
      labelled("on", who), button("tick now", () => ui.ask("tick", { worker: who.value }), { title: "run on_tick now, whatever the tick period" })),
    group("faults", labelled("in", victim), labelled("at the", callback), button("inject a trap", () => ui.ask("trap", { worker: victim.value, callback: callback.value }), { title: "the next such callback traps" }),
      clusters.map(([name, alive]) => button(`${alive ? "fail" : "mend"} ${name === "upstream" ? "the upstream" : name}`, () => ui.ask("fail", { cluster: name }), { "aria-pressed": String(!alive) }))),
    plugins.map(([name, config], i) => configuration(ui, plugins.length > 1 ? `configuration of ${name}` : "configuration", config, i)),
    anew(ui, head, number, had, group));
}

function configuration(ui, title, config, place) {
  const text = el("textarea", { name: `config-${place}`, rows: Math.min(Math.max(config.split("\n").length, 1), 6), "aria-label": title, spellcheck: "false" });
  text.value = config;
  return el("fieldset", { class: "wide" }, el("legend", {}, title),
    el("div", { class: "line top" }, text, button("replace while running", () => ui.ask("configure", { config: text.value, plugin: place }), { title: "as a listener update does" })));
}

function anew(ui, head, number, had, group) {
  if (!head.remake) {
    return el("fieldset", { class: "wide" }, el("legend", {}, "start anew"), el("p", { class: "why" }, el("b", {}, "Not from here. "),
      `This proxy was made by your own code, with ${plural(head.workers || 0, "worker")}, and only that code can make it again, with other workers, another seed, or from nothing. `,
      "What a %%wasmfilter cell has made can be restarted and reset here."));
  }
  const workers = number("workers", head.workers || 4, { min: 1, max: 64 }), seed = number("seed", head.seed || 0, {});
  const settings = () => ({ workers: Number(workers.value), seed: Number(seed.value), config: (ui.request.settings.querySelector("[name=config-0]") || {}).value });
  return group("start anew", el("label", { class: "inline" }, "workers", workers), el("label", { class: "inline" }, "seed", seed),
    button("restart with these", () => ui.ask("restart", settings()), { title: "the list goes on, the last request is sent again" }),
    button("reset", () => ui.ask("reset", settings()), { title: "begin again from nothing" }));
}
