"""Controls: time, ticks, faults, the configuration, and starting anew."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmnb.errors import UsageError
from wasmnb.view.render.units import plural

from .arguments import Action, Values, number

if TYPE_CHECKING:
    from wasmnb.view.panel.panel import Panel

__all__ = ["CONTROLS"]


def _advance(panel: Panel, values: Values) -> str:
    try:
        seconds = float(values.get("seconds", 0))
    except (TypeError, ValueError):
        raise UsageError("seconds are a number") from None
    if not (math.isfinite(seconds) and 0 <= seconds <= 1e6):
        raise UsageError("time goes forward, by at most a million seconds at once")
    before = panel.proxy.trace.total
    panel.proxy.advance(seconds)
    panel.refresh(everything=True)
    return f"{seconds:g} virtual seconds later: {plural(panel.proxy.trace.total - before, 'event')}"


def _thread(values: Values) -> int | None:
    """Number of the thread that a control is for: None for any, 0 for the main thread."""
    given = values.get("worker")
    return None if given in (None, "") else number(given, "worker")


def _tick(panel: Panel, values: Values) -> str:
    ticked = panel.proxy.tick(_thread(values))
    panel.refresh(everything=True)
    if not ticked:
        return "nothing ticked: the module has no on_tick, or its VM has failed"
    return f"on_tick ran in {plural(ticked, 'plugin context')}"


def _trap(panel: Panel, values: Values) -> str:
    callback = str(values.get("callback") or "")
    vm = panel.proxy.inject_trap(_thread(values), callback=callback)
    panel.refresh()
    return f"the next {callback or 'callback'} in VM{vm.number} on {vm.thread.name} will trap"


def _fail(panel: Panel, values: Values) -> str:
    """Take an upstream down, or mend it."""
    name = str(values.get("cluster") or "upstream")
    cluster = panel.proxy.clusters.get(name)
    if cluster is None:
        raise UsageError(f"this proxy has no cluster {name!r}")
    cluster.alive = not cluster.alive
    panel.refresh()
    what = "the upstream" if name == "upstream" else f"the cluster {name}"
    return f"{what} answers again" if cluster.alive else f"{what} refuses connections"


def _configure(panel: Panel, values: Values) -> str:
    """Replace the configuration of one plugin as a listener update does; the others stay as they are."""
    plugins = list(panel.proxy.plugins)
    place = number(values.get("plugin", 0), "plugin")
    if not 0 <= place < len(plugins):
        raise UsageError(f"there is no plugin {place}")
    plugins[place] = replace(plugins[place], config=str(values.get("config", "")))
    changed = panel.proxy.update(plugins)
    panel.refresh(everything=True)
    return "the new configuration serves" if changed else "that is the configuration already"


def _settings(panel: Panel, values: Values) -> Values:
    if panel.remake is None:
        raise UsageError("this panel's proxy was made by your own code: make it anew there")
    workers = number(values.get("workers") or len(panel.proxy.workers), "workers")
    seed = number(values.get("seed") or 0, "seed")
    if not 1 <= workers <= 64:
        raise UsageError("there can be 1 to 64 workers")
    config = values.get("config")
    return {"workers": workers, "seed": seed, **({} if config is None else {"config": str(config)})}


def _restart(panel: Panel, values: Values) -> str:
    """Start anew with other settings; the list goes on, and the last request is sent again."""
    wanted = _settings(panel, values)
    assert panel.remake is not None
    panel.settings = {"seed": wanted["seed"]}
    panel.remake(wanted)
    return f"restarted with {plural(wanted['workers'], 'worker')}, seed {wanted['seed']}"


def _reset(panel: Panel, values: Values) -> str:
    """Start anew from nothing: no exchanges, no log, no figures of before."""
    wanted, remake = _settings(panel, values), panel.remake
    assert remake is not None
    panel.settings = {"seed": wanted["seed"]}
    panel.start_afresh(lambda: remake(wanted))
    return "everything begins again"


CONTROLS: dict[str, Action] = {
    "advance": _advance, "tick": _tick, "trap": _trap, "fail": _fail, "configure": _configure, "restart": _restart,
    "reset": _reset,
}  # fmt: skip
