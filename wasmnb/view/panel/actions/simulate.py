"""Actions that control the simulation: time, ticks, faults, configuration and restart."""

from __future__ import annotations

import math
from dataclasses import replace

from wasmnb.errors import UsageError
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.render.units import plural

from .arguments import PanelAction, Values, integer

__all__ = ["SIMULATION"]


def _advance(renderer: Renderer, values: Values) -> str:
    try:
        seconds = float(values.get("seconds", 0))
    except (TypeError, ValueError):
        raise UsageError(f"seconds must be a number, not {str(values.get('seconds'))[:40]!r}.") from None
    if not (math.isfinite(seconds) and 0 <= seconds <= 1e6):
        raise UsageError(f"Time can't advance by {seconds:g} seconds. Use 0 to 1,000,000.")
    proxy = renderer.state.proxy
    before = proxy.trace.total
    proxy.advance(seconds)
    renderer.refresh(everything=True)
    return f"{seconds:g} virtual seconds later: {plural(proxy.trace.total - before, 'event')}"


def _thread(values: Values) -> int | None:
    """Return the number of the selected thread: 0 for the main thread, N for worker-N, None for any thread."""
    worker = values.get("worker")
    return None if worker in (None, "") else integer(worker, "worker")


def _tick(renderer: Renderer, values: Values) -> str:
    contexts = renderer.state.proxy.tick(_thread(values))
    renderer.refresh(everything=True)
    if not contexts:
        return "nothing ticked: the module has no on_tick, or its VM has failed"
    return f"on_tick ran in {plural(contexts, 'plugin context')}"


def _trap(renderer: Renderer, values: Values) -> str:
    callback = str(values.get("callback") or "")
    vm = renderer.state.proxy.inject_trap(_thread(values), callback=callback)
    renderer.refresh()
    return f"the next {callback or 'callback'} in VM{vm.number} on {vm.thread.name} will trap"


def _fail(renderer: Renderer, values: Values) -> str:
    """Stop a cluster, or restore it if it is stopped."""
    name = str(values.get("cluster") or "upstream")
    cluster = renderer.state.proxy.clusters.get(name)
    if cluster is None:
        raise UsageError(
            f"This proxy has no cluster {name!r}. Its clusters are {', '.join(renderer.state.proxy.clusters)}."
        )
    cluster.alive = not cluster.alive
    renderer.refresh()
    label = "the upstream" if name == "upstream" else f"the cluster {name}"
    return f"{label} responds again" if cluster.alive else f"{label} refuses connections"


def _configure(renderer: Renderer, values: Values) -> str:
    """Replace the configuration of a plugin, like a listener update in Envoy."""
    proxy = renderer.state.proxy
    plugins = list(proxy.plugins)
    index = integer(values.get("plugin", 0), "plugin")
    if not 0 <= index < len(plugins):
        raise UsageError(f"This proxy has no plugin {index}. Use 0 to {len(plugins) - 1}.")
    plugins[index] = replace(plugins[index], config=str(values.get("config", "")))
    changed = proxy.update(plugins)
    renderer.refresh(everything=True)
    return "the new configuration is active" if changed else "the configuration is unchanged"


def _restart(renderer: Renderer, values: Values) -> str:
    """Restart the proxy with other settings. The list of exchanges is kept, and the last request is sent again."""
    restart = renderer.state.restart
    if restart.restart is None:
        raise UsageError(
            "The panel can't restart this proxy, because it was created by your own code. Run that code again."
        )
    workers = integer(values.get("workers") or len(renderer.state.proxy.workers), "workers")
    seed = integer(values.get("seed") or 0, "seed")
    if not 1 <= workers <= 64:
        raise UsageError(f"workers must be between 1 and 64, not {workers}.")
    config = values.get("config")
    restart.seed = seed
    restart.restart({"workers": workers, "seed": seed, **({} if config is None else {"config": str(config)})})
    return f"restarted with {plural(workers, 'worker')}, seed {seed}"


def _reset(renderer: Renderer, values: Values) -> str:
    """Restart the proxy with an empty list of exchanges, log and trace."""
    renderer.state.restart.from_nothing = True
    try:
        _restart(renderer, values)
    finally:
        renderer.state.restart.from_nothing = False
    return "everything was reset"


SIMULATION: dict[str, PanelAction] = {
    "advance": _advance, "tick": _tick, "trap": _trap, "fail": _fail, "configure": _configure, "restart": _restart,
    "reset": _reset,
}  # fmt: skip
